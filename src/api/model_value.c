/*
 * model_value.c - the SQL type model_bytes, and models taken as values
 */
#include "postgres.h"

#include "fmgr.h"
#include "libpq/pqformat.h"
#include "utils/builtins.h"

#include "bridge/compat.h"
#include "bridge/args.h"
#include "model/value.h"

/* model_bytes in: hexadecimal or escaped, as bytea is written.  ERROR 22P03 unless it is an undamaged model. */
PG_FUNCTION_INFO_V1(promoai_model_bytes_in);
Datum
promoai_model_bytes_in(PG_FUNCTION_ARGS)
{
	bytea *bytes = DatumGetByteaPP(DirectFunctionCall1(byteain, PG_GETARG_DATUM(0)));

	PG_RETURN_POINTER(value_from_bytes(VARDATA_ANY(bytes), VARSIZE_ANY_EXHDR(bytes)));
}

PG_FUNCTION_INFO_V1(promoai_model_bytes_out);
Datum
promoai_model_bytes_out(PG_FUNCTION_ARGS)
{
	return DirectFunctionCall1(byteaout, PointerGetDatum(PG_DETOAST_DATUM_PACKED(PG_GETARG_DATUM(0))));
}

PG_FUNCTION_INFO_V1(promoai_model_bytes_recv);
Datum
promoai_model_bytes_recv(PG_FUNCTION_ARGS)
{
	StringInfo message = (StringInfo) PG_GETARG_POINTER(0);
	int bytes = message->len - message->cursor;

	PG_RETURN_POINTER(value_from_bytes(pq_getmsgbytes(message, bytes), (Size) bytes));
}

PG_FUNCTION_INFO_V1(promoai_model_bytes_send);
Datum
promoai_model_bytes_send(PG_FUNCTION_ARGS)
{
	return DirectFunctionCall1(byteasend, PG_GETARG_DATUM(0));
}

/* model_value(model, version) -> model_bytes: needs the right to use the model. */
PG_FUNCTION_INFO_V1(promoai_model_value);
Datum
promoai_model_value(PG_FUNCTION_ARGS)
{
	Args *args = args_open(fcinfo);
	Model *model = registry_open(args_text(args, "model"), MODEL_USE);
	int32 wanted = args_int_or(args, "version", 1, PG_INT32_MAX, 0);

	PG_RETURN_POINTER(value_make(model, registry_version(model, wanted)));
}
