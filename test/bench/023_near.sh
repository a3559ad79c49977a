#!/usr/bin/env bash
# EASE and item neighbours in one process, without a server.  Aims: EASE on 10,000 items in at most 1.6 times what LAPACK's
# dpotrf and dpotri alone take; the 50 nearest of each item, by cosine, at least 5 times as fast as SciPy's sparse product with
# the largest 50 per row, on Online Retail's 266,802 pairs and on 5 M generated ones.
# PYTHON (python3) runs the peer, which needs SciPy.
# shellcheck source=test/bench/lib.sh
. "$(dirname "$0")/lib.sh"

python=${PYTHON:-python3}
folder=$(mktemp -d "${TMPDIR:-/tmp}/promoai-near-XXXXXX")
trap 'rm -rf "$folder"' EXIT
make -s -C test/core BUILD="$folder/core" "$folder/core/plain/bench_ease" "$folder/core/plain/bench_neighbours"

say "  EASE: $("$folder/core/plain/bench_ease" "$(pick 10000 3000)" 3)"

if missing=$("$python" -c 'import numpy, scipy.sparse' 2>&1); then
	"$python" test/core/reference_als.py test/data/online_retail.csv.xz --write "$folder/retail" >/dev/null
	sets=(retail)
	if [ -z "${BENCH_QUICK:-}" ]; then
		"$folder/core/plain/bench_neighbours" random ones "$folder/random" >/dev/null
		sets+=(random)
	fi
	for set in "${sets[@]}"; do
		for kind in ones weighted; do
			say "  $set, $kind (processor seconds)"
			ours() { "$folder/core/plain/bench_neighbours" "$folder/$set" "$kind" | sed 's/.* //'; }
			scipy() { "$python" test/bench/peer_neighbours.py "$folder/$set" "$kind" | sed 's/.* //'; }
			alternate "neighbours.c" ours "SciPy" scipy
		done
	done
else
	"$folder/core/plain/bench_neighbours" random ones
	absent "SciPy" "$(tail -n 1 <<<"$missing")"
fi
