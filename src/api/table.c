/*
 * table.c - a source's rows as columns in memory
 *
 * Each row appends 8 bytes per number or time, 4 per key or day, and 8 beside the bytes of a text or vector; numbers that are
 * wanted row by row in single precision take 4.  Arrays grow by half; whenever they do, what they and the work to come will
 * take is held against the limit.  Past the limit rows go elsewhere if the caller has a place for them; otherwise they are only
 * counted, so that the error can say what the whole source would need.  At the end keys are sorted and indices replaced by
 * their ranks.
 */
#include "postgres.h"

#include <math.h>

#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/memutils.h"

#include "api/table.h"
#include "bridge/memory.h"
#include "bridge/testpoint.h"

#define FIRST_ROOM 4096

typedef struct Filler
{
	Table *table;
	SourceReader reader;
	int64 room;
	uint64 kept; /* rows that are not only counted */
	bool full; /* past the limit: spill, or only count */
	float *spilled; /* [numbers] of the row at hand */
} Filler;

static bool
is_key(const SourceColumn *column)
{
	return column->kind == SOURCE_ID || column->kind == SOURCE_KEY;
}

static bool
is_number(const SourceColumn *column)
{
	return column->kind == SOURCE_NUMBER || column->kind == SOURCE_LEVEL;
}

/* The column has an array of its own. */
static bool
stands_alone(const Table *table, int c)
{
	return table->columns[c].attno != 0 && !(table->by_rows && is_number(&table->columns[c]));
}

static inline bool
is_run(const SourceColumn *column)
{
	return column->kind == SOURCE_TEXT || column->kind == SOURCE_VECTOR;
}

static Size
width_of(const SourceColumn *column)
{
	return is_key(column) || column->kind == SOURCE_DAY ? sizeof(int32) : sizeof(double);
}

/* Where the array of column c stands. */
static void **
array_of(Table *table, int c)
{
	switch (table->columns[c].kind)
	{
		case SOURCE_ID:
		case SOURCE_KEY:
			return (void **) &table->index[c];
		case SOURCE_DAY:
			return (void **) &table->day[c];
		case SOURCE_TIME:
			return (void **) &table->time[c];
		case SOURCE_TEXT:
		case SOURCE_VECTOR:
			return (void **) &table->run[c].start;
		default:
			return (void **) &table->number[c];
	}
}

/* While ids are sorted there are the table and the set beside it; afterwards the set, and the work to come. */
static uint64
filler_need(const Filler *filler, uint64 rows)
{
	const Table *table = filler->table;
	uint64 work = table->need == NULL ? 0 : table->need(table->need_arg, rows);
	uint64 columns = memory_mul(rows, sizeof(float) * table->numbers);
	uint64 ids = 0;

	for (int c = 0; c < table->n_columns; c++)
	{
		const SourceColumn *column = &table->columns[c];

		if (stands_alone(table, c))
			columns = memory_add(columns, memory_mul(rows, width_of(column) + (column->nullable ? 1 : 0)));
		if (column->attno != 0 &&
			is_run(column)) /* has grown by half; rows only counted are taken to be as long */
			columns = memory_add(columns, memory_mul(table->run[c].room + table->run[c].room / 2,
													 1 + (rows - filler->kept) / Max(filler->kept, 1)));
		if (column->attno != 0 && column->ids != NULL)
			ids = memory_add(ids, ids_memory(column->ids));
	}
	return memory_add(columns, memory_add(ids, Max(ids, work)));
}

static void
filler_grow(Filler *filler)
{
	Table *table = filler->table;
	int64 room = filler->room == 0 ? FIRST_ROOM : filler->room + filler->room / 2;

	if (filler->room > 0 && filler_need(filler, table->n) > table->limit)
	{
		filler->full = true;
		return;
	}
	for (int c = 0; c < table->n_columns; c++)
	{
		void **array = array_of(table, c);
		Size bytes = width_of(&table->columns[c]) * (room + (is_run(&table->columns[c]) ? 1 : 0));

		if (!stands_alone(table, c))
			continue;
		*array = *array == NULL ? MemoryContextAllocHuge(table->memory, bytes) : repalloc_huge(*array, bytes);
		if (is_run(&table->columns[c]) && filler->room == 0)
			table->run[c].start[0] = 0;
		if (table->columns[c].nullable)
			table->is_null[c] = table->is_null[c] == NULL ? MemoryContextAllocHuge(table->memory, room)
														  : repalloc_huge(table->is_null[c], room);
	}
	if (table->numbers > 0)
	{
		Size bytes = sizeof(float) * table->numbers * (Size) room;

		table->rows = table->rows == NULL ? MemoryContextAllocHuge(table->memory, bytes)
										  : repalloc_huge(table->rows, bytes);
	}
	filler->room = room;
}

/* Counting goes on past the limit, but not for ever: ids still take memory. */
static void
filler_count(Filler *filler)
{
	Table *table = filler->table;

	table->n++;
	if (table->n % FIRST_ROOM == 0)
	{
		uint64 ids = 0;

		for (int c = 0; c < table->n_columns; c++)
			ids += table->columns[c].ids == NULL ? 0 : ids_memory(table->columns[c].ids);
		if (ids > table->limit)
			memory_require(filler_need(filler, table->n), table->limit, table->what);
	}
}

/* Append a text or vector; false when there is no room within the limit for it. */
static bool
append_run(Filler *filler, int c, const void *data, uint64 bytes)
{
	Table *table = filler->table;
	TableRun *run = &table->run[c];
	uint64 at = run->start[table->n];

	if (at + bytes > run->room)
	{
		uint64 room = Max(run->room + run->room / 2, at + bytes + FIRST_ROOM);

		run->room = room;
		if (filler_need(filler, table->n + 1) > table->limit)
			return false;
		run->bytes = run->bytes == NULL ? MemoryContextAllocHuge(table->memory, room)
										: repalloc_huge(run->bytes, room);
	}
	if (bytes > 0)
		memcpy(run->bytes + at, data, bytes);
	run->start[table->n + 1] = at + bytes;
	return true;
}

static bool
fill_run(Filler *filler, int c, const SourceValue *value, bool null)
{
	if (null)
		return append_run(filler, c, NULL, 0);
	if (filler->table->columns[c].kind == SOURCE_TEXT)
		return append_run(filler, c, value->text->bytes, value->text->length);
	return append_run(filler, c, value->vector->numbers, sizeof(double) * (uint64) value->vector->n);
}

static void
fill_cell(Table *table, int c, int64 n, const SourceValue *value, bool null)
{
	if (table->columns[c].nullable)
		table->is_null[c][n] = null;
	switch (table->columns[c].kind)
	{
		case SOURCE_ID:
		case SOURCE_KEY:
			table->index[c][n] = null ? -1 : value->index;
			break;
		case SOURCE_NUMBER:
		case SOURCE_LEVEL:
			table->number[c][n] = null ? NAN : value->number;
			break;
		case SOURCE_DAY:
			table->day[c][n] = null ? 0 : value->day;
			break;
		case SOURCE_TIME:
			table->time[c][n] = null ? 0 : value->time;
			break;
		case SOURCE_TEXT:
		case SOURCE_VECTOR: /* fill_run */
			break;
		case SOURCE_HASH:
		case SOURCE_ANY:
			break; /* no table asks for them */
	}
}

/* A number that single precision cannot hold. */
static void
number_too_large(const Table *table, int c, const SourceValue *values)
{
	const SourceColumn *id = &table->columns[0];

	ereport(ERROR, (errcode(ERRCODE_NUMERIC_VALUE_OUT_OF_RANGE),
					errmsg("source has %g in column \"%s\", out of range for type real", values[c].number,
						   table->columns[c].field),
					is_key(id) ? errdetail("The first such row is of %s %s.", id->name,
										   source_key_text(id, &values[0]))
							   : 0));
}

static void
fill_numbers(const Table *table, const SourceValue *values, float *to)
{
	for (int c = 0; c < table->n_columns; c++)
	{
		if (!is_number(&table->columns[c]))
			continue;
		*to = (float) values[c].number;
		if (unlikely(isinf(*to)))
			number_too_large(table, c, values);
		to++;
	}
}

/* All that is here goes to the spill, and so does every row from now on; that at hand (NULL: none) has its id in the table. */
static void
filler_spill(Filler *filler, const SourceValue *values)
{
	Table *table = filler->table;
	SourceColumn *id = &table->columns[0];

	for (int64 i = 0; i < table->n; i++)
	{
		IdKey key = ids_key(id->ids, table->index[0][i]);

		if (unlikely(i % (1 << 14) == 0))
			CHECK_FOR_INTERRUPTS();
		table->spill(table->spill_arg, &key, table->rows + (Size) i * table->numbers);
	}
	if (values != NULL)
	{
		IdKey key = ids_key(id->ids, values[0].index);

		fill_numbers(table, values, filler->spilled);
		table->spill(table->spill_arg, &key, filler->spilled);
		table->n++;
	}
	if (id->ids != NULL)
		ids_free(id->ids);
	if (table->rows != NULL)
		pfree(table->rows);
	if (table->index[0] != NULL)
		pfree(table->index[0]);
	id->ids = NULL;
	table->rows = NULL;
	table->index[0] = NULL;
	id->raw = true;
	table->spilled = true;
}

static void
spill_row(Filler *filler, const SourceValue *values)
{
	Table *table = filler->table;

	if (!table->spilled)
	{
		filler_spill(filler, values);
		return;
	}
	fill_numbers(table, values, filler->spilled);
	table->spill(table->spill_arg, values[0].key, filler->spilled);
	table->n++;
}

static void
fill_row(void *arg, const SourceValue *values)
{
	Filler *filler = arg;
	Table *table = filler->table;

	if (table->n == filler->room && !filler->full)
		filler_grow(filler);
	if (filler->full)
	{
		if (table->spill != NULL)
			spill_row(filler, values);
		else
			filler_count(filler);
		return;
	}
	for (int c = 0; c < table->n_columns; c++)
	{
		bool null = filler->reader.nulls[c];

		if (!stands_alone(table, c))
			continue;
		fill_cell(table, c, table->n, &values[c], null);
		if (is_run(&table->columns[c]) && !fill_run(filler, c, &values[c], null))
			filler->full = true;
	}
	if (table->numbers > 0)
		fill_numbers(table, values, table->rows + (Size) table->n * table->numbers);
	table->n++;
	filler->kept += !filler->full;
}

static void
sort_keys(Table *table, int c)
{
	IdTable *ids = table->columns[c].ids;
	int32 *rank;

	if (ids == NULL)
		return;
	rank = MemoryContextAllocHuge(table->memory, sizeof(int32) * (Size) Max(ids_count(ids), 1));
	table->ids[c] = ids_sort(ids, table->memory, rank);
	for (int64 i = 0; i < table->n; i++)
	{
		if (unlikely(i % (1 << 18) == 0))
			CHECK_FOR_INTERRUPTS();
		if (table->index[c][i] >= 0)
			table->index[c][i] = rank[table->index[c][i]];
	}
	pfree(rank);
	ids_free(ids);
	table->columns[c].ids = NULL;
}

void
table_read(const char *source, Table *table)
{
	Filler filler = {.table = table,
					 .reader = {.columns = table->columns,
								.n_columns = table->n_columns,
								.memory = table->memory,
								.row = fill_row,
								.arg = &filler,
								.zone = table->zone}};
	Size pointers = sizeof(void *) * table->n_columns;

	table->n = 0;
	table->rows = NULL;
	table->numbers = 0;
	for (int c = 0; c < table->n_columns && table->by_rows; c++)
		table->numbers += is_number(&table->columns[c]);
	table->index = MemoryContextAllocZero(table->memory, pointers);
	table->number = MemoryContextAllocZero(table->memory, pointers);
	table->day = MemoryContextAllocZero(table->memory, pointers);
	table->time = MemoryContextAllocZero(table->memory, pointers);
	table->is_null = MemoryContextAllocZero(table->memory, pointers);
	table->run = MemoryContextAllocZero(table->memory, sizeof(TableRun) * table->n_columns);
	table->ids = MemoryContextAllocZero(table->memory, pointers);
	table->spilled = table->spill != NULL && table->spill_all;
	table->columns[0].raw = filler.full = table->spilled;
	filler.spilled = palloc(sizeof(float) * Max(table->numbers, 1));
	source_read(source, &filler.reader);
	if (table->spill != NULL && !table->spilled && filler_need(&filler, table->n) > table->limit)
		filler_spill(&filler, NULL);
	table->rows_read = filler.reader.rows_read;
	table->rows_skipped = filler.reader.rows_skipped;
	table->bytes = table->spilled ? 0 : filler_need(&filler, table->n);
	if (table->n > 0)
		memory_require(table->bytes, table->limit, table->what);
	for (int c = 0; c < table->n_columns; c++)
		sort_keys(table, c);
	test_point("solving");
}

void
table_note_skipped(const Table *table)
{
	if (table->rows_skipped > 0)
		ereport(NOTICE, (errmsg("skipped for a NULL: " INT64_FORMAT " of " INT64_FORMAT " rows of the source",
								table->rows_skipped, table->rows_read)));
}

char *
table_key_text(const Table *table, int c, int32 index)
{
	return source_key_set_text(table->ids[c], table->columns[c].type, index);
}
