/*
 * recommender.h - what every model that recommends has in common
 *
 * Factors, neighbours, closed forms, a customer's own purchases, attributes and mixtures of them are asked the same
 * questions: how well does each item suit somebody, which items are like this one, whom would this item suit, why.  A model
 * answers through its methods; lists, filters, rules, popularity for strangers, evaluation and explanations are written once
 * on top of them.
 *
 * A score of minus infinity says that the model has no opinion: such items come last in a list, by popularity.
 */
#ifndef PROMOAI_API_RECOMMENDER_H
#define PROMOAI_API_RECOMMENDER_H

#include "postgres.h"

#include "bridge/env.h"
#include "bridge/ids.h"
#include "core/recommend/rank.h"
#include "model/kind.h"

typedef struct RecommenderMethods RecommenderMethods;

/* Stands first in the state of every kind of model that recommends (ModelKind.recommends). */
typedef struct Recommender
{
	const RecommenderMethods *methods;
	pg_uuid_t version; /* zeros before it is published */
	bool repeats; /* lists hold what the customer had, unless told otherwise */
	IdSet customers;
	IdSet items;
	const int64 *seen_start; /* [customers + 1] */
	const int32 *seen_item; /* [seen_start[customers]] what each customer had: ascending */
	const float *seen_value; /* [seen_start[customers]] NULL: 1 each */
	const float *buyers; /* [items] customers who had it */
	double mean; /* of the ratings a model learned from; 0 without */
} Recommender;

/* Somebody to recommend for: a customer that the model knows, or a history. */
typedef struct Taste
{
	int32 customer; /* -1: go by the history */
	const int32 *items; /* [n] ascending and distinct */
	const float *values; /* [n] as in a source, not yet weighed; NULL: 1 each */
	int32 n;
} Taste;

struct RecommenderMethods
{
	const char *by_customer; /* answered_by of a customer that the model knows */
	const char *by_history; /* ... of a history; NULL: histories are not taken, the answer is popularity */
	bool for_everybody; /* one score for everybody, strangers and empty histories too */
	bool rated; /* scores are predicted ratings, values of a history are ratings */

	/* A score as it is shown, such as held to a scale.  NULL: as it is. */
	float (*shown)(const Recommender *model, float score);

	/* scores [items]. */
	CoreStatus (*score)(const Recommender *model, Env *env, const Taste *taste, float *scores);

	/* The score of one item, -1 for one that is not known where `rated`. */
	CoreStatus (*score_one)(const Recommender *model, Env *env, const Taste *taste, int32 item, float *score);

	/* The best items under a filter without scoring all of them: as score and a heap would give.  NULL: there is no such way. */
	CoreStatus (*rank)(const Recommender *model, Env *env, const Taste *taste, const RankFilter *filter,
					   TopK *top);

	/* similarity [n] of `item` to each of others [n] (NULL: all items, in order), from -1 to 1.  NULL: the model does not know. */
	CoreStatus (*similar)(const Recommender *model, Env *env, int32 item, const int32 *others, int32 n,
						  float *similarity);

	/* scores [customers]: how well `item` suits each. */
	CoreStatus (*suit)(const Recommender *model, Env *env, int32 item, float *scores);

	/*
	 * parts [taste->n]: what each item of the history adds to the score of `item`; *score is their sum, and what belongs to no
	 * item.  The taste's history is given beside its customer.  NULL: the model cannot say.
	 */
	CoreStatus (*explain)(const Recommender *model, Env *env, const Taste *taste, int32 item, float *parts,
						  float *score);
};

/* The recommender of a loaded version; ERROR 42809 when its kind gives no recommendations. */
extern const Recommender *recommender_of(const LoadedModel *loaded);

/* What a customer had when the model was trained. */
static inline const int32 *
recommender_seen(const Recommender *model, int32 customer, int32 *n)
{
	*n = (int32) (model->seen_start[customer + 1] - model->seen_start[customer]);
	return model->seen_item + model->seen_start[customer];
}

/* Where index stands among items [n], ascending; -1 when it is not among them. */
static inline int32
recommender_place(const int32 *items, int32 n, int32 index)
{
	int32 lo = 0;

	while (lo < n)
	{
		int32 middle = lo + (n - lo) / 2;

		if (items[middle] == index)
			return middle;
		if (items[middle] < index)
			lo = middle + 1;
		else
			n = middle;
	}
	return -1;
}

static inline bool
recommender_has(const int32 *items, int32 n, int32 index)
{
	return recommender_place(items, n, index) >= 0;
}

/* A known customer's history as a taste of its own. */
extern Taste recommender_history(const Recommender *model, int32 customer);

/* What every recommender stores, to payload sections and back; false when sections are missing or contradict one another. */
extern void recommender_write(const Recommender *model, Payload *payload);
extern bool recommender_read(const LoadedModel *loaded, Recommender *model);

/* A section of exactly `count` elements of `width` bytes, or NULL. */
extern const void *recommender_section(const Payload *payload, const char *name, uint32 width, uint64 count);

/* rows [n_rows + 1] and their indices: starts ascending from 0, indices ascending and distinct below `limit` in each row; what a
 * trusted payload holds is not looked at again. */
extern bool recommender_rows_good(const Payload *payload, const int64 *start, int32 n_rows,
								  const int32 *index, uint64 entries, int32 limit);

#endif
