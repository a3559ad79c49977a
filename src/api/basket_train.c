/*
 * basket_train.c - training of basket rules
 *
 * Phases: arguments are checked and the model's name is claimed; the source is read into baskets; when a holdout is wanted,
 * rules are found in the other baskets and judged by an item left out of each that is held out, beside popularity; then
 * the rules that are published are found in all baskets; version, metrics and payload are written in the caller's
 * transaction.
 *
 * Memory: basket_mine.c; with a holdout a copy of the baskets that are not held out; what is stored, 24 bytes and 4 for each
 * item of the antecedent per rule.
 */
#include "postgres.h"

#include <math.h>

#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/memutils.h"

#include "api/basket_mine.h"
#include "api/basket_model.h"
#include "api/basket_train.h"
#include "bridge/json.h"
#include "bridge/memory.h"
#include "bridge/progress.h"
#include "bridge/rows.h"
#include "core/rng.h"

/* Baskets judged at most: more would cost time and not move the figure's last digit. */
#define MAX_JUDGED_BASKETS 20000

typedef struct TrainOptions
{
	BasketThresholds thresholds; /* first: BASKET_THRESHOLD_OPTIONS */
	double holdout;
	int32 metrics_k;
	int64 seed;
	char *memory;
} TrainOptions;

#define FIELD(field) .name = #field, .offset = offsetof(TrainOptions, field)

static const Option train_options[] = {
	BASKET_THRESHOLD_OPTIONS,
	{FIELD(holdout), .type = OPTION_REAL, .min = 0, .max = 0.9},
	{FIELD(metrics_k), .type = OPTION_INT, .min = 1, .max = 1000},
	{FIELD(seed), .type = OPTION_BIGINT, .min = -9007199254740992.0, .max = 9007199254740992.0},
	{FIELD(memory), .type = OPTION_TEXT},
	{.name = NULL},
};

/* One training on its way. */
typedef struct BasketTraining
{
	TrainOptions options;
	BasketMine mine;
	Itemsets sets;
	Rules rules;
	BasketDraft built;
	ModelMetric metrics[BASKET_METRICS];
	int n_metrics;
	ModelDraft draft;
} BasketTraining;

/* ---- rules ---- */

/* Find the rules of `baskets`, which take `beside` bytes more, and make them ready to serve. */
static void
find_and_build(BasketTraining *training, const Csr *baskets, uint64 beside)
{
	BasketMine *mine = &training->mine;
	Env *env = &mine->env.base;
	uint64 need;

	basket_mine_find(mine, &training->options.thresholds, baskets, beside, &training->sets, &training->rules);
	need = memory_add(memory_add(mine->held, beside), training->sets.bytes);
	need = memory_add(need, memory_mul(training->rules.n, sizeof(Rule)));
	need = memory_add(need, basket_bytes(baskets->cols, training->rules.n,
										 basket_antecedents(&training->sets, &training->rules)));
	memory_require(need, mine->in.limit, "storing rules");
	env_check(&mine->env, basket_build(env, baskets, &training->sets, &training->rules, &training->built),
			  "storing rules");
}

/* ---- evaluating ---- */

void
basket_metrics(const BasketJudgement *judgement, int32 k, const char *split, ModelMetric *out)
{
	int64 n = judgement->judged;
	const struct
	{
		const char *name;
		int64 hits;
	} shares[] = {{psprintf("recall@%d", k), judgement->hits},
				  {psprintf("popularity_recall@%d", k), judgement->popular_hits},
				  {"answered_by_rules", judgement->spoken}};
	int i = 0;

	for (; i < (int) lengthof(shares); i++)
	{
		out[i] = (ModelMetric){.metric = shares[i].name, .split = split, .n = n};
		basket_share(shares[i].hits, n, &out[i].value, &out[i].low, &out[i].high);
	}
	out[i++] = (ModelMetric){.metric = psprintf("mrr@%d", k),
							 .split = split,
							 .value = judgement->reciprocal_ranks / (double) n,
							 .low = NAN,
							 .high = NAN,
							 .n = n};
	out[i++] = (ModelMetric){.metric = psprintf("popularity_mrr@%d", k),
							 .split = split,
							 .value = judgement->popular_reciprocal_ranks / (double) n,
							 .low = NAN,
							 .high = NAN,
							 .n = n};
}

/* Is this basket held out, and is it to be judged? */
static bool
held_out(const BasketTraining *training, int32 basket, bool *judged)
{
	const TrainOptions *options = &training->options;
	double expected = options->holdout * training->mine.baskets.rows;

	*judged = rng_uniform((uint64) options->seed, 3, basket) * expected < MAX_JUDGED_BASKETS;
	return rng_uniform((uint64) options->seed, 2, basket) < options->holdout;
}

/* The baskets that are not held out, in `train`; rows: those to be judged.  Returns how many. */
static int32
split_baskets(BasketTraining *training, Csr *train, int32 *rows)
{
	const Csr *all = &training->mine.baskets;
	int32 n_rows = 0;

	train->rows = 0;
	train->start[0] = 0;
	for (int32 b = 0; b < all->rows; b++)
	{
		int64 start = all->start[b];
		int64 length = all->start[b + 1] - start;
		bool judged;

		if (unlikely(b % 4096 == 0))
			CHECK_FOR_INTERRUPTS();
		if (!held_out(training, b, &judged))
		{
			memcpy(train->col + train->start[train->rows], all->col + start, sizeof(int32) * length);
			train->start[train->rows + 1] = train->start[train->rows] + length;
			train->rows++;
		}
		else if (judged)
			rows[n_rows++] = b;
	}
	return n_rows;
}

/* Metrics of rules that have not seen the held-out baskets, beside popularity among the same. */
static void
training_evaluate(BasketTraining *training)
{
	BasketMine *mine = &training->mine;
	const TrainOptions *options = &training->options;
	const Csr *all = &mine->baskets;
	uint64 beside = memory_add(memory_mul(csr_entries(all), sizeof(int32)),
							   memory_mul((uint64) all->rows + 1, sizeof(int64) + sizeof(int32)));
	BasketJudgement judgement;
	Csr train = {.cols = all->cols};
	int32 *rows;
	int32 n_rows;

	progress_phase(PROGRESS_EVALUATING, 0);
	memory_require(memory_add(mine->held, beside), mine->in.limit, "evaluating");
	train.start = MemoryContextAllocHuge(CurrentMemoryContext, sizeof(int64) * ((Size) all->rows + 1));
	train.col = MemoryContextAllocHuge(CurrentMemoryContext, sizeof(int32) * (Size) csr_entries(all));
	rows = MemoryContextAllocHuge(CurrentMemoryContext, sizeof(int32) * (Size) all->rows);
	n_rows = split_baskets(training, &train, rows);
	if (train.rows > 0)
	{
		Env *env = &mine->env.base;

		find_and_build(training, &train, beside);
		env_check(&mine->env,
				  basket_judge(env, &training->built.model, all, rows, n_rows, options->metrics_k,
							   (uint64) options->seed, NULL, &judgement),
				  "evaluating");
		env->release(env, training->built.block);
		rules_free(env, &training->rules);
		itemsets_free(env, &training->sets);
	}
	pfree(train.start);
	pfree(train.col);
	pfree(rows);
	if (train.rows == 0 || judgement.judged == 0)
	{
		ereport(NOTICE, (errmsg("no evaluation: the holdout leaves nothing to train on or no basket of two "
								"items to judge by")));
		return;
	}
	basket_metrics(&judgement, options->metrics_k,
				   psprintf("one item left out of each of %g of the baskets, seed " INT64_FORMAT,
							options->holdout, options->seed),
				   training->metrics);
	training->n_metrics = BASKET_METRICS;
}

/* ---- publishing ---- */

static Jsonb *
training_sizes(const BasketTraining *training)
{
	const Interactions *in = &training->mine.in;
	JsonObject sizes;

	json_open(&sizes);
	json_put_int(&sizes, "baskets", in->customers->n);
	json_put_int(&sizes, "items", in->items->n);
	json_put_int(&sizes, "pairs", in->pairs);
	json_put_int(&sizes, "rows_merged", in->rows_merged);
	json_put_int(&sizes, "pairs_dropped", in->pairs_dropped);
	json_put_int(&sizes, "frequent_items", training->sets.frequent);
	json_put_int(&sizes, "itemsets", training->sets.n);
	json_put_int(&sizes, "rules", training->rules.n);
	return json_close(&sizes);
}

static ModelVersion *
training_publish(BasketTraining *training)
{
	const Interactions *in = &training->mine.in;
	BasketState state = {
		.items = *in->items, .model = training->built.model, .seed = (uint64) training->options.seed};
	Payload payload = {0};
	ModelVersion *version;

	progress_phase(PROGRESS_WRITING, 0);
	basket_model_write(&state, &payload);
	training->draft.kind = BASKET_KIND;
	training->draft.arguments = options_to_jsonb(train_options, &training->options);
	training->draft.rows_read = in->rows_read;
	training->draft.rows_skipped = in->rows_skipped;
	training->draft.sizes = training_sizes(training);
	training->draft.metrics = training->metrics;
	training->draft.n_metrics = training->n_metrics;
	training->draft.payload = &payload;
	version = registry_publish(&training->draft);
	progress_end();
	return version;
}

static void
training_fit(BasketTraining *training)
{
	if (training->options.holdout > 0)
		training_evaluate(training);
	progress_phase(PROGRESS_TRAINING, 0);
	find_and_build(training, &training->mine.baskets, 0);
}

/* ---- the SQL function ---- */

static Datum
report_row(FunctionCallInfo fcinfo, const BasketTraining *training, const ModelVersion *version)
{
	const Interactions *in = &training->mine.in;
	Datum values[14];
	bool nulls[14] = {0};
	int i = 0;

	values[i++] = CStringGetTextDatum(training->draft.model);
	values[i++] = Int32GetDatum(version->version);
	values[i++] = CStringGetTextDatum(BASKET_KIND);
	values[i++] = Int64GetDatum(in->rows_read);
	values[i++] = Int64GetDatum(in->rows_skipped);
	values[i++] = Int64GetDatum(in->rows_merged);
	values[i++] = Int64GetDatum(in->pairs_dropped);
	values[i++] = Int64GetDatum(in->customers->n);
	values[i++] = Int64GetDatum(in->items->n);
	values[i++] = Int64GetDatum(in->pairs);
	values[i++] = Int64GetDatum(training->sets.n);
	values[i++] = Int64GetDatum(training->rules.n);
	values[i++] = JsonbPGetDatum(registry_metrics_jsonb(training->metrics, training->n_metrics));
	values[i++] = Float8GetDatum(draft_seconds(&training->draft));
	return rows_single(fcinfo, values, nulls);
}

/* basket_train(model, source, ...) -> basket_report */
PG_FUNCTION_INFO_V1(promoai_basket_train);
Datum
promoai_basket_train(PG_FUNCTION_ARGS)
{
	Args *args = args_open(fcinfo);
	BasketTraining training = {.draft = draft_of_call(args, true)};
	ModelVersion *version;
	uint64 limit;

	options_from_call(train_options, args, &training.options);
	limit = memory_limit(training.options.memory);
	registry_begin(training.draft.model, BASKET_KIND);

	progress_start(training.draft.model);
	basket_mine_read(&training.mine, training.draft.source, limit);
	training_fit(&training);
	version = training_publish(&training);
	return report_row(fcinfo, &training, version);
}

static ModelVersion *
basket_retrain(const Model *model, void (*read_done)(void *arg), void *arg)
{
	BasketTraining training = {.draft = draft_of_model(model)};

	options_from_jsonb(train_options, model->arguments, &training.options);

	progress_start(model->name);
	basket_mine_read(&training.mine, training.draft.source, memory_limit(training.options.memory));
	read_done(arg);
	training_fit(&training);
	return training_publish(&training);
}

void
basket_init(void)
{
	static const ModelKind kind = {.name = BASKET_KIND,
								   .retrain = basket_retrain,
								   .load = basket_model_load,
								   .evaluate = basket_evaluate};

	kind_register(&kind);
}
