/*
 * word_draw.h - words drawn at random in proportion to a power of their counts, in constant time
 *
 * Walker's alias method as Vose (1991) builds it: a column for each word, with the share of the column that is its own and the
 * word to which the rest belongs.
 */
#ifndef CORE_TEXT_WORD_DRAW_H
#define CORE_TEXT_WORD_DRAW_H

#include "../env.h"
#include "../rng.h"

typedef struct WordColumn
{
	uint32_t own; /* share of the column that is its own, in units of 2^-32 */
	int32_t other;
} WordColumn;

/* columns [n]; n > 0, counts above 0.  scratch [n]. */
extern void word_draw_fill(WordColumn *columns, const int64_t *count, int32_t n, double power,
						   int32_t *scratch);

/* A sequence of random numbers of its own for each state it starts from. */
static inline __attribute__((always_inline)) uint64_t
word_draw_bits(uint64_t *state)
{
	*state += UINT64_C(0x9e3779b97f4a7c15);
	return rng_mix(*state);
}

static inline __attribute__((always_inline)) int32_t
word_draw(const WordColumn *columns, int32_t n, uint64_t *state)
{
	uint64_t bits = word_draw_bits(state);
	uint32_t at = (uint32_t) (((bits >> 32) * (uint32_t) n) >> 32);

	return (uint32_t) bits < columns[at].own ? (int32_t) at : columns[at].other;
}

#endif
