/*
 * gram_kernel.h - the kernels of gram.h, written once and included by gram.c for each instruction set
 *
 * The includer defines
 *
 *   LANES    floats in a vector, a divisor of GRAM_LANES
 *   ROWS     rows of a tile, a divisor of LANES
 *   VECTORS  vectors beside each other in a tile: 2 or 3
 *   TARGET   the attribute that asks for the instruction set
 *   NAMED(x) x with a suffix of its own
 *
 * A tile of ROWS x (VECTORS * LANES) sums stays in registers while the rows of a block go by.
 */
#define Vector NAMED(Vector)
#define Loose NAMED(Loose)
#define Index NAMED(Index)

typedef float Vector __attribute__((vector_size(LANES * sizeof(float)), may_alias));
typedef float Loose __attribute__((vector_size(LANES * sizeof(float)), aligned(sizeof(float)), may_alias));
typedef int32_t Index __attribute__((vector_size(LANES * sizeof(int32_t))));

#define AT(p) (*(Vector *) (p))
#define READ(p) (*(const Vector *) (p))
#define INLINE TARGET static inline __attribute__((always_inline))

/*
 * SPREAD: all lanes of the result are lane i of v, which must be known when this is compiled.  FOLD: the sums of pairs of
 * neighbours, first those of a, then those of b; even [LANES] = 0, 2, 4 ...
 */
#ifdef __clang__
#define SPREAD(v, i) ((Vector){0} + (v)[i])
#define FOLD(a, b, even, result)                                                                             \
	for (int lane_ = 0; lane_ < LANES; lane_++)                                                              \
	(result)[lane_] = lane_ < LANES / 2 ? (a)[even[lane_]] + (a)[even[lane_] + 1]                            \
										: (b)[even[lane_] - LANES] + (b)[even[lane_] - LANES + 1]
#else
#define SPREAD(v, i) __builtin_shuffle(v, (Index){0} + (i))
#define FOLD(a, b, even, result)                                                                             \
	(result) = __builtin_shuffle(a, b, even) + __builtin_shuffle(a, b, (even) + 1)
#endif

/*
 * to [ROWS x vectors * LANES] = from + sign * the sum over rows r < n of a[r][..] (as a column) times b[r][..] (as a
 * row); all four of row length stride.
 */
INLINE void
NAMED(tile)(const float *a, const float *b, int64_t n, int64_t stride, const float *from, float *to,
			float sign, int vectors)
{
	Vector sum[ROWS][VECTORS];

#pragma GCC unroll 16
	for (int i = 0; i < ROWS; i++)
	{
#pragma GCC unroll 4
		for (int v = 0; v < vectors; v++)
			sum[i][v] = (Vector){0};
	}
	for (int64_t r = 0; r < n; r++)
	{
		Vector row[VECTORS];

#pragma GCC unroll 4
		for (int v = 0; v < vectors; v++)
			row[v] = READ(b + v * LANES);
#pragma GCC unroll 16
		for (int i = 0; i < ROWS; i++)
		{
#pragma GCC unroll 4
			for (int v = 0; v < vectors; v++)
				sum[i][v] += a[i] * row[v];
		}
		a += stride;
		b += stride;
	}
#pragma GCC unroll 16
	for (int i = 0; i < ROWS; i++)
	{
#pragma GCC unroll 4
		for (int v = 0; v < vectors; v++)
		{
			int64_t at = i * stride + v * LANES;

			AT(to + at) = READ(from + at) + sign * sum[i][v];
		}
	}
}

/* The same for any number of vectors up to VECTORS. */
INLINE void
NAMED(tiles)(const float *a, const float *b, int64_t n, int64_t stride, const float *from, float *to,
			 float sign, int64_t vectors)
{
#if VECTORS > 2
	if (vectors == 3)
		NAMED(tile)(a, b, n, stride, from, to, sign, 3);
	else
#endif
		if (vectors == 2)
		NAMED(tile)(a, b, n, stride, from, to, sign, 2);
	else
		NAMED(tile)(a, b, n, stride, from, to, sign, 1);
}

/* gram.h: add */
TARGET static void
NAMED(add)(const float *block, int64_t n, int64_t stride, const float *from, float *to)
{
	for (int64_t left = 0; left < stride; left += VECTORS * LANES)
	{
		int64_t right = left + VECTORS * LANES < stride ? left + VECTORS * LANES : stride;

		for (int64_t i = 0; i < right; i += ROWS)
		{
			int64_t j = i / LANES * LANES > left ? i / LANES * LANES : left;
			int64_t at = i * stride + j;

			NAMED(tiles)(block + i, block + j, n, stride, from + at, to + at, 1.0f, (right - j) / LANES);
		}
	}
}

/*
 * The upper triangle of a [LANES x LANES] becomes its Cholesky factor U with reciprocals on the diagonal; what is below
 * stays undefined.  The way is U = D^-1/2 R with R' D^-1 R = a, which leaves the roots out of the chain from pivot to
 * pivot.  False when a is not positive definite.
 */
INLINE bool
NAMED(factor_square)(float *a, int64_t stride)
{
	Vector row[LANES];
	float reciprocal[LANES];
	bool good = true;

#pragma GCC unroll 16
	for (int r = 0; r < LANES; r++)
		row[r] = READ(a + r * stride);
#pragma GCC unroll 16
	for (int r = 0; r < LANES; r++)
	{
		Vector inverse = 1.0f / SPREAD(row[r], r);
		Vector scaled = row[r] * inverse;

		reciprocal[r] = inverse[0];
		AT(a + r * stride) = row[r];
#pragma GCC unroll 16
		for (int s = r + 1; s < LANES; s++)
			row[s] -= SPREAD(row[r], s) * scaled;
	}
	for (int r = 0; r < LANES; r++)
	{
		float root = sqrtf(reciprocal[r]);

		good &= reciprocal[r] > 0.0f;
		AT(a + r * stride) *= root;
		a[r * stride + r] = root;
	}
	return good;
}

/* b [LANES x LANES] = U'^-1 b for the square u that factor_square left. */
INLINE void
NAMED(solve_square)(const float *u, float *b, int64_t stride, int64_t b_stride)
{
	Vector row[LANES];

#pragma GCC unroll 16
	for (int r = 0; r < LANES; r++)
		row[r] = READ(b + r * b_stride);
#pragma GCC unroll 16
	for (int r = 0; r < LANES; r++)
	{
		row[r] *= u[r * stride + r];
#pragma GCC unroll 16
		for (int s = r + 1; s < LANES; s++)
			row[s] -= u[r * stride + s] * row[r];
		AT(b + r * b_stride) = row[r];
	}
}

/* inverse [LANES x LANES] = U'^-1 for the square u that factor_square left. */
INLINE void
NAMED(invert_square)(const float *u, int64_t stride, float *inverse)
{
	for (int r = 0; r < LANES; r++)
	{
		for (int j = 0; j < LANES; j++)
			inverse[r * LANES + j] = r == j ? 1.0f : 0.0f;
	}
	NAMED(solve_square)(u, inverse, stride, LANES);
}

/* gram.h: factor */
TARGET static bool
NAMED(factor)(float *a, int64_t stride)
{
	for (int64_t top = 0; top < stride; top += LANES)
	{
		float *square = a + top * stride + top;

		for (int64_t i = top; top > 0 && i < top + LANES; i += ROWS)
		{
			for (int64_t j = top; j < stride; j += VECTORS * LANES)
			{
				int64_t vectors = (stride - j) / LANES;
				int64_t at = i * stride + j;

				NAMED(tiles)
				(a + i, a + j, top, stride, a + at, a + at, -1.0f, vectors < VECTORS ? vectors : VECTORS);
			}
		}
		if (!NAMED(factor_square)(square, stride))
			return false;
		NAMED(invert_square)(square, stride, a + stride * stride + top * LANES);
		for (int64_t j = top + LANES; j < stride; j += LANES)
			NAMED(solve_square)(square, a + top * stride + j, stride, stride);
	}
	return true;
}

/* Lane r of the result is the sum of all lanes of v[r]; v is lost. */
INLINE void
NAMED(sums_of_lanes)(Vector *v, Vector *result)
{
	Index even;

#pragma GCC unroll 16
	for (int i = 0; i < LANES; i++)
		even[i] = 2 * i;
#pragma GCC unroll 16
	for (int n = LANES / 2; n > 0; n /= 2)
	{
#pragma GCC unroll 16
		for (int i = 0; i < n; i++)
		{
			Vector folded;

			FOLD(v[2 * i], v[2 * i + 1], even, folded);
			v[i] = folded;
		}
	}
	*result = v[0];
}

/* x = U'^-1 x, where factor left u */
INLINE void
NAMED(solve_forward)(const float *u, int64_t stride, float *x)
{
	for (int64_t top = 0; top < stride; top += LANES)
	{
		const float *inverse = u + stride * stride + top * LANES;
		const float *rows = u + top * stride;
		Vector v[LANES];
		Vector known;

#pragma GCC unroll 16
		for (int r = 0; r < LANES; r++)
			v[r] = READ(inverse + r * LANES) * READ(x + top);
		NAMED(sums_of_lanes)(v, &known);
		AT(x + top) = known;
		for (int64_t j = top + LANES; j < stride; j += LANES)
		{
			Vector even = {0};
			Vector odd = {0};

#pragma GCC unroll 16
			for (int r = 0; r < LANES; r += 2)
			{
				even += SPREAD(known, r) * READ(rows + r * stride + j);
				odd += SPREAD(known, r + 1) * READ(rows + (r + 1) * stride + j);
			}
			AT(x + j) -= even + odd;
		}
	}
}

/* x = U^-1 x */
INLINE void
NAMED(solve_backward)(const float *u, int64_t stride, float *x)
{
	for (int64_t top = stride - LANES; top >= 0; top -= LANES)
	{
		const float *inverse = u + stride * stride + top * LANES;
		const float *rows = u + top * stride;
		Vector v[LANES];
		Vector even = {0};
		Vector odd = {0};
		Vector left;

#pragma GCC unroll 16
		for (int r = 0; r < LANES; r++)
			v[r] = (Vector){0};
		for (int64_t j = top + LANES; j < stride; j += LANES)
		{
#pragma GCC unroll 16
			for (int r = 0; r < LANES; r++)
				v[r] += READ(rows + r * stride + j) * READ(x + j);
		}
		NAMED(sums_of_lanes)(v, &left);
		left = READ(x + top) - left;
#pragma GCC unroll 16
		for (int r = 0; r < LANES; r += 2)
		{
			even += SPREAD(left, r) * READ(inverse + r * LANES);
			odd += SPREAD(left, r + 1) * READ(inverse + (r + 1) * LANES);
		}
		AT(x + top) = even + odd;
	}
}

/* gram.h: solve */
TARGET static void
NAMED(solve)(const float *u, int64_t stride, float *x)
{
	NAMED(solve_forward)(u, stride, x);
	NAMED(solve_backward)(u, stride, x);
}

/* gram.h: gather */
TARGET static double
NAMED(gather)(const float *y, int64_t width, const int32_t *cols, const float *weights, int64_t n,
			  float *block, int64_t stride, float *rhs)
{
	double sum = 0.0;

	for (int64_t e = 0; e < n; e++)
	{
		const float *from = y + (cols != NULL ? cols[e] : e) * width;
		float *to = block + e * stride;
		float weight = weights != NULL ? weights[e] : 1.0f;
		float root = sqrtf(weight);
		int64_t j = 0;

		sum += weight;
		for (; j + LANES <= width; j += LANES)
		{
			Vector row = *(const Loose *) (from + j);

			AT(to + j) = root * row;
			AT(rhs + j) += weight * row;
		}
		for (; j < width; j++)
		{
			to[j] = root * from[j];
			rhs[j] += weight * from[j];
		}
		for (; j < stride; j++)
			to[j] = 0.0f;
	}
	return sum;
}

/* The transpose of v [LANES], in place: every step shuffles the first half of the vectors with the second, like cards. */
INLINE void
NAMED(transpose_square)(Vector *v)
{
#ifdef __clang__
	for (int i = 0; i < LANES; i++)
	{
		for (int j = 0; j < i; j++)
		{
			float swap = v[i][j];

			v[i][j] = v[j][i];
			v[j][i] = swap;
		}
	}
#else
	Index low;

#pragma GCC unroll 16
	for (int i = 0; i < LANES; i++)
		low[i] = i / 2 + i % 2 * LANES;
#pragma GCC unroll 4
	for (int step = 1; step < LANES; step *= 2)
	{
		Vector next[LANES];

#pragma GCC unroll 16
		for (int i = 0; i < LANES / 2; i++)
		{
			next[2 * i] = __builtin_shuffle(v[i], v[i + LANES / 2], low);
			next[2 * i + 1] = __builtin_shuffle(v[i], v[i + LANES / 2], low + LANES / 2);
		}
#pragma GCC unroll 16
		for (int i = 0; i < LANES; i++)
			v[i] = next[i];
	}
#endif
}

/* gram.h: transpose */
TARGET static void
NAMED(transpose)(const float *block, int64_t n, int64_t stride, const float *scale, float *to,
				 int64_t to_stride)
{
	for (int64_t left = 0; left < to_stride; left += LANES)
	{
		for (int64_t top = 0; top < stride; top += LANES)
		{
			Vector v[LANES];

#pragma GCC unroll 16
			for (int i = 0; i < LANES; i++)
			{
				v[i] = (Vector){0};
				if (left + i < n)
					v[i] = READ(scale + top) * READ(block + (left + i) * stride + top);
			}
			NAMED(transpose_square)(v);
#pragma GCC unroll 16
			for (int i = 0; i < LANES; i++)
				AT(to + (top + i) * to_stride + left) = v[i];
		}
	}
}

/* gram.h: combine */
TARGET static void
NAMED(combine)(const float *block, int64_t n, int64_t stride, const float *times, float *x)
{
	for (int64_t j = 0; j < stride; j += LANES)
	{
		Vector sum = {0};

		for (int64_t e = 0; e < n; e++)
			sum += times[e] * READ(block + e * stride + j);
		AT(x + j) = sum;
	}
}

static const GramKernel NAMED(kernel) = {.gather = NAMED(gather),
										 .add = NAMED(add),
										 .factor = NAMED(factor),
										 .solve = NAMED(solve),
										 .transpose = NAMED(transpose),
										 .combine = NAMED(combine)};

#undef Vector
#undef Loose
#undef Index
#undef FOLD
#undef AT
#undef READ
#undef INLINE
#undef SPREAD
#undef LANES
#undef ROWS
#undef VECTORS
#undef TARGET
#undef NAMED
