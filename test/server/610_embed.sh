#!/usr/bin/env bash
# Word vectors in a server: any number of workers, cancel, a killed training, memory that is counted, forged payloads.
# shellcheck source=test/server/lib.sh
. "$(dirname "$0")/lib.sh"

start_server -c max_parallel_maintenance_workers=2 -c max_worker_processes=8 -c maintenance_work_mem=256MB
sql "CREATE EXTENSION promoai" -c "CREATE TABLE texts AS
	SELECT i, (SELECT string_agg('w' || (abs(hashint8(i * 31 + j)) % (1 + abs(hashint8(i + j * 7)) % 2000)), ' ') FROM generate_series(1, 12) j) AS doc
	FROM generate_series(1, 20000) i" >/dev/null

train="SELECT words FROM promoai.embed_train('shop', 'SELECT doc FROM texts', dim => 50, epochs => 2"
digest="SELECT md5(string_agg(promoai.embed_text('shop', doc)::text, '' ORDER BY i)) FROM texts WHERE i <= 200"

# ---- the same at any number of workers ----

for method in skipgram cbow glove; do
	sql "SET max_parallel_maintenance_workers = 0; $train, method => '$method')" >/dev/null
	alone=$(sql "$digest")
	isnt "$alone" "" "$method learns"
	for workers in 1 2; do
		sql "SET max_parallel_maintenance_workers = $workers; $train, method => '$method')" >/dev/null
		is "$(sql "$digest")" "$alone" "$method: the same vectors with $workers workers"
	done
	sql "SELECT words FROM promoai.embed_train('team', 'SELECT doc FROM texts', dim => 50, epochs => 2, method => '$method', deterministic => false)" >/dev/null
	is "$(sql "SELECT count(*) FROM promoai.embed_similar_words('team', 'w1', 200)")" 200 "$method: workers may learn at the same time"
done

# ---- cancel, and a backend that dies ----

sql "$train)" >/dev/null
before=$(sql "$digest")
for method in skipgram cbow glove; do
	for after in 300 900; do
		begun=$(date +%s%3N)
		like "$(sql_error "SET statement_timeout = $after; SELECT promoai.embed_train('shop', 'SELECT doc FROM texts', dim => 200, epochs => 1000, method => '$method')")" \
			"canceling statement due to statement timeout" "$method is stopped after $after ms"
		took=$(($(date +%s%3N) - begun - after))
		ok "$([ $took -lt 1000 ]; echo $?)" "within a second ($took ms, the client's start included)"
	done
done
like "$(sql_error "SET promoai.test_action = 'kill'; SET promoai.test_point = 'solving'; $train)")" \
	"closed the connection|connection to server was lost" "killed while it learns"
sleep 0.2
wait_for "SELECT 1" 1
is "$(sql "$digest")" "$before" "the published version answers as before"
is "$(sql "$train)" | wc -l)" 1 "and a new training works"

# ---- memory ----

like "$(sql_error "$train, memory => '2MB')")" "needs [0-9]+ MB of memory, more than the allowed 2 MB" "texts are counted while they are read"
like "$(sql_error "SELECT promoai.embed_train('shop', 'SELECT doc FROM texts', dim => 2000, memory => '20MB')")" \
	"training needs [0-9]+ MB of memory, more than the allowed 20 MB" "vectors before they are made"
like "$(sql_error "SELECT promoai.embed_import('big', 'SELECT i::text, array_fill(1::real, ARRAY[1000]) FROM generate_series(1, 10000) i', memory => '5MB')")" \
	"needs [0-9]+ MB of memory" "imported vectors too"

# ---- forged payloads ----

sql "SELECT promoai.embed_train('small', 'SELECT doc FROM texts LIMIT 300', dim => 4, buckets => 1000, min_count => 3)" >/dev/null
sql "CREATE TABLE forged (bytes text)"
sql "SELECT encode(string_agg(bytes, '' ORDER BY chunk), 'hex') FROM promoai.registry_payload JOIN promoai.registry_models ON version_id = current_version WHERE model = 'small'" |
	perl test/tools/payload-forge.pl | sql "COPY forged FROM STDIN"
sql "CREATE TABLE answered (state text)" -c "DO \$\$
DECLARE f record; call text; state text;
BEGIN
	FOR f IN SELECT * FROM forged LOOP
		FOREACH call IN ARRAY ARRAY['embed_text(m, ''w1 w2 w77 zzz'')', 'embed_word(m, ''w99x'')', '(SELECT count(*) FROM promoai.embed_similar_words(m, ''w1'', 5))', '(SELECT count(*) FROM promoai.embed_analogy(m, ''w1'', ''w2'', ''w3'', 5))'] LOOP
			BEGIN
				EXECUTE format('SELECT %s FROM (SELECT (''\x656d626564'' || repeat(''00'', 11) || \$1)::promoai.model_bytes AS m) v',
					CASE WHEN call LIKE '(%' THEN call ELSE 'promoai.' || call END) USING f.bytes;
				state := 'answered';
			EXCEPTION WHEN OTHERS THEN
				state := SQLSTATE;
			END;
			INSERT INTO answered VALUES (state);
		END LOOP;
	END LOOP;
END \$\$" 2>/dev/null
is "$(sql "CREATE FUNCTION ask(forged text) RETURNS SETOF text LANGUAGE plpgsql AS \$\$
	BEGIN
		RETURN QUERY EXECUTE 'SELECT similar_word FROM promoai.embed_similar_words((''\x656d626564'' || repeat(''00'', 11) || \$1)::promoai.model_bytes, ''w1'', 500)' USING forged;
	EXCEPTION WHEN OTHERS THEN
		NULL;
	END \$\$;
	SELECT count(*) FILTER (WHERE word !~ '^w[0-9]+\$'), count(*) > 0 FROM forged, ask(bytes) AS word")" "0|t" "what is no text is not given as text"
is "$(sql "SELECT count(*) FROM answered WHERE state = 'XX000'")" 0 "no forged payload ends in an internal error"
ok "$(sql "SELECT (count(*) < 4 * (SELECT count(*) FROM forged) OR count(*) < 200)::int FROM answered")" "every question was asked ($(sql "SELECT count(*) FROM answered"))"

done_testing
