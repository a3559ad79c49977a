/*
 * embed_average.c - embed_average(real[]): the mean of vectors as an aggregate
 *
 * The state is a flat value: a version, the length of the vectors, how many there were, and their sums in double, in which 2^53
 * vectors of the largest floats do not overflow.  It is changed in place inside of an aggregate; a state from anywhere
 * else is checked and copied first.  On the wire: int16 version, int32 length, int64 n, float8 sums; text is the hex of that.
 */
#include "postgres.h"

#include <float.h>
#include <math.h>

#include "fmgr.h"
#include "lib/stringinfo.h"
#include "libpq/pqformat.h"
#include "utils/builtins.h"
#include "utils/memutils.h"

#include "bridge/compat.h"
#include "bridge/vector_arg.h"

#define STATE_VERSION 1
#define MAX_VECTORS (INT64CONST(1) << 53)
#define MAX_LENGTH ((int32) ((MaxAllocSize - 1024) / sizeof(double)))
#define HEADER_BYTES (2 + 4 + 8)

typedef struct AverageState
{
	int32 vl_len_;
	int32 version;
	int32 length;
	int32 unused;
	int64 n;
	double sum[FLEXIBLE_ARRAY_MEMBER]; /* [length] */
} AverageState;

static Size
state_bytes(int32 length)
{
	return offsetof(AverageState, sum) + sizeof(double) * (Size) length;
}

static AverageState *
state_new(int32 length)
{
	AverageState *state = palloc0(state_bytes(length));

	SET_VARSIZE(state, state_bytes(length));
	state->version = STATE_VERSION;
	state->length = length;
	return state;
}

/* A datum from anywhere as a state to read. */
static const AverageState *
state_open(Datum datum)
{
	const AverageState *state = (const AverageState *) PG_DETOAST_DATUM(datum);

	if (VARSIZE(state) < offsetof(AverageState, sum) || state->version != STATE_VERSION ||
		state->length < 0 || state->length > MAX_LENGTH || VARSIZE(state) != state_bytes(state->length) ||
		state->n < 1)
		ereport(ERROR, errcode(ERRCODE_DATA_CORRUPTED), errmsg("embed_average_state is damaged"));
	return state;
}

/* The first argument, to be changed: the aggregate's own in place, anything else as a copy. */
static AverageState *
state_own(FunctionCallInfo fcinfo)
{
	const AverageState *state;
	AverageState *copy;

	if (AggCheckCallContext(fcinfo, NULL) != 0 && VARATT_IS_4B_U(PG_GETARG_POINTER(0)))
		return (AverageState *) PG_GETARG_POINTER(0);
	state = state_open(PG_GETARG_DATUM(0));
	copy = palloc(VARSIZE(state));
	memcpy(copy, state, VARSIZE(state));
	return copy;
}

static void
check_length(int32 length, int32 before)
{
	if (length != before)
		ereport(ERROR, errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				errmsg("vectors must have the same length, got %d after %d", length, before));
}

static void
count_vectors(AverageState *state, int64 n)
{
	if (n > MAX_VECTORS - state->n)
		ereport(ERROR, errcode(ERRCODE_NUMERIC_VALUE_OUT_OF_RANGE),
				errmsg("an average of more than 2^53 vectors is out of range"));
	state->n += n;
}

/* embed_average_add(state, vector): a NULL is left out. */
PG_FUNCTION_INFO_V1(promoai_embed_average_add);
Datum
promoai_embed_average_add(PG_FUNCTION_ARGS)
{
	AverageState *state;
	VectorArg vector;
	const float4 *numbers;

	if (PG_ARGISNULL(1))
	{
		if (PG_ARGISNULL(0))
			PG_RETURN_NULL();
		PG_RETURN_POINTER(state_own(fcinfo));
	}
	vector = vector_arg_open(PG_GETARG_ARRAYTYPE_P(1), "vector");
	state = PG_ARGISNULL(0) ? state_new(vector.n) : state_own(fcinfo);
	check_length(vector.n, state->length);
	count_vectors(state, 1);
	numbers = vector.data;
	for (int32 i = 0; i < vector.n; i++)
	{
		if (unlikely(!isfinite(numbers[i])))
			vector_arg_not_finite(&vector, i);
		state->sum[i] += numbers[i];
	}
	PG_RETURN_POINTER(state);
}

PG_FUNCTION_INFO_V1(promoai_embed_average_combine);
Datum
promoai_embed_average_combine(PG_FUNCTION_ARGS)
{
	const AverageState *right;
	AverageState *state;

	if (PG_ARGISNULL(1))
	{
		if (PG_ARGISNULL(0))
			PG_RETURN_NULL();
		PG_RETURN_POINTER(state_own(fcinfo));
	}
	right = state_open(PG_GETARG_DATUM(1));
	if (PG_ARGISNULL(0))
	{
		state = palloc(VARSIZE(right));
		memcpy(state, right, VARSIZE(right));
		PG_RETURN_POINTER(state);
	}
	state = state_own(fcinfo);
	check_length(right->length, state->length);
	count_vectors(state, right->n);
	for (int32 i = 0; i < state->length; i++)
		state->sum[i] += right->sum[i];
	PG_RETURN_POINTER(state);
}

/* The mean; a state that was forged may hold sums that no floats have, and their mean is held to what a float can. */
PG_FUNCTION_INFO_V1(promoai_embed_average_final);
Datum
promoai_embed_average_final(PG_FUNCTION_ARGS)
{
	const AverageState *state;
	ArrayType *array;
	float4 *mean;

	if (PG_ARGISNULL(0))
		PG_RETURN_NULL();
	state = state_open(PG_GETARG_DATUM(0));
	array = vector_new(state->length, &mean);
	for (int32 i = 0; i < state->length; i++)
	{
		mean[i] = (float4) (state->sum[i] / (double) state->n);
		if (!isfinite(mean[i]))
			ereport(ERROR, errcode(ERRCODE_NUMERIC_VALUE_OUT_OF_RANGE),
					errmsg("the average of element %d is out of range", i + 1));
	}
	PG_RETURN_ARRAYTYPE_P(array);
}

/* ---- text and binary ---- */

static void
write_state(StringInfo buffer, const AverageState *state)
{
	pq_sendint16(buffer, STATE_VERSION);
	pq_sendint32(buffer, state->length);
	pq_sendint64(buffer, state->n);
	for (int32 i = 0; i < state->length; i++)
		pq_sendfloat8(buffer, state->sum[i]);
}

static void
reject(const char *why)
{
	ereport(ERROR, errcode(ERRCODE_INVALID_BINARY_REPRESENTATION),
			errmsg("invalid embed_average_state: %s", why));
}

static AverageState *
read_state(StringInfo buffer)
{
	AverageState *state;
	int32 length;
	int64 n;

	if (buffer->len - buffer->cursor < HEADER_BYTES)
		reject("it ends before its header does");
	if (pq_getmsgint(buffer, 2) != STATE_VERSION)
		reject("its version is not known");
	length = pq_getmsgint(buffer, 4);
	n = pq_getmsgint64(buffer);
	if (n < 1 || n > MAX_VECTORS)
		reject("its count is out of range");
	if (length < 0 || (uint64) length * sizeof(double) != (uint64) (buffer->len - buffer->cursor) ||
		length > MAX_LENGTH)
		reject("its length does not agree with its numbers");
	state = state_new(length);
	state->n = n;
	for (int32 i = 0; i < length; i++)
	{
		state->sum[i] = pq_getmsgfloat8(buffer);
		if (!isfinite(state->sum[i]) || fabs(state->sum[i]) > (double) n * FLT_MAX)
			reject("a sum is out of range");
	}
	return state;
}

PG_FUNCTION_INFO_V1(promoai_embed_average_state_send);
Datum
promoai_embed_average_state_send(PG_FUNCTION_ARGS)
{
	StringInfoData buffer;

	pq_begintypsend(&buffer);
	write_state(&buffer, state_open(PG_GETARG_DATUM(0)));
	PG_RETURN_BYTEA_P(pq_endtypsend(&buffer));
}

PG_FUNCTION_INFO_V1(promoai_embed_average_state_recv);
Datum
promoai_embed_average_state_recv(PG_FUNCTION_ARGS)
{
	PG_RETURN_POINTER(read_state((StringInfo) PG_GETARG_POINTER(0)));
}

PG_FUNCTION_INFO_V1(promoai_embed_average_state_out);
Datum
promoai_embed_average_state_out(PG_FUNCTION_ARGS)
{
	StringInfoData buffer;
	char *hex;

	initStringInfo(&buffer);
	write_state(&buffer, state_open(PG_GETARG_DATUM(0)));
	hex = palloc_extended(2 * (Size) buffer.len + 1, MCXT_ALLOC_HUGE);
	hex[hex_encode(buffer.data, buffer.len, hex)] = '\0';
	PG_RETURN_CSTRING(hex);
}

PG_FUNCTION_INFO_V1(promoai_embed_average_state_in);
Datum
promoai_embed_average_state_in(PG_FUNCTION_ARGS)
{
	const char *hex = PG_GETARG_CSTRING(0);
	Size digits = strlen(hex);
	StringInfoData buffer;

	initStringInfo(&buffer);
	if (digits % 2 != 0 || strspn(hex, "0123456789abcdefABCDEF") != digits)
		ereport(ERROR, errcode(ERRCODE_INVALID_TEXT_REPRESENTATION),
				errmsg("invalid input syntax for type embed_average_state: \"%.40s%s\"", hex,
					   digits > 40 ? "..." : ""),
				errhint("An embed_average_state is written as an even number of hexadecimal digits."));
	enlargeStringInfo(&buffer, (int) (digits / 2));
	buffer.len = (int) hex_decode(hex, digits, buffer.data);
	PG_RETURN_POINTER(read_state(&buffer));
}
