/*
 * args.h - a SQL call's arguments by name, and options by table
 *
 * C functions find their arguments by the names in pg_proc, so overloads that differ in the types or order of their
 * arguments share one C function.  A trainer's options are described by one table that serves three purposes: reading
 * them from a call (with range checks and messages), writing them into the stored definition, and reading them back.
 */
#ifndef PROMOAI_BRIDGE_ARGS_H
#define PROMOAI_BRIDGE_ARGS_H

#include "postgres.h"

#include "fmgr.h"
#include "utils/jsonb.h"

typedef struct Args
{
	FunctionCallInfo fcinfo;
	int n;
	char **names; /* [n], NULL where an argument has none */
	Oid *types; /* [n] declared */
	void *state; /* the function's own, kept as long as flinfo */
} Args;

/* Looked up once per FmgrInfo and kept in fn_extra (which therefore belongs to args.c). */
extern Args *args_open(FunctionCallInfo fcinfo);

extern bool args_has(const Args *args, const char *name);
extern int args_find(const Args *args,
					 const char *name); /* position; ERROR XX000 when the SQL declaration lacks it */
extern bool args_null(const Args *args, const char *name);
extern Datum args_datum(const Args *args, const char *name, Oid *type); /* ERROR 22004 when NULL */
extern char *args_text(const Args *args, const char *name); /* ERROR 22004 when NULL */
extern char *args_text_or_null(const Args *args, const char *name);
extern int32 args_int(const Args *args, const char *name, int32 min, int32 max);
extern int32 args_int_or(const Args *args, const char *name, int32 min, int32 max,
						 int32 missing); /* when NULL */
extern bool args_bool(const Args *args, const char *name);

typedef enum OptionType
{
	OPTION_INT, /* int32; -1 when NULL and nullable */
	OPTION_BIGINT, /* int64 */
	OPTION_REAL, /* double; NaN when NULL and nullable */
	OPTION_BOOL, /* bool */
	OPTION_BOOL_OR_NULL, /* int32: 1, 0, -1 when NULL */
	OPTION_CHOICE, /* int32: index into choices; -1 when NULL and nullable */
	OPTION_TEXT, /* char *, NULL allowed */
	OPTION_TIME, /* OptionTime, NULL allowed */
	OPTION_TEXTS, /* OptionTexts, from text[], NULL allowed, as an element not */
	OPTION_REALS, /* OptionReals, from float8[], each within min and max; NULL allowed, as an element not */
	OPTION_JSON /* Jsonb *, NULL allowed */
} OptionType;

typedef struct OptionTime
{
	bool set;
	int64 at; /* TimestampTz */
} OptionTime;

typedef struct OptionTexts
{
	bool set;
	int n;
	char **text; /* [n] */
} OptionTexts;

typedef struct OptionReals
{
	bool set;
	int n;
	double *number; /* [n] */
} OptionReals;

typedef struct Option
{
	const char *name;
	OptionType type;
	size_t offset; /* of the field in the caller's struct */
	double min, max; /* OPTION_INT, OPTION_BIGINT, OPTION_REAL, OPTION_REALS: allowed, both included */
	double
		missing; /* value where a stored definition, or the SQL declaration of an older version, lacks the option */
	const char *const *choices; /* OPTION_CHOICE, NULL-terminated */
	bool nullable; /* OPTION_INT, OPTION_REAL, OPTION_CHOICE: NULL allowed */
	bool transient; /* belongs to the call, not to the definition */
} Option;

/* ISO 8601 in UTC: no time zone or date style can change what is meant. */
extern char *option_time_text(const OptionTime *time);

/* All options of a NULL-named-terminated table; messages name the argument, the value and what is allowed. */
extern void options_from_call(const Option *table, const Args *args, void *fields);
extern Jsonb *options_to_jsonb(const Option *table, const void *fields);
extern void options_from_jsonb(const Option *table, Jsonb *stored, void *fields);

/* What was not given, NaN or below zero, becomes the default. */
extern void option_default(double *option, double value);
extern void option_default_int(int32 *option, int32 value);

/* A text that was given, as messages quote it: its beginning, where it is long. */
extern const char *args_quoted(const char *text);

/*
 * ERROR 22023 when an argument was given that has no meaning beside `choice`, which is written as it is typed (option_written
 * does so); `owners`, or NULL: what it belongs to.
 */
extern void option_refuse(bool given, const char *argument, const char *choice, const char *owners);
extern char *option_written(const char *argument, const char *value);

/* ERROR 22023 for a key that the table does not have, or may not have in a definition, and for a value of another type. */
extern void options_check_keys(const Option *table, Jsonb *given);

#endif
