/*
 * kmeans_kernel.c - the kernels of k-means and the choice among them
 *
 * plain: any machine, one centroid at a time.  avx2: 8 centroids in a vector.  avx512: 16 of them; not for 8 centroids or
 * fewer, where half of each vector would be idle.
 */
#include "kmeans_kernel.h"

#include <float.h>
#include <math.h>
#include <string.h>

#include "../kernel_table.h"

/* GCC tells that passing such vectors to functions depends on the target: none here is passed out of line. */
#pragma GCC diagnostic ignored "-Wpsabi"

/* ---- plain C ---- */

static void
plain_nearest(const KmeansPanels *panels, const float *rows, int64_t n, int32_t *label, float *score,
			  float *second)
{
	for (int64_t i = 0; i < n; i++)
	{
		const float *x = rows + i * panels->features;
		float least = INFINITY;
		float next = INFINITY;
		int32_t nearest = 0;

		for (int32_t c = 0; c < panels->k; c++)
		{
			const float *centroid = panels->packed + (int64_t) c * panels->features;
			float sum = panels->half[c];

			for (int32_t f = 0; f < panels->features; f++)
				sum -= x[f] * centroid[f];
			if (sum < least)
			{
				next = least;
				least = sum;
				nearest = c;
			}
			else if (sum < next)
				next = sum;
		}
		label[i] = nearest;
		score[i] = least;
		if (second != NULL)
			second[i] = next;
	}
}

static void
plain_squares(const KmeansPanels *panels, const float *rows, int64_t n, float *out)
{
	for (int64_t i = 0; i < n; i++)
	{
		for (int32_t c = 0; c < panels->k; c++)
		{
			const float *centroid = panels->packed + (int64_t) c * panels->features;
			float sum = 0;

			for (int32_t f = 0; f < panels->features; f++)
			{
				float apart = centroid[f] - rows[i * panels->features + f];

				sum += apart * apart;
			}
			out[i * panels->k + c] = sum;
		}
	}
}

static void
plain_norms(const float *rows, int64_t n, int32_t features, float *out)
{
	for (int64_t i = 0; i < n; i++)
	{
		out[i] = 0;
		for (int32_t f = 0; f < features; f++)
			out[i] += rows[i * features + f] * rows[i * features + f];
	}
}

static int64_t
plain_move(const float *rows, int64_t n, int32_t features, const int32_t *before, const int32_t *label,
		   double *sums, int64_t stride, int64_t *counts)
{
	int64_t moved = 0;

	for (int64_t i = 0; i < n; i++)
	{
		if (before[i] == label[i])
			continue;
		for (int32_t f = 0; f < features; f++)
		{
			double x = rows[i * features + f];

			if (before[i] >= 0)
				sums[before[i] * stride + f] -= x;
			sums[label[i] * stride + f] += x;
		}
		if (before[i] >= 0)
			counts[before[i]]--;
		counts[label[i]]++;
		moved++;
	}
	return moved;
}

static double
plain_inertia(const float *rows, int64_t n, int32_t features, const int32_t *label, const float *centroids)
{
	double inertia = 0;

	for (int64_t i = 0; i < n; i++)
	{
		double sum = 0;

		for (int32_t f = 0; f < features; f++)
		{
			double apart =
				(double) rows[i * features + f] - (double) centroids[(int64_t) label[i] * features + f];

			sum += apart * apart;
		}
		inertia += sum;
	}
	return inertia;
}

static const KmeansKernel plain_kernel = {.lanes = 1,
										  .nearest = plain_nearest,
										  .squares = plain_squares,
										  .norms = plain_norms,
										  .move = plain_move,
										  .inertia = plain_inertia};

/* ---- wider vectors ---- */

#ifdef __x86_64__
#include <immintrin.h>

#define LANES 8
#define ROWS 6
#define VECTORS 2
#define TARGET __attribute__((target("avx2,fma")))
#define NAME(x) avx2_##x
#define Floats __m256
#define Whole __m256i
#define Mask __m256
#define SPREAD(x) _mm256_set1_ps(x)
#define SPREAD_WHOLE(x) _mm256_set1_epi32(x)
#define LOAD(p) _mm256_load_ps(p)
#define LOAD_ANY(p) _mm256_loadu_ps(p)
#define STORE(p, v) _mm256_storeu_ps(p, v)
#define STORE_WHOLE(p, v) _mm256_storeu_si256((__m256i *) (p), v)
#define LESS_PRODUCT(sum, a, b) _mm256_fnmadd_ps(a, b, sum)
#define PLUS_PRODUCT(sum, a, b) _mm256_fmadd_ps(a, b, sum)
#define MIN(a, b) _mm256_min_ps(a, b)
#define MAX(a, b) _mm256_max_ps(a, b)
#define LESS(a, b) _mm256_cmp_ps(a, b, _CMP_LT_OQ)
#define EQUAL_BITS(a, b) (uint32_t) _mm256_movemask_ps(_mm256_cmp_ps(a, b, _CMP_EQ_OQ))
#define CHOOSE_WHOLE(mask, a, b)                                                                             \
	_mm256_castps_si256(_mm256_blendv_ps(_mm256_castsi256_ps(b), _mm256_castsi256_ps(a), mask))
#define LEAST_LANE(v) avx2_least_lane(v)

TARGET static inline float
avx2_least_lane(__m256 v)
{
	__m128 half = _mm_min_ps(_mm256_castps256_ps128(v), _mm256_extractf128_ps(v, 1));

	half = _mm_min_ps(half, _mm_movehl_ps(half, half));
	return _mm_cvtss_f32(_mm_min_ss(half, _mm_movehdup_ps(half)));
}

#include "kmeans_body.h"

#define LANES 16
#define ROWS 6
#define VECTORS 4
#define TARGET __attribute__((target("avx2,fma,avx512f,avx512dq,avx512vl")))
#define NAME(x) avx512_##x
#define Floats __m512
#define Whole __m512i
#define Mask __mmask16
#define SPREAD(x) _mm512_set1_ps(x)
#define SPREAD_WHOLE(x) _mm512_set1_epi32(x)
#define LOAD(p) _mm512_load_ps(p)
#define LOAD_ANY(p) _mm512_loadu_ps(p)
#define STORE(p, v) _mm512_storeu_ps(p, v)
#define STORE_WHOLE(p, v) _mm512_storeu_si512(p, v)
#define LESS_PRODUCT(sum, a, b) _mm512_fnmadd_ps(a, b, sum)
#define PLUS_PRODUCT(sum, a, b) _mm512_fmadd_ps(a, b, sum)
#define MIN(a, b) _mm512_min_ps(a, b)
#define MAX(a, b) _mm512_max_ps(a, b)
#define LESS(a, b) _mm512_cmp_ps_mask(a, b, _CMP_LT_OQ)
#define EQUAL_BITS(a, b) (uint32_t) _mm512_cmp_ps_mask(a, b, _CMP_EQ_OQ)
#define CHOOSE_WHOLE(mask, a, b) _mm512_mask_blend_epi32(mask, b, a)
#define LEAST_LANE(v) _mm512_reduce_min_ps(v)

#include "kmeans_body.h"
#endif

KERNEL_NUMBERED(const KmeansKernel *, kmeans_kernel, {CPU_PLAIN, &plain_kernel},
				ON_X86({CPU_AVX2, &avx2_kernel}, {CPU_AVX512, &avx512_kernel}))

const KmeansKernel *
kmeans_kernel(int32_t k)
{
	const KmeansKernel *best = &plain_kernel;

	for (int number = 1; number < KMEANS_KERNELS; number++)
	{
		const KmeansKernel *kernel = kmeans_kernel_numbered(number);

		if (kernel != NULL && (number == 1 || k > 8))
			best = kernel;
	}
	return best;
}

/* ---- panels ---- */

static int32_t
panel_count(int32_t k, int32_t lanes)
{
	return (int32_t) (((int64_t) k + lanes - 1) / lanes);
}

size_t
kmeans_panel_floats(int32_t k, int32_t features)
{
	size_t padded = (size_t) panel_count(k, KMEANS_MAX_LANES) * KMEANS_MAX_LANES;
	size_t floats;

	return __builtin_mul_overflow(padded, (size_t) features + 1, &floats) ? SIZE_MAX : floats;
}

void
kmeans_panels_init(KmeansPanels *panels, const KmeansKernel *kernel, int32_t k, int32_t features,
				   float *memory)
{
	*panels = (KmeansPanels){.k = k,
							 .features = features,
							 .lanes = kernel->lanes,
							 .panels = panel_count(k, kernel->lanes),
							 .half = memory};
	panels->packed = memory + (size_t) panel_count(k, KMEANS_MAX_LANES) * KMEANS_MAX_LANES;
}

void
kmeans_panels_pack(KmeansPanels *panels, const float *centroids)
{
	int32_t lanes = panels->lanes;
	int64_t features = panels->features;

	for (int32_t c = 0; c < panels->panels * lanes; c++)
	{
		float *packed = panels->packed + c / lanes * features * lanes + c % lanes;
		double norm = 0;

		for (int64_t f = 0; f < features; f++)
		{
			float value = c < panels->k ? centroids[c * features + f] : 0;

			packed[f * lanes] = value;
			norm += (double) value * value;
		}
		panels->half[c] = c < panels->k ? (float) (norm / 2) : FLT_MAX;
	}
}
