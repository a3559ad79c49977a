/*
 * text_fit.h - documents to a classifier
 */
#ifndef PROMOAI_API_TEXT_FIT_H
#define PROMOAI_API_TEXT_FIT_H

#include "postgres.h"

#include "api/text_model.h"
#include "api/text_options.h"
#include "bridge/team.h"

/* What is to be learned from. */
typedef struct TextFitTask
{
	const TextOptions *options;
	const TextCorpus *corpus;
	const int32 *row; /* [n] rows of the corpus, ascending */
	const int32 *class; /* [n] of each */
	int32 n;
	int32 classes;
	uint64 limit; /* bytes, the corpus included */
	int workers; /* at most */
} TextFitTask;

typedef struct TextFit
{
	TextModel model; /* all but labels, calibration, threshold and tokenizer; nothing to answer with */
	Team *team; /* holds the weights */
	PgEnv env;
	NgramCounter counter; /* holds the tables */
	int64 lost; /* up to how often those n-grams came that the tables had no room for; 0: none */
	int32 unfinished; /* classes that the iterations did not suffice for */
} TextFit;

/* fit->env is there, the rest is filled; what it takes is held until text_fit_close. */
extern void text_fit(const TextFitTask *task, TextFit *fit);
extern void text_fit_close(TextFit *fit);

extern void text_fit_init(void);

#endif
