/*
 * cache.h - versions in memory: one copy for all backends where the server preloads the library, one for each otherwise
 *
 * Keyed by a version's uuid: a version never changes, so an entry is never stale.  Which version to serve is asked of
 * the registry under the caller's snapshot each time; no invalidation message decides an answer.  Entries are held to
 * promoai.cache_size bytes, the least recently used given up first; an entry in use is never freed.  Whether the caller may
 * use the model was for registry_open to say: the cache asks nobody.
 */
#ifndef PROMOAI_MODEL_CACHE_H
#define PROMOAI_MODEL_CACHE_H

#include "postgres.h"

#include "model/kind.h"

/*
 * The version in memory, loaded when it is not there yet.  It stays valid until `context` is reset or deleted (an
 * error does that too); a memory context of at least the caller's life.  ERROR 53200-class when the payload alone is larger than the
 * cache may be; ERROR XX001 when the stored payload is damaged.
 */
extern const LoadedModel *cache_get(const Model *model, const ModelVersion *version, MemoryContext context);

/* Load the version; false when this backend has a copy of its own, though the server has a shared cache. */
extern bool cache_prewarm(const Model *model, const ModelVersion *version);

/* What the cache holds, for those who look at it. */
typedef struct CacheItem
{
	pg_uuid_t model_id;
	Oid database;
	char model[NAMEDATALEN]; /* as it was called when it was loaded, in the encoding of that database */
	int32 version;
	uint64 bytes;
	bool shared; /* false: a copy of this backend's own */
	bool ready; /* false: a backend is loading it */
	int32 pins; /* backends that answer from it now */
	TimestampTz used; /* last */
} CacheItem;

/* All of the shared cache and of this backend's own, palloc'd; whoever shows them checks rights. */
extern CacheItem *cache_list(int *n);

/* Called once from _PG_init: defines promoai.cache_size, and asks for shared memory while the server preloads libraries. */
extern void cache_init(void);

#endif
