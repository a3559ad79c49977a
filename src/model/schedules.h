/*
 * schedules.h - schedules and their runs as rows
 *
 * A run is claimed in a transaction of its own: whoever holds the schedule's lock writes the run down and counts it
 * as a failure, commits, and goes to work.  The end of the run puts that right.  A run that stands in the schedule while
 * nobody holds the lock has ended without saying how: the server crashed, or the session was terminated.
 *
 * Who may do what is for the callers to see to.
 */
#ifndef PROMOAI_MODEL_SCHEDULES_H
#define PROMOAI_MODEL_SCHEDULES_H

#include "postgres.h"

#include "utils/jsonb.h"
#include "utils/timestamp.h"
#include "utils/uuid.h"

#include "bridge/args.h"
#include "model/registry.h"

#define LAUNCHER_NAME "promoai launcher" /* of the process that looks what is due; told of new schedules */

/* Limits of the guards, as arguments; NaN: not looked at. */
typedef struct GuardOptions
{
	double tolerance; /* how much worse, of the published version's measure, is not worse */
	int32 metrics_k;
	double min_rows_ratio;
	double max_null_share;
	double max_drift;
	double max_unseen;
} GuardOptions;

extern const Option guard_options[];

typedef enum GuardChoice
{
	GUARD_AUTO, /* compare where there is something to compare by */
	GUARD_COMPARE, /* and hold back what cannot be compared */
	GUARD_NONE
} GuardChoice;

extern const char *const guard_choices[];

typedef struct Schedule
{
	pg_uuid_t model_id;
	char *model; /* name */
	Oid owner; /* the model's; InvalidOid: there is no such role any more */
	Interval *every; /* NULL: by cron */
	char *cron; /* NULL: by every */
	char *time_zone;
	int64 min_new_rows; /* -1: none */
	Interval *max_age; /* NULL: none */
	GuardChoice guard;
	Jsonb *guards;
	Interval *holdout; /* NULL: not given; this and the next four */
	char *validation;
	char *guard_query;
	char *after;
	Jsonb *settings; /* {"statement_timeout": "10min", ...} */
	char *search_path;
	int32 keep; /* -1: all */
	int32 max_failures;
	bool enabled;
	TimestampTz next_run;
	TimestampTz planned; /* when it was due before it was put off */
	int32 failures; /* the run that is on included */
	int32 crashes;
	Jsonb *profile; /* NULL: none yet */
} Schedule;

/* Make or replace the schedule of a model; its run goes on. */
extern void schedule_put(const Model *model, const Schedule *schedule);

/* False when there was none. */
extern bool schedule_remove(const Model *model);

/* NULL when there is none (any more).  In the current memory context, as what follows. */
extern Schedule *schedule_read(const pg_uuid_t *model_id);

/* ---- when (schedule_time.c) ---- */

/* The first time after now by which the schedule comes, `planned` being when it was due last; false: never. */
extern bool schedule_next(const Schedule *schedule, TimestampTz planned, TimestampTz now, TimestampTz *next);

/* ERROR 22023 for a time between runs or a cron line that makes no sense, or a zone that is not known. */
extern void schedule_check_time(const Schedule *schedule);

/* ---- what is due ---- */

typedef struct DueJob
{
	pg_uuid_t model_id;
	char *model;
	bool claimed; /* a run stands there: alive, or crashed */
} DueJob;

/* Due at `now`, or claimed; by time; not those whose rows are locked by others.  Locks the rows until the transaction ends.  *next_run: when the next of all others is due, DT_NOEND for never. */
extern DueJob *schedules_due(TimestampTz now, int *n, TimestampTz *next_run);

/* ---- runs ---- */

/* The schedule's lock, held by this session until it is given back or the session ends. */
extern bool run_lock(const pg_uuid_t *model_id);
extern void run_unlock(const pg_uuid_t *model_id);

/* The process that runs the model's schedule now, and whether it is a worker of ours; 0: none does. */
extern int run_process(const pg_uuid_t *model_id, bool *worker);

/* With the lock held: write the run down when the schedule is due; false when it is not. */
extern bool run_claim(const pg_uuid_t *model_id, const char *runner, pg_uuid_t *run_id);

typedef enum RunState
{
	RUN_PUBLISHED,
	RUN_AFTER_FAILED,
	RUN_KEPT,
	RUN_SKIPPED,
	RUN_FAILED,
	RUN_INTERRUPTED
} RunState;

typedef struct RunEnd
{
	RunState state;
	int32 version; /* 0: none was written */
	int sqlstate; /* 0: no error */
	const char *message;
	Jsonb *checks; /* NULL: none */
	Jsonb *profile; /* NULL: stays as it was */
	double drift; /* NaN: not looked at */
} RunEnd;

/* Write down how the run ended. */
extern void run_end(const pg_uuid_t *model_id, const pg_uuid_t *run_id, const RunEnd *end);

/* Then, in a transaction of its own, that the schedule has no run any more, and when the next one is due. */
extern void run_settle(const Schedule *schedule, const pg_uuid_t *run_id, const RunEnd *end);

/*
 * With the lock held: the run that stands in the schedule has crashed; count it and put the next one off.  Or it has only not
 * settled the schedule.
 */
extern void run_bury(const pg_uuid_t *model_id);

#endif
