#!/usr/bin/env bash
# Exact top-10 lists of 100,000 items x 64 factors, microseconds a user, one process, without a server: rank_index.c beside
# implicit (https://github.com/benfred/implicit) and faiss' exact index, on trained and on random factors.  Aims: one user at
# most half of implicit's call on trained factors and no more than it on random ones; batches at 1.5 times the rate of both.
# PYTHON (python3) runs the peers; PYTHONPATH may say where implicit is.
# shellcheck source=test/bench/lib.sh
. "$(dirname "$0")/lib.sh"

python=${PYTHON:-python3}
folder=$(mktemp -d "${TMPDIR:-/tmp}/promoai-rank-XXXXXX")
trap 'rm -rf "$folder"' EXIT
make -s -C test/core BUILD="$folder/core" "$folder/core/plain/bench_rank"

say "  microseconds a user (in the column of seconds), medians of $rounds"
for kind in trained random; do
	mkdir -p "$folder/$kind"
	"$folder/core/plain/bench_rank" "$kind" "$folder/$kind" >"$folder/first"
	say "  $kind factors: $(cat "$folder/first")"
	ours() { "$folder/core/plain/bench_rank" "$kind" | sed "s/.* $1 \([0-9.]*\).*/\1/" | awk '{ print 1000 * $1 }'; }
	ours_one() { ours one; }
	ours_batch() { ours batch; }
	peer() { "$python" test/bench/peer_rank.py "$folder/$kind" "$1" | awk '{ print 1000 * $1 }'; }
	implicit_one() { peer implicit-one; }
	implicit_batch() { peer implicit-batch; }
	faiss_batch() { peer faiss-batch; }
	one=("rank_index, one user" ours_one)
	batch=("rank_index, batches of 64" ours_batch)
	for name in implicit faiss; do
		if missing=$("$python" test/bench/peer_rank.py "$folder/$kind" "$name-batch" 2>&1); then
			[ $name = faiss ] || one=("implicit, one user" implicit_one "${one[@]}")
			batch=("$name, batch" "${name}_batch" "${batch[@]}")
		else
			absent "$name" "$(tail -n 1 <<<"$missing")"
		fi
	done
	alternate "${one[@]}"
	alternate "${batch[@]}"
done
