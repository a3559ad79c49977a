/*
 * binary_metrics.c - area under the ROC curve with its error, Brier score, calibration by deciles
 *
 * Cases are sorted by probability.  A yes' placement is the share of the nos below it, a no's the share of the yeses above
 * it, equals by half; the area is the placements' mean and its variance that of the placements of both, each divided by
 * how many there are (DeLong, DeLong & Clarke-Pearson 1988).
 */
#include <math.h>

#include "binary_metrics.h"
#include "radix.h"

#define STRETCH 65536

/* Sums of placements and of their squares, for nos [0] and yeses [1]. */
typedef struct Placements
{
	int64_t n[2];
	double sum[2];
	double squares[2];
} Placements;

static void
add_placements(Placements *placements, int side, int64_t n, double placement)
{
	placements->sum[side] += (double) n * placement;
	placements->squares[side] += (double) n * placement * placement;
}

/* Walk along the sorted cases, equals together. */
static CoreStatus
place(Env *env, const RadixItem *order, int64_t n, const uint8_t *outcome, Placements *placements)
{
	int64_t below[2] = {0, 0};

	for (int64_t start = 0, end; start < n; start = end)
	{
		int64_t here[2] = {0, 0};

		for (end = start; end < n && order[end].key == order[start].key; end++)
		{
			if (end % STRETCH == 0 && env->cancelled(env))
				return CORE_CANCELLED;
			here[outcome[order[end].index]]++;
		}
		add_placements(placements, 1, here[1],
					   ((double) below[0] + (double) here[0] / 2) / (double) placements->n[0]);
		add_placements(placements, 0, here[0],
					   ((double) (placements->n[1] - below[1]) - (double) here[1] / 2) /
						   (double) placements->n[1]);
		below[0] += here[0];
		below[1] += here[1];
	}
	return CORE_OK;
}

static double
variance_of_mean(const Placements *placements, int side)
{
	double n = (double) placements->n[side];
	double mean = placements->sum[side] / n;

	return fmax(placements->squares[side] / n - mean * mean, 0) / (n - 1);
}

static void
fill_bins(const RadixItem *order, const double *probability, const uint8_t *outcome, BinaryMetrics *metrics)
{
	for (int b = 0; b < BINARY_BINS; b++)
	{
		BinaryBin *bin = &metrics->bins[b];
		int64_t start = metrics->n * b / BINARY_BINS;
		int64_t end = metrics->n * (b + 1) / BINARY_BINS;
		double sum = 0;

		*bin = (BinaryBin){.n = end - start};
		for (int64_t i = start; i < end; i++)
		{
			bin->yes += outcome[order[i].index];
			sum += probability[order[i].index];
		}
		bin->mean = bin->n > 0 ? sum / (double) bin->n : 0;
	}
}

static CoreStatus
measure(Env *env, const RadixItem *order, const double *probability, const uint8_t *outcome,
		BinaryMetrics *metrics)
{
	Placements placements = {.n = {metrics->n - metrics->yes, metrics->yes}};
	CoreStatus status = CORE_OK;

	metrics->auc = NAN;
	metrics->auc_error = NAN;
	fill_bins(order, probability, outcome, metrics);
	if (placements.n[0] == 0 || placements.n[1] == 0)
		return CORE_OK;
	status = place(env, order, metrics->n, outcome, &placements);
	metrics->auc = placements.sum[1] / (double) placements.n[1];
	if (placements.n[0] > 1 && placements.n[1] > 1)
		metrics->auc_error = sqrt(variance_of_mean(&placements, 0) + variance_of_mean(&placements, 1));
	return status;
}

CoreStatus
binary_metrics(Env *env, int64_t n, const double *probability, const uint8_t *outcome, BinaryMetrics *metrics)
{
	RadixItem *order = env->alloc(env, sizeof(RadixItem) * (size_t) (n + 1));
	RadixItem *scratch = env->alloc(env, sizeof(RadixItem) * (size_t) (n + 1));
	CoreStatus status = order == NULL || scratch == NULL ? CORE_NO_MEMORY : CORE_OK;

	*metrics = (BinaryMetrics){.n = n};
	if (status == CORE_OK)
	{
		double squares = 0;

		for (int64_t i = 0; i < n; i++)
		{
			double difference = probability[i] - outcome[i];

			order[i] = (RadixItem){.key = radix_key_real(probability[i]), .index = i};
			squares += difference * difference;
			metrics->yes += outcome[i];
		}
		metrics->brier = n > 0 ? squares / (double) n : 0;
		status = radix_sort(env, order, scratch, n);
	}
	if (status == CORE_OK)
		status = measure(env, order, probability, outcome, metrics);
	if (scratch != NULL)
		env->release(env, scratch);
	if (order != NULL)
		env->release(env, order);
	return status;
}
