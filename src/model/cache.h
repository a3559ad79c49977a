/*
 * cache.h - published versions in this backend's memory
 *
 * Keyed by a version's uuid: a version never changes, so an entry is never stale.  Which version to serve is asked of
 * the registry under the caller's snapshot each time; no invalidation message decides an answer.  Entries are held to
 * promoai.cache_size bytes, the least recently used given up first; an entry in use is never freed.
 */
#ifndef PROMOAI_MODEL_CACHE_H
#define PROMOAI_MODEL_CACHE_H

#include "postgres.h"

#include "model/kind.h"

/*
 * The version in memory, loaded when it is not there yet.  It stays valid until `pin` is reset or deleted (an error
 * does that too); a memory context of at least the caller's life.  ERROR 53200-class when the payload alone is larger than the
 * cache may be; ERROR XX001 when the stored payload is damaged.
 */
extern const LoadedModel *cache_get(const Model *model, const ModelVersion *version, MemoryContext pin);

/* Called once from _PG_init: defines promoai.cache_size. */
extern void cache_init(void);

#endif
