#!/usr/bin/env python3
# cron.py - writes test/core/cron_reference.h: when lines come next, by croniter (Debian: python3-croniter)
#
#   python3 test/reference/cron.py >test/core/cron_reference.h
#
# In UTC; where both days are given, croniter too takes either.
import datetime

from croniter import croniter

LINES = ['* * * * *', '*/5 * * * *', '0 3 * * *', '30 2 * * 1-5', '15,45 8-18/2 * * *', '0 0 1 * *', '59 23 31 12 *',
         '0 12 29 2 *', '0 0 * * 0', '0 0 * * 7', '0 6 13 * 5', '7 7 7 7 *', '0 0 31 * *', '10 4 1-7 jan,jul *',
         '0 22 * * mon-fri', '5/20 * * * *', '0 0 15 feb sun', '@weekly', '@yearly', '*/7 */5 * * *', '0 9 * 2-4 tue,thu']
STARTS = ['1999-12-31 23:59:00', '2000-02-28 12:00:30', '2023-01-31 00:00:00', '2024-02-29 12:00:00', '2026-06-15 08:07:59',
          '2096-03-01 00:00:00']

print('/* Written by test/reference/cron.py: line, start, next time, in seconds since 1970. */')
print('static const struct { const char *line; int64_t start, next; } cron_reference[] = {')
for line in LINES:
    for start in STARTS:
        at = datetime.datetime.fromisoformat(start).replace(tzinfo=datetime.timezone.utc)
        found = croniter(line, at, max_years_between_matches=10).get_next(datetime.datetime)
        print('\t{"%s", INT64_C(%d), INT64_C(%d)},' % (line, at.timestamp(), found.timestamp()))
print('};')
