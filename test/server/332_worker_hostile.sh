#!/usr/bin/env bash
# What owners do, on purpose or by accident, does not keep the worker from its other jobs, from stopping, or from writing down what
# happened: cancels that are caught, transactions left open, locks given back, settings that end sessions.
# shellcheck source=test/server/lib.sh
. "$(dirname "$0")/lib.sh"
# shellcheck source=test/server/shop.sh
. "$(dirname "$0")/shop.sh"
# shellcheck source=test/server/jobs.sh
. "$(dirname "$0")/jobs.sh"

preloaded=(-c shared_preload_libraries=promoai -c promoai.worker_naptime=1s -c promoai.max_running=1 -c log_min_messages=debug1)
start_server "${preloaded[@]}"
shop_create
sql "CREATE ROLE mallory LOGIN; CREATE ROLE alice LOGIN; GRANT USAGE ON SCHEMA promoai TO PUBLIC; GRANT SELECT ON purchases TO PUBLIC"
# model <owner> <name> [schedule_retrain's arguments]
model()
{
	PGUSER=$1 sql "SELECT promoai.mf_train('$2', 'purchases', factors => 4, iterations => 2, holdout => 0) WHERE NOT promoai.model_usable('$2')" >/dev/null 2>&1
	PGUSER=$1 sql "SELECT promoai.schedule_retrain('$2', every => '1 day', guard => 'none' ${3:-})" >/dev/null
}
model mallory m1
model mallory m2
model alice a1
jobs="SELECT count(*) FROM pg_stat_activity WHERE backend_type = 'promoai job'"
# quiet: no job is on, and nothing is due
quiet() { wait_for "SELECT ($jobs) + (SELECT count(*) FROM promoai.schedules WHERE enabled AND next_run <= now())" 0 "${1:-20}"; }
# published <model>: so often, by runs
published() { sql "SELECT count(*) FROM promoai.training_runs WHERE model = '$1' AND state = 'published'"; }
# open <role> <statements>: a transaction that stays open; close ends it
open()
{
	PGUSER=$1 sql "BEGIN" -c "$2" -c "SELECT pg_sleep(600)" >/dev/null 2>&1 &
	opened=$!
	wait_for "SELECT count(*) FROM pg_stat_activity WHERE query = 'SELECT pg_sleep(600)'" 1
}
close()
{
	sql "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity WHERE query = 'SELECT pg_sleep(600)'" >/dev/null
	wait "$opened" 2>/dev/null
}
# alices <what>: her model is retrained meanwhile
alices()
{
	local n
	n=$(published a1)
	due a1
	wait_for "SELECT count(*) > $n FROM promoai.training_runs WHERE model = 'a1' AND state = 'published'" t 15
	ok $? "$1: alice's model is retrained"
}

# ---- a transaction that is left open ----
due m1
PGUSER=mallory sql "SELECT 1" >/dev/null
quiet
due m1
open mallory "SELECT promoai.unschedule_retrain('m1')"
alices "somebody is about to take his schedule away"
close
quiet
model mallory m1 ", after => 'SELECT pg_sleep(3)'"
due m1
wait_for "SELECT running FROM promoai.schedules WHERE model = 'm1'" t
open mallory "SELECT promoai.schedule_retrain('m1', every => '1 day', guard => 'none')"
alices "somebody is about to change his schedule while it runs"
is "$(last_run m1)" published "the run is written down all the same"
close
wait_for "SELECT running FROM promoai.schedules WHERE model = 'm1'" f
ok $? "and its schedule is settled later"
is "$(sql "SELECT failures || ' ' || (next_run > now()) FROM promoai.schedules WHERE model = 'm1'")" "0 true" "as if nothing had been"

sql "UPDATE promoai.registry_schedules s SET after_run = 'SELECT pg_sleep(60)' FROM promoai.registry_models m WHERE m.model_id = s.model_id AND m.model = 'm2'"
system "SET promoai.max_running = 0"
due m2
PGUSER=mallory sql "CALL promoai.run_due_jobs()" >/dev/null 2>&1 &
called=$!
wait_for "SELECT count(*) FROM pg_stat_activity WHERE query LIKE 'CALL%' AND wait_event = 'PgSleep'" 1
sql "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE query LIKE 'CALL%' AND wait_event = 'PgSleep'" >/dev/null
open mallory "SELECT promoai.schedule_retrain('m2', every => '1 day', guard => 'none')"
wait "$called" 2>/dev/null
system "SET promoai.max_running = 1"
alices "a crashed run whose schedule is locked"
close
wait_for "SELECT count(*) FROM promoai.training_runs WHERE model = 'm2' AND state = 'crashed'" 1
ok $? "it is buried later"
quiet 90

# ---- taking a schedule away while it runs ----
model mallory m1 ", after => 'SELECT pg_sleep(3)'"
due m1
wait_for "SELECT running FROM promoai.schedules WHERE model = 'm1'" t
PGUSER=mallory sql "SELECT promoai.schedule_retrain('m1', every => '1 day', guard => 'none')" >/dev/null
is "$(sql "SELECT failures FROM promoai.schedules WHERE model = 'm1'")" 0 "a schedule made anew while it runs counts no failure"
n=$(published m1)
PGUSER=mallory sql "SELECT promoai.unschedule_retrain('m1')" >/dev/null
wait_for "SELECT count(*) FROM promoai.training_runs WHERE model = 'm1' AND state = 'published'" $((n + 1))
ok $? "a run whose schedule is taken away goes on to its end, which is written down"
model mallory m1 ", after => 'SELECT pg_sleep(60)'"
due m1
wait_for "SELECT count(*) FROM pg_stat_activity WHERE backend_type = 'promoai job' AND wait_event = 'PgSleep'" 1
PGUSER=mallory sql "SELECT promoai.unschedule_retrain('m1')" >/dev/null
crash_backend "$(sql "SELECT pid FROM pg_stat_activity WHERE backend_type = 'promoai job'")"
wait_for "SELECT count(*) FROM promoai.training_runs WHERE model = 'm1' AND state = 'running'" 0
ok $? "and when it crashes it does not stand there as running for ever"

# ---- locks ----
model mallory m1 ", after => 'SELECT pg_advisory_unlock_all(); SELECT pg_sleep(4)'"
model mallory m2 ", after => 'SELECT pg_advisory_unlock_all(); SELECT pg_sleep(4)'"
due m1 m2
wait_for "$jobs" 1
most=0
for _ in $(seq 25); do
	now=$(sql "$jobs")
	[ "$now" -le $most ] || most=$now
	sleep 0.2
done
is "$most" 1 "pg_advisory_unlock_all() in a job does not give back its place"
quiet
is "$(last_run m1) $(last_run m2)" "published published" "nor the lock that says that it is alive"

# ---- settings ----
sql "ALTER DATABASE postgres SET default_transaction_read_only = on"
PGOPTIONS="-c default_transaction_read_only=off" due a1
wait_for "SELECT last_state FROM promoai.schedules WHERE model = 'a1' AND NOT running AND next_run > now()" published
ok $? "a database that is read-only by default"
PGOPTIONS="-c default_transaction_read_only=off" sql "ALTER DATABASE postgres RESET default_transaction_read_only"
system "SET promoai.max_running = 0"
model mallory m1 ", guard_query => 'SELECT 1 / 0', settings => '{\"exit_on_error\": true}'"
sql "ALTER ROLE alice SET exit_on_error = on"
model alice a1 ", after => 'SELECT 1 / 0'"
due m1 a1
is "$(sql "CALL promoai.run_due_jobs()" -c "SELECT 'still there'" 2>/dev/null)" "still there" "exit_on_error in a schedule, or of its owner, does not end the session that runs it"
is "$(last_run m1) $(last_run a1)" "failed after failed" "both have run"
model alice a1
PGUSER=mallory sql "SELECT promoai.unschedule_retrain('m1')" -c "SELECT promoai.unschedule_retrain('m2')" >/dev/null

# ---- databases ----
sql "CREATE DATABASE other" -c "CREATE DATABASE half" -c "CREATE DATABASE held"
sql "UPDATE pg_database SET datconnlimit = -2 WHERE datname = 'half'"
system "SET promoai.max_running = 1"
sleep 3
is "$(grep -c 'cannot connect to invalid database' "$server_dir/log")" 0 "a database whose DROP was interrupted is left alone"
sql "UPDATE pg_database SET datconnlimit = -1 WHERE datname = 'half'"
sql "DROP DATABASE half"
PGDATABASE=other sql "CREATE EXTENSION promoai"
system "SET promoai.worker_naptime = '30s'"
sleep 2
looks() { grep -c 'starting background worker process "promoai runner"' "$server_dir/log"; }
before=$(looks)
sleep 5
[ $(($(looks) - before)) -le 3 ]
ok $? "two databases with the extension are looked at every worker_naptime, not all the time: $(($(looks) - before)) looks in 5 seconds"
system "SET promoai.worker_naptime = '1s'"
open postgres "ALTER DATABASE held RENAME TO kept"
n=$(published a1)
due a1
wait_for "SELECT count(*) > $n FROM promoai.training_runs WHERE model = 'a1' AND state = 'published'" t 40
ok $? "a database that cannot be connected to does not hold up the others"
close
quiet

# ---- cancels that are caught ----
catching="DO \$d\$ BEGIN LOOP BEGIN PERFORM pg_sleep(3600); EXCEPTION WHEN query_canceled THEN NULL; END; END LOOP; END \$d\$"
model mallory m1 ", after => \$after\$$catching\$after\$"
sleeps="SELECT count(*) FROM pg_stat_activity WHERE backend_type = 'promoai job' AND wait_event = 'PgSleep'"
due m1
wait_for "$sleeps" 1
started=$(date +%s%N)
sql "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE backend_type = 'promoai job'" >/dev/null
wait_for "$sleeps" 0
took=$((($(date +%s%N) - started) / 1000000))
[ $took -lt 1000 ]
ok $? "SIGTERM ends a job that catches cancels, after $took ms"
wait_for "SELECT last_state FROM promoai.schedules WHERE model = 'm1' AND NOT running" crashed
ok $? "which looks like a crash"
due m1
wait_for "$sleeps" 1
started=$(date +%s%N)
stop_server
took=$((($(date +%s%N) - started) / 1000000))
[ $took -lt 3000 ]
ok $? "and a fast shutdown, in $took ms"
start_server "${preloaded[@]}"
is "$(sql "$strays")" "" "nothing is left over"

done_testing
