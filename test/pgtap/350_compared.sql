-- Judging, tuning and retraining of recommenders where rows, customers or definitions are not those of the training.
\set QUIET on
SET client_min_messages = warning;
BEGIN;
SELECT plan(19);

CREATE TABLE sold AS
SELECT c AS customer, i AS item, 1 + (c + i) % 3 AS quantity,
	'2024-01-01'::timestamptz + (abs(hashint4(c * 977 + i)) % 300) * interval '1 day' AS at
FROM generate_series(1, 200) c, generate_series(1, 60) i
WHERE CASE WHEN c % 3 = i % 3 THEN hashint4(c * 1000 + i) % 3 = 0 ELSE hashint4(c * 1000 + i) % 30 = 0 END;
CREATE TABLE sold_elsewhere AS SELECT customer, 1 + (item * 7 + 3) % 60 AS item, quantity, at FROM sold;
CREATE VIEW goods AS SELECT i AS item, 'kind ' || i % 3 AS kind FROM generate_series(1, 70) i;

SELECT promoai.cf_train('ease', 'SELECT * FROM sold', 'ease', regularization => 10, holdout => 0);
SELECT promoai.cf_train('pop', 'SELECT * FROM sold', 'popular', half_life => 30, holdout => 0);
SELECT promoai.cf_train('near', 'SELECT * FROM sold', 'user_knn', holdout => 0);

-- ---- customers that a model does not know ----

-- A thousand strangers behind each customer: they are judged by what is popular.
CREATE VIEW later AS SELECT customer + 1000 * g AS customer, item FROM sold, generate_series(0, 1000) g WHERE item <= 2;
SELECT is((SELECT max(n) FROM promoai.evaluate(m, 'SELECT * FROM later')),
	(SELECT count(DISTINCT customer) - count(DISTINCT customer) FILTER (WHERE customer < 1000) FROM later),
	format('%s: strangers are judged, those who had all of it are not', m))
FROM unnest('{ease,pop,near}'::text[]) m;
SELECT ok(bool_and(e.value = p.value), 'lists for strangers are those of popularity')
FROM promoai.evaluate('ease', 'SELECT * FROM later') e
JOIN promoai.evaluate('ease', 'SELECT * FROM later') p ON p.metric = 'popularity_' || e.metric;

-- ---- definitions that are repeated ----

SELECT promoai.hybrid_train('dated', '{ease,pop}', 'SELECT * FROM sold', holdout_after => '2024-08-01', seed => 7);
SELECT lives_ok($$ SELECT promoai.retrain('dated') $$, 'a hybrid judged after a date is trained again');
SELECT is((SELECT count(DISTINCT value) || ' of ' || count(*) FROM promoai.model_metrics WHERE model = 'dated' AND metric = 'ndcg@20'), '1 of 2', 'and comes to the same');
SELECT ok((SELECT count(*) FROM promoai.cf_evaluate('{dated}', 'SELECT * FROM sold', baselines => false)) > 0, 'and is compared');

SELECT promoai.content_train('attributes', 'SELECT * FROM goods', interactions => 'SELECT * FROM sold', holdout => 0);
SELECT throws_ok($$ SELECT promoai.hybrid_train('borrowed', '{attributes,ease}') $$, '22023', 'argument "source" is needed to fit weights', 'attributes are not taken for purchases');
SELECT lives_ok($$ SELECT promoai.hybrid_train('borrowed', '{ease,attributes}') $$, 'purchases are');

-- ---- trials of other rows ----

SELECT promoai.cf_tune('tuned', 'SELECT * FROM sold', '{"method": "ease", "regularization": [10, 500]}');
SELECT is((SELECT count(seconds) FROM promoai.cf_tune('tuned', 'SELECT * FROM sold', '{"method": "ease", "regularization": [10, 500]}')), 0::bigint, 'trials of the same rows are taken up again');
SELECT is((SELECT count(seconds) FROM promoai.cf_tune('tuned', 'SELECT * FROM sold_elsewhere', '{"method": "ease", "regularization": [10, 500]}')), 2::bigint, 'those of as many other rows are not');
SELECT is((SELECT count(seconds) FROM promoai.cf_tune('shares', 'SELECT customer, item FROM sold', '{"method": "ease", "regularization": [10, 500]}', 'strong_generalization', targets => 'new', seed => s)), 2::bigint, format('customers held out twice, seed %s', s))
FROM unnest('{1,2}'::bigint[]) s;

-- ---- memory ----

-- EASE on 2,000 items takes more than 8 MB, on a tenth of them less.
CREATE TABLE broad AS SELECT c AS customer, (c * 31 + i * 97) % 2000 AS item, '2024-01-01'::timestamptz + (c * i % 300) * interval '1 day' AS at
FROM generate_series(1, 1000) c, generate_series(1, 6) i;
SET LOCAL maintenance_work_mem = '8MB';
SELECT promoai.cf_train('narrow', 'SELECT * FROM broad WHERE item < 200', 'ease', holdout => 0);
SELECT throws_ok($$ SELECT count(*) FROM promoai.cf_evaluate('{narrow}', 'broad', baselines => false) $$, '53400', NULL, 'trainings of a comparison keep to the setting');
SELECT ok((SELECT count(*) FROM promoai.cf_evaluate('{narrow}', 'broad', baselines => false, memory => '256MB')) > 0, 'or to the memory that the call gives');
SELECT promoai.cf_train('roomy', 'SELECT * FROM broad', 'ease', memory => '256MB', holdout => 0);
SELECT ok((SELECT count(*) FROM promoai.cf_evaluate('{roomy}', 'broad', baselines => false)) > 0, 'a definition has memory of its own');
SELECT throws_ok($$ SELECT count(*) FROM promoai.cf_evaluate('{roomy}', 'broad', baselines => false, memory => '8MB') $$, '53400', NULL, 'the call says less');
SELECT throws_ok($$ SELECT count(*) FROM promoai.cf_tune('tuned_broad', 'broad', '{"method": "ease"}') $$, '53400', NULL, 'trials keep to the setting');
SELECT promoai.cf_tune('tuned_broad', 'broad', '{"method": "ease", "regularization": [100, 200]}', memory => '256MB');
SELECT is((SELECT arguments->>'memory' FROM promoai.models WHERE model = 'tuned_broad'), '256MB', 'and what the call gives goes on in the definition');

SELECT * FROM finish();
ROLLBACK;
