/*
 * manage.c - what owners do with their models
 *
 * Every change also touches the model's row in registry_models, first of all: under REPEATABLE READ that makes two
 * changes of one model conflict (40001), whatever tables they are in.
 */
#include "postgres.h"

#include "access/xlog.h"
#include "miscadmin.h"
#include "utils/acl.h"
#include "utils/snapmgr.h"

#include "bridge/compat.h"
#include "bridge/testpoint.h"
#include "model/internal.h"
#include "model/manage.h"
#include "model/tables.h"

static void
manage_touch(const Model *model)
{
	TableArg args[] = {arg_uuid(&model->id)};

	tables_execute(
		"UPDATE promoai.registry_models SET changed_at = pg_catalog.clock_timestamp() WHERE model_id = $1",
		args, lengthof(args));
}

/* ---- which version is current ---- */

static void
manage_set_current(const Model *model, const ModelVersion *version)
{
	TableWriter writer;
	TableArg args[] = {arg_uuid(&model->id), arg_uuid(&version->id)};

	tables_enter(&writer);
	test_point("before publish");
	tables_execute("UPDATE promoai.registry_models"
				   " SET current_version = $2, changed_at = pg_catalog.clock_timestamp() WHERE model_id = $1",
				   args, lengthof(args));
	test_point("after publish");
	tables_leave(&writer);
}

ModelVersion *
model_publish(const char *name, int32 version)
{
	Model *model = registry_lock_existing(name, "model_publish()");
	ModelVersion *wanted;

	PushActiveSnapshot(GetTransactionSnapshot());
	wanted = registry_version(model, version);
	PopActiveSnapshot();
	manage_set_current(model, wanted);
	return wanted;
}

ModelVersion *
model_rollback(const char *name)
{
	Model *model = registry_lock_existing(name, "model_rollback()");
	ModelVersion *current;
	ModelVersion *older;

	PushActiveSnapshot(GetTransactionSnapshot());
	current = registry_version(model, 0);
	older = version_before(model, current->version);
	PopActiveSnapshot();
	if (older == NULL)
		ereport(ERROR, (errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
						errmsg("model \"%s\" has no version older than its current version %d", name,
							   current->version),
						errhint("The view promoai.model_versions lists the versions that are kept.")));
	manage_set_current(model, older);
	return older;
}

/* ---- removing ---- */

/* Versions with all that belongs to them, as no foreign key does it; counts as many rows as there were versions. */
#define REMOVE_VERSIONS(condition)                                                                           \
	"WITH gone AS (DELETE FROM promoai.registry_versions WHERE " condition " RETURNING version_id),"         \
	" metrics AS (DELETE FROM promoai.registry_metrics m USING gone WHERE m.version_id = gone.version_id),"  \
	" payload AS (DELETE FROM promoai.registry_payload p USING gone WHERE p.version_id = gone.version_id)"   \
	" SELECT version_id FROM gone"

void
model_drop(const char *name)
{
	Model *model = registry_lock_existing(name, "model_drop()");
	TableWriter writer;
	TableArg args[] = {arg_uuid(&model->id)};

	tables_enter(&writer);
	tables_execute("DELETE FROM promoai.registry_models WHERE model_id = $1", args, lengthof(args));
	tables_execute(REMOVE_VERSIONS("model_id = $1"), args, lengthof(args));
	tables_execute("DELETE FROM promoai.registry_grants WHERE model_id = $1", args, lengthof(args));
	if (tables_have_schedules())
	{
		tables_execute("DELETE FROM promoai.registry_schedules WHERE model_id = $1", args, lengthof(args));
		tables_execute("DELETE FROM promoai.registry_runs WHERE model_id = $1", args, lengthof(args));
	}
	test_point("dropping");
	tables_leave(&writer);
}

int32
model_prune(const char *name, int32 keep)
{
	Model *model = registry_lock_existing(name, "model_prune()");
	TableWriter writer;
	TableArg args[] = {arg_uuid(&model->id), arg_uuid(&model->current), arg_int4(keep)};
	uint64 removed;

	args[1].null = !model->published;
	tables_enter(&writer);
	manage_touch(model);
	removed = tables_execute(
		REMOVE_VERSIONS(
			"model_id = $1 AND version_id IS DISTINCT FROM $2 AND version NOT IN"
			" (SELECT version FROM promoai.registry_versions WHERE model_id = $1 ORDER BY version DESC LIMIT $3)"),
		args, lengthof(args));
	test_point("pruning");
	tables_leave(&writer);
	return (int32) removed;
}

/* ---- rights ---- */

static bool
manage_is_public(const char *role)
{
	return strcmp(role, "public") == 0;
}

void
model_grant(const char *name, const char *role)
{
	Model *model = registry_lock_existing(name, "model_grant()");
	char *grantor = GetUserNameFromId(GetUserId(), false);
	TableWriter writer;
	Oid oid = manage_is_public(role) ? InvalidOid : get_role_oid(role, false);
	TableArg args[] = {arg_uuid(&model->id), arg_text(role), arg_oid(oid),
					   arg_int8((int64) GetSystemIdentifier()), arg_text(grantor)};

	tables_enter(&writer);
	manage_touch(model);
	tables_execute(
		"INSERT INTO promoai.registry_grants (model_id, role_name, role_oid, role_cluster, granted_by,"
		" granted_at) VALUES ($1, $2, $3, $4, $5, pg_catalog.clock_timestamp())"
		" ON CONFLICT (model_id, role_name, role_oid) DO UPDATE SET role_cluster = EXCLUDED.role_cluster",
		args, lengthof(args));
	tables_leave(&writer);
}

/* A grant may be taken from a role that is gone; a name that is neither a role nor a grantee is a slip. */
void
model_revoke(const char *name, const char *role)
{
	Model *model = registry_lock_existing(name, "model_revoke()");
	TableWriter writer;
	Oid oid = manage_is_public(role) ? InvalidOid : get_role_oid(role, true);
	TableArg args[] = {arg_uuid(&model->id), arg_text(role), arg_oid(oid),
					   arg_int8((int64) GetSystemIdentifier())};
	uint64 removed;

	tables_enter(&writer);
	manage_touch(model);
	removed = tables_execute("DELETE FROM promoai.registry_grants WHERE model_id = $1 AND"
							 " (role_name = $2 OR ($3 <> 0 AND role_oid = $3 AND role_cluster = $4))",
							 args, lengthof(args));
	tables_leave(&writer);
	if (removed > 0)
		return;
	if (!manage_is_public(role))
		(void) get_role_oid(role, false);
	ereport(NOTICE, (errmsg("role \"%s\" had no grant on model \"%s\"", role, name)));
}

/* What a schedule runs would run as the new owner, who has not read it. */
static void
switch_off_schedule(const Model *model)
{
	TableArg args[] = {arg_uuid(&model->id)};

	if (tables_have_schedules())
		tables_execute(
			"UPDATE promoai.registry_schedules SET enabled = false, message = 'switched off: the model was"
			" handed over; look at what the schedule runs, then schedule it again'"
			" WHERE model_id = $1",
			args, lengthof(args));
}

/* Handing over makes the stored source run as the new owner, so the giver must be able to become that role. */
void
model_hand_over(const char *name, const char *role)
{
	Model *model = registry_lock_existing(name, "model_owner()");
	Oid oid = get_role_oid(role, false);
	TableWriter writer;
	TableArg args[] = {arg_uuid(&model->id), arg_text(role), arg_oid(oid),
					   arg_int8((int64) GetSystemIdentifier())};

	if (!compat_can_set_role(GetUserId(), oid))
		ereport(ERROR, (errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
						errmsg("must be able to SET ROLE \"%s\" to hand a model over to it", role)));
	tables_enter(&writer);
	tables_execute(
		"UPDATE promoai.registry_models"
		" SET owner_name = $2, owner_oid = $3, owner_cluster = $4, changed_at = pg_catalog.clock_timestamp() WHERE model_id = $1",
		args, lengthof(args));
	switch_off_schedule(model);
	tables_leave(&writer);
}
