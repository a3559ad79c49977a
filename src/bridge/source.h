/*
 * source.h - a query of the user's, streamed into typed columns
 *
 * The one way in which rows reach a trainer.  The source is a query or the bare name of a table or view.  It is
 * planned once (parallel plans allowed), its columns are matched by position and checked by type before any row is
 * read, and it runs once under the active snapshot with writing forbidden.  Rows go through an executor receiver
 * straight to the caller's `row`: nothing is materialised on the way.
 *
 * Rows with a NULL in a column that is used are skipped and counted.  NaN and infinity end in an error that names the
 * column and the row's first id.
 */
#ifndef PROMOAI_BRIDGE_SOURCE_H
#define PROMOAI_BRIDGE_SOURCE_H

#include "postgres.h"

#include "datatype/timestamp.h"

#include "bridge/ids.h"

typedef enum SourceKind
{
	SOURCE_ID, /* bigint, smaller integers, numeric without fraction, text, uuid */
	SOURCE_NUMBER, /* any numeric type */
	SOURCE_TIME /* timestamptz, timestamp (in the session's zone), date */
} SourceKind;

typedef struct SourceColumn
{
	const char *name; /* as messages call it */
	SourceKind kind;
	bool optional; /* may be missing; optional columns stand last, and are told apart by their type */

	/* filled before the first row */
	int attno; /* position in the source, from 1; 0: not there */
	Oid type;
	IdTable *ids; /* SOURCE_ID */
} SourceColumn;

typedef union SourceValue
{
	int32 index; /* SOURCE_ID: index in the column's table */
	double number;
	TimestampTz time;
} SourceValue;

typedef struct SourceReader
{
	SourceColumn *columns; /* [n_columns] */
	int n_columns;
	MemoryContext memory; /* where the id tables live */
	void (*row)(void *arg, const SourceValue *values); /* values [n_columns]; those not there are not set */
	void *arg;

	/* filled while reading */
	int64 rows_read; /* including those skipped */
	int64 rows_skipped;
} SourceReader;

extern void source_read(const char *source, SourceReader *reader);

/* Only plan and check: the same errors as source_read, no row is read. */
extern void source_check_columns(const char *source, SourceReader *reader);

#endif
