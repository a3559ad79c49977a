/*
 * mf_train.c - training of factor models
 *
 * Phases: arguments are checked and the model's name is claimed; the source is read into a list of entries; the team's
 * region is laid out, and pairs that sum to nothing are taken out; when a holdout is wanted, a model is trained on the
 * rest and judged by it beside popularity; then the model that is published is trained on all pairs; parallel mode is
 * left, and version, metrics and payload are written in the caller's transaction.
 *
 * Memory: the list of entries (8 to 13 bytes each), the region (mf_team.c), and the id tables.  All of it is counted
 * against maintenance_work_mem or memory => before it is taken, while the source is read.
 */
#include "postgres.h"

#include <math.h>

#include "funcapi.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/memutils.h"

#include "api/holdout.h"
#include "api/interactions.h"
#include "api/mf_model.h"
#include "api/mf_team.h"
#include "api/mf_train.h"
#include "api/rank_metrics.h"
#include "api/recommender_evaluate.h"
#include "api/recommender_report.h"
#include "bridge/args.h"
#include "bridge/env.h"
#include "bridge/json.h"
#include "bridge/memory.h"
#include "bridge/progress.h"
#include "bridge/rows.h"
#include "bridge/team.h"

/* Options that are not given (NaN, -1) are those of the other kind of feedback, or get the defaults below. */
typedef struct MfOptions
{
	int32 feedback;
	int32 solver;
	int32 factors;
	int32 iterations;
	double regularization;
	double unobserved_weight;
	double regularization_prior;
	double bias_regularization;
	double learning_rate;
	int32 value_transform;
	double holdout;
	OptionTime holdout_after;
	int32 metrics_k;
	double tolerance;
	int64 seed;
	char *memory;
	bool clip;
	bool verbose;
} MfOptions;

enum
{
	IMPLICIT,
	EXPLICIT
};

static const char *const feedback_choices[] = {[IMPLICIT] = "implicit", [EXPLICIT] = "explicit", NULL};
static const char *const solver_choices[] = {[MF_ALS] = "als", [MF_CG] = "cg", [MF_SGD] = "sgd", NULL};
static const char *const transform_choices[] = {
	[FEEDBACK_BINARY] = "binary", [FEEDBACK_LOG1P] = "log1p", [FEEDBACK_NONE] = "none", NULL};

#define FIELD(field) .name = #field, .offset = offsetof(MfOptions, field)

static const Option mf_options[] = {
	{FIELD(feedback), .type = OPTION_CHOICE, .choices = feedback_choices},
	{FIELD(solver), .type = OPTION_CHOICE, .choices = solver_choices},
	{FIELD(factors), .type = OPTION_INT, .min = 1, .max = 512, .missing = 64},
	{FIELD(iterations), .type = OPTION_INT, .min = 1, .max = 10000, .missing = 15},
	{FIELD(regularization), .type = OPTION_REAL, .min = 0, .max = 1e6, .nullable = true},
	{FIELD(unobserved_weight), .type = OPTION_REAL, .min = 1e-9, .max = 1e6, .nullable = true},
	{FIELD(regularization_prior), .type = OPTION_REAL, .min = 0, .max = 1e6, .nullable = true},
	{FIELD(bias_regularization), .type = OPTION_REAL, .min = 0, .max = 1e6, .nullable = true},
	{FIELD(learning_rate), .type = OPTION_REAL, .min = 1e-6, .max = 10, .nullable = true},
	{FIELD(value_transform), .type = OPTION_CHOICE, .choices = transform_choices, .nullable = true},
	{FIELD(holdout), .type = OPTION_REAL, .min = 0, .max = 0.9, .nullable = true},
	{FIELD(holdout_after), .type = OPTION_TIME},
	{FIELD(metrics_k), .type = OPTION_INT, .min = 1, .max = 1000, .missing = 20},
	{FIELD(tolerance), .type = OPTION_REAL, .min = 0, .max = 1},
	{FIELD(seed), .type = OPTION_BIGINT, .min = -9007199254740992.0, .max = 9007199254740992.0,
	 .missing = 42},
	{FIELD(memory), .type = OPTION_TEXT},
	{FIELD(clip), .type = OPTION_BOOL},
	{FIELD(verbose), .type = OPTION_BOOL, .transient = true},
	{.name = NULL},
};

/* One training on its way. */
typedef struct MfTraining
{
	MfOptions options;
	MfFit fit;
	float low, high; /* the scale of the ratings */
	Interactions in;
	Team *team;
	MfRegion *region;
	MfArrays arrays;
	int workers; /* at most: as set when the training began, whatever the source does to the setting */
	PgEnv env;
	ModelMetric metrics[2 * RANK_METRICS + 2];
	int n_metrics;
	ModelDraft draft;
} MfTraining;

/* ---- arguments ---- */

static Holdout
holdout_of(const MfOptions *options)
{
	return (Holdout){.share = options->holdout,
					 .after = options->holdout_after,
					 .seed = options->seed,
					 .k = options->metrics_k};
}

static bool
wants_holdout(const MfOptions *options)
{
	Holdout holdout = holdout_of(options);

	return holdout_wanted(&holdout);
}

/* A solver that cannot learn from that feedback. */
static void
refuse_solver(const MfOptions *options, MfSolver solver, const char *feedback)
{
	if (options->solver == (int32) solver)
		ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
						errmsg("solver => '%s' makes no sense with %s", solver_choices[solver], feedback)));
}

/* What options may not say together. */
static void
check_options(const MfOptions *options)
{
	if (options->holdout_after.set && !isnan(options->holdout))
		ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
						errmsg("arguments \"holdout\" and \"holdout_after\" exclude each other"),
						errhint("Give one of them; holdout => 0 alone means no evaluation.")));
	if (options->feedback == IMPLICIT)
	{
		const char *feedback = "feedback => 'implicit'";

		refuse_solver(options, MF_SGD, feedback);
		option_refuse(!isnan(options->regularization_prior), "regularization_prior", feedback, NULL);
		option_refuse(!isnan(options->bias_regularization), "bias_regularization", feedback, NULL);
		option_refuse(options->clip, "clip", feedback, NULL);
	}
	else
	{
		const char *feedback = "feedback => 'explicit'";

		refuse_solver(options, MF_CG, feedback);
		option_refuse(!isnan(options->unobserved_weight), "unobserved_weight", feedback, NULL);
		option_refuse(options->value_transform >= 0, "value_transform", feedback, NULL);
	}
	option_refuse(options->solver != MF_SGD && !isnan(options->learning_rate), "learning_rate",
				  option_written("solver", solver_choices[options->solver]), "solver => 'sgd'");
}

static void
set_defaults(MfOptions *options)
{
	if (!options->holdout_after.set)
		option_default(&options->holdout, HOLDOUT_SHARE);
	if (options->feedback == IMPLICIT)
	{
		option_default(&options->regularization, 0.01);
		option_default(&options->unobserved_weight, 0.1);
		if (options->value_transform < 0)
			options->value_transform = FEEDBACK_BINARY;
		return;
	}
	option_default(&options->regularization, 0.1);
	option_default(&options->regularization_prior, 20);
	option_default(&options->bias_regularization, 2);
	if (options->solver == MF_SGD)
		option_default(&options->learning_rate, 0.1);
}

/* What the options mean for the kernels. */
static void
settle_options(MfTraining *training)
{
	MfOptions *options = &training->options;
	bool rated = options->feedback == EXPLICIT;

	check_options(options);
	set_defaults(options);
	training->fit = (MfFit){.solver = (MfSolver) options->solver, .rated = rated};
	training->fit.implicit = (AlsParams){.factors = options->factors,
										 .iterations = options->iterations,
										 .regularization = (float) options->regularization,
										 .unobserved_weight = rated ? 1 : (float) options->unobserved_weight,
										 .tolerance = options->tolerance,
										 .seed = (uint64) options->seed};
	if (rated)
		training->fit.ratings = (ExplicitParams){
			.factors = options->factors,
			.iterations = options->iterations,
			.regularization = (float) options->regularization,
			.prior = (float) options->regularization_prior,
			.bias_regularization = (float) options->bias_regularization,
			.learning_rate = isnan(options->learning_rate) ? 0 : (float) options->learning_rate,
			.tolerance = options->tolerance,
			.seed = (uint64) options->seed};
	training->in.rated = rated;
	training->in.late_after = options->holdout_after;
	training->in.limit = memory_limit(options->memory);
	training->workers = max_parallel_maintenance_workers;
}

static MfExtent
training_extent(const MfTraining *training, int64 customers, int64 items, int64 entries, int64 test_entries)
{
	const MfOptions *options = &training->options;

	return (MfExtent){.customers = (int32) customers,
					  .items = (int32) items,
					  .entries = entries,
					  .test_entries = test_entries,
					  .weighted = training->fit.rated || options->value_transform != FEEDBACK_BINARY,
					  .judged = wants_holdout(options),
					  .k = wants_holdout(options) && !training->fit.rated ? options->metrics_k : 0};
}

/* Is a model of what came before a time judged?  Ratings are predicted one by one: what else there is does not change them. */
static bool
cut_by_time(const MfTraining *training)
{
	return training->options.holdout_after.set && !training->fit.rated;
}

/* Interactions.need: entries as they are read, the region, each member's own, and the merge's scratch. */
static uint64
training_need(const void *arg, uint64 entries, uint64 customers, uint64 items)
{
	const MfTraining *training = arg;
	const MfOptions *options = &training->options;
	uint64 test_entries = options->holdout_after.set ? entries : (uint64) ceil(entries * options->holdout);
	MfExtent extent = training_extent(training, customers, items, entries, test_entries);
	MfRegion region;
	uint64 need = mf_region_plan(&region, &training->fit, &extent);
	uint64 member = memory_add(mf_member_bytes(&training->fit),
							   extent.k > 0 ? rank_member_bytes(extent.items, extent.k) : 0);

	need = memory_add(need, rank_index_code_bytes((int32) items, options->factors + 1));
	need = memory_add(need, interactions_bytes(&training->in, entries));
	if (training->fit.rated) /* what is stored: rows widened by the bias */
		need = memory_add(need,
						  memory_mul(memory_add(customers, items), sizeof(float) * (options->factors + 1)));
	need = memory_add(need, extent.weighted ? 0 : memory_mul(entries, sizeof(float)));
	if (cut_by_time(training))
		need = memory_add(need, holdout_cut_bytes(&training->in, entries, customers, items));
	return memory_add(need, memory_mul(member, training->workers + 1));
}

/* ---- reading ---- */

static FeedbackSplit
training_split(const MfTraining *training, FeedbackPart part)
{
	Holdout holdout = holdout_of(&training->options);

	return holdout_split(&holdout, &training->in, part);
}

static int64
count_part(const MfTraining *training, FeedbackPart part)
{
	FeedbackSplit split = training_split(training, part);
	int64 n = 0;

	if (cut_by_time(training)) /* who is judged is drawn when it is known who was there before */
		split.judged_rows = 1;
	for (int64 i = 0; i < training->in.coo.n; i++)
	{
		if (unlikely(i % (1 << 20) == 0))
			CHECK_FOR_INTERRUPTS();
		n += feedback_keep(&training->in.coo, i, &split);
	}
	return n;
}

static void
training_read(MfTraining *training)
{
	training->in.memory = CurrentMemoryContext;
	training->in.need = training_need;
	training->in.need_arg = training;
	interactions_read(training->draft.source, &training->in);
}

/* Lay out and make the region. */
static void
training_lay_out(MfTraining *training)
{
	Interactions *in = &training->in;
	int64 test_entries = wants_holdout(&training->options) ? count_part(training, FEEDBACK_TEST) : 0;
	MfExtent extent = training_extent(training, in->customers->n, in->items->n, in->coo.n, test_entries);
	MfRegion plan;
	uint64 bytes = mf_region_plan(&plan, &training->fit, &extent);
	double f = training->fit.implicit.factors;
	double flops = training->fit.implicit.iterations *
				   (2 * f * f * in->coo.n + f * f * f / 3 * ((double) extent.customers + extent.items));

	training->team = team_create(bytes, Min(team_workers(flops), training->workers));
	training->region = team_memory(training->team);
	*training->region = plan;
	mf_region_arrays(training->region, &training->arrays);
}

/* ---- training ---- */

static void
build_matrix(MfTraining *training, FeedbackPart part, Csr *out)
{
	FeedbackSplit split = training_split(training, part);
	CooMerge merge;

	env_check(&training->env,
			  csr_from_coo(&training->env.base, &training->in.coo, feedback_keep, &split, out, &merge),
			  "merging repeated pairs");
}

/* Train on a part of the pairs: by_user, by_item and the factors are filled. */
static void
train_part(MfTraining *training, FeedbackPart part, ProgressPhase phase)
{
	MfArrays *arrays = &training->arrays;

	progress_phase(phase, training->fit.implicit.iterations);
	training->env.phase = phase == PROGRESS_EVALUATING ? "evaluating" : "training";
	build_matrix(training, part, &arrays->by_user);
	if (!training->fit.rated)
		env_check(
			&training->env,
			feedback_transform(&training->env.base, training->options.value_transform, &arrays->by_user),
			"weighing");
	env_check(&training->env, csr_transpose(&training->env.base, &arrays->by_user, &arrays->by_item),
			  "transposing");
	env_check(&training->env, feedback_popularity(&training->env.base, &arrays->by_user, arrays->buyers),
			  "counting buyers");
	memset(arrays->als_scratch, 0, training->region->als_bytes);
	team_run(training->team, MF_JOB_FIT, &training->env, "factorising");
}

static void
judge(MfTraining *training, bool popularity, const char *prefix, const char *split)
{
	RankTask task;
	RankSummary summary;

	training->region->rank_popularity = popularity;
	memset(training->arrays.rank_scratch, 0, training->region->rank_bytes);
	team_run(training->team, MF_JOB_RANK, &training->env, "evaluating");
	mf_rank_task(training->region, &training->arrays, &task);
	rank_summary(&task, training->arrays.rank_scratch, &summary);
	if (summary.users == 0)
	{
		if (!popularity)
			ereport(NOTICE, (errmsg("no evaluation: no customer has both held-out items and others")));
		return;
	}
	rank_metrics(&summary, prefix, training->options.metrics_k, split,
				 &training->metrics[training->n_metrics]);
	training->n_metrics += RANK_METRICS;
}

static ModelMetric
plain_metric(const char *name, const char *split, double value, int64 n)
{
	return (ModelMetric){.metric = name, .split = split, .value = value, .low = NAN, .high = NAN, .n = n};
}

/* The lowest and the highest rating of a matrix. */
static void
find_scale(const Csr *ratings, float *low, float *high)
{
	*low = INFINITY;
	*high = -INFINITY;
	for (int64 i = 0; i < csr_entries(ratings); i++)
	{
		if (unlikely(i % (1 << 20) == 0))
			CHECK_FOR_INTERRUPTS();
		*low = Min(*low, ratings->value[i]);
		*high = Max(*high, ratings->value[i]);
	}
}

/* The rows of `known` and `test` are in the order of their columns. */
static void
drop_known_pairs(const Csr *known, Csr *test)
{
	int64 to = 0;

	for (int32 r = 0; r < test->rows; r++)
	{
		int64 at = known->start[r];
		int64 from = test->start[r];

		if (unlikely(r % (1 << 14) == 0))
			CHECK_FOR_INTERRUPTS();
		test->start[r] = to;
		for (int64 i = from; i < test->start[r + 1]; i++)
		{
			while (at < known->start[r + 1] && known->col[at] < test->col[i])
				at++;
			if (at < known->start[r + 1] && known->col[at] == test->col[i])
				continue;
			test->col[to] = test->col[i];
			test->value[to++] = test->value[i];
		}
	}
	test->start[test->rows] = to;
}

/* Errors on the held-out ratings, beside those of always saying the training ratings' mean. */
static void
judge_ratings(MfTraining *training, const char *split)
{
	MfArrays *arrays = &training->arrays;
	ExplicitModel model = mf_rated_model(training->region, arrays);
	Size users = (Size) arrays->by_user.rows;
	Size items = (Size) arrays->by_user.cols;
	float *zeros = MemoryContextAllocExtended(CurrentMemoryContext, sizeof(float) * (users + items),
											  MCXT_ALLOC_HUGE | MCXT_ALLOC_ZERO);
	ExplicitModel mean = {.mean = model.mean,
						  .user_bias = zeros,
						  .item_bias = zeros + users,
						  .user_factors = zeros,
						  .item_factors = zeros};
	double low = -INFINITY;
	double high = INFINITY;
	ExplicitErrors errors;
	ExplicitErrors plain;
	ModelMetric *out = &training->metrics[training->n_metrics];

	if (training->options.clip)
	{
		find_scale(&arrays->by_user, &training->low, &training->high);
		low = training->low;
		high = training->high;
	}
	env_check(&training->env,
			  explicit_errors(&training->env.base, &model, training->options.factors, &arrays->test, low,
							  high, &errors),
			  "evaluating");
	env_check(&training->env,
			  explicit_errors(&training->env.base, &mean, 0, &arrays->test, low, high, &plain), "evaluating");
	pfree(zeros);
	if (errors.n == 0)
	{
		ereport(NOTICE, (errmsg("no evaluation: no rating is held out")));
		return;
	}
	out[0] = plain_metric("rmse", split, errors.rmse, errors.n);
	out[1] = plain_metric("mae", split, errors.mae, errors.n);
	out[2] = plain_metric("mean_rmse", split, plain.rmse, errors.n);
	out[3] = plain_metric("mean_mae", split, plain.mae, errors.n);
	training->n_metrics += 4;
}

/* The region's arrays for so many customers and items, no more than it was laid out for. */
static void
resize_region(MfTraining *training, int32 customers, int32 items)
{
	training->region->extent.customers = customers;
	training->region->extent.items = items;
	mf_region_arrays(training->region, &training->arrays);
}

static void
judge_lists(MfTraining *training, const char *split)
{
	MfArrays *arrays = &training->arrays;

	for (int32 u = 0; u < arrays->by_user.rows; u++)
		arrays->ones[u] = 1;
	judge(training, false, "", split);
	judge(training, true, "popularity_", split);
}

/* What came before a time, learned from alone, judged by what came after it. */
static void
evaluate_cut(MfTraining *training)
{
	MfArrays *arrays = &training->arrays;
	Holdout holdout = holdout_of(&training->options);
	Interactions whole = training->in;
	HoldoutCut cut;

	holdout_cut(&whole, training_split(training, FEEDBACK_TRAIN), HOLDOUT_CUSTOMERS, &cut);
	if (cut.rest.pairs == 0)
		ereport(NOTICE, (errmsg("no evaluation: the holdout leaves nothing to train on")));
	else
	{
		training->in = cut.rest;
		resize_region(training, cut.rest.customers->n, cut.rest.items->n);
		holdout_cut_matrix(&cut, &training->env, &arrays->test);
		train_part(training, FEEDBACK_ALL, PROGRESS_EVALUATING);
		judge_lists(training, holdout_words(&holdout, &cut.rest, true));
		training->in = whole;
		resize_region(training, whole.customers->n, whole.items->n);
	}
	holdout_cut_free(&cut);
}

/* Metrics of a model that has not seen the held-out pairs, beside popularity on the same split. */
static void
training_evaluate(MfTraining *training)
{
	MfArrays *arrays = &training->arrays;
	Holdout holdout = holdout_of(&training->options);
	char *split;

	if (cut_by_time(training))
	{
		evaluate_cut(training);
		return;
	}
	split = holdout_words(&holdout, &training->in, !training->fit.rated);
	build_matrix(training, FEEDBACK_TEST, &arrays->test);
	train_part(training, FEEDBACK_TRAIN, PROGRESS_EVALUATING);
	if (csr_entries(&arrays->by_user) == 0)
		ereport(NOTICE, (errmsg("no evaluation: the holdout leaves nothing to train on")));
	else if (training->fit.rated)
	{
		if (holdout.after.set)
			drop_known_pairs(&arrays->by_user, &arrays->test);
		judge_ratings(training, split);
	}
	else
		judge_lists(training, split);
}

static void
training_fit(MfTraining *training)
{
	env_init(&training->env, CurrentMemoryContext);
	training->env.report = true;
	training->env.verbose = training->options.verbose;
	if (training->fit.solver == MF_SGD)
		training->env.remedy = "Lower learning_rate, or look for extreme values in the source.";

	if (wants_holdout(&training->options))
		training_evaluate(training);
	train_part(training, FEEDBACK_ALL, PROGRESS_TRAINING);
	training->metrics[training->n_metrics++] =
		plain_metric("loss", "training, all pairs", training->region->report.loss, training->in.pairs);
	if (!training->fit.rated)
		training->metrics[training->n_metrics++] = interactions_repeat_share(&training->in);
	if (training->fit.rated)
		find_scale(&training->arrays.by_user, &training->low, &training->high);
}

/* ---- publishing ---- */

/* rows [n x (factors + 1)]: factors, then the bias, or 1 where bias is NULL. */
static float *
widen(const float *factors, const float *bias, int32 n, int32 width)
{
	float *wide =
		MemoryContextAllocHuge(CurrentMemoryContext, sizeof(float) * Max((Size) n, 1) * (width + 1));

	for (Size i = 0; i < (Size) n; i++)
	{
		if (unlikely(i % (1 << 16) == 0))
			CHECK_FOR_INTERRUPTS();
		memcpy(wide + i * (width + 1), factors + i * width, sizeof(float) * width);
		wide[i * (width + 1) + width] = bias == NULL ? 1 : bias[i];
	}
	return wide;
}

/* What serving needs beside the factors. */
static void
training_finish_model(MfTraining *training, MfModel *model)
{
	MfArrays *arrays = &training->arrays;
	int32 factors = training->options.factors;
	int32 customers = training->in.customers->n;
	int32 items = training->in.items->n;
	float *gram = palloc0(sizeof(float) * factors * factors);
	float *norms = MemoryContextAllocHuge(CurrentMemoryContext, sizeof(float) * (Size) items);
	Env *env = &training->env.base;

	env_check(&training->env, feedback_inverse_norms(env, arrays->model.item_factors, items, factors, norms),
			  "measuring item factors");
	if (!training->fit.rated)
		env_check(&training->env, feedback_restore(env, training->options.value_transform, &arrays->by_user),
				  "unweighing");
	*model = (MfModel){.base = {.methods = training->fit.rated ? &mf_rating_methods : &mf_methods,
								.customers = *training->in.customers,
								.items = *training->in.items,
								.seen_start = arrays->by_user.start,
								.seen_item = arrays->by_user.col,
								.seen_value = arrays->by_user.value,
								.buyers = arrays->buyers},
					   .fit = training->fit,
					   .transform = Max(training->options.value_transform, 0),
					   .width = factors,
					   .user_factors = arrays->model.user_factors,
					   .item_factors = arrays->model.item_factors,
					   .gram = gram,
					   .inverse_norms = norms};
	if (!training->fit.rated)
	{
		env_check(&training->env,
				  als_gram(env, &training->fit.implicit, arrays->model.item_factors, items, gram),
				  "summing item factors");
		return;
	}
	model->width = factors + 1;
	model->user_factors = widen(arrays->model.user_factors, NULL, customers, factors);
	model->item_factors = widen(arrays->model.item_factors, arrays->item_bias, items, factors);
	model->user_bias = arrays->user_bias;
	model->base.mean = training->region->mean;
	model->low = training->options.clip ? training->low : -INFINITY;
	model->high = training->options.clip ? training->high : INFINITY;
}

/* The index through which lists are found without looking at every item. */
static void
training_index_model(MfTraining *training, MfModel *model)
{
	int32 items = model->base.items.n;
	Size blocks = (Size) rank_index_blocks(items);
	MemoryContext memory = CurrentMemoryContext;
	uint8 *codes = MemoryContextAllocHuge(memory, rank_index_code_bytes(items, model->width));
	int32 *order = MemoryContextAllocHuge(memory, sizeof(int32) * 16 * blocks);
	float *limits = MemoryContextAllocHuge(memory, sizeof(float) * 4 * blocks);

	env_check(&training->env,
			  rank_index_build(&training->env.base, model->item_factors, items, model->width, codes, order,
							   limits, &model->index),
			  "indexing items");
	model->indexed = true;
}

static Jsonb *
training_sizes(const MfTraining *training)
{
	JsonObject sizes;

	json_open(&sizes);
	json_put_int(&sizes, "customers", training->in.customers->n);
	json_put_int(&sizes, "items", training->in.items->n);
	json_put_int(&sizes, "interactions", training->in.pairs);
	json_put_int(&sizes, "rows_merged", training->in.rows_merged);
	json_put_int(&sizes, "pairs_dropped", training->in.pairs_dropped);
	json_put_int(&sizes, "iterations", training->region->report.iterations);
	return json_close(&sizes);
}

static ModelVersion *
training_publish(MfTraining *training)
{
	MfModel model;
	Payload payload = {0};
	ModelVersion *version;

	progress_phase(PROGRESS_WRITING, 0);
	interactions_free_entries(&training->in);
	training_finish_model(training, &model);
	training_index_model(training, &model);
	mf_model_write(&model, &payload);

	training->draft.kind = MF_KIND;
	training->draft.arguments = options_to_jsonb(mf_options, &training->options);
	training->draft.rows_read = training->in.rows_read;
	training->draft.rows_skipped = training->in.rows_skipped;
	training->draft.sizes = training_sizes(training);
	training->draft.metrics = training->metrics;
	training->draft.n_metrics = training->n_metrics;
	training->draft.payload = &payload;
	version = registry_publish(&training->draft);
	team_destroy(training->team);
	progress_end();
	return version;
}

/* ---- the SQL function ---- */

PG_FUNCTION_INFO_V1(promoai_mf_train);
Datum
promoai_mf_train(PG_FUNCTION_ARGS)
{
	Args *args = args_open(fcinfo);
	MfTraining training = {.draft = draft_of_call(args, true)};
	ModelVersion *version;

	options_from_call(mf_options, args, &training.options);
	settle_options(&training);
	registry_begin(training.draft.model, MF_KIND);

	progress_start(training.draft.model);
	training_read(&training);
	interactions_settle(&training.in); /* before anything is sized or drawn by index */
	training_lay_out(&training);
	training_fit(&training);
	version = training_publish(&training);
	return recommender_report(fcinfo, &training.in, &training.draft, version);
}

/* ModelKind.retrain */
static ModelVersion *
mf_retrain(const Model *model, void (*read_done)(void *arg), void *arg)
{
	MfTraining training = {.draft = draft_of_model(model)};

	options_from_jsonb(mf_options, model->arguments, &training.options);
	settle_options(&training);

	progress_start(model->name);
	training_read(&training);
	read_done(arg);
	interactions_settle(&training.in); /* before anything is sized or drawn by index */
	training_lay_out(&training);
	training_fit(&training);
	return training_publish(&training);
}

static Recommender *
mf_fit_definition(const Model *definition, const Interactions *in, uint64 limit, MemoryContext memory)
{
	MemoryContext caller = MemoryContextSwitchTo(memory);
	MfTraining training = {0};
	MfModel *model = palloc(sizeof(MfModel));
	Recommender *base = &model->base;

	options_from_jsonb(mf_options, definition->arguments, &training.options);
	training.options.holdout_after.set = false;
	training.options.holdout = 0;
	settle_options(&training);
	training.in = *in;
	training.in.late = NULL;
	memory_require(training_need(&training, in->coo.n, in->customers->n, in->items->n),
				   limit > 0 ? limit : memory_limit(training.options.memory), "training");
	training_lay_out(&training);
	training_fit(&training);
	training_finish_model(&training, model);
	/* Copies outlive the region. */
	base->seen_start = memory_copy(base->seen_start, (uint64) base->customers.n + 1, sizeof(int64));
	base->seen_item = memory_copy(base->seen_item, base->seen_start[base->customers.n], sizeof(int32));
	if (base->seen_value != NULL)
		base->seen_value = memory_copy(base->seen_value, base->seen_start[base->customers.n], sizeof(float));
	base->buyers = memory_copy(base->buyers, base->items.n, sizeof(float));
	model->user_factors =
		memory_copy(model->user_factors, (uint64) base->customers.n * model->width, sizeof(float));
	model->item_factors =
		memory_copy(model->item_factors, (uint64) base->items.n * model->width, sizeof(float));
	if (model->user_bias != NULL)
		model->user_bias = memory_copy(model->user_bias, base->customers.n, sizeof(float));
	training_index_model(&training, model);
	team_destroy(training.team);
	MemoryContextSwitchTo(caller);
	return base;
}

static void
mf_check(Jsonb *arguments)
{
	MfTraining training = {0};

	options_check_keys(mf_options, arguments);
	options_from_jsonb(mf_options, arguments, &training.options);
	settle_options(&training);
}

void
mf_init(void)
{
	static const ModelKind kind = {.name = MF_KIND,
								   .recommends = true,
								   .retrain = mf_retrain,
								   .fit = mf_fit_definition,
								   .check = mf_check,
								   .load = mf_model_load,
								   .evaluate = recommender_evaluate};

	kind_register(&kind);
	mf_team_init();
}
