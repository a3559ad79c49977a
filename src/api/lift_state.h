/*
 * lift_state.h - promoai.lift_state: what has been seen of a promotion's rows, as a value
 *
 * The state of the lift and elasticity aggregates, and what promo_lift_state hands out.  One flat varlena:
 *
 *     rows that wait            [n_rows][stride]  until a block is full (MOMENTS_BLOCK); small groups never go beyond
 *     sums about a pivot        the pivot is chosen from the first block; fourth moments (HC1) or pairs (classical)
 *     clusters                  key and pairs of each, instead of the sums; slots, a hash table over them, in working states
 *
 * A working state has room to grow.  What leaves an aggregate is compact: no room, no slots, clusters ascending by key, so
 * equal contents are equal bytes.  Text is the hex of the binary form; whatever comes in that way is checked number by
 * number and may be forged without harm.
 */
#ifndef PROMOAI_API_LIFT_STATE_H
#define PROMOAI_API_LIFT_STATE_H

#include "postgres.h"

#include "fmgr.h"
#include "lib/stringinfo.h"

#include "core/promote/fit.h"
#include "core/promote/lift_wire.h"
#include "core/promote/moments.h"
#include "core/promote/solve.h"

typedef struct LiftState
{
	int32 vl_len_;
	uint8 version;
	uint8 errors; /* FitErrors */
	uint8 form; /* LiftForm */
	bool summed; /* there is a pivot, and sums or clusters */
	int32 k; /* promo and covariates; 0: no complete row yet */
	int32 n_rows; /* that wait */
	int32 max_rows;
	int32 rows_at; /* where they begin in data */
	int32 n_clusters;
	int32 max_clusters;
	int32 n_slots; /* a power of two, 0: none */
	int64 n; /* rows in the sums */
	int64 nulls; /* rows left out for a NULL */
	int64 not_positive; /* rows left out for a value that has no logarithm */
	double promoted; /* rows in the sums with promo <> 0 */
	double data[FLEXIBLE_ARRAY_MEMBER]; /* see lift_state.c */
} LiftState;

/* Doubles of a waiting row: promo, covariates, sales and, where clustered, the key's bits. */
static inline int32
lift_row_stride(const LiftState *state)
{
	return state->k + 1 + (state->errors == FIT_CLUSTERED);
}

extern LiftState *lift_state_new(FitErrors errors, LiftForm form);

/* A datum from anywhere as a state to read: detoasted, its version and sizes checked. */
extern const LiftState *lift_state_open(Datum datum);

/* The number of columns, decided by the first complete row. */
extern LiftState *lift_state_set_columns(LiftState *state, int32 k);

/* Room for one more row: sums up the waiting ones when there is a block of them, or grows.  The result may be another state. */
extern LiftState *lift_state_make_room(LiftState *state);

/* Where the next row goes; the caller fills its doubles and counts n_rows up. */
static inline double *
lift_state_next_row(LiftState **state)
{
	if (unlikely((*state)->n_rows == (*state)->max_rows))
		*state = lift_state_make_room(*state);
	return (*state)->data + (*state)->rows_at + (Size) (*state)->n_rows * lift_row_stride(*state);
}

/* left takes in right, which stays as it is; left may be NULL.  The result may be another state than left. */
extern LiftState *lift_state_combine(LiftState *left, const LiftState *right);

extern LiftState *lift_state_compact(const LiftState *state);
extern LiftState *lift_state_copy(const LiftState *state);

/* Fit what the state holds, which stays as it is.  report->columns, coefficients and so on are palloc'd. */
extern void lift_state_fit(const LiftState *state, LiftFit *fit, SolveReport *report);

#endif
