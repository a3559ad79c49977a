/*
 * text_fit.c - documents to a classifier
 *
 * Phases: n-grams are counted and the tables fixed; each document becomes a row of the team's region, first with how often each
 * of its n-grams comes, then weighed; the team learns the weights there.
 *
 * Memory: the tables, some 40 bytes and the letters for each n-gram while counting; 8 bytes for each n-gram of each document, 4
 * for each feature and class, and what the method takes.  All of it is counted before it is taken, the tables as they grow.
 */
#include "postgres.h"

#include <math.h>

#include "miscadmin.h"
#include "utils/memutils.h"

#include "api/text_fit.h"
#include "bridge/memory.h"
#include "core/text/bayes.h"
#include "core/text/fasttext.h"
#include "core/text/linear.h"

#define JOB "text_fit"
#define FIRST_ROOM (1 << 17) /* n-grams that a table may hold while counting, whatever max_features is */
#define ROOM_FACTOR 4
#define LINEAR_TOLERANCE 0.01
#define LOGISTIC_TOLERANCE 0.1 /* as LIBLINEAR's for this solver */
#define LINEAR_ITERATIONS 1000
#define PASSES 10 /* of dual coordinate descent, to tell how much work there is */

/* At the start of the region; arrays as offsets, since every member maps it elsewhere. */
typedef struct TextRegion
{
	LinearShared shared;
	TextMethod method;
	LinearParams linear;
	int32 rows, features, classes;
	Size start, col, value, label, weights;
	Size bytes;
} TextRegion;

static uint64
region_plan(TextRegion *region, uint64 entries)
{
	uint64 cursor = 0;

	memory_take(&cursor, 1, sizeof(TextRegion));
	region->start = memory_take(&cursor, (uint64) region->rows + 1, sizeof(int64));
	region->col = memory_take(&cursor, entries, sizeof(int32));
	region->value = memory_take(&cursor, entries, sizeof(float));
	region->label = memory_take(&cursor, (uint64) region->rows, sizeof(int32));
	region->weights =
		memory_take(&cursor, labelled_weights(region->features, region->classes), sizeof(float));
	region->bytes = cursor;
	return cursor;
}

static Labelled
region_rows(TextRegion *region)
{
	char *base = (char *) region;

	return (Labelled){.x = {.rows = region->rows,
							.cols = region->features,
							.start = (int64 *) (base + region->start),
							.col = (int32 *) (base + region->col),
							.value = (float *) (base + region->value)},
					  .label = (int32 *) (base + region->label),
					  .classes = region->classes};
}

static float *
region_weights(TextRegion *region)
{
	return (float *) ((char *) region + region->weights);
}

static CoreStatus
linear_job(Env *env, void *memory)
{
	TextRegion *region = memory;
	Labelled rows = region_rows(region);

	return linear_train(env, &rows, &region->linear, &region->shared, region_weights(region));
}

/* ---- n-grams ---- */

static void
count_ngrams(const TextFitTask *task, TextFit *fit)
{
	const TextOptions *options = task->options;
	NgramRanges ranges = text_options_ranges(options);
	int64 room = Min(Max((int64) options->max_features * ROOM_FACTOR, FIRST_ROOM), PG_INT32_MAX / 4);
	uint64 taken = task->corpus->bytes;
	uint64 left = task->limit > taken ? task->limit - taken : 0;
	CoreStatus status = ngrams_begin(&fit->counter, &fit->env.base, &ranges, (int32) room, left / 3);

	env_check(&fit->env, status, "counting n-grams");
	for (int32 i = 0; i < task->n; i++)
	{
		Document document = text_corpus_document(task->corpus, task->row[i]);

		CHECK_FOR_INTERRUPTS();
		status = ngrams_count(&fit->counter, &document);
		/* Its next doubling is what it has no room for. */
		if (status == CORE_NO_MEMORY)
			memory_require(
				memory_add(taken, memory_mul(6, Max(fit->counter.words.taken, fit->counter.chars.taken))),
				task->limit, "counting n-grams");
		env_check(&fit->env, status, "counting n-grams");
	}
	env_check(&fit->env, ngrams_rank(&fit->counter, options->min_count, options->max_features),
			  "ranking n-grams");
	fit->lost = Max(fit->counter.rare[0], fit->counter.rare[1]);
	fit->model.tables =
		(NgramTables){.ranges = ranges,
					  .weighting = options->method == TEXT_FASTTEXT ? WEIGHTING_MEAN : WEIGHTING_TFIDF,
					  .words = lexicon_view(&fit->counter.words),
					  .chars = lexicon_view(&fit->counter.chars)};
	if (ngrams_features(&fit->model.tables) == 0)
		ereport(
			ERROR,
			(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
			 errmsg("source has no n-gram that comes %d times or more", options->min_count),
			 errhint("Lower min_count => ..., or see with promoai.text_tokens what words the texts have.")));
}

/* ---- rows ---- */

static uint64
method_bytes(const TextFitTask *task, uint64 features)
{
	const TextOptions *options = task->options;

	switch ((TextMethod) options->method)
	{
		case TEXT_BAYES:
		case TEXT_COMPLEMENT_BAYES:
			return bayes_bytes(task->n, features, task->classes);
		case TEXT_FASTTEXT:
			return fasttext_bytes(task->n, features, task->classes, options->dim);
		case TEXT_SVM:
		case TEXT_LOGISTIC:
			break;
	}
	return memory_mul(linear_member_bytes(task->n, features), (uint64) task->workers + 1);
}

static LinearParams
linear_params(const TextOptions *options)
{
	bool logistic = options->method == TEXT_LOGISTIC;

	return (LinearParams){.loss = logistic ? LINEAR_LOGISTIC : (LinearLoss) Max(options->loss, 0),
						  .c = text_options_c(options),
						  .tolerance = logistic ? LOGISTIC_TOLERANCE : LINEAR_TOLERANCE,
						  .iterations = LINEAR_ITERATIONS,
						  .seed = (uint64) options->seed};
}

/* The region, as large as the rows can be at most; only linear models have work for a team. */
static TextRegion *
open_region(const TextFitTask *task, TextFit *fit)
{
	const TextOptions *options = task->options;
	bool linear = options->method == TEXT_SVM || options->method == TEXT_LOGISTIC;
	uint64 entries = (uint64) fit->counter.occurrences;
	uint64 features = (uint64) ngrams_features(&fit->model.tables);
	TextRegion plan = {.method = (TextMethod) options->method,
					   .linear = linear_params(options),
					   .rows = task->n,
					   .features = (int32) features,
					   .classes = task->classes};
	uint64 held =
		memory_add(task->corpus->bytes, memory_add(fit->counter.words.taken, fit->counter.chars.taken));
	uint64 need = memory_add(memory_add(held, method_bytes(task, features)),
							 memory_add(region_plan(&plan, entries), ngrams_row_bytes(features)));
	double flops = 2.0 * PASSES * (double) entries * task->classes;
	TextRegion *region;

	memory_require(need, task->limit, "training");
	fit->team = team_create(plan.bytes, linear ? Min(team_workers(flops), task->workers) : 0);
	region = team_memory(fit->team);
	*region = plan;
	return region;
}

static void
fill_rows(const TextFitTask *task, TextFit *fit, TextRegion *region)
{
	Labelled rows = region_rows(region);
	NgramTables *tables = &fit->model.tables;
	Size features = (Size) region->features;
	int32 *df = MemoryContextAllocExtended(CurrentMemoryContext, sizeof(int32) * (features + 1),
										   MCXT_ALLOC_HUGE | MCXT_ALLOC_ZERO);
	float *idf = MemoryContextAllocHuge(CurrentMemoryContext, sizeof(float) * (features + 1));
	NgramRow row = {.times = MemoryContextAllocExtended(CurrentMemoryContext, sizeof(int32) * (features + 1),
														MCXT_ALLOC_HUGE | MCXT_ALLOC_ZERO)};
	int64 at = 0;

	for (int32 i = 0; i < task->n; i++)
	{
		Document document = text_corpus_document(task->corpus, task->row[i]);

		CHECK_FOR_INTERRUPTS();
		rows.x.start[i] = at;
		row.col = rows.x.col + at;
		row.value = rows.x.value + at;
		env_check(&fit->env, ngrams_row(&fit->env.base, tables, &document, false, &row), "reading texts");
		for (int32 f = 0; f < row.n; f++)
			df[row.col[f]]++;
		at += row.n;
	}
	rows.x.start[task->n] = at;
	memcpy((int32 *) rows.label, task->class, sizeof(int32) * (Size) task->n);
	ngrams_idf(task->n, df, region->features, idf);
	tables->idf = idf;
	for (int32 i = 0; i < task->n; i++)
	{
		CHECK_FOR_INTERRUPTS();
		ngrams_weigh(tables, (int32) (rows.x.start[i + 1] - rows.x.start[i]), rows.x.col + rows.x.start[i],
					 rows.x.value + rows.x.start[i]);
	}
	pfree(row.times);
	pfree(df);
}

/* ---- learning ---- */

static void
learn(const TextFitTask *task, TextFit *fit, TextRegion *region)
{
	const TextOptions *options = task->options;
	Labelled rows = region_rows(region);
	float *weights = region_weights(region);
	double loss;

	if (options->method == TEXT_FASTTEXT)
	{
		FasttextParams params = {.dim = options->dim,
								 .epochs = options->epochs,
								 .learning_rate = options->learning_rate,
								 .seed = (uint64) options->seed};
		CoreStatus status = fasttext_train(&fit->env.base, &rows, &params, weights, &loss);

		if (status == CORE_NOT_FINITE)
			ereport(ERROR,
					(errcode(ERRCODE_NUMERIC_VALUE_OUT_OF_RANGE), errmsg("training left the finite numbers"),
					 errhint("Lower learning_rate => %g.", options->learning_rate)));
		env_check(&fit->env, status, "training");
	}
	else if (options->method == TEXT_BAYES || options->method == TEXT_COMPLEMENT_BAYES)
	{
		BayesParams params = {.complement = options->method == TEXT_COMPLEMENT_BAYES,
							  .smoothing = options->smoothing};

		env_check(&fit->env, bayes_train(&fit->env.base, &rows, &params, weights), "training");
	}
	else
	{
		team_run(fit->team, JOB, &fit->env, "training");
		fit->unfinished = region->shared.unfinished;
	}
}

void
text_fit(const TextFitTask *task, TextFit *fit)
{
	TextRegion *region;

	count_ngrams(task, fit);
	region = open_region(task, fit);
	fill_rows(task, fit, region);
	fit->model.classes = task->classes;
	fit->model.weights = region_weights(region);
	fit->model.rows = MemoryContextAllocZero(CurrentMemoryContext, sizeof(int64) * (Size) task->classes);
	for (int32 i = 0; i < task->n; i++)
		fit->model.rows[task->class[i]]++;
	learn(task, fit, region);
}

void
text_fit_close(TextFit *fit)
{
	pfree((float *) fit->model.tables.idf);
	pfree(fit->model.rows);
	ngrams_end(&fit->counter);
	team_destroy(fit->team);
}

void
text_fit_init(void)
{
	team_register(JOB, linear_job);
}
