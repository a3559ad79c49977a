/*
 * deciles.h - values parted at their deciles, frequent ones kept apart
 *
 * A value that a tenth of the values or more are has a bin of its own: in one with its neighbours it could move to any of
 * them, and where it is the least or the largest beyond all of them, and nothing would be seen.  What is not frequent is
 * parted by the deciles that fall on it, each in the bin below.
 */
#ifndef CORE_DECILES_H
#define CORE_DECILES_H

#include <stdbool.h>
#include <stdint.h>

#define DECILES 10
#define DECILE_CUTS (2 * DECILES) /* at most: of ten values, a tenth each */
#define DECILE_BINS (DECILE_CUTS + 1)

/* Bins are (cut[i - 1], cut[i]]; a cut that stands twice is a bin of its own, and the bin before ends below it. */
typedef struct Deciles
{
	int32_t cuts; /* bins - 1 */
	double cut[DECILE_CUTS]; /* ascending */
} Deciles;

/*
 * Take in a run of equal values, those in places begin .. end - 1 of n sorted ones; runs come in order.  Decile d is what
 * stands in place last * d / 10.
 */
extern void deciles_add(Deciles *deciles, double value, int64_t begin, int64_t end, int64_t n, int64_t last);

/* Numbers that deciles can be: finite, ascending, none more than twice. */
extern bool deciles_valid(const Deciles *deciles);

static inline bool
deciles_twice(const Deciles *deciles, int32_t i)
{
	return i + 1 < deciles->cuts && deciles->cut[i + 1] == deciles->cut[i];
}

/* The bin of a value. */
static inline int32_t
deciles_bin(const Deciles *deciles, double value)
{
	int32_t bin = 0;

	while (bin < deciles->cuts &&
		   (value > deciles->cut[bin] || (value == deciles->cut[bin] && deciles_twice(deciles, bin))))
		bin++;
	return bin;
}

#endif
