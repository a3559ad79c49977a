#!/usr/bin/env bash
# k-means beside scikit-learn in float32: 20 iterations from the same centroids, one process, processor seconds (aim: no
# slower at k = 8, 1.5 times as fast at k = 64); whole trainings from a table beside a plain scan of it; the memory that ten
# million rows take (aim: 1 GB), all in memory and by mini-batches.
# shellcheck source=test/bench/lib.sh
. "$(dirname "$0")/lib.sh"

export OMP_NUM_THREADS=1 OPENBLAS_NUM_THREADS=1
rows=$(pick 1000000 100000)
work=$(mktemp -d "${TMPDIR:-/tmp}/promoai-kmeans-XXXXXX")
trap 'rm -rf "$work"' EXIT
bench=$(core_program bench_kmeans)
peer=test/bench/peer_sklearn_kmeans.py

scikit() { "$python" -W ignore $peer fit "$work/rows" "$rows" "$features" "$k" 20; }
ours() { $bench "$rows" "$features" "$k" 20 "$work/rows"; }

if "$python" -c 'import sklearn' 2>/dev/null; then
	for shape in "8 8" "8 64" "32 8" "32 64"; do
		read -r features k <<<"$shape"
		"$python" $peer write "$work/rows" "$rows" "$features" "$k"
		say "  $rows x $features, k $k"
		alternate "scikit-learn" scikit "promoai" ours
		beside "20 iterations of k-means, $rows x $features, k $k, processor time" "promoai" "scikit-learn" "$([ "$k" = 8 ] && echo "<= 1" || echo "<= 0.667")"
	done
else
	absent "scikit-learn" "python3-sklearn is not installed"
fi
rm -f "$work/rows"

columns="$(for c in 1 2 3 4 5 6 7 8; do printf ', (hashint8(i + %d00000000) & 1023)::float8 AS f%d' $c $c; done)"
many=$(pick 10000000 400000)
sql "CREATE TABLE portrait AS SELECT i AS id$columns FROM generate_series(1, $many) i" -c "VACUUM (ANALYZE, FREEZE) portrait"
sql "CREATE TABLE part AS SELECT * FROM portrait WHERE id <= $rows" -c "VACUUM (ANALYZE, FREEZE) part"
alone="SET max_parallel_workers_per_gather = 0; SET max_parallel_maintenance_workers = 0"
scan() { sql_seconds "$alone" "SELECT sum(id), sum(f1 + f2 + f3 + f4 + f5 + f6 + f7 + f8) FROM part"; }
train() { sql_seconds "$alone" "SELECT promoai.kmeans_train('bench', 'part', 64)"; }
train_workers() { sql_seconds "SET max_parallel_maintenance_workers = 2" "SELECT promoai.kmeans_train('bench', 'part', 64)"; }
say "  kmeans_train of $rows x 8 from a table, k 64, ten starts; every step included"
alternate "a plain scan" scan "kmeans_train, no workers" train "kmeans_train, two workers" train_workers

report "kmeans_train of $rows x 8, k 64, ten starts" s "${median["kmeans_train, no workers"]}" "a plain scan" "${median["a plain scan"]}" "" yardstick
report "the same with two workers" s "${median["kmeans_train, two workers"]}" "without" "${median["kmeans_train, no workers"]}" "" yardstick

# One start, as scikit-learn's n_init=1.  Each has a rule of its own for when to stop, so scikit-learn makes as many iterations as
# ours took; most of ours are made on a sample of the rows, all of its on all of them, and the inertia reached is told beside.
train_once() { sql_seconds "$alone" "SELECT promoai.kmeans_train('bench', 'part', $k, 'zscore', restarts => 1)"; }
scikit_train() { "$python" -W ignore $peer train "$work/copied" "$k" "$iterations" | tee "$work/scikit"; }
present=$("$python" -c 'import sklearn' 2>/dev/null && echo yes || true)
[ -z "$present" ] || sql "COPY (SELECT f1, f2, f3, f4, f5, f6, f7, f8 FROM part) TO STDOUT (FORMAT binary)" >"$work/copied"
for k in 8 64; do
	IFS='|' read -r iterations inertia < <(sql "$alone; SELECT iterations, metrics->>'inertia' FROM promoai.kmeans_train('bench', 'part', $k, 'zscore', restarts => 1)")
	say "  kmeans_train of $rows x 8 from a table, k $k, one start, $iterations iterations"
	contenders=("a plain scan" scan "kmeans_train" train_once)
	[ -z "$present" ] || contenders+=("scikit-learn's fit alone" scikit_train)
	alternate "${contenders[@]}"
	beside "kmeans_train of $rows x 8, k $k, one start, from the table" "kmeans_train" "scikit-learn's fit alone" "<= 1"
	report "its inertia, k $k" inertia "$inertia" "scikit-learn" "$([ -z "$present" ] || sed -n 's/inertia //p' "$work/scikit")" "<= 1.01"
done
rm -f "$work/copied"

# What a training of many rows says of itself, and what its process takes beside the server's shared buffers.
told=()
for memory in 1GB 256MB; do # the second by mini-batches
	"$(pg psql)" -XAtq -F ' ' -v memory=$memory <<-'SQL' >"$work/told" 2>/dev/null
		SET max_parallel_workers_per_gather = 0;
		SET max_parallel_maintenance_workers = 0;
		SELECT pg_backend_pid() AS pid \gset
		\setenv BACKEND :pid
		SELECT seconds, metrics->>'inertia', coalesce(batch_rows, 0), segments
		FROM promoai.kmeans_train('many' || :'memory', 'portrait', 8, memory => :'memory');
		\! awk '/VmHWM/ { all = $2 } /RssShmem/ { shared = $2 } END { print int((all - shared) / 1024), int(shared / 1024) }' /proc/$BACKEND/status
	SQL
	read -r seconds inertia batch segments <"$work/told"
	read -r own shared < <(tail -n 1 "$work/told")
	printf "  kmeans_train of %s x 8, memory => '%s': %s segments, batches of %s rows, inertia %s, %.1f s; %s MB, and %s MB of shared buffers\n" \
		"$many" $memory "$segments" "$batch" "$inertia" "$seconds" "$own" "$shared"
	report "peak of kmeans_train of $many x 8, memory => '$memory'" MB "$own" "what it may take" "$(sql "SELECT pg_size_bytes('$memory') >> 20")" "<= 1" yardstick
	told+=("$seconds" "$inertia")
done
report "kmeans_train of $many x 8 by mini-batches" s "${told[2]}" "all rows in memory" "${told[0]}" "" yardstick
report "its inertia, by mini-batches" inertia "${told[3]}" "all rows in memory" "${told[1]}" "<= 1.01" yardstick
sql "DROP TABLE portrait, part" -c "SELECT promoai.model_drop(model) FROM promoai.models WHERE model = 'bench' OR model LIKE 'many%'" >/dev/null
