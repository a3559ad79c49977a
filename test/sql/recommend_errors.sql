-- What can be wrong with a training or a question, and what is said of it.
SET client_min_messages = warning;
SET search_path = public;
CREATE TABLE good (customer int, item text, quantity float8, sold_at timestamptz);
INSERT INTO good SELECT c, 'i' || i, 1, '2026-01-01 00:00+00' FROM generate_series(1, 9) c, generate_series(1, 9) i WHERE (c + i) % 3 > 0;
SELECT interactions FROM promoai.mf_train('good', 'good', factors => 2);
\set SHOW_CONTEXT never

-- Sources: columns, rows, values.
SELECT promoai.mf_train('m', 'SELECT customer FROM good');
SELECT promoai.mf_train('m', 'SELECT item, quantity::float8 FROM good');
SELECT promoai.mf_train('m', 'SELECT customer, item, sold_at, quantity FROM good');
SELECT promoai.mf_train('m', 'SELECT customer, item, quantity, sold_at, 1 FROM good');
SELECT promoai.mf_train('m', 'SELECT customer, point(1, 2) FROM good');
SELECT promoai.mf_train('m', 'SELECT customer, item FROM good WHERE false');
SELECT promoai.mf_train('m', 'SELECT NULL::int, item FROM good');
SELECT promoai.mf_train('m', 'SELECT customer, item, -quantity FROM good');
SELECT promoai.mf_train('m', $$SELECT customer, item, 'NaN'::float8 FROM good ORDER BY 1$$);
SELECT promoai.mf_train('m', $$SELECT customer, item, CASE customer WHEN 7 THEN 'infinity'::real ELSE 1 END FROM good ORDER BY 1, 2$$);
SELECT promoai.mf_train('m', $$SELECT customer, item, quantity, 'infinity'::timestamptz FROM good ORDER BY 1$$);
SELECT promoai.mf_train('m', 'SELECT 1.5, item FROM good');
SELECT promoai.mf_train('m', $$SELECT 'NaN'::numeric, item FROM good$$);
SELECT promoai.mf_train('m', $$SELECT 1e30, item FROM good$$);
SELECT promoai.mf_train('m', $$SELECT repeat('x', 1025), item FROM good$$);
SELECT promoai.mf_train('m', 'SELECT customer, item, 1e300::float8 FROM good');

-- Sources: what may stand there.
SELECT promoai.mf_train('m', '');
SELECT promoai.mf_train('m', 'SELECT');
SELECT promoai.mf_train('m', 'SELECT FROM good');
SELECT promoai.mf_train('m', 'no_such_table');
SELECT promoai.mf_train('m', 'nowhere.good');
SELECT promoai.mf_train('m', 'SELECT 1, 2; SELECT 3, 4');
SELECT promoai.mf_train('m', 'INSERT INTO good VALUES (1, 1, 1) RETURNING customer, item');
SELECT promoai.mf_train('m', 'WITH w AS (INSERT INTO good VALUES (1, 1, 1) RETURNING customer, item) SELECT * FROM w');
SELECT promoai.mf_train('m', 'DROP TABLE good');
SELECT promoai.mf_train('m', 'SELECT customer, item INTO bad FROM good');
SELECT promoai.mf_train('m', 'SELECT customer, item FROM good FOR UPDATE');
SELECT promoai.mf_train('m', 'SELECT customer, item FROM good --' || repeat('-', 16 * 1024 * 1024));
SELECT promoai.cf_recommend(repeat('é', 1000000), 1);
SELECT promoai.mf_train('m', 'good', solver => repeat('x', 1000000));
SELECT promoai.mf_train('m', 'SELECT customer, $1 FROM good');
SELECT promoai.mf_train('m', NULL);
SELECT promoai.mf_train(NULL, 'good');
CREATE FUNCTION writes() RETURNS int LANGUAGE sql VOLATILE AS 'INSERT INTO good VALUES (1, 1, 1) RETURNING 1';
SELECT promoai.mf_train('m', 'SELECT customer, writes() FROM good');
CREATE FUNCTION opens() RETURNS int LANGUAGE plpgsql AS $$
BEGIN
	SET transaction_read_only = off;
	INSERT INTO good VALUES (1, 1, 1);
	RETURN 1;
END $$;
SELECT promoai.mf_train('m', 'SELECT customer, opens() FROM good');
SHOW transaction_read_only;

-- Arguments.
SELECT promoai.mf_train('', 'good');
SELECT promoai.mf_train(repeat('x', 64), 'good');
SELECT promoai.mf_train('m', 'good', factors => 0);
SELECT promoai.mf_train('m', 'good', factors => 1000);
SELECT promoai.mf_train('m', 'good', factors => NULL);
SELECT promoai.mf_train('m', 'good', iterations => -1);
SELECT promoai.mf_train('m', 'good', regularization => 'NaN');
SELECT promoai.mf_train('m', 'good', regularization => -1);
SELECT promoai.mf_train('m', 'good', unobserved_weight => 0);
SELECT promoai.mf_train('m', 'good', unobserved_weight => 'infinity');
SELECT promoai.mf_train('m', 'good', value_transform => 'sqrt');
SELECT promoai.mf_train('m', 'good', feedback => 'Implicit');
SELECT promoai.mf_train('m', 'good', solver => 'sgd');
SELECT promoai.mf_train('m', 'good', feedback => 'explicit', solver => 'cg');
SELECT promoai.mf_train('m', 'good', feedback => 'explicit', unobserved_weight => 0.1);
SELECT promoai.mf_train('m', 'good', feedback => 'explicit', value_transform => 'none');
SELECT promoai.mf_train('m', 'good', learning_rate => 0.1);
SELECT promoai.mf_train('m', 'good', bias_regularization => 1);
SELECT promoai.mf_train('m', 'SELECT customer, item FROM good', feedback => 'explicit');
SELECT promoai.mf_train('m', 'good', holdout => 1);
SELECT promoai.mf_train('m', 'good', holdout => 0.1, holdout_after => now());
SELECT promoai.mf_train('m', 'SELECT customer, item FROM good', holdout_after => now());
SELECT promoai.mf_train('m', 'good', metrics_k => 0);
SELECT promoai.mf_train('m', 'good', tolerance => 2);
SELECT promoai.mf_train('m', 'good', memory => 'much');
SELECT promoai.mf_train('m', 'good', memory => '10 parsec');
SELECT promoai.mf_train('m', 'good', memory => '1kB');
SELECT promoai.mf_train('m', 'SELECT c, i FROM generate_series(1, 300) c, generate_series(1, 300) i', memory => '1MB');

-- Nothing to evaluate is no error.
SET client_min_messages = notice;
SELECT metrics - 'loss' AS metrics FROM promoai.mf_train('m', 'SELECT 1, 1');
SELECT metrics - 'loss' AS metrics FROM promoai.mf_train('m', 'good', holdout_after => '2025-01-01');
SELECT metrics - 'loss' AS metrics FROM promoai.mf_train('m', 'good', holdout_after => '2027-01-01');
SELECT * FROM promoai.evaluate('good', 'good');
SET client_min_messages = warning;

-- Questions.
SELECT * FROM promoai.cf_recommend('no such model', 1);
SELECT * FROM promoai.cf_recommend(NULL, 1);
SELECT * FROM promoai.cf_recommend('good', 1, k => 0);
SELECT * FROM promoai.cf_recommend('good', 1, k => NULL);
SELECT rank, item, round(score::numeric, 3) AS score, answered_by FROM promoai.cf_recommend('good', 1, exclude_seen => NULL);
SELECT * FROM promoai.cf_recommend('good', 'one');
SELECT * FROM promoai.cf_recommend('good', '00000000-0000-0000-0000-000000000001'::uuid);
SELECT * FROM promoai.cf_recommend('good', 1, version => 7);
SELECT * FROM promoai.cf_recommend('good', 1, version => 0);
SELECT * FROM promoai.cf_similar_items('good', 'no such item');
SELECT * FROM promoai.cf_similar_items('good', NULL::text);
SELECT * FROM promoai.cf_recommend_basket('good', ARRAY['i1', 'i2'], ARRAY[1.0]);
SELECT * FROM promoai.cf_recommend_basket('good', ARRAY['i1', 'i2'], ARRAY[1.0, 'NaN']);
SELECT * FROM promoai.cf_recommend_basket('good', ARRAY['i1', 'i2'], ARRAY[1.0, -1]);
SELECT * FROM promoai.cf_recommend_basket('good', ARRAY['i1', 'i2'], ARRAY[1.0, NULL]);
SELECT * FROM promoai.cf_recommend_basket('good', NULL::text[]);
SELECT * FROM promoai.evaluate('good', 'SELECT customer FROM good');
SELECT * FROM promoai.evaluate('good', 'SELECT customer, item FROM good WHERE false');
SELECT * FROM promoai.evaluate('good', 'good', k => 0);
SELECT * FROM promoai.evaluate('good', $$SELECT 'x', 'y'$$);
SELECT * FROM promoai.source_scan('SELECT customer FROM good');
SELECT promoai.source_scan(NULL);

-- The failed trainings left nothing behind but what was published before.
SELECT model, version, versions FROM promoai.models ORDER BY model;
SELECT count(*) AS rows_of_no_version FROM promoai.registry_payload p
WHERE NOT EXISTS (SELECT FROM promoai.registry_versions v WHERE v.version_id = p.version_id);
DROP TABLE good;
DROP FUNCTION writes, opens;
SELECT promoai.model_drop(model) FROM promoai.models;
