-- Recommenders by who had what: the interface, and what is said of what is wrong.
SET client_min_messages = warning;
\set SHOW_CONTEXT never
CREATE TABLE sold (customer int, item text, quantity float8, sold_at timestamptz);
INSERT INTO sold SELECT c, 'i' || i, 1 + (c + i) % 3, timestamptz '2026-01-01 00:00+00' + make_interval(hours => 24 * ((c * 5 + i * 7) % 60))
FROM generate_series(1, 9) c, generate_series(1, 9) i WHERE (c + i * i) % 3 > 0 OR c = i;

SELECT model, version, kind, rows_read, rows_skipped, rows_merged, pairs_dropped, customers, items, interactions
FROM promoai.cf_train('near', 'SELECT customer, item FROM sold', 'item_knn', holdout => 0);
SELECT metric, split FROM promoai.model_metrics WHERE model = 'near' ORDER BY 1;
SELECT rank, item, item_no, round(score::numeric, 3) AS score, answered_by, boosted_score = score AS same FROM promoai.cf_recommend('near', 3, k => 3);
SELECT rank, because, because_no, part > 0 AS adds, reason FROM promoai.cf_explain('near', 3, 'i2', k => 2);
SELECT reason FROM promoai.cf_explain('near', 3, 'i2', k => 1, language => 'zh');
SELECT rank, customer, customer_no FROM promoai.cf_target_users('near', 'i2', k => 2);
SELECT (promoai.retrain('near')).version;
SELECT arguments ->> 'method' AS method, arguments ->> 'neighbours' AS neighbours, arguments ->> 'weighting' AS weighting FROM promoai.model_definition('near');

-- Arguments that make no sense, alone or together.
SELECT promoai.cf_train('m', 'sold', NULL);
SELECT promoai.cf_train('m', 'sold', 'als');
SELECT promoai.cf_train('m', NULL, 'ease');
SELECT promoai.cf_train(NULL, 'sold', 'ease');
SELECT promoai.cf_train('', 'sold', 'ease');
SELECT promoai.cf_train('m', 'sold', 'ease', feedback => 'both');
SELECT promoai.cf_train('m', 'sold', 'ease', feedback => 'explicit');
SELECT promoai.cf_train('m', 'sold', 'ease', neighbours => 0);
SELECT promoai.cf_train('m', 'sold', 'popular', neighbours => 5);
SELECT promoai.cf_train('m', 'sold', 'ease', regularization => 0);
SELECT promoai.cf_train('m', 'sold', 'ease', regularization => 'NaN');
SELECT promoai.cf_train('m', 'sold', 'ease', regularization => 'infinity');
SELECT promoai.cf_train('m', 'sold', 'item_knn', regularization => 10);
SELECT promoai.cf_train('m', 'sold', 'ease', similarity => 'cosine');
SELECT promoai.cf_train('m', 'sold', 'item_knn', similarity => 'jaccard');
SELECT promoai.cf_train('m', 'sold', 'item_knn', shrinkage => -1);
SELECT promoai.cf_train('m', 'sold', 'rp3beta', shrinkage => 1);
SELECT promoai.cf_train('m', 'sold', 'rp3beta', weighting => 'bm25');
SELECT promoai.cf_train('m', 'sold', 'item_knn', bm25_k1 => 2);
SELECT promoai.cf_train('m', 'sold', 'item_knn', weighting => 'bm25', bm25_b => 2);
SELECT promoai.cf_train('m', 'sold', 'ease', alpha => 1);
SELECT promoai.cf_train('m', 'sold', 'rp3beta', beta => 'NaN');
SELECT promoai.cf_train('m', 'sold', 'item_knn', half_life => 30);
SELECT promoai.cf_train('m', 'sold', 'popular', half_life => 0);
SELECT promoai.cf_train('m', 'SELECT customer, item FROM sold', 'popular', half_life => 30);
SELECT promoai.cf_train('m', 'sold', 'popular', value_transform => 'none');
SELECT promoai.cf_train('m', 'sold', 'ease', value_transform => 'sqrt');
SELECT promoai.cf_train('m', 'sold', 'user_knn', feedback => 'explicit', weighting => 'tfidf');
SELECT promoai.cf_train('m', 'sold', 'user_knn', feedback => 'explicit', value_transform => 'none');
SELECT promoai.cf_train('m', 'SELECT customer, item FROM sold', 'user_knn', feedback => 'explicit');
SELECT promoai.cf_train('m', 'sold', 'buy_again', holdout => 0.1);
SELECT promoai.cf_train('m', 'sold', 'ease', holdout => 0.1, holdout_after => now());
SELECT promoai.cf_train('m', 'SELECT customer, item FROM sold', 'ease', holdout_after => now());
SELECT promoai.cf_train('m', 'sold', 'ease', holdout => 1);
SELECT promoai.cf_train('m', 'sold', 'ease', metrics_k => 0);
SELECT promoai.cf_train('m', 'sold', 'ease', seed => NULL);
SELECT promoai.cf_train('m', 'sold', 'ease', memory => '1kB');
SELECT promoai.cf_train('m', 'SELECT c, i FROM generate_series(1, 2) c, generate_series(1, 1500) i', 'ease', memory => '8MB');

-- Sources.
SELECT promoai.cf_train('m', 'SELECT customer FROM sold', 'ease');
SELECT promoai.cf_train('m', 'SELECT customer, item FROM sold WHERE false', 'ease');
SELECT promoai.cf_train('m', 'SELECT customer, item, -quantity FROM sold', 'ease');
SELECT promoai.cf_train('m', $$SELECT customer, item, 'NaN'::float8 FROM sold WHERE customer = 4$$, 'ease');
SELECT promoai.cf_train('m', $$SELECT customer, item, quantity, '-infinity'::timestamptz FROM sold WHERE customer = 4$$, 'popular', half_life => 5);
-- Ratings may be anything finite; what has no neighbours has no prediction.
SELECT customers, items FROM promoai.cf_train('m', 'SELECT customer, item, quantity - 2 FROM sold', 'user_knn', feedback => 'explicit', similarity => 'pearson', holdout => 0);
SELECT customers, items FROM promoai.cf_train('m', 'SELECT customer, item, 3 FROM sold', 'user_knn', feedback => 'explicit', similarity => 'pearson', holdout => 0);
SELECT promoai.cf_predict('m', 1, 'i5') IS NULL AS none;
SELECT rank, item, answered_by FROM promoai.cf_recommend('m', 1, k => 2, exclude_seen => false);
SELECT promoai.model_drop('m');

-- One row, one customer, one item; everybody has everything: a list for everybody all the same.
\set methods 'unnest(ARRAY[''ease'', ''item_knn'', ''user_knn'', ''rp3beta'', ''popular'', ''buy_again'']) WITH ORDINALITY m (m, place)'
SELECT m, x.customers, x.items FROM :methods, promoai.cf_train(m, 'SELECT 1, 1', m, holdout => 0) x ORDER BY place;
SELECT m, r.* FROM :methods, promoai.cf_recommend(m, 1, k => 5, exclude_seen => false) r ORDER BY place, rank;
SELECT m, x.customers, x.items FROM :methods, promoai.cf_train(m, 'SELECT c, i FROM generate_series(1, 4) c, generate_series(1, 3) i', m, holdout => 0) x ORDER BY place;
SELECT m, count(*), count(DISTINCT score) AS scores, min(answered_by) AS answered_by FROM :methods, promoai.cf_recommend(m, 1, k => 5, exclude_seen => false) r GROUP BY m, place ORDER BY place;
SELECT m, count(*) FROM :methods, promoai.cf_recommend(m, 1, k => 5, exclude_seen => true) r GROUP BY m, place ORDER BY place;

-- What came back: customers and items whose pairs are all gone leave together, whatever the method.
CREATE TABLE back (customer int, item text, quantity float8, at timestamptz);
INSERT INTO back VALUES (2, 'a', 1, timestamptz '2026-01-01 00:00+00'), (3, 'b', 1, '2026-01-02 00:00+00'), (3, 'a', 1, '2026-01-03 00:00+00'),
	(3, 'a', 1, '2026-01-04 00:00+00'), (3, 'c', 1, '2026-01-05 00:00+00'), (3, 'c', -1, '2026-01-06 00:00+00'),
	(1, 'c', 1, '2026-01-07 00:00+00'), (1, 'c', -1, '2026-01-08 00:00+00');
SELECT m, x.customers, x.items, x.interactions, x.pairs_dropped, x.metrics FROM :methods, promoai.cf_train(m, 'back', m, holdout => 0) x ORDER BY place;
SELECT customers, items FROM promoai.cf_train('recent', 'back', 'popular', half_life => 1, holdout => 0);
SELECT m, string_agg(r.item, ' ' ORDER BY r.rank) AS items FROM (SELECT m, place FROM :methods UNION ALL VALUES ('recent', 9)) m (m, place), promoai.cf_recommend(m, 9, k => 9) r GROUP BY m, place ORDER BY place;
SELECT rank, item, score FROM promoai.cf_recommend('recent', 2, exclude_seen => false);
SELECT DISTINCT customers FROM promoai.cf_evaluate('{recent}', 'back', protocol => 'leave_last_out', k => '{1}');

-- Rules.
SELECT * FROM promoai.cf_recommend('near', 1, candidates => ARRAY['i1','i2']::text[], boosts => '{1}');
SELECT * FROM promoai.cf_recommend('near', 1, candidates => ARRAY['i1','i2']::text[], boosts => '{1,0}');
SELECT * FROM promoai.cf_recommend('near', 1, candidates => ARRAY['i1','i2']::text[], boosts => '{1,-2}');
SELECT * FROM promoai.cf_recommend('near', 1, candidates => ARRAY['i1','i2']::text[], boosts => '{1,NaN}');
SELECT * FROM promoai.cf_recommend('near', 1, candidates => ARRAY['i1','i2']::text[], boosts => '{1,infinity}');
SELECT * FROM promoai.cf_recommend('near', 1, boosts => '{1,2}');
SELECT * FROM promoai.cf_recommend('near', 1, candidates => ARRAY['i1','i2']::text[], categories => '{a,b,c}');
SELECT * FROM promoai.cf_recommend('near', 1, categories => '{a,b,c}');
SELECT * FROM promoai.cf_recommend('near', 1, candidates => ARRAY['i1','i2']::text[], max_per_category => 1);
SELECT * FROM promoai.cf_recommend('near', 1, candidates => ARRAY['i1','i2']::text[], categories => '{a,b}', max_per_category => 0);
SELECT * FROM promoai.cf_recommend('near', 1, diversity => 2);
SELECT * FROM promoai.cf_recommend('near', 1, diversity => 'NaN');
SELECT * FROM promoai.cf_recommend('popular', 1, diversity => 0.5);
SELECT rank, item FROM promoai.cf_recommend('near', 3, exclude_seen => false, candidates => ARRAY['i1',NULL,'i2','nothing']::text[], boosts => '{1,NULL,1000,1}', diversity => NULL);
SELECT rank, item FROM promoai.cf_recommend('near', 3, exclude_seen => false, candidates => ARRAY[['i1', 'i2'], ['i3', 'i4']], categories => '{{a,a},{NULL,NULL}}', max_per_category => 1) ORDER BY item;
SELECT count(*) FROM promoai.cf_recommend('near', 1, candidates => ARRAY[]::text[]);
SELECT count(*) FROM promoai.cf_recommend('near', 1, exclude => ARRAY['i1','i2','i3','i4','i5','i6','i7','i8','i9']::text[]);
SELECT count(*) FROM promoai.cf_recommend('near', NULL::bigint, k => 4);

-- Questions.
SELECT * FROM promoai.cf_recommend('no such model', 1);
SELECT * FROM promoai.cf_recommend('near', 1, k => 0);
SELECT * FROM promoai.cf_recommend('near', 1, version => 9);
SELECT * FROM promoai.cf_recommend('near', 'one');
SELECT * FROM promoai.cf_target_users('near', 'nothing');
SELECT * FROM promoai.cf_target_users('near', NULL::text);
SELECT * FROM promoai.cf_target_users('near', 'i1', k => 0);
SELECT * FROM promoai.cf_target_users('near', 'i1', exclude_buyers => NULL);
SELECT count(*) FROM promoai.cf_target_users('near', 'i1', candidates => ARRAY[]::bigint[]);
SELECT * FROM promoai.cf_explain('near', 1, 'nothing');
SELECT * FROM promoai.cf_explain('near', 1, 'i1', k => 0);
SELECT * FROM promoai.cf_explain('near', 1, 'i1', language => 'fr');
SELECT * FROM promoai.cf_explain('popular', 1, 'a');
SELECT count(*) FROM promoai.cf_explain('near', 77, 'i1');
SELECT count(*) FROM promoai.cf_explain('near', NULL::bigint, 'i1');
SELECT promoai.cf_predict('near', 77, 'i1') IS NULL AS unknown_customer, promoai.cf_predict('near', 1, 'nothing') IS NULL AS unknown_item, promoai.cf_predict('near', NULL::bigint, 'i1') IS NULL AS null_customer;
SELECT * FROM promoai.cf_similar_items('popular', 'a');
SELECT * FROM promoai.cf_recommend_basket('near', ARRAY['i1', 'i2'], weights => '{1}');
SELECT * FROM promoai.cf_recommend_basket('near', ARRAY['i1', 'i2'], weights => '{1,-1}');
SELECT count(*) FROM promoai.cf_recommend_basket('near', k => 4);

-- Comparisons.
SELECT * FROM promoai.cf_evaluate(NULL, 'sold');
SELECT * FROM promoai.cf_evaluate('{}', 'sold', baselines => false);
SELECT * FROM promoai.cf_evaluate('{near,NULL}', 'sold');
SELECT * FROM promoai.cf_evaluate('{no such model}', 'sold');
SELECT * FROM promoai.cf_evaluate('{near}', 'sold', protocol => 'random');
SELECT * FROM promoai.cf_evaluate('{near}', 'sold', k => '{}');
SELECT * FROM promoai.cf_evaluate('{near}', 'sold', k => '{0}');
SELECT * FROM promoai.cf_evaluate('{near}', 'sold', k => '{5,NULL}');
SELECT * FROM promoai.cf_evaluate('{near}', 'sold', k => '{1,2,3,4,5,6,7,8,9}');
SELECT * FROM promoai.cf_evaluate('{near}', 'sold', protocol => 'leave_last_out', test_days => 5);
SELECT * FROM promoai.cf_evaluate('{near}', 'sold', protocol => 'leave_last_out', from_time => now());
SELECT * FROM promoai.cf_evaluate('{near}', 'sold', test_share => 0.2);
SELECT * FROM promoai.cf_evaluate('{near}', 'sold', protocol => 'strong_generalization', test_share => 1);
SELECT * FROM promoai.cf_evaluate('{near}', 'sold', test_days => 0);
SELECT * FROM promoai.cf_evaluate('{near}', 'sold', test_days => 36500);
SELECT * FROM promoai.cf_evaluate('{near}', 'sold', from_time => '294276-12-01');
SELECT * FROM promoai.cf_evaluate('{near}', 'sold', from_time => '-infinity');
SELECT * FROM promoai.cf_evaluate('{near}', 'sold', from_time => 'infinity');
SELECT * FROM promoai.cf_evaluate('{near}', 'SELECT customer, item FROM sold');
SELECT * FROM promoai.cf_evaluate('{near}', 'SELECT customer, item FROM sold WHERE false', protocol => 'strong_generalization');
SELECT count(*) FROM promoai.cf_evaluate('{near}', 'SELECT customer, item FROM sold', protocol => 'strong_generalization', test_share => 0.5);
SELECT DISTINCT targets, exclude_seen, customers FROM promoai.cf_evaluate('{near,near}', 'sold', protocol => 'sampled', k => '{3,3,1}') ORDER BY 1, 2;
SELECT DISTINCT targets, exclude_seen FROM promoai.cf_evaluate('{near}', 'sold', protocol => 'leave_last_out') ORDER BY 1, 2;
SELECT customers FROM promoai.cf_train('rated', 'sold', 'user_knn', feedback => 'explicit', holdout => 0);
SELECT * FROM promoai.cf_evaluate('{rated}', 'sold', test_days => 20);

-- Grids.
SELECT * FROM promoai.cf_tune('t', 'sold', NULL);
SELECT * FROM promoai.cf_tune('t', 'sold', '1');
SELECT * FROM promoai.cf_tune('t', 'sold', '[]');
SELECT * FROM promoai.cf_tune('t', 'sold', '["ease"]');
SELECT * FROM promoai.cf_tune('t', 'sold', '{"method": "ease", "regularization": []}');
SELECT * FROM promoai.cf_tune('t', 'sold', '{"method": "ease", "regularization": {"from": 1}}');
SELECT * FROM promoai.cf_tune('t', 'sold', '{"method": "ease", "regularization": [[1]]}');
SELECT * FROM promoai.cf_tune('t', 'sold', '{"method": "ease", "lambda": 1}');
SELECT * FROM promoai.cf_tune('t', 'sold', '{"method": "ease", "regularization": -1}');
SELECT * FROM promoai.cf_tune('t', 'sold', '{"method": "ease", "half_life": 1}');
SELECT * FROM promoai.cf_tune('t', 'sold', '{"regularization": 1}');
SELECT * FROM promoai.cf_tune('t', 'sold', '{}');
SELECT * FROM promoai.cf_tune('t', 'sold', '{"method": ["ease", "mf"]}');
SELECT * FROM promoai.cf_tune('t', 'sold', '{"method": "ease"}', protocol => 'sampled');
SELECT * FROM promoai.cf_tune('t', 'sold', '{"method": "ease"}', targets => 'some');
SELECT * FROM promoai.cf_tune('t', 'sold', '{"method": "ease"}', metric => 'coverage');
SELECT * FROM promoai.cf_tune('t', 'sold', '{"method": "ease"}', k => 0);
SELECT * FROM promoai.cf_tune('t', 'sold', '{"method": "ease"}', max_seconds => 0);
SELECT * FROM promoai.cf_tune('t', 'sold', '{"method": "user_knn", "feedback": "explicit"}', test_days => 10);
SELECT trial, arguments, measure, seconds IS NOT NULL AS ran, test_value IS NOT NULL AS tested FROM promoai.cf_tune('t', 'sold', '[{"method": "ease", "regularization": [5, 50]}, {"method": ["popular"]}]', test_days => 10, k => 3) ORDER BY trial;
SELECT metric, count(*) FROM promoai.model_metrics WHERE model = 't' AND metric ~ '^(test|validation)_' GROUP BY 1 ORDER BY 1;

-- Rights.
CREATE ROLE cf_stranger;
GRANT USAGE ON SCHEMA promoai TO cf_stranger;
SET ROLE cf_stranger;
SELECT * FROM promoai.cf_recommend('near', 1);
SELECT * FROM promoai.cf_target_users('near', 'i1');
SELECT * FROM promoai.cf_explain('near', 1, 'i1');
SELECT promoai.cf_train('near', 'SELECT 1, 1', 'ease');
SELECT * FROM promoai.cf_tune('near', 'SELECT 1, 1, now()', '{"method": "ease"}');
RESET ROLE;
SELECT promoai.model_grant('near', 'cf_stranger');
SET ROLE cf_stranger;
SELECT count(*) FROM promoai.cf_recommend('near', 3, k => 1);
SELECT * FROM promoai.cf_evaluate('{near}', 'SELECT 1, 1, now()');
RESET ROLE;

DROP TABLE sold, back;
SELECT promoai.model_drop(model) FROM promoai.models;
DROP OWNED BY cf_stranger;
DROP ROLE cf_stranger;
