/*
 * source_check.c - source_check: what in a shop's rows looks wrong, in words
 *
 * Columns are taken for what their types and names say: text, uuid and numbers named like ids are keys, other numbers are
 * numbers, dates and times are days.  Arguments name the account, the item and the amounts where names do not tell.  The
 * rows are read whole, NULLs and NaN included, and put into canonical order, so that examples do not depend on chance.
 *
 * Numbers are read in double precision.  Where that cannot tell all of them apart (bigint, numeric), a hash of the row as it came
 * is one more column behind those that are looked at, for duplicates.
 *
 * For sorting, NULL stands as -DBL_MAX among numbers, NaN as DBL_MAX, and behind all days.  Times are keys, so
 * that two instants of a day are no repetition; the day that each falls on stands beside.
 */
#include "postgres.h"

#include <float.h>
#include <math.h>

#include "catalog/pg_type.h"
#include "miscadmin.h"
#include "pgtime.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/date.h"
#include "utils/datetime.h"
#include "utils/formatting.h"
#include "utils/lsyscache.h"
#include "utils/timestamp.h"
#include "utils/varlena.h"

#include "api/table.h"
#include "bridge/args.h"
#include "bridge/env.h"
#include "bridge/language.h"
#include "bridge/memory.h"
#include "bridge/rows.h"
#include "core/promote/audit.h"

#define NULL_NUMBER (-DBL_MAX)
#define NAN_NUMBER DBL_MAX
#define NULL_DAY (DATEVAL_NOEND - 1) /* no date */
#define MOST_DAYS 36525
#define MAX_EXAMPLES 100
#define CENTS_MEDIAN 500.0 /* whole amounts about this size, mostly multiples of ten, may be cents */

typedef struct Check
{
	Table table;
	int n_columns; /* to look at; the table may have one more, the rows' hash */
	PgEnv env;
	Language language;
	int examples; /* at most, per finding */
	int account, item, day; /* columns, -1: none */
	bool *is_amount; /* [n_columns] */
	ReturnSetInfo *rows;
	Design design; /* all columns, in canonical order */
} Check;

/* One finding while it is put together. */
typedef struct Finding
{
	const char *code;
	const char *column; /* NULL: of the source as a whole */
	int64 count;
	bool no_rows; /* count is not of rows: no share */
	char *message;
	char **examples; /* [n_examples] */
	int n_examples;
} Finding;

/* ---- columns ---- */

static bool
name_has(const char *name, const char *const *words)
{
	char *lower = asc_tolower(name, strlen(name));

	for (; *words != NULL; words++)
		if (strstr(lower, *words) != NULL)
			return true;
	return false;
}

static bool
ends_like_id(const char *name)
{
	static const char *const ends[] = {"id",
									   "no",
									   "nr",
									   "code",
									   "sku",
									   "key",
									   "number",
									   "\xe5\x8f\xb7", /* number */
									   "\xe7\xa0\x81", /* code */
									   NULL};
	Size length = strlen(name);
	char *lower = asc_tolower(name, length);

	for (int i = 0; ends[i] != NULL; i++)
	{
		Size n = strlen(ends[i]);

		if (length >= n && strcmp(lower + length - n, ends[i]) == 0)
			return true;
	}
	return false;
}

static const char *const account_words[] = {"account",
											"customer",
											"user",
											"buyer",
											"member",
											"client",
											"\xe5\xae\xa2\xe6\x88\xb7", /* customer */
											"\xe9\xa1\xbe\xe5\xae\xa2", /* guest */
											"\xe7\x94\xa8\xe6\x88\xb7", /* user */
											"\xe4\xb9\xb0\xe5\xae\xb6", /* buyer */
											"\xe4\xbc\x9a\xe5\x91\x98", /* member */
											NULL};
static const char *const item_words[] = {
	"item", "product", "sku", "stock", "article", "goods", "\xe5\x95\x86\xe5\x93\x81", /* goods */
	NULL};
static const char *const amount_words[] = {"amount",
										   "price",
										   "paid",
										   "revenue",
										   "total",
										   "sales",
										   "discount",
										   "refund",
										   "\xe9\x87\x91\xe9\xa2\x9d", /* amount */
										   "\xe4\xbb\xb7", /* price */
										   "\xe5\xae\x9e\xe4\xbb\x98", /* paid */
										   NULL};

static int
field_of(const SourceField *fields, int n, const char *name, const char *argument)
{
	for (int i = 0; i < n; i++)
		if (strcmp(fields[i].name, name) == 0)
			return i;
	ereport(ERROR, (errcode(ERRCODE_UNDEFINED_COLUMN),
					errmsg("argument \"%s\": the source has no column \"%s\"", argument, args_quoted(name))));
}

static int
named_or_guessed(const Args *args, const char *argument, const SourceField *fields, int n,
				 const char *const *words)
{
	char *name = args_text_or_null(args, argument);

	if (name != NULL)
		return field_of(fields, n, name, argument);
	for (int i = 0; i < n; i++)
		if (name_has(fields[i].name, words) && source_accepts(SOURCE_ID, fields[i].type) &&
			!name_has(fields[i].name, amount_words))
			return i;
	return -1;
}

static void
choose_amounts(Check *check, const Args *args, const SourceField *fields, int n)
{
	char *text = args_text_or_null(args, "amounts");
	List *names = NIL;
	ListCell *cell;

	check->is_amount = palloc0(sizeof(bool) * Max(n, 1));
	if (text == NULL)
	{
		for (int i = 0; i < n; i++)
			check->is_amount[i] = name_has(fields[i].name, amount_words);
		return;
	}
	if (!SplitIdentifierString(pstrdup(text), ',', &names))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("argument \"amounts\" must be a list of column names, got \"%s\"", args_quoted(text)),
				 errhint("Separate names by commas, as in 'price, paid'.")));
	foreach (cell, names)
	{
		int field = field_of(fields, n, lfirst(cell), "amounts");

		if (!source_accepts(SOURCE_NUMBER, fields[field].type))
			ereport(ERROR, (errcode(ERRCODE_DATATYPE_MISMATCH),
							errmsg("argument \"amounts\": column \"%s\" is no number", fields[field].name)));
		check->is_amount[field] = true;
	}
}

static SourceKind
kind_of(const Check *check, const SourceField *field, int i)
{
	bool number = source_accepts(SOURCE_LEVEL, field->type);

	if (source_accepts(SOURCE_DAY, field->type))
		return field->type == DATEOID ? SOURCE_DAY : SOURCE_KEY;
	if (number && !check->is_amount[i] && field->type != BOOLOID &&
		(i == check->account || i == check->item || ends_like_id(field->name)) && field->type != FLOAT4OID &&
		field->type != FLOAT8OID && field->type != NUMERICOID)
		return SOURCE_ID;
	return number ? SOURCE_LEVEL : SOURCE_ID;
}

/* Different values of the column may be one number in double precision. */
static bool
loses_digits(const SourceColumn *column, Oid type)
{
	return column->kind == SOURCE_LEVEL && (type == INT8OID || type == NUMERICOID);
}

/* The source to read: as it is, or with the rows' hash. */
static char *
choose_columns(Check *check, const Args *args, char *source)
{
	Table *table = &check->table;
	int n;
	SourceField *fields = source_describe(source, &n);
	bool hashed = false;

	if (n == 0)
		ereport(ERROR, (errcode(ERRCODE_DATATYPE_MISMATCH), errmsg("source has no columns")));
	choose_amounts(check, args, fields, n);
	check->account = named_or_guessed(args, "account", fields, n, account_words);
	check->item = named_or_guessed(args, "item", fields, n, item_words);
	check->day = -1;
	table->n_columns = check->n_columns = n;
	table->columns = palloc0(sizeof(SourceColumn) * ((Size) n + 1));
	for (int i = 0; i < n; i++)
	{
		SourceColumn *column = &table->columns[i];

		*column = (SourceColumn){.name = fields[i].name,
								 .kind = kind_of(check, &fields[i], i),
								 .nullable = true,
								 .any_value = true};
		if (check->day < 0 && (column->kind == SOURCE_DAY || column->kind == SOURCE_KEY))
			check->day = i;
		if (!source_accepts(column->kind, fields[i].type))
			ereport(ERROR, (errcode(ERRCODE_DATATYPE_MISMATCH),
							errmsg("column \"%s\" of the source is of a type that cannot be checked",
								   fields[i].name),
							errhint("Leave it out, or cast it to text.")));
		hashed |= loses_digits(column, fields[i].type);
	}
	if (check->account >= 0 && table->columns[check->account].kind != SOURCE_ID)
		check->account = -1;
	if (check->item >= 0 && table->columns[check->item].kind != SOURCE_ID)
		check->item = -1;
	if (!hashed || n == MaxTupleAttributeNumber)
		return source;
	table->columns[table->n_columns++] =
		(SourceColumn){.name = "hash", .kind = SOURCE_LEVEL, .nullable = true, .any_value = true};
	return source_hashed(source);
}

/* ---- reading ---- */

static uint64
check_need(const void *arg, uint64 rows)
{
	const Check *check = arg;
	Size times = 0;

	for (int c = 0; c < check->table.n_columns; c++)
		times += check->table.columns[c].kind == SOURCE_KEY;
	return memory_add(design_scratch_bytes((int64) rows),
					  memory_mul(rows, 4 * sizeof(double) + times * sizeof(int32)));
}

/* NULL and NaN as values that sort. */
static void
settle_values(Table *table)
{
	for (int c = 0; c < table->n_columns; c++)
	{
		for (int64 i = 0; i < table->n; i++)
		{
			if (unlikely(i % 65536 == 0))
				CHECK_FOR_INTERRUPTS();
			if (table->number[c] != NULL && isnan(table->number[c][i]))
				table->number[c][i] = table->is_null[c][i] ? NULL_NUMBER : NAN_NUMBER;
			if (table->day[c] != NULL && table->is_null[c][i])
				table->day[c][i] = NULL_DAY;
		}
	}
}

/* The day of a timestamp, in the session's zone with a time zone; DATEVAL_NOBEGIN when it is infinite. */
static int32
day_of(Timestamp at, bool zoned)
{
	struct pg_tm tm;
	fsec_t fraction;
	int offset;

	if (TIMESTAMP_NOT_FINITE(at))
		return DATEVAL_NOBEGIN;
	if (timestamp2tm(at, zoned ? &offset : NULL, &tm, &fraction, NULL, zoned ? session_timezone : NULL) != 0)
		ereport(ERROR, (errcode(ERRCODE_DATETIME_VALUE_OUT_OF_RANGE), errmsg("timestamp out of range")));
	return date2j(tm.tm_year, tm.tm_mon, tm.tm_mday) - POSTGRES_EPOCH_JDATE;
}

/* The days of times, once rows are in order. */
static void
find_days(Table *table)
{
	for (int c = 0; c < table->n_columns; c++)
	{
		int32 *day;
		bool zoned;

		if (table->columns[c].kind != SOURCE_KEY)
			continue;
		zoned = getBaseType(table->columns[c].type) == TIMESTAMPTZOID;
		day = table->day[c] = MemoryContextAllocHuge(table->memory, sizeof(int32) * (Size) Max(table->n, 1));
		for (int64 i = 0; i < table->n; i++)
		{
			int32 index = table->index[c][i];

			if (unlikely(i % 65536 == 0))
				CHECK_FOR_INTERRUPTS();
			day[i] = index < 0 ? NULL_DAY : day_of(idset_key(table->ids[c], index).number, zoned);
		}
	}
}

static void
read_rows(Check *check, const char *source)
{
	Table *table = &check->table;
	Design *design = &check->design;

	table->what = "checking the source";
	table->need = check_need;
	table->need_arg = check;
	table_read(source, table);
	settle_values(table);
	design->n = table->n;
	design->group = palloc(sizeof(int32 *) * table->n_columns);
	design->levels = palloc0(sizeof(int32) * table->n_columns);
	design->column = palloc(sizeof(double *) * table->n_columns);
	for (int c = 0; c < table->n_columns; c++)
	{
		if (table->index[c] != NULL)
			design->group[design->n_groups++] = table->index[c];
		else if (table->day[c] != NULL)
			design->group[design->n_groups++] = table->day[c];
		else if (table->number[c] != NULL)
			design->column[design->n_columns++] = table->number[c];
	}
	if (table->n > 0)
		env_check(&check->env, design_sort(&check->env.base, design), "sorting rows");
	find_days(table);
}

/* ---- examples and findings ---- */

static char *
cell_text(const Check *check, int c, int64 row)
{
	const Table *table = &check->table;

	if (table->index[c] != NULL)
		return table->index[c][row] < 0 ? pstrdup("NULL") : table_key_text(table, c, table->index[c][row]);
	if (table->day[c] != NULL)
		return table->day[c][row] == NULL_DAY
				   ? pstrdup("NULL")
				   : DatumGetCString(DirectFunctionCall1(date_out, DateADTGetDatum(table->day[c][row])));
	if (table->number[c][row] == NULL_NUMBER)
		return pstrdup("NULL");
	if (table->number[c][row] == NAN_NUMBER)
		return pstrdup("NaN");
	return DatumGetCString(DirectFunctionCall1(float8out, Float8GetDatum(table->number[c][row])));
}

static char *
row_text(const Check *check, int64 row)
{
	StringInfoData text;

	initStringInfo(&text);
	for (int c = 0; c < check->n_columns; c++)
		appendStringInfo(&text, "%s%s=%s", c == 0 ? "" : ", ", check->table.columns[c].name,
						 cell_text(check, c, row));
	return text.data;
}

static void
finding_open(const Check *check, Finding *finding, const char *code, const char *column)
{
	*finding = (Finding){.code = code, .column = column};
	finding->examples = palloc(sizeof(char *) * Max(check->examples, 1));
}

static void
finding_example(const Check *check, Finding *finding, char *text)
{
	if (finding->n_examples < check->examples)
		finding->examples[finding->n_examples++] = text;
}

static void
finding_row(const Check *check, Finding *finding, int64 row)
{
	finding->count++;
	if (finding->n_examples < check->examples)
		finding_example(check, finding, row_text(check, row));
}

/* Rows (finding, column_name, row_count, share, message, examples). */
static void
finding_put(Check *check, Finding *finding)
{
	Datum *elements;
	Datum values[6];
	bool nulls[6] = {0};

	if (finding->count == 0)
		return;
	elements = palloc(sizeof(Datum) * Max(finding->n_examples, 1));
	for (int i = 0; i < finding->n_examples; i++)
		elements[i] = CStringGetTextDatum(finding->examples[i]);
	values[0] = CStringGetTextDatum(finding->code);
	nulls[1] = finding->column == NULL;
	if (!nulls[1])
		values[1] = CStringGetTextDatum(finding->column);
	values[2] = Int64GetDatum(finding->count);
	values[3] = Float8GetDatum((double) finding->count / Max(check->table.n, 1));
	nulls[3] = finding->no_rows;
	values[4] = CStringGetTextDatum(finding->message);
	values[5] =
		PointerGetDatum(construct_array(elements, finding->n_examples, TEXTOID, -1, false, TYPALIGN_INT));
	rows_put(check->rows, values, nulls);
}

/* ---- what is looked for ---- */

static void
find_duplicates(Check *check)
{
	Finding finding;

	finding_open(check, &finding, "duplicates", NULL);
	for (int64 i = 1; i < check->table.n; i++)
	{
		if (unlikely(i % 65536 == 0))
			CHECK_FOR_INTERRUPTS();
		if (audit_same_row(&check->design, i, i - 1))
			finding_row(check, &finding, i);
	}
	finding.message = psprintf(language_pick(check->language, INT64_FORMAT " rows repeat another row exactly",
											 INT64_FORMAT " 行与另一行完全相同"),
							   finding.count);
	finding_put(check, &finding);
}

static bool
is_missing(const Check *check, int c, int64 row)
{
	const Table *table = &check->table;

	return table->index[c] != NULL ? table->index[c][row] < 0
		   : table->day[c] != NULL ? table->day[c][row] == NULL_DAY
								   : table->number[c][row] == NULL_NUMBER;
}

static bool
is_not_finite(const Check *check, int c, int64 row)
{
	const Table *table = &check->table;

	if (table->day[c] != NULL)
		return DATE_NOT_FINITE(table->day[c][row]);
	return table->number[c] != NULL && (table->number[c][row] == NAN_NUMBER || isinf(table->number[c][row]));
}

static bool
is_negative(const Check *check, int c, int64 row)
{
	return check->table.number[c] != NULL && check->table.number[c][row] < 0 &&
		   check->table.number[c][row] != NULL_NUMBER && isfinite(check->table.number[c][row]);
}

static bool
is_zero_amount(const Check *check, int c, int64 row)
{
	return check->table.number[c] != NULL && check->is_amount[c] && check->table.number[c][row] == 0;
}

/* Rows of one column for which `wrong` says so. */
static void
find_values(Check *check, int c, const char *code, bool (*wrong)(const Check *, int, int64),
			const char *english, const char *chinese)
{
	const char *name = check->table.columns[c].name;
	Finding finding;

	finding_open(check, &finding, code, name);
	for (int64 i = 0; i < check->table.n; i++)
	{
		if (unlikely(i % 65536 == 0))
			CHECK_FOR_INTERRUPTS();
		if (wrong(check, c, i))
			finding_row(check, &finding, i);
	}
	finding.message = psprintf(language_pick(check->language, english, chinese), finding.count, name);
	finding_put(check, &finding);
}

static void
find_outliers(Check *check, int c, const AuditSpread *spread)
{
	const double *number = check->table.number[c];
	const char *name = check->table.columns[c].name;
	Finding finding;

	finding_open(check, &finding, "outliers", name);
	for (int64 i = 0; i < check->table.n; i++)
	{
		if (unlikely(i % 65536 == 0))
			CHECK_FOR_INTERRUPTS();
		if (number[i] > 0 && number[i] < NAN_NUMBER && isfinite(number[i]) &&
			(number[i] < spread->low || number[i] > spread->high))
			finding_row(check, &finding, i);
	}
	finding.message = psprintf(
		language_pick(
			check->language,
			INT64_FORMAT
			" values of \"%s\" lie far from the others: the median is %.6g, far is below %.3g or above %.6g",
			INT64_FORMAT " 个“%s”的值远离其余的值：中位数 %.6g，低于 %.3g 或高于 %.6g 视为远离"),
		finding.count, name, spread->median, spread->low, spread->high);
	finding_put(check, &finding);
}

static void
find_cents(Check *check, int c, const AuditSpread *spread)
{
	const char *name = check->table.columns[c].name;
	Finding finding;

	if (spread->n < AUDIT_FEWEST || !spread->whole || spread->median < CENTS_MEDIAN || spread->tens < 0.5)
		return;
	finding_open(check, &finding, "cents", name);
	finding.count = spread->n;
	for (int64 i = 0; i < check->table.n && finding.n_examples < check->examples; i++)
		if (check->table.number[c][i] > 0 && check->table.number[c][i] < NAN_NUMBER)
			finding_example(check, &finding, row_text(check, i));
	finding.message = psprintf(
		language_pick(
			check->language,
			"all %lld amounts of \"%s\" are whole numbers about %.6g, mostly multiples of ten: they may be in cents (1/100)",
			"“%2$s”的 %1$lld 个金额全是整数，中位数约 %3$.6g，且多为十的倍数：单位可能是分而不是元"),
		(long long) finding.count, name, spread->median);
	finding_put(check, &finding);
}

static void
find_mixed_units(Check *check, int c)
{
	Table *table = &check->table;
	const char *name = table->columns[c].name;
	Size n = table->n;
	int32 *item = MemoryContextAllocHuge(CurrentMemoryContext, sizeof(int32) * n);
	double *amount = MemoryContextAllocHuge(CurrentMemoryContext, sizeof(double) * n);
	uint8 *flag = MemoryContextAllocHuge(CurrentMemoryContext, n);
	int32 levels = 0;
	Design design = {
		.n = table->n, .n_groups = 1, .group = &item, .levels = &levels, .n_columns = 1, .column = &amount};
	Finding finding;

	memcpy(item, table->index[check->item], sizeof(int32) * n);
	memcpy(amount, table->number[c], sizeof(double) * n);
	env_check(&check->env, audit_mixed_units(&check->env.base, &design, flag), "looking for mixed units");
	finding_open(check, &finding, "mixed_units", name);
	for (int64 i = 0; i < table->n; i++)
	{
		if (!flag[i])
			continue;
		finding.count++;
		if (finding.n_examples < check->examples)
			finding_example(check, &finding,
							psprintf("%s=%s, %s=%.15g", table->columns[check->item].name,
									 table_key_text(table, check->item, item[i]), name, amount[i]));
	}
	finding.message = psprintf(
		language_pick(
			check->language,
			INT64_FORMAT
			" values of \"%s\" are about a hundred times, or a hundredth of, what their item usually has: cents beside whole units",
			INT64_FORMAT " 个“%s”的值约为同一商品通常金额的一百倍或百分之一：分与元可能混用"),
		finding.count, name);
	finding_put(check, &finding);
	pfree(item);
	pfree(amount);
	pfree(flag);
}

static char *
day_text(int32 day)
{
	return DatumGetCString(DirectFunctionCall1(date_out, DateADTGetDatum(day)));
}

static inline bool
is_a_day(int32 day)
{
	return day != NULL_DAY && !DATE_NOT_FINITE(day);
}

/* Days between the first and the last on which there is no row; examples are stretches of them. */
static void
find_missing_days(Check *check, int c)
{
	const int32 *day = check->table.day[c];
	const char *name = check->table.columns[c].name;
	int32 first = PG_INT32_MAX;
	int32 last = PG_INT32_MIN;
	bool *seen;
	Finding finding;

	for (int64 i = 0; i < check->table.n; i++)
	{
		if (!is_a_day(day[i]))
			continue;
		first = Min(first, day[i]);
		last = Max(last, day[i]);
	}
	if (first >= last)
		return;
	finding_open(check, &finding, "missing_days", name);
	finding.no_rows = true;
	if ((int64) last - first >= MOST_DAYS)
	{
		finding.code = "distant_days";
		finding.count = 1;
		finding.message = psprintf(language_pick(check->language,
												 "\"%s\" reaches from %s to %s: one of them may be mistyped",
												 "“%s”从 %s 到 %s：其中可能有录入错误"),
								   name, day_text(first), day_text(last));
		finding_put(check, &finding);
		return;
	}
	seen = palloc0(last - first + 1);
	for (int64 i = 0; i < check->table.n; i++)
		if (is_a_day(day[i]))
			seen[day[i] - first] = true;
	for (int32 d = 0; d <= last - first; d++)
	{
		int32 from = d;

		while (!seen[d])
			d++; /* the last day is seen */
		finding.count += d - from;
		if (d > from)
			finding_example(check, &finding,
							d - from == 1
								? day_text(first + from)
								: psprintf("%s .. %s", day_text(first + from), day_text(first + d - 1)));
	}
	finding.message = psprintf(
		language_pick(
			check->language,
			INT64_FORMAT
			" days between %s and %s have no row in \"%s\": closed, or missing? Averages over rows leave them out",
			INT64_FORMAT " 天（%s 至 %s）在“%s”中没有任何行：是停业还是缺数据？按行求平均会漏掉这些天"),
		finding.count, day_text(first), day_text(last), name);
	finding_put(check, &finding);
}

static int
first_amount(const Check *check)
{
	for (int c = 0; c < check->n_columns; c++)
		if (check->is_amount[c] && check->table.number[c] != NULL)
			return c;
	return -1;
}

/* Accounts that repeat one item at one amount, or take one item again and again on one day. */
static void
find_fake_orders(Check *check)
{
	Table *table = &check->table;
	Size n = table->n;
	int amount = first_amount(check);
	int32 accounts = table->ids[check->account]->n;
	int32 *groups[3] = {memory_copy(table->index[check->account], n, sizeof(int32)),
						memory_copy(table->index[check->item], n, sizeof(int32)),
						check->day < 0 ? NULL : memory_copy(table->day[check->day], n, sizeof(int32))};
	double *amounts = amount < 0 ? NULL : memory_copy(table->number[amount], n, sizeof(double));
	int32 levels[3] = {accounts, 0, 0};
	Design design = {.n = table->n,
					 .n_groups = check->day < 0 ? 2 : 3,
					 .group = groups,
					 .levels = levels,
					 .n_columns = amount < 0 ? 0 : 1,
					 .column = &amounts};
	uint8 *flags = palloc(Max(accounts, 1));
	int64 *rows = memory_huge(accounts, sizeof(int64));
	int64 suspicious = 0;
	Finding finding;

	env_check(&check->env, audit_accounts(&check->env.base, &design, flags, rows), "looking at accounts");
	finding_open(check, &finding, "fake_orders", table->columns[check->account].name);
	for (int32 a = 0; a < accounts; a++)
	{
		if (unlikely(a % 65536 == 0))
			CHECK_FOR_INTERRUPTS();
		if (flags[a] == 0)
			continue;
		suspicious++;
		finding.count += rows[a];
		if (finding.n_examples == check->examples)
			continue;
		finding_example(
			check, &finding,
			psprintf("%s=%s: " INT64_FORMAT " %s%s%s", table->columns[check->account].name,
					 table_key_text(table, check->account, a), rows[a],
					 language_pick(check->language, "rows", "行"),
					 flags[a] & AUDIT_REPEATING
						 ? language_pick(check->language, ", nearly all of one item at one amount",
										 "，几乎全是同一商品同一金额")
						 : "",
					 flags[a] & AUDIT_BURSTING
						 ? language_pick(check->language, ", one item many times in one day",
										 "，一天内多次购买同一商品")
						 : ""));
	}
	finding.message =
		psprintf(language_pick(check->language,
							   INT64_FORMAT
							   " accounts with " INT64_FORMAT
							   " rows order like machines: look for fake orders before measuring anything",
							   INT64_FORMAT " 个账号（共 " INT64_FORMAT
											" 行）下单像机器：可能是刷单，请先核查再做测算"),
				 suspicious, finding.count);
	finding_put(check, &finding);
}

/* ---- all of it ---- */

static void
check_numbers(Check *check, int c)
{
	AuditSpread spread;

	find_values(check, c, "negative", is_negative,
				INT64_FORMAT " values of \"%s\" are below zero: returns, or mistakes?",
				INT64_FORMAT " 个“%s”的值小于零：是退货还是错误？");
	find_values(check, c, "zero_amounts", is_zero_amount, INT64_FORMAT " values of \"%s\" are zero",
				INT64_FORMAT " 个“%s”的值为零");
	env_check(&check->env, audit_spread(&check->env.base, check->table.number[c], check->table.n, &spread),
			  "looking for outliers");
	find_outliers(check, c, &spread);
	if (!check->is_amount[c])
		return;
	find_cents(check, c, &spread);
	if (check->item >= 0)
		find_mixed_units(check, c);
}

static void
check_column(Check *check, int c)
{
	find_values(check, c, "nulls", is_missing,
				INT64_FORMAT " rows have NULL in \"%s\": trainers and fits skip such rows",
				INT64_FORMAT " 行的“%s”为空（NULL）：训练和拟合会跳过这些行");
	find_values(check, c, "not_finite", is_not_finite,
				INT64_FORMAT " rows have NaN or infinity in \"%s\": trainers and fits end in an error",
				INT64_FORMAT " 行的“%s”为 NaN 或无穷大：训练和拟合会报错");
	if (check->table.number[c] != NULL)
		check_numbers(check, c);
	if (check->table.day[c] != NULL)
		find_missing_days(check, c);
}

static void
nothing_to_check(Check *check)
{
	Finding finding;

	finding_open(check, &finding, "empty", NULL);
	finding.no_rows = true;
	finding.count = 1;
	finding.message = pstrdup(language_pick(check->language, "the source has no rows", "数据源没有任何行"));
	finding_put(check, &finding);
}

static void
read_arguments(Check *check, const Args *args)
{
	check->language = language_of(args);
	check->examples = args_int(args, "examples", 0, MAX_EXAMPLES);
	check->table.limit = memory_limit(args_text_or_null(args, "memory"));
	check->table.memory = CurrentMemoryContext;
}

/*
 * source_check(source, language, account, item, amounts, examples, memory)
 *		-> (finding, column_name, row_count, share, message, examples)
 */
PG_FUNCTION_INFO_V1(promoai_source_check);
Datum
promoai_source_check(PG_FUNCTION_ARGS)
{
	Args *args = args_open(fcinfo);
	char *source = args_text(args, "source");
	Check check = {0};

	read_arguments(&check, args);
	env_init(&check.env, CurrentMemoryContext);
	source = choose_columns(&check, args, source);
	read_rows(&check, source);
	check.rows = rows_open(fcinfo);
	if (check.table.n == 0)
	{
		nothing_to_check(&check);
		return (Datum) 0;
	}
	find_duplicates(&check);
	for (int c = 0; c < check.n_columns; c++)
		check_column(&check, c);
	if (check.account >= 0 && check.item >= 0 && check.account != check.item)
		find_fake_orders(&check);
	return (Datum) 0;
}
