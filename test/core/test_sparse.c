/*
 * test_sparse.c - lists of entries put into rows, against a full sort; every way of stopping half-way
 */
#include <stdlib.h>
#include <string.h>

#include "check.h"
#include "core_env.h"
#include "rng.h"
#include "sparse.h"

static Coo
coo_make(int64_t n, bool values)
{
	return (Coo){.n = n,
				 .row = core_malloc((size_t) n * sizeof(int32_t)),
				 .col = core_malloc((size_t) n * sizeof(int32_t)),
				 .value = values ? core_malloc((size_t) n * sizeof(float)) : NULL};
}

static void
coo_free(Coo *coo)
{
	free(coo->row);
	free(coo->col);
	free(coo->value);
}

static Csr
csr_make(int32_t rows, int32_t cols, int64_t n, bool values)
{
	return (Csr){.rows = rows,
				 .cols = cols,
				 .start = core_malloc(((size_t) rows + 1) * sizeof(int64_t)),
				 .col = core_malloc((size_t) n * sizeof(int32_t)),
				 .value = values ? core_malloc((size_t) n * sizeof(float)) : NULL};
}

static void
csr_free(Csr *csr)
{
	free(csr->start);
	free(csr->col);
	free(csr->value);
}

static bool
csr_same(const Csr *a, const Csr *b)
{
	size_t n = (size_t) csr_entries(a);

	return a->rows == b->rows && a->cols == b->cols &&
		   memcmp(a->start, b->start, ((size_t) a->rows + 1) * sizeof(int64_t)) == 0 &&
		   memcmp(a->col, b->col, n * sizeof(int32_t)) == 0 && (a->value == NULL) == (b->value == NULL) &&
		   (a->value == NULL || memcmp(a->value, b->value, n * sizeof(float)) == 0);
}

/* Entries with many duplicates; values of either sign in tenths, whose sums depend on their order. */
static Coo
random_coo(int32_t rows, int32_t cols, int64_t n, bool values, uint64_t seed)
{
	Coo coo = coo_make(n, values);

	for (int64_t e = 0; e < n; e++)
	{
		/* Squared, so that some rows are long and some are empty. */
		double u = rng_uniform(seed, 0, (uint64_t) e);

		coo.row[e] = (int32_t) (rows * u * u);
		coo.col[e] = (int32_t) rng_below(seed, 1, (uint64_t) e, (uint32_t) cols);
		if (values)
			coo.value[e] = ((float) rng_below(seed, 2, (uint64_t) e, 41) - 15.0f) / 10.0f;
	}
	return coo;
}

/* Swap entries about; nothing may depend on it. */
static void
shuffle(Coo *coo, uint64_t seed)
{
	for (int64_t e = coo->n - 1; e > 0; e--)
	{
		int64_t other = rng_below(seed, 3, (uint64_t) e, (uint32_t) e + 1);
		int32_t row = coo->row[e];
		int32_t col = coo->col[e];

		coo->row[e] = coo->row[other];
		coo->row[other] = row;
		coo->col[e] = coo->col[other];
		coo->col[other] = col;
		if (coo->value != NULL)
		{
			float value = coo->value[e];

			coo->value[e] = coo->value[other];
			coo->value[other] = value;
		}
	}
}

static bool
keep_thirds(const Coo *coo, int64_t entry, const void *arg)
{
	return (coo->row[entry] + coo->col[entry]) % 3 != *(const int *) arg;
}

typedef struct Entry
{
	int32_t row;
	int32_t col;
	float value;
} Entry;

static int
by_place_and_value(const void *a, const void *b)
{
	const Entry *x = a;
	const Entry *y = b;

	if (x->row != y->row)
		return x->row < y->row ? -1 : 1;
	if (x->col != y->col)
		return x->col < y->col ? -1 : 1;
	return (x->value > y->value) - (x->value < y->value);
}

/* Compare with the entries sorted whole and added up one by one; all values are tenths, whose sums are exact as such. */
static bool
agrees(const Coo *coo, CooKeep keep, const void *arg, const Csr *csr, const CooMerge *merge)
{
	Entry *entries = core_malloc((size_t) coo->n * sizeof(Entry));
	CooMerge expected = {0};
	int64_t at = 0;
	int32_t row = 0;
	bool right = csr->start[0] == 0;

	for (int64_t e = 0; e < coo->n; e++)
	{
		if (keep == NULL || keep(coo, e, arg))
			entries[expected.taken++] = (Entry){
				.row = coo->row[e], .col = coo->col[e], .value = coo->value != NULL ? coo->value[e] : 1.0f};
	}
	qsort(entries, (size_t) expected.taken, sizeof(Entry), by_place_and_value);
	for (int64_t e = 0; e < expected.taken;)
	{
		Entry first = entries[e];
		double sum = 0.0;
		int64_t tenths = 0;

		while (row < first.row)
			right &= csr->start[++row] == at;
		expected.merged--;
		for (; e < expected.taken && entries[e].row == first.row && entries[e].col == first.col; e++)
		{
			sum += entries[e].value;
			tenths += lrint(10 * (double) entries[e].value);
			expected.merged++;
		}
		if (tenths <= 0)
			expected.dropped++;
		else if (at < csr_entries(csr))
		{
			right &= csr->col[at] == first.col && (csr->value == NULL || csr->value[at] == (float) sum);
			at++;
		}
	}
	while (row < csr->rows)
		right &= csr->start[++row] == at;
	right &= expected.taken == merge->taken && expected.merged == merge->merged &&
			 expected.dropped == merge->dropped;
	free(entries);
	return right;
}

static void
test_against_sort(int32_t rows, int32_t cols, int64_t n, bool list_values, bool values, uint64_t seed)
{
	Coo coo = random_coo(rows, cols, n, list_values, seed);
	Csr first = csr_make(rows, cols, n, values);
	Csr second = csr_make(rows, cols, n, values);
	CoreEnv env;
	CooMerge merge;
	int left_out = 1;

	core_env_init(&env);
	CHECK(csr_from_coo(&env.env, &coo, NULL, NULL, &first, &merge) == CORE_OK);
	CHECK(agrees(&coo, NULL, NULL, &first, &merge));
	for (uint64_t s = 0; s < 3; s++)
	{
		shuffle(&coo, s);
		CHECK(csr_from_coo(&env.env, &coo, NULL, NULL, &second, &merge) == CORE_OK);
		CHECK(csr_same(&first, &second));
	}
	CHECK(csr_from_coo(&env.env, &coo, keep_thirds, &left_out, &second, &merge) == CORE_OK);
	CHECK(agrees(&coo, keep_thirds, &left_out, &second, &merge));
	CHECK(env.live == 0);
	coo_free(&coo);
	csr_free(&first);
	csr_free(&second);
}

static void
test_sums(void)
{
	int32_t row[] = {0, 0, 0, 1, 1, 1, 1, 3, 3, 3, 3};
	int32_t col[] = {5, 5, 2, 1, 1, 4, 0, 2, 2, 1, 1};
	float value[] = {1, 2, -1, 3, -3, 2, 1, 1e-30f, -1e-30f, -2, 3};
	Coo coo = {.n = 11, .row = row, .col = col, .value = value};
	Csr csr = csr_make(4, 6, 11, true);
	CooMerge merge;
	CoreEnv env;

	core_env_init(&env);
	CHECK(csr_from_coo(&env.env, &coo, NULL, NULL, &csr, &merge) == CORE_OK);
	CHECK(csr.start[0] == 0 && csr.start[1] == 1 && csr.start[2] == 3 && csr.start[3] == 3 &&
		  csr.start[4] == 4);
	CHECK(csr.col[0] == 5 && csr.value[0] == 3.0f);
	CHECK(csr.col[1] == 0 && csr.value[1] == 1.0f);
	CHECK(csr.col[2] == 4 && csr.value[2] == 2.0f);
	CHECK(csr.col[3] == 1 && csr.value[3] == 1.0f);
	CHECK(merge.taken == 11 && merge.merged == 4 && merge.dropped == 3);
	csr_free(&csr);
}

static void
test_not_finite(void)
{
	static const float bad[3] = {3e38f, INFINITY, NAN};
	int32_t zero[2] = {0, 0};
	Csr csr = csr_make(1, 1, 2, true);
	CooMerge merge;
	CoreEnv env;

	core_env_init(&env);
	for (int i = 0; i < 3; i++)
	{
		float value[2] = {bad[i], 1e38f};
		Coo coo = {.n = 2, .row = zero, .col = zero, .value = value};

		CHECK(csr_from_coo(&env.env, &coo, NULL, NULL, &csr, &merge) == CORE_NOT_FINITE);
	}
	CHECK(env.live == 0);
	csr_free(&csr);
}

/* What single precision leaves of decimal fractions that cancel is nothing; the least that is something stays. */
static void
test_rounding(void)
{
	static const float values[4][3] = {
		{1.1f, 2.2f, -3.3f}, {-3.3f, 1.1f, 2.2f}, {0.1f, 0.2f, -0.3f}, {8388608.0f, -8388607.0f, 0.0f}};
	int32_t zero[3] = {0, 0, 0};
	Csr csr = csr_make(1, 1, 3, true);
	CooMerge merge;
	CoreEnv env;

	core_env_init(&env);
	for (int i = 0; i < 4; i++)
	{
		float value[3] = {values[i][0], values[i][1], values[i][2]};
		Coo coo = {.n = 3, .row = zero, .col = zero, .value = value};

		CHECK(csr_from_coo(&env.env, &coo, NULL, NULL, &csr, &merge) == CORE_OK);
		CHECK(merge.dropped == (i < 3) && csr_entries(&csr) == (i == 3));
	}
	CHECK(csr.value[0] == 1.0f);
	csr_free(&csr);
}

static void
test_empty(void)
{
	Coo coo = {.n = 0};
	Csr csr = csr_make(3, 2, 1, true);
	Csr turned = csr_make(2, 3, 1, true);
	CooMerge merge;
	CoreEnv env;

	core_env_init(&env);
	CHECK(csr_from_coo(&env.env, &coo, NULL, NULL, &csr, &merge) == CORE_OK);
	CHECK(csr_entries(&csr) == 0 && csr.start[0] == 0 && merge.taken == 0);
	CHECK(csr_transpose(&env.env, &csr, &turned) == CORE_OK);
	CHECK(csr_entries(&turned) == 0 && turned.rows == 2 && turned.cols == 3);
	csr.rows = 0;
	CHECK(csr_from_coo(&env.env, &coo, NULL, NULL, &csr, &merge) == CORE_OK);
	CHECK(csr_entries(&csr) == 0);
	csr_free(&csr);
	csr_free(&turned);
}

/* Long enough for every level of the merge sort and several stretches, in one row. */
static void
test_large_row(void)
{
	enum
	{
		N = 300000
	};
	Coo coo = coo_make(N, true);
	Csr csr = csr_make(2, N, N, true);
	CooMerge merge;
	CoreEnv env;
	bool right = true;

	for (int64_t e = 0; e < N; e++)
	{
		coo.row[e] = 1;
		coo.col[e] = (int32_t) (e * 7919 % N);
		coo.value[e] = (float) coo.col[e] + 1.0f;
	}
	core_env_init(&env);
	CHECK(csr_from_coo(&env.env, &coo, NULL, NULL, &csr, &merge) == CORE_OK);
	CHECK(csr_entries(&csr) == N && csr.start[1] == 0);
	for (int32_t e = 0; e < N; e++)
		right &= csr.col[e] == e && csr.value[e] == (float) e + 1.0f;
	CHECK(right);

	/* All in one place. */
	for (int64_t e = 0; e < N; e++)
	{
		coo.col[e] = 3;
		coo.value[e] = (float) (e * 7919 % N % 1000);
	}
	CHECK(csr_from_coo(&env.env, &coo, NULL, NULL, &csr, &merge) == CORE_OK);
	CHECK(csr_entries(&csr) == 1 && csr.col[0] == 3 && csr.value[0] == (float) (N / 1000 * 499500.0));
	CHECK(merge.merged == N - 1);
	coo_free(&coo);
	csr_free(&csr);
}

static void
test_transpose(bool values)
{
	Coo coo = random_coo(300, 70, 5000, values, 4);
	Csr csr = csr_make(300, 70, 5000, values);
	Csr turned = csr_make(70, 300, 5000, values);
	Csr back = csr_make(300, 70, 5000, values);
	CooMerge merge;
	CoreEnv env;
	bool ascending = true;

	core_env_init(&env);
	csr_from_coo(&env.env, &coo, NULL, NULL, &csr, &merge);
	CHECK(csr_transpose(&env.env, &csr, &turned) == CORE_OK);
	CHECK(turned.rows == 70 && turned.cols == 300 && csr_entries(&turned) == csr_entries(&csr));
	for (int32_t r = 0; r < turned.rows; r++)
	{
		for (int64_t e = turned.start[r] + 1; e < turned.start[r + 1]; e++)
			ascending &= turned.col[e - 1] < turned.col[e];
	}
	CHECK(ascending);
	CHECK(csr_transpose(&env.env, &turned, &back) == CORE_OK);
	CHECK(csr_same(&csr, &back));
	coo_free(&coo);
	csr_free(&csr);
	csr_free(&turned);
	csr_free(&back);
}

static CoreStatus
build_and_turn(CoreEnv *env, const Coo *coo, Csr *csr, Csr *turned)
{
	CooMerge merge;
	CoreStatus status = csr_from_coo(&env->env, coo, NULL, NULL, csr, &merge);

	return status == CORE_OK ? csr_transpose(&env->env, csr, turned) : status;
}

/* Every look at the cancel flag and every allocation in turn, on a list that needs several stretches everywhere. */
static void
test_stops(bool values)
{
	enum
	{
		N = 200000
	};
	Coo coo = random_coo(70000, 500, N, true, 5);
	Csr csr = csr_make(70000, 500, N, values);
	Csr turned = csr_make(500, 70000, N, values);
	CoreEnv whole;
	bool right = true;

	/* Make the first row long. */
	for (int64_t e = 0; e < N; e++)
		coo.row[e] = e % 4 != 0 ? 0 : coo.row[e];
	core_env_init(&whole);
	CHECK(build_and_turn(&whole, &coo, &csr, &turned) == CORE_OK);
	CHECK(whole.live == 0);
	for (long look = 1; look <= whole.looks; look++)
	{
		CoreEnv env;

		core_env_init(&env);
		env.cancel_at = look;
		right &= build_and_turn(&env, &coo, &csr, &turned) == CORE_CANCELLED && env.live == 0;
	}
	CHECK(whole.looks > 20);
	for (long allocation = 1; allocation <= whole.allocations; allocation++)
	{
		CoreEnv env;

		core_env_init(&env);
		env.fail_at = allocation;
		right &= build_and_turn(&env, &coo, &csr, &turned) == CORE_NO_MEMORY && env.live == 0;
	}
	CHECK(whole.allocations >= (values ? 2 : 3));
	CHECK(right);
	coo_free(&coo);
	csr_free(&csr);
	csr_free(&turned);
}

/* Averages keep zeros and negative values; the count of what was merged is the same. */
static void
test_average(void)
{
	int32_t row[] = {0, 1, 0, 0};
	int32_t col[] = {1, 0, 0, 1};
	float value[] = {1, 0, -2, 4};
	int64_t start[3];
	int32_t out_col[4];
	float out_value[4];
	Coo coo = {.n = 4, .row = row, .col = col, .value = value, .average = true};
	Csr out = {.rows = 2, .cols = 2, .start = start, .col = out_col, .value = out_value};
	CooMerge merge;
	CoreEnv env;

	core_env_init(&env);
	CHECK(csr_from_coo(&env.env, &coo, NULL, NULL, &out, &merge) == CORE_OK);
	CHECK(csr_entries(&out) == 3 && merge.merged == 1 && merge.dropped == 0);
	CHECK(out_value[0] == -2 && out_value[1] == 2.5f && out_value[2] == 0);
}

int
main(void)
{
	test_average();
	uint64_t seed = 1;

	for (int kinds = 0; kinds < 4; kinds++)
	{
		bool list_values = (kinds & 1) != 0;
		bool values = (kinds & 2) != 0;

		test_against_sort(30, 40, 3000, list_values, values, seed++);
		test_against_sort(1, 7, 200, list_values, values, seed++);
		test_against_sort(500, 3, 100, list_values, values, seed++);
		test_against_sort(8, 1000, 20000, list_values, values, seed++);
	}
	test_sums();
	test_not_finite();
	test_rounding();
	test_empty();
	test_large_row();
	test_transpose(true);
	test_transpose(false);
	test_stops(true);
	test_stops(false);
	return check_finish();
}
