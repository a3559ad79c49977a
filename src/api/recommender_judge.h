/*
 * recommender_judge.h - lists of any recommender, judged by what customers really had
 */
#ifndef PROMOAI_API_RECOMMENDER_JUDGE_H
#define PROMOAI_API_RECOMMENDER_JUDGE_H

#include "postgres.h"

#include "api/recommender.h"
#include "core/recommend/select.h"

#define JUDGE_MAX_LENGTHS 8

/* What is measured of each list: the measures of a ranking, and one of what is in it. */
enum
{
	JUDGE_NOVELTY = RANK_MEASURES, /* mean of -log2(share of the customers who had the item) over the list */
	JUDGE_MEASURES
};

extern const char *const judge_measure_names[JUDGE_MEASURES];

/* Which of the relevant items are to be found. */
typedef enum JudgeTargets
{
	JUDGE_ALL,
	JUDGE_NEW, /* that the customer had not had before */
	JUDGE_REPEATS /* that he had */
} JudgeTargets;

typedef struct JudgeTask
{
	const Recommender
		*model; /* its customers are the rows, its items the columns of the matrices; strangers may follow */
	int32 lengths[JUDGE_MAX_LENGTHS]; /* k, ascending */
	int n_lengths;
	Csr relevant; /* customers x items: what is to be found; items the model does not know count as misses */
	JudgeTargets targets;
	bool exclude_seen; /* what the customer had before is left out of the lists */
	Csr history; /* customers x items: what each list is made for instead of the model's customers; rows 0: those */
	const Csr *candidates; /* customers x items: only these are ranked; NULL: every item */
	bool known_only; /* customers of whom nothing is known are not judged */
	bool popularity; /* by popularity, whatever the model says */
} JudgeTask;

/* Customers without anything to be found are not judged. */
typedef struct Judged
{
	int32 n;
	int32 *customer; /* [n] ascending */
	double *measure[JUDGE_MAX_LENGTHS][JUDGE_MEASURES]; /* each [n] */
	double coverage[JUDGE_MAX_LENGTHS]; /* share of the items that stand in some list */
} Judged;

/* In the current memory context. */
extern void recommender_judge(PgEnv *env, const JudgeTask *task, Judged *judged);

/* The figures of lists of length lengths[which] as a trainer reports them. */
extern RankSummary judged_summary(const Judged *judged, int which);

#endif
