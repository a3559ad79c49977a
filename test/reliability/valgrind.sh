#!/usr/bin/env bash
# valgrind.sh - the regression tests with every process of the server under valgrind's memcheck
#
#   valgrind.sh [--quick]
#
# pg_regress and pgTAP, through test/tools/test.sh; --quick: few.sql.  An error in whose stack the
# extension stands counts; those of the server alone are PostgreSQL's, and only counted.  The server's own memory contexts are
# opaque to valgrind unless PostgreSQL was built for it (USE_VALGRIND): within one of their blocks only what is not
# initialised is seen.  test/core's check-valgrind runs the mathematics without a server, where each allocation is seen.
set -euo pipefail
cd "$(dirname "$0")/../.."
. test/tools/common.sh

stages=(regress pgtap)
[ "${1:-}" != --quick ] || stages=()
command -v valgrind >/dev/null || die "valgrind is missing (bash test/tools/install-deps.sh valgrind)"

work=$(mktemp -d "${TMPDIR:-/tmp}/promoai-valgrind-XXXXXX")
chmod 0777 "$work"
trap 'rm -rf "$work"' EXIT
cat >"$work/postgres" <<-SH
	#!/bin/sh
	# valgrind keeps files of its own, as whoever the server runs as.
	export TMPDIR=$work
	exec valgrind -q --trace-children=yes --track-origins=yes --leak-check=no --num-callers=40 --error-limit=no \\
		--suppressions=$work/suppressions --log-file=$work/memcheck.%p "$(pg postgres)" "\$@" -c jit=off
SH
cp test/reliability/valgrind.supp "$work/suppressions"
chmod 0755 "$work/postgres"
chmod 0644 "$work/suppressions"
export POSTGRES=$work/postgres

# few: what few.sql does, in a throwaway server
few()
{
	local status=0
	build && install_extension || return
	bash test/tools/cluster.sh start -D "$work/cluster" >/dev/null || return
	(
		eval "$(bash test/tools/cluster.sh env -D "$work/cluster")"
		"$(pg psql)" -XAtq -v ON_ERROR_STOP=1 -f test/reliability/few.sql >/dev/null
	) || status=1
	bash test/tools/cluster.sh stop -D "$work/cluster" >/dev/null
	return $status
}

status=0
if [ ${#stages[@]} -gt 0 ]; then
	STAGE_LIMIT=${STAGE_LIMIT:-14400} bash test/tools/test.sh "${stages[@]}" || status=1
else
	few || status=1
fi

# Each error is a paragraph of the log.
processes=$(find "$work" -name 'memcheck.*' | wc -l)
errors() { sed -sE 's/^==[0-9]+== ?//' "$work"/memcheck.* /dev/null | awk -v RS= -v ORS='\n\n' "$1"; }
n_ours=$(errors '/promoai\.so/ { n++ } END { print n + 0 }')
n_others=$(errors '!/promoai\.so/ && / (at|by) 0x/ { n++ } END { print n + 0 }')
if [ "$n_ours" != 0 ]; then
	errors '/promoai\.so/' | head -n 200
	status=1
fi
[ "$processes" -gt 0 ] || die "nothing ran under valgrind"
figure="$processes processes under valgrind: $n_ours errors with the extension in the stack, $n_others of the server alone"
say "$figure"
[ -z "${RELIABILITY_FIGURES:-}" ] || say "| valgrind (memcheck), $([ ${#stages[@]} -eq 0 ] && echo few.sql || echo "pg_regress and pgTAP") | $figure |" >>"$RELIABILITY_FIGURES"
exit $status
