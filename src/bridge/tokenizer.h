/*
 * tokenizer.h - the words of a text
 *
 * A document is normalised (Unicode NFKC, lower case) and broken into words, by core/text/word_breaker.h or by one of
 * PostgreSQL's text search configurations.  A model keeps the tokenizer that it was trained with (how words are broken, its
 * dictionary, its stop words) in its payload, so that it reads documents for ever as it read them then.  The buffers of a
 * tokenizer are used again by the next document.
 */
#ifndef PROMOAI_BRIDGE_TOKENIZER_H
#define PROMOAI_BRIDGE_TOKENIZER_H

#include "postgres.h"

#include "bridge/args.h"
#include "core/payload.h"
#include "core/text/tokens.h"

typedef struct TokenizerOptions
{
	const char
		*tokenizer; /* 'icu', 'simple', or the name of a text search configuration; NULL: the default */
	bool stop_words; /* leave out words that say nothing */
	const char *stemmer; /* language whose endings are taken off; NULL: none */
} TokenizerOptions;

typedef struct Tokenizer Tokenizer;

/*
 * The arguments tokenizer, stop_words and stemmer of a call.  `without_stop_words`: where stop_words is NULL they are left
 * out, by a text search configuration's own dictionaries if it is one.
 */
extern TokenizerOptions tokenizer_options_from_args(const Args *args, bool without_stop_words);

/* As the database is configured now (dictionary, stop words); ERROR for options that do not exist. */
extern Tokenizer *tokenizer_create(const TokenizerOptions *options, MemoryContext memory);

/*
 * The words of a document in the database's encoding; valid until the next one.  Any bytes are taken: what is not a character
 * of the encoding stands between words.
 */
extern const Tokens *tokenizer_run(Tokenizer *tokenizer, const char *bytes, Size n);

/* The same of a document in UTF-8, as a source's SOURCE_TEXT is. */
extern const Tokens *tokenizer_run_utf8(Tokenizer *tokenizer, const char *bytes, Size n);

/*
 * Into a payload as sections named tokenizer…, and back: NULL when they are missing or wrong.  The loaded one points into
 * the payload.  The payload written points into the tokenizer.
 */
extern void tokenizer_write(const Tokenizer *tokenizer, Payload *payload);
extern Tokenizer *tokenizer_read(const Payload *payload, MemoryContext memory);

extern void tokenizer_free(Tokenizer *tokenizer);

#endif
