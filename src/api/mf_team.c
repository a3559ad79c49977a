/*
 * mf_team.c - the memory that a factor model's training shares, and the jobs done in it
 *
 * Per pair 8 bytes (16 with weights), per customer and item 8 bytes of row starts and 4 x factors of factors, and what
 * the kernels ask for.
 */
#include "postgres.h"

#include "api/mf_team.h"
#include "bridge/memory.h"

#define REGION_ALIGN 64

/* Next array of n elements; the cursor stays at UINT64_MAX once it overflowed. */
static Size
take(uint64 *cursor, uint64 n, uint64 width)
{
	uint64 at = *cursor;

	*cursor = memory_add(at, memory_mul(n, width));
	*cursor = *cursor > PG_UINT64_MAX - REGION_ALIGN ? PG_UINT64_MAX : TYPEALIGN(REGION_ALIGN, *cursor);
	return at;
}

uint64
mf_region_plan(MfRegion *region, MfSolver solver, const AlsParams *params, const MfExtent *extent)
{
	uint64 cursor = 0;
	uint64 customers = extent->customers;
	uint64 items = extent->items;
	uint64 entries = extent->entries;
	uint64 weights = extent->weighted ? entries : 0;
	bool judged = extent->k > 0;

	memset(region, 0, sizeof(*region));
	region->solver = solver;
	region->params = *params;
	region->extent = *extent;
	take(&cursor, 1, sizeof(MfRegion));
	region->user_start = take(&cursor, customers + 1, sizeof(int64));
	region->user_item = take(&cursor, entries, sizeof(int32));
	region->user_weight = take(&cursor, weights, sizeof(float));
	region->item_start = take(&cursor, items + 1, sizeof(int64));
	region->item_user = take(&cursor, entries, sizeof(int32));
	region->item_weight = take(&cursor, weights, sizeof(float));
	region->user_factors = take(&cursor, customers * params->factors, sizeof(float));
	region->item_factors = take(&cursor, items * params->factors, sizeof(float));
	region->buyers = take(&cursor, items, sizeof(float));
	region->als_bytes = solver == MF_CG ? cg_shared_bytes(params, extent->customers, extent->items)
										: als_shared_bytes(params, extent->customers, extent->items);
	region->als_scratch = take(&cursor, region->als_bytes, 1);
	region->test_start = take(&cursor, judged ? customers + 1 : 0, sizeof(int64));
	region->test_item = take(&cursor, judged ? extent->test_entries : 0, sizeof(int32));
	region->ones = take(&cursor, judged ? customers : 0, sizeof(float));
	region->rank_bytes = judged ? rank_shared_bytes(extent->customers, extent->items, extent->k) : 0;
	region->rank_scratch = take(&cursor, region->rank_bytes, 1);
	region->bytes = cursor;
	return cursor;
}

uint64
mf_member_bytes(MfSolver solver, const AlsParams *params)
{
	return solver == MF_CG ? cg_member_bytes(params) : als_member_bytes(params);
}

static Csr
region_matrix(MfRegion *region, int32 rows, int32 cols, Size start, Size col, Size value, bool weighted)
{
	char *base = (char *) region;

	return (Csr){.rows = rows,
				 .cols = cols,
				 .start = (int64 *) (base + start),
				 .col = (int32 *) (base + col),
				 .value = weighted ? (float *) (base + value) : NULL};
}

void
mf_region_arrays(MfRegion *region, MfArrays *arrays)
{
	char *base = (char *) region;
	const MfExtent *extent = &region->extent;

	arrays->by_user = region_matrix(region, extent->customers, extent->items, region->user_start,
									region->user_item, region->user_weight, extent->weighted);
	arrays->by_item = region_matrix(region, extent->items, extent->customers, region->item_start,
									region->item_user, region->item_weight, extent->weighted);
	arrays->test = region_matrix(region, extent->customers, extent->items, region->test_start,
								 region->test_item, 0, false);
	arrays->model.user_factors = (float *) (base + region->user_factors);
	arrays->model.item_factors = (float *) (base + region->item_factors);
	arrays->ones = (float *) (base + region->ones);
	arrays->buyers = (float *) (base + region->buyers);
	arrays->als_scratch = base + region->als_scratch;
	arrays->rank_scratch = base + region->rank_scratch;
}

static CoreStatus
fit_job(Env *env, void *memory)
{
	MfRegion *region = memory;
	MfArrays arrays;
	AlsProblem problem;
	AlsReport report;
	CoreStatus status;

	mf_region_arrays(region, &arrays);
	problem.params = region->params;
	problem.by_user = arrays.by_user;
	problem.by_item = arrays.by_item;
	if (region->solver == MF_CG)
		status = cg_train(env, &problem, &arrays.model, arrays.als_scratch, &report);
	else
		status = als_train(env, &problem, &arrays.model, arrays.als_scratch, &report);
	if (status == CORE_OK && env->leader)
		region->report = report;
	return status;
}

void
mf_rank_task(const MfRegion *region, const MfArrays *arrays, RankTask *task)
{
	bool popularity = region->rank_popularity;

	task->user_factors = popularity ? arrays->ones : arrays->model.user_factors;
	task->item_factors = popularity ? arrays->buyers : arrays->model.item_factors;
	task->factors = popularity ? 1 : region->params.factors;
	task->k = region->extent.k;
	task->seen = arrays->by_user;
	task->relevant = arrays->test;
	task->known_only = true;
}

static CoreStatus
rank_job(Env *env, void *memory)
{
	MfRegion *region = memory;
	MfArrays arrays;
	RankTask task;

	mf_region_arrays(region, &arrays);
	mf_rank_task(region, &arrays, &task);
	return rank_evaluate(env, &task, arrays.rank_scratch);
}

void
mf_team_init(void)
{
	team_register(MF_JOB_FIT, fit_job);
	team_register(MF_JOB_RANK, rank_job);
}
