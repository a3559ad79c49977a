#!/usr/bin/env bash
# From a table of 10 M interactions (70,000 customers x 10,700 items, a long tail on both sides) to a published model to the
# ten best items for every customer in a table: inside, and outside with implicit (https://github.com/benfred/implicit) between
# two binary COPYs.  Both by conjugate gradients, 64 factors, 15 iterations, and with as many cores.  Aim: at most half of the
# time outside.
# shellcheck source=test/bench/lib.sh
. "$(dirname "$0")/lib.sh"
export PGOPTIONS="${PGOPTIONS:-} -c client_min_messages=warning"

rows=$(pick 10000000 300000)
customers=$(pick 70000 10000)
rounds=${BENCH_ROUNDS:-2} # of some three minutes each
factors=64
iterations=15
PSQL=$(pg psql)
export PSQL

sql "DROP TABLE IF EXISTS bench_pairs; SELECT setseed(0.5)" -c "SELECT setseed(0.5);
	CREATE TABLE bench_pairs AS SELECT ($((customers - 1)) * random() ^ 1.6)::int AS customer, (10699 * random() ^ 2.2)::int AS item
	FROM generate_series(1, $rows)" -c "VACUUM ANALYZE bench_pairs" >/dev/null

settings() { printf 'SET max_parallel_maintenance_workers = %s; SET max_parallel_workers_per_gather = %s;' "$1" "$1"; }
trained() { printf "SELECT FROM promoai.mf_train('bench_lists', 'bench_pairs', solver => '%s', factors => %s, iterations => %s, holdout => 0);" "$1" $factors $iterations; }
listed="CREATE TABLE bench_lists AS SELECT customer_no AS customer_id, rank, item_no AS item_id, score FROM promoai.cf_recommend_all('bench_lists', k => 10);"

# inside <workers> <solver>: seconds from table to table, in a new session
inside()
{
	sql "DROP TABLE IF EXISTS bench_lists"
	"$PSQL" -XAtq -v ON_ERROR_STOP=1 <<-SQL | tail -n 1
		$(settings "$1")
		SELECT clock_timestamp() AS began \\gset
		$(trained "$2")
		$listed
		SELECT extract(epoch FROM clock_timestamp() - :'began'::timestamptz);
	SQL
}

# outside <threads>
outside()
{
	sql "DROP TABLE IF EXISTS bench_lists"
	"$python" test/bench/peer_table.py bench_pairs bench_lists "$1" $factors $iterations 2>"$parts"
}

# inside_parts <workers>: what each part takes, by itself
inside_parts()
{
	local read train make all
	read=$(sql "$(settings "$1") SELECT seconds FROM promoai.source_scan('bench_pairs')")
	train=$(sql "$(settings "$1") SELECT (promoai.mf_train('bench_lists', 'bench_pairs', solver => 'cg', factors => $factors, iterations => $iterations, holdout => 0)).seconds")
	make=$(sql_seconds "$(settings "$1")" "SELECT count(*) FROM promoai.cf_recommend_all('bench_lists', k => 10)")
	sql "DROP TABLE IF EXISTS bench_lists"
	all=$(sql_seconds "$(settings "$1")" "${listed%;}")
	awk -v r="$read" -v t="$train" -v m="$make" -v a="$all" \
		'BEGIN { printf("read %.2f train and publish %.2f recommend %.2f write %.2f", r, t - r, m, a - m) }'
}

parts=$(mktemp "${TMPDIR:-/tmp}/promoai-parts-XXXXXX")
trap 'rm -f "$parts"' EXIT
inside_two() { inside 1 cg; }
inside_one() { inside 0 cg; }
exact_two() { inside 1 als; }
exact_one() { inside 0 als; }
outside_two() { outside 2; }
outside_one() { outside 1; }

# report_lists <workers in words> <threads in words>
report_lists()
{
	local peer="outside, $2 thread"
	[ "$2" = one ] || peer+=s
	report "table of $rows rows to model to lists for all, CG, $1" s "${median["inside, $1, cg"]}" "implicit between COPYs, $2 thread(s)" "${median["$peer"]-}" "<= 0.5"
	report "the same, exact, $1" s "${median["inside, $1, als"]}" "implicit (CG) between COPYs, $2 thread(s)" "${median["$peer"]-}" "<= 0.5"
}

say "  $rows rows, $factors factors, $iterations iterations; medians of $rounds"
if missing=$("$python" test/bench/peer_table.py bench_pairs bench_unused 1 2 1 train 2>&1); then
	alternate "outside, two threads" outside_two "inside, one worker beside, cg" inside_two "inside, one worker beside, als" exact_two
	report_lists "one worker beside" two
	say "  outside, two threads:      $(cat "$parts")"
	say "  inside, one worker beside: $(inside_parts 1)"
	alternate "outside, one thread" outside_one "inside, no worker, cg" inside_one "inside, no worker, als" exact_one
	report_lists "no worker" one
	say "  outside, one thread:       $(cat "$parts")"
	say "  inside, no worker:         $(inside_parts 0)"
else
	absent "implicit" "$(tail -n 1 <<<"$missing")"
	alternate "inside, no worker, cg" inside_one "inside, no worker, als" exact_one
	report_lists "no worker" one
	alternate "inside, one worker beside, cg" inside_two "inside, one worker beside, als" exact_two
	report_lists "one worker beside" two
	say "  inside, no worker:         $(inside_parts 0)"
	say "  inside, one worker beside: $(inside_parts 1)"
fi
sql "DROP TABLE IF EXISTS bench_lists, bench_pairs; SELECT promoai.model_drop('bench_lists')" >/dev/null
