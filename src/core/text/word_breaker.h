/*
 * word_breaker.h - the words of a text: normalised, broken, filtered, stemmed
 *
 * Any bytes are taken; what is not UTF-8 stands between words.  A breaker's buffers are used again by the next text.  When a
 * call does not answer CORE_OK the breaker is as good as before for the next text.
 *
 * ICU and libstemmer are plain C libraries, so they are called here, where words can be tested and fuzzed without a server.
 */
#ifndef CORE_TEXT_WORD_BREAKER_H
#define CORE_TEXT_WORD_BREAKER_H

#include "../payload.h"
#include "icu_text.h"
#include "lexicon.h"
#include "phrases.h"
#include "tokens.h"

#define WORD_BREAKER_PIECE 16384 /* bytes worked on at a time; no word of a dictionary is longer */
#define WORD_BREAKER_KEPT (1024 * 1024) /* buffers up to here are kept, whatever comes next */
#define WORD_BREAKER_NAME 264 /* bytes of a name: two identifiers of PostgreSQL, quoted */

typedef enum BreakerKind
{
	BREAKER_ICU,
	BREAKER_SIMPLE,
	BREAKER_CONFIG /* texts are normalised only: words are put by the caller, of a text search configuration */
} BreakerKind;

/* The section "tokenizer" of a payload. */
#define WORD_BREAKER_VERSION 1
enum
{
	BREAKER_HEADER_VERSION,
	BREAKER_HEADER_KIND,
	BREAKER_HEADER_DICTIONARY, /* words in it */
	BREAKER_HEADER_STOP, /* stop words */
	BREAKER_HEADER_SIZE
};

typedef struct WordBreaker
{
	Env *env;
	uint32_t header[BREAKER_HEADER_SIZE];
	char config[WORD_BREAKER_NAME + 1]; /* BREAKER_CONFIG: schema and name as SQL writes them */
	char stemmer_name[WORD_BREAKER_NAME + 1]; /* empty: none */
	struct sb_stemmer *stemmer;
	Phrases dictionary; /* n = 0: none */
	Lexicon stop; /* n = 0: none */
	IcuText icu;
	Tokens tokens;
	size_t n_words; /* bytes in words */
	Growing text; /* char */
	Growing words; /* char */
	Growing start; /* int32_t */
} WordBreaker;

/* Without dictionary, stop words and stemmer. */
extern CoreStatus word_breaker_open(WordBreaker *breaker, Env *env, BreakerKind kind);

/* All is given back; or only what did not come from env, where that frees its own by itself. */
extern void word_breaker_close(WordBreaker *breaker);
extern void word_breaker_close_libraries(WordBreaker *breaker);

/* False: no stemmer has that name.  The list of names ends with NULL. */
extern bool word_breaker_stem(WordBreaker *breaker, const char *language);
extern const char **word_breaker_stemmers(void);

/* These are not copied.  False: the dictionary's words are not in order (phrases_open). */
extern bool word_breaker_dictionary(WordBreaker *breaker, const uint64_t *start, int32_t n, const char *bytes,
									uint64_t bytes_n);
extern void word_breaker_stop(WordBreaker *breaker, const Lexicon *stop);

/* A user's word as it stands in a normalised text, without the blanks about it; valid until the next call. */
extern CoreStatus word_breaker_normal(WordBreaker *breaker, const char *bytes, size_t n, const char **word,
									  size_t *length);

/* The words of a document. */
extern CoreStatus word_breaker_run(WordBreaker *breaker, const char *bytes, size_t n);

/* One more word of it, unless it is to be left out. */
extern CoreStatus word_breaker_put(WordBreaker *breaker, const char *word, int32_t n);

/* What has been found; valid until the next document. */
extern const Tokens *word_breaker_tokens(WordBreaker *breaker);

/* How much of a long document is worked on at once. */
extern size_t word_breaker_piece(const char *bytes, size_t left);

/*
 * Into a payload as sections named tokenizer…, and back: CORE_CORRUPT when they are missing or wrong.  The one read points
 * into the payload; the payload written points into the breaker.  Closed already where the answer is not CORE_OK.
 */
extern void word_breaker_write(const WordBreaker *breaker, Payload *payload);
extern CoreStatus word_breaker_read(WordBreaker *breaker, Env *env, const Payload *payload);

#endif
