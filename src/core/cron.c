/*
 * cron.c - cron lines
 *
 * A line is kept as five sets of bits.  The next time is looked for day by day in local time, for nine years at most: 29
 * February comes at least every eight.  Zones are taken stretch by stretch of the same offset from UTC, so a leap of the
 * clock is the border between two stretches.
 */
#include "cron.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#define MINUTE 60
#define DAY (24 * 60 * MINUTE)
#define SEARCH_DAYS (9 * 366)

/* ---- the civil calendar (proleptic Gregorian), days since 1970 ---- */

static int64_t
floor_div(int64_t a, int64_t b)
{
	return a / b - (a % b < 0);
}

/* Years begin in March, so that the leap day stands at the end. */
static void
date_of_day(int64_t day, int *month, int *day_of_month)
{
	int64_t shifted = day + 719468;
	int64_t era = floor_div(shifted, 146097);
	int64_t of_era = shifted - era * 146097;
	int64_t year = (of_era - of_era / 1460 + of_era / 36524 - of_era / 146096) / 365;
	int64_t of_year = of_era - (365 * year + year / 4 - year / 100);
	int64_t march = (5 * of_year + 2) / 153;

	*day_of_month = (int) (of_year - (153 * march + 2) / 5 + 1);
	*month = (int) (march < 10 ? march + 3 : march - 9);
}

static int
weekday_of_day(int64_t day)
{
	return (int) (((day + 4) % 7 + 7) % 7); /* 1970-01-01 was a Thursday */
}

/* ---- parsing ---- */

static const char *const month_names[] = {"jan", "feb", "mar", "apr", "may", "jun", "jul",
										  "aug", "sep", "oct", "nov", "dec", NULL};
static const char *const weekday_names[] = {"sun", "mon", "tue", "wed", "thu", "fri", "sat", NULL};

typedef struct CronField
{
	const char *what;
	int min, max;
	const char *const *names;
} CronField;

enum
{
	FIELD_MINUTE,
	FIELD_HOUR,
	FIELD_DAY,
	FIELD_MONTH,
	FIELD_WEEKDAY,
	FIELDS
};

static const CronField fields[FIELDS] = {[FIELD_MINUTE] = {"minute", 0, 59, NULL},
										 [FIELD_HOUR] = {"hour", 0, 23, NULL},
										 [FIELD_DAY] = {"day of month", 1, 31, NULL},
										 [FIELD_MONTH] = {"month", 1, 12, month_names},
										 [FIELD_WEEKDAY] = {"day of week", 0, 7, weekday_names}};

static bool
digits_to_number(const char **at, int *number)
{
	if (!isdigit((unsigned char) **at))
		return false;
	*number = 0;
	while (isdigit((unsigned char) **at) && *number < 1000)
		*number = *number * 10 + (*(*at)++ - '0');
	return !isdigit((unsigned char) **at);
}

static bool
name_to_number(const CronField *field, const char **at, int *number)
{
	for (int i = 0; field->names != NULL && field->names[i] != NULL; i++)
		if (strncasecmp(*at, field->names[i], 3) == 0 && !isalpha((unsigned char) (*at)[3]))
		{
			*number = field->min + i;
			*at += 3;
			return true;
		}
	return false;
}

static bool
read_number(const CronField *field, const char **at, int *number)
{
	return (digits_to_number(at, number) || name_to_number(field, at, number)) && *number >= field->min &&
		   *number <= field->max;
}

/* One element of a list: star, number or range, each with a step. */
static bool
read_element(const CronField *field, const char **at, uint64_t *bits)
{
	int low = field->min;
	int high = field->max;
	int step = 1;
	bool single = false;

	if (**at == '*')
		(*at)++;
	else
	{
		if (!read_number(field, at, &low))
			return false;
		high = low;
		single = true;
		if (**at == '-')
		{
			(*at)++;
			single = false;
			if (!read_number(field, at, &high) || high < low)
				return false;
		}
	}
	if (**at == '/')
	{
		(*at)++;
		if (!digits_to_number(at, &step) || step < 1)
			return false;
		if (single)
			high = field->max;
	}
	for (int value = low; value <= high; value += step)
		*bits |= UINT64_C(1) << value;
	return true;
}

static bool
read_field(const CronField *field, const char *text, uint64_t *bits)
{
	const char *at = text;

	*bits = 0;
	do
	{
		if (!read_element(field, &at, bits))
			return false;
	} while (*at++ == ',');
	return at[-1] == '\0';
}

static const char *
expand_nickname(const char *text)
{
	static const char *const nicknames[][2] = {{"@hourly", "0 * * * *"},   {"@daily", "0 0 * * *"},
											   {"@midnight", "0 0 * * *"}, {"@weekly", "0 0 * * 0"},
											   {"@monthly", "0 0 1 * *"},  {"@yearly", "0 0 1 1 *"},
											   {"@annually", "0 0 1 1 *"}};

	for (size_t i = 0; i < sizeof(nicknames) / sizeof(nicknames[0]); i++)
		if (strcasecmp(text, nicknames[i][0]) == 0)
			return nicknames[i][1];
	return text;
}

/* Cut the line at white space into words [FIELDS]; returns how many there are, FIELDS + 1 for more. */
static int
split(char *line, char **words)
{
	int n = 0;
	char *rest = NULL;

	for (char *word = strtok_r(line, " \t", &rest); word != NULL; word = strtok_r(NULL, " \t", &rest))
	{
		if (n == FIELDS)
			return FIELDS + 1;
		words[n++] = word;
	}
	return n;
}

/* Is there a month that has one of the days? */
static bool
comes_ever(const CronLine *line)
{
	static const int longest[] = {0, 31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};

	if (!line->any_weekday || line->any_day)
		return true; /* every month has all days of the week */
	for (int month = 1; month <= 12; month++)
		if (line->months >> month & 1 && line->days & ((UINT64_C(2) << longest[month]) - 2))
			return true;
	return false;
}

bool
cron_parse(const char *text, CronLine *line, char *problem)
{
	char copy[256];
	char *words[FIELDS];
	uint64_t bits[FIELDS];
	int n;

	text = expand_nickname(text);
	if (strlen(text) >= sizeof(copy))
	{
		snprintf(problem, CRON_PROBLEM, "it is longer than %zu bytes", sizeof(copy) - 1);
		return false;
	}
	memcpy(copy, text, strlen(text) + 1);
	n = split(copy, words);
	if (n != FIELDS)
	{
		snprintf(problem, CRON_PROBLEM, "it has %s%d fields instead of 5", n > FIELDS ? "more than " : "",
				 n > FIELDS ? FIELDS : n);
		return false;
	}
	for (int i = 0; i < FIELDS; i++)
		if (!read_field(&fields[i], words[i], &bits[i]))
		{
			snprintf(problem, CRON_PROBLEM, "\"%.60s\" is no %s (%d to %d)", words[i], fields[i].what,
					 fields[i].min, fields[i].max);
			return false;
		}
	if (bits[FIELD_WEEKDAY] >> 7 & 1)
		bits[FIELD_WEEKDAY] |= 1;
	*line = (CronLine){.minutes = bits[FIELD_MINUTE],
					   .hours = (uint32_t) bits[FIELD_HOUR],
					   .days = (uint32_t) bits[FIELD_DAY],
					   .months = (uint32_t) bits[FIELD_MONTH],
					   .weekdays = (uint32_t) (bits[FIELD_WEEKDAY] & 0x7f),
					   .any_day = words[FIELD_DAY][0] == '*',
					   .any_weekday = words[FIELD_WEEKDAY][0] == '*',
					   .any_hour = words[FIELD_HOUR][0] == '*'};
	if (!comes_ever(line))
	{
		snprintf(problem, CRON_PROBLEM, "no such day comes in any year");
		return false;
	}
	return true;
}

/* ---- the next time ---- */

static bool
day_fits(const CronLine *line, int64_t day)
{
	int month;
	int day_of_month;
	bool by_day;
	bool by_weekday;

	date_of_day(day, &month, &day_of_month);
	if (!(line->months >> month & 1))
		return false;
	by_day = line->days >> day_of_month & 1;
	by_weekday = line->weekdays >> weekday_of_day(day) & 1;
	return line->any_day || line->any_weekday ? by_day && by_weekday : by_day || by_weekday;
}

/* The first minute of the day at `from` or later, in seconds of the day; -1: none. */
static int64_t
time_of_day(const CronLine *line, int64_t from)
{
	for (int64_t minute = (from + MINUTE - 1) / MINUTE; minute < DAY / MINUTE; minute++)
	{
		if (!(line->hours >> (minute / 60) & 1))
			minute += 59 - minute % 60;
		else if (line->minutes >> (minute % 60) & 1)
			return minute * MINUTE;
	}
	return -1;
}

/* The first local time at `from` or later. */
static bool
next_local(const CronLine *line, int64_t from, int64_t *next)
{
	int64_t day = floor_div(from, DAY);
	int64_t of_day = from - day * DAY;

	for (int64_t last = day + SEARCH_DAYS; day <= last; day++, of_day = 0)
	{
		int64_t found;

		if (!day_fits(line, day))
			continue;
		found = time_of_day(line, of_day);
		if (found >= 0)
		{
			*next = day * DAY + found;
			return true;
		}
	}
	return false;
}

/*
 * One stretch of the same offset, [start, until), before which the offset was `before`.  Finds the first time at `from` or
 * later in it, the leap at its start included.
 */
static bool
next_in_stretch(const CronLine *line, int64_t start, int64_t until, int64_t before, int64_t offset,
				int64_t from, int64_t *next)
{
	int64_t local;

	/* The clock leapt forward at the start: what it leapt over comes now. */
	if (offset > before && !line->any_hour && from <= start && next_local(line, start + before, &local) &&
		local < start + offset)
	{
		*next = start;
		return true;
	}
	if (from < start)
		from = start;
	/* It was put back: what it shows for the second time has been. */
	if (offset < before && !line->any_hour && from + offset < start + before)
		from = start + before - offset;
	if (!next_local(line, from + offset, &local) || local - offset >= until)
		return false;
	*next = local - offset;
	return true;
}

bool
cron_next(const CronLine *line, const CronZone *zone, int64_t utc, int64_t *next)
{
	int64_t start = utc - 2 * DAY; /* a leap of the day before may still matter */
	int64_t before;
	int64_t offset;
	int64_t until;
	int64_t end = utc + (int64_t) SEARCH_DAYS * DAY;

	zone->at(zone->arg, start, &offset, &until);
	before = offset;
	while (start <= end)
	{
		if (until > utc && next_in_stretch(line, start, until, before, offset, utc + 1, next))
			return true;
		if (until == INT64_MAX)
			return false;
		start = until;
		before = offset;
		zone->at(zone->arg, start, &offset, &until);
	}
	return false;
}
