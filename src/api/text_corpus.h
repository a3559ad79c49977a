/*
 * text_corpus.h - a source of (text, label) or (text, stars) as documents with classes
 */
#ifndef PROMOAI_API_TEXT_CORPUS_H
#define PROMOAI_API_TEXT_CORPUS_H

#include "postgres.h"

#include "bridge/env.h"
#include "bridge/ids.h"
#include "bridge/tokenizer.h"
#include "core/text/ngrams.h"

/* Documents are made here, one after the other. */
typedef struct DocumentRoom
{
	MemoryContext memory;
	char *text;
	char *words;
	Size text_room;
	Size words_room;
} DocumentRoom;

/* The tokens as a document; valid until the next one. */
extern Document document_make(DocumentRoom *room, const Tokens *tokens);

#define SENTIMENT_BAD 0
#define SENTIMENT_GOOD 1

typedef struct TextCorpus
{
	/* set by the caller */
	MemoryContext memory;
	uint64 limit; /* bytes */
	const char *what; /* completes "... needs 81 MB of memory" */
	bool
		stars; /* the second column is a number of stars: 1 to 2 are bad, 4 to 5 good, what is between is left out */
	bool clean; /* default phrases and repeated documents of a class are left out */
	bool keep_texts; /* as they came, for answers that show them */

	/* filled; rows are in the order of their texts, equal ones in that of their labels */
	int64 n;
	uint64 *text_start; /* [n + 1] in text */
	uint64 *words_start; /* [n + 1] in words */
	char *text; /* Document.text of each */
	char *words; /* Document.words of each */
	int32 *label; /* [n] index in labels, or SENTIMENT_... */
	uint64 *key; /* [n] hash of the text: equal for equal texts */
	char **source; /* [n] the texts as they came, UTF-8, with keep_texts */
	IdSet *labels; /* NULL for stars */
	Oid label_type;
	int64 rows_read;
	int64 rows_skipped;
	int64 neutral; /* rows left out for their stars */
	int64 phrases; /* ... as default phrases */
	int64 duplicates; /* ... as repeated */
	uint64 bytes; /* all of this */
} TextCorpus;

/* Columns and types only; no row is read. */
extern void text_corpus_check(const char *source, const TextCorpus *corpus);

extern void text_corpus_read(const char *source, Tokenizer *tokenizer, PgEnv *env, TextCorpus *corpus);

static inline Document
text_corpus_document(const TextCorpus *corpus, int64 i)
{
	return (Document){.text = corpus->text + corpus->text_start[i],
					  .n_text = corpus->text_start[i + 1] - corpus->text_start[i],
					  .words = corpus->words + corpus->words_start[i],
					  .n_words = corpus->words_start[i + 1] - corpus->words_start[i]};
}

#endif
