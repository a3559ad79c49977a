#!/usr/bin/env bash
# valgrind.sh - the regression tests with every process of the server under valgrind's memcheck
#
#   valgrind.sh [--quick | --all] [stage…]
#
# pg_regress and pgTAP without the files that `many_rows` names, through test/tools/test.sh; --all: all files; --quick: few.sql, on
# the PostgreSQL that pg_config names.  Otherwise the server is built as checked.sh tells, so that each palloc is an
# allocation to memcheck, and every error counts.  Of the PostgreSQL that pg_config names those of the server alone are only
# counted.  VALGRIND_OPTIONS may hold more options, such as --track-origins=yes, which halves the speed.
set -euo pipefail
cd "$(dirname "$0")/../.."
. test/tools/common.sh
flavour=valgrind
. test/reliability/checked.sh

quick=
all=
wanted=()
for argument in "$@"; do
	case $argument in
		--quick) quick=1 ;;
		--all) all=1 ;;
		-*) die "unknown: $argument; --quick, --all, or stages of test/tools/test.sh" ;;
		*) wanted+=("$argument") ;;
	esac
done
[ ${#wanted[@]} -gt 0 ] || wanted=(regress pgtap)
command -v valgrind >/dev/null || die "valgrind is missing (bash test/tools/install-deps.sh valgrind)"

# These do to many rows what others do to few, or fit many models, and would take longer than all others together.
many_rows="150_hardening 220_daily 240_threshold 315_cf_methods 330_content 350_compared 440_rfm 441_clv 442_customer_features 600_tokens"
left_out=0
if [ -z "$all" ] && [ -z "${PGTAP_FILES:-}" ]; then
	PGTAP_FILES=
	for file in test/pgtap/*.sql; do
		case " $many_rows " in
			*" $(basename "$file" .sql) "*) left_out=$((left_out + 1)) ;;
			*) PGTAP_FILES+=" $file" ;;
		esac
	done
	export PGTAP_FILES
fi

work=$(mktemp -d "${TMPDIR:-/tmp}/promoai-valgrind-XXXXXX")
chmod 0777 "$work"
trap 'rm -rf "$work"' EXIT

# Each error is a paragraph of the log.  A frame names the source, by its full path, or without debugging symbols the library.
errors() { sed -sE 's/^==[0-9]+== ?//' "$work"/report.* /dev/null | awk -v ours="$1" -v RS= -v ORS='\n\n' "$2"; }
errors_in() { errors "$1" '$0 ~ ours { n++ } END { print n + 0 }'; }
errors_outside() { errors "$1" '$0 !~ ours && / (at|by) 0x/ { n++ } END { print n + 0 }'; }

# What a server does on purpose: as PostgreSQL itself lists it, where it is built for valgrind.
if [ -n "$quick" ]; then
	cp test/reliability/valgrind.supp "$work/suppressions"
else
	checked_postgresql
	enter_copy
	cp "$checked/source/src/tools/valgrind.supp" "$work/suppressions"
fi
cat >"$work/postgres" <<-SH
	#!/bin/sh
	# valgrind keeps files of its own, as whoever the server runs as.
	export TMPDIR=$work
	exec valgrind -q --trace-children=yes --leak-check=no --num-callers=40 --fullpath-after= --error-limit=no ${VALGRIND_OPTIONS:-} \\
		--suppressions=$work/suppressions --log-file=$work/report.%p "$(pg postgres)" "\$@"
SH
chmod 0755 "$work/postgres"
chmod 0644 "$work/suppressions"
export POSTGRES=$work/postgres

status=0
tests=
if [ -n "$quick" ]; then
	few || status=1
else
	canaries "write past end" "read freed" "branch on uninitialised"
	STAGE_LIMIT=${STAGE_LIMIT:-14400} stages "${wanted[@]}" || status=1
fi

processes=$(find "$work" -name 'report.*' | wc -l)
ours="/promoai[.]so|[(]$TOP/src/"
n_ours=$(errors_in "$ours")
n_others=$(errors_outside "$ours")
if [ "$n_ours" != 0 ]; then
	errors "$ours" '$0 ~ ours' | head -n 200 || true
	status=1
elif [ -z "$quick" ] && [ "$n_others" != 0 ]; then
	errors "$ours" '$0 !~ ours' | head -n 200 || true
	status=1
fi
[ "$processes" -gt 0 ] || die "nothing ran under valgrind"
figure="$processes processes under valgrind: $n_ours errors with the extension in the stack, $n_others of the server alone"
[ -z "$tests" ] || figure="$tests; $figure"
say "$figure"
[ -z "${RELIABILITY_FIGURES:-}" ] ||
	say "| valgrind (memcheck): $([ -n "$quick" ] && echo few.sql || printf "%s, %s, %d files over many rows left out" "$("$PG_CONFIG" --version)" "${wanted[*]}" $left_out) | $figure |" >>"$RELIABILITY_FIGURES"
exit $status
