/*
 * recommend.h - what the functions that recommend have in common
 */
#ifndef PROMOAI_API_RECOMMEND_H
#define PROMOAI_API_RECOMMEND_H

#include "postgres.h"

#include "api/mf_model.h"
#include "bridge/args.h"

#define RECOMMEND_MAX_K 1000000

/* The factor model that the arguments "model" and "version" name, with the caller's rights. */
extern const MfModel *recommend_model(const Args *args);

/* The argument "candidates": item indices [n], ascending and distinct; NULL when it is NULL. */
extern const int32 *recommend_candidates(const MfModel *model, const Args *args, int32 *n);

/* The columns (id text, id_no bigint) of an answer. */
extern void recommend_put_id(const IdSet *set, int32 index, Datum *values, bool *nulls);

/* Called from _PG_init. */
extern void recommend_all_init(void);

#endif
