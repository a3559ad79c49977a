/*
 * text_judge.h - documents whose labels are known, labelled by a model, and how good that is
 */
#ifndef PROMOAI_API_TEXT_JUDGE_H
#define PROMOAI_API_TEXT_JUDGE_H

#include "postgres.h"

#include "api/text_model.h"
#include "core/text/class_metrics.h"

#define JUDGED_LABELS 200 /* the rarest so many classes get metrics of their own */
#define JUDGED_METRICS (8 + 4 * JUDGED_LABELS)

typedef struct TextJudged
{
	int64 n;
	const int32 *row; /* [n] of the corpus; NULL: all of its rows */
	int32 *label; /* [n] class; -1: none that the model knows */
	bool *outside; /* [n] it is of none of the classes, and said so */
	float *probability; /* [n x classes]; until text_judge_label scores */
	int32 *predicted; /* [n] */
	float *top; /* [n] probability of that */
	bool *known; /* [n] some feature of it is known */
	bool *refused; /* [n] none is, or the probability is below the threshold */
} TextJudged;

/* Bytes for so many documents and classes. */
extern uint64 text_judge_bytes(uint64 n, uint64 classes);

/* Room for n documents; the caller fills row, label and outside. */
extern void text_judge_open(TextJudged *judged, int64 n, int32 classes);

/* Scores of all. */
extern void text_judge_score(TextModel *model, const TextCorpus *corpus, TextJudged *judged);

/* A document's scores to probabilities, and what they say of it. */
extern void text_judge_label(const Calibration *calibration, int32 classes, double threshold, int64 i,
							 TextJudged *judged);

/* metrics [JUDGED_METRICS], those over all classes first, then class by class, the rarest first; returns how many. */
extern int text_judge_metrics(PgEnv *env, const TextModel *model, const TextJudged *judged, const char *split,
							  ModelMetric *metrics, int *n_overall);

/* A source read and labelled by a stored model: `stars` for models of sentiment. */
extern void text_judge_source(TextModel *model, const char *source, PgEnv *env, uint64 limit, bool stars,
							  TextCorpus *corpus, TextJudged *judged);

/* ModelKind.evaluate of both kinds. */
extern ModelMetric *text_evaluate(const Model *definition, const LoadedModel *loaded,
								  const EvaluateRequest *request, int *n_metrics);

#endif
