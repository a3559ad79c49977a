/*
 * order_lists.c - a counting sort by customer, then each customer's orders by time, then equal times merged
 *
 * Amounts travel as pairs (pair_sum.h), so the sum of merged ones does not depend on the order in which they came.
 */
#include "order_lists.h"

#include "../pair_sum.h"
#include "../radix.h"

#define STRETCH 65536 /* orders between two looks at the cancel flag */
#define FEW 48 /* sorted by insertion */

typedef struct Filling
{
	OrderLists *lists;
	double *low; /* beside lists->amount */
	RadixItem *items; /* [longest] */
	RadixItem *scratch; /* [longest] */
	double *amount; /* [2 x longest] */
} Filling;

/* Place all orders by customer; start is shifted by one while placing. */
static CoreStatus
place_orders(Env *env, int64_t n, const int32_t *customer, const int64_t *at, const double *amount,
			 const double *amount_low, Filling *filling)
{
	OrderLists *lists = filling->lists;
	int64_t *start = lists->start;

	for (int64_t i = 0; i < n; i++)
	{
		int64_t place;

		if (i % STRETCH == 0 && env->cancelled(env))
			return CORE_CANCELLED;
		place = start[customer[i]]++;
		lists->at[place] = at[i];
		if (amount != NULL)
		{
			lists->amount[place] = amount[i];
			filling->low[place] = amount_low[i];
		}
	}
	for (int32_t c = lists->customers; c > 0; c--)
		start[c] = start[c - 1];
	start[0] = 0;
	return CORE_OK;
}

static CoreStatus
count_orders(Env *env, int64_t n, const int32_t *customer, OrderLists *lists, int64_t *longest)
{
	int64_t sum = 0;

	*longest = 0;
	memset(lists->start, 0, sizeof(int64_t) * ((size_t) lists->customers + 1));
	for (int64_t i = 0; i < n; i++)
	{
		if (i % STRETCH == 0 && env->cancelled(env))
			return CORE_CANCELLED;
		lists->start[customer[i]]++;
	}
	for (int32_t c = 0; c <= lists->customers; c++)
	{
		int64_t length = lists->start[c];

		if (length > *longest)
			*longest = length;
		lists->start[c] = sum;
		sum += length;
	}
	return CORE_OK;
}

static void
sort_few(const Filling *filling, int64_t start, int64_t n)
{
	OrderLists *lists = filling->lists;

	for (int64_t i = start + 1; i < start + n; i++)
	{
		int64_t at = lists->at[i];
		double amount = lists->amount == NULL ? 0 : lists->amount[i];
		double low = lists->amount == NULL ? 0 : filling->low[i];
		int64_t j = i;

		for (; j > start && lists->at[j - 1] > at; j--)
		{
			lists->at[j] = lists->at[j - 1];
			if (lists->amount != NULL)
			{
				lists->amount[j] = lists->amount[j - 1];
				filling->low[j] = filling->low[j - 1];
			}
		}
		lists->at[j] = at;
		if (lists->amount != NULL)
		{
			lists->amount[j] = amount;
			filling->low[j] = low;
		}
	}
}

static CoreStatus
sort_many(Env *env, const Filling *filling, int64_t start, int64_t n)
{
	OrderLists *lists = filling->lists;
	CoreStatus status;

	for (int64_t i = 0; i < n; i++)
		filling->items[i] = (RadixItem){.key = radix_key_integer(lists->at[start + i]), .index = start + i};
	status = radix_sort(env, filling->items, filling->scratch, n);
	if (status != CORE_OK)
		return status;
	for (int64_t i = 0; i < n; i++)
	{
		int64_t from = filling->items[i].index;

		if (lists->amount == NULL)
			continue;
		filling->amount[2 * i] = lists->amount[from];
		filling->amount[2 * i + 1] = filling->low[from];
	}
	for (int64_t i = 0; i < n; i++)
	{
		lists->at[start + i] = (int64_t) (filling->items[i].key ^ UINT64_C(1) << 63);
		if (lists->amount == NULL)
			continue;
		lists->amount[start + i] = filling->amount[2 * i];
		filling->low[start + i] = filling->amount[2 * i + 1];
	}
	return CORE_OK;
}

/* Merge one customer's n sorted orders from `start` on to `to`; returns where the next goes. */
static int64_t
merge_orders(const Filling *filling, int64_t start, int64_t n, int64_t to, bool merge)
{
	OrderLists *lists = filling->lists;
	int64_t first = to;

	for (int64_t i = start; i < start + n; i++)
	{
		bool same = merge && to > first && lists->at[to - 1] == lists->at[i];

		if (!same)
			lists->at[to++] = lists->at[i];
		if (lists->amount == NULL)
			continue;
		if (!same)
		{
			lists->amount[to - 1] = lists->amount[i];
			filling->low[to - 1] = filling->low[i];
			continue;
		}
		pair_sum_add(&lists->amount[to - 1], &filling->low[to - 1], lists->amount[i]);
		pair_sum_add(&lists->amount[to - 1], &filling->low[to - 1], filling->low[i]);
	}
	return to;
}

static CoreStatus
settle_customers(Env *env, const Filling *filling, bool merge)
{
	OrderLists *lists = filling->lists;
	int64_t to = 0;

	for (int32_t c = 0; c < lists->customers; c++)
	{
		int64_t start = lists->start[c];
		int64_t n = lists->start[c + 1] - start;
		CoreStatus status = CORE_OK;

		if (c % 4096 == 0 && env->cancelled(env))
			return CORE_CANCELLED;
		if (n > FEW)
			status = sort_many(env, filling, start, n);
		else
			sort_few(filling, start, n);
		if (status != CORE_OK)
			return status;
		lists->start[c] = to;
		to = merge_orders(filling, start, n, to, merge);
	}
	lists->start[lists->customers] = to;
	return CORE_OK;
}

static void
release(Env *env, void *block)
{
	if (block != NULL)
		env->release(env, block);
}

CoreStatus
order_lists_fill(Env *env, int64_t n, const int32_t *customer, const int64_t *at, const double *amount,
				 const double *amount_low, bool merge, OrderLists *lists)
{
	Filling filling = {.lists = lists};
	int64_t longest;
	CoreStatus status = count_orders(env, n, customer, lists, &longest);

	if (status != CORE_OK)
		return status;
	if (amount != NULL)
		filling.low = env->alloc(env, sizeof(double) * (size_t) (n + 1));
	filling.items = env->alloc(env, sizeof(RadixItem) * (size_t) (longest + 1));
	filling.scratch = env->alloc(env, sizeof(RadixItem) * (size_t) (longest + 1));
	/* amounts are moved once the sort is done with its scratch, which is as large as they are */
	filling.amount = (double *) filling.scratch;
	if ((amount != NULL && filling.low == NULL) || filling.items == NULL || filling.scratch == NULL)
		status = CORE_NO_MEMORY;
	if (status == CORE_OK)
		status = place_orders(env, n, customer, at, amount, amount_low, &filling);
	if (status == CORE_OK)
		status = settle_customers(env, &filling, merge);
	for (int64_t i = 0; status == CORE_OK && amount != NULL && i < lists->start[lists->customers]; i++)
		lists->amount[i] += filling.low[i];
	release(env, filling.scratch);
	release(env, filling.items);
	release(env, filling.low);
	return status;
}
