#!/usr/bin/env bash
# Classifiers of texts beside scikit-learn's LinearSVC (vectorizers included; aim: no slower) and fastText's own (aim: no slower),
# on Banking77; labels a second and process (aim: 20,000).  Ours read the table and write the model, theirs have the texts in memory.
# shellcheck source=test/bench/lib.sh
. "$(dirname "$0")/lib.sh"

work=$(mktemp -d "${TMPDIR:-/tmp}/promoai-classify-XXXXXX")
trap 'rm -rf "$work"' EXIT
for part in train test; do
	sql "DROP TABLE IF EXISTS bank_$part; CREATE TABLE bank_$part (doc text, label text)"
	xz -dc "test/data/banking77/$part.csv.xz" | sql "\copy bank_$part FROM STDIN CSV HEADER"
	[ -z "${BENCH_QUICK:-}" ] || sql "DELETE FROM bank_$part WHERE hashtext(doc) & 3 <> 0"
	sql "\copy bank_$part TO '$work/$part.csv' CSV"
done
questions=$(sql "SELECT count(*) FROM bank_train")
asked=$(sql "SELECT count(*) FROM bank_test")

settings="SET maintenance_work_mem = '1GB'; SET client_min_messages = warning"
train() { sql_seconds "$settings; SET max_parallel_maintenance_workers = ${2-1}" "SELECT promoai.text_classify_train('bank_$1', 'bank_train', '$1', holdout => 0)"; }
peer() { /usr/bin/python3 test/bench/peer_classify.py "$1" "$work/train.csv" "$work/test.csv"; }
ours_svm() { train svm; }
ours_svm_alone() { train svm 0; }
ours_fasttext() { train fasttext; }
peer_svm() { peer sklearn; }
peer_fasttext() { peer fasttext; }

if /usr/bin/python3 -c 'import sklearn' 2>/dev/null; then
	alternate "scikit-learn" peer_svm "promoai, one process" ours_svm_alone "promoai, two processes" ours_svm
	beside "svm on Banking77, $questions questions of 77 intents, one process" "promoai, one process" "scikit-learn" "<= 1"
	report "the same in two processes" s "${median["promoai, two processes"]}" "one process" "${median["promoai, one process"]}" "" yardstick
else
	absent "scikit-learn" "python3-sklearn is not installed"
fi
if command -v fasttext >/dev/null; then
	alternate "fastText, 2 threads" peer_fasttext "promoai" ours_fasttext
	beside "fasttext on Banking77, 50 epochs of pairs of words" promoai "fastText, 2 threads" "<= 1"
else
	absent "fastText" "fasttext is not installed"
fi
for method in svm logistic bayes complement_bayes fasttext; do
	train $method >/dev/null
	printf '  %-40s accuracy %s\n' "$method" "$(sql "SELECT round(value::numeric, 4) FROM promoai.evaluate('bank_$method', 'bank_test') WHERE metric = 'accuracy'")"
done
alternate "svm" ours_svm "logistic" "train logistic"
beside "logistic on Banking77" logistic svm "" yardstick

# Of one process, the scan of the questions included.
repeats=$(pick 10 8)
label() { sql_seconds "SET jit = off; SET max_parallel_workers_per_gather = 0" "SELECT count(promoai.text_label('bank_svm', doc)) FROM bank_test, generate_series(1, $repeats)"; }
alternate "text_label" label
report "text_label of Banking77's questions, one process" "questions/s" "$(awk -v n="$((asked * repeats))" -v s="${median["text_label"]}" 'BEGIN { printf "%.0f", n / s }')" "what it must reach" 20000 ">= 1" yardstick
sql "DROP TABLE bank_train, bank_test" -c "SELECT promoai.model_drop(model) FROM promoai.models WHERE model LIKE 'bank\\_%'" >/dev/null
