/*
 * shared.c - the part of the cache that all backends of a preloading server have in common
 *
 * A fixed area of main shared memory holds SHARED_SLOTS slots under one LWLock; payloads lie in dynamic shared memory, one
 * pinned segment for each version.  (One segment each and not one DSA: a DSA rounds areas up to powers of two, and
 * gives memory back only when a whole segment of it is empty.)
 *
 * States of a slot.
 *
 *   free ---- shared_seek: reserved, bytes counted ----> loading ---- shared_publish ----> ready
 *     ^                                                    |                                 |
 *     +----- shared_let_go: error, cancel, exit -----------+                                 |
 *     +----- given up to make room, or pushed out by a lower promoai.cache_size ------------ +
 *
 * The loading of a slot has a number of its own, so a backend that remembers slot and number notices when the slot was
 * given up meanwhile.
 *
 * Pins.  Each backend that answers from a version counts once in the slot's pins, from the first to the last of its queries'
 * contexts (cache.c).  Pins are taken with the lock held shared and slots given up with the lock held exclusively, so a
 * version in use is never given up.  What a backend holds is remembered in its own memory: its exit gives pins up, and a
 * slot that it was loading.  After a crash the postmaster makes all shared memory anew.
 *
 * Giving up.  Backends that are idle keep their mapping of a segment until they next load something, or for ever.  So
 * that promoai.cache_size bounds memory and not only names, whoever gives a version up hands its pages back to the system
 * (MADV_REMOVE) before it lets the segment go; nobody reads a mapping without a pin.
 *
 * Waiting.  While one backend loads a version, others that want it sleep on a condition variable.  The loader may itself wait
 * for a lock on the registry's tables that one of the sleepers holds, which no deadlock check would see: sleepers lose
 * patience, after a time that no loading takes, and load a copy of their own.
 */
#include "postgres.h"

#include <sys/mman.h>
#include <unistd.h>

#include "miscadmin.h"
#include "pgstat.h"
#include "port/atomics.h"
#include "storage/condition_variable.h"
#include "storage/ipc.h"
#include "storage/lwlock.h"
#include "storage/shmem.h"

#include "bridge/memory.h"
#include "model/shared.h"

#define AREA "promoai model cache"
#define PATIENCE_MS 3000
#define PATIENCE_MS_PER_MB 50 /* fifty times what loading takes */

typedef enum SlotState
{
	SLOT_FREE,
	SLOT_LOADING,
	SLOT_READY
} SlotState;

typedef struct Slot
{
	SlotState state; /* this and all up to `used` are written with the lock held exclusively */
	uint64 loading; /* number of the loading, from Area.loadings */
	pg_uuid_t id;
	pg_uuid_t model_id;
	Oid database;
	char model[NAMEDATALEN]; /* name and number at the time of loading: for those who look */
	int32 version;
	dsm_handle handle;
	uint64 bytes;
	pg_atomic_uint64 used; /* TimestampTz */
	pg_atomic_uint32 pins;
} Slot;

typedef struct Area
{
	LWLock *lock;
	ConditionVariable loaded; /* some loading has ended, well or not */
	uint64 loadings; /* so many were begun */
	Slot slot[SHARED_SLOTS];
} Area;

static Area *area = NULL;
static shmem_request_hook_type request_before = NULL;
static shmem_startup_hook_type startup_before = NULL;

/* What this backend holds; given up at its exit. */
static bool pinned[SHARED_SLOTS];
static int loading_now = -1; /* the slot */

/* ---- the area ---- */

static void
area_request(void)
{
	if (request_before != NULL)
		request_before();
	RequestAddinShmemSpace(MAXALIGN(sizeof(Area)));
	RequestNamedLWLockTranche(AREA, 1);
}

static void
area_create(void)
{
	bool found;

	if (startup_before != NULL)
		startup_before();
	LWLockAcquire(AddinShmemInitLock, LW_EXCLUSIVE);
	area = ShmemInitStruct(AREA, sizeof(Area), &found);
	if (!found)
	{
		memset(area, 0, sizeof(Area));
		area->lock = &GetNamedLWLockTranche(AREA)->lock;
		ConditionVariableInit(&area->loaded);
		for (int i = 0; i < SHARED_SLOTS; i++)
		{
			pg_atomic_init_u64(&area->slot[i].used, 0);
			pg_atomic_init_u32(&area->slot[i].pins, 0);
		}
	}
	LWLockRelease(AddinShmemInitLock);
}

void
shared_init(void)
{
	request_before = shmem_request_hook;
	shmem_request_hook = area_request;
	startup_before = shmem_startup_hook;
	shmem_startup_hook = area_create;
}

bool
shared_available(void)
{
	return area != NULL;
}

/* ---- at exit ---- */

static void
let_go_at_exit(int code, Datum arg)
{
	for (int i = 0; i < SHARED_SLOTS; i++)
		shared_let_go(&(SharedRef){.slot = i});
}

/* Before anything is held for the first time. */
static void
watch_exit(void)
{
	static bool watching = false;

	if (watching)
		return;
	before_shmem_exit(let_go_at_exit, (Datum) 0);
	watching = true;
}

/* ---- slots; the lock is held ---- */

static Slot *
slot_find(const pg_uuid_t *id)
{
	for (int i = 0; i < SHARED_SLOTS; i++)
	{
		Slot *slot = &area->slot[i];

		if (slot->state != SLOT_FREE && slot->database == MyDatabaseId &&
			memcmp(&slot->id, id, sizeof(*id)) == 0)
			return slot;
	}
	return NULL;
}

static Slot *
slot_unused(void)
{
	for (int i = 0; i < SHARED_SLOTS; i++)
		if (area->slot[i].state == SLOT_FREE)
			return &area->slot[i];
	return NULL;
}

/* What all slots take, what those in use take, and the one to be given up first (NULL: all are in use). */
static uint64
slots_survey(uint64 *in_use, Slot **oldest)
{
	uint64 bytes = 0;

	*in_use = 0;
	*oldest = NULL;
	for (int i = 0; i < SHARED_SLOTS; i++)
	{
		Slot *slot = &area->slot[i];

		if (slot->state == SLOT_FREE)
			continue;
		bytes += slot->bytes;
		if (slot->state == SLOT_LOADING || pg_atomic_read_u32(&slot->pins) > 0)
			*in_use += slot->bytes;
		else if (*oldest == NULL || pg_atomic_read_u64(&slot->used) < pg_atomic_read_u64(&(*oldest)->used))
			*oldest = slot;
	}
	return bytes;
}

/*
 * Free slots until one is unused and `bytes` more fit; their segments' handles go to given_up [SHARED_SLOTS].  False when those in
 * use leave no room; then only what is above the limit is given up, for the setting may have been lowered.
 */
static bool
slots_make_room(uint64 bytes, uint64 limit, dsm_handle *given_up, int *n_given_up)
{
	uint64 held;
	uint64 in_use;
	Slot *oldest;

	while ((held = slots_survey(&in_use, &oldest)) > limit - bytes || slot_unused() == NULL)
	{
		if (oldest == NULL || (in_use > limit - bytes && held <= limit))
			return false;
		oldest->state = SLOT_FREE;
		given_up[(*n_given_up)++] = oldest->handle;
	}
	return true;
}

static void
slot_reserve(Slot *slot, const Model *model, const ModelVersion *version, uint64 bytes)
{
	slot->state = SLOT_LOADING;
	slot->loading = ++area->loadings;
	slot->id = version->id;
	slot->model_id = version->model_id;
	slot->database = MyDatabaseId;
	strlcpy(slot->model, model->name, sizeof(slot->model));
	slot->version = version->version;
	slot->bytes = bytes;
	pg_atomic_write_u64(&slot->used, (uint64) GetCurrentTimestamp());
	pg_atomic_write_u32(&slot->pins, 0);
}

static void
slot_pin(Slot *slot)
{
	pg_atomic_fetch_add_u32(&slot->pins, 1);
	pg_atomic_write_u64(&slot->used, (uint64) GetCurrentTimestamp());
	pinned[slot - area->slot] = true;
}

static SharedRef
slot_ref(const Slot *slot)
{
	return (SharedRef){.slot = (int) (slot - area->slot), .loading = slot->loading};
}

/* ---- segments ---- */

/* Whole pages of a mapping that nobody will read again. */
static void
pages_give_back(char *start, Size bytes)
{
#ifdef MADV_REMOVE
	Size page = (Size) sysconf(_SC_PAGESIZE);
	char *first = (char *) TYPEALIGN(page, start);
	char *end = (char *) TYPEALIGN_DOWN(page, start + bytes);

	/* Some kinds of shared memory cannot do that; they keep the pages until the last mapping goes. */
	if (first < end)
		(void) madvise(first, (Size) (end - first), MADV_REMOVE);
#endif
}

/*
 * A segment whose slot is free: nobody has it pinned, and nobody can find it any more.  Where it cannot be mapped, its
 * pages go with the last mapping of others; that is no reason to fail a query that only wanted room.
 */
static void
segment_scrap(dsm_handle handle)
{
	dsm_segment *mapped = dsm_find_mapping(handle);
	dsm_segment *segment = mapped != NULL ? mapped : memory_shared_attach(handle);

	if (segment != NULL)
		pages_give_back(dsm_segment_address(segment), dsm_segment_map_length(segment));
	dsm_unpin_segment(handle);
	if (segment != NULL && mapped == NULL)
		dsm_detach(segment);
}

/* ---- looking, loading ---- */

/* One look under the lock; false when somebody else is loading it. */
static bool
seek_once(const Model *model, const ModelVersion *version, uint64 bytes, uint64 limit, SharedRef *ref,
		  dsm_handle *handle, SharedAnswer *answer)
{
	dsm_handle given_up[SHARED_SLOTS];
	int n_given_up = 0;
	Slot *slot;

	LWLockAcquire(area->lock, LW_EXCLUSIVE);
	slot = slot_find(&version->id);
	if (slot != NULL && slot->state == SLOT_LOADING)
	{
		LWLockRelease(area->lock);
		return false;
	}
	*answer = SHARED_NONE;
	if (slot != NULL)
	{
		slot_pin(slot);
		*handle = slot->handle;
		*answer = SHARED_READY;
	}
	else if (slots_make_room(bytes, limit, given_up, &n_given_up))
	{
		slot = slot_unused();
		slot_reserve(slot, model, version, bytes);
		loading_now = (int) (slot - area->slot);
		*answer = SHARED_MINE;
	}
	if (slot != NULL)
		*ref = slot_ref(slot);
	LWLockRelease(area->lock);
	for (int i = 0; i < n_given_up; i++)
		segment_scrap(given_up[i]);
	return true;
}

SharedAnswer
shared_seek(const Model *model, const ModelVersion *version, uint64 bytes, uint64 limit, SharedRef *ref,
			dsm_handle *handle)
{
	TimestampTz began = 0;
	int64 patience = PATIENCE_MS + PATIENCE_MS_PER_MB * (int64) (bytes / (1024 * 1024));
	SharedAnswer answer = SHARED_NONE;

	watch_exit();
	while (!seek_once(model, version, bytes, limit, ref, handle, &answer))
	{
		if (began == 0)
			began = GetCurrentTimestamp();
		else if (TimestampDifferenceExceeds(began, GetCurrentTimestamp(), (int) Min(patience, PG_INT32_MAX)))
			break;
		/* The first sleep only puts us on the list, so that no wake-up between look and sleep is lost. */
		(void) ConditionVariableTimedSleep(&area->loaded, PATIENCE_MS, PG_WAIT_EXTENSION);
	}
	ConditionVariableCancelSleep();
	return answer;
}

bool
shared_has(const pg_uuid_t *id)
{
	const Slot *slot;
	bool ready;

	LWLockAcquire(area->lock, LW_SHARED);
	slot = slot_find(id);
	ready = slot != NULL && slot->state == SLOT_READY;
	LWLockRelease(area->lock);
	return ready;
}

bool
shared_could_hold(uint64 bytes, uint64 limit, TimestampTz since)
{
	uint64 taken = 0;
	int slots = 0;

	LWLockAcquire(area->lock, LW_SHARED);
	for (int i = 0; i < SHARED_SLOTS; i++)
	{
		Slot *slot = &area->slot[i];

		if (slot->state == SLOT_LOADING ||
			(slot->state == SLOT_READY &&
			 (pg_atomic_read_u32(&slot->pins) > 0 || (TimestampTz) pg_atomic_read_u64(&slot->used) >= since)))
		{
			taken += slot->bytes;
			slots++;
		}
	}
	LWLockRelease(area->lock);
	return slots < SHARED_SLOTS && memory_add(taken, bytes) <= limit;
}

void
shared_publish(const SharedRef *ref, dsm_segment *segment)
{
	Slot *slot = &area->slot[ref->slot];

	dsm_pin_segment(segment);
	LWLockAcquire(area->lock, LW_EXCLUSIVE);
	slot->handle = dsm_segment_handle(segment);
	slot->state = SLOT_READY;
	slot_pin(slot);
	loading_now = -1;
	LWLockRelease(area->lock);
	ConditionVariableBroadcast(&area->loaded);
}

/* ---- pins ---- */

bool
shared_pin(const SharedRef *ref)
{
	Slot *slot = &area->slot[ref->slot];
	bool current;

	LWLockAcquire(area->lock, LW_SHARED);
	current = slot->state == SLOT_READY && slot->loading == ref->loading;
	if (current)
		slot_pin(slot);
	LWLockRelease(area->lock);
	return current;
}

/* The loading has failed: somebody else may try. */
static void
abandon(Slot *slot)
{
	LWLockAcquire(area->lock, LW_EXCLUSIVE);
	slot->state = SLOT_FREE;
	loading_now = -1;
	LWLockRelease(area->lock);
	ConditionVariableBroadcast(&area->loaded);
}

void
shared_let_go(const SharedRef *ref)
{
	if (ref->slot < 0)
		return;
	if (ref->slot == loading_now)
		abandon(&area->slot[ref->slot]);
	if (!pinned[ref->slot])
		return; /* the exit of the backend was first */
	pinned[ref->slot] = false;
	pg_atomic_fetch_sub_u32(&area->slot[ref->slot].pins, 1);
}

bool
shared_is_current(const SharedRef *ref)
{
	const Slot *slot = &area->slot[ref->slot];
	bool current;

	LWLockAcquire(area->lock, LW_SHARED);
	current = slot->state == SLOT_READY && slot->loading == ref->loading;
	LWLockRelease(area->lock);
	return current;
}

/* ---- looking at it ---- */

int
shared_list(CacheItem *items)
{
	int n = 0;

	LWLockAcquire(area->lock, LW_SHARED);
	for (int i = 0; i < SHARED_SLOTS; i++)
	{
		Slot *slot = &area->slot[i];

		if (slot->state == SLOT_FREE)
			continue;
		items[n] = (CacheItem){.model_id = slot->model_id,
							   .database = slot->database,
							   .version = slot->version,
							   .bytes = slot->bytes,
							   .shared = true,
							   .ready = slot->state == SLOT_READY,
							   .pins = (int32) pg_atomic_read_u32(&slot->pins),
							   .used = (TimestampTz) pg_atomic_read_u64(&slot->used)};
		strlcpy(items[n++].model, slot->model, NAMEDATALEN);
	}
	LWLockRelease(area->lock);
	return n;
}
