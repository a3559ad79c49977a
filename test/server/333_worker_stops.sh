#!/usr/bin/env bash
# Cancels, timeouts, SIGTERM and handovers at the moments between the steps of a run: at the head of a phase, between the claim and
# the first phase, while the end is written down, in a commit that waits for a standby.
# shellcheck source=test/server/lib.sh
. "$(dirname "$0")/lib.sh"
# shellcheck source=test/server/shop.sh
. "$(dirname "$0")/shop.sh"
# shellcheck source=test/server/jobs.sh
. "$(dirname "$0")/jobs.sh"

preloaded=(-c shared_preload_libraries=promoai -c promoai.worker_naptime=1s -c promoai.max_running=0)
start_server "${preloaded[@]}"
shop_create
sql "CREATE ROLE mallory LOGIN; CREATE ROLE alice LOGIN; CREATE ROLE bob LOGIN; GRANT USAGE ON SCHEMA promoai TO PUBLIC;
	GRANT SELECT ON purchases TO PUBLIC; CREATE TABLE who (name text); GRANT INSERT ON who TO PUBLIC"
# model <owner> <name> [schedule_retrain's arguments]
model()
{
	PGUSER=$1 sql "SELECT promoai.mf_train('$2', 'purchases', factors => 4, iterations => 2, holdout => 0) WHERE NOT promoai.model_usable('$2')" >/dev/null 2>&1
	PGUSER=$1 sql "SELECT promoai.schedule_retrain('$2', every => '1 day', guard => 'none' ${3:-})" >/dev/null
}
model mallory m1
model alice a1
jobs="SELECT count(*) FROM pg_stat_activity WHERE backend_type = 'promoai job'"

# A test point in the action "wait" stops whoever comes there while the gate is closed.
gate_close()
{
	sql "SELECT pg_advisory_lock(1886548852)" -c "SELECT pg_sleep(600) AS gate" >/dev/null 2>&1 &
	gate=$!
	wait_for "SELECT count(*) FROM pg_stat_activity WHERE query LIKE '%600) AS gate' AND wait_event = 'PgSleep'" 1
}
gate_open()
{
	sql "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE query LIKE '%600) AS gate' AND wait_event = 'PgSleep'" >/dev/null
	wait "$gate" 2>/dev/null
}
at_gate() { wait_for "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND wait_event = 'advisory'" 1; }
# call_at_gate <point>: run_due_jobs() in the background, until it stands there
call_at_gate()
{
	gate_close
	sql "SET promoai.test_action = 'wait'" -c "SET promoai.test_point = '$1'" -c "CALL promoai.run_due_jobs()" -c "SELECT 'alive'" \
		>"$server_dir/call.out" 2>&1 &
	called=$!
	at_gate
}

# ---- a timeout at the head of a phase ----
dead=0
for ms in 1 1 2 3 4 5 7 9 12 15; do
	model mallory m1 ", settings => '{\"statement_timeout\": \"${ms}ms\"}'"
	due m1
	[ "$(sql "CALL promoai.run_due_jobs()" -c "SELECT 'alive'" 2>/dev/null)" = alive ] || dead=$((dead + 1))
done
is $dead 0 "a statement_timeout of a few milliseconds does not end the session that runs the job"
is "$(sql "SELECT count(*) FROM promoai.training_runs WHERE state NOT IN ('failed', 'published')")" 0 "and each run is written down"
[ "$(sql "SELECT count(*) FROM promoai.training_runs WHERE model = 'm1' AND sqlstate = '57014'")" -ge 1 ]
ok $? "as failed by its timeout"

# psql goes on after an error here: does the session?
model mallory m1
due m1
"$(pg psql)" -XAtq -c "SET promoai.test_action = 'cancel'" -c "SET promoai.test_point = 'between phases'" -c "CALL promoai.run_due_jobs()" \
	-c "SELECT 'alive'" >"$server_dir/call.out" 2>&1
is "$(tail -1 "$server_dir/call.out")" alive "a cancel between two phases does not end the session"
like "$(cat "$server_dir/call.out")" 'ERROR:  canceling statement due to user request' "but run_due_jobs()"
is "$(last_run m1) $(last_message m1)" "failed canceling statement due to user request" "the run is written down, though another cancel comes before that"

# ---- handed over between the claim and the first phase ----
model mallory m1 ", after => 'INSERT INTO who VALUES (current_user)'"
due m1
call_at_gate phase
sql "SELECT promoai.model_owner('m1', 'bob')" >/dev/null
gate_open
wait $called
like "$(last_message m1)" 'was handed over, or made anew' "a model that is handed over when its run has begun is not retrained"
is "$(sql "SELECT count(*) FROM who")" 0 "nor does what comes after run as its new owner"
is "$(sql "SELECT enabled FROM promoai.schedules WHERE model = 'm1'")" f "its schedule is switched off"
sql "SELECT promoai.model_drop('m1')" >/dev/null
model mallory m1 ", after => 'INSERT INTO who VALUES (current_user)'"
due m1
call_at_gate phase
sql "SELECT promoai.model_drop('m1')" >/dev/null
PGUSER=bob sql "SELECT promoai.mf_train('m1', 'purchases', factors => 4, iterations => 2, holdout => 0)" >/dev/null
gate_open
wait $called
is "$(tail -1 "$server_dir/call.out") $(sql "SELECT count(*) FROM who")" "alive 0" "the same for one that is dropped and made anew by another"
is "$(sql "SELECT versions FROM promoai.models WHERE model = 'm1'")" 1 "whose model is left alone"
sql "SELECT promoai.model_drop('m1')" >/dev/null
model mallory m1

# ---- an owner's error that looks like a cancel ----
model mallory m1 ", after => \$a\$DO \$d\$ BEGIN RAISE EXCEPTION USING ERRCODE = '57014', MESSAGE = 'canceling'; END \$d\$ \$a\$"
due m1
due a1
is "$(sql "CALL promoai.run_due_jobs()" -c "SELECT 'alive'" 2>/dev/null)" alive "an owner's error of SQLSTATE 57014 does not end run_due_jobs()"
is "$(last_run m1) $(last_run a1)" "after failed published" "both jobs have run"

# ---- exit_on_error ----
model mallory m1 ", after => 'SET exit_on_error = on; SELECT 1 / 0'"
due m1
is "$(sql "CALL promoai.run_due_jobs()" -c "SELECT 'alive'" 2>/dev/null)" alive "SET exit_on_error in what comes after does not end the session"
is "$(last_run m1)" "after failed" "the run is written down"
model mallory m1

# ---- a cancel while the end is written down ----
due m1
call_at_gate ending
sql "SELECT pg_cancel_backend(pid) FROM pg_stat_activity WHERE query LIKE 'CALL%'" >/dev/null
sleep 0.3
gate_open
wait $called
is "$(last_run m1)" published "a cancel while the end is written down does not keep it from being written"
like "$(cat "$server_dir/call.out")" 'canceling statement due to user request' "and ends run_due_jobs() afterwards"
is "$(sql "SELECT running || ' ' || failures FROM promoai.schedules WHERE model = 'm1'")" "false 0" "its schedule is settled"

system "SET promoai.test_action = 'wait'"
system "SET promoai.test_point = 'ending'"
system "SET promoai.max_running = 1"
gate_close
due m1
at_gate
system "SET promoai.max_running = 0"
n=$(sql "SELECT count(*) FROM promoai.training_runs WHERE model = 'm1' AND state = 'published'")
sql "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE backend_type = 'promoai job'" >/dev/null
gate_open
wait_for "$jobs" 0
is "$(sql "SELECT count(*) - $n FROM promoai.training_runs WHERE model = 'm1' AND state = 'published'") $(last_run m1)" "1 published" "the same with SIGTERM and the worker"
system "RESET promoai.test_point"
system "RESET promoai.test_action"

# ---- an error while a run is claimed ----
# nine <statements after each>: nine models become due, one after the other
nine()
{
	local i
	for i in 1 2 3 4 5 6 7 8 9; do
		printf '%s\n' "SELECT promoai.schedule_retrain('e$i', every => '1 day', guard => 'none');" \
			"UPDATE promoai.registry_schedules s SET next_run = now() FROM promoai.registry_models m WHERE m.model_id = s.model_id AND m.model = 'e$i';" \
			"CALL promoai.run_due_jobs();" "SELECT promoai.unschedule_retrain('e$i');"
	done
}
for i in 1 2 3 4 5 6 7 8 9; do model mallory "e$i"; done
{
	echo "SET promoai.test_action = 'error'; SET promoai.test_point = 'claiming';"
	nine
	echo "SELECT count(*) || ' locks' FROM pg_locks WHERE locktype = 'object' AND pid = pg_backend_pid();"
	echo "RESET promoai.test_point;"
	nine
} >"$server_dir/claims.sql"
"$(pg psql)" -XAtq -f "$server_dir/claims.sql" >"$server_dir/claims.out" 2>&1
is "$(grep -c 'test point "claiming" was reached' "$server_dir/claims.out")" 9 "errors while runs are claimed, of one model after the other in one session"
is "$(grep locks "$server_dir/claims.out")" "0 locks" "leave no lock behind"
is "$(sql "SELECT count(*) FROM promoai.training_runs WHERE model LIKE 'e_' AND state = 'published'")" 9 "and the session runs them all afterwards"

# ---- cancelled by the owner ----
model mallory m1 ", after => 'SELECT pg_sleep(60)'"
like "$(PGUSER=mallory sql "SELECT promoai.cancel_run('m1')" 2>&1 | tr '\n' ' ')" 'NOTICE: .*no run .* f' "cancel_run() where none is on"
system "SET promoai.max_running = 1"
due m1
sleeps="SELECT count(*) FROM pg_stat_activity WHERE backend_type = 'promoai job' AND wait_event = 'PgSleep'"
wait_for "$sleeps" 1
like "$(PGUSER=alice sql_error "SELECT promoai.cancel_run('m1')")" 'does not exist' "cancel_run() is not for others"
is "$(PGUSER=mallory sql "SELECT promoai.cancel_run('m1')")" t "the owner cancels his job in the worker"
wait_for "$jobs" 0
is "$(last_run m1) $(last_message m1)" "after failed published, but the statements after it failed: canceling statement due to user request" "which says so"
system "SET promoai.max_running = 0"
due m1
sql "CALL promoai.run_due_jobs()" >/dev/null 2>&1 &
called=$!
wait_for "SELECT count(*) FROM pg_stat_activity WHERE query LIKE 'CALL%' AND wait_event = 'PgSleep'" 1
like "$(PGUSER=mallory sql_error "SELECT promoai.cancel_run('m1')")" 'is run by run_due_jobs\(\), in process [0-9]+' "but not somebody else's session"
sql "SELECT pg_cancel_backend(pid) FROM pg_stat_activity WHERE query LIKE 'CALL%'" >/dev/null
wait $called

# ---- promoai.job_timeout ----
system "SET promoai.job_timeout = '1s'"
model mallory m1 ", after => 'SELECT pg_sleep(60)', settings => '{\"statement_timeout\": 0}'"
due m1
is "$(sql "CALL promoai.run_due_jobs()" -c "SELECT 'alive'" 2>/dev/null)" alive "promoai.job_timeout ends a job, and not run_due_jobs()"
like "$(last_message m1)" 'canceled after promoai.job_timeout, 1000 ms' "whatever the owner has set"
model mallory m1 ", after => \$a\$DO \$d\$ BEGIN LOOP BEGIN PERFORM pg_sleep(3600); EXCEPTION WHEN query_canceled THEN NULL; END; END LOOP; END \$d\$ \$a\$"
system "SET promoai.max_running = 1"
due m1
wait_for "$sleeps" 1
system "SET promoai.max_running = 0"
wait_for "$jobs" 0 15
ok $? "and the worker's process, where his code catches that"
system "SET promoai.max_running = 1"
wait_for "SELECT last_state FROM promoai.schedules WHERE model = 'm1' AND NOT running" crashed
ok $? "which counts as a crash"
system "RESET promoai.job_timeout"
wait_for "$jobs" 0
sql "UPDATE promoai.registry_schedules SET failures = 0"
due m1
wait_for "$sleeps" 1
is "$(PGUSER=mallory sql "SELECT promoai.cancel_run('m1')")" t "where his code catches a cancel"
system "SET promoai.max_running = 0"
is "$(sql "$jobs")" 1 "the job goes on"
wait_for "$jobs" 0 15
ok $? "and ends with its process some seconds later"
system "SET promoai.max_running = 1"
wait_for "SELECT last_state FROM promoai.schedules WHERE model = 'm1' AND NOT running" crashed
ok $? "which counts as a crash, too"
model mallory m1

# ---- a commit that waits for a standby ----
export PGOPTIONS="-c synchronous_commit=local"
waits="SELECT count(*) FROM pg_stat_activity WHERE backend_type = 'promoai job' AND wait_event = 'SyncRep'"
system "SET synchronous_standby_names = 'nobody'"
system "SET promoai.max_running = 1"
due a1
wait_for "$waits" 1
ok $? "a job waits for a standby that is not there"
system "SET promoai.max_running = 0"
started=$(date +%s%N)
sql "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE backend_type = 'promoai job'" >/dev/null
wait_for "$jobs" 0
took=$((($(date +%s%N) - started) / 1000000))
[ $took -lt 1000 ]
ok $? "SIGTERM ends it, after $took ms"
is "$(last_run a1) $(last_message a1)" "interrupted the worker was told to stop" "as interrupted, and no other phase begins"
system "SET promoai.max_running = 1"
wait_for "$waits" 1
system "SET promoai.max_running = 0"
started=$(date +%s%N)
stop_server
took=$((($(date +%s%N) - started) / 1000000))
[ $took -lt 3000 ]
ok $? "and so does a fast shutdown, in $took ms"
unset PGOPTIONS

# ---- too few worker slots ----
# PostgreSQL's logical replication launcher has one, our launcher another: one is left, for the look and then for the job.
start_server -c shared_preload_libraries=promoai -c promoai.worker_naptime=1s -c max_worker_processes=3 \
	-c synchronous_standby_names= -c promoai.max_running=2
sql "ALTER SYSTEM RESET ALL" -c "SELECT pg_reload_conf()" >/dev/null
n=$(sql "SELECT count(*) FROM promoai.training_runs WHERE model = 'a1' AND state = 'published'")
due a1
wait_for "SELECT count(*) > $n FROM promoai.training_runs WHERE model = 'a1' AND state = 'published'" t
ok $? "a job has the worker slot that the look has had"

done_testing
