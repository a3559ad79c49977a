#!/usr/bin/env bash
# A session's memory does not grow with the number of calls, trainings or errors.
# shellcheck source=test/server/lib.sh
. "$(dirname "$0")/lib.sh"
# shellcheck source=test/server/shop.sh
. "$(dirname "$0")/shop.sh"

start_server
shop_create
sql "$train_shop" >/dev/null

# What the backend has allocated in all memory contexts, and, on Linux, what it occupies beside shared memory, malloc and all (kB).
used="(SELECT sum(total_bytes) / 1024 FROM pg_backend_memory_contexts)::bigint"
resident="0"
[ "$(uname)" = Linux ] &&
	resident="(SELECT substring(pg_read_file('/proc/' || pg_backend_pid() || '/status') FROM 'RssAnon:\s+(\d+)'))::bigint"

# grows_not <what> <statements> <times before> <times> [allowed kB]: by how much contexts and process grow
grows_not()
{
	local body=$2 allowed=${5:-100} grown growth
	growth="SELECT $used - contexts, $resident - resident FROM at" # once before, for what it needs itself
	grown=$(sql "CREATE TEMP TABLE at (contexts bigint, resident bigint)" -c "
		CREATE PROCEDURE pg_temp.repeat(n integer) LANGUAGE plpgsql AS \$\$ BEGIN FOR i IN 1 .. n LOOP $body END LOOP; END \$\$" \
		-c "CALL pg_temp.repeat($3)" -c "INSERT INTO at SELECT $used, $resident" -c "$growth" -c "UPDATE at SET contexts = $used, resident = $resident" \
		-c "CALL pg_temp.repeat($4)" -c "$growth" | tail -1) || {
		ok 1 "$1"
		return
	}
	ok "$([ "${grown%|*}" -le "$allowed" ]; echo $?)" "$1: contexts grow by ${grown%|*} kB"
	ok "$([ "${grown#*|}" -le $((allowed + 1000)) ]; echo $?)" "$1: the process grows by ${grown#*|} kB"
}

grows_not "20,000 recommendations" "PERFORM * FROM promoai.cf_recommend('shop', i % 310, k => 5);" 500 20000
grows_not "20,000 predictions" "PERFORM promoai.cf_predict('shop', i % 310, i % 95);" 500 20000
grows_not "5,000 baskets" "PERFORM * FROM promoai.cf_recommend_basket('shop', ARRAY[i % 90, i % 7]::bigint[]);" 500 5000
grows_not "5,000 similar items" "PERFORM * FROM promoai.cf_similar_items('shop', i % 90);" 500 5000
grows_not "300 evaluations" "PERFORM * FROM promoai.evaluate('shop', 'SELECT customer, item + 1 FROM purchases WHERE item < 89');" 10 300
grows_not "20,000 predictions in one query" \
	"PERFORM sum(promoai.cf_predict('shop', g % 310, g % 90)) FROM generate_series(1, 1000) g;" 2 20
grows_not "40 trainings" "PERFORM promoai.retrain('shop');" 10 40 400
# Versions that were served stay in the cache while there is room: little, here.
grows_not "40 trainings, each served and pruned" \
	"SET promoai.cache_size = '128kB'; PERFORM promoai.retrain('shop'); COMMIT; PERFORM * FROM promoai.cf_recommend('shop', 1); PERFORM promoai.model_prune('shop', 1); COMMIT;" 10 40 400

caught() { printf "BEGIN %s RAISE 'no error'; EXCEPTION WHEN %s THEN NULL; END;" "$1" "$2"; }
grows_not "500 trainings that fail" "$(caught "PERFORM promoai.mf_train('bad', 'SELECT customer, item, 1 / (quantity - 4) FROM purchases');" division_by_zero)" 50 500
grows_not "500 trainings that fail at a value" "$(caught "PERFORM promoai.mf_train('bad', 'SELECT customer, item, ''NaN''::real FROM purchases');" numeric_value_out_of_range)" 50 500
grows_not "1,000 unknown models" "$(caught "PERFORM * FROM promoai.cf_recommend('nosuch', 1);" undefined_object)" 50 1000

# ---- a damaged payload ----

sql "SET allow_system_table_mods = on; SET session_replication_role = replica;
	UPDATE promoai.registry_payload SET bytes = set_byte(bytes, 3000, 255 - get_byte(bytes, 3000))
	WHERE chunk = 1 AND version_id = (SELECT current_version FROM promoai.registry_models WHERE model = 'shop')"
like "$(sql_error "\\set VERBOSITY verbose" -c "SELECT * FROM promoai.cf_recommend('shop', 1)")" "XX001" "a damaged payload is an error"
grows_not "1,000 loads of a damaged payload" "$(caught "PERFORM * FROM promoai.cf_recommend('shop', 1);" data_corrupted)" 50 1000
sql "DELETE FROM promoai.registry_payload WHERE chunk = 1"
grows_not "1,000 loads of a payload with a part missing" "$(caught "PERFORM * FROM promoai.cf_recommend('shop', 1);" data_corrupted)" 50 1000
is "$(sql "SELECT (promoai.retrain('shop')).version > 0")" t "it can be trained again"
is "$(sql "SELECT count(*) FROM promoai.cf_recommend('shop', 1, k => 5)")" 5 "and serves"

done_testing
