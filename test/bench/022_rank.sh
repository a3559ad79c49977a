#!/usr/bin/env bash
# Exact top-10 lists of 100,000 items x 64 factors, microseconds a user, one process, without a server: rank_index.c beside
# implicit (https://github.com/benfred/implicit) and faiss' exact index, on trained and on random factors.  Aims: one user at
# most half of implicit's call on trained factors and no more than it on random ones; batches at 1.5 times the rate of both.
# shellcheck source=test/bench/lib.sh
. "$(dirname "$0")/lib.sh"

folder=$(mktemp -d "${TMPDIR:-/tmp}/promoai-rank-XXXXXX")
trap 'rm -rf "$folder"' EXIT
program=$(core_program bench_rank)
unit=µs

say "  microseconds a user, medians of $rounds"
kinds=(random) # the trained ones take their time to be trained
[ -n "${BENCH_QUICK:-}" ] || kinds=(trained random)
for kind in "${kinds[@]}"; do
	mkdir -p "$folder/$kind"
	"$program" "$kind" "$folder/$kind" >"$folder/first"
	say "  $kind factors: $(cat "$folder/first")"
	ours() { "$program" "$kind" | sed "s/.* $1 \([0-9.]*\).*/\1/" | awk '{ print 1000 * $1 }'; }
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
	beside "ten best of 100,000 items, one user, $kind factors" "rank_index, one user" "implicit, one user" "<= $([ "$kind" = trained ] && echo 0.5 || echo 1)"
	alternate "${batch[@]}"
	for name in implicit faiss; do
		beside "the same, a user in a batch of 64, beside $name, $kind factors" "rank_index, batches of 64" "$name, batch" "<= 0.667"
	done
done
