# shellcheck shell=bash
# lib.sh - what benchmarks share: peers in alternation, medians, ratios
#
# The same code swings from minute to minute on shared machines, so peers run in turn (A B A B …) and only ratios within
# one sitting count.  run.sh starts the server and sets PGHOST and the like; BENCH_QUICK is set for small data.
set -euo pipefail

. "$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)/test/tools/common.sh"
cd "$TOP"

PGHOST=${PGHOST:?run benchmarks through test/bench/run.sh}
rounds=${BENCH_ROUNDS:-5}

# pick <full> <quick>
pick() { if [ -n "${BENCH_QUICK:-}" ]; then printf %s "$2"; else printf %s "$1"; fi; }

# sql <statements> [psql arguments…]
sql()
{
	local statements=$1
	shift
	"$(pg psql)" -XAtq -v ON_ERROR_STOP=1 -c "$statements" "$@"
}

# sql_seconds <settings> <query>: wall time of one query in a session of its own, without connecting and planning twice
sql_seconds()
{
	"$(pg psql)" -XAtq -v ON_ERROR_STOP=1 <<-SQL | tail -n 1
		$1;
		SELECT clock_timestamp() AS began \\gset
		$2 \\g /dev/null
		SELECT extract(epoch FROM clock_timestamp() - :'began'::timestamptz);
	SQL
}

# has_function <signature>: such as 'promoai.source_scan(text)'
has_function() { [ -n "$(sql "SELECT to_regprocedure('$1')" 2>/dev/null)" ]; }

absent() { printf '  %-40s absent: %s\n' "$1" "$2"; }

# alternate <name> <command> [<name> <command>]…: each command prints its seconds as its last line.  Medians, and each
# one's ratio to the first.
alternate()
{
	local names=() commands=() samples=() i round base median
	while [ $# -gt 0 ]; do
		names+=("$1")
		commands+=("$2")
		samples+=("")
		shift 2
	done
	for ((round = 0; round < rounds; round++)); do
		for i in "${!names[@]}"; do
			samples[i]+="$(${commands[i]} | tail -n 1) "
		done
	done
	base=
	for i in "${!names[@]}"; do
		median=$(tr ' ' '\n' <<<"${samples[i]}" | grep . | sort -g |
			awk '{ v[NR] = $1 } END { print (v[int((NR + 1) / 2)] + v[int(NR / 2) + 1]) / 2 }')
		base=${base:-$median}
		awk -v name="${names[i]}" -v median="$median" -v base="$base" -v all="${samples[i]}" 'BEGIN {
			printf("  %-40s %9.3f s  ratio %5.2f   (", name, median, median / base)
			n = split(all, v, " ")
			for (j = 1; j <= n; j++) printf("%s%.3f", (j > 1 ? " " : ""), v[j])
			print ")"
		}'
	done
}
