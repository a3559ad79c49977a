/*
 * cluster_quality.c - how well labels part rows
 *
 * Means come first, in double; then one pass for the distances to them, from which inertia, Davies & Bouldin's index (1979)
 * and Calinski & Harabasz's (1974) follow.  The silhouette (Rousseeuw 1987) takes all distances among the judged rows, which
 * are kept by columns so that four distances are summed up side by side.
 *
 * Memory: k x features sums and judged x features values in double.
 */
#include <float.h>
#include <math.h>
#include <string.h>

#include "../rng.h"
#include "cluster_quality.h"

#define BLOCK 4096 /* rows between looks at the cancel flag */
#define LANES 4
#define STREAM UINT64_C(0x73696c68) /* of random numbers */

typedef double Lanes __attribute__((vector_size(LANES * sizeof(double)), aligned(sizeof(double)), may_alias));
typedef float Singles __attribute__((vector_size(LANES * sizeof(float)), aligned(sizeof(float)), may_alias));

/* GCC tells that passing such vectors to functions depends on the target: none here is passed. */
#pragma GCC diagnostic ignored "-Wpsabi"

typedef struct Means
{
	double *mean; /* [k x features] */
	int64_t *count; /* [k] */
	double *apart; /* [k] mean distance to the mean */
} Means;

typedef struct Judged
{
	int64_t n;
	int64_t room; /* n in whole lanes */
	double *column; /* [features x room] */
	int32_t *label; /* [room]; that of the padding is 0 and not looked at */
	double *distance; /* [room] of one row to all */
	double *sum; /* [k] of distances by cluster */
	int64_t *count; /* [k] */
} Judged;

/* ---- against the means ---- */

static inline Lanes
widen(const float *x)
{
	return __builtin_convertvector(*(const Singles *) x, Lanes);
}

static inline void
add_row(double *sum, const float *x, int32_t features)
{
	int32_t f = 0;

	for (; f + LANES <= features; f += LANES)
		*(Lanes *) (sum + f) += widen(x + f);
	for (; f < features; f++)
		sum[f] += x[f];
}

static inline double
square_from(const double *mean, const float *x, int32_t features)
{
	Lanes sums = {0};
	double square = 0;
	int32_t f = 0;

	for (; f + LANES <= features; f += LANES)
	{
		Lanes apart = widen(x + f) - *(const Lanes *) (mean + f);

		sums += apart * apart;
	}
	for (; f < features; f++)
		square += (x[f] - mean[f]) * (x[f] - mean[f]);
	for (int lane = 0; lane < LANES; lane++)
		square += sums[lane];
	return square;
}

static CoreStatus
take_means(Env *env, const QualityTask *task, Means *means, Quality *quality)
{
	for (int64_t i = 0; i < task->n; i++)
	{
		int32_t label = task->labels[i];
		const float *x = task->rows + i * task->features;

		if (i % BLOCK == 0 && env->cancelled(env))
			return CORE_CANCELLED;
		if (label < 0)
			continue;
		means->count[label]++;
		add_row(means->mean + (int64_t) label * task->features, x, task->features);
	}
	for (int32_t c = 0; c < task->k; c++)
	{
		quality->rows += means->count[c];
		quality->clusters += means->count[c] > 0;
		for (int32_t f = 0; f < task->features && means->count[c] > 0; f++)
			means->mean[(int64_t) c * task->features + f] /= (double) means->count[c];
	}
	return CORE_OK;
}

static double
square_apart(const double *a, const double *b, int32_t features)
{
	double sum = 0;

	for (int32_t f = 0; f < features; f++)
		sum += (a[f] - b[f]) * (a[f] - b[f]);
	return sum;
}

static CoreStatus
take_distances(Env *env, const QualityTask *task, Means *means, Quality *quality)
{
	for (int64_t i = 0; i < task->n; i++)
	{
		int32_t label = task->labels[i];
		const float *x = task->rows + i * task->features;
		const double *mean = means->mean + (int64_t) (label < 0 ? 0 : label) * task->features;
		double square;

		if (i % BLOCK == 0 && env->cancelled(env))
			return CORE_CANCELLED;
		if (label < 0)
			continue;
		square = square_from(mean, x, task->features);
		quality->inertia += square;
		means->apart[label] += sqrt(square);
	}
	for (int32_t c = 0; c < task->k; c++)
		if (means->count[c] > 0)
			means->apart[c] /= (double) means->count[c];
	return isfinite(quality->inertia) ? CORE_OK : CORE_NOT_FINITE;
}

/* For each cluster the other that it is most like; 0 where nothing is apart, as scikit-learn has it. */
static CoreStatus
davies_bouldin(Env *env, const QualityTask *task, const Means *means, Quality *quality)
{
	double sum = 0;

	for (int32_t a = 0; a < task->k; a++)
	{
		double worst = 0;

		if (env->cancelled(env))
			return CORE_CANCELLED;
		for (int32_t b = 0; b < task->k && means->count[a] > 0; b++)
		{
			double between;

			if (a == b || means->count[b] == 0)
				continue;
			between = sqrt(square_apart(means->mean + (int64_t) a * task->features,
										means->mean + (int64_t) b * task->features, task->features));
			if (between > 0)
				worst = fmax(worst, (means->apart[a] + means->apart[b]) / between);
		}
		sum += worst;
	}
	quality->davies_bouldin = sum / quality->clusters;
	return CORE_OK;
}

static void
calinski_harabasz(const QualityTask *task, const Means *means, Quality *quality)
{
	double between = 0;

	for (int32_t f = 0; f < task->features; f++)
	{
		double mean = 0;

		for (int32_t c = 0; c < task->k; c++)
			mean += (double) means->count[c] * means->mean[(int64_t) c * task->features + f];
		mean /= (double) quality->rows;
		for (int32_t c = 0; c < task->k; c++)
		{
			double apart = means->mean[(int64_t) c * task->features + f] - mean;

			between += (double) means->count[c] * apart * apart;
		}
	}
	quality->calinski_harabasz = quality->inertia == 0
									 ? 1
									 : between * (double) (quality->rows - quality->clusters) /
										   (quality->inertia * (double) (quality->clusters - 1));
}

/* ---- silhouette ---- */

/* Rows evenly over those with labels, one of each stretch. */
static void
draw_judged(const QualityTask *task, const Quality *quality, Judged *judged)
{
	int64_t seen = 0; /* rows with labels before row i */
	int64_t taken = 0;
	int64_t wanted = -1; /* which of the rows with labels comes next */

	for (int64_t i = 0; i < task->n && taken < judged->n; i++)
	{
		if (task->labels[i] < 0)
			continue;
		if (wanted < 0)
		{
			double stretch = (double) quality->rows / (double) judged->n;
			int64_t begin = (int64_t) (stretch * (double) taken);
			int64_t end = (int64_t) (stretch * (double) (taken + 1));

			wanted = begin +
					 (int64_t) (rng_uniform(task->seed, STREAM, (uint64_t) taken) * (double) (end - begin));
		}
		if (seen++ != wanted)
			continue;
		for (int32_t f = 0; f < task->features; f++)
			judged->column[(int64_t) f * judged->room + taken] = task->rows[i * task->features + f];
		judged->label[taken] = task->labels[i];
		judged->count[task->labels[i]]++;
		taken++;
		wanted = -1;
	}
	judged->n = taken;
}

/* Distances of judged row i to all. */
static void
distances_of(const QualityTask *task, Judged *judged, int64_t i)
{
	for (int64_t j = 0; j < judged->room; j += LANES)
	{
		Lanes sum = {0};

		for (int64_t f = 0; f < task->features; f++)
		{
			const double *column = judged->column + f * judged->room;
			Lanes apart = *(const Lanes *) (column + j) - column[i];

			sum += apart * apart;
		}
		for (int lane = 0; lane < LANES; lane++)
			judged->distance[j + lane] = sqrt(sum[lane]);
	}
}

/* (b - a) / max(a, b): a the mean distance within the own cluster, b that to the nearest other; 0 for a cluster of one. */
static double
silhouette_of(const QualityTask *task, Judged *judged, int64_t i)
{
	int32_t own = judged->label[i];
	double within;
	double other = INFINITY;

	if (judged->count[own] < 2)
		return 0;
	distances_of(task, judged, i);
	memset(judged->sum, 0, (size_t) task->k * sizeof(double));
	for (int64_t j = 0; j < judged->n; j++)
		judged->sum[judged->label[j]] += judged->distance[j];
	within = judged->sum[own] / (double) (judged->count[own] - 1);
	for (int32_t c = 0; c < task->k; c++)
		if (c != own && judged->count[c] > 0)
			other = fmin(other, judged->sum[c] / (double) judged->count[c]);
	if (isinf(other) || fmax(within, other) == 0)
		return 0;
	return (other - within) / fmax(within, other);
}

static CoreStatus
silhouette(Env *env, const QualityTask *task, Judged *judged, Quality *quality)
{
	double sum = 0;
	double squares = 0;

	for (int64_t i = 0; i < judged->n; i++)
	{
		double value;

		if (env->cancelled(env))
			return CORE_CANCELLED;
		value = silhouette_of(task, judged, i);
		sum += value;
		squares += value * value;
	}
	quality->silhouette_rows = judged->n;
	quality->silhouette = sum / (double) judged->n;
	if (judged->n > 1)
		quality->silhouette_error = sqrt(fmax(squares - sum * quality->silhouette, 0) /
										 (double) (judged->n - 1) / (double) judged->n);
	return CORE_OK;
}

/* ---- all of it ---- */

static int64_t
judged_rows(const QualityTask *task)
{
	return task->n < task->judged ? task->n : task->judged;
}

/* Sets pointers unless `base` is NULL. */
static size_t
lay_out(const QualityTask *task, Means *means, Judged *judged, char *base)
{
	size_t k = (size_t) task->k;
	size_t room = ((size_t) judged_rows(task) + LANES - 1) / LANES * LANES;
	size_t features = (size_t) task->features;
	double *next = (double *) base;

	if (base != NULL)
	{
		*means = (Means){.mean = next, .apart = next + k * features};
		next += k * (features + 1);
		*judged = (Judged){.n = judged_rows(task),
						   .room = (int64_t) room,
						   .column = next,
						   .distance = next + room * features};
		judged->sum = judged->distance + room;
		means->count = (int64_t *) (judged->sum + k);
		judged->count = means->count + k;
		judged->label = (int32_t *) (judged->count + k);
	}
	return (k * (features + 4) + room * (features + 1)) * sizeof(double) + room * sizeof(int32_t);
}

size_t
cluster_quality_bytes(const QualityTask *task)
{
	return lay_out(task, NULL, NULL, NULL);
}

static CoreStatus
compare_clusters(Env *env, const QualityTask *task, Means *means, Judged *judged, Quality *quality)
{
	CoreStatus status;

	if (quality->clusters < 2 || quality->clusters >= quality->rows)
		return CORE_OK;
	status = davies_bouldin(env, task, means, quality);
	if (status != CORE_OK)
		return status;
	calinski_harabasz(task, means, quality);
	if (judged->n > quality->rows)
		judged->n = quality->rows;
	draw_judged(task, quality, judged);
	return silhouette(env, task, judged, quality);
}

CoreStatus
cluster_quality(Env *env, const QualityTask *task, Quality *quality)
{
	char *memory = env->alloc(env, cluster_quality_bytes(task));
	Means means;
	Judged judged;
	CoreStatus status;

	*quality = (Quality){
		.silhouette = NAN, .silhouette_error = NAN, .davies_bouldin = NAN, .calinski_harabasz = NAN};
	if (memory == NULL)
		return CORE_NO_MEMORY;
	memset(memory, 0, cluster_quality_bytes(task));
	lay_out(task, &means, &judged, memory);
	status = take_means(env, task, &means, quality);
	if (status == CORE_OK)
		status = take_distances(env, task, &means, quality);
	if (status == CORE_OK)
		status = compare_clusters(env, task, &means, &judged, quality);
	env->release(env, memory);
	return status;
}

/* ---- rows that come block by block ---- */

void
quality_begin(QualityStream *stream)
{
	stream->kernel = kmeans_kernel(stream->k);
	stream->inertia = 0;
	memset(stream->mean, 0, (size_t) stream->k * (size_t) stream->features * sizeof(double));
	memset(stream->apart, 0, (size_t) stream->k * sizeof(double));
	memset(stream->count, 0, (size_t) stream->k * sizeof(int64_t));
}

void
quality_add(QualityStream *stream, const float *rows, const int32_t *labels, int64_t n)
{
	for (int64_t i = 0; i < n; i++)
	{
		int64_t at = (int64_t) labels[i] * stream->features;
		const float *x = rows + i * stream->features;
		double square = stream->kernel->inertia(x, 1, stream->features, &labels[i], stream->centroids);

		for (int32_t f = 0; f < stream->features; f++)
			stream->mean[at + f] += (double) x[f] - (double) stream->centroids[at + f];
		stream->count[labels[i]]++;
		stream->inertia += square;
		stream->apart[labels[i]] += sqrt(square);
	}
}

CoreStatus
quality_end(Env *env, QualityStream *stream, Quality *quality)
{
	QualityTask task = {.features = stream->features, .k = stream->k};
	Means means = {.mean = stream->mean, .count = stream->count, .apart = stream->apart};
	CoreStatus status = CORE_OK;

	*quality = (Quality){.inertia = stream->inertia,
						 .silhouette = NAN,
						 .silhouette_error = NAN,
						 .davies_bouldin = NAN,
						 .calinski_harabasz = NAN};
	for (int32_t c = 0; c < stream->k; c++)
	{
		double *mean = stream->mean + (int64_t) c * stream->features;
		double n = (double) stream->count[c];

		quality->rows += stream->count[c];
		quality->clusters += stream->count[c] > 0;
		for (int32_t f = 0; f < stream->features && stream->count[c] > 0; f++)
		{
			quality->inertia -= mean[f] * (mean[f] / n);
			mean[f] = mean[f] / n + (double) stream->centroids[(int64_t) c * stream->features + f];
		}
		if (stream->count[c] > 0)
			stream->apart[c] /= n;
	}
	quality->inertia = fmax(quality->inertia, 0);
	if (!isfinite(stream->inertia))
		return CORE_NOT_FINITE;
	if (quality->clusters < 2 || quality->clusters >= quality->rows)
		return CORE_OK;
	status = davies_bouldin(env, &task, &means, quality);
	calinski_harabasz(&task, &means, quality);
	return status;
}
