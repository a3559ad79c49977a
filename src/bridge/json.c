/*
 * json.c - jsonb objects, key by key
 */
#include "postgres.h"

#include <math.h>

#include "utils/builtins.h"
#include "utils/float.h"
#include "utils/numeric.h"

#include "bridge/json.h"

static void
push_string(JsonObject *object, JsonbIteratorToken token, const char *string)
{
	JsonbValue value;

	value.type = jbvString;
	value.val.string.val = (char *) string;
	value.val.string.len = strlen(string);
	pushJsonbValue(&object->state, token, &value);
}

void
json_open(JsonObject *object)
{
	object->state = NULL;
	pushJsonbValue(&object->state, WJB_BEGIN_OBJECT, NULL);
}

void
json_put_int(JsonObject *object, const char *key, int64 number)
{
	JsonbValue value;

	push_string(object, WJB_KEY, key);
	value.type = jbvNumeric;
	value.val.numeric = int64_to_numeric(number);
	pushJsonbValue(&object->state, WJB_VALUE, &value);
}

/* By its shortest text, which reads back as the same double (a cast to numeric keeps 15 digits only). */
static Numeric
numeric_from_double(double number)
{
	char *text = float8out_internal(number);

	return DatumGetNumeric(DirectFunctionCall3(numeric_in, CStringGetDatum(text),
											   ObjectIdGetDatum(InvalidOid), Int32GetDatum(-1)));
}

void
json_put_real(JsonObject *object, const char *key, double number)
{
	JsonbValue value;

	push_string(object, WJB_KEY, key);
	value.type = jbvNull;
	if (isfinite(number))
	{
		value.type = jbvNumeric;
		value.val.numeric = numeric_from_double(number);
	}
	pushJsonbValue(&object->state, WJB_VALUE, &value);
}

void
json_put_bool(JsonObject *object, const char *key, bool truth)
{
	JsonbValue value;

	push_string(object, WJB_KEY, key);
	value.type = jbvBool;
	value.val.boolean = truth;
	pushJsonbValue(&object->state, WJB_VALUE, &value);
}

void
json_put_string(JsonObject *object, const char *key, const char *string)
{
	push_string(object, WJB_KEY, key);
	push_string(object, WJB_VALUE, string);
}

void
json_put_strings(JsonObject *object, const char *key, char *const *strings, int n)
{
	push_string(object, WJB_KEY, key);
	pushJsonbValue(&object->state, WJB_BEGIN_ARRAY, NULL);
	for (int i = 0; i < n; i++)
		push_string(object, WJB_ELEM, strings[i]);
	pushJsonbValue(&object->state, WJB_END_ARRAY, NULL);
}

/* values [n] are finite. */
void
json_put_reals(JsonObject *object, const char *key, const double *values, int n)
{
	push_string(object, WJB_KEY, key);
	pushJsonbValue(&object->state, WJB_BEGIN_ARRAY, NULL);
	for (int i = 0; i < n; i++)
	{
		JsonbValue value = {.type = jbvNumeric};

		value.val.numeric = numeric_from_double(values[i]);
		pushJsonbValue(&object->state, WJB_ELEM, &value);
	}
	pushJsonbValue(&object->state, WJB_END_ARRAY, NULL);
}

void
json_put_json(JsonObject *object, const char *key, Jsonb *value)
{
	JsonbValue whole;

	push_string(object, WJB_KEY, key);
	JsonbToJsonbValue(value, &whole);
	pushJsonbValue(&object->state, WJB_VALUE, &whole);
}

Jsonb *
json_close(JsonObject *object)
{
	return JsonbValueToJsonb(pushJsonbValue(&object->state, WJB_END_OBJECT, NULL));
}

char *
json_get_string(Jsonb *object, const char *key)
{
	JsonbValue *value = getKeyJsonValueFromContainer(&object->root, key, strlen(key), NULL);

	if (value == NULL || value->type != jbvString)
		return NULL;
	return pnstrdup(value->val.string.val, value->val.string.len);
}
