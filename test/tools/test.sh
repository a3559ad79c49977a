#!/usr/bin/env bash
# test.sh - all tests, or the named stages of them
#
#   test.sh [core] [regress] [pgtap] [server]
#
# core     test/core: unit tests of src/core, plain and under ASan and UBSan, without a server
# regress  test/sql against expected/, with pg_regress
# pgtap    test/pgtap, each file in a database of its own that has pgtap and promoai.  A file with the line
#              -- run as: postgres promoai_tester
#          is run once per role named; promoai_tester is no superuser.  Default: postgres.
# server   test/server: start, crash, restart; each script runs servers of its own
#
# PGTAP_FILES and SERVER_FILES name the files that are run, where not all are wanted: PGTAP_FILES="test/pgtap/4*.sql".
#
# The last three build with warnings as errors, install, and use one throwaway server.  The last line is
# `N passed, N failed`, summed over the stages; the exit code says the same.
set -euo pipefail
cd "$(dirname "$0")/../.."
. test/tools/common.sh

stages=("$@")
[ ${#stages[@]} -gt 0 ] || stages=(core regress pgtap server)
for stage in "${stages[@]}"; do
	case $stage in
		core | regress | pgtap | server) ;;
		*) die "unknown stage: $stage; core, regress, pgtap or server" ;;
	esac
done
wanted() { case " ${stages[*]} " in *" $1 "*) return 0 ;; *) return 1 ;; esac; }

passed=0
failed=0
skipped=0
status=0
job=
stage_limit=${STAGE_LIMIT:-1800} # seconds; a stage that hangs must not hang the rest
work=$(mktemp -d "${TMPDIR:-/tmp}/promoai-test-XXXXXX")
chmod 0755 "$work"
cluster=$work/cluster

finish()
{
	local status=$?
	trap - EXIT
	[ -z "$job" ] || kill "$job" 2>/dev/null || true
	[ ! -d "$cluster" ] || bash test/tools/cluster.sh stop -D "$cluster" || true
	rm -rf "$work"
	if [ $status -ne 0 ] && [ $failed -eq 0 ]; then
		failed=1
	fi
	[ $skipped -eq 0 ] || say "skipped, as something is not installed here: $skipped"
	printf '\n%d passed, %d failed\n' "$passed" "$failed"
	[ $failed -eq 0 ]
	exit
}
trap finish EXIT
trap 'exit 130' INT TERM

# add <stage> <passed> <failed> <runner's exit code>: a runner that fails without a failed test counts as one failure
add()
{
	local p=$2 f=$3
	if [ "$4" -ne 0 ] && [ "$f" -eq 0 ]; then
		f=1
		[ "$4" -ne 124 ] || warn "$1: not finished within $stage_limit s"
	fi
	passed=$((passed + p))
	failed=$((failed + f))
	say "$1: $p passed, $f failed"
}

sum() { awk '{ n += $1 } END { print n + 0 }'; }

# TAP as printed by prove -v: lines at the margin count, planned failures (TODO) and what is skipped do not.
tap_skip='^ok [0-9]+ *-? *# *skip'
add_tap()
{
	local stage=$1 log=$2 status=$3
	skipped=$((skipped + $(grep -ciE "$tap_skip|^1\.\.0 # *skip" "$log" || true)))
	add "$stage" "$(grep '^ok ' "$log" | grep -vciE "$tap_skip" || true)" "$(grep '^not ok ' "$log" | grep -vc '# *TODO' || true)" "$status"
}

# run <log> <command…>: output into the log; sets status.  In the background, so that an interrupt is answered at once.
run()
{
	local log=$1
	shift
	status=0
	timeout -k 10 "$stage_limit" "$@" </dev/null >>"$log" 2>&1 &
	job=$!
	wait $job || status=$?
	job=
}

failures_of_tap()
{
	grep -vE '^ok |^\s*$' "$1" | tail -n 80
	say "--- all that failed"
	grep -E '^not ok ' "$1" | grep -v '# *TODO' || true
}

server_log()
{
	say "--- the end of the server's log"
	bash test/tools/cluster.sh log -D "$cluster" 40 || true
}

test_core()
{
	local log=$work/core.log target
	heading "Core unit tests"
	for target in check check-asan; do
		: >"$log"
		run "$log" "$MAKE" --no-print-directory -k -C test/core "$target" BUILD="$TOP/build/core"
		[ $status -eq 0 ] || cat "$log"
		add "core $target" \
			"$(sed -nE 's/.*\b([0-9]+) passed, ([0-9]+) failed.*/\1/p' "$log" | sum)" \
			"$(sed -nE 's/.*\b([0-9]+) passed, ([0-9]+) failed.*/\2/p' "$log" | sum)" $status
	done
}

build_and_start()
{
	heading "Build with warnings as errors"
	if wanted pgtap || wanted server; then
		bash test/tools/install-deps.sh build run test
	else
		bash test/tools/install-deps.sh build run
	fi
	if ! build WERROR=-Werror; then
		add "build" 0 1 1
		exit 1
	fi
	heading "Install"
	if ! install_extension WERROR=-Werror; then
		add "install" 0 1 1
		exit 1
	fi
	if wanted regress || wanted pgtap; then
		heading "One throwaway server"
		bash test/tools/cluster.sh start -D "$cluster" -c shared_buffers=128MB -c max_parallel_maintenance_workers=2
		eval "$(bash test/tools/cluster.sh env -D "$cluster")"
	fi
}

test_regress()
{
	local log=$work/regress.log
	heading "pg_regress"
	run "$log" "$MAKE" --no-print-directory installcheck WERROR=-Werror
	cat "$log"
	if [ $status -ne 0 ]; then
		[ ! -s build/regress/regression.diffs ] || cat build/regress/regression.diffs
		server_log
	fi
	# "All 3 tests passed." or "1 of 3 tests failed.", the same in every version
	add "pg_regress" \
		"$(sed -nE 's/.*All ([0-9]+) tests? passed.*/\1/p; s/.*\b([0-9]+) of ([0-9]+) tests? failed.*/\2 \1/p' "$log" |
			awk '{ n += $1 - $2 } END { print n + 0 }')" \
		"$(sed -nE 's/.*\b([0-9]+) of ([0-9]+) tests? failed.*/\1/p' "$log" | sum)" $status
}

prepare_pgtap()
{
	"$(pg psql)" -XAtq -v ON_ERROR_STOP=1 <<-'SQL'
		SET client_min_messages = warning;
		CREATE ROLE promoai_tester LOGIN;
		CREATE DATABASE promoai_template;
		\c promoai_template
		SET client_min_messages = warning;
		CREATE EXTENSION pgtap;
		CREATE EXTENSION promoai;
		CREATE SCHEMA promoai_tester AUTHORIZATION promoai_tester;
		GRANT USAGE ON SCHEMA promoai TO promoai_tester;
	SQL
}

test_pgtap()
{
	local log=$work/pgtap.log file role roles worst=0 n=0 began
	heading "pgTAP"
	: >"$log"
	if ! prepare_pgtap; then
		server_log
		add "pgTAP" 0 1 1
		return
	fi
	for file in ${PGTAP_FILES:-test/pgtap/*.sql}; do
		[ -e "$file" ] || continue
		roles=$(sed -n 's/^-- run as: *//p' "$file" | head -1)
		for role in ${roles:-postgres}; do
			n=$((n + 1))
			"$(pg psql)" -XAtqc "CREATE DATABASE tap_$n TEMPLATE promoai_template"
			: >"$log.one"
			began=$SECONDS
			run "$log.one" pg_prove -v --psql-bin "$(pg psql)" -d "tap_$n" -U "$role" "$file"
			printf '%-50s %s, %d s\n' "$file as $role" "$(tail -n 1 "$log.one")" $((SECONDS - began))
			if [ $status -ne 0 ]; then
				worst=$status
				failures_of_tap "$log.one"
			fi
			cat "$log.one" >>"$log"
		done
	done
	[ $worst -eq 0 ] || server_log
	add_tap "pgTAP" "$log" $worst
}

test_server()
{
	local log=$work/server.log files=() file
	heading "Server tests"
	for file in ${SERVER_FILES:-test/server/[0-9]*.sh}; do
		[ ! -e "$file" ] || files+=("$file")
	done
	: >"$log"
	run "$log" env TMPDIR="$work" prove -v --exec bash "${files[@]}"
	grep -E '\.sh \.|^Files=|^Result:' "$log" || true
	[ $status -eq 0 ] || failures_of_tap "$log"
	add_tap "server tests" "$log" $status
}

if wanted core; then
	bash test/tools/install-deps.sh build
	test_core
fi
if wanted regress || wanted pgtap || wanted server; then
	build_and_start
fi
! wanted regress || test_regress
! wanted pgtap || test_pgtap
! wanted server || test_server
