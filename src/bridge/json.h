/*
 * json.h - jsonb objects, key by key
 */
#ifndef PROMOAI_BRIDGE_JSON_H
#define PROMOAI_BRIDGE_JSON_H

#include "postgres.h"

#include "utils/jsonb.h"

typedef struct JsonObject
{
	JsonbParseState *state;
} JsonObject;

extern void json_open(JsonObject *object);
extern void json_put_int(JsonObject *object, const char *key, int64 value);
extern void json_put_real(JsonObject *object, const char *key, double value); /* NaN, infinity: null */
extern void json_put_bool(JsonObject *object, const char *key, bool value);
extern void json_put_string(JsonObject *object, const char *key, const char *value);
extern void json_put_strings(JsonObject *object, const char *key, char *const *strings, int n);
extern void json_put_reals(JsonObject *object, const char *key, const double *values, int n);
extern void json_put_json(JsonObject *object, const char *key, Jsonb *value);
extern Jsonb *json_close(JsonObject *object);

/* What stands at a key of an object; NULL, NaN when it is not there or of another type. */
extern char *json_get_string(Jsonb *object, const char *key);

#endif
