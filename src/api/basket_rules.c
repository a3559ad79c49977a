/*
 * basket_rules.c - what is bought together, from a source or from a model, as rows
 */
#include "postgres.h"

#include "miscadmin.h"
#include "utils/memutils.h"

#include "api/basket_mine.h"
#include "api/basket_model.h"
#include "bridge/memory.h"
#include "bridge/rows.h"

typedef struct RulesOptions
{
	BasketThresholds thresholds; /* first: BASKET_THRESHOLD_OPTIONS */
	char *memory;
} RulesOptions;

static const Option rules_options[] = {
	BASKET_THRESHOLD_OPTIONS,
	{.name = "memory", .type = OPTION_TEXT, .offset = offsetof(RulesOptions, memory)},
	{.name = NULL},
};

static void
put_found(ReturnSetInfo *rows, const BasketMine *mine, const Itemsets *sets, const Rules *rules)
{
	MemoryContext per_row =
		AllocSetContextCreate(CurrentMemoryContext, "promoai rule", ALLOCSET_DEFAULT_SIZES);
	MemoryContext caller = MemoryContextSwitchTo(per_row);

	for (int64 r = 0; r < rules->n; r++)
	{
		const Rule *rule = &rules->rule[r];
		Contingency counts = rule_counts(sets, rule);
		int32 antecedent[ITEMSET_MAX];
		int32 n = rule_antecedent(sets, rule, antecedent);

		CHECK_FOR_INTERRUPTS();
		basket_put_rule(rows, mine->in.items, antecedent, n, sets->item[rule->consequent], &counts,
						rules->tests);
		MemoryContextReset(per_row);
	}
	MemoryContextSwitchTo(caller);
	MemoryContextDelete(per_row);
}

/* basket_rules(source, min_support, min_baskets, ..., memory) -> setof basket_rule */
PG_FUNCTION_INFO_V1(promoai_basket_rules);
Datum
promoai_basket_rules(PG_FUNCTION_ARGS)
{
	Args *args = args_open(fcinfo);
	char *source = args_text(args, "source");
	RulesOptions options = {0};
	BasketMine mine = {0};
	Itemsets sets;
	Rules rules;

	options_from_call(rules_options, args, &options);
	basket_mine_read(&mine, source, memory_limit(options.memory));
	basket_mine_find(&mine, &options.thresholds, &mine.baskets, 0, &sets, &rules);
	put_found(rows_open(fcinfo), &mine, &sets, &rules);
	return (Datum) 0;
}

/* basket_model_rules(model, version) -> setof basket_rule */
PG_FUNCTION_INFO_V1(promoai_basket_model_rules);
Datum
promoai_basket_model_rules(PG_FUNCTION_ARGS)
{
	const BasketState *state = basket_model_open(args_open(fcinfo));
	const BasketModel *model = &state->model;
	ReturnSetInfo *rows = rows_open(fcinfo);
	MemoryContext per_row =
		AllocSetContextCreate(CurrentMemoryContext, "promoai rule", ALLOCSET_DEFAULT_SIZES);
	MemoryContext caller = MemoryContextSwitchTo(per_row);

	for (int32 r = 0; r < model->rules; r++)
	{
		int64 start = model->antecedent_start[r];
		Contingency counts = basket_rule_counts(model, r);

		CHECK_FOR_INTERRUPTS();
		basket_put_rule(rows, &state->items, model->antecedent + start,
						(int32) (model->antecedent_start[r + 1] - start), model->consequent[r], &counts,
						model->tests);
		MemoryContextReset(per_row);
	}
	MemoryContextSwitchTo(caller);
	return (Datum) 0;
}
