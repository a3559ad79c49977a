# shellcheck shell=bash
# lib.sh - what benchmarks share: peers in alternation, medians, and the figures that the table is made of
#
# The same code swings from minute to minute on shared machines, so peers run in turn (A B A B …) and only ratios within
# one sitting count.  run.sh starts the server and sets PGHOST and the like; BENCH_QUICK is set for small data, and
# BENCH_RESULTS names the file that figures are kept in.
#
# Every figure that is worth keeping goes through `report` (or `beside`, which is the same for two of `alternate`).
set -euo pipefail

. "$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)/test/tools/common.sh"
cd "$TOP"
. test/bench/peers.sh

PGHOST=${PGHOST:?run benchmarks through test/bench/run.sh}
BENCH_RESULTS=${BENCH_RESULTS:?run benchmarks through test/bench/run.sh}
rounds=${BENCH_ROUNDS:-5}
unit=s            # of what the commands of `alternate` print
declare -A median # by name, of the last `alternate`

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

# core_program <name>: the path of a program of test/core, built if need be
core_program()
{
	make -s -C test/core "../../build/core/plain/$1" >/dev/null && printf '%s/build/core/plain/%s' "$TOP" "$1"
}

# has_function <signature>: such as 'promoai.source_scan(text)'
has_function() { [ -n "$(sql "SELECT to_regprocedure('$1')" 2>/dev/null)" ]; }

# load_shop: the demo's shop into the schema `shop` of this database, once; benchmarks read it and leave it as it is
load_shop()
{
	[ -n "$(sql "SELECT 1 FROM pg_namespace WHERE nspname = 'shop'")" ] || "$(pg psql)" -Xq -v ON_ERROR_STOP=1 -f doc/demo/shop.sql >/dev/null
}

# absent <what> <why>: not compared here, and said so
absent()
{
	printf '  %-40s skipped: %s\n' "$1" "$2"
	printf '#skipped\t%s: %s\n' "$1" "$2" >>"$BENCH_RESULTS"
}

# median_of: the median of the numbers on standard input, one a line
median_of() { sort -g | awk '{ v[NR] = $1 } END { print (v[int((NR + 1) / 2)] + v[int(NR / 2) + 1]) / 2 }'; }

# alternate <name> <command> [<name> <command>]…: each command prints its figure, in `unit`, as its last line.  Medians, and each
# one's ratio to the first; `median` holds them afterwards.
alternate()
{
	local names=() commands=() samples=() i round base=
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
	printf '#rounds\t%s\n' "$rounds" >>"$BENCH_RESULTS"
	median=()
	for i in "${!names[@]}"; do
		median["${names[i]}"]=$(tr ' ' '\n' <<<"${samples[i]}" | grep . | median_of)
		base=${base:-${median["${names[i]}"]}}
		awk -v name="${names[i]}" -v median="${median["${names[i]}"]}" -v base="$base" -v unit="$unit" -v all="${samples[i]}" 'BEGIN {
			printf("  %-40s %9.3f %s  ratio %5.2f   (", name, median, unit, median / base)
			n = split(all, v, " ")
			for (j = 1; j <= n; j++) printf("%s%.3f", (j > 1 ? " " : ""), v[j])
			print ")"
		}'
	done
}

# report <name> <unit> <ours> [<peer's name> <peer> [<aim> [yardstick]]]: a figure for the table
#
# name: what was done, with its sizes, unlike every other name of this benchmark.  peer: empty where it is not installed.  aim: what
# the ratio ours / peer is to be, such as "<= 0.5", or ">= 1.6" for a rate or a recall; without one, what is slower than its
# peer is behind all the same.  yardstick: what it is held against is no other program that does the same job (a scan of the
# table, a bound in milliseconds), so that only the aim counts.
report()
{
	local name=$1 unit=$2 ours=$3 peer_name=${4-} peer=${5-} aim=${6-} kind=${7-peer}
	case $kind in peer | yardstick) ;; *) die "report: $kind is neither peer nor yardstick" ;; esac
	case $aim in '' | '<= '* | '>= '*) ;; *) die "report: the aim $aim begins with neither <= nor >=" ;; esac
	awk -v ours="$ours" -v peer="$peer" 'BEGIN { exit !(ours + 0 > 0 && (peer == "" || peer + 0 > 0)) }' ||
		die "report: $name is not measured (ours \"$ours\", peer \"$peer\")"
	# Thousands are set apart in long numbers.
	name=$(sed -E ':a; s/(^|[^0-9.,])([0-9]{2,})([0-9]{3})\b/\1\2,\3/; ta; :b; s/(^|[^0-9.,])([0-9]+)([0-9]{3}),/\1\2,\3,/; tb' <<<"$name")
	printf '%s\t' "$name" "$unit" "$ours" "$peer_name" "$peer" "$aim" "$kind" | sed 's/\t$//' >>"$BENCH_RESULTS"
	printf '\n' >>"$BENCH_RESULTS"
}

# beside <name> <ours> <peer> [<aim> [yardstick]]: report of two names of the last `alternate`; the peer may have been left out of it
beside() { report "$1" "$unit" "${median["$2"]-}" "$3" "${median["$3"]-}" "${4-}" "${5-peer}"; }
