/*
 * dense.c - is the BLAS library that we were linked with to be trusted on this CPU?
 *
 * One matrix of fixed pseudo-random entries goes through each routine and through a plain loop in double precision.
 * Memory: static, about 80 kB.
 */
#include "dense.h"

#include <math.h>
#include <stdint.h>
#include <string.h>

#include <cblas.h>
#include <lapacke.h>

#include "rng.h"

#define N 48 /* rows and columns of the products */
#define K 67 /* inner dimension: no multiple of any vector length */
#define TOLERANCE 1e-4
#define WIDE_TOLERANCE 1e-11

static float a[K * N]; /* [K x N], row by row */
static float square[N * N];
static float vector[N];
static double wide[N * N];
static double inverse[N * N];
static double unit[N * N];

static void
fill(void)
{
	for (int i = 0; i < K * N; i++)
		a[i] = (float) (rng_uniform(1, 0, (uint64_t) i) - 0.5);
}

/* (A'A)[i][j] */
static double
plain_product(int i, int j)
{
	double sum = 0.0;

	for (int k = 0; k < K; k++)
		sum += (double) a[k * N + i] * a[k * N + j];
	return sum;
}

/* square = A'A, at least its lower triangle, to the tolerance.  NaN is no match. */
static bool
square_is_product(void)
{
	for (int i = 0; i < N; i++)
		for (int j = 0; j <= i; j++)
			if (!(fabs(square[i * N + j] - plain_product(i, j)) <= TOLERANCE * K))
				return false;
	return true;
}

static bool
products_agree(void)
{
	memset(square, 0, sizeof(square));
	cblas_sgemm(CblasRowMajor, CblasTrans, CblasNoTrans, N, N, K, 1.0f, a, N, a, N, 0.0f, square, N);
	if (!square_is_product())
		return false;
	memset(square, 0, sizeof(square));
	cblas_ssyrk(CblasRowMajor, CblasLower, CblasTrans, N, K, 1.0f, a, N, 0.0f, square, N);
	return square_is_product();
}

/* A'A a_0 by sgemv, and its first entry by sdot; a_0 is the first row of A. */
static bool
vectors_agree(void)
{
	cblas_ssymv(CblasRowMajor, CblasLower, N, 1.0f, square, N, a, 1, 0.0f, vector, 1);
	for (int i = 0; i < N; i++)
	{
		double sum = 0.0;

		for (int j = 0; j < N; j++)
			sum += plain_product(i, j) * a[j];
		if (!(fabs(vector[i] - sum) <= TOLERANCE * K))
			return false;
	}
	for (int i = 0; i < N; i++)
		for (int j = 0; j < i; j++)
			square[j * N + i] = square[i * N + j];
	cblas_sgemv(CblasRowMajor, CblasNoTrans, N, N, -1.0f, square, N, a, 1, 1.0f, vector, 1);
	return fabs(cblas_sdot(N, vector, 1, vector, 1)) <= TOLERANCE;
}

/* (A'A + I) x = (A'A + I) a_0 must give a_0 back. */
static bool
cholesky_agrees(void)
{
	int n = N;
	int info = 0;

	for (int i = 0; i < N; i++)
		square[i * N + i] += 1.0f;
	cblas_sgemv(CblasRowMajor, CblasNoTrans, N, N, 1.0f, square, N, a, 1, 0.0f, vector, 1);
	LAPACK_spotrf("L", &n, square, &n, &info);
	if (info != 0)
		return false;
	cblas_strsv(CblasColMajor, CblasLower, CblasNoTrans, CblasNonUnit, N, square, N, vector, 1);
	cblas_strsv(CblasColMajor, CblasLower, CblasTrans, CblasNonUnit, N, square, N, vector, 1);
	for (int i = 0; i < N; i++)
		if (!(fabs(vector[i] - a[i]) <= TOLERANCE))
			return false;
	return true;
}

/* In double precision: (A'A + I)^-1 by dpotrf and dpotri, and its product with A'A + I, which must be I. */
static bool
inverse_agrees(void)
{
	int n = N;
	int info = 0;

	for (int i = 0; i < N; i++)
	{
		for (int j = 0; j < N; j++)
			wide[i * N + j] = plain_product(i, j) + (i == j);
	}
	memcpy(inverse, wide, sizeof(wide));
	LAPACK_dpotrf("L", &n, inverse, &n, &info);
	if (info == 0)
		LAPACK_dpotri("L", &n, inverse, &n, &info);
	if (info != 0)
		return false;
	for (int j = 0; j < N; j++)
	{
		for (int i = 0; i < j; i++)
			inverse[j * N + i] = inverse[i * N + j];
	}
	for (int transposed = 0; transposed < 2; transposed++)
	{
		cblas_dgemm(CblasColMajor, transposed ? CblasTrans : CblasNoTrans, CblasNoTrans, N, N, N, 1.0, wide,
					N, inverse, N, 0.0, unit, N);
		for (int i = 0; i < N * N; i++)
			if (!(fabs(unit[i] - (i % (N + 1) == 0)) <= WIDE_TOLERANCE))
				return false;
	}
	return true;
}

bool
dense_selftest(void)
{
	fill();
	return products_agree() && vectors_agree() && cholesky_agrees() && inverse_agrees();
}
