/*
 * mf_team.h - the memory that a factor model's training shares, and the jobs done in it
 */
#ifndef PROMOAI_API_MF_TEAM_H
#define PROMOAI_API_MF_TEAM_H

#include "postgres.h"

#include "bridge/env.h"
#include "bridge/team.h"
#include "core/recommend/als.h"
#include "core/recommend/cg.h"
#include "core/recommend/rank.h"

/* How rows are solved. */
typedef enum MfSolver
{
	MF_ALS, /* exactly */
	MF_CG /* by a few steps of conjugate gradients */
} MfSolver;

/* Sizes from which the region is laid out. */
typedef struct MfExtent
{
	int32 customers;
	int32 items;
	int64 entries; /* upper bound of pairs */
	int64 test_entries; /* upper bound of pairs to be judged by */
	bool weighted; /* pairs carry weights */
	int32 k; /* length of the judged lists; 0: no evaluation */
} MfExtent;

/*
 * At the start of the region.  Arrays are kept as offsets, since every member maps the region elsewhere; mf_region
 * turns them into pointers.
 */
typedef struct MfRegion
{
	MfSolver solver;
	AlsParams params;
	MfExtent extent;
	AlsReport report; /* of the last mf_fit */
	bool rank_popularity; /* what mf_rank judges: popularity instead of the factors */

	Size user_start, user_item, user_weight; /* pairs by customer */
	Size item_start, item_user, item_weight; /* pairs by item */
	Size test_start, test_item; /* pairs to be judged by, by customer */
	Size user_factors, item_factors;
	Size ones, buyers; /* popularity as a model of one factor: [customers] ones, [items] */
	Size als_scratch, als_bytes;
	Size rank_scratch, rank_bytes;
	Size bytes; /* of all */
} MfRegion;

/* Plain pointers into a region, as this process sees it. */
typedef struct MfArrays
{
	Csr by_user;
	Csr by_item;
	Csr test;
	AlsModel model;
	float *ones;
	float *buyers;
	void *als_scratch;
	void *rank_scratch;
} MfArrays;

/* Lays the region out; bytes is what it takes, UINT64_MAX when that overflows. */
extern uint64 mf_region_plan(MfRegion *region, MfSolver solver, const AlsParams *params,
							 const MfExtent *extent);

/* What each member takes for itself while it trains. */
extern uint64 mf_member_bytes(MfSolver solver, const AlsParams *params);

extern void mf_region_arrays(MfRegion *region, MfArrays *arrays);

/* What mf_rank judges in this region. */
extern void mf_rank_task(const MfRegion *region, const MfArrays *arrays, RankTask *task);

#define MF_JOB_FIT "mf_fit" /* by_user and by_item to factors and report, by the region's solver */
#define MF_JOB_RANK "mf_rank" /* factors or popularity, judged by test */

extern void mf_team_init(void);

#endif
