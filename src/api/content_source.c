/*
 * content_source.c - a source of (item, attribute, ...) as columns that make items alike
 *
 * What a column is follows from its type: boolean and uuid are categorical, numbers numeric, real[] and float8[] vectors; text is
 * categorical when at most half of its values are distinct, free text otherwise.  The arguments text_columns and
 * categorical_columns decide otherwise.
 *
 * Phases: the source's columns are given their roles; the rows are read into a table; items are put into canonical order; then
 * column by column levels, counts of words, numbers or vectors are laid out in that order.
 *
 * Memory: the table, which holds the texts, and beside it 8 bytes a word, 4 or 8 an item and column, or a vector's floats.
 */
#include "postgres.h"

#include <float.h>
#include <math.h>

#include "catalog/pg_type.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/memutils.h"
#include "utils/numeric.h"

#include "api/content_source.h"
#include "bridge/env.h"
#include "bridge/memory.h"
#include "core/text/plain_words.h"

#define MIN_WEIGHT 1e-6
#define MAX_WEIGHT 1e6
#define MAX_COLUMNS 1000

/* One reading on its way; columns of the table are counted from 1, the item being 0. */
typedef struct Reading
{
	ContentSource *in;
	int32 *row; /* [items] the table's row of each */
	uint64 taken; /* bytes for columns, beside the table */
	uint64 table_bytes;
} Reading;

const char *
content_kind_name(ContentKind kind)
{
	static const char *const names[] = {[CONTENT_LEVEL] = "categorical",
										[CONTENT_WORDS] = "text",
										[CONTENT_NUMBER] = "numeric",
										[CONTENT_VECTOR] = "vector"};

	return names[kind];
}

/* ---- roles ---- */

static bool
named_in(const OptionTexts *list, const char *name)
{
	for (int i = 0; i < list->n; i++)
		if (strcmp(list->text[i], name) == 0)
			return true;
	return false;
}

static int
column_named(const ContentSource *in, const char *name, const char *argument)
{
	for (int c = 0; c < in->n; c++)
		if (strcmp(in->names[c], name) == 0)
			return c;
	ereport(ERROR,
			(errcode(ERRCODE_UNDEFINED_COLUMN),
			 errmsg("argument \"%s\": the source has no attribute \"%s\"", argument, args_quoted(name)),
			 errhint("The first column is the item; attributes go by their names in the source.")));
}

static void
check_names(const ContentSource *in)
{
	for (int c = 0; c < in->n; c++)
		for (int d = 0; d < c; d++)
			if (strcmp(in->names[c], in->names[d]) == 0)
				ereport(ERROR, (errcode(ERRCODE_AMBIGUOUS_COLUMN),
								errmsg("the source has several columns \"%s\"", in->names[c]),
								errhint("Give them different names with AS.")));
	for (int i = 0; i < in->text_columns.n; i++)
		(void) column_named(in, in->text_columns.text[i], "text_columns");
	for (int i = 0; i < in->categorical_columns.n; i++)
	{
		(void) column_named(in, in->categorical_columns.text[i], "categorical_columns");
		if (named_in(&in->text_columns, in->categorical_columns.text[i]))
			ereport(ERROR,
					(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
					 errmsg("column \"%s\" is named in \"text_columns\" and in \"categorical_columns\"",
							in->categorical_columns.text[i])));
	}
}

static void
read_weight(ContentSource *in, const JsonbValue *key, const JsonbValue *value)
{
	int c = column_named(in, pnstrdup(key->val.string.val, key->val.string.len), "column_weights");
	double weight = value->type == jbvNumeric
						? DatumGetFloat8(DirectFunctionCall1(numeric_float8_no_overflow,
															 NumericGetDatum(value->val.numeric)))
						: NAN;

	if (!(weight >= MIN_WEIGHT && weight <= MAX_WEIGHT))
		ereport(
			ERROR,
			(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
			 errmsg("argument \"column_weights\": the weight of \"%s\" must be a number between %g and %g",
					in->names[c], MIN_WEIGHT, MAX_WEIGHT),
			 errhint("Leave a column that is not to count out of the source.")));
	in->columns[c].weight = weight;
}

static void
read_weights(ContentSource *in)
{
	JsonbIterator *iterator;
	JsonbValue key;
	JsonbValue value;

	for (int c = 0; c < in->n; c++)
		in->columns[c].weight = 1;
	if (in->weights == NULL)
		return;
	if (!JB_ROOT_IS_OBJECT(in->weights))
		ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
						errmsg("argument \"column_weights\" must be an object of column names and weights"),
						errhint("Write it as in '{\"category\": 2, \"price\": 0.5}'.")));
	iterator = JsonbIteratorInit(&in->weights->root);
	(void) JsonbIteratorNext(&iterator, &key, true);
	while (JsonbIteratorNext(&iterator, &key, true) == WJB_KEY)
	{
		(void) JsonbIteratorNext(&iterator, &value, true);
		read_weight(in, &key, &value);
	}
}

/* How a column is read, and what it is by its type; texts are looked at again once they are there. */
static void
choose_role(const ContentSource *in, const SourceField *field, SourceColumn *column, ContentColumn *role)
{
	bool categorical = named_in(&in->categorical_columns, field->name);

	*column = (SourceColumn){.name = field->name, .nullable = true};
	if (source_accepts(SOURCE_TEXT, field->type))
	{
		column->kind = SOURCE_TEXT;
		role->kind = categorical ? CONTENT_LEVEL : CONTENT_WORDS;
	}
	else if (named_in(&in->text_columns, field->name))
		ereport(ERROR, (errcode(ERRCODE_DATATYPE_MISMATCH),
						errmsg("argument \"text_columns\": column \"%s\" is of type %s", field->name,
							   format_type_be(field->type)),
						errhint("Cast it to text in the source.")));
	else if (source_accepts(SOURCE_VECTOR, field->type) && !categorical)
	{
		column->kind = SOURCE_VECTOR;
		role->kind = CONTENT_VECTOR;
	}
	else if (field->type == UUIDOID || (categorical && source_accepts(SOURCE_KEY, field->type)))
	{
		column->kind = SOURCE_KEY;
		role->kind = CONTENT_LEVEL;
	}
	else if (field->type == BOOLOID)
	{
		column->kind = SOURCE_LEVEL;
		role->kind = CONTENT_LEVEL;
	}
	else if (source_accepts(SOURCE_NUMBER, field->type) && !categorical)
	{
		column->kind = SOURCE_NUMBER;
		role->kind = CONTENT_NUMBER;
		role->width = 2;
	}
	else
		ereport(
			ERROR,
			(errcode(ERRCODE_DATATYPE_MISMATCH),
			 errmsg("column \"%s\" of the source is of type %s, which is no %s", field->name,
					format_type_be(field->type), categorical ? "category" : "attribute"),
			 errhint(
				 "Attributes are text, boolean, numbers, uuid, real[] and float8[], categories text, boolean, "
				 "integers, uuid and times; cast the column.")));
}

void
content_source_check(const char *source, ContentSource *in)
{
	int n_fields;
	SourceField *fields = source_describe(source, &n_fields);
	SourceColumn *columns = palloc0(sizeof(SourceColumn) * (n_fields + 2));
	SourceReader reader = {.columns = columns, .n_columns = Max(n_fields, 2)};

	if (n_fields > MAX_COLUMNS)
		ereport(ERROR,
				(errcode(ERRCODE_TOO_MANY_COLUMNS),
				 errmsg("source has %d columns, more than the %d that are possible", n_fields, MAX_COLUMNS)));
	in->n = Max(n_fields - 1, 0);
	in->names = palloc0(sizeof(char *) * (in->n + 1));
	in->columns = palloc0(sizeof(ContentColumn) * (in->n + 1));
	columns[0] = (SourceColumn){.name = "item", .kind = SOURCE_ID};
	columns[1] = (SourceColumn){.name = "attribute", .kind = SOURCE_TEXT, .nullable = true};
	for (int c = 0; c < in->n; c++)
		in->names[c] = (char *) fields[c + 1].name;
	check_names(in);
	for (int c = 0; c < in->n; c++)
		choose_role(in, &fields[c + 1], &columns[c + 1], &in->columns[c]);
	read_weights(in);
	source_check_columns(source, &reader);
	in->table.columns = columns;
	in->table.n_columns = in->n + 1;
}

/* ---- rows ---- */

/* Take `bytes` more, beside the table and what was taken before. */
static void *
take(Reading *reading, uint64 n, uint64 width)
{
	reading->taken = memory_add(reading->taken, memory_mul(Max(n, 1), width));
	memory_require(memory_add(reading->table_bytes, reading->taken), reading->in->limit,
				   "reading attributes");
	return MemoryContextAllocHuge(reading->in->memory, Max(n, 1) * width);
}

/* The row of each item; an item stands in one row only. */
static void
order_items(Reading *reading)
{
	ContentSource *in = reading->in;
	const Table *table = &in->table;

	in->items = table->ids[0];
	reading->row = take(reading, in->items->n, sizeof(int32));
	for (int32 i = 0; i < in->items->n; i++)
		reading->row[i] = -1;
	for (int64 r = 0; r < table->n; r++)
	{
		int32 *row = &reading->row[table->index[0][r]];

		if (unlikely(r % (1 << 18) == 0))
			CHECK_FOR_INTERRUPTS();
		if (*row >= 0)
			ereport(ERROR,
					(errcode(ERRCODE_CARDINALITY_VIOLATION),
					 errmsg("item \"%s\" stands in several rows of the source",
							table_key_text(table, 0, table->index[0][r])),
					 errhint("An item's attributes are columns of one row; group the source by item.")));
		*row = (int32) r;
	}
}

/* A table of all texts, or words, of a column will be there for a while. */
static void
require_ids(const Reading *reading, int c)
{
	const Table *table = &reading->in->table;
	uint64 ids = memory_add(memory_mul(2, table->run[c + 1].start[table->n]), memory_mul(32, table->n));

	memory_require(memory_add(ids, memory_add(reading->table_bytes, reading->taken)), reading->in->limit,
				   "reading attributes");
}

static const char *
text_at(const Reading *reading, int c, int32 item, Size *length)
{
	const TableRun *run = &reading->in->table.run[c + 1];
	int32 row = reading->row[item];

	*length = run->start[row + 1] - run->start[row];
	return run->bytes == NULL ? "" : run->bytes + run->start[row];
}

static bool
null_at(const Reading *reading, int c, int32 item)
{
	return reading->in->table.is_null[c + 1][reading->row[item]];
}

/* Levels of texts; false when they are free text after all: more than half of the values are distinct. */
static bool
lay_out_text_levels(Reading *reading, int c, bool ask)
{
	ContentSource *in = reading->in;
	IdTable *values = ids_create(ID_TEXT, in->memory);
	int32 *level = take(reading, in->items->n, sizeof(int32));
	int32 n = 0;

	require_ids(reading, c);
	for (int32 i = 0; i < in->items->n; i++)
	{
		Size length;
		const char *text = text_at(reading, c, i, &length);

		if (unlikely(i % (1 << 16) == 0))
			CHECK_FOR_INTERRUPTS();
		level[i] = null_at(reading, c, i) ? -1 : ids_add_bytes(values, text, (int) length);
		n += level[i] >= 0;
	}
	in->columns[c].width = ids_count(values);
	in->columns[c].level = level;
	if (ask && ids_count(values) > n / 2)
		pfree(level);
	else
		ask = false;
	ids_free(values);
	return !ask;
}

/* Levels of what is no text, numbered in the order of the items. */
static void
lay_out_levels(Reading *reading, int c)
{
	ContentSource *in = reading->in;
	bool key = in->table.columns[c + 1].kind == SOURCE_KEY;
	int32 *level = take(reading, in->items->n, sizeof(int32));

	for (int32 i = 0; i < in->items->n; i++)
	{
		int32 row = reading->row[i];

		if (key)
			level[i] = in->table.index[c + 1][row];
		else
			level[i] = null_at(reading, c, i) ? -1 : in->table.number[c + 1][row] != 0;
	}
	in->columns[c].level = level;
	in->columns[c].width = key ? in->table.ids[c + 1]->n : 2;
}

/*
 * How many words an item's text has; into word [them] their indices, when wanted.  Not by bridge/tokenizer.h: models of items
 * keep no tokenizer in their payload, so their words must be the same on every machine and for ever, as those of fixed
 * rules are, and weights by rarity make up for what a dictionary and stop words would do.
 */
static int64
words_of(const char *bytes, Size length, IdTable *vocabulary, int32 *word)
{
	PlainWords text;
	char spelling[PLAIN_WORD_MAX];
	int64 n = 0;

	plain_words_open(&text, bytes, length);
	for (int32 size; (size = plain_words_next(&text, spelling)) > 0; n++)
	{
		if (unlikely(n % (1 << 16) == 0))
			CHECK_FOR_INTERRUPTS();
		if (word != NULL)
			word[n] = ids_add_bytes(vocabulary, spelling, size);
	}
	return n;
}

#define ST_SORT sort_words
#define ST_ELEMENT_TYPE int32
#define ST_COMPARE(a, b) (*(a) < *(b) ? -1 : *(a) > *(b))
#define ST_SCOPE static
#define ST_CHECK_FOR_INTERRUPTS
#define ST_DEFINE
#include "lib/sort_template.h"

/* word [n] of one item into distinct ones with their counts, in place. */
static int64
count_words(int32 *word, float *count, int64 n)
{
	int64 kept = 0;

	sort_words(word, n);
	for (int64 i = 0; i < n; i++)
	{
		if (kept > 0 && word[kept - 1] == word[i])
		{
			count[kept - 1] += 1;
			continue;
		}
		word[kept] = word[i];
		count[kept++] = 1;
	}
	return kept;
}

static void
lay_out_words(Reading *reading, int c)
{
	ContentSource *in = reading->in;
	IdTable *vocabulary = ids_create(ID_TEXT, in->memory);
	Csr *words = &in->columns[c].words;
	int64 total = 0;
	Size length;

	for (int32 i = 0; i < in->items->n; i++)
	{
		const char *text = text_at(reading, c, i, &length);

		total += words_of(text, length, NULL, NULL);
	}
	*words = (Csr){.rows = in->items->n,
				   .start = take(reading, (uint64) in->items->n + 1, sizeof(int64)),
				   .col = take(reading, total, sizeof(int32)),
				   .value = take(reading, total, sizeof(float))};
	words->start[0] = 0;
	require_ids(reading, c);
	for (int32 i = 0; i < in->items->n; i++)
	{
		const char *text = text_at(reading, c, i, &length);
		int64 at = words->start[i];
		int64 n = words_of(text, length, vocabulary, words->col + at);

		words->start[i + 1] = at + count_words(words->col + at, words->value + at, n);
	}
	words->cols = ids_count(vocabulary);
	in->columns[c].width = words->cols;
	ids_free(vocabulary);
}

static void
lay_out_numbers(Reading *reading, int c)
{
	ContentSource *in = reading->in;
	double *number = take(reading, in->items->n, sizeof(double));

	for (int32 i = 0; i < in->items->n; i++)
		number[i] = in->table.number[c + 1][reading->row[i]];
	in->columns[c].number = number;
}

/* The length that all vectors of a column have. */
static int32
vector_length(const Reading *reading, int c)
{
	const ContentSource *in = reading->in;
	int32 width = -1;

	for (int32 i = 0; i < in->items->n; i++)
	{
		Size bytes;

		if (null_at(reading, c, i))
			continue;
		(void) text_at(reading, c, i, &bytes);
		if (width >= 0 && (Size) width != bytes / sizeof(double))
			ereport(ERROR, (errcode(ERRCODE_ARRAY_SUBSCRIPT_ERROR),
							errmsg("column \"%s\" has vectors of %d and of %zu elements", in->names[c], width,
								   bytes / sizeof(double)),
							errdetail("The first of the other length is of item %s.",
									  table_key_text(&in->table, 0, i)),
							errhint("All vectors of a column must be of one length; NULL stands for none.")));
		width = (int32) (bytes / sizeof(double));
	}
	return Max(width, 0);
}

static void
lay_out_vectors(Reading *reading, int c)
{
	ContentSource *in = reading->in;
	int32 width = vector_length(reading, c);
	float *vector = take(reading, memory_mul(in->items->n, Max(width, 1)), sizeof(float));

	for (int32 i = 0; i < in->items->n; i++)
	{
		Size bytes;
		const double *numbers = (const double *) text_at(reading, c, i, &bytes);

		if (unlikely(i % 1024 == 0))
			CHECK_FOR_INTERRUPTS();
		for (int32 d = 0; d < width; d++)
		{
			double number = null_at(reading, c, i) ? 0 : numbers[d];

			if (fabs(number) > FLT_MAX)
				ereport(ERROR,
						(errcode(ERRCODE_NUMERIC_VALUE_OUT_OF_RANGE),
						 errmsg("column \"%s\" has %g, beyond the largest allowed, %g", in->names[c], number,
								FLT_MAX),
						 errdetail("The first such row is of item %s.", table_key_text(&in->table, 0, i))));
			vector[(Size) i * width + d] = (float) number;
		}
	}
	in->columns[c].vector = vector;
	in->columns[c].width = width;
}

static void
lay_out(Reading *reading, int c)
{
	ContentSource *in = reading->in;
	ContentColumn *column = &in->columns[c];

	switch (column->kind)
	{
		case CONTENT_LEVEL:
			if (in->table.columns[c + 1].kind == SOURCE_TEXT)
				(void) lay_out_text_levels(reading, c, false);
			else
				lay_out_levels(reading, c);
			break;
		case CONTENT_WORDS:
			if (!named_in(&in->text_columns, in->names[c]) && lay_out_text_levels(reading, c, true))
				column->kind = CONTENT_LEVEL;
			else
				lay_out_words(reading, c);
			break;
		case CONTENT_NUMBER:
			lay_out_numbers(reading, c);
			break;
		case CONTENT_VECTOR:
			lay_out_vectors(reading, c);
			break;
	}
}

void
content_source_read(const char *source, ContentSource *in)
{
	Reading reading = {.in = in};

	content_source_check(source, in);
	in->table.memory = in->memory;
	in->table.limit = in->limit;
	in->table.what = "reading attributes";
	table_read(source, &in->table);
	if (in->table.n == 0)
		ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE), errmsg("source has no items"),
						errdetail(INT64_FORMAT " rows were read, " INT64_FORMAT
											   " of them skipped for an item that is NULL.",
								  in->table.rows_read, in->table.rows_skipped)));
	if (in->table.n > PG_INT32_MAX)
		ereport(ERROR, (errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
						errmsg("source has " INT64_FORMAT " items, more than the %d that are possible",
							   in->table.n, PG_INT32_MAX)));
	reading.table_bytes = in->table.bytes;
	order_items(&reading);
	for (int c = 0; c < in->n; c++)
		lay_out(&reading, c);
	in->bytes = memory_add(reading.table_bytes, reading.taken);
}
