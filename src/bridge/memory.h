/*
 * memory.h - memory is counted before it is taken
 *
 * Trainers and window functions count against maintenance_work_mem or their memory => argument.  Sizes are summed with
 * overflow checks; the error says how much is needed and which setting to raise.
 */
#ifndef PROMOAI_BRIDGE_MEMORY_H
#define PROMOAI_BRIDGE_MEMORY_H

#include "postgres.h"

#include "storage/dsm.h"

/* The limit in bytes: `argument` ('512MB', '2GB', as PostgreSQL writes sizes) or, when NULL, maintenance_work_mem. */
extern uint64 memory_limit(const char *argument);

/* ERROR (54000... configuration_limit_exceeded) when need is above limit; `what` completes "... needs 81 MB". */
extern void memory_require(uint64 need, uint64 limit, const char *what);

/* The same against maintenance_work_mem, for functions that have no argument "memory". */
extern void memory_require_setting(uint64 need, const char *what);

/* "81 MB" in a palloc'd string, rounded up so that the figure, given as a limit, suffices. */
extern char *memory_pretty(uint64 bytes);

/* a + b and a * b, UINT64_MAX on overflow (which no limit allows). */
extern uint64 memory_add(uint64 a, uint64 b);
extern uint64 memory_mul(uint64 a, uint64 b);

/*
 * Ask the system for huge pages behind a fresh block of many megabytes.  Touching it 4 kB at a time costs more than filling it
 * and checking what was filled in; where there are no huge pages nothing changes.
 */
extern void memory_want_huge_pages(void *block, uint64 bytes);

/*
 * Is there room for a dynamic shared memory segment of that size?  POSIX shared memory lives in a file system that may be small
 * (64 MB in a container), and nobody is told before it is full: look before asking.  A segment that is to stay leaves a
 * quarter of the file system to those that come and go, above all to the parallel queries of others.
 */
extern bool memory_shared_has_room(uint64 bytes, bool to_stay);

/*
 * As dsm_create and dsm_attach, with NULL for whatever the system refuses: no room after all, its own limits on shared
 * memory, too many files.  What was begun is undone.
 */
extern dsm_segment *memory_shared_create(uint64 bytes);
extern dsm_segment *memory_shared_attach(dsm_handle handle);

/* n elements of `width` bytes in the current context, however many; overflow-checked. */
extern void *memory_huge(uint64 n, uint64 width);

/* The same, with what stands in `array`. */
extern void *memory_copy(const void *array, uint64 n, uint64 width);

/*
 * The layout of a region: where the next array of n elements stands, aligned to 64, and the cursor behind it.  The cursor stays
 * at UINT64_MAX once it has overflowed.
 */
extern Size memory_take(uint64 *cursor, uint64 n, uint64 width);

#endif
