-- run as: postgres promoai_tester
-- Embeddings without training, their cosine and mean; keywords.  test/core/test_text.c holds the values of embeddings.
\set QUIET on
BEGIN;
SELECT plan(49);

SELECT is(array_length(promoai.embed_text('red mug'), 1), 256, '256 numbers');
SELECT is(md5(promoai.embed_text('WHITE HANGING HEART T-LIGHT HOLDER 很好吃')::text), '093952afe2b55e7005f6f87f1a810876', 'the same for ever');
SELECT is(promoai.embed_text(t), array_fill(0::real, '{256}'), format('nothing for %L', t)) FROM unnest('{"","!!! ...","👍"}'::text[]) t;
SELECT is(promoai.embed_text(NULL), NULL, 'NULL');
SELECT ok(promoai.embed_similarity(promoai.embed_text(a), promoai.embed_text(b)) BETWEEN low AND high, format('%s, %s', a, b))
FROM (VALUES ('RED RETROSPOT MUG', 'mug, Ｒｅｄ retrospot', 0.9, 1), ('RED RETROSPOT MUG', 'RED RETROSPOT MUGS', 0.85, 1), ('RED RETROSPOT MUG', 'GARDEN CHAIR', -0.3, 0.3),
	('送餐很快，很好吃', '送餐快，好吃', 0.6, 1), ('送餐很快', '味道一般', -0.3, 0.4)) t(a, b, low, high);

SELECT is(round(promoai.embed_similarity('{1,0}'::real[], '{1,1}')::numeric, 12), 0.707106781187, 'cosine');
SELECT is(round(promoai.embed_similarity('{1e308,0}'::float8[], '{1e308,1e308}')::numeric, 12), 0.707106781187, 'no overflow');
SELECT is(promoai.embed_similarity('{1e-320}'::float8[], '{4}'), 1::float8, 'no underflow');
SELECT is(promoai.embed_similarity('{3e38,-3e38}'::real[], '{-3e38,3e38}'), -1::float8, 'opposite');
SELECT is(promoai.embed_similarity('{0,0}'::real[], '{1,1}'), NULL, 'a vector without direction');
SELECT is(promoai.embed_similarity('{}'::real[], '{}'::real[]), NULL, 'vectors without elements');
SELECT throws_ok(format('SELECT promoai.embed_similarity(%L::real[], %L::real[])', a, b), code, message)
FROM (VALUES ('{1,2}', '{1}', '22023', 'vectors must have the same length, got 2 and 1'), ('{1,NULL}', '{1,2}', '22004', 'argument "a" must not have a null element'),
	('{1}', '{NaN}', '22003', 'argument "b" must be finite, element 1 is NaN'), ('{{1}}', '{1}', '2202E', 'argument "a" must have one dimension, got 2')) t(a, b, code, message);

-- The mean.
SELECT is((SELECT promoai.embed_average(v) FROM (VALUES ('{1,2}'::real[]), (NULL), ('{3,4}')) t(v)), '{2,3}', 'a mean; a NULL is left out');
SELECT is((SELECT promoai.embed_average(v) FROM (VALUES (NULL::real[])) t(v)), NULL, 'of nothing');
SELECT is((SELECT promoai.embed_average('{}'::real[])), '{}', 'of vectors without elements');
SELECT is((SELECT promoai.embed_average('{3e38}'::real[]) FROM generate_series(1, 1000)), '{3e38}', 'sums do not overflow');
SELECT throws_ok($$SELECT promoai.embed_average(v) FROM (VALUES ('{1,2}'::real[]), ('{1}')) t(v)$$, '22023', 'vectors must have the same length, got 1 after 2');
SELECT throws_ok($$SELECT promoai.embed_average('{1,Infinity}'::real[])$$, '22003', 'argument "vector" must be finite, element 2 is infinity');
SELECT throws_ok(format('SELECT %L::promoai.embed_average_state', state), code)
FROM (VALUES ('zz', '22P02'), ('00', '22P03'), ('0002' || '00000000' || '0000000000000001', '22P03'), ('0001' || '00000001' || '0000000000000001', '22P03'),
	('0001' || '00000000' || '0000000000000000', '22P03'), ('0001' || '00000001' || '0000000000000001' || '7ff0000000000000', '22P03'),
	('0001' || 'ffffffff' || '0000000000000001', '22P03')) t(state, code);

-- Partial sums, in parallel and carried through text, add up to the whole.
CREATE TABLE promoai_test_vectors AS SELECT i, promoai.embed_text('title ' || i) AS v FROM generate_series(1, 2000) i;
SET LOCAL parallel_setup_cost = 0;
SET LOCAL parallel_tuple_cost = 0;
SET LOCAL min_parallel_table_scan_size = 0;
ALTER TABLE promoai_test_vectors SET (parallel_workers = 2);
CREATE FUNCTION pg_temp.uses_workers(query text) RETURNS boolean LANGUAGE plpgsql AS $$
DECLARE line text;
BEGIN
	FOR line IN EXECUTE 'EXPLAIN ' || query LOOP IF line ~ 'Partial Aggregate' THEN RETURN true; END IF; END LOOP;
	RETURN false;
END $$;
SELECT ok(pg_temp.uses_workers('SELECT promoai.embed_average(v) FROM promoai_test_vectors'), 'its plans are parallel');
SELECT ok(max(abs(a - b)) < 1e-7, 'parts add up to the whole')
FROM (SELECT unnest((SELECT promoai.embed_average(v) FROM promoai_test_vectors)) a, unnest((SELECT promoai.embed_average(v ORDER BY i DESC) FROM promoai_test_vectors)) b) s;
SELECT is(promoai.embed_average_final(promoai.embed_average_combine(promoai.embed_average_add(NULL, '{1,5}')::text::promoai.embed_average_state,
	promoai.embed_average_add(promoai.embed_average_add(NULL, '{4,5}'), '{4,5}'))), '{3,5}', 'two states as one');

-- Keywords: the figures of test/reference/text.py.
CREATE TEMP TABLE reviews (product int, review text);
INSERT INTO reviews VALUES (1, 'red mug dots red mug large handle mug'), (2, 'blue bag large dots bag mug'), (3, 'garden chair wood garden table wood');
SELECT is((SELECT string_agg(word || ' ' || round(score::numeric, 6), ', ' ORDER BY group_no, rank) FROM promoai.text_group_keywords('SELECT * FROM pg_temp.reviews', k => 2) WHERE group_no IN (1, 2)),
	'mug 0.676862, red 0.593328, bag 0.770646, blue 0.385323', 'TF-IDF as scikit-learn''s');
SELECT throws_ok($$SELECT * FROM promoai.text_group_keywords('SELECT * FROM pg_temp.reviews', window_size => 3)$$, '22023', 'argument "window_size" makes no sense with method => ''tfidf''', 'a window for tfidf');
SELECT results_eq($$SELECT * FROM promoai.text_group_keywords('SELECT * FROM pg_temp.reviews', 'textrank')$$, $$SELECT * FROM promoai.text_group_keywords('SELECT * FROM pg_temp.reviews', 'textrank', window_size => 2)$$, 'two words by default');
SELECT is((SELECT string_agg(word || ' ' || round(score::numeric, 6), ', ' ORDER BY rank) FROM promoai.text_group_keywords('SELECT * FROM pg_temp.reviews', 'textrank', k => 3, window_size => 3) WHERE group_no = 1),
	'mug 0.331902, red 0.224566, large 0.160428', 'TextRank as PageRank in NumPy');
SELECT results_eq($$SELECT word, round(score::numeric, 6) FROM reviews, promoai.text_keywords(review, 2) WHERE product = 2$$,
	$$VALUES ('bag'::text, 0.386138), ('dots', 0.194877)$$, 'of one document; of equal words the first by count and letters');
SELECT is((SELECT string_agg(word, ' ' ORDER BY rank) FROM promoai.text_keywords('running shoes and mugs', tokenizer => 'pg_catalog.english')), 'shoe mug run', 'a text search configuration has stop words of its own');
SELECT is((SELECT string_agg(word, ' ' ORDER BY word) FROM promoai.text_group_keywords($$VALUES (1, 'the running mug')$$, tokenizer => 'pg_catalog.english')), 'mug run', 'of groups, too');
SELECT throws_ok($$SELECT promoai.text_keywords('a', tokenizer => 'pg_catalog.english', stop_words => true)$$, '22023', NULL, 'which cannot be asked for beside them');
SELECT is_empty($$SELECT * FROM promoai.text_keywords('of the')$$, 'no words, no rows');
SELECT throws_ok($$SELECT promoai.text_keywords('a', 0)$$, '22023');
SELECT throws_ok($$SELECT promoai.text_group_keywords('SELECT * FROM pg_temp.reviews', 'best')$$, '22023');
SELECT throws_ok($$SELECT promoai.text_group_keywords('SELECT 1, 2')$$, '42804');
SELECT * FROM finish();
ROLLBACK;
