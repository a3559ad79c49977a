/*
 * registry.c - reading the registry: which model, whose, which version, how good
 *
 * Everything here reads under the active snapshot and so gives one answer throughout a statement (and throughout a
 * REPEATABLE READ transaction).  Nothing is kept between calls: to learn which version is published costs one probe of
 * an index for the model and one for the version.
 *
 * Rights are decided as the backend decides them for its own objects: the owner is whoever has the privileges of the
 * owner's role, a grantee whoever has those of a granted role, and a superuser has them all.  A row keeps a role's name,
 * its oid and the system identifier of the cluster that wrote it.  In that cluster the oid counts: a role that is renamed
 * keeps what it has, and a new role of an old name does not inherit it.  In another cluster, after a restore or pg_upgrade, the
 * name counts.  What means no role gives nobody a right.
 */
#include "postgres.h"

#include <math.h>

#include "access/xlog.h"
#include "miscadmin.h"
#include "utils/acl.h"
#include "utils/builtins.h"
#include "utils/fmgrprotos.h"
#include "utils/memutils.h"
#include "utils/snapmgr.h"
#include "utils/syscache.h"

#include "bridge/args.h"
#include "bridge/compat.h"
#include "bridge/json.h"
#include "model/internal.h"
#include "model/registry.h"
#include "model/tables.h"

Snapshot
registry_snapshot(void)
{
	return ActiveSnapshotSet() ? GetActiveSnapshot() : GetTransactionSnapshot();
}

/* ---- roles ---- */

Oid
registry_role(Datum name, Datum oid, Datum cluster)
{
	char *role;
	Oid found;

	if ((uint64) DatumGetInt64(cluster) == GetSystemIdentifier())
		return SearchSysCacheExists1(AUTHOID, oid) ? DatumGetObjectId(oid) : InvalidOid;
	role = TextDatumGetCString(name);
	found = get_role_oid(role, true);
	pfree(role);
	return found;
}

/* registry_role(name, oid, cluster) -> text: for the views. */
PG_FUNCTION_INFO_V1(promoai_registry_role);
Datum
promoai_registry_role(PG_FUNCTION_ARGS)
{
	Oid role;

	if (PG_GETARG_OID(1) == InvalidOid)
		PG_RETURN_DATUM(PG_GETARG_DATUM(0));
	role = registry_role(PG_GETARG_DATUM(0), PG_GETARG_DATUM(1), PG_GETARG_DATUM(2));
	if (!OidIsValid(role))
		PG_RETURN_NULL();
	PG_RETURN_TEXT_P(cstring_to_text(GetUserNameFromId(role, false)));
}

/* ---- rows into structs ---- */

static void
read_uuid(Datum value, pg_uuid_t *out)
{
	memcpy(out, DatumGetUUIDP(value), sizeof(*out));
}

static void
model_from_row(const TableScan *scan, Model *model)
{
	const Datum *values = scan->values - 1; /* columns count from 1 */
	const bool *nulls = scan->nulls - 1;

	read_uuid(values[MODELS_MODEL_ID], &model->id);
	model->name = TextDatumGetCString(values[MODELS_MODEL]);
	model->kind = TextDatumGetCString(values[MODELS_KIND]);
	model->owner_oid =
		registry_role(values[MODELS_OWNER_NAME], values[MODELS_OWNER_OID], values[MODELS_OWNER_CLUSTER]);
	model->owner = OidIsValid(model->owner_oid) ? GetUserNameFromId(model->owner_oid, false)
												: TextDatumGetCString(values[MODELS_OWNER_NAME]);
	model->published = !nulls[MODELS_CURRENT_VERSION];
	if (model->published)
		read_uuid(values[MODELS_CURRENT_VERSION], &model->current);
}

/* The definition is only for those who may change it, and large sources need not be fetched to serve. */
static void
definition_from_row(const TableScan *scan, Model *model)
{
	const Datum *values = scan->values - 1;

	model->source = TextDatumGetCString(values[MODELS_SOURCE]);
	model->search_path = TextDatumGetCString(values[MODELS_SOURCE_SEARCH_PATH]);
	model->arguments = DatumGetJsonbPCopy(values[MODELS_ARGUMENTS]);
}

static ModelVersion *
version_from_row(const TableScan *scan)
{
	const Datum *values = scan->values - 1;
	ModelVersion *version = palloc0(sizeof(ModelVersion));

	read_uuid(values[VERSIONS_VERSION_ID], &version->id);
	read_uuid(values[VERSIONS_MODEL_ID], &version->model_id);
	version->version = DatumGetInt32(values[VERSIONS_VERSION]);
	version->kind = TextDatumGetCString(values[VERSIONS_KIND]);
	version->arguments = DatumGetJsonbPCopy(values[VERSIONS_ARGUMENTS]);
	version->trained_at = DatumGetTimestampTz(values[VERSIONS_TRAINED_AT]);
	version->rows_read = DatumGetInt64(values[VERSIONS_ROWS_READ]);
	version->rows_skipped = DatumGetInt64(values[VERSIONS_ROWS_SKIPPED]);
	version->sizes = DatumGetJsonbPCopy(values[VERSIONS_SIZES]);
	version->seconds = DatumGetFloat8(values[VERSIONS_SECONDS]);
	version->payload_bytes = DatumGetInt64(values[VERSIONS_PAYLOAD_BYTES]);
	return version;
}

static Jsonb *
jsonb_copy(const Jsonb *json)
{
	Jsonb *copy = palloc(VARSIZE(json));

	memcpy(copy, json, VARSIZE(json));
	return copy;
}

ModelVersion *
version_copy(const ModelVersion *version, MemoryContext memory)
{
	MemoryContext caller = MemoryContextSwitchTo(memory);
	ModelVersion *copy = palloc(sizeof(ModelVersion));

	*copy = *version;
	copy->kind = pstrdup(version->kind);
	copy->arguments = jsonb_copy(version->arguments);
	copy->sizes = jsonb_copy(version->sizes);
	MemoryContextSwitchTo(caller);
	return copy;
}

/* ---- rights ---- */

/* Does the grant in this row reach the current user? */
static bool
grant_is_mine(const Datum *values)
{
	Oid role;

	if (DatumGetObjectId(values[GRANTS_ROLE_OID]) == InvalidOid)
		return true; /* public */
	role = registry_role(values[GRANTS_ROLE_NAME], values[GRANTS_ROLE_OID], values[GRANTS_ROLE_CLUSTER]);
	return OidIsValid(role) && has_privs_of_role(GetUserId(), role);
}

static bool
model_is_mine(const Model *model)
{
	return superuser() || (OidIsValid(model->owner_oid) && has_privs_of_role(GetUserId(), model->owner_oid));
}

static bool
model_is_granted(const Model *model, Snapshot snapshot)
{
	TableScan scan;
	ScanKeyData key;
	bool granted = false;

	key_uuid(&key, GRANTS_MODEL_ID, &model->id);
	scan_open(&scan, GRANTS_BY_MODEL, snapshot, &key, 1);
	while (!granted && scan_next(&scan))
		granted = grant_is_mine(scan.values - 1);
	scan_close(&scan);
	return granted;
}

Model *
model_find(const char *name, Snapshot snapshot, ModelRight right, ModelAccess *access)
{
	TableScan scan;
	ScanKeyData key;
	Model *model = NULL;

	memset(access, 0, sizeof(*access));
	key_text(&key, MODELS_MODEL, name);
	scan_open(&scan, MODELS_BY_NAME, snapshot, &key, 1);
	if (scan_next(&scan))
	{
		model = palloc0(sizeof(Model));
		model_from_row(&scan, model);
		access->row = scan.tuple->t_self;
		access->own = model_is_mine(model);
		if (access->own && right == MODEL_OWN)
			definition_from_row(&scan, model);
	}
	scan_close(&scan);

	if (model != NULL)
		access->use = access->own || model_is_granted(model, snapshot);
	return model;
}

void
model_unknown(const char *name)
{
	ereport(ERROR, (errcode(ERRCODE_UNDEFINED_OBJECT),
					errmsg("model \"%s\" does not exist, or you have no right to use it", args_quoted(name)),
					errhint("The view promoai.models lists the models that you may use.")));
}

static void
model_not_mine(const char *name)
{
	ereport(ERROR, (errcode(ERRCODE_INSUFFICIENT_PRIVILEGE), errmsg("must be owner of model \"%s\"", name)));
}

Model *
registry_open(const char *name, ModelRight right)
{
	ModelAccess access;
	Model *model = model_find(name, registry_snapshot(), right, &access);

	if (model == NULL || !access.use)
		model_unknown(name);
	if (right == MODEL_OWN && !access.own)
		model_not_mine(name);
	return model;
}

bool
registry_may(const char *name, ModelRight right)
{
	ModelAccess access;
	Model *model = model_find(name, registry_snapshot(), right, &access);

	return model != NULL && (right == MODEL_OWN ? access.own : access.use);
}

bool
registry_may_id(const char *name, const pg_uuid_t *id)
{
	ModelAccess access;
	Model *model = model_find(name, registry_snapshot(), MODEL_USE, &access);

	return model != NULL && access.use && memcmp(&model->id, id, sizeof(*id)) == 0;
}

/* ---- versions ---- */

static ModelVersion *
version_scan(RegistryIndex index, ScanKey keys, int n_keys)
{
	TableScan scan;
	ModelVersion *version = NULL;

	scan_open(&scan, index, registry_snapshot(), keys, n_keys);
	if (scan_next(&scan))
		version = version_from_row(&scan);
	scan_close(&scan);
	return version;
}

ModelVersion *
version_by_id(const pg_uuid_t *id)
{
	ScanKeyData key;

	key_uuid(&key, VERSIONS_VERSION_ID, id);
	return version_scan(VERSIONS_BY_ID, &key, 1);
}

ModelVersion *
version_before(const Model *model, int32 number)
{
	TableScan scan;
	ScanKeyData key;
	ModelVersion *before = NULL;

	key_uuid(&key, VERSIONS_MODEL_ID, &model->id);
	scan_open(&scan, VERSIONS_BY_NUMBER, registry_snapshot(), &key, 1);
	while (scan_next(&scan) && DatumGetInt32(scan.values[VERSIONS_VERSION - 1]) < number)
		before = version_from_row(&scan);
	scan_close(&scan);
	return before;
}

static ModelVersion *
version_published(const Model *model)
{
	ModelVersion *version;

	if (!model->published)
		ereport(ERROR, (errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
						errmsg("model \"%s\" has no published version", model->name),
						errhint("Publish one of its versions with promoai.model_publish().")));
	version = version_by_id(&model->current);
	if (version == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_DATA_CORRUPTED),
				 errmsg("the published version of model \"%s\" is missing", model->name),
				 errhint("Publish another version with promoai.model_publish(), or train the model again.")));
	return version;
}

ModelVersion *
registry_version(const Model *model, int32 wanted)
{
	ScanKeyData keys[2];
	ModelVersion *version;

	if (wanted <= 0)
		return version_published(model);

	key_uuid(&keys[0], VERSIONS_MODEL_ID, &model->id);
	key_int4(&keys[1], VERSIONS_VERSION, wanted);
	version = version_scan(VERSIONS_BY_NUMBER, keys, 2);
	if (version == NULL)
		ereport(ERROR, (errcode(ERRCODE_UNDEFINED_OBJECT),
						errmsg("model \"%s\" has no version %d", model->name, wanted),
						errhint("The view promoai.model_versions lists the versions that are kept.")));
	return version;
}

/* ---- metrics ---- */

static double
read_float8(const TableScan *scan, int column)
{
	return scan->nulls[column - 1] ? NAN : DatumGetFloat8(scan->values[column - 1]);
}

static void
metric_from_row(const TableScan *scan, ModelMetric *metric)
{
	const Datum *values = scan->values - 1;

	metric->metric = TextDatumGetCString(values[METRICS_METRIC]);
	metric->split = TextDatumGetCString(values[METRICS_SPLIT]);
	metric->value = read_float8(scan, METRICS_VALUE);
	metric->low = read_float8(scan, METRICS_LOW);
	metric->high = read_float8(scan, METRICS_HIGH);
	metric->n = scan->nulls[METRICS_N - 1] ? -1 : DatumGetInt64(values[METRICS_N]);
}

ModelMetric *
registry_metrics(const ModelVersion *version, int *n)
{
	TableScan scan;
	ScanKeyData key;
	int room = 16;
	ModelMetric *metrics = palloc(sizeof(ModelMetric) * room);

	*n = 0;
	key_uuid(&key, METRICS_VERSION_ID, &version->id);
	scan_open(&scan, METRICS_BY_VERSION, registry_snapshot(), &key, 1);
	while (scan_next(&scan))
	{
		if (*n == room)
		{
			room *= 2;
			metrics = repalloc(metrics, sizeof(ModelMetric) * room);
		}
		metric_from_row(&scan, &metrics[(*n)++]);
	}
	scan_close(&scan);
	return metrics;
}

static bool
metric_repeats(const ModelMetric *metrics, int i)
{
	for (int earlier = 0; earlier < i; earlier++)
		if (strcmp(metrics[earlier].metric, metrics[i].metric) == 0)
			return true;
	return false;
}

Jsonb *
registry_metrics_jsonb(const ModelMetric *metrics, int n)
{
	JsonObject object;

	json_open(&object);
	for (int i = 0; i < n; i++)
		json_put_real(&object,
					  metric_repeats(metrics, i) ? psprintf("%s (%s)", metrics[i].metric, metrics[i].split)
												 : metrics[i].metric,
					  metrics[i].value);
	return json_close(&object);
}
