/*
 * settings.c - under which settings a job runs
 *
 * A job runs in somebody else's session.  It gets what ALTER ROLE has set for its owner, as a session of the owner's would,
 * and above that what its schedule says; both end with the transaction, so every phase sets them anew.  What would end the
 * session with the job's first error is not among them.
 */
#include "postgres.h"

#include "access/genam.h"
#include "access/htup_details.h"
#include "access/table.h"
#include "catalog/indexing.h"
#include "catalog/pg_db_role_setting.h"
#include "catalog/pg_type.h"
#include "miscadmin.h"
#include "storage/proc.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/fmgroids.h"
#include "utils/guc.h"
#include "utils/jsonb.h"
#include "utils/rel.h"
#include "utils/timeout.h"
#include "utils/timestamp.h"

#include "bridge/compat.h"
#include "bridge/settings.h"

/* ---- of a role ---- */

/* "name=value" each.  What cannot be set is a warning, as it is when somebody logs in. */
static void
apply_array(ArrayType *array)
{
	Datum *items;
	int n;

	deconstruct_array(array, TEXTOID, -1, false, TYPALIGN_INT, &items, NULL, &n);
	for (int i = 0; i < n; i++)
	{
		char *name;
		char *value;

		ParseLongOption(TextDatumGetCString(items[i]), &name, &value);
		if (value != NULL)
			(void) set_config_option(name, value, PGC_SUSET, PGC_S_SESSION, GUC_ACTION_SAVE, true, WARNING,
									 false);
	}
}

static void
apply_role(Oid database, Oid role)
{
	Relation table = table_open(DbRoleSettingRelationId, AccessShareLock);
	ScanKeyData keys[2];
	SysScanDesc scan;
	HeapTuple tuple;

	ScanKeyInit(&keys[0], Anum_pg_db_role_setting_setdatabase, BTEqualStrategyNumber, F_OIDEQ,
				ObjectIdGetDatum(database));
	ScanKeyInit(&keys[1], Anum_pg_db_role_setting_setrole, BTEqualStrategyNumber, F_OIDEQ,
				ObjectIdGetDatum(role));
	scan = systable_beginscan(table, DbRoleSettingDatidRolidIndexId, true, NULL, 2, keys);
	tuple = systable_getnext(scan);
	if (HeapTupleIsValid(tuple))
	{
		bool null;
		Datum value = heap_getattr(tuple, Anum_pg_db_role_setting_setconfig, RelationGetDescr(table), &null);

		if (!null)
			apply_array(DatumGetArrayTypeP(value));
	}
	systable_endscan(scan);
	table_close(table, AccessShareLock);
}

/* ---- of a schedule ---- */

static char *
setting_text(const char *name, const JsonbValue *value)
{
	switch (value->type)
	{
		case jbvString:
			return pnstrdup(value->val.string.val, value->val.string.len);
		case jbvNumeric:
			return DatumGetCString(DirectFunctionCall1(numeric_out, NumericGetDatum(value->val.numeric)));
		case jbvBool:
			return pstrdup(value->val.boolean ? "on" : "off");
		default:
			ereport(ERROR,
					(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
					 errmsg("argument \"settings\": \"%s\" must be a string, a number or a boolean", name)));
	}
}

static void
apply_settings(Jsonb *settings, GucContext context)
{
	JsonbIterator *iterator;
	JsonbIteratorToken token;
	JsonbValue value;
	char *name = NULL;

	if (!JB_ROOT_IS_OBJECT(settings))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE), errmsg("argument \"settings\" must be an object"),
				 errhint("As in '{\"statement_timeout\": \"10min\", \"maintenance_work_mem\": \"1GB\"}'.")));
	iterator = JsonbIteratorInit(&settings->root);
	while ((token = JsonbIteratorNext(&iterator, &value, true)) != WJB_DONE)
	{
		if (token == WJB_KEY)
			name = pnstrdup(value.val.string.val, value.val.string.len);
		else if (token == WJB_VALUE)
			(void) set_config_option(name, setting_text(name, &value), context, PGC_S_SESSION,
									 GUC_ACTION_SAVE, true, ERROR, false);
	}
}

void
settings_apply(Oid role, Jsonb *settings)
{
	apply_role(InvalidOid, role);
	apply_role(MyDatabaseId, role);
	apply_settings(settings, superuser_arg(role) ? PGC_SUSET : PGC_USERSET);
	settings_survive_errors();
}

void
settings_survive_errors(void)
{
	(void) set_config_option("exit_on_error", "off", PGC_USERSET, PGC_S_SESSION, GUC_ACTION_SAVE, true, ERROR,
							 false);
}

void
settings_check(Jsonb *settings)
{
	int level = NewGUCNestLevel();

	apply_settings(settings, superuser() ? PGC_SUSET : PGC_USERSET);
	AtEOXact_GUC(false, level);
}

/* ---- statement_timeout ---- */

void
timer_start(JobTimer *timer, TimestampTz started, int limit_ms)
{
	bool at_limit = limit_ms > 0 && (StatementTimeout <= 0 || limit_ms < StatementTimeout);
	int ms = at_limit ? limit_ms : StatementTimeout;

	if (timer->deadline != 0 || ms <= 0)
		return;
	timer->at_limit = at_limit;
	timer->deadline = TimestampTzPlusMilliseconds(started, ms);
	timer->outer = get_timeout_active(STATEMENT_TIMEOUT) ? get_timeout_finish_time(STATEMENT_TIMEOUT) : 0;
	if (timer->outer == 0 || timer->deadline < timer->outer)
		enable_timeout_at(STATEMENT_TIMEOUT, timer->deadline);
}

void
timer_stop(JobTimer *timer)
{
	TimestampTz now = GetCurrentTimestamp();

	if (timer->deadline == 0)
		return;
	if (get_timeout_indicator(STATEMENT_TIMEOUT, true) && (timer->outer == 0 || now < timer->outer))
		QueryCancelPending = false; /* it was on its way */
	if (timer->outer != 0)
		enable_timeout_at(STATEMENT_TIMEOUT, timer->outer);
	else
		disable_timeout(STATEMENT_TIMEOUT, false);
	timer->deadline = 0;
}
