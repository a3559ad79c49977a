/*
 * moments.h - sums of products over rows of sales, about a pivot
 *
 * A row is (promo, covariates .., sales): k numbers beside sales.  About a pivot it becomes
 *
 *     w = (1, promo - pivot, covariates - pivot .., sales - pivot)     [d], d = k + 2, the last is sales
 *
 * Two sets of sums are kept:
 *
 *     pairs    sum w_i w_j, i <= j, in the order of pair_at                                      [d (d + 1) / 2]
 *     fourth   sum w_i w_j w_k w_l, i <= j <= k <= l, j before sales (so at most two are sales)  [fourth_size]
 *
 * The pairs give least squares, the fourth moments the robust errors, since sum e^2 z z' is a sum of fourth moments once e
 * is known as a combination of w.  As w_0 is 1, the fourth moments begin with the pairs: an array of them is one, too.
 */
#ifndef CORE_PROMOTE_MOMENTS_H
#define CORE_PROMOTE_MOMENTS_H

#include <stddef.h>
#include <stdint.h>

#define MOMENTS_BLOCK 128 /* rows that are taken in together */
#define MOMENTS_MAX_FOURTH 13 /* largest k of fourth moments */

static inline size_t
pairs_size(int32_t k)
{
	return (size_t) (k + 2) * (size_t) (k + 3) / 2;
}

/* Where the pair (i, j), i <= j, stands. */
static inline size_t
pair_at(int32_t k, int32_t i, int32_t j)
{
	return (size_t) i * (size_t) (2 * (k + 2) - i - 1) / 2 + (size_t) j;
}

extern size_t fourth_size(int32_t k);

/*
 * Doubles of scratch for the functions below.  k of pairs_* is bounded by memory alone, k of fourth_* by
 * MOMENTS_MAX_FOURTH.
 */
extern size_t pairs_scratch(int32_t k);
extern size_t fourth_scratch(int32_t k);

/* Add rows [n][stride], n <= MOMENTS_BLOCK, to sums about pivot [k + 1]. */
extern void pairs_add(double *pairs, int32_t k, const double *rows, int32_t n, int32_t stride,
					  const double *pivot, double *scratch);
extern void fourth_add(double *fourth, int32_t k, const double *rows, int32_t n, int32_t stride,
					   const double *pivot, double *scratch);

/* All products of four as a symmetric matrix of pairs by pairs; 0 where three or more are sales. */
extern void fourth_unfold(const double *fourth, int32_t k, double *square);

/* Sums about pivot become those about pivot - delta, delta [k + 1]: exact but for rounding. */
extern void pairs_shift(double *pairs, int32_t k, const double *delta);
extern void fourth_shift(double *fourth, int32_t k, const double *delta, double *scratch);

/*
 * A good pivot for rows [n][stride]: of each column, the value nearest to its mean.  A value of the data rather than the
 * mean itself, so that sums of whole numbers stay whole.
 */
extern void choose_pivot(const double *rows, int32_t n, int32_t stride, int32_t k, double *pivot);

#endif
