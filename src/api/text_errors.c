/*
 * text_errors.c - a classifier held against labelled texts: each class, and what it takes for what
 */
#include "postgres.h"

#include <math.h>

#include "fmgr.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/memutils.h"

#include "api/text_judge.h"
#include "api/text_serve.h"
#include "bridge/memory.h"
#include "bridge/rows.h"
#include "bridge/utf8.h"

typedef struct Judgement
{
	TextModel *model;
	TextCorpus corpus;
	TextJudged judged;
	PgEnv env;
} Judgement;

static void
judge(Judgement *judgement, Args *args, bool keep_texts)
{
	bool stars;

	judgement->model = text_serve_open(args, false);
	stars = judgement->model->labels.n == 0;
	judgement->corpus = (TextCorpus){.what = "evaluating", .clean = stars, .keep_texts = keep_texts};
	env_init(&judgement->env, CurrentMemoryContext);
	text_judge_source(judgement->model, args_text(args, "source"), &judgement->env,
					  memory_limit(args_text_or_null(args, "memory")), stars, &judgement->corpus,
					  &judgement->judged);
}

/* ---- each class ---- */

static void
put_number(Datum *values, bool *nulls, int place, double number)
{
	values[place] = Float8GetDatum(number);
	nulls[place] = isnan(number);
}

static void
put_class(ReturnSetInfo *rows, const TextModel *model, int32 class, const ClassFigures *figures)
{
	Datum values[9] = {0};
	bool nulls[9] = {0};

	values[0] = CStringGetTextDatum(text_model_label(model, class));
	values[1] = Int64GetDatum(model->rows[class]);
	values[2] = Int64GetDatum(figures->rows);
	values[3] = Int64GetDatum(figures->predicted);
	values[4] = Int64GetDatum(figures->correct);
	put_number(values, nulls, 5, figures->precision);
	put_number(values, nulls, 6, figures->recall);
	put_number(values, nulls, 7, figures->f1);
	put_number(values, nulls, 8, figures->auc);
	rows_put(rows, values, nulls);
}

static int
fewest_first(const void *left, const void *right, void *arg)
{
	const TextModel *model = arg;
	int32 a = *(const int32 *) left;
	int32 b = *(const int32 *) right;

	if (model->rows[a] != model->rows[b])
		return model->rows[a] < model->rows[b] ? -1 : 1;
	return a - b;
}

/* text_classify_evaluate(model, source, version, memory) -> a row for each class, the rarest first */
PG_FUNCTION_INFO_V1(promoai_text_classify_evaluate);
Datum
promoai_text_classify_evaluate(PG_FUNCTION_ARGS)
{
	Args *args = args_open(fcinfo);
	Judgement judgement;
	ClassFigures *figures;
	ClassSummary summary;
	ClassCases cases;
	ReturnSetInfo *rows;
	int32 classes;
	int32 *order;

	judge(&judgement, args, false);
	classes = judgement.model->classes;
	cases = (ClassCases){.n = judgement.judged.n,
						 .classes = classes,
						 .probability = judgement.judged.probability,
						 .label = judgement.judged.label,
						 .predicted = judgement.judged.predicted};
	figures = palloc(sizeof(ClassFigures) * (Size) classes);
	env_check(&judgement.env, class_metrics(&judgement.env.base, &cases, NULL, figures, &summary),
			  "measuring");
	order = palloc(sizeof(int32) * (Size) classes);
	for (int32 c = 0; c < classes; c++)
		order[c] = c;
	qsort_arg(order, (size_t) classes, sizeof(int32), fewest_first, judgement.model);
	rows = rows_open(fcinfo);
	for (int32 i = 0; i < classes; i++)
		put_class(rows, judgement.model, order[i], &figures[order[i]]);
	return (Datum) 0;
}

/* ---- errors ---- */

/* Rows of one label that were taken for another. */
typedef struct Confusion
{
	int32 label; /* in the corpus */
	int32 predicted;
	int64 rows;
	int64 surest; /* the row that was taken for it with the highest probability */
	double probability; /* sum */
} Confusion;

static bool
is_error(const TextJudged *judged, int64 i)
{
	if (judged->outside[i])
		return !judged->refused[i];
	return judged->label[i] != judged->predicted[i];
}

static int
by_pair(const void *left, const void *right, void *arg)
{
	const Judgement *judgement = arg;
	int64 a = *(const int64 *) left;
	int64 b = *(const int64 *) right;
	int32 label_a = judgement->corpus.label[a];
	int32 label_b = judgement->corpus.label[b];

	if (label_a != label_b)
		return label_a < label_b ? -1 : 1;
	if (judgement->judged.predicted[a] != judgement->judged.predicted[b])
		return judgement->judged.predicted[a] < judgement->judged.predicted[b] ? -1 : 1;
	return (a > b) - (a < b);
}

static int
most_first(const void *left, const void *right)
{
	const Confusion *a = left;
	const Confusion *b = right;

	if (a->rows != b->rows)
		return a->rows > b->rows ? -1 : 1;
	return a->label != b->label ? a->label - b->label : a->predicted - b->predicted;
}

static int64
gather_confusions(Judgement *judgement, Confusion *confusions)
{
	const TextJudged *judged = &judgement->judged;
	int64 *order = memory_huge((uint64) judged->n, sizeof(int64));
	int64 errors = 0;
	int64 n = 0;

	for (int64 i = 0; i < judged->n; i++)
		if (is_error(judged, i))
			order[errors++] = i;
	qsort_arg(order, (size_t) errors, sizeof(int64), by_pair, judgement);
	for (int64 e = 0; e < errors; e++)
	{
		int64 i = order[e];
		int32 label = judgement->corpus.label[i];

		if (n == 0 || confusions[n - 1].label != label || confusions[n - 1].predicted != judged->predicted[i])
			confusions[n++] = (Confusion){.label = label, .predicted = judged->predicted[i], .surest = i};
		confusions[n - 1].rows++;
		confusions[n - 1].probability += judged->top[i];
		if (judged->top[i] > judged->top[confusions[n - 1].surest])
			confusions[n - 1].surest = i;
	}
	qsort(confusions, (size_t) n, sizeof(Confusion), most_first);
	return n;
}

static void
put_confusion(ReturnSetInfo *rows, const Judgement *judgement, const Confusion *confusion, int64 of)
{
	const TextCorpus *corpus = &judgement->corpus;
	const char *source = corpus->source[confusion->surest];
	Size length;
	const char *text = utf8_to_server(source, strlen(source), &length);
	Datum values[] = {CStringGetTextDatum(corpus->labels == NULL
											  ? text_model_label(judgement->model, confusion->label)
											  : idset_text(corpus->labels, confusion->label)),
					  CStringGetTextDatum(text_model_label(judgement->model, confusion->predicted)),
					  Int64GetDatum(confusion->rows),
					  Float8GetDatum((double) confusion->rows / (double) of),
					  Float8GetDatum(confusion->probability / (double) confusion->rows),
					  PointerGetDatum(cstring_to_text_with_len(text, (int) length))};
	bool nulls[lengthof(values)] = {0};

	rows_put(rows, values, nulls);
}

/* text_confusions(model, source, k, version, memory) -> the k most frequent errors */
PG_FUNCTION_INFO_V1(promoai_text_confusions);
Datum
promoai_text_confusions(PG_FUNCTION_ARGS)
{
	Args *args = args_open(fcinfo);
	int32 k = args_int(args, "k", 1, PG_INT32_MAX);
	Judgement judgement;
	Confusion *confusions;
	int32 labels;
	int64 *of;
	int64 n;
	ReturnSetInfo *rows;

	judge(&judgement, args, true);
	confusions = memory_huge((uint64) judgement.judged.n, sizeof(Confusion));
	labels = judgement.corpus.labels == NULL ? 2 : judgement.corpus.labels->n;
	of = palloc0(sizeof(int64) * (Size) labels);
	for (int64 i = 0; i < judgement.judged.n; i++)
		of[judgement.corpus.label[i]]++;
	n = gather_confusions(&judgement, confusions);
	rows = rows_open(fcinfo);
	for (int64 i = 0; i < Min(n, k); i++)
	{
		CHECK_FOR_INTERRUPTS();
		put_confusion(rows, &judgement, &confusions[i], of[confusions[i].label]);
	}
	return (Datum) 0;
}
