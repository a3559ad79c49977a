/*
 * source.h - a query of the user's, streamed into typed columns
 *
 * The one way in which rows reach a trainer.  The source is a query or the bare name of a table or view.  It is
 * planned once (parallel plans allowed), its columns are matched by position and checked by type before any row is
 * read, and it runs once under the active snapshot with writing forbidden.  Rows go through an executor receiver
 * straight to the caller's `row`: nothing is materialised on the way.
 *
 * Rows with a NULL in a column that is used are skipped and counted.  NaN and infinity end in an error that names the
 * column and the row's first id.  A column may be marked to take either as it comes.
 *
 * Where the columns are not fixed (covariates of any number, a cluster named by the user) the caller looks at them first
 * with source_describe and expects exactly what it found.
 */
#ifndef PROMOAI_BRIDGE_SOURCE_H
#define PROMOAI_BRIDGE_SOURCE_H

#include "postgres.h"

#include "datatype/timestamp.h"
#include "pgtime.h"
#include "utils/date.h"

#include "bridge/ids.h"

typedef enum SourceKind
{
	SOURCE_ID, /* bigint, smaller integers, numeric without fraction, text, uuid */
	SOURCE_NUMBER, /* any numeric type */
	SOURCE_TIME, /* timestamptz, timestamp (in the session's zone), date */
	SOURCE_LEVEL, /* boolean, as 0 and 1, or any numeric type */
	SOURCE_KEY, /* what rows are grouped by: as SOURCE_ID, or a time (its index stands for the instant or day) */
	SOURCE_DAY, /* date, timestamp; timestamptz in the reader's zone */
	SOURCE_TEXT, /* text of any length, handed on in UTF-8 */
	SOURCE_VECTOR, /* real[] or float8[] of one dimension; NULL as an element is an error */
	SOURCE_HASH, /* as SOURCE_ID, of which only a hash is handed on: nothing is kept of it */
	SOURCE_ANY /* whatever it is: not read, but for its being NULL */
} SourceKind;

typedef struct SourceColumn
{
	const char *name; /* as messages call it */
	SourceKind kind;
	bool optional; /* may be missing; optional columns stand last, and are told apart by their type */
	bool nullable; /* NULL is handed on, in reader->nulls */
	bool any_value; /* NaN and infinity are handed on */
	bool raw; /* SOURCE_ID: keys are handed on as they are and not kept; may be set between two rows */

	/* filled before the first row */
	int attno; /* position in the source, from 1; 0: not there */
	Oid type;
	const char *field; /* as the source calls it; only while it is read */
	IdTable *ids; /* SOURCE_ID, SOURCE_KEY; of a column that is raw NULL, or as its user left it */
} SourceColumn;

/* Both are valid until the next row. */
typedef struct SourceText
{
	const char *bytes; /* [length] */
	Size length;
} SourceText;

typedef struct SourceVector
{
	const double *numbers; /* [n] */
	int32 n;
} SourceVector;

typedef union SourceValue
{
	int32 index; /* SOURCE_ID, SOURCE_KEY: index in the column's table */
	const IdKey *key; /* SOURCE_ID that is raw */
	double number; /* SOURCE_NUMBER, SOURCE_LEVEL */
	TimestampTz time;
	DateADT day;
	const SourceText *text;
	const SourceVector *vector;
	uint64 hash; /* SOURCE_HASH: id_hash */
} SourceValue;

typedef struct SourceReader
{
	SourceColumn *columns; /* [n_columns] */
	int n_columns;
	MemoryContext memory; /* where the id tables live */
	void (*row)(void *arg, const SourceValue *values); /* values [n_columns]; those not there are not set */
	void *arg;
	pg_tz *zone; /* in which SOURCE_DAY takes a timestamptz; NULL: the session's */

	/* filled while reading */
	bool *nulls; /* [n_columns] of the row at hand; only nullable columns are ever true */
	int64 rows_read; /* including those skipped */
	int64 rows_skipped;
} SourceReader;

extern void source_read(const char *source, SourceReader *reader);

/* What columns a source has, without reading a row. */
typedef struct SourceField
{
	const char *name;
	Oid type; /* domains resolved */
} SourceField;

extern SourceField *source_describe(const char *source, int *n_fields);

/*
 * The rows of a source whose column of that name is later than `time`, or (later false) not later; those without a time are
 * among the latter.
 */
extern char *source_split(const char *source, const char *column, TimestampTz time, bool later);

/* A fifth of the rows of a source, drawn by a hash of its first column, or (drawn false) the other four. */
extern char *source_draw(const char *source, bool drawn);

/* The rows of a source, each with a hash of all its values as one more column, a bigint: equal rows have equal ones. */
extern char *source_hashed(const char *source);

/* True when a column of this kind can be read from this type. */
extern bool source_accepts(SourceKind kind, Oid type);

/* The key that a SOURCE_ID or SOURCE_KEY column has in the row at hand as text, palloc'd. */
extern char *source_key_text(const SourceColumn *column, const SourceValue *value);

/* The same from a set of sorted ids and the column's type. */
extern char *source_key_set_text(const IdSet *set, Oid type, int32 index);

/* Only plan and check: the same errors as source_read, no row is read. */
extern void source_check_columns(const char *source, SourceReader *reader);

/* ERROR 54000 when a text of SQL, called `what`, is longer than the server takes apart in a fraction of a second. */
extern void source_require_short(const char *text, const char *what);

#endif
