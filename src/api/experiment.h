/*
 * experiment.h - ways of learning compared on one source: what is learned from, what is judged by, and the judging
 */
#ifndef PROMOAI_API_EXPERIMENT_H
#define PROMOAI_API_EXPERIMENT_H

#include "postgres.h"

#include "api/interactions.h"
#include "api/recommender_judge.h"
#include "bridge/args.h"
#include "core/recommend/protocol.h"

#define EXPERIMENT_DEFAULT_DAYS 30

typedef struct Experiment
{
	Protocol protocol;
	int32 days; /* of PROTOCOL_NEXT_PERIOD */
	int models; /* that are in memory at a time, set by the caller before anything is read */
	uint64 judged; /* measures of a customer that are in memory at a time, likewise */
	const char *memory; /* the argument; NULL: not given */
	uint64 fit_limit; /* bytes of each training; 0: what its definition allows */
	PgEnv env;
	Interactions all; /* the whole source */
	Interactions train; /* the part that is learned from; customers and items are its own */
	Csr test; /* customers x items, to be found; those of train, and behind them what it does not know */
	Csr history; /* PROTOCOL_STRONG_GENERALIZATION: what is shown; otherwise no rows */
	Csr candidates; /* PROTOCOL_SAMPLED: what is ranked; otherwise no rows */
} Experiment;

/* What is judged: a set of targets, by lists with or without what the customer had before. */
typedef struct ExperimentSet
{
	const char *name; /* all, new, repeats */
	JudgeTargets targets;
	bool exclude_seen;
} ExperimentSet;

/* The sets that a protocol is judged by; returns how many. */
extern int experiment_sets(const Experiment *experiment, const ExperimentSet **sets);

/* The arguments "protocol", "from_time", "test_days", "test_share", "seed" and "memory", checked before a row is read. */
extern void experiment_open(Experiment *experiment, const Args *args);

/* Reads the source and parts it.  ERROR 22023 when a part is empty, or the protocol needs times and there are none. */
extern void experiment_read(Experiment *experiment, const char *source);

/*
 * Part what is learned from once more, the newest `days` days of it against the rest (without times: a tenth of the customers): how
 * settings are chosen without looking at the test.
 */
extern void experiment_validation(const Experiment *experiment, Experiment *validation);

/* How the parts were made, in words. */
extern char *experiment_words(const Experiment *experiment);

extern void experiment_judge(Experiment *experiment, const Recommender *model, const ExperimentSet *set,
							 const int32 *lengths, int n_lengths, Judged *judged);

#endif
