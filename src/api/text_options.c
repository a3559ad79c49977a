/*
 * text_options.c - what trainers of classifiers may be told, and what they take where they are told nothing
 *
 * The defaults were chosen on validation parts of Banking77, CLINC150 and waimai_10k (test/reference/classify.py choose).
 */
#include "postgres.h"

#include <math.h>

#include "api/text_options.h"
#include "core/text/linear.h"

#define FIELD(field) .name = #field, .offset = offsetof(TextOptions, field)

const char *const text_method_names[] = {
	[TEXT_BAYES] = "bayes",       [TEXT_COMPLEMENT_BAYES] = "complement_bayes",
	[TEXT_SVM] = "svm",           [TEXT_LOGISTIC] = "logistic",
	[TEXT_FASTTEXT] = "fasttext", NULL};

static const char *const loss_names[] = {
	[LINEAR_HINGE] = "hinge", [LINEAR_SQUARED_HINGE] = "squared_hinge", NULL};

#define COMMON_OPTIONS                                                                                       \
	{FIELD(method), .type = OPTION_CHOICE, .choices = text_method_names},                                    \
		{FIELD(word_min), .type = OPTION_INT, .min = 1, .max = NGRAM_MAX, .nullable = true},                 \
		{FIELD(word_max), .type = OPTION_INT, .min = 0, .max = NGRAM_MAX, .nullable = true},                 \
		{FIELD(char_min), .type = OPTION_INT, .min = 1, .max = NGRAM_MAX, .nullable = true},                 \
		{FIELD(char_max), .type = OPTION_INT, .min = 0, .max = NGRAM_MAX, .nullable = true},                 \
		{FIELD(min_count), .type = OPTION_INT, .min = 1, .max = 1000000},                                    \
		{FIELD(max_features), .type = OPTION_INT, .min = 1, .max = 100000000},                               \
		{FIELD(c), .type = OPTION_REAL, .min = 1e-6, .max = 1e6, .nullable = true},                          \
		{FIELD(loss), .type = OPTION_CHOICE, .choices = loss_names, .nullable = true},                       \
		{FIELD(smoothing), .type = OPTION_REAL, .min = 1e-10, .max = 1e6, .nullable = true},                 \
		{FIELD(dim), .type = OPTION_INT, .min = 1, .max = 4096, .nullable = true},                           \
		{FIELD(epochs), .type = OPTION_INT, .min = 1, .max = 10000, .nullable = true},                       \
		{FIELD(learning_rate), .type = OPTION_REAL, .min = 1e-6, .max = 100, .nullable = true},              \
		{FIELD(tokenizer), .type = OPTION_TEXT}, {FIELD(stop_words), .type = OPTION_BOOL},                   \
		{FIELD(stemmer), .type = OPTION_TEXT}, {FIELD(holdout), .type = OPTION_REAL, .min = 0, .max = 0.9},  \
		{FIELD(seed), .type = OPTION_BIGINT, .min = -9007199254740992.0, .max = 9007199254740992.0},         \
	{                                                                                                        \
		FIELD(memory), .type = OPTION_TEXT                                                                   \
	}

const Option text_classify_options[] = {
	COMMON_OPTIONS,
	{FIELD(out_of_scope), .type = OPTION_TEXT},
	{FIELD(threshold), .type = OPTION_REAL, .min = 0, .max = 1, .nullable = true},
	{.name = NULL},
};

const Option text_sentiment_options[] = {
	COMMON_OPTIONS,
	{.name = NULL},
};

static void
settle_method(TextOptions *options)
{
	bool linear = options->method == TEXT_SVM || options->method == TEXT_LOGISTIC;
	bool bayes = options->method == TEXT_BAYES || options->method == TEXT_COMPLEMENT_BAYES;
	bool fasttext = options->method == TEXT_FASTTEXT;
	const char *choice = option_written("method", text_method_names[options->method]);

	option_refuse(!linear && !isnan(options->c), "c", choice, "svm and logistic");
	option_refuse(options->method != TEXT_SVM && options->loss >= 0, "loss", choice, "svm");
	option_refuse(!bayes && !isnan(options->smoothing), "smoothing", choice, "bayes and complement_bayes");
	option_refuse(!fasttext && options->dim >= 0, "dim", choice, "fasttext");
	option_refuse(!fasttext && options->epochs >= 0, "epochs", choice, "fasttext");
	option_refuse(!fasttext && !isnan(options->learning_rate), "learning_rate", choice, "fasttext");
	if (options->method == TEXT_SVM && options->loss < 0)
		options->loss = LINEAR_SQUARED_HINGE;
	if (bayes && isnan(options->smoothing))
		options->smoothing = options->method == TEXT_BAYES ? 0.01 : 0.1;
	if (fasttext)
	{
		options->dim = options->dim < 0 ? 100 : options->dim;
		options->epochs = options->epochs < 0 ? 50 : options->epochs;
		options->learning_rate = isnan(options->learning_rate) ? 0.5 : options->learning_rate;
	}
}

/* min and max of a kind of n-grams. */
static void
settle_range(int32 *min, int32 *max, int32 first, int32 last, const char *kind)
{
	if (*max < 0)
		*max = last;
	if (*min < 0 || *max == 0)
		*min = *max == 0 ? 1 : Min(first, *max);
	if (*max > 0 && *min > *max)
		ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
						errmsg("argument \"%s_min\" must be at most \"%s_max\", %d, got %d", kind, kind, *max,
							   *min)));
}

void
text_options_settle(TextOptions *options)
{
	bool fasttext = options->method == TEXT_FASTTEXT;

	settle_method(options);
	settle_range(&options->word_min, &options->word_max, 1, 2, "word");
	settle_range(&options->char_min, &options->char_max, 1, fasttext ? 0 : 4, "char");
	if (options->word_max == 0 && options->char_max == 0)
		ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
						errmsg("arguments \"word_max\" and \"char_max\" cannot both be 0"),
						errhint("A document is told by its words, its characters or both.")));
}

double
text_options_c(const TextOptions *options)
{
	if (!isnan(options->c))
		return options->c;
	return options->method == TEXT_SVM ? 1 : 16;
}

NgramRanges
text_options_ranges(const TextOptions *options)
{
	return (NgramRanges){.word_min = options->word_min,
						 .word_max = options->word_max,
						 .char_min = options->char_min,
						 .char_max = options->char_max};
}

TokenizerOptions
text_options_tokenizer(const TextOptions *options)
{
	return (TokenizerOptions){
		.tokenizer = options->tokenizer, .stop_words = options->stop_words, .stemmer = options->stemmer};
}
