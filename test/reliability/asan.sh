#!/usr/bin/env bash
# asan.sh - the regression tests with server and extension built for AddressSanitizer
#
#   asan.sh [--quick] [stage…]
#
# pg_regress and pgTAP, through test/tools/test.sh, or its stages that are named; --quick: few.sql.  The server is built as
# checked.sh tells: its memory contexts mark each allocation, its assertions are on.  The extension is built for
# UndefinedBehaviorSanitizer, too.  Leaks are not looked for: memory contexts free what is left.
set -euo pipefail
cd "$(dirname "$0")/../.."
. test/tools/common.sh
flavour=asan
. test/reliability/checked.sh

quick=
wanted=(regress pgtap)
for argument in "$@"; do
	case $argument in
		--quick) quick=1 ;;
		-*) die "unknown: $argument; --quick, or stages of test/tools/test.sh" ;;
		*) ;;
	esac
done
[ -n "$quick" ] || [ $# -eq 0 ] || wanted=("$@")

work=$(mktemp -d "${TMPDIR:-/tmp}/promoai-asan-XXXXXX")
chmod 0777 "$work"
trap 'rm -rf "$work"' EXIT

# Every program of this PostgreSQL obeys these, clients too.  What cannot be had is refused as malloc refuses it.
export ASAN_OPTIONS=detect_leaks=0:abort_on_error=1:detect_stack_use_after_return=0:allocator_may_return_null=1:quarantine_size_mb=64:handle_sigill=1:log_path=$work/report
reports() { cat "$work"/report.*; }
# errors_in <module>: how many reports there are; each process ends with its first
errors_in() { { grep -ls 'ERROR: AddressSanitizer' "$work"/report.* || true; } | wc -l; }

checked_postgresql
# -fwrapv, beside which gcc 12 takes very long for checks of vectors, is taken back: so overflow of signed numbers is looked
# for, too.  What is undefined is an illegal instruction, which AddressSanitizer reports with its line: two libraries that
# report do not share a log.  Warnings that the compiler gives only for code with checks in it are no errors.
export COPT="-fsanitize=undefined -fsanitize-undefined-trap-on-error -fno-wrapv -Wno-maybe-uninitialized"
MAKEFLAGS=-j$(nproc)
export MAKEFLAGS
enter_copy
canaries "write past end" "read freed" "overflow"

status=0
tests=
if [ -n "$quick" ]; then
	few || status=1
else
	STAGE_LIMIT=${STAGE_LIMIT:-7200} stages "${wanted[@]}" || status=1
fi
found=$(errors_in promoai)
if [ "$found" != 0 ]; then
	reports | head -n 300 || true
	status=1
fi
figure="${tests:+$tests; }$found reports of AddressSanitizer and UndefinedBehaviorSanitizer"
say "$figure"
[ -z "${RELIABILITY_FIGURES:-}" ] ||
	say "| AddressSanitizer, UndefinedBehaviorSanitizer and the server's assertions, $([ -n "$quick" ] && echo few.sql || echo "$("$PG_CONFIG" --version), ${wanted[*]}") | $figure |" >>"$RELIABILITY_FIGURES"
exit $status
