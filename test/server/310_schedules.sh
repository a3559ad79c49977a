#!/usr/bin/env bash
# Schedules when things go wrong: recorded with the message, the old version serves, and the owner sees why in one query.
# shellcheck source=test/server/lib.sh
. "$(dirname "$0")/lib.sh"
# shellcheck source=test/server/shop.sh
. "$(dirname "$0")/shop.sh"
# shellcheck source=test/server/jobs.sh
. "$(dirname "$0")/jobs.sh"

start_server
timed_shop
sql "CREATE ROLE keeper LOGIN; CREATE ROLE other LOGIN; GRANT USAGE ON SCHEMA promoai TO PUBLIC; GRANT ALL ON timed TO keeper;
	GRANT CREATE ON SCHEMA public TO keeper"
PGUSER=keeper sql "SELECT promoai.mf_train('m', 'SELECT customer, item, at FROM timed', factors => 8, iterations => 2, holdout => 0);
	SELECT promoai.schedule_retrain('m', every => '1 hour', max_failures => 3)" >/dev/null
answers="SELECT md5(string_agg(r::text, ' ' ORDER BY c, r.rank)) FROM generate_series(1, 300) c, promoai.cf_recommend('m', c, k => 5) r"
first=$(sql "$answers")

# ---- whose jobs run_due_jobs() runs ----
due m
PGUSER=other sql "CALL promoai.run_due_jobs()"
is "$(runs m)" 0 "run_due_jobs() runs nobody else's jobs"
like "$(sql_error "BEGIN; CALL promoai.run_due_jobs(); COMMIT")" "cannot run in a transaction block" "nor in a transaction block"
PGUSER=keeper sql "CALL promoai.run_due_jobs()" 2>/dev/null
is "$(last_run m)" published "but one's own"
is "$(sql "SELECT trained_by || ' ' || version FROM promoai.model_versions WHERE published")" "keeper 2" "as the owner"
PGUSER=keeper sql "CALL promoai.run_due_jobs()" 2>/dev/null
is "$(runs m)" 1 "and only when they are due"
is "$(sql "$answers")" "$first" "the same rows give the same answers"

# trouble <what> <what the message is like>
trouble()
{
	is "$(run_now m)" failed "$1: the run fails"
	like "$(PGUSER=keeper sql "SELECT last_message FROM promoai.schedules WHERE model = 'm'")" "$2" "$1: the owner sees why"
	is "$(sql "$answers")" "$first" "$1: the old version serves"
	is "$(sql "SELECT count(*) FROM promoai.model_versions WHERE model = 'm'")" 2 "$1: and nothing is left over"
}

sql "REVOKE ALL ON timed FROM keeper"
trouble "rights on the source are lost" "permission denied for table timed"
like "$(sql "SELECT next_run - now() FROM promoai.schedules")" "^00:00:5[0-9]|^00:01:00" "it is tried again in a minute"
sql "GRANT ALL ON timed TO keeper"
is "$(run_now m)" published "granted again, it runs"
is "$(sql "SELECT failures FROM promoai.schedules")" 0 "and the failure is forgotten"
PGUSER=keeper sql "SELECT promoai.model_publish('m', 2), promoai.model_prune('m', 1)" >/dev/null
sql "DELETE FROM promoai.registry_versions WHERE version = 1; ALTER TABLE timed RENAME item TO article"
trouble "a column is gone" "column \"item\" does not exist"
sql "ALTER TABLE timed RENAME article TO item; ALTER TABLE timed RENAME TO elsewhere"
trouble "the table is gone" "relation \"timed\" does not exist"
like "$(sql "SELECT next_run - now() FROM promoai.schedules")" "^00:01:[45][0-9]|^00:02:00" "the second time in two minutes"
sql "CREATE TABLE timed (LIKE elsewhere); GRANT ALL ON timed TO keeper"
trouble "the table is empty" "no rows|nothing|fewer|less"
is "$(sql "SELECT enabled || ' ' || failures FROM promoai.schedules")" "false 3" "after three failures in a row it is switched off"
like "$(sql "SELECT last_message FROM promoai.schedules")" "^switched off after 3 failures in a row" "and says so"
due m
sql "CALL promoai.run_due_jobs()"
is "$(sql "SELECT count(*) FROM promoai.training_runs WHERE state = 'failed'")" 4 "it does not run any more"
sql "DROP TABLE timed; ALTER TABLE elsewhere RENAME TO timed; GRANT ALL ON timed TO keeper"

# ---- settings and what comes after ----
again() { PGUSER=keeper sql "SELECT promoai.schedule_retrain('m', every => '1 hour', guard => 'none', $1)" >/dev/null; }
PGUSER=keeper sql "CREATE VIEW slow AS SELECT * FROM timed WHERE pg_sleep(0.01) IS NOT NULL;
	CREATE TABLE log (what text, who text DEFAULT current_user)"
sql "UPDATE promoai.registry_models SET source = 'SELECT customer, item, at FROM slow'"
again "settings => '{\"statement_timeout\": \"300ms\"}'"
is "$(run_now m)" failed "a statement_timeout of its own"
is "$(last_message m)" "canceling statement due to statement timeout" "ends the job"
is "$(sql "SET statement_timeout = '20s'" -c "UPDATE promoai.registry_schedules SET next_run = now()" -c "CALL promoai.run_due_jobs()" -c "SHOW statement_timeout" 2>/dev/null | tail -1)" 20s "and not the session that ran it"
sql "UPDATE promoai.registry_models SET source = 'SELECT customer, item, at FROM timed'"
again "after => 'INSERT INTO log VALUES (''one''); INSERT INTO log VALUES (''two'')'"
is "$(run_now m)" published "several statements may come after"
is "$(sql "SELECT string_agg(what || ' ' || who, ', ') FROM log")" "one keeper, two keeper" "and run as the owner"
again "after => 'INSERT INTO log VALUES (''half''); SELECT 1 / 0'"
is "$(run_now m)" "after failed" "they may fail"
like "$(last_message m)" "^published, but the statements after it failed: division by zero" "which is said"
is "$(sql "SELECT count(*) FROM log WHERE what = 'half'")" 0 "all of them or none"
is "$(sql "SELECT trouble FROM promoai.model_health")" "the statements after its last run failed" "also in model_health"
for harm in "RESET ROLE" "SET ROLE postgres" "SET SESSION AUTHORIZATION postgres" "CREATE TEMP TABLE pg_class (a int)" "COMMIT" "ROLLBACK" "LISTEN x" "DO 'BEGIN COMMIT; END'"; do
	again "after => \$\$$harm\$\$"
	is "$(run_now m)" "after failed" "after => $harm is refused: $(last_message m | cut -c 53-)"
done
for harm in "SAVEPOINT s" "PREPARE TRANSACTION 'x'" "COPY log TO STDOUT" "COPY log FROM STDIN"; do
	again "after => \$\$$harm\$\$"
	like "$(run_now m) $(last_message m)" "after failed published, but the statements after it failed: .* no place among them$" "after => $harm is refused in words"
done
again "after => 'SET search_path = nowhere; SET work_mem = ''1MB'''"
due m
is "$(sql "CALL promoai.run_due_jobs()" -c "SELECT current_user || ' ' || current_setting('search_path') || ' ' || current_setting('work_mem')" 2>/dev/null | tail -1)" 'postgres "$user", public 4MB' \
	"settings made there do not reach the session"
is "$(last_run m)" published "but are no mistake"

# ---- materialised views and procedures follow the model ----
PGUSER=keeper sql "CREATE MATERIALIZED VIEW best AS SELECT c AS customer, r.rank, r.item, (SELECT count(*) FROM log) AS entries
		FROM generate_series(1, 20) c, promoai.cf_recommend('m', c, k => 3) r;
	CREATE UNIQUE INDEX ON best (customer, rank);
	CREATE PROCEDURE homepage() LANGUAGE plpgsql AS 'BEGIN REFRESH MATERIALIZED VIEW best; INSERT INTO log VALUES (''homepage''); END'"
entries() { sql "SELECT DISTINCT entries FROM best"; }
for refresh in "REFRESH MATERIALIZED VIEW best" "REFRESH MATERIALIZED VIEW CONCURRENTLY best" "CALL homepage()"; do
	PGUSER=keeper sql "INSERT INTO log VALUES ('more')"
	expected=$(sql "SELECT count(*) FROM log")
	again "after => '$refresh'"
	is "$(run_now m)" published "after => $refresh$(last_message m)"
	is "$(entries)" "$expected" "and the view has followed"
	is "$(sql "SELECT r.item FROM best r WHERE customer = 7 AND rank = 1")" "$(sql "SELECT item FROM promoai.cf_recommend('m', 7, k => 1)")" "with what the model says now"
done
again "after => 'INSERT INTO log VALUES (''before''); refresh materialized view concurrently best; INSERT INTO log VALUES (''since'')'"
is "$(run_now m)" published "the same among other statements"
is "$(entries)" "$(sql "SELECT count(*) - 1 FROM log")" "in their order"
due m
is "$(sql "CREATE TEMP TABLE mine AS SELECT 1" -c "CALL promoai.run_due_jobs()" -c "SELECT count(*) FROM pg_class WHERE relnamespace = pg_my_temp_schema() AND relkind = 'r'" 2>/dev/null | tail -1)" 1 \
	"it leaves no temporary table in the session"
# What the view's owner wrote does not get at the session by it, neither from the query nor from an index.
sql "GRANT CREATE ON SCHEMA public TO keeper"
for evil in "SET ROLE postgres" "SET SESSION AUTHORIZATION postgres" "CREATE TEMP TABLE pg_class (a int)" "LISTEN x"; do
	PGUSER=keeper sql "DROP MATERIALIZED VIEW IF EXISTS trap, snare;
		CREATE OR REPLACE FUNCTION worse(what int) RETURNS int LANGUAGE plpgsql AS 'BEGIN IF what > 0 THEN EXECUTE ''$evil''; END IF; RETURN what; END';
		CREATE OR REPLACE FUNCTION evil(what int) RETURNS int LANGUAGE plpgsql IMMUTABLE AS 'BEGIN RETURN public.worse(what); END';
		CREATE OR REPLACE FUNCTION sprung() RETURNS int LANGUAGE sql STABLE AS 'SELECT count(*)::int FROM public.log WHERE what = ''trap''';
		CREATE MATERIALIZED VIEW trap AS SELECT 1 AS a, public.evil(public.sprung()) AS b; CREATE UNIQUE INDEX ON trap (a);
		CREATE MATERIALIZED VIEW snare AS SELECT 1 AS a, public.sprung() AS b; CREATE UNIQUE INDEX ON snare (a); CREATE INDEX ON snare (evil(b));
		INSERT INTO log VALUES ('trap')" 2>/dev/null
	for view in trap snare; do
		again "after => 'REFRESH MATERIALIZED VIEW CONCURRENTLY $view'"
		is "$(run_now m)" "after failed" "$view: $evil is refused: $(last_message m | cut -c 53-)"
	done
	PGUSER=keeper sql "DELETE FROM log WHERE what = 'trap'"
done
sql "CREATE MATERIALIZED VIEW theirs AS SELECT 1 AS a; CREATE UNIQUE INDEX ON theirs (a)"
again "after => 'REFRESH MATERIALIZED VIEW CONCURRENTLY theirs'"
is "$(run_now m)" "after failed" "somebody else's view: $(last_message m | cut -c 53-)"

# ---- a run that is put off does not move the ones to come ----
again "guard_query => 'SELECT 1 / 0'"
sql "UPDATE promoai.registry_schedules SET next_run = date_trunc('second', now()) - interval '10 minutes'"
planned=$(sql "SELECT next_run FROM promoai.registry_schedules")
sql "CALL promoai.run_due_jobs()" 2>/dev/null
is "$(last_run m)" failed "it fails"
sql "UPDATE promoai.registry_schedules SET guard_query = NULL"
is "$(run_now m)" published "and is tried again later"
is "$(sql "SELECT next_run = '$planned'::timestamptz + interval '1 hour' FROM promoai.registry_schedules")" t "the next run comes when it was planned"

# ---- two at once ----
again "after => 'SELECT pg_sleep(1)'"
before=$(runs m)
due m
sql "CALL promoai.run_due_jobs()" 2>/dev/null &
one=$!
sql "CALL promoai.run_due_jobs()" 2>/dev/null &
wait "$one" $!
is "$(runs m)" $((before + 1)) "two runners at once: one run"
sql_start "UPDATE promoai.registry_schedules SET next_run = now()" -c "SET promoai.test_point = 'claimed'" -c "CALL promoai.run_due_jobs()"
wait_for "SELECT count(*) FROM pg_stat_activity WHERE query = 'promoai test point: claimed'" 1
is "$(sql "SELECT running FROM promoai.schedules")" t "a run shows"
sql "SELECT count(pg_cancel_backend(pid)) FROM pg_stat_activity WHERE query = 'promoai test point: claimed'" >/dev/null
wait "$session"
like "$(cat "$server_dir/session.out")" "canceling statement due to user request" "Ctrl-C ends run_due_jobs()"
is "$(last_run m)" failed "and is written down"
sql "SELECT promoai.unschedule_retrain('m')" >/dev/null
is "$(sql "SELECT count(*) FROM promoai.schedules")" 0 "unscheduled"

done_testing
