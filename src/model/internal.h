/*
 * internal.h - what the files of src/model share among themselves
 */
#ifndef PROMOAI_MODEL_INTERNAL_H
#define PROMOAI_MODEL_INTERNAL_H

#include "postgres.h"

#include "storage/itemptr.h"
#include "utils/snapshot.h"

#include "bridge/compat.h"
#include "model/registry.h"

/* The active snapshot; where a job between two transactions has none, that of a new statement. */
extern Snapshot registry_snapshot(void);

/* The role of a row's three columns of one, as it is found in this cluster; InvalidOid: there is none any more. */
extern Oid registry_role(Datum name, Datum oid, Datum cluster);

/* What the caller may do with a model that was found. */
typedef struct ModelAccess
{
	bool use;
	bool own;
	ItemPointerData row; /* where its row stands: changes with every change of the row */
} ModelAccess;

/* The model of that name, whoever asks; NULL when there is none.  With its definition if MODEL_OWN is asked and had. */
extern Model *model_find(const char *name, Snapshot snapshot, ModelRight right, ModelAccess *access);

pg_noreturn extern void model_unknown(const char *name);

/* Under the active snapshot; NULL when there is none. */
extern ModelVersion *version_by_id(const pg_uuid_t *id);
extern ModelVersion *version_before(const Model *model, int32 number); /* the newest that is older */

/* Deep copy in `memory`. */
extern ModelVersion *version_copy(const ModelVersion *version, MemoryContext memory);

/* The same for a model that has to be there. */
extern Model *registry_lock_existing(const char *name, const char *command);

extern void uuid_random(pg_uuid_t *uuid);

/* ---- the payload as rows ---- */

/* Write the payload's chunks, between tables_enter and tables_leave. */
extern void store_write(const pg_uuid_t *version_id, const PayloadWriter *writer);

/*
 * All chunks put together, aligned to 64, in `memory`: exactly version->payload_bytes bytes, ERROR XX001 otherwise.
 * Checksums are not looked at here.
 */
extern void *store_read(const Model *model, const ModelVersion *version, MemoryContext memory);

/* The same into data [version->payload_bytes]. */
extern void store_read_into(const Model *model, const ModelVersion *version, void *data);

/* ERROR XX001 for the stored payload of a version, with what is wrong. */
pg_noreturn extern void store_damaged(const Model *model, const ModelVersion *version, const char *detail);

#endif
