/*
 * fuzz_cron.c - any bytes as a cron line (libFuzzer)
 *
 * What is a line names minutes, hours, days and months that there are, comes after the time asked for, on a whole minute, and
 * comes to an end of looking where it never comes.  The first bytes choose the time, and a zone whose clock is changed.
 */
#include <stdlib.h>
#include <string.h>

#include "core_env.h"
#include "cron.h"

extern int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n);

#define CHANGED INT64_C(1749999600) /* a whole hour */

/* An offset up to one moment, another one behind it. */
static void
zone_at(void *arg, int64_t utc, int64_t *offset, int64_t *until)
{
	const int8_t *hours = arg;

	*offset = 1800 * (int64_t) (utc < CHANGED ? hours[0] % 28 : hours[1] % 28);
	*until = utc < CHANGED ? CHANGED : INT64_MAX;
}

static void
check(bool right)
{
	if (!right)
		abort();
}

int
LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n)
{
	char problem[CRON_PROBLEM];
	int8_t hours[2];
	CronZone zone = {.at = zone_at, .arg = hours};
	CronLine line;
	int32_t from;
	int64_t next;
	char *text;

	if (n < 6)
		return 0;
	memcpy(hours, bytes, 2);
	memcpy(&from, bytes + 2, 4);
	text = core_malloc(n - 5);
	memcpy(text, bytes + 6, n - 6);
	text[n - 6] = '\0';
	problem[0] = '\0';
	if (!cron_parse(text, &line, problem))
		check(problem[0] != '\0' && memchr(problem, '\0', sizeof(problem)) != NULL);
	else
	{
		check(line.minutes != 0 && line.minutes >> 60 == 0 && line.hours != 0 && line.hours >> 24 == 0);
		check(line.days != 0 && (line.days & 1) == 0 && line.months != 0 && (line.months & 1) == 0 &&
			  line.months >> 13 == 0 && line.weekdays != 0 && line.weekdays >> 7 == 0);
		if (cron_next(&line, &zone, from, &next))
			check(next > from && next % 60 == 0);
	}
	free(text);
	return 0;
}
