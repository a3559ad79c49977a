/*
 * labels.c - clusters numbered by size
 *
 * Clusters are numbered in the order of their first rows while their sizes are counted; a stable counting sort by size then
 * gives the final numbers.
 */
#include "labels.h"

#define STRETCH 65536 /* rows between two looks at the cancel flag */

/*
 * place [n + 1] maps old numbers to new ones, size [n + 1] counts the rows of the new ones.  Returns how many there are, or -1
 * on cancel.
 */
static int32_t
number_by_first_row(Env *env, int32_t *label, int32_t n, int32_t *place, int32_t *size)
{
	int32_t clusters = 0;

	for (int32_t i = 0; i <= n; i++)
		place[i] = size[i] = 0;
	for (int32_t i = 0; i < n; i++)
	{
		if (i % STRETCH == 0 && env->cancelled(env))
			return -1;
		if (label[i] == 0)
			continue;
		if (place[label[i]] == 0)
			place[label[i]] = ++clusters;
		label[i] = place[label[i]];
		size[label[i]]++;
	}
	return clusters;
}

/* rank [clusters + 1]: place of each cluster by falling size; at [n + 1] is scratch. */
static void
rank_by_size(const int32_t *size, int32_t clusters, int32_t n, int32_t *rank, int32_t *at)
{
	int32_t next = 1;

	for (int32_t s = 0; s <= n; s++)
		at[s] = 0;
	for (int32_t c = 1; c <= clusters; c++)
		at[size[c]]++;
	for (int32_t s = n; s > 0; s--)
	{
		int32_t count = at[s];

		at[s] = next;
		next += count;
	}
	for (int32_t c = 1; c <= clusters; c++)
		rank[c] = at[size[c]]++;
}

static CoreStatus
renumber(Env *env, int32_t *label, int32_t n, int32_t *place, int32_t *size, int32_t *at)
{
	int32_t clusters = number_by_first_row(env, label, n, place, size);

	if (clusters < 0)
		return CORE_CANCELLED;
	rank_by_size(size, clusters, n, place, at);
	for (int32_t i = 0; i < n; i++)
	{
		if (i % STRETCH == 0 && env->cancelled(env))
			return CORE_CANCELLED;
		if (label[i] != 0)
			label[i] = place[label[i]];
	}
	return CORE_OK;
}

CoreStatus
labels_by_size(Env *env, int32_t *label, int32_t n)
{
	size_t bytes = sizeof(int32_t) * ((size_t) n + 1);
	int32_t *place = env->alloc(env, bytes);
	int32_t *size = env->alloc(env, bytes);
	int32_t *at = env->alloc(env, bytes);
	CoreStatus status = CORE_NO_MEMORY;

	if (place != NULL && size != NULL && at != NULL)
		status = renumber(env, label, n, place, size, at);
	if (at != NULL)
		env->release(env, at);
	if (size != NULL)
		env->release(env, size);
	if (place != NULL)
		env->release(env, place);
	return status;
}

uint64_t
labels_bytes(int32_t n)
{
	return 3 * sizeof(int32_t) * ((uint64_t) n + 1);
}
