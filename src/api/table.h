/*
 * table.h - a source's rows as columns in memory
 */
#ifndef PROMOAI_API_TABLE_H
#define PROMOAI_API_TABLE_H

#include "postgres.h"

#include "bridge/source.h"

/* Values of any length, one after the other; none for NULL. */
typedef struct TableRun
{
	uint64 *start; /* [n + 1] */
	char *bytes; /* [start[n]] SOURCE_TEXT: UTF-8; SOURCE_VECTOR: doubles */
	uint64 room;
} TableRun;

typedef struct Table
{
	/* set by the caller */
	MemoryContext memory;
	uint64 limit; /* bytes */
	const char *what; /* completes "... needs 81 MB of memory" */
	uint64 (*need)(const void *arg,
				   uint64 rows); /* bytes of the work to come, beyond the table; NULL: none */
	const void *need_arg;
	SourceColumn *columns; /* [n_columns] */
	int n_columns;
	pg_tz *zone; /* as SourceReader's */
	bool by_rows; /* numbers go to `rows`, in single precision, instead of `number`; none of them nullable */

	/*
	 * Where rows go once they are more than the limit allows, those read before included; NULL: an error.  Only for tables by
	 * rows whose first column is the one id and the others are numbers.
	 */
	void (*spill)(void *arg, const IdKey *id, const float *numbers);
	void *spill_arg;
	bool spill_all; /* from the first row on, whatever the limit */

	/* filled; a column that the source lacks is NULL */
	int64 n;
	int32 **index; /* [n_columns] of [n]: SOURCE_ID, SOURCE_KEY, ranks in canonical order, -1 for NULL */
	double **number; /* [n_columns] of [n]: SOURCE_NUMBER, SOURCE_LEVEL; NaN for NULL (see nulls) */
	int32 **day; /* [n_columns] of [n]: SOURCE_DAY */
	int64 **time; /* [n_columns] of [n]: SOURCE_TIME */
	float *
		rows; /* [n x numbers] with by_rows: the columns that are SOURCE_NUMBER or SOURCE_LEVEL, in their order */
	int32 numbers;
	TableRun *run; /* [n_columns]: SOURCE_TEXT, SOURCE_VECTOR */
	uint8 **is_null; /* [n_columns] of [n]: nullable columns only */
	IdSet **ids; /* [n_columns] the ids behind index; of a key that is a time its number */
	bool spilled; /* no row is here: spill has had n of them */
	int64 rows_read;
	int64 rows_skipped;
	uint64 bytes; /* all of this, at most */
} Table;

/* Read a source; afterwards nothing but the order of rows depends on the order in which they came. */
extern void table_read(const char *source, Table *table);

/* A NOTICE when rows were skipped: for functions whose answer has no place for their number. */
extern void table_note_skipped(const Table *table);

/* The key behind an index of column c as text, palloc'd. */
extern char *table_key_text(const Table *table, int c, int32 index);

#endif
