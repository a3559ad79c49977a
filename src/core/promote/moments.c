/*
 * moments.c - sums of products over rows, by blocks and BLAS
 *
 * A block of rows is made into w [d][block] and then into q [pairs][block], all products of two, and one dsyrk gives the sums
 * of all products of four, q q'.  Each of them stands there up to three times; the fourth moments keep one, by their second
 * index j as matrices of j + 1 rows (i) and the pairs from (j, j) on, so that taking it over is adding rows:
 *
 *     fourth_j [i][pairs from (j, j) on] += (q q')[pair (i, j)][pairs from (j, j) on]
 *
 * (One dgemm a j, for those that are kept alone, has less than half of the products to compute and is no faster: the matrices
 * are too thin.)  With one column beside sales the twelve sums are written out: BLAS would be slower than the sums.
 *
 * A shift is a congruence: products of two about the new pivot are a sparse linear map of those about the old one,
 *
 *     w_k' w_l' = w_k w_l + delta_k w_0 w_l + delta_l w_0 w_k + delta_k delta_l w_0 w_0
 *
 * applied to both sides of the symmetric matrix of all products of four.
 *
 * Scratch: pairs x (block + pairs).
 */
#include <math.h>
#include <string.h>

#include <cblas.h>

#include "moments.h"

/* ---- where things stand ---- */

/* Pairs from (j, j) on. */
static size_t
pairs_from(int32_t k, int32_t j)
{
	return pairs_size(k) - pair_at(k, j, j);
}

/* Where the matrix of second index j begins; j = k + 1 gives the size of all. */
static size_t
fourth_start(int32_t k, int32_t j)
{
	size_t start = 0;

	for (int32_t before = 0; before < j; before++)
		start += (size_t) (before + 1) * pairs_from(k, before);
	return start;
}

size_t
fourth_size(int32_t k)
{
	return fourth_start(k, k + 1);
}

size_t
pairs_scratch(int32_t k)
{
	return (size_t) (k + 2) * MOMENTS_BLOCK + (size_t) (k + 2) * (size_t) (k + 2);
}

size_t
fourth_scratch(int32_t k)
{
	return pairs_size(k) * (MOMENTS_BLOCK + pairs_size(k));
}

/* ---- adding ---- */

/* w [n][k + 2] */
static void
center_rows(double *w, int32_t k, const double *rows, int32_t n, int32_t stride, const double *pivot)
{
	for (int32_t r = 0; r < n; r++)
	{
		const double *row = rows + (size_t) r * stride;
		double *to = w + (size_t) r * (k + 2);

		to[0] = 1;
		for (int32_t c = 0; c <= k; c++)
			to[c + 1] = row[c] - pivot[c];
	}
}

void
pairs_add(double *pairs, int32_t k, const double *rows, int32_t n, int32_t stride, const double *pivot,
		  double *scratch)
{
	int32_t d = k + 2;
	double *w = scratch; /* [n][d] */
	double *square = scratch + (size_t) d * MOMENTS_BLOCK; /* [d][d], upper */

	center_rows(w, k, rows, n, stride, pivot);
	cblas_dsyrk(CblasRowMajor, CblasUpper, CblasTrans, d, n, 1, w, d, 0, square, d);
	for (int32_t i = 0; i < d; i++)
		for (int32_t j = i; j < d; j++)
			pairs[pair_at(k, i, j)] += square[(size_t) i * d + j];
}

/* k = 1: w = (1, u, v). */
static void
fourth_add_one(double *fourth, const double *rows, int32_t n, int32_t stride, const double *pivot)
{
	double sum[12] = {0};

	for (int32_t r = 0; r < n; r++)
	{
		double u = rows[(size_t) r * stride] - pivot[0];
		double v = rows[(size_t) r * stride + 1] - pivot[1];
		double u2 = u * u;
		double uv = u * v;

		sum[1] += u;
		sum[2] += v;
		sum[3] += u2;
		sum[4] += uv;
		sum[5] += v * v;
		sum[6] += u2 * u;
		sum[7] += u2 * v;
		sum[8] += uv * v;
		sum[9] += u2 * u2;
		sum[10] += u2 * uv;
		sum[11] += uv * uv;
	}
	sum[0] = n;
	for (int s = 0; s < 12; s++)
		fourth[s] += sum[s];
}

/* w [d][BLOCK], the rows beyond n are 0. */
static void
center_columns(double *w, int32_t k, const double *rows, int32_t n, int32_t stride, const double *pivot)
{
	memset(w, 0, (size_t) (k + 2) * MOMENTS_BLOCK * sizeof(double));
	for (int32_t r = 0; r < n; r++)
	{
		const double *row = rows + (size_t) r * stride;

		w[r] = 1;
		for (int32_t c = 0; c <= k; c++)
			w[(size_t) (c + 1) * MOMENTS_BLOCK + r] = row[c] - pivot[c];
	}
}

/* product [BLOCK]; a length that the compiler knows is one that it vectorises. */
static void
multiply_columns(double *restrict product, const double *restrict a, const double *restrict b)
{
	for (int32_t r = 0; r < MOMENTS_BLOCK; r++)
		product[r] = a[r] * b[r];
}

void
fourth_add(double *fourth, int32_t k, const double *rows, int32_t n, int32_t stride, const double *pivot,
		   double *scratch)
{
	int32_t d = k + 2;
	int32_t pairs = (int32_t) pairs_size(k);
	double *q = scratch; /* [pairs][BLOCK]; the first d are w itself, as w_0 is 1 */
	double *product = q + (size_t) d * MOMENTS_BLOCK;
	double *square = q + (size_t) pairs * MOMENTS_BLOCK; /* [pairs][pairs], upper */

	if (k == 1)
	{
		fourth_add_one(fourth, rows, n, stride, pivot);
		return;
	}
	center_columns(q, k, rows, n, stride, pivot);
	for (int32_t i = 1; i < d; i++)
	{
		for (int32_t j = i; j < d; j++)
		{
			multiply_columns(product, q + (size_t) i * MOMENTS_BLOCK, q + (size_t) j * MOMENTS_BLOCK);
			product += MOMENTS_BLOCK;
		}
	}
	cblas_dsyrk(CblasRowMajor, CblasUpper, CblasNoTrans, pairs, n, 1, q, MOMENTS_BLOCK, 0, square, pairs);
	for (int32_t j = 0; j <= k; j++)
	{
		size_t wide = pairs_from(k, j);

		for (int32_t i = 0; i <= j; i++)
		{
			const double *from = square + pair_at(k, i, j) * (size_t) pairs + pair_at(k, j, j);

			for (size_t c = 0; c < wide; c++)
				*fourth++ += from[c];
		}
	}
}

/* ---- shifting ---- */

/* delta of w's index: w_0 stays 1. */
static double
delta_of(const double *delta, int32_t i)
{
	return i == 0 ? 0 : delta[i - 1];
}

void
pairs_shift(double *pairs, int32_t k, const double *delta)
{
	int32_t d = k + 2;

	/* from the last to the first, since (i, j) reads (0, i) and (0, j) as they were */
	for (int32_t i = d - 1; i >= 0; i--)
	{
		for (int32_t j = d - 1; j >= i; j--)
			pairs[pair_at(k, i, j)] += delta_of(delta, i) * pairs[pair_at(k, 0, j)] +
									   delta_of(delta, j) * pairs[pair_at(k, 0, i)] +
									   delta_of(delta, i) * delta_of(delta, j) * pairs[0];
	}
}

/* For i <= j: the moments of second index j from (i, j) on, [pairs from (j, j) on]. */
static double *
fourth_row(double *fourth, int32_t k, int32_t i, int32_t j)
{
	return fourth + fourth_start(k, j) + (size_t) i * pairs_from(k, j);
}

/* Each moment to all places that it has in the square: (ij, kl), (ik, jl), (il, jk) and across the diagonal. */
void
fourth_unfold(const double *fourth, int32_t k, double *square)
{
	size_t pairs = pairs_size(k);

	memset(square, 0, pairs * pairs * sizeof(double));
	for (int32_t j = 0; j <= k; j++)
	{
		for (int32_t i = 0; i <= j; i++)
		{
			for (int32_t a = j; a < k + 2; a++)
			{
				for (int32_t b = a; b < k + 2; b++)
				{
					const size_t place[3][2] = {{pair_at(k, i, j), pair_at(k, a, b)},
												{pair_at(k, i, a), pair_at(k, j, b)},
												{pair_at(k, i, b), pair_at(k, j, a)}};

					for (int s = 0; s < 3; s++)
					{
						square[place[s][0] * pairs + place[s][1]] = *fourth;
						square[place[s][1] * pairs + place[s][0]] = *fourth;
					}
					fourth++;
				}
			}
		}
	}
}

/* The map of pairs on vectors of square: element a of each at a * step, the vectors `next` apart. */
static void
shift_side(double *square, int32_t k, const double *delta, size_t step, size_t next)
{
	size_t pairs = pairs_size(k);

	for (int32_t i = k + 1; i >= 0; i--)
	{
		for (int32_t j = k + 1; j >= i; j--)
		{
			double *to = square + pair_at(k, i, j) * step;
			const double *with_i = square + pair_at(k, 0, i) * step;
			const double *with_j = square + pair_at(k, 0, j) * step;
			double by_i = delta_of(delta, i);
			double by_j = delta_of(delta, j);

			if (by_i == 0 && by_j == 0)
				continue;
			for (size_t b = 0; b < pairs; b++)
				to[b * next] +=
					by_i * with_j[b * next] + by_j * with_i[b * next] + by_i * by_j * square[b * next];
		}
	}
}

void
fourth_shift(double *fourth, int32_t k, const double *delta, double *scratch)
{
	size_t pairs = pairs_size(k);

	/* products of three sales and more, which are not kept, are not needed for any that are */
	fourth_unfold(fourth, k, scratch);
	shift_side(scratch, k, delta, pairs, 1);
	shift_side(scratch, k, delta, 1, pairs);
	for (int32_t j = 0; j <= k; j++)
		for (int32_t i = 0; i <= j; i++)
			memcpy(fourth_row(fourth, k, i, j), scratch + pair_at(k, i, j) * pairs + pair_at(k, j, j),
				   pairs_from(k, j) * sizeof(double));
}

/* ---- the pivot ---- */

void
choose_pivot(const double *rows, int32_t n, int32_t stride, int32_t k, double *pivot)
{
	for (int32_t c = 0; c <= k; c++)
	{
		double mean = 0;

		/* divided first, so that it cannot overflow */
		for (int32_t r = 0; r < n; r++)
			mean += rows[(size_t) r * stride + c] * (1.0 / n);
		pivot[c] = rows[c];
		for (int32_t r = 1; r < n; r++)
		{
			double value = rows[(size_t) r * stride + c];

			if (fabs(0.5 * value - 0.5 * mean) < fabs(0.5 * pivot[c] - 0.5 * mean))
				pivot[c] = value;
		}
	}
}
