/*
 * registry.h - models as rows: definitions, versions, metrics, payload, grants
 *
 * Registry tables carry no grants.  These functions check the caller's rights themselves, read by index scans under
 * the active snapshot, and write as the tables' owner around their own constant statements only; no SQL of a user's
 * ever runs in that state.
 *
 * Owners and grantees are kept by oid, and by name for other clusters, where the same role has another oid.
 */
#ifndef PROMOAI_MODEL_REGISTRY_H
#define PROMOAI_MODEL_REGISTRY_H

#include "postgres.h"

#include "utils/jsonb.h"
#include "utils/timestamp.h"
#include "utils/uuid.h"

#include "bridge/args.h"
#include "core/payload.h"

/* A model's definition: one row of registry_models. */
typedef struct Model
{
	pg_uuid_t id;
	char *name;
	char *kind;
	char *owner; /* role name */
	Oid owner_oid; /* InvalidOid when there is no such role any more */
	char *source; /* this and the next two: NULL unless opened with MODEL_OWN */
	char *search_path; /* under which the source runs */
	Jsonb *arguments;
	bool published; /* has a current version */
	pg_uuid_t current;
} Model;

/* One row of registry_versions. */
typedef struct ModelVersion
{
	pg_uuid_t id;
	pg_uuid_t model_id;
	int32 version;
	char *kind;
	Jsonb *arguments; /* it was trained with */
	TimestampTz trained_at;
	int64 rows_read;
	int64 rows_skipped;
	Jsonb *sizes;
	double seconds; /* the training took */
	int64 payload_bytes;
} ModelVersion;

typedef enum ModelRight
{
	MODEL_USE, /* serve from it: owner, granted roles, superusers */
	MODEL_OWN /* train, publish, drop, grant: the owner's members, superusers */
} ModelRight;

/*
 * The model of that name, if the caller has the right.  A model that is not there and one that the caller may not use
 * give the same error (42704), so that nobody learns of others' models; one that he may use but not change: 42501.
 */
extern Model *registry_open(const char *name, ModelRight right);

/* The same as a question; false where registry_open would end in an error. */
extern bool registry_may(const char *name, ModelRight right);

/* May the caller use the model of that name, and is it still the one of that id? */
extern bool registry_may_id(const char *name, const pg_uuid_t *id);

/* The version to serve: the published one, or the one of that number when wanted > 0.  Errors 42704 / 55000. */
extern ModelVersion *registry_version(const Model *model, int32 wanted);

/* ---- training: begin, train, publish ---- */

typedef struct ModelMetric
{
	const char *metric; /* 'recall@20' */
	const char *split; /* how it was measured, in words: 'holdout 0.1 of pairs, seed 42' */
	double value;
	double low, high; /* 95 % interval; NaN: none */
	int64 n; /* over how many cases; -1: none */
} ModelMetric;

/* A version's metrics, ordered by metric and split. */
extern ModelMetric *registry_metrics(const ModelVersion *version, int *n);

/* {"recall@20": 0.28, ...}: the short form that trainers report; of equal names the later ones carry their split. */
extern Jsonb *registry_metrics_jsonb(const ModelMetric *metrics, int n);

/* What a training hands to registry_publish. */
typedef struct ModelDraft
{
	const char *model;
	const char *kind;
	const char *source;
	const char *search_path;
	Jsonb *arguments;
	int64 rows_read;
	int64 rows_skipped;
	Jsonb *sizes; /* {"customers": 4339, ...} */
	ModelMetric *metrics; /* [n_metrics] */
	int n_metrics;
	const Payload *payload;
	TimestampTz started;
} ModelDraft;

/*
 * What a call of a trainer names by its arguments `model` and `source`, and the search path in force, which the source may
 * change while it runs.
 */
extern ModelDraft draft_of_call(const Args *args, bool source_wanted);

/* What a model was trained from, for training it again. */
extern ModelDraft draft_of_model(const Model *model);

/* Since the training began. */
extern double draft_seconds(const ModelDraft *draft);

/*
 * Before a row is read: the name is usable, the caller may train it (a new name is his), the kind fits, writing is
 * possible here, and nobody else trains it now (55P03 at once otherwise).  The lock lasts to the end of the transaction.
 */
extern void registry_begin(const char *name, const char *kind);

/* Writes version, metrics and payload, and makes the version current.  Returns it. */
extern ModelVersion *registry_publish(const ModelDraft *draft);

/*
 * Where publications of this session go until registry_direct(NULL).  Beside: the version is written, and the current one
 * stays.  Nowhere: nothing is written; what would have been is loaded into `memory`.
 */
typedef enum PublishMode
{
	PUBLISH_BESIDE,
	PUBLISH_NOWHERE
} PublishMode;

typedef struct PublishTo
{
	PublishMode mode;
	MemoryContext memory; /* PUBLISH_NOWHERE */
	struct LoadedModel *loaded; /* PUBLISH_NOWHERE: filled (kind.h) */
} PublishTo;

extern void registry_direct(PublishTo *to);

/* Further metrics of a version that this transaction has published. */
extern void registry_add_metrics(const ModelVersion *version, const ModelMetric *metrics, int n);

/* ---- running a stored source ---- */

typedef struct OwnerState OwnerState;

/*
 * From here on SQL runs as the model's owner under SECURITY_RESTRICTED_OPERATION with the stored search_path; an error
 * ends that state by itself, otherwise registry_leave_owner.  ERROR 55000 when the owner's role is gone.
 */
extern OwnerState *registry_enter_owner(const Model *model);
extern void registry_leave_owner(OwnerState *state);

#endif
