#!/usr/bin/env bash
# One iteration of implicit ALS by conjugate gradients (src/core/recommend/cg.c, without a server) beside implicit's
# (https://github.com/benfred/implicit) and beside our exact solver: 1 M pairs, 6,040 x 3,706, 64 factors, one process.
# Aim: a third of implicit's time.
# shellcheck source=test/bench/lib.sh
. "$(dirname "$0")/lib.sh"

draws=$(pick 1090000 200000)
folder=$(mktemp -d "${TMPDIR:-/tmp}/promoai-cg-XXXXXX")
trap 'rm -rf "$folder"' EXIT
program=$(core_program bench_cg)

awk -v draws="$draws" 'BEGIN {
	srand(5)
	for (i = 0; i < draws; i++) {
		pair = int(6040 * rand() ^ 1.6) "\t" int(3706 * rand() ^ 2.2)
		if (!(pair in seen)) { seen[pair]; print pair }
	}
}' >"$folder/pairs"

cg() { "$program" "$folder/pairs" 64 | awk '{ print $1 }'; }
exact() { "$program" "$folder/pairs" 64 | awk '{ print $2 }'; }
peer() { "$python" test/bench/peer_implicit.py "$folder/pairs" 64 cg; }

say "  $(wc -l <"$folder/pairs") pairs; seconds an iteration, medians of $rounds"
if missing=$("$python" test/bench/peer_implicit.py "$folder/pairs" 8 cg 2>&1); then
	alternate "implicit CG, 64 factors" peer "cg, 64 factors" cg "als, 64 factors" exact
else
	alternate "cg, 64 factors" cg "als, 64 factors" exact
	median["implicit CG, 64 factors"]=
	absent "implicit" "$(tail -n 1 <<<"$missing")"
fi
beside "an iteration by conjugate gradients, 64 factors" "cg, 64 factors" "implicit CG, 64 factors" "<= 0.333"
report "the same" s "${median["cg, 64 factors"]}" "our exact solver" "${median["als, 64 factors"]}" "" yardstick
say "  $("$program" "$folder/pairs" 64)"
