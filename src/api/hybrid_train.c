/*
 * hybrid_train.c - training of hybrids: the SQL function, retraining, the fit of a definition
 *
 * Phases: arguments are checked and the model's name is claimed; the members are opened, for whoever trains must be able to use
 * them; where weights are to be fitted, or judged, their definitions too, for which he must own them; the source is read and
 * the weights are fitted (hybrid_weights.c); the members' published versions are put together, and version, metrics and payload
 * written in the caller's transaction.
 *
 * Memory: the interactions, what fitting takes, and the members' payloads once more, to be written.
 */
#include "postgres.h"

#include <math.h>

#include "fmgr.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/memutils.h"

#include "api/content_model.h"
#include "api/hybrid_model.h"
#include "api/holdout.h"
#include "api/hybrid_train.h"
#include "api/hybrid_weights.h"
#include "api/recommender_evaluate.h"
#include "api/recommender_report.h"
#include "bridge/json.h"
#include "bridge/memory.h"
#include "bridge/progress.h"
#include "model/cache.h"

typedef struct HybridOptions
{
	OptionTexts models;
	OptionReals weights;
	int32 targets; /* -1: by the members */
	double holdout;
	OptionTime holdout_after;
	int32 metrics_k;
	int64 seed;
	char *memory;
} HybridOptions;

enum
{
	TARGETS_ALL,
	TARGETS_NEW
};

static const char *const target_choices[] = {[TARGETS_ALL] = "all", [TARGETS_NEW] = "new", NULL};

#define FIELD(field) .name = #field, .offset = offsetof(HybridOptions, field)

static const Option hybrid_options[] = {
	{FIELD(models), .type = OPTION_TEXTS},
	{FIELD(weights), .type = OPTION_REALS, .min = 0, .max = 1e9},
	{FIELD(targets), .type = OPTION_CHOICE, .choices = target_choices, .nullable = true},
	{FIELD(holdout), .type = OPTION_REAL, .min = 0.001, .max = 0.9, .nullable = true},
	{FIELD(holdout_after), .type = OPTION_TIME},
	{FIELD(metrics_k), .type = OPTION_INT, .min = 1, .max = 1000},
	{FIELD(seed), .type = OPTION_BIGINT, .min = -9007199254740992.0, .max = 9007199254740992.0},
	{FIELD(memory), .type = OPTION_TEXT},
	{.name = NULL},
};

/* One training on its way. */
typedef struct HybridTraining
{
	HybridOptions options;
	int n;
	HybridMember members[HYBRID_MAX_MEMBERS]; /* published versions */
	Model *definitions[HYBRID_MAX_MEMBERS]; /* where they are learned anew */
	double given[HYBRID_MAX_MEMBERS]; /* weights, adding up to 1 */
	bool repeats;
	Interactions in;
	uint64 limit;
	HybridFit fit;
	PgEnv env;
	ModelMetric metrics[(HYBRID_MAX_MEMBERS + 1) * RANK_METRICS + 1];
	int n_metrics;
	ModelDraft draft;
} HybridTraining;

/* ---- arguments ---- */

static void
check_members(const char *name, const OptionTexts *models)
{
	if (models->n < 2 || models->n > HYBRID_MAX_MEMBERS)
		ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
						errmsg("argument \"models\" must name 2 to %d models, got %d", HYBRID_MAX_MEMBERS,
							   models->n)));
	for (int m = 0; m < models->n; m++)
	{
		if (strcmp(models->text[m], name) == 0)
			ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
							errmsg("model \"%s\" cannot be a member of itself", name)));
		for (int other = 0; other < m; other++)
			if (strcmp(models->text[m], models->text[other]) == 0)
				ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
								errmsg("argument \"models\" names \"%s\" twice", models->text[m])));
	}
}

/* Weights given, brought to a sum of 1. */
static void
settle_weights(const HybridOptions *options, double *given)
{
	double sum = 0;

	if (!options->weights.set)
		return;
	if (options->weights.n != options->models.n)
		ereport(ERROR, (errcode(ERRCODE_ARRAY_SUBSCRIPT_ERROR),
						errmsg("arguments \"models\" and \"weights\" must be of the same length"),
						errdetail("They have %d and %d elements.", options->models.n, options->weights.n)));
	for (int m = 0; m < options->weights.n; m++)
		sum += options->weights.number[m];
	if (!(sum > 0))
		ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
						errmsg("argument \"weights\" must have a weight above 0")));
	for (int m = 0; m < options->weights.n; m++)
		given[m] = options->weights.number[m] / sum;
}

static void
settle_options(const char *name, HybridOptions *options, double *given)
{
	if (!options->models.set)
		ereport(ERROR,
				(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED), errmsg("argument \"models\" must not be null")));
	check_members(name, &options->models);
	settle_weights(options, given);
	if (options->holdout_after.set && !isnan(options->holdout))
		ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
						errmsg("arguments \"holdout\" and \"holdout_after\" exclude each other")));
	if (isnan(options->holdout) && !options->holdout_after.set)
		options->holdout = HOLDOUT_SHARE;
}

/* ---- members ---- */

static void
open_member(const char *name, HybridMember *member)
{
	Model *model = registry_open(name, MODEL_USE);

	member->loaded = cache_get(model, registry_version(model, 0), CurrentMemoryContext);
	member->model = recommender_of(member->loaded);
	if (member->model->methods->rated)
		ereport(ERROR, (errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
						errmsg("model \"%s\" predicts ratings, which have no place in a hybrid", name),
						errhint("Train a model of implicit feedback on the same rows.")));
}

/* A member's definition, to learn it anew. */
static Model *
open_definition(const char *name)
{
	Model *model;

	if (!registry_may(name, MODEL_OWN))
		ereport(
			ERROR,
			(errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
			 errmsg("must be owner of model \"%s\" to fit weights", name),
			 errdetail("To fit or judge weights, each member is trained again on a part of the rows."),
			 errhint(
				 "Give \"weights\" and no \"source\": then it is enough to be able to use the members.")));
	model = registry_open(name, MODEL_OWN);
	if (kind_find(model->kind)->fit == NULL)
		ereport(ERROR, (errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
						errmsg("model \"%s\" of kind \"%s\" cannot be learned from given interactions", name,
							   model->kind)));
	return model;
}

/*
 * Without a source that of the first member serves, if it is the caller's own: a query runs only as who wrote it, and from now on
 * this one will run as the owner of the hybrid.
 */
static void
borrow_source(HybridTraining *training)
{
	const Model *first = training->definitions[0];

	if (strcmp(first->kind, CONTENT_KIND) == 0)
		ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
						errmsg("argument \"source\" is needed to fit weights"),
						errdetail("The source of the first model, \"%s\", holds attributes, not purchases.",
								  first->name)));
	if (first->owner_oid != GetUserId() || first->source[0] == '\0')
		ereport(
			ERROR,
			(errcode(ERRCODE_INVALID_PARAMETER_VALUE), errmsg("argument \"source\" is needed to fit weights"),
			 errdetail("Without it the source of the first model, \"%s\", is used, which must be your own.",
					   first->name)));
	training->draft.source = first->source;
	training->draft.search_path = first->search_path;
}

static bool
wants_fit(const HybridTraining *training)
{
	return !training->options.weights.set || training->draft.source != NULL;
}

/* As whoever the source runs as. */
static void
training_open(HybridTraining *training)
{
	const HybridOptions *options = &training->options;

	training->n = options->models.n;
	training->limit = memory_limit(options->memory);
	env_init(&training->env, CurrentMemoryContext);
	training->env.report = true;
	for (int m = 0; m < training->n; m++)
	{
		open_member(options->models.text[m], &training->members[m]);
		training->repeats |= training->members[m].model->repeats;
	}
	if (options->targets >= 0)
		training->repeats = options->targets == TARGETS_ALL;
	for (int m = 0; m < training->n && wants_fit(training); m++)
		training->definitions[m] = open_definition(options->models.text[m]);
	if (!options->weights.set && training->draft.source == NULL)
		borrow_source(training);
}

/* ---- fitting ---- */

static uint64
interactions_need(const void *arg, uint64 entries, uint64 customers, uint64 items)
{
	const HybridTraining *training = arg;
	uint64 models = (uint64) training->n + 1;
	uint64 scores = memory_mul(items, sizeof(float) * training->n + 2);
	uint64 histories = memory_mul(models, memory_add(memory_mul(entries, 8), memory_mul(customers, 16)));

	/* The entries, and a part of them once more, of which the members and the hybrid have histories. */
	return memory_add(memory_add(memory_mul(2, interactions_bytes(&training->in, entries)), histories),
					  memory_add(memory_mul(customers, 32), scores));
}

static void
training_read(HybridTraining *training)
{
	if (!wants_fit(training))
		return;
	training->in = (Interactions){.memory = CurrentMemoryContext,
								  .late_after = training->options.holdout_after,
								  .timed = true,
								  .need = interactions_need,
								  .need_arg = training,
								  .limit = training->limit};
	interactions_read(training->draft.source, &training->in);
}

static HybridFit
fit_of(const HybridOptions *options, Model **models, bool repeats, const double *given, uint64 limit)
{
	return (HybridFit){.models = models,
					   .n = options->models.n,
					   .repeats = repeats,
					   .holdout = options->holdout,
					   .after = options->holdout_after,
					   .k = options->metrics_k,
					   .seed = (uint64) options->seed,
					   .limit = limit,
					   .given = given};
}

static void
training_fit(HybridTraining *training)
{
	double *weights = training->given;

	if (wants_fit(training))
	{
		interactions_settle(&training->in);
		progress_phase(PROGRESS_EVALUATING, 0);
		training->fit = fit_of(&training->options, training->definitions, training->repeats,
							   training->options.weights.set ? training->given : NULL, training->limit);
		hybrid_fit_weights(&training->fit, &training->in, &training->env);
		weights = training->fit.weights;
		memcpy(training->metrics, training->fit.metrics, sizeof(ModelMetric) * training->fit.n_metrics);
		training->n_metrics = training->fit.n_metrics;
		training->metrics[training->n_metrics++] = interactions_repeat_share(&training->in);
		interactions_free_entries(&training->in);
	}
	for (int m = 0; m < training->n; m++)
		training->members[m].weight = weights[m];
}

/* ---- publishing ---- */

static Jsonb *
training_sizes(const HybridTraining *training, const HybridModel *model)
{
	JsonObject sizes;
	JsonObject members;

	json_open(&members);
	for (int m = 0; m < training->n; m++)
	{
		JsonObject member;

		json_open(&member);
		json_put_string(&member, "kind", training->members[m].loaded->version->kind);
		json_put_int(&member, "version", training->members[m].loaded->version->version);
		json_put_real(&member, "weight", training->members[m].weight);
		json_put_json(&members, training->options.models.text[m], json_close(&member));
	}
	json_open(&sizes);
	json_put_int(&sizes, "customers", model->base.customers.n);
	json_put_int(&sizes, "items", model->base.items.n);
	json_put_int(&sizes, "interactions", model->base.seen_start[model->base.customers.n]);
	json_put_json(&sizes, "members", json_close(&members));
	return json_close(&sizes);
}

static ModelVersion *
training_publish(HybridTraining *training)
{
	HybridModel *model;
	Payload payload = {0};
	ModelVersion *version;

	progress_phase(PROGRESS_WRITING, 0);
	memory_require(hybrid_bytes(training->members, training->n), training->limit,
				   "putting the members together");
	model = hybrid_make(training->members, training->n, training->repeats);
	hybrid_model_write(model, &training->env, &payload);
	if (training->draft.source == NULL)
		training->draft.source = "";
	training->in.customers = &model->base.customers;
	training->in.items = &model->base.items;
	training->in.pairs = model->base.seen_start[model->base.customers.n];
	training->draft.kind = HYBRID_KIND;
	training->draft.arguments = options_to_jsonb(hybrid_options, &training->options);
	training->draft.rows_read = training->in.rows_read;
	training->draft.rows_skipped = training->in.rows_skipped;
	training->draft.sizes = training_sizes(training, model);
	training->draft.metrics = training->metrics;
	training->draft.n_metrics = training->n_metrics;
	training->draft.payload = &payload;
	version = registry_publish(&training->draft);
	progress_end();
	return version;
}

/* ---- the SQL function, retraining, the fit of a definition ---- */

PG_FUNCTION_INFO_V1(promoai_hybrid_train);
Datum
promoai_hybrid_train(PG_FUNCTION_ARGS)
{
	Args *args = args_open(fcinfo);
	HybridTraining training = {.draft = draft_of_call(args, false)};
	ModelVersion *version;

	options_from_call(hybrid_options, args, &training.options);
	settle_options(training.draft.model, &training.options, training.given);
	registry_begin(training.draft.model, HYBRID_KIND);
	training_open(&training);

	progress_start(training.draft.model);
	training_read(&training);
	training_fit(&training);
	version = training_publish(&training);
	return recommender_report(fcinfo, &training.in, &training.draft, version);
}

/* A hybrid of given weights may have no source; then the members' versions of today take the place of the old ones. */
static ModelVersion *
hybrid_retrain(const Model *model, void (*read_done)(void *arg), void *arg)
{
	HybridTraining training = {.draft = draft_of_model(model)};

	training.draft.source = model->source[0] == '\0' ? NULL : model->source;
	options_from_jsonb(hybrid_options, model->arguments, &training.options);
	settle_options(model->name, &training.options, training.given);
	training_open(&training);

	progress_start(model->name);
	training_read(&training);
	read_done(arg);
	training_fit(&training);
	return training_publish(&training);
}

/* Weights that the definition does not give are fitted anew, within these interactions. */
static Recommender *
hybrid_fit_definition(const Model *definition, const Interactions *in, uint64 limit, MemoryContext memory)
{
	MemoryContext caller = MemoryContextSwitchTo(memory);
	double given[HYBRID_MAX_MEMBERS] = {0};
	Model *models[HYBRID_MAX_MEMBERS];
	HybridOptions options;
	HybridModel *model;
	bool repeats;
	PgEnv env;

	check_stack_depth(); /* a hybrid may have come to be a member of its members */
	options_from_jsonb(hybrid_options, definition->arguments, &options);
	settle_options(definition->name, &options, given);
	for (int m = 0; m < options.models.n; m++)
		models[m] = open_definition(options.models.text[m]);
	repeats = ((const Recommender *) cache_get(definition, registry_version(definition, 0), memory)->state)
				  ->repeats;
	env_init(&env, memory);
	if (!options.weights.set)
	{
		HybridFit fit =
			fit_of(&options, models, repeats, NULL, limit > 0 ? limit : memory_limit(options.memory));

		fit.member_limit = limit;
		fit.after.set = false; /* a date of the definition's own source */
		if (isnan(fit.holdout))
			fit.holdout = HOLDOUT_SHARE;
		hybrid_fit_weights(&fit, in, &env);
		memcpy(given, fit.weights, sizeof(given));
	}
	model = hybrid_fit_members(models, options.models.n, given, repeats, in, limit);
	MemoryContextSwitchTo(caller);
	return &model->base;
}

/* ModelKind.check */
static void
hybrid_check_arguments(Jsonb *arguments)
{
	double given[HYBRID_MAX_MEMBERS];
	HybridOptions options;

	options_check_keys(hybrid_options, arguments);
	options_from_jsonb(hybrid_options, arguments, &options);
	settle_options("", &options, given);
}

void
hybrid_init(void)
{
	static const ModelKind kind = {.name = HYBRID_KIND,
								   .recommends = true,
								   .retrain = hybrid_retrain,
								   .fit = hybrid_fit_definition,
								   .check = hybrid_check_arguments,
								   .load = hybrid_model_load,
								   .evaluate = recommender_evaluate};

	kind_register(&kind);
}
