/*
 * bayes.h - naive Bayes of words: multinomial, and by the complement of each class
 */
#ifndef CORE_TEXT_BAYES_H
#define CORE_TEXT_BAYES_H

#include "labelled.h"

typedef struct BayesParams
{
	bool complement;
	double smoothing; /* added to what every feature sums to; above 0 */
} BayesParams;

/* Bytes that it takes beside the weights. */
extern uint64_t bayes_bytes(uint64_t rows, uint64_t features, uint64_t classes);

/* weights [(features + 1) x classes]; a class without rows is as if it had one that is empty. */
extern CoreStatus bayes_train(Env *env, const Labelled *rows, const BayesParams *params, float *weights);

#endif
