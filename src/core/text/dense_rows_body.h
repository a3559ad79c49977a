/*
 * dense_rows_body.h - one kernel of dense_rows.h; dense_rows.c has it compiled for each width (kernel_widths.h)
 */
typedef float NAME(Vector) __attribute__((vector_size(WIDTH * sizeof(float)), aligned(sizeof(float))));

TARGET static void
NAME(gather)(const float *rows, int32_t width, const int32_t *row, const float *weight, int32_t n, float *sum)
{
	typedef NAME(Vector) V;
	int32_t whole = width / WIDTH * WIDTH;

	for (int32_t e = 0; e < n; e++)
	{
		const float *from = rows + (size_t) row[e] * width;
		float times = weight[e];
		int32_t j = 0;

		for (int32_t line = 0; e + AHEAD < n && line < width; line += LINE)
			__builtin_prefetch(rows + (size_t) row[e + AHEAD] * width + line);
		for (; j < whole; j += WIDTH)
			*(V *) (sum + j) += *(const V *) (from + j) * times;
		for (; j < width; j++)
			sum[j] += from[j] * times;
	}
}

TARGET static void
NAME(scatter)(float *rows, int32_t width, const int32_t *row, const float *weight, int32_t n,
			  const float *add)
{
	typedef NAME(Vector) V;
	int32_t whole = width / WIDTH * WIDTH;

	for (int32_t e = 0; e < n; e++)
	{
		float *to = rows + (size_t) row[e] * width;
		float times = weight[e];
		int32_t j = 0;

		for (; j < whole; j += WIDTH)
			*(V *) (to + j) += *(const V *) (add + j) * times;
		for (; j < width; j++)
			to[j] += add[j] * times;
	}
}

TARGET static void
NAME(outer)(float *rows, int32_t width, int32_t n, const float *left, const float *right, float *dots)
{
	typedef NAME(Vector) V;
	int32_t whole = width / WIDTH * WIDTH;

	for (int32_t e = 0; e < n; e++, rows += width)
	{
		V sums = {0};
		float times = left[e];
		float sum = 0;
		int32_t j = 0;

		for (; j < whole; j += WIDTH)
		{
			V here = *(V *) (rows + j);
			V with = *(const V *) (right + j);

			sums += here * with;
			*(V *) (rows + j) = here + with * times;
		}
		for (; j < width; j++)
		{
			sum += rows[j] * right[j];
			rows[j] += right[j] * times;
		}
		for (int lane = 0; lane < WIDTH; lane++)
			sum += sums[lane];
		dots[e] = sum;
	}
}

static const DenseRows NAME(dense_rows) = {
	.gather = NAME(gather), .scatter = NAME(scatter), .outer = NAME(outer)};
