/*
 * content_train.c - training of models of items' attributes: the SQL function, retraining, the fit of a definition
 *
 * Phases: arguments are checked and the model's name is claimed; the attributes are read (content_source.c) and made into
 * vectors; interactions, when given, are read, or a factor model is looked up, and its items that the attributes do not
 * have join the others; with interactions a part of the pairs is held out and lists are judged by it beside popularity, with a
 * factor model its factors are regressed on the attributes (content_factors.c); version, metrics and payload are written in
 * the caller's transaction.
 *
 * Memory: the attributes' table and columns, the vectors (16 bytes for each word or level of an item, 4 for each dense number,
 * twice while items join), the list of interactions and their matrix.  All counted against maintenance_work_mem or memory =>.
 */
#include "postgres.h"

#include <math.h>

#include "fmgr.h"
#include "miscadmin.h"
#include "utils/memutils.h"

#include "api/content_model.h"
#include "api/content_source.h"
#include "api/content_train.h"
#include "api/interactions.h"
#include "api/holdout.h"
#include "api/recommender_evaluate.h"
#include "api/recommender_report.h"
#include "bridge/json.h"
#include "bridge/memory.h"
#include "bridge/progress.h"
#include "model/cache.h"

/* Customers judged at most: more would cost time and not move the figure's last digit. */

typedef struct ContentOptions
{
	char *interactions;
	char *factors_of;
	OptionTexts text_columns;
	OptionTexts categorical_columns;
	Jsonb *column_weights;
	int32 value_transform;
	double regularization;
	double holdout;
	OptionTime holdout_after;
	int32 metrics_k;
	int64 seed;
	char *memory;
} ContentOptions;

static const char *const transform_choices[] = {
	[FEEDBACK_BINARY] = "binary", [FEEDBACK_LOG1P] = "log1p", [FEEDBACK_NONE] = "none", NULL};

#define FIELD(field) .name = #field, .offset = offsetof(ContentOptions, field)

static const Option content_options[] = {
	{FIELD(interactions), .type = OPTION_TEXT},
	{FIELD(factors_of), .type = OPTION_TEXT},
	{FIELD(text_columns), .type = OPTION_TEXTS},
	{FIELD(categorical_columns), .type = OPTION_TEXTS},
	{FIELD(column_weights), .type = OPTION_JSON},
	{FIELD(value_transform), .type = OPTION_CHOICE, .choices = transform_choices, .nullable = true},
	{FIELD(regularization), .type = OPTION_REAL, .min = 1e-6, .max = 1e9, .nullable = true},
	{FIELD(holdout), .type = OPTION_REAL, .min = 0, .max = 0.9, .nullable = true},
	{FIELD(holdout_after), .type = OPTION_TIME},
	{FIELD(metrics_k), .type = OPTION_INT, .min = 1, .max = 1000},
	{FIELD(seed), .type = OPTION_BIGINT, .min = -9007199254740992.0, .max = 9007199254740992.0},
	{FIELD(memory), .type = OPTION_TEXT},
	{.name = NULL},
};

/* One training on its way. */
typedef struct ContentTraining
{
	ContentOptions options;
	ContentSource attributes;
	Interactions in; /* with interactions; otherwise only its counts are used */
	const MfModel *factors; /* with factors_of */
	int32 factors_version;
	ContentModel model;
	uint64 limit;
	uint64 held; /* bytes of attributes and vectors */
	PgEnv env;
	ModelMetric metrics[Max(CONTENT_FACTOR_METRICS, 2 * RANK_METRICS + 1)];
	int n_metrics;
	ModelDraft draft;
} ContentTraining;

/* ---- arguments ---- */

static void
refuse(bool given, const char *argument, const char *needed)
{
	if (given)
		ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
						errmsg("argument \"%s\" makes no sense without argument \"%s\"", argument, needed)));
}

static void
settle_options(ContentOptions *options)
{
	bool factored = options->factors_of != NULL;
	bool followed = options->interactions != NULL;

	if (factored && followed)
		ereport(
			ERROR,
			(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
			 errmsg("arguments \"interactions\" and \"factors_of\" exclude each other"),
			 errhint("With factors_of the customers and their histories are those of the factor model.")));
	if (options->holdout_after.set && !isnan(options->holdout))
		ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
						errmsg("arguments \"holdout\" and \"holdout_after\" exclude each other"),
						errhint("Give one of them; holdout => 0 alone means no evaluation.")));
	refuse(options->holdout_after.set && !followed, "holdout_after", "interactions");
	refuse(options->value_transform >= 0 && !followed, "value_transform", "interactions");
	refuse(!isnan(options->regularization) && !factored, "regularization", "factors_of");
	if (options->holdout > 0 && !followed && !factored)
		ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
						errmsg("argument \"holdout\" makes no sense without customers to judge by"),
						errhint("Give \"interactions\" or \"factors_of\".")));
	if (followed && options->value_transform < 0)
		options->value_transform = FEEDBACK_BINARY;
	if (isnan(options->holdout) && !options->holdout_after.set && (followed || factored))
		options->holdout = HOLDOUT_SHARE;
}

static uint64
interactions_need(const void *arg, uint64 entries, uint64 customers, uint64 items)
{
	const ContentTraining *training = arg;

	return memory_add(memory_add(interactions_bytes(&training->in, entries), memory_mul(entries, 16)),
					  memory_add(training->held, memory_mul(memory_add(customers, items), 64)));
}

/* Before the first row is read, as whoever the sources run as. */
static void
training_open(ContentTraining *training)
{
	ContentOptions *options = &training->options;

	settle_options(options);
	training->limit = memory_limit(options->memory);
	training->attributes = (ContentSource){.memory = CurrentMemoryContext,
										   .limit = training->limit,
										   .text_columns = options->text_columns,
										   .categorical_columns = options->categorical_columns,
										   .weights = options->column_weights};
	training->in = (Interactions){.memory = CurrentMemoryContext,
								  .late_after = options->holdout_after,
								  .need = interactions_need,
								  .need_arg = training,
								  .limit = training->limit};
	training->model.transform = (FeedbackTransform) Max(options->value_transform, 0);
	env_init(&training->env, CurrentMemoryContext);
	training->env.report = true;
}

/* The factor model, with the rights of whoever trains. */
static const MfModel *
open_factors(const char *name, int32 *version_number)
{
	Model *model = registry_open(name, MODEL_USE);
	ModelVersion *version = registry_version(model, 0);

	if (strcmp(version->kind, MF_KIND) != 0)
		ereport(ERROR, (errcode(ERRCODE_WRONG_OBJECT_TYPE),
						errmsg("argument \"factors_of\": model \"%s\" is of kind \"%s\", not a factor model",
							   name, version->kind),
						errhint("Factor models are trained by promoai.mf_train.")));
	*version_number = version->version;
	return cache_get(model, version, CurrentMemoryContext)->state;
}

/* What is wrong with an argument is said before a row is read. */
static void
training_check(ContentTraining *training)
{
	ContentSource check = training->attributes;

	content_source_check(training->draft.source, &check);
	if (training->options.interactions != NULL)
		interactions_check(training->options.interactions, &training->in);
	if (training->options.factors_of != NULL)
		training->factors = open_factors(training->options.factors_of, &training->factors_version);
}

/* ---- vectors ---- */

static void
build_vectors(ContentTraining *training, ContentVectors *vectors)
{
	ContentSource *attributes = &training->attributes;
	int32 features;
	int32 width;
	int64 entries;

	if (!content_extent(attributes->columns, attributes->n, attributes->items->n, &features, &width,
						&entries))
		ereport(ERROR, (errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
						errmsg("the attributes have more than %d dimensions", PG_INT32_MAX)));
	training->held =
		memory_add(attributes->bytes,
				   memory_mul(2, content_vectors_bytes(attributes->items->n, features, width, entries)));
	memory_require(memory_add(training->held, memory_mul(32, attributes->items->n)), training->limit,
				   "training");
	content_vectors_make(vectors, attributes->items->n, features, width, entries);
	env_check(&training->env, content_build(&training->env.base, attributes->columns, attributes->n, vectors),
			  "making vectors of attributes");
}

/* vectors of items [n], row [n] saying which of `from` each is. */
static void
select_vectors(PgEnv *env, const ContentVectors *from, const int32 *row, int32 n, ContentVectors *out)
{
	content_vectors_make(out, n, from->rows.cols, from->width, csr_entries(&from->rows));
	env_check(env, content_select(&env->base, from, row, out), "arranging attributes");
}

/* The items of the attributes and of `other`, and their vectors; where other's items stand among them. */
static int32 *
join_items(ContentTraining *training, const ContentVectors *vectors, const IdSet *other)
{
	const IdSet *sets[] = {training->attributes.items, other};
	int32 *place[lengthof(sets)] = {NULL};
	IdSet *all = idset_union(sets, other == NULL ? 1 : 2, CurrentMemoryContext, place);
	int32 *row = MemoryContextAllocHuge(CurrentMemoryContext, sizeof(int32) * Max((Size) all->n, 1));

	for (int32 i = 0; i < all->n; i++)
		row[i] = -1;
	for (int32 i = 0; i < training->attributes.items->n; i++)
		row[place[0][i]] = i;
	select_vectors(&training->env, vectors, row, all->n, &training->model.vectors);
	training->model.mf.base.items = *all;
	pfree(row);
	pfree(place[0]);
	return place[1];
}

/* ---- customers ---- */

static Csr
matrix_of(PgEnv *env, const Interactions *in, const FeedbackSplit *split, bool values)
{
	Csr matrix = {.rows = in->customers->n, .cols = in->items->n};
	CooMerge merge;

	matrix.start = MemoryContextAllocHuge(CurrentMemoryContext, sizeof(int64) * ((Size) matrix.rows + 1));
	matrix.col = MemoryContextAllocHuge(CurrentMemoryContext, sizeof(int32) * Max(in->coo.n, 1));
	if (values)
		matrix.value = MemoryContextAllocHuge(CurrentMemoryContext, sizeof(float) * Max(in->coo.n, 1));
	env_check(env, csr_from_coo(&env->base, &in->coo, feedback_keep, split, &matrix, &merge),
			  "merging repeated pairs");
	return matrix;
}

/* Customers and histories from a part of the interactions. */
static void
take_histories(PgEnv *env, const Interactions *in, const FeedbackSplit *split, ContentModel *model)
{
	Recommender *base = &model->mf.base;
	Csr seen = matrix_of(env, in, split, model->transform != FEEDBACK_BINARY);
	float *buyers = MemoryContextAllocHuge(CurrentMemoryContext, sizeof(float) * Max((Size) seen.cols, 1));

	env_check(env, feedback_popularity(&env->base, &seen, buyers), "counting buyers");
	base->methods = &content_methods;
	base->customers = *in->customers;
	base->seen_start = seen.start;
	base->seen_item = seen.col;
	base->seen_value = seen.value;
	base->buyers = buyers;
}

/* Nobody. */
static void
take_no_histories(ContentModel *model)
{
	Recommender *base = &model->mf.base;

	base->methods = &content_methods;
	base->customers = (IdSet){.kind = ID_INTEGER, .numbers = palloc0(sizeof(int64))};
	base->seen_start = palloc0(sizeof(int64));
	base->seen_item = palloc0(sizeof(int32));
	base->buyers =
		MemoryContextAllocExtended(CurrentMemoryContext, sizeof(float) * Max((Size) base->items.n, 1),
								   MCXT_ALLOC_HUGE | MCXT_ALLOC_ZERO);
}

/* An item of a history, to be put in order. */
typedef struct Had
{
	int32 item;
	float value;
} Had;

static int
compare_had(const void *left, const void *right)
{
	return ((const Had *) left)->item - ((const Had *) right)->item;
}

/* The factor model's customers and histories; place [its items] where they stand now. */
static void
take_factor_histories(const Recommender *from, const int32 *place, Recommender *base)
{
	int64 entries = from->seen_start[from->customers.n];
	int32 *item = MemoryContextAllocHuge(CurrentMemoryContext, sizeof(int32) * Max(entries, 1));
	float *value = from->seen_value == NULL
					   ? NULL
					   : MemoryContextAllocHuge(CurrentMemoryContext, sizeof(float) * Max(entries, 1));
	float *buyers =
		MemoryContextAllocExtended(CurrentMemoryContext, sizeof(float) * Max((Size) base->items.n, 1),
								   MCXT_ALLOC_HUGE | MCXT_ALLOC_ZERO);
	Had *row = palloc(sizeof(Had) * Max((Size) from->items.n, 1));

	for (int32 c = 0; c < from->customers.n; c++)
	{
		int64 start = from->seen_start[c];
		int32 n = (int32) (from->seen_start[c + 1] - start);

		if (unlikely(c % 1024 == 0))
			CHECK_FOR_INTERRUPTS();
		for (int32 i = 0; i < n; i++)
			row[i] = (Had){.item = place[from->seen_item[start + i]],
						   .value = value != NULL ? from->seen_value[start + i] : 1};
		qsort(row, n, sizeof(Had), compare_had);
		for (int32 i = 0; i < n; i++)
		{
			item[start + i] = row[i].item;
			if (value != NULL)
				value[start + i] = row[i].value;
		}
	}
	for (int32 i = 0; i < from->items.n; i++)
		buyers[place[i]] = from->buyers[i];
	pfree(row);
	base->customers = from->customers;
	base->seen_start = from->seen_start;
	base->seen_item = item;
	base->seen_value = value;
	base->buyers = buyers;
}

/* ---- with interactions ---- */

static Holdout
holdout_of(const ContentOptions *options)
{
	return (Holdout){.share = options->holdout,
					 .after = options->holdout_after,
					 .seed = options->seed,
					 .k = options->metrics_k};
}

/* Lists for histories without the pairs held out; the vectors are the same, for they know of no customer. */
static void
evaluate_lists(ContentTraining *training)
{
	Holdout holdout = holdout_of(&training->options);
	FeedbackSplit rest = holdout_split(&holdout, &training->in, FEEDBACK_TRAIN);
	FeedbackSplit test = holdout_split(&holdout, &training->in, FEEDBACK_TEST);
	MemoryContext scratch =
		AllocSetContextCreate(CurrentMemoryContext, "promoai holdout", ALLOCSET_DEFAULT_SIZES);
	MemoryContext caller = MemoryContextSwitchTo(scratch);
	Csr held = matrix_of(&training->env, &training->in, &test, true);

	take_histories(&training->env, &training->in, &rest, &training->model);
	MemoryContextSwitchTo(caller);
	training->n_metrics +=
		holdout_judge(&holdout, &training->model.mf.base, &training->env, &held,
					  holdout_words(&holdout, &training->in, true), &training->metrics[training->n_metrics]);
	MemoryContextDelete(scratch);
}

static void
follow_interactions(ContentTraining *training, const ContentVectors *vectors)
{
	FeedbackSplit all = {.part = FEEDBACK_ALL};
	Interactions *in = &training->in;
	int32 *place;

	interactions_settle(in);
	place = join_items(training, vectors, in->items);
	interactions_renumber(in->coo.col, in->coo.n, place);
	in->items = &training->model.mf.base.items;
	if (training->options.holdout_after.set || training->options.holdout > 0)
	{
		progress_phase(PROGRESS_EVALUATING, 0);
		evaluate_lists(training);
	}
	take_histories(&training->env, in, &all, &training->model);
	training->metrics[training->n_metrics++] = interactions_repeat_share(in);
}

/* ---- with a factor model ---- */

static ContentFactorOptions
factor_options(const ContentOptions *options)
{
	return (ContentFactorOptions){.regularization = options->regularization,
								  .holdout = options->holdout,
								  .metrics_k = options->metrics_k,
								  .seed = (uint64) options->seed};
}

static void
extend_factors(ContentTraining *training, const ContentVectors *vectors)
{
	ContentFactorOptions options = factor_options(&training->options);
	const MfModel *factors = training->factors;
	int32 *place = join_items(training, vectors, &factors->base.items);
	ContentModel *model = &training->model;

	memory_require(
		memory_add(training->held,
				   content_factors_bytes(model->vectors.items, factors->base.customers.n, factors->width,
										 (uint64) vectors->rows.cols + vectors->width)),
		training->limit, "training");
	take_factor_histories(&factors->base, place, &model->mf.base);
	progress_phase(PROGRESS_EVALUATING, 0);
	training->n_metrics = content_factors(&training->env, factors, place, &options, model, training->metrics);
	training->in.customers = &model->mf.base.customers;
	training->in.pairs = model->mf.base.seen_start[model->mf.base.customers.n];
}

/* ---- publishing ---- */

static Jsonb *
training_sizes(const ContentTraining *training)
{
	const ContentModel *model = &training->model;
	JsonObject sizes;
	JsonObject columns;

	json_open(&columns);
	for (int c = 0; c < training->attributes.n; c++)
		json_put_string(&columns, training->attributes.names[c],
						content_kind_name(training->attributes.columns[c].kind));
	json_open(&sizes);
	json_put_int(&sizes, "customers", model->mf.base.customers.n);
	json_put_int(&sizes, "items", model->mf.base.items.n);
	json_put_int(&sizes, "items_with_attributes", training->attributes.items->n);
	json_put_int(&sizes, "interactions", training->in.pairs);
	json_put_int(&sizes, "features", model->vectors.rows.cols);
	json_put_int(&sizes, "dense", model->vectors.width);
	if (training->factors != NULL)
		json_put_int(&sizes, "factors_version", training->factors_version);
	json_put_json(&sizes, "columns", json_close(&columns));
	return json_close(&sizes);
}

static ModelVersion *
training_publish(ContentTraining *training)
{
	Payload payload = {0};
	ModelVersion *version;

	progress_phase(PROGRESS_WRITING, 0);
	content_model_write(&training->model, &payload);
	training->in.rows_read += training->attributes.table.rows_read;
	training->in.rows_skipped += training->attributes.table.rows_skipped;
	training->draft.kind = CONTENT_KIND;
	training->draft.arguments = options_to_jsonb(content_options, &training->options);
	training->draft.rows_read = training->in.rows_read;
	training->draft.rows_skipped = training->in.rows_skipped;
	training->draft.sizes = training_sizes(training);
	training->draft.metrics = training->metrics;
	training->draft.n_metrics = training->n_metrics;
	training->draft.payload = &payload;
	version = registry_publish(&training->draft);
	progress_end();
	return version;
}

static void
training_read(ContentTraining *training)
{
	content_source_read(training->draft.source, &training->attributes);
	if (training->options.interactions != NULL)
	{
		training->held = training->attributes.bytes;
		interactions_read(training->options.interactions, &training->in);
	}
}

/* What follows the reading. */
static void
training_fit(ContentTraining *training)
{
	ContentVectors vectors;

	progress_phase(PROGRESS_TRAINING, 0);
	build_vectors(training, &vectors);
	if (training->factors != NULL)
		extend_factors(training, &vectors);
	else if (training->options.interactions != NULL)
		follow_interactions(training, &vectors);
	else
	{
		(void) join_items(training, &vectors, NULL);
		take_no_histories(&training->model);
		training->in.customers = &training->model.mf.base.customers;
	}
	training->in.items = &training->model.mf.base.items;
}

/* ---- the SQL function, retraining, the fit of a definition ---- */

PG_FUNCTION_INFO_V1(promoai_content_train);
Datum
promoai_content_train(PG_FUNCTION_ARGS)
{
	Args *args = args_open(fcinfo);
	ContentTraining training = {.draft = draft_of_call(args, true)};
	ModelVersion *version;

	options_from_call(content_options, args, &training.options);
	training_open(&training);
	registry_begin(training.draft.model, CONTENT_KIND);

	progress_start(training.draft.model);
	training_check(&training);
	training_read(&training);
	training_fit(&training);
	version = training_publish(&training);
	return recommender_report(fcinfo, &training.in, &training.draft, version);
}

static ModelVersion *
content_retrain(const Model *model, void (*read_done)(void *arg), void *arg)
{
	ContentTraining training = {.draft = draft_of_model(model)};

	options_from_jsonb(content_options, model->arguments, &training.options);
	training_open(&training);

	progress_start(model->name);
	training_check(&training);
	training_read(&training);
	read_done(arg);
	training_fit(&training);
	return training_publish(&training);
}

/* The factor model learned anew from the interactions, its items being those of `in`. */
static const MfModel *
refit_factors(const char *name, const Interactions *in, uint64 limit, MemoryContext memory)
{
	Model *model = registry_open(name, MODEL_OWN);
	const ModelKind *kind = kind_find(model->kind);

	if (strcmp(model->kind, MF_KIND) != 0 || kind->fit == NULL)
		ereport(ERROR, (errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
						errmsg("model \"%s\" cannot be learned from given interactions", name)));
	return (const MfModel *) kind->fit(model, in, limit, memory);
}

/* Attributes know of no customer, so they are those of the published version. */
static Recommender *
content_fit(const Model *definition, const Interactions *in, uint64 limit, MemoryContext memory)
{
	MemoryContext caller = MemoryContextSwitchTo(memory);
	FeedbackSplit all = {.part = FEEDBACK_ALL};
	const ContentModel *published = cache_get(definition, registry_version(definition, 0), memory)->state;
	ContentModel *model = palloc0(sizeof(ContentModel));
	ContentOptions options;
	int32 *row = idset_places(in->items, &published->mf.base.items, "an item of the source", memory);
	PgEnv env;

	env_init(&env, memory);
	options_from_jsonb(content_options, definition->arguments, &options);
	select_vectors(&env, &published->vectors, row, in->items->n, &model->vectors);
	model->transform = published->transform;
	model->mf.base.items = *in->items;
	take_histories(&env, in, &all, model);
	if (published->factored)
	{
		ContentFactorOptions mapping = factor_options(&options);
		ModelMetric metrics[CONTENT_FACTOR_METRICS];

		for (int32 i = 0; i < in->items->n; i++)
			row[i] = i;
		(void) content_factors(&env, refit_factors(options.factors_of, in, limit, memory), row, &mapping,
							   model, metrics);
	}
	MemoryContextSwitchTo(caller);
	return &model->mf.base;
}

/* ModelKind.check */
static void
content_check_arguments(Jsonb *arguments)
{
	ContentOptions options;

	options_check_keys(content_options, arguments);
	options_from_jsonb(content_options, arguments, &options);
	settle_options(&options);
}

void
content_init(void)
{
	static const ModelKind kind = {.name = CONTENT_KIND,
								   .recommends = true,
								   .retrain = content_retrain,
								   .fit = content_fit,
								   .check = content_check_arguments,
								   .load = content_model_load,
								   .evaluate = recommender_evaluate};

	kind_register(&kind);
}
