/*
 * basket.h - what else goes into a basket, by association rules and by popularity
 */
#ifndef CORE_BASKET_H
#define CORE_BASKET_H

#include "rules.h"

/* Rules ready to serve.  They stand in the order of rules_find; an antecedent's items ascend. */
typedef struct BasketModel
{
	int32_t items;
	int32_t baskets; /* counted */
	const int32_t *count; /* [items] baskets that hold it */
	const int32_t *popular; /* [items] the most bought first, of equal ones the smaller index */
	int32_t rules;
	const int64_t *antecedent_start; /* [rules + 1] */
	const int32_t *antecedent; /* [antecedent_start[rules]] */
	const int32_t *consequent; /* [rules] */
	const int32_t *antecedent_count; /* [rules] baskets that hold the antecedent */
	const int32_t *together; /* [rules] baskets that hold all of it */
	const int64_t *by_item_start; /* [items + 1] */
	const int32_t *by_item; /* [rules] those whose antecedent begins with each item, ascending */
	int64_t tests; /* as in Rules */
} BasketModel;

/* The same as one block of memory with room to write. */
typedef struct BasketDraft
{
	BasketModel model; /* points into block */
	void *block;
} BasketDraft;

/* Bytes that basket_build takes at most for so many items, rules and items in antecedents, its scratch included. */
extern size_t basket_bytes(int32_t items, int64_t rules, int64_t antecedents);

/* How many items stand in the antecedents of all rules together. */
extern int64_t basket_antecedents(const Itemsets *sets, const Rules *rules);

/* From what was found in `baskets`; freed by releasing block, also after a status other than CORE_OK. */
extern CoreStatus basket_build(Env *env, const Csr *baskets, const Itemsets *sets, const Rules *rules,
							   BasketDraft *out);

/* Whether arrays of the right lengths (antecedents: of `antecedent`) hang together: indices in range, counts possible, orders kept. */
extern CoreStatus basket_check(Env *env, const BasketModel *model, int64_t antecedents);

extern Contingency basket_rule_counts(const BasketModel *model, int32_t rule);

/* ---- serving ---- */

typedef struct BasketAnswer
{
	double score; /* by a rule: its confidence; by popularity: the share of the baskets that hold the item */
	int32_t rule; /* -1: by popularity */
	int32_t item;
} BasketAnswer;

/* What serving works with; cleared once, and left clean by each answer. */
typedef struct BasketDesk
{
	const BasketModel *model;
	int32_t *best; /* [items] rule + 1 that speaks for each item */
	uint8_t *mark; /* [items] */
	BasketAnswer *spoken; /* [items] items that a rule speaks for */
} BasketDesk;

extern CoreStatus basket_desk_open(Env *env, const BasketModel *model, BasketDesk *out);
extern void basket_desk_close(Env *env, BasketDesk *desk);

/* What is asked. */
typedef struct BasketAsk
{
	const int32_t *given; /* [n_given] the basket's items, ascending and distinct; never in the answer */
	int32_t n_given;
	const int32_t *candidates; /* [n_candidates] ascending and distinct; NULL: every item */
	int32_t n_candidates;
	bool by_rules; /* false: by popularity alone */
	int32_t k;
} BasketAsk;

/*
 * The k best into out [k]: first the items for which a rule speaks whose antecedent lies in the basket, by the highest confidence
 * among such rules (of equal ones the rule that comes first), then the most popular others.  *n is k whenever so many items
 * may stand in the answer.
 */
extern CoreStatus basket_rank(Env *env, BasketDesk *desk, const BasketAsk *ask, BasketAnswer *out,
							  int32_t *n);

/* ---- judging ---- */

/* One item of each basket is left out, drawn by (seed, row); is it among the k answers to the rest? */
typedef struct BasketJudgement
{
	int64_t judged; /* baskets of two or more items */
	int64_t spoken; /* of these, baskets for which some rule spoke */
	int64_t hits; /* by rules, then popularity */
	int64_t popular_hits; /* by popularity alone */
	int64_t both_hits;
	double reciprocal_ranks; /* their sum */
	double popular_reciprocal_ranks;
} BasketJudgement;

/*
 * For comparing models that number the items differently: the left-out item is the one of the least hash of (seed, row, its
 * key), so that it is the same for all of them.
 */
typedef struct BasketCases
{
	const uint64_t *item_key; /* [columns of the baskets] */
	int32_t *
		place; /* [rows of the baskets] of the left-out item among the answers, from 1; 0: it is not there; -1: not judged */
} BasketCases;

/* A share of the judged baskets with its 95 % interval by Wilson's score. */
extern void basket_share(int64_t hits, int64_t judged, double *value, double *low, double *high);

/*
 * baskets: rows x (the model's items, then items that it does not know, which no answer can hold); rows [n_rows] names those
 * to be judged, NULL: all.  cases: NULL unless each basket's figure is wanted; then rows is NULL.
 */
extern CoreStatus basket_judge(Env *env, const BasketModel *model, const Csr *baskets, const int32_t *rows,
							   int32_t n_rows, int32_t k, uint64_t seed, const BasketCases *cases,
							   BasketJudgement *out);

#endif
