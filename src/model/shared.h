/*
 * shared.h - the part of the cache that all backends of a preloading server have in common
 *
 * For cache.c only.  A slot stands for one version of one database: first its loader's alone, then ready for everybody.
 * The payload lies in a dynamic shared memory segment of its own.
 */
#ifndef PROMOAI_MODEL_SHARED_H
#define PROMOAI_MODEL_SHARED_H

#include "postgres.h"

#include "storage/dsm.h"
#include "model/cache.h"

#define SHARED_SLOTS 128

/* One loading of one version: a slot is used again and again, the number of the loading tells which is meant. */
typedef struct SharedRef
{
	int slot; /* -1: none */
	uint64 loading;
} SharedRef;

typedef enum SharedAnswer
{
	SHARED_READY, /* pinned for the caller */
	SHARED_MINE, /* the caller is to load it, and then to call shared_publish or shared_let_go */
	SHARED_NONE /* no room: others are in use, or somebody has been loading it for too long */
} SharedAnswer;

/* Called once from _PG_init while the server preloads libraries. */
extern void shared_init(void);

/* Is there a shared part?  False without preloading. */
extern bool shared_available(void);

/*
 * Look for a version; make room for it and reserve a slot when it is not there; wait while another backend loads it.
 * `bytes` is what its segment takes, `limit` what all segments may take together, bytes <= limit.
 */
extern SharedAnswer shared_seek(const Model *model, const ModelVersion *version, uint64 bytes, uint64 limit,
								SharedRef *ref, dsm_handle *handle);

/* Is the version there, ready to be attached to? */
extern bool shared_has(const pg_uuid_t *id);

/* Would there be room for so many bytes, without giving up what was used at `since` or later? */
extern bool shared_could_hold(uint64 bytes, uint64 limit, TimestampTz since);

/* The segment is filled and checked: it stays until it is given up.  The caller has it pinned from here on. */
extern void shared_publish(const SharedRef *ref, dsm_segment *segment);

/* Hold a loading, so that it is not given up; false when that has happened.  One pin for each backend and slot. */
extern bool shared_pin(const SharedRef *ref);

/* Give up the pin; a slot that the caller was to load is free again. */
extern void shared_let_go(const SharedRef *ref);

/* Is that loading still there? */
extern bool shared_is_current(const SharedRef *ref);

/* Copies what stands in the slots into items [SHARED_SLOTS].  Returns how many. */
extern int shared_list(CacheItem *items);

#endif
