# shellcheck shell=bash
# lib.sh - TAP and a server of one's own, for the server tests
#
# A test is a bash script test/server/NNN_name.sh:
#
#   . "$(dirname "$0")/lib.sh"
#   start_server -c work_mem=8MB            # a fresh one; later calls start the same cluster again
#   sql "CREATE EXTENSION promoai"
#   is "$(sql "SELECT 1")" 1 "it answers"
#   crash                                   # kill -9 of the postmaster
#   done_testing
#
# It runs by itself (bash test/server/010_start.sh) or under prove; the server goes away at the end.  DIAG=1 shows the
# server's log whatever the result.
set -uo pipefail

. "$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)/test/tools/common.sh"
cd "$TOP" || exit 1

tap_n=0
tap_failed=0
tap_done=

# ok <exit code of a test, 0 is good> <name>; usage: [ a = b ]; ok $? "name"
ok()
{
	tap_n=$((tap_n + 1))
	if [ "$1" = 0 ]; then
		printf 'ok %d - %s\n' "$tap_n" "$2"
	else
		tap_failed=$((tap_failed + 1))
		printf 'not ok %d - %s\n' "$tap_n" "$2"
		return 1
	fi
}

diag() { printf '%s\n' "$*" | sed 's/^/# /' >&2; }

# is <got> <expected> <name>
is()
{
	local right=1
	[ "$1" = "$2" ] && right=0
	ok $right "$3" || diag "     got: $1
expected: $2"
}

# isnt <got> <not expected> <name>
isnt()
{
	local right=1
	[ "$1" != "$2" ] && right=0
	ok $right "$3" || diag "got, and should not have: $1"
}

# like <got> <extended regular expression> <name>
like()
{
	local right=1
	[[ $1 =~ $2 ]] && right=0
	ok $right "$3" || diag "          got: $1
does not match: $2"
}

# skip <why> <how many>
skip()
{
	local i
	for ((i = 0; i < ${2:-1}; i++)); do
		tap_n=$((tap_n + 1))
		printf 'ok %d # skip %s\n' "$tap_n" "$1"
	done
}

skip_all()
{
	printf '1..0 # SKIP %s\n' "$1"
	tap_done=1
	exit 0
}

# What tests do to processes on purpose is signal 9; no process of the server may end by another, or by an assertion of its own.
done_testing()
{
	[ ! -e "$server_dir/log" ] ||
		is "$(grep -E 'terminated by signal ([1-8]|[1-9][0-9])\b|PANIC:|TRAP:' "$server_dir/log")" "" "the server's log knows of no crash"
	printf '1..%d\n' "$tap_n"
	tap_done=1
	[ $tap_failed -eq 0 ]
	exit
}

bail_out()
{
	printf 'Bail out!  %s\n' "$*"
	exit 255
}

server_dir=$(mktemp -d "${TMPDIR:-/tmp}/promoai-server-XXXXXX")

cleanup()
{
	local status=$?
	if [ -z "$tap_done" ]; then
		diag "the script ended before done_testing (exit code $status)"
		[ $status -ne 0 ] || status=1
	fi
	if [ $status -ne 0 ] || [ -n "${DIAG:-}" ]; then
		diag "the end of the server's log:"
		diag "$(cluster log 40 2>&1)"
	fi
	cluster stop >/dev/null 2>&1
	rm -rf "$server_dir"
	exit $status
}
trap cleanup EXIT

# cluster <command…>: test/tools/cluster.sh for this test's server
cluster()
{
	local command=$1
	shift
	bash test/tools/cluster.sh "$command" -D "$server_dir" "$@"
}

start_server()
{
	cluster start "$@" >/dev/null || bail_out "the server does not start"
	eval "$(cluster env)"
}

stop_server() { cluster stop --keep; }
restart_server()
{
	stop_server
	start_server "$@"
}

# crash: kill -9 the postmaster; returns when all its processes are gone
crash() { cluster crash; }

# crash_backend <pid>: kill -9 one process; the postmaster restarts the others by itself
crash_backend()
{
	kill -9 "$1"
	sleep 0.2
	wait_for "SELECT 1" 1
}

# sql <statements> [psql arguments…]: rows, unaligned; an error stops, goes to standard error, and leaves a word in place of rows, so that
# no test takes it for "no rows"
sql()
{
	local statements=$1 failed
	shift
	"$(pg psql)" -XAtq -v ON_ERROR_STOP=1 -c "$statements" "$@" || {
		failed=$?
		say psql-failed
		return $failed
	}
}

# sql_error <statements> [psql arguments…]: what is said on standard error
# shellcheck disable=SC2069 # only the errors are wanted
sql_error() { sql "$@" 2>&1 >/dev/null; }

# sql_start <statements> [psql arguments…]: run them in the background; sets session to the client's process id
sql_start()
{
	sql "$@" >"$server_dir/session.out" 2>&1 &
	# shellcheck disable=SC2034 # for the caller
	session=$!
}

# wait_for <query> <answer> [seconds]: until the query gives the answer
wait_for()
{
	local deadline=$((SECONDS + ${3:-30}))
	while [ "$(sql "$1" 2>/dev/null)" != "$2" ]; do
		if [ $SECONDS -ge $deadline ]; then
			diag "waited in vain for: $1 = $2"
			return 1
		fi
		sleep 0.1
	done
}

# wait_for_log <extended regular expression> [seconds]
wait_for_log()
{
	local deadline=$((SECONDS + ${2:-30}))
	until grep -qE "$1" "$server_dir/log"; do
		if [ $SECONDS -ge $deadline ]; then
			diag "waited in vain for this in the log: $1"
			return 1
		fi
		sleep 0.1
	done
}
