#!/usr/bin/env bash
# The cache that a preloading server's sessions share: one copy, the same answers, and nothing left over whatever happens.
# shellcheck source=test/server/lib.sh
. "$(dirname "$0")/lib.sh"
# shellcheck source=test/server/shop.sh
. "$(dirname "$0")/shop.sh"

start_server -c max_connections=40
shop_create
sql "$train_shop" >/dev/null
# 60,000 items x 64 factors: some 20 MB
sql "CREATE TABLE wide AS SELECT n % 300 AS customer, n AS item FROM generate_series(0, 59999) n"
large="SELECT (promoai.mf_train('large', 'wide', iterations => 1, holdout => 0, solver => 'cg')).version"
sql "$large" >/dev/null
bytes=$(sql "SELECT payload_bytes FROM promoai.models WHERE model = 'large'")
ok "$([ "$bytes" -gt 18000000 ]; echo $?)" "a large model has $bytes bytes"
large_answers="SELECT md5(string_agg(a::text, ' ' ORDER BY c, a.rank)) FROM generate_series(0, 40) c, promoai.cf_recommend('large', c, k => 20) a"
expected=$(sql "$answers")
expected_large=$(sql "$large_answers")

# ---- without preloading ----

held="SELECT model, version, database, shared, ready, pins FROM promoai.model_cache ORDER BY model, version"
is "$(sql "SELECT promoai.model_prewarm('large')" -c "$held")" "$bytes
large|1|postgres|f|t|0" "not preloaded: the session's own cache is warmed"
is "$(sql "$held")" "" "and no other session's"
like "$(sql_error "SELECT promoai.model_prewarm('none')")" 'model "none" does not exist' "an unknown model cannot be loaded"
like "$(sql_error "SELECT promoai.model_prewarm('shop', 7)")" 'has no version 7' "nor a version that is not there"
like "$(sql_error "SELECT promoai.model_prewarm('shop', 0)")" 'argument "version" must be between 1' "nor one without a number"
like "$(sql_error "SELECT promoai.model_prewarm(NULL)")" 'argument "model" must not be null' "nor no model"

# ---- one copy ----

preloaded=(-c shared_preload_libraries=promoai -c max_connections=40)
restart_server "${preloaded[@]}"
is "$(sql "$held")" "" "preloaded: nothing is held at first"
is "$(sql "SELECT promoai.model_prewarm('large')")" "$bytes" "a model is loaded beforehand"
is "$(sql "$held")" "large|1|postgres|t|t|0" "for all sessions"
is "$(sql "$large_answers")" "$expected_large" "answers are those of a session's own copy"
is "$(sql "$answers")" "$expected" "of another model too"
is "$(sql "SELECT model, bytes - payload_bytes BETWEEN 0 AND 64 FROM promoai.model_cache c JOIN promoai.models USING (model) ORDER BY 1")" "large|t
shop|t" "each is held once, with its size"

# keep <name> <statement>: a session that has done so and stays, in a coprocess of its own; sets pid_<name>
keep()
{
	mkfifo "$server_dir/$1"
	"$(pg psql)" -XAtq >"$server_dir/$1.out" 2>&1 <"$server_dir/$1" &
	eval "exec {fd_$1}>\"\$server_dir/$1\""
	eval "printf '%s;\n%s\n' \"\$2\" 'SELECT pg_backend_pid() \\g $server_dir/$1.pid' >&\$fd_$1"
	until [ -s "$server_dir/$1.pid" ]; do sleep 0.02; done
	eval "pid_$1=$(cat "$server_dir/$1.pid")"
}
leave()
{
	eval "exec {fd_$1}>&-"
	rm -f "$server_dir/$1" "$server_dir/$1.pid"
}
# mapped <pid> <field>: kB of that kind in the segments that hold a large model
mapped() { awk -v field="$2:" '/^[0-9a-f]+-/ { ours = /PostgreSQL\./ } /^Size:/ { large = $2 > 15000 } ours && large && $1 == field { sum += $2 } END { print sum + 0 }' "/proc/$1/smaps"; }

whole="SELECT sum(f) FROM promoai.mf_item_factors('large'), unnest(factors) f WHERE item_no < 59990" # touches every page
if [ "$(uname)" = Linux ]; then
	for name in a b c; do keep $name "$whole"; done
	for pid in "$pid_a" "$pid_b" "$pid_c"; do
		ok "$([ "$(mapped "$pid" Rss)" -gt 14000 ]; echo $?)" "a session reads $(mapped "$pid" Rss) kB of the shared copy"
		anonymous=$(awk '/^RssAnon/ { print $2 }' "/proc/$pid/status")
		ok "$([ "$anonymous" -lt 12000 ]; echo $?)" "and has $anonymous kB of its own"
	done
	together=$(($(mapped "$pid_a" Pss) + $(mapped "$pid_b" Pss) + $(mapped "$pid_c" Pss)))
	ok "$([ "$together" -le $((bytes / 1024 + 100)) ]; echo $?)" "three sessions hold $together kB together, no more than one copy"
	for name in a b c; do leave $name; done
else
	skip "memory of processes is read from /proc" 7
fi

# ---- the bound ----

like "$(sql_error "SET promoai.cache_size = '1GB'")" 'parameter "promoai.cache_size" cannot be changed now' "no session moves what bounds all"
# bound <size>
bound()
{
	sql "ALTER SYSTEM SET promoai.cache_size = '$1'" -c "SELECT pg_reload_conf()" >/dev/null
	wait_for "SHOW promoai.cache_size" "$1"
}
bound 25MB
[ "$(uname)" != Linux ] || keep idle "$whole"
sql "$large" >/dev/null
is "$(sql "$large_answers")" "$expected_large" "a second version answers"
is "$(sql "$held")" "large|2|postgres|t|t|0" "and those used longest ago have given way"
if [ "$(uname)" = Linux ]; then
	is "$(mapped "$pid_idle" Rss)" 0 "their memory is free at once, though an idle session still has a mapping"
	eval "printf '%s;\n%s\n' \"\$large_answers\" 'SELECT 1 \\g $server_dir/idle.pid' >&\$fd_idle"
	until [ "$(cat "$server_dir/idle.pid")" = 1 ]; do sleep 0.02; done
	is "$(tail -1 "$server_dir/idle.out")" "$expected_large" "which takes the new one when it next asks"
	leave idle
else
	skip "memory of processes is read from /proc" 2
fi
# One in use is not given up: who finds no room beside it has a copy of his own.
sql_start "SELECT promoai.cf_predict('large', 1, 1, 1) IS NULL, pg_sleep(3)"
wait_for "SELECT pins FROM promoai.model_cache WHERE version = 1" 1
is "$(sql "$large_answers" -c "$held")" "$expected_large
large|1|postgres|t|t|1
large|2|postgres|f|t|0" "beside a version in use, another is loaded by the session alone"
sql "SELECT count(pg_cancel_backend(pid)) FROM pg_stat_activity WHERE query LIKE '%pg_sleep(3)'" -c "SELECT pg_sleep(0.1)" >/dev/null
wait "$session"
is "$(sql "$held")" "large|1|postgres|t|t|0" "a cancelled query holds nothing"
bound 1MB
like "$(sql_error "\\set VERBOSITY verbose" -c "$large_answers")" '53400.*needs .* of memory, more than promoai.cache_size allows.*configuration' \
	"a model larger than the bound is an error"
is "$(sql "$answers")" "$expected" "a smaller one is served"
is "$(sql "$held")" "shop|1|postgres|t|t|0" "and pushes out what the bound no longer allows"
bound 256MB

# ---- who sees what ----

sql "CREATE ROLE clerk; CREATE ROLE watcher IN ROLE pg_read_all_stats; GRANT USAGE ON SCHEMA promoai TO clerk, watcher" \
	-c "SELECT promoai.model_grant('shop', 'clerk')" -c "SELECT promoai.model_prewarm('large')" >/dev/null
is "$(sql "SET ROLE clerk; $held")" "shop|1|postgres|t|t|0" "a role sees the models that it may use"
is "$(sql "SET ROLE watcher; SELECT model FROM promoai.model_cache ORDER BY 1")" "large
shop" "a member of pg_read_all_stats sees all"
like "$(sql_error "SET ROLE clerk; SELECT promoai.model_prewarm('large')")" 'does not exist, or you have no right' "what is in the cache is not for everybody"
sql "CREATE DATABASE other" >/dev/null
PGDATABASE=other sql "CREATE EXTENSION promoai"
is "$(PGDATABASE=other sql "SELECT model IS NULL, database FROM promoai.model_cache ORDER BY 2")" "t|postgres
t|postgres" "from another database, without names"

# ---- loading, and what may go wrong ----

# none_held: forget everything
none_held() { restart_server "${preloaded[@]}"; }
none_held
loading="SELECT count(*) FROM promoai.cf_recommend('shop', 1)"
like "$(sql_error "SET promoai.test_action = 'error'; SET promoai.test_point = 'loading model'; $loading")" 'was reached' "an error while loading"
is "$(sql "$held")" "" "leaves nothing"
is "$(sql "DO \$\$ BEGIN SET promoai.test_action = 'error'; SET promoai.test_point = 'loading model'; PERFORM * FROM promoai.cf_recommend('shop', 1);
	EXCEPTION WHEN raise_exception THEN SET promoai.test_point = ''; END \$\$" -c "$loading" -c "$held")" "10
shop|1|postgres|t|t|0" "nor one that is caught: the same session loads it then"
none_held
stop_at "loading model" "$loading"
is "$(sql "$held")" "shop|1|postgres|t|f|0" "a version that is being loaded"
like "$(sql_error "SET statement_timeout = '200ms'; $loading")" 'statement timeout' "who waits for it can be cancelled"
sql "$loading" >"$server_dir/waiting.out" 2>&1 &
waiting=$!
wait_for "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Extension' AND query = '$(sed "s/'/''/g" <<<"$loading")'" 1
end_stopped
wait $waiting
is "$(cat "$server_dir/waiting.out")" 10 "the loader is cancelled, and one who waited loads it"
is "$(sql "$held")" "shop|1|postgres|t|t|0" "for all"
none_held
stop_at "loading model" "$loading"
sql "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE query LIKE 'promoai test point:%'" >/dev/null
wait "$session"
is "$(sql "$loading" -c "$held")" "10
shop|1|postgres|t|t|0" "a loader that is terminated leaves its place to others"
none_held
like "$(sql_error "SET promoai.test_action = 'kill'; SET promoai.test_point = 'loading model'; $loading")" \
	"closed the connection|connection to server was lost" "a loader is killed"
sleep 0.2
wait_for "SELECT 1" 1
is "$(sql "$answers")" "$expected" "after which the answers are as before"
is "$(sql "$held")" "shop|1|postgres|t|t|0" "from a cache made anew"
none_held
stop_at "loading model" "$loading"
is "$(sql "$loading" -c "$held")" "10
shop|1|postgres|t|f|0
shop|1|postgres|f|t|0" "behind a loader that gets nowhere patience ends, and a session loads a copy of its own"
end_stopped

# ---- transactions ----

is "$("$(pg psql)" -XAtq 2>&1 <<-SQL
	BEGIN;
	SELECT (promoai.mf_train('shop', 'SELECT customer, item + 1000 FROM purchases', factors => 8, iterations => 2, holdout => 0)).version;
	SELECT min(item_no) >= 1000 FROM promoai.cf_recommend('shop', 1);
	\! '$(pg psql)' -XAtqc "SELECT min(item_no) >= 1000 FROM promoai.cf_recommend('shop', 1)"
	ROLLBACK;
	SELECT min(item_no) >= 1000 FROM promoai.cf_recommend('shop', 1);
	SELECT (promoai.mf_train('shop', 'SELECT customer, item + 2000 FROM purchases', factors => 8, iterations => 2, holdout => 0)).version;
	SELECT min(item_no) >= 2000 FROM promoai.cf_recommend('shop', 1);
	BEGIN ISOLATION LEVEL REPEATABLE READ;
	SELECT min(item_no) >= 2000 FROM promoai.cf_recommend('shop', 1);
	\! '$(pg psql)' -XAtqc "SELECT (promoai.model_publish('shop', 1)).version" -c "SELECT min(item_no) >= 2000 FROM promoai.cf_recommend('shop', 1)"
	SELECT min(item_no) >= 2000 FROM promoai.cf_recommend('shop', 1);
	COMMIT;
	SELECT min(item_no) >= 2000 FROM promoai.cf_recommend('shop', 1);
SQL
)" "2
t
f
f
2
t
t
1
f
t
f" "each transaction is answered from the version that its snapshot shows"

# ---- parallel plans ----

forced="SET parallel_setup_cost = 0; SET parallel_tuple_cost = 0; SET min_parallel_table_scan_size = 0; SET max_parallel_workers_per_gather = 2;"
query="SELECT md5(string_agg(r::text, ' ' ORDER BY p.customer, p.item, r.rank)) FROM purchases p, LATERAL (SELECT * FROM promoai.cf_recommend('shop', p.customer, k => 2)) r"
like "$(sql "$forced EXPLAIN (ANALYZE, COSTS off, TIMING off, SUMMARY off) $query")" "Workers Launched: 2" "parallel workers take part"
is "$(sql "$forced $query")" "$(sql "SET max_parallel_workers_per_gather = 0; $query")" "and answer the same"

# ---- many sessions, while versions are published ----

cat >"$server_dir/ask.sql" <<'SQL'
\set customer random(1, 300)
SELECT 1 / (CASE WHEN count(*) = 20 AND count(DISTINCT item_no / 1000) = 1 THEN 1 ELSE 0 END)
FROM generate_series(:customer, :customer + 1) c, promoai.cf_recommend('mid', 1 + c % 300, k => 10);
SQL
for shift in 0 1000; do
	sql "SELECT promoai.mf_train('mid', 'SELECT customer, item + $shift FROM purchases', factors => 64, iterations => 2, holdout => 0)" >/dev/null
done
is "$(sql "SELECT max(payload_bytes) <= 200 * 1024 AND sum(payload_bytes) > 200 * 1024 FROM promoai.model_versions WHERE model = 'mid'")" t \
	"either version fits into the bound, both do not"
bound 200kB # so each publication pushes the other out, or finds it in use
none_held
"$(pg pgbench)" -n -c 8 -j 1 -T 3 -M prepared -f "$server_dir/ask.sql" >"$server_dir/ask.out" 2>&1 &
asking=$!
published=0
until [ $published -ge 10 ] && ! kill -0 $asking 2>/dev/null; do
	sql "SELECT promoai.model_publish('mid', 1 + $published % 2)" >/dev/null || break
	published=$((published + 1))
done
wait $asking
ok $? "eight clients: every answer is of one version and complete" || diag "$(tail -5 "$server_dir/ask.out")"
is "$(grep -c 'ERROR\|aborted' "$server_dir/ask.out")" 0 "no error, while versions were published $published times"
wait_for "SELECT count(*) FROM pg_stat_activity WHERE backend_type = 'client backend'" 1
is "$(sql "SELECT coalesce(sum(pins), 0), count(*) FILTER (WHERE NOT ready), coalesce(sum(bytes), 0) <= 200 * 1024 FROM promoai.model_cache")" "0|0|t" \
	"afterwards nothing is in use, nothing half-loaded, and the bound holds"
bound 256MB

sql "DROP EXTENSION promoai" -c "CREATE EXTENSION promoai" -c "$train_shop" >/dev/null
is "$(sql "$answers")" "$expected" "dropped and created again, with a model trained anew"

# ---- no room in /dev/shm ----

stop_server
if [ "$(uname)" = Linux ] && unshare -m mount -t tmpfs -o size=1m tmpfs /dev/shm 2>/dev/null; then
	unshare -m bash -c "mount -t tmpfs -o size=8m,mode=1777 tmpfs /dev/shm && exec bash test/tools/cluster.sh start -D '$server_dir' \"\$@\"" \
		- "${preloaded[@]}" -c dynamic_shared_memory_type=posix >/dev/null && eval "$(cluster env)"
	sql "$large" >/dev/null
	like "$(sql "SELECT promoai.model_prewarm('large')" 2>&1)" 'NOTICE: +model "large", version 1, is loaded for this session alone' \
		"no room in /dev/shm: a model that is loaded beforehand says so"
	is "$(sql "$large_answers" -c "$held")" "$expected_large
large|1|postgres|f|t|0" "no room in /dev/shm: a session loads a copy of its own, and nobody is told of an error"
	is "$(sql "$answers" -c "$held")" "$expected
shop|1|postgres|t|t|0" "what fits is shared"
	stop_server
else
	skip "mounting a /dev/shm of our own is not allowed here" 3
fi

# Kinds of shared memory: files of the server's own, and a piece set aside at start.
start_server "${preloaded[@]}" -c dynamic_shared_memory_type=mmap -c min_dynamic_shared_memory=8MB
is "$(sql "$answers" -c "$held")" "$expected
shop|1|postgres|t|t|0" "memory set aside at start holds it"
bound 200kB
mid="SELECT (promoai.mf_train('mid', 'purchases', factors => 64, iterations => 2, holdout => 0)).version"
same="SELECT promoai.model_prewarm('mid', 2) > 0, promoai.model_prewarm('mid', 1) > 0, md5(string_agg(a::text, ' ' ORDER BY c, a.rank))
	FROM generate_series(1, 310) c, promoai.cf_recommend('mid', c, version => 1) a"
sql "$mid" -c "$mid" >/dev/null
once=$(sql "$same")
is "$(sql "$same" -c "$same" -c "$same" -c "$held")" "$once
$once
$once
mid|1|postgres|t|t|0" "and is used again and again"
is "$(grep -c 'XX000\|terminated by signal 11\|terminated by signal 6\|PANIC\|leak' "$server_dir/log")" 0 "no internal error, no crash, no leak"

done_testing
