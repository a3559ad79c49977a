/*
 * tables.c - the registry's tables: where they are, how their rows are read and written
 *
 * Reading.  The tables carry no grants, and nobody's SQL reads them: rows come from index scans as the backend's own
 * catalog look-ups do them, but under the caller's snapshot instead of the catalog's.  That costs a few microseconds,
 * needs no SPI, and works on standbys and in parallel workers.  Oids of tables and indexes are looked up by name and
 * kept until something in pg_class or pg_namespace changes, so DROP EXTENSION and CREATE EXTENSION within a session
 * are noticed.
 *
 * Writing.  Constant SQL through SPI, as the owner of the tables, the way foreign-key triggers do it: so constraints and
 * logical replication see what they always see.  An error in that state ends it: whoever catches an error
 * in PostgreSQL does so by rolling back a transaction or a subtransaction, and either puts back user, security context
 * and settings as they were when it began.  That moment lies before tables_enter, since nobody begins a
 * subtransaction around a part of our code.
 */
#include "postgres.h"

#include <math.h>

#include "access/htup_details.h"
#include "access/table.h"
#include "catalog/namespace.h"
#include "catalog/pg_class.h"
#include "catalog/pg_type.h"
#include "executor/spi.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/fmgroids.h"
#include "utils/guc.h"
#include "utils/inval.h"
#include "utils/jsonb.h"
#include "utils/lsyscache.h"
#include "utils/snapmgr.h"
#include "utils/syscache.h"
#include "utils/timestamp.h"

#include "model/tables.h"

#define REGISTRY_SCHEMA "promoai"

typedef struct IndexPlace
{
	const char *table;
	const char *index;
} IndexPlace;

static const IndexPlace index_places[REGISTRY_INDEXES] = {
	[MODELS_BY_NAME] = {"registry_models", "registry_models_model_key"},
	[VERSIONS_BY_ID] = {"registry_versions", "registry_versions_pkey"},
	[VERSIONS_BY_NUMBER] = {"registry_versions", "registry_versions_number_key"},
	[METRICS_BY_VERSION] = {"registry_metrics", "registry_metrics_pkey"},
	[PAYLOAD_BY_CHUNK] = {"registry_payload", "registry_payload_pkey"},
	[GRANTS_BY_MODEL] = {"registry_grants", "registry_grants_pkey"},
};

/* ---- where the tables are ---- */

static bool places_known = false;
static Oid table_oids[REGISTRY_INDEXES];
static Oid index_oids[REGISTRY_INDEXES];

static void
places_forget(Datum arg, int cache, uint32 hash)
{
	(void) arg;
	(void) cache;
	(void) hash;
	places_known = false;
}

static void
places_watch(void)
{
	static bool watching = false;

	if (watching)
		return;
	CacheRegisterSyscacheCallback(RELNAMENSP, places_forget, (Datum) 0);
	CacheRegisterSyscacheCallback(NAMESPACENAME, places_forget, (Datum) 0);
	watching = true;
}

static void
places_missing(void)
{
	places_known = false;
	ereport(ERROR, (errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
					errmsg("the model registry is not installed in this database"),
					errhint("Run CREATE EXTENSION promoai.")));
}

static void
places_find(void)
{
	Oid schema;

	if (places_known)
		return;
	places_watch();
	schema = get_namespace_oid(REGISTRY_SCHEMA, true);
	if (!OidIsValid(schema))
		places_missing();

	places_known = true; /* first: what changes during the look-ups takes it back */
	for (int i = 0; i < REGISTRY_INDEXES; i++)
	{
		table_oids[i] = get_relname_relid(index_places[i].table, schema);
		index_oids[i] = get_relname_relid(index_places[i].index, schema);
		if (!OidIsValid(table_oids[i]) || !OidIsValid(index_oids[i]))
			places_missing();
	}
}

Oid
tables_models_oid(void)
{
	places_find();
	return table_oids[MODELS_BY_NAME];
}

bool
tables_have_schedules(void)
{
	places_find();
	return OidIsValid(get_relname_relid("registry_schedules", get_namespace_oid(REGISTRY_SCHEMA, false)));
}

/* ---- reading ---- */

void
scan_open(TableScan *scan, RegistryIndex index, Snapshot snapshot, ScanKey keys, int n_keys)
{
	places_find();
	scan->table = try_table_open(table_oids[index], AccessShareLock);
	if (scan->table == NULL)
		places_missing(); /* dropped by another session just now */
	scan->index = index_open(index_oids[index], AccessShareLock);
	scan->snapshot = RegisterSnapshot(snapshot);
	scan->scan = systable_beginscan_ordered(scan->table, scan->index, scan->snapshot, n_keys, keys);
	if (RelationGetNumberOfAttributes(scan->table) > REGISTRY_MAX_COLUMNS)
		elog(ERROR, "registry table \"%s\" has too many columns", RelationGetRelationName(scan->table));
}

bool
scan_next(TableScan *scan)
{
	scan->tuple = systable_getnext_ordered(scan->scan, ForwardScanDirection);
	if (!HeapTupleIsValid(scan->tuple))
		return false;
	heap_deform_tuple(scan->tuple, RelationGetDescr(scan->table), scan->values, scan->nulls);
	return true;
}

void
scan_close(TableScan *scan)
{
	systable_endscan_ordered(scan->scan);
	UnregisterSnapshot(scan->snapshot);
	index_close(scan->index, AccessShareLock);
	table_close(scan->table, AccessShareLock);
}

void
key_uuid(ScanKey key, AttrNumber column, const pg_uuid_t *value)
{
	ScanKeyInit(key, column, BTEqualStrategyNumber, F_UUID_EQ, UUIDPGetDatum(value));
}

void
key_text(ScanKey key, AttrNumber column, const char *value)
{
	ScanKeyInit(key, column, BTEqualStrategyNumber, F_TEXTEQ, CStringGetTextDatum(value));
}

void
key_int4(ScanKey key, AttrNumber column, int32 value)
{
	ScanKeyInit(key, column, BTEqualStrategyNumber, F_INT4EQ, Int32GetDatum(value));
}

/* ---- writing ---- */

static Oid
tables_owner(void)
{
	HeapTuple tuple = SearchSysCache1(RELOID, ObjectIdGetDatum(tables_models_oid()));
	Oid owner;

	if (!HeapTupleIsValid(tuple))
		places_missing();
	owner = ((Form_pg_class) GETSTRUCT(tuple))->relowner;
	ReleaseSysCache(tuple);
	return owner;
}

void
tables_enter(TableWriter *writer)
{
	Oid owner = tables_owner();

	GetUserIdAndSecContext(&writer->user, &writer->security);
	SetUserIdAndSecContext(owner, writer->security | SECURITY_LOCAL_USERID_CHANGE | SECURITY_NOFORCE_RLS);
	writer->guc_level = NewGUCNestLevel();
	(void) set_config_option("search_path", "pg_catalog, pg_temp", PGC_USERSET, PGC_S_SESSION,
							 GUC_ACTION_SAVE, true, 0, false);
	writer->snapshot = !ActiveSnapshotSet();
	if (writer->snapshot)
		PushActiveSnapshot(GetTransactionSnapshot());
	if (SPI_connect() != SPI_OK_CONNECT)
		elog(ERROR, "SPI_connect failed");
}

void
tables_leave(TableWriter *writer)
{
	if (SPI_finish() != SPI_OK_FINISH)
		elog(ERROR, "SPI_finish failed");
	if (writer->snapshot)
		PopActiveSnapshot();
	AtEOXact_GUC(false, writer->guc_level);
	SetUserIdAndSecContext(writer->user, writer->security);
}

uint64
tables_execute(const char *sql, const TableArg *args, int n_args)
{
	Oid types[REGISTRY_MAX_COLUMNS];
	Datum values[REGISTRY_MAX_COLUMNS];
	char nulls[REGISTRY_MAX_COLUMNS + 1] = {0};
	int code;

	for (int i = 0; i < n_args; i++)
	{
		types[i] = args[i].type;
		values[i] = args[i].value;
		nulls[i] = args[i].null ? 'n' : ' ';
	}
	code = SPI_execute_with_args(sql, n_args, types, values, nulls, false, 0);
	if (code < 0)
		elog(ERROR, "registry statement failed: %s", SPI_result_code_string(code));
	return SPI_processed;
}

Datum
tables_value(uint64 row, int column, bool *null)
{
	return SPI_getbinval(SPI_tuptable->vals[row], SPI_tuptable->tupdesc, column, null);
}

char *
tables_text(uint64 row, int column)
{
	return SPI_getvalue(SPI_tuptable->vals[row], SPI_tuptable->tupdesc, column);
}

TableArg
arg_uuid(const pg_uuid_t *value)
{
	return (TableArg){UUIDOID, UUIDPGetDatum(value), false};
}

TableArg
arg_text(const char *value)
{
	return (TableArg){TEXTOID, value == NULL ? (Datum) 0 : CStringGetTextDatum(value), value == NULL};
}

TableArg
arg_int4(int32 value)
{
	return (TableArg){INT4OID, Int32GetDatum(value), false};
}

TableArg
arg_int8(int64 value)
{
	return (TableArg){INT8OID, Int64GetDatum(value), false};
}

TableArg
arg_oid(Oid value)
{
	return (TableArg){OIDOID, ObjectIdGetDatum(value), false};
}

TableArg
arg_float8(double value)
{
	return (TableArg){FLOAT8OID, Float8GetDatum(value), isnan(value)};
}

TableArg
arg_time(int64 value)
{
	return (TableArg){TIMESTAMPTZOID, TimestampTzGetDatum(value), false};
}

TableArg
arg_jsonb(const void *value)
{
	return (TableArg){JSONBOID, PointerGetDatum(value), value == NULL};
}

TableArg
arg_interval(const void *value)
{
	return (TableArg){INTERVALOID, PointerGetDatum(value), value == NULL};
}

TableArg
arg_bool(bool value)
{
	return (TableArg){BOOLOID, BoolGetDatum(value), false};
}
