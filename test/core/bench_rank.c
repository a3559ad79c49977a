/*
 * bench_rank.c - milliseconds a user of exact top-k lists: 100,000 items x 64 factors, k = 10
 *
 *   bench_rank trained|random [FOLDER]    milliseconds a user of the full scan, of the index for one user at a time and for
 *                                         batches, medians of 5 runs; FOLDER receives items and users (floats) for
 *                                         peer_rank.py
 *
 * random: normal deviates.  trained: implicit ALS (conjugate gradients, 8 iterations) on 2.5 M synthetic pairs of 50,000 users
 * in 200 tastes; items' popularity by a power law.
 */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core_env.h"
#include "recommend/cg.h"
#include "recommend/rank_index.h"
#include "rng.h"

#define USERS 50000
#define ITEMS 100000
#define FACTORS 64
#define PAIRS 2500000
#define TASTES 200
#define K 10
#define ASKED 1024 /* users whose lists are made */
#define FIRST 20000 /* of them: neither the busiest nor the idlest */

static Coo
draw_pairs(void)
{
	Coo coo = {
		.n = PAIRS, .row = core_malloc(PAIRS * sizeof(int32_t)), .col = core_malloc(PAIRS * sizeof(int32_t))};

	for (int64_t e = 0; e < PAIRS; e++)
	{
		uint64_t at = (uint64_t) e;
		int32_t user = (int32_t) (USERS * pow(rng_uniform(1, 0, at), 1.5));
		/* Each user has three of the tastes; a fifth of what he buys is of none. */
		uint32_t taste = rng_below(2, (uint64_t) user, rng_below(1, 2, at, 3), TASTES);
		uint32_t place = (uint32_t) (ITEMS / TASTES * pow(rng_uniform(1, 1, at), 2.5));

		if (rng_uniform(1, 3, at) < 0.2)
			taste = rng_below(1, 4, at, TASTES);
		coo.row[e] = user;
		coo.col[e] = (int32_t) (place * TASTES + taste);
	}
	return coo;
}

static Csr
matrix_make(int32_t rows, int32_t cols)
{
	return (Csr){.rows = rows,
				 .cols = cols,
				 .start = core_malloc(((size_t) rows + 1) * sizeof(int64_t)),
				 .col = core_malloc(PAIRS * sizeof(int32_t))};
}

/* seen: what each user has. */
static void
train_factors(CoreEnv *env, float *x, float *y, const Csr *seen)
{
	AlsProblem problem = {.params = {.factors = FACTORS,
									 .iterations = 8,
									 .regularization = 0.0005f,
									 .unobserved_weight = 0.1f,
									 .seed = 1},
						  .by_user = *seen,
						  .by_item = matrix_make(ITEMS, USERS)};
	AlsModel model = {.user_factors = x, .item_factors = y};
	size_t bytes = cg_shared_bytes(&problem.params, USERS, ITEMS);
	void *shared = core_shared(bytes);
	AlsReport report;

	if (csr_transpose(&env->env, &problem.by_user, &problem.by_item) != CORE_OK ||
		cg_train(&env->env, &problem, &model, shared, &report) != CORE_OK)
		exit(1);
	core_shared_free(shared, bytes);
	free(problem.by_item.start);
	free(problem.by_item.col);
}

static void
write_floats(const char *folder, const char *name, const float *numbers, size_t n)
{
	char path[4096];
	FILE *file;

	snprintf(path, sizeof(path), "%s/%s", folder, name);
	file = fopen(path, "wb");
	if (file == NULL || fwrite(numbers, sizeof(float), n, file) != n)
		exit(2);
	fclose(file);
}

typedef struct Bench
{
	CoreEnv env;
	const float *x;
	const float *y;
	Csr seen;
	RankIndex index;
	TopEntry heaps[ASKED * K];
	TopEntry reference[ASKED * K];
} Bench;

static RankFilter
filter_of(const Bench *bench, int32_t user)
{
	return (RankFilter){.exclude = bench->seen.col + bench->seen.start[user],
						.n_exclude = (int32_t) (bench->seen.start[user + 1] - bench->seen.start[user])};
}

/* Milliseconds a user; batch 0: rank_items. */
static double
lists_timed(Bench *bench, int32_t batch)
{
	static float scratch[RANK_TILE];
	int32_t asked = batch == 0 ? 100 : batch == 1 ? 400 : ASKED;
	double begun = core_seconds();

	for (int32_t u = 0; u<asked; u += batch> 0 ? batch : 1)
	{
		TopK tops[RANK_INDEX_USERS];
		RankFilter filters[RANK_INDEX_USERS];

		for (int32_t i = 0; i < (batch > 0 ? batch : 1); i++)
		{
			filters[i] = filter_of(bench, FIRST + u + i);
			topk_init(&tops[i], (batch > 0 ? bench->heaps : bench->reference) + (u + i) * K, K);
		}
		if (batch == 0)
			rank_items(&bench->env.env, bench->y, ITEMS, FACTORS, bench->x + (int64_t) u * FACTORS, NULL,
					   filters, scratch, tops);
		else
			rank_index_lists(&bench->env.env, &bench->index, bench->y, bench->x + (int64_t) u * FACTORS, NULL,
							 filters, batch, tops);
	}
	begun = (core_seconds() - begun) * 1e3 / asked;
	if (batch > 0 && memcmp(bench->heaps, bench->reference, 100 * K * sizeof(TopEntry)) != 0)
	{
		printf("lists differ\n");
		exit(1);
	}
	return begun;
}

static int
by_value(const void *a, const void *b)
{
	double x = *(const double *) a;
	double y = *(const double *) b;

	return (x > y) - (x < y);
}

int
main(int argc, char **argv)
{
	static const int32_t batches[3] = {0, 1, RANK_INDEX_USERS};
	static Bench bench;
	size_t n_users = (size_t) USERS * FACTORS;
	size_t n_items = (size_t) ITEMS * FACTORS;
	float *x = core_shared(n_users * sizeof(float));
	float *y = core_shared(n_items * sizeof(float));
	int32_t blocks = rank_index_blocks(ITEMS);
	uint8_t *codes = core_shared(rank_index_code_bytes(ITEMS, FACTORS));
	int32_t *order = core_shared((size_t) blocks * 16 * sizeof(int32_t));
	float *limits = core_shared((size_t) blocks * 4 * sizeof(float));
	double seconds[3][5];
	double begun;
	Coo coo = draw_pairs();
	CooMerge merge;

	if (argc < 2)
		return 2;
	core_env_init(&bench.env);
	bench.seen = matrix_make(USERS, ITEMS);
	if (csr_from_coo(&bench.env.env, &coo, NULL, NULL, &bench.seen, &merge) != CORE_OK)
		return 1;
	if (strcmp(argv[1], "trained") == 0)
		train_factors(&bench.env, x, y, &bench.seen);
	else
	{
		for (size_t i = 0; i < n_users; i++)
			x[i] = (float) rng_normal(5, 0, i);
		for (size_t i = 0; i < n_items; i++)
			y[i] = (float) rng_normal(5, 1, i);
	}
	bench.x = x + (size_t) FIRST * FACTORS;
	bench.y = y;
	begun = core_seconds();
	if (rank_index_build(&bench.env.env, y, ITEMS, FACTORS, codes, order, limits, &bench.index) != CORE_OK)
		return 1;
	begun = core_seconds() - begun;
	if (argc > 2)
	{
		write_floats(argv[2], "items", y, n_items);
		write_floats(argv[2], "users", bench.x, (size_t) ASKED * FACTORS);
	}
	for (int run = 0; run < 5; run++)
	{
		for (int way = 0; way < 3; way++)
			seconds[way][run] = lists_timed(&bench, batches[way]);
	}
	for (int way = 0; way < 3; way++)
		qsort(seconds[way], 5, sizeof(double), by_value);
	printf("%s: scan %.4f, one %.4f, batch %.4f ms a user; index built in %.3f s\n", argv[1], seconds[0][2],
		   seconds[1][2], seconds[2][2], begun);
	return 0;
}
