/*
 * vector_arg.c - a vector given as real[] or float8[], and one to be given back
 */
#include "postgres.h"

#include <math.h>

#include "catalog/pg_type.h"

#include "bridge/vector_arg.h"

VectorArg
vector_arg_open(ArrayType *array, const char *name)
{
	int32 n = ARR_NDIM(array) == 0 ? 0 : ARR_DIMS(array)[0];
	Size offset =
		ARR_HASNULL(array) ? (Size) array->dataoffset : (Size) ARR_OVERHEAD_NONULLS(ARR_NDIM(array));

	if (ARR_NDIM(array) > 1)
		ereport(ERROR, errcode(ERRCODE_ARRAY_SUBSCRIPT_ERROR),
				errmsg("argument \"%s\" must have one dimension, got %d", name, ARR_NDIM(array)));
	if (array_contains_nulls(array))
		ereport(ERROR, errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
				errmsg("argument \"%s\" must not have a null element", name));
	return (VectorArg){.name = name,
					   .n = n,
					   .wide = ARR_ELEMTYPE(array) == FLOAT8OID,
					   .data = (const char *) array + offset};
}

void
vector_arg_not_finite(const VectorArg *vector, int32 i)
{
	ereport(ERROR, errcode(ERRCODE_NUMERIC_VALUE_OUT_OF_RANGE),
			errmsg("argument \"%s\" must be finite, element %d is %s", vector->name, i + 1,
				   isnan(vector_arg_at(vector, i)) ? "NaN" : "infinity"),
			errhint("Leave such rows out, for instance with FILTER (WHERE ...)."));
}

ArrayType *
vector_new(int32 n, float4 **data)
{
	Size head = n == 0 ? sizeof(ArrayType) : ARR_OVERHEAD_NONULLS(1);
	Size bytes = head + sizeof(float4) * (Size) n;
	ArrayType *array = palloc0(bytes);

	SET_VARSIZE(array, bytes);
	array->ndim = n > 0;
	array->elemtype = FLOAT4OID;
	if (n > 0)
	{
		ARR_DIMS(array)[0] = n;
		ARR_LBOUND(array)[0] = 1;
	}
	*data = (float4 *) ((char *) array + head);
	return array;
}
