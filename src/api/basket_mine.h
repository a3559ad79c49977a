/*
 * basket_mine.h - from a source of (basket, item) to rules
 */
#ifndef PROMOAI_API_BASKET_MINE_H
#define PROMOAI_API_BASKET_MINE_H

#include "postgres.h"

#include "api/interactions.h"
#include "bridge/args.h"
#include "bridge/env.h"
#include "core/recommend/rules.h"

/* Which rules are wanted; both thresholds of how often hold. */
typedef struct BasketThresholds
{
	double min_support; /* share of the baskets */
	int32 min_baskets;
	double min_confidence;
	int32 max_items;
	double min_lift;
	int32 max_rules; /* 0: all */
} BasketThresholds;

/* Options of these, in a struct whose first member is a BasketThresholds. */
#define BASKET_THRESHOLD_OPTIONS                                                                             \
	{.name = "min_support",                                                                                  \
	 .type = OPTION_REAL,                                                                                    \
	 .offset = offsetof(BasketThresholds, min_support),                                                      \
	 .min = 0,                                                                                               \
	 .max = 1},                                                                                              \
		{.name = "min_baskets",                                                                              \
		 .type = OPTION_INT,                                                                                 \
		 .offset = offsetof(BasketThresholds, min_baskets),                                                  \
		 .min = 1,                                                                                           \
		 .max = PG_INT32_MAX},                                                                               \
		{.name = "min_confidence",                                                                           \
		 .type = OPTION_REAL,                                                                                \
		 .offset = offsetof(BasketThresholds, min_confidence),                                               \
		 .min = 0,                                                                                           \
		 .max = 1},                                                                                          \
		{.name = "max_items",                                                                                \
		 .type = OPTION_INT,                                                                                 \
		 .offset = offsetof(BasketThresholds, max_items),                                                    \
		 .min = 2,                                                                                           \
		 .max = ITEMSET_MAX},                                                                                \
		{.name = "min_lift",                                                                                 \
		 .type = OPTION_REAL,                                                                                \
		 .offset = offsetof(BasketThresholds, min_lift),                                                     \
		 .min = 0,                                                                                           \
		 .max = 1e9},                                                                                        \
	{                                                                                                        \
		.name = "max_rules", .type = OPTION_INT, .offset = offsetof(BasketThresholds, max_rules), .min = 0,  \
		.max = PG_INT32_MAX                                                                                  \
	}

typedef struct BasketMine
{
	Interactions in; /* customers are the baskets */
	Csr baskets; /* distinct items of each */
	PgEnv env;
	uint64 held; /* bytes that baskets and ids hold */
} BasketMine;

/* Reads the source within `limit` bytes; ERROR when no pair is left. */
extern void basket_mine_read(BasketMine *mine, const char *source, uint64 limit);

/*
 * Itemsets and rules of `baskets`, which is mine->baskets or a part of it that takes `beside` more bytes; ERROR 53400 when
 * they do not fit the limit.
 */
extern void basket_mine_find(BasketMine *mine, const BasketThresholds *thresholds, const Csr *baskets,
							 uint64 beside, Itemsets *sets, Rules *rules);

#endif
