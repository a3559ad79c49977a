/*
 * hybrid.c - scores of several recommenders on one scale, and the weights with which they make the best lists
 *
 * NDCG is a step function of the weights: it has no gradient, but few members and few trials suffice.  Steps are taken on the
 * simplex: one weight grows or shrinks, then all are brought back to a sum of one.  A step is kept only when it is
 * better, so of equally good weights the more even ones stay.
 */
#include "hybrid.h"

#include <math.h>
#include <string.h>

#include "rank.h"

HybridScale
hybrid_scale(const float *scores, int32_t n, int32_t items)
{
	HybridScale scale = {0};
	double sum = 0;
	double square = 0;
	int32_t opinions = 0;

	for (int32_t i = 0; i < n; i++)
		if (scores[i] != -INFINITY)
		{
			sum += scores[i];
			opinions++;
		}
	scale.mean = items > 0 ? sum / items : 0;
	for (int32_t i = 0; i < n; i++)
		if (scores[i] != -INFINITY)
			square += (scores[i] - scale.mean) * (scores[i] - scale.mean);
	square += (double) (items - opinions) * scale.mean * scale.mean;
	if (square > 0 && isfinite(square))
		scale.inverse = sqrt(items / square);
	return scale;
}

void
hybrid_list(const HybridProblem *problem, const double *weights, int32_t c, TopK *top)
{
	for (int64_t e = problem->start[c]; e < problem->start[c + 1]; e++)
	{
		const float *scores = problem->score + e * problem->members;
		double sum = 0;

		for (int32_t m = 0; m < problem->members; m++)
			sum += weights[m] * scores[m];
		/* By place: items ascend, so ties fall as they do by item. */
		if (topk_wants(top, (float) sum, (int32_t) (e - problem->start[c])))
			topk_push(top, (float) sum, (int32_t) (e - problem->start[c]));
	}
	topk_finish(top);
}

/* discounts [k] and their sums. */
static void
fill_discounts(int32_t k, double *discount, double *ideal)
{
	for (int32_t r = 0; r < k; r++)
	{
		discount[r] = 1 / log2(r + 2.0);
		ideal[r] = discount[r] + (r > 0 ? ideal[r - 1] : 0);
	}
}

/* One search at work. */
typedef struct Search
{
	Env *env;
	const HybridProblem *problem;
	int32_t without;
	TopEntry *heap; /* [k] */
	double *discount; /* [k] */
	double *ideal; /* [k] */
} Search;

static CoreStatus
judge(const Search *search, const double *weights, double *ndcg)
{
	const HybridProblem *problem = search->problem;
	int64_t judged = 0;

	*ndcg = 0;
	for (int32_t c = 0; c < problem->customers; c++)
	{
		int32_t wanted = problem->wanted[c] < problem->k ? problem->wanted[c] : problem->k;
		double gain = 0;
		TopK top;

		if (c % 64 == 0 && search->env->cancelled(search->env))
			return CORE_CANCELLED;
		if (problem->fold[c] == search->without)
			continue;
		topk_init(&top, search->heap, problem->k);
		hybrid_list(problem, weights, c, &top);
		for (int32_t r = 0; r < top.n; r++)
			if (problem->relevant[problem->start[c] + search->heap[r].index])
				gain += search->discount[r];
		*ndcg += gain / search->ideal[wanted - 1];
		judged++;
	}
	if (judged > 0)
		*ndcg /= (double) judged;
	return CORE_OK;
}

/* trial = weights with one of them changed by `step`, brought back to the simplex; false when that is no change. */
static bool
step_along(const double *weights, int32_t members, int32_t m, double step, double *trial)
{
	double sum = 0;

	memcpy(trial, weights, sizeof(double) * (size_t) members);
	trial[m] = weights[m] + step > 0 ? weights[m] + step : 0;
	for (int32_t i = 0; i < members; i++)
		sum += trial[i];
	if (sum <= 0 || trial[m] == weights[m])
		return false;
	for (int32_t i = 0; i < members; i++)
		trial[i] /= sum;
	return true;
}

/* Climb from weights, whose worth is *ndcg. */
static CoreStatus
climb(const Search *search, double *weights, double *ndcg)
{
	static const double steps[] = {0.3, 0.15, 0.07, 0.03};
	int32_t members = search->problem->members;

	for (size_t s = 0; s < sizeof(steps) / sizeof(steps[0]); s++)
	{
		bool better = true;

		for (int round = 0; round < 3 && better; round++)
		{
			better = false;
			for (int32_t t = 0; t < 2 * members; t++)
			{
				double trial[HYBRID_MAX_MEMBERS];
				double worth;
				CoreStatus status;

				if (!step_along(weights, members, t / 2, t % 2 == 0 ? steps[s] : -steps[s], trial))
					continue;
				status = judge(search, trial, &worth);
				if (status != CORE_OK)
					return status;
				if (worth <= *ndcg)
					continue;
				memcpy(weights, trial, sizeof(double) * (size_t) members);
				*ndcg = worth;
				better = true;
			}
		}
	}
	return CORE_OK;
}

/* From equal weights and from the best single member; the better of both. */
static CoreStatus
search_weights(const Search *search, double *weights, double *ndcg)
{
	int32_t members = search->problem->members;
	double single[HYBRID_MAX_MEMBERS] = {0};
	double most = -1;
	int32_t best = 0;
	CoreStatus status;

	for (int32_t m = 0; m < members; m++)
		weights[m] = 1.0 / members;
	status = judge(search, weights, ndcg);
	if (status == CORE_OK)
		status = climb(search, weights, ndcg);
	for (int32_t m = 0; m < members && status == CORE_OK; m++)
	{
		double alone[HYBRID_MAX_MEMBERS] = {0};
		double worth;

		alone[m] = 1;
		status = judge(search, alone, &worth);
		if (worth > most)
			best = m;
		most = worth > most ? worth : most;
	}
	single[best] = 1;
	if (status == CORE_OK)
		status = climb(search, single, &most);
	if (status == CORE_OK && most > *ndcg)
	{
		memcpy(weights, single, sizeof(double) * (size_t) members);
		*ndcg = most;
	}
	return status;
}

CoreStatus
hybrid_fit(Env *env, const HybridProblem *problem, int32_t without, double *weights, double *ndcg)
{
	size_t k = (size_t) problem->k;
	Search search = {.env = env, .problem = problem, .without = without};
	CoreStatus status;

	search.heap = env->alloc(env, (sizeof(TopEntry) + 2 * sizeof(double)) * k);
	if (search.heap == NULL)
		return CORE_NO_MEMORY;
	search.discount = (double *) (search.heap + k);
	search.ideal = search.discount + k;
	fill_discounts(problem->k, search.discount, search.ideal);
	status = search_weights(&search, weights, ndcg);
	env->release(env, search.heap);
	return status;
}
