/*
 * test_hybrid.c - standard scores, and weights that are known to be best
 */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "check.h"
#include "core_env.h"
#include "recommend/hybrid.h"
#include "rng.h"

static CoreEnv core;

static Env *
fresh(void)
{
	core_env_init(&core);
	return &core.env;
}

static void
test_scale(void)
{
	const float scores[] = {1, -INFINITY, 4, -2, 0};
	const float same[] = {3, 3, 3};
	HybridScale scale = hybrid_scale(scores, 5, 8);
	double values[8] = {1, 0, 4, -2, 0, 0, 0, 0};
	double mean = 0;
	double square = 0;
	double sum = 0;

	for (int i = 0; i < 8; i++)
		mean += values[i] / 8;
	for (int i = 0; i < 8; i++)
		square += (values[i] - mean) * (values[i] - mean) / 8;
	CHECK_CLOSE(scale.mean, mean, 1e-12);
	CHECK_CLOSE(scale.inverse, 1 / sqrt(square), 1e-12);
	CHECK_CLOSE(hybrid_standard(&scale, 4), (4 - mean) / sqrt(square), 1e-6);
	CHECK(hybrid_standard(&scale, -INFINITY) == hybrid_standard(&scale, 0));
	for (int i = 0; i < 8; i++)
		sum += hybrid_standard(&scale, (float) values[i]);
	CHECK_CLOSE(sum, 0, 1e-6);
	CHECK(hybrid_standard(&(HybridScale){0}, 5) == 0);
	scale = hybrid_scale(same, 3, 3);
	CHECK(scale.inverse == 0 && hybrid_standard(&scale, 3) == 0);
	scale = hybrid_scale(NULL, 0, 0);
	CHECK(scale.mean == 0 && scale.inverse == 0);
}

#define CUSTOMERS 200
#define CANDIDATES 30

typedef struct Made
{
	int64_t start[CUSTOMERS + 1];
	int32_t item[CUSTOMERS * CANDIDATES];
	float score[CUSTOMERS * CANDIDATES * 3];
	uint8_t relevant[CUSTOMERS * CANDIDATES];
	int32_t wanted[CUSTOMERS];
	uint8_t fold[CUSTOMERS];
} Made;

/*
 * What is relevant are the five items with the largest 0.7 a + 0.3 b; member c is noise.  Fold 1 goes by c alone, so that weights
 * fitted without a fold show which rows they saw.
 */
static void
make(Made *made, HybridProblem *problem, bool folds)
{
	memset(made, 0, sizeof(*made));
	for (int32_t c = 0; c < CUSTOMERS; c++)
	{
		double truth[CANDIDATES];

		made->fold[c] = (uint8_t) (folds ? c % 2 : 0);
		made->wanted[c] = 5;
		made->start[c + 1] = (int64_t) (c + 1) * CANDIDATES;
		for (int32_t i = 0; i < CANDIDATES; i++)
		{
			int64_t e = made->start[c] + i;
			float *score = made->score + 3 * e;

			made->item[e] = 2 * i + 1;
			for (int m = 0; m < 3; m++)
				score[m] = (float) rng_normal(5, (uint64_t) m, (uint64_t) e);
			truth[i] = made->fold[c] == 1 ? score[2] : 0.7 * score[0] + 0.3 * score[1];
		}
		for (int r = 0; r < 5; r++)
		{
			int32_t best = 0;

			for (int32_t i = 0; i < CANDIDATES; i++)
				best = truth[i] > truth[best] ? i : best;
			made->relevant[made->start[c] + best] = 1;
			truth[best] = -INFINITY;
		}
	}
	*problem = (HybridProblem){.members = 3,
							   .customers = CUSTOMERS,
							   .k = 5,
							   .start = made->start,
							   .item = made->item,
							   .score = made->score,
							   .relevant = made->relevant,
							   .wanted = made->wanted,
							   .fold = made->fold};
}

static void
test_fit(void)
{
	Env *env = fresh();
	Made *made = core_malloc(sizeof(Made));
	HybridProblem problem;
	double weights[HYBRID_MAX_MEMBERS];
	double ndcg;

	make(made, &problem, false);
	CHECK(hybrid_fit(env, &problem, -1, weights, &ndcg) == CORE_OK);
	CHECK_CLOSE(weights[0] + weights[1] + weights[2], 1, 1e-12);
	CHECK_CLOSE(weights[0], 0.7, 0.06);
	CHECK_CLOSE(weights[1], 0.3, 0.06);
	CHECK(weights[2] >= 0 && weights[2] < 0.03);
	CHECK(ndcg > 0.97 && ndcg <= 1 + 1e-12);

	make(made, &problem, true);
	CHECK(hybrid_fit(env, &problem, 0, weights, &ndcg) == CORE_OK);
	CHECK(weights[2] > 0.9 && ndcg > 0.97);
	CHECK(hybrid_fit(env, &problem, 1, weights, &ndcg) == CORE_OK);
	CHECK(weights[2] < 0.03 && ndcg > 0.97);
	CHECK(core.live == 0);
	free(made);
}

/* Relevant items that are no candidates count against everybody; ties go to the smaller item. */
static void
test_unreachable(void)
{
	Env *env = fresh();
	const int64_t start[] = {0, 3};
	const int32_t item[] = {4, 5, 9};
	const float score[] = {1, 1, 1, 1, 1, 1};
	const uint8_t relevant[] = {1, 0, 0};
	const int32_t wanted[] = {2};
	const uint8_t fold[] = {0};
	HybridProblem problem = {.members = 2,
							 .customers = 1,
							 .k = 2,
							 .start = start,
							 .item = item,
							 .score = score,
							 .relevant = relevant,
							 .wanted = wanted,
							 .fold = fold};
	double weights[HYBRID_MAX_MEMBERS];
	double ndcg;
	TopEntry heap[2];
	TopK top;

	CHECK(hybrid_fit(env, &problem, -1, weights, &ndcg) == CORE_OK);
	CHECK(weights[0] == 0.5 && weights[1] == 0.5);
	CHECK_CLOSE(ndcg, 1 / (1 + 1 / log2(3)), 1e-12);
	topk_init(&top, heap, 2);
	hybrid_list(&problem, weights, 0, &top);
	CHECK(top.n == 2 && heap[0].index == 0 && heap[1].index == 1);
	CHECK(hybrid_fit(env, &problem, 0, weights, &ndcg) == CORE_OK);
	CHECK(ndcg == 0 && weights[0] == 0.5);
}

static void
test_stopping(void)
{
	Made *made = core_malloc(sizeof(Made));
	Env *env = fresh();
	HybridProblem problem;
	double weights[HYBRID_MAX_MEMBERS];
	double ndcg;

	make(made, &problem, false);
	for (long at = 1; at < 40; at += 3)
	{
		env = fresh();
		core.cancel_at = at;
		CHECK(hybrid_fit(env, &problem, -1, weights, &ndcg) == CORE_CANCELLED);
		CHECK(core.live == 0);
	}
	env = fresh();
	core.fail_at = 1;
	CHECK(hybrid_fit(env, &problem, -1, weights, &ndcg) == CORE_NO_MEMORY);
	free(made);
}

int
main(void)
{
	test_scale();
	test_fit();
	test_unreachable();
	test_stopping();
	return check_finish();
}
