#!/usr/bin/env bash
# Schedules in detail: sources that try to write, the clock they are read by, versions that pile up, columns that change places, and
# how a worker is started.
# shellcheck source=test/server/lib.sh
. "$(dirname "$0")/lib.sh"
# shellcheck source=test/server/shop.sh
. "$(dirname "$0")/shop.sh"
# shellcheck source=test/server/jobs.sh
. "$(dirname "$0")/jobs.sh"

start_server -c promoai.worker=off
is "$(sql_error "LOAD 'promoai'")" "" "promoai.worker may stand in the configuration of a server that does not preload it"
shop_create
sql "CREATE ROLE keeper LOGIN; GRANT USAGE ON SCHEMA promoai TO PUBLIC; GRANT CREATE ON SCHEMA public TO keeper; GRANT SELECT ON purchases TO keeper"
# keeper <statements>
keeper() { PGUSER=keeper sql "$@" 2>&1; }
# scheduled <arguments>: of the model m
scheduled() { keeper "SELECT promoai.schedule_retrain('m', every => '1 day', $1)" >/dev/null; }
# trained <source>: the model m
trained() { keeper "SELECT promoai.mf_train('m', \$source\$$1\$source\$, factors => 4, iterations => 2, holdout => 0)" >/dev/null; }

# ---- a source cannot write ----
keeper "CREATE TABLE written (what text)" >/dev/null
body() { printf "CREATE OR REPLACE FUNCTION public.harm() RETURNS integer LANGUAGE plpgsql VOLATILE %s AS \$f\$ BEGIN %s INSERT INTO public.written VALUES ('x'); RETURN 1; END \$f\$" "$2" "$1"; }
trained "SELECT customer, item FROM purchases"
keeper "CREATE FUNCTION public.harm() RETURNS integer LANGUAGE sql AS 'SELECT 1'" >/dev/null
sql "UPDATE promoai.registry_models SET source = 'SELECT customer, item, public.harm() FROM purchases'"
scheduled "guard => 'none', max_failures => 100"
failed=0
# From PostgreSQL 16 on RESET transaction_read_only is refused, so the function goes no further.
refused="read-only|read-write|must not write"
if [ "$(sql "SHOW server_version_num")" -lt 160000 ]; then
	harmless="EXECUTE 'RESET transaction_read_only';"
	reset_gives=off
else
	refused+='|parameter "transaction_read_only" cannot be reset'
	harmless="EXECUTE 'SET transaction_read_only = on';"
	reset_gives='ERROR:  parameter "transaction_read_only" cannot be reset'
fi
# writes <what> <first statements> <clauses of the function>
writes()
{
	keeper "$(body "$2" "${3:-}")" >/dev/null
	like "$(keeper "SELECT promoai.retrain('m')")" "$refused" "$1: retrain() is refused"
	like "$(sql_error "SELECT promoai.retrain('m')")" "$refused" "$1: also by a superuser"
	is "$(run_now m)" failed "$1: the run fails"
	like "$(last_message m)" "$refused" "$1: $(last_message m)"
	is "$(runs m)" $((++failed)) "$1: it was tried"
	is "$(sql "SELECT count(*) FROM written")" 0 "$1: nothing is written"
}
writes "a plain INSERT" ""
writes "RESET" "EXECUTE 'RESET transaction_read_only';"
writes "RESET in a block of its own" "BEGIN EXECUTE 'RESET transaction_read_only'; INSERT INTO public.written VALUES ('y'); EXCEPTION WHEN division_by_zero THEN NULL; END;"
writes "SET LOCAL" "SET LOCAL transaction_read_only = off;"
writes "SET TO DEFAULT" "EXECUTE 'SET transaction_read_only TO DEFAULT';"
writes "SET LOCAL TO DEFAULT" "EXECUTE 'SET LOCAL transaction_read_only TO DEFAULT';"
writes "SET TRANSACTION" "SET TRANSACTION READ WRITE;"
writes "set_config" "PERFORM set_config('transaction_read_only', 'off', false);"
writes "set_config to nothing" "PERFORM set_config('transaction_read_only', NULL, true);"
writes "RESET ALL" "RESET ALL;"
writes "a SET clause" "" "SET transaction_read_only = off"
writes "a SET clause and RESET" "EXECUTE 'RESET transaction_read_only';" "SET transaction_read_only = on"
writes "a training" "EXECUTE 'RESET transaction_read_only'; PERFORM promoai.mf_train('nested', 'SELECT customer, item FROM public.purchases', factors => 4, iterations => 1, holdout => 0);"
is "$(sql "SELECT count(*) FROM promoai.models WHERE model = 'nested'")" 0 "no model is made by a source"
keeper "CREATE OR REPLACE FUNCTION public.harm() RETURNS integer LANGUAGE plpgsql AS \$f\$ BEGIN PERFORM lo_create(0); RETURN 1; END \$f\$" >/dev/null
like "$(keeper "SELECT promoai.retrain('m')")" "source must not write|read-only" "large objects: $(keeper "SELECT promoai.retrain('m')" | head -1)"
is "$(sql "SELECT count(*) FROM pg_largeobject_metadata")" 0 "large objects: none is made"
# What a source sets is gone when it has been read, and a source that only reads may set what it likes.
keeper "CREATE OR REPLACE FUNCTION public.harm() RETURNS integer LANGUAGE plpgsql AS \$f\$ BEGIN $harmless PERFORM set_config('work_mem', '1MB', false); RETURN (SELECT count(*) FROM public.written) + 1; END \$f\$" >/dev/null
is "$(sql "BEGIN" -c "SELECT (promoai.retrain('m')).version > 1" -c "SHOW transaction_read_only" -c "SHOW work_mem" -c "INSERT INTO written VALUES ('mine') RETURNING what" -c "ROLLBACK")" "t
off
4MB
mine" "a source that sets what it likes and only reads is read, and the transaction is as it was"
is "$(run_now m)" published "and so does its run"
is "$(sql "BEGIN READ ONLY" -c "SELECT count(*) > 0 FROM promoai.evaluate('m', 'SELECT customer, item FROM purchases')" -c "RESET transaction_read_only" -c "SHOW transaction_read_only" -c "ROLLBACK" 2>&1 | grep -v "^psql-failed$" | tail -1)" "$reset_gives" "reading leaves RESET to the session as it was"
is "$(sql "INSERT INTO written SELECT (promoai.retrain('m')).version::text RETURNING what IS NOT NULL")" t "a source is read within a statement that writes"

# ---- the clock by which times without a zone are understood ----
sql "CREATE TABLE tokyo AS SELECT customer, item, (now() - (customer % 20 + 1) * interval '1 minute') AT TIME ZONE 'Asia/Tokyo' AS at FROM purchases; GRANT SELECT ON tokyo TO keeper"
keeper "SET TimeZone = 'Asia/Tokyo'" -c "SELECT promoai.cf_train('jp', 'SELECT customer, item, at FROM tokyo', method => 'item_knn', holdout => 0)" -c "SELECT promoai.schedule_retrain('jp', every => '1 day', guard => 'compare')" >/dev/null
is "$(run_now jp)" kept "times of Tokyo, and nothing new"
like "$(last_message jp)" "there are no rows after" "are not taken for new: $(last_message jp)"
keeper "SELECT promoai.schedule_retrain('jp', every => '1 day', guard => 'none', time_zone => 'Asia/Tokyo', guard_query => \$\$SELECT current_setting('TimeZone') = 'Asia/Tokyo'\$\$)" >/dev/null
is "$(run_now jp)" published "the run's clock is that of its schedule"
keeper "SELECT promoai.schedule_retrain('jp', every => '1 day', guard => 'none', time_zone => 'Asia/Tokyo', settings => '{\"TimeZone\": \"Europe/Berlin\"}', guard_query => \$\$SELECT current_setting('TimeZone') = 'Europe/Berlin'\$\$)" >/dev/null
is "$(run_now jp)" published "unless its settings say otherwise"
is "$(sql "SET TimeZone = 'UTC'" -c "CALL promoai.run_due_jobs()" -c "SHOW TimeZone")" UTC "and the session's clock is its own"

# ---- what a guard_query says ----
sql "UPDATE promoai.registry_models SET source = 'SELECT customer, item FROM purchases' WHERE model = 'm'"
for answer in "'NaN'::float8" "0.5" "1"; do
	scheduled "guard => 'none', guard_query => \$\$SELECT $answer\$\$"
	is "$(run_now m)" failed "guard_query => SELECT $answer is no answer"
	like "$(last_message m)" "guard_query must say true or false, but returns" "and says so"
done
scheduled "guard => 'none', guard_query => 'SELECT true'"
is "$(run_now m)" published "true is one"

# ---- keep: versions that are not published ----
scheduled "guard => 'none', guard_query => 'SELECT false', keep => 2"
serving=$(sql "SELECT version FROM promoai.models WHERE model = 'm'")
for i in 1 2 3; do run_now m >/dev/null; done
is "$(sql "SELECT count(*) || ' ' || bool_or(version = $serving AND published) FROM promoai.model_versions WHERE model = 'm'")" "3 true" \
	"held back three times: the published version and the newest two are kept"
is "$(last_run m)" kept "and the run says kept"
scheduled "guard => 'none', guard_query => 'SELECT 1 / 0 = 1', keep => 1, max_failures => 100"
for i in 1 2 3; do run_now m >/dev/null; done
is "$(last_run m): $(last_message m)" "failed: not published, because it could not be judged: division by zero" "a judgement that fails"
is "$(sql "SELECT count(*) FROM promoai.model_versions WHERE model = 'm'")" 2 "leaves the published version and the newest one"
is "$(sql "$strays")" "" "and nothing else"

# ---- drift, column by column ----
sql "CREATE TABLE goods AS SELECT c AS customer, i AS item, 1 + (c * 7 + i) % 50 AS quantity, 1000 + (c + i * 3) % 70 AS price FROM generate_series(1, 200) c, generate_series(1, 20) i; GRANT ALL ON goods TO keeper"
trained "SELECT customer, item, quantity FROM goods"
limits="guard => 'none', max_drift => 0.25"
scheduled "$limits"
is "$(run_now m)" published "the first look"
trained "SELECT customer, item, price FROM goods"
is "$(run_now m)" published "another source is looked at anew"
sql "UPDATE goods SET price = price + 500"
is "$(run_now m)" kept "the same source has drifted"
like "$(last_message m)" "column \"price\" has drifted" "and says where"
scheduled "$limits"
is "$(run_now m)" published "a schedule that is made anew takes the source as it is"
sql "ALTER TABLE goods RENAME TO tall; CREATE VIEW goods AS SELECT customer, item, quantity AS price FROM tall; GRANT ALL ON goods TO keeper"
is "$(run_now m)" kept "what stands under the same name is compared"
sql "DROP VIEW goods; CREATE VIEW goods AS SELECT customer, item, price, price AS other FROM tall; GRANT ALL ON goods TO keeper"
is "$(run_now m)" published "as long as the name is the same"

# ---- after: deferred constraints ----
keeper "CREATE TABLE parent (id int PRIMARY KEY); CREATE TABLE child (id int REFERENCES parent DEFERRABLE INITIALLY DEFERRED); INSERT INTO parent VALUES (1)" >/dev/null
scheduled "guard => 'none', after => 'INSERT INTO public.child VALUES (1)'"
is "$(run_now m)" "after failed" "a deferred constraint cannot wait for the end"
scheduled "guard => 'none', after => 'SET CONSTRAINTS ALL IMMEDIATE; INSERT INTO public.child VALUES (1)'"
is "$(run_now m): $(sql "SELECT count(*) FROM child")" "published: 1" "but can be looked at at once"

# ---- starting a worker ----
for i in 1 2 3 4; do sql "SELECT promoai.start_worker()" >"$server_dir/worker$i" 2>&1 & done
wait
is "$(cat "$server_dir"/worker? | grep -cE '^[0-9]+$')" 1 "of four that are started at once one starts"
is "$(cat "$server_dir"/worker? | grep -c 'a worker serves this database already')" 3 "and the others say so"
is "$(sql "SELECT string_agg(pid::text, ' ') FROM pg_stat_activity WHERE backend_type = 'promoai launcher'")" "$(cat "$server_dir"/worker? | grep -E '^[0-9]+$')" "it is the one that was named"
sql "CREATE DATABASE elsewhere"
here=$(sql "SELECT current_database()")
restart_server -c shared_preload_libraries=promoai -c "promoai.databases=$here" -c promoai.worker=on
wait_for "SELECT count(*) FROM pg_stat_activity WHERE backend_type = 'promoai launcher'" 1
like "$(sql_error "SELECT promoai.start_worker()")" "a worker serves this database already" "preloaded, it serves the databases that are named"
sql "CREATE EXTENSION promoai" -d elsewhere
like "$(sql "SELECT promoai.start_worker()" -d elsewhere)" "^[0-9]+$" "another may have one of its own"

done_testing
