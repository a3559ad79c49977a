-- run as: postgres promoai_tester
-- Word vectors: what training, import and serving answer, and what is decided where arguments and data are odd.
\set QUIET on
BEGIN;
SELECT plan(78);
CREATE TEMP TABLE texts AS
SELECT i, CASE i % 2 WHEN 0 THEN a[1 + i % 5] || ' ' || a[1 + i / 5 % 5] || ' ' || a[1 + i / 25 % 5] || ' in the kitchen'
	ELSE b[1 + i % 5] || ' ' || b[1 + i / 5 % 5] || ' ' || b[1 + i / 25 % 5] || ' in the garden' END AS doc,
	CASE i % 2 WHEN 0 THEN 'kitchen' ELSE 'garden' END AS label
FROM generate_series(1, 1500) i,
	(SELECT ARRAY['teapot', 'kettle', 'saucer', 'spoon', 'whisk'] AS a, ARRAY['spade', 'rake', 'hose', 'flower', 'seeds'] AS b) w;

CREATE TEMP TABLE report AS SELECT * FROM promoai.embed_train('shop', 'SELECT doc FROM texts', dim => 20, epochs => 10);
SELECT results_eq('SELECT model, version, kind, rows_read, rows_skipped, documents, tokens, words, dim FROM report',
	$$VALUES ('shop', 1, 'embed', 1500::bigint, 0::bigint, 1500::bigint, 9000::bigint, 14::bigint, 20)$$, 'the report');
SELECT ok((SELECT subwords > 50 FROM report), 'words have n-grams');
SELECT ok((SELECT (metrics->>'loss')::float8 BETWEEN 0 AND 4.2 AND (metrics->>'coverage')::float8 = 1 FROM report), 'metrics');
SELECT is((SELECT count(*) FROM promoai.model_metrics WHERE model = 'shop'), 2::bigint, 'metrics are stored');
SELECT is(array_length(promoai.embed_word('shop', 'teapot'), 1), 20, 'a word has a vector');
SELECT is(promoai.embed_word('shop', 'Teapot'), promoai.embed_word('shop', 'teapot'), 'however it is written');
SELECT isnt(promoai.embed_word('shop', 'teapots'), NULL, 'an unknown word has one by its n-grams');
SELECT is(promoai.embed_word('shop', '茶'), NULL, 'one that shares none has none');
SELECT is(promoai.embed_word('shop', ''), NULL, 'nor has an empty one');
SELECT is(promoai.embed_word('shop', NULL), NULL, 'nor NULL');
SELECT is((SELECT count(*) FROM promoai.embed_similar_words('shop', 'teapot', 4)
	WHERE similar_word IN ('kettle', 'saucer', 'spoon', 'whisk', 'kitchen')), 4::bigint, 'words of one subject are near each other');
SELECT is((SELECT count(*) FROM promoai.embed_similar_words('shop', 'teapot', 1000)), 13::bigint, 'all words but itself');
SELECT ok((SELECT bool_and(similarity BETWEEN -1 AND 1) FROM promoai.embed_similar_words('shop', 'teapot', 1000)), 'by cosine');
SELECT is_empty($$SELECT * FROM promoai.embed_similar_words('shop', '茶')$$, 'no row for a word without vector');
SELECT is_empty($$SELECT * FROM promoai.embed_similar_words('shop', NULL)$$, 'nor for NULL');
SELECT is((SELECT count(*) FROM promoai.embed_analogy('shop', 'teapot', 'kitchen', 'spade', 3)), 3::bigint, 'an analogy has k answers');
SELECT is_empty($$SELECT * FROM promoai.embed_analogy('shop', 'teapot', 'kitchen', 'spade', 20) WHERE word IN ('teapot', 'kitchen', 'spade')$$,
	'none of which was asked');
SELECT is_empty($$SELECT * FROM promoai.embed_analogy('shop', 'teapot', NULL, 'spade')$$, 'none of NULL');
SELECT is(array_length(promoai.embed_text('shop', 'A kettle and a spoon'), 1), 20, 'a text has a vector');
SELECT is(promoai.embed_text('shop', ''), NULL, 'an empty one has none');
SELECT is(promoai.embed_text('shop', '!!! 😀 ...'), NULL, 'nor punctuation');
SELECT is(promoai.embed_text('shop', NULL), NULL, 'nor NULL');
SELECT is(array_length(promoai.embed_text('shop', repeat('kettle ', 100000)), 1), 20, 'a long one has one');
SELECT is(promoai.embed_text(promoai.model_value('shop'), 'kettle spoon'), promoai.embed_text('shop', 'kettle spoon'), 'so has one from a value');
SELECT is(promoai.embed_word(promoai.model_value('shop'), 'spoon'), promoai.embed_word('shop', 'spoon'), 'and a word');
SELECT results_eq($$SELECT * FROM promoai.embed_similar_words(promoai.model_value('shop'), 'spoon', 3)$$,
	$$SELECT * FROM promoai.embed_similar_words('shop', 'spoon', 3)$$, 'similar words from a value');
SELECT results_eq($$SELECT * FROM promoai.embed_analogy(promoai.model_value('shop'), 'spoon', 'rake', 'hose', 3)$$,
	$$SELECT * FROM promoai.embed_analogy('shop', 'spoon', 'rake', 'hose', 3)$$, 'analogies from a value');

-- the same texts in another order, and again
SELECT lives_ok($$SELECT promoai.embed_train('again', 'SELECT doc FROM texts ORDER BY random()', dim => 20, epochs => 10)$$, 'rows in another order');
SELECT is(promoai.embed_text('again', 'rake and hose'), promoai.embed_text('shop', 'rake and hose'), 'learn the same vectors');
SELECT lives_ok($$SELECT promoai.embed_train('again', 'SELECT doc FROM texts', dim => 20, epochs => 10, seed => 1)$$, 'another seed');
SELECT isnt(promoai.embed_text('again', 'rake and hose'), promoai.embed_text('shop', 'rake and hose'), 'learns others');
SELECT is(promoai.embed_text('again', 'rake and hose', 1), promoai.embed_text('shop', 'rake and hose'), 'an older version answers too');
SELECT lives_ok($$SELECT promoai.retrain('shop')$$, 'retrained');
SELECT is(promoai.embed_text('shop', 'rake and hose', 1), promoai.embed_text('shop', 'rake and hose'), 'to the same vectors');
SELECT is(promoai.model_prune('shop', 1), 1, 'pruned');

-- the other methods
SELECT lives_ok($$SELECT promoai.embed_train('cbow', 'SELECT doc FROM texts', method => 'cbow', subwords => false, dim => 20)$$, 'cbow');
SELECT is(promoai.embed_word('cbow', 'teapots'), NULL, 'without n-grams unknown words have no vector');
SELECT lives_ok($$SELECT promoai.embed_train('glove', 'SELECT doc FROM texts', method => 'glove', dim => 20)$$, 'glove');
SELECT is((SELECT count(*) FROM promoai.embed_similar_words('glove', 'teapot', 4)), 4::bigint, 'answers as well');

-- evaluation
SELECT ok((SELECT value > 0.95 FROM promoai.evaluate('shop', 'SELECT doc, label FROM texts', k => 5) WHERE metric = 'knn_accuracy@5'),
	'neighbours tell the labels');
SELECT results_eq($$SELECT metric FROM promoai.evaluate('shop', 'SELECT doc FROM texts', k => 5)$$,
	$$VALUES ('coverage'), ('halves_found@5')$$, 'without labels halves are judged');
SELECT throws_ok($$SELECT * FROM promoai.evaluate('shop', 'SELECT doc FROM texts', history => 'texts')$$, '22023', NULL, 'there is no history');

-- import
CREATE TEMP TABLE published (word text, vector real[], count bigint);
INSERT INTO published VALUES ('tea', '{1,0,0}', 10), ('coffee', '{0.9,0.1,0}', 5), ('rake', '{0,0,1}', 1), ('Oolong', '{0.8,0,0.1}', 1), (NULL, '{1,1,1}', 1);
SELECT results_eq($$SELECT rows_read, rows_skipped, documents, words, dim FROM promoai.embed_import('mine', 'SELECT word, vector FROM published')$$,
	$$VALUES (5::bigint, 1::bigint, NULL::bigint, 4::bigint, 3)$$, 'an import');
SELECT is(promoai.embed_word('mine', 'Oolong'), '{0.8,0,0.1}'::real[], 'words stand as they came');
SELECT is((SELECT similar_word FROM promoai.embed_similar_words('mine', 'tea', 1)), 'coffee', 'and are compared');
SELECT is(promoai.embed_text('mine', 'tea rake'), '{0.5,0,0.5}'::real[], 'without counts a text is the mean of its words');
SELECT lives_ok($$SELECT promoai.embed_import('mine', 'published')$$, 'with counts');
SELECT ok((SELECT v[3] > v[1] FROM promoai.embed_text('mine', 'tea rake') v), 'rare words weigh more');
SELECT lives_ok($$SELECT promoai.retrain('mine')$$, 'imported again');
SELECT throws_ok($$SELECT promoai.embed_import('bad', $q$SELECT w, '{1,2}'::real[] FROM unnest(ARRAY['a','a']) w$q$)$$, '21000', NULL, 'a word twice');
SELECT throws_ok($$SELECT promoai.embed_import('bad', $q$VALUES ('a', '{1,2}'::real[]), ('b', '{1}')$q$)$$, '2202E', NULL, 'ragged vectors');
SELECT throws_ok($$SELECT promoai.embed_import('bad', $q$VALUES ('a', '{1,NaN}'::real[])$q$)$$, '22003', NULL, 'a NaN');
SELECT throws_ok($$SELECT promoai.embed_import('bad', $q$VALUES ('a', '{}'::real[])$q$)$$, '2202E', NULL, 'an empty vector');

-- bad arguments and sources
SELECT throws_ok($$SELECT promoai.embed_train('bad', 'SELECT doc FROM texts', min_n => 5, max_n => 3)$$, '22023', NULL, 'max_n below min_n');
SELECT throws_ok(format($$SELECT promoai.embed_train('bad', 'SELECT doc FROM texts', method => 'glove', %s)$$, given), '22023',
	format('argument "%s" makes no sense with method => ''glove''', split_part(given, ' ', 1)), given || ' with glove')
FROM unnest(ARRAY['negatives => 5', 'subwords => true', 'subwords => false', 'min_n => 3', 'max_n => 6', 'buckets => 1000', 'sample => 0']) given;
SELECT throws_ok(format($$SELECT promoai.embed_train('bad', 'SELECT doc FROM texts', method => %L, x_max => 10)$$, method), '22023',
	format('argument "x_max" makes no sense with method => %L', method), 'x_max with ' || method)
FROM unnest(ARRAY['skipgram', 'cbow']) method;
SELECT throws_ok(format($$SELECT promoai.embed_train('bad', 'SELECT doc FROM texts', subwords => false, %s)$$, given), '22023',
	format('argument "%s" makes no sense with subwords => false', split_part(given, ' ', 1)), given || ' without subwords')
FROM unnest(ARRAY['min_n => 3', 'max_n => 6', 'buckets => 1000']) given;
SELECT is((SELECT arguments - ARRAY['dim', 'window_size', 'epochs', 'min_count', 'max_words', 'learning_rate', 'stop_words', 'deterministic', 'seed'] FROM promoai.models WHERE model = m), wanted::jsonb,
	'the definition of ' || m || ' has its method''s arguments')
FROM (VALUES ('glove', '{"method": "glove", "x_max": 100}'),
	('cbow', '{"method": "cbow", "negatives": 5, "sample": 0.001, "subwords": false}'),
	('shop', '{"method": "skipgram", "negatives": 5, "sample": 0.001, "subwords": true, "min_n": 3, "max_n": 6, "buckets": 2000000}')) v(m, wanted);
SELECT lives_ok($$SELECT promoai.retrain('glove'), promoai.retrain('cbow')$$, 'by which they are trained again');
SELECT throws_ok($$SELECT promoai.embed_train('bad', 'SELECT doc FROM texts', method => 'magic')$$, '22023', NULL, 'an unknown method');
SELECT throws_ok($$SELECT promoai.embed_train('bad', 'SELECT doc FROM texts', min_count => 100000)$$, '22023',
	'source has fewer than two words that came at least 100000 times', 'no word is left');
SELECT throws_ok($$SELECT promoai.embed_train('bad', 'SELECT i FROM texts')$$, '42804', NULL, 'no text');
SELECT throws_ok($$SELECT promoai.embed_train('bad', 'SELECT doc FROM texts', dim => 2000, memory => '1MB')$$, '53400', NULL, 'too little memory');
DO $$
DECLARE
	hint text;
BEGIN
	PERFORM promoai.embed_train('bad', 'SELECT doc FROM texts', dim => 5, epochs => 5, learning_rate => 10);
EXCEPTION WHEN numeric_value_out_of_range THEN
	GET STACKED DIAGNOSTICS hint = PG_EXCEPTION_HINT;
	PERFORM set_config('tap.hint', hint, true);
END $$;
SELECT is(current_setting('tap.hint', true), 'Lower learning_rate.', 'numbers that grow out of range say what to lower');
-- Rows of one text and several labels, in whatever order.
SELECT promoai.embed_import('places', $$VALUES ('a', '{1,0}'::real[]), ('b', '{0,1}'), ('c', '{1,1}'), ('d', '{-1,0}'), ('e', '{0,-1}')$$);
CREATE TEMP TABLE twins AS SELECT chr(97 + i % 5) AS doc, 'label ' || i % 3 AS label, i FROM generate_series(1, 60) i;
SELECT is((SELECT value FROM promoai.evaluate('places', format('SELECT doc, label FROM pg_temp.twins ORDER BY %s', o), k => k) WHERE metric LIKE 'knn%'),
	(SELECT value FROM promoai.evaluate('places', 'SELECT doc, label FROM pg_temp.twins ORDER BY i', k => k) WHERE metric LIKE 'knn%'), format('no order of rows counts, %s nearest, %s', k, o))
FROM (VALUES (1, 'i DESC'), (5, 'label, doc'), (3, 'md5(i::text)')) v(k, o);
SELECT * FROM finish();
ROLLBACK;
