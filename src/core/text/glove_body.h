/*
 * glove_body.h - one kernel of glove_kernel.h; glove_kernel.c has it compiled for each width (kernel_widths.h)
 */
#include "../vectors_body.h"

/* Exact roots: the processors' approximations differ from maker to maker. */
#if WIDTH == 16
#define ROOTS(v) ((NAME(Vector)) _mm512_sqrt_ps((__m512) (v)))
#elif WIDTH == 8
#define ROOTS(v) ((NAME(Vector)) _mm256_sqrt_ps((__m256) (v)))
#elif defined(__x86_64__)
#define ROOTS(v) ((NAME(Vector)) _mm_sqrt_ps((__m128) (v)))
#else
#define ROOTS(v) ((NAME(Vector)){sqrtf((v)[0]), sqrtf((v)[1]), sqrtf((v)[2]), sqrtf((v)[3])})
#endif

/* One step: diff is the weighted error times the learning rate. */
TARGET static inline __attribute__((always_inline)) void
NAME(step)(float *row, float *other, float *row_squares, float *other_squares, int64_t vectors, float diff)
{
	typedef NAME(Vector) V;

	for (int64_t v = 0; v < vectors; v++)
	{
		V x = ((V *) row)[v];
		V y = ((V *) other)[v];
		V x_step = diff * y;
		V y_step = diff * x;
		V x_sum = ((V *) row_squares)[v];
		V y_sum = ((V *) other_squares)[v];

		((V *) row)[v] = x - x_step / ROOTS(x_sum);
		((V *) other)[v] = y - y_step / ROOTS(y_sum);
		((V *) row_squares)[v] = x_sum + x_step * x_step;
		((V *) other_squares)[v] = y_sum + y_step * y_step;
	}
}

TARGET static inline __attribute__((always_inline)) double
NAME(learn)(const GloveProblem *problem, const GlovePair *pair, int32_t word, int32_t context, int64_t stride)
{
	typedef NAME(Vector) V;
	int64_t padded = stride - GLOVE_LANES;
	float *row = problem->rows[0] + word * stride;
	float *other = problem->rows[1] + context * stride;
	float *row_squares = problem->squares[0] + word * stride;
	float *other_squares = problem->squares[1] + context * stride;
	V sum = {0};
	float error;
	float diff;

	for (int64_t v = 0; v < padded / WIDTH; v++)
		sum += ((V *) row)[v] * ((V *) other)[v];
	error = NAME(total)(sum) + row[padded] + other[padded] - pair->log_count;
	diff = problem->params.learning_rate * pair->weight * error;
	NAME(step)(row, other, row_squares, other_squares, padded / WIDTH, diff);
	row[padded] -= diff / sqrtf(row_squares[padded]);
	other[padded] -= diff / sqrtf(other_squares[padded]);
	row_squares[padded] += diff * diff;
	other_squares[padded] += diff * diff;
	return (double) pair->weight * error * error;
}

TARGET static double
NAME(run)(const GloveProblem *problem, const GlovePair *pairs, int64_t n)
{
	int64_t stride = glove_stride(problem->params.dim);
	double sum = 0;

	for (int64_t i = 0; i < n; i++)
	{
		sum += NAME(learn)(problem, &pairs[i], pairs[i].word, pairs[i].other, stride);
		if (pairs[i].word != pairs[i].other)
			sum += NAME(learn)(problem, &pairs[i], pairs[i].other, pairs[i].word, stride);
	}
	return sum;
}

#undef ROOTS
