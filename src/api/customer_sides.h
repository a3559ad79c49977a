/*
 * customer_sides.h - what a portrait takes from elsewhere than orders: events, coupons, reviews
 */
#ifndef PROMOAI_API_CUSTOMER_SIDES_H
#define PROMOAI_API_CUSTOMER_SIDES_H

#include "postgres.h"

#include "datatype/timestamp.h"

#include "api/pair_counts.h"
#include "bridge/source.h"

typedef enum SideKind
{
	SIDE_EVENTS, /* customer, happened_at [, event type] */
	SIDE_COUPONS, /* customer, received_at [, used_at] */
	SIDE_REVIEWS, /* customer, reviewed_at [, rating] */
	N_SIDES
} SideKind;

/* One customer's rows up to as_of. */
typedef struct SideSums
{
	int64 n;
	int64 with_third; /* rows whose third column counts: coupons used, ratings given */
	TimestampTz latest;
	double sum, sum_low; /* of days until use, of ratings; a pair (core/pair_sum.h) */
} SideSums;

typedef struct Side
{
	bool given;
	bool has_third; /* the source has the third column */
	SideSums *sums; /* [customers] */
	PairCounts types; /* of events */
} Side;

/*
 * Read one; `customers` are those of the orders, rows of others are left out with a NOTICE.  *held bytes of the limit are taken
 * already; what the side goes on holding is added.
 */
extern void side_read(SideKind kind, const char *source, const IdSet *customers, TimestampTz as_of,
					  uint64 limit, uint64 *held, Side *side);

#endif
