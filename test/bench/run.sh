#!/usr/bin/env bash
# run.sh - benchmarks, in one throwaway server
#
#   run.sh [--quick] [test/bench/010_reading.sh …]
#
# Without names, all of test/bench/NNN_*.sh and *.py.  BENCH_ROUNDS: how often peers alternate (5; quick: 3).
set -euo pipefail
cd "$(dirname "$0")/../.."
. test/tools/common.sh

chosen=()
for argument in "$@"; do
	case $argument in
		--quick) export BENCH_QUICK=1 BENCH_ROUNDS=${BENCH_ROUNDS:-3} ;;
		*) chosen+=("$argument") ;;
	esac
done
if [ ${#chosen[@]} -eq 0 ]; then
	for argument in test/bench/[0-9]*.sh test/bench/[0-9]*.py; do
		[ ! -e "$argument" ] || chosen+=("$argument")
	done
fi

bash test/tools/install-deps.sh build run
# shellcheck disable=SC2119 # no arguments meant
build
# shellcheck disable=SC2119
install_extension

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

heading "The machine"
say "cpu         $({ LC_ALL=C lscpu 2>/dev/null || true; } | sed -n 's/^Model name: *//p')"
say "cores       $cores"
say "memory      $memory_mb MB"
say "PostgreSQL  $("$(pg psql)" -XAtqc 'SHOW server_version'), shared_buffers $shared_mb MB"

status=0
for bench in "${chosen[@]}"; do
	heading "$bench"
	case $bench in
		*.py)
			if command -v python3 >/dev/null; then
				python3 "$bench" || status=1
			else
				say "  absent: python3"
			fi
			;;
		*) bash "$bench" || status=1 ;;
	esac
done
exit $status
