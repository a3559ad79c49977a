/*
 * publish.c - from a training to a published version
 *
 * A training begins with registry_begin, which takes the model's lock, and ends with registry_publish, which writes
 * everything; both belong to the transaction of the training.  So a reader sees the version before or the version after
 * and never half of one, and a training that fails, is cancelled or dies with the server leaves nothing behind.
 *
 * Locking.  One lock per model name, on an object that does not exist outside the lock table: class registry_models,
 * object and sub-object a hash of the name (48 bits; two names that collide would merely not be trained at the same
 * time).  It is taken for a name even before there is a row, is held to the end of the transaction, and never waited
 * for.  Readers know nothing of it.
 *
 * Behind the lock the model is read again as it is now.  In READ COMMITTED that is a new snapshot, so a version number
 * is never used twice.  In REPEATABLE READ and SERIALIZABLE the transaction must go on seeing what it saw first; when
 * that is no longer what is there, it ends at once with a serialization failure instead of training in vain.
 */
#include "postgres.h"

#include "access/xlog.h"
#include "access/xact.h"
#include "catalog/namespace.h"
#include "catalog/pg_type.h"
#include "common/hashfn.h"
#include "executor/spi.h"
#include "miscadmin.h"
#include "storage/lock.h"
#include "utils/builtins.h"
#include "utils/snapmgr.h"
#include "utils/timestamp.h"

#include "bridge/env.h"
#include "bridge/testpoint.h"
#include "model/internal.h"
#include "model/kind.h"
#include "model/tables.h"

#define MODEL_NAME_MAX (NAMEDATALEN - 1)
#define LOAD_BYTES ((uint64) 16 * 1024 * 1024) /* copied between two looks at interrupts */

/* ---- beginning ---- */

ModelDraft
draft_of_call(const Args *args, bool source_wanted)
{
	return (ModelDraft){.model = args_text(args, "model"),
						.source =
							source_wanted ? args_text(args, "source") : args_text_or_null(args, "source"),
						.search_path = pstrdup(namespace_search_path),
						.started = GetCurrentTimestamp()};
}

ModelDraft
draft_of_model(const Model *model)
{
	return (ModelDraft){.model = model->name,
						.source = model->source,
						.search_path = model->search_path,
						.started = GetCurrentTimestamp()};
}

double
draft_seconds(const ModelDraft *draft)
{
	return (double) (GetCurrentTimestamp() - draft->started) / USECS_PER_SEC;
}

static void
name_check(const char *name)
{
	size_t length = strlen(name);

	if (length < 1 || length > MODEL_NAME_MAX)
		ereport(ERROR, (errcode(ERRCODE_INVALID_NAME),
						errmsg("a model's name must have 1 to %d bytes, got %zu", MODEL_NAME_MAX, length)));
	for (const unsigned char *c = (const unsigned char *) name; *c != '\0'; c++)
		if (*c < 0x20 || *c == 0x7f)
			ereport(ERROR,
					(errcode(ERRCODE_INVALID_NAME),
					 errmsg("a model's name must not contain control characters, got byte 0x%02x", *c)));
}

static void
lock_take(const char *name)
{
	uint64 hash = hash_bytes_extended((const unsigned char *) name, (int) strlen(name), 0);
	LOCKTAG tag;

	SET_LOCKTAG_OBJECT(tag, MyDatabaseId, tables_models_oid(), (Oid) hash, (uint16) (hash >> 32));
	if (LockAcquire(&tag, ExclusiveLock, false, true) == LOCKACQUIRE_NOT_AVAIL)
		ereport(ERROR, (errcode(ERRCODE_LOCK_NOT_AVAILABLE),
						errmsg("model \"%s\" is being trained or changed by another session", name)));
}

static Model *
lock_read(const char *name, Snapshot snapshot, ModelAccess *access)
{
	Model *model;

	PushActiveSnapshot(snapshot);
	model = model_find(name, registry_snapshot(), MODEL_OWN, access);
	PopActiveSnapshot();
	return model;
}

/* Does this transaction's snapshot still show the model as it is? */
static void
lock_check_snapshot(const char *name, const Model *seen, const ModelAccess *access)
{
	ModelAccess access_now;
	Model *now = lock_read(name, GetLatestSnapshot(), &access_now);

	if ((now == NULL) != (seen == NULL) ||
		(now != NULL && !ItemPointerEquals((ItemPointer) &access->row, &access_now.row)))
		ereport(ERROR, (errcode(ERRCODE_T_R_SERIALIZATION_FAILURE),
						errmsg("could not serialize access due to a concurrent change of model \"%s\"", name),
						errhint("The transaction might succeed if retried.")));
}

static void
lock_check_owner(const char *name, const Model *model, const ModelAccess *access)
{
	if (model != NULL && !access->own)
		ereport(ERROR,
				(errcode(ERRCODE_INSUFFICIENT_PRIVILEGE), errmsg("must be owner of model \"%s\"", name),
				 errhint("Model names are unique in a database; a model of your own needs another name.")));
}

/*
 * Take the model's lock until the end of the transaction, for the SQL function `command`, and read the model as it is
 * now.  The caller must own it; NULL when there is no such model.
 */
static Model *
registry_lock(const char *name, const char *command)
{
	ModelAccess access;
	Model *model;

	PreventCommandDuringRecovery(command);
	PreventCommandIfReadOnly(command);
	PreventCommandIfParallelMode(command);
	name_check(name);

	/* Rights come first: who may not change a model must not be able to hold up those who may. */
	model = model_find(name, registry_snapshot(), MODEL_OWN, &access);
	lock_check_owner(name, model, &access);
	lock_take(name);

	model = lock_read(name, GetTransactionSnapshot(), &access);
	lock_check_owner(name, model, &access);
	if (IsolationUsesXactSnapshot())
		lock_check_snapshot(name, model, &access);
	return model;
}

Model *
registry_lock_existing(const char *name, const char *command)
{
	Model *model;

	(void) registry_open(name, MODEL_OWN);
	model = registry_lock(name, command);
	if (model == NULL)
		model_unknown(name);
	return model;
}

static void
kind_check(const Model *model, const char *kind)
{
	if (strcmp(model->kind, kind) != 0)
		ereport(ERROR, (errcode(ERRCODE_WRONG_OBJECT_TYPE),
						errmsg("model \"%s\" is of kind \"%s\", not \"%s\"", model->name, model->kind, kind),
						errhint("Choose another name, or drop the model with promoai.model_drop().")));
}

void
registry_begin(const char *name, const char *kind)
{
	Model *model = registry_lock(name, psprintf("%s_train()", kind));

	if (model != NULL)
		kind_check(model, kind);
}

/* ---- publishing: each statement between tables_enter and tables_leave ---- */

void
uuid_random(pg_uuid_t *uuid)
{
	if (!pg_strong_random(uuid, sizeof(*uuid)))
		ereport(ERROR, (errcode(ERRCODE_INTERNAL_ERROR), errmsg("could not generate random values")));
	uuid->data[6] = (uuid->data[6] & 0x0f) | 0x40; /* version 4 */
	uuid->data[8] = (uuid->data[8] & 0x3f) | 0x80; /* variant of RFC 4122 */
}

static void
write_new_model(const ModelDraft *draft, const pg_uuid_t *model_id, Oid owner, const char *owner_name)
{
	TableArg args[] = {
		arg_uuid(model_id),          arg_text(draft->model),  arg_text(draft->kind),
		arg_text(owner_name),        arg_text(draft->source), arg_text(draft->search_path),
		arg_jsonb(draft->arguments), arg_oid(owner),          arg_int8((int64) GetSystemIdentifier())};

	tables_execute("INSERT INTO promoai.registry_models (model_id, model, kind, owner_name, source,"
				   " source_search_path, arguments, owner_oid, owner_cluster, created_at, changed_at)"
				   " VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9,"
				   " pg_catalog.clock_timestamp(), pg_catalog.clock_timestamp())",
				   args, lengthof(args));
}

static void
write_definition(const ModelDraft *draft, const pg_uuid_t *model_id)
{
	TableArg args[] = {arg_uuid(model_id), arg_text(draft->source), arg_text(draft->search_path),
					   arg_jsonb(draft->arguments)};

	tables_execute("UPDATE promoai.registry_models SET source = $2, source_search_path = $3, arguments = $4,"
				   " changed_at = pg_catalog.clock_timestamp() WHERE model_id = $1",
				   args, lengthof(args));
}

/* The number follows the highest that the model has; pruning never takes the newest version. */
static void
write_version(const ModelDraft *draft, const pg_uuid_t *model_id, const pg_uuid_t *version_id,
			  const char *trainer, int64 payload_bytes)
{
	TimestampTz now = GetCurrentTimestamp();
	double seconds = (double) (now - draft->started) / USECS_PER_SEC;
	TableArg args[] = {arg_uuid(version_id),
					   arg_uuid(model_id),
					   arg_text(draft->kind),
					   arg_text(trainer),
					   arg_time(now),
					   arg_text(draft->source),
					   arg_text(draft->search_path),
					   arg_jsonb(draft->arguments),
					   arg_int8(draft->rows_read),
					   arg_int8(draft->rows_skipped),
					   arg_jsonb(draft->sizes),
					   arg_float8(seconds),
					   arg_int8(payload_bytes)};

	tables_execute(
		"INSERT INTO promoai.registry_versions (version_id, model_id, version, kind, trained_by, trained_at,"
		" source, source_search_path, arguments, rows_read, rows_skipped, sizes, seconds, payload_bytes,"
		" promoai_version) VALUES ($1, $2, 1 + coalesce((SELECT max(version) FROM promoai.registry_versions"
		" WHERE model_id = $2), 0), $3, $4, $5, $6, $7, $8, $9, $10, coalesce($11, '{}'), $12, $13,"
		" (SELECT extversion FROM pg_catalog.pg_extension WHERE extname = 'promoai'))",
		args, lengthof(args));
}

static void
write_metrics(const ModelMetric *metrics, int n, const pg_uuid_t *version_id)
{
	for (int i = 0; i < n; i++)
	{
		const ModelMetric *metric = &metrics[i];
		TableArg args[] = {arg_uuid(version_id),      arg_text(metric->metric), arg_text(metric->split),
						   arg_float8(metric->value), arg_float8(metric->low),  arg_float8(metric->high),
						   arg_int8(metric->n)};

		args[6].null = metric->n < 0;
		tables_execute("INSERT INTO promoai.registry_metrics (version_id, metric, split, value, low, high, n)"
					   " VALUES ($1, $2, $3, $4, $5, $6, $7)",
					   args, lengthof(args));
	}
}

static void
write_current(const pg_uuid_t *model_id, const pg_uuid_t *version_id)
{
	TableArg args[] = {arg_uuid(model_id), arg_uuid(version_id)};

	tables_execute("UPDATE promoai.registry_models SET current_version = $2 WHERE model_id = $1", args,
				   lengthof(args));
}

static PublishTo *publication = NULL; /* NULL: versions become current */

void
registry_direct(PublishTo *to)
{
	publication = to;
}

/* The model's row comes first: under REPEATABLE READ a conflict shows there, before the payload is written. */
static void
write_all(const ModelDraft *draft, const Model *model, const pg_uuid_t *version_id,
		  const PayloadWriter *payload)
{
	Oid user = GetUserId();
	char *trainer = GetUserNameFromId(user, false);
	pg_uuid_t model_id;
	TableWriter writer;

	if (model != NULL)
		model_id = model->id;
	else
		uuid_random(&model_id);

	tables_enter(&writer);
	if (model != NULL)
		write_definition(draft, &model_id);
	else
		write_new_model(draft, &model_id, user, trainer);
	write_version(draft, &model_id, version_id, trainer, (int64) payload_writer_bytes(payload));
	write_metrics(draft->metrics, draft->n_metrics, version_id);
	store_write(version_id, payload);
	if (publication == NULL)
	{
		test_point("before publish");
		write_current(&model_id, version_id);
		test_point("after publish");
	}
	tables_leave(&writer);
}

/* What would be stored, in memory only: as the cache would load it. */
static ModelVersion *
load_draft(const ModelDraft *draft, const PayloadWriter *writer, const pg_uuid_t *version_id)
{
	MemoryContext caller = MemoryContextSwitchTo(publication->memory);
	LoadedModel *loaded = palloc0(sizeof(LoadedModel));
	uint64 bytes = payload_writer_bytes(writer);
	char *data = palloc_extended(bytes + PAYLOAD_ALIGN, MCXT_ALLOC_HUGE);
	PgEnv env;

	data = (char *) TYPEALIGN(PAYLOAD_ALIGN, data);
	for (uint64 offset = 0; offset < bytes; offset += LOAD_BYTES)
	{
		CHECK_FOR_INTERRUPTS();
		payload_writer_copy(writer, offset, Min(bytes - offset, LOAD_BYTES), data + offset);
	}
	loaded->version = palloc0(sizeof(ModelVersion));
	loaded->version->id = *version_id;
	loaded->version->kind = pstrdup(draft->kind);
	loaded->version->arguments = draft->arguments;
	loaded->version->trained_at = GetCurrentTimestamp();
	loaded->version->rows_read = draft->rows_read;
	loaded->version->rows_skipped = draft->rows_skipped;
	loaded->version->sizes = draft->sizes;
	loaded->version->payload_bytes = (int64) bytes;
	env_init(&env, publication->memory);
	env_check(&env, payload_read(&env.base, data, bytes, &loaded->payload), "loading the model");
	if (!kind_find(draft->kind)->load(loaded, publication->memory))
		elog(ERROR, "a model of kind \"%s\" cannot be loaded", draft->kind);
	MemoryContextSwitchTo(caller);
	publication->loaded = loaded;
	return loaded->version;
}

ModelVersion *
registry_publish(const ModelDraft *draft)
{
	ModelAccess access;
	Model *model = lock_read(draft->model, GetTransactionSnapshot(), &access);
	PayloadWriter *payload;
	pg_uuid_t version_id;
	PgEnv env;
	ModelVersion *version;

	lock_check_owner(draft->model, model, &access); /* roles may have changed meanwhile */
	if (model != NULL)
		kind_check(model, draft->kind);

	env_init(&env, CurrentMemoryContext);
	env_check(&env, payload_writer_open(&env.base, draft->payload, &payload), "writing the model");
	uuid_random(&version_id);
	if (publication != NULL && publication->mode == PUBLISH_NOWHERE)
	{
		version = load_draft(draft, payload, &version_id);
		payload_writer_close(&env.base, payload);
		return version;
	}
	write_all(draft, model, &version_id, payload);
	payload_writer_close(&env.base, payload);

	PushActiveSnapshot(GetTransactionSnapshot());
	version = version_by_id(&version_id);
	PopActiveSnapshot();
	if (version == NULL)
		elog(ERROR, "version of model \"%s\" was not written", draft->model);
	return version;
}

void
registry_add_metrics(const ModelVersion *version, const ModelMetric *metrics, int n)
{
	TableWriter writer;

	tables_enter(&writer);
	write_metrics(metrics, n, &version->id);
	tables_leave(&writer);
}
