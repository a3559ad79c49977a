/*
 * recommend.h - what the SQL functions that recommend have in common: models, ids, histories and rules as arguments
 */
#ifndef PROMOAI_API_RECOMMEND_H
#define PROMOAI_API_RECOMMEND_H

#include "postgres.h"

#include "api/recommender.h"
#include "bridge/args.h"
#include "bridge/compat.h"
#include "core/recommend/select.h"

#define RECOMMEND_MAX_K 1000000

/* The model that the arguments "model" and "version" name, with the caller's rights. */
extern const Recommender *recommend_model(const Args *args);

/* The same for a function that also takes the model as a value; args->state then belongs to the value. */
extern const Recommender *recommend_model_or_value(Args *args);

/* The index of an id argument in a set, -1 when the model does not know it. */
extern int32 recommend_find(const IdSet *set, const Args *args, const char *name);

/* The columns (id text, id_no bigint) of an answer. */
extern void recommend_put_id(const IdSet *set, int32 index, Datum *values, bool *nulls);

/* ERROR 42704: the argument "item" is not known to the model. */
pg_noreturn extern void recommend_unknown_item(const Args *args);

/* The items of an array argument that the set knows: indices [n], ascending and distinct.  NULL and n = 0 for NULL. */
extern const int32 *recommend_indices(const IdSet *set, const Args *args, const char *name, int32 *n);

/*
 * The history in the arguments "items" and "weights".  Repeated items are summed (ratings: averaged); NULLs, items that are
 * not known and, but for ratings, items of weight zero are passed over.
 */
extern Taste recommend_history(const Recommender *model, const Args *args);

/*
 * The arguments "k", "candidates", "exclude", "categories", "max_per_category", "boosts" and "diversity"; those that the
 * SQL declaration lacks are as if not given.  `seen` [n_seen] is left out beside what is excluded.  The arrays are remembered for the
 * next call of the same call site (in args->state).
 */
extern void recommend_rules(const Recommender *model, Args *args, const int32 *seen, int32 n_seen,
							SelectRules *rules);

/* The argument "exclude_seen"; NULL: as the model is meant. */
extern bool recommend_excludes_seen(const Recommender *model, const Args *args);

/* No rule but a filter: a model may have a shorter way than scoring every item. */
extern bool recommend_only_filters(const SelectRules *rules);

/* A list as it is answered. */
typedef struct RecommendList
{
	Selected *entry; /* [n] */
	int32 n;
	const char *answered_by; /* entries that are not filled */
} RecommendList;

/*
 * The list for a taste (NULL: a stranger, by popularity) under rules, in the current memory context.  Scores are as they
 * are shown.
 */
extern void recommend_list(const Recommender *model, PgEnv *env, const Taste *taste, SelectRules *rules,
						   RecommendList *list);

/* Called from _PG_init: lists for everybody (recommend_all.c). */
extern void recommend_all_init(void);

#endif
