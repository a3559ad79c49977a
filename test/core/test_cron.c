/*
 * test_cron.c - cron lines: what is refused, when they come next, and what daylight saving does to them
 *
 * cron_reference.h holds croniter's answers in UTC and is written by test/reference/cron.py.  In a zone with daylight saving
 * lines are held to a search minute by minute.
 */
#include "check.h"

#include <string.h>

#include "cron.h"
#include "cron_reference.h"

#define HOUR 3600
#define DAY (24 * HOUR)

/* ---- zones ---- */

static void
utc_at(void *arg, int64_t utc, int64_t *offset, int64_t *until)
{
	(void) arg;
	(void) utc;
	*offset = 0;
	*until = INT64_MAX;
}

/* Berlin 2025 to 2027: the clock leaps at 01:00 UTC of the last Sundays of March and October. */
static const int64_t leaps[] = {
	INT64_C(1743296400), /* 2025-03-30 */
	INT64_C(1761440400), /* 2025-10-26 */
	INT64_C(1774746000), /* 2026-03-29 */
	INT64_C(1792890000), /* 2026-10-25 */
	INT64_C(1806195600), /* 2027-03-28 */
	INT64_C(1824944400) /* 2027-10-31 */
};

static void
berlin_at(void *arg, int64_t utc, int64_t *offset, int64_t *until)
{
	int leap = 0;

	(void) arg;
	while (leap < 6 && leaps[leap] <= utc)
		leap++;
	*offset = leap % 2 == 1 ? 2 * HOUR : HOUR;
	*until = leap < 6 ? leaps[leap] : INT64_MAX;
}

static const CronZone utc_zone = {.at = utc_at};
static const CronZone berlin = {.at = berlin_at};

/* The next time, -1 for never. */
static int64_t
next_of(const char *text, const CronZone *zone, int64_t utc)
{
	CronLine line;
	char problem[CRON_PROBLEM];
	int64_t next;

	if (!CHECK(cron_parse(text, &line, problem)))
		return -2;
	return cron_next(&line, zone, utc, &next) ? next : -1;
}

/* ---- tests ---- */

static void
test_refused(void)
{
	static const char *const lines[] = {"",
										" ",
										"* * * *",
										"* * * * * *",
										"60 * * * *",
										"* 24 * * *",
										"* * 0 * *",
										"* * 32 * *",
										"* * * 13 *",
										"* * * 0 *",
										"* * * * 8",
										"-1 * * * *",
										"5-3 * * * *",
										"*/0 * * * *",
										"*/ * * * *",
										"1,,2 * * * *",
										"1, * * * *",
										"a * * * *",
										"* * * january *",
										"* * * * sunday",
										"1-2-3 * * * *",
										"*5 * * * *",
										"1.5 * * * *",
										"99999999999999999999 * * * *",
										"@noon",
										"0 0 30 2 *",
										"0 0 31 2,4,6,9,11 *",
										"0 0 30-31 feb *"};
	char problem[CRON_PROBLEM];
	char lengthy[400];
	CronLine line;

	for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++)
	{
		memset(problem, 0, sizeof(problem));
		if (!CHECK(!cron_parse(lines[i], &line, problem)))
			printf("taken: \"%s\"\n", lines[i]);
		CHECK(problem[0] != '\0');
	}
	memset(lengthy, '1', sizeof(lengthy) - 1);
	lengthy[sizeof(lengthy) - 1] = '\0';
	CHECK(!cron_parse(lengthy, &line, problem));
	memcpy(lengthy + 100, " * * * *", 9);
	CHECK(!cron_parse(lengthy, &line, problem));

	CHECK(cron_parse("0 0 30 2 1", &line, problem)); /* Mondays of February come */
	CHECK(cron_parse("\t0  0 29 FEB *  ", &line, problem));
	CHECK(cron_parse("0 0 31 1-3 *", &line, problem));
}

static void
test_reference(void)
{
	for (size_t i = 0; i < sizeof(cron_reference) / sizeof(cron_reference[0]); i++)
	{
		int64_t next = next_of(cron_reference[i].line, &utc_zone, cron_reference[i].start);

		if (!CHECK(next == cron_reference[i].next))
			printf("%s after %lld: %lld, not %lld\n", cron_reference[i].line,
				   (long long) cron_reference[i].start, (long long) next, (long long) cron_reference[i].next);
	}
}

/* By hand: the leap of March 2026 is from 02:00 to 03:00, that of October from 03:00 to 02:00. */
static void
test_leaps(void)
{
	int64_t march = leaps[2];
	int64_t october = leaps[3];

	CHECK(next_of("30 2 * * *", &berlin, march - 2 * HOUR) == march); /* leapt over: right after */
	CHECK(next_of("30 2 * * *", &berlin, march) == march + 23 * HOUR + HOUR / 2); /* and once only */
	CHECK(next_of("0,15,30,45 2 * * *", &berlin, march - 1) == march);
	CHECK(next_of("0,15,30,45 2 * * *", &berlin, march) == march + 23 * HOUR);
	CHECK(next_of("0 3 * * *", &berlin, march - 1) == march);
	CHECK(next_of("0 3 * * *", &berlin, march) == march + 24 * HOUR);
	CHECK(next_of("*/30 * * * *", &berlin, march - HOUR / 2) == march);
	CHECK(next_of("*/30 * * * *", &berlin, march) == march + HOUR / 2);
	CHECK(next_of("30 2 * * *", &berlin, october - 2 * HOUR) ==
		  october - HOUR / 2); /* shown twice: the first */
	CHECK(next_of("30 2 * * *", &berlin, october - HOUR / 2) == october + 24 * HOUR + HOUR / 2);
	CHECK(next_of("30 2 * * *", &berlin, october + HOUR / 4) == october + 24 * HOUR + HOUR / 2);
	CHECK(next_of("0 3 * * *", &berlin, october - 1) == october + HOUR);
	CHECK(next_of("*/30 * * * *", &berlin, october - 1) == october);
	CHECK(next_of("*/30 * * * *", &berlin, october) == october + HOUR / 2);
	CHECK(next_of("0 4 29 2 *", &berlin, march) == INT64_C(1835406000)); /* 2028-02-29 03:00 UTC */
}

static bool
shows(const CronLine *line, int64_t local)
{
	int64_t day = local / DAY;
	int64_t minute = local % DAY / 60;

	return line->minutes >> (minute % 60) & 1 && line->hours >> (minute / 60) & 1 &&
		   line->weekdays >> ((day + 4) % 7) & 1;
}

/* Does the line come at this minute?  A plain reading of what cron.h says, for lines that go by the days of the week. */
static bool
comes_at(const CronLine *line, int64_t utc)
{
	int64_t offset;
	int64_t before;
	int64_t until;

	berlin_at(NULL, utc, &offset, &until);
	berlin_at(NULL, utc - 1, &before, &until);
	if (!line->any_hour)
	{
		for (int64_t local = utc + before; local < utc + offset; local += 60)
			if (shows(line, local))
				return true; /* leapt over */
		for (int64_t ago = 60; ago <= HOUR; ago += 60)
		{
			int64_t then;

			berlin_at(NULL, utc - ago, &then, &until);
			if (utc - ago + then == utc + offset)
				return false; /* shown before */
		}
	}
	return shows(line, utc + offset);
}

static void
test_minute_by_minute(void)
{
	static const char *const lines[] = {"*/20 * * * *", "30 2 * * *",     "15 1-4 * * *", "0 0 * * 0",
										"59 1 * * sun", "*/45 2,3 * * 0", "0 */2 * * *",  "17 * * * 6",
										"0 3 * * *",    "*/10 0-23 * * *"};

	for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++)
		for (int leap = 2; leap < 4; leap++)
		{
			CronLine line;
			char problem[CRON_PROBLEM];
			int64_t next;

			CHECK(cron_parse(lines[i], &line, problem));
			CHECK(cron_next(&line, &berlin, leaps[leap] - 2 * DAY, &next));
			for (int64_t utc = leaps[leap] - 2 * DAY + 60; utc < leaps[leap] + 2 * DAY; utc += 60)
			{
				bool comes = comes_at(&line, utc);

				if (comes != (next == utc))
				{
					printf("\"%s\" at %+lld s of the leap\n", lines[i], (long long) (utc - leaps[leap]));
					CHECK(false);
					break;
				}
				if (comes)
					CHECK(cron_next(&line, &berlin, utc, &next));
			}
		}
}

int
main(void)
{
	test_refused();
	test_reference();
	test_leaps();
	test_minute_by_minute();
	return check_finish();
}
