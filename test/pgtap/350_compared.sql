-- Judging, tuning and retraining of recommenders where rows, customers or definitions are not those of the training.
\set QUIET on
SET client_min_messages = warning;
BEGIN;
SELECT plan(57);

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

-- ---- what was tuned goes on as any other model ----

CREATE TABLE grids (name text, grid jsonb);
INSERT INTO grids VALUES ('tuned_ease', '{"method": "ease"}'), ('tuned_item', '{"method": "item_knn"}'), ('tuned_user', '{"method": "user_knn"}'),
	('tuned_walks', '{"method": "rp3beta"}'), ('tuned_popular', '{"method": "popular"}'), ('tuned_again', '{"method": "buy_again"}'), ('tuned_mf', '{"method": "mf", "factors": 8}');
SELECT promoai.cf_tune(name, 'SELECT * FROM sold', grid) FROM grids;
SELECT is((SELECT count(*) FROM grids, promoai.retrain(name)), 7::bigint, 'models of every method are trained again');
SELECT is((SELECT array_agg(DISTINCT (arguments->>'seed') || ' ' || (arguments->>'metrics_k')) FROM promoai.models JOIN grids ON model = name), '{42 20}', 'by the defaults of the trainers');
SELECT is((SELECT count(DISTINCT model) FROM promoai.cf_evaluate((SELECT array_agg(name) FROM grids), 'SELECT * FROM sold', baselines => false)), 7::bigint, 'compared');
SELECT lives_ok($$ SELECT promoai.hybrid_train('of_tuned', '{tuned_ease,tuned_popular}', 'SELECT * FROM sold') $$, 'and put together');

-- ---- grids with repeats ----

SELECT results_eq($$ SELECT trial, (arguments->>'half_life')::float8 FROM promoai.cf_tune('repeated', 'SELECT * FROM sold', '[{"method": "popular", "half_life": [7, 14, 7.0]}, {"method": "popular", "half_life": [14, 28]}]') $$,
	'VALUES (1, 7::float8), (2, 14), (3, 28)', 'what comes again is left out');
SELECT is((SELECT count(*) FROM promoai.cf_tune('repeated_words', 'SELECT * FROM sold', '{"method": "rp3beta", "value_transform": ["binary", "binary"]}')), 1::bigint, 'words too');
SELECT throws_ok(format($$ SELECT promoai.cf_tune('t', 'SELECT * FROM sold', '{"method": "popular", "half_life": %s}') $$, (SELECT jsonb_agg(1) FROM generate_series(1, 10001))), '22023', NULL, 'but they count among the combinations');

-- ---- customers held out have only new items ----

SELECT results_eq($$ SELECT value, test_value FROM promoai.cf_tune('shown', 'SELECT customer, item FROM sold', '{"method": "ease"}', 'strong_generalization') $$,
	$$ SELECT value, test_value FROM promoai.cf_tune('shown_new', 'SELECT customer, item FROM sold', '{"method": "ease"}', 'strong_generalization', targets => 'new') $$, 'without targets: new ones');
SELECT is((SELECT value FROM promoai.model_metrics WHERE model = 'shown' AND metric = 'test_ndcg@20'),
	(SELECT value FROM promoai.cf_evaluate('{shown}', 'SELECT customer, item FROM sold', 'strong_generalization', k => '{20}', baselines => false) WHERE metric = 'ndcg'), 'as cf_evaluate judges them');
SELECT throws_ok(format($$ SELECT promoai.cf_tune('t', 'SELECT customer, item FROM sold', '{"method": "ease"}', 'strong_generalization', targets => %L) $$, t), '22023',
	format($$targets => '%s' makes no sense with protocol => 'strong_generalization'$$, t), 'not ' || t) FROM unnest('{all,repeats}'::text[]) t;
SELECT ok((SELECT DISTINCT split LIKE '%targets all;%' FROM promoai.model_metrics WHERE model = 'tuned_ease' AND metric LIKE 'validation%'), 'other protocols: all');

-- ---- nothing is learned from the future ----

CREATE TABLE fresh AS SELECT * FROM (VALUES (1, 1, date '2024-01-01'), (1, 2, '2024-01-01'), (2, 1, '2024-01-01'), (2, 3, '2024-01-01'), (3, 2, '2024-01-01'), (3, 4, '2024-01-01'),
	(1, 6, '2024-02-01'), (2, 6, '2024-02-01'), (3, 6, '2024-02-01')) v (customer, item, at);
SELECT results_eq($$ SELECT value, customers FROM promoai.cf_evaluate('{}', 'fresh', k => '{3}', from_time => '2024-01-20', test_days => 30) WHERE targets = 'new' AND metric = 'recall' AND model = '(popularity)' $$,
	'VALUES (0::float8, 3)', 'an item that appears after the cut counts, and nobody finds it');
SELECT is((SELECT value FROM promoai.cf_evaluate('{}', 'fresh', k => '{3}', from_time => '2024-01-20', test_days => 30) WHERE targets = 'all' AND NOT exclude_seen AND metric = 'coverage' AND model = '(popularity)'),
	0.75::float8, 'coverage is of the items that are known');

-- What comes after the judged days, and strangers within them, change no figure: new customers, new items, returns of what was bought.
CREATE VIEW sold_on AS SELECT customer, item, quantity, at FROM sold
UNION ALL SELECT 1000 + g, 1000 + g % 500, 1, timestamptz '2024-10-15' FROM generate_series(1, 3000) g
UNION ALL SELECT g, 2000 + g % 7, 1, timestamptz '2024-12-01' FROM generate_series(1, 200) g
UNION ALL SELECT customer, item, -quantity, timestamptz '2024-12-02' FROM sold WHERE item < 10;
SELECT promoai.mf_train('factors', 'SELECT * FROM sold', factors => 8, iterations => 5, holdout => 0);
SELECT promoai.cf_train('weighed', 'SELECT * FROM sold', 'item_knn', weighting => 'tfidf', holdout => 0);
SELECT promoai.content_train('kinds', 'SELECT * FROM goods', interactions => 'SELECT * FROM sold', holdout => 0);
CREATE TABLE before_and_after AS
SELECT source, e.* FROM unnest('{sold,sold_on}'::text[]) source,
	promoai.cf_evaluate('{ease,pop,near,weighed,factors,kinds,dated,of_tuned}', format('SELECT * FROM %I', source), from_time => '2024-10-01', test_days => 30, k => '{5,10}') e;
SELECT is((SELECT count(*) FROM before_and_after), 2 * 11 * 4 * 2 * 8::bigint, 'all figures of all kinds');
SELECT is_empty($$ SELECT model, targets, exclude_seen, metric, length FROM before_and_after GROUP BY model, targets, exclude_seen, metric, length
	HAVING count(DISTINCT (value, low, high, customers, difference, p_value)) > 1 $$, 'later rows and strangers change none');
SELECT is((SELECT test_value FROM promoai.cf_tune('tuned_on', 'SELECT * FROM sold_on', '{"method": "mf", "factors": 8, "iterations": 5}', from_time => '2024-10-01', test_days => 30)),
	(SELECT test_value FROM promoai.cf_tune('tuned_off', 'SELECT * FROM sold', '{"method": "mf", "factors": 8, "iterations": 5}', from_time => '2024-10-01', test_days => 30)), 'nor what is tuned reaches');

-- The figure is that of a model trained before the cut and judged by evaluate afterwards.
SELECT promoai.mf_train('factors_then', $$ SELECT * FROM sold WHERE at < '2024-10-01' $$, factors => 8, iterations => 5, holdout => 0);
SELECT ok(abs(e.value - b.value) < 1e-9, 'as if trained then: ' || b.metric)
FROM promoai.evaluate('factors_then', $$ SELECT customer, item FROM sold WHERE at >= '2024-10-01' AND at < '2024-10-31' AND customer IN (SELECT customer FROM sold WHERE at < '2024-10-01') $$, k => 10) e
JOIN before_and_after b ON e.metric = b.metric || '@10' AND b.source = 'sold_on' AND b.model = 'factors' AND b.targets = 'new' AND b.length = 10
WHERE b.metric IN ('recall', 'coverage') ORDER BY b.metric;

-- Trainers that hold out what came after a time: strangers and what they bought then change no figure of theirs.
CREATE VIEW sold_to_strangers AS SELECT customer, item, quantity, at FROM sold UNION ALL SELECT 1000 + g, 1000 + g % 500, 1, timestamptz '2024-10-15' FROM generate_series(1, 3000) g;
CREATE TABLE reported AS
SELECT source, 'mf' AS trainer, r.metrics FROM unnest('{sold,sold_to_strangers}'::text[]) source, promoai.mf_train('late_mf', format('SELECT * FROM %I', source), factors => 8, iterations => 5, metrics_k => 10, holdout_after => '2024-09-30 23:59:59.999999') r
UNION ALL SELECT source, 'cf ' || method, r.metrics FROM unnest('{sold,sold_to_strangers}'::text[]) source, unnest('{ease,item_knn,user_knn,rp3beta,popular,buy_again}'::text[]) method,
	promoai.cf_train('late_' || method, format('SELECT * FROM %I', source), method, metrics_k => 10, holdout_after => '2024-09-30 23:59:59.999999') r
UNION ALL SELECT source, 'hybrid', r.metrics FROM unnest('{sold,sold_to_strangers}'::text[]) source, promoai.hybrid_train('late_hybrid', '{ease,pop,factors}', format('SELECT * FROM %I', source), holdout_after => '2024-09-30 23:59:59.999999') r;
SELECT is((SELECT count(*) FROM reported WHERE metrics ?& '{ndcg@10,coverage@10}' OR metrics ?& '{ndcg@20,coverage@20}'), 16::bigint, 'all report what they reached');
SELECT is_empty($$ SELECT trainer FROM reported GROUP BY trainer HAVING count(DISTINCT metrics - '{loss,repeat_share}'::text[]) > 1 $$, 'strangers change none of it');
SELECT ok(abs((r.metrics->>'recall@10')::float8 - e.value) < 1e-9, 'factors as if trained then')
FROM reported r, promoai.evaluate('factors_then', $$ SELECT customer, item FROM sold WHERE at >= '2024-10-01' AND customer IN (SELECT customer FROM sold WHERE at < '2024-10-01') $$, k => 10) e
WHERE r.source = 'sold_to_strangers' AND r.trainer = 'mf' AND e.metric = 'recall@10';
SELECT promoai.cf_train('ease_then', $$ SELECT * FROM sold WHERE at < '2024-10-01' $$, 'ease', holdout => 0);
SELECT ok(abs((r.metrics->>e.metric)::float8 - e.value) < 1e-9, 'and EASE: ' || e.metric)
FROM reported r, promoai.evaluate('ease_then', $$ SELECT customer, item FROM sold WHERE at >= '2024-10-01' AND customer IN (SELECT customer FROM sold WHERE at < '2024-10-01') $$, k => 10) e
WHERE r.source = 'sold_to_strangers' AND r.trainer = 'cf ease' AND e.metric IN ('recall@10', 'coverage@10') ORDER BY e.metric;

-- Items that only those have who are held out, or only as their last, in every protocol.
CREATE VIEW own AS SELECT customer, item, at FROM sold UNION ALL SELECT g, 5000 + g, '2025-01-01' FROM generate_series(1, 200) g;
SELECT ok(bool_and(value >= 0 AND value < 'infinity') AND count(*) > 0, p || ' with items of one customer each') FROM unnest('{leave_last_out,strong_generalization,sampled}'::text[]) p,
	promoai.cf_evaluate('{ease,near,factors,kinds}', 'SELECT * FROM own', p) GROUP BY p ORDER BY p;

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

-- Values of a grid that an argument does not take.
SELECT throws_ok(format($$ SELECT promoai.cf_tune('t', 'SELECT customer, item FROM sold', '{"method": "rp3beta", %s}') $$, given), '22023', message, message)
FROM (VALUES ('"alpha": "x"', 'argument "alpha" must be a number, got "x"'), ('"alpha": true', 'argument "alpha" must be a number, got true'),
	('"value_transform": 5', 'argument "value_transform" must be a string, got 5'), ('"neighbours": 1e30', 'argument "neighbours" must be between 1 and 100000, got 1e+30'),
	('"neighbours": [3, 2.5]', 'argument "neighbours" must be a whole number, got 2.5'), ('"verbose": true', 'there is no argument "verbose"'),
	('"seed": 9007199254740993', 'argument "seed" must be between -9007199254740992 and 9007199254740992, got 9007199254740993')) v(given, message);
SELECT throws_ok($$ SELECT promoai.cf_tune('t', 'SELECT customer, item FROM sold', '{"method": ["ease", true]}') $$, '22023', 'argument "method" must be a string, got true', 'a method that is no name');
SELECT throws_ok(format($$ SELECT promoai.%s, seed => 9007199254740993) $$, t), '22023',
	'argument "seed" must be between -9007199254740992 and 9007199254740992, got 9007199254740993', t || ': a seed that no double tells from its neighbour')
FROM unnest(ARRAY[$$mf_train('t', 'SELECT customer, item FROM sold'$$, $$kmeans_train('t', 'SELECT customer, quantity FROM sold', 2$$]) t;

-- ---- ratings after a time: of pairs that were rated before nothing is to be found ----

SELECT promoai.mf_train('later', 'SELECT customer, item, quantity, at FROM sold UNION ALL SELECT customer, item, quantity, at + interval ''3 years'' FROM sold WHERE item < 30', feedback => 'explicit', factors => 3, holdout_after => '2024-07-01');
SELECT is((SELECT n FROM promoai.model_metrics WHERE model = 'later' AND metric = 'rmse'),
	(SELECT count(*) FROM (SELECT customer, item FROM sold GROUP BY 1, 2 HAVING min(at) > '2024-07-01') s), 'pairs rated before are not judged again');

SELECT * FROM finish();
ROLLBACK;
