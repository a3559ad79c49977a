/*
 * fasttext.c - fastText's classifier (Joulin, Grave, Bojanowski & Mikolov 2017, "Bag of Tricks for Efficient Text
 * Classification"): the mean of a document's embeddings, a linear layer, softmax, by stochastic gradients
 *
 * Words and pairs of words have rows of their own from the n-grams' table instead of buckets that they share by a hash.  The rows
 * come in an order drawn for each epoch.  One process, so that equal seeds give equal bytes: threads that race each other for
 * the same weights, as fastText's do, would not; vector instructions make up for it.  Since nothing but the product of the
 * two layers decides, that is what is kept.
 *
 * Memory: 4 x dim bytes a feature and a class, 4 a row.
 */
#include "fasttext.h"

#include <math.h>
#include <string.h>

#include "../rng.h"
#include "dense_rows.h"

#define LOOK 256 /* rows between two looks at the cancel flag */
#define FIRST_STREAM UINT64_C(0x66617374) /* of the embeddings' first values */

uint64_t
fasttext_bytes(uint64_t rows, uint64_t features, uint64_t classes, uint64_t dim)
{
	return sizeof(float) * (dim * (features + classes + 2) + classes) + sizeof(int32_t) * rows + 4 * 64;
}

static double
softmax(float *score, int32_t n, int32_t label)
{
	float top = score[0];
	double sum = 0;
	double at = score[label];

	for (int32_t c = 1; c < n; c++)
		top = score[c] > top ? score[c] : top;
	for (int32_t c = 0; c < n; c++)
	{
		score[c] = expf(score[c] - top);
		sum += score[c];
	}
	for (int32_t c = 0; c < n; c++)
		score[c] = (float) (score[c] / sum);
	return log(sum) + top - at;
}

double
fasttext_step(FasttextModel *model, int32_t n, const int32_t *col, const float *value, int32_t label,
			  float rate, float *scratch)
{
	const DenseRows *kernel = dense_rows();
	float *hidden = scratch;
	float *back = hidden + model->dim;
	float *score = back + model->dim;
	double loss;

	memset(hidden, 0, sizeof(float) * (size_t) model->dim);
	memset(score, 0, sizeof(float) * (size_t) model->classes);
	kernel->gather(model->input, model->dim, col, value, n, hidden);
	for (int32_t d = 0; d < model->dim; d++)
		kernel->gather(model->output, model->classes, &d, &hidden[d], 1, score);
	loss = softmax(score, model->classes, label);
	/* The step against the gradient, of the scores: rate times (1 at the label - probability). */
	for (int32_t c = 0; c < model->classes; c++)
		score[c] *= -rate;
	score[label] += rate;
	kernel->outer(model->output, model->classes, model->dim, hidden, score, back);
	kernel->scatter(model->input, model->dim, col, value, n, back);
	return loss;
}

static void
shuffle(int32_t *order, int32_t n, uint64_t seed, int32_t epoch)
{
	for (int32_t i = n - 1; i > 0; i--)
	{
		int32_t j = (int32_t) rng_below(seed, (uint64_t) epoch, (uint64_t) i, (uint32_t) i + 1);
		int32_t held = order[i];

		order[i] = order[j];
		order[j] = held;
	}
}

static CoreStatus
run_epochs(Env *env, const Labelled *rows, const FasttextParams *params, FasttextModel *model, int32_t *order,
		   float *scratch, double *loss)
{
	const Csr *x = &rows->x;
	double steps = (double) params->epochs * x->rows;

	for (int32_t i = 0; i < x->rows; i++)
		order[i] = i;
	for (int32_t epoch = 0; epoch < params->epochs; epoch++)
	{
		double sum = 0;

		shuffle(order, x->rows, params->seed, epoch);
		for (int32_t i = 0; i < x->rows; i++)
		{
			int32_t row = order[i];
			int64_t from = x->start[row];
			double left = 1 - ((double) epoch * x->rows + i) / steps;

			if (i % LOOK == 0 && env->cancelled(env))
				return CORE_CANCELLED;
			if (x->start[row + 1] > from)
				sum +=
					fasttext_step(model, (int32_t) (x->start[row + 1] - from), x->col + from, x->value + from,
								  rows->label[row], (float) (params->learning_rate * left), scratch);
		}
		*loss = sum / x->rows;
		if (!isfinite(*loss))
			return CORE_NOT_FINITE;
		env->progress(env, epoch + 1, params->epochs, *loss);
	}
	return CORE_OK;
}

static CoreStatus
multiply(Env *env, const FasttextModel *model, float *weights)
{
	const DenseRows *kernel = dense_rows();
	int32_t places[1];

	memset(weights, 0, sizeof(float) * labelled_weights(model->features, model->classes));
	for (int32_t f = 0; f < model->features; f++)
	{
		if (f % LOOK == 0 && env->cancelled(env))
			return CORE_CANCELLED;
		for (int32_t d = 0; d < model->dim; d++)
		{
			places[0] = d;
			kernel->gather(model->output, model->classes, places, model->input + (size_t) f * model->dim + d,
						   1, weights + (size_t) f * model->classes);
		}
	}
	return CORE_OK;
}

CoreStatus
fasttext_train(Env *env, const Labelled *rows, const FasttextParams *params, float *weights, double *loss)
{
	FasttextModel model = {.features = rows->x.cols, .classes = rows->classes, .dim = params->dim};
	size_t dim = (size_t) params->dim;
	size_t numbers = dim * (size_t) model.features;
	int32_t *order = env->alloc(env, sizeof(int32_t) * ((size_t) rows->x.rows + 1));
	float *scratch = env->alloc(env, sizeof(float) * (2 * dim + (size_t) model.classes));
	CoreStatus status = CORE_NO_MEMORY;

	*loss = NAN;
	model.input = env->alloc(env, sizeof(float) * (numbers + 1));
	model.output = env->alloc(env, sizeof(float) * dim * (size_t) model.classes);
	if (order != NULL && scratch != NULL && model.input != NULL && model.output != NULL)
	{
		for (size_t i = 0; i < numbers; i++)
			model.input[i] =
				(float) ((2 * rng_uniform(params->seed, FIRST_STREAM, i) - 1) / (double) params->dim);
		memset(model.output, 0, sizeof(float) * dim * (size_t) model.classes);
		status = run_epochs(env, rows, params, &model, order, scratch, loss);
		if (status == CORE_OK)
			status = multiply(env, &model, weights);
	}
	void *blocks[] = {order, scratch, model.input, model.output};

	for (int i = 0; i < 4; i++)
		if (blocks[i] != NULL)
			env->release(env, blocks[i]);
	return status;
}
