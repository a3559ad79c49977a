/*
 * subwords.c - the character n-grams of words (Bojanowski et al. 2017)
 *
 * A bucket that no word of the vocabulary uses is never learned; fastText keeps a row of random numbers for each and takes it
 * for the n-gram's vector.  Here such buckets have no row, so that memory goes by the vocabulary and not by the number of
 * buckets, and an unknown word is made of n-grams that mean something.
 *
 * Memory: 12 bytes for each 64 buckets.
 */
#include "subwords.h"

#include <string.h>

#define WORDS 256 /* between two looks at the cancel flag */

int32_t
subwords_of(const Subwords *subwords, const char *word, size_t n, uint32_t *bucket)
{
	char text[4 * SUBWORDS_CHARACTERS + 2];
	int32_t start[SUBWORDS_CHARACTERS + 1];
	int32_t characters = 0;
	int32_t bytes = 1;
	int32_t found = 0;

	/* Anything that does not continue a character begins one; ill-formed ones are cut. */
	text[0] = '<';
	start[characters++] = 0;
	for (size_t i = 0; i < n && bytes < 4 * SUBWORDS_CHARACTERS; i++)
	{
		if (((unsigned char) word[i] & 0xc0) != 0x80)
		{
			if (characters == SUBWORDS_CHARACTERS - 1)
				break;
			start[characters++] = bytes;
		}
		text[bytes++] = word[i];
	}
	text[bytes] = '>';
	start[characters++] = bytes++;
	start[characters] = bytes;
	for (int32_t first = 0; first < characters; first++)
		for (int32_t length = subwords->min_n; length <= subwords->max_n && first + length <= characters;
			 length++)
		{
			if (length == 1 && (first == 0 || first == characters - 1))
				continue;
			bucket[found++] = (uint32_t) (lexicon_hash(text + start[first],
													   (size_t) (start[first + length] - start[first])) %
										  (uint32_t) subwords->buckets);
		}
	return found;
}

CoreStatus
subwords_mark(Env *env, Subwords *subwords, const Lexicon *words, uint64_t *bits, uint32_t *before,
			  int64_t *start)
{
	int64_t blocks = subwords_blocks(subwords->buckets);
	uint32_t bucket[SUBWORDS_MAX];

	memset(bits, 0, sizeof(uint64_t) * (size_t) blocks);
	start[0] = 0;
	for (int32_t w = 0; w < words->n; w++)
	{
		int32_t n = subwords_of(subwords, words->bytes + words->start[w],
								words->start[w + 1] - words->start[w], bucket);

		if (w % WORDS == 0 && env->cancelled(env))
			return CORE_CANCELLED;
		for (int32_t i = 0; i < n; i++)
			bits[bucket[i] / 64] |= UINT64_C(1) << (bucket[i] % 64);
		start[w + 1] = start[w] + n;
	}
	subwords->n = 0;
	for (int64_t b = 0; b < blocks; b++)
	{
		before[b] = (uint32_t) subwords->n;
		subwords->n += __builtin_popcountll(bits[b]);
	}
	subwords->bits = bits;
	subwords->before = before;
	return CORE_OK;
}

CoreStatus
subwords_rows(Env *env, const Subwords *subwords, const Lexicon *words, int32_t first, int32_t *row)
{
	uint32_t bucket[SUBWORDS_MAX];

	for (int32_t w = 0; w < words->n; w++)
	{
		int32_t n = subwords_of(subwords, words->bytes + words->start[w],
								words->start[w + 1] - words->start[w], bucket);

		if (w % WORDS == 0 && env->cancelled(env))
			return CORE_CANCELLED;
		for (int32_t i = 0; i < n; i++)
			*row++ = first + subwords_row(subwords, bucket[i]);
	}
	return CORE_OK;
}

bool
subwords_sound(const Subwords *subwords)
{
	int64_t blocks = subwords_blocks(subwords->buckets);
	uint32_t n = 0;

	for (int64_t b = 0; b < blocks; b++)
	{
		if (subwords->before[b] != n)
			return false;
		n += (uint32_t) __builtin_popcountll(subwords->bits[b]);
	}
	return subwords->n >= 0 && n == (uint32_t) subwords->n;
}
