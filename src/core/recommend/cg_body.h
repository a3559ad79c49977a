/*
 * cg_body.h - one kernel of cg_kernel.h; cg_kernel.c has it compiled for each width (kernel_widths.h)
 */
#include "../vectors_body.h"

TARGET static void
NAME(gather)(const float *y, int32_t factors, const int32_t *cols, int64_t n, float *block, int32_t stride)
{
	typedef NAME(Vector) V;
	typedef V Anywhere __attribute__((aligned(sizeof(float))));
	int32_t whole = factors / WIDTH * WIDTH;

	for (int64_t e = 0; e < n; e++)
	{
		const float *from = y + (int64_t) cols[e] * factors;
		float *to = block + e * stride;
		int32_t j = 0;

		for (int32_t line = 0; e + AHEAD < n && line < factors; line += CG_LANES)
			__builtin_prefetch(y + (int64_t) cols[e + AHEAD] * factors + line);
		for (; j < whole; j += WIDTH)
			*(V *) (to + j) = *(const Anywhere *) (from + j);
		for (; j < factors; j++)
			to[j] = from[j];
		for (; j < stride; j++)
			to[j] = 0.0f;
	}
}

/*
 * The sweep; vectors: in a row.  With a constant number of up to eight of them, `to` lives in registers.
 */
TARGET static inline __attribute__((always_inline)) double
NAME(all_rows)(const float *block, int vectors, const float *weights, int64_t n, float target, const float *v,
			   NAME(Vector) * to)
{
	typedef NAME(Vector) V;
	const V *from = (const V *) v;
	Four explained = {0};

	for (int64_t e = 0; e < n; e += CG_ROWS)
	{
		const V *row = (const V *) (block + e * vectors * WIDTH);
		Four weight = *(const Four *) (weights + e);
		V sums[CG_ROWS] = {{0}, {0}, {0}, {0}};
		Four dots;
		Four times;

#pragma GCC unroll 8
		for (int j = 0; j < vectors; j++)
		{
#pragma GCC unroll 4
			for (int r = 0; r < CG_ROWS; r++)
				sums[r] += row[r * vectors + j] * from[j];
		}
		dots = NAME(sums)(sums[0], sums[1], sums[2], sums[3]);
		explained += weight * dots;
		times = weight * (target - dots);
#pragma GCC unroll 8
		for (int j = 0; j < vectors; j++)
			to[j] += (times[0] * row[j] + times[1] * row[vectors + j]) +
					 (times[2] * row[2 * vectors + j] + times[3] * row[3 * vectors + j]);
	}
	return four_total(explained);
}

/* The same for a number of vectors that the compiler knows. */
#define KNOWN_ROWS(vectors)                                                                                  \
	NAME(Vector) sums[vectors];                                                                              \
	double explained;                                                                                        \
	for (int j = 0; j < (vectors); j++)                                                                      \
		sums[j] = ((const NAME(Vector) *) out)[j];                                                           \
	explained = NAME(all_rows)(block, (vectors), weights, n, target, v, sums);                               \
	for (int j = 0; j < (vectors); j++)                                                                      \
		((NAME(Vector) *) out)[j] = sums[j];                                                                 \
	return explained;

TARGET static double
NAME(sweep)(const float *block, int32_t stride, const float *weights, int64_t n, float target, const float *v,
			float *out)
{
	if (stride == 32)
	{
		KNOWN_ROWS(32 / WIDTH)
	}
	if (stride == 64)
	{
		KNOWN_ROWS(64 / WIDTH)
	}
	if (stride == 128)
	{
		KNOWN_ROWS(128 / WIDTH)
	}
	return NAME(all_rows)(block, stride / WIDTH, weights, n, target, v, (NAME(Vector) *) out);
}
#undef KNOWN_ROWS

TARGET static void
NAME(gram_times)(const float *gram, int32_t stride, const float *v, float *out)
{
	enum
	{
		VECTORS = CG_LANES / WIDTH
	};

	for (int32_t at = 0; at < stride; at += CG_LANES)
	{
		NAME(Vector) even[VECTORS] = {{0}};
		NAME(Vector) odd[VECTORS] = {{0}};

		/* stride is even */
		for (int32_t j = 0; j < stride; j += 2)
		{
			const NAME(Vector) *row = (const NAME(Vector) *) (gram + (int64_t) j * stride + at);
			const NAME(Vector) *next = (const NAME(Vector) *) (gram + (int64_t) (j + 1) * stride + at);

#pragma GCC unroll 4
			for (int k = 0; k < VECTORS; k++)
			{
				even[k] += v[j] * row[k];
				odd[k] += v[j + 1] * next[k];
			}
		}
#pragma GCC unroll 4
		for (int k = 0; k < VECTORS; k++)
			((NAME(Vector) *) (out + at))[k] = even[k] + odd[k];
	}
}

static const CgKernel NAME(kernel) = {NAME(gather), NAME(sweep), NAME(gram_times)};
