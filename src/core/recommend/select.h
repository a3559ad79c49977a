/*
 * select.h - a list of k items out of their scores, by the rules of a shop
 *
 * Which items may stand in it (candidates, excluded ids), what they count for (boosts), how many of one category, how unlike
 * one another.  All rules hold before anything is ranked: the list has exactly k items whenever k items satisfy them.
 *
 * Items without an opinion of the model (a score of minus infinity) come after all others, by popularity.
 */
#ifndef CORE_SELECT_H
#define CORE_SELECT_H

#include "rank.h"

typedef struct SelectRules
{
	int32_t k;
	RankFilter filter;

	/* Of each candidate; both NULL unless there are candidates. */
	const int32_t *category; /* [n_candidates] 0 .. n_candidates - 1; -1: none, never limited */
	const float *boost; /* [n_candidates] > 0: a score above zero times it, one below divided by it */

	int32_t max_per_category; /* 0: any number */

	/*
	 * Maximal marginal relevance (Carbonell & Goldstein 1998): 0: by score alone; otherwise each next item is the one with the
	 * largest (1 - diversity) relevance - diversity (largest similarity to an item chosen before, at least 0), relevance being
	 * the boosted score scaled to 0 .. 1 over the pool, the SELECT_POOL x k (at least SELECT_POOL_LEAST) best items.
	 */
	double diversity;

	/* similarity [n]: how like `item` each of others [n] is, from -1 to 1; what is no number above 0 counts as 0 (a model that
	 * does not know says -infinity).  Wanted where diversity is above 0. */
	CoreStatus (*similar)(void *arg, int32_t item, const int32_t *others, int32_t n, float *similarity);
	void *similar_arg;
} SelectRules;

#define SELECT_POOL 10
#define SELECT_POOL_LEAST 100

typedef struct Selected
{
	int32_t item;
	float score; /* as the model gave it; of a filled item its popularity */
	float boosted; /* what it was ranked by */
	bool filled; /* by popularity: the model has no opinion */
} Selected;

/*
 * scores [items] and popularity [items], out [k]; *n receives the length.  A score that is no number is no opinion.
 * O(items + k log k), with categories or diversity O(items log items) at worst and k calls of `similar`; memory from env: 8
 * bytes an item that the filter names (all of them without candidates), and 52 for each of the best that are looked at: k, with
 * categories 2 k, with diversity the pool, and more, up to all, where limits leave the list short.
 */
extern CoreStatus select_list(Env *env, const float *scores, const float *popularity, int32_t items,
							  const SelectRules *rules, Selected *out, int32_t *n);

#endif
