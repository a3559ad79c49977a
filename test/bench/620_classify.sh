#!/usr/bin/env bash
# Classifiers of texts beside scikit-learn's LinearSVC (vectorizers included) and fastText's own, on Banking77; labels a second.
# The data is read from CLASSIFY_DATA, a folder with banking77/train.csv.xz and test.csv.xz.
# shellcheck source=test/bench/lib.sh
. "$(dirname "$0")/lib.sh"

data=${CLASSIFY_DATA:-test/data}
if [ ! -r "$data/banking77/train.csv.xz" ]; then
	absent "Banking77" "set CLASSIFY_DATA to the folder that has banking77/"
	exit 0
fi
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
for part in train test; do
	xz -dc "$data/banking77/$part.csv.xz" | tail -n +2 >"$work/$part.csv"
	sql "DROP TABLE IF EXISTS bank_$part; CREATE TABLE bank_$part (doc text, label text)"
	sql "\copy bank_$part FROM '$work/$part.csv' CSV"
done

settings="SET maintenance_work_mem = '1GB'; SET max_parallel_maintenance_workers = 1; SET client_min_messages = warning"
train() { sql_seconds "$settings" "SELECT promoai.text_classify_train('bank_$1', 'bank_train', '$1', holdout => 0)"; }
peer() { /usr/bin/python3 test/bench/peer_classify.py "$1" "$work/train.csv" "$work/test.csv"; }
ours_svm() { train svm; }
ours_fasttext() { train fasttext; }
peer_svm() { peer sklearn; }
peer_fasttext() { peer fasttext; }

if /usr/bin/python3 -c 'import sklearn' 2>/dev/null; then
	alternate "scikit-learn, TF-IDF and LinearSVC" peer_svm "text_classify_train, svm" ours_svm
else
	absent "scikit-learn" "python3-sklearn"
fi
if command -v fasttext >/dev/null; then
	alternate "fastText supervised, 50 epochs, 2 threads" peer_fasttext "text_classify_train, fasttext" ours_fasttext
else
	absent "fastText" "fasttext"
fi
for method in svm fasttext; do
	train $method >/dev/null
	printf '  %-40s accuracy %s\n' "$method" "$(sql "SELECT round(value::numeric, 4) FROM promoai.evaluate('bank_$method', 'bank_test') WHERE metric = 'accuracy'")"
done
label() { sql_seconds "SET jit = off; SET max_parallel_workers_per_gather = 0" "SELECT count(promoai.text_label('bank_svm', doc)) FROM bank_test, generate_series(1, $(pick 5 1))"; }
alternate "text_label, $((3080 * $(pick 5 1))) questions" label
