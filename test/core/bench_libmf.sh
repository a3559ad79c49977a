#!/usr/bin/env bash
# Stochastic gradients beside LIBMF (https://github.com/cjlin1/libmf), one thread each, 1 M synthetic ratings, rank 64: seconds
# an iteration (20 of them, the difference between 2 and 22) and RMSE of the held-out tenth after 20, in alternation.
#
#   bench_libmf.sh BENCH_EXPLICIT LIBMF [ROUNDS]      LIBMF: the folder with mf-train and mf-predict, built with USEAVX
#
# Each with the best settings of a small grid on these data: LIBMF l2 0.03 .. 0.1 x r 0.03 .. 0.1.
set -euo pipefail
ours=$1
libmf=$2
rounds=${3:-5}
folder=$(mktemp -d "${TMPDIR:-/tmp}/bench-libmf-XXXXXX")
trap 'rm -rf "$folder"' EXIT
"$ours" --write "$folder/train" "$folder/test"

seconds() { local TIMEFORMAT=%R; { time "$@" >/dev/null; } 2>&1; }
theirs() { "$libmf/mf-train" -k 64 -s 1 -l2 0.04 -r 0.05 -t "$1" "$folder/train" "$folder/model"; }
median() { sort -g | awk '{ v[NR] = $1 } END { print (v[int((NR + 1) / 2)] + v[int(NR / 2) + 1]) / 2 }'; }

for ((round = 0; round < rounds; round++)); do
	read -r ours_seconds ours_rmse < <("$ours" --sgd 20)
	few=$(seconds theirs 2)
	many=$(seconds theirs 22)
	awk -v a="$ours_seconds" -v few="$few" -v many="$many" 'BEGIN { b = (many - few) / 20; print a, b, a / b }' |
		tee -a "$folder/rounds" | awk '{ printf("  sgd %.4f s, LIBMF %.4f s an iteration, ratio %.2f\n", $1, $2, $3) }'
done
theirs 20 >/dev/null
theirs_rmse=$("$libmf/mf-predict" "$folder/test" "$folder/model" "$folder/out" | sed -n 's/^RMSE = //p')
echo "median of ratios $(cut -d' ' -f3 "$folder/rounds" | median); RMSE held out: sgd $ours_rmse, LIBMF $theirs_rmse"
