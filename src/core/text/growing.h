/*
 * growing.h - an array that grows with what is put into it, and is used again
 */
#ifndef CORE_TEXT_GROWING_H
#define CORE_TEXT_GROWING_H

#include "../env.h"

typedef struct Growing
{
	void *data; /* [room] */
	size_t room; /* elements */
	size_t width; /* bytes of one */
} Growing;

/* Room for `need` elements, at least twice what there was; the first `used` stay.  CORE_TOO_LARGE beyond INT32_MAX. */
extern CoreStatus growing_extend(Growing *array, Env *env, size_t need, size_t used);

static inline CoreStatus
growing_require(Growing *array, Env *env, size_t need, size_t used)
{
	return need > array->room ? growing_extend(array, env, need, used) : CORE_OK;
}

extern void growing_free(Growing *array, Env *env);

/* Give back what something much larger than the n elements to come has left behind; up to `kept` bytes stay. */
extern void growing_shrink(Growing *array, Env *env, size_t n, size_t kept);

#endif
