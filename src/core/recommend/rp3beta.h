/*
 * rp3beta.h - random walks of three steps from a customer to an item, the popular ones held back
 *
 * Paudel, Christoffel, Newell & Bernstein 2017, "Updatable, Accurate, Diverse, and Scalable Recommendations for Interactive
 * Applications", in the form of the RecSys 2019 evaluation by Ferrari Dacrema, Cremonesi & Jannach ("Are We Really Making
 * Much Progress?", RP3betaRecommender): with x the values, n_i the number of customers of i,
 *
 *   P_uj = x_uj / sum_j x_uj,   P_iu = 1 / n_i,   W_ij = sum over u of P_iu^alpha P_uj^alpha / n_j^beta
 *
 * W_ij is what having bought i says for buying j.
 */
#ifndef CORE_RP3BETA_H
#define CORE_RP3BETA_H

#include "neighbour_lists.h"

/* Which entries of W are kept. */
typedef enum Rp3Keep
{
	RP3_PER_SOURCE, /* the largest of each row i */
	RP3_PER_TARGET /* the largest of each column j */
} Rp3Keep;

typedef struct Rp3Params
{
	double alpha; /* >= 0 */
	double beta;
	Rp3Keep keep;
} Rp3Params;

typedef struct Rp3Problem
{
	Rp3Params params;
	Csr by_user; /* users x items, values above zero */
	Csr by_item; /* its transpose */
} Rp3Problem;

/* Bytes of memory shared by the team, aligned to 8 and cleared to zero by the caller; bytes each member takes from its Env. */
extern size_t rp3beta_shared_bytes(int32_t users, int32_t items, int64_t entries);
extern size_t rp3beta_member_bytes(const Rp3Problem *problem, int32_t width);

/*
 * Every member of the team calls this with the same problem, lists and shared memory.  lists, of as many rows as there are
 * items: per source i its targets j, or per target j its sources i, as params.keep says; the value is W_ij.
 */
extern CoreStatus rp3beta_train(Env *env, const Rp3Problem *problem, NeighbourLists *lists, void *shared);

#endif
