/*
 * subwords.h - the character n-grams of words, hashed into buckets of which only those in use have a row
 */
#ifndef CORE_TEXT_SUBWORDS_H
#define CORE_TEXT_SUBWORDS_H

#include "lexicon.h"

#define SUBWORDS_N_MAX 16
#define SUBWORDS_CHARACTERS 128 /* of a word that are looked at, its two ends included */
#define SUBWORDS_MAX (SUBWORDS_CHARACTERS * SUBWORDS_N_MAX)

typedef struct Subwords
{
	int32_t min_n; /* characters */
	int32_t max_n;
	int32_t buckets;
	int32_t n; /* buckets in use */
	const uint64_t *bits; /* [subwords_blocks] a bit for each bucket: in use */
	const uint32_t *before; /* [subwords_blocks] buckets in use before each block */
} Subwords;

static inline int64_t
subwords_blocks(int32_t buckets)
{
	return ((int64_t) buckets + 63) / 64;
}

/*
 * The buckets of a word's n-grams, of "<word>" as fastText has it: of every min_n to max_n characters, but for the ends alone.
 * bucket [SUBWORDS_MAX]; how many there are.
 */
extern int32_t subwords_of(const Subwords *subwords, const char *word, size_t n, uint32_t *bucket);

/* Which row a bucket has, or -1. */
static inline int32_t
subwords_row(const Subwords *subwords, uint32_t bucket)
{
	uint64_t block = subwords->bits[bucket / 64];
	uint64_t bit = UINT64_C(1) << (bucket % 64);

	if ((block & bit) == 0)
		return -1;
	return (int32_t) (subwords->before[bucket / 64] + (uint32_t) __builtin_popcountll(block & (bit - 1)));
}

/* Marks the buckets of a vocabulary's words: bits, before as above.  start [words + 1]: where each word's rows are to stand. */
extern CoreStatus subwords_mark(Env *env, Subwords *subwords, const Lexicon *words, uint64_t *bits,
								uint32_t *before, int64_t *start);

/* row [start[words]]: the rows of each word, `first` added. */
extern CoreStatus subwords_rows(Env *env, const Subwords *subwords, const Lexicon *words, int32_t first,
								int32_t *row);

/* True when stored bits and counts belong together. */
extern bool subwords_sound(const Subwords *subwords);

#endif
