#!/usr/bin/env bash
# Guards of models that give no lists: bundles, segments and lifetime values are compared case by case as well; a version that is
# worse is kept back, one that is as good is published.
# shellcheck source=test/server/lib.sh
. "$(dirname "$0")/lib.sh"
# shellcheck source=test/server/shop.sh
. "$(dirname "$0")/shop.sh"
# shellcheck source=test/server/jobs.sh
. "$(dirname "$0")/jobs.sh"

start_server -c timezone=UTC
sql "CREATE EXTENSION promoai"
check() { sql "SELECT checks ->> '$2' FROM promoai.training_runs WHERE model = '$1' ORDER BY started_at DESC LIMIT 1"; }
published() { sql "SELECT version FROM promoai.models WHERE model = '$1'"; }
# was_trained <model> <interval> ago, so far as the registry knows
was_trained() { sql "UPDATE promoai.registry_versions v SET trained_at = now() - interval '$2' FROM promoai.registry_models m WHERE m.model_id = v.model_id AND m.model = '$1'"; }
define() { sql "UPDATE promoai.registry_models SET arguments = arguments || '$2' WHERE model = '$1'"; }

# duel <model> <measure> <least cases> <definition that is worse> <definition as it was> [again]: worse and kept, then as good
# and published; between them what `again` says is done
duel()
{
	local model=$1 measure=$2 cases=$3 worse=$4 good=$5 champion
	champion=$(published "$model")
	define "$model" "$worse"
	is "$(run_now "$model")" kept "$model: a worse definition is kept back"
	like "$(last_message "$model")" "is worse than version $champion: $measure .* instead of .* on .* \(p = " "$model: $(last_message "$model")"
	is "$(published "$model")" "$champion" "$model: the good version serves"
	[ "$(check "$model" cases)" -ge "$cases" ]
	ok $? "$model: by $(check "$model" cases) cases"
	define "$model" "$good"
	is "$(run_now "$model")" published "$model: the same again is published: $(last_message "$model")"
	is "$(check "$model" measure)" "$measure" "$model: and was compared: $(check "$model" champion), $(check "$model" challenger), p $(check "$model" p_worse)"
	isnt "$(published "$model")" "$champion" "$model: it serves"
}

# ---- bundles: two articles of a group in most baskets, and a lot of noise ----
sql "CREATE TABLE baskets AS
	SELECT b AS basket, item, now() - interval '40 days' + b * interval '20 minutes' AS at
	FROM generate_series(1, 2800) b, LATERAL (VALUES (b % 40 * 2), (b % 40 * 2 + 1), (80 + (hashint4(b) & 1023) % 23), (103 + (hashint4(-b) & 1023) % 7)) AS v (item)"
sql "SELECT promoai.basket_train('bundles', 'SELECT basket, item, at FROM baskets WHERE at < now() - interval ''5 days''', holdout => 0);
	UPDATE promoai.registry_models SET source = 'SELECT basket, item, at FROM baskets' WHERE model = 'bundles';
	SELECT promoai.schedule_retrain('bundles', every => '1 day', guard => 'compare', metrics_k => 5)" >/dev/null
was_trained bundles '5 days'
duel bundles ndcg@5 90 '{"min_support": 0.2}' "$(sql "SELECT arguments FROM promoai.registry_models WHERE model = 'bundles'")"

# ---- segments: three groups of customers, and a source without a time ----
sql "CREATE TABLE shape AS SELECT c AS customer, (c % 3) * 100 + (c * 7) % 13 AS orders, exp((c % 3) * 2 + (c * 11) % 17 / 17.0) AS revenue FROM generate_series(1, 1500) c"
sql "SELECT promoai.kmeans_train('groups', 'SELECT customer, orders, revenue FROM shape -- all', 3);
	SELECT promoai.schedule_retrain('groups', every => '1 day', guard => 'compare')" >/dev/null
duel groups mean_square_distance 200 '{"k": 2}' '{"k": 3}'
like "$(check groups compared_on)" "a fifth of all" "groups: on rows that the stand-in has not seen"
sql "SELECT promoai.schedule_retrain('groups', every => '1 day', guard => 'compare', validation => 'SELECT customer + 5000, orders, revenue FROM shape')" >/dev/null
duel groups mean_square_distance 1500 '{"k": 2}' '{"k": 3}'
is "$(sql "SELECT round((checks ->> 'champion')::numeric, 4) FROM promoai.training_runs WHERE model = 'groups' ORDER BY started_at DESC LIMIT 1")" \
	"$(sql "SELECT round(value::numeric, 4) FROM promoai.evaluate('groups', 'SELECT customer + 5000, orders, revenue FROM shape') WHERE metric = 'mean_square_distance'")" \
	"groups: the figure is the one that evaluate() gives"
define groups '{"standardize": "zscore"}'
is "$(run_now groups)" published "groups: other scales do not decide, centres do"
sql "TRUNCATE shape; INSERT INTO shape VALUES (1, 1, 1), (2, 2, 2)"
sql "SELECT promoai.schedule_retrain('groups', every => '1 day', min_rows_ratio => NULL)" >/dev/null
is "$(run_now groups)" published "groups: two rows are too few to compare on"
like "$(last_message groups)" "^not compared: " "groups: $(last_message groups)"

# ---- lifetime values: customers with a rate of their own, some of whom leave ----
sql "CREATE TABLE orders AS
	SELECT c AS customer, now() - interval '400 days' + ((c * 37) % 100) * interval '1 day' + (n * (3 + (c * 7) % 60)) * interval '1 day' AS at, 10 + (c * 3 + n) % 20 AS amount
	FROM generate_series(1, 1200) c, generate_series(0, 120) n WHERE n <= (c * 13) % 40"
sql "DELETE FROM orders WHERE at > now()"
sql "SELECT promoai.clv_train('values', 'SELECT customer, at, amount FROM orders WHERE at < now() - interval ''60 days''', holdout => 0);
	UPDATE promoai.registry_models SET source = 'SELECT customer, at, amount FROM orders' WHERE model = 'values';
	SELECT promoai.schedule_retrain('values', every => '1 day', guard => 'compare')" >/dev/null
was_trained values '60 days'
duel values square_error_of_orders 500 '{"penalizer": 1000}' '{"penalizer": 0}'
is "$(sql "$strays")" "" "nothing is left over"

done_testing
