#!/usr/bin/env bash
# The same bytes whatever the workers, the order of the rows and the plan of the source; the same answers in parallel plans.
# shellcheck source=test/server/lib.sh
. "$(dirname "$0")/lib.sh"
# shellcheck source=test/server/shop.sh
. "$(dirname "$0")/shop.sh"

start_server -c max_worker_processes=8 -c max_parallel_workers=8 -c max_parallel_maintenance_workers=2
shop_create
shop_large 200000
sql "CREATE TABLE weighted AS SELECT customer, item, ((customer + item) % 97 * 0.1)::real - 0.3 AS quantity FROM purchases_large;
	CREATE TABLE weighted_shuffled AS SELECT * FROM weighted ORDER BY hashint4(customer # item * 31), quantity DESC"

# Work for two workers: 2 iterations x 2 x 64^2 x 200,000 and more operations (team_workers).
train() { printf "SELECT version FROM promoai.mf_train('%s', '%s', iterations => 2, value_transform => 'log1p');" "$1" "$2"; }
settings() { printf "SET max_parallel_maintenance_workers = %s; %s" "$1" "${2:-}"; }

# workers_seen <workers allowed> [settings]: how many take part while the factors are solved
workers_seen()
{
	stop_at solving "$(train seen weighted)" "$(settings "$@")"
	sql "SELECT count(*) FROM pg_stat_activity WHERE backend_type = 'parallel worker'"
	end_stopped
}

sql "$(settings 0) $(train w0 weighted)" >/dev/null
expected=$(payload_md5 w0)
like "$expected" '^[0-9a-f]{32}$' "a model trained without workers has a payload"
is "$(workers_seen 0)" 0 "no worker takes part"

for n in 1 2; do
	is "$(workers_seen $n)" $n "$n allowed: $n take part"
	sql "$(settings $n) $(train w$n weighted)" >/dev/null
	is "$(payload_md5 w$n)" "$expected" "and the model has the same bytes"
done
is "$(workers_seen 2 "SET max_parallel_workers = 0;")" 0 "max_parallel_workers = 0: none takes part"
sql "$(settings 2 "SET max_parallel_workers = 0;") $(train none weighted)" >/dev/null
is "$(payload_md5 none)" "$expected" "and the model has the same bytes"
is "$(workers_seen 2 "SET max_parallel_workers = 1;")" 1 "max_parallel_workers = 1: one takes part"
sql "$(settings 2 "SET max_parallel_workers = 1;") $(train one weighted)" >/dev/null
is "$(payload_md5 one)" "$expected" "and the model has the same bytes"

isnt "$(sql "SELECT md5(string_agg(w::text, '')) FROM weighted w")" \
	"$(sql "SELECT md5(string_agg(w::text, '')) FROM weighted_shuffled w")" "the same rows in another order"
sql "$(settings 2) $(train shuffled weighted_shuffled)" >/dev/null
is "$(payload_md5 shuffled)" "$expected" "give the same bytes"

forced="SET parallel_setup_cost = 0; SET parallel_tuple_cost = 0; SET min_parallel_table_scan_size = 0;
	SET max_parallel_workers_per_gather = 2;"
# In 15 the setting is called force_parallel_mode, from 16 on debug_parallel_query.
debug="SELECT set_config(name, 'on', false) FROM pg_settings WHERE name IN ('force_parallel_mode', 'debug_parallel_query');"

stop_at reading "$(train seen weighted_shuffled)" "$forced"
is "$(sql "SELECT count(*) > 0 FROM pg_stat_activity WHERE backend_type = 'parallel worker'")" t \
	"the source is read by parallel workers"
end_stopped
sql "$forced $(train scanned weighted_shuffled)" >/dev/null
is "$(payload_md5 scanned)" "$expected" "rows as parallel workers deliver them give the same bytes"
sql "$debug $forced $(train debugged weighted)" >/dev/null
is "$(payload_md5 debugged)" "$expected" "also where every plan is made parallel"
sql "SET enable_seqscan = off; $(train joined "SELECT customer, item, quantity FROM weighted JOIN generate_series(0, 16383) g ON g = customer")" >/dev/null
is "$(payload_md5 joined)" "$expected" "also out of a join"

# ---- serving in parallel plans ----

sql "$train_shop" >/dev/null
sql "CREATE TABLE customers AS SELECT c AS id, 'x' AS filler FROM generate_series(1, 310) c; ALTER TABLE customers SET (parallel_workers = 2); ANALYZE customers"

# same <what> <query>: in parallel workers as without them
same()
{
	local serial parallel plan

	plan=$(sql "$forced SET parallel_leader_participation = off; EXPLAIN (ANALYZE, COSTS OFF, TIMING OFF) $2")
	like "$plan" "Workers Launched: [12].*$3" "$1: runs in parallel workers"
	serial=$(sql "SET max_parallel_workers_per_gather = 0; SELECT md5(string_agg(q::text, ' ' ORDER BY q::text)) FROM ($2) q")
	parallel=$(sql "$forced SET parallel_leader_participation = off;
		SELECT md5(string_agg(q::text, ' ' ORDER BY q::text)) FROM ($2) q")
	is "$parallel" "$serial" "$1: answers as without them"
	is "$(sql "$debug SELECT md5(string_agg(q::text, ' ' ORDER BY q::text)) FROM ($2) q" | tail -1)" "$serial" \
		"$1: also where every plan is made parallel"
}

same cf_recommend "SELECT c.id, r.* FROM customers c, promoai.cf_recommend('shop', c.id, k => 5) r" "Function Scan on cf_recommend"
same cf_recommend_basket \
	"SELECT c.id, r.* FROM customers c, promoai.cf_recommend_basket('shop', ARRAY[c.id % 90, c.id % 7]::bigint[]) r" \
	"Function Scan on cf_recommend_basket"
same cf_similar_items "SELECT c.id, r.* FROM customers c, promoai.cf_similar_items('shop', c.id % 90) r" \
	"Function Scan on cf_similar_items"
same cf_predict "SELECT c.id, promoai.cf_predict('shop', c.id, c.id % 90) FROM customers c
	WHERE promoai.cf_predict('shop', c.id, 7::bigint) > -10" "Parallel Seq Scan on customers"

# ---- fewer processes than wanted ----

restart_server -c max_worker_processes=2 -c max_parallel_workers=8 -c max_parallel_maintenance_workers=2
seen=$(workers_seen 2)
ok "$([ "$seen" -lt 2 ] && echo 0 || echo 1)" "max_worker_processes = 2, one of them taken: fewer than two take part ($seen)"
sql "$(settings 2) $(train few weighted)" >/dev/null
is "$(payload_md5 few)" "$expected" "and the model has the same bytes"

restart_server -c max_worker_processes=0 -c max_parallel_maintenance_workers=2
is "$(workers_seen 2)" 0 "max_worker_processes = 0: none takes part"
sql "$(settings 2) $(train few0 weighted)" >/dev/null
is "$(payload_md5 few0)" "$expected" "and the model has the same bytes"

done_testing
