/*
 * text_options.h - what trainers of classifiers may be told
 */
#ifndef PROMOAI_API_TEXT_OPTIONS_H
#define PROMOAI_API_TEXT_OPTIONS_H

#include "postgres.h"

#include "bridge/args.h"
#include "bridge/tokenizer.h"
#include "core/text/ngrams.h"

typedef enum TextMethod
{
	TEXT_BAYES,
	TEXT_COMPLEMENT_BAYES,
	TEXT_SVM,
	TEXT_LOGISTIC,
	TEXT_FASTTEXT
} TextMethod;

/* -1 and NaN: the method's default, until text_options_settle. */
typedef struct TextOptions
{
	int32 method;
	int32 word_min, word_max;
	int32 char_min, char_max;
	int32 min_count;
	int32 max_features;
	double c;
	int32 loss; /* LinearLoss */
	double smoothing;
	int32 dim;
	int32 epochs;
	double learning_rate;
	char *out_of_scope;
	double threshold;
	char *tokenizer;
	bool stop_words;
	char *stemmer;
	double holdout;
	int64 seed;
	char *memory;
} TextOptions;

extern const Option text_classify_options[];
extern const Option text_sentiment_options[];
extern const char *const text_method_names[];

/* ERROR for options that make no sense with the method; the others get their values, but for c. */
extern void text_options_settle(TextOptions *options);

/* c, or what it is where it was not given. */
extern double text_options_c(const TextOptions *options);

extern NgramRanges text_options_ranges(const TextOptions *options);
extern TokenizerOptions text_options_tokenizer(const TextOptions *options);

#endif
