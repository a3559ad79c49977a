#!/usr/bin/env bash
# What a retraining by schedule does to the latency of serving: p99 of cf_recommend by one client, without and with one beside
# it.  Needs cores to spare: with as many busy processes as cores it measures the kernel's time slices.
. "$(dirname "$0")/lib.sh"

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
sql "CREATE EXTENSION IF NOT EXISTS promoai;
	DROP TABLE IF EXISTS worker_purchases;
	CREATE TABLE worker_purchases AS SELECT hashint8(i) & 16383 AS customer, hashint8(i + 7777777) & 2047 AS item FROM generate_series(1, $(pick 1000000 300000)) i;
	SELECT promoai.mf_train('worker_bench', 'worker_purchases', factors => 64, iterations => $(pick 30 60), holdout => 0);
	SELECT promoai.schedule_retrain('worker_bench', every => '1 second', guard => 'none', keep => 2, settings => '{\"max_parallel_maintenance_workers\": 0}')" >/dev/null
printf '%s\n' '\set c random(0, 16383)' "SELECT count(*) FROM promoai.cf_recommend('worker_bench', :c, k => 10);" >"$work/serve.sql"

# p99 of some seconds of serving, in milliseconds
serve()
{
	rm -f "$work"/log*
	"$(pg pgbench)" -n -c 1 -T "$(pick 5 2)" -f "$work/serve.sql" -l --log-prefix="$work/log" >/dev/null 2>&1
	cat "$work"/log* | awk '{ print $3 }' | sort -n | awk '{ v[NR] = $1 } END { printf "%.6f\n", v[int(NR * 0.99)] / 1e3 }'
}
serve_beside_training()
{
	(while [ ! -e "$work/stop" ]; do
		sql "UPDATE promoai.registry_schedules SET next_run = now()" -c "CALL promoai.run_due_jobs()" 2>/dev/null
	done) &
	serve
	touch "$work/stop"
	wait
	rm -f "$work/stop"
}
unit=ms
printf '  p99 of serving one customer, in milliseconds\n'
alternate "alone" serve "beside a retraining" serve_beside_training
beside "p99 of cf_recommend beside a retraining" "beside a retraining" alone "" yardstick
sql "SELECT promoai.model_drop('worker_bench'); DROP TABLE worker_purchases" >/dev/null
