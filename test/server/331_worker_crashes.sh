#!/usr/bin/env bash
# A job that crashes the server, wherever it does: noticed, counted, put off, switched off after three in a row.
# shellcheck source=test/server/lib.sh
. "$(dirname "$0")/lib.sh"
# shellcheck source=test/server/shop.sh
. "$(dirname "$0")/shop.sh"
# shellcheck source=test/server/jobs.sh
. "$(dirname "$0")/jobs.sh"

preloaded=(-c shared_preload_libraries=promoai -c promoai.worker_naptime=1s)
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

# ---- crashes, at each point ----

# calm: the server is up, and stays so for longer than the worker waits before its first look
calm()
{
	local pid
	while :; do
		wait_for "SELECT 1" 1
		pid=$(pgrep -P "$(head -1 "$server_dir/data/postmaster.pid")" -f 'checkpointer')
		sleep 1.5
		[ "$(pgrep -P "$(head -1 "$server_dir/data/postmaster.pid")" -f 'checkpointer')" = "$pid" ] && return
	done
}
# killed_at <point>: every job is killed there until the server has calmed down without the setting
killed_at()
{
	local point=$1 before
	sql "UPDATE promoai.registry_schedules SET after_run = 'SELECT 1'"
	sql "ALTER SYSTEM SET promoai.test_action = 'kill'" -c "ALTER SYSTEM SET promoai.test_point = '$point'" -c "SELECT pg_reload_conf()" >/dev/null
	before=$(kills)
	due shop
	deadline=$((SECONDS + 15))
	while [ "$(kills)" = "$before" ] && [ $SECONDS -lt $deadline ]; do sleep 0.1; done
	[ "$(kills)" -gt "$before" ]
	ok $? "a job is killed at \"$point\""
	until sql "ALTER SYSTEM RESET promoai.test_point" -c "ALTER SYSTEM RESET promoai.test_action" -c "SELECT pg_reload_conf()" >/dev/null 2>&1; do sleep 0.1; done
	calm
}
kills() { grep -c 'terminated by signal 9' "$server_dir/log"; }
as_it_was()
{
	is "$(sql "$answers")" "$answer" "\"$1\": the answers are the same"
	is "$(sql "$strays")" "" "\"$1\": nothing is left over"
}
noticed()
{
	wait_for "SELECT last_state FROM promoai.schedules WHERE NOT running AND failures > 0 AND coalesce(next_run > now(), true)" crashed 20
	ok $? "\"$1\": the crash is noticed, counted and put off"
	as_it_was "$1"
}

killed_at claiming
wait_for "SELECT count(*) FROM promoai.schedules WHERE NOT running AND last_state = 'published' AND next_run > now() + interval '30 minutes'" 1 20
ok $? "\"claiming\": the claim was never made, and the job runs"
as_it_was claiming
for point in claimed reading "before publish"; do
	killed_at "$point"
	noticed "$point"
done
is "$(sql "SELECT enabled FROM promoai.schedules")" f "after three crashes in a row it is switched off"
like "$(sql "SELECT last_message FROM promoai.schedules")" "^switched off after 3 crashes in a row" "and says so"
sql "SELECT promoai.schedule_retrain('shop', every => '1 hour', guard => 'none')" >/dev/null
killed_at after
noticed after
works "after all that"

# ---- time to stop a server that crashes ----
stop_server
start_server "${preloaded[@]}" -c promoai.worker_naptime=4s
n=$(runs shop)
due shop
for i in 1 2 3 4; do
	sql "SELECT promoai.schedule_retrain('shop', every => '1 hour', guard => 'none')" -c "SELECT pg_reload_conf()" >/dev/null
	due shop
	sleep 0.6
done
is "$(sql "SELECT now() - pg_postmaster_start_time() < '4 seconds'") $(runs shop)" "t $n" "a first look waits, whatever is said to the worker meanwhile"
wait_for "SELECT count(*) > $n FROM promoai.training_runs WHERE ended_at IS NOT NULL" t 20
ok $? "and comes"

done_testing
