/*
 * embed_train.h - training of word vectors
 */
#ifndef PROMOAI_API_EMBED_TRAIN_H
#define PROMOAI_API_EMBED_TRAIN_H

#include "postgres.h"

#include "api/embed_model.h"
#include "utils/timestamp.h"

/* What trainings and imports report; -1: not known. */
typedef struct EmbedReport
{
	int64 documents;
	int64 tokens;
	int64 words;
	int64 subwords;
	int32 dim;
} EmbedReport;

extern Jsonb *embed_sizes(const EmbedReport *report);
extern Datum embed_report_row(FunctionCallInfo fcinfo, const ModelDraft *draft, const ModelVersion *version,
							  const EmbedReport *report);

/* embed_import's side of retrain; the definition's arguments say that it was one. */
extern ModelVersion *embed_import_again(const Model *model, void (*read_done)(void *arg), void *arg);

/* ModelKind.evaluate */
extern ModelMetric *embed_evaluate(const Model *model, const LoadedModel *loaded,
								   const EvaluateRequest *request, int *n_metrics);

/* Called once from _PG_init: registers the kind. */
extern void embed_init(void);

#endif
