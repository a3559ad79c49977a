/*
 * ngrams.h - a document as the n-grams of its words and of its characters, and the tables that number them
 *
 * Character n-grams lie within what stands between blanks, taken with a blank on either side (scikit-learn's char_wb): where a
 * language does without blanks, that is everything between two of them.  A stretch shorter than the shortest n-gram counts
 * once, as it is.
 */
#ifndef CORE_TEXT_NGRAMS_H
#define CORE_TEXT_NGRAMS_H

#include "lexicon.h"

#define NGRAM_MAX 10 /* words or characters in one */

/* A blank within a word (dictionaries have such) in a Document's words, and so in features: no word has this byte. */
#define NGRAM_BLANK '\x1f'

typedef struct Document
{
	const char
		*text; /* [n_text] UTF-8: one blank at either end, one between any two stretches; empty: nothing */
	size_t n_text;
	const char
		*words; /* [n_words] UTF-8: one blank between any two words, none at the ends; see NGRAM_BLANK */
	size_t n_words;
} Document;

/* Lengths that are wanted; max 0: none. */
typedef struct NgramRanges
{
	int32_t word_min, word_max;
	int32_t char_min, char_max;
} NgramRanges;

/* text [n] as a Document's text into out [n + 2]; returns its length. */
extern size_t ngrams_squeeze(const char *text, size_t n, char *out);

/* ---- counting ---- */

typedef struct NgramCounter
{
	NgramRanges ranges;
	int32_t room; /* a table that has grown beyond so many n-grams loses its rarest */
	LexiconBuilder words;
	LexiconBuilder chars;
	int64_t rare[2]; /* up to how often those came that a table has lost; 0: none lost */
	int64_t occurrences; /* all that were counted */
} NgramCounter;

/* limit: bytes that each of the two tables may take. */
extern CoreStatus ngrams_begin(NgramCounter *counter, Env *env, const NgramRanges *ranges, int32_t room,
							   size_t limit);
extern CoreStatus ngrams_count(NgramCounter *counter, const Document *document);

/* Keep those that came min_count times, and of each kind the max_features most frequent. */
extern CoreStatus ngrams_rank(NgramCounter *counter, int64_t min_count, int32_t max_features);
extern void ngrams_end(NgramCounter *counter);

/* ---- features ---- */

typedef enum NgramWeighting
{
	WEIGHTING_TFIDF, /* 1 + log(times) by inverse document frequency; words and characters of length 1 each, then both together */
	WEIGHTING_MEAN /* times over all times */
} NgramWeighting;

typedef struct NgramTables
{
	NgramRanges ranges;
	NgramWeighting weighting;
	Lexicon words; /* features 0 .. words.n - 1 */
	Lexicon chars; /* the features behind them */
	const float *idf; /* [features]; not looked at by WEIGHTING_MEAN */
} NgramTables;

static inline int32_t
ngrams_features(const NgramTables *tables)
{
	return tables->words.n + tables->chars.n;
}

/* A document in features. */
typedef struct NgramRow
{
	int32_t *times; /* [features] all zero between two documents */
	int32_t n; /* of the document at hand */
	int32_t *col; /* [features] distinct, in the order in which they first come */
	float *value; /* [features] */
} NgramRow;

/* Bytes that a row's arrays take; the caller provides them, times cleared. */
static inline uint64_t
ngrams_row_bytes(uint64_t features)
{
	return features * (2 * sizeof(int32_t) + sizeof(float));
}

/* Fill the row: col and, while `weigh`, value; otherwise value is how often each came. */
extern CoreStatus ngrams_row(Env *env, const NgramTables *tables, const Document *document, bool weigh,
							 NgramRow *row);

/* Turn value [n] from how often each of col [n] came into the features' values. */
extern void ngrams_weigh(const NgramTables *tables, int32_t n, const int32_t *col, float *value);

/* idf [features] from the number of documents that each is in: log((1 + documents) / (1 + df)) + 1. */
extern void ngrams_idf(int64_t documents, const int32_t *df, int32_t features, float *idf);

/* The bytes of a feature. */
static inline const char *
ngrams_bytes(const NgramTables *tables, int32_t feature, size_t *n)
{
	const Lexicon *table = feature < tables->words.n ? &tables->words : &tables->chars;
	int32_t at = feature < tables->words.n ? feature : feature - tables->words.n;

	*n = (size_t) (table->start[at + 1] - table->start[at]);
	return table->bytes + table->start[at];
}

/*
 * Call visit(arg, is_word, bytes, n) for each n-gram; bytes point into the document.  Ends at the first answer that is not
 * CORE_OK.
 */
typedef CoreStatus (*NgramVisit)(void *arg, bool is_word, const char *bytes, size_t n);
extern CoreStatus ngrams_each(Env *env, const NgramRanges *ranges, const Document *document, NgramVisit visit,
							  void *arg);

#endif
