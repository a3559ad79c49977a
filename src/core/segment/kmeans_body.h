/*
 * kmeans_body.h - a kernel of kmeans_kernel.h for one instruction set; included by kmeans_kernel.c for each
 *
 * The includer defines LANES, ROWS (of a tile beside VECTORS vectors), VECTORS, TARGET, NAME(x), the vector types Floats and
 * Whole, Mask, and the operations SPREAD, SPREAD_WHOLE, LOAD, STORE, STORE_WHOLE, LESS_PRODUCT(sum, a, b) = sum - a b, PLUS_PRODUCT, MIN,
 * MAX, LESS, EQUAL_BITS, CHOOSE_WHOLE and LEAST_LANE.
 */
#define INLINE TARGET static inline __attribute__((always_inline))

typedef double NAME(Doubles) __attribute__((vector_size(LANES / 2 * sizeof(double)), aligned(8), may_alias));
typedef float NAME(Singles) __attribute__((vector_size(LANES / 2 * sizeof(float)), aligned(4), may_alias));

/* The least scores so far of the rows of a tile, lane by lane, and the vector that they came from. */
typedef struct NAME(Best)
{
	Floats least;
	Floats second;
	Whole vector;
} NAME(Best);

/* Scores of `rows` rows and `vectors` vectors of centroids from vector `first` on. */
INLINE void
NAME(tile)(const KmeansPanels *panels, const float *x, int32_t first, int rows, int vectors, int bounds,
		   NAME(Best) * best)
{
	int64_t features = panels->features;
	const float *packed = panels->packed + first * features * LANES;
	Floats score[8][VECTORS];

#pragma GCC unroll 8
	for (int r = 0; r < rows; r++)
	{
#pragma GCC unroll 8
		for (int v = 0; v < vectors; v++)
			score[r][v] = LOAD(panels->half + (first + v) * LANES);
	}
	for (int64_t f = 0; f < features; f++)
	{
		Floats centroid[VECTORS];

#pragma GCC unroll 8
		for (int v = 0; v < vectors; v++)
			centroid[v] = LOAD(packed + (v * features + f) * LANES);
#pragma GCC unroll 8
		for (int r = 0; r < rows; r++)
		{
			Floats feature = SPREAD(x[r * features + f]);

#pragma GCC unroll 8
			for (int v = 0; v < vectors; v++)
				score[r][v] = LESS_PRODUCT(score[r][v], feature, centroid[v]);
		}
	}
#pragma GCC unroll 8
	for (int r = 0; r < rows; r++)
	{
#pragma GCC unroll 8
		for (int v = 0; v < vectors; v++)
		{
			Mask less = LESS(score[r][v], best[r].least);

			if (bounds)
				best[r].second = MIN(best[r].second, MAX(best[r].least, score[r][v]));
			best[r].least = MIN(best[r].least, score[r][v]);
			best[r].vector = CHOOSE_WHOLE(less, SPREAD_WHOLE(first + v), best[r].vector);
		}
	}
}

/* Over the lanes: of equal scores the lowest centroid. */
INLINE int32_t
NAME(winner)(const NAME(Best) * best, float *least)
{
	uint32_t equal;
	int32_t vector[LANES];
	int32_t label = INT32_MAX;

	*least = LEAST_LANE(best->least);
	equal = EQUAL_BITS(best->least, SPREAD(*least));
	STORE_WHOLE(vector, best->vector);
	while (equal != 0)
	{
		int lane = __builtin_ctz(equal);
		int32_t found = vector[lane] * LANES + lane;

		label = found < label ? found : label;
		equal &= equal - 1;
	}
	return label == INT32_MAX ? 0 : label; /* scores that are no numbers */
}

/* The least of the lanes' second best and of the other lanes' best. */
INLINE float
NAME(runner_up)(const NAME(Best) * best, int32_t label)
{
	float least[LANES];
	float second[LANES];

	STORE(least, best->least);
	STORE(second, best->second);
	least[label % LANES] = second[label % LANES];
	return LEAST_LANE(LOAD_ANY(least));
}

INLINE void
NAME(tile_rows)(const KmeansPanels *panels, const float *x, int rows, int bounds, int32_t *label,
				float *score, float *second)
{
	NAME(Best) best[8];
	int32_t v = 0;

#pragma GCC unroll 8
	for (int r = 0; r < rows; r++)
		best[r] = (NAME(Best)){SPREAD(INFINITY), SPREAD(INFINITY), SPREAD_WHOLE(0)};
	for (; v + VECTORS <= panels->panels; v += VECTORS)
		NAME(tile)(panels, x, v, rows, VECTORS, bounds, best);
	for (; v < panels->panels; v++)
		NAME(tile)(panels, x, v, rows, 1, bounds, best);
#pragma GCC unroll 8
	for (int r = 0; r < rows; r++)
	{
		label[r] = NAME(winner)(&best[r], &score[r]);
		if (bounds)
			second[r] = NAME(runner_up)(&best[r], label[r]);
	}
}

INLINE void
NAME(nearest_rows)(const KmeansPanels *panels, const float *x, int64_t n, int bounds, int32_t *label,
				   float *score, float *second)
{
	int64_t features = panels->features;
	int64_t i = 0;

	if (panels->panels == 1)
		for (; i + 8 <= n; i += 8)
			NAME(tile_rows)(panels, x + i * features, 8, bounds, label + i, score + i, second + i);
	else
		for (; i + ROWS <= n; i += ROWS)
			NAME(tile_rows)(panels, x + i * features, ROWS, bounds, label + i, score + i, second + i);
	for (; i < n; i++)
		NAME(tile_rows)(panels, x + i * features, 1, bounds, label + i, score + i, second + i);
}

TARGET static void
NAME(nearest)(const KmeansPanels *panels, const float *x, int64_t n, int32_t *label, float *score,
			  float *second)
{
	if (second != NULL)
		NAME(nearest_rows)(panels, x, n, 1, label, score, second);
	else
		NAME(nearest_rows)(panels, x, n, 0, label, score, score);
}

INLINE void
NAME(square_tile)(const KmeansPanels *panels, const float *x, int32_t vector, int rows, float *out)
{
	int64_t features = panels->features;
	const float *packed = panels->packed + vector * features * LANES;
	Floats sum[4];

#pragma GCC unroll 4
	for (int r = 0; r < rows; r++)
		sum[r] = SPREAD(0);
	for (int64_t f = 0; f < features; f++)
	{
		Floats centroid = LOAD(packed + f * LANES);

#pragma GCC unroll 4
		for (int r = 0; r < rows; r++)
		{
			Floats apart = centroid - SPREAD(x[r * features + f]);

			sum[r] = PLUS_PRODUCT(sum[r], apart, apart);
		}
	}
#pragma GCC unroll 4
	for (int r = 0; r < rows; r++)
		STORE(out + ((int64_t) r * panels->panels + vector) * LANES, sum[r]);
}

TARGET static void
NAME(squares)(const KmeansPanels *panels, const float *x, int64_t n, float *out)
{
	int64_t features = panels->features;
	int64_t width = (int64_t) panels->panels * LANES;
	int64_t i = 0;

	for (; i + 4 <= n; i += 4)
		for (int32_t v = 0; v < panels->panels; v++)
			NAME(square_tile)(panels, x + i * features, v, 4, out + i * width);
	for (; i < n; i++)
		for (int32_t v = 0; v < panels->panels; v++)
			NAME(square_tile)(panels, x + i * features, v, 1, out + i * width);
}

TARGET static void
NAME(norms)(const float *rows, int64_t n, int32_t features, float *out)
{
	for (int64_t i = 0; i < n; i++)
	{
		const float *x = rows + i * features;
		Floats sums = SPREAD(0);
		float lane[LANES];
		float sum = 0;
		int64_t f = 0;

		for (; f + LANES <= features; f += LANES)
			sums = PLUS_PRODUCT(sums, LOAD_ANY(x + f), LOAD_ANY(x + f));
		for (; f < features; f++)
			sum += x[f] * x[f];
		STORE(lane, sums);
		for (int l = 0; l < LANES; l++)
			sum += lane[l];
		out[i] = sum;
	}
}

INLINE void
NAME(add)(double *sums, const float *x, int64_t features, double sign)
{
	int64_t f = 0;

	for (; f + LANES / 2 <= features; f += LANES / 2)
		*(NAME(Doubles) *) (sums + f) +=
			sign * __builtin_convertvector(*(const NAME(Singles) *) (x + f), NAME(Doubles));
	for (; f < features; f++)
		sums[f] += sign * (double) x[f];
}

TARGET static int64_t
NAME(move)(const float *rows, int64_t n, int32_t features, const int32_t *before, const int32_t *label,
		   double *sums, int64_t stride, int64_t *counts)
{
	int64_t moved = 0;

	for (int64_t i = 0; i < n; i++)
	{
		if (before[i] == label[i])
			continue;
		if (before[i] >= 0)
		{
			NAME(add)(sums + before[i] * stride, rows + i * features, features, -1);
			counts[before[i]]--;
		}
		NAME(add)(sums + label[i] * stride, rows + i * features, features, 1);
		counts[label[i]]++;
		moved++;
	}
	return moved;
}

TARGET static double
NAME(inertia)(const float *rows, int64_t n, int32_t features, const int32_t *label, const float *centroids)
{
	double inertia = 0;

	for (int64_t i = 0; i < n; i++)
	{
		const float *x = rows + i * features;
		const float *c = centroids + (int64_t) label[i] * features;
		NAME(Doubles) sums = {0};
		double sum = 0;
		int64_t f = 0;

		for (; f + LANES / 2 <= features; f += LANES / 2)
		{
			NAME(Doubles)
			apart = __builtin_convertvector(*(const NAME(Singles) *) (x + f), NAME(Doubles)) -
					__builtin_convertvector(*(const NAME(Singles) *) (c + f), NAME(Doubles));

			sums += apart * apart;
		}
		for (; f < features; f++)
			sum += ((double) x[f] - (double) c[f]) * ((double) x[f] - (double) c[f]);
		for (int lane = 0; lane < LANES / 2; lane++)
			sum += sums[lane];
		inertia += sum;
	}
	return inertia;
}

static const KmeansKernel NAME(kernel) = {.lanes = LANES,
										  .nearest = NAME(nearest),
										  .squares = NAME(squares),
										  .norms = NAME(norms),
										  .move = NAME(move),
										  .inertia = NAME(inertia)};

#undef INLINE
#undef Floats
#undef Whole
#undef Mask
#undef LANES
#undef ROWS
#undef VECTORS
#undef TARGET
#undef NAME
#undef SPREAD
#undef SPREAD_WHOLE
#undef LOAD
#undef LOAD_ANY
#undef STORE
#undef STORE_WHOLE
#undef LESS_PRODUCT
#undef PLUS_PRODUCT
#undef MIN
#undef MAX
#undef LESS
#undef EQUAL_BITS
#undef CHOOSE_WHOLE
#undef LEAST_LANE
