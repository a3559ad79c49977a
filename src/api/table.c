/*
 * table.c - a source's rows as columns in memory
 *
 * Each row appends 8 bytes per number or time and 4 per key or day.  Arrays grow by half; whenever they do, what they and
 * the work to come will take is held against the limit.  Past the limit rows are only counted, so that the error can say
 * what the whole source would need.  At the end keys are sorted and indices replaced by their ranks.
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
	bool full; /* past the limit: only count */
} Filler;

static bool
is_key(const SourceColumn *column)
{
	return column->kind == SOURCE_ID || column->kind == SOURCE_KEY;
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
		default:
			return (void **) &table->number[c];
	}
}

static uint64
filler_need(const Filler *filler, uint64 rows)
{
	const Table *table = filler->table;
	uint64 need = table->need == NULL ? 0 : table->need(table->need_arg, rows);

	for (int c = 0; c < table->n_columns; c++)
	{
		const SourceColumn *column = &table->columns[c];

		if (column->attno == 0)
			continue;
		need = memory_add(need, memory_mul(rows, width_of(column) + (column->nullable ? 1 : 0)));
		if (column->ids != NULL) /* the table, then the sorted set beside it */
			need = memory_add(need, memory_mul(2, ids_memory(column->ids)));
	}
	return need;
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
		Size bytes = width_of(&table->columns[c]) * room;

		if (table->columns[c].attno == 0)
			continue;
		*array = *array == NULL ? MemoryContextAllocHuge(table->memory, bytes) : repalloc_huge(*array, bytes);
		if (table->columns[c].nullable)
			table->is_null[c] = table->is_null[c] == NULL ? MemoryContextAllocHuge(table->memory, room)
														  : repalloc_huge(table->is_null[c], room);
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
		case SOURCE_HASH:
		case SOURCE_ANY:
			break; /* no table asks for them */
	}
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
		filler_count(filler);
		return;
	}
	for (int c = 0; c < table->n_columns; c++)
		if (table->columns[c].attno != 0)
			fill_cell(table, c, table->n, &values[c], filler->reader.nulls[c]);
	table->n++;
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
	table->index = MemoryContextAllocZero(table->memory, pointers);
	table->number = MemoryContextAllocZero(table->memory, pointers);
	table->day = MemoryContextAllocZero(table->memory, pointers);
	table->time = MemoryContextAllocZero(table->memory, pointers);
	table->is_null = MemoryContextAllocZero(table->memory, pointers);
	table->ids = MemoryContextAllocZero(table->memory, pointers);
	source_read(source, &filler.reader);
	table->rows_read = filler.reader.rows_read;
	table->rows_skipped = filler.reader.rows_skipped;
	if (table->n > 0)
		memory_require(filler_need(&filler, table->n), table->limit, table->what);
	for (int c = 0; c < table->n_columns; c++)
		sort_keys(table, c);
	test_point("solving");
}

char *
table_key_text(const Table *table, int c, int32 index)
{
	return source_key_set_text(table->ids[c], table->columns[c].type, index);
}
