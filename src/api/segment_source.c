/*
 * segment_source.c - a source of (id, numbers ...) as rows of features
 *
 * Columns are features by position, named as in the source.  Rows are read in single precision and put into the order of
 * their ids, so that nothing depends on the order in which they came.
 */
#include "postgres.h"

#include "miscadmin.h"
#include "utils/memutils.h"

#include "api/segment_source.h"

void
segment_source_open(const char *source, SegmentSource *in)
{
	int n_fields;
	SourceField *fields = source_describe(source, &n_fields);
	SourceColumn *columns = palloc0(sizeof(SourceColumn) * Max(n_fields, 2));

	/* With too few columns, reading tells what was expected. */
	columns[0] = (SourceColumn){.name = "id", .kind = SOURCE_ID};
	columns[1] = (SourceColumn){.name = "feature", .kind = SOURCE_NUMBER};
	for (int c = 1; c < n_fields; c++)
		columns[c] = (SourceColumn){.name = fields[c].name, .kind = SOURCE_NUMBER};
	in->features = Max(n_fields, 2) - 1;
	in->names = palloc(sizeof(char *) * in->features);
	for (int f = 0; f < in->features; f++)
		in->names[f] = pstrdup(columns[f + 1].name);
	in->table = (Table){.memory = CurrentMemoryContext,
						.limit = in->limit,
						.what = in->what,
						.need = in->need,
						.need_arg = in->need_arg,
						.columns = columns,
						.n_columns = Max(n_fields, 2),
						.by_rows = true,
						.spill = in->spills ? segment_store_add : NULL,
						.spill_all = in->spill_all};
	in->store = NULL;
}

/* ERROR for the first id, in the order of ids, that comes twice. */
static void
refuse_repeated(const SegmentSource *in)
{
	const Table *table = &in->table;
	uint8 *seen = MemoryContextAllocExtended(CurrentMemoryContext, Max(table->ids[0]->n, 1),
											 MCXT_ALLOC_HUGE | MCXT_ALLOC_ZERO);
	int32 first = PG_INT32_MAX;

	for (int64 i = 0; i < table->n; i++)
	{
		int32 index = table->index[0][i];

		if (unlikely(i % (1 << 18) == 0))
			CHECK_FOR_INTERRUPTS();
		if (seen[index] && index < first)
			first = index;
		seen[index] = 1;
	}
	ereport(ERROR,
			(errcode(ERRCODE_CARDINALITY_VIOLATION),
			 errmsg("source has several rows of id %s", table_key_text(table, 0, first)),
			 errdetail(INT64_FORMAT " rows have %d different ids.", table->n, table->ids[0]->n),
			 errhint("The first column must tell the rows apart: GROUP BY it, one row for each customer.")));
}

void
segment_source_read(const char *source, SegmentSource *in)
{
	if (in->spills)
		in->table.spill_arg = in->store = segment_store_create(in->features, in->seed);
	table_read(source, &in->table);
	if (in->store != NULL && !in->table.spilled)
	{
		segment_store_close(in->store);
		in->store = NULL;
	}
	in->n = in->table.n;
	if (in->n == 0)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE), errmsg("source has no usable rows"),
				 errdetail(INT64_FORMAT " rows were read, " INT64_FORMAT " of them skipped for a NULL.",
						   in->table.rows_read, in->table.rows_skipped)));
	in->ids = in->table.ids[0];
	if (in->store != NULL)
		return;
	if (in->ids->n != in->n)
		refuse_repeated(in);
}

void
segment_source_take(SegmentSource *in, float *to)
{
	Size width = (Size) in->features;

	for (int64 i = 0; i < in->n; i++)
	{
		if (unlikely(i % (1 << 16) == 0))
			CHECK_FOR_INTERRUPTS();
		memcpy(to + (Size) in->table.index[0][i] * width, in->table.rows + (Size) i * width,
			   sizeof(float) * width);
	}
	pfree(in->table.rows);
	pfree(in->table.index[0]);
	in->table.rows = NULL;
	in->table.index[0] = NULL;
}
