/*
 * holdout.h - what trainers of recommenders hold out of the pairs, how they say so, and how lists are judged by it
 */
#ifndef PROMOAI_API_HOLDOUT_H
#define PROMOAI_API_HOLDOUT_H

#include "postgres.h"

#include "api/interactions.h"
#include "api/rank_metrics.h"
#include "api/recommender.h"
#include "bridge/args.h"
#include "core/recommend/feedback.h"

/* Customers judged at most: more would cost time and not move the figure's last digit. */
#define HOLDOUT_CUSTOMERS 20000
#define HOLDOUT_SHARE 0.1 /* where nothing is said */

typedef struct Holdout
{
	double share; /* of the pairs; NaN where `after` is set */
	OptionTime after; /* pairs first bought after this time */
	int64 seed;
	int32 k; /* length of the judged lists */
} Holdout;

static inline bool
holdout_wanted(const Holdout *holdout)
{
	return holdout->after.set || holdout->share > 0;
}

/* A part of the entries as feedback_keep takes it. */
extern FeedbackSplit holdout_split(const Holdout *holdout, const Interactions *in, FeedbackPart part);

/* How it is held out, in words; new_only: judged are items that the customer had not had. */
extern char *holdout_words(const Holdout *holdout, const Interactions *in, bool new_only);

/*
 * Entries held out by time, where nothing may be learned from the future: the rest as interactions that know no customer and item
 * but their own, and what came later under their indices; customers of whom the rest knows nothing are not judged.
 */
typedef struct HoldoutCut
{
	Interactions rest; /* pairs 0: there is nothing */
	Coo late; /* items from rest.items->n on are those that it does not know */
	int32 items; /* of both */
	FeedbackSplit judged; /* which customers are */
} HoldoutCut;

/*
 * By split.late; about `most` customers are judged.  In the current memory context: a copy of the entries and ids, which is
 * counted against the limit of `in`.
 */
extern void holdout_cut(const Interactions *in, FeedbackSplit split, int32 most, HoldoutCut *cut);

/* As holdout_cut takes it beside the ids. */
extern uint64 holdout_cut_bytes(const Interactions *in, uint64 entries, uint64 customers, uint64 items);

/* The pairs to be judged by: out's arrays have room for all of them and for the rest's customers. */
extern void holdout_cut_matrix(const HoldoutCut *cut, PgEnv *env, Csr *out);

extern void holdout_cut_free(HoldoutCut *cut);

/*
 * Lists of a model of the rest judged by held [customers x items], and popularity beside it, with names that begin with
 * "popularity_".  Returns the number of metrics written, 2 x RANK_METRICS, or 0 with a NOTICE when nobody can be judged.
 */
extern int holdout_judge(const Holdout *holdout, const Recommender *model, PgEnv *env, const Csr *held,
						 const char *words, ModelMetric *metrics);

#endif
