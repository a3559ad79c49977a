/*
 * lift_wire.h - the binary form of promoai.lift_state, read with distrust
 *
 * Numbers are in network order, one after the other:
 *
 *     int16 version, int8 errors, int8 form, int8 summed, int32 k, int32 n_rows, int32 n_clusters, int64 n, int64 nulls,
 *     int64 not_positive, float8 promoted
 *     numbers    pivot [k + 1], promoted_sums [k - 1], then the sums of HC1 or classical errors; if summed
 *     clusters   [n_clusters] int64 key, float8 [pairs_size(k)]; keys ascend
 *     rows       [n_rows] float8 [k + 1], int64 key where clustered
 *
 * Whoever may call SQL can write such bytes.  What passes here can be summed, combined and fitted without harm: every count
 * is possible and agrees with the length, every number is finite, no count or square is below what rows could give.
 */
#ifndef CORE_PROMOTE_LIFT_WIRE_H
#define CORE_PROMOTE_LIFT_WIRE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "fit.h"

#define LIFT_STATE_VERSION 1
#define LIFT_MAX_COLUMNS 101 /* promo and covariates, without fourth moments */

typedef enum LiftForm
{
	LIFT_LINEAR, /* sales on promo */
	LIFT_LOG /* log(quantity) on log(price) */
} LiftForm;

typedef struct LiftWire
{
	FitErrors errors;
	LiftForm form;
	bool summed;
	int32_t k;
	int32_t n_rows;
	int32_t n_clusters;
	int64_t n;
	int64_t nulls;
	int64_t not_positive;
	double promoted;

	const uint8_t *numbers; /* [n_numbers] */
	size_t n_numbers;
	const uint8_t *clusters;
	const uint8_t *rows;
} LiftWire;

/* Doubles of the sums over rows that are not clustered. */
extern size_t lift_sums_size(FitErrors errors, bool summed, int32_t k);

/* NULL, or why these bytes are no state.  What wire points to lies within bytes [n]. */
extern const char *lift_wire_read(const uint8_t *bytes, size_t n, LiftWire *wire);

#endif
