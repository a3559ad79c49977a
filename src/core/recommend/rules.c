/*
 * rules.c - from itemsets to association rules
 *
 * Agrawal, Imielinski & Swami 1993: each frequent set of two or more items gives as many rules as it has items, each with one of them
 * on the right.  What is on the left is itself frequent, so its count is known: the set is found in the tree of prefixes
 * through a hash table of (parent, rank).
 *
 * Memory: 4 bytes for each slot of the table, which is at most half full; 24 bytes per rule, half as much again for growing
 * and as much again while they are sorted.  All of it is held against params->memory.
 *
 * Rules are numbered by int32.
 */
#include <math.h>
#include <string.h>

#include "../merge_sort.h"
#include "../rng.h"
#include "chunks.h"
#include "rules.h"

#define STRETCH 16384 /* steps between two looks at the cancel flag */
#define FIRST_RULES 256

typedef struct Finder
{
	Env *env;
	const Itemsets *sets;
	const RuleParams *params;
	Rules *out;
	int64_t room; /* rules that out->rule can hold */
	int32_t *slots; /* [n_slots] set + 1; 0: empty */
	uint64_t n_slots; /* a power of two */
	int64_t work; /* steps since the last look at the cancel flag */
} Finder;

static bool
stopped(Finder *finder)
{
	if (++finder->work < STRETCH)
		return false;
	finder->work = 0;
	return finder->env->cancelled(finder->env);
}

/* ---- sets by their items ---- */

static uint64_t
slot_of(const Finder *finder, int32_t parent, int32_t rank)
{
	return rng_mix((uint64_t) (uint32_t) parent << 32 | (uint32_t) rank) & (finder->n_slots - 1);
}

static CoreStatus
index_sets(Finder *finder)
{
	const Itemsets *sets = finder->sets;
	uint64_t n = 16;

	while (n < 2 * (uint64_t) sets->n)
		n *= 2;
	if (n * sizeof(int32_t) > finder->params->memory)
	{
		finder->out->full = true;
		return CORE_OK;
	}
	finder->n_slots = n;
	finder->slots = finder->env->alloc(finder->env, n * sizeof(int32_t));
	if (finder->slots == NULL)
		return CORE_NO_MEMORY;
	for (uint64_t lo = 0; lo < n; lo += STRETCH)
	{
		if (finder->env->cancelled(finder->env))
			return CORE_CANCELLED;
		memset(finder->slots + lo, 0, (size_t) (n - lo < STRETCH ? n - lo : STRETCH) * sizeof(int32_t));
	}
	for (int32_t s = 0; s < sets->n; s++)
	{
		uint64_t slot = slot_of(finder, sets->parent[s], sets->last[s]);

		while (finder->slots[slot] != 0)
			slot = (slot + 1) & (n - 1);
		finder->slots[slot] = s + 1;
		if (stopped(finder))
			return CORE_CANCELLED;
	}
	return CORE_OK;
}

/* The set of ranks [n] without the one at `without`; it is there, being part of a frequent set. */
static int32_t
find_part(const Finder *finder, const int32_t *ranks, int32_t n, int32_t without)
{
	const Itemsets *sets = finder->sets;
	int32_t set = -1;

	for (int32_t i = 0; i < n; i++)
	{
		uint64_t slot;

		if (i == without)
			continue;
		slot = slot_of(finder, set, ranks[i]);
		while (sets->parent[finder->slots[slot] - 1] != set ||
			   sets->last[finder->slots[slot] - 1] != ranks[i])
			slot = (slot + 1) & (finder->n_slots - 1);
		set = finder->slots[slot] - 1;
	}
	return set;
}

/* ---- rules ---- */

static size_t
rules_bytes(const Finder *finder, int64_t rules)
{
	return bytes_plus(bytes_times((size_t) rules, sizeof(Rule)), finder->n_slots * sizeof(int32_t));
}

static CoreStatus
grow(Finder *finder)
{
	Rules *out = finder->out;
	int64_t room = finder->room > 0 ? finder->room + finder->room / 2 : FIRST_RULES;
	Rule *wider;

	if (room > INT32_MAX || rules_bytes(finder, room + finder->room) > finder->params->memory)
	{
		out->full = true;
		return CORE_OK;
	}
	wider = finder->env->alloc(finder->env, (size_t) room * sizeof(Rule));
	if (wider == NULL)
		return CORE_NO_MEMORY;
	if (out->rule != NULL)
	{
		memcpy(wider, out->rule, (size_t) out->n * sizeof(Rule));
		finder->env->release(finder->env, out->rule);
	}
	out->rule = wider;
	finder->room = room;
	return CORE_OK;
}

/* The rules of set s, which has two or more items. */
static CoreStatus
rules_of_set(Finder *finder, int32_t s)
{
	const Itemsets *sets = finder->sets;
	const RuleParams *params = finder->params;
	Rules *out = finder->out;
	int32_t ranks[ITEMSET_MAX];
	int32_t n = itemset_ranks(sets, s, ranks);

	for (int32_t i = 0; i < n; i++)
	{
		Rule rule = {.antecedent = i == n - 1 ? sets->parent[s] : find_part(finder, ranks, n, i),
					 .consequent = ranks[i],
					 .together = sets->together[s]};
		Contingency counts = rule_counts(sets, &rule);

		rule.lift = contingency_lift(&counts);
		if ((double) counts.both / (double) counts.first < params->min_confidence ||
			rule.lift < params->min_lift)
			continue;
		if (out->n == finder->room)
		{
			CoreStatus status = grow(finder);

			if (status != CORE_OK || out->full)
				return status;
		}
		out->rule[out->n++] = rule;
	}
	return CORE_OK;
}

static CoreStatus
collect(Finder *finder)
{
	const Itemsets *sets = finder->sets;

	for (int32_t s = 0; s < sets->n; s++)
	{
		CoreStatus status = CORE_OK;

		if (stopped(finder))
			return CORE_CANCELLED;
		if (sets->parent[s] >= 0)
			status = rules_of_set(finder, s);
		if (status != CORE_OK || finder->out->full)
			return status;
	}
	return CORE_OK;
}

/* ---- order ---- */

/* MergeCompare; arg: the Itemsets. */
static int
compare_rules(const void *left, const void *right, const void *arg)
{
	const Rule *x = left;
	const Rule *y = right;
	const Itemsets *sets = arg;
	int32_t a[ITEMSET_MAX];
	int32_t b[ITEMSET_MAX];
	int32_t n_a;
	int32_t n_b;

	if (x->lift != y->lift)
		return x->lift > y->lift ? -1 : 1;
	if (x->together != y->together)
		return x->together > y->together ? -1 : 1;
	if (x->consequent != y->consequent)
		return sets->item[x->consequent] < sets->item[y->consequent] ? -1 : 1;
	n_a = rule_antecedent(sets, x, a);
	n_b = rule_antecedent(sets, y, b);
	for (int32_t i = 0; i < n_a && i < n_b; i++)
		if (a[i] != b[i])
			return a[i] < b[i] ? -1 : 1;
	return n_a - n_b;
}

static CoreStatus
sort_rules(Finder *finder)
{
	Rules *out = finder->out;
	CoreStatus status;
	void *rules;
	void *spare;

	if (out->n < 2)
		return CORE_OK;
	if (rules_bytes(finder, out->n + finder->room) > finder->params->memory)
	{
		out->full = true;
		return CORE_OK;
	}
	spare = finder->env->alloc(finder->env, (size_t) out->n * sizeof(Rule));
	if (spare == NULL)
		return CORE_NO_MEMORY;
	rules = out->rule;
	status = merge_sort(finder->env, &rules, &spare, out->n, sizeof(Rule), compare_rules, finder->sets);
	out->rule = rules;
	finder->env->release(finder->env, spare);
	return status;
}

/* ---- all of it ---- */

static int64_t
count_tests(const Itemsets *sets)
{
	double tests = 0;

	for (int32_t size = 1; size < ITEMSET_MAX; size++)
		if (size < sets->max_items)
			tests += (double) sets->of_size[size] * (sets->frequent - size);
	return tests < 9e18 ? (int64_t) tests : INT64_MAX;
}

CoreStatus
rules_find(Env *env, const Itemsets *sets, const RuleParams *params, Rules *out)
{
	Finder finder = {.env = env, .sets = sets, .params = params, .out = out};
	CoreStatus status;

	*out = (Rules){.tests = count_tests(sets)};
	status = index_sets(&finder);
	if (status == CORE_OK && !out->full)
		status = collect(&finder);
	if (status == CORE_OK && !out->full)
		status = sort_rules(&finder);
	if (finder.slots != NULL)
		env->release(env, finder.slots);
	if (params->max_rules > 0)
		out->n = chunks_smaller(out->n, params->max_rules);
	return status;
}

void
rules_free(Env *env, Rules *rules)
{
	if (rules->rule != NULL)
		env->release(env, rules->rule);
	*rules = (Rules){0};
}

/* ---- one rule ---- */

int32_t
rule_antecedent(const Itemsets *sets, const Rule *rule, int32_t *items)
{
	int32_t ranks[ITEMSET_MAX];
	int32_t n = itemset_ranks(sets, rule->antecedent, ranks);

	for (int32_t i = 0; i < n; i++)
	{
		int32_t item = sets->item[ranks[i]];
		int32_t j = i;

		for (; j > 0 && items[j - 1] > item; j--)
			items[j] = items[j - 1];
		items[j] = item;
	}
	return n;
}

Contingency
rule_counts(const Itemsets *sets, const Rule *rule)
{
	return (Contingency){.both = rule->together,
						 .first = sets->together[rule->antecedent],
						 .second = sets->count[rule->consequent],
						 .all = sets->baskets};
}

void
rule_measures(const Contingency *counts, RuleMeasures *out)
{
	double all = (double) counts->all;
	double first = (double) counts->first;
	double second = (double) counts->second;
	double both = (double) counts->both;

	out->support = both / all;
	out->confidence = both / first;
	out->lift = contingency_lift(counts);
	contingency_lift_interval(counts, &out->lift_low, &out->lift_high);
	out->leverage = (both * all - first * second) / (all * all);
	out->conviction = first * (all - second) / (all * (first - both)); /* 0/0 is not a number, x/0 infinite */
	out->p_value = contingency_fisher(counts);
}
