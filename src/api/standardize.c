/*
 * standardize.c - the argument "standardize" of segmentations
 */
#include "postgres.h"

#include "utils/memutils.h"

#include "api/standardize.h"
#include "bridge/memory.h"
#include "core/segment/scale.h"

const char *const standardize_choices[] = {[SCALE_LOG_ZSCORE] = "log_zscore",
										   [SCALE_ZSCORE] = "zscore",
										   [SCALE_ROBUST] = "robust",
										   [SCALE_NONE] = "none",
										   NULL};

/* Rows as they are keep their last bit: there is nothing to do. */
void
standardize_rows(PgEnv *env, int32 choice, double *x, int32 n, int32 width)
{
	const ScaleRows rows = {.n = n, .features = width, .wide = x};
	FeatureScale *scales;

	if (choice == SCALE_NONE || n == 0)
		return;
	scales = MemoryContextAllocHuge(env->memory, sizeof(FeatureScale) * (Size) width);
	env_check(env, scale_rows(&env->base, (ScaleMethod) choice, &rows, scales), "standardizing");
	pfree(scales);
}

uint64
standardize_bytes(int32 choice, int32 n, int32 width)
{
	if (choice == SCALE_NONE)
		return 0;
	return memory_add(memory_mul(sizeof(FeatureScale), width),
					  scale_scratch_bytes((ScaleMethod) choice, n, width));
}
