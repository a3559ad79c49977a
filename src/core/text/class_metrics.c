/*
 * class_metrics.c - precision, recall, F1 and area under the ROC curve for each class; the threshold of what is none
 */
#include "class_metrics.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "../binary_metrics.h"

#define LOOK 4096 /* rows between two looks at the cancel flag */
#define SURE 1e-15 /* a probability of nought costs no more than this one */

static double
share_of(int64_t part, int64_t whole)
{
	return whole > 0 ? (double) part / (double) whole : NAN;
}

static CoreStatus
count_cases(Env *env, const ClassCases *cases, ClassFigures *figures, ClassSummary *summary)
{
	int64_t correct = 0;
	double loss = 0;

	memset(figures, 0, sizeof(ClassFigures) * (size_t) cases->classes);
	for (int64_t i = 0; i < cases->n; i++)
	{
		int32_t label = cases->label[i];

		if (i % LOOK == 0 && env->cancelled(env))
			return CORE_CANCELLED;
		if (label < 0)
			continue;
		figures[cases->predicted[i]].predicted++;
		summary->rows++;
		figures[label].rows++;
		figures[label].correct += label == cases->predicted[i];
		correct += label == cases->predicted[i];
		loss -= log(fmax(cases->probability[i * cases->classes + label], SURE));
	}
	summary->accuracy = share_of(correct, summary->rows);
	summary->log_loss = summary->rows > 0 ? loss / (double) summary->rows : NAN;
	return CORE_OK;
}

static CoreStatus
measure_areas(Env *env, const ClassCases *cases, const bool *areas, ClassFigures *figures)
{
	size_t n = (size_t) cases->n + 1;
	double *probability = env->alloc(env, sizeof(double) * n);
	uint8_t *outcome = env->alloc(env, n);
	CoreStatus status = probability != NULL && outcome != NULL ? CORE_OK : CORE_NO_MEMORY;

	for (int32_t c = 0; c < cases->classes && status == CORE_OK; c++)
	{
		BinaryMetrics metrics;

		figures[c].auc = figures[c].auc_error = NAN;
		if ((areas != NULL && !areas[c]) || figures[c].rows == 0)
			continue;
		int64_t n_inside = 0;

		for (int64_t i = 0; i < cases->n; i++)
		{
			if (cases->label[i] < 0)
				continue;
			probability[n_inside] = cases->probability[i * cases->classes + c];
			outcome[n_inside++] = cases->label[i] == c;
		}
		status = binary_metrics(env, n_inside, probability, outcome, &metrics);
		figures[c].auc = metrics.auc;
		figures[c].auc_error = metrics.auc_error;
	}
	if (probability != NULL)
		env->release(env, probability);
	if (outcome != NULL)
		env->release(env, outcome);
	return status;
}

CoreStatus
class_metrics(Env *env, const ClassCases *cases, const bool *areas, ClassFigures *figures,
			  ClassSummary *summary)
{
	double recalls = 0;
	double f1s = 0;
	int32_t present = 0; /* classes of some row */
	int32_t told = 0; /* and those that rows were taken for */
	CoreStatus status;

	memset(summary, 0, sizeof(*summary));
	if ((status = count_cases(env, cases, figures, summary)) != CORE_OK)
		return status;
	for (int32_t c = 0; c < cases->classes; c++)
	{
		ClassFigures *figure = &figures[c];

		figure->precision = share_of(figure->correct, figure->predicted);
		figure->recall = share_of(figure->correct, figure->rows);
		figure->f1 = share_of(2 * figure->correct, figure->rows + figure->predicted);
		if (figure->rows + figure->predicted > 0)
		{
			told++;
			f1s += figure->f1;
		}
		if (figure->rows > 0)
		{
			present++;
			recalls += figure->recall;
		}
	}
	summary->balanced_accuracy = present > 0 ? recalls / present : NAN;
	summary->macro_f1 = told > 0 ? f1s / told : NAN;
	return measure_areas(env, cases, areas, figures);
}

/* ---- the threshold ---- */

typedef struct Top
{
	float probability;
	bool outside;
} Top;

static int
compare_tops(const void *left, const void *right)
{
	float a = ((const Top *) left)->probability;
	float b = ((const Top *) right)->probability;

	return (a > b) - (a < b);
}

/* The best cut lies between two different probabilities. */
static double
best_cut(const Top *tops, int64_t n, int64_t outside)
{
	double best = 0;
	double cut = 0;
	int64_t out = 0;

	for (int64_t i = 0; i < n; i++)
	{
		double gain;

		out += tops[i].outside;
		if (i + 1 < n && tops[i + 1].probability == tops[i].probability)
			continue;
		gain = share_of(out, outside) - share_of(i + 1 - out, n - outside);
		if (gain > best)
		{
			best = gain;
			cut = i + 1 < n ? 0.5 * ((double) tops[i].probability + tops[i + 1].probability) : 1;
		}
	}
	return cut;
}

CoreStatus
class_threshold(Env *env, int64_t n, const float *top, const bool *outside, double share, double *threshold)
{
	Top *tops;
	int64_t out = 0;

	*threshold = 0;
	if (n == 0)
		return CORE_OK;
	tops = env->alloc(env, sizeof(Top) * (size_t) n);
	if (tops == NULL)
		return CORE_NO_MEMORY;
	for (int64_t i = 0; i < n; i++)
	{
		tops[i] = (Top){.probability = top[i], .outside = outside[i]};
		out += outside[i];
	}
	qsort(tops, (size_t) n, sizeof(Top), compare_tops);
	if (out > 0 && out < n)
		*threshold = best_cut(tops, n, out);
	else if (out == 0)
		*threshold = tops[(int64_t) floor(share * (double) n)].probability;
	env->release(env, tops);
	return CORE_OK;
}
