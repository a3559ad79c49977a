/*
 * tables.h - the registry's tables: where they are, how their rows are read and written
 *
 * For the files of src/model only.
 */
#ifndef PROMOAI_MODEL_TABLES_H
#define PROMOAI_MODEL_TABLES_H

#include "postgres.h"

#include "access/genam.h"
#include "access/skey.h"
#include "utils/rel.h"
#include "utils/snapshot.h"
#include "utils/uuid.h"

/* Columns by number, as sql/parts/00_schema.sql has them. */
enum
{
	MODELS_MODEL_ID = 1,
	MODELS_MODEL,
	MODELS_KIND,
	MODELS_OWNER_NAME,
	MODELS_OWNER_OID,
	MODELS_OWNER_CLUSTER,
	MODELS_SOURCE,
	MODELS_SOURCE_SEARCH_PATH,
	MODELS_ARGUMENTS,
	MODELS_CURRENT_VERSION,
	MODELS_CREATED_AT,
	MODELS_CHANGED_AT
};

enum
{
	VERSIONS_VERSION_ID = 1,
	VERSIONS_MODEL_ID,
	VERSIONS_VERSION,
	VERSIONS_KIND,
	VERSIONS_TRAINED_BY,
	VERSIONS_TRAINED_AT,
	VERSIONS_SOURCE,
	VERSIONS_SOURCE_SEARCH_PATH,
	VERSIONS_ARGUMENTS,
	VERSIONS_ROWS_READ,
	VERSIONS_ROWS_SKIPPED,
	VERSIONS_SIZES,
	VERSIONS_SECONDS,
	VERSIONS_PAYLOAD_BYTES,
	VERSIONS_PROMOAI_VERSION
};

enum
{
	METRICS_VERSION_ID = 1,
	METRICS_METRIC,
	METRICS_SPLIT,
	METRICS_VALUE,
	METRICS_LOW,
	METRICS_HIGH,
	METRICS_N
};

enum
{
	PAYLOAD_VERSION_ID = 1,
	PAYLOAD_CHUNK,
	PAYLOAD_BYTES
};

enum
{
	GRANTS_MODEL_ID = 1,
	GRANTS_ROLE_NAME,
	GRANTS_ROLE_OID,
	GRANTS_ROLE_CLUSTER,
	GRANTS_GRANTED_BY,
	GRANTS_GRANTED_AT
};

#define REGISTRY_MAX_COLUMNS 32 /* more than any table has, also after upgrades */

/* The ways in which rows are looked up; every one is an index. */
typedef enum RegistryIndex
{
	MODELS_BY_NAME,
	VERSIONS_BY_ID,
	VERSIONS_BY_NUMBER, /* model_id, version */
	METRICS_BY_VERSION,
	PAYLOAD_BY_CHUNK, /* version_id, chunk */
	GRANTS_BY_MODEL,
	REGISTRY_INDEXES
} RegistryIndex;

/* The oid of registry_models, which stands for the registry in locks and owns what is written. */
extern Oid tables_models_oid(void);

/* False where the tables are still those of the first release, which knew no schedules. */
extern bool tables_have_schedules(void);

/* ---- reading: an index scan under a snapshot of the caller's choice ---- */

typedef struct TableScan
{
	Relation table;
	Relation index;
	SysScanDesc scan;
	Snapshot snapshot; /* held while the scan is open */
	HeapTuple tuple; /* the row last read */
	Datum values[REGISTRY_MAX_COLUMNS]; /* its columns */
	bool nulls[REGISTRY_MAX_COLUMNS];
} TableScan;

extern void scan_open(TableScan *scan, RegistryIndex index, Snapshot snapshot, ScanKey keys, int n_keys);
extern bool scan_next(TableScan *scan); /* false: no more rows */
extern void scan_close(TableScan *scan);

/* Keys: column = value. */
extern void key_uuid(ScanKey key, AttrNumber column, const pg_uuid_t *value);
extern void key_text(ScanKey key, AttrNumber column, const char *value);
extern void key_int4(ScanKey key, AttrNumber column, int32 value);

/* ---- writing: constant SQL as the tables' owner ---- */

typedef struct TableWriter
{
	Oid user;
	int security;
	int guc_level;
	bool snapshot; /* pushed by us: between transactions of a job there is none */
} TableWriter;

/*
 * Between these two SPI is connected, the current user is the tables' owner and the search_path is the server's own.
 * Nothing but tables_execute and plans of constant SQL may run there.
 */
extern void tables_enter(TableWriter *writer);
extern void tables_leave(TableWriter *writer);

typedef struct TableArg
{
	Oid type;
	Datum value;
	bool null;
} TableArg;

/* One constant statement; returns how many rows it touched. */
extern uint64 tables_execute(const char *sql, const TableArg *args, int n_args);

/* What the last statement returned: column from 1, in SPI's memory. */
extern Datum tables_value(uint64 row, int column, bool *null);
extern char *tables_text(uint64 row, int column); /* NULL for NULL */

extern TableArg arg_uuid(const pg_uuid_t *value);
extern TableArg arg_text(const char *value); /* NULL becomes SQL's NULL */
extern TableArg arg_int4(int32 value);
extern TableArg arg_int8(int64 value);
extern TableArg arg_oid(Oid value);
extern TableArg arg_float8(double value); /* NaN becomes NULL */
extern TableArg arg_time(int64 value);
extern TableArg arg_jsonb(const void *value); /* NULL becomes SQL's NULL */
extern TableArg arg_interval(const void *value); /* NULL becomes SQL's NULL */
extern TableArg arg_bool(bool value);

#endif
