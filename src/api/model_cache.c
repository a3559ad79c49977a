/*
 * model_cache.c - the cache of models in SQL: load a version beforehand, see what is held
 */
#include "postgres.h"

#include "catalog/pg_authid.h"
#include "fmgr.h"
#include "miscadmin.h"
#include "utils/acl.h"
#include "utils/builtins.h"

#include "bridge/args.h"
#include "bridge/rows.h"
#include "model/cache.h"

/* model_prewarm(model, version) -> bytes of the version, which is in the cache now */
PG_FUNCTION_INFO_V1(promoai_model_prewarm);
Datum
promoai_model_prewarm(PG_FUNCTION_ARGS)
{
	Args *args = args_open(fcinfo);
	Model *model = registry_open(args_text(args, "model"), MODEL_USE);
	ModelVersion *version = registry_version(model, args_int_or(args, "version", 1, PG_INT32_MAX, 0));

	if (!cache_prewarm(model, version))
		ereport(NOTICE,
				(errmsg("model \"%s\", version %d, is loaded for this session alone", model->name,
						version->version),
				 errdetail("Other models in use leave no room within promoai.cache_size, or the system "
						   "has no more shared memory.")));
	PG_RETURN_INT64(version->payload_bytes);
}

/* Names of other databases are in their encoding: they are not shown. */
static void
put_item(ReturnSetInfo *rows, const CacheItem *item)
{
	bool here = item->database == MyDatabaseId;
	Datum values[] = {here ? CStringGetTextDatum(item->model) : (Datum) 0,
					  Int32GetDatum(item->version),
					  ObjectIdGetDatum(item->database),
					  Int64GetDatum((int64) item->bytes),
					  BoolGetDatum(item->shared),
					  BoolGetDatum(item->ready),
					  Int32GetDatum(item->pins),
					  TimestampTzGetDatum(item->used)};
	bool nulls[lengthof(values)] = {!here};

	rows_put(rows, values, nulls);
}

/*
 * model_cache() -> (model, version, database_oid, bytes, shared, ready, pins, last_used)
 *
 * Versions of models that the caller may use; all, those of other databases and of models that are gone too, for members of
 * pg_read_all_stats.
 */
PG_FUNCTION_INFO_V1(promoai_model_cache);
Datum
promoai_model_cache(PG_FUNCTION_ARGS)
{
	ReturnSetInfo *rows = rows_open(fcinfo);
	bool all = has_privs_of_role(GetUserId(), ROLE_PG_READ_ALL_STATS);
	int n;
	CacheItem *items = cache_list(&n);

	for (int i = 0; i < n; i++)
		if (all || (items[i].database == MyDatabaseId && registry_may_id(items[i].model, &items[i].model_id)))
			put_item(rows, &items[i]);
	return (Datum) 0;
}
