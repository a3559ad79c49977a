/*
 * labelled.h - rows of features with a class each, and the linear classifier that is learned from them
 */
#ifndef CORE_TEXT_LABELLED_H
#define CORE_TEXT_LABELLED_H

#include "../sparse.h"

typedef struct Labelled
{
	Csr x; /* [rows x features]; the columns of a row are distinct and in any order */
	const int32_t *label; /* [rows] 0 .. classes - 1 */
	int32_t classes;
} Labelled;

/*
 * What every method ends in: the score of class c for values v is bias[c] + sum of v[f] weights[f][c].  One array
 * [(features + 1) x classes], the bias being its last row.
 */
static inline uint64_t
labelled_weights(int32_t features, int32_t classes)
{
	return ((uint64_t) features + 1) * (uint64_t) classes;
}

#endif
