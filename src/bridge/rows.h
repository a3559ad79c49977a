/*
 * rows.h - answers as rows: a thin layer over tuplestores and composite results
 */
#ifndef PROMOAI_BRIDGE_ROWS_H
#define PROMOAI_BRIDGE_ROWS_H

#include "postgres.h"

#include "fmgr.h"
#include "funcapi.h"

/* Start a materialised set result; rows_put appends one row. */
extern ReturnSetInfo *rows_open(FunctionCallInfo fcinfo);
extern void rows_put(ReturnSetInfo *rows, Datum *values, bool *nulls);

/* The one row of a function that returns a record with OUT columns. */
extern Datum rows_single(FunctionCallInfo fcinfo, Datum *values, bool *nulls);

#endif
