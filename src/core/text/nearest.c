/*
 * nearest.c - what is nearest to a vector by cosine: all are looked at, in tiles
 *
 * Memory: a tile's scores, and for halves and labels the k nearest.
 */
#include "nearest.h"

#include <cblas.h>
#include <math.h>
#include <string.h>

#define TILE 4096 /* vectors between two looks at the cancel flag */

static void
scores_of(const float *vectors, int64_t n, int32_t dim, const float *query, float *scores)
{
	cblas_sgemv(CblasRowMajor, CblasNoTrans, (int) n, dim, 1, vectors, dim, query, 1, 0, scores, 1);
}

static bool
is_excluded(const NearestTask *task, int64_t index)
{
	for (int e = 0; e < task->n_excluded; e++)
		if (task->excluded[e] == index)
			return true;
	return false;
}

CoreStatus
nearest_find(Env *env, const NearestTask *task, const float *query, TopK *top)
{
	float scores[TILE];
	float length = cblas_snrm2(task->dim, query, 1);

	for (int64_t from = 0; from < task->n; from += TILE)
	{
		int64_t n = task->n - from < TILE ? task->n - from : TILE;

		if (env->cancelled(env))
			return CORE_CANCELLED;
		scores_of(task->vectors + from * task->dim, n, task->dim, query, scores);
		for (int64_t i = 0; i < n; i++)
		{
			float norm = task->norms == NULL ? 1.0f : task->norms[from + i];
			float cosine = scores[i] / (norm * length);

			if (norm > 0 && topk_wants(top, cosine, (int32_t) (from + i)) && !is_excluded(task, from + i))
				topk_push(top, cosine, (int32_t) (from + i));
		}
	}
	topk_finish(top);
	return CORE_OK;
}

/* The label that most of the entries have. */
static int32_t
vote(const TopEntry *entries, int32_t n, const int32_t *label)
{
	int32_t best = -1;
	int32_t best_votes = 0;
	double best_sum = 0;

	for (int32_t i = 0; i < n; i++)
	{
		int32_t votes = 0;
		double sum = 0;

		for (int32_t j = 0; j < n; j++)
			if (label[entries[j].index] == label[entries[i].index])
			{
				votes++;
				sum += entries[j].score;
			}
		if (votes > best_votes || (votes == best_votes && sum > best_sum))
		{
			best = label[entries[i].index];
			best_votes = votes;
			best_sum = sum;
		}
	}
	return best;
}

CoreStatus
nearest_labels(Env *env, const float *vectors, const int32_t *label, int64_t n, int32_t dim, int32_t k,
			   int64_t queries, int64_t *right)
{
	TopEntry *heap = env->alloc(env, sizeof(TopEntry) * (size_t) k);
	NearestTask task = {.vectors = vectors, .n = n, .dim = dim, .n_excluded = 1};
	CoreStatus status = CORE_OK;

	*right = 0;
	if (heap == NULL)
		return CORE_NO_MEMORY;
	for (int64_t q = 0; q < queries && status == CORE_OK; q++)
	{
		int32_t self = (int32_t) q;
		TopK top;

		topk_init(&top, heap, k);
		task.excluded = &self;
		status = nearest_find(env, &task, vectors + q * dim, &top);
		*right += status == CORE_OK && vote(heap, top.n, label) == label[q];
	}
	env->release(env, heap);
	return status;
}

CoreStatus
nearest_halves(Env *env, const float *left, const float *right, int64_t n, int32_t dim, int32_t k,
			   int64_t queries, int64_t *found)
{
	float scores[TILE];

	*found = 0;
	for (int64_t q = 0; q < queries; q++)
	{
		int64_t nearer = 0;
		float own;

		scores_of(right + q * dim, 1, dim, left + q * dim, &own);
		for (int64_t from = 0; from < n && nearer < k; from += TILE)
		{
			int64_t tile = n - from < TILE ? n - from : TILE;

			if (env->cancelled(env))
				return CORE_CANCELLED;
			scores_of(right + from * dim, tile, dim, left + q * dim, scores);
			for (int64_t i = 0; i < tile; i++)
				nearer += scores[i] > own && from + i != q;
		}
		*found += nearer < k;
	}
	return CORE_OK;
}
