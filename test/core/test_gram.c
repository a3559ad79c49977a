/*
 * test_gram.c - every kernel that this machine can run, against plain loops in double precision
 */
#include <stdlib.h>
#include <string.h>

#include "check.h"
#include "core_env.h"
#include "gram.h"
#include "rng.h"

#define GUARD 16 /* floats behind an array that nobody may touch */
#define Y_ROWS 300

/* n floats aligned to 64 bytes and a guard behind them. */
static float *
floats_make(int64_t n)
{
	size_t bytes = ((size_t) (n + GUARD) * sizeof(float) + 63) / 64 * 64;
	float *floats = aligned_alloc(64, bytes);

	if (floats == NULL)
		exit(2);
	memset(floats, 0xff, bytes);
	return floats;
}

static void
floats_free(float *floats, int64_t n)
{
	unsigned char guard[GUARD * sizeof(float)];

	memset(guard, 0xff, sizeof(guard));
	CHECK(memcmp(floats + n, guard, sizeof(guard)) == 0);
	free(floats);
}

static void
test_gather(const GramKernel *kernel, int width, bool chosen, bool weighted)
{
	enum
	{
		N = 37
	};
	int64_t stride = (int64_t) gram_stride((size_t) width);
	float *y = core_malloc((size_t) (Y_ROWS * width + 1) * sizeof(float));
	float *block = floats_make(N * stride);
	float *rhs = floats_make(stride);
	int32_t cols[N];
	float weights[N];
	double sum = 0.0;
	double off = 0.0;

	/* One float further on: y needs no alignment. */
	y++;
	for (int i = 0; i < Y_ROWS * width; i++)
		y[i] = (float) rng_normal(1, 0, (uint64_t) i);
	for (int e = 0; e < N; e++)
	{
		cols[e] = chosen ? (e * 83 + 5) % Y_ROWS : e;
		weights[e] = weighted ? (float) (e % 5) : 1.0f;
		sum += weights[e];
	}
	for (int64_t j = 0; j < stride; j++)
		rhs[j] = 3.0f;
	CHECK(kernel->gather(y, width, chosen ? cols : NULL, weighted ? weights : NULL, N, block, stride, rhs) ==
		  sum);
	for (int64_t j = 0; j < stride; j++)
	{
		double right = 3.0;

		for (int e = 0; e < N; e++)
		{
			double value = j < width ? y[(int64_t) cols[e] * width + j] : 0.0;

			off = fmax(off, fabs(block[e * stride + j] - sqrt(weights[e]) * value));
			right += weights[e] * value;
		}
		off = fmax(off, fabs(right - rhs[j]) / 40);
	}
	CHECK(off < 1e-6);
	free(y - 1);
	floats_free(block, N * stride);
	floats_free(rhs, stride);
}

static void
test_add(const GramKernel *kernel, int64_t stride, int64_t n, bool in_place)
{
	float *block = floats_make(n * stride);
	float *from = floats_make(stride * stride);
	float *to = in_place ? from : floats_make(stride * stride);
	double *right = core_malloc((size_t) (stride * stride) * sizeof(double));
	double off = 0.0;

	for (int64_t i = 0; i < n * stride; i++)
		block[i] = (float) rng_normal(2, 0, (uint64_t) i);
	for (int64_t i = 0; i < stride * stride; i++)
		right[i] = from[i] = (float) rng_normal(2, 1, (uint64_t) i);
	for (int64_t e = 0; e < n; e++)
	{
		for (int64_t i = 0; i < stride * stride; i++)
			right[i] += (double) block[e * stride + i / stride] * block[e * stride + i % stride];
	}
	kernel->add(block, n, stride, from, to);
	for (int64_t i = 0; i < stride; i++)
	{
		for (int64_t j = i; j < stride; j++)
			off = fmax(off, fabs(to[i * stride + j] - right[i * stride + j]));
	}
	CHECK(off < 1e-6 * (1.0 + (double) n));
	if (!in_place)
		floats_free(to, stride * stride);
	floats_free(from, stride * stride);
	floats_free(block, n * stride);
	free(right);
}

static void
test_transpose_and_combine(const GramKernel *kernel, int64_t stride, int64_t n)
{
	int64_t to_stride = (int64_t) gram_stride((size_t) n);
	float *block = floats_make(n * stride);
	float *scale = floats_make(stride);
	float *to = floats_make(stride * to_stride);
	float *x = floats_make(stride);
	float times[2 * GRAM_BLOCK];
	bool right = true;
	double off = 0.0;

	for (int64_t i = 0; i < n * stride; i++)
		block[i] = (float) rng_normal(5, 0, (uint64_t) i);
	for (int64_t j = 0; j < stride; j++)
		scale[j] = (float) rng_uniform(5, 1, (uint64_t) j);
	for (int64_t e = 0; e < n; e++)
		times[e] = (float) rng_normal(5, 2, (uint64_t) e);
	kernel->transpose(block, n, stride, scale, to, to_stride);
	kernel->combine(block, n, stride, times, x);
	for (int64_t j = 0; j < stride; j++)
	{
		double sum = 0.0;

		for (int64_t e = 0; e < to_stride; e++)
			right &= to[j * to_stride + e] == (e < n ? scale[j] * block[e * stride + j] : 0.0f);
		for (int64_t e = 0; e < n; e++)
			sum += (double) times[e] * block[e * stride + j];
		off = fmax(off, fabs(sum - x[j]));
	}
	CHECK(right);
	CHECK(off < 1e-6 * (1.0 + (double) n));
	floats_free(block, n * stride);
	floats_free(scale, stride);
	floats_free(to, stride * to_stride);
	floats_free(x, stride);
}

/* a [stride x stride] = B'B + shift for a random B of `rank` rows; nothing in the lower triangle. */
static void
matrix_make(float *a, int64_t stride, int64_t rank, double shift)
{
	for (int64_t i = 0; i < stride; i++)
	{
		for (int64_t j = i; j < stride; j++)
		{
			double sum = i == j ? shift : 0.0;

			for (int64_t e = 0; e < rank; e++)
				sum += rng_normal(3, (uint64_t) e, (uint64_t) i) * rng_normal(3, (uint64_t) e, (uint64_t) j);
			a[i * stride + j] = (float) sum;
		}
	}
}

/* The solution by its residual, as a share of |a| |x|. */
static void
test_solve(const GramKernel *kernel, int64_t stride, int64_t rank, double shift)
{
	int64_t size = stride * (stride + GRAM_LANES);
	float *a = floats_make(size);
	float *x = floats_make(stride);
	float *copy = core_malloc((size_t) (stride * stride) * sizeof(float));
	double off = 0.0;
	double largest = 0.0;
	double scale = 0.0;

	matrix_make(a, stride, rank, shift);
	memcpy(copy, a, (size_t) (stride * stride) * sizeof(float));
	for (int64_t i = 0; i < stride; i++)
		x[i] = (float) rng_normal(4, 0, (uint64_t) i);
	CHECK(kernel->factor(a, stride));
	kernel->solve(a, stride, x);
	for (int64_t i = 0; i < stride; i++)
	{
		double residual = -(double) (float) rng_normal(4, 0, (uint64_t) i);

		for (int64_t j = 0; j < stride; j++)
		{
			float entry = copy[i < j ? i * stride + j : j * stride + i];

			residual += (double) entry * x[j];
			largest = fmax(largest, fabs(entry));
		}
		off = fmax(off, fabs(residual));
		scale = fmax(scale, fabs(x[i]));
	}
	if (!CHECK(off < 3e-6 * largest * scale))
		printf("stride %lld, rank %lld, shift %g: %g\n", (long long) stride, (long long) rank, shift,
			   off / (largest * scale));
	floats_free(a, size);
	floats_free(x, stride);
	free(copy);
}

/* A pivot that is not positive, wherever it is, is told. */
static void
test_not_positive(const GramKernel *kernel, float value)
{
	enum
	{
		STRIDE = 48
	};
	int64_t size = STRIDE * (STRIDE + GRAM_LANES);
	float *a = floats_make(size);

	for (int64_t bad = 0; bad < STRIDE; bad++)
	{
		matrix_make(a, STRIDE, 3, 1.0);
		a[bad * (STRIDE + 1)] = value;
		CHECK(!kernel->factor(a, STRIDE));
	}
	floats_free(a, size);
}

int
main(void)
{
	bool quick = getenv("CORE_TEST_QUICK") != NULL && *getenv("CORE_TEST_QUICK") != 0;
	int kernels = 0;

	for (int number = 0; number < GRAM_KERNELS; number++)
	{
		const GramKernel *kernel = gram_kernel_numbered(number);

		if (kernel == NULL)
			continue;
		kernels++;
		for (int width = 1; width < 70; width += quick ? 13 : 1)
		{
			for (int kind = 0; kind < 4; kind++)
				test_gather(kernel, width, kind & 1, kind & 2);
		}
		for (int64_t stride = GRAM_LANES; stride <= 8 * GRAM_LANES;
			 stride += quick ? 3 * GRAM_LANES : GRAM_LANES)
		{
			test_add(kernel, stride, 0, true);
			test_add(kernel, stride, 1, false);
			test_add(kernel, stride, 23, false);
			test_add(kernel, stride, GRAM_BLOCK, true);
			for (int64_t n = 1; n < 40; n += quick ? 7 : 1)
				test_transpose_and_combine(kernel, stride, n);
			test_solve(kernel, stride, 2 * stride, 0.0);
			test_solve(kernel, stride, 5, 1.0);
			test_solve(kernel, stride, 5, 1e-3);
		}
		test_solve(kernel, quick ? 144 : 512, 40, 1.0);
		test_not_positive(kernel, 0.0f);
		test_not_positive(kernel, -1.0f);
		test_not_positive(kernel, NAN);
	}
	CHECK(gram_kernel_numbered(0) != NULL);
	CHECK(gram_kernel_numbered(GRAM_KERNELS) == NULL);
	CHECK(gram_kernel() != NULL);
	printf("%d kernels\n", kernels);
	return check_finish();
}
