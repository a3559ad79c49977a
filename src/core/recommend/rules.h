/*
 * rules.h - from itemsets to association rules: who has these in the basket also takes that
 */
#ifndef CORE_RULES_H
#define CORE_RULES_H

#include "../contingency.h"
#include "itemsets.h"

typedef struct RuleParams
{
	double min_confidence; /* 0 .. 1 */
	double min_lift; /* 0 .. */
	int64_t max_rules; /* the best so many are kept; 0: all */
	size_t memory; /* bytes that may be taken at once, the itemsets not counted */
} RuleParams;

/* The antecedent is an itemset, the consequent one item by rank. */
typedef struct Rule
{
	double lift;
	int32_t antecedent; /* set */
	int32_t consequent; /* rank */
	int32_t together; /* baskets that hold both */
} Rule;

typedef struct Rules
{
	Rule *rule; /* [n] best first */
	int64_t n;
	int64_t
		tests; /* pairs of a frequent antecedent and another frequent item among which rules were looked for */
	bool full; /* the memory did not suffice: the rules are not all */
} Rules;

/*
 * Every rule whose items together are a frequent set and that passes both thresholds, by lift, then by baskets, then by the
 * consequent's index, then by the antecedent's indices.  Freed with rules_free, also after a status other than CORE_OK.
 */
extern CoreStatus rules_find(Env *env, const Itemsets *sets, const RuleParams *params, Rules *out);

extern void rules_free(Env *env, Rules *rules);

/* The antecedent's items by index, ascending, into items [ITEMSET_MAX]; returns how many. */
extern int32_t rule_antecedent(const Itemsets *sets, const Rule *rule, int32_t *items);

/* The counts behind a rule: first is the antecedent, second the consequent. */
extern Contingency rule_counts(const Itemsets *sets, const Rule *rule);

/* What is said of a rule. */
typedef struct RuleMeasures
{
	double support; /* share of the baskets that hold all of it */
	double confidence; /* share of the antecedent's baskets that hold the consequent too */
	double lift, lift_low, lift_high; /* how many times as often as by chance; 95 % interval */
	double leverage; /* support beyond chance */
	double conviction; /* infinite at a confidence of 1; NaN when every basket holds the consequent */
	double p_value; /* Fisher's exact test against more often than by chance */
} RuleMeasures;

extern void rule_measures(const Contingency *counts, RuleMeasures *out);

#endif
