/*
 * moments.c - sums of products over rows, by blocks and BLAS
 *
 * A block of rows is made into w [n][d] and then into q [n][pairs], all products of two.  The fourth moments are stored by
 * their second index j as matrices of j + 1 rows (i) and the pairs from (j, j) on:
 *
 *     fourth_j [j + 1][pairs - pair_at(j, j)] += (w_i w_j)' [j + 1][n] x q [n][pairs from (j, j) on]
 *
 * so every product of four is computed once and lands where it stays, by one dgemm a j.  With one column beside sales the
 * twelve sums are written out: BLAS would be slower than the sums.
 *
 * A shift is a congruence: products of two about the new pivot are a sparse linear map of those about the old one,
 *
 *     w_k' w_l' = w_k w_l + delta_k w_0 w_l + delta_l w_0 w_k + delta_k delta_l w_0 w_0
 *
 * applied to both sides of the symmetric matrix of all products of four.
 *
 * Scratch: (d + pairs + d) doubles a row of a block, or pairs x pairs for a shift, whichever is more.
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
fourth_at(int32_t columns, const int32_t index[4])
{
	int32_t j = index[1];

	return fourth_start(columns, j) + (size_t) index[0] * pairs_from(columns, j) +
		   (pair_at(columns, index[2], index[3]) - pair_at(columns, j, j));
}

size_t
pairs_scratch(int32_t k)
{
	return (size_t) (k + 2) * MOMENTS_BLOCK + (size_t) (k + 2) * (size_t) (k + 2);
}

size_t
fourth_scratch(int32_t k)
{
	size_t block = MOMENTS_BLOCK * (pairs_size(k) + 2 * (size_t) (k + 2));
	size_t square = pairs_size(k) * pairs_size(k);

	return block > square ? block : square;
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

void
fourth_add(double *fourth, int32_t k, const double *rows, int32_t n, int32_t stride, const double *pivot,
		   double *scratch)
{
	int32_t d = k + 2;
	size_t pairs = pairs_size(k);
	double *w = scratch; /* [n][d] */
	double *left = w + (size_t) d * MOMENTS_BLOCK; /* [n][j + 1]: w_i w_j */
	double *q = left + (size_t) d * MOMENTS_BLOCK; /* [n][pairs] */

	if (k == 1)
	{
		fourth_add_one(fourth, rows, n, stride, pivot);
		return;
	}
	center_rows(w, k, rows, n, stride, pivot);
	for (int32_t r = 0; r < n; r++)
	{
		const double *from = w + (size_t) r * d;
		double *to = q + (size_t) r * pairs;

		for (int32_t i = 0; i < d; i++)
			for (int32_t j = i; j < d; j++)
				*to++ = from[i] * from[j];
	}
	for (int32_t j = 0; j <= k; j++)
	{
		int32_t wide = (int32_t) pairs_from(k, j);

		for (int32_t r = 0; r < n; r++)
			for (int32_t i = 0; i <= j; i++)
				left[(size_t) r * (j + 1) + i] = w[(size_t) r * d + i] * w[(size_t) r * d + j];
		cblas_dgemm(CblasRowMajor, CblasTrans, CblasNoTrans, j + 1, wide, n, 1, left, j + 1,
					q + pair_at(k, j, j), (int32_t) pairs, 1, fourth, wide);
		fourth += (size_t) (j + 1) * wide;
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

/* Calls visit for all i <= j <= k <= l of the fourth moments, in the order in which they stand. */
typedef void (*FourthVisit)(double *moment, int32_t columns, const int32_t index[4], double *square);

static void
fourth_walk(double *fourth, int32_t columns, FourthVisit visit, double *square)
{
	int32_t index[4];

	for (index[1] = 0; index[1] <= columns; index[1]++)
		for (index[0] = 0; index[0] <= index[1]; index[0]++)
			for (index[2] = index[1]; index[2] < columns + 2; index[2]++)
				for (index[3] = index[2]; index[3] < columns + 2; index[3]++)
					visit(fourth++, columns, index, square);
}

/* The moment to all places that it has in the square of pairs by pairs. */
static void
unfold(double *moment, int32_t columns, const int32_t index[4], double *square)
{
	static const int split[3][4] = {{0, 1, 2, 3}, {0, 2, 1, 3}, {0, 3, 1, 2}};
	size_t pairs = pairs_size(columns);

	for (int s = 0; s < 3; s++)
	{
		size_t a = pair_at(columns, index[split[s][0]], index[split[s][1]]);
		size_t b = pair_at(columns, index[split[s][2]], index[split[s][3]]);

		square[a * pairs + b] = *moment;
		square[b * pairs + a] = *moment;
	}
}

static void
fold(double *moment, int32_t columns, const int32_t index[4], double *square)
{
	*moment = square[pair_at(columns, index[0], index[1]) * pairs_size(columns) +
					 pair_at(columns, index[2], index[3])];
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

	/* products of three sales and more stay 0: no moment that is kept needs them */
	memset(scratch, 0, pairs * pairs * sizeof(double));
	fourth_walk(fourth, k, unfold, scratch);
	shift_side(scratch, k, delta, pairs, 1);
	shift_side(scratch, k, delta, 1, pairs);
	fourth_walk(fourth, k, fold, scratch);
}

/* ---- the pivot ---- */

void
choose_pivot(const double *rows, int32_t n, int32_t stride, int32_t k, double *pivot)
{
	for (int32_t c = 0; c <= k; c++)
	{
		double mean = 0;

		/* halves of the difference, so that it cannot overflow */
		for (int32_t r = 0; r < n; r++)
			mean += 2 * ((0.5 * rows[(size_t) r * stride + c] - 0.5 * mean) / (r + 1));
		pivot[c] = rows[c];
		for (int32_t r = 1; r < n; r++)
		{
			double value = rows[(size_t) r * stride + c];

			if (fabs(0.5 * value - 0.5 * mean) < fabs(0.5 * pivot[c] - 0.5 * mean))
				pivot[c] = value;
		}
	}
}
