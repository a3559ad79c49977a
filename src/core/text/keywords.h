/*
 * keywords.h - which words tell what a text is about
 */
#ifndef CORE_TEXT_KEYWORDS_H
#define CORE_TEXT_KEYWORDS_H

#include "../sparse.h"

/*
 * TF-IDF of documents by words: how often a word comes in a document times ln((1 + documents) / (1 + documents with it)) + 1,
 * each document's scores scaled to length 1 (as scikit-learn's TfidfTransformer does it).  counts: [documents x words];
 * score [entries] receives the score of each entry.
 */
extern CoreStatus keywords_tfidf(Env *env, const Csr *counts, double *score);

typedef struct TextRankParams
{
	int32_t window; /* words within this many of each other are joined, at least 2 */
	double damping; /* share of the score that goes along edges */
	double tolerance; /* the iterations end when scores change by less, in sum */
	int32_t max_iterations;
} TextRankParams;

/*
 * TextRank (Mihalcea & Tarau 2004): PageRank of words joined by how often they come near each other.  word [n] of 0 .. words - 1
 * in the order of the text, -1 between texts; score [words] adds up to 1, and does not depend on the order of the texts.
 */
extern CoreStatus keywords_textrank(Env *env, const TextRankParams *params, const int32_t *word, int64_t n,
									int32_t words, double *score);

/* Bytes that keywords_textrank takes, at most. */
extern uint64_t keywords_textrank_bytes(int32_t window, int64_t n, int32_t words);

#endif
