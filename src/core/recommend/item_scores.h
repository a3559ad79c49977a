/*
 * item_scores.h - scores from lists of what speaks for what
 *
 * A list matrix S has a row per cause and a column per item: causes are the items of a customer's history (ease.c, rp3beta.c
 * and neighbours.c about items, their lists transposed so that a row tells what an item speaks for), or the neighbours of a
 * customer, S then being the matrix of who bought what and their similarity the weight.  The score of an item is the sum
 * over the causes of weight times S: O(entries of the causes' rows), a few thousand as a rule.
 */
#ifndef CORE_ITEM_SCORES_H
#define CORE_ITEM_SCORES_H

#include "../sparse.h"
#include "../topk.h"

typedef struct ScoreCauses
{
	const int32_t *rows; /* [n] */
	const float *weights; /* [n]; NULL: all 1 */
	int32_t n;
} ScoreCauses;

/* scores [matrix->cols] = the sums, 0 where no cause speaks.  Sums run in the order of the causes. */
extern CoreStatus item_scores(Env *env, const Csr *matrix, const ScoreCauses *causes, float *scores);

/* parts [n]: what each cause adds to the score of `item`; their sum in order is the score.  O(n log(row)). */
extern void item_scores_parts(const Csr *matrix, const ScoreCauses *causes, int32_t item, float *parts);

/*
 * Ratings by the classical user-based formula (Resnick et al. 1994): over the neighbours v that rated i,
 *
 *   r_ui = mean_u + sum of s(u,v) (r_vi - mean_v) / sum of |s(u,v)|
 *
 * ratings: users x items; means [users] their mean ratings; neighbours: rows of it, weights their similarities.  predicted
 * [items]: mean_u where no neighbour has rated; support [items]: the sum of |s| behind each prediction, 0 there.
 */
extern CoreStatus item_scores_rated(Env *env, const Csr *ratings, const double *means,
									const ScoreCauses *neighbours, double mean_u, float *predicted,
									float *support);

#endif
