#!/usr/bin/env bash
# cf_recommend_all: what cf_recommend gives to each customer, the same bytes with and without workers, and its ends.
# shellcheck source=test/server/lib.sh
. "$(dirname "$0")/lib.sh"
# shellcheck source=test/server/shop.sh
. "$(dirname "$0")/shop.sh"

LIMIT=1000 # milliseconds; the aim is 100, and this is what no busy machine explains

start_server -c max_worker_processes=8 -c max_parallel_workers=8 -c max_parallel_maintenance_workers=0 -c maintenance_work_mem=256MB
shop_create
shop_large 400000
train() { sql "SELECT promoai.mf_train('$1', \$q\$$2\$q\$, iterations => 2, holdout => 0${3:-})" >/dev/null || bail_out "training $1 failed"; }

train shop purchases ", factors => 8"
train noise "SELECT hashint4(i) & 255, hashint4(i + 1000000) & 511 FROM generate_series(1, 3000) i" ", factors => 70"
train equal "SELECT c, i FROM generate_series(1, 40) c, generate_series(1, 60) i WHERE i <= 30 OR c % 2 = 0" ", factors => 4"
train rated "SELECT customer, item, 1 + (customer * item) % 5 FROM purchases" ", factors => 8, feedback => 'explicit'"
train clipped "SELECT customer, item, 1 + (customer * item) % 5 FROM purchases" ", factors => 8, feedback => 'explicit', clip => true, regularization => 0.001, regularization_prior => 0"
train texts "SELECT 'c' || customer, repeat('long id ', 1 + item % 20) || item FROM purchases" ", factors => 5"
train uuids "SELECT md5(customer::text)::uuid, md5(item::text)::uuid FROM purchases" ", factors => 5"
train one "SELECT 1, 2"
train large purchases_large

# ---- everybody's list is each one's ----

# each <model> <type of its customers> <arguments of both, for all> <the same, for one>: rows of either that the other lacks
each()
{
	local all="SELECT customer, customer_no, rank, item, item_no, score FROM promoai.cf_recommend_all('$1'$3)"
	local one="SELECT u.customer, u.customer_no, r.rank, r.item, r.item_no, r.score
		FROM promoai.mf_user_factors('$1') u, promoai.cf_recommend('$1', u.customer::$2$4) r"
	is "$(sql "SELECT count(*) > 0 FROM ($all) a")$(sql "SELECT count(*) FROM ($all EXCEPT ALL $one) x")$(sql "SELECT count(*) FROM ($one EXCEPT ALL $all) x")" \
		t00 "$1$3: as one by one"
}

both() { each "$1" "$2" "$3" "$3"; }
for model in shop noise equal rated clipped old; do
	if [ $model = old ]; then
		# A model as the first release wrote it, without an index.
		train old purchases ", factors => 8"
		version="(SELECT current_version FROM promoai.registry_models WHERE model = 'old')"
		sql "SELECT encode(string_agg(bytes, '' ORDER BY chunk), 'hex') FROM promoai.registry_payload WHERE version_id = $version" |
			perl test/tools/payload-drop.pl '^index_' >"$server_dir/payload"
		sql "SET session_replication_role = replica; DELETE FROM promoai.registry_payload WHERE version_id = $version AND chunk > 0;
			UPDATE promoai.registry_payload SET bytes = decode('$(cat "$server_dir/payload")', 'hex') WHERE version_id = $version;
			UPDATE promoai.registry_versions SET payload_bytes = $(($(wc -c <"$server_dir/payload") / 2)) WHERE version_id = $version"
	fi
	both $model bigint ""
	both $model bigint ", k => 3, exclude_seen => false"
	both $model bigint ", k => 1000"
	both $model bigint ", k => 4, candidates => ARRAY[1, 2, 3, 5, 8, 13, 21, 34, 55, 89, 144, 7000]::bigint[]"
	both $model bigint ", k => 4, candidates => ARRAY[55, 3, 3]::bigint[], exclude_seen => false"
done
is "$(sql "SELECT count(*) > 0 FROM promoai.cf_recommend_all('clipped', exclude_seen => false) WHERE score IN (1, 5)")" t "some scores are held to the scale"
both texts text ""
both texts text ", k => 7, exclude_seen => false"
both uuids uuid ", k => 12"
is "$(sql "SELECT * FROM promoai.cf_recommend_all('one', exclude_seen => false)" | cut -d'|' -f1-5)" "1|1|1|2|2" "one customer, one item"
is "$(sql "SELECT count(*) FROM promoai.cf_recommend_all('one')")" 0 "all of it bought"
is "$(sql "SELECT count(*) FROM promoai.cf_recommend_all('shop', candidates => ARRAY[]::bigint[])")" 0 "no candidate: no rows"
is "$(sql "SELECT count(*) FROM promoai.cf_recommend_all('shop', candidates => ARRAY[-1, NULL]::bigint[])")" 0 "none that is known: no rows"
is "$(sql "SELECT bool_and(before IS NULL OR (before, rank) < (customer_no, 1000000)) FROM
	(SELECT customer_no, rank, lag(customer_no) OVER () AS before FROM promoai.cf_recommend_all('large', k => 2)) a")" t "rows come by customer"

# ---- the same bytes with workers ----

everything="SELECT md5(string_agg(a::text, ' ')) FROM promoai.cf_recommend_all('large', k => 50) a"
candidates="SELECT md5(string_agg(a::text, ' ')) FROM promoai.cf_recommend_all('large', k => 50, candidates => ARRAY(SELECT generate_series(0::bigint, 2047, 3))) a"
expected=$(sql "$everything")
expected_candidates=$(sql "$candidates")
like "$expected $expected_candidates" '^[0-9a-f]{32} [0-9a-f]{32}$' "without workers there are lists"

# workers_seen <settings> [query]: how many take part
workers_seen()
{
	stop_at listing "${2:-$everything}" "$1"
	sql "SELECT count(*) FROM pg_stat_activity WHERE backend_type = 'parallel worker'"
	end_stopped
}

allow() { printf "SET max_parallel_maintenance_workers = %s; %s" "$1" "${2:-}"; }
for n in 0 1 2; do
	is "$(workers_seen "$(allow $n)")" $n "$n allowed: $n take part"
	is "$(sql "$(allow $n) $everything")" "$expected" "and the rows are the same bytes"
	is "$(sql "$(allow $n) $candidates")" "$expected_candidates" "also out of candidates"
done
is "$(workers_seen "$(allow 2 "SET max_parallel_workers = 0;")")" 0 "max_parallel_workers = 0: none takes part"
is "$(sql "$(allow 2 "SET max_parallel_workers = 0;") $everything")" "$expected" "and the rows are the same bytes"
is "$(workers_seen "$(allow 2)" "SELECT count(*) FROM promoai.cf_recommend_all('shop', k => 5)")" 0 "a small model: none is worth its start"

# Room for the windows, but not for the items' copy.
small="SET maintenance_work_mem = '1280kB';"
is "$(workers_seen "$(allow 2 "$small")")" 0 "too little memory for workers: none takes part"
is "$(sql "$(allow 2 "$small") $everything")" "$expected" "and the rows are the same bytes"

# In 15 the setting is called force_parallel_mode, from 16 on debug_parallel_query.
debug="SELECT set_config(name, 'on', false) FROM pg_settings WHERE name IN ('force_parallel_mode', 'debug_parallel_query');"
is "$(sql "$debug $(allow 2) $everything" | tail -1)" "$expected" "where every plan is made parallel, a worker does it alone"
forced="SET parallel_setup_cost = 0; SET parallel_tuple_cost = 0; SET min_parallel_table_scan_size = 0; SET max_parallel_workers_per_gather = 2;"
sql "CREATE TABLE customers AS SELECT DISTINCT customer::bigint FROM purchases_large; ALTER TABLE customers SET (parallel_workers = 2); ANALYZE customers"
joined="FROM customers c JOIN promoai.cf_recommend_all('large', k => 50) a ON a.customer_no = c.customer"
like "$(sql "$forced $(allow 2) EXPLAIN (COSTS OFF) SELECT count(*) $joined")" "Gather.*Parallel Seq Scan on customers" "joined in a parallel plan"
is "$(sql "$forced $(allow 2) SELECT md5(string_agg(a::text, ' ' ORDER BY a.customer_no, a.rank)) $joined")" \
	"$(sql "SELECT md5(string_agg(a::text, ' ' ORDER BY a.customer_no, a.rank)) $joined")" "it gives the same rows"

# ---- into tables, and from where else it may be called ----

table_md5="SELECT md5(string_agg(l::text, ' ' ORDER BY l.ctid)) FROM lists l" # from 16 on string_agg runs in parallel
sql "$(allow 2) CREATE TABLE lists AS SELECT * FROM promoai.cf_recommend_all('large', k => 50)"
is "$(sql "$table_md5")" "$expected" "CREATE TABLE AS"
is "$(sql "$(allow 2) BEGIN; TRUNCATE lists; INSERT INTO lists SELECT * FROM promoai.cf_recommend_all('large', k => 50); COMMIT; $table_md5")" \
	"$expected" "INSERT in a transaction that has written"
is "$(sql "$(allow 2) BEGIN ISOLATION LEVEL SERIALIZABLE; SAVEPOINT s; TRUNCATE lists; INSERT INTO lists SELECT * FROM promoai.cf_recommend_all('large', k => 50); RELEASE s; COMMIT; $table_md5")" \
	"$expected" "serializable, in a savepoint"
is "$(sql "$(allow 2) DO \$\$ BEGIN TRUNCATE lists; BEGIN INSERT INTO lists SELECT * FROM promoai.cf_recommend_all('large', k => 50); EXCEPTION WHEN division_by_zero THEN NULL; END; END \$\$; $table_md5")" \
	"$expected" "in a block that catches errors"
is "$(sql "$(allow 2) BEGIN; DECLARE c CURSOR FOR SELECT customer_no FROM promoai.cf_recommend_all('large', k => 50); FETCH 1 FROM c; MOVE 49 FROM c; FETCH 1 FROM c; COMMIT" | tr '\n' ' ')" \
	"0 1 " "through a cursor"
is "$(sql "$(allow 2) SET work_mem = '64kB'; $everything")" "$expected" "rows beyond work_mem"
is "$(sql "$(allow 2) SELECT count(*) FROM (SELECT promoai.cf_recommend_all('large', k => 50)) x")" \
	"$(sql "SELECT count(*) FROM lists")" "in the list of columns"

# ---- its ends ----

idle()
{
	wait_for "SELECT count(*) FROM pg_stat_activity WHERE backend_type = 'parallel worker'" 0 5
	ok $? "$1: no worker is left"
}

long="SELECT count(*) FROM promoai.cf_recommend_all('large', k => 2000)"
for workers in 0 2; do
	for after in 5 20 50 100 200 400; do
		begun=$(date +%s%3N)
		like "$(sql_error "$(allow $workers) SELECT 1 FROM promoai.cf_recommend('large', 1, 1); SET statement_timeout = $after; $long")" \
			"canceling statement due to statement timeout" "$workers workers: cancelled after $after ms"
		took=$(($(date +%s%3N) - begun - after))
		ok "$([ $took -lt $LIMIT ]; echo $?)" "within $LIMIT ms ($took, the client's start included)"
	done
	like "$(sql_error "$(allow $workers) SET work_mem = '64kB'; SET temp_file_limit = '4MB'; $everything")" \
		"temporary file size exceeds" "$workers workers: an error while rows are put away"
	idle "$workers workers, stopped"
	is "$(sql "BEGIN; $(allow $workers) SAVEPOINT s" -c "SELECT 1")" 1 "$workers workers: the server goes on"
done
is "$(sql "$(allow 2) DO \$\$ BEGIN SET LOCAL work_mem = '64kB'; SET LOCAL temp_file_limit = '4MB'; PERFORM * FROM promoai.cf_recommend_all('large', k => 50);
	EXCEPTION WHEN configuration_limit_exceeded THEN NULL; END \$\$; $everything")" "$expected" "caught, and called again in the same session"

stop_at listing "$everything" "$(allow 2)"
sql "SELECT pg_terminate_backend(min(pid)) FROM pg_stat_activity WHERE backend_type = 'parallel worker'" >/dev/null
end_stopped
idle "a worker terminated"

train wide "SELECT i / 1000, i FROM generate_series(1, 200000) i" ", factors => 2"
said=$(sql_error "SET maintenance_work_mem = '1MB'; SELECT * FROM promoai.cf_recommend_all('wide')")
like "$said" "ERROR: +a list of 10 items for every customer needs [0-9]+ MB of memory, more than the allowed 1 MB" "too little memory says how much is needed"
like "$said" "HINT: +Raise maintenance_work_mem to at least [0-9]+ MB\." "and what to raise"
is "$(sql "SET maintenance_work_mem = '$(sed -n 's/.*needs \([0-9]*\) MB.*/\1/p' <<<"$said")MB'; SELECT count(*) FROM promoai.cf_recommend_all('wide')")" 2010 "which suffices"

# Long ids, many more than there is room for: what the memory contexts of the lists hold while rows are put away.
train ids "SELECT i % 30, repeat('id', 30) || i FROM generate_series(1, 60000) i" ", factors => 2"
sql_start "SET statement_timeout = '20s'; SET maintenance_work_mem = '4MB'; SET max_parallel_maintenance_workers = 0;
	SELECT count(*) FROM promoai.cf_recommend_all('ids', k => 60000, exclude_seen => false)"
while kill -0 "$session" 2>/dev/null; do
	sql "SELECT pg_log_backend_memory_contexts(pid) FROM pg_stat_activity WHERE query LIKE '%recommend_all(''ids''%' AND pid <> pg_backend_pid(); SELECT pg_sleep(0.05)" >/dev/null
done
wait "$session"
is "$(cat "$server_dir/session.out")" 1800000 "lists of long ids"
most=$(grep -oE 'promoai (list|list row|item texts): [0-9]+ total' "$server_dir/log" | awk -F': ' '{ sub(/ total/, "", $2); if ($2 > most[$1]) most[$1] = $2 } END { for (name in most) sum += most[name]; print sum + 0 }')
ok "$([ "$most" -gt 0 ] && [ "$most" -lt 4194304 ]; echo $?)" "within 4 MB texts take $most bytes"
like "$(sql_error "\\set VERBOSITY verbose" -c "SELECT * FROM promoai.cf_recommend_all('wide', k => 0)")" "22023" "k => 0 is refused"
like "$(sql_error "\\set VERBOSITY verbose" -c "SELECT * FROM promoai.cf_recommend_all('wide', k => NULL)")" "22004" "and so is NULL"

done_testing
