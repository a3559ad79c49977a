/*
 * schedule_time.c - when a schedule comes next
 *
 * Both ways of saying when are understood in the schedule's zone.  A time between runs is added to the clock on the wall, so
 * a day stays a day when daylight saving begins; runs that were missed are not made up for.  Cron lines are core/cron.c's.
 */
#include "postgres.h"

#include <limits.h>

#include "datatype/timestamp.h"
#include "pgtime.h"
#include "utils/builtins.h"
#include "utils/datetime.h"
#include "utils/fmgrprotos.h"
#include "utils/timestamp.h"

#include "bridge/args.h"
#include "core/cron.h"
#include "model/schedules.h"

#define SHORTEST_SECONDS 1
#define MAX_STEPS 10000 /* beyond them the next run counts from now */

/* ---- zones ---- */

static pg_tz *
zone_of(const char *name)
{
	pg_tz *zone = pg_tzset(name);

	if (zone == NULL || !pg_tz_acceptable(zone))
		ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
						errmsg("argument \"time_zone\": there is no time zone \"%s\"", args_quoted(name)),
						errhint("The view pg_timezone_names lists them.")));
	return zone;
}

/* CronZone.at */
static void
zone_at(void *arg, int64_t utc, int64_t *offset, int64_t *until)
{
	pg_time_t at = utc;
	long before_offset;
	int before_dst;
	pg_time_t boundary;
	long after_offset;
	int after_dst;
	int found =
		pg_next_dst_boundary(&at, &before_offset, &before_dst, &boundary, &after_offset, &after_dst, arg);

	if (found < 0)
		ereport(ERROR, (errcode(ERRCODE_DATETIME_VALUE_OUT_OF_RANGE), errmsg("time out of range")));
	*offset = before_offset;
	*until = found == 0 ? PG_INT64_MAX : boundary;
}

/* ---- every ---- */

static Timestamp
local_of(TimestampTz at, const char *zone)
{
	return DatumGetTimestamp(
		DirectFunctionCall2(timestamptz_zone, CStringGetTextDatum(zone), TimestampTzGetDatum(at)));
}

/* A time that the clock leaps over is taken as PostgreSQL does. */
static TimestampTz
instant_of(Timestamp local, const char *zone)
{
	return DatumGetTimestampTz(
		DirectFunctionCall2(timestamp_zone, CStringGetTextDatum(zone), TimestampGetDatum(local)));
}

static TimestampTz
add_on_the_wall(TimestampTz at, const Interval *span, const char *zone)
{
	Timestamp local = local_of(at, zone);

	local = DatumGetTimestamp(
		DirectFunctionCall2(timestamp_pl_interval, TimestampGetDatum(local), IntervalPGetDatum(span)));
	return instant_of(local, zone);
}

static bool
next_by_every(const Schedule *schedule, TimestampTz planned, TimestampTz now, TimestampTz *next)
{
	TimestampTz at = planned;

	for (int step = 0; at <= now; step++)
	{
		TimestampTz then = add_on_the_wall(step < MAX_STEPS ? at : now, schedule->every, schedule->time_zone);

		if (then <= at)
			return false;
		at = then;
	}
	*next = at;
	return !TIMESTAMP_NOT_FINITE(at);
}

/* ---- cron ---- */

static void
cron_read(const char *text, CronLine *line)
{
	char problem[CRON_PROBLEM];

	if (!cron_parse(text, line, problem))
		ereport(
			ERROR,
			(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
			 errmsg("argument \"cron\": \"%s\" never comes: %s", args_quoted(text), problem),
			 errhint("Five fields: minute, hour, day of month, month, day of week, as in '30 3 * * 1-5'.")));
}

static bool
next_by_cron(const Schedule *schedule, TimestampTz now, TimestampTz *next)
{
	CronZone zone = {.at = zone_at, .arg = zone_of(schedule->time_zone)};
	CronLine line;
	int64_t found;

	cron_read(schedule->cron, &line);
	if (!cron_next(&line, &zone, timestamptz_to_time_t(now), &found))
		return false;
	*next = time_t_to_timestamptz(found);
	return true;
}

/* ---- both ---- */

bool
schedule_next(const Schedule *schedule, TimestampTz planned, TimestampTz now, TimestampTz *next)
{
	return schedule->cron != NULL ? next_by_cron(schedule, now, next)
								  : next_by_every(schedule, planned, now, next);
}

/* Some names are both a zone and an abbreviation of one of its times, which is what AT TIME ZONE takes them for. */
static void
check_zone(const char *name)
{
	pg_tz *zone = zone_of(name);
	TimestampTz now = GetCurrentTimestamp();

	for (int month = 0; month < 12; month++)
	{
		TimestampTz at = now + month * 30 * USECS_PER_DAY;
		pg_time_t seconds = timestamptz_to_time_t(at);
		int64 offset = (local_of(at, name) - at) / USECS_PER_SEC;

		if (pg_localtime(&seconds, zone)->tm_gmtoff != offset)
			ereport(
				ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg(
					 "argument \"time_zone\": \"%s\" is both a zone and an abbreviation of one of its times",
					 name),
				 errhint("Name a place, such as 'Europe/Berlin'.")));
	}
}

/* A mixed span such as "1 month -40 days" may lead back: it must lead on from any day, and a year of days shows that. */
static void
check_every(const Schedule *schedule)
{
	TimestampTz now = GetCurrentTimestamp();

	for (int day = 0; day < 366; day++)
	{
		TimestampTz at = now + day * USECS_PER_DAY;

		if (add_on_the_wall(at, schedule->every, schedule->time_zone) - at < SHORTEST_SECONDS * USECS_PER_SEC)
			ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
							errmsg("argument \"every\" must be a second or more, got %s",
								   DatumGetCString(DirectFunctionCall1(
									   interval_out, IntervalPGetDatum(schedule->every))))));
	}
}

void
schedule_check_time(const Schedule *schedule)
{
	CronLine line;

	check_zone(schedule->time_zone);
	if (schedule->cron != NULL)
		cron_read(schedule->cron, &line);
	else
		check_every(schedule);
}
