/*
 * text_embedding.c - embed_text(doc), an embedding without training; embed_similarity
 */
#include "postgres.h"

#include <math.h>

#include "fmgr.h"

#include "bridge/compat.h"
#include "bridge/env.h"
#include "bridge/utf8.h"
#include "bridge/vector_arg.h"
#include "core/text/hash_embedding.h"

/* embed_text(doc) -> real[], of HASH_EMBEDDING_SIZE elements */
PG_FUNCTION_INFO_V1(promoai_embed_text);
Datum
promoai_embed_text(PG_FUNCTION_ARGS)
{
	text *doc = PG_GETARG_TEXT_PP(0);
	float4 *embedding;
	ArrayType *array = vector_new(HASH_EMBEDDING_SIZE, &embedding);
	PgEnv env;
	Size length;
	const char *utf8 = utf8_from_server(VARDATA_ANY(doc), VARSIZE_ANY_EXHDR(doc), &length);

	env_init(&env, CurrentMemoryContext);
	env_check(&env, hash_embedding(&env.base, utf8, length, embedding), "embedding a text");
	PG_RETURN_ARRAYTYPE_P(array);
}

/* ---- similarity ---- */

/* The power of two by which no square overflows, nor vanishes beside the others; NaN and infinity are errors. */
static double
vector_scale(const VectorArg *vector)
{
	double largest = 0;
	int exponent;

	for (int i = 0; i < vector->n; i++)
	{
		double value = vector_arg_at(vector, i);

		if (unlikely(!isfinite(value)))
			vector_arg_not_finite(vector, i);
		largest = Max(largest, fabs(value));
	}
	frexp(largest, &exponent);
	return ldexp(1, Min(-exponent, 1023));
}

/* embed_similarity(a, b) -> the cosine; NULL where one has no direction */
PG_FUNCTION_INFO_V1(promoai_embed_similarity);
Datum
promoai_embed_similarity(PG_FUNCTION_ARGS)
{
	VectorArg a = vector_arg_open(PG_GETARG_ARRAYTYPE_P(0), "a");
	VectorArg b = vector_arg_open(PG_GETARG_ARRAYTYPE_P(1), "b");
	double scale_a = vector_scale(&a);
	double scale_b = vector_scale(&b);
	double product = 0;
	double square_a = 0;
	double square_b = 0;

	if (a.n != b.n)
		ereport(ERROR, errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				errmsg("vectors must have the same length, got %d and %d", a.n, b.n));
	for (int i = 0; i < a.n; i++)
	{
		double x = vector_arg_at(&a, i) * scale_a;
		double y = vector_arg_at(&b, i) * scale_b;

		product += x * y;
		square_a += x * x;
		square_b += y * y;
	}
	if (square_a == 0 || square_b == 0)
		PG_RETURN_NULL();
	product /= sqrt(square_a) * sqrt(square_b);
	PG_RETURN_FLOAT8(Max(-1, Min(1, product)));
}
