#!/usr/bin/env bash
# Classifiers of texts in the server: any number of workers, memory, cancel, dump, large and strange texts, other encodings.
# shellcheck source=test/server/lib.sh
. "$(dirname "$0")/lib.sh"

start_server -c jit=off -c max_wal_size=2GB
sql "CREATE EXTENSION promoai;
	CREATE TABLE asked AS SELECT format('word%s thing%s of kind%s number %s', i % 13, i % 7, i % 40, i) AS doc, 'kind' || i % 40 AS label FROM generate_series(1, 20000) i"

# Equal bytes with and without workers, in any order of rows.
bytes() { sql "SET max_parallel_maintenance_workers = $1; SET maintenance_work_mem = '512MB'; SELECT promoai.text_classify_train('same', 'SELECT * FROM asked ORDER BY hashtext(doc || ''$1'')', holdout => 0)" >/dev/null; sql "SELECT md5(promoai.model_value('same')::text)"; }
alone=$(bytes 0)
is "$(bytes 2)" "$alone" "a team and another order of rows learn the same"

like "$(sql_error "SELECT promoai.text_classify_train('small', 'asked', memory => '1MB')")" "needs [0-9]+ [kM]B of memory, more than the allowed 1 MB" "memory is counted"
for method in svm logistic bayes fasttext; do
	sql_start "SET maintenance_work_mem = '512MB'; SET statement_timeout = 300; SELECT promoai.text_classify_train('late', 'SELECT doc || n, label FROM asked, generate_series(1, 5) n', '$method')"
	begun=$(date +%s%3N)
	wait "$session"
	took=$(($(date +%s%3N) - begun - 300))
	ok "$([ $took -lt 1000 ]; echo $?)" "$method is stopped within 1000 ms ($took, the client's start included)"
	like "$(cat "$server_dir/session.out")" "canceling statement due to statement timeout" "$method says so"
done

is "$(sql "SELECT out_of_scope FROM promoai.text_classify('same', repeat('zqzqxjxj ', 1000000))")" "t" "10 MB of nothing known"
is "$(sql "SELECT promoai.text_label('same', repeat('kind7 ', 100000))")" "kind7" "a large text"
like "$(sql_error "SELECT promoai.text_classify_train('many', 'SELECT i::text, i FROM generate_series(1, 10001) i')")" "source has 10001 classes, more than the 10000" "too many classes"
like "$(sql "SELECT (promoai.text_classify_train('rare', 'SELECT doc, label FROM asked WHERE label IN (''kind1'', ''kind2'') UNION ALL SELECT ''solitaire'', ''one''')).classes")" "^3$" "a label of one row"
is "$(sql "SELECT promoai.text_label('rare', 'solitaire')")" "one" "is learned"


# Room for n-grams is taken as they come, not for as many as there might be.
like "$(sql "SELECT documents FROM promoai.text_classify_train('many', 'SELECT * FROM asked LIMIT 1000', max_features => 100000000, memory => '64MB')")" "^1000$" "a hundred million n-grams are allowed, not taken room for"
is "$(sql "SET maintenance_work_mem = '64MB'; SELECT promoai.text_classify_train('many', 'SELECT * FROM asked LIMIT 1000', max_features => 100000000) IS NULL" -c "SELECT 1" 2>&1 | tail -1)" 1 "the server lives"

# A class all of whose rows say the same has nothing to be asked by.
is "$(sql "SELECT metrics FROM promoai.text_classify_train('twins', 'SELECT ''all of '' || l, l FROM generate_series(1, 10), generate_series(1, 300) l')")" "{}" "equal texts are held out together, also where a class has no other"
is "$(sql "SELECT n FROM promoai.model_metrics WHERE version = 1 AND model = 'twins'")" "" "there is no holdout then"

forged=$(sql "SELECT count(*) FROM (SELECT promoai.model_value('rare')::text AS v) m WHERE v IS NOT NULL")
is "$forged" 1 "a value can be written down"
like "$(sql_error "SELECT promoai.text_label((overlay(promoai.model_value('rare')::text placing 'ffff' from 3000))::promoai.model_bytes, 'x')")" "invalid or damaged model value" "a forged one is refused"

sql "INSERT INTO promoai.text_default_phrases VALUES ('nothing to say')"
like "$("$(pg pg_dump)" --data-only -t promoai.text_default_phrases --extension=promoai 2>/dev/null || true; "$(pg pg_dump)" | grep -A1 text_default_phrases)" "nothing to say" "phrases are dumped"

sql "CREATE DATABASE shop_latin1 ENCODING 'latin1' LOCALE 'C' TEMPLATE template0"
is "$(PGCLIENTENCODING=UTF8 sql "CREATE EXTENSION promoai; SELECT promoai.text_classify_train('l', \$\$SELECT w || i, w FROM unnest(ARRAY['café', 'thé']) w, generate_series(1, 20) i\$\$) IS NOT NULL; SELECT promoai.text_label('l', 'un CAFÉ')" -d shop_latin1 | tail -n 1)" "café" "a database in LATIN1"

done_testing
