#!/usr/bin/env bash
# A training is cancelled at many moments: how soon it is answered, and that nobody is left working.
# shellcheck source=test/server/lib.sh
. "$(dirname "$0")/lib.sh"
# shellcheck source=test/server/shop.sh
. "$(dirname "$0")/shop.sh"

# The aim is 100 ms.  What fails the test is what no busy machine explains.
LIMIT=1000

start_server -c maintenance_work_mem=1GB -c max_parallel_maintenance_workers=2 -c shared_buffers=256MB -c max_wal_size=4GB
shop_create
sql "$train_shop" >/dev/null
answer=$(sql "$answers")
shop_large 2000000
sql "CREATE VIEW texts AS SELECT 'customer-' || customer AS customer, item FROM purchases_large;
	CREATE VIEW many AS SELECT hashint8(i) & 1048575 AS customer, i % 2000 AS item FROM generate_series(1, 400000) i"

# Ends what runs in the session named victim with the given function once it has trained for so long (in phase `phase`
# if one is named), and says how many milliseconds it took until that session had rolled back and was idle or gone, and
# in which phase it was; NULL when the training was over before.
sql "CREATE FUNCTION stop_victim(how text, phase text, after double precision, OUT ms double precision, OUT during text)
LANGUAGE plpgsql AS \$\$
DECLARE
	victim integer;
	sent timestamptz;
BEGIN
	FOR attempt IN 1 .. 20000 LOOP
		PERFORM pg_stat_clear_snapshot();
		SELECT a.pid INTO victim FROM pg_stat_activity a JOIN promoai.training_progress t USING (pid)
			WHERE application_name = 'victim' AND state = 'active' AND (stop_victim.phase IS NULL OR t.phase = stop_victim.phase);
		EXIT WHEN victim IS NOT NULL;
		PERFORM pg_sleep(0.001);
	END LOOP;
	PERFORM pg_sleep(after);
	PERFORM pg_stat_clear_snapshot();
	SELECT t.phase INTO during FROM promoai.training_progress t WHERE t.pid = victim;
	sent := clock_timestamp();
	EXECUTE format('SELECT %I(\$1)', how) USING victim;
	LOOP
		PERFORM pg_stat_clear_snapshot();
		EXIT WHEN NOT EXISTS (SELECT FROM pg_stat_activity WHERE pid = victim AND state = 'active');
		PERFORM pg_sleep(0.001);
	END LOOP;
	IF during IS NOT NULL THEN
		ms := 1000 * extract(epoch FROM clock_timestamp() - sent);
	END IF;
END \$\$;
CREATE TABLE answered (how text, setting text, phase text, ms double precision)"

# cancel_at <setting> <training> <phase or empty> <seconds>…: one training for each moment
cancel_at()
{
	local setting=$1 training=$2 phase=$3 after told
	shift 3
	for after in "$@"; do
		PGAPPNAME=victim sql_start "$setting; SELECT version FROM $training"
		sql "INSERT INTO answered SELECT 'cancel', '$setting', during, ms
			FROM stop_victim('pg_cancel_backend', nullif('$phase', ''), $after) WHERE ms IS NOT NULL"
		wait "$session" || {
			told=$(grep -c "canceling statement due to user request" "$server_dir/session.out")
			[ "$told" = 1 ] || sql "INSERT INTO answered VALUES ('no such error', '$setting', '$after', 'infinity')"
		}
	done
}

# worst <condition>: the longest in milliseconds, and per phase for the reader
worst()
{
	diag "$(sql "SELECT setting || ': ' || phase || ' ' || round(max(ms)) || ' ms at worst, ' ||
		round(percentile_cont(0.5) WITHIN GROUP (ORDER BY ms)) || ' in the middle of ' || count(*) FROM answered WHERE $1 GROUP BY setting, phase ORDER BY min(ctid)")"
	ok "$(sql "SELECT (coalesce(max(ms), 'infinity') > $LIMIT)::int FROM answered WHERE $1")" "$2"
}

# idle <what happened>: nobody works any more, and the shop is served as before
idle()
{
	wait_for "SELECT count(*) FROM pg_stat_activity WHERE backend_type = 'parallel worker' OR application_name = 'victim'" 0 5
	ok $? "$1: no process is left"
	is "$(sql "$answers; $strays")" "$answer" "$1: the shop is served as before, and nothing is left over"
}

for workers in 0 2; do
	setting="SET max_parallel_maintenance_workers = $workers"
	long="promoai.mf_train('large', 'purchases_large', iterations => 2)"
	cancel_at "$setting" "$long" reading 0 0.04 0.08 0.11 0.14 0.17 0.2 0.24
	cancel_at "$setting" "$long" evaluating 0 0.1 0.3 0.6
	cancel_at "$setting" "$long" training 0 0.1 0.3
	for phase in reading evaluating training; do
		worst "setting = '$setting' AND phase = '$phase'" "$workers workers, $phase: cancelled within $LIMIT ms"
	done
	idle "$workers workers, cancelled"
done

setting="SET work_mem = 4096"
cancel_at "$setting" "promoai.mf_train('large', 'texts', iterations => 1, holdout => 0)" reading 0.1 0.2 0.3 0.4
worst "setting = '$setting' AND phase = 'reading'" "text ids: cancelled within $LIMIT ms"

setting="SET work_mem = 5120"
cancel_at "$setting" "promoai.mf_train('large', 'many', iterations => 1, factors => 32, holdout => 0)" writing 0 0.02 0.06
worst "setting = '$setting' AND phase = 'writing'" "writing: cancelled within $LIMIT ms"
idle "writing, cancelled"

# ---- other ways to be stopped ----

for workers in 0 2; do
	PGAPPNAME=victim sql_start "SET max_parallel_maintenance_workers = $workers; SELECT version FROM promoai.mf_train('large', 'purchases_large', iterations => 2)"
	terminated=$(sql "SELECT ms FROM stop_victim('pg_terminate_backend', 'evaluating', 0.3)")
	wait "$session"
	like "$(cat "$server_dir/session.out")" "terminating connection due to administrator command" "$workers workers: terminated"
	ok "$(sql "SELECT ('0$terminated'::float8 NOT BETWEEN 0.001 AND $LIMIT)::int")" "within $LIMIT ms ($terminated)"
	idle "$workers workers, terminated"
done

for after in 50 300 900; do
	begun=$(date +%s%3N)
	like "$(sql_error "SET statement_timeout = $after; SELECT version FROM promoai.mf_train('large', 'purchases_large', iterations => 20)")" \
		"canceling statement due to statement timeout" "statement_timeout = $after ms ends a training"
	took=$(($(date +%s%3N) - begun - after))
	ok "$([ $took -lt $LIMIT ]; echo $?)" "within $LIMIT ms ($took, the client's start included)"
done
idle "timed out"

# A worker that is killed takes the server down, as any process does, but no model.
if [ "$(uname)" = Linux ]; then
	stop_at solving "SELECT version FROM promoai.mf_train('large', 'purchases_large', iterations => 2)" "SET max_parallel_maintenance_workers = 2;"
	crash_backend "$(sql "SELECT min(pid) FROM pg_stat_activity WHERE backend_type = 'parallel worker'")"
	wait "$session"
	idle "a worker killed"
fi

# One that is only terminated is an error of the training.
stop_at solving "SELECT version FROM promoai.mf_train('large', 'purchases_large', iterations => 2)" "SET max_parallel_maintenance_workers = 2;"
sql "SELECT pg_terminate_backend(min(pid)) FROM pg_stat_activity WHERE backend_type = 'parallel worker'" >/dev/null
wait "$session"
isnt $? 0 "a worker terminated: the training fails"
like "$(cat "$server_dir/session.out")" "terminating background worker|lost connection to parallel worker|terminating connection" "and says so"
idle "a worker terminated"

done_testing
