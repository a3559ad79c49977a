/*
 * corpus.h - documents as words' indices, one after the other
 */
#ifndef CORE_TEXT_CORPUS_H
#define CORE_TEXT_CORPUS_H

#include "../env.h"

typedef struct Corpus
{
	int32_t words; /* in the vocabulary */
	int64_t docs;
	int64_t tokens;
	const int64_t *start; /* [docs + 1] */
	const int32_t *token; /* [tokens] index of a word */
	const int64_t *count; /* [words] times that it came, above 0 */
} Corpus;

/* Work is parted into chunks of documents that begin within a stretch of so many tokens. */
#define CORPUS_CHUNK 4096

static inline int64_t
corpus_chunks(const Corpus *corpus)
{
	return (corpus->tokens + CORPUS_CHUNK - 1) / CORPUS_CHUNK;
}

/* The first document that begins at that token or later. */
static inline int64_t
corpus_document_at(const Corpus *corpus, int64_t token)
{
	int64_t low = 0;
	int64_t high = corpus->docs;

	while (low < high)
	{
		int64_t middle = low + (high - low) / 2;

		if (corpus->start[middle] < token)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

#endif
