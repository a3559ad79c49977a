#!/usr/bin/env bash
# Little room for the shared cache: nobody's query fails for it, the shop's own parallel queries neither, and copies that
# sessions made meanwhile do not stay for ever.
# shellcheck source=test/server/lib.sh
. "$(dirname "$0")/lib.sh"
# shellcheck source=test/server/shop.sh
. "$(dirname "$0")/shop.sh"

preloaded=(-c shared_preload_libraries=promoai -c max_connections=40)
held="SELECT model, version, shared, ready, pins FROM promoai.model_cache ORDER BY model, version"

start_server "${preloaded[@]}"
shop_create
sql "$train_shop" >/dev/null
expected=$(sql "$answers")
# 9,000 items x 64 factors: some 3 MB each
sql "CREATE TABLE wide AS SELECT n % 300 AS customer, n AS item FROM generate_series(0, 8999) n"
for model in a b c d e; do
	sql "SELECT promoai.mf_train('$model', 'wide', iterations => 1, holdout => 0, solver => 'cg')" >/dev/null
done
bytes=$(sql "SELECT payload_bytes FROM promoai.models WHERE model = 'a'")
ok "$([ "$bytes" -gt 2500000 ] && [ "$bytes" -lt 3500000 ]; echo $?)" "a model has $bytes bytes"
large_answers="SELECT md5(string_agg(a::text, ' ' ORDER BY c, a.rank)) FROM generate_series(0, 40) c, promoai.cf_recommend('a', c) a"
expected_large=$(sql "$large_answers")

# ---- copies of one's own, once there is room again ----

restart_server "${preloaded[@]}"
sql "SELECT promoai.model_prewarm(m) FROM unnest('{b,c,d}'::text[]) m" >/dev/null
sql_start "SELECT promoai.cf_predict('b', 1, 1) IS NULL, pg_sleep(60)"
wait_for "SELECT pins FROM promoai.model_cache WHERE model = 'b'" 1
sql "ALTER SYSTEM SET promoai.cache_size = '5MB'" -c "SELECT pg_reload_conf()" >/dev/null
wait_for "SHOW promoai.cache_size" 5MB
is "$(sql "$large_answers" -c "$held")" "$expected_large
a|1|f|t|0
b|1|t|t|1" "a lower setting pushes out what nobody uses, also where that does not suffice"
rest="SELECT count(pg_cancel_backend(pid)) FROM pg_stat_activity WHERE query LIKE '%pg_sleep(60)' AND pid <> pg_backend_pid();
	SELECT pg_sleep(0.3);"
is "$(sql "$large_answers; $held; $rest" -c "SELECT promoai.model_prewarm('a')" -c "$held" 2>&1 | grep -v '^$')" "$expected_large
a|1|f|t|0
b|1|t|t|1
1
$bytes
a|1|t|t|0" "a session that had no room shares as soon as it is told to load beforehand"
wait "$session"
for used in yes no; do
	sql_start "SELECT promoai.cf_predict('b', 1, 1) IS NULL, pg_sleep(60)"
	wait_for "SELECT pins FROM promoai.model_cache WHERE model = 'b'" 1
	if [ $used = yes ]; then
		is "$(sql "$large_answers; $rest" -c "SELECT promoai.cf_predict('b', 2, 2) IS NULL" -c "$large_answers" -c "$held" 2>&1 | grep -v '^$')" "$expected_large
1
f
$expected_large
a|1|f|t|0
b|1|t|t|0" "by itself it pushes out nothing that was used since"
	else
		is "$(sql "$large_answers; $rest $large_answers" -c "$held" 2>&1 | grep -v '^$')" "$expected_large
1
$expected_large
a|1|t|t|0" "but what was not"
	fi
	wait "$session"
done
sql "ALTER SYSTEM RESET promoai.cache_size" -c "SELECT pg_reload_conf()" >/dev/null
stop_server

# ---- file systems that are full ----

if ! [ "$(uname)" = Linux ] || ! unshare -m mount -t tmpfs -o size=1m tmpfs /dev/shm 2>/dev/null; then
	skip "mounting file systems of our own is not allowed here" 8
	done_testing
fi

# start_within <where> <size> [settings]: a server for which that directory is a file system of that size
start_within()
{
	local where=$1 size=$2
	shift 2
	unshare -m bash -c "mount -t tmpfs -o size=$size,mode=1777 tmpfs '$where' && exec bash test/tools/cluster.sh start -D '$server_dir' \"\$@\"" \
		- "${preloaded[@]}" "$@" >/dev/null && eval "$(cluster env)"
}

# Here nothing tells beforehand that there is no room: the segment cannot be made.
start_within "$server_dir/data/pg_dynshmem" 4m -c dynamic_shared_memory_type=mmap
is "$(sql "$answers" -c "$held" 2>&1)" "$expected
shop|1|t|t|0" "files of the server's own: what fits is shared"
is "$(sql "SELECT promoai.model_prewarm('b') > 0" -c "$large_answers" -c "SELECT model, shared FROM promoai.model_cache WHERE model = 'a'" 2>&1 | grep -v 'NOTICE\|DETAIL')" "t
$expected_large
a|f" "what does not is a copy of the session's own, and no error"
is "$(sql "SET client_min_messages = debug1; $large_answers" -c "$large_answers" 2>&1 | grep -c 'is not shared')" 1 "which it keeps, and does not try again at each call"
is "$(sql "$large_answers" -c "BEGIN" -c "SELECT promoai.cf_predict('b', 1, 1) IS NULL" -c "COMMIT" -c "SELECT 1" 2>&1 | grep -c WARNING)" 0 "nothing is said of segments left behind"
lists="SELECT md5(string_agg(a::text, ' ')) FROM promoai.cf_recommend_all('b', k => 1000) a"
expected_lists=$(sql "SET max_parallel_maintenance_workers = 0; $lists")
is "$(sql "SET max_parallel_maintenance_workers = 1; $lists" 2>&1 | sed 's/ [0-9]* MB$//')" "NOTICE:  going without parallel workers: the system gives no shared memory of
$expected_lists" "a team that gets no memory works alone"
stop_server

start_within /dev/shm 16m -c dynamic_shared_memory_type=posix
sql "SET client_min_messages = warning; SELECT count(promoai.model_prewarm(m)) FROM unnest('{a,b,c,d,e}'::text[]) m" >/dev/null
is "$(sql "SELECT count(*) BETWEEN 2 AND 4 FROM promoai.model_cache WHERE shared")" t "a small /dev/shm holds some models"
sql "CREATE TABLE lines AS SELECT n, n % 1000 AS item FROM generate_series(1, 60000) n; ALTER TABLE lines SET (parallel_workers = 2); ANALYZE lines"
parallel="SET parallel_setup_cost = 0; SET parallel_tuple_cost = 0; SET min_parallel_table_scan_size = 0; SET max_parallel_workers_per_gather = 2; SET enable_mergejoin = off; SET enable_nestloop = off;"
joined="SELECT count(*) FROM lines a JOIN lines b USING (n)"
like "$(sql "$parallel EXPLAIN (COSTS OFF) $joined")" "Parallel Hash Join" "a query of the shop's own needs some of it"
is "$(sql "$parallel $joined" 2>&1)" 60000 "and is not left without by the models"
stop_server

done_testing
