#!/usr/bin/env bash
# Every kind of model is retrained by a schedule, though its training is two transactions there: reading, and the rest.
# shellcheck source=test/server/lib.sh
. "$(dirname "$0")/lib.sh"
# shellcheck source=test/server/shop.sh
. "$(dirname "$0")/shop.sh"
# shellcheck source=test/server/jobs.sh
. "$(dirname "$0")/jobs.sh"

start_server
timed_shop
sql "CREATE TABLE articles AS SELECT i AS item, 'thing ' || i % 7 || ' colour ' || i % 5 AS title FROM generate_series(0, 89) i;
	CREATE TABLE orders AS SELECT c AS customer, timestamptz '2026-01-01' + ((c * 37 + i * i * 11) % 300) * interval '1 day' AS at, 10 + (c + i) % 20 AS amount
	FROM generate_series(1, 200) c, generate_series(1, 6) i WHERE (c + i) % 3 > 0;
	CREATE TABLE shape AS SELECT c AS customer, (c % 3 * 10 + c % 7)::float8 AS x, (c % 3 * 5 + c % 4)::float8 AS y FROM generate_series(1, 300) c"

# kind <model> <trainer's call>
kind()
{
	sql "SELECT promoai.$2; SELECT promoai.schedule_retrain('$1', every => '1 day', min_rows_ratio => NULL)" >/dev/null
	is "$(run_now "$1")" published "$1: $(last_message "$1")"
	is "$(sql "SELECT version FROM promoai.models WHERE model = '$1'")" 2 "$1: the new version serves"
}
kind mf "mf_train('mf', 'SELECT customer, item, at FROM timed', factors => 4, iterations => 2)"
kind ratings "mf_train('ratings', 'SELECT customer, item, (customer + item) % 5 + 1, at FROM timed', feedback => 'explicit', factors => 4, iterations => 2)"
for method in ease item_knn user_knn rp3beta popular buy_again; do
	kind $method "cf_train('$method', 'SELECT customer, item, at FROM timed', method => '$method')"
done
kind basket "basket_train('basket', 'SELECT customer, item FROM timed')"
kind content "content_train('content', 'SELECT item, title FROM articles', interactions => 'SELECT customer, item FROM timed')"
kind hybrid "hybrid_train('hybrid', ARRAY['mf', 'item_knn'], 'SELECT customer, item FROM timed')"
kind mixed "hybrid_train('mixed', ARRAY['mf', 'item_knn'], weights => ARRAY[0.5, 0.5])"
kind segment "kmeans_train('segment', 'SELECT customer, x, y FROM shape', 3)"
kind clv "clv_train('clv', 'SELECT customer, at, amount FROM orders')"

# Each kind also stands in for itself where versions are compared.
sql "$more_purchases" && sleep 0.3 && sql "$more_purchases"
for model in mf ratings ease item_knn buy_again; do
	is "$(run_now "$model")" published "$model: compared: $(last_message "$model")$(sql "SELECT checks ->> 'measure' || ' ' || (checks ->> 'cases') FROM promoai.training_runs WHERE model = '$model' ORDER BY started_at DESC LIMIT 1")"
	isnt "$(sql "SELECT checks ->> 'measure' FROM promoai.training_runs WHERE model = '$model' ORDER BY started_at DESC LIMIT 1")" "" "$model: by its own measure"
done
is "$(sql "$strays")" "" "nothing is left over"

done_testing
