/*
 * calibrate.c - temperature (Guo, Pleiss, Sun & Weinberger 2017, "On Calibration of Modern Neural Networks"); for two classes
 * a shift as well (Platt 1999, "Probabilistic Outputs for Support Vector Machines")
 *
 * Both by maximum likelihood on rows that the scores were not learned from, Platt's smoothed targets included: n+ right of n+ +
 * 2 keeps the scale finite where the scores part two classes without an error.  With more classes the scale is held below a
 * bound instead.  The scale is sought as its logarithm, so that no step makes it negative.
 */
#include "calibrate.h"

#include <math.h>

#include "../optimise.h"

#define LARGEST 12.0 /* logarithm of a scale, in magnitude, at most */
#define LOOK 64 /* rows between two looks at the cancel flag */

typedef struct Rows
{
	int64_t n;
	int32_t classes;
	const float *score;
	const int32_t *label;
	double target[2]; /* of the second of two classes, for rows that are of the first and of the second */
} Rows;

void
calibrate_apply(const Calibration *calibration, int32_t classes, const float *score, float *probability)
{
	double top = -INFINITY;
	double sum = 0;

	for (int32_t c = 0; c < classes; c++)
	{
		double at = calibration->scale * score[c] + (classes == 2 && c == 1 ? calibration->shift : 0);

		probability[c] = (float) at;
		top = fmax(top, probability[c]);
	}
	for (int32_t c = 0; c < classes; c++)
	{
		probability[c] = expf((float) (probability[c] - top));
		sum += probability[c];
	}
	for (int32_t c = 0; c < classes; c++)
		probability[c] = (float) (probability[c] / sum);
}

/* Cross entropy of a row, and its derivatives by log scale and shift. */
static double
row_of_two(const Rows *rows, const float *score, int32_t label, double scale, double shift, double *slope)
{
	double apart = scale * ((double) score[1] - score[0]) + shift;
	double target = rows->target[label];
	double probability = 1 / (1 + exp(-apart));

	slope[0] += (probability - target) * (apart - shift);
	slope[1] += probability - target;
	return (apart > 0 ? log1p(exp(-apart)) + apart : log1p(exp(apart))) - target * apart;
}

static double
row_of_many(const Rows *rows, const float *score, int32_t label, double scale, double *slope)
{
	double top = score[0];
	double sum = 0;
	double mean = 0;

	for (int32_t c = 1; c < rows->classes; c++)
		top = fmax(top, score[c]);
	for (int32_t c = 0; c < rows->classes; c++)
	{
		double at = exp(scale * (score[c] - top));

		sum += at;
		mean += at * score[c];
	}
	slope[0] += scale * (mean / sum - score[label]);
	return log(sum) + scale * (top - score[label]);
}

static CoreStatus
cross_entropy(Env *env, const void *arg, const double *x, double *value, double *gradient)
{
	const Rows *rows = arg;
	double scale = exp(x[0]);
	double slope[2] = {0, 0};
	double sum = 0;
	int64_t n = 0;

	*value = INFINITY;
	if (fabs(x[0]) > LARGEST)
		return CORE_OK;
	for (int64_t i = 0; i < rows->n; i++)
	{
		const float *score = rows->score + i * rows->classes;

		if (i % LOOK == 0 && env->cancelled(env))
			return CORE_CANCELLED;
		if (rows->label[i] < 0 || rows->label[i] >= rows->classes)
			continue;
		n++;
		sum += rows->classes == 2 ? row_of_two(rows, score, rows->label[i], scale, x[1], slope)
								  : row_of_many(rows, score, rows->label[i], scale, slope);
	}
	*value = sum / (double) n;
	gradient[0] = slope[0] / (double) n;
	if (rows->classes == 2)
		gradient[1] = slope[1] / (double) n;
	return CORE_OK;
}

CoreStatus
calibrate(Env *env, int64_t n, int32_t classes, const float *score, const int32_t *label,
		  Calibration *calibration)
{
	Rows rows = {.n = n, .classes = classes, .score = score, .label = label};
	Objective objective = {.n = classes == 2 ? 2 : 1, .evaluate = cross_entropy, .arg = &rows};
	double x[2] = {0, 0};
	int64_t of[2] = {0, 0};
	int64_t seen = 0;
	Optimum optimum;
	CoreStatus status;

	*calibration = (Calibration){.scale = 1};
	for (int64_t i = 0; i < n; i++)
	{
		seen += label[i] >= 0 && label[i] < classes;
		if (label[i] == 0 || label[i] == 1)
			of[label[i]]++;
	}
	if (seen == 0)
		return CORE_OK;
	rows.target[0] = 1 / ((double) of[0] + 2);
	rows.target[1] = ((double) of[1] + 1) / ((double) of[1] + 2);
	status = optimise_minimise(env, &objective, 1e-7, 200, x, &optimum);
	if (status == CORE_OK)
		*calibration = (Calibration){.scale = exp(x[0]), .shift = x[1]};
	return status;
}
