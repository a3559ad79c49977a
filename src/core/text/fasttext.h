/*
 * fasttext.h - averaged embeddings and a linear layer
 */
#ifndef CORE_TEXT_FASTTEXT_H
#define CORE_TEXT_FASTTEXT_H

#include "labelled.h"

typedef struct FasttextParams
{
	int32_t dim;
	int32_t epochs;
	double learning_rate; /* at the start; falls to nought in a straight line */
	uint64_t seed;
} FasttextParams;

typedef struct FasttextModel
{
	int32_t features, classes, dim;
	float *input; /* [features x dim] */
	float *output; /* [dim x classes] */
} FasttextModel;

/* Bytes that training takes beside the weights. */
extern uint64_t fasttext_bytes(uint64_t rows, uint64_t features, uint64_t classes, uint64_t dim);

/* weights [(features + 1) x classes]: the product of both layers; loss: the last pass' mean cross entropy. */
extern CoreStatus fasttext_train(Env *env, const Labelled *rows, const FasttextParams *params, float *weights,
								 double *loss);

/*
 * One row of n features: the model is moved by `rate` against the gradient of the cross entropy, which is returned as it was
 * before.  scratch [2 x dim + classes].
 */
extern double fasttext_step(FasttextModel *model, int32_t n, const int32_t *col, const float *value,
							int32_t label, float rate, float *scratch);

#endif
