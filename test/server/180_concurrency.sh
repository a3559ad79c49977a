#!/usr/bin/env bash
# Many sessions at once: each answer comes from one version, two trainings never run into each other.
# shellcheck source=test/server/lib.sh
. "$(dirname "$0")/lib.sh"
# shellcheck source=test/server/shop.sh
. "$(dirname "$0")/shop.sh"

# With the SQLSTATE of every error in the log.
start_server -c max_connections=50 -c 'log_line_prefix=%m [%p] %e %q%u@%d '
shop_create

# Two models of one name whose answers tell them apart: version 1 knows only items below 90, version 2 only those from 1000 on.
sql "SELECT promoai.mf_train('shop', 'SELECT customer, item FROM purchases', factors => 8, iterations => 2, holdout => 0)" >/dev/null
sql "SELECT promoai.mf_train('shop', 'SELECT customer, item + 1000 FROM purchases', factors => 8, iterations => 2, holdout => 0)" >/dev/null

# An answer to a statement that asks four times: all from one version, and complete.
cat >"$server_dir/ask.sql" <<'SQL'
\set customer random(1, 300)
SELECT 1 / (CASE WHEN count(*) = 40 AND count(DISTINCT item_no / 1000) = 1 THEN 1 ELSE 0 END)
FROM generate_series(:customer, :customer + 3) c, promoai.cf_recommend('shop', 1 + c % 300, k => 10);
SQL
cat >"$server_dir/predict.sql" <<'SQL'
\set customer random(1, 300)
SELECT 1 / (CASE WHEN count(p) IN (0, 90) AND count(q) = 90 - count(p) THEN 1 ELSE 0 END)
FROM (SELECT promoai.cf_predict('shop', :customer, i) AS p, promoai.cf_predict('shop', :customer, i + 1000) AS q FROM generate_series(0, 89) i) s;
SQL
cat >"$server_dir/repeatable.sql" <<'SQL'
\set customer random(1, 300)
BEGIN ISOLATION LEVEL REPEATABLE READ;
SELECT min(item_no) / 1000 AS first FROM promoai.cf_recommend('shop', :customer) \gset
SELECT pg_sleep(0.005);
SELECT 1 / (CASE WHEN min(item_no) / 1000 = :first AND max(item_no) / 1000 = :first THEN 1 ELSE 0 END) FROM promoai.cf_recommend('shop', :customer);
COMMIT;
SQL
# clients <script> <name> [options]: eight for some seconds, all of whose answers must be right
clients()
{
	local script=$1
	shift
	"$(pg pgbench)" -n -c 4 -j 1 -T 6 -f "$server_dir/$script.sql" "$@" >"$server_dir/$script.out" 2>&1 &
	running+=($!)
}
running=()
clients ask
clients predict -M prepared
clients repeatable
published=0
stop_at_second=$((SECONDS + 6))
while [ $SECONDS -lt $stop_at_second ]; do
	sql "SELECT promoai.model_publish('shop', 1 + $published % 2)" >/dev/null || break
	published=$((published + 1))
done
for pid in "${running[@]}"; do
	wait "$pid"
	ok $? "clients: every answer is of one version and complete"
done
ok "$([ $published -gt 20 ]; echo $?)" "while another session published $published times"
for script in ask predict repeatable; do
	is "$(grep -c 'ERROR\|aborted' "$server_dir/$script.out")" 0 "$script: no error" || diag "$(tail -5 "$server_dir/$script.out")"
	like "$(grep 'transactions actually processed' "$server_dir/$script.out")" ": [1-9][0-9]+" "$script: many were asked" || diag "$(cat "$server_dir/$script.out")"
done

# ---- trainings beside each other ----

is "$(sql "SELECT (promoai.model_publish('shop', 2)).version")" 2 "the second version is published in the end"
stop_at solving "$retrain_shop"
locked="ERROR:  55P03: model \"shop\" is being trained or changed by another session"
for call in "retrain('shop')" "mf_train('shop', 'purchases')" "model_publish('shop', 1)" "model_rollback('shop')" "model_drop('shop')" \
	"model_prune('shop', 1)" "model_grant('shop', 'public')" "model_revoke('shop', 'public')" "model_owner('shop', 'postgres')"; do
	begun=$(date +%s%3N)
	like "$(sql_error "SELECT promoai.$call" -v VERBOSITY=verbose)" "$locked" "$call fails while another session trains"
	ok "$([ $(($(date +%s%3N) - begun)) -lt 5000 ]; echo $?)" "without waiting"
done
is "$(sql "SELECT count(*) FROM promoai.cf_recommend('shop', 1)")" 10 "serving goes on"
is "$(sql "SELECT count(*) > 0 FROM promoai.evaluate('shop', 'SELECT customer, 1000 + (item + 1) % 90 FROM purchases')")" t "and so does evaluation"
end_stopped
is "$(sql "SELECT (promoai.retrain('shop')).version")" 3 "afterwards it can be trained"

# Trainings of one new name at once: one wins, the others are told so, and nothing is there twice.
for i in 1 2 3 4 5 6; do
	sql "SELECT version FROM promoai.mf_train('fresh', 'purchases', factors => 32, iterations => 300, holdout => 0)" >"$server_dir/fresh$i" 2>&1 &
	pids[i]=$!
done
won=0
for i in 1 2 3 4 5 6; do
	if wait "${pids[i]}"; then
		won=$((won + 1))
	else
		like "$(cat "$server_dir/fresh$i")" "is being trained or changed by another session" "a loser is told why"
	fi
done
ok "$([ $won -ge 1 ]; echo $?)" "six trainings of a new model: $won published"
is "$(sql "SELECT count(*), max(version) FROM promoai.model_versions WHERE model = 'fresh'")" "$won|$won" "each under a number of its own"
is "$(sql "$strays")" "" "nothing is left over"

# Different models at once, trained, published and dropped again and again.
cat >"$server_dir/train.sql" <<'SQL'
SELECT promoai.mf_train('m' || :client_id, 'purchases', factors => 4, iterations => 1, holdout => 0);
SELECT 1 / count(*) FROM promoai.cf_recommend('m' || :client_id, 7);
SELECT promoai.model_prune('m' || :client_id, 1);
SELECT promoai.retrain('m' || :client_id);
SELECT promoai.model_rollback('m' || :client_id);
SELECT promoai.model_drop('m' || :client_id);
SQL
"$(pg pgbench)" -n -c 8 -j 1 -t 15 -f "$server_dir/train.sql" >"$server_dir/train.out" 2>&1
ok $? "eight sessions train, serve, prune, roll back and drop a model each" || diag "$(tail -3 "$server_dir/train.out")"
is "$(sql "SELECT count(*) FROM promoai.models WHERE model LIKE 'm_'")" 0 "and all are gone"
is "$(sql "$strays")" "" "nothing is left over"

# A version that is pruned while a transaction serves from it: what was seen goes on.
transcript=$("$(pg psql)" -XAtq 2>&1 <<-SQL
	BEGIN ISOLATION LEVEL REPEATABLE READ;
	SELECT count(*) FROM promoai.models;
	\! '$(pg psql)' -XAtqc "SELECT promoai.model_drop('shop'); SELECT promoai.mf_train('shop', 'purchases', holdout => 0, iterations => 1)" >/dev/null
	SELECT count(*), min(item_no) >= 1000 FROM promoai.cf_recommend('shop', 1);
	COMMIT;
	SELECT count(*), min(item_no) >= 1000 FROM promoai.cf_recommend('shop', 1);
SQL
)
is "$transcript" "2
10|t
10|f" "a model dropped and trained anew meanwhile: a transaction loads what its snapshot shows"
# Not committed yet, seen by nobody else; rolled back to a savepoint, by nobody at all.
is "$("$(pg psql)" -XAtq 2>&1 <<-SQL
	BEGIN;
	SAVEPOINT before;
	SELECT (promoai.mf_train('shop', 'SELECT customer, item + 2000 FROM purchases', holdout => 0, iterations => 1)).version;
	SELECT min(item_no) >= 2000 FROM promoai.cf_recommend('shop', 1);
	\! '$(pg psql)' -XAtqc "SELECT min(item_no) >= 2000 FROM promoai.cf_recommend('shop', 1)"
	ROLLBACK TO before;
	SELECT min(item_no) >= 2000 FROM promoai.cf_recommend('shop', 1);
	SELECT (promoai.mf_train('shop', 'SELECT customer, item + 3000 FROM purchases', holdout => 0, iterations => 1)).version;
	SELECT min(item_no) >= 3000 FROM promoai.cf_recommend('shop', 1);
	COMMIT;
	SELECT min(item_no) >= 3000 FROM promoai.cf_recommend('shop', 1);
SQL
)" "2
t
f
f
2
t
t" "a version of a rolled back savepoint is forgotten, though its number recurs"

# ---- serialization ----

is "$("$(pg psql)" -XAtq -v VERBOSITY=sqlstate 2>&1 <<-SQL
	BEGIN ISOLATION LEVEL SERIALIZABLE;
	SELECT count(*) FROM promoai.models;
	\! '$(pg psql)' -XAtqc "SELECT promoai.model_grant('shop', 'public')"
	SELECT promoai.model_publish('shop', 1);
SQL
)" "2

ERROR:  40001" "a change upon what has changed meanwhile is a serialization failure"
is "$(grep -c 'XX000\|terminated by signal' "$server_dir/log")" 0 "no internal error, nothing killed"

done_testing
