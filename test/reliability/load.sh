#!/usr/bin/env bash
# load.sh - many clients ask while models are retrained and published
#
#   load.sh [--quick] [--seconds N] [--calls N]
#
# 32 pgbench clients call the functions that serve (`served` below) for N seconds (600; quick: 8) while every 2 seconds another
# generation of rows is made current and the worker is told to retrain and publish all models by it, one of them with parallel
# workers; before that for a fifth of the time without.  At least one version in 5 seconds must come of it, and one of each model
# in 30.  Half of the statements are one call, as an application makes it: the slowest of a hundred of these is compared with
# that of the time without.  The others ask a model five times, read which version is published in their own snapshot, and hold
# the answers, as one, to those of that version: what an older one answers, what no version answers, or what mixes two, is an error
# and ends the client.
# Then one session makes N calls (1,000,000; quick: 20,000), its models still being replaced, and what it holds in memory is
# looked at on the way.  At last one session calls every function that serves 1,000 times (quick: 100).
set -uo pipefail
quick=
seconds=
calls=
while [ $# -gt 0 ]; do
	case $1 in
		# shellcheck disable=SC2034 # for pick
		--quick) quick=1 ;;
		--seconds)
			seconds=$2
			shift
			;;
		--calls)
			calls=$2
			shift
			;;
	esac
	shift
done
. "$(dirname "$0")/lib.sh"
seconds=${seconds:-$(pick 600 8)}
calls=${calls:-$(pick 1000000 20000)}
calm=$((seconds / 5 > 4 ? seconds / 5 : 4))
clients=32
every=2
least=5 # seconds to a version, 30 to one of each model
least_each=30
allowed=$(pick 3 20) # times the p99 without; seconds on a busy machine tell little
command -v "$(pg pgbench)" >/dev/null || bail_out "pgbench is missing (Debian: postgresql-contrib or postgresql-$("$PG_CONFIG" --version | grep -o '[0-9]*' | head -1))"

# A line for each function that serves: its name, its model, the trainer's call, and what it answers to question i, with
# VERSION where a version can be asked for.
asked=()
declare -A asked_model asked_trainer asked_answer
served()
{
	asked+=("$1")
	asked_model[$1]=$2
	asked_trainer[$1]="promoai.$3"
	asked_answer[$1]=$4
}

start_server -c shared_preload_libraries=promoai -c promoai.worker_naptime=1s -c max_connections=60 -c shared_buffers=256MB \
	-c max_worker_processes=16 -c checkpoint_timeout=1h -c max_wal_size=8GB -c max_parallel_maintenance_workers=2 -c jit=off
kinds_tables
shop_large 200000
# From one generation to the next every topic changes its name, so that no two call a question the same.  The rows that were
# read tell by which generation a version was trained, so there is one more of them.
sql "CREATE TABLE labelled AS SELECT i, i % 4 AS topic, 'order ' || i % 17 || ' parcel ' || i % 23 || (ARRAY[' late missing', ' thanks lovely', ' refund money', ' size exchange'])[1 + i % 4] AS doc FROM generate_series(1, 700) i;
	CREATE VIEW labelled_now AS SELECT labelled.doc, 'topic ' || (labelled.topic + generation.g) % 4 AS label FROM labelled, generation WHERE labelled.i <= 600 + generation.g"
# Enough to be worth a parallel worker.
served cf_recommend asked_mf "mf_train('asked_mf', 'SELECT customer, item FROM purchases_large UNION ALL SELECT more.customer, more.item FROM more, generation WHERE more.g <= generation.g', factors => 32, iterations => 4, holdout => 0)" \
	"(SELECT md5(string_agg(r::text, ' ' ORDER BY r.rank)) FROM promoai.cf_recommend('asked_mf', i, k => 10 VERSION) r)"
served segment_assign asked_segment "kmeans_train('asked_segment', 'shape_now', 3)" \
	"promoai.segment_assign('asked_segment', ARRAY[i % 30, i / 30 % 13]::float8[] VERSION)::text"
served text_label asked_label "text_classify_train('asked_label', 'labelled_now')" \
	"promoai.text_label('asked_label', 'order ' || i % 17 || (ARRAY[' late', ' thanks', ' refund', ' exchange'])[1 + i % 4] VERSION)::text"

# A question is a set of five; its answer that of all five together.  Those stay whose answers tell all generations apart.
questions=2000
sql "CREATE TABLE trained_by (model text, rows_read bigint, generation int, PRIMARY KEY (model, rows_read));
	CREATE TABLE expected (function text, question int, generation int, answer text, PRIMARY KEY (function, question, answer));
	CREATE TABLE question (function text, n int, question int, PRIMARY KEY (function, n))"
# right <function> <question> <answer>: is it what the version says that is published in this statement's snapshot?  By index,
# as the view's check of rights would take longer than what is asked.
right()
{
	printf "EXISTS (SELECT FROM promoai.registry_models m JOIN promoai.registry_versions v ON v.version_id = m.current_version JOIN trained_by t USING (model, rows_read) JOIN expected e USING (generation)
		WHERE m.model = '%s' AND e.function = '%s' AND e.question = %s AND e.answer = %s)" "${asked_model[$1]}" "$1" "$2" "$3" | tr '\n\t' '  '
}
# answer_of <function> <question> [version]
answer_of()
{
	local wanted=${3:+, version => $3}
	printf "(SELECT md5(string_agg(%s, ' ' ORDER BY i)) FROM generate_series(%s * 5, %s * 5 + 4) i)" "${asked_answer[$1]//VERSION/$wanted}" "$2" "$2"
}
for ((g = 0; g <= generations; g++)); do
	generation_set "$g"
	for function in "${asked[@]}"; do sql "SELECT ${asked_trainer[$function]}" >/dev/null 2>&1 || bail_out "${asked_model[$function]} is not trained"; done
	sql "INSERT INTO trained_by SELECT model, rows_read, $g FROM promoai.model_versions WHERE published AND model LIKE 'asked%'"
done
for function in "${asked[@]}"; do
	for ((g = 0; g <= generations; g++)); do
		sql "INSERT INTO expected SELECT '$function', q, $g, $(answer_of "$function" q $((g + 1))) FROM generate_series(1, $questions) q ON CONFLICT DO NOTHING"
	done
	sql "INSERT INTO question SELECT '$function', row_number() OVER (), question FROM expected WHERE function = '$function' GROUP BY question HAVING count(*) = $((generations + 1))"
	n=$(sql "SELECT count(*) FROM question WHERE function = '$function'")
	[ "$n" -ge 10 ]
	ok $? "$function: $n questions tell $((generations + 1)) versions apart"
	# shellcheck disable=SC2016 # :n and :question are pgbench's
	{
		printf '\\set n random(1, %s)\n' "$n"
		printf "SELECT question FROM question WHERE function = '%s' AND n = :n \\\\gset\n" "$function"
		printf "SELECT 1 / (%s)::int;\n" "$(right "$function" :question "$(answer_of "$function" :question)")"
	} >"$server_dir/$function.sql"
	printf '%s\n' '\set i random(0, 9999)' "SELECT ${asked_answer[$function]//VERSION/} FROM (VALUES (:i::int)) question(i);" >"$server_dir/$function.call.sql"
	sql "SELECT promoai.schedule_retrain('${asked_model[$function]}', every => '1 day', guard => 'none', keep => 3)" >/dev/null
done
sql "ANALYZE"
# That the check can fail: the answers of a version before the published one are refused, and those of none.
for function in "${asked[@]}"; do
	a_question=$(sql "SELECT min(question) FROM question WHERE function = '$function'")
	is "$(sql "SELECT generation, $(right "$function" "$a_question" expected.answer) FROM expected WHERE function = '$function' AND question = $a_question ORDER BY 1" | paste -sd' ')" \
		"$(for ((g = 0; g <= generations; g++)); do printf '%d|%s\n' $g "$([ $g = $generations ] && echo t || echo f)"; done | paste -sd' ')" "$function: only the published version's answer is right"
done
like "$(sql_error "SELECT 1 / ($(right cf_recommend 1 "'of no version'"))::int")" "division by zero" "an answer of no version is an error"

# ---- load ----

retraining()
{
	local models=("${asked_model[@]}")
	while :; do
		generation_set $((RANDOM % (generations + 1)))
		due "${models[@]}"
		sleep $every
	done
}

# helpers: how many parallel workers train, asked over and over
helpers() { while :; do sql "SELECT count(*) FROM pg_stat_activity WHERE backend_type = 'parallel worker'" && sleep 0.2; done; }

# p99 <log prefix> <index of the function>: milliseconds of a call
p99()
{
	cat "$server_dir/$1".* | awk -v script="$2" '$4 == script { print $3 }' | sort -n | awk '{ v[NR] = $1 } END { printf("%.2f", v[int(NR * 0.99)] / 1000) }'
}

# resident: anonymous memory of the largest client's backend, kB
resident()
{
	local pid
	for pid in $(sql "SELECT pid FROM pg_stat_activity WHERE application_name = 'pgbench'"); do awk '/^RssAnon/ { print $2 }' "/proc/$pid/status" 2>/dev/null; done | sort -n | tail -1
}

# load <log prefix> <seconds>
load()
{
	local scripts=()
	for function in "${asked[@]}"; do scripts+=(-f "$server_dir/$function.call.sql"); done
	for function in "${asked[@]}"; do scripts+=(-f "$server_dir/$function.sql"); done
	(cd "$server_dir" && "$(pg pgbench)" -n -M prepared -c $clients -j 2 -T "$2" -l --log-prefix="$server_dir/$1" --sampling-rate="$(awk -v s="$2" 'BEGIN { print (s > 60 ? 0.1 : 1) }')" \
		"${scripts[@]}" >"$server_dir/$1.report" 2>&1)
}

load calm $calm
ok $? "$clients clients, $calm s, nothing trained: no error" || diag "$(grep -m5 -i error "$server_dir/calm.report")"
began=$(sql "SELECT now()")
retraining 2>/dev/null &
retrainer=$!
helpers >"$server_dir/helpers" 2>/dev/null &
helper=$!
load busy "$seconds" &
loader=$!
sleep $((seconds / 5))
early=$(resident)
sleep $((seconds * 3 / 4 - seconds / 5))
late=$(resident)
wait $loader
ok $? "$clients clients, $seconds s, models retrained and published: no error, and no answer but of the version that is published" ||
	diag "$(grep -m5 -i error "$server_dir/busy.report")"
kill $helper
published=$(sql "SELECT count(*) FROM promoai.training_runs WHERE state = 'published' AND started_at > '$began'")
fewest=$(sql "SELECT min(n) FROM (SELECT count(r.model) AS n FROM promoai.models m LEFT JOIN promoai.training_runs r ON r.model = m.model AND r.state = 'published' AND r.started_at > '$began' WHERE m.model LIKE 'asked%' GROUP BY m.model) s")
failures=$(sql "SELECT count(*) FROM promoai.training_runs WHERE state NOT IN ('published', 'running', 'skipped') AND started_at > '$began'")
[ "$published" -ge $((seconds / least)) ] && [ "$fewest" -ge $((seconds / least_each)) ]
ok $? "$published versions were published meanwhile, of each model $fewest or more"
is "$failures" 0 "no run failed"
team=$(sort -n "$server_dir/helpers" | tail -1)
[ "${team:-0}" -ge 1 ]
ok $? "trainings took up to ${team:-0} parallel workers"
# statements <first script> <last>: how many of them were run
statements()
{
	awk -v first="$1" -v last="$2" '/^SQL script [0-9]+:/ { script = $3 + 0 } / - [0-9]+ transactions/ && script >= first && script <= last { n += $2 } END { print n + 0 }' "$server_dir/busy.report"
}
plain=$(statements 1 ${#asked[@]})
judged=$(statements $((${#asked[@]} + 1)) $((2 * ${#asked[@]})))
[ "$plain" -gt 0 ] && [ "$judged" -gt 0 ]
ok $? "$plain calls, and $judged statements of five, each held to the published version"
figure "| $clients clients, $seconds s | $plain calls, and $judged statements of five that were held to the published version; $published versions published meanwhile, of each model $fewest or more, by trainings with up to ${team:-0} parallel workers: $([ "$tap_failed" = 0 ] && echo "no error, no answer but the published version's" || echo "FAILED") |"
i=0
for function in "${asked[@]}"; do
	quiet=$(p99 calm $i)
	loud=$(p99 busy $i)
	awk -v a="$quiet" -v b="$loud" 'BEGIN { exit !(a > 0 && b <= '$allowed' * a) }'
	ok $? "$function: the slowest of a hundred takes $loud ms, $quiet ms without retraining"
	figure "| \`$function\`, p99 with and without retraining | $loud ms, $quiet ms: ratio $(awk -v a="$quiet" -v b="$loud" 'BEGIN { printf("%.2f", b / a) }') (allowed $allowed) |"
	i=$((i + 1))
done
[ "$late" -le $((early * 11 / 10 + 2048)) ]
ok $? "a client's backend holds $early kB early on, $late kB later"
figure "| Memory of a client's backend, early and late | $early kB, $late kB |"

# ---- one session, many calls ----

# Five calls a statement, each statement with a snapshot of its own; what is held is read after each tenth.
{
	echo "DO \$\$ BEGIN NULL; END \$\$;"
	for ((part = 0; part <= 10; part++)); do
		echo "DO \$\$ BEGIN FOR question IN 1 .. $((calls / 10 / 5 / ${#asked[@]})) LOOP"
		for function in "${asked[@]}"; do echo "PERFORM $(answer_of "$function" "(question % $questions)");"; done
		echo "END LOOP; END \$\$;"
		echo "SELECT $part AS part, pg_backend_pid() AS pid, (sum(total_bytes) / 1024)::int AS kb FROM pg_backend_memory_contexts \\gset"
		echo "\\setenv PART :part"
		echo "\\setenv PID :pid"
		echo "\\setenv KB :kb"
		echo "\\! echo \$PART \$KB \$(awk '/^RssAnon/ { print \$2 }' /proc/\$PID/status)"
	done
} >"$server_dir/calls.sql"
"$(pg psql)" -XAtq -v ON_ERROR_STOP=1 -f "$server_dir/calls.sql" >"$server_dir/held" 2>"$server_dir/held.errors"
ok $? "one session makes $calls calls, and a tenth more to begin with" || diag "$(cat "$server_dir/held.errors")"
kill $retrainer 2>/dev/null
wait_for "SELECT count(*) FROM promoai.schedules WHERE running" 0 60
# The first part loads models and plans.
read -r contexts_first first < <(awk '$1 == 0 { print $2, $3 }' "$server_dir/held")
read -r contexts_last last < <(awk '$1 == 10 { print $2, $3 }' "$server_dir/held")
[ "${contexts_last:-0}" -gt 0 ] && [ "$contexts_last" -le $((contexts_first * 11 / 10 + 256)) ] && [ "$last" -le $((first * 11 / 10 + 1024)) ]
ok $? "its memory contexts: $contexts_first kB, then $contexts_last kB; resident: $first kB, then $last kB"
figure "| Memory of one session over $calls calls | contexts $contexts_first kB, then $contexts_last kB; resident $first kB, then $last kB |"
is "$(sql "$strays")" "" "nothing is left over"
is "$(grep -cE 'terminated by signal|PANIC|TRAP:' "$server_dir/log")" 0 "and the log knows of no crash"

# ---- one session, all functions ----

sql "CREATE DATABASE each"
export PGDATABASE=each
each=$(pick 1000 100)
allowed_bytes=50 # a call
sql "CREATE EXTENSION promoai" -f test/reliability/calls.sql -f test/reliability/held.sql -c "SELECT hostile.$(pick prepare prepare_plain)()" >/dev/null || bail_out "the calls cannot be prepared"
printf '%s\n' "SET client_min_messages = error;" "SET log_min_messages = error;" "SELECT statement FROM hostile.holds($each, $(pick true false)) \\gexec" | "$(pg psql)" -XAtq -v ON_ERROR_STOP=1 >/dev/null 2>"$server_dir/held.errors"
ok $? "one session calls every function that serves $each times" || diag "$(cat "$server_dir/held.errors")"
functions=$(sql "SELECT count(*) FROM hostile.held")
is "$(sql "SELECT string_agg(function::text, ', ') FROM hostile.function f WHERE NOT is_volatile AND arguments > 0 AND EXISTS (SELECT FROM hostile.sound_call s WHERE s.function = f.function) AND NOT EXISTS (SELECT FROM hostile.held h WHERE h.function = f.function)")" "" "none of the $functions was left out"
is "$(sql "SELECT function || ' keeps ' || bytes || ' bytes over ' || calls || ' calls' FROM hostile.held WHERE bytes > $allowed_bytes * calls ORDER BY bytes / calls DESC")" "" "none keeps $allowed_bytes bytes a call"
figure "| Memory that one session keeps over $each calls of each function that serves | at most $(sql "SELECT greatest(max(bytes), 0) FROM hostile.held WHERE calls = $each") bytes, $(sql "SELECT count(*) FROM hostile.held WHERE calls = $each") functions |"
[ -n "$quick" ] || figure "| Over $((each / 10)) calls of each function that reads a source | at most $(sql "SELECT greatest(max(bytes), 0) FROM hostile.held WHERE calls < $each") bytes, $(sql "SELECT count(*) FROM hostile.held WHERE calls < $each") functions |"
done_testing
