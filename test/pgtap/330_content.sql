-- Models of attributes: against scikit-learn (test/reference/content.py), what columns are taken for, customers, factors, errors.
\set QUIET on
SET client_min_messages = warning;
CREATE TEMP TABLE reference (scope text, item text, other text, cosine float8);
CREATE TEMP TABLE read_in (item text, other text, cosine float8);
\copy read_in FROM PROGRAM '/usr/bin/python3 test/reference/content.py small 2>/dev/null || true' WITH (FORMAT csv)
INSERT INTO reference SELECT 'small', * FROM read_in;
TRUNCATE read_in;
\copy read_in FROM PROGRAM '/usr/bin/python3 test/reference/content.py retail 2>/dev/null || true' WITH (FORMAT csv)
INSERT INTO reference SELECT 'retail', * FROM read_in;
SELECT count(*) = 0 AS missing FROM reference \gset
CREATE TEMP TABLE line (invoice text, stock_code text, description text, quantity int, invoice_date timestamp, unit_price numeric,
	customer text, country text);
\copy line FROM PROGRAM 'xz -dc test/data/online_retail.csv.xz' WITH (FORMAT csv, HEADER)
CREATE TEMP TABLE product AS
SELECT stock_code AS item, min(btrim(description, ' ') COLLATE "C") AS name FROM line WHERE btrim(description, ' ') <> '' GROUP BY 1;
BEGIN;
SELECT plan(60);

-- ---- against scikit-learn ----

CREATE TABLE goods (item text, category text, price numeric, on_sale boolean, description text, embedding real[]);
INSERT INTO goods VALUES
('a1', 'tea', 3.5, true, 'Red tea cup, porcelain', '{1,0,0.5}'),
('a2', 'tea', 4, false, 'Blue tea cup', '{0.9,0.1,0.4}'),
('a3', 'tea', 12, NULL, 'Tea pot with two cups', NULL),
('b1', 'garden', 30, false, 'Garden chair, wood', '{-1,0.2,0}'),
('b2', 'garden', 45, false, 'Garden table, wood and steel', '{-0.8,0.4,0.1}'),
('b3', 'garden', NULL, true, NULL, '{-0.9,0.3,0}'),
('c1', NULL, 3.5, true, '红色陶瓷杯', '{0.7,0,0.6}'),
('c2', NULL, 4, true, '蓝色陶瓷杯 tea', NULL),
('c3', 'garden', 45, NULL, '木椅 wood chair', '{0,0,0}'),
('d1', NULL, NULL, NULL, NULL, NULL),
('d2', 'tea', 1000000, false, 'cup cup cup', '{0,0,1}'),
('d3', 'garden', 4, true, 'steel', '{1,1,1}');

SELECT is(r.kind || ' ' || r.items || ' ' || r.rows_read || ' ' || r.customers, 'content 12 12 0', 'items alone')
FROM promoai.content_train('goods', 'SELECT * FROM goods',
	column_weights => '{"category": 2, "price": 0.5, "description": 1.5, "embedding": 3}') r;
SELECT is((SELECT sizes -> 'columns' FROM promoai.model_versions WHERE model = 'goods'),
	'{"category": "categorical", "price": "numeric", "on_sale": "categorical", "description": "text", "embedding": "vector"}'::jsonb,
	'columns by type and content');
SELECT promoai.content_train('retail', 'SELECT * FROM pg_temp.product');

CREATE TEMP TABLE got AS
SELECT 'small' AS scope, g.item, s.item AS other, s.similarity
FROM goods g, promoai.cf_similar_items('goods', g.item, k => 20) s
UNION ALL
SELECT 'retail', i, s.item, s.similarity
FROM unnest('{22423,85123A,POST,84879,47566}'::text[]) i, promoai.cf_similar_items('retail', i, k => 100000) s;

\if :missing
SELECT skip('scikit-learn is not installed', 2);
\else
SELECT ok(count(*) = 132 AND count(g.similarity) = 132 AND max(abs(g.similarity - r.cosine)) <= 1e-6,
	format('every kind of attribute: %s pairs, off by at most %s', count(g.similarity), max(abs(g.similarity - r.cosine))))
FROM reference r LEFT JOIN got g USING (scope, item, other) WHERE scope = 'small';
SELECT ok(count(*) = count(g.similarity) AND count(*) > 19000 AND max(abs(g.similarity - r.cosine)) <= 1e-6,
	format('Online Retail''s descriptions: %s pairs, off by at most %s', count(g.similarity), max(abs(g.similarity - r.cosine))))
FROM reference r LEFT JOIN got g USING (scope, item, other) WHERE scope = 'retail';
\endif
SELECT is((SELECT array_agg(s.item || ' ' || s.similarity) FROM promoai.cf_similar_items('goods', 'd1', k => 20) s
	WHERE s.similarity <> 0), NULL, 'an item without attributes is like nothing');

-- The same rows in another order, in parallel, give the same bytes.
SET LOCAL parallel_setup_cost = 0;
SET LOCAL parallel_tuple_cost = 0;
SET LOCAL min_parallel_table_scan_size = 0;
CREATE TABLE shuffled AS SELECT * FROM product ORDER BY hashtext(item);
SELECT promoai.content_train('again', 'SELECT * FROM shuffled');
CREATE FUNCTION pg_temp.payload(name text) RETURNS text LANGUAGE sql AS
$$SELECT md5(string_agg(bytes, '' ORDER BY chunk)) FROM promoai.registry_payload JOIN promoai.registry_models
  ON version_id = current_version WHERE model = name$$;
SELECT is(pg_temp.payload('again'), pg_temp.payload('retail'), 'order of rows and parallel scans change nothing');

-- ---- roles by argument ----

SELECT promoai.content_train('roles', 'SELECT item, category, price::int AS price, on_sale, description FROM goods',
	text_columns => '{category}', categorical_columns => '{price,description}');
SELECT is((SELECT sizes -> 'columns' FROM promoai.model_versions WHERE model = 'roles'),
	'{"category": "text", "price": "categorical", "on_sale": "categorical", "description": "categorical"}'::jsonb, 'columns by argument');
SELECT is(round(promoai.cf_predict('goods', 1, 'a1')::numeric, 3), NULL, 'no customers: no score');
SELECT is((SELECT string_agg(answered_by || ' ' || score, ', ') FROM promoai.cf_recommend('goods', 7, k => 2)),
	'popularity 0, popularity 0', 'no customers: no popularity either');
SELECT is((SELECT array_agg(item ORDER BY rank) FROM promoai.cf_recommend_basket('goods', '{a1}'::text[], k => 2)),
	(SELECT array_agg(item ORDER BY rank) FROM promoai.cf_similar_items('goods', 'a1', k => 2)), 'a basket of one gets what is like it');
SELECT is((SELECT count(*) FROM promoai.cf_recommend_basket('goods', '{a1,zz}'::text[], k => 11))::int, 11, 'exactly k, those without attributes last');
SELECT is((SELECT array_agg(answered_by ORDER BY rank) FROM promoai.cf_recommend_basket('goods', '{a1}'::text[], k => 11)) [10:],
	'{attributes,popularity}', 'the item without attributes is filled in by popularity');

-- ---- customers ----

CREATE TABLE bought (customer int, item text, quantity int, at timestamptz);
INSERT INTO bought
SELECT c, item, 1 + (c + length(item)) % 3, '2024-01-01'::timestamptz + c * interval '1 day'
FROM generate_series(1, 40) c, goods WHERE left(item, 1) = CASE WHEN c % 2 = 0 THEN 'a' ELSE 'b' END 
	AND (hashint4(c * 31 + ascii(right(item, 1))) % 3 <> 0 OR right(item, 1) = '1');
INSERT INTO bought VALUES (1, 'unheard', 1, now()), (41, 'unheard', 1, now());
SELECT is(r.customers || ' ' || r.items || ' ' || (r.interactions > 30)::text, '41 13 true', 'items are those of both sources')
FROM promoai.content_train('followed', 'SELECT * FROM goods', interactions => 'SELECT * FROM bought', value_transform => 'none',
	holdout_after => '2024-01-30') r;
SELECT ok(EXISTS (SELECT FROM promoai.model_metrics WHERE model = 'followed' AND metric = 'recall@20' AND n > 0), 'lists are judged');
SELECT is((SELECT string_agg(DISTINCT answered_by, ',') FROM promoai.cf_recommend('followed', 41, k => 5)), 'popularity',
	'a history without attributes gives no opinion');
SELECT is((SELECT item FROM promoai.cf_recommend('followed', 2, k => 1, candidates => '{c3,d3,a1,a2,a3,c1}'::text[], exclude => '{a1,a2,a3}'::text[])), 'c1',
	'what nobody bought is recommended for what it is');

-- A score is the weighted mean of cosines, and its explanation their parts.
CREATE TEMP TABLE mean AS
SELECT h.customer, o.item, sum(w * s.similarity) / sum(w) AS score
FROM (SELECT customer, item, sum(quantity) AS w FROM bought WHERE item <> 'unheard' GROUP BY 1, 2) h
JOIN (SELECT g.item, s.item AS other, s.similarity FROM goods g, promoai.cf_similar_items('followed', g.item, k => 20) s
	UNION ALL SELECT item, item, 1 FROM goods) s ON s.item = h.item
JOIN goods o ON o.item = s.other WHERE o.item <> 'd1' GROUP BY 1, 2;
SELECT ok(count(*) > 400 AND max(abs(m.score - promoai.cf_predict('followed', m.customer, m.item))) < 1e-5, 'scores are weighted means of cosines')
FROM mean m;
SELECT ok(count(*) = 40 AND max(abs(total - score)) < 1e-5, 'parts add up to the score')
FROM (SELECT c, sum(part) AS total, max(score) AS score FROM generate_series(1, 40) c, promoai.cf_explain('followed', c, 'c2', k => 20) GROUP BY 1) e;
SELECT ok(max(abs(t.score - promoai.cf_predict('followed', t.customer_no, 'c1'))) < 1e-6 AND count(*) = 40, 'the same scores from the item''s side')
FROM promoai.cf_target_users('followed', 'c1', k => 100, exclude_buyers => false) t;
SELECT ok(max(abs(promoai.cf_predict(v, c, 'c1') - promoai.cf_predict('followed', c, 'c1'))) = 0, 'the same from a value')
FROM (SELECT promoai.model_value('followed') AS v) m, generate_series(1, 40) c;
SELECT is((promoai.retrain('followed')).version, 2, 'retrain');
SELECT is((SELECT count(DISTINCT p) FROM (SELECT md5(string_agg(bytes, '' ORDER BY chunk)) AS p FROM promoai.registry_payload
	JOIN promoai.registry_versions v USING (version_id) JOIN promoai.registry_models m USING (model_id) WHERE m.model = 'followed' GROUP BY version_id) x)::int, 1,
	'retraining gives the same bytes');
SELECT ok(count(*) > 5, 'evaluate') FROM promoai.evaluate('followed', $$SELECT c, 'c1' FROM generate_series(1, 10) c$$);
SELECT is((SELECT count(*)::int FROM promoai.cf_recommend_all('followed', k => 3)), 123, 'lists for everybody');

-- Integers and text.
SELECT promoai.content_train('mixed', $$SELECT i AS item, i % 3 = 0 AS third FROM generate_series(1, 12) i$$,
	interactions => $$SELECT 'c' || i % 4, i::text FROM generate_series(1, 20) i$$, holdout => 0);
SELECT is((SELECT items FROM (SELECT (sizes ->> 'items')::int AS items FROM promoai.model_versions WHERE model = 'mixed') x), 20, 'ids of two kinds meet as text');
SELECT ok((SELECT array_agg(item ORDER BY rank) FROM promoai.cf_similar_items('mixed', '3', k => 3)) <@ '{6,9,12}'::text[], 'and are found');

-- ---- factors ----

CREATE TABLE sold AS
SELECT c AS customer, i AS item FROM generate_series(1, 300) c, generate_series(1, 60) i
WHERE CASE WHEN c % 3 = i % 3 THEN hashint4(c * 1000 + i) % 4 = 0 ELSE hashint4(c * 1000 + i) % 40 = 0 END OR i = 1 + c % 50;
SELECT promoai.mf_train('mf', 'SELECT * FROM sold WHERE item <= 50', factors => 6, iterations => 10, holdout => 0);
SELECT is(r.customers || ' ' || r.items, '300 66', 'the factor model''s customers, all items')
FROM promoai.content_train('warm', $$SELECT i AS item, 'kind ' || i % 3 AS kind, i % 2 = 0 AS even FROM generate_series(1, 66) i$$, factors_of => 'mf') r;
SELECT ok((SELECT value FROM promoai.model_metrics WHERE model = 'warm' AND metric = 'r2') > 0.5, 'held-out factors are predicted');
SELECT ok((SELECT value FROM promoai.model_metrics WHERE model = 'warm' AND metric = 'recall@20') > 0.5, 'held-out items are found');
SELECT is((SELECT max(abs(promoai.cf_predict('mf', c, i) - promoai.cf_predict('warm', c, i))) FROM generate_series(1, 300, 7) c, generate_series(1, 50) i), 0::real,
	'items that the factor model knows keep their scores');
SELECT ok(count(*) FILTER (WHERE item_no % 3 = 2) >= 9, 'new items go to those whom their kind suits')
FROM promoai.cf_recommend('warm', 2, k => 5, candidates => ARRAY(SELECT generate_series(51, 66)::bigint))
	AS r (rank, item, item_no, score, answered_by, boosted_score), generate_series(1, 2);
SELECT is((SELECT string_agg(DISTINCT answered_by, ',') FROM promoai.cf_recommend('warm', 2, k => 5)), 'factors', 'by factors');
SELECT ok((SELECT count(*) FROM promoai.cf_explain('warm', 2, 53, k => 20)) > 0, 'explained as a factor model');
SELECT ok((SELECT count(*) FROM promoai.cf_recommend_basket('warm', '{53,56}'::bigint[], k => 5)) = 5, 'a basket of new items');
SELECT is((promoai.retrain('warm')).version, 2, 'retrain with factors');
SELECT promoai.content_train('fixed', $$SELECT i AS item, i % 3 AS kind FROM generate_series(1, 66) i$$, factors_of => 'mf', regularization => 3, holdout => 0);
SELECT is((SELECT array_agg(metric || ' ' || value) FROM promoai.model_metrics WHERE model = 'fixed'), '{regularization 3}', 'regularization as given');
SELECT promoai.mf_train('rated', 'SELECT customer, item, 1 + (customer + item) % 5 FROM sold', feedback => 'explicit', factors => 4, holdout => 0);
SELECT is(r.items, 70::bigint, 'a model of ratings lends its factors and biases')
FROM promoai.content_train('warm_rated', $$SELECT i AS item, i % 3 AS kind FROM generate_series(1, 70) i$$, factors_of => 'rated') r;
SELECT ok(promoai.cf_predict('warm_rated', 5, 70) BETWEEN 0 AND 6, 'and predicts ratings of new items');

-- ---- what goes wrong ----

CREATE FUNCTION pg_temp.fails(arguments text, state text, message text, what text) RETURNS text LANGUAGE sql AS
$$ SELECT throws_ok('SELECT promoai.content_train(''wrong'', ' || arguments || ')', state, message, what) $$;
SELECT pg_temp.fails($$'SELECT 1, NULL::text UNION ALL SELECT 1, ''x'''$$, '21000', 'item "1" stands in several rows of the source', 'an item twice');
SELECT pg_temp.fails($$'SELECT item FROM goods'$$, '42804', 'source does not have the expected columns', 'items without attributes');
SELECT pg_temp.fails($$'SELECT * FROM goods WHERE false'$$, '22023', 'source has no items', 'no rows');
SELECT pg_temp.fails($$'SELECT item, price::float8 / 0.0 * 0 + ''NaN'' FROM goods LIMIT 1'$$, '22012', NULL, 'an error of the source itself');
SELECT pg_temp.fails($$'SELECT item, ''NaN''::float8 AS x FROM goods'$$, '22003', 'source has NaN in column "x"', 'NaN');
SELECT pg_temp.fails($$'SELECT item, ''{1,Infinity}''::float8[] AS x FROM goods'$$, '22003', 'source has infinity in column "x"', 'infinity in a vector');
SELECT pg_temp.fails($$'SELECT item, ''{1,1e300}''::float8[] AS x FROM goods'$$, '22003', 'column "x" has 1e+300, beyond the largest allowed, 3.40282e+38', 'too large for a vector');
SELECT pg_temp.fails($$'SELECT item, ''{1,NULL}''::real[] AS x FROM goods'$$, '22003', 'source has an array with NULL in column "x"', 'NULL in a vector');
SELECT pg_temp.fails($$'SELECT item, ''{{1},{2}}''::real[] AS x FROM goods'$$, '22003', 'source has an array of several dimensions in column "x"', 'a matrix');
SELECT pg_temp.fails($$'SELECT item, (CASE item WHEN ''a1'' THEN ''{1}'' ELSE ''{1,2}'' END)::real[] AS x FROM goods'$$, '2202E', 'column "x" has vectors of 1 and of 2 elements', 'ragged');
SELECT pg_temp.fails($$'SELECT item, now() AS x FROM goods'$$, '42804', 'column "x" of the source is of type timestamp with time zone, which is no attribute', 'a time');
SELECT pg_temp.fails($$'SELECT item, price, price FROM goods'$$, '42702', 'the source has several columns "price"', 'a name twice');
SELECT pg_temp.fails($$'SELECT * FROM goods', column_weights => '{"prise": 2}'$$, '42703', 'argument "column_weights": the source has no attribute "prise"', 'a weight of nothing');
SELECT pg_temp.fails($$'SELECT * FROM goods', column_weights => '{"price": -1}'$$, '22023', 'argument "column_weights": the weight of "price" must be a number between 1e-06 and 1e+06', 'a negative weight');
SELECT pg_temp.fails($$'SELECT * FROM goods', column_weights => '[1]'$$, '22023', 'argument "column_weights" must be an object of column names and weights', 'weights as an array');
SELECT pg_temp.fails($$'SELECT * FROM goods', text_columns => '{price}'$$, '42804', 'argument "text_columns": column "price" is of type numeric', 'a number as text');
SELECT pg_temp.fails($$'SELECT * FROM goods', text_columns => '{category}', categorical_columns => '{category}'$$, '22023', 'column "category" is named in "text_columns" and in "categorical_columns"', 'both');
SELECT pg_temp.fails($$'SELECT * FROM goods', text_columns => '{NULL}'$$, '22004', 'argument "text_columns" must not contain null', 'a name that is NULL');
SELECT pg_temp.fails($$'SELECT * FROM goods', holdout => 0.1$$, '22023', 'argument "holdout" makes no sense without customers to judge by', 'nobody to judge by');
SELECT pg_temp.fails($$'SELECT * FROM goods', interactions => 'SELECT 1, 2', factors_of => 'mf'$$, '22023', 'arguments "interactions" and "factors_of" exclude each other', 'both sources of customers');
SELECT pg_temp.fails($$'SELECT * FROM goods', factors_of => 'goods'$$, '42809', 'argument "factors_of": model "goods" is of kind "content", not a factor model', 'factors of a model without');
SELECT pg_temp.fails($$'SELECT i, ''word '' || i FROM generate_series(1, 50000) i', memory => '1MB'$$, '53400', NULL, 'too little memory');
SELECT * FROM finish();
ROLLBACK;
