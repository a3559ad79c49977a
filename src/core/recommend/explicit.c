/*
 * explicit.c - predictions of explicit ratings and how far off they are
 *
 * Sums run in order of rows and entries, in double precision; no memory is taken.
 */
#include "explicit.h"

#include <math.h>

#include "chunks.h"

#define STRETCH 65536 /* entries between two looks at the cancel flag */
#define STRETCH_FACTORS 1048576 /* multiplications between two looks */

CoreStatus
explicit_mean(Env *env, const Csr *ratings, double *mean)
{
	int64_t n = csr_entries(ratings);
	double sum = 0.0;

	for (int64_t lo = 0; lo < n; lo += STRETCH)
	{
		int64_t hi = chunks_smaller(lo + STRETCH, n);
		double part = 0.0;

		if (env->cancelled(env))
			return CORE_CANCELLED;
		for (int64_t e = lo; e < hi; e++)
			part += ratings->value[e];
		sum += part;
	}
	*mean = n > 0 ? sum / (double) n : 0.0;
	return isfinite(*mean) ? CORE_OK : CORE_NOT_FINITE;
}

double
explicit_predict(const ExplicitModel *model, int32_t factors, int32_t user, int32_t item)
{
	const float *x = model->user_factors + (int64_t) user * factors;
	const float *y = model->item_factors + (int64_t) item * factors;
	double sum = 0.0;

	for (int32_t j = 0; j < factors; j++)
		sum += (double) x[j] * y[j];
	return sum + model->mean + model->user_bias[user] + model->item_bias[item];
}

CoreStatus
explicit_errors(Env *env, const ExplicitModel *model, int32_t factors, const Csr *held, double low,
				double high, ExplicitErrors *out)
{
	int64_t work = 0;
	double squares = 0.0;
	double absolute = 0.0;

	for (int32_t u = 0; u < held->rows; u++)
	{
		work++;
		for (int64_t e = held->start[u]; e < held->start[u + 1]; e++)
		{
			double prediction = explicit_predict(model, factors, u, held->col[e]);
			double off = fmin(fmax(prediction, low), high) - held->value[e];

			/* fmin and fmax pass over what is not a number; an error must not. */
			off = isnan(prediction) ? prediction : off;
			squares += off * off;
			absolute += fabs(off);
			work += factors;
			if (work >= STRETCH_FACTORS)
			{
				if (env->cancelled(env))
					return CORE_CANCELLED;
				work = 0;
			}
		}
	}
	out->n = csr_entries(held);
	out->rmse = out->n > 0 ? sqrt(squares / (double) out->n) : NAN;
	out->mae = out->n > 0 ? absolute / (double) out->n : NAN;
	return out->n == 0 || isfinite(squares) ? CORE_OK : CORE_NOT_FINITE;
}
