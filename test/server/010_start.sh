#!/usr/bin/env bash
# The extension is there after a start, after a crash of the whole server and after that of one backend.
# shellcheck source=test/server/lib.sh
. "$(dirname "$0")/lib.sh"

objects="SELECT count(*) > 0 FROM pg_depend WHERE refobjid = (SELECT oid FROM pg_extension WHERE extname = 'promoai')"
schema="SELECT nspname FROM pg_namespace JOIN pg_extension e ON e.extnamespace = pg_namespace.oid WHERE extname = 'promoai'"

start_server
sql "CREATE EXTENSION promoai"
ok $? "the extension is created"
is "$(sql "$schema")" promoai "its schema is promoai"
before=$(sql "SELECT count(*) FROM pg_depend WHERE refobjid = (SELECT oid FROM pg_extension WHERE extname = 'promoai')")

crash
like "$(sql_error "SELECT 1")" "refused|No such file" "no server answers after kill -9"

start_server
grep -q "automatic recovery in progress" "$server_dir/log"
ok $? "the restarted server recovers from the crash"
is "$(sql "$schema")" promoai "the schema still answers"
is "$(sql "SELECT count(*) FROM pg_depend WHERE refobjid = (SELECT oid FROM pg_extension WHERE extname = 'promoai')")" \
	"$before" "with all its objects"
is "$(sql "$objects")" t "of which there are some"

sql_start "SELECT pg_sleep(60)"
wait_for "SELECT count(*) FROM pg_stat_activity WHERE query = 'SELECT pg_sleep(60)'" 1
crash_backend "$(sql "SELECT pid FROM pg_stat_activity WHERE query = 'SELECT pg_sleep(60)'")"
ok $? "the server comes back after kill -9 of a backend"
wait "$session"
isnt $? 0 "whose client is told"
is "$(sql "$schema")" promoai "and the schema answers"

stop_server
start_server
is "$(sql "$schema")" promoai "also after a clean restart"

done_testing
