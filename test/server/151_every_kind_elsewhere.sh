#!/usr/bin/env bash
# Every kind of model, each kept version, answers the same after dump and restore in any form, on a standby, and as another
# training of the same rows.
# shellcheck source=test/server/lib.sh
. "$(dirname "$0")/lib.sh"
# shellcheck source=test/server/shop.sh
. "$(dirname "$0")/shop.sh"
# shellcheck source=test/server/jobs.sh
. "$(dirname "$0")/jobs.sh"
# shellcheck source=test/server/kinds.sh
. "$(dirname "$0")/kinds.sh"

start_server -c max_wal_senders=4 -c hot_standby=on -c wal_level=replica -c max_standby_streaming_delay=-1
sql "CREATE DATABASE shop"
export PGDATABASE=shop
kinds_tables
for ((g = 0; g < generations; g++)); do
	generation_set $g
	for model in "${kinds[@]}"; do sql "SELECT ${kind_trainer[$model]}" >/dev/null 2>&1; done
done
generation_set 0
for model in "${kinds[@]}"; do sql "SELECT promoai.schedule_retrain('$model', every => '1 day'); SELECT promoai.retrain('$model')" >/dev/null 2>&1; done

all=$(versions_answers)
schedules="SELECT model, every, guard, enabled, next_run FROM promoai.schedules ORDER BY model"
expected=$(sql "$all ORDER BY 1, 2")
timetable=$(sql "$schedules")
is "$(sql "SELECT count(*) FROM ($all) v WHERE answers IS NOT NULL")" "$((${#kinds[@]} * (generations + 1)))" "every version of every kind answers"
is "$(sql "SELECT model FROM ($all) v WHERE model <> 'mixed' GROUP BY 1 HAVING count(DISTINCT answers) <> $generations OR count(DISTINCT rows_read) <> $generations")" "" \
	"rows of another generation make another model"
is "$(sql "SELECT model FROM ($all) v WHERE version IN (1, $generations + 1) GROUP BY 1 HAVING count(DISTINCT answers) > 1")" "" "and the same rows the same again"

# same_here <how>
same_here()
{
	is "$(sql "$all ORDER BY 1, 2")" "$expected" "$1: every version of every kind answers the same"
	is "$(sql "$schedules")" "$timetable" "$1: its schedule is there"
	is "$(sql "$strays")" "" "$1: nothing is left over"
}

# restored <form> <arguments of pg_restore…>
restored()
{
	local form=$1
	shift
	sql "CREATE DATABASE $form TEMPLATE template0"
	"$(pg pg_restore)" --exit-on-error "$@" -d "$form" "$server_dir/dump.$form"
	ok $? "$form: restored"
	PGDATABASE=$form same_here "$form"
}
"$(pg pg_dump)" -Fc -f "$server_dir/dump.custom" && restored custom --jobs 2
"$(pg pg_dump)" -Fd -j 2 -f "$server_dir/dump.directory" && restored directory --jobs 3
sql "CREATE DATABASE plain TEMPLATE template0"
"$(pg pg_dump)" -f "$server_dir/dump.plain" && PGDATABASE=plain sql "\\i $server_dir/dump.plain" >/dev/null
ok $? "plain: restored"
PGDATABASE=plain same_here plain

standby=$server_dir/standby
as_server_user "$(pg pg_basebackup)" -h "$PGHOST" -p "$PGPORT" -U postgres -D "$standby" -R -X stream -c fast
mkdir -p "$server_dir/socket" && chown "$(server_user)" "$server_dir/socket"
as_server_user "$(pg pg_ctl)" start -w -s -D "$standby" -l "$server_dir/standby.log" \
	-o "-c listen_addresses= -c unix_socket_directories=$server_dir/socket"
on_standby() { PGHOST=$server_dir/socket "$@"; }
sql "SELECT promoai.retrain('mf'); SELECT promoai.model_publish('segment', 2); SELECT promoai.model_prune('clv', 1)" >/dev/null 2>&1
expected=$(sql "$all ORDER BY 1, 2")
on_standby wait_for "SELECT pg_last_wal_replay_lsn() >= '$(sql "SELECT pg_current_wal_lsn()")'" t
is "$(on_standby sql "SELECT pg_is_in_recovery()")" t "a standby follows"
on_standby same_here standby
as_server_user "$(pg pg_ctl)" promote -w -s -D "$standby"
on_standby same_here promoted
on_standby sql "SELECT promoai.retrain('mf')" >/dev/null
is "$(on_standby sql "SELECT answers FROM ($all) v WHERE model = 'mf' AND published")" "$(sql "SELECT answers FROM ($all) v WHERE model = 'mf' AND published")" "promoted, it trains the same"
as_server_user "$(pg pg_ctl)" stop -w -s -m fast -D "$standby"

done_testing
