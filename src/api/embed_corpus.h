/*
 * embed_corpus.h - a source of texts as words' indices
 */
#ifndef PROMOAI_API_EMBED_CORPUS_H
#define PROMOAI_API_EMBED_CORPUS_H

#include "postgres.h"

#include "bridge/env.h"
#include "bridge/tokenizer.h"
#include "core/text/lexicon.h"

typedef struct EmbedCorpus
{
	/* set by the caller */
	PgEnv *env;
	uint64 limit; /* bytes */
	Tokenizer *tokenizer;

	/* filled */
	LexiconBuilder words;
	int32 *token; /* [tokens] */
	int64 tokens;
	int64 token_room;
	int64 *start; /* [docs + 1] */
	int64 docs;
	int64 doc_room;
	int64 rows_read;
	int64 rows_skipped;
	int64 tokens_read; /* before rare words were left out */
} EmbedCorpus;

/* Reads a source of (text). */
extern void embed_corpus_read(const char *source, EmbedCorpus *corpus);

/*
 * Leaves out words that came less than min_count times and, beyond max_words, the rarest; texts with no word left go too.
 * ERROR unless two words are left.
 */
extern void embed_corpus_thin(EmbedCorpus *corpus, int32 min_count, int32 max_words);

/*
 * Texts in an order drawn by the seed, whatever order they were read in: token [tokens], start [docs + 1].
 */
extern void embed_corpus_order(EmbedCorpus *corpus, uint64 seed, int32 *token, int64 *start);

/* Bytes that it holds, and what embed_corpus_order takes beside. */
extern uint64 embed_corpus_bytes(const EmbedCorpus *corpus);
extern uint64 embed_corpus_order_bytes(const EmbedCorpus *corpus);

extern void embed_corpus_free(EmbedCorpus *corpus);

#endif
