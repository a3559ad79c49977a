/*
 * lexicon.h - words to dense indices and back
 *
 * Two shapes, as for ids.  A LexiconBuilder grows while text streams in and counts how often each word came; a Lexicon is
 * the fixed form that a payload stores and that is used in place: words one after the other, and a hash table of open
 * addressing that finds a word in about one look.  A word is any bytes; hashes are fixed, so that indices, given the same
 * words in the same order, are the same on every machine.
 */
#ifndef CORE_TEXT_LEXICON_H
#define CORE_TEXT_LEXICON_H

#include "../env.h"

/* ---- growing ---- */

typedef struct LexiconBuilder
{
	Env *env;
	size_t limit; /* bytes that it may take; 0: as env gives */
	size_t taken; /* bytes that it holds */
	int32_t n;
	int32_t room; /* words that fit */
	uint64_t *start; /* [room + 1] */
	int64_t *count; /* [room] times that the word was added */
	char *bytes;
	size_t bytes_room;
	uint32_t *slot; /* [slots] index + 1; 0: free */
	uint32_t slots; /* a power of two */
} LexiconBuilder;

extern CoreStatus lexicon_begin(LexiconBuilder *builder, Env *env, size_t limit);
extern void lexicon_end(LexiconBuilder *builder);

/* Count the word once more; *index is its place.  CORE_NO_MEMORY beyond the limit: nothing has changed. */
extern CoreStatus lexicon_add(LexiconBuilder *builder, const char *word, size_t n, int32_t *index);

/* The place of a word that has been added, or -1. */
extern int32_t lexicon_at(const LexiconBuilder *builder, const char *word, size_t n);

/*
 * Order the words by count, the most frequent first, equal ones by their bytes, and keep those that came at least min_count
 * times, at most max_words of them.  place [n before] receives each word's new index or -1.
 */
extern CoreStatus lexicon_rank(LexiconBuilder *builder, int64_t min_count, int32_t max_words, int32_t *place);

/* ---- fixed ---- */

typedef struct Lexicon
{
	int32_t n;
	const uint64_t *start; /* [n + 1] */
	const char *bytes;
	const uint32_t *slot; /* [slots] */
	uint32_t slots;
} Lexicon;

/* The builder's words as they stand; points into it. */
extern Lexicon lexicon_view(const LexiconBuilder *builder);

/* True when forged sections cannot lead outside of them: starts ascend within bytes_n, slots name words, one is free. */
extern bool lexicon_sound(const Lexicon *lexicon, uint64_t bytes_n);

/* The index of a word or -1. */
extern int32_t lexicon_find(const Lexicon *lexicon, const char *word, size_t n);

/* 64 well mixed bits of a word: fixed for ever, since payloads keep what depends on them. */
extern uint64_t lexicon_hash(const char *word, size_t n);

#endif
