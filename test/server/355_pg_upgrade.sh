#!/usr/bin/env bash
# pg_upgrade: models serve the same answers in the new cluster, schedules, grants and owners are there, and the worker goes on.
# NEW_PG_CONFIG names the new server's pg_config, with promoai installed there; without it the new cluster is of the same
# version, which pg_upgrade treats no differently.
# shellcheck source=test/server/lib.sh
. "$(dirname "$0")/lib.sh"
# shellcheck source=test/server/shop.sh
. "$(dirname "$0")/shop.sh"
# shellcheck source=test/server/jobs.sh
. "$(dirname "$0")/jobs.sh"

new_config=${NEW_PG_CONFIG:-$PG_CONFIG}
new_bin=$("$new_config" --bindir)
[ -x "$new_bin/pg_upgrade" ] || skip_all "pg_upgrade is not installed beside $new_config"
[ -f "$("$new_config" --sharedir)/extension/promoai.control" ] || skip_all "promoai is not installed in the server of $new_config"

preloaded=(-c shared_preload_libraries=promoai -c promoai.worker_naptime=1s)
start_server "${preloaded[@]}"
sql "CREATE DATABASE other" -c "CREATE ROLE keeper NOLOGIN" -c "CREATE ROLE analyst LOGIN" -c "CREATE ROLE \"Odd \"\"Name\"\"\" LOGIN"
shop_create
sql "CREATE TABLE orders AS SELECT c AS customer, timestamptz '2026-01-01' + ((c * 37 + i * i * 11) % 300) * interval '1 day' AS at, 10 + (c + i) % 20 AS amount
	FROM generate_series(1, 200) c, generate_series(1, 6) i WHERE (c + i) % 3 > 0;
	GRANT USAGE ON SCHEMA promoai TO PUBLIC; GRANT SELECT ON purchases TO keeper"
sql "SET ROLE keeper; $train_shop; SELECT promoai.retrain('shop'); SELECT promoai.model_grant('shop', 'analyst'); SELECT promoai.model_grant('shop', 'Odd \"Name\"');
	SELECT promoai.schedule_retrain('shop', cron => '30 3 * * 1-5', time_zone => 'Asia/Shanghai', keep => 3, guard => 'none')" >/dev/null
sql "SELECT promoai.cf_train('near', 'SELECT customer::text || ''-é'', item FROM purchases', method => 'item_knn', holdout => 0);
	SELECT promoai.basket_train('bundles', 'SELECT customer, item FROM purchases');
	SELECT promoai.kmeans_train('groups', 'SELECT customer, sum(quantity), count(*) FROM purchases GROUP BY 1', 3);
	SELECT promoai.clv_train('values', 'SELECT customer, at, amount FROM orders', time_zone => 'UTC');
	SELECT promoai.schedule_retrain('near', every => '1 day', guard => 'none')" >/dev/null 2>&1
due shop
wait_for "SELECT count(*) FROM promoai.training_runs WHERE model = 'shop' AND state = 'published'" 1 20
ok $? "in the old cluster the worker has retrained a model"
PGDATABASE=other sql "CREATE EXTENSION promoai"

# All that can be asked, but for when something is due or how long ago it was.
everything="SELECT * FROM promoai.models; SELECT * FROM promoai.model_versions; SELECT * FROM promoai.model_metrics; SELECT * FROM promoai.model_grants;
	SELECT * FROM promoai.schedules; SELECT * FROM promoai.training_runs; SELECT promoai.model_definition(model) FROM promoai.models ORDER BY model; $answers;
	SELECT md5(string_agg(r::text, ' ')) FROM promoai.cf_recommend_all('near', 5) r;
	SELECT md5(string_agg(r::text, ' ')) FROM generate_series(0, 89) i, promoai.basket_recommend('bundles', ARRAY[i]) r;
	SELECT md5(string_agg(r::text, ' ')) FROM promoai.segment_members('groups') r;
	SELECT md5(string_agg(promoai.segment_assign('groups', ARRAY[q, 9])::text, ' ' ORDER BY q)) FROM generate_series(1, 40) q;
	SELECT md5(string_agg(r::text, ' ')) FROM promoai.clv_predict('values', '30 days') r"
expected=$(sql "$everything")
ok $? "it answers all that will be asked again"
registered=$(sql "$registry")
stop_server

# ---- the upgrade ----
new=$server_dir/new
as_server_user env LC_ALL=C.UTF-8 "$new_bin/initdb" -D "$new" -U postgres -A trust --locale=C.UTF-8 --encoding=UTF8 --no-sync >/dev/null
for file in postgresql.conf promoai.conf pg_hba.conf pg_ident.conf; do
	as_server_user cp "$server_dir/data/$file" "$new/"
done
(cd "$server_dir" && mkdir -p upgrade && chown "$(server_user)" upgrade && cd upgrade &&
	as_server_user env LC_ALL=C.UTF-8 "$new_bin/pg_upgrade" -U postgres -b "$(dirname "$(pg postgres)")" -B "$new_bin" \
		-d "$server_dir/data" -D "$new" -s "$server_dir/upgrade" -p 50432 -P 50433) >"$server_dir/upgrade.log" 2>&1
ok $? "pg_upgrade" || diag "$(tail -20 "$server_dir/upgrade.log")"
mv "$server_dir/data" "$server_dir/old" && mv "$new" "$server_dir/data"
PG_CONFIG=$new_config

start_server "${preloaded[@]}" -c promoai.max_running=0
is "$(sql "$registry")" "$registered" "the registry is the same, row for row"
is "$(sql "$everything")" "$expected" "views, answers of every kind, definitions, schedules and runs are the same"
is "$(sql "$strays")" "" "nothing is left over"
is "$(PGUSER=analyst sql "SELECT count(*) FROM promoai.cf_recommend('shop', 1)")" 10 "a grantee is served"
like "$(PGUSER=analyst sql_error "SELECT * FROM promoai.basket_recommend('bundles', ARRAY[1])")" "no right" "others are not"

# ---- and on it goes ----
n=$(runs shop)
due shop near
restart_server "${preloaded[@]}"
wait_for "SELECT count(*) FROM promoai.training_runs WHERE state = 'published' AND runner = 'worker'" $((n + 2)) 30
ok $? "the worker goes on with both schedules"
is "$(sql "SELECT trained_by FROM promoai.model_versions WHERE model = 'shop' AND published")" keeper "as the owner, who cannot log in"
is "$(sql "$answers")" "$(sed -n '/^[0-9a-f]\{32\}$/p' <<<"$expected" | head -1)" "what it learns is what was learnt before"
is "$(PGDATABASE=other sql "SELECT count(*) FROM promoai.models")" 0 "the other database has the extension, and no models"
sql "DROP EXTENSION promoai CASCADE"
ok $? "the extension can be dropped"

done_testing
