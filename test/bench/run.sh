#!/usr/bin/env bash
# run.sh - benchmarks, in one throwaway server; their figures as one table
#
#   run.sh [--quick] [040 400_kmeans test/bench/010_reading.sh …]
#
# Without names, all of test/bench/NNN_*.sh and *.py.  Figures are kept in build/bench/NNN_name.tsv (with --quick, on less data,
# in build/bench/quick), what was printed beside them as .log; `perl test/bench/table.pl --write` makes doc/performance.md
# of all that is kept there, from however many runs.  BENCH_ROUNDS: how often peers alternate (5; quick: 1).
# test/bench/peers.sh says which peers there are and how to get them.
set -euo pipefail
cd "$(dirname "$0")/../.."
. test/tools/common.sh

quick_seconds=180 # what --quick may take once all is built, the server included
kept=build/bench
table=()
chosen=()
for argument in "$@"; do
	case $argument in
		--quick)
			export BENCH_QUICK=1 BENCH_ROUNDS=${BENCH_ROUNDS:-1}
			kept=build/bench/quick
			table=(--quick)
			;;
		*)
			found=()
			for path in "$argument" "test/bench/$argument".* "test/bench/${argument}"_*; do
				case $path in test/bench/[0-9]*.sh | test/bench/[0-9]*.py) [ ! -e "$path" ] || found+=("$path") ;; esac
			done
			[ ${#found[@]} -gt 0 ] || die "there is no benchmark $argument"
			chosen+=("${found[@]}")
			;;
	esac
done
if [ ${#chosen[@]} -eq 0 ]; then
	for path in test/bench/[0-9]*.sh test/bench/[0-9]*.py; do
		[ ! -e "$path" ] || chosen+=("$path")
	done
fi

bash test/tools/install-deps.sh build run
# shellcheck disable=SC2119 # no arguments meant
build
# shellcheck disable=SC2119
install_extension
# What benchmarks run of test/core is built before the clock starts, as the extension is.
mapfile -t programs < <(grep -hoE 'core_program [a-z_]+' "${chosen[@]}" | sed 's|.* |../../build/core/plain/|' | sort -u)
[ ${#programs[@]} -eq 0 ] || "$MAKE" -s -C test/core "${programs[@]}" >/dev/null
began_all=$SECONDS

work=$(mktemp -d "${TMPDIR:-/tmp}/promoai-bench-XXXXXX")
chmod 0755 "$work"
trap 'bash test/tools/cluster.sh stop -D "$work/cluster" || true; rm -rf "$work"' EXIT
trap 'exit 130' INT TERM

memory_mb=$(awk '/^MemTotal/ { print int($2 / 1024) }' /proc/meminfo)
shared_mb=$((memory_mb / 4 < 2048 ? memory_mb / 4 : 2048))
cores=$(nproc)
bash test/tools/cluster.sh start -D "$work/cluster" -c shared_buffers="${shared_mb}MB" -c maintenance_work_mem=2GB \
	-c work_mem=256MB -c max_wal_size=8GB -c checkpoint_timeout=1h -c autovacuum=off -c jit=off \
	-c max_parallel_maintenance_workers=$((cores - 1)) -c fsync=on >/dev/null
eval "$(bash test/tools/cluster.sh env -D "$work/cluster")"
"$(pg psql)" -XAtqc 'CREATE DATABASE bench'
export PGDATABASE=bench
"$(pg psql)" -XAtqc 'CREATE EXTENSION promoai'

# The machine's class and what ran on it, once for all: each file of figures begins with these lines.
cpu=$({ LC_ALL=C lscpu 2>/dev/null || true; } | sed -n 's/^Model name: *//p')
flags=$(grep -m 1 '^flags' /proc/cpuinfo | tr ' ' '\n' | grep -xE 'avx2|fma|avx512f|avx512bw|avx512_vnni' | tr '\n' ' ' || true)
openblas=$(grep -hoa 'OpenBLAS [0-9][0-9.]*' "$(ldd promoai.so | sed -n 's/.*libopenblas[^ ]* => \([^ ]*\).*/\1/p')" 2>/dev/null | head -n 1 || true)
{
	printf '#machine\t%s\n' "$cores cores, ${cpu:-unknown processor} (${flags% }), $(((memory_mb + 512) / 1024)) GB of memory"
	printf '#server\t%s\n' "PostgreSQL $("$(pg psql)" -XAtqc 'SHOW server_version' | sed 's/ .*//'), shared_buffers $shared_mb MB${openblas:+, $openblas}"
	printf '#peers\t%s\n' "$(bash test/bench/peers.sh versions)"
} >"$work/machine"
heading "The machine"
sed 's/^#//' "$work/machine" | expand -t 12

mkdir -p "$kept"
status=0
for bench in "${chosen[@]}"; do
	heading "$bench"
	name=$(basename "${bench%.*}")
	export BENCH_RESULTS=$work/$name.tsv
	cp "$work/machine" "$BENCH_RESULTS"
	began=$(date +%s)
	case $bench in
		*.py)
			if command -v python3 >/dev/null; then
				python3 "$bench"
			else
				printf '#skipped\tall: python3\n' | tee -a "$BENCH_RESULTS"
			fi
			;;
		*) bash "$bench" ;;
	esac 2>&1 | tee "$kept/$name.log" && ended=0 || ended=1
	{
		printf '#date\t%s\n' "$(date -u +%F)"
		printf '#seconds\t%s\n' "$(($(date +%s) - began))"
		[ $ended = 0 ] || printf '#failed\t\n'
	} >>"$BENCH_RESULTS"
	mv "$BENCH_RESULTS" "$kept/$name.tsv"
	[ $ended = 0 ] || status=1
done

heading "Figures"
perl test/bench/table.pl "${table[@]}" "${chosen[@]}"
took=$((SECONDS - began_all))
say "${#chosen[@]} benchmarks in $took seconds"
if [ -n "${BENCH_QUICK:-}" ] && [ $took -gt $quick_seconds ]; then
	say "more than the $quick_seconds that all of them may take together"
	status=1
fi
exit $status
