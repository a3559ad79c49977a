/*
 * text_judge.c - documents whose labels are known, labelled by a model, and how good that is
 *
 * Memory: for each document 8 bytes a class, half of them while scores are calibrated, and some 90 beside them.
 */
#include "postgres.h"

#include <math.h>

#include "miscadmin.h"
#include "utils/memutils.h"

#include "api/text_judge.h"
#include "bridge/memory.h"
#include "core/rng.h"

#define Z95 1.959963984540054

uint64
text_judge_bytes(uint64 n, uint64 classes)
{
	return memory_mul(n, memory_add(memory_mul(classes, 2 * sizeof(float)), 90));
}

void
text_judge_open(TextJudged *judged, int64 n, int32 classes)
{
	uint64 room = (uint64) Max(n, 1);

	*judged = (TextJudged){.n = n,
						   .label = memory_huge(room, sizeof(int32)),
						   .outside = memory_huge(room, sizeof(bool)),
						   .probability = memory_huge(memory_mul(room, (uint64) classes), sizeof(float)),
						   .predicted = memory_huge(room, sizeof(int32)),
						   .top = memory_huge(room, sizeof(float)),
						   .known = memory_huge(room, sizeof(bool)),
						   .refused = memory_huge(room, sizeof(bool))};
}

void
text_judge_score(TextModel *model, const TextCorpus *corpus, TextJudged *judged)
{
	for (int64 i = 0; i < judged->n; i++)
	{
		Document document = text_corpus_document(corpus, judged->row == NULL ? i : judged->row[i]);

		CHECK_FOR_INTERRUPTS();
		judged->known[i] = text_model_score(model, &document);
		memcpy(judged->probability + i * model->classes, model->score, sizeof(float) * (Size) model->classes);
	}
}

void
text_judge_label(const Calibration *calibration, int32 classes, double threshold, int64 i, TextJudged *judged)
{
	float *probability = judged->probability + i * classes;
	int32 best = 0;

	calibrate_apply(calibration, classes, probability, probability);
	for (int32 c = 1; c < classes; c++)
		if (probability[c] > probability[best])
			best = c;
	judged->predicted[i] = best;
	judged->top[i] = probability[best];
	judged->refused[i] = !judged->known[i] || probability[best] < threshold;
}

/* ---- metrics ---- */

typedef struct Metrics
{
	const char *split;
	ModelMetric *metric;
	int n;
} Metrics;

static void
put(Metrics *metrics, const char *name, double value, double low, double high, int64 n)
{
	if (isnan(value))
		return;
	metrics->metric[metrics->n++] = (ModelMetric){
		.metric = name, .split = metrics->split, .value = value, .low = low, .high = high, .n = n};
}

/* Of n rows a part, with Wilson's interval. */
static void
put_share(Metrics *metrics, const char *name, double share, int64 n)
{
	double cases = (double) n;
	double middle = (share + Z95 * Z95 / (2 * cases)) / (1 + Z95 * Z95 / cases);
	double half =
		Z95 / (1 + Z95 * Z95 / cases) * sqrt(share * (1 - share) / cases + Z95 * Z95 / (4 * cases * cases));

	put(metrics, name, share, middle - half, middle + half, n);
}

typedef struct Rare
{
	int32 class;
	int64 rows;
} Rare;

static int
compare_rare(const void *left, const void *right)
{
	const Rare *a = left;
	const Rare *b = right;

	if (a->rows != b->rows)
		return a->rows < b->rows ? -1 : 1;
	return a->class - b->class;
}

/* The classes [*n] that get metrics of their own, those with the fewest rows in training first. */
static Rare *
rarest_classes(const TextModel *model, int32 *n)
{
	Rare *rare = palloc(sizeof(Rare) * (Size) model->classes);

	for (int32 c = 0; c < model->classes; c++)
		rare[c] = (Rare){.class = c, .rows = model->rows[c]};
	qsort(rare, (size_t) model->classes, sizeof(Rare), compare_rare);
	*n = Min(model->classes, JUDGED_LABELS);
	return rare;
}

static void
put_class(Metrics *metrics, const TextModel *model, int32 class, const ClassFigures *figures)
{
	const char *label = text_model_label(model, class);

	put_share(metrics, psprintf("recall: %s", label), figures->recall, figures->rows);
	put_share(metrics, psprintf("precision: %s", label), figures->precision, figures->predicted);
	put(metrics, psprintf("f1: %s", label), figures->f1, NAN, NAN, figures->rows);
	put(metrics, psprintf("auc: %s", label), figures->auc, figures->auc - Z95 * figures->auc_error,
		figures->auc + Z95 * figures->auc_error, figures->rows);
}

/* What the threshold does to rows that are of a class, and to those of none. */
static void
put_scope(Metrics *metrics, const TextModel *model, const TextJudged *judged)
{
	int64 inside = 0, kept = 0, right = 0, outside = 0, found = 0;

	for (int64 i = 0; i < judged->n; i++)
	{
		bool refused = judged->refused[i];

		outside += judged->outside[i];
		found += judged->outside[i] && refused;
		if (judged->label[i] < 0)
			continue;
		inside++;
		kept += !refused;
		right += !refused && judged->label[i] == judged->predicted[i];
	}
	if (outside > 0)
		put_share(metrics, "out_of_scope_recall", (double) found / (double) outside, outside);
	if (inside == 0 || model->threshold == 0)
		return;
	put_share(metrics, "in_scope_kept", (double) kept / (double) inside, inside);
	put_share(metrics, "accuracy_kept", (double) right / (double) inside, inside);
}

int
text_judge_metrics(PgEnv *env, const TextModel *model, const TextJudged *judged, const char *split,
				   ModelMetric *metrics, int *n_overall)
{
	Metrics out = {.split = split, .metric = metrics};
	ClassCases cases = {.n = judged->n,
						.classes = model->classes,
						.probability = judged->probability,
						.label = judged->label,
						.predicted = judged->predicted};
	ClassFigures *figures = palloc(sizeof(ClassFigures) * (Size) model->classes);
	bool *areas = palloc0(sizeof(bool) * (Size) model->classes);
	ClassSummary summary;
	int32 n_rare;
	Rare *rare = rarest_classes(model, &n_rare);

	for (int32 i = 0; i < n_rare; i++)
		areas[rare[i].class] = true;
	env_check(env, class_metrics(&env->base, &cases, areas, figures, &summary), "measuring");
	put_share(&out, "accuracy", summary.accuracy, summary.rows);
	put(&out, "balanced_accuracy", summary.balanced_accuracy, NAN, NAN, summary.rows);
	put(&out, "macro_f1", summary.macro_f1, NAN, NAN, summary.rows);
	put(&out, "log_loss", summary.log_loss, NAN, NAN, summary.rows);
	put_scope(&out, model, judged);
	*n_overall = out.n;
	for (int32 i = 0; i < n_rare; i++)
		put_class(&out, model, rare[i].class, &figures[rare[i].class]);
	return out.n;
}

/* ---- a source labelled by a stored model ---- */

void
text_judge_source(TextModel *model, const char *source, PgEnv *env, uint64 limit, bool stars,
				  TextCorpus *corpus, TextJudged *judged)
{
	int32 *place = NULL;

	corpus->memory = CurrentMemoryContext;
	corpus->limit = limit;
	corpus->stars = stars;
	text_corpus_read(source, model->tokenizer, env, corpus);
	if (corpus->n == 0)
		ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE), errmsg("source has no rows to judge by")));
	memory_require(memory_add(corpus->bytes, text_judge_bytes((uint64) corpus->n, (uint64) model->classes)),
				   limit, corpus->what);
	text_judge_open(judged, corpus->n, model->classes);
	if (!stars)
		place = idset_places(corpus->labels, &model->labels, "a label of the source", CurrentMemoryContext);
	for (int64 i = 0; i < corpus->n; i++)
	{
		judged->label[i] = stars ? corpus->label[i] : place[corpus->label[i]];
		judged->outside[i] = judged->label[i] < 0 && model->outside != NULL &&
							 strcmp(idset_text(corpus->labels, corpus->label[i]), model->outside) == 0;
	}
	text_judge_score(model, corpus, judged);
	for (int64 i = 0; i < judged->n; i++)
	{
		if (unlikely(i % 1024 == 0))
			CHECK_FOR_INTERRUPTS();
		text_judge_label(&model->calibration, model->classes, model->threshold, i, judged);
	}
}

/* Right or wrong, for each text and label. */
static void
put_cases(const TextCorpus *corpus, const TextJudged *judged, EvaluateCases *cases)
{
	cases->measure = "accuracy";
	cases->lower_is_better = false;
	cases->n = 0;
	cases->key = memory_huge((uint64) judged->n, sizeof(uint64));
	cases->value = memory_huge((uint64) judged->n, sizeof(double));
	for (int64 i = 0; i < judged->n; i++)
	{
		uint64 label = (uint64) corpus->label[i];

		if (judged->outside[i])
			continue;
		if (corpus->labels != NULL)
		{
			IdKey key = idset_key(corpus->labels, corpus->label[i]);

			label = id_hash(&key);
		}
		cases->key[cases->n] = rng_hash3(0, corpus->key[i], label);
		cases->value[cases->n++] = judged->label[i] == judged->predicted[i];
	}
}

ModelMetric *
text_evaluate(const Model *definition, const LoadedModel *loaded, const EvaluateRequest *request,
			  int *n_metrics)
{
	ModelMetric *metrics = palloc(sizeof(ModelMetric) * JUDGED_METRICS);
	TextModel *model = loaded->state;
	bool stars = strcmp(loaded->version->kind, SENTIMENT_KIND) == 0;
	TextCorpus corpus = {.what = "evaluating", .clean = stars};
	TextJudged judged;
	PgEnv env;
	int overall;

	if (request->history != NULL)
		ereport(ERROR,
				(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
				 errmsg("a model of kind \"%s\" is evaluated without a history", loaded->version->kind)));
	env_init(&env, CurrentMemoryContext);
	text_judge_source(model, request->source, &env, memory_limit(NULL), stars, &corpus, &judged);
	if (request->cases != NULL)
		put_cases(&corpus, &judged, request->cases);
	*n_metrics = text_judge_metrics(&env, model, &judged, "given source", metrics, &overall);
	return metrics;
}
