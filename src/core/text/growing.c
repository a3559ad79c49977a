/*
 * growing.c - an array that grows: at least doubled each time, so that filling it takes time in proportion to what is put in
 *
 * Memory: while it grows, the old array and the new one.
 */
#include "growing.h"

#include <string.h>

CoreStatus
growing_extend(Growing *array, Env *env, size_t need, size_t used)
{
	size_t room = need > 2 * array->room ? need : 2 * array->room;
	void *grown;

	if (need > INT32_MAX)
		return CORE_TOO_LARGE;
	if (room > INT32_MAX)
		room = INT32_MAX;
	grown = env->alloc(env, room * array->width);
	if (grown == NULL)
		return CORE_NO_MEMORY;
	if (used > 0)
		memcpy(grown, array->data, used * array->width);
	growing_free(array, env);
	array->data = grown;
	array->room = room;
	return CORE_OK;
}

void
growing_free(Growing *array, Env *env)
{
	if (array->data != NULL)
		env->release(env, array->data);
	array->data = NULL;
	array->room = 0;
}

void
growing_shrink(Growing *array, Env *env, size_t n, size_t kept)
{
	if (array->room * array->width > kept && n <= array->room / 16)
		growing_free(array, env);
}
