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
# Cancelled while it counts and while it learns, as the server's own clock has it; another process may be in the way, so the
# better of three tries counts.
sql "CREATE FUNCTION late(method text, after int) RETURNS float8 LANGUAGE plpgsql AS \$\$
BEGIN
	PERFORM promoai.text_classify_train('late', 'SELECT doc || n, label FROM asked, generate_series(1, 5) n', method, memory => '512MB');
	RETURN -1;
EXCEPTION WHEN query_canceled THEN
	RETURN 1000 * extract(epoch FROM clock_timestamp() - statement_timestamp()) - after;
END \$\$"
for method in svm logistic bayes complement_bayes fasttext; do
	for after in 200 700; do
		took=1000000
		for _ in 1 2 3; do
			tried=$(sql "SET statement_timeout = $after; SELECT round(late('$method', $after))")
			took=$((tried < took ? tried : took))
		done
		ok "$([ "$took" -ge 0 ] && [ "$took" -lt 100 ]; echo $?)" "$method is stopped within 100 ms, after $after ($took)"
	done
done

# Labels from workers are those of the leader.
plan="SET parallel_setup_cost = 0; SET parallel_tuple_cost = 0; SET min_parallel_table_scan_size = 0; SET max_parallel_workers_per_gather = 2"
labels="SELECT sum(hashtext(doc || promoai.text_label('same', doc) || (promoai.text_classify('same', doc)).probability)::bigint) FROM asked"
like "$(sql "$plan; EXPLAIN (ANALYZE, COSTS OFF, TIMING OFF) $labels")" "Workers Launched: [12]" "workers label"
is "$(sql "$plan; $labels")" "$(sql "SET max_parallel_workers_per_gather = 0; $labels")" "as the leader does"

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

# Forged payloads with right checksums: answered, or called damaged, or of a database with another encoding (55000).
sql "SELECT promoai.text_classify_train('scoped', 'SELECT doc, label FROM asked WHERE label IN (''kind1'', ''kind2'', ''kind3'') LIMIT 90', out_of_scope => 'kind3', char_max => 2),
	promoai.sentiment_train('mood', 'SELECT doc, CASE label WHEN ''kind1'' THEN 1 ELSE 5 END FROM asked WHERE label IN (''kind1'', ''kind2'') LIMIT 60', char_max => 2);
	CREATE TABLE forged (model text, bytes text); CREATE TABLE answered (model text, question text, state text)" >/dev/null
for model in scoped mood; do
	sql "SELECT encode(string_agg(bytes, '' ORDER BY chunk), 'hex') FROM promoai.registry_payload JOIN promoai.registry_models ON version_id = current_version WHERE model = '$model'" |
		perl test/tools/payload-forge.pl | sed "s/^/$model	/" | sql "COPY forged FROM STDIN"
done
sql "DO \$\$
DECLARE
	f record;
	head text;
	question text;
	state text;
BEGIN
	FOR f IN SELECT * FROM forged LOOP
		head := (SELECT left(promoai.model_value(f.model)::text, 34));
		FOREACH question IN ARRAY ARRAY['text_label(m, ''word1 of kind1 😀'')', 'text_classify(m, ''thing 7 of kind2'')', 'text_classify_top(m, ''word1 kind1'', 3)', 'text_explain(m, ''word1 of kind1'')', 'sentiment(m, ''word1 of kind1'')'] LOOP
			CONTINUE WHEN f.model = 'scoped' AND question LIKE 'sentiment%';
			BEGIN
				EXECUTE 'SELECT count(a::text) FROM (SELECT (\$1 || \$2)::promoai.model_bytes AS m) v, promoai.' || question || ' a' USING head, f.bytes;
				state := '00000';
			EXCEPTION WHEN OTHERS THEN
				state := SQLSTATE;
			END;
			INSERT INTO answered VALUES (f.model, question, state);
		END LOOP;
	END LOOP;
END \$\$"
ok $? "the server lives"
sql "SELECT state, count(*), count(DISTINCT model) FROM answered GROUP BY 1 ORDER BY 1" | while read -r line; do diag "$line"; done
ok "$(sql "SELECT (count(*) < 4 * (SELECT count(*) FROM forged) OR count(*) < 500)::int FROM answered")" "every question was asked ($(sql "SELECT count(*) FROM answered"))"
is "$(sql "SELECT string_agg(DISTINCT model || ' ' || question || ' ' || state, ', ') FROM answered WHERE state NOT IN ('00000', 'XX001', '22P03', '55000')")" "" "what is not answered is called damaged"
is "$(sql "SELECT count(*) FROM (SELECT model FROM answered GROUP BY 1 HAVING bool_or(state = '00000') AND bool_or(state IN ('XX001', '22P03'))) both_ways")" 2 "of either kind some are, and some are not"

sql "INSERT INTO promoai.text_default_phrases VALUES ('nothing to say')"
like "$("$(pg pg_dump)" --data-only -t promoai.text_default_phrases --extension=promoai 2>/dev/null || true; "$(pg pg_dump)" | grep -A1 text_default_phrases)" "nothing to say" "phrases are dumped"

sql "CREATE DATABASE shop_latin1 ENCODING 'latin1' LOCALE 'C' TEMPLATE template0"
is "$(PGCLIENTENCODING=UTF8 sql "CREATE EXTENSION promoai; SELECT promoai.text_classify_train('l', \$\$SELECT w || i, w FROM unnest(ARRAY['café', 'thé']) w, generate_series(1, 20) i\$\$) IS NOT NULL; SELECT promoai.text_label('l', 'un CAFÉ')" -d shop_latin1 | tail -n 1)" "café" "a database in LATIN1"

done_testing
