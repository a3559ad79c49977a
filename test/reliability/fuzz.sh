#!/usr/bin/env bash
# fuzz.sh - libFuzzer on all that reads a stranger's bytes: stored models, states, texts, dictionaries, cron lines
#
#   fuzz.sh [--quick | --told]
#
# Every fuzz_*.c of test/fuzz, ten minutes each (--quick: ten seconds), two at a time, under AddressSanitizer and
# UndefinedBehaviorSanitizer.  Edges: places of the code that were reached.  Wants clang, and the extension installed, for a model
# of every kind to begin with.  --told runs nothing: what the last run of each has said.
set -euo pipefail
cd "$(dirname "$0")/../.."
. test/tools/common.sh

seconds=600
least=100000 # executions in that time, or the machine was too busy to tell anything
[ "${1:-}" != --quick ] || seconds=10
folder=$PWD/build/fuzz
status=0
if [ "${1:-}" != --told ]; then
	bash test/tools/install-deps.sh build run fuzz
	"$MAKE" --no-print-directory -C test/fuzz BUILD="$folder" FUZZ_SECONDS=$seconds || status=1
fi

[ "$(find "$folder/seeds/fuzz_model" -type f 2>/dev/null | wc -l)" -ge 10 ] || {
	say "fuzz_model had no model of each kind to begin with"
	status=1
}

# What each of them says of itself.
for program in test/fuzz/fuzz_*.c; do
	name=$(basename "$program" .c)
	log=$folder/$name.log
	if [ ! -s "$log" ]; then
		say "| $name | **it did not run** |" | tee -a "${RELIABILITY_FIGURES:-/dev/null}"
		status=1
		continue
	fi
	executions=$(sed -n 's/^stat::number_of_executed_units: *//p' "$log")
	edges=$(sed -nE 's/.* cov: ([0-9]+) .*/\1/p' "$log" | tail -n 1)
	took=$(sed -nE 's/^Done [0-9]+ runs in ([0-9]+) second.*/\1/p' "$log")
	crashes=$(grep -cE '^SUMMARY: |^==[0-9]+== ERROR: libFuzzer' "$log" || true)
	outcome="nothing found"
	if [ "$seconds" = 600 ] && [ "${executions:-0}" -lt $least ]; then
		outcome="nothing found, **by fewer than $least executions**"
		status=1
	fi
	if [ "$crashes" != 0 ] || [ -z "$took" ]; then
		outcome="**failed**"
		status=1
	fi
	line="| $name: $(sed -nE '2s/^ \* [a-z_]+\.c - (.*) \(libFuzzer\)$/\1/p' "$program") | ${executions:-?} executions in ${took:-?} s, ${edges:-?} edges; $outcome |"
	say "$line"
	[ -z "${RELIABILITY_FIGURES:-}" ] || say "$line" >>"$RELIABILITY_FIGURES"
done
exit $status
