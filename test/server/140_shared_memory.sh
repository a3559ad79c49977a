#!/usr/bin/env bash
# Shared memory: another kind of it, too little of it, and none of it left behind.
# shellcheck source=test/server/lib.sh
. "$(dirname "$0")/lib.sh"
# shellcheck source=test/server/shop.sh
. "$(dirname "$0")/shop.sh"

# train <model> [arguments]: worth two workers
train() { printf "SET max_parallel_maintenance_workers = 2; SELECT version FROM promoai.mf_train('%s', 'purchases_large', iterations => 2, holdout => 0%s)" "$1" "${2:-}"; }

# Names and sizes of ls -l.  Segments of 1 MB, doubled or not, are the server's own statistics, which grow when they must.
of_trainings() { awk '{ size = $5; while (size > 1048576 && size % 2 == 0) size /= 2; if (NF > 2 && size != 1048576) print $NF, $5 }'; }

# left <command that lists segments>: once the sessions before have ended, for a session keeps one that its workers attach to
left()
{
	wait_for "SELECT count(*) FROM pg_stat_activity WHERE backend_type IN ('client backend', 'parallel worker')" 1
	"$@"
}

# leaves_nothing <what> <command that lists segments>: whether a training ends well, by an error, a cancel or a killed worker
leaves_nothing()
{
	local before what=$1
	shift
	before=$(left "$@")
	stop_at solving "$(train none)" "SET max_parallel_maintenance_workers = 2;"
	is "$(sql "SELECT count(*) FROM pg_stat_activity WHERE backend_type = 'parallel worker'")" 2 "$what: two workers take part"
	isnt "$("$@")" "$before" "$what: there are segments meanwhile"
	end_stopped
	is "$(left "$@")" "$before" "$what: cancelled, it leaves none"
	like "$(sql_error "SET promoai.test_action = 'error'; SET promoai.test_point = 'solving'; $(train none)")" \
		"was reached" "$what: an error"
	is "$(left "$@")" "$before" "$what: leaves none"
	like "$(sql_error "SET promoai.test_action = 'error'; SET promoai.test_point = 'writing payload'; $(train none)")" \
		"was reached" "$what: an error after parallel mode was left"
	is "$(left "$@")" "$before" "$what: leaves none"
	stop_at solving "$(train none)" "SET max_parallel_maintenance_workers = 2;"
	sql "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE backend_type = 'client backend' AND query LIKE 'promoai test point:%'" >/dev/null
	wait "$session"
	is "$(left "$@")" "$before" "$what: nor does a terminated session"
	is "$(sql "$(train "$what")")" 1 "$what: a training that ends well"
	is "$(left "$@")" "$before" "$what: leaves none"
}

# ---- segments as files of the server's own ----

start_server -c dynamic_shared_memory_type=mmap -c max_parallel_maintenance_workers=2
sql "CREATE EXTENSION promoai"
shop_large 200000
sql "SET max_parallel_maintenance_workers = 0; SELECT version FROM promoai.mf_train('serial', 'purchases_large', iterations => 2, holdout => 0)" >/dev/null
expected=$(payload_md5 serial)
like "$expected" '^[0-9a-f]{32}$' "a model is trained without workers"
files() { ls -l "$server_dir/data/pg_dynshmem" | of_trainings; }
leaves_nothing mmap files
is "$(payload_md5 mmap)" "$expected" "mmap: the model has the same bytes"

# A piece of the pool that is set aside at start has been used before.
restart_server -c dynamic_shared_memory_type=mmap -c min_dynamic_shared_memory=64MB -c max_parallel_maintenance_workers=2
for round in 1 2; do
	is "$(sql "$(train pool)")" $round "memory set aside at start: a model is trained"
	is "$(payload_md5 pool)" "$expected" "and has the same bytes"
done

# ---- /dev/shm of a size of our own ----

stop_server
# start_in_room <size> [arguments…]: the server sees a /dev/shm of its own
start_in_room()
{
	local size=$1
	shift
	unshare -m bash -c "mount -t tmpfs -o size=$size,mode=1777 tmpfs /dev/shm && exec bash test/tools/cluster.sh start -D '$server_dir' \"\$@\"" \
		- "$@" >/dev/null && eval "$(cluster env)"
}
if ! [ "$(uname)" = Linux ] || ! unshare -m mount -t tmpfs -o size=1m tmpfs /dev/shm 2>/dev/null; then
	skip "mounting a /dev/shm of our own is not allowed here" 15
	done_testing
fi

start_in_room 64m -c dynamic_shared_memory_type=posix -c max_parallel_maintenance_workers=2
segments() { ls -l "/proc/$(head -1 "$server_dir/data/postmaster.pid")/root"/dev/shm | of_trainings; }
leaves_nothing posix segments
is "$(payload_md5 posix)" "$expected" "posix: the model has the same bytes"
stop_server

start_in_room 6m -c dynamic_shared_memory_type=posix -c max_parallel_maintenance_workers=2
before=$(left segments)
like "$(sql "$(train small)" 2>&1)" "NOTICE: +going without parallel workers: /dev/shm has no room for [0-9]+ MB.*1" \
	"too little room: a training says that it goes without workers, and ends well"
is "$(payload_md5 small)" "$expected" "and the model has the same bytes"
is "$(left segments)" "$before" "and no segment is left"
is "$(sql "$(train small)" 2>/dev/null)" 2 "and the next one too"

done_testing
