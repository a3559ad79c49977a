/*
 * cron.h - cron lines: what they say, and when they come next in a zone with daylight saving
 *
 * Five fields: minute, hour, day of month, month, day of week (0 and 7 are Sunday), each a star, numbers, ranges, steps and
 * lists of them; months and days of the week also by their first three letters; and @hourly, @daily (@midnight), @weekly,
 * @monthly, @yearly (@annually).  As in cron(8) a line in which neither of the days is a star comes when either fits.
 *
 * Daylight saving, also as in cron(8).  A line that names its hours comes once a day: where the clock leaps over its time it
 * comes right after the leap, where the clock shows its time twice it comes the first time.  A line whose hour is a star
 * follows the clock on the wall.
 */
#ifndef CORE_CRON_H
#define CORE_CRON_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct CronLine
{
	uint64_t minutes; /* bit m: minute m */
	uint32_t hours;
	uint32_t days; /* bits 1 to 31 */
	uint32_t months; /* bits 1 to 12 */
	uint32_t weekdays; /* bits 0 (Sunday) to 6 */
	bool any_day; /* the day of month is a star */
	bool any_weekday;
	bool any_hour;
} CronLine;

/* What of the clock a zone shows: local time is UTC + offset from `utc` on until `until`; both in seconds since 1970. */
typedef struct CronZone
{
	void (*at)(void *arg, int64_t utc, int64_t *offset, int64_t *until); /* until INT64_MAX: for ever */
	void *arg;
} CronZone;

#define CRON_PROBLEM 128

/* False with what is wrong, in words, in problem [CRON_PROBLEM]. */
extern bool cron_parse(const char *text, CronLine *line, char *problem);

/* The next time after `utc`, in seconds since 1970; false when the line never comes, such as on 30 February. */
extern bool cron_next(const CronLine *line, const CronZone *zone, int64_t utc, int64_t *next);

#endif
