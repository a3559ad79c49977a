# shellcheck shell=bash
# jobs.sh - schedules that a test does not want to wait for; used together with lib.sh and shop.sh

# due <model>…: the schedules are due now
due()
{
	local model
	for model in "$@"; do
		sql "UPDATE promoai.registry_schedules s SET next_run = now() - interval '1 second'
			FROM promoai.registry_models m WHERE m.model_id = s.model_id AND m.model = '$model'"
	done
}

# last_run <model>: how the last run ended
last_run() { sql "SELECT state FROM promoai.training_runs WHERE model = '$1' ORDER BY started_at DESC LIMIT 1"; }
last_message() { sql "SELECT message FROM promoai.training_runs WHERE model = '$1' ORDER BY started_at DESC LIMIT 1"; }
runs() { sql "SELECT count(*) FROM promoai.training_runs WHERE model = '$1' AND ended_at IS NOT NULL"; }

# run_now <model>: by run_due_jobs(); prints how it ended
run_now()
{
	due "$1"
	sql "CALL promoai.run_due_jobs()" 2>/dev/null
	last_run "$1"
}

# timed_shop: purchases with a time, whose later ones are new to a model that is trained before them
timed_shop()
{
	sql "CREATE EXTENSION IF NOT EXISTS promoai;
		CREATE TABLE timed AS
		SELECT c AS customer, (c % 5) * 18 + (c * 3 + i * (1 + c % 4)) % 18 AS item, now() - (20 - i) * interval '1 hour' AS at
		FROM generate_series(1, 300) c, generate_series(1, 8) i"
}

# Purchases of the last minutes, in the customers' own groups of items.
more_purchases="INSERT INTO timed SELECT c, (c % 5) * 18 + (c * 5 + i * 7) % 18, clock_timestamp() - i * interval '1 millisecond'
	FROM generate_series(1, 300) c, generate_series(1, 4) i"

# system <SET … | RESET …>: for all processes that start from now on, and for those that run
system() { sql "ALTER SYSTEM $1" -c "SELECT pg_reload_conf()" >/dev/null; }
