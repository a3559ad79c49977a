/*
 * keywords.c - TF-IDF and TextRank
 *
 * TextRank counts every pair of different words within the window, both ways, as entries of a sparse matrix whose repeated
 * entries add up; then power iterations run over it, a word without neighbours giving its score to all.  Memory: 16 bytes for
 * each pair, 28 for each word.
 */
#include "keywords.h"

#include <math.h>
#include <string.h>

#define LOOK 65536 /* entries between two looks at cancel */

/* ---- TF-IDF ---- */

static CoreStatus
tfidf_row(const Csr *counts, int32_t row, const double *idf, double *score)
{
	double squares = 0;

	for (int64_t e = counts->start[row]; e < counts->start[row + 1]; e++)
	{
		score[e] = (double) counts->value[e] * idf[counts->col[e]];
		squares += score[e] * score[e];
	}
	for (int64_t e = counts->start[row]; e < counts->start[row + 1]; e++)
		score[e] /= sqrt(squares);
	return CORE_OK;
}

CoreStatus
keywords_tfidf(Env *env, const Csr *counts, double *score)
{
	double *idf = env->alloc(env, sizeof(double) * ((size_t) counts->cols + 1));
	CoreStatus status = CORE_OK;
	int64_t seen = 0;

	if (idf == NULL)
		return CORE_NO_MEMORY;
	memset(idf, 0, sizeof(double) * (size_t) counts->cols);
	for (int64_t e = 0; e < csr_entries(counts); e++)
		idf[counts->col[e]]++;
	for (int32_t word = 0; word < counts->cols; word++)
		idf[word] = log((1.0 + counts->rows) / (1.0 + idf[word])) + 1;
	for (int32_t row = 0; row < counts->rows && status == CORE_OK; row++)
	{
		status = tfidf_row(counts, row, idf, score);
		if (counts->start[row + 1] - seen >= LOOK)
		{
			seen = counts->start[row + 1];
			if (env->cancelled(env))
				status = CORE_CANCELLED;
		}
	}
	env->release(env, idf);
	return status;
}

/* ---- TextRank ---- */

static int64_t
most_pairs(int32_t window, int64_t n)
{
	return 2 * n * (window - 1);
}

uint64_t
keywords_textrank_bytes(int32_t window, int64_t n, int32_t words)
{
	return 16 * (uint64_t) most_pairs(window, n) + 28 * (uint64_t) words;
}

/* Every pair within the window, both ways; their number, -1: cancelled. */
static int64_t
gather_pairs(Env *env, int32_t window, const int32_t *word, int64_t n, Coo *pairs)
{
	pairs->n = 0;
	for (int64_t i = 0; i < n; i++)
	{
		if (i % LOOK == 0 && env->cancelled(env))
			return -1;
		for (int64_t j = i + 1; j < n && j < i + window && word[i] >= 0 && word[j] >= 0; j++)
		{
			if (word[i] == word[j])
				continue;
			pairs->row[pairs->n] = word[i];
			pairs->col[pairs->n++] = word[j];
			pairs->row[pairs->n] = word[j];
			pairs->col[pairs->n++] = word[i];
		}
	}
	return pairs->n;
}

/* One step: score becomes next; how much it changed, in sum. */
static double
rank_step(const Csr *graph, double damping, const double *total, const double *score, double *next)
{
	int32_t words = graph->rows;
	double lonely = 0;
	double change = 0;
	double base;

	for (int32_t i = 0; i < words; i++)
		if (total[i] == 0)
			lonely += score[i];
	base = (1 - damping + damping * lonely) / words;
	for (int32_t i = 0; i < words; i++)
	{
		double sum = 0;

		/* The matrix is symmetric: row i holds what comes in as well as what goes out. */
		for (int64_t e = graph->start[i]; e < graph->start[i + 1]; e++)
			sum += graph->value[e] / total[graph->col[e]] * score[graph->col[e]];
		next[i] = base + damping * sum;
		change += fabs(next[i] - score[i]);
	}
	return change;
}

static CoreStatus
rank_words(Env *env, const TextRankParams *params, const Csr *graph, double *total, double *next,
		   double *score)
{
	int32_t words = graph->rows;

	for (int32_t i = 0; i < words; i++)
	{
		total[i] = 0;
		for (int64_t e = graph->start[i]; e < graph->start[i + 1]; e++)
			total[i] += graph->value[e];
		score[i] = 1.0 / words;
	}
	for (int32_t step = 0; step < params->max_iterations; step++)
	{
		double change;

		if (env->cancelled(env))
			return CORE_CANCELLED;
		change = rank_step(graph, params->damping, total, score, next);
		memcpy(score, next, sizeof(double) * (size_t) words);
		if (change < params->tolerance)
			break;
	}
	return CORE_OK;
}

CoreStatus
keywords_textrank(Env *env, const TextRankParams *params, const int32_t *word, int64_t n, int32_t words,
				  double *score)
{
	size_t room = (size_t) most_pairs(params->window, n) + 1;
	Coo pairs = {.row = env->alloc(env, sizeof(int32_t) * room),
				 .col = env->alloc(env, sizeof(int32_t) * room)};
	Csr graph = {.rows = words,
				 .cols = words,
				 .start = env->alloc(env, sizeof(int64_t) * ((size_t) words + 1)),
				 .col = env->alloc(env, sizeof(int32_t) * room),
				 .value = env->alloc(env, sizeof(float) * room)};
	double *total = env->alloc(env, sizeof(double) * ((size_t) words + 1));
	double *next = env->alloc(env, sizeof(double) * ((size_t) words + 1));
	void *blocks[] = {pairs.row, pairs.col, graph.start, graph.col, graph.value, total, next};
	CoreStatus status = CORE_OK;
	CooMerge merge;

	for (size_t i = 0; i < sizeof(blocks) / sizeof(blocks[0]); i++)
		if (blocks[i] == NULL)
			status = CORE_NO_MEMORY;
	if (status == CORE_OK && gather_pairs(env, params->window, word, n, &pairs) < 0)
		status = CORE_CANCELLED;
	if (status == CORE_OK)
		status = csr_from_coo(env, &pairs, NULL, NULL, &graph, &merge);
	if (status == CORE_OK)
		status = rank_words(env, params, &graph, total, next, score);
	for (size_t i = 0; i < sizeof(blocks) / sizeof(blocks[0]); i++)
		if (blocks[i] != NULL)
			env->release(env, blocks[i]);
	return status;
}
