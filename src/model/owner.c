/*
 * owner.c - running a stored source as the model's owner
 *
 * Whoever retrains a model runs a query that somebody else wrote.  It runs as that somebody: with the owner's rights,
 * under the search_path that was stored with it, and under SECURITY_RESTRICTED_OPERATION, so it can neither change
 * roles nor leave anything behind in the caller's session.  (That it cannot write is the source reader's doing.)
 * Temporary tables of the calling session are looked up last unless the stored path says otherwise: they cannot stand
 * in for the tables that the owner meant.
 *
 * No PG_TRY is needed to end the state after an error.  An error travels to whoever rolls back the transaction or the
 * subtransaction that it happened in; both put back the user, the security context and the settings as they were when
 * that (sub)transaction began, and it began before registry_enter_owner, because nothing between enter and leave
 * begins a subtransaction that outlives a function of the source's own.
 */
#include "postgres.h"

#include "miscadmin.h"
#include "utils/guc.h"
#include "utils/varlena.h"

#include "model/internal.h"
#include "model/kind.h"
#include "model/manage.h"

struct OwnerState
{
	Oid user;
	int security;
	int guc_level;
};

static void
owner_gone(const Model *model)
{
	ereport(ERROR, (errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
					errmsg("the owner of model \"%s\", role \"%s\", does not exist any more", model->name,
						   model->owner),
					errhint("A superuser can hand the model over with promoai.model_owner(model, role).")));
}

/* The stored path, with pg_temp at its end where it does not name pg_temp itself. */
static char *
owner_search_path(const char *stored)
{
	List *names;
	ListCell *cell;

	if (!SplitIdentifierString(pstrdup(stored), ',', &names))
		ereport(ERROR,
				(errcode(ERRCODE_DATA_CORRUPTED), errmsg("invalid stored search_path: \"%s\"", stored)));
	foreach (cell, names)
		if (strcmp(lfirst(cell), "pg_temp") == 0)
			return pstrdup(stored);
	return names == NIL ? pstrdup("pg_temp") : psprintf("%s, pg_temp", stored);
}

OwnerState *
registry_enter_owner(const Model *model)
{
	OwnerState *state = palloc(sizeof(OwnerState));

	if (!OidIsValid(model->owner_oid))
		owner_gone(model);

	GetUserIdAndSecContext(&state->user, &state->security);
	SetUserIdAndSecContext(model->owner_oid,
						   state->security | SECURITY_LOCAL_USERID_CHANGE | SECURITY_RESTRICTED_OPERATION);
	state->guc_level = NewGUCNestLevel();
	(void) set_config_option("search_path", owner_search_path(model->search_path), PGC_USERSET, PGC_S_SESSION,
							 GUC_ACTION_SAVE, true, 0, false);
	return state;
}

void
registry_leave_owner(OwnerState *state)
{
	AtEOXact_GUC(false, state->guc_level);
	SetUserIdAndSecContext(state->user, state->security);
	pfree(state);
}

/* ---- training again ---- */

static void
owner_read_done(void *arg)
{
	OwnerState **state = arg;

	if (*state != NULL)
		registry_leave_owner(*state);
	*state = NULL;
}

ModelVersion *
model_retrain(const char *name)
{
	Model *model = registry_lock_existing(name, "retrain()");
	const ModelKind *kind = kind_find(model->kind);
	OwnerState *state = registry_enter_owner(model);
	ModelVersion *version = kind->retrain(model, owner_read_done, &state);

	if (state != NULL)
		elog(ERROR, "kind \"%s\" wrote a version as the model's owner", kind->name);
	return version;
}
