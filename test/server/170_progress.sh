#!/usr/bin/env bash
# What other sessions see of a training, and what the client is told.
# shellcheck source=test/server/lib.sh
. "$(dirname "$0")/lib.sh"
# shellcheck source=test/server/shop.sh
. "$(dirname "$0")/shop.sh"

start_server
shop_create
sql "CREATE ROLE seller LOGIN; CREATE ROLE nobody LOGIN; CREATE ROLE watcher LOGIN IN ROLE pg_read_all_stats;
	CREATE ROLE manager LOGIN IN ROLE seller;
	GRANT USAGE ON SCHEMA promoai TO seller, nobody, watcher, manager; GRANT SELECT ON purchases TO seller"
sql "CREATE DATABASE elsewhere"
PGDATABASE=elsewhere sql "CREATE EXTENSION promoai"
seen="SELECT model, trained_by, phase, step, steps, loss > 0, elapsed > '0', elapsed < '1 min', remaining >= '0'
	FROM promoai.training_progress"
as_seller="SET ROLE seller;"
train="SELECT version FROM promoai.mf_train('shop', 'purchases', factors => 8, iterations => 4%s)"

is "$(sql "$seen")" "" "no training, no row"

# shellcheck disable=SC2059 # the text of the call
stop_at reading "$as_seller $(printf "$train" ", holdout => 0")"
is "$(sql "$seen")" "shop|postgres|reading|0|||t|t|" "reading: how long is not known beforehand"
end_stopped
is "$(sql "$seen")" "" "cancelled: no row any more"

# The role of a session is who logged in, as in pg_stat_activity.
# shellcheck disable=SC2059
stop_at solving "$as_seller $(printf "$train" ", holdout => 0")"
is "$(sql "$seen")" "shop|postgres|training|1|4|t|t|t|t" "training: step, loss, and what remains"
is "$(PGUSER=watcher sql "$seen")" "shop|postgres|training|1|4|t|t|t|t" "a member of pg_read_all_stats sees it"
is "$(PGUSER=nobody sql "$seen")" "" "another role sees nothing"
is "$(PGUSER=seller sql "$seen")" "" "nor does the role that the session has set"
is "$(PGDATABASE=elsewhere sql "$seen")" "" "nor another database"
is "$(PGUSER=nobody sql "SELECT count(*) FROM promoai.training_progress()")" 0 "nor through the function"
end_stopped

# shellcheck disable=SC2059
stop_at solving "$(printf "$train" "")"
is "$(sql "$seen")" "shop|postgres|evaluating|1|4|t|t|t|t" "evaluating comes before training"
end_stopped

# A role's own training: the test points are for superusers, so it is held up by its source.
sql "CREATE TABLE gate (); ALTER TABLE gate OWNER TO seller;
	CREATE FUNCTION wait_at_gate() RETURNS integer LANGUAGE plpgsql AS \$\$ BEGIN PERFORM FROM gate; RETURN 1; END \$\$"
holder=$server_dir/holder
mkfifo "$holder"
"$(pg psql)" -XAtq <"$holder" >/dev/null 2>&1 &
exec 7>"$holder"
echo "BEGIN; LOCK TABLE gate;" >&7
wait_for "SELECT count(*) FROM pg_locks WHERE relation = 'gate'::regclass AND granted" 1
PGUSER=seller sql_start "SELECT version FROM promoai.mf_train('sold', 'SELECT customer, item, wait_at_gate() FROM purchases', iterations => 1)"
wait_for "SELECT count(*) FROM pg_locks WHERE relation = 'gate'::regclass AND NOT granted" 1
is "$(PGUSER=seller sql "SELECT model, trained_by, phase FROM promoai.training_progress")" "sold|seller|reading" \
	"a role sees its own trainings in other sessions"
is "$(PGUSER=manager sql "SELECT model FROM promoai.training_progress")" sold "and so does a role that has its privileges"
is "$(PGUSER=nobody sql "SELECT model FROM promoai.training_progress")" "" "but no other"
echo "COMMIT;" >&7
exec 7>&-
wait "$session"
is "$(cat "$server_dir/session.out")" 1 "let go, it ends well"
is "$(sql "$seen")" "" "and shows no more"

# A session that goes on shows nothing of what is over, and the next training shows afresh.
# shellcheck disable=SC2059
is "$(sql "$(printf "$train" ""); SELECT count(*) FROM promoai.training_progress WHERE pid = pg_backend_pid()" | tail -1)" 0 \
	"a session that has trained shows no more"
sql "DO \$\$ BEGIN BEGIN PERFORM promoai.mf_train('bad', 'SELECT 1, 2, ''NaN''::real'); EXCEPTION WHEN OTHERS THEN NULL; END;
	IF EXISTS (SELECT FROM promoai.training_progress) THEN RAISE 'left over'; END IF; END \$\$"
ok $? "nor does one that has caught an error"

# ---- told to the client ----

# shellcheck disable=SC2059
told=$(sql "$(printf "$train" ", verbose => true, holdout => 0")" 2>&1)
is "$(grep -c "NOTICE: *training: iteration [1-4] of 4, loss [0-9]" <<<"$told")" 4 "verbose: one NOTICE for each iteration"
losses=$(sed -nE 's/.*loss ([0-9.e+]+)$/\1/p' <<<"$told")
is "$losses" "$(sort -gr <<<"$losses")" "with a loss that falls"
# shellcheck disable=SC2059
is "$(sql "$(printf "$train" ", holdout => 0")" 2>&1 | grep -c NOTICE)" 0 "otherwise none"
is "$(sql "$retrain_shop" 2>&1 | grep -c NOTICE)" 0 "nor when trained again"

done_testing
