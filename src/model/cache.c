/*
 * cache.c - versions in memory: this backend's view of them
 *
 * A hash table from version to entry.  An entry is a version made ready to serve by its kind, in a memory context of its
 * own.  Its payload lies either in that context, a copy of this backend's own, or in a segment of the shared cache
 * (shared.c), to which the kind's pointers then point.  The first backend that wants a version fills a segment and checks
 * it; others attach, and only read the payload's directory.
 *
 * While an entry is loaded its context hangs below the caller's and its segment belongs to the caller's resource owner; both
 * become the cache's only when nothing can fail any more: an error on the way leaves nothing behind.
 *
 * Pins.  An entry in use is held by pins, one per memory context that asked for it, each with a reset callback in
 * that context.  The end of a query or an error resets the context, and with it goes the pin.  The first pin of an entry takes
 * the backend's one pin of the shared slot, the last gives it up.  Between queries the mapping stays, and
 * the next query finds out whether the slot is still the same.
 *
 * Memory.  promoai.cache_size bounds what all segments hold together, and what the copies of one backend hold together.
 * Before a payload is read, unused entries are given up, the least recently used first, until it fits.  A segment that
 * cannot be had (all others in use, no room in /dev/shm) is no error: then the backend loads a copy of its own, until there
 * is room again.  If copies in use leave no room for that, it is one, since a bound that gives way is none.  Sessions cannot
 * move the bound: ordinary users never, superusers only where it bounds their session alone.
 */
#include "postgres.h"

#include <limits.h>

#include "lib/ilist.h"
#include "miscadmin.h"
#include "utils/guc.h"
#include "utils/hsearch.h"
#include "utils/memutils.h"

#include "bridge/env.h"
#include "bridge/memory.h"
#include "bridge/testpoint.h"
#include "model/cache.h"
#include "model/internal.h"
#include "model/shared.h"

typedef struct CacheEntry
{
	pg_uuid_t id; /* the key, first */
	char model[NAMEDATALEN]; /* its name when it was loaded */
	LoadedModel *loaded;
	MemoryContext memory;
	dsm_segment *segment; /* of the shared cache; NULL: a copy of this backend's own */
	SharedRef ref; /* with a segment: where it stands there */
	Size bytes; /* of the copy, without a segment; this and the next two */
	TimestampTz since; /* when it was loaded */
	bool
		stays; /* that there seems to be room in the shared cache says nothing: there was none when it was tried */
	TimestampTz used; /* when last asked for */
	dlist_head pins;
} CacheEntry;

typedef struct CachePin
{
	MemoryContextCallback callback;
	MemoryContext context;
	CacheEntry *entry;
	dlist_node node;
} CachePin;

static int cache_size = 256 * 1024; /* kB */
static MemoryContext cache_memory = NULL;
static HTAB *cache_entries = NULL;

void
cache_init(void)
{
	bool preloading = process_shared_preload_libraries_in_progress;

	DefineCustomIntVariable(
		"promoai.cache_size", "Sets how much memory models that are served from may take.",
		"Of all sessions together where shared_preload_libraries names promoai, of each session otherwise.",
		&cache_size, 256 * 1024, 64, MAX_KILOBYTES, preloading ? PGC_SIGHUP : PGC_SUSET, GUC_UNIT_KB, NULL,
		NULL, NULL);
	if (preloading)
		shared_init();
}

static uint64
cache_limit(void)
{
	return (uint64) cache_size * 1024;
}

static void
cache_create(void)
{
	HASHCTL control = {0};

	if (cache_entries != NULL)
		return;
	if (cache_memory == NULL)
		cache_memory = AllocSetContextCreate(TopMemoryContext, "promoai model cache", ALLOCSET_DEFAULT_SIZES);
	control.keysize = sizeof(pg_uuid_t);
	control.entrysize = sizeof(CacheEntry);
	control.hcxt = cache_memory;
	cache_entries = hash_create("promoai model cache", 16, &control, HASH_ELEM | HASH_BLOBS | HASH_CONTEXT);
}

/* ---- pins ---- */

static void
pin_release(void *arg)
{
	CachePin *pin = arg;
	CacheEntry *entry = pin->entry;

	dlist_delete(&pin->node);
	if (entry->segment != NULL && dlist_is_empty(&entry->pins))
		shared_let_go(&entry->ref);
}

/* One pin per entry and context, however often a query asks. */
static bool
pin_exists(CacheEntry *entry, MemoryContext context)
{
	dlist_iter iter;

	dlist_foreach(iter, &entry->pins)
	{
		if (dlist_container(CachePin, node, iter.cur)->context == context)
			return true;
	}
	return false;
}

/* A pin in use of memory that is there already: this cannot fail, so a pin of the slot that was taken is not lost. */
static void
pin_attach(CachePin *pin, CacheEntry *entry, MemoryContext context)
{
	pin->context = context;
	pin->entry = entry;
	pin->callback.func = pin_release;
	pin->callback.arg = pin;
	dlist_push_head(&entry->pins, &pin->node);
	MemoryContextRegisterResetCallback(context, &pin->callback);
}

/* ---- giving up ---- */

static void
cache_give_up(CacheEntry *entry)
{
	MemoryContext memory = entry->memory;
	dsm_segment *segment = entry->segment;

	hash_search(cache_entries, &entry->id, HASH_REMOVE, NULL);
	MemoryContextDelete(memory);
	if (segment != NULL)
		dsm_detach(segment);
}

/* Mappings of segments that the shared cache has given up meanwhile. */
static void
cache_drop_stale(void)
{
	HASH_SEQ_STATUS status;
	CacheEntry *entry;

	hash_seq_init(&status, cache_entries);
	while ((entry = hash_seq_search(&status)) != NULL)
		if (entry->segment != NULL && dlist_is_empty(&entry->pins) && !shared_is_current(&entry->ref))
			cache_give_up(entry);
}

/* What all copies hold, and the one to be given up first (NULL: all are in use). */
static Size
cache_survey(CacheEntry **oldest)
{
	HASH_SEQ_STATUS status;
	CacheEntry *entry;
	Size bytes = 0;

	*oldest = NULL;
	hash_seq_init(&status, cache_entries);
	while ((entry = hash_seq_search(&status)) != NULL)
	{
		if (entry->segment != NULL)
			continue;
		bytes += entry->bytes;
		if (dlist_is_empty(&entry->pins) && (*oldest == NULL || entry->used < (*oldest)->used))
			*oldest = entry;
	}
	return bytes;
}

/* Give up unused copies until `need` more bytes fit; returns what those in use hold if they never do, 0 otherwise. */
static Size
cache_make_room(uint64 need, uint64 limit)
{
	CacheEntry *oldest;
	Size held;

	while ((held = cache_survey(&oldest)) > 0 && memory_add(held, need) > limit)
	{
		if (oldest == NULL)
			return held;
		cache_give_up(oldest);
	}
	return 0;
}

static const char *
raise_hint(void)
{
	return shared_available() ? "Raise promoai.cache_size in the server's configuration."
							  : "A superuser can raise promoai.cache_size.";
}

/* No cache will ever hold a version larger than this. */
static void
require_small_enough(const Model *model, const ModelVersion *version)
{
	uint64 need = memory_add((uint64) version->payload_bytes, PAYLOAD_ALIGN);

	if (version->payload_bytes <= 0)
		store_damaged(model, version, "Its size is not above zero.");
	if (need > cache_limit())
		ereport(ERROR,
				(errcode(ERRCODE_CONFIGURATION_LIMIT_EXCEEDED),
				 errmsg("model \"%s\", version %d, needs %s of memory, more than promoai.cache_size allows",
						model->name, version->version, memory_pretty(need)),
				 errdetail("promoai.cache_size is %d kB.", cache_size), errhint("%s", raise_hint())));
}

static void
reserve_copy(const Model *model, const ModelVersion *version)
{
	uint64 need = memory_add((uint64) version->payload_bytes, PAYLOAD_ALIGN);
	Size held = cache_make_room(need, cache_limit());

	if (held > 0)
		ereport(ERROR,
				(errcode(ERRCODE_CONFIGURATION_LIMIT_EXCEEDED),
				 errmsg("model \"%s\", version %d, needs %s of memory beside the models in use, more than "
						"promoai.cache_size allows",
						model->name, version->version, memory_pretty(need)),
				 errdetail("promoai.cache_size is %d kB; models in use by running queries of this session "
						   "hold %zu kB of it.",
						   cache_size, held / 1024),
				 errhint("%s", raise_hint())));
}

/* ---- loading ---- */

/* Make what was read from the tables ready to serve, every byte of it looked at. */
static LoadedModel *
open_checked(const Model *model, const ModelVersion *version, void *data, MemoryContext memory)
{
	LoadedModel *loaded = MemoryContextAllocZero(memory, sizeof(LoadedModel));
	PgEnv env;
	CoreStatus status;

	test_point("loading model");
	loaded->version = version_copy(version, memory);
	env_init(&env, memory);
	status = payload_read(&env.base, data, (uint64) version->payload_bytes, &loaded->payload);
	if (status == CORE_CORRUPT)
		store_damaged(model, version, "The checksums or the layout are wrong.");
	env_check(&env, status, "loading the model");
	if (!kind_find(version->kind)->load(loaded, memory))
		store_damaged(model, version, "Sections are missing or contradict one another.");
	return loaded;
}

/* The same for what another backend has looked at. */
static LoadedModel *
open_trusted(const Model *model, const ModelVersion *version, const void *data, MemoryContext memory)
{
	LoadedModel *loaded = MemoryContextAllocZero(memory, sizeof(LoadedModel));

	loaded->version = version_copy(version, memory);
	if (payload_open(data, (uint64) version->payload_bytes, &loaded->payload) != CORE_OK ||
		!kind_find(version->kind)->load(loaded, memory))
		store_damaged(model, version, "It does not fit the copy in shared memory.");
	return loaded;
}

/* From here on the entry is the cache's; only the first line can fail. */
static CacheEntry *
cache_enter(const Model *model, const ModelVersion *version, LoadedModel *loaded, MemoryContext memory)
{
	CacheEntry *entry = hash_search(cache_entries, &version->id, HASH_ENTER, NULL);

	MemoryContextSetParent(memory, cache_memory);
	strlcpy(entry->model, model->name, sizeof(entry->model));
	entry->loaded = loaded;
	entry->memory = memory;
	entry->segment = NULL;
	entry->bytes = MemoryContextMemAllocated(memory, true);
	entry->since = GetCurrentTimestamp();
	entry->stays = false;
	dlist_init(&entry->pins);
	return entry;
}

/* Bytes of its segment. */
static uint64
segment_bytes(const ModelVersion *version)
{
	return memory_add((uint64) version->payload_bytes, PAYLOAD_ALIGN);
}

/* Does it look as if a copy of this backend's own could become a shared one, at the expense of nobody who serves? */
static bool
copy_could_be_shared(const CacheEntry *entry)
{
	uint64 bytes = segment_bytes(entry->loaded->version);

	return memory_shared_has_room(bytes, true) && shared_could_hold(bytes, cache_limit(), entry->since);
}

static CacheEntry *
load_copy(const Model *model, const ModelVersion *version)
{
	MemoryContext memory;
	CacheEntry *entry;

	reserve_copy(model, version);
	memory = AllocSetContextCreate(CurrentMemoryContext, "promoai model", ALLOCSET_DEFAULT_SIZES);
	entry = cache_enter(model, version,
						open_checked(model, version, store_read(model, version, memory), memory), memory);
	entry->stays = shared_available() && copy_could_be_shared(entry);
	return entry;
}

static void *
segment_data(dsm_segment *segment)
{
	return (void *) TYPEALIGN(PAYLOAD_ALIGN, dsm_segment_address(segment));
}

/* A segment for a version that this backend is to load; NULL when there is no room for it. */
static dsm_segment *
segment_create(uint64 bytes)
{
	dsm_segment *segment = NULL;

	if (memory_shared_has_room(bytes, true))
		segment = memory_shared_create(bytes);
	if (segment == NULL)
		ereport(DEBUG1, (errmsg("a model of %s is not shared: no room in dynamic shared memory",
								memory_pretty(bytes))));
	return segment;
}

/* The segment of a slot that is pinned, or is to be loaded; NULL when there is no room for one. */
static CacheEntry *
segment_open(const Model *model, const ModelVersion *version, const SharedRef *ref, dsm_handle handle,
			 bool filled, uint64 bytes)
{
	dsm_segment *segment = filled ? memory_shared_attach(handle) : segment_create(bytes);
	MemoryContext memory;
	LoadedModel *loaded;
	CacheEntry *entry;

	if (segment == NULL)
		return NULL;
	memory = AllocSetContextCreate(CurrentMemoryContext, "promoai model", ALLOCSET_SMALL_SIZES);
	if (filled)
		loaded = open_trusted(model, version, segment_data(segment), memory);
	else
	{
		store_read_into(model, version, segment_data(segment));
		loaded = open_checked(model, version, segment_data(segment), memory);
		shared_publish(ref, segment);
	}
	entry = cache_enter(model, version, loaded, memory);
	dsm_pin_mapping(segment);
	entry->segment = segment;
	entry->ref = *ref;
	return entry;
}

/* Through the shared cache, with the slot pinned; NULL when there is no room for it there. */
static CacheEntry *
load_shared(const Model *model, const ModelVersion *version)
{
	uint64 bytes = segment_bytes(version);
	SharedRef ref = {.slot = -1};
	dsm_handle handle = DSM_HANDLE_INVALID;
	SharedAnswer answer = shared_seek(model, version, bytes, cache_limit(), &ref, &handle);
	CacheEntry *entry = NULL;

	if (answer == SHARED_NONE)
		return NULL;
	PG_TRY();
	{
		entry = segment_open(model, version, &ref, handle, answer == SHARED_READY, bytes);
	}
	PG_CATCH();
	{
		shared_let_go(&ref);
		PG_RE_THROW();
	}
	PG_END_TRY();
	if (entry == NULL)
		shared_let_go(&ref);
	return entry;
}

static CacheEntry *
cache_load(const Model *model, const ModelVersion *version)
{
	CacheEntry *entry = NULL;

	require_small_enough(model, version);
	cache_drop_stale();
	if (shared_available())
		entry = load_shared(model, version);
	return entry != NULL ? entry : load_copy(model, version);
}

/* Can an entry without pins be served from?  A slot of the shared cache is pinned then. */
static bool
cache_revive(CacheEntry *entry)
{
	if (entry->segment != NULL)
		return shared_pin(&entry->ref);
	/* A copy made while the shared cache had no room gives way to the shared one that there is now, or could be. */
	return !shared_available() || !(shared_has(&entry->id) || (!entry->stays && copy_could_be_shared(entry)));
}

const LoadedModel *
cache_get(const Model *model, const ModelVersion *version, MemoryContext context)
{
	CacheEntry *entry;
	CachePin *pin;

	cache_create();
	entry = hash_search(cache_entries, &version->id, HASH_FIND, NULL);
	if (entry != NULL && pin_exists(entry, context))
		return entry->loaded;

	pin = MemoryContextAlloc(context, sizeof(CachePin));
	if (entry != NULL && dlist_is_empty(&entry->pins) && !cache_revive(entry))
	{
		cache_give_up(entry);
		entry = NULL;
	}
	if (entry == NULL)
		entry = cache_load(model, version);
	entry->used = GetCurrentTimestamp();
	pin_attach(pin, entry, context);
	return entry->loaded;
}

bool
cache_prewarm(const Model *model, const ModelVersion *version)
{
	MemoryContext pin = AllocSetContextCreate(CurrentMemoryContext, "promoai prewarm", ALLOCSET_SMALL_SIZES);
	CacheEntry *entry;

	cache_create();
	entry = hash_search(cache_entries, &version->id, HASH_FIND, NULL);
	/* Whoever asks for it beforehand asks for a shared one: what stood in its way may be gone. */
	if (entry != NULL && entry->segment == NULL && dlist_is_empty(&entry->pins) && shared_available())
		cache_give_up(entry);
	(void) cache_get(model, version, pin);
	MemoryContextDelete(pin);
	return !shared_available() || shared_has(&version->id);
}

/* ---- looking at it ---- */

CacheItem *
cache_list(int *n)
{
	HASH_SEQ_STATUS status;
	CacheEntry *entry;
	CacheItem *items;

	cache_create();
	items = palloc(sizeof(CacheItem) * (SHARED_SLOTS + hash_get_num_entries(cache_entries)));
	*n = shared_available() ? shared_list(items) : 0;
	hash_seq_init(&status, cache_entries);
	while ((entry = hash_seq_search(&status)) != NULL)
	{
		if (entry->segment != NULL)
			continue;
		items[*n] = (CacheItem){.model_id = entry->loaded->version->model_id,
								.database = MyDatabaseId,
								.version = entry->loaded->version->version,
								.bytes = entry->bytes,
								.ready = true,
								.pins = dlist_is_empty(&entry->pins) ? 0 : 1,
								.used = entry->used};
		strlcpy(items[(*n)++].model, entry->model, NAMEDATALEN);
	}
	return items;
}
