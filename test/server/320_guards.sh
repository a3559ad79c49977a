#!/usr/bin/env bash
# Guards: a version that is worse, or a source that is not what it was, is not published; a good one is.
# shellcheck source=test/server/lib.sh
. "$(dirname "$0")/lib.sh"
# shellcheck source=test/server/shop.sh
. "$(dirname "$0")/shop.sh"
# shellcheck source=test/server/jobs.sh
. "$(dirname "$0")/jobs.sh"

start_server
timed_shop
sql "SELECT promoai.cf_train('m', 'SELECT customer, item, at FROM timed', method => 'item_knn', holdout => 0)" >/dev/null
scheduled() { sql "SELECT promoai.schedule_retrain('m', every => '1 hour', $1)" >/dev/null; }
check() { sql "SELECT checks ->> '$1' FROM promoai.training_runs ORDER BY started_at DESC LIMIT 1"; }
published() { sql "SELECT version FROM promoai.models WHERE model = 'm'"; }

# ---- is there enough that is new? ----
scheduled "guard => 'none', min_new_rows => 100"
is "$(run_now m)" skipped "nothing new: skipped"
like "$(last_message m)" "0 rows more than version 1 was trained on; min_new_rows is 100" "and says why"
scheduled "guard => 'none', min_new_rows => 100, max_age => '1 millisecond'"
is "$(run_now m)" published "but not when the version is too old"
scheduled "guard => 'none', max_age => '1 hour'"
is "$(run_now m)" skipped "younger than max_age: skipped"

# ---- champion and challenger, by time ----
scheduled "guard => 'compare'"
is "$(run_now m)" kept "demanded, and there is nothing later to compare on: kept"
like "$(last_message m)" "^not compared: there are no rows after" "and says why"
is "$(published)" 2 "the published version stays"
sql "SELECT promoai.model_publish('m', 3)" >/dev/null
sql "$more_purchases" && sleep 0.2 && sql "$more_purchases"
scheduled "guard => 'compare', holdout => '10 seconds'"
due m && sql "CALL promoai.run_due_jobs()"
is "$(check measure)" "ndcg@20" "versions are compared by the lists that they give"
isnt "$(check champion)" "" "the champion has a figure: $(check champion)"
isnt "$(check challenger)" "" "the challenger too: $(check challenger), p $(check p_worse), $(check cases) cases, $(check compared_on)"

# A definition that is worse is found out: the last weeks' popularity instead of what customers have in common.
sql "SELECT promoai.cf_train('m', 'SELECT customer, item, at FROM timed', method => 'item_knn', holdout => 0)" >/dev/null
good=$(published)
sql "UPDATE promoai.registry_models SET arguments = '{\"method\": \"popular\", \"holdout\": 0, \"feedback\": \"implicit\", \"metrics_k\": 20, \"seed\": 42}'"
sleep 0.2
sql "INSERT INTO timed SELECT c, (c % 5) * 18 + (c * 11 + i * 5) % 18, clock_timestamp() FROM generate_series(1, 300) c, generate_series(1, 3) i"
scheduled "guard => 'auto', keep => 3"
is "$(run_now m)" kept "a worse definition: kept"
like "$(last_message m)" "is worse than version $good: ndcg@20 .* instead of .* on rows after .*p = " "and says by how much: $(last_message m)"
is "$(published)" "$good" "the good version serves"
is "$(sql "SELECT max(version) > $good FROM promoai.model_versions")" t "the other one is there, unpublished"
is "$(sql "SELECT trouble FROM promoai.model_health")" "a guard kept the last version back" "model_health says so"
sql "SELECT count(*) FROM promoai.registry_versions" >"$server_dir/versions"
is "$(sql "$strays")" "" "the stand-in that was judged has left nothing"
sql "UPDATE promoai.registry_schedules SET guards = guards || '{\"tolerance\": 1}'"
is "$(run_now m)" published "with every tolerance it is published"

# ---- a validation source ----
sql "SELECT promoai.cf_train('m', 'SELECT customer, item, at FROM timed WHERE (customer + item) % 7 > 0', method => 'item_knn', holdout => 0);
	UPDATE promoai.registry_models SET arguments = '{\"method\": \"popular\", \"holdout\": 0, \"feedback\": \"implicit\", \"metrics_k\": 20, \"seed\": 42}'" >/dev/null
good=$(published)
scheduled "validation => 'SELECT customer, item FROM timed WHERE (customer + item) % 7 = 0'"
is "$(run_now m)" kept "a validation source: kept"
like "$(last_message m)" "on the validation source" "and says on what"
sql "UPDATE promoai.registry_models SET arguments = '{\"method\": \"item_knn\", \"holdout\": 0, \"feedback\": \"implicit\", \"metrics_k\": 20, \"seed\": 42}'"
is "$(run_now m)" published "the same again is as good: published"
is "$(check champion)" "$(check challenger)" "by the same figure"
scheduled "validation => 'SELECT 1 AS nothing'"
is "$(run_now m)" failed "a validation source with other columns"
like "$(last_message m)" "^not published, because it could not be judged: source does not have the expected columns" "is an error, and nothing is published"

# ---- a query of one's own ----
for answer in "SELECT false|does not say true" "SELECT NULL::boolean|does not say true" "SELECT true WHERE false|returned no row" "VALUES (true), (true)|returned more than one row"; do
	scheduled "guard => 'none', guard_query => \$\$${answer%|*}\$\$"
	is "$(run_now m)" kept "guard_query => ${answer%|*}: kept"
	is "$(last_message m)" "guard_query ${answer#*|}" "and says why"
done
scheduled "guard => 'none', guard_query => 'SELECT max(version) > 1 FROM promoai.model_versions'"
is "$(run_now m)" published "a query that is true"
scheduled "guard => 'none', guard_query => 'DELETE FROM timed RETURNING true'"
is "$(run_now m)" failed "a query that writes is refused"

# ---- what the source looks like ----
sql "UPDATE promoai.registry_models SET source = 'SELECT customer, item, quantity FROM goods'; CREATE TABLE goods AS SELECT c AS customer, i AS item, ((c * 7 + i) % 50)::float8 AS quantity FROM generate_series(1, 200) c, generate_series(1, 20) i"
scheduled "guard => 'none', min_rows_ratio => NULL, max_null_share => 0.1, max_drift => 0.25, max_unseen => 0.3"
is "$(run_now m)" published "the first look has nothing to compare with"
is "$(run_now m)" published "the same source again"
is "$(check drift | cut -c 1-3) $(check unseen)" "0 0" "has not drifted"
sql "UPDATE goods SET quantity = quantity + 10"
is "$(run_now m)" kept "numbers that moved: not trained"
like "$(last_message m)" "column \"quantity\" has drifted .* more than max_drift 0.25" "and says which"
isnt "$(sql "SELECT drift FROM promoai.model_health")" "" "model_health shows the drift"
sql "UPDATE goods SET quantity = quantity - 10; UPDATE goods SET customer = customer + 1000 WHERE customer <= 100"
is "$(run_now m)" kept "half of the customers are new: not trained"
like "$(last_message m)" "^0.5 of the ids in column \"customer\" are new .* more than max_unseen 0.3" "and says which"
sql "UPDATE goods SET customer = customer - 1000 WHERE customer > 1000; UPDATE goods SET quantity = NULL WHERE customer % 5 = 0"
is "$(run_now m)" kept "a fifth is NULL: not trained"
like "$(last_message m)" "^0.2 of column \"quantity\" is NULL, more than max_null_share 0.1" "and says which"
sql "UPDATE goods SET quantity = 1 WHERE quantity IS NULL; DELETE FROM goods WHERE customer > 60"
scheduled "guard => 'none'"
is "$(run_now m)" kept "less than half of the rows: kept"
like "$(last_message m)" "less than min_rows_ratio 0.5 of the" "and says so"

# ---- frequent values that move ----
has() { sql "CREATE OR REPLACE VIEW flat AS SELECT c AS customer, i AS item, ($1)::float8 AS quantity FROM generate_series(1, 200) c, generate_series(1, 20) i"; }
limits="guard => 'none', max_drift => 0.1, settings => '{\"extra_float_digits\": 0}'"
has 1
sql "UPDATE promoai.registry_models SET source = 'SELECT customer, item, quantity FROM flat'"
for change in "1.5|150|a constant rises" "0.1::float8 + 0.2|0.1|a constant falls" "1.5|CASE WHEN i % 5 = 0 THEN 2 ELSE 1.5 END|a fifth of a constant" \
	"CASE WHEN i % 10 = 0 THEN 0 ELSE 5 END|CASE WHEN i % 10 = 0 THEN 0 ELSE 500 END|nine tenths, the largest" \
	"CASE WHEN i % 10 = 0 THEN 0 ELSE 5 END|CASE WHEN i % 10 = 0 THEN -9 ELSE 5 END|a tenth, the least" \
	"(i % 10 = 0)::int|(i % 10 = 0)::int * 3|a flag of a tenth"; do
	IFS='|' read -r before after words <<<"$change"
	has "$before"
	scheduled "$limits"
	is "$(run_now m) $(run_now m)" "published published" "$words: as it is"
	is "$(check drift | cut -c 1-3)" 0 "no drift"
	has "$after"
	is "$(run_now m)" kept "and when it moves: kept"
done

# ---- shapes of an earlier version, and what no version wrote ----
has 1.5
scheduled "$limits"
is "$(run_now m)" published "a constant"
for shape in "1 " "1 1 1 1 0 0 0 1" "nan 1 0" "1 nan nan" "1 2 1.5 -0.5" "" "1"; do
	sql "UPDATE promoai.registry_schedules SET profile = jsonb_set(profile, '{3.shape}', to_jsonb('$shape'::text))"
	is "$(run_now m) $(check drift)" "published " "not compared with \"$shape\""
done
sql "UPDATE promoai.registry_schedules SET profile = jsonb_set(profile, '{3.shape}', '\"1 0.5 0.5 \"')"
is "$(run_now m)" kept "cuts that stand once are read as they were meant"

done_testing
