/*
 * phrases.h - which of a list of words, or phrases, a text goes on with
 *
 * The words stand one after the other in the order of their bytes, so that those with a common beginning are neighbours: a
 * longest match narrows a range down, byte by byte, by binary search.  The form is that of a payload, used in place.
 */
#ifndef CORE_TEXT_PHRASES_H
#define CORE_TEXT_PHRASES_H

#include "../env.h"

typedef struct Phrases
{
	int32_t n;
	const uint64_t *start; /* [n + 1] */
	const char *bytes;
	int32_t first[257]; /* words that begin with byte b: first[b] .. first[b + 1] - 1 */
} Phrases;

/* False unless starts ascend within bytes_n, no word is empty, and all are different and in order. */
extern bool phrases_open(Phrases *phrases, const uint64_t *start, int32_t n, const char *bytes,
						 uint64_t bytes_n);

/*
 * Bytes of the longest word that begins at `at` and for which `ends` holds, 0: none.  `ends` sees where it would end.  *open:
 * the text ended before the search did, so if more of it follows, the answer may be another.
 */
extern int32_t phrases_longest(const Phrases *phrases, const char *at, const char *end,
							   bool (*ends)(const char *at, const char *end), bool *open);

#endif
