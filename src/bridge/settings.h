/*
 * settings.h - settings of a job that runs in somebody else's session
 */
#ifndef PROMOAI_BRIDGE_SETTINGS_H
#define PROMOAI_BRIDGE_SETTINGS_H

#include "postgres.h"

#include "datatype/timestamp.h"
#include "utils/jsonb.h"

/* What is set for the role, then those given as {"name": value}, until the level of settings that the caller opened ends. */
extern void settings_apply(Oid role, Jsonb *settings);

/* From here on an error does not end the session, whatever a statement has set; until the same level ends. */
extern void settings_survive_errors(void);

/* ERROR unless the current user may set these, to these values. */
extern void settings_check(Jsonb *settings);

/* The job's statement_timeout, counted from its start, beside that of the statement it runs in. */
typedef struct JobTimer
{
	TimestampTz outer; /* 0: none */
	TimestampTz deadline; /* 0: none */
	bool at_limit; /* it is the limit's */
} JobTimer;

/* At most limit_ms, whatever the settings say; 0: no limit. */
extern void timer_start(JobTimer *timer, TimestampTz started, int limit_ms);
extern void timer_stop(JobTimer *timer);

#endif
