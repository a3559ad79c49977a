#!/usr/bin/env bash
# k-means beside scikit-learn in float32: 20 iterations from the same centroids, one process, processor seconds (aim: no
# slower at k = 8, 1.5 times as fast at k = 64); whole trainings from a table beside a plain scan of it; the memory that ten
# million rows take (aim: 1 GB).
# shellcheck source=test/bench/lib.sh
. "$(dirname "$0")/lib.sh"

export OMP_NUM_THREADS=1 OPENBLAS_NUM_THREADS=1
rows=$(pick 1000000 100000)
work=$(mktemp -d "${TMPDIR:-/tmp}/promoai-kmeans-XXXXXX")
trap 'rm -rf "$work"' EXIT
make -s -C test/core ../../build/core/plain/bench_kmeans >/dev/null
bench=build/core/plain/bench_kmeans
peer=test/bench/peer_sklearn_kmeans.py

scikit() { /usr/bin/python3 -W ignore $peer fit "$work/rows" "$rows" "$features" "$k" 20; }
ours() { $bench "$rows" "$features" "$k" 20 "$work/rows"; }

if /usr/bin/python3 -c 'import sklearn' 2>/dev/null; then
	for shape in "8 8" "8 64" "32 8" "32 64"; do
		read -r features k <<<"$shape"
		/usr/bin/python3 $peer write "$work/rows" "$rows" "$features" "$k"
		say "  $rows x $features, k $k"
		alternate "scikit-learn" scikit "promoai" ours
	done
else
	absent "scikit-learn" "python3-sklearn is not installed"
fi
rm -f "$work/rows"

columns="$(for c in 1 2 3 4 5 6 7 8; do printf ', (hashint8(i + %d00000000) & 1023)::float8 AS f%d' $c $c; done)"
many=$(pick 10000000 1000000)
sql "CREATE TABLE portrait AS SELECT i AS id$columns FROM generate_series(1, $many) i" -c "VACUUM (ANALYZE, FREEZE) portrait"
sql "CREATE TABLE part AS SELECT * FROM portrait WHERE id <= $rows" -c "VACUUM (ANALYZE, FREEZE) part"
alone="SET max_parallel_workers_per_gather = 0; SET max_parallel_maintenance_workers = 0"
scan() { sql_seconds "$alone" "SELECT sum(id), sum(f1 + f2 + f3 + f4 + f5 + f6 + f7 + f8) FROM part"; }
train() { sql_seconds "$alone" "SELECT promoai.kmeans_train('bench', 'part', 64)"; }
train_workers() { sql_seconds "SET max_parallel_maintenance_workers = 2" "SELECT promoai.kmeans_train('bench', 'part', 64)"; }
say "  kmeans_train of $rows x 8 from a table, k 64, ten starts; every step included"
alternate "a plain scan" scan "kmeans_train, no workers" train "kmeans_train, two workers" train_workers

train_once() { sql_seconds "$alone" "SELECT promoai.kmeans_train('bench', 'part', $1, restarts => 1)"; }
train_8() { train_once 8; }
train_64() { train_once 64; }
say "  kmeans_train of $rows x 8 from a table, one start, as scikit-learn's n_init=1"
alternate "a plain scan" scan "kmeans_train, k 8" train_8 "kmeans_train, k 64" train_64

for memory in 1GB 256MB; do # the second by mini-batches
	say "  kmeans_train of $many x 8, memory => '$memory'"
	"$(pg psql)" -XAtq -v memory=$memory <<-'SQL' 2>/dev/null | sed 's/^/  /'
		SET max_parallel_workers_per_gather = 0;
		SET max_parallel_maintenance_workers = 0;
		SELECT pg_backend_pid() AS pid \gset
		\setenv BACKEND :pid
		SELECT format('%s customers, %s segments, batches of %s rows, inertia %s, %s s', customers, segments, batch_rows, metrics->>'inertia', round(seconds::numeric, 1))
		FROM promoai.kmeans_train('many' || :'memory', 'portrait', 8, memory => :'memory');
		\! awk '/VmHWM|RssShmem/ { printf "%s %d MB\n", $1, $2 / 1024 }' /proc/$BACKEND/status
	SQL
done
sql "DROP TABLE portrait, part" -c "SELECT promoai.model_drop(model) FROM promoai.models WHERE model = 'bench' OR model LIKE 'many%'" >/dev/null
