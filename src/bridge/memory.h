/*
 * memory.h - memory is counted before it is taken
 *
 * Trainers and window functions count against maintenance_work_mem or their memory => argument.  Sizes are summed with
 * overflow checks; the error says how much is needed and which setting to raise.
 */
#ifndef PROMOAI_BRIDGE_MEMORY_H
#define PROMOAI_BRIDGE_MEMORY_H

#include "postgres.h"

/* The limit in bytes: `argument` ('512MB', '2GB', as PostgreSQL writes sizes) or, when NULL, maintenance_work_mem. */
extern uint64 memory_limit(const char *argument);

/* ERROR (54000... configuration_limit_exceeded) when need is above limit; `what` completes "... needs 81 MB". */
extern void memory_require(uint64 need, uint64 limit, const char *what);

/* The same for functions without such an argument: maintenance_work_mem is the limit. */
extern void memory_require_setting(uint64 need, const char *what);

/* "81 MB" in a palloc'd string, rounded up so that the figure, given as a limit, suffices. */
extern char *memory_pretty(uint64 bytes);

/* a + b and a * b, UINT64_MAX on overflow (which no limit allows). */
extern uint64 memory_add(uint64 a, uint64 b);
extern uint64 memory_mul(uint64 a, uint64 b);

#endif
