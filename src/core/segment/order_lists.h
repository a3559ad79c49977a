/*
 * order_lists.h - orders in no order, put together by customer and in time
 */
#ifndef CORE_SEGMENT_ORDER_LISTS_H
#define CORE_SEGMENT_ORDER_LISTS_H

#include "../env.h"

/* The orders of customer c stand at start[c] .. start[c + 1] - 1, ascending by time. */
typedef struct OrderLists
{
	int32_t customers;
	int64_t *start; /* [customers + 1] */
	int64_t *at; /* [start[customers]] */
	double *amount; /* [start[customers]]; NULL: not kept */
} OrderLists;

/*
 * Fill lists (the caller sets customers and provides the arrays, with room for n) from n orders: customer [n], at [n], and
 * amount [n] as pairs of amount and amount_low (both NULL: not kept).  With `merge`, orders of one customer at one
 * time become one whose amount is their sum.  O(n) but for sorting within customers; scratch 32 bytes an order of the
 * longest list, and with amounts 8 an order of all.
 */
extern CoreStatus order_lists_fill(Env *env, int64_t n, const int32_t *customer, const int64_t *at,
								   const double *amount, const double *amount_low, bool merge,
								   OrderLists *lists);

#endif
