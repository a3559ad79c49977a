#!/usr/bin/env bash
# Serving inside the server, 100,000 items x 64 factors, k = 10, what was bought left out:
# the first call of a new session, without and with the shared cache; calls a second of one client and of 32; one customer at a
# time over 1,000 customers, beside implicit (https://github.com/benfred/implicit) on the same factors, also while another
# session is busy.  Aims: a first call within 60 ms, within 10 ms with the shared cache; 32 clients at 1.6 times the calls of
# one, without an error; a call at most half of implicit's on trained factors, and no more than it on random ones.
# In a server of its own, since the library is preloaded.
# shellcheck source=test/bench/lib.sh
. "$(dirname "$0")/lib.sh"

folder=$(mktemp -d "${TMPDIR:-/tmp}/promoai-serving-XXXXXX")
chmod 0755 "$folder"
busy=
end()
{
	[ -z "$busy" ] || kill "$busy" 2>/dev/null || true
	bash test/tools/cluster.sh stop -D "$folder/cluster" >/dev/null 2>&1 || true
	rm -rf "$folder"
}
trap end EXIT

# server [settings…]: (re)started with them
server()
{
	bash test/tools/cluster.sh stop -D "$folder/cluster" --keep >/dev/null
	bash test/tools/cluster.sh start -D "$folder/cluster" -c shared_buffers=1GB -c maintenance_work_mem=2GB -c max_wal_size=4GB \
		-c autovacuum=off -c jit=off -c max_connections=60 "$@" >/dev/null
	eval "$(bash test/tools/cluster.sh env -D "$folder/cluster")"
}
server
sql "CREATE EXTENSION promoai"

# The pairs of test/core/bench_rank.c: 50,000 customers of three of 200 tastes each, popularity by a power law; beside them pairs
# without any structure, whose factors are as good as random; and a shop of few customers, whose model is mostly item
# factors.  Every item occurs.
pairs=$(pick 2500000 500000)
sql "SELECT setseed(0.5);
	CREATE TABLE trained AS SELECT customer, (200 * place + CASE WHEN random() < 0.2 THEN floor(200 * random())
			ELSE (hashint8(customer * 3 + floor(3 * random())::int) & 2147483647) % 200 END)::int AS item
		FROM (SELECT floor(50000 * power(random(), 1.5))::int AS customer, floor(500 * power(random(), 2.5))::int AS place
			FROM generate_series(1, $pairs) OFFSET 0) s;
	CREATE TABLE random AS SELECT floor(50000 * random())::int AS customer, floor(100000 * random())::int AS item
		FROM generate_series(1, $pairs);
	CREATE TABLE small AS SELECT floor(1000 * random())::int AS customer, floor(100000 * power(random(), 2))::int AS item
		FROM generate_series(1, 400000)" >/dev/null
for model in trained random small; do
	sql "SELECT promoai.mf_train('$model', 'SELECT customer, item FROM $model UNION ALL SELECT n % 1000, n FROM generate_series(0, 99999) n',
		solver => 'cg', iterations => $(pick 8 3), regularization => 0.0005, holdout => 0)" >/dev/null
	say "  model $model: $(sql "SELECT (sizes->>'customers') || ' customers, ' || (sizes->>'items') || ' items, ' || pg_size_pretty(payload_bytes) FROM promoai.model_versions WHERE model = '$model'")"
done

# ---- the first call of a new session ----

# first_calls <model>: milliseconds of the first statement of five sessions, one after the other
first_calls()
{
	local i
	for i in 1 2 3 4 5; do
		sql '\timing on' -c "SELECT * FROM promoai.cf_recommend('$1', $((17 * i)))" | sed -n 's/^Time: \([0-9.]*\) ms.*/\1/p'
	done
}
# warm: buffers, and the shared cache where there is one
warm() { sql "SELECT count(*) FROM promoai.registry_payload" -c "SELECT sum(promoai.model_prewarm(model)) FROM promoai.models" >/dev/null; }

for ((round = 0; round < rounds; round++)); do
	server
	warm
	for model in small trained; do first_calls $model >>"$folder/own-$model"; done
	server -c shared_preload_libraries=promoai
	warm
	for model in small trained; do first_calls $model >>"$folder/shared-$model"; done
done
say "  first call of a new session, milliseconds from SELECT to rows, medians of $((5 * rounds)) sessions:"
for model in small trained; do
	own=$(median_of <"$folder/own-$model")
	shared=$(median_of <"$folder/shared-$model")
	printf '    model %-8s own copy %7.2f   shared cache %7.2f\n' $model "$own" "$shared"
	report "first call of a session, own copy, $model model" ms "$own" "bound" 60 "<= 1" yardstick
	report "first call of a session, shared cache, $model model" ms "$shared" "bound" 10 "<= 1" yardstick
done

# ---- one customer at a time ----

# ours <model>: microseconds a call, of 1,000 calls in one query
ours()
{
	sql_seconds "SELECT promoai.model_prewarm('$1')" \
		"SELECT sum(r.score) FROM generate_series(20000, 20999) c, LATERAL promoai.cf_recommend('$1', c) r" | awk '{ print 1e3 * $1 }'
}
# peer <model>: implicit, in the same unit
peer() { "$python" test/bench/peer_rank.py "$folder/$1" implicit-one | awk '{ print 1000 * $1 }'; }
# factors <model>: for the peer, those of the same customers
factors()
{
	mkdir -p "$folder/$1"
	local numbers='import sys, numpy; numpy.fromstring(sys.stdin.read(), numpy.float32, sep=" ").tofile(sys.argv[1])'
	sql "COPY (SELECT array_to_string(factors, ' ') FROM promoai.mf_item_factors('$1') ORDER BY item_no) TO STDOUT" |
		"$python" -W ignore -c "$numbers" "$folder/$1/items" &&
		sql "COPY (SELECT array_to_string(factors, ' ') FROM promoai.mf_user_factors('$1') WHERE customer_no BETWEEN 20000 AND 20999 ORDER BY customer_no) TO STDOUT" |
		"$python" -W ignore -c "$numbers" "$folder/$1/users"
}
trained_ours() { ours trained; }
random_ours() { ours random; }
trained_peer() { peer trained; }
random_peer() { peer random; }
missing=$("$python" -c 'import numpy, implicit.cpu.als' 2>&1) && present=1 || present=
[ -n "$present" ] || absent implicit "$(tail -n 1 <<<"$missing")"
# one_at_a_time <models> [words]
one_at_a_time()
{
	local model unit=µs
	for model in $1; do
		if [ -n "$present" ]; then
			alternate "implicit, $model factors" ${model}_peer "cf_recommend, $model factors" ${model}_ours
		else
			alternate "cf_recommend, $model factors" ${model}_ours
		fi
		beside "a call of cf_recommend, 100,000 items, $model factors${2-}" "cf_recommend, $model factors" "implicit, $model factors" "<= $([ "$model" = trained ] && echo 0.5 || echo 1)"
	done
}
if [ -n "$present" ]; then
	factors trained
	factors random
fi
say "  one customer at a time in one query, microseconds a call, medians of $rounds:"
one_at_a_time "trained random"
say "  the same beside a session that is busy:"
sql "SELECT count(*) FROM generate_series(1, 100000000000)" >/dev/null 2>&1 &
busy=$!
one_at_a_time "$(pick "trained random" trained)" ", beside a busy session"
sql "SELECT pg_cancel_backend(pid) FROM pg_stat_activity WHERE query LIKE '%100000000000%' AND pid <> pg_backend_pid()" >/dev/null
wait "$busy" || true
busy=

# ---- many clients ----

printf '%s\n' '\set customer random(0, 49999)' "SELECT * FROM promoai.cf_recommend('trained', :customer);" >"$folder/ask.sql"
failed=0
# clients <number>: calls a second
clients()
{
	"$(pg pgbench)" -n -M prepared -c "$1" -j 2 -T "$(pick 5 2)" -f "$folder/ask.sql" >"$folder/pgbench.out" 2>&1 || failed=1
	if grep -q 'ERROR\|aborted' "$folder/pgbench.out"; then failed=1; fi
	sed -n 's/^tps = \([0-9.]*\).*/\1/p' "$folder/pgbench.out"
}
for ((round = 0; round < rounds; round++)); do
	clients 1 >>"$folder/one"
	clients 32 >>"$folder/many"
done
one=$(median_of <"$folder/one")
many=$(median_of <"$folder/many")
awk -v one="$one" -v many="$many" -v rounds="$rounds" -v errors="$failed" 'BEGIN {
	printf("  calls a second, medians of %d: one client %.0f, 32 clients %.0f, ratio %.2f, %s\n", rounds, one, many, many / one,
		errors ? "WITH ERRORS" : "no error")
}'
report "cf_recommend, 32 clients" "calls/s" "$many" "one client" "$one" ">= 1.6" yardstick
[ $failed = 0 ]
