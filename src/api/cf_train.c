/*
 * cf_train.c - training of recommenders that go by who had what: the SQL function, retraining, evaluation
 *
 * Phases: arguments are checked and the model's name is claimed; the source is read into a list of entries, pairs that sum to
 * nothing are taken out; when a holdout is wanted, a model is learned from the rest (cf_fit.c) and its lists are judged
 * beside popularity; then the model that is published is learned from all pairs, and version, metrics and payload are
 * written in the caller's transaction.
 *
 * Memory is counted against maintenance_work_mem or memory => while the source is read: the entries, and what cf_fit_bytes says.
 */
#include "postgres.h"

#include <math.h>

#include "funcapi.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/memutils.h"

#include "api/cf_train.h"
#include "api/holdout.h"
#include "api/recommender_evaluate.h"
#include "api/recommender_report.h"
#include "bridge/json.h"
#include "bridge/memory.h"
#include "bridge/progress.h"

static const char *const method_choices[] = {
	[CF_EASE] = "ease",       [CF_ITEM_KNN] = "item_knn", [CF_USER_KNN] = "user_knn",
	[CF_RP3BETA] = "rp3beta", [CF_POPULAR] = "popular",   [CF_BUY_AGAIN] = "buy_again",
	[CF_METHODS] = NULL};
static const char *const feedback_choices[] = {[CF_IMPLICIT] = "implicit", [CF_EXPLICIT] = "explicit", NULL};
static const char *const similarity_choices[] = {[CF_COSINE] = "cosine", [CF_PEARSON] = "pearson", NULL};
static const char *const weighting_choices[] = {
	[CF_UNWEIGHTED] = "none", [CF_TFIDF] = "tfidf", [CF_BM25] = "bm25", NULL};
static const char *const transform_choices[] = {
	[FEEDBACK_BINARY] = "binary", [FEEDBACK_LOG1P] = "log1p", [FEEDBACK_NONE] = "none", NULL};

#define FIELD(field) .name = #field, .offset = offsetof(CfOptions, field)

const Option cf_options[] = {
	{FIELD(method), .type = OPTION_CHOICE, .choices = method_choices},
	{FIELD(feedback), .type = OPTION_CHOICE, .choices = feedback_choices},
	{FIELD(neighbours), .type = OPTION_INT, .min = 1, .max = 100000, .nullable = true},
	{FIELD(regularization), .type = OPTION_REAL, .min = 1e-3, .max = 1e9, .nullable = true},
	{FIELD(similarity), .type = OPTION_CHOICE, .choices = similarity_choices, .nullable = true},
	{FIELD(shrinkage), .type = OPTION_REAL, .min = 0, .max = 1e9, .nullable = true},
	{FIELD(weighting), .type = OPTION_CHOICE, .choices = weighting_choices, .nullable = true},
	{FIELD(bm25_k1), .type = OPTION_REAL, .min = 0, .max = 1e6, .nullable = true},
	{FIELD(bm25_b), .type = OPTION_REAL, .min = 0, .max = 1, .nullable = true},
	{FIELD(alpha), .type = OPTION_REAL, .min = 0, .max = 10, .nullable = true},
	{FIELD(beta), .type = OPTION_REAL, .min = 0, .max = 10, .nullable = true},
	{FIELD(half_life), .type = OPTION_REAL, .min = 1e-3, .max = 1e6, .nullable = true},
	{FIELD(value_transform), .type = OPTION_CHOICE, .choices = transform_choices, .nullable = true},
	{FIELD(holdout), .type = OPTION_REAL, .min = 0, .max = 0.9, .nullable = true},
	{FIELD(holdout_after), .type = OPTION_TIME},
	{FIELD(metrics_k), .type = OPTION_INT, .min = 1, .max = 1000, .missing = 20},
	{FIELD(seed), .type = OPTION_BIGINT, .min = -9007199254740992.0, .max = 9007199254740992.0,
	 .missing = 42},
	{FIELD(memory), .type = OPTION_TEXT},
	{FIELD(verbose), .type = OPTION_BOOL, .transient = true},
	{.name = NULL},
};

/* ---- options ---- */

static void
check_options(const CfOptions *options)
{
	CfMethod method = (CfMethod) options->method;
	bool near = method == CF_ITEM_KNN || method == CF_USER_KNN;
	bool lists = near || method == CF_EASE || method == CF_RP3BETA;
	bool timed = method == CF_POPULAR || method == CF_BUY_AGAIN;
	const char *choice = option_written("method", method_choices[options->method]);

	if (options->holdout_after.set && !isnan(options->holdout))
		ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
						errmsg("arguments \"holdout\" and \"holdout_after\" exclude each other"),
						errhint("Give one of them; holdout => 0 alone means no evaluation.")));
	if (method == CF_BUY_AGAIN && options->holdout > 0)
		ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
						errmsg("argument \"holdout\" makes no sense with method => 'buy_again'"),
						errdetail("Pairs that are held out are in nobody's history any more."),
						errhint("Judge repeats by what came later: holdout_after.")));
	option_refuse(options->neighbours >= 0 && !lists, "neighbours", choice,
				  "ease, item_knn, user_knn and rp3beta");
	option_refuse(!isnan(options->regularization) && method != CF_EASE, "regularization", choice, "ease");
	option_refuse(options->similarity >= 0 && !near, "similarity", choice, "item_knn and user_knn");
	option_refuse(!isnan(options->shrinkage) && !near, "shrinkage", choice, "item_knn and user_knn");
	option_refuse(options->weighting >= 0 && !near, "weighting", choice, "item_knn and user_knn");
	option_refuse(!isnan(options->alpha) && method != CF_RP3BETA, "alpha", choice, "rp3beta");
	option_refuse(!isnan(options->beta) && method != CF_RP3BETA, "beta", choice, "rp3beta");
	option_refuse(!isnan(options->half_life) && !timed, "half_life", choice, "popular and buy_again");
	option_refuse(options->value_transform >= 0 && timed, "value_transform", choice,
				  "ease, item_knn, user_knn and rp3beta");
	if ((!isnan(options->bm25_k1) || !isnan(options->bm25_b)) && options->weighting != CF_BM25)
		ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
						errmsg("arguments \"bm25_k1\" and \"bm25_b\" need weighting => 'bm25'")));
	if (options->feedback != CF_EXPLICIT)
		return;
	if (method != CF_USER_KNN)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("feedback => 'explicit' makes no sense with method => '%s'", method_choices[method]),
				 errhint("Ratings are predicted by method => 'user_knn' and by promoai.mf_train.")));
	option_refuse(options->weighting > CF_UNWEIGHTED, "weighting", "feedback => 'explicit'", NULL);
	option_refuse(options->value_transform >= 0, "value_transform", "feedback => 'explicit'", NULL);
}

/* Refuses what makes no sense together and fills in defaults. */
static void
cf_settle_options(CfOptions *options)
{
	/* These, and the settings below, were chosen by the validation that heads test/core/recall_neighbours.c. */
	static const int32 neighbours[CF_METHODS] = {
		[CF_EASE] = 50, [CF_ITEM_KNN] = 20, [CF_USER_KNN] = 100, [CF_RP3BETA] = 20};

	CfMethod method = (CfMethod) options->method;

	check_options(options);
	if (!options->holdout_after.set)
		option_default(&options->holdout, method == CF_BUY_AGAIN ? 0 : HOLDOUT_SHARE);
	if (method == CF_POPULAR || method == CF_BUY_AGAIN)
		return;
	option_default_int(&options->neighbours, neighbours[method]);
	if (options->feedback == CF_IMPLICIT)
		option_default_int(&options->value_transform, FEEDBACK_BINARY);
	if (method == CF_EASE)
		option_default(&options->regularization, 100);
	else if (method == CF_RP3BETA)
	{
		option_default(&options->alpha, 0.7);
		option_default(&options->beta, 0.3);
	}
	else
	{
		option_default_int(&options->similarity, CF_COSINE);
		option_default(&options->shrinkage, 0);
		option_default_int(&options->weighting, method == CF_ITEM_KNN ? CF_TFIDF : CF_UNWEIGHTED);
		if (options->weighting == CF_BM25)
		{
			option_default(&options->bm25_k1, 100);
			option_default(&options->bm25_b, 0.8);
		}
	}
}

/* ---- one training ---- */

typedef struct CfTraining
{
	CfOptions options;
	Holdout holdout;
	Interactions in;
	int workers;
	PgEnv env;
	ModelMetric metrics[2 * RANK_METRICS + 4];
	int n_metrics;
	ModelDraft draft;
} CfTraining;

/* Is a model of what came before a time judged?  Ratings are predicted one by one: what else there is does not change them. */
static bool
cut_by_time(const CfTraining *training)
{
	return training->holdout.after.set && training->options.feedback == CF_IMPLICIT;
}

static uint64
training_need(const void *arg, uint64 entries, uint64 customers, uint64 items)
{
	const CfTraining *training = arg;
	uint64 need = cf_fit_bytes(&training->options, entries, customers, items, training->workers);

	if (holdout_wanted(&training->holdout)) /* what is held out, and the measures of it */
		need = memory_add(need, memory_add(memory_mul(entries, 8),
										   memory_mul(customers, 2 * (RANK_MEASURES + 1) * sizeof(double))));
	if (cut_by_time(training))
		need = memory_add(need, holdout_cut_bytes(&training->in, entries, customers, items));
	return memory_add(interactions_bytes(&training->in, entries), need);
}

static void
training_open(CfTraining *training)
{
	CfOptions *options = &training->options;
	CfMethod method = (CfMethod) options->method;

	cf_settle_options(options);
	training->holdout = (Holdout){.share = options->holdout,
								  .after = options->holdout_after,
								  .seed = options->seed,
								  .k = options->metrics_k};
	training->in = (Interactions){.memory = CurrentMemoryContext,
								  .late_after = options->holdout_after,
								  .rated = options->feedback == CF_EXPLICIT,
								  .timed = method == CF_POPULAR || method == CF_BUY_AGAIN,
								  .need = training_need,
								  .need_arg = training,
								  .limit = memory_limit(options->memory)};
	training->workers = max_parallel_maintenance_workers;
	env_init(&training->env, CurrentMemoryContext);
	training->env.report = true;
	training->env.verbose = options->verbose;
}

static void
training_read(CfTraining *training)
{
	interactions_read(training->draft.source, &training->in);
}

/* The newest time among the entries of a part. */
static int64
latest_of(const Interactions *in, CooKeep keep, const void *arg)
{
	int64 latest = PG_INT64_MIN;

	for (int64 i = 0; in->time != NULL && i < in->coo.n; i++)
	{
		if (unlikely(i % (1 << 20) == 0))
			CHECK_FOR_INTERRUPTS();
		if (keep == NULL || keep(&in->coo, i, arg))
			latest = Max(latest, in->time[i]);
	}
	return latest;
}

static CfModel *
fit_part(CfTraining *training, FeedbackPart which)
{
	FeedbackSplit split = holdout_split(&training->holdout, &training->in, which);
	CfPart part = {.keep = feedback_keep, .arg = &split};

	part.latest = latest_of(&training->in, part.keep, part.arg);
	return cf_fit(&training->options, &training->in, &part, training->workers, &training->env);
}

/* The part of the entries to be judged by, as a matrix. */
static Csr
held_out(CfTraining *training)
{
	FeedbackSplit split = holdout_split(&training->holdout, &training->in, FEEDBACK_TEST);
	const Interactions *in = &training->in;
	Csr held = {.rows = in->customers->n, .cols = in->items->n};
	CooMerge merge;

	held.start = MemoryContextAllocHuge(CurrentMemoryContext, sizeof(int64) * ((Size) held.rows + 1));
	held.col = MemoryContextAllocHuge(CurrentMemoryContext, sizeof(int32) * Max(in->coo.n, 1));
	held.value = MemoryContextAllocHuge(CurrentMemoryContext, sizeof(float) * Max(in->coo.n, 1));
	env_check(&training->env,
			  csr_from_coo(&training->env.base, &in->coo, feedback_keep, &split, &held, &merge),
			  "merging repeated pairs");
	return held;
}

/* A model of what came before the time, and what came after it; NULL: nothing came before. */
static CfModel *
fit_cut(CfTraining *training, HoldoutCut *cut, Csr *held)
{
	CfPart part = {0};

	holdout_cut(&training->in, holdout_split(&training->holdout, &training->in, FEEDBACK_TRAIN),
				HOLDOUT_CUSTOMERS, cut);
	if (cut->rest.pairs == 0)
		return NULL;
	held->start = memory_huge((uint64) cut->rest.customers->n + 1, sizeof(int64));
	held->col = memory_huge(cut->late.n, sizeof(int32));
	held->value = memory_huge(cut->late.n, sizeof(float));
	holdout_cut_matrix(cut, &training->env, held);
	part.latest = latest_of(&cut->rest, NULL, NULL);
	return cf_fit(&training->options, &cut->rest, &part, training->workers, &training->env);
}

static void
training_evaluate(CfTraining *training)
{
	MemoryContext scratch =
		AllocSetContextCreate(CurrentMemoryContext, "promoai holdout", ALLOCSET_DEFAULT_SIZES);
	HoldoutCut cut = {.rest = training->in};
	MemoryContext caller;
	CfModel *model;
	char *words;
	Csr held = {0};

	progress_phase(PROGRESS_EVALUATING, 0);
	training->env.phase = "evaluating";
	caller = MemoryContextSwitchTo(scratch);
	training->env.memory = scratch;
	if (cut_by_time(training))
		model = fit_cut(training, &cut, &held);
	else
	{
		held = held_out(training);
		model = fit_part(training, FEEDBACK_TRAIN);
	}
	MemoryContextSwitchTo(caller);
	words =
		holdout_words(&training->holdout, &cut.rest,
					  training->options.feedback == CF_IMPLICIT && training->options.method != CF_BUY_AGAIN);
	if (model == NULL)
		ereport(NOTICE, (errmsg("no evaluation: the holdout leaves nothing to train on")));
	else
		training->n_metrics = model->base.methods->rated
								  ? recommender_rating_metrics(&model->base, &training->env, &held,
															   model->base.mean, words, training->metrics)
								  : holdout_judge(&training->holdout, &model->base, &training->env, &held,
												  words, training->metrics);
	MemoryContextSwitchTo(caller);
	training->env.memory = caller;
	MemoryContextDelete(scratch);
}

static Jsonb *
training_sizes(const CfTraining *training, const CfModel *model)
{
	JsonObject sizes;

	json_open(&sizes);
	json_put_int(&sizes, "customers", training->in.customers->n);
	json_put_int(&sizes, "items", training->in.items->n);
	json_put_int(&sizes, "interactions", training->in.pairs);
	json_put_int(&sizes, "rows_merged", training->in.rows_merged);
	json_put_int(&sizes, "pairs_dropped", training->in.pairs_dropped);
	if (model->lists.rows > 0)
		json_put_int(&sizes, "neighbours", csr_entries(&model->lists));
	return json_close(&sizes);
}

static ModelVersion *
training_publish(CfTraining *training)
{
	Payload payload = {0};
	CfModel *model;
	ModelVersion *version;

	if (holdout_wanted(&training->holdout))
		training_evaluate(training);
	progress_phase(PROGRESS_TRAINING, 0);
	training->env.phase = "training";
	model = fit_part(training, FEEDBACK_ALL);
	training->metrics[training->n_metrics++] = interactions_repeat_share(&training->in);

	progress_phase(PROGRESS_WRITING, 0);
	interactions_free_entries(&training->in);
	cf_model_write(model, &payload);
	training->draft.kind = CF_KIND;
	training->draft.arguments = options_to_jsonb(cf_options, &training->options);
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

PG_FUNCTION_INFO_V1(promoai_cf_train);
Datum
promoai_cf_train(PG_FUNCTION_ARGS)
{
	Args *args = args_open(fcinfo);
	CfTraining training = {.draft = draft_of_call(args, true)};
	ModelVersion *version;

	options_from_call(cf_options, args, &training.options);
	training_open(&training);
	registry_begin(training.draft.model, CF_KIND);

	progress_start(training.draft.model);
	training_read(&training);
	interactions_settle(&training.in); /* before anything is drawn by index */
	version = training_publish(&training);
	return recommender_report(fcinfo, &training.in, &training.draft, version);
}

static ModelVersion *
cf_retrain(const Model *model, void (*read_done)(void *arg), void *arg)
{
	CfTraining training = {.draft = draft_of_model(model)};

	options_from_jsonb(cf_options, model->arguments, &training.options);
	training_open(&training);

	progress_start(model->name);
	training_read(&training);
	read_done(arg);
	interactions_settle(&training.in);
	return training_publish(&training);
}

Recommender *
cf_fit_options(CfOptions *options, const Interactions *in, uint64 limit)
{
	CfPart part = {.latest = latest_of(in, NULL, NULL)};
	int workers = max_parallel_maintenance_workers;
	PgEnv env;

	cf_settle_options(options);
	memory_require(cf_fit_bytes(options, in->coo.n, in->customers->n, in->items->n, workers),
				   limit > 0 ? limit : memory_limit(options->memory), "training");
	env_init(&env, CurrentMemoryContext);
	return &cf_fit(options, in, &part, workers, &env)->base;
}

static Recommender *
cf_fit_definition(const Model *definition, const Interactions *in, uint64 limit, MemoryContext memory)
{
	MemoryContext caller = MemoryContextSwitchTo(memory);
	CfOptions options;
	Recommender *model;

	options_from_jsonb(cf_options, definition->arguments, &options);
	model = cf_fit_options(&options, in, limit);
	MemoryContextSwitchTo(caller);
	return model;
}

static void
cf_check(Jsonb *arguments)
{
	CfOptions options;

	options_check_keys(cf_options, arguments);
	options_from_jsonb(cf_options, arguments, &options);
	cf_settle_options(&options);
}

void
cf_init(void)
{
	static const ModelKind kind = {.name = CF_KIND,
								   .recommends = true,
								   .retrain = cf_retrain,
								   .fit = cf_fit_definition,
								   .check = cf_check,
								   .load = cf_model_load,
								   .evaluate = recommender_evaluate};

	kind_register(&kind);
	cf_fit_init();
}
