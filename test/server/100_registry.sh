#!/usr/bin/env bash
# Models under crash, cancel and concurrency, through dump and restore, and on a standby.
# shellcheck source=test/server/lib.sh
. "$(dirname "$0")/lib.sh"

start_server -c max_wal_senders=4 -c hot_standby=on
sql "CREATE EXTENSION promoai;
	CREATE TABLE purchases AS
	SELECT c AS customer, (c * 7 + i * i) % 90 AS item FROM generate_series(1, 300) c, generate_series(1, 9) i" >/dev/null
train="SELECT (promoai.mf_train('shop', 'purchases', iterations => 2, holdout => 0)).version"
retrain="SELECT (promoai.retrain('shop')).version"
published="SELECT version FROM promoai.models WHERE model = 'shop'"
kept="SELECT string_agg(version::text, ',' ORDER BY version) FROM promoai.model_versions WHERE model = 'shop'"
serve="SELECT string_agg(item, ',' ORDER BY rank) FROM promoai.cf_recommend('shop', 7, k => 5)"
orphans="SELECT count(*) FROM promoai.registry_payload p
	WHERE NOT EXISTS (SELECT FROM promoai.registry_versions v WHERE v.version_id = p.version_id)"
is "$(sql "$train")" 1 "a model is trained"
is "$(sql "$retrain")" 2 "and again"
answer=$(sql "$serve")

# state <what happened>: all is as it was before
state()
{
	is "$(sql "$published; $kept; $orphans; $serve" | tr '\n' ' ')" "2 1,2 0 $answer " "$1"
}

# ---- killed and cancelled at named points ----

# killed_at <point> <call>: the backend kills itself there, and the server comes back
killed_at()
{
	like "$(sql_error "SET promoai.test_point = '$1'; SET promoai.test_action = 'kill'; SELECT $2")" \
		"closed the connection|connection to server was lost" "$2 is killed at \"$1\""
	sleep 0.2
	wait_for "SELECT 1" 1
}

for point in reading solving "writing payload" "before publish" "after publish"; do
	killed_at "$point" "promoai.retrain('shop')"
	state "and nothing has happened"

	sql_start "SET promoai.test_point = '$point'; $retrain"
	wait_for "SELECT count(*) FROM pg_stat_activity
		WHERE wait_event_type = 'Extension' AND query = 'promoai test point: $point'" 1
	sql "SELECT pg_cancel_backend(pid) FROM pg_stat_activity WHERE query LIKE 'promoai test point:%'" >/dev/null
	wait "$session"
	isnt $? 0 "cancelled at \"$point\": the client is told"
	state "and nothing has happened"
done

for action in "pruning:promoai.model_prune('shop', 1)" "dropping:promoai.model_drop('shop')" \
	"after publish:promoai.model_rollback('shop')"; do
	killed_at "${action%%:*}" "${action#*:}"
	state "and nothing has happened"
done

# ---- two sessions ----

sql_start "SET promoai.test_point = 'before publish'; $retrain"
wait_for "SELECT count(*) FROM pg_stat_activity WHERE query = 'promoai test point: before publish'" 1
busy='model "shop" is being trained or changed by another session'
like "$(sql_error "$retrain")" "$busy" "a second training fails at once"
like "$(sql_error "$train")" "$busy" "by whatever trainer"
like "$(sql_error "SELECT promoai.model_drop('shop')")" "$busy" "the model cannot be dropped meanwhile"
like "$(sql_error "SELECT promoai.model_grant('shop', 'public')")" "$busy" "nor granted"
state "but it serves"
is "$(sql "SELECT model, phase FROM promoai.training_progress")" "shop|writing" "training_progress shows it"
is "$(sql "SELECT (promoai.mf_train('other', 'purchases', iterations => 1, holdout => 0)).version")" 1 \
	"another model can be trained"
sql "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE query LIKE 'promoai test point:%'" >/dev/null
wait "$session" 2>/dev/null

# Statements of one session with those of another between them.
between() { "$(pg psql)" -XAtq 2>&1; }
is "$(between <<-SQL
	BEGIN ISOLATION LEVEL REPEATABLE READ;
	$published;
	\! '$(pg psql)' -XAtqc "$retrain"
	$published;
	$serve;
	COMMIT;
	$published;
SQL
)" "2
3
2
$answer
3" "REPEATABLE READ goes on with the version that it saw first"

like "$(between <<-SQL
	BEGIN ISOLATION LEVEL REPEATABLE READ;
	$published;
	\! '$(pg psql)' -XAtqc "$retrain"
	$retrain;
SQL
)" "could not serialize access" "and trains on top of it only what it sees"
is "$(sql "$kept")" 1,2,3,4 "a number is used once"
is "$(sql "SELECT (promoai.model_publish('shop', 2)).version")" 2 "a kept version is published"
is "$(sql "SELECT promoai.model_prune('shop', 1)")" 2 "others are pruned"

# ---- dump and restore ----

is "$(sql "CREATE ROLE shopkeeper; SELECT promoai.model_grant('shop', 'shopkeeper')")" "" "a role is granted"
"$(pg pg_dump)" -Fc -f "$server_dir/dump" && sql "CREATE DATABASE restored" &&
	"$(pg pg_restore)" --exit-on-error -d restored "$server_dir/dump"
ok $? "a dump restores without an error"
is "$(PGDATABASE=restored sql "$serve")" "$answer" "the restored model answers as before"
is "$(PGDATABASE=restored sql "$published; $kept" | tr '\n' ' ')" "2 2,4 " "with its versions"
is "$(PGDATABASE=restored sql "SELECT role FROM promoai.model_grants WHERE model = 'shop'")" shopkeeper "and its grants"
is "$(PGDATABASE=restored sql "$retrain")" 5 "and is retrained there"

# ---- a standby ----

standby=$server_dir/standby
as_server_user "$(pg pg_basebackup)" -h "$PGHOST" -p "$PGPORT" -U postgres -D "$standby" -R -X stream -c fast
ok $? "a standby is made"
mkdir -p "$server_dir/socket" && chown "$(server_user)" "$server_dir/socket"
as_server_user "$(pg pg_ctl)" start -w -s -D "$standby" -l "$server_dir/standby.log" \
	-o "-c listen_addresses= -c unix_socket_directories=$server_dir/socket"
on_standby() { PGHOST=$server_dir/socket "$@"; }
is "$(on_standby sql "SELECT pg_is_in_recovery()")" t "and follows"
is "$(on_standby sql "$serve")" "$answer" "it serves"
like "$(on_standby sql_error "$retrain")" "cannot execute retrain\(\) during recovery" "it does not train"
like "$(on_standby sql_error "SELECT promoai.model_drop('shop')")" "cannot execute model_drop\(\) during recovery" \
	"nor change"
is "$(sql "$retrain")" 5 "a version published on the primary"
on_standby wait_for "$published" 5
ok $? "is the standby's too"
as_server_user "$(pg pg_ctl)" promote -w -s -D "$standby"
is "$(on_standby sql "$retrain")" 6 "promoted, it trains"
as_server_user "$(pg pg_ctl)" stop -w -s -m fast -D "$standby"

# ---- killed as a whole ----

before=$(sql "$published; $kept; $serve")
sql_start "SET promoai.test_point = 'after publish'; $retrain"
wait_for "SELECT count(*) FROM pg_stat_activity WHERE query = 'promoai test point: after publish'" 1
crash
start_server
is "$(sql "$published; $kept; $serve")" "$before" "the server killed before the commit: the version before goes on"
is "$(sql "$orphans")" 0 "and no payload is left"

done_testing
