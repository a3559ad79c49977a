#!/usr/bin/env bash
# The worker survives what happens to servers: dropped extensions and databases, a crash, restarts, too few slots, promotion.
# shellcheck source=test/server/lib.sh
. "$(dirname "$0")/lib.sh"
# shellcheck source=test/server/shop.sh
. "$(dirname "$0")/shop.sh"
# shellcheck source=test/server/jobs.sh
. "$(dirname "$0")/jobs.sh"

preloaded=(-c shared_preload_libraries=promoai -c promoai.worker_naptime=1s -c wal_level=replica -c hot_standby=on -c max_wal_senders=4)
start_server "${preloaded[@]}"
shop_create
sql "$train_shop; SELECT promoai.schedule_retrain('shop', every => '1 hour', guard => 'none')" >/dev/null
answer=$(sql "$answers")

# works <what>: the worker retrains
works()
{
	local n
	n=$(runs shop)
	due shop
	wait_for "SELECT count(*) > $n FROM promoai.training_runs WHERE ended_at IS NOT NULL" t 20
	is "$(last_run shop)" published "$1: the worker retrains"
	is "$(sql "$answers")" "$answer" "$1: and the answers are the same"
	is "$(sql "$strays")" "" "$1: nothing is left over"
}
works "at first"

# ---- the whole server, in the middle of a job ----
sql "ALTER SYSTEM SET promoai.test_point = 'reading'" -c "SELECT pg_reload_conf()" >/dev/null
due shop
wait_for "SELECT count(*) FROM pg_stat_activity WHERE query = 'promoai test point: reading' AND backend_type = 'promoai job'" 1
sql "ALTER SYSTEM RESET promoai.test_point" >/dev/null
crash
start_server "${preloaded[@]}"
wait_for "SELECT last_state FROM promoai.schedules WHERE NOT running" crashed
ok $? "kill -9 of the server in the middle of a job is noticed"
works "after the crash"

# ---- dropping ----
sql "CREATE DATABASE second"
PGDATABASE=second sql "CREATE EXTENSION promoai"
wait_for "SELECT count(*) FROM pg_stat_database WHERE datname = 'second' AND xact_commit > 3" 1
sql "DROP DATABASE second"
ok $? "a database that the worker looks after can be dropped at any time"
sql "CREATE DATABASE third" && PGDATABASE=third sql "CREATE EXTENSION promoai; DROP EXTENSION promoai"
sleep 2
works "a database dropped, an extension dropped elsewhere"

# ---- a standby, and its promotion ----
standby=$server_dir/standby
as_server_user "$(pg pg_basebackup)" -h "$PGHOST" -p "$PGPORT" -U postgres -D "$standby" -R -X stream -c fast
mkdir -p "$server_dir/socket" && chown "$(server_user)" "$server_dir/socket"
as_server_user "$(pg pg_ctl)" start -w -s -D "$standby" -l "$server_dir/standby.log" \
	-o "-c listen_addresses= -c unix_socket_directories=$server_dir/socket"
on_standby() { PGHOST=$server_dir/socket "$@"; }
is "$(on_standby sql "SELECT count(*) FROM pg_stat_activity WHERE backend_type LIKE 'promoai%'")" 0 "no worker runs on a standby"
like "$(on_standby sql_error "CALL promoai.run_due_jobs()")" "cannot execute run_due_jobs\(\) during recovery" "nor does run_due_jobs()"
stop_server
as_server_user "$(pg pg_ctl)" promote -w -s -D "$standby"
on_standby due shop
on_standby wait_for "SELECT last_state FROM promoai.schedules WHERE NOT running AND next_run > now()" published 20
ok $? "promoted, it takes over the schedules"
as_server_user "$(pg pg_ctl)" stop -w -s -m fast -D "$standby"

# ---- too few slots, and no preloading ----
start_server "${preloaded[@]}" -c max_worker_processes=2
due shop
wait_for_log "no background worker slot is free" 15
ok $? "too few slots: the log says so"
sql "SELECT 1" >/dev/null
restart_server -c promoai.worker_naptime=1s
is "$(sql "SELECT count(*) FROM pg_stat_activity WHERE backend_type LIKE 'promoai%'")" 0 "not preloaded: no worker"
sql "SELECT promoai.start_worker()" >/dev/null
works "start_worker()"
like "$(sql_error "SELECT promoai.start_worker()")" "a worker serves this database already" "a second one is refused"

done_testing
