/*
 * cache.c - published versions in this backend's memory
 *
 * A hash table from version to entry.  An entry has a memory context of its own that holds the payload (one allocation,
 * used in place) and whatever the kind made of it; giving an entry up deletes the context.  While an entry is loaded its
 * context hangs below the caller's, and it moves below the cache's only when nothing can fail any more: an error on
 * the way leaves nothing behind.
 *
 * Pins.  An entry in use is held by pins, one per memory context that asked for it, each with a reset callback in
 * that context.  The end of a query or an error resets the context, and with it goes the pin.
 *
 * Memory.  promoai.cache_size bounds what the entries of one backend hold together.  Before a payload is read, unused
 * entries are given up, the least recently used first, until it fits; if those in use leave no room, that is an error,
 * since a bound that gives way is none.  It bounds each backend, so ordinary users cannot raise it.
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
#include "model/cache.h"
#include "model/internal.h"

typedef struct CacheEntry
{
	pg_uuid_t id; /* the key, first */
	LoadedModel *loaded;
	MemoryContext memory;
	Size bytes;
	uint64 used; /* when last asked for, by cache_clock */
	dlist_head pins;
} CacheEntry;

typedef struct CachePin
{
	MemoryContextCallback callback;
	MemoryContext context;
	dlist_node node;
} CachePin;

static int cache_size = 256 * 1024; /* kB */
static MemoryContext cache_memory = NULL;
static HTAB *cache_entries = NULL;
static uint64 cache_clock = 0;

void
cache_init(void)
{
	DefineCustomIntVariable(
		"promoai.cache_size", "Sets how much memory one session may use for models that it serves from.",
		NULL, &cache_size, 256 * 1024, 64, MAX_KILOBYTES, PGC_SUSET, GUC_UNIT_KB, NULL, NULL, NULL);
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

	dlist_delete(&pin->node);
}

/* One pin per entry and context, however often a query asks. */
static void
pin_take(CacheEntry *entry, MemoryContext context)
{
	dlist_iter iter;
	CachePin *pin;

	dlist_foreach(iter, &entry->pins)
	{
		if (dlist_container(CachePin, node, iter.cur)->context == context)
			return;
	}
	pin = MemoryContextAlloc(context, sizeof(CachePin));
	pin->context = context;
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

	hash_search(cache_entries, &entry->id, HASH_REMOVE, NULL);
	MemoryContextDelete(memory);
}

/* What all entries hold, and the one to be given up first (NULL: all are in use). */
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
		bytes += entry->bytes;
		if (dlist_is_empty(&entry->pins) && (*oldest == NULL || entry->used < (*oldest)->used))
			*oldest = entry;
	}
	return bytes;
}

/* Give up unused entries until `need` more bytes fit; returns what those in use hold if they never do, 0 otherwise. */
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

static void
cache_reserve(const Model *model, const ModelVersion *version)
{
	uint64 limit = (uint64) cache_size * 1024;
	uint64 need = memory_add(version->payload_bytes, PAYLOAD_ALIGN);
	Size held = need > limit ? 0 : cache_make_room(need, limit);

	if (need > limit)
		ereport(ERROR,
				(errcode(ERRCODE_CONFIGURATION_LIMIT_EXCEEDED),
				 errmsg("model \"%s\", version %d, needs %s of memory, more than promoai.cache_size allows",
						model->name, version->version, memory_pretty(need)),
				 errdetail("promoai.cache_size is %d kB.", cache_size),
				 errhint("A superuser can raise promoai.cache_size.")));
	if (held > 0)
		ereport(ERROR,
				(errcode(ERRCODE_CONFIGURATION_LIMIT_EXCEEDED),
				 errmsg("model \"%s\", version %d, needs %s of memory beside the models in use, more than "
						"promoai.cache_size allows",
						model->name, version->version, memory_pretty(need)),
				 errdetail("promoai.cache_size is %d kB; models in use by running queries of this session "
						   "hold %zu kB of it.",
						   cache_size, held / 1024),
				 errhint("A superuser can raise promoai.cache_size.")));
}

/* ---- loading ---- */

static LoadedModel *
cache_read(const Model *model, const ModelVersion *version, MemoryContext memory)
{
	LoadedModel *loaded = MemoryContextAllocZero(memory, sizeof(LoadedModel));
	void *data = store_read(model, version, memory);
	PgEnv env;
	CoreStatus status;

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

static CacheEntry *
cache_load(const Model *model, const ModelVersion *version)
{
	MemoryContext memory;
	LoadedModel *loaded;
	CacheEntry *entry;
	bool found;

	if (version->payload_bytes <= 0)
		store_damaged(model, version, "Its size is not above zero.");
	cache_reserve(model, version);
	memory = AllocSetContextCreate(CurrentMemoryContext, "promoai model", ALLOCSET_DEFAULT_SIZES);
	loaded = cache_read(model, version, memory);

	entry = hash_search(cache_entries, &version->id, HASH_ENTER, &found);
	MemoryContextSetParent(memory, cache_memory);
	entry->loaded = loaded;
	entry->memory = memory;
	entry->bytes = MemoryContextMemAllocated(memory, true);
	dlist_init(&entry->pins);
	return entry;
}

const LoadedModel *
cache_get(const Model *model, const ModelVersion *version, MemoryContext pin)
{
	CacheEntry *entry;

	cache_create();
	entry = hash_search(cache_entries, &version->id, HASH_FIND, NULL);
	if (entry == NULL)
		entry = cache_load(model, version);
	entry->used = ++cache_clock;
	pin_take(entry, pin);
	return entry->loaded;
}
