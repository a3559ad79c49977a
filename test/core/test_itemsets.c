/*
 * test_itemsets.c - frequent itemsets and rules against counting every subset of the items
 */
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "check.h"
#include "core_env.h"
#include "recommend/itemsets.h"
#include "recommend/itemsets_kernel.h"
#include "recommend/rules.h"
#include "rng.h"

#define PLENTY ((size_t) 1 << 32)
#define BRUTE_ITEMS 10 /* at most, for all subsets to be counted */

typedef struct Shape
{
	const char *name;
	int32_t baskets;
	int32_t items;
	double density;
	int32_t min_baskets;
	int32_t max_items;
} Shape;

static const Shape shapes[] = {
	{"usual", 60, 10, 0.3, 4, 10},
	{"sparse", 400, 10, 0.08, 3, 10},
	{"dense", 100, 8, 0.9, 30, 10},
	{"everything bought by all", 70, 6, 1.1, 1, 10},
	{"pairs only", 200, 10, 0.4, 5, 2},
	{"single items only", 200, 10, 0.4, 5, 1},
	{"sets of three", 200, 10, 0.4, 5, 3},
	{"bitmaps of several words", 1000, 9, 0.5, 20, 9},
	{"nothing frequent", 30, 10, 0.2, 29, 10},
	{"one basket", 1, 7, 0.7, 1, 10},
	{"one item", 50, 1, 0.5, 2, 10},
	{"empty baskets", 50, 10, 0.02, 1, 10},
	{"no baskets", 0, 10, 0.5, 1, 10},
	{"no items", 10, 0, 0.5, 1, 10},
};
#define SHAPES ((int) (sizeof(shapes) / sizeof(shapes[0])))

/* Items differ in how often they are bought, and come in families. */
static bool
is_bought(const Shape *shape, uint64_t seed, int32_t basket, int32_t item)
{
	double share = shape->density * (0.5 + (double) rng_below(seed, 7, (uint64_t) item, 100) / 100);

	if (rng_uniform(seed, 1000 + (uint64_t) item / 3, (uint64_t) basket) < 0.15)
		share = share * 2;
	return shape->density > 1 || rng_uniform(seed, 10 + (uint64_t) item, (uint64_t) basket) < share;
}

static Csr
make_baskets(const Shape *shape, uint64_t seed)
{
	Csr out = {.rows = shape->baskets, .cols = shape->items};
	size_t most = (size_t) shape->baskets * (size_t) shape->items;

	out.start = core_malloc(sizeof(int64_t) * ((size_t) shape->baskets + 1));
	out.col = core_malloc(sizeof(int32_t) * (most + 1));
	out.start[0] = 0;
	for (int32_t b = 0; b < shape->baskets; b++)
	{
		out.start[b + 1] = out.start[b];
		for (int32_t i = 0; i < shape->items; i++)
			if (is_bought(shape, seed, b, i))
				out.col[out.start[b + 1]++] = i;
	}
	return out;
}

static void
free_baskets(Csr *baskets)
{
	free(baskets->start);
	free(baskets->col);
}

/* count [2^items]: baskets that hold each subset; returned for the caller to free. */
static int32_t *
count_subsets(const Csr *baskets)
{
	int32_t subsets = 1 << baskets->cols;
	int32_t *count = calloc((size_t) subsets, sizeof(int32_t));

	for (int32_t b = 0; b < baskets->rows; b++)
	{
		int32_t mask = 0;

		for (int64_t e = baskets->start[b]; e < baskets->start[b + 1]; e++)
			mask |= 1 << baskets->col[e];
		for (int32_t s = 0; s < subsets; s++)
			count[s] += (s & mask) == s;
	}
	return count;
}

static int32_t
mask_of(const Itemsets *sets, int32_t s)
{
	int32_t ranks[ITEMSET_MAX];
	int32_t n = itemset_ranks(sets, s, ranks);
	int32_t mask = 0;

	for (int32_t i = 0; i < n; i++)
	{
		mask |= 1 << sets->item[ranks[i]];
		CHECK(i == 0 || ranks[i] > ranks[i - 1]);
	}
	return mask;
}

static void
compare_sets(const Shape *shape, const Itemsets *sets, const int32_t *count)
{
	int32_t expected = 0;
	bool same = true;
	char *found = calloc((size_t) 1 << shape->items, 1);

	for (int32_t s = 1; s < 1 << shape->items; s++)
		expected += count[s] >= shape->min_baskets && __builtin_popcount((unsigned) s) <= shape->max_items;
	if (!CHECK(sets->n == expected))
		printf("%s: %d sets, expected %d\n", shape->name, sets->n, expected);
	for (int32_t s = 0; s < sets->n; s++)
	{
		int32_t mask = mask_of(sets, s);

		same &= sets->together[s] == count[mask] && !found[mask] && sets->parent[s] < s;
		found[mask] = 1;
	}
	CHECK(same);
	free(found);
}

static bool
in_order(const Itemsets *sets, const Rule *x, const Rule *y)
{
	int32_t a[ITEMSET_MAX];
	int32_t b[ITEMSET_MAX];
	int32_t n_a = rule_antecedent(sets, x, a);
	int32_t n_b = rule_antecedent(sets, y, b);

	if (x->lift != y->lift)
		return x->lift > y->lift;
	if (x->together != y->together)
		return x->together > y->together;
	if (x->consequent != y->consequent)
		return sets->item[x->consequent] < sets->item[y->consequent];
	for (int32_t i = 0; i < n_a && i < n_b; i++)
		if (a[i] != b[i])
			return a[i] < b[i];
	return n_a < n_b;
}

/* Each rule's figures from the subsets' counts alone. */
static void
compare_rules(const Shape *shape, const Itemsets *sets, const int32_t *count, const RuleParams *params,
			  const Rules *rules)
{
	double n = shape->baskets;
	int64_t expected = 0;
	int64_t tests = 0;

	for (int32_t s = 1; s < 1 << shape->items; s++)
	{
		bool frequent = count[s] >= shape->min_baskets;

		for (int32_t i = 0; i < shape->items; i++)
		{
			int32_t part = s & ~(1 << i);

			if (frequent && __builtin_popcount((unsigned) s) < shape->max_items && part == s)
				tests += count[1 << i] >= shape->min_baskets;
			if (!frequent || part == s || part == 0 || __builtin_popcount((unsigned) s) > shape->max_items)
				continue;
			expected += (double) count[s] / count[part] >= params->min_confidence &&
						(double) count[s] * n / ((double) count[part] * count[1 << i]) >= params->min_lift;
		}
	}
	if (!CHECK(rules->n == expected))
		printf("%s: %lld rules, expected %lld\n", shape->name, (long long) rules->n, (long long) expected);
	CHECK(rules->tests == tests);
	for (int64_t r = 0; r < rules->n; r++)
	{
		const Rule *rule = &rules->rule[r];
		int32_t antecedent = mask_of(sets, rule->antecedent);
		int32_t consequent = 1 << sets->item[rule->consequent];
		double both = count[antecedent | consequent];
		double p_a = count[antecedent] / n;
		double p_c = count[consequent] / n;
		Contingency counts = rule_counts(sets, rule);
		RuleMeasures measures;

		rule_measures(&counts, &measures);
		CHECK((antecedent & consequent) == 0);
		CHECK_CLOSE(measures.support, both / n, 1e-12);
		CHECK_CLOSE(measures.confidence, both / n / p_a, 1e-12);
		CHECK_CLOSE(measures.lift, both / n / (p_a * p_c), 1e-12);
		CHECK_CLOSE(measures.leverage, both / n - p_a * p_c, 1e-12);
		if (measures.confidence < 1)
			CHECK_CLOSE(measures.conviction, (1 - p_c) / (1 - measures.confidence), 1e-9);
		else
			CHECK(p_c < 1 ? isinf(measures.conviction) : isnan(measures.conviction));
		CHECK(measures.lift_low <= measures.lift && measures.lift <= measures.lift_high);
		CHECK(measures.p_value >= 0 && measures.p_value <= 1);
		CHECK(r == 0 || in_order(sets, rule - 1, rule));
	}
}

static void
test_against_subsets(void)
{
	static const RuleParams params[] = {{0, 0, 0, PLENTY}, {0.5, 0, 0, PLENTY}, {0.2, 1.1, 0, PLENTY}};

	for (int s = 0; s < SHAPES; s++)
	{
		for (uint64_t seed = 1; seed <= 20; seed++)
		{
			const Shape *shape = &shapes[s];
			Csr baskets = make_baskets(shape, seed);
			int32_t *count = count_subsets(&baskets);
			ItemsetParams search = {shape->min_baskets, shape->max_items, PLENTY};
			Itemsets sets;
			CoreEnv env;

			core_env_init(&env);
			CHECK(itemsets_find(&env.env, &baskets, &search, &sets) == CORE_OK && !sets.full);
			compare_sets(shape, &sets, count);
			for (size_t p = 0; p < sizeof(params) / sizeof(params[0]); p++)
			{
				Rules rules;

				CHECK(rules_find(&env.env, &sets, &params[p], &rules) == CORE_OK && !rules.full);
				compare_rules(shape, &sets, count, &params[p], &rules);
				rules_free(&env.env, &rules);
			}
			itemsets_free(&env.env, &sets);
			CHECK(env.live == 0);
			free(count);
			free_baskets(&baskets);
		}
	}
}

static void
test_max_rules(void)
{
	Csr baskets = make_baskets(&shapes[0], 3);
	ItemsetParams search = {4, 10, PLENTY};
	RuleParams all = {0.2, 0, 0, PLENTY};
	RuleParams some = {0.2, 0, 5, PLENTY};
	Itemsets sets;
	Rules rules;
	Rules first;
	CoreEnv env;

	core_env_init(&env);
	CHECK(itemsets_find(&env.env, &baskets, &search, &sets) == CORE_OK);
	CHECK(rules_find(&env.env, &sets, &all, &rules) == CORE_OK && rules.n > 5);
	CHECK(rules_find(&env.env, &sets, &some, &first) == CORE_OK && first.n == 5);
	for (int r = 0; r < 5; r++)
		CHECK(first.rule[r].antecedent == rules.rule[r].antecedent &&
			  first.rule[r].consequent == rules.rule[r].consequent);
	rules_free(&env.env, &rules);
	rules_free(&env.env, &first);
	itemsets_free(&env.env, &sets);
	free_baskets(&baskets);
}

/* Both steps in one; whatever happens, everything is given back. */
static CoreStatus
find_both(CoreEnv *env, const Csr *baskets, size_t memory, bool *full, int64_t *found)
{
	ItemsetParams search = {6, 10, memory};
	RuleParams params = {0, 0, 0, memory};
	Itemsets sets;
	Rules rules = {0};
	CoreStatus status = itemsets_find(&env->env, baskets, &search, &sets);

	*full = sets.full;
	if (status == CORE_OK && !sets.full)
		status = rules_find(&env->env, &sets, &params, &rules);
	*full |= rules.full;
	*found = rules.n;
	rules_free(&env->env, &rules);
	itemsets_free(&env->env, &sets);
	CHECK(env->live == 0);
	return status;
}

static void
test_failures(void)
{
	const Shape shape = {"many", 3000, 12, 0.5, 6, 10};
	Csr baskets = make_baskets(&shape, 1);
	CoreEnv env;
	bool full;
	int64_t found;
	long allocations;
	long looks;

	core_env_init(&env);
	CHECK(find_both(&env, &baskets, PLENTY, &full, &found) == CORE_OK && !full && found > 10000);
	allocations = env.allocations;
	looks = env.looks;
	CHECK(allocations > 20 && looks > 20);
	for (long a = 1; a <= allocations; a++)
	{
		core_env_init(&env);
		env.fail_at = a;
		CHECK(find_both(&env, &baskets, PLENTY, &full, &found) == CORE_NO_MEMORY);
	}
	for (long l = 1; l <= looks; l++)
	{
		core_env_init(&env);
		env.cancel_at = l;
		CHECK(find_both(&env, &baskets, PLENTY, &full, &found) == CORE_CANCELLED);
	}
	free_baskets(&baskets);
}

/* The memory that is given is not exceeded, and with a little more each time it suffices in the end. */
static void
test_memory(void)
{
	const Shape shape = {"many", 300, 12, 0.5, 6, 10};
	Csr baskets = make_baskets(&shape, 1);
	bool full = true;

	for (size_t memory = 64; full && memory < PLENTY; memory += memory / 4)
	{
		ItemsetParams search = {6, 10, memory};
		RuleParams params = {0, 0, 0, memory};
		Itemsets sets;
		Rules rules = {0};
		CoreEnv env;

		core_env_init(&env);
		CHECK(itemsets_find(&env.env, &baskets, &search, &sets) == CORE_OK);
		CHECK(env.peak_bytes <= memory);
		if (!sets.full)
		{
			size_t held = env.bytes;

			CHECK(held == sets.bytes);
			env.peak_bytes = held;
			CHECK(rules_find(&env.env, &sets, &params, &rules) == CORE_OK);
			CHECK(env.peak_bytes - held <= memory);
		}
		full = sets.full || rules.full;
		rules_free(&env.env, &rules);
		itemsets_free(&env.env, &sets);
	}
	CHECK(!full);
	free_baskets(&baskets);
}

/* A hundred items in every one of a hundred baskets have 2^100 frequent sets: the memory ends it, soon. */
static void
test_explosion(void)
{
	const Shape shape = {"everything", 100, 100, 1.1, 1, 20};
	Csr baskets = make_baskets(&shape, 1);
	ItemsetParams search = {1, 20, 1 << 24};
	Itemsets sets;
	CoreEnv env;

	core_env_init(&env);
	CHECK(itemsets_find(&env.env, &baskets, &search, &sets) == CORE_OK && sets.full && sets.n > 100000);
	itemsets_free(&env.env, &sets);
	free_baskets(&baskets);
}

/* Looks at the cancel flag come with the work: several in 20 ms of computing, on the average. */
static void
test_looks(void)
{
	const Shape shape = {"large", 40000, 60, 0.4, 400, 4};
	Csr baskets = make_baskets(&shape, 1);
	ItemsetParams search = {400, 4, PLENTY};
	RuleParams params = {0, 0, 0, PLENTY};
	clock_t begun = clock();
	Itemsets sets;
	Rules rules;
	CoreEnv env;

	core_env_init(&env);
	CHECK(itemsets_find(&env.env, &baskets, &search, &sets) == CORE_OK);
	CHECK(rules_find(&env.env, &sets, &params, &rules) == CORE_OK && rules.n > 1000000);
	CHECK((double) (clock() - begun) / CLOCKS_PER_SEC / (double) env.looks < 0.005);
	rules_free(&env.env, &rules);
	itemsets_free(&env.env, &sets);
	free_baskets(&baskets);
}

static void
test_kernels(void)
{
	uint64_t a[67];
	uint64_t b[67];
	uint64_t out[67];

	for (int k = 0; k < ITEMSET_KERNELS; k++)
	{
		const ItemsetKernel *kernel = itemset_kernel_numbered(k);

		for (size_t words = 0; kernel != NULL && words <= 67; words++)
		{
			int64_t expected = 0;
			bool same = true;

			for (size_t w = 0; w < words; w++)
			{
				a[w] = rng_hash3(1, words, w) | rng_hash3(2, words, w);
				b[w] = w % 7 == 0 ? UINT64_MAX : rng_hash3(3, words, w);
				for (int bit = 0; bit < 64; bit++)
					expected += (a[w] & b[w]) >> bit & 1;
			}
			CHECK(kernel->intersect(a, b, words, out) == expected);
			for (size_t w = 0; w < words; w++)
				same &= out[w] == (a[w] & b[w]);
			CHECK(same);
		}
	}
	CHECK(itemset_kernel() != NULL);
}

int
main(void)
{
	test_kernels();
	test_against_subsets();
	test_max_rules();
	test_memory();
	test_failures();
	test_explosion();
	if (getenv("CORE_TEST_QUICK") == NULL || *getenv("CORE_TEST_QUICK") == '\0')
		test_looks();
	return check_finish();
}
