/*
 * cf_train.h - training of recommenders that go by who had what: options, the fit in memory, the SQL function
 */
#ifndef PROMOAI_API_CF_TRAIN_H
#define PROMOAI_API_CF_TRAIN_H

#include "postgres.h"

#include "api/cf_model.h"
#include "api/interactions.h"
#include "bridge/args.h"
#include "bridge/team.h"

/* As they are stored; NaN and -1: not given, see cf_settle_options. */
typedef struct CfOptions
{
	int32 method;
	int32 feedback; /* FEEDBACK_IMPLICIT, FEEDBACK_EXPLICIT */
	int32 neighbours;
	double regularization; /* ease: lambda */
	int32 similarity;
	double shrinkage;
	int32 weighting;
	double bm25_k1, bm25_b;
	double alpha, beta; /* rp3beta */
	double half_life; /* days: popular, buy_again */
	int32 value_transform;
	double holdout;
	OptionTime holdout_after;
	int32 metrics_k;
	int64 seed;
	char *memory;
	bool verbose;
} CfOptions;

enum
{
	CF_IMPLICIT,
	CF_EXPLICIT
};

/* CfOptions.similarity */
enum
{
	CF_COSINE,
	CF_PEARSON
};

/* CfOptions.weighting */
enum
{
	CF_UNWEIGHTED,
	CF_TFIDF,
	CF_BM25
};

extern const Option cf_options[];

/* ---- the fit (cf_fit.c) ---- */

/* Which entries are learned from; NULL: all. */
typedef struct CfPart
{
	CooKeep keep;
	const void *arg;
	int64 latest; /* TimestampTz from which ages count; entries after it are in the past of none */
} CfPart;

/* Bytes that a fit to so many entries, customers and items takes at most, in all. */
extern uint64 cf_fit_bytes(const CfOptions *options, uint64 entries, uint64 customers, uint64 items,
						   int workers);

/* A model of a part of the interactions, in the current memory context. */
extern CfModel *cf_fit(const CfOptions *options, const Interactions *in, const CfPart *part, int workers,
					   PgEnv *env);
extern void cf_fit_init(void);

/* The same from options that are not settled yet, on all of the interactions, within `limit` bytes; 0: as the options say. */
extern Recommender *cf_fit_options(CfOptions *options, const Interactions *in, uint64 limit);

/* Called once from _PG_init: registers the kind and the team's job. */
extern void cf_init(void);

#endif
