#!/usr/bin/env bash
# What the worker does to the latency of serving: p99 of cf_recommend by one client, alone, beside a training in the worker that
# lasts for all that time, and while the worker publishes a version every second or so, each with the shared cache.  Aim:
# at most 1.5 times p99 alone, with cores to spare.
#
# "To spare" is the point: with as many busy processes as cores one measures the kernel's time slices, which are milliseconds
# where an answer takes 0.05.  As root, who may do so, serving has core 0 and training core 1 for themselves (chrt, taskset),
# whatever else the machine does; otherwise, and with one core, the machine has to be idle.  How long the serving process waited for a
# core is printed beside its p99.  In a server of its own, since the library is preloaded.
# shellcheck source=test/bench/lib.sh
. "$(dirname "$0")/lib.sh"

work=$(mktemp -d "${TMPDIR:-/tmp}/promoai-worker-XXXXXX")
chmod 0755 "$work"
pinning=
end()
{
	[ -z "$pinning" ] || kill "$pinning" 2>/dev/null || true
	bash test/tools/cluster.sh stop -D "$work/cluster" >/dev/null 2>&1 || true
	rm -rf "$work"
}
trap end EXIT
bash test/tools/cluster.sh start -D "$work/cluster" -c shared_preload_libraries=promoai -c promoai.worker_naptime=1s -c autovacuum=off \
	-c jit=off -c maintenance_work_mem=1GB -c max_wal_size=4GB >/dev/null
eval "$(bash test/tools/cluster.sh env -D "$work/cluster")"

own_cores=
if [ "$(id -u)" = 0 ] && [ "$(nproc)" -ge 2 ] && command -v chrt >/dev/null && chrt -r 1 true 2>/dev/null; then
	own_cores=1
else
	say "  no cores of our own (root and chrt would have them): the machine has to be idle"
fi

# pin <process> <core>: to itself
pin()
{
	[ -n "$own_cores" ] || return 0
	taskset -cp "$2" "$1" >/dev/null 2>&1 && chrt -r -p 10 "$1" >/dev/null 2>&1 || true
}

sql "CREATE EXTENSION promoai;
	CREATE TABLE purchases AS SELECT hashint8(i) & 16383 AS customer, hashint8(i + 7777777) & 2047 AS item FROM generate_series(1, $(pick 1000000 300000)) i;
	CREATE TABLE few AS SELECT * FROM purchases LIMIT 100000;
	SELECT promoai.mf_train('served', 'few', factors => 64, iterations => 3, holdout => 0);
	SELECT promoai.mf_train('long', 'purchases', factors => 64, iterations => 1, holdout => 0);
	UPDATE promoai.registry_models SET arguments = arguments || '{\"iterations\": 10000}' WHERE model = 'long';
	SELECT promoai.schedule_retrain(m, every => '10 years', guard => 'none', keep => 2, settings => '{\"max_parallel_maintenance_workers\": 0}')
	FROM unnest(ARRAY['served', 'long']) m" >/dev/null
printf '%s\n' '\set c random(0, 16383)' "SELECT count(*) FROM promoai.cf_recommend('served', :c, k => 10);" >"$work/serve.sql"

# Jobs go to core 1 as soon as they are seen; they begin on whichever core the kernel chooses.
if [ -n "$own_cores" ]; then
	postmaster=$(head -1 "$work/cluster/data/postmaster.pid")
	while sleep 0.02; do
		for process in $(pgrep -P "$postmaster" -f 'promoai job'); do pin "$process" 1; done
	done &
	pinning=$!
fi

seconds=$(pick 5 3)

# serve: p99 in milliseconds of `seconds` seconds, 3,000 calls a second; also says how long the backend waited for a core
serve()
{
	local client backend waited
	rm -f "$work"/log*
	PGAPPNAME=serving "$(pg pgbench)" -n -c 1 -T $((seconds + 2)) -R 3000 -f "$work/serve.sql" -l --log-prefix="$work/log" >/dev/null 2>&1 &
	client=$!
	sleep 0.5
	backend=$(sql "SELECT pid FROM pg_stat_activity WHERE application_name = 'serving'")
	pin "$client" 0
	pin "$backend" 0
	waited=$(awk '{ print $2 }' "/proc/$backend/schedstat" 2>/dev/null || echo 0)
	sleep "$seconds"
	waited=$((($(awk '{ print $2 }' "/proc/$backend/schedstat" 2>/dev/null || echo 0) - waited) / 1000000))
	wait "$client" || true
	# The first second warms up; time spent waiting for its turn in the schedule of calls is no latency of the server's.
	cat "$work"/log* | awk 'NR > 3000 { print $3 - $7 }' | sort -n |
		awk -v waited="$waited" '{ v[NR] = $1 } END { printf "    p50 %.3f  p99 %.3f  p99.9 %.3f  max %.3f ms, waited for a core %d ms\n",
			v[int(NR * 0.5)] / 1e3, v[int(NR * 0.99)] / 1e3, v[int(NR * 0.999)] / 1e3, v[NR] / 1e3, waited; printf "%.6f\n", v[int(NR * 0.99)] / 1e3 }' >"$work/figures"
	head -1 "$work/figures" >&2
	tail -1 "$work/figures"
}
due() { sql "UPDATE promoai.registry_schedules s SET next_run = now() FROM promoai.registry_models m WHERE m.model_id = s.model_id AND m.model = '$1'"; }
training="SELECT count(*) FROM promoai.training_progress WHERE model = 'long' AND phase = 'training'"
beside_training()
{
	local waits=0
	due long
	until [ "$(sql "$training")" = 1 ]; do
		sleep 0.1
		waits=$((waits + 1))
		[ $waits -lt 300 ] || die "the worker does not train: $(sql "SELECT last_message FROM promoai.schedules WHERE model = 'long'")"
	done
	serve
	[ "$(sql "$training")" = 1 ] || die "the training did not last"
	sql "SELECT pg_cancel_backend(pid) FROM promoai.training_progress" >/dev/null
	until [ "$(sql "SELECT running FROM promoai.schedules WHERE model = 'long'")" = f ]; do sleep 0.1; done
}
over_publishes()
{
	local before after publisher
	before=$(sql "SELECT max(version) FROM promoai.model_versions WHERE model = 'served'")
	while sleep 1; do due served; done &
	publisher=$!
	serve
	kill "$publisher"
	wait "$publisher" 2>/dev/null || true
	after=$(sql "SELECT max(version) FROM promoai.model_versions WHERE model = 'served'")
	say "    $((after - before)) versions published meanwhile" >&2
}
unit=ms
say "  p99 of serving one customer, in milliseconds"
alternate "alone" serve "beside a training in the worker" beside_training "while it publishes" over_publishes
beside "p99 of cf_recommend beside a training in the worker" "beside a training in the worker" alone "<= 1.5" yardstick
beside "p99 of cf_recommend while the worker publishes" "while it publishes" alone "<= 1.5" yardstick
