/*
 * sgd_body.h - one kernel of sgd_kernel.h; sgd_kernel.c has it compiled for each width (kernel_widths.h)
 */
#include "../vectors_body.h"

#define VECTORS (SGD_LANES / WIDTH) /* in a group of SGD_LANES factors */

/* Move vectors from .. to - 1 of the factors against the gradient; the squared gradients are added to the sums. */
TARGET static inline __attribute__((always_inline)) void
NAME(move)(float *p, float *q, int from, int to, float error, float p_rate, float q_rate,
		   NAME(Vector) * p_sum, NAME(Vector) * q_sum)
{
	typedef NAME(Vector) V;
	V *x = (V *) (p + SGD_HEAD);
	V *y = (V *) (q + SGD_HEAD);
	float p_penalty = p[SGD_PENALTY];
	float q_penalty = q[SGD_PENALTY];

#pragma GCC unroll 8
	for (int v = from; v < to; v++)
	{
		V x_old = x[v];
		V y_old = y[v];
		V x_gradient = error * y_old - p_penalty * x_old;
		V y_gradient = error * x_old - q_penalty * y_old;

		*p_sum += x_gradient * x_gradient;
		*q_sum += y_gradient * y_gradient;
		x[v] = x_old + p_rate * x_gradient;
		y[v] = y_old + q_rate * y_gradient;
	}
}

/* The error of the prediction for a rating; vectors: of factors. */
TARGET static inline __attribute__((always_inline)) float
NAME(error)(const float *p, const float *q, float value, int vectors)
{
	typedef NAME(Vector) V;
	const V *x = (const V *) (p + SGD_HEAD);
	const V *y = (const V *) (q + SGD_HEAD);
	V even = {0};
	V odd = {0};

#pragma GCC unroll 4
	for (int v = 0; v + 1 < vectors; v += 2)
	{
		even += x[v] * y[v];
		odd += x[v + 1] * y[v + 1];
	}
	if (vectors & 1)
		even += x[vectors - 1] * y[vectors - 1];
	return value - p[SGD_BIAS] - q[SGD_BIAS] - NAME(total)(even + odd);
}

/*
 * One step; groups: of SGD_LANES factors.  The rates come from the sums before this step, and all gradients from the
 * factors before it.  Returns the error before the step.
 */
TARGET static inline __attribute__((always_inline)) float
NAME(step)(float *p, float *q, float value, int groups, float rate, Four shares, bool slow_only)
{
	typedef NAME(Vector) V;
	Four *p_head = (Four *) p;
	Four *q_head = (Four *) q;
	Four p_rate = rate / four_roots(*p_head);
	Four q_rate = rate / four_roots(*q_head);
	float error = NAME(error)(p, q, value, groups * VECTORS);
	float p_bias = error - p[SGD_BIAS_PENALTY] * p[SGD_BIAS];
	float q_bias = error - q[SGD_BIAS_PENALTY] * q[SGD_BIAS];
	V sums[4] = {{0}, {0}, {0}, {0}}; /* squared gradients: slow and fast of p, of q */
	Four squares;
	Four biases = {p_bias * p_bias, p_rate[SGD_BIAS_SUM] * p_bias, q_bias * q_bias,
				   q_rate[SGD_BIAS_SUM] * q_bias};

	NAME(move)(p, q, 0, VECTORS, error, p_rate[SGD_SLOW], q_rate[SGD_SLOW], &sums[0], &sums[2]);
	if (!slow_only && groups > 1)
	{
		NAME(move)
		(p, q, VECTORS, groups * VECTORS, error, p_rate[SGD_FAST], q_rate[SGD_FAST], &sums[1], &sums[3]);
	}
	squares = shares * NAME(sums)(sums[0], sums[1], sums[2], sums[3]);
	*p_head += __builtin_shufflevector(squares, biases, 0, 1, 4, 5);
	*q_head += __builtin_shufflevector(squares, biases, 2, 3, 6, 7);
	return error;
}

TARGET static inline __attribute__((always_inline)) double
NAME(block)(const SgdStep *step, const SgdRating *ratings, int64_t n, int groups, bool slow_only)
{
	int32_t factors = step->factors;
	float slow = 1.0f / (float) (factors < SGD_LANES ? factors : SGD_LANES);
	float fast = factors > SGD_LANES ? 1.0f / (float) (factors - SGD_LANES) : 0.0f;
	Four shares = {slow, fast, slow, fast};
	double sum = 0.0;

	for (int64_t i = 0; i < n; i++)
	{
		float *p = step->users + ratings[i].user * step->stride;
		float *q = step->items + ratings[i].item * step->stride;
		float error = NAME(step)(p, q, ratings[i].value, groups, step->learning_rate, shares, slow_only);

		sum += (double) error * error;
	}
	return sum;
}

TARGET static double
NAME(run)(const SgdStep *step, const SgdRating *ratings, int64_t n)
{
	int groups = (step->factors + SGD_LANES - 1) / SGD_LANES;

	if (step->slow_only)
		return NAME(block)(step, ratings, n, groups, true);
	switch (groups)
	{
		case 1:
			return NAME(block)(step, ratings, n, 1, false);
		case 2:
			return NAME(block)(step, ratings, n, 2, false);
		case 4:
			return NAME(block)(step, ratings, n, 4, false);
		case 8:
			return NAME(block)(step, ratings, n, 8, false);
		default:
			return NAME(block)(step, ratings, n, groups, false);
	}
}

#undef VECTORS
