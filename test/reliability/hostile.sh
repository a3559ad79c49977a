#!/usr/bin/env bash
# hostile.sh - every function of the extension, called with every kind of bad value: no crash, no internal error, no hang
#
#   hostile.sh [--quick] [--calls N] [--seed S] [--keep FILE]
#
# Default: each hostile value for each argument of its type, two thirds of 100,000 calls with two and with all arguments, and
# texts of 1 GB for every argument that takes text; --quick: 3,000 calls and no such texts.
# calls.sql makes the calls from the catalogue, the same ones for the same seed.  Each runs in a transaction of its own, is
# undone, and leaves its SQLSTATE and time.  --keep writes what each call gave to a file.  Besides the calls:
#
#   forged payloads   of each kind of model a stored one is replaced by hostile bytes with right checksums, then all sound
#                     calls of that model are made
#   binary input      forged values of the types of the extension come in by COPY BINARY
#
# A call fails the test when the server crashes, when it takes more than LIMIT seconds or does not heed being cancelled, or
# when it is refused with a SQLSTATE that says that the code, not the caller, is wrong.
# shellcheck source=test/reliability/lib.sh
. "$(dirname "$0")/lib.sh"

calls=100000
seed=0.42
quick=
keep=
while [ $# -gt 0 ]; do
	case $1 in
		--quick)
			quick=1
			calls=3000
			;;
		--calls)
			calls=$2
			shift
			;;
		--seed)
			seed=$2
			shift
			;;
		--keep)
			keep=$2
			shift
			;;
		*) bail_out "unknown argument $1" ;;
	esac
	shift
done
LIMIT=10        # seconds that a call may take
MEMORY=12000000 # kB that a process of the server may map
# What the caller may be told: data exceptions, violations, states and limits, syntax and names in a source, what is not
# supported, a transaction that is not to write, a procedure inside a transaction, what a source raises by itself.
EXPECTED='^(00000|0A000|21000|22...|23...|25006|25P01|2D000|42...|53400|54...|55000|55006|55P03|P0001)$'

# In a process of its own: the limit on memory is for the server.
(ulimit -v $MEMORY && exec bash test/tools/cluster.sh start -D "$server_dir" -c shared_buffers=128MB -c work_mem=4MB -c maintenance_work_mem=64MB \
	-c max_parallel_maintenance_workers=1 -c log_min_messages=log -c synchronous_commit=off -c max_wal_size=2GB) >/dev/null || bail_out "the server does not start"
start_server
sql "CREATE EXTENSION promoai" -f test/reliability/calls.sql -c "SELECT hostile.prepare()" >/dev/null || bail_out "the calls cannot be prepared"

# ---- forged values ----
for model in $(sql "SELECT replace(min(model), ' ', '~') FROM promoai.models GROUP BY kind UNION SELECT replace(model, ' ', '~') FROM promoai.models WHERE model IN ('ease', 'item_knn', 'user_knn', 'popular', 'buy_again', 'ratings')"); do
	model=${model//\~/ }
	sql "SELECT encode(string_agg(bytes, '' ORDER BY chunk), 'hex') FROM promoai.registry_payload JOIN promoai.registry_models ON version_id = current_version WHERE model = '$model'" |
		perl test/tools/payload-forge.pl | sed "s/^/$model	/" | sql "COPY hostile.payload (model, bytes) FROM STDIN"
done
# The same as values: the kind, as a genuine one has it, and then the payload.
sql "INSERT INTO hostile.forged (type, written)
	SELECT g.type, left(g.written, 34) || p.bytes
	FROM (SELECT DISTINCT ON (left(written, 34)) * FROM hostile.genuine WHERE type::text = 'promoai.model_bytes') g
	JOIN promoai.models m ON position(encode(convert_to(m.kind, 'UTF8'), 'hex') || '00' IN left(g.written, 34)) = 3 JOIN hostile.payload p USING (model)
	ORDER BY md5(p.bytes) LIMIT 3000;
	SELECT hostile.forge_values()" >/dev/null || bail_out "no values can be forged"

# ---- the calls ----
sql "SELECT hostile.make_calls($calls, $seed)" >/dev/null || bail_out "no calls can be made"
sql "SET client_min_messages = error; SELECT hostile.make_forged_calls('$server_dir', $([ -n "$quick" ] && echo 3 || echo 100))" >/dev/null || bail_out "no calls can be made with forged values"
[ -n "$quick" ] || sql "SELECT hostile.make_long_texts()" >/dev/null || bail_out "no calls can be made with long texts"
made=$(sql "SELECT count(*) FROM hostile.call")

# A call that does not heed its time limit must not hang the test.
watch_over()
{
	local pid
	while sleep 5; do
		for pid in $(sql "SELECT pid FROM pg_stat_activity WHERE query LIKE 'SELECT hostile.run%' AND state = 'active' AND now() - query_start > interval '60 s'" 2>/dev/null); do
			diag "backend $pid heeds no time limit and is killed"
			kill -9 "$pid"
		done
	done
}
watch_over &
watcher=$!

# run_calls <role> <condition>: all of them that have no result yet; one that takes the server along gets the result "crash".
run_calls()
{
	local last=0
	while true; do
		printf '%s\n' "SET statement_timeout = '${LIMIT}s';" "SET client_min_messages = error;" "SELECT format('SELECT hostile.run(%s)', id) FROM hostile.call WHERE id > $last AND $2 ORDER BY id \\gexec" |
			PGUSER=$1 "$(pg psql)" -XAtq -o /dev/null >>"$server_dir/clients" 2>&1 && return
		wait_for "SELECT 1" 1 120 || bail_out "the server does not come back"
		last=$(sql "INSERT INTO hostile.result
			SELECT id, 'crash' FROM hostile.call WHERE $2 AND NOT EXISTS (SELECT FROM hostile.result r WHERE r.id = call.id) ORDER BY id LIMIT 1 RETURNING id")
		[ -n "$last" ] || return
	done
}

run_calls hostile_user "how NOT IN ('forged payload', 'binary input')"
run_calls postgres "how IN ('forged payload', 'binary input')"
kill $watcher
wait $watcher 2>/dev/null

# ---- what came of it ----
[ -z "$keep" ] || sql "COPY (SELECT c.id, function, how, state, round(milliseconds) AS ms, message, left(statement, 2000) AS statement FROM hostile.call c LEFT JOIN hostile.result r USING (id) ORDER BY id) TO STDOUT WITH (FORMAT csv, HEADER)" >"$keep"
diag "$(sql "SELECT count(*) || ' calls of ' || count(DISTINCT function) || ' functions: ' || count(*) FILTER (WHERE state = '00000') || ' answered, ' || count(*) FILTER (WHERE state <> '00000') || ' refused with ' || count(DISTINCT state) || ' SQLSTATEs; ' || round(sum(milliseconds) / 1000) || ' s, the longest call ' || round(max(milliseconds)) || ' ms' FROM hostile.call JOIN hostile.result USING (id)")"
diag "$(sql "SELECT string_agg(how || ': ' || n, ', ' ORDER BY how) FROM (SELECT how, count(*) AS n FROM hostile.call GROUP BY 1) s")"
figures()
{
	local how what calls answered cancelled
	sql "SELECT how, count(*), count(*) FILTER (WHERE state = '00000'), count(*) FILTER (WHERE state = '57014') FROM hostile.call JOIN hostile.result USING (id) GROUP BY how ORDER BY min(id)" | while IFS='|' read -r how calls answered cancelled; do
		case $how in
			'one argument') what="One hostile argument, each value for each argument of its type" ;;
			'two arguments') what="Two hostile arguments" ;;
			'all arguments') what="All arguments hostile" ;;
			'1 GB') what="Texts of 1 GB" ;;
			'forged payload') what="Stored models forged" ;;
			'binary input') what="Forged values by \`COPY BINARY\`" ;;
			*) what=$how ;;
		esac
		figure "| $what | $calls calls: $answered answered, $((calls - answered - cancelled)) refused$([ "$cancelled" = 0 ] || echo ", $cancelled cancelled after $LIMIT s") |"
	done
	figure "| Functions called | $(sql "SELECT count(DISTINCT c.function) || ' of ' || (SELECT count(*) FROM hostile.function WHERE arguments > 0) FROM hostile.call c JOIN hostile.function f USING (function) WHERE f.arguments > 0") |"
	figure "| Refused, by SQLSTATE | $(sql "SELECT string_agg(state || ' ' || n, ', ' ORDER BY n DESC, state) FROM (SELECT state, count(*) AS n FROM hostile.result WHERE state NOT IN ('00000', 'crash') GROUP BY 1) s") |"
	figure "| Crashes; internal errors (XX000) | $(sql "SELECT count(*) FILTER (WHERE state = 'crash') || '; ' || count(*) FILTER (WHERE state = 'XX000') FROM hostile.result") |"
	figure "| The longest call | $(sql "SELECT round(max(milliseconds) / 1000) || ' s; without texts of 1 GB ' || round((max(milliseconds) FILTER (WHERE how <> '1 GB') / 1000)::numeric, 1) || ' s' FROM hostile.call JOIN hostile.result USING (id)") |"
}
[ -n "$quick" ] || figures
found() { sql "SELECT coalesce(state, 'no result') || ' ' || round(coalesce(milliseconds, 0)) || ' ms: ' || left(statement, 600) || ' => ' || coalesce(message, '') FROM hostile.call LEFT JOIN hostile.result USING (id) WHERE $1 ORDER BY id LIMIT 20"; }

is "$(sql "SELECT count(*) >= $calls FROM hostile.result")" t "$made calls were made"
[ "$calls" -lt 100000 ] || is "$(sql "SELECT count(*) FROM hostile.call WHERE how = 'one argument'")" "$(sql "SELECT count(*) FROM hostile.argument a JOIN hostile.value v USING (type) WHERE NOT v.sound")" "with each hostile value for each argument of its type"
is "$(sql "SELECT string_agg(function::text, ', ') FROM hostile.function WHERE arguments > 0 AND function NOT IN (SELECT function FROM hostile.sound_call)")" "" "a sound call is known of every function"
is "$(found "state IS NULL OR state = 'crash'")" "" "none of them took the server along"
is "$(grep -cE 'terminated by signal|PANIC|TRAP:' "$server_dir/log")" 0 "and its log knows of no crash"
is "$(found "state <> 'crash' AND state <> '57014' AND state !~ '$EXPECTED' AND NOT (how = 'forged payload' AND state = 'XX001')")" "" "none is refused as if the code were wrong"
is "$(found "milliseconds > 1000 * $LIMIT + CASE how WHEN '1 GB' THEN 5000 ELSE 1000 END OR (state = '57014' AND how <> '1 GB')")" "" "none takes longer than $LIMIT s, or goes on when cancelled; with 1 GB, it may have to be"
is "$(sql "SELECT string_agg(function::text, ', ') FROM hostile.function f WHERE arguments > 0 AND NOT EXISTS (SELECT FROM hostile.call c WHERE c.function = f.function)")" "" "no function was left out"
is "$(sql "SELECT count(*) FROM promoai.models WHERE model = 'fresh'")" 0 "nothing of it stays"

done_testing
