#!/usr/bin/env bash
# A hot standby serves, looks and evaluates as the primary does, says that it cannot write, and trains once promoted.
# shellcheck source=test/server/lib.sh
. "$(dirname "$0")/lib.sh"
# shellcheck source=test/server/shop.sh
. "$(dirname "$0")/shop.sh"

start_server -c max_wal_senders=4 -c hot_standby=on -c wal_level=replica -c max_standby_streaming_delay=-1
shop_create
sql "CREATE ROLE seller LOGIN; CREATE ROLE analyst LOGIN; GRANT USAGE ON SCHEMA promoai TO PUBLIC; GRANT SELECT ON purchases TO PUBLIC;
	CREATE TABLE customers AS SELECT c AS id FROM generate_series(1, 310) c; ALTER TABLE customers SET (parallel_workers = 2); ANALYZE"
PGUSER=seller sql "$train_shop; $retrain_shop" >/dev/null
PGUSER=seller sql "SELECT promoai.model_grant('shop', 'analyst')" >/dev/null
PGUSER=seller sql "SELECT promoai.cf_train(m, 'SELECT customer, item FROM purchases', m, holdout => 0) FROM unnest(ARRAY['ease', 'user_knn']) m" >/dev/null

standby=$server_dir/standby
as_server_user "$(pg pg_basebackup)" -h "$PGHOST" -p "$PGPORT" -U postgres -D "$standby" -R -X stream -c fast
ok $? "a standby is made"
mkdir -p "$server_dir/socket" && chown "$(server_user)" "$server_dir/socket"
start_standby()
{
	as_server_user "$(pg pg_ctl)" start -w -s -D "$standby" -l "$server_dir/standby.log" \
		-o "-c listen_addresses= -c unix_socket_directories=$server_dir/socket"
}
start_standby
on_standby() { PGHOST=$server_dir/socket "$@"; }
caught_up() { on_standby wait_for "SELECT pg_last_wal_replay_lsn() >= '$(sql "SELECT pg_current_wal_lsn()")'" t; }
is "$(on_standby sql "SELECT pg_is_in_recovery()")" t "and follows"

# ---- what reads ----

# as_primary <what> <query> [role]
as_primary()
{
	local expected
	expected=$(PGUSER=${3:-postgres} sql "$2")
	isnt "$expected" "" "$1: the primary answers"
	is "$(PGUSER=${3:-postgres} on_standby sql "$2")" "$expected" "$1: the standby answers the same"
}
caught_up
as_primary cf_recommend "$answers"
as_primary "cf_recommend, as a grantee" "$answers" analyst
as_primary "another version" "SELECT * FROM promoai.cf_recommend('shop', 5, version => 1)"
as_primary cf_recommend_basket "SELECT * FROM promoai.cf_recommend_basket('shop', ARRAY[1, 5, 9]::bigint[])"
as_primary cf_similar_items "SELECT * FROM promoai.cf_similar_items('shop', 5)"
as_primary cf_predict "SELECT sum(promoai.cf_predict('shop', id, 5::bigint)) FROM customers"
as_primary cf_recommend_all "SELECT md5(string_agg(r::text, ' ')) FROM promoai.cf_recommend_all('shop', 5) r"
for model in ease user_knn; do
	as_primary "cf_recommend by $model" "SELECT id, r.* FROM customers, promoai.cf_recommend('$model', id, k => 3) r"
	as_primary "cf_explain by $model" "SELECT id, r.* FROM customers, promoai.cf_explain('$model', id, 5::bigint) r"
	as_primary "cf_target_users by $model" "SELECT * FROM promoai.cf_target_users('$model', 5::bigint)"
done
as_primary mf_item_factors "SELECT md5(string_agg(r::text, ' ')) FROM promoai.mf_item_factors('shop') r"
as_primary mf_user_factors "SELECT md5(string_agg(r::text, ' ')) FROM promoai.mf_user_factors('shop') r"
as_primary evaluate "SELECT * FROM promoai.evaluate('shop', 'SELECT customer, (item + 1) % 90 FROM purchases', k => 10)"
as_primary "evaluate, with a history" "SELECT * FROM promoai.evaluate('shop', 'SELECT customer, (item + 1) % 90 FROM purchases', history => 'purchases')"
as_primary source_scan "SELECT rows_read, customers, items FROM promoai.source_scan('purchases')"
for view in models model_versions model_metrics model_grants; do
	as_primary $view "SELECT * FROM promoai.$view ORDER BY 1, 2, 3" seller
done
as_primary "rights of nobody in particular" "SELECT count(*) FROM promoai.models"
is "$(on_standby sql "SELECT count(*) FROM promoai.training_progress")" 0 "training_progress: answers, with nothing"
is "$(on_standby sql "SET parallel_setup_cost = 0; SET parallel_tuple_cost = 0; SET min_parallel_table_scan_size = 0; SET parallel_leader_participation = off;
	SELECT md5(string_agg(promoai.cf_predict('shop', id, 5::bigint)::text, ' ' ORDER BY id)) FROM customers WHERE promoai.cf_predict('shop', id, 5::bigint) > -9")" \
	"$(sql "SELECT md5(string_agg(promoai.cf_predict('shop', id, 5::bigint)::text, ' ' ORDER BY id)) FROM customers WHERE promoai.cf_predict('shop', id, 5::bigint) > -9")" "also in parallel workers"

# ---- what writes ----

refused()
{
	like "$(PGUSER=seller on_standby sql_error "SELECT promoai.$1" -v VERBOSITY=verbose)" \
		"^ERROR:  25006: cannot execute ${1%%(*}\(\) during recovery" "${1%%(*} says that it cannot"
}
refused "mf_train('shop', 'purchases')"
refused "mf_train('new', 'purchases')"
refused "cf_train('ease', 'purchases', 'ease')"
refused "cf_tune('ease', 'purchases', '{\"method\": \"ease\"}')"
refused "retrain('shop')"
refused "model_publish('shop', 1)"
refused "model_rollback('shop')"
refused "model_drop('shop')"
refused "model_prune('shop', 1)"
refused "model_grant('shop', 'public')"
refused "model_revoke('shop', 'analyst')"
refused "model_owner('shop', 'seller')"
refused "model_grant('shop', 'nosuch')"

# ---- what follows ----

PGUSER=seller sql "SELECT promoai.model_drop(m) FROM unnest(ARRAY['ease', 'user_knn']) m" >/dev/null

# One session on the standby, while the primary publishes.
is "$(sql "SELECT (promoai.model_rollback('shop')).version")" 1 "the primary publishes another version"
caught_up
is "$(on_standby sql "SELECT version FROM promoai.models")" 1 "which the standby serves"
as_primary "the other version" "$answers"
transcript=$(on_standby "$(pg psql)" -XAtq 2>&1 <<-SQL
	BEGIN ISOLATION LEVEL REPEATABLE READ;
	SELECT version FROM promoai.models;
	$answers;
	\! PGHOST=$PGHOST '$(pg psql)' -XAtqc "SELECT (promoai.mf_train('shop', 'SELECT customer, (item + 3) % 90 FROM purchases', factors => 8, iterations => 3)).version"
	\! i=0; while [ \$i -lt 100 ] && [ "\$('$(pg psql)' -XAtqc 'SELECT version FROM promoai.models')" != 3 ]; do sleep 0.1; i=\$((i + 1)); done
	SELECT version FROM promoai.models;
	$answers;
	COMMIT;
	SELECT version FROM promoai.models;
SQL
)
old=$(sql "SELECT md5(string_agg(a::text, ' ' ORDER BY c, a.rank)) FROM generate_series(1, 310) c, promoai.cf_recommend('shop', c, k => 7, version => 1) a")
is "$transcript" "1
$old
3
1
$old
3" "a REPEATABLE READ transaction on the standby goes on with the version that it saw first"
isnt "$(sql "$answers")" "$old" "although another answers differently"

is "$(sql "SELECT promoai.model_prune('shop', 1)")" 2 "the primary prunes"
sql "VACUUM promoai.registry_payload, promoai.registry_versions"
caught_up
as_primary "pruned and vacuumed" "SELECT version FROM promoai.model_versions"
as_primary "pruned and vacuumed: what is left" "$answers"

# ---- stopped in the middle, and promoted ----

as_server_user "$(pg pg_ctl)" stop -w -s -m immediate -D "$standby"
start_standby
as_primary "killed and started again" "$answers"
expected=$(sql "$registry")
sql_start "SET promoai.test_point = 'after publish'; $retrain_shop"
wait_for "SELECT count(*) FROM pg_stat_activity WHERE query = 'promoai test point: after publish'" 1
caught_up
as_server_user "$(pg pg_ctl)" promote -w -s -D "$standby"
is "$(on_standby sql "$registry")" "$expected" "promoted while the primary was about to publish: all is as it was"
is "$(on_standby sql "$strays")" "" "and nothing is left over"
is "$(PGUSER=seller on_standby sql "$retrain_shop")" 4 "a training works at once"
is "$(PGUSER=seller on_standby sql "SELECT promoai.model_prune('shop', 1)")" 1 "and a prune"
end_stopped
as_server_user "$(pg pg_ctl)" stop -w -s -m fast -D "$standby"

done_testing
