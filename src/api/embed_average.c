/*
 * embed_average.c - embed_average(real[]): the mean of vectors as an aggregate
 *
 * The state is a flat value: a version, the length of the vectors, how many there were, and their sums in double, in which 2^53
 * vectors of the largest floats do not overflow.  It is changed in place inside of an aggregate; a state from anywhere
 * else is checked and copied first.  The binary form: core/text/average_wire.h; text is the hex of that.
 */
#include "postgres.h"

#include <math.h>

#include "fmgr.h"
#include "lib/stringinfo.h"
#include "libpq/pqformat.h"
#include "utils/memutils.h"

#include "bridge/compat.h"
#include "bridge/state_text.h"
#include "bridge/vector_arg.h"
#include "core/text/average_wire.h"
#include "core/wire.h"

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
	state->version = AVERAGE_STATE_VERSION;
	state->length = length;
	return state;
}

/* A datum from anywhere as a state to read. */
static const AverageState *
state_open(Datum datum)
{
	const AverageState *state = (const AverageState *) PG_DETOAST_DATUM(datum);

	if (VARSIZE(state) < offsetof(AverageState, sum) || state->version != AVERAGE_STATE_VERSION ||
		state->length < 0 || state->length > AVERAGE_MAX_LENGTH ||
		VARSIZE(state) != state_bytes(state->length) || state->n < 1)
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
	if (n > AVERAGE_MAX_VECTORS - state->n)
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
	pq_sendint16(buffer, AVERAGE_STATE_VERSION);
	pq_sendint32(buffer, state->length);
	pq_sendint64(buffer, state->n);
	for (int32 i = 0; i < state->length; i++)
		pq_sendfloat8(buffer, state->sum[i]);
}

/* The rest of the buffer as a state; ERROR 22P03 for what is none. */
static AverageState *
read_state(StringInfo buffer)
{
	AverageWire wire;
	const char *why = average_wire_read((const uint8_t *) buffer->data + buffer->cursor,
										(size_t) (buffer->len - buffer->cursor), &wire);
	AverageState *state;

	if (why != NULL)
		ereport(ERROR, errcode(ERRCODE_INVALID_BINARY_REPRESENTATION),
				errmsg("invalid embed_average_state: %s", why));
	state = state_new(wire.length);
	state->n = wire.n;
	wire_copy(wire.sums, (size_t) wire.length, state->sum);
	buffer->cursor = buffer->len;
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

	initStringInfo(&buffer);
	write_state(&buffer, state_open(PG_GETARG_DATUM(0)));
	PG_RETURN_CSTRING(state_text(&buffer));
}

PG_FUNCTION_INFO_V1(promoai_embed_average_state_in);
Datum
promoai_embed_average_state_in(PG_FUNCTION_ARGS)
{
	StringInfoData buffer;

	state_text_read(PG_GETARG_CSTRING(0), "embed_average_state", &buffer);
	PG_RETURN_POINTER(read_state(&buffer));
}
