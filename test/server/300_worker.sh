#!/usr/bin/env bash
# The worker, preloaded: it finds the databases, runs jobs as their owners, stops at once, and costs nothing when idle.
# shellcheck source=test/server/lib.sh
. "$(dirname "$0")/lib.sh"
# shellcheck source=test/server/shop.sh
. "$(dirname "$0")/shop.sh"
# shellcheck source=test/server/jobs.sh
. "$(dirname "$0")/jobs.sh"

start_server -c shared_preload_libraries=promoai -c promoai.worker_naptime=1s -c autovacuum=off -c max_parallel_maintenance_workers=2
shop_create
launcher="SELECT pid FROM pg_stat_activity WHERE backend_type = 'promoai launcher'"
wait_for "SELECT count(*) FROM ($launcher) l" 1
ok $? "the launcher is there"
like "$(sql_error "SELECT promoai.start_worker()")" "a worker serves this database already" "and no second one is wanted"

# ---- as the owner ----
sql "CREATE ROLE keeper NOLOGIN; ALTER ROLE keeper SET work_mem = '7MB'; GRANT USAGE ON SCHEMA promoai TO keeper;
	GRANT SELECT ON purchases TO keeper; CREATE TABLE kept (who text, work_mem text, maintenance text); GRANT ALL ON kept TO keeper;
	CREATE PROCEDURE refresh_homepage() LANGUAGE sql AS
		'INSERT INTO kept SELECT current_user, current_setting(''work_mem''), current_setting(''maintenance_work_mem'')'"
sql "SET ROLE keeper; $train_shop; SELECT promoai.schedule_retrain('shop', every => '1 hour', after => 'CALL refresh_homepage()', settings => '{\"maintenance_work_mem\": \"33MB\"}')" >/dev/null
sql "LISTEN promoai_published" -c "SELECT pg_sleep(4)" >"$server_dir/heard" &
listener=$!
due shop
wait_for "SELECT count(*) FROM promoai.training_runs WHERE state = 'published' AND runner = 'worker'" 1 15
ok $? "the worker retrains, for an owner who cannot log in"
is "$(sql "SELECT * FROM kept")" "keeper|7MB|33MB" "what comes after runs as the owner, under his settings and the schedule's"
is "$(sql "SELECT trained_by FROM promoai.model_versions WHERE published")" keeper "he has trained it"
is "$(sql "SELECT next_run - now() BETWEEN '59 minutes' AND '1 hour' FROM promoai.schedules")" t "the next run is an hour later"
wait "$listener"
is "$(sed -n 's/.*"promoai_published" with payload "\([^"]*\)".*/\1/p' "$server_dir/heard")" \
	"$(sql "SELECT current_version FROM promoai.registry_models")" "listeners are told the version's uuid, and nothing else"

# ---- no more at once than allowed ----
system "SET promoai.test_point = 'claimed'"
for model in a b c; do
	sql "SELECT promoai.mf_train('$model', 'purchases', factors => 4, iterations => 2, holdout => 0);
		SELECT promoai.schedule_retrain('$model', every => '1 day')" >/dev/null
done
due a b c
jobs="SELECT count(*) FROM pg_stat_activity WHERE backend_type = 'promoai job'"
wait_for "$jobs" 2
sleep 2
is "$(sql "$jobs")" 2 "two jobs at once, not three"
system "RESET promoai.test_point"
started=$(date +%s%N)
sql "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity WHERE backend_type = 'promoai job'" >/dev/null
wait_for "SELECT count(*) FROM promoai.schedules WHERE model IN ('a', 'b', 'c') AND last_state IN ('published', 'interrupted') AND NOT running AND next_run > now() + interval '1 hour'" 3 20
ok $? "all three get their turn"

# ---- SIGTERM in mid-training ----
shop_large 400000
sql "SELECT promoai.mf_train('large', 'purchases_large', factors => 8, iterations => 1, holdout => 0);
	UPDATE promoai.registry_models SET arguments = arguments || '{\"factors\": 96, \"iterations\": 9000}' WHERE model = 'large';
	SELECT promoai.schedule_retrain('large', every => '1 day')" >/dev/null
before=$(sql "SELECT md5(string_agg(r::text, ' ')) FROM promoai.cf_recommend('large', 5) r")
due large
wait_for "SELECT count(*) FROM promoai.training_progress WHERE model = 'large' AND phase = 'training'" 1 20
# Once all have begun, none of twenty looks may find one.
snapshots="SELECT coalesce(string_agg(DISTINCT coalesce(backend_xmin::text, 'none'), ' '), 'nobody trains') FROM pg_stat_activity
	WHERE pid IN (SELECT pid FROM promoai.training_progress) OR leader_pid IN (SELECT pid FROM promoai.training_progress)"
wait_for "$snapshots" none 10
is "$(for ((look = 0; look < 20; look++)); do sql "$snapshots"; sleep 0.1; done | sort | uniq -c | xargs)" "20 none" \
	"no snapshot is held while it trains, neither by the job nor by its parallel workers"
started=$(date +%s%N)
sql "SELECT pg_terminate_backend(pid) FROM promoai.training_progress" >/dev/null
wait_for "SELECT count(*) FROM promoai.training_runs WHERE model = 'large' AND state = 'interrupted'" 1
took=$((($(date +%s%N) - started) / 1000000))
[ $took -lt 1000 ]
ok $? "SIGTERM in mid-training: written down as interrupted after $took ms"
is "$(sql "SELECT failures FROM promoai.schedules WHERE model = 'large'")" 0 "which is no failure"
wait_for "SELECT count(*) FROM promoai.training_progress WHERE model = 'large' AND phase = 'training'" 1 20
ok $? "it is taken up again"
started=$(date +%s%N)
stop_server
took=$((($(date +%s%N) - started) / 1000000))
[ $took -lt 3000 ]
ok $? "the server stops in mid-training, shutdown checkpoint included, in $took ms"
start_server -c shared_preload_libraries=promoai -c promoai.worker_naptime=1s -c autovacuum=off -c promoai.max_running=0
is "$(sql "SELECT string_agg(DISTINCT state, ' ') FROM promoai.training_runs WHERE model = 'large'")" interrupted "nothing of it looks like a crash"
is "$(sql "SELECT md5(string_agg(r::text, ' ')) FROM promoai.cf_recommend('large', 5) r")" "$before" "the old version serves"

# ---- idle ----
wait_for "SELECT count(*) FROM ($launcher) l" 1
pid=$(sql "$launcher")
postmaster=$(head -1 "$server_dir/data/postmaster.pid")
ticks() { awk -v own="$1" '{ sub(/.*\) /, ""); print own ? $12 + $13 : $14 + $15 }' "/proc/$2/stat"; }
own=$(ticks 1 "$pid") children=$(ticks "" "$postmaster")
sleep 4
own=$(($(ticks 1 "$pid") - own)) children=$(($(ticks "" "$postmaster") - children))
# Four looks, one a second; by default there is one a minute.
share=$(awk -v t=$((own + children)) -v hz="$(getconf CLK_TCK)" 'BEGIN { printf "%.4f", t / hz / 4 / 60 * 100 }')
diag "idle: $own + $children ticks of CPU for four looks; at one a minute $share %"
[ "$(awk -v s="$share" 'BEGIN { print s < 0.1 }')" = 1 ]
ok $? "an idle worker takes $share % of a CPU, less than 0.1 %"
private=$(awk '/^Private/ { n += $2 } END { print n }' "/proc/$pid/smaps_rollup" 2>/dev/null || echo 0)
if [ "${private:-0}" -gt 0 ]; then
	[ "$private" -le 10240 ]
	ok $? "and $private kB of memory of its own, less than 10 MB"
else
	skip "the memory of another account's process cannot be read"
fi

done_testing
