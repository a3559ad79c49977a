/*
 * vector_arg.h - a vector given as real[] or float8[]
 */
#ifndef PROMOAI_BRIDGE_VECTOR_ARG_H
#define PROMOAI_BRIDGE_VECTOR_ARG_H

#include "postgres.h"

#include "utils/array.h"

typedef struct VectorArg
{
	const char *name; /* of the argument, for messages */
	int32 n;
	bool wide; /* float8 instead of float4 */
	const void *data; /* [n] */
} VectorArg;

/* ERROR for more than one dimension and for NULL as an element; an empty array has n 0. */
extern VectorArg vector_arg_open(ArrayType *array, const char *name);

/* ERROR for element i, which is NaN or infinite. */
extern void vector_arg_not_finite(const VectorArg *vector, int32 i);

static inline double
vector_arg_at(const VectorArg *vector, int32 i)
{
	return vector->wide ? ((const float8 *) vector->data)[i] : (double) ((const float4 *) vector->data)[i];
}

/* An array real[] of n elements to be filled; *data receives where. */
extern ArrayType *vector_new(int32 n, float4 **data);

#endif
