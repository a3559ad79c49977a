#!/usr/bin/env bash
# One model is retrained by our worker, one by pg_cron, one by CALL promoai.run_due_jobs() from psql, on one server.
# shellcheck source=test/server/lib.sh
. "$(dirname "$0")/lib.sh"
# shellcheck source=test/server/shop.sh
. "$(dirname "$0")/shop.sh"
# shellcheck source=test/server/jobs.sh
. "$(dirname "$0")/jobs.sh"

[ -f "$("$PG_CONFIG" --sharedir)/extension/pg_cron.control" ] || skip_all "pg_cron is not installed"

# pg_cron starts its jobs in background workers, so that nobody needs to log in.
start_server -c shared_preload_libraries=promoai,pg_cron -c promoai.worker_naptime=1s -c promoai.databases=shop \
	-c cron.database_name=postgres -c cron.use_background_workers=on
sql "CREATE DATABASE shop" -c "CREATE EXTENSION pg_cron" -c "CREATE ROLE keeper LOGIN"
for database in postgres shop; do
	PGDATABASE=$database shop_create
	PGDATABASE=$database sql "GRANT USAGE ON SCHEMA promoai TO keeper; GRANT SELECT ON purchases TO keeper"
done
scheduled()
{
	PGUSER=keeper sql "SELECT promoai.mf_train('$1', 'purchases', factors => 4, iterations => 2, holdout => 0);
		SELECT promoai.schedule_retrain('$1', every => '1 day', guard => 'none')" >/dev/null
	due "$1"
}
published() { sql "SELECT r.state || ' ' || r.runner || ' ' || v.trained_by || ' ' || v.version FROM promoai.training_runs r JOIN promoai.model_versions v USING (model) WHERE model = '$1' AND published"; }

PGDATABASE=shop scheduled ours
PGDATABASE=shop wait_for "SELECT count(*) FROM promoai.training_runs WHERE state = 'published'" 1
is "$(PGDATABASE=shop published ours)" "published worker keeper 2" "the worker's model is retrained by its owner"

# The worker serves the other database only (promoai.databases), so these are left alone.
scheduled psql
sleep 2
is "$(runs psql)" 0 "the worker leaves databases alone that promoai.databases does not name"
PGUSER=keeper sql "CALL promoai.run_due_jobs()"
is "$(published psql)" "published run_due_jobs keeper 2" "psql's model is retrained"

scheduled cron
# An older pg_cron knows no seconds.
is "$({ sql "SELECT cron.schedule('retrain', '1 seconds', 'CALL promoai.run_due_jobs()') > 0" 2>/dev/null ||
	sql "SELECT cron.schedule('* * * * *', 'CALL promoai.run_due_jobs()') > 0"; } | tail -n 1)" t "pg_cron is told to"
wait_for "SELECT count(*) FROM promoai.training_runs WHERE model = 'cron' AND state = 'published'" 1 75
is "$(published cron)" "published run_due_jobs keeper 2" "pg_cron's model is retrained"
is "$(sql "SELECT count(*) FROM promoai.training_runs WHERE state <> 'published'")" 0 "and nothing else happened"

done_testing
