/*
 * mf_team.c - the memory that a factor model's training shares, and the jobs done in it
 *
 * Per pair 8 bytes (16 with weights), per customer and item 8 bytes of row starts and 4 x factors of factors, and what
 * the kernels ask for.
 */
#include "postgres.h"

#include "api/mf_team.h"
#include "bridge/memory.h"

static uint64
shared_bytes(const MfFit *fit, const MfExtent *extent)
{
	if (fit->rated)
		return fit->solver == MF_SGD
				   ? sgd_shared_bytes(&fit->ratings, extent->customers, extent->items, extent->entries)
				   : explicit_als_shared_bytes();
	return fit->solver == MF_CG ? cg_shared_bytes(&fit->implicit, extent->customers, extent->items)
								: als_shared_bytes(&fit->implicit, extent->customers, extent->items);
}

uint64
mf_member_bytes(const MfFit *fit)
{
	if (fit->rated)
		return fit->solver == MF_SGD ? sgd_member_bytes(&fit->ratings)
									 : explicit_als_member_bytes(&fit->ratings);
	return fit->solver == MF_CG ? cg_member_bytes(&fit->implicit) : als_member_bytes(&fit->implicit);
}

uint64
mf_region_plan(MfRegion *region, const MfFit *fit, const MfExtent *extent)
{
	uint64 cursor = 0;
	uint64 customers = extent->customers;
	uint64 items = extent->items;
	uint64 entries = extent->entries;
	uint64 weights = extent->weighted ? entries : 0;
	uint64 factors = fit->implicit.factors;
	uint64 tests = extent->judged ? extent->test_entries : 0;

	memset(region, 0, sizeof(*region));
	region->fit = *fit;
	region->extent = *extent;
	memory_take(&cursor, 1, sizeof(MfRegion));
	region->user_start = memory_take(&cursor, customers + 1, sizeof(int64));
	region->user_item = memory_take(&cursor, entries, sizeof(int32));
	region->user_weight = memory_take(&cursor, weights, sizeof(float));
	region->item_start = memory_take(&cursor, items + 1, sizeof(int64));
	region->item_user = memory_take(&cursor, entries, sizeof(int32));
	region->item_weight = memory_take(&cursor, weights, sizeof(float));
	region->user_factors = memory_take(&cursor, customers * factors, sizeof(float));
	region->item_factors = memory_take(&cursor, items * factors, sizeof(float));
	region->user_bias = memory_take(&cursor, fit->rated ? customers : 0, sizeof(float));
	region->item_bias = memory_take(&cursor, fit->rated ? items : 0, sizeof(float));
	region->buyers = memory_take(&cursor, items, sizeof(float));
	region->als_bytes = shared_bytes(fit, extent);
	region->als_scratch = memory_take(&cursor, region->als_bytes, 1);
	region->test_start = memory_take(&cursor, extent->judged ? customers + 1 : 0, sizeof(int64));
	region->test_item = memory_take(&cursor, tests, sizeof(int32));
	region->test_rating = memory_take(&cursor, fit->rated ? tests : 0, sizeof(float));
	region->ones = memory_take(&cursor, extent->k > 0 ? customers : 0, sizeof(float));
	region->rank_bytes =
		extent->k > 0 ? rank_evaluate_bytes(extent->customers, extent->items, fit->implicit.factors) : 0;
	region->rank_scratch = memory_take(&cursor, region->rank_bytes, 1);
	region->bytes = cursor;
	return cursor;
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
								 region->test_item, region->test_rating, region->fit.rated);
	arrays->model.user_factors = (float *) (base + region->user_factors);
	arrays->model.item_factors = (float *) (base + region->item_factors);
	arrays->user_bias = (float *) (base + region->user_bias);
	arrays->item_bias = (float *) (base + region->item_bias);
	arrays->ones = (float *) (base + region->ones);
	arrays->buyers = (float *) (base + region->buyers);
	arrays->als_scratch = base + region->als_scratch;
	arrays->rank_scratch = base + region->rank_scratch;
}

ExplicitModel
mf_rated_model(const MfRegion *region, const MfArrays *arrays)
{
	return (ExplicitModel){.mean = region->mean,
						   .user_bias = arrays->user_bias,
						   .item_bias = arrays->item_bias,
						   .user_factors = arrays->model.user_factors,
						   .item_factors = arrays->model.item_factors};
}

static CoreStatus
fit_implicit(Env *env, MfRegion *region, MfArrays *arrays)
{
	AlsProblem problem = {
		.params = region->fit.implicit, .by_user = arrays->by_user, .by_item = arrays->by_item};
	AlsReport report;
	CoreStatus status = region->fit.solver == MF_CG
							? cg_train(env, &problem, &arrays->model, arrays->als_scratch, &report)
							: als_train(env, &problem, &arrays->model, arrays->als_scratch, &report);

	if (status == CORE_OK && env->leader)
		region->report = report;
	return status;
}

static CoreStatus
fit_ratings(Env *env, MfRegion *region, MfArrays *arrays)
{
	ExplicitProblem problem = {
		.params = region->fit.ratings, .by_user = arrays->by_user, .by_item = arrays->by_item};
	ExplicitModel model = mf_rated_model(region, arrays);
	ExplicitReport report;
	CoreStatus status = region->fit.solver == MF_SGD
							? sgd_train(env, &problem, &model, arrays->als_scratch, &report)
							: explicit_als_train(env, &problem, &model, arrays->als_scratch, &report);

	if (status == CORE_OK && env->leader)
	{
		region->mean = model.mean;
		region->report = (AlsReport){.iterations = report.iterations, .loss = report.loss};
	}
	return status;
}

static CoreStatus
fit_job(Env *env, void *memory)
{
	MfRegion *region = memory;
	MfArrays arrays;

	mf_region_arrays(region, &arrays);
	return region->fit.rated ? fit_ratings(env, region, &arrays) : fit_implicit(env, region, &arrays);
}

void
mf_rank_task(const MfRegion *region, const MfArrays *arrays, RankTask *task)
{
	bool popularity = region->rank_popularity;

	task->user_factors = popularity ? arrays->ones : arrays->model.user_factors;
	task->item_factors = popularity ? arrays->buyers : arrays->model.item_factors;
	task->factors = popularity ? 1 : region->fit.implicit.factors;
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
