#!/usr/bin/env bash
# crash.sh - SIGKILL at named points of trainings, publications and jobs, and at random moments of a mixed load
#
#   crash.sh [--quick] [--points N] [--random N]
#
# N kills at each of ten points (20; quick: 1) and N at random moments (100; quick: 3).  At a point the process stands still
# (promoai.test_point), so each kill hits it; three in four end that process alone, so that the postmaster starts all others
# anew, the fourth ends all processes of the server at once.  Trainings are called by a client or run by the worker, jobs run
# in the worker or in run_due_jobs(): by turns, which go on from point to point, so that --quick has all four.  After each
# restart:
#
# - every kept version of every kind answers, digit by digit, what a model of its rows answers, and has its metrics; the
#   published one is the one from before, or the new one where its publication had been committed;
# - the registry holds no row that belongs to nothing and no version that lacks a part;
# - what a client was told to be committed is there: of its last retraining, publishing or pruning of each model the version
#   that is published and those that are kept, unless a job has published a newer one since; what was dropped is gone;
# - no segment of shared memory, temporary file or lock outlives its process, and no schedule is lost: the run of a job that
#   was killed is written down as crashed, counted and put off.
#
# At the end every schedule trains and publishes again, and when all models are dropped, nothing is left.
#
# As root the server has a /dev/shm of its own; elsewhere segments are files of its own.
set -uo pipefail
quick=
points=
randoms=
arguments=("$@")
while [ $# -gt 0 ]; do
	case $1 in
		--quick) quick=1 ;;
		--points)
			points=$2
			shift
			;;
		--random)
			randoms=$2
			shift
			;;
	esac
	shift
done
if [ -z "${CRASH_ROOM:-}" ] && unshare -m mount -t tmpfs -o size=1m tmpfs /dev/shm 2>/dev/null; then
	exec env CRASH_ROOM=1 unshare -m bash -c 'mount -t tmpfs -o mode=1777 tmpfs /dev/shm && exec bash "$0" "$@"' "$0" "${arguments[@]}"
fi

. "$(dirname "$0")/lib.sh"
points=${points:-$(pick 20 1)}
randoms=${randoms:-$(pick 100 3)}

# Of a kind that is trained by parallel workers, so that shared memory is at stake.
kind team "mf_train('team', 'SELECT customer, item FROM purchases_large UNION ALL SELECT more.customer, more.item FROM more, generation WHERE more.g <= generation.g', factors => 32, iterations => 8, holdout => 0)" \
	"SELECT c, r FROM generate_series(0, 16383, 1000) c, promoai.cf_recommend('team', c, k => 5 VERSION) r"

settings=(-c shared_preload_libraries=promoai -c promoai.worker_naptime=1s -c promoai.max_running=2 -c max_worker_processes=16
	-c max_parallel_maintenance_workers=2 -c max_connections=40 -c autovacuum_naptime=5s)
if [ -n "${CRASH_ROOM:-}" ]; then
	settings+=(-c dynamic_shared_memory_type=posix)
	segments() { find /dev/shm -type f -printf '%f\n' | sort; }
else
	settings+=(-c dynamic_shared_memory_type=mmap)
	segments() { find "$server_dir/data/pg_dynshmem" -name 'mmap.*' -printf '%f\n' | sort; }
fi

start_server "${settings[@]}"
kinds_tables
shop_large "$(pick 200000 100000)"
learn_answers
# shellcheck disable=SC2120
schedules_made()
{
	sql "SELECT count(promoai.schedule_retrain(model, every => '1 day', guard => 'none', after => 'SELECT 1', keep => 4))
		FROM promoai.models LEFT JOIN promoai.schedules s USING (model)
		WHERE model = ANY ('{$(IFS=,; printf %s "${kinds[*]}")}') AND (s.model IS NULL OR NOT s.enabled OR s.failures > 0) AND NOT coalesce(s.running, false)" >/dev/null
}
schedules_made
is "$(sql "SELECT count(*) FROM promoai.schedules")" "${#kinds[@]}" "${#kinds[@]} models, each with a schedule"
is "$(sql "$(wrong_answers)")" "" "whose versions answer by their rows"

# What clients do to models, each in a transaction with a row that says what was published and kept when it was done: whoever
# changes a model locks it, so the rows of a model are in the order of its changes.
sql "CREATE TABLE acts (id bigserial PRIMARY KEY, what text NOT NULL, model text NOT NULL, wanted int, current int NOT NULL, kept int[] NOT NULL);
	CREATE FUNCTION act(what text, changed text) RETURNS bigint LANGUAGE plpgsql AS \$\$
	DECLARE
		wanted int;
		act bigint;
	BEGIN
		CASE what
		WHEN 'retrain' THEN SELECT r.version INTO wanted FROM promoai.retrain(changed) r;
		WHEN 'publish' THEN SELECT p.version INTO wanted FROM (SELECT version FROM promoai.model_versions WHERE model = changed ORDER BY random() LIMIT 1) v, promoai.model_publish(changed, v.version) p;
		WHEN 'prune' THEN PERFORM promoai.model_prune(changed, 2);
		END CASE;
		INSERT INTO acts (what, model, wanted, current, kept)
		SELECT what, changed, wanted, max(version) FILTER (WHERE published), array_agg(version) FROM promoai.model_versions WHERE model = changed
		RETURNING id INTO act;
		RETURN act;
	END \$\$"

# ---- how a server ends, and how it is found again ----

starts() { grep -c 'database system is ready to accept connections' "$server_dir/log"; }

# processes: of the server, those among them that are on their way out
processes()
{
	local cwd
	for cwd in /proc/[0-9]*/cwd; do
		if [ "$cwd" -ef "$server_dir/data" ]; then
			cwd=${cwd%/cwd}
			printf '%s\n' "${cwd#/proc/}"
		fi
	done
}

# all_at_once: no process of the server survives this
all_at_once()
{
	# shellcheck disable=SC2046 # words
	kill -9 $(processes) 2>/dev/null
	while [ -n "$(processes)" ]; do sleep 0.02; done
}

# end <pid | server>: kill it, and wait for the server to be back; fails when it has ended by itself before.  Sets before_segments,
# and not_restarted where it was killed and the server goes on as if it had not been.
end()
{
	local before deadline=$((SECONDS + 60))
	before=$(starts)
	before_segments=$(segments)
	if [ "$1" = server ]; then
		all_at_once
		start_server "${settings[@]}"
	else
		kill -9 "$1" 2>/dev/null || return 1
		# Who has ended, but is not gone yet, can be killed without any effect.
		until grep -q "(PID $1) was terminated by signal 9" "$server_dir/log"; do
			[ $SECONDS -lt $((deadline - 50)) ] || return 1
			sleep 0.05
		done
		while [ "$(starts)" = "$before" ] && [ $SECONDS -lt $deadline ]; do sleep 0.05; done
		wait_for "SELECT 1" 1 60
	fi
	[ "$(starts)" -gt "$before" ] || not_restarted+="the server did not restart after $1 was killed; "
}

temporary_of_dead()
{
	local file pid
	find "$server_dir"/data/base/pgsql_tmp -mindepth 1 -maxdepth 1 2>/dev/null | while read -r file; do
		pid=${file##*/pgsql_tmp}
		pid=${pid%%.*}
		[ -d "/proc/$pid" ] || printf 'temporary file of a dead process: %s\n' "$file"
	done
}

# job_ended <model> <its run; none: nothing had been claimed>: what is wrong with how a killed job is written down
job_ended()
{
	if [ -n "$2" ]; then
		sql "SELECT 'not written down as crashed, counted and put off: ' || coalesce(r::text, 'no run') || ' ' || coalesce(s::text, 'no schedule')
			FROM (VALUES ('$2'::uuid)) k(run_id) LEFT JOIN promoai.registry_runs r USING (run_id) LEFT JOIN promoai.registry_schedules s USING (model_id)
			WHERE (r.state = 'crashed' AND r.ended_at IS NOT NULL AND r.version IS NULL AND s.run_id IS NULL AND s.enabled AND s.crashes = 1 AND s.failures = 1 AND s.next_run > r.ended_at + interval '30 s') IS NOT true"
	fi
	sql "SELECT 'counted as crashed: ' || m.model FROM promoai.registry_schedules s JOIN promoai.registry_models m USING (model_id) WHERE s.crashes > 0 AND NOT (m.model = '$1' AND '$2' <> '')"
}

# Asked of the system: pg_stat_activity is read once a transaction, and may not know a job that has begun since.
locks_of_the_dead()
{
	local pid
	for pid in $(sql "SELECT DISTINCT coalesce(pid, 0) FROM pg_locks WHERE locktype IN ('advisory', 'object')"); do
		[ -d "/proc/$pid" ] || sql "SELECT 'lock of the dead: ' || l::text FROM pg_locks l WHERE coalesce(pid, 0) = $pid AND locktype IN ('advisory', 'object')"
	done
}

# judged [check of the runs…]: all that is wrong after a restart, in words; nothing: all is well
judged()
{
	wait_for "SELECT count(*) FROM promoai.registry_runs r WHERE state = 'running' AND NOT EXISTS (SELECT FROM pg_stat_activity a WHERE a.pid = r.pid)" 0 20 2>&1 ||
		echo "a claim of the dead is not buried"
	[ $# = 0 ] || "$@" 2>&1
	sql "$(wrong_answers)" 2>&1
	sql "$strays" 2>&1
	sql "SELECT 'no model ' || k FROM unnest('{$(IFS=,; printf %s "${kinds[*]}")}'::text[]) k WHERE NOT EXISTS (SELECT FROM promoai.models m WHERE m.model = k AND m.version IS NOT NULL)
		UNION ALL SELECT 'no schedule of ' || k FROM unnest('{$(IFS=,; printf %s "${kinds[*]}")}'::text[]) k WHERE NOT EXISTS (SELECT FROM promoai.schedules s WHERE s.model = k)
		UNION ALL SELECT 'switched off without crashes: ' || model FROM promoai.schedules WHERE NOT enabled AND last_message NOT LIKE 'switched off after % crashes in a row%'
		UNION ALL SELECT 'ended by no word, and not crashed: ' || r::text FROM promoai.registry_runs r WHERE state <> 'crashed' AND message LIKE 'the run ended without a word%'
		UNION ALL SELECT 'published nothing: ' || r::text FROM promoai.registry_runs r WHERE state IN ('published', 'after failed') AND version IS NULL
		UNION ALL SELECT 'ended or not: ' || r::text FROM promoai.registry_runs r WHERE (state = 'running') <> (ended_at IS NULL)
		UNION ALL SELECT 'claimed by no run: ' || model_id FROM promoai.registry_schedules s WHERE run_id IS NOT NULL AND NOT EXISTS (SELECT FROM promoai.registry_runs r WHERE r.run_id = s.run_id AND r.state = 'running')" 2>&1
	locks_of_the_dead 2>&1
	comm -12 <(printf '%s\n' "$before_segments" | grep .) <(segments) | sed 's/^/shared memory that was there before: /'
	temporary_of_dead
	# shellcheck disable=SC2119
	schedules_made
}

# ---- at named points ----

declare -A hits reached
names=(reading solving "writing payload" "before publish" "after publish" pruning claiming claimed after dropping)
for point in reading solving "writing payload" "before publish" "after publish"; do
	for model in "${kinds[@]}"; do
		if [[ $(sql_error "SET promoai.test_action = 'error'; SET promoai.test_point = '$point'; SELECT promoai.retrain('$model')") == *"was reached"* ]]; then
			reached[$point]+=" $model"
		fi
	done
done
# Those without iterations of their own are killed at the other points, and what has weights given reads nothing.
passed_by=
for point in reading solving "writing payload" "before publish" "after publish"; do
	for model in "${kinds[@]}"; do [[ " ${reached[$point]} " == *" $model "* ]] || passed_by+="${passed_by:+, }$point by $model"; done
done
is "$passed_by" "reading by mixed, solving by popular, solving by buy_again, solving by mixed" "every other kind of training comes by all points"
for point in pruning claiming claimed after dropping; do reached[$point]=${kinds[*]}; done

# a_model_at <point>
a_model_at()
{
	local candidates
	read -ra candidates <<<"${reached[$1]}"
	printf %s "${candidates[RANDOM % ${#candidates[@]}]}"
}

sleeper() { sql "SELECT pid FROM pg_stat_activity WHERE query = 'promoai test point: $1' AND backend_type IN ('client backend', 'promoai job') LIMIT 1" 2>/dev/null; }

# sleeps_at <point>: the process that stands there
sleeps_at()
{
	local deadline=$((SECONDS + 30)) pid=
	while [ -z "$pid" ] && [ $SECONDS -lt $deadline ]; do
		pid=$(sleeper "$1")
		[ -n "$pid" ] || sleep 0.05
	done
	printf %s "$pid"
}

# by_client <point> <model>
by_client()
{
	local call
	case $1 in
		pruning) call="SELECT promoai.model_prune('$2', 1)" ;;
		dropping) call="SELECT promoai.model_drop('$2')" ;;
		claiming | claimed | after)
			due "$2"
			call="CALL promoai.run_due_jobs()"
			;;
		*) call="SELECT promoai.retrain('$2')" ;;
	esac
	"$(pg psql)" -XAtq -c "SET promoai.test_action = 'sleep'" -c "SET promoai.test_point = '$1'" -c "$call" >"$server_dir/session.out" 2>&1 &
	session=$!
}

# by_worker <point> <model>: all processes that start now would stop there, so the setting is taken back before the kill
by_worker()
{
	session=
	system "SET promoai.test_point = '$1'"
	due "$2"
}

# kill_at <point> <n-th time> <turn>
kill_at()
{
	local point=$1 n=$2 turn=$3 model way=client victim pid run before now wrong
	not_restarted=
	# What was killed before it was claimed is due still, and would stop at the next point beside the job that is meant to.
	wait_for "SELECT count(*) FROM promoai.schedules WHERE running OR next_run <= now()" 0
	model=$(a_model_at "$point")
	# Two in four by the worker, but for dropping, which no job does; where run_due_jobs() is to be hit, no worker is ready.
	[ $((turn % 2)) = 0 ] || [ "$point" = dropping ] || way=worker
	generation_set $((RANDOM % (generations + 1)))
	before=$(sql "SELECT version FROM promoai.models WHERE model = '$model'")
	[ $way = client ] && case $point in claiming | claimed | after) system "SET promoai.databases = 'none'" && sleep 0.2 ;; esac
	"by_$way" "$point" "$model"
	pid=$(sleeps_at "$point")
	sql "ALTER SYSTEM RESET ALL" >/dev/null
	sql "SELECT pg_reload_conf()" >/dev/null
	if [ -z "$pid" ]; then
		ok 1 "\"$point\" is not reached by $model, $way"
		cat "$server_dir/session.out" >&2
		return
	fi
	run=$(sql "SELECT run_id FROM promoai.registry_runs WHERE pid = $pid AND state = 'running'")
	victim=$pid
	case $((turn % 8)) in 3 | 6) victim=server ;; esac # by the worker, by a client
	end "$victim" || not_restarted+="process $victim could not be killed; "
	[ -z "$session" ] || wait "$session"
	wrong=$(judged job_ended "$model" "$run")
	case $way,$point in
		*,claiming | client,[!ac]* | client,"after publish") [ -z "$run" ] || wrong+="run $run was claimed" ;;
		*) [ -n "$run" ] || wrong+="no run was claimed" ;;
	esac
	now=$(sql "SELECT version FROM promoai.models WHERE model = '$model'")
	case $point in
		after) [ "$now" -gt "$before" ] || wrong+="version $before of $model is published, not the new one" ;;
		claiming) [ "$now" -ge "$before" ] || wrong+="version $now of $model is published, not $before" ;; # not claimed, so it runs again
		*) [ "$now" = "$before" ] || wrong+="version $now of $model is published, not $before" ;;
	esac
	[ -n "$not_restarted" ] || hits[$point]=$((${hits[$point]:-0} + 1))
	is "$not_restarted$wrong" "" "kill $((n + 1)) of $points at \"$point\": $model, by $way, $([ "$victim" = server ] && echo "the whole server" || echo "one process")"
}

by_client solving team
[ -n "$(sleeps_at solving)" ] && [ "$(sql "SELECT count(*) FROM pg_stat_activity WHERE backend_type = 'parallel worker'")" -ge 1 ] && [ -n "$(segments)" ]
ok $? "one of the models is trained by parallel workers, in shared memory"
end_stopped

began=$SECONDS
turn=0
for point in "${names[@]}"; do
	for ((n = 0; n < points; n++)); do kill_at "$point" $n $((turn + n)); done
	turn=$((turn + 1))
done

# ---- at random moments ----

statements()
{
	local i model
	for ((i = 0; i < 300; i++)); do
		model=${kinds[RANDOM % ${#kinds[@]}]}
		case $1 in
			trainer) printf "UPDATE generation SET g = %s; SELECT 'done', act('retrain', '%s');\n" $((RANDOM % (generations + 1))) "$model" ;;
			tryer)
				printf "SELECT FROM promoai.cf_train('%s', 'timed', method => 'popular', holdout => 0); SELECT FROM promoai.schedule_retrain('%s', every => '1 day', guard => 'none');\n" "trial_$2_$i" "trial_$2_$i"
				# Every other one is dropped about when the worker has claimed it.
				[ $((i % 2)) = 0 ] || printf "UPDATE promoai.registry_schedules s SET next_run = now() FROM promoai.registry_models m WHERE m.model_id = s.model_id AND m.model = '%s'; SELECT FROM pg_sleep(random());\n" "trial_$2_$i"
				printf "SELECT 'dropped', '%s' FROM promoai.model_drop('%s');\n" "trial_$2_$i" "trial_$2_$i"
				;;
			publisher) printf "SELECT 'done', act('publish', '%s'); SELECT 'done', act('prune', '%s');\n" "$model" "$model" ;;
			scheduler) printf "UPDATE promoai.registry_schedules s SET next_run = now() FROM promoai.registry_models m WHERE m.model_id = s.model_id AND m.model = '%s' AND s.run_id IS NULL; SELECT pg_sleep(0.2);\n" "$model" ;;
			asker) printf "SELECT %s;\n" "$(answers_of "$model")" ;;
		esac
	done
}

# done_by_clients: the acts that they were told to be committed
done_by_clients() { sed -n 's/^done|//p' "$server_dir"/load.*.out; }

# acknowledged: what clients were told, and what is not there.  A job that publishes a newer version keeps four.
acknowledged()
{
	sql "SELECT 'lost: act ' || id FROM unnest('{$(done_by_clients | paste -sd,)}'::bigint[]) id WHERE NOT EXISTS (SELECT FROM acts WHERE acts.id = id.id)
		UNION ALL SELECT 'another version was published than the one that was asked for: ' || acts::text FROM acts WHERE wanted <> current" 2>&1
	sql "WITH last AS (SELECT DISTINCT ON (model) *, (SELECT max(v) FROM unnest(kept) v) AS newest FROM acts ORDER BY model, id DESC)
		SELECT 'published is ' || coalesce(m.version::text, 'none') || ' after ' || l::text FROM last l LEFT JOIN promoai.models m USING (model) WHERE (m.version = l.current OR m.version > l.newest) IS NOT true
		UNION ALL SELECT 'there again: ' || v.version || ' after ' || l::text FROM last l JOIN promoai.model_versions v USING (model) WHERE v.version <= l.newest AND v.version <> ALL (l.kept)
		UNION ALL SELECT 'gone: ' || k || ' after ' || l::text FROM last l, unnest(l.kept) k
			WHERE NOT EXISTS (SELECT FROM promoai.model_versions v WHERE v.model = l.model AND v.version = k) AND (SELECT count(*) FROM promoai.model_versions v WHERE v.model = l.model AND v.version > k) < 4" 2>&1
	sql "SELECT 'not dropped: ' || model FROM promoai.models WHERE model = ANY ('{$(sed -n 's/^dropped|//p' "$server_dir"/load.*.out | paste -sd,)}')"
}

declare -A victims
at_random=0
acts=0
drops=0
kill_at_random()
{
	local n=$1 role pids=() pid what wrong
	not_restarted=
	for role in trainer tryer publisher scheduler asker; do
		statements $role "$n" | "$(pg psql)" -XAtq >"$server_dir/load.$role.out" 2>"$server_dir/load.$role.err" &
		pids+=($!)
	done
	sleep "$((RANDOM % 3)).$((RANDOM % 1000))"
	if [ $((n % 4)) = 1 ]; then
		pid=server
		what="the whole server"
	else
		IFS='|' read -r pid what < <(sql "SELECT pid, backend_type FROM pg_stat_activity WHERE pid <> pg_backend_pid() ORDER BY random() LIMIT 1")
	fi
	# Whoever has ended by itself meanwhile is not hit: then it is the next one.
	until end "$pid"; do
		IFS='|' read -r pid what < <(sql "SELECT pid, backend_type FROM pg_stat_activity WHERE pid <> pg_backend_pid() ORDER BY random() LIMIT 1")
	done
	kill "${pids[@]}" 2>/dev/null
	wait "${pids[@]}" 2>/dev/null
	victims[$what]=$((${victims[$what]:-0} + 1))
	[ -n "$not_restarted" ] || at_random=$((at_random + 1))
	acts=$((acts + $(done_by_clients | wc -l)))
	drops=$((drops + $(grep -c '^dropped|' "$server_dir/load.tryer.out")))
	wrong=$(judged)$(acknowledged)
	is "$not_restarted$wrong" "" "random kill $((n + 1)) of $randoms: $what"
}
for ((n = 0; n < randoms; n++)); do kill_at_random $n; done

# ---- at the end ----

wait_for "SELECT count(*) FROM promoai.schedules WHERE running" 0 60
# shellcheck disable=SC2119
schedules_made
finished=$(sql "SELECT now()")
due "${kinds[@]}"
wait_for "SELECT count(DISTINCT model) FROM promoai.training_runs WHERE state = 'published' AND started_at > '$finished' AND model NOT LIKE 'trial%'" "${#kinds[@]}" 120
ok $? "every schedule trains and publishes again"
is "$(sql "$(wrong_answers)")" "" "every kept version answers by its rows"
[ "$at_random" = "$randoms" ]
ok $? "$at_random kills at random moments"
is "$(sql "SELECT count(*) FROM promoai.models WHERE model LIKE 'trial%' AND version IS NULL")" 0 "no half of a model"
[ $acts -ge "$randoms" ] && [ $drops -ge "$randoms" ]
ok $? "$acts changes of models and $drops drops were acknowledged meanwhile"
printf '%s\n' "SELECT format('SELECT promoai.model_drop(%L)', model) FROM promoai.models \\gexec" | "$(pg psql)" -XAtq >/dev/null
left=
for table in models versions metrics payload grants schedules runs; do left+=$(sql "SELECT '$table ' || count(*) || ' ' FROM promoai.registry_$table HAVING count(*) > 0"); done
is "$left" "" "when all models are dropped, nothing is left of them"
for point in "${names[@]}"; do
	[ "${hits[$point]:-0}" -ge "$points" ]
	ok $? "\"$point\": ${hits[$point]:-0} hits"
done
stop_server
is "$(segments)" "" "the stopped server leaves no shared memory"

at_points=0
for point in "${names[@]}"; do at_points=$((at_points + ${hits[$point]:-0})); done
line=
for point in "${names[@]}"; do line+="${line:+, }$point ${hits[$point]:-0}"; done
figure "| SIGKILL at named points | $at_points kills: $line |"
line=
for what in "${!victims[@]}"; do line+="${line:+, }$what ${victims[$what]}"; done
figure "| SIGKILL at random moments | $at_random kills: $line |"
figure "| Told to clients between the random kills, and there afterwards | $acts retrainings, publications and prunings; $drops drops |"
figure "| Crashes: tests that failed | $tap_failed of $tap_n, over ${#kinds[@]} kinds of models, in $((SECONDS - began)) s |"
done_testing
