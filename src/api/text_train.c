/*
 * text_train.c - text_classify_train and sentiment_train: the SQL functions, and retraining
 *
 * Phases: arguments are checked and the model's name is claimed; the source is read into documents in canonical order; a part
 * of them is held out, a classifier is learned from the rest, and on the part held out its scores are calibrated and the
 * threshold of what is out of scope is chosen; then the published classifier is learned from all rows, with that calibration
 * and threshold.  Metrics are measured on the part held out as well, cross-fitted: each half of it by a calibration and a
 * threshold from the other half, so that no row is judged by what was fitted to it.
 *
 * Equal texts are held out together: what was learned by heart is not asked.  Rows that the user has named as of no class are
 * never learned from; they and the rows held out tell the threshold.
 *
 * Memory: as text_corpus.c, text_fit.c and text_judge.c say; counted against maintenance_work_mem or memory =>.
 */
#include "postgres.h"

#include <math.h>

#include "fmgr.h"
#include "miscadmin.h"
#include "optimizer/optimizer.h"
#include "utils/builtins.h"
#include "utils/memutils.h"

#include "api/text_fit.h"
#include "api/text_judge.h"
#include "api/text_train.h"
#include "bridge/json.h"
#include "bridge/memory.h"
#include "bridge/progress.h"
#include "bridge/rows.h"
#include "core/rng.h"

#define HELD_ROWS 20000 /* held out at most: more would not move the figures */
#define HELD_STREAM UINT64CONST(0x68656c64)
#define HALF_STREAM UINT64CONST(0x68616c66)
#define REFUSED_SHARE 0.05 /* of rows held out, where no row is known to be out of scope */

typedef struct TextTraining
{
	TextOptions options;
	bool sentiment;
	Tokenizer *tokenizer;
	TextCorpus corpus;
	int workers; /* at most: as set when the training began, whatever the source does to the setting */
	uint64 limit;
	PgEnv env;

	int32 classes;
	int32 *class; /* [corpus.n] -1: out of scope */
	bool *held; /* [corpus.n] */
	int64 n_held; /* rows of a class that are held out */
	int64 n_judged; /* and those of none that are looked at */
	int64 n_outside;

	TextFit fit;
	Calibration calibration;
	double threshold;
	ModelMetric metrics[JUDGED_METRICS];
	int n_metrics;
	int n_overall;
	ModelDraft draft;
} TextTraining;

/* ---- rows ---- */

static const char *
training_kind(const TextTraining *training)
{
	return training->sentiment ? SENTIMENT_KIND : CLASSIFY_KIND;
}

/* Before the first row is read, as whoever the source runs as. */
static void
training_open(TextTraining *training)
{
	TokenizerOptions tokenizer;

	text_options_settle(&training->options);
	tokenizer = text_options_tokenizer(&training->options);
	training->limit = memory_limit(training->options.memory);
	training->workers = max_parallel_maintenance_workers;
	training->tokenizer = tokenizer_create(&tokenizer, CurrentMemoryContext);
	training->corpus = (TextCorpus){.memory = CurrentMemoryContext,
									.limit = training->limit,
									.what = "training",
									.stars = training->sentiment,
									.clean = training->sentiment};
	env_init(&training->env, CurrentMemoryContext);
	text_corpus_check(training->draft.source, &training->corpus);
}

static void
training_read(TextTraining *training)
{
	text_corpus_read(training->draft.source, training->tokenizer, &training->env, &training->corpus);
}

/* Labels to classes: that of rows which are of no class is taken out. */
static int32 *
number_classes(TextTraining *training)
{
	IdSet *labels = training->corpus.labels;
	int32 *place = palloc_extended(sizeof(int32) * Max((Size) labels->n, 1), MCXT_ALLOC_HUGE);
	const char *outside = training->options.out_of_scope;
	int32 n = 0;

	for (int32 i = 0; i < labels->n; i++)
		place[i] = outside != NULL && strcmp(idset_text(labels, i), outside) == 0 ? -1 : n++;
	if (outside != NULL && n == labels->n)
		ereport(NOTICE,
				(errmsg("source has no rows labelled \"%s\", the label that out_of_scope names", outside)));
	idset_keep(labels, place);
	training->classes = n;
	return place;
}

static void
check_classes(const TextTraining *training)
{
	if (training->corpus.n == 0)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE), errmsg("source has no rows to train on"),
				 errdetail(INT64_FORMAT " rows were read, " INT64_FORMAT " skipped for a NULL, " INT64_FORMAT
										" left out for their stars, " INT64_FORMAT " as default phrases.",
						   training->corpus.rows_read, training->corpus.rows_skipped,
						   training->corpus.neutral, training->corpus.phrases)));
	if (training->classes < 2)
		ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
						errmsg("source has %d class, a classifier needs at least two", training->classes)));
	if (training->classes > MAX_CLASSES)
		ereport(ERROR, (errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
						errmsg("source has %d classes, more than the %d that a classifier may have",
							   training->classes, MAX_CLASSES),
						errhint("Is the second column the label?")));
}

static void
find_classes(TextTraining *training)
{
	Size n = (Size) training->corpus.n;
	int32 *place = NULL;
	int64 *rows;

	training->classes = 2;
	if (!training->sentiment)
		place = number_classes(training);
	check_classes(training);
	training->class = memory_huge(n, sizeof(int32));
	rows = palloc0(sizeof(int64) * (Size) training->classes);
	for (Size i = 0; i < n; i++)
	{
		int32 label = training->corpus.label[i];

		training->class[i] = training->sentiment ? label : place[label];
		if (training->class[i] < 0)
			training->n_outside++;
		else
			rows[training->class[i]]++;
	}
	if (training->sentiment && (rows[SENTIMENT_BAD] == 0 || rows[SENTIMENT_GOOD] == 0))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("source has no %s reviews to learn from", rows[SENTIMENT_BAD] == 0 ? "bad" : "good"),
				 errhint("1 to 2 stars are bad, 4 to 5 good; default phrases are left out.")));
	pfree(rows);
}

/* A row held out is learned from after all, and so are those of equal text, of whatever class: they stand together. */
static void
give_back(TextTraining *training, int64 row, int64 *kept)
{
	const uint64 *key = training->corpus.key;
	int64 from = row;

	while (from > 0 && key[from - 1] == key[row])
		from--;
	for (int64 i = from; i < training->corpus.n && key[i] == key[row]; i++)
		if (training->class[i] >= 0)
		{
			training->held[i] = false;
			kept[training->class[i]]++;
		}
}

static double
drawn_for(const TextTraining *training, uint64 stream, int64 row)
{
	return (double) (rng_hash3((uint64) training->options.seed, stream, training->corpus.key[row]) >> 11) *
		   0x1p-53;
}

/* Which rows are held out.  A class keeps at least one text to learn from; rows of no class are asked only. */
static void
hold_out(TextTraining *training)
{
	const TextCorpus *corpus = &training->corpus;
	int64 inside = corpus->n - training->n_outside;
	double share = Min(training->options.holdout, (double) HELD_ROWS / (double) Max(inside, 1));
	double share_outside = Min(1, (double) HELD_ROWS / (double) Max(training->n_outside, 1));
	int64 *kept = palloc0(sizeof(int64) * (Size) training->classes);

	training->held = memory_huge((uint64) corpus->n, sizeof(bool));
	for (int64 i = 0; i < corpus->n; i++)
	{
		bool inside_row = training->class[i] >= 0;

		training->held[i] = drawn_for(training, HELD_STREAM, i) < (inside_row ? share : share_outside);
		if (inside_row && !training->held[i])
			kept[training->class[i]]++;
	}
	for (int64 i = 0; i < corpus->n; i++)
		if (training->class[i] >= 0 && kept[training->class[i]] == 0)
			give_back(training, i, kept);
	for (int64 i = 0; i < corpus->n; i++)
	{
		training->n_held += training->held[i] && training->class[i] >= 0;
		training->n_judged += training->held[i];
	}
	pfree(kept);
}

/* ---- learning ---- */

/* Learn from all rows, or from those that are not held out. */
static void
fit_rows(TextTraining *training, bool all)
{
	Size n = (Size) training->corpus.n;
	int32 *row = memory_huge(n, sizeof(int32));
	int32 *class = memory_huge(n, sizeof(int32));
	TextFitTask task = {.options = &training->options,
						.corpus = &training->corpus,
						.row = row,
						.class = class,
						.classes = training->classes,
						.limit = training->limit,
						.workers = training->workers};

	for (Size i = 0; i < n; i++)
	{
		if (training->class[i] < 0 || (!all && training->held[i]))
			continue;
		row[task.n] = (int32) i;
		class[task.n++] = training->class[i];
	}
	memset(&training->fit, 0, sizeof(TextFit));
	env_init(&training->fit.env, CurrentMemoryContext);
	training->fit.env.report = true;
	text_fit(&task, &training->fit);
	training->fit.model.labels = training->sentiment ? (IdSet){0} : *training->corpus.labels;
	training->fit.model.outside = training->n_outside > 0 ? training->options.out_of_scope : NULL;
	training->fit.model.tokenizer = training->tokenizer;
	pfree(row);
	pfree(class);
}

static void
gather_judged(TextTraining *training, TextJudged *judged)
{
	const TextCorpus *corpus = &training->corpus;
	int64 n = training->n_judged;
	int32 *row = memory_huge((uint64) n, sizeof(int32));

	memory_require(memory_add(corpus->bytes, text_judge_bytes((uint64) n, (uint64) training->classes)),
				   training->limit, "evaluation on a holdout");
	text_judge_open(judged, n, training->classes);
	judged->row = row;
	n = 0;
	for (int64 i = 0; i < corpus->n; i++)
	{
		if (!training->held[i])
			continue;
		row[n] = (int32) i;
		judged->label[n] = training->class[i];
		judged->outside[n++] = training->class[i] < 0;
	}
}

/* What turns scores into answers. */
typedef struct Rule
{
	Calibration calibration;
	double threshold;
} Rule;

/* Learned from scores of the rows that part [n] gives this number. */
static Rule
learn_rule(TextTraining *training, const TextJudged *judged, const int8 *part, int8 number)
{
	Size classes = (Size) training->classes;
	float *score = memory_huge((uint64) judged->n, sizeof(float) * classes);
	int32 *label = memory_huge((uint64) judged->n, sizeof(int32));
	float *top = memory_huge((uint64) judged->n, sizeof(float));
	bool *outside = memory_huge((uint64) judged->n, sizeof(bool));
	Rule rule = {.threshold = training->options.threshold};
	int64 n = 0;

	for (int64 i = 0; i < judged->n; i++)
	{
		if (part[i] != number && number >= 0)
			continue;
		memcpy(score + (Size) n * classes, judged->probability + (Size) i * classes, sizeof(float) * classes);
		label[n] = judged->label[i];
		outside[n++] = judged->outside[i];
	}
	env_check(&training->env,
			  calibrate(&training->env.base, n, training->classes, score, label, &rule.calibration),
			  "calibrating");
	for (int64 i = 0; i < n; i++)
	{
		float *row = score + (Size) i * classes;

		calibrate_apply(&rule.calibration, training->classes, row, row);
		top[i] = row[0];
		for (Size c = 1; c < classes; c++)
			top[i] = Max(top[i], row[c]);
	}
	if (isnan(rule.threshold))
		env_check(&training->env,
				  class_threshold(&training->env.base, n, top, outside, REFUSED_SHARE, &rule.threshold),
				  "choosing a threshold");
	pfree(score);
	pfree(label);
	pfree(top);
	pfree(outside);
	return rule;
}

/* The rule to publish is learned from all rows; each half is judged by one that the other half gives. */
static void
calibrate_holdout(TextTraining *training, TextJudged *judged)
{
	int8 *half = memory_huge((uint64) judged->n, sizeof(int8));
	Rule all;
	Rule by[2];

	for (int64 i = 0; i < judged->n; i++)
		half[i] = drawn_for(training, HALF_STREAM, judged->row[i]) < 0.5;
	all = learn_rule(training, judged, half, -1);
	by[0] = learn_rule(training, judged, half, 1);
	by[1] = learn_rule(training, judged, half, 0);
	for (int64 i = 0; i < judged->n; i++)
	{
		const Rule *rule = &by[half[i]];

		if (unlikely(i % 1024 == 0))
			CHECK_FOR_INTERRUPTS();
		text_judge_label(&rule->calibration, training->classes, rule->threshold, i, judged);
	}
	training->calibration = all.calibration;
	training->threshold = all.threshold;
	pfree(half);
}

static void
evaluate_holdout(TextTraining *training)
{
	MemoryContext scratch =
		AllocSetContextCreate(CurrentMemoryContext, "promoai holdout", ALLOCSET_DEFAULT_SIZES);
	MemoryContext caller = MemoryContextSwitchTo(scratch);
	TextModel *model = &training->fit.model;
	TextJudged judged;
	const char *split;

	progress_phase(PROGRESS_EVALUATING, 0);
	fit_rows(training, false);
	text_model_open(model, scratch);
	gather_judged(training, &judged);
	text_judge_score(model, &training->corpus, &judged);
	calibrate_holdout(training, &judged);
	model->threshold = training->threshold;

	MemoryContextSwitchTo(caller);
	split =
		psprintf("holdout %g of rows, seed " INT64_FORMAT, training->options.holdout, training->options.seed);
	training->n_metrics =
		text_judge_metrics(&training->env, model, &judged, split, training->metrics, &training->n_overall);
	text_fit_close(&training->fit);
	MemoryContextDelete(scratch);
}

static void
training_fit(TextTraining *training)
{
	training->calibration = (Calibration){.scale = 1};
	training->threshold = isnan(training->options.threshold) ? 0 : training->options.threshold;
	find_classes(training);
	hold_out(training);
	if (training->n_held > 0)
		evaluate_holdout(training);
	progress_phase(PROGRESS_TRAINING, 0);
	fit_rows(training, true);
	training->fit.model.calibration = training->calibration;
	training->fit.model.threshold = training->threshold;
	if (training->fit.unfinished > 0)
		ereport(NOTICE, (errmsg("%d of %d classes were not solved to the end", training->fit.unfinished,
								training->classes),
						 errhint("A smaller c => ... is solved sooner.")));
	if (training->fit.lost > 0)
		ereport(NOTICE, (errmsg("n-grams that came " INT64_FORMAT
								" times or less were passed over where there was no room for them",
								training->fit.lost),
						 errhint("Raise max_features => ..., or min_count => ....")));
}

/* ---- publishing ---- */

static Jsonb *
training_sizes(const TextTraining *training)
{
	const TextCorpus *corpus = &training->corpus;
	JsonObject sizes;

	json_open(&sizes);
	json_put_int(&sizes, "documents", corpus->n);
	json_put_int(&sizes, "classes", training->classes);
	json_put_int(&sizes, "word_features", training->fit.model.tables.words.n);
	json_put_int(&sizes, "char_features", training->fit.model.tables.chars.n);
	json_put_int(&sizes, "held_out", training->n_held);
	if (training->n_outside > 0)
		json_put_int(&sizes, "out_of_scope_rows", training->n_outside);
	if (training->sentiment)
	{
		json_put_int(&sizes, "rows_neutral", corpus->neutral);
		json_put_int(&sizes, "rows_default", corpus->phrases);
		json_put_int(&sizes, "rows_repeated", corpus->duplicates);
	}
	return json_close(&sizes);
}

static ModelVersion *
training_publish(TextTraining *training)
{
	Payload payload = {0};
	ModelVersion *version;

	progress_phase(PROGRESS_WRITING, 0);
	text_model_write(&training->fit.model, &payload);
	training->draft.kind = training_kind(training);
	training->draft.arguments = options_to_jsonb(
		training->sentiment ? text_sentiment_options : text_classify_options, &training->options);
	training->draft.rows_read = training->corpus.rows_read;
	training->draft.rows_skipped = training->corpus.rows_skipped;
	training->draft.sizes = training_sizes(training);
	training->draft.metrics = training->metrics;
	training->draft.n_metrics = training->n_metrics;
	training->draft.payload = &payload;
	version = registry_publish(&training->draft);
	progress_end();
	return version;
}

/* ---- the SQL functions ---- */

static Datum
report_row(FunctionCallInfo fcinfo, const TextTraining *training, const ModelVersion *version)
{
	const TextCorpus *corpus = &training->corpus;
	const NgramTables *tables = &training->fit.model.tables;
	/* Those over all classes, and those of the rarest class. */
	int shown = Min(training->n_metrics, training->n_overall + 4);
	Datum values[] = {CStringGetTextDatum(training->draft.model),
					  Int32GetDatum(version->version),
					  CStringGetTextDatum(version->kind),
					  Int64GetDatum(corpus->rows_read),
					  Int64GetDatum(corpus->rows_skipped),
					  Int64GetDatum(corpus->neutral),
					  Int64GetDatum(corpus->phrases),
					  Int64GetDatum(corpus->duplicates),
					  Int64GetDatum(corpus->n),
					  Int64GetDatum(training->n_outside),
					  Int32GetDatum(training->classes),
					  Int32GetDatum(tables->words.n),
					  Int32GetDatum(tables->chars.n),
					  Float8GetDatum(training->threshold),
					  JsonbPGetDatum(registry_metrics_jsonb(training->metrics, shown)),
					  Float8GetDatum(draft_seconds(&training->draft))};
	bool nulls[lengthof(values)] = {0};

	for (int i = 5; i <= 7; i++)
		nulls[i] = !training->sentiment;
	nulls[9] = nulls[13] = training->sentiment;
	return rows_single(fcinfo, values, nulls);
}

static Datum
train_from_call(FunctionCallInfo fcinfo, bool sentiment)
{
	Args *args = args_open(fcinfo);
	TextTraining *training = palloc0(sizeof(TextTraining));
	ModelVersion *version;
	Datum report;

	training->sentiment = sentiment;
	training->draft = draft_of_call(args, true);
	training->options.threshold = NAN;
	options_from_call(sentiment ? text_sentiment_options : text_classify_options, args, &training->options);
	training_open(training);
	registry_begin(training->draft.model, training_kind(training));

	progress_start(training->draft.model);
	training_read(training);
	training_fit(training);
	version = training_publish(training);
	report = report_row(fcinfo, training, version);
	text_fit_close(&training->fit);
	return report;
}

/* text_classify_train(model, source, method, ...) -> text_report */
PG_FUNCTION_INFO_V1(promoai_text_classify_train);
Datum
promoai_text_classify_train(PG_FUNCTION_ARGS)
{
	return train_from_call(fcinfo, false);
}

/* sentiment_train(model, source, method, ...) -> text_report */
PG_FUNCTION_INFO_V1(promoai_sentiment_train);
Datum
promoai_sentiment_train(PG_FUNCTION_ARGS)
{
	return train_from_call(fcinfo, true);
}

static ModelVersion *
text_retrain(const Model *model, void (*read_done)(void *arg), void *arg)
{
	TextTraining *training = palloc0(sizeof(TextTraining));
	ModelVersion *version;

	training->sentiment = strcmp(model->kind, SENTIMENT_KIND) == 0;
	training->draft = draft_of_model(model);
	training->options.threshold = NAN;
	options_from_jsonb(training->sentiment ? text_sentiment_options : text_classify_options, model->arguments,
					   &training->options);
	training_open(training);

	progress_start(model->name);
	training_read(training);
	read_done(arg);
	training_fit(training);
	version = training_publish(training);
	text_fit_close(&training->fit);
	return version;
}

void
text_classify_init(void)
{
	static const ModelKind classify = {
		.name = CLASSIFY_KIND, .retrain = text_retrain, .load = text_model_load, .evaluate = text_evaluate};
	static const ModelKind sentiment = {
		.name = SENTIMENT_KIND, .retrain = text_retrain, .load = text_model_load, .evaluate = text_evaluate};

	kind_register(&classify);
	kind_register(&sentiment);
	text_fit_init();
}
