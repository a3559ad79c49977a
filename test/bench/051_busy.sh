#!/usr/bin/env bash
# Training and serving beside one busy backend, which is a shop's normal state: as many processes as cores, and one of them a
# session that burns a core.  Each figure idle and busy, and the same of implicit (https://github.com/benfred/implicit) with as
# many threads.
# shellcheck source=test/bench/lib.sh
. "$(dirname "$0")/lib.sh"
export PGOPTIONS="${PGOPTIONS:-} -c client_min_messages=warning"

rows=$(pick 3000000 500000)
rounds=${BENCH_ROUNDS:-3}
cores=$(nproc)
PSQL=$(pg psql)
export PSQL

sql "DROP TABLE IF EXISTS bench_pairs" -c "SELECT setseed(0.5);
	CREATE TABLE bench_pairs AS SELECT (19999 * random() ^ 1.6)::int AS customer, (4999 * random() ^ 2.2)::int AS item
	FROM generate_series(1, $rows)" -c "VACUUM ANALYZE bench_pairs" >/dev/null

# busy <command…>: the same while a session of ours burns a core
busy()
{
	local burner
	PGAPPNAME=burner "$PSQL" -XAtqc "SELECT count(sqrt(i)) FROM generate_series(1, 100000000000) i" >/dev/null 2>&1 &
	burner=$!
	until [ "$(sql "SELECT count(*) FROM pg_stat_activity WHERE application_name = 'burner' AND state = 'active'")" = 1 ]; do sleep 0.1; done
	"$@"
	sql "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity WHERE application_name = 'burner'" >/dev/null
	wait "$burner" || true
}

workers="SET max_parallel_maintenance_workers = $((cores - 1))"
training() { sql "$workers; SELECT (promoai.mf_train('bench_busy', 'bench_pairs', solver => '$1', iterations => 8, holdout => 0)).seconds"; }
als() { training als; }
cg() { training cg; }
all() { sql_seconds "$workers" "SELECT count(*) FROM promoai.cf_recommend_all('bench_busy')"; }
one() { sql_seconds "SELECT 1 FROM promoai.cf_recommend('bench_busy', 1)" "SELECT count(*) FROM generate_series(0, 1999) c, promoai.cf_recommend('bench_busy', c)"; }
peer() { "$python" test/bench/peer_table.py bench_pairs bench_unused "$cores" 64 8 train; }
peer_one_fewer() { "$python" test/bench/peer_table.py bench_pairs bench_unused $((cores > 1 ? cores - 1 : 1)) 64 8 train; }
for name in als cg all one peer peer_one_fewer; do eval "busy_$name() { busy $name; }"; done

# compare <what> <command>
compare()
{
	alternate "$1, idle" "$2" "beside a busy backend" "busy_$2"
	busy=${median["beside a busy backend"]}
	report "$1, beside a busy session" s "$busy" "idle" "${median["$1, idle"]}" "" yardstick
}

say "  $rows rows, 64 factors, 8 iterations, $cores processes or threads; medians of $rounds"
compare "mf_train, exact, of $rows rows" als
compare "mf_train, CG, of $rows rows" cg
busy_cg=$busy
if missing=$("$python" test/bench/peer_table.py bench_pairs bench_unused 1 2 1 train 2>&1); then
	alternate "implicit, $cores threads, training alone, idle" peer "beside a busy backend" busy_peer "one thread fewer, idle" peer_one_fewer \
		"one thread fewer, beside it" busy_peer_one_fewer
else
	median=()
	absent "implicit" "$(tail -n 1 <<<"$missing")"
fi
report "the same, reading and publishing included" s "$busy_cg" "implicit's training alone, $cores threads, beside one" \
	"${median["beside a busy backend"]-}" "<= 1"
compare "lists for 20,000 customers" all
compare "2,000 customers one by one" one
sql "DROP TABLE bench_pairs; SELECT promoai.model_drop('bench_busy')" >/dev/null
