/*
 * args.c - arguments by name, options by table
 */
#include "postgres.h"

#include <math.h>

#include "catalog/pg_proc.h"
#include "catalog/pg_type.h"
#include "funcapi.h"
#include "mb/pg_wchar.h"
#include "miscadmin.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/datetime.h"
#include "utils/json.h"
#include "utils/numeric.h"
#include "utils/syscache.h"
#include "utils/timestamp.h"

#include "bridge/args.h"
#include "bridge/compat.h"
#include "bridge/json.h"

#define QUOTED_MAX 200 /* bytes of a text in a message */

/* Keep the input arguments' names and types of pg_proc's row. */
static void
args_describe(Args *args, HeapTuple tuple)
{
	Oid *types;
	char **names;
	char *modes;
	int n = get_func_arg_info(tuple, &types, &names, &modes);

	args->names = palloc0(sizeof(char *) * Max(n, 1));
	args->types = palloc0(sizeof(Oid) * Max(n, 1));
	for (int i = 0; i < n; i++)
	{
		if (modes != NULL && modes[i] != PROARGMODE_IN && modes[i] != PROARGMODE_INOUT)
			continue;
		args->names[args->n] = names == NULL ? NULL : names[i];
		args->types[args->n] = types[i];
		args->n++;
	}
}

Args *
args_open(FunctionCallInfo fcinfo)
{
	Args *args = fcinfo->flinfo->fn_extra;

	if (args == NULL)
	{
		MemoryContext caller = MemoryContextSwitchTo(fcinfo->flinfo->fn_mcxt);
		HeapTuple tuple = SearchSysCache1(PROCOID, ObjectIdGetDatum(fcinfo->flinfo->fn_oid));

		if (!HeapTupleIsValid(tuple))
			elog(ERROR, "cache lookup failed for function %u", fcinfo->flinfo->fn_oid);
		args = palloc0(sizeof(Args));
		args_describe(args, tuple);
		ReleaseSysCache(tuple);
		MemoryContextSwitchTo(caller);
		fcinfo->flinfo->fn_extra = args;
	}
	args->fcinfo = fcinfo;
	return args;
}

bool
args_has(const Args *args, const char *name)
{
	for (int i = 0; i < args->n; i++)
		if (args->names[i] != NULL && strcmp(args->names[i], name) == 0)
			return true;
	return false;
}

int
args_find(const Args *args, const char *name)
{
	for (int i = 0; i < args->n; i++)
		if (args->names[i] != NULL && strcmp(args->names[i], name) == 0)
			return i;
	elog(ERROR, "function %u has no argument \"%s\"", args->fcinfo->flinfo->fn_oid, name);
}

bool
args_null(const Args *args, const char *name)
{
	return args->fcinfo->args[args_find(args, name)].isnull;
}

Datum
args_datum(const Args *args, const char *name, Oid *type)
{
	int i = args_find(args, name);

	if (args->fcinfo->args[i].isnull)
		ereport(ERROR,
				(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED), errmsg("argument \"%s\" must not be null", name)));
	if (type != NULL)
		*type = args->types[i];
	return args->fcinfo->args[i].value;
}

char *
args_text(const Args *args, const char *name)
{
	return text_to_cstring(DatumGetTextPP(args_datum(args, name, NULL)));
}

char *
args_text_or_null(const Args *args, const char *name)
{
	return args_null(args, name) ? NULL : args_text(args, name);
}

int32
args_int(const Args *args, const char *name, int32 min, int32 max)
{
	int32 value = DatumGetInt32(args_datum(args, name, NULL));

	if (value < min || value > max)
		ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
						errmsg("argument \"%s\" must be between %d and %d, got %d", name, min, max, value)));
	return value;
}

int32
args_int_or(const Args *args, const char *name, int32 min, int32 max, int32 missing)
{
	return args_null(args, name) ? missing : args_int(args, name, min, max);
}

bool
args_bool(const Args *args, const char *name)
{
	return DatumGetBool(args_datum(args, name, NULL));
}

/* ---- options ---- */

static void *
option_field(const Option *option, const void *fields)
{
	return (char *) fields + option->offset;
}

/* NaN is outside every range. */
static void
option_check_range(const Option *option, double value)
{
	if (!(value >= option->min && value <= option->max))
		ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
						errmsg("argument \"%s\" must be between %.15g and %.15g, got %.15g", option->name,
							   option->min, option->max, value)));
}

/* No double tells whole numbers beyond 2^53 apart. */
static void
option_check_bigint(const Option *option, int64 value)
{
	if (option->max >= (double) PG_INT64_MAX)
		return;
	if (value < (int64) option->min || value > (int64) option->max)
		ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
						errmsg("argument \"%s\" must be between " INT64_FORMAT " and " INT64_FORMAT
							   ", got " INT64_FORMAT,
							   option->name, (int64) option->min, (int64) option->max, value)));
}

const char *
args_quoted(const char *text)
{
	size_t length = strlen(text);

	if (length <= QUOTED_MAX)
		return text;
	return psprintf("%.*s...", pg_mbcliplen(text, (int) Min(length, PG_INT32_MAX), QUOTED_MAX), text);
}

static int32
option_choice(const Option *option, const char *value)
{
	StringInfoData allowed;

	initStringInfo(&allowed);
	for (int i = 0; option->choices[i] != NULL; i++)
	{
		if (strcmp(option->choices[i], value) == 0)
			return i;
		appendStringInfo(&allowed, "%s\"%s\"", i == 0 ? "" : ", ", option->choices[i]);
	}
	ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
					errmsg("argument \"%s\" must be one of %s, got \"%s\"", option->name, allowed.data,
						   args_quoted(value))));
}

/* Options of these types may be NULL, which means "not given"; so may numbers that are marked. */
static bool
option_nullable(const Option *option)
{
	return option->type == OPTION_TEXT || option->type == OPTION_TIME || option->type == OPTION_TEXTS ||
		   option->type == OPTION_REALS || option->type == OPTION_JSON ||
		   option->type == OPTION_BOOL_OR_NULL ||
		   ((option->type == OPTION_INT || option->type == OPTION_REAL || option->type == OPTION_CHOICE) &&
			option->nullable);
}

static void
option_set_null(const Option *option, void *field)
{
	if (option->type == OPTION_TEXT)
		*(char **) field = NULL;
	else if (option->type == OPTION_REAL)
		*(double *) field = NAN;
	else if (option->type == OPTION_CHOICE || option->type == OPTION_INT ||
			 option->type == OPTION_BOOL_OR_NULL)
		*(int32 *) field = -1;
	else if (option->type == OPTION_TEXTS)
		*(OptionTexts *) field = (OptionTexts){0};
	else if (option->type == OPTION_REALS)
		*(OptionReals *) field = (OptionReals){0};
	else if (option->type == OPTION_JSON)
		*(Jsonb **) field = NULL;
	else
		((OptionTime *) field)->set = false;
}

/* The elements of an array of one dimension without NULL; how many there are. */
static int
option_elements(const Option *option, Datum value, Datum **elements)
{
	ArrayType *array = DatumGetArrayTypeP(value);
	bool texts = option->type == OPTION_TEXTS;
	int n;

	if (ARR_NDIM(array) > 1)
		ereport(ERROR, (errcode(ERRCODE_ARRAY_SUBSCRIPT_ERROR),
						errmsg("argument \"%s\" must be an array of one dimension, got %d", option->name,
							   ARR_NDIM(array))));
	if (array_contains_nulls(array))
		ereport(ERROR, (errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
						errmsg("argument \"%s\" must not contain null", option->name)));
	if (texts)
		deconstruct_array(array, TEXTOID, -1, false, TYPALIGN_INT, elements, NULL, &n);
	else
		deconstruct_array(array, FLOAT8OID, sizeof(float8), FLOAT8PASSBYVAL, TYPALIGN_DOUBLE, elements, NULL,
						  &n);
	return n;
}

static void
option_set_texts(const Option *option, Datum value, OptionTexts *field)
{
	Datum *elements;

	field->set = true;
	field->n = option_elements(option, value, &elements);
	field->text = palloc(sizeof(char *) * Max(field->n, 1));
	for (int i = 0; i < field->n; i++)
		field->text[i] = TextDatumGetCString(elements[i]);
}

static void
option_set_reals(const Option *option, Datum value, OptionReals *field)
{
	Datum *elements;

	field->set = true;
	field->n = option_elements(option, value, &elements);
	field->number = palloc(sizeof(double) * Max(field->n, 1));
	for (int i = 0; i < field->n; i++)
	{
		field->number[i] = DatumGetFloat8(elements[i]);
		option_check_range(option, field->number[i]);
	}
}

static void
option_from_datum(const Option *option, Datum value, void *field)
{
	switch (option->type)
	{
		case OPTION_INT:
			*(int32 *) field = DatumGetInt32(value);
			option_check_range(option, *(int32 *) field);
			break;
		case OPTION_BIGINT:
			*(int64 *) field = DatumGetInt64(value);
			option_check_bigint(option, *(int64 *) field);
			break;
		case OPTION_REAL:
			*(double *) field = DatumGetFloat8(value);
			option_check_range(option, *(double *) field);
			break;
		case OPTION_BOOL:
			*(bool *) field = DatumGetBool(value);
			break;
		case OPTION_BOOL_OR_NULL:
			*(int32 *) field = DatumGetBool(value);
			break;
		case OPTION_CHOICE:
			*(int32 *) field = option_choice(option, TextDatumGetCString(value));
			break;
		case OPTION_TEXT:
			*(char **) field = TextDatumGetCString(value);
			break;
		case OPTION_TIME:
			((OptionTime *) field)->set = true;
			((OptionTime *) field)->at = DatumGetTimestampTz(value);
			break;
		case OPTION_TEXTS:
			option_set_texts(option, value, field);
			break;
		case OPTION_REALS:
			option_set_reals(option, value, field);
			break;
		case OPTION_JSON:
			*(Jsonb **) field = DatumGetJsonbP(value);
			break;
	}
}

static void
option_set_missing(const Option *option, void *field)
{
	switch (option->type)
	{
		case OPTION_INT:
		case OPTION_CHOICE:
			*(int32 *) field = option->nullable ? -1 : (int32) option->missing;
			break;
		case OPTION_BIGINT:
			*(int64 *) field = (int64) option->missing;
			break;
		case OPTION_REAL:
			*(double *) field = option->nullable ? NAN : option->missing;
			break;
		case OPTION_BOOL:
			*(bool *) field = option->missing != 0;
			break;
		case OPTION_BOOL_OR_NULL:
		case OPTION_TEXT:
		case OPTION_TIME:
		case OPTION_TEXTS:
		case OPTION_REALS:
		case OPTION_JSON:
			option_set_null(option, field);
			break;
	}
}

void
option_default(double *option, double value)
{
	if (isnan(*option))
		*option = value;
}

void
option_default_int(int32 *option, int32 value)
{
	if (*option < 0)
		*option = value;
}

void
option_refuse(bool given, const char *argument, const char *choice, const char *owners)
{
	if (given)
		ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
						errmsg("argument \"%s\" makes no sense with %s", argument, choice),
						owners == NULL ? 0 : errdetail("It belongs to %s.", owners)));
}

char *
option_written(const char *argument, const char *value)
{
	return psprintf("%s => '%s'", argument, value);
}

void
options_from_call(const Option *table, const Args *args, void *fields)
{
	for (const Option *option = table; option->name != NULL; option++)
	{
		if (!args_has(args, option->name))
			option_set_missing(option, option_field(option, fields));
		else if (option_nullable(option) && args_null(args, option->name))
			option_set_null(option, option_field(option, fields));
		else
			option_from_datum(option, args_datum(args, option->name, NULL), option_field(option, fields));
	}
}

char *
option_time_text(const OptionTime *time)
{
	char *iso = palloc(MAXDATELEN + 1);
	const int utc = 0;

	return JsonEncodeDateTime(iso, TimestampTzGetDatum(time->at), TIMESTAMPTZOID, &utc);
}

static void
option_put(JsonObject *object, const Option *option, const void *field)
{
	switch (option->type)
	{
		case OPTION_INT:
			json_put_int(object, option->name, *(const int32 *) field);
			break;
		case OPTION_BIGINT:
			json_put_int(object, option->name, *(const int64 *) field);
			break;
		case OPTION_REAL:
			json_put_real(object, option->name, *(const double *) field);
			break;
		case OPTION_BOOL:
			json_put_bool(object, option->name, *(const bool *) field);
			break;
		case OPTION_BOOL_OR_NULL:
			json_put_bool(object, option->name, *(const int32 *) field > 0);
			break;
		case OPTION_CHOICE:
			json_put_string(object, option->name, option->choices[*(const int32 *) field]);
			break;
		case OPTION_TEXT:
			json_put_string(object, option->name, *(char *const *) field);
			break;
		case OPTION_TIME:
			json_put_string(object, option->name, option_time_text(field));
			break;
		case OPTION_TEXTS:
			json_put_strings(object, option->name, ((const OptionTexts *) field)->text,
							 ((const OptionTexts *) field)->n);
			break;
		case OPTION_REALS:
			json_put_reals(object, option->name, ((const OptionReals *) field)->number,
						   ((const OptionReals *) field)->n);
			break;
		case OPTION_JSON:
			json_put_json(object, option->name, *(Jsonb *const *) field);
			break;
	}
}

static bool
option_is_null(const Option *option, const void *field)
{
	switch (option->type)
	{
		case OPTION_TEXT:
			return *(char *const *) field == NULL;
		case OPTION_TIME:
			return !((const OptionTime *) field)->set;
		case OPTION_REAL:
			return isnan(*(const double *) field);
		case OPTION_CHOICE:
		case OPTION_BOOL_OR_NULL:
			return *(const int32 *) field < 0;
		case OPTION_INT:
			return option->nullable && *(const int32 *) field < 0;
		case OPTION_TEXTS:
			return !((const OptionTexts *) field)->set;
		case OPTION_REALS:
			return !((const OptionReals *) field)->set;
		case OPTION_JSON:
			return *(Jsonb *const *) field == NULL;
		default:
			return false;
	}
}

Jsonb *
options_to_jsonb(const Option *table, const void *fields)
{
	JsonObject object;

	json_open(&object);
	for (const Option *option = table; option->name != NULL; option++)
	{
		const void *field = option_field(option, fields);

		if (!option->transient && !option_is_null(option, field))
			option_put(&object, option, field);
	}
	return json_close(&object);
}

pg_noreturn static void
stored_type_wrong(const Option *option)
{
	ereport(ERROR, (errcode(ERRCODE_DATA_CORRUPTED),
					errmsg("stored argument \"%s\" is of the wrong type", option->name)));
}

static void
option_from_string(const Option *option, char *string, void *field)
{
	switch (option->type)
	{
		case OPTION_CHOICE:
			*(int32 *) field = option_choice(option, string);
			break;
		case OPTION_TEXT:
			*(char **) field = string;
			break;
		case OPTION_TIME:
			option_from_datum(option,
							  DirectFunctionCall3(timestamptz_in, CStringGetDatum(string),
												  ObjectIdGetDatum(InvalidOid), Int32GetDatum(-1)),
							  field);
			break;
		default:
			stored_type_wrong(option);
	}
}

/* A stored array of texts or numbers, as SQL would give it. */
static Datum
option_stored_array(const Option *option, const JsonbValue *value)
{
	bool texts = option->type == OPTION_TEXTS;
	JsonbContainer *container = value->val.binary.data;
	Datum *elements;
	int n;

	if (!JsonContainerIsArray(container))
		stored_type_wrong(option);
	n = (int) JsonContainerSize(container);
	elements = palloc(sizeof(Datum) * Max(n, 1));
	for (int i = 0; i < n; i++)
	{
		JsonbValue *element = getIthJsonbValueFromContainer(container, i);

		if (element->type != (texts ? jbvString : jbvNumeric))
			stored_type_wrong(option);
		elements[i] =
			texts
				? PointerGetDatum(cstring_to_text_with_len(element->val.string.val, element->val.string.len))
				: DirectFunctionCall1(numeric_float8, NumericGetDatum(element->val.numeric));
	}
	if (texts)
		return PointerGetDatum(construct_array(elements, n, TEXTOID, -1, false, TYPALIGN_INT));
	return PointerGetDatum(
		construct_array(elements, n, FLOAT8OID, sizeof(float8), FLOAT8PASSBYVAL, TYPALIGN_DOUBLE));
}

static void
option_from_stored(const Option *option, const JsonbValue *value, void *field)
{
	Datum number;

	if (value->type == jbvBool && (option->type == OPTION_BOOL || option->type == OPTION_BOOL_OR_NULL))
	{
		option_from_datum(option, BoolGetDatum(value->val.boolean), field);
		return;
	}
	if (value->type == jbvString)
	{
		option_from_string(option, pnstrdup(value->val.string.val, value->val.string.len), field);
		return;
	}
	if (option->type == OPTION_JSON)
	{
		*(Jsonb **) field = JsonbValueToJsonb((JsonbValue *) value);
		return;
	}
	if (value->type == jbvBinary && (option->type == OPTION_TEXTS || option->type == OPTION_REALS))
	{
		option_from_datum(option, option_stored_array(option, value), field);
		return;
	}
	if (value->type != jbvNumeric ||
		(option->type != OPTION_INT && option->type != OPTION_BIGINT && option->type != OPTION_REAL))
		stored_type_wrong(option);

	number = NumericGetDatum(value->val.numeric);
	if (option->type == OPTION_REAL)
		option_from_datum(option, DirectFunctionCall1(numeric_float8, number), field);
	else if (option->type == OPTION_INT)
		option_from_datum(option, DirectFunctionCall1(numeric_int4, number), field);
	else
		option_from_datum(option, DirectFunctionCall1(numeric_int8, number), field);
}

void
options_from_jsonb(const Option *table, Jsonb *stored, void *fields)
{
	for (const Option *option = table; option->name != NULL; option++)
	{
		void *field = option_field(option, fields);
		JsonbValue *value =
			getKeyJsonValueFromContainer(&stored->root, option->name, strlen(option->name), NULL);

		if (value == NULL)
			option_set_missing(option, field);
		else
			option_from_stored(option, value, field);
	}
}

pg_noreturn static void
given_type_wrong(const Option *option, const JsonbValue *value, const char *wanted)
{
	JsonbValue copy = *value;

	ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
					errmsg("argument \"%s\" must be %s, got %s", option->name, wanted,
						   value->type == jbvBinary
							   ? "an array or object"
							   : args_quoted(JsonbToCString(NULL, &JsonbValueToJsonb(&copy)->root, -1)))));
}

/* What JSON has to give for an option, and how that is called; a plain value cannot be an array. */
static enum jbvType
option_json_type(const Option *option, const char **called)
{
	switch (option->type)
	{
		case OPTION_BOOL:
		case OPTION_BOOL_OR_NULL:
			*called = "true or false";
			return jbvBool;
		case OPTION_INT:
		case OPTION_BIGINT:
		case OPTION_REAL:
			*called = "a number";
			return jbvNumeric;
		case OPTION_CHOICE:
		case OPTION_TEXT:
		case OPTION_TIME:
			*called = "a string";
			return jbvString;
		default:
			*called = "given to the trainer itself";
			return jbvArray;
	}
}

/* A plain value of a key that the table has. */
static void
option_check_given(const Option *option, const JsonbValue *value)
{
	const char *called;
	double number;

	if (value->type != option_json_type(option, &called))
		given_type_wrong(option, value, called);
	if (option->type != OPTION_INT && option->type != OPTION_BIGINT)
		return;
	number =
		DatumGetFloat8(DirectFunctionCall1(numeric_float8_no_overflow, NumericGetDatum(value->val.numeric)));
	if (number != rint(number))
		given_type_wrong(option, value, "a whole number");
	option_check_range(option, number);
}

void
options_check_keys(const Option *table, Jsonb *given)
{
	JsonbIterator *iterator = JsonbIteratorInit(&given->root);
	JsonbIteratorToken token;
	JsonbValue key;
	JsonbValue value;

	while ((token = JsonbIteratorNext(&iterator, &key, true)) != WJB_DONE)
	{
		const Option *option = table;

		if (token != WJB_KEY)
			continue;
		while (option->name != NULL &&
			   (option->transient || strlen(option->name) != (size_t) key.val.string.len ||
				strncmp(option->name, key.val.string.val, key.val.string.len) != 0))
			option++;
		if (option->name == NULL)
			ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
							errmsg("there is no argument \"%.*s\"", key.val.string.len, key.val.string.val)));
		(void) JsonbIteratorNext(&iterator, &value, true);
		option_check_given(option, &value);
	}
}
