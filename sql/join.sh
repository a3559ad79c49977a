#!/usr/bin/env bash
# join.sh - the scripts that PostgreSQL runs, put together from their parts; on standard output
#
#   join.sh install             all of sql/parts, in order
#   join.sh upgrade FROM TO     sql/upgrade/FROM--TO.sql, what changes in objects that FROM has, and then the parts that are
#                               new since FROM: those that the line "-- new parts: ..." in it names
set -euo pipefail
cd "$(dirname "$0")/.."

case ${1:-} in
	install)
		printf '%s\n' '\echo Use "CREATE EXTENSION promoai" to load this file. \quit'
		find sql/parts -name '*.sql' | LC_ALL=C sort | xargs -r cat
		;;
	upgrade)
		changes=sql/upgrade/$2--$3.sql
		printf '%s\n' "\\echo Use \"ALTER EXTENSION promoai UPDATE TO '$3'\" to load this file. \\quit"
		grep -v '^-- new parts: ' "$changes"
		sed -n 's/^-- new parts: //p' "$changes" | tr ' ' '\n' | LC_ALL=C sort | sed 's|.*|sql/parts/&.sql|' | xargs -r cat
		;;
	*)
		sed -n '2,/^set/{/^#/s/^# \{0,1\}//p}' "$0" >&2
		exit 2
		;;
esac
