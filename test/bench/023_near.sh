#!/usr/bin/env bash
# EASE and item neighbours in one process, without a server.  Aims: EASE on 10,000 items in at most 1.6 times what LAPACK's
# dpotrf and dpotri alone take; the 50 nearest of each item, by cosine, at least 5 times as fast as SciPy's sparse product with
# the largest 50 per row, on Online Retail's 266,802 pairs and on 5 M generated ones.
# shellcheck source=test/bench/lib.sh
. "$(dirname "$0")/lib.sh"

folder=$(mktemp -d "${TMPDIR:-/tmp}/promoai-near-XXXXXX")
trap 'rm -rf "$folder"' EXIT
ease=$(core_program bench_ease)
neighbours=$(core_program bench_neighbours)

# The program runs both in turn, three times, and takes the medians.
told=$("$ease" "$(pick 10000 2000)" 3)
say "  EASE: $told"
read -r theirs ours < <(sed -E 's/.*dpotri ([0-9.]+) s, ease_train ([0-9.]+) s.*/\1 \2/' <<<"$told")
report "EASE of $(pick 10,000 2,000) items" s "$ours" "dpotrf + dpotri alone" "$theirs" "<= 1.6" yardstick

if missing=$("$python" -c 'import numpy, scipy.sparse' 2>&1); then
	"$python" test/core/reference_als.py test/data/online_retail.csv.xz --write "$folder/retail" >/dev/null
	sets=(retail)
	if [ -z "${BENCH_QUICK:-}" ]; then
		"$neighbours" random ones "$folder/random" >/dev/null
		sets+=(random)
	fi
	for set in "${sets[@]}"; do
		for kind in ones weighted; do
			say "  $set, $kind (processor seconds)"
			ours() { "$neighbours" "$folder/$set" "$kind" | sed 's/.* //'; }
			scipy() { "$python" test/bench/peer_neighbours.py "$folder/$set" "$kind" | sed 's/.* //'; }
			alternate "neighbours.c" ours "SciPy" scipy
			beside "50 nearest of each item, $set, $kind" "neighbours.c" "SciPy" "<= 0.2"
		done
	done
else
	"$neighbours" random ones
	absent "SciPy" "$(tail -n 1 <<<"$missing")"
fi
