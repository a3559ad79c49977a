#!/usr/bin/env bash
# The proofs of reliability work: each of them in its quick form.
# shellcheck source=test/server/lib.sh
. "$(dirname "$0")/lib.sh"

# proof <name> <figure that it must print>: its own tests are lines of its output
proof()
{
	local status=0
	bash "test/reliability/$1.sh" --quick >"$server_dir/$1.out" 2>&1 || status=$?
	ok $status "$1 --quick" || diag "$(tail -n 60 "$server_dir/$1.out")"
	like "$(cat "$server_dir/$1.out")" "$2" "$1: it prints its figures"
}

proof crash "10 kills: reading 1, solving 1, writing payload 1, before publish 1, after publish 1, pruning 1, claiming 1, claimed 1, after 1, dropping 1"
if [ -x "$(pg pgbench)" ]; then
	proof load "no error, no answer but the published version's"
else
	skip "pgbench is missing" 2
fi
if command -v valgrind >/dev/null; then
	proof valgrind "[1-9][0-9]* processes under valgrind: 0 errors"
else
	skip "valgrind is missing" 2
fi

done_testing
