/*
 * test_rank_index.c - lists by the index against the full scan, to the last bit; the kernels against plain C
 */
#include <stdlib.h>
#include <string.h>

#include "check.h"
#include "core_env.h"
#include "recommend/feedback.h"
#include "recommend/rank_index.h"
#include "recommend/rank_kernel.h"
#include "rng.h"

/* What item factors look like. */
typedef enum Kind
{
	NORMAL,
	POPULAR, /* norms by a power law */
	WHOLE, /* small whole numbers: many ties */
	SPARSE, /* most rows zero */
	EQUAL, /* all rows alike */
	TINY, /* near the smallest floats */
	HUGE, /* products near the largest */
	VAST, /* products beyond it */
	FAINT, /* products below the smallest */
	KINDS
} Kind;

typedef struct Catalogue
{
	int32_t items;
	int32_t factors;
	float *y; /* [items x factors] */
	float *inverse_norms; /* [items] */
	uint8_t *codes;
	int32_t *order;
	float *limits;
	RankIndex index;
} Catalogue;

static float
number_of(Kind kind, uint64_t seed, uint64_t row, uint64_t j)
{
	double normal = rng_normal(seed, row, j);

	switch (kind)
	{
		case POPULAR:
			return (float) (normal * pow((double) row + 1.0, -0.7));
		case WHOLE:
			return (float) rng_below(seed, row, j, 5) - 2.0f;
		case SPARSE:
			return rng_below(seed, row, 1000, 5) == 0 ? (float) normal : 0.0f;
		case EQUAL:
			return (float) rng_normal(seed, 0, j);
		case TINY:
			return (float) (normal * 1e-40);
		case HUGE:
			return (float) (normal * 1e15);
		case VAST:
			return (float) (normal * 1e25);
		case FAINT:
			return (float) (normal * 3e-23);
		default:
			return (float) normal;
	}
}

static Catalogue
catalogue_make(int32_t items, int32_t factors, Kind kind, uint64_t seed)
{
	int32_t blocks = rank_index_blocks(items);
	Catalogue c = {.items = items,
				   .factors = factors,
				   .y = core_malloc((size_t) items * (size_t) factors * sizeof(float)),
				   .inverse_norms = core_malloc((size_t) items * sizeof(float)),
				   .codes = core_malloc(rank_index_code_bytes(items, factors)),
				   .order = core_malloc((size_t) blocks * RANK_LANES * sizeof(int32_t)),
				   .limits = core_malloc((size_t) blocks * 4 * sizeof(float))};
	CoreEnv env;

	for (int64_t i = 0; i < items; i++)
	{
		for (int32_t j = 0; j < factors; j++)
			c.y[i * factors + j] = number_of(kind, seed, (uint64_t) i, (uint64_t) j);
	}
	core_env_init(&env);
	CHECK(feedback_inverse_norms(&env.env, c.y, items, factors, c.inverse_norms) == CORE_OK);
	CHECK(rank_index_build(&env.env, c.y, items, factors, c.codes, c.order, c.limits, &c.index) == CORE_OK);
	CHECK(env.live == 0);
	CHECK(rank_index_check(&c.index, rank_index_code_bytes(items, factors), (uint64_t) blocks * RANK_LANES,
						   (uint64_t) blocks * 4));
	return c;
}

static void
catalogue_free(Catalogue *c)
{
	free(c->y);
	free(c->inverse_norms);
	free(c->codes);
	free(c->order);
	free(c->limits);
}

/* Each of 0 .. n - 1 with the given probability, ascending. */
static int32_t
some_of(int32_t n, double share, uint64_t seed, int32_t *out)
{
	int32_t taken = 0;

	for (int32_t i = 0; i < n; i++)
	{
		if (rng_uniform(seed, 9, (uint64_t) i) < share)
			out[taken++] = i;
	}
	return taken;
}

/* Lists of n users by index and by scan. */
static void
compare_lists(const Catalogue *c, int32_t n, int32_t k, double excluded, bool cosine, Kind kind,
			  uint64_t seed)
{
	size_t wide = (size_t) n * (size_t) k;
	float *x = core_malloc((size_t) n * (size_t) c->factors * sizeof(float));
	int32_t *exclude = core_malloc((size_t) n * (size_t) c->items * sizeof(int32_t));
	TopEntry *heaps = core_malloc(wide * sizeof(TopEntry));
	TopEntry *expected = core_malloc(wide * sizeof(TopEntry));
	float *scratch = core_malloc(RANK_TILE * sizeof(float));
	RankFilter filters[RANK_INDEX_USERS];
	TopK tops[RANK_INDEX_USERS];
	bool same = true;
	CoreEnv env;

	core_env_init(&env);
	for (int32_t u = 0; u < n; u++)
	{
		/* One in ten asks for nothing, and one in ten for something wild. */
		uint32_t mood = rng_below(seed, 3, (uint64_t) u, 20);
		int32_t *own = exclude + (int64_t) u * c->items;

		for (int32_t j = 0; j < c->factors; j++)
			x[u * c->factors + j] = mood < 2 ? 0.0f : number_of(kind, seed + 7, (uint64_t) u, (uint64_t) j);
		if (mood == 2)
			x[u * c->factors] = NAN;
		if (mood == 3)
			x[u * c->factors] = INFINITY;
		filters[u] =
			(RankFilter){.exclude = own, .n_exclude = some_of(c->items, excluded, seed + (uint64_t) u, own)};
		topk_init(&tops[u], heaps + (int64_t) u * k, k);
	}
	CHECK(rank_index_lists(&env.env, &c->index, c->y, x, cosine ? c->inverse_norms : NULL, filters, n,
						   tops) == CORE_OK);
	CHECK(env.live == 0);
	for (int32_t u = 0; u < n; u++)
	{
		TopK top;

		topk_init(&top, expected + (int64_t) u * k, k);
		CHECK(rank_items(&env.env, c->y, c->items, c->factors, x + (int64_t) u * c->factors,
						 cosine ? c->inverse_norms : NULL, &filters[u], scratch, &top) == CORE_OK);
		same &= top.n == tops[u].n;
		for (int32_t i = 0; same && i < top.n; i++)
			same &= top.heap[i].index == tops[u].heap[i].index && top.heap[i].score == tops[u].heap[i].score;
	}
	if (!CHECK(same))
		printf("%d items, %d factors, kind %d, %d users, k %d, excluded %g, cosine %d\n", c->items,
			   c->factors, (int) kind, n, k, excluded, cosine);
	free(x);
	free(exclude);
	free(heaps);
	free(expected);
	free(scratch);
}

static void
test_lists(void)
{
	static const int32_t sizes[] = {1, 15, 17, 130, 1000, 5000};
	static const int32_t widths[] = {1, 3, 16, 37, 64};
	static const int32_t lengths[] = {1, 10, 60};
	static const int32_t crowds[] = {1, 2, 5, 8, 11, 64};
	bool quick = getenv("CORE_TEST_QUICK") != NULL && *getenv("CORE_TEST_QUICK") != 0;
	uint64_t seed = 100;

	for (size_t s = 0; s < sizeof(sizes) / sizeof(sizes[0]) - quick; s++)
	{
		for (int kind = 0; kind < KINDS; kind++)
		{
			int32_t width = widths[(s + (size_t) kind) % 5];
			Catalogue c = catalogue_make(sizes[s], width, (Kind) kind, ++seed);

			for (int l = 0; l < 3; l++)
			{
				seed += 1000;
				compare_lists(&c, crowds[seed / 1000 % 6], lengths[l], 0.02, false, (Kind) kind, seed);
				compare_lists(&c, crowds[(seed / 1000 + 2) % 6], lengths[l], 0.5, l % 2 == 0, (Kind) kind,
							  seed);
			}
			compare_lists(&c, 3, sizes[s] / 4 + 1, 0.1, false, (Kind) kind, seed + 1);
			compare_lists(&c, 3, 5, 1.0, true, (Kind) kind, seed + 2);
			catalogue_free(&c);
		}
	}
}

static void
test_stops(void)
{
	Catalogue c = catalogue_make(5000, 8, NORMAL, 5);
	RankFilter filter = {0};
	TopEntry heap[10];
	TopK top;
	CoreEnv env;
	long looks;

	core_env_init(&env);
	topk_init(&top, heap, 10);
	CHECK(rank_index_lists(&env.env, &c.index, c.y, c.y, NULL, &filter, 1, &top) == CORE_OK);
	looks = env.looks;
	CHECK(looks > 2);
	for (long look = 1; look <= looks; look++)
	{
		core_env_init(&env);
		env.cancel_at = look;
		topk_init(&top, heap, 10);
		CHECK(rank_index_lists(&env.env, &c.index, c.y, c.y, NULL, &filter, 1, &top) == CORE_CANCELLED);
		CHECK(env.live == 0);
	}
	core_env_init(&env);
	env.fail_at = 1;
	CHECK(rank_index_lists(&env.env, &c.index, c.y, c.y, NULL, &filter, 1, &top) == CORE_NO_MEMORY);
	core_env_init(&env);
	env.fail_at = 1;
	CHECK(rank_index_build(&env.env, c.y, 5000, 8, c.codes, c.order, c.limits, &c.index) == CORE_NO_MEMORY);
	core_env_init(&env);
	env.cancel_at = 3;
	CHECK(rank_index_build(&env.env, c.y, 5000, 8, c.codes, c.order, c.limits, &c.index) == CORE_CANCELLED);
	c.y[77] = NAN;
	core_env_init(&env);
	CHECK(rank_index_build(&env.env, c.y, 5000, 8, c.codes, c.order, c.limits, &c.index) == CORE_NOT_FINITE);
	CHECK(env.live == 0);
	catalogue_free(&c);
}

/* What a payload may claim. */
static void
test_check(void)
{
	Catalogue c = catalogue_make(100, 6, NORMAL, 5);
	uint64_t codes = rank_index_code_bytes(100, 6);
	uint64_t blocks = (uint64_t) rank_index_blocks(100);
	RankIndex index = c.index;

	CHECK(rank_index_check(&index, codes, blocks * 16, blocks * 4));
	CHECK(!rank_index_check(&index, codes - 1, blocks * 16, blocks * 4));
	CHECK(!rank_index_check(&index, codes, blocks * 16 - 1, blocks * 4));
	CHECK(!rank_index_check(&index, codes, blocks * 16, blocks * 4 + 1));
	index.blocks++;
	CHECK(!rank_index_check(&index, codes, blocks * 16, blocks * 4));
	index.blocks--;
	c.order[3] = 100;
	CHECK(!rank_index_check(&index, codes, blocks * 16, blocks * 4));
	c.order[3] = -2;
	CHECK(!rank_index_check(&index, codes, blocks * 16, blocks * 4));

	/* Arrays that are wrong but within bounds do no harm. */
	memset(c.codes, 0, codes);
	for (uint64_t i = 0; i < blocks * 4; i++)
		c.limits[i] = i % 3 == 0 ? NAN : i % 3 == 1 ? -INFINITY : 1e38f;
	for (uint64_t i = 0; i < blocks * 16; i++)
		c.order[i] = 7;
	CHECK(rank_index_check(&index, codes, blocks * 16, blocks * 4));
	{
		RankFilter filter = {0};
		TopEntry heap[10];
		TopK top;
		CoreEnv env;

		core_env_init(&env);
		topk_init(&top, heap, 10);
		CHECK(rank_index_lists(&env.env, &index, c.y, c.y, NULL, &filter, 1, &top) == CORE_OK);
	}
	catalogue_free(&c);
}

/* Kernels: the same scores and dots to the last bit, and limits that no item worth listing fails. */
static void
test_kernel(const RankKernel *kernel, int32_t factors, int32_t n_queries)
{
	enum
	{
		ITEMS = 300,
		BLOCKS = 24
	};
	const RankKernel *plain = rank_kernel_numbered(0);
	Catalogue c = catalogue_make(ITEMS, factors, factors % 2 == 0 ? POPULAR : NORMAL, (uint64_t) factors);
	int32_t quads = (factors + 3) / 4;
	int8_t codes[RANK_QUERIES * 256];
	RankQuery queries[RANK_QUERIES];
	int32_t least[RANK_QUERIES * BLOCKS];
	RankHit *hits = core_malloc(RANK_QUERIES * BLOCKS * sizeof(RankHit));
	RankHit *expected = core_malloc(RANK_QUERIES * BLOCKS * sizeof(RankHit));
	float scores[ITEMS];
	float wanted[ITEMS];
	int32_t found;
	int32_t right = 0;

	CHECK(c.index.blocks == BLOCKS);
	plain->scores(c.y, ITEMS, factors, c.y + factors, wanted);
	kernel->scores(c.y, ITEMS, factors, c.y + factors, scores);
	CHECK(memcmp(scores, wanted, sizeof(scores)) == 0);
	memset(codes, 0, sizeof(codes));
	for (int32_t q = 0; q < n_queries; q++)
	{
		int32_t sum = 0;

		for (int32_t j = 0; j < factors; j++)
		{
			codes[q * quads * 4 + j] =
				(int8_t) ((int32_t) rng_below(3, (uint64_t) q, (uint64_t) j, 255) - 127);
			sum += codes[q * quads * 4 + j];
		}
		queries[q] =
			(RankQuery){.codes = codes + q * quads * 4, .step = 0.01f, .norm = 1.0f, .offset = 128 * sum};
		for (int32_t b = 0; b < BLOCKS; b++)
			least[q * BLOCKS + b] =
				128 * sum + (int32_t) rng_below(4, (uint64_t) q, (uint64_t) b, 20000) - 5000;
	}
	found = plain->scan(c.codes, quads, 0, BLOCKS, queries, n_queries, least, expected);
	CHECK(kernel->scan(c.codes, quads, 0, BLOCKS, queries, n_queries, least, hits) == found);
	/* In any order. */
	for (int32_t h = 0; h < found; h++)
	{
		for (int32_t e = 0; e < found; e++)
			right += memcmp(&hits[h], &expected[e], sizeof(RankHit)) == 0;
	}
	CHECK(right == found);
	CHECK(found > 0 && found < n_queries * BLOCKS);
	free(hits);
	free(expected);
	catalogue_free(&c);
}

/* least() must let every item pass whose score reaches the threshold, and most that do not reach it must fail. */
static void
test_limits(const RankKernel *kernel, bool cosine)
{
	enum
	{
		ITEMS = 3000,
		FACTORS = 40,
		BLOCKS = 192
	};
	Catalogue c = catalogue_make(ITEMS, FACTORS, POPULAR, 21);
	RankLimits limits = {c.limits, c.limits + BLOCKS, c.limits + 2 * BLOCKS, c.limits + 3 * BLOCKS};
	int32_t least[BLOCKS];
	RankHit *hits = core_malloc(BLOCKS * sizeof(RankHit));
	bool safe = true;
	int64_t passed = 0;
	int64_t worthy = 0;

	CHECK(c.index.blocks == BLOCKS);
	for (int trial = 0; trial < 60; trial++)
	{
		float x[FACTORS];
		int8_t codes[FACTORS];
		float scores[ITEMS];
		float step = 0.0f;
		double norm = 0.0;
		double error = 0.0;
		int32_t none[BLOCKS];
		RankQuery query = {.codes = codes};
		float threshold = (cosine ? 0.3f : 0.5f) * (float) rng_normal(33, 0, (uint64_t) trial);

		for (int j = 0; j < FACTORS; j++)
		{
			x[j] = (float) rng_normal(34, (uint64_t) trial, (uint64_t) j);
			step = fmaxf(step, fabsf(x[j]) / 127.0f);
		}
		for (int j = 0; j < FACTORS; j++)
		{
			codes[j] = (int8_t) rint(fmin(127.0, fmax(-127.0, x[j] / step)));
			query.offset += 128 * codes[j];
			norm += (double) x[j] * x[j];
			error += pow(x[j] - (double) step * codes[j], 2);
		}
		query.step = step;
		query.norm = (float) (sqrt(norm) * (1 + 1e-6));
		query.error = (float) (sqrt(error) * (1 + 1e-6));
		kernel->scores(c.y, ITEMS, FACTORS, x, scores);
		kernel->least(&limits, 0, BLOCKS, &query, threshold, cosine, least);
		for (int b = 0; b < BLOCKS; b++)
			none[b] = INT32_MIN + 1;
		CHECK(kernel->scan(c.codes, FACTORS / 4, 0, BLOCKS, &query, 1, none, hits) == BLOCKS);
		for (int b = 0; b < BLOCKS; b++)
		{
			for (int lane = 0; lane < RANK_LANES; lane++)
			{
				int32_t item = c.order[b * RANK_LANES + lane];
				bool good;
				bool passes = hits[b].dots[lane] >= least[b];

				if (item < 0)
					continue;
				good = (cosine ? scores[item] * c.inverse_norms[item] : scores[item]) >= threshold;
				safe &= passes || !good;
				passed += passes;
				worthy += good;
			}
		}
	}
	CHECK(safe);
	CHECK((double) passed < 1.2 * (double) worthy + 60.0);
	free(hits);
	catalogue_free(&c);
}

static void
test_kernels(void)
{
	static const int32_t factors[] = {1, 4, 7, 16, 33, 64, 130};
	int kernels = 0;

	for (int number = 0; number < RANK_KERNELS; number++)
	{
		const RankKernel *kernel = rank_kernel_numbered(number);

		if (kernel == NULL)
			continue;
		kernels++;
		for (size_t f = 0; f < sizeof(factors) / sizeof(factors[0]); f++)
		{
			for (int32_t queries = 1; queries <= RANK_QUERIES; queries++)
				test_kernel(kernel, factors[f], queries);
		}
		test_limits(kernel, false);
		test_limits(kernel, true);
	}
	CHECK(kernels >= 1);
	CHECK(rank_kernel_numbered(RANK_KERNELS) == NULL);
}

int
main(void)
{
	test_kernels();
	test_lists();
	test_stops();
	test_check();
	return check_finish();
}
