/*
 * memcheck.h - what PostgreSQL's memory contexts tell valgrind, told to AddressSanitizer
 *
 * PostgreSQL built with USE_VALGRIND says by these macros which bytes of a context's blocks are given out and which are not.
 * AddressSanitizer keeps such marks too, so under this header, found before valgrind's own, every palloc is one allocation to it.
 * What only valgrind knows, whether bytes are initialised, is left out.
 */
#ifndef RELIABILITY_MEMCHECK_H
#define RELIABILITY_MEMCHECK_H

#include <sanitizer/asan_interface.h>

#define RUNNING_ON_VALGRIND 0
#define VALGRIND_CHECK_MEM_IS_DEFINED(start, size) ((void) 0)
#define VALGRIND_MAKE_MEM_DEFINED(start, size) ASAN_UNPOISON_MEMORY_REGION(start, size)
#define VALGRIND_MAKE_MEM_UNDEFINED(start, size) ASAN_UNPOISON_MEMORY_REGION(start, size)
#define VALGRIND_MAKE_MEM_NOACCESS(start, size) ASAN_POISON_MEMORY_REGION(start, size)
#define VALGRIND_CREATE_MEMPOOL(pool, redzone, zeroed) ((void) 0)
#define VALGRIND_DESTROY_MEMPOOL(pool) ((void) 0)
#define VALGRIND_MEMPOOL_ALLOC(pool, start, size) ASAN_UNPOISON_MEMORY_REGION(start, size)
#define VALGRIND_MEMPOOL_FREE(pool, start) ((void) 0)
#define VALGRIND_MEMPOOL_CHANGE(pool, old, start, size) ASAN_UNPOISON_MEMORY_REGION(start, size)

#endif
