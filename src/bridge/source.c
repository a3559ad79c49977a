/*
 * source.c - a query of the user's, streamed into typed columns
 *
 * Phases: the source's text becomes one query (a bare name becomes SELECT * FROM it); it is planned through SPI with
 * parallel plans allowed; its columns are matched to the expected ones; it runs into a DestReceiver of ours, which
 * turns each row into SourceValues and hands them on.
 *
 * Writing is forbidden three times: SPI's read_only keeps out commands other than SELECT and holds the query to the caller's
 * snapshot, XactReadOnly keeps volatile functions inside the query from writing, and a source that runs for somebody else
 * ends in an error when it has changed anything all the same.
 *
 * Memory: the id tables, in reader->memory; per row nothing but what detoasting needs, given back row by row.
 */
#include "postgres.h"

#include <ctype.h>
#include <math.h>

#include "access/xact.h"
#include "catalog/namespace.h"
#include "catalog/pg_type.h"
#include "executor/spi.h"
#include "mb/pg_wchar.h"
#include "miscadmin.h"
#include "parser/scansup.h"
#include "tcop/cmdtag.h"
#include "tcop/dest.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/date.h"
#include "utils/datetime.h"
#include "utils/guc.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
#include "utils/plancache.h"
#include "utils/snapmgr.h"
#include "utils/timestamp.h"
#include "utils/varlena.h"

#include "bridge/args.h"
#include "bridge/compat.h"
#include "bridge/source.h"
#include "bridge/utf8.h"
#include "bridge/testpoint.h"

/* A column that is there, ready for reading. */
typedef struct SourceCell
{
	SourceColumn *column;
	int place; /* in the reader's columns */
	Oid type; /* domains resolved */
	const char *what; /* column "quantity" */
	IdKey *key; /* of the row at hand, where the column is raw */
} SourceCell;

typedef struct SourceReceiver
{
	DestReceiver pub;
	SourceReader *reader;
	SourceCell *fields; /* [n_fields] */
	int n_fields;
	SourceValue *values; /* [reader->n_columns] */
	MemoryContext row_memory;
	bool allocates; /* some column may need memory to be read */
	bool nullable; /* some column takes NULL */
} SourceReceiver;

/* ---- the query ---- */

/* While the server takes a query apart it cannot be cancelled: this much is done within a fraction of a second. */
#define SOURCE_TEXT_MAX ((size_t) 16 << 20)

void
source_require_short(const char *text, const char *what)
{
	size_t length = strlen(text);

	if (length > SOURCE_TEXT_MAX)
		ereport(ERROR, (errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
						errmsg("%s is too long: %zu bytes, of at most %zu", what, length, SOURCE_TEXT_MAX),
						errhint("Put values into a table, statements into a function, and name it.")));
}

/* A copy without the semicolon at its end. */
static char *
without_semicolon(const char *source)
{
	char *copy = pstrdup(source);
	size_t n = strlen(copy);

	while (n > 0 && scanner_isspace(copy[n - 1]))
		n--;
	if (n > 0 && copy[n - 1] == ';')
		copy[n - 1] = '\0';
	return copy;
}

/*
 * A source of one to three dotted identifiers names a relation; the server does the quoting.  Everything else is a
 * query.
 */
static char *
source_query(const char *source)
{
	List *names; /* point into the copy, which is folded to lower case on the way */

	source_require_short(source, "source");
	if (SplitIdentifierString(without_semicolon(source), '.', &names) && list_length(names) >= 1 &&
		list_length(names) <= 3)
	{
		StringInfoData query;
		ListCell *cell;

		initStringInfo(&query);
		appendStringInfoString(&query, "SELECT * FROM ");
		foreach (cell, names)
			appendStringInfo(&query, "%s%s", foreach_current_index(cell) == 0 ? "" : ".",
							 quote_identifier((char *) lfirst(cell)));
		return query.data;
	}
	return pstrdup(source);
}

/* As it stands between brackets: on lines of its own, so that a comment at its end ends before the bracket. */
static char *
source_inner(const char *source)
{
	char *query = source_query(source);
	size_t length = strlen(query);

	while (length > 0 && (isspace((unsigned char) query[length - 1]) || query[length - 1] == ';'))
		query[--length] = '\0';
	return query;
}

/* The first column is named anew, since a source may have two of its name; the others keep theirs. */
char *
source_draw(const char *source, bool drawn)
{
	return psprintf(
		"SELECT * FROM (%s\n) promoai_rows(promoai_id) WHERE"
		" (pg_catalog.hashtextextended(promoai_rows.promoai_id::pg_catalog.text, 0)"
		" OPERATOR(pg_catalog.%%) 5::pg_catalog.int8 OPERATOR(pg_catalog.=) 0::pg_catalog.int8) IS %sTRUE",
		source_inner(source), drawn ? "" : "NOT ");
}

char *
source_split(const char *source, const char *column, TimestampTz time, bool later)
{
	OptionTime at = {.set = true, .at = time};

	return psprintf(
		"SELECT * FROM (%s\n) promoai_rows WHERE (promoai_rows.%s OPERATOR(pg_catalog.>) '%s'::timestamptz)"
		" IS %sTRUE",
		source_inner(source), quote_identifier(column), option_time_text(&at), later ? "" : "NOT ");
}

char *
source_hashed(const char *source)
{
	return psprintf(
		"SELECT promoai_rows.*, pg_catalog.hash_record_extended(ROW(promoai_rows.*), 0) FROM (%s\n) promoai_rows",
		source_inner(source));
}

/* A SELECT that neither locks rows nor changes any in a WITH. */
static bool
only_reads(const CachedPlanSource *statement)
{
	ListCell *cell;

	if (statement->commandTag != CMDTAG_SELECT || statement->resultDesc == NULL)
		return false;
	foreach (cell, statement->query_list)
	{
		const Query *query = lfirst_node(Query, cell);

		if (query->commandType != CMD_SELECT || query->hasModifyingCTE || query->rowMarks != NIL)
			return false;
	}
	return true;
}

/* Plan the source; the one plan must be a SELECT.  Returns the columns that it has. */
static SPIPlanPtr
source_plan(const char *source, TupleDesc *desc)
{
	SPIPlanPtr plan = SPI_prepare_cursor(source_query(source), 0, NULL, CURSOR_OPT_PARALLEL_OK);
	List *statements;
	CachedPlanSource *statement;

	if (plan == NULL)
		ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
						errmsg("source cannot be run: %s", SPI_result_code_string(SPI_result))));
	statements = SPI_plan_get_plan_sources(plan);
	statement = list_length(statements) == 1 ? linitial(statements) : NULL;
	if (statement == NULL || !only_reads(statement))
		ereport(
			ERROR,
			(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
			 errmsg("source must be one SELECT, or the name of a table or view"),
			 errhint("Sources are only read: INSERT, UPDATE, DELETE and FOR UPDATE have no place in them.")));
	*desc = statement->resultDesc;
	return plan;
}

/* ---- the columns ---- */

static bool
is_time(Oid type)
{
	return type == TIMESTAMPTZOID || type == TIMESTAMPOID || type == DATEOID;
}

bool
source_accepts(SourceKind kind, Oid type)
{
	IdKind id_kind;

	type = getBaseType(type);
	switch (kind)
	{
		case SOURCE_ANY:
			return true;
		case SOURCE_ID:
		case SOURCE_HASH:
			return id_kind_of_type(type, &id_kind);
		case SOURCE_KEY:
			return is_time(type) || id_kind_of_type(type, &id_kind);
		case SOURCE_LEVEL:
			if (type == BOOLOID)
				return true;
			/* FALLTHROUGH */
		case SOURCE_NUMBER:
			return type == INT2OID || type == INT4OID || type == INT8OID || type == FLOAT4OID ||
				   type == FLOAT8OID || type == NUMERICOID;
		case SOURCE_TIME:
		case SOURCE_DAY:
			return is_time(type);
		case SOURCE_TEXT:
			return type == TEXTOID || type == VARCHAROID || type == BPCHAROID;
		case SOURCE_VECTOR:
			return type == FLOAT4ARRAYOID || type == FLOAT8ARRAYOID;
	}
	return false;
}

static void
columns_mismatch(const SourceReader *reader, TupleDesc desc)
{
	static const char *const kinds[] = {[SOURCE_ID] = "integer, text or uuid",
										[SOURCE_NUMBER] = "a number",
										[SOURCE_TIME] = "a time",
										[SOURCE_LEVEL] = "boolean or a number",
										[SOURCE_KEY] = "integer, text, uuid or a time",
										[SOURCE_DAY] = "a date or time",
										[SOURCE_TEXT] = "text",
										[SOURCE_VECTOR] = "real[] or float8[]",
										[SOURCE_HASH] = "integer, text or uuid",
										[SOURCE_ANY] = "anything"};
	StringInfoData expected;
	StringInfoData found;

	initStringInfo(&expected);
	initStringInfo(&found);
	for (int i = 0; i < reader->n_columns; i++)
		appendStringInfo(&expected, "%s%s%s: %s%s", i == 0 ? "" : ", ",
						 reader->columns[i].optional ? "[" : "", reader->columns[i].name,
						 kinds[reader->columns[i].kind], reader->columns[i].optional ? "]" : "");
	for (int i = 0; i < desc->natts; i++)
		appendStringInfo(&found, "%s%s %s", i == 0 ? "" : ", ", NameStr(TupleDescAttr(desc, i)->attname),
						 format_type_be(TupleDescAttr(desc, i)->atttypid));
	ereport(ERROR, (errcode(ERRCODE_DATATYPE_MISMATCH), errmsg("source does not have the expected columns"),
					errdetail("Expected (%s); found (%s).", expected.data, found.data),
					errhint("Columns count by position; columns in brackets may be left out.")));
}

/* Match what the source has to what is expected: in order, optional ones may be passed over. */
static void
columns_match(SourceReader *reader, TupleDesc desc)
{
	int place = 0;

	for (int i = 0; i < reader->n_columns; i++)
		reader->columns[i].attno = 0;

	for (int attno = 1; attno <= desc->natts; attno++)
	{
		Oid type = TupleDescAttr(desc, attno - 1)->atttypid;

		while (place < reader->n_columns && reader->columns[place].optional &&
			   !source_accepts(reader->columns[place].kind, type))
			place++;
		if (place == reader->n_columns || !source_accepts(reader->columns[place].kind, type))
			columns_mismatch(reader, desc);
		reader->columns[place].attno = attno;
		reader->columns[place].type = type;
		place++;
	}
	if (place < reader->n_columns && !reader->columns[place].optional)
		columns_mismatch(reader, desc);
}

/* ---- the rows ---- */

static inline bool
is_key(const SourceColumn *column)
{
	return column->kind == SOURCE_ID || column->kind == SOURCE_KEY;
}

static void
receiver_startup(DestReceiver *self, int operation, TupleDesc desc)
{
	SourceReceiver *receiver = (SourceReceiver *) self;
	SourceReader *reader = receiver->reader;

	columns_match(reader, desc);
	receiver->fields = palloc0(sizeof(SourceCell) * reader->n_columns);
	receiver->values = palloc0(sizeof(SourceValue) * reader->n_columns);
	reader->nulls = palloc0(sizeof(bool) * reader->n_columns);
	receiver->n_fields = 0;
	for (int i = 0; i < reader->n_columns; i++)
	{
		SourceColumn *column = &reader->columns[i];
		SourceCell *field = &receiver->fields[receiver->n_fields];
		IdKind kind;

		if (column->attno == 0)
			continue;
		field->column = column;
		field->place = i;
		field->type = getBaseType(column->type);
		column->field = pstrdup(NameStr(TupleDescAttr(desc, column->attno - 1)->attname));
		field->what = psprintf("column \"%s\"", column->field);
		if (column->kind == SOURCE_KEY && is_time(field->type))
			column->ids = ids_create(ID_INTEGER, reader->memory);
		else if (is_key(column) && !column->raw && id_kind_of_type(field->type, &kind))
			column->ids = ids_create(kind, reader->memory);
		field->key = palloc0(sizeof(IdKey));
		receiver->allocates |= !get_typbyval(field->type);
		receiver->nullable |= column->nullable;
		receiver->n_fields++;
	}
}

static inline int32
read_id(const SourceCell *field, Datum value)
{
	IdKey key;

	switch (field->type)
	{
		case INT4OID:
			return ids_add_number(field->column->ids, DatumGetInt32(value));
		case INT8OID:
			return ids_add_number(field->column->ids, DatumGetInt64(value));
		case DATEOID:
			return ids_add_number(field->column->ids, DatumGetDateADT(value));
		case TIMESTAMPOID:
		case TIMESTAMPTZOID:
			return ids_add_number(field->column->ids, DatumGetTimestamp(value));
		default:
			key = id_from_datum(value, field->type, field->what);
			if (key.kind == ID_INTEGER)
				return ids_add_number(field->column->ids, key.number);
			return ids_add_bytes(field->column->ids, key.bytes, key.length);
	}
}

static uint64
read_hash(const SourceCell *field, Datum value)
{
	IdKey key = id_from_datum(value, field->type, field->what);

	return id_hash(&key);
}

static inline double
read_number(const SourceCell *field, Datum value)
{
	switch (field->type)
	{
		case BOOLOID:
			return DatumGetBool(value);
		case INT2OID:
			return DatumGetInt16(value);
		case INT4OID:
			return DatumGetInt32(value);
		case INT8OID:
			return (double) DatumGetInt64(value);
		case FLOAT4OID:
			return DatumGetFloat4(value);
		case FLOAT8OID:
			return DatumGetFloat8(value);
		default:
			return DatumGetFloat8(DirectFunctionCall1(numeric_float8_no_overflow, value));
	}
}

static TimestampTz
read_time(const SourceCell *field, Datum value)
{
	switch (field->type)
	{
		case TIMESTAMPTZOID:
			return DatumGetTimestampTz(value);
		case TIMESTAMPOID:
			return DatumGetTimestampTz(DirectFunctionCall1(timestamp_timestamptz, value));
		default:
			return DatumGetTimestampTz(DirectFunctionCall1(date_timestamptz, value));
	}
}

static DateADT
read_day(const SourceCell *field, Datum value, pg_tz *zone)
{
	Timestamp at = field->type == DATEOID ? 0 : DatumGetTimestamp(value);
	struct pg_tm tm;
	fsec_t fraction;
	int offset;

	if (field->type == DATEOID)
		return DatumGetDateADT(value);
	if (TIMESTAMP_NOT_FINITE(at))
		return TIMESTAMP_IS_NOEND(at) ? DATEVAL_NOEND : DATEVAL_NOBEGIN;
	if (timestamp2tm(at, field->type == TIMESTAMPTZOID ? &offset : NULL, &tm, &fraction, NULL,
					 field->type == TIMESTAMPTZOID ? zone : NULL) != 0)
		ereport(ERROR, (errcode(ERRCODE_DATETIME_VALUE_OUT_OF_RANGE),
						errmsg("source has a time out of range in %s", field->what)));
	return date2j(tm.tm_year, tm.tm_mon, tm.tm_mday) - POSTGRES_EPOCH_JDATE;
}

/* `value` says what stands there that may not. */
static void
not_finite(const SourceReceiver *receiver, const SourceCell *field, const char *value)
{
	for (int i = 0; i < receiver->n_fields; i++)
	{
		const SourceCell *id = &receiver->fields[i];

		if (is_key(id->column) && id->place < field->place && !receiver->reader->nulls[id->place])
			ereport(ERROR, (errcode(ERRCODE_NUMERIC_VALUE_OUT_OF_RANGE),
							errmsg("source has %s in %s", value, field->what),
							errdetail("The first such row is of %s %s.", id->column->name,
									  source_key_text(id->column, &receiver->values[id->place])),
							errhint("Leave such rows out with a WHERE in the source.")));
	}
	ereport(ERROR, (errcode(ERRCODE_NUMERIC_VALUE_OUT_OF_RANGE),
					errmsg("source has %s in %s, row " INT64_FORMAT, value, field->what,
						   receiver->reader->rows_read)));
}

static const SourceText *
read_text(Datum value)
{
	struct varlena *plain = PG_DETOAST_DATUM_PACKED(value);
	SourceText *text = palloc(sizeof(SourceText));

	text->bytes = utf8_from_server(VARDATA_ANY(plain), VARSIZE_ANY_EXHDR(plain), &text->length);
	return text;
}

/* No element may be NULL; whether NaN and infinity may, is the column's to say. */
static const SourceVector *
read_vector(const SourceReceiver *receiver, const SourceCell *field, Datum value)
{
	ArrayType *array = DatumGetArrayTypeP(value);
	SourceVector *vector = palloc(sizeof(SourceVector));
	Size offset =
		ARR_HASNULL(array) ? (Size) array->dataoffset : (Size) ARR_OVERHEAD_NONULLS(ARR_NDIM(array));
	char *data = (char *) array + offset;
	double *numbers;

	vector->n = ArrayGetNItems(ARR_NDIM(array), ARR_DIMS(array));
	if (ARR_NDIM(array) > 1)
		not_finite(receiver, field, "an array of several dimensions");
	if (array_contains_nulls(array))
		not_finite(receiver, field, "an array with NULL");
	if (field->type == FLOAT8ARRAYOID)
		numbers = (double *) data;
	else
	{
		numbers = MemoryContextAllocHuge(CurrentMemoryContext, sizeof(double) * Max((Size) vector->n, 1));
		for (int32 i = 0; i < vector->n; i++)
			numbers[i] = ((float4 *) data)[i];
	}
	for (int32 i = 0; i < vector->n && !field->column->any_value; i++)
		if (unlikely(!isfinite(numbers[i])))
			not_finite(receiver, field, isnan(numbers[i]) ? "NaN" : "infinity");
	vector->numbers = numbers;
	return vector;
}

static const char *
what_is_not_finite(const SourceCell *field, Datum datum, double number)
{
	if (isnan(number))
		return "NaN";
	if (field->type == NUMERICOID && !numeric_is_inf(DatumGetNumeric(datum)))
		return "a number out of range for type double precision";
	return "infinity";
}

static inline void
read_field(SourceReceiver *receiver, const SourceCell *field, Datum datum)
{
	SourceValue *value = &receiver->values[field->place];

	switch (field->column->kind)
	{
		case SOURCE_ID:
		case SOURCE_KEY:
			if (field->column->raw)
			{
				*field->key = id_from_datum(datum, field->type, field->what);
				value->key = field->key;
			}
			else
				value->index = read_id(field, datum);
			break;
		case SOURCE_NUMBER:
		case SOURCE_LEVEL:
			value->number = read_number(field, datum);
			if (unlikely(!isfinite(value->number)) && !field->column->any_value)
				not_finite(receiver, field, what_is_not_finite(field, datum, value->number));
			break;
		case SOURCE_TIME:
			value->time = read_time(field, datum);
			if (unlikely(TIMESTAMP_NOT_FINITE(value->time)) && !field->column->any_value)
				not_finite(receiver, field, "infinity");
			break;
		case SOURCE_DAY:
			value->day = read_day(field, datum, receiver->reader->zone);
			if (unlikely(DATE_NOT_FINITE(value->day)) && !field->column->any_value)
				not_finite(receiver, field, "infinity");
			break;
		case SOURCE_TEXT:
			value->text = read_text(datum);
			break;
		case SOURCE_VECTOR:
			value->vector = read_vector(receiver, field, datum);
			break;
		case SOURCE_HASH:
			value->hash = read_hash(field, datum);
			break;
		case SOURCE_ANY:
			break;
	}
}

static void
read_nulls(SourceReceiver *receiver, TupleTableSlot *slot)
{
	for (int i = 0; i < receiver->n_fields; i++)
		receiver->reader->nulls[receiver->fields[i].place] =
			slot->tts_isnull[receiver->fields[i].column->attno - 1];
}

/* Ids stand first in every capability's columns, so a message about a number can name the row's first id. */
static bool
receiver_row(TupleTableSlot *slot, DestReceiver *self)
{
	SourceReceiver *receiver = (SourceReceiver *) self;
	SourceReader *reader = receiver->reader;
	MemoryContext caller;

	if (unlikely(reader->rows_read++ == 0))
		test_point("reading");
	slot_getallattrs(slot);
	for (int i = 0; i < receiver->n_fields; i++)
	{
		if (unlikely(slot->tts_isnull[receiver->fields[i].column->attno - 1]) &&
			!receiver->fields[i].column->nullable)
		{
			reader->rows_skipped++;
			return true;
		}
	}

	if (receiver->allocates)
		MemoryContextReset(receiver->row_memory);
	caller = MemoryContextSwitchTo(receiver->row_memory);
	if (unlikely(receiver->nullable))
		read_nulls(receiver, slot);
	for (int i = 0; i < receiver->n_fields; i++)
		if (!reader->nulls[receiver->fields[i].place])
			read_field(receiver, &receiver->fields[i],
					   slot->tts_values[receiver->fields[i].column->attno - 1]);
	MemoryContextSwitchTo(caller);
	reader->row(reader->arg, receiver->values);
	return true;
}

/* An id as it is shown: numbers that stand for a time as that time. */
static char *
key_as_type(char *text, Oid type)
{
	switch (getBaseType(type))
	{
		case DATEOID:
			return DatumGetCString(DirectFunctionCall1(date_out, DateADTGetDatum(strtoll(text, NULL, 10))));
		case TIMESTAMPOID:
			return DatumGetCString(
				DirectFunctionCall1(timestamp_out, TimestampGetDatum(strtoll(text, NULL, 10))));
		case TIMESTAMPTZOID:
			return DatumGetCString(
				DirectFunctionCall1(timestamptz_out, TimestampTzGetDatum(strtoll(text, NULL, 10))));
		default:
			return text;
	}
}

char *
source_key_text(const SourceColumn *column, const SourceValue *value)
{
	return column->raw ? id_text(value->key) : key_as_type(ids_text(column->ids, value->index), column->type);
}

char *
source_key_set_text(const IdSet *set, Oid type, int32 index)
{
	return key_as_type(idset_text(set, index), type);
}

static void
receiver_nothing(DestReceiver *self)
{
}

/* ---- without writing ---- */

typedef struct ReadOnlyState
{
	bool restricted; /* the source is somebody else's than the session */
	bool read_only; /* before, as the next one */
	bool reset;
	CommandId command;
	int guc_level;
} ReadOnlyState;

/*
 * A transaction that has begun to read cannot be made writable again by SET, which asks, but by RESET (compat.h), so that is led
 * to the same value.  What the query sets itself ends with it, where it is not the session's own, before the transaction
 * may write again.
 */
static void
read_only_enter(ReadOnlyState *state)
{
	state->restricted = InSecurityRestrictedOperation() && !IsInParallelMode();
	if (state->restricted)
	{
		CommandCounterIncrement(); /* from here on the counter moves only when something is written */
		state->guc_level = NewGUCNestLevel();
	}
	state->command = GetCurrentCommandId(false);
	state->read_only = XactReadOnly;
	state->reset = *compat_read_only_reset();
	XactReadOnly = true;
	*compat_read_only_reset() = true;
}

static void
read_only_leave(const ReadOnlyState *state)
{
	*compat_read_only_reset() = state->reset;
	XactReadOnly = state->read_only;
}

/* Some functions write whatever the transaction's state is: those of large objects before PostgreSQL 16. */
static void
read_only_check(const ReadOnlyState *state)
{
	if (!state->restricted)
		return;
	AtEOXact_GUC(false, state->guc_level);
	CommandCounterIncrement();
	if (GetCurrentCommandId(false) != state->command)
		ereport(
			ERROR,
			(errcode(ERRCODE_READ_ONLY_SQL_TRANSACTION), errmsg("source must not write"),
			 errhint("A function that it calls has changed something; sources of models are only read.")));
}

static void
source_execute(SPIPlanPtr plan, SourceReader *reader)
{
	SourceReceiver receiver = {
		.pub = {.receiveSlot = receiver_row,
				.rStartup = receiver_startup,
				.rShutdown = receiver_nothing,
				.rDestroy = receiver_nothing,
				.mydest = DestNone},
		.reader = reader,
		.row_memory = AllocSetContextCreate(CurrentMemoryContext, "promoai source row", ALLOCSET_SMALL_SIZES),
	};
	SPIExecuteOptions options = {.read_only = true, .must_return_tuples = true, .dest = &receiver.pub};
	ReadOnlyState state;

	read_only_enter(&state);
	PG_TRY();
	{
		if (SPI_execute_plan_extended(plan, &options) < 0)
			elog(ERROR, "source failed: %s", SPI_result_code_string(SPI_result));
		read_only_check(&state);
	}
	PG_FINALLY();
	{
		read_only_leave(&state);
	}
	PG_END_TRY();
}

static void
source_run(const char *source, SourceReader *reader, bool execute)
{
	SPIPlanPtr plan;
	TupleDesc desc;

	reader->rows_read = 0;
	reader->rows_skipped = 0;
	SPI_connect();
	plan = source_plan(source, &desc);
	columns_match(reader, desc);
	if (execute)
		source_execute(plan, reader);
	SPI_finish();
}

void
source_read(const char *source, SourceReader *reader)
{
	source_run(source, reader, true);
}

void
source_check_columns(const char *source, SourceReader *reader)
{
	source_run(source, reader, false);
}

SourceField *
source_describe(const char *source, int *n_fields)
{
	MemoryContext caller = CurrentMemoryContext;
	TupleDesc desc;
	SourceField *fields;

	SPI_connect();
	source_plan(source, &desc);
	*n_fields = desc->natts;
	fields = MemoryContextAlloc(caller, sizeof(SourceField) * Max(desc->natts, 1));
	for (int i = 0; i < desc->natts; i++)
	{
		fields[i].name = MemoryContextStrdup(caller, NameStr(TupleDescAttr(desc, i)->attname));
		fields[i].type = getBaseType(TupleDescAttr(desc, i)->atttypid);
	}
	SPI_finish();
	return fields;
}
