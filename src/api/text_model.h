/*
 * text_model.h - a classifier of texts as it is stored and asked
 */
#ifndef PROMOAI_API_TEXT_MODEL_H
#define PROMOAI_API_TEXT_MODEL_H

#include "postgres.h"

#include "api/text_corpus.h"
#include "core/text/calibrate.h"
#include "core/text/ngrams.h"
#include "model/kind.h"

#define CLASSIFY_KIND "text_classify"
#define SENTIMENT_KIND "sentiment"
#define MAX_CLASSES 10000

typedef struct TextModel
{
	NgramTables tables;
	int32 classes;
	float *weights; /* [(features + 1) x classes], the bias being the last row */
	int64 *rows; /* [classes] it was trained on */
	IdSet labels; /* of the classes; none in a model of sentiment */
	Calibration calibration;
	double threshold; /* a largest probability below it is out of scope */
	char *outside; /* label of the rows that are of no class; NULL: there were none */
	Tokenizer *tokenizer;

	/* Answering, in this process. */
	MemoryContext memory;
	DocumentRoom room;
	NgramRow row;
	float *score; /* [classes] */
} TextModel;

/* Append the model's sections; the arrays must outlive the payload. */
extern void text_model_write(const TextModel *model, Payload *payload);

/* ModelKind.load: state becomes a TextModel *. */
extern bool text_model_load(LoadedModel *loaded, MemoryContext memory);

/* Room to answer in. */
extern void text_model_open(TextModel *model, MemoryContext memory);

/* A document in the database's encoding, as the model sees it; valid until the next one. */
extern Document text_model_document(TextModel *model, const char *bytes, Size n);

/* model->row and model->score of a document; false when nothing of it is known but single letters. */
extern bool text_model_score(TextModel *model, const Document *document);

/* score to probability [classes], in place. */
extern void text_model_calibrate(const TextModel *model, float *score);

/* The place of the largest; of equals the first. */
extern int32 text_model_best(const TextModel *model, const float *score);

/* A class' label in the database's encoding, palloc'd. */
extern char *text_model_label(const TextModel *model, int32 class);

#endif
