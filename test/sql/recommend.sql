-- Factor models on a shop small enough to follow: two tastes, customers 1 to 20 buy tea things, 21 to 40 garden things.
SET client_min_messages = warning;
SET search_path = public;
CREATE TABLE sale (customer int, item text, quantity int, sold_at timestamptz);
INSERT INTO sale
SELECT c, CASE WHEN c <= 20 THEN 'tea-' ELSE 'garden-' END || i, 1 + (c + i) % 3,
       timestamptz '2026-01-01 00:00+00' + (c * 7 + i) % 60 * interval '1 day'
FROM generate_series(1, 40) c, generate_series(1, 8) i
WHERE (c * 5 + i * 3) % 7 <> 0;

-- What a trainer would read.
SELECT rows_read, rows_skipped, customers, items FROM promoai.source_scan('sale');
SELECT rows_read, rows_skipped, customers, items
FROM promoai.source_scan('SELECT customer, item FROM sale WHERE customer < 3');

-- Training reports what it did; metrics stand beside popularity.
SELECT model, version, kind, rows_read, rows_skipped, rows_merged, pairs_dropped, customers, items, interactions
FROM promoai.mf_train('taste', 'SELECT customer, item, quantity FROM sale', factors => 4, metrics_k => 3);
SELECT metric, split, n > 0 AS has_n, value BETWEEN 0 AND 1 OR metric = 'loss' AS in_range,
       low <= value AND value <= high AS interval_holds
FROM promoai.model_metrics WHERE model = 'taste' ORDER BY metric;
SELECT bool_and(m.value > p.value) AS better_than_popularity
FROM promoai.model_metrics m JOIN promoai.model_metrics p ON p.metric = 'popularity_' || m.metric
WHERE m.model = 'taste' AND p.model = 'taste' AND m.metric <> 'coverage@3';

-- Everyone is recommended what is left of his own taste first, and exactly k rows.
SELECT c.customer, r.rank, r.item, r.item_no, r.answered_by
FROM (VALUES (1), (30)) c(customer), promoai.cf_recommend('taste', c.customer, k => 2) r
ORDER BY c.customer, r.rank;
SELECT customer, count(*) FROM generate_series(1, 40) customer, promoai.cf_recommend('taste', customer, 9)
GROUP BY customer HAVING count(*) <> 9;
SELECT count(*) AS nothing_bought_before
FROM generate_series(1, 40) c, promoai.cf_recommend('taste', c, 5) r, sale s
WHERE (s.customer, s.item) = (c, r.item);
SELECT count(*) AS all_items FROM promoai.cf_recommend('taste', 1, k => 100, exclude_seen => false);
SELECT bool_and(item LIKE 'tea-%') AS own_taste_first FROM promoai.cf_recommend('taste', 1, k => 8, exclude_seen => false);

-- Ids may come as text; candidates restrict before ranking, unknown ones and NULLs are passed over.
SELECT (SELECT array_agg(item ORDER BY rank) FROM promoai.cf_recommend('taste', 7, 4))
     = (SELECT array_agg(item ORDER BY rank) FROM promoai.cf_recommend('taste', '7', 4)) AS same;
SELECT rank, item FROM promoai.cf_recommend('taste', 1, k => 3, exclude_seen => false,
    candidates => ARRAY['garden-1', 'tea-3', 'tea-3', NULL, 'nothing']);
SELECT rank, item FROM promoai.cf_recommend('taste', 1, candidates => '{}'::text[]);

-- Somebody whom the model does not know, NULL, an empty history: popularity, which is the number of buyers.
SELECT rank, item, score, answered_by FROM promoai.cf_recommend('taste', 999, 3);
SELECT rank, item, answered_by FROM promoai.cf_recommend('taste', NULL::int, 1);
SELECT rank, item, score, answered_by FROM promoai.cf_recommend_basket('taste', k => 3);
SELECT rank, item, answered_by FROM promoai.cf_recommend_basket('taste', ARRAY['nothing', NULL], k => 1);

-- A history is folded in; what is in it is not recommended again, unless asked for.
SELECT rank, item LIKE 'garden-%' AS garden, answered_by
FROM promoai.cf_recommend_basket('taste', ARRAY['garden-1', 'garden-2', 'garden-2'], k => 2);
SELECT count(*) FROM promoai.cf_recommend_basket('taste', ARRAY['garden-1', 'garden-2'], k => 100);
SELECT count(*) FROM promoai.cf_recommend_basket('taste', ARRAY['garden-1', 'garden-2'], k => 100, exclude_seen => false);
-- Once the iterations have converged, a known customer's whole history gives his own answer.
SELECT interactions FROM promoai.mf_train('converged', 'sale', factors => 2, holdout => 0, iterations => 1000);
SELECT max(abs(f.score - r.score)) < 1e-3 AS same_scores
FROM (SELECT array_agg(item) AS items FROM sale WHERE customer = 5) h,
     promoai.cf_recommend_basket('converged', h.items, k => 100) f
JOIN promoai.cf_recommend('converged', 5, k => 100) r USING (item);
-- Weights of zero are no purchases.
SELECT DISTINCT answered_by FROM promoai.cf_recommend_basket('taste', ARRAY['tea-1'], ARRAY[0::float8]);

-- Prediction is the score that ranks.
SELECT bool_and(abs(promoai.cf_predict('taste', 3, item) - score) < 1e-5) AS same
FROM promoai.cf_recommend('taste', 3, k => 100);
SELECT promoai.cf_predict('taste', 999, 'tea-1') AS unknown_customer, promoai.cf_predict('taste', 1, 'nothing') AS unknown_item,
       promoai.cf_predict('taste', NULL::int, 'tea-1') AS null_customer;

-- The model as a value scores the same, also after a journey as text or bytes; damage is noticed.
SELECT bool_and(promoai.cf_predict(v, customer, item) = promoai.cf_predict('taste', customer, item)
            AND promoai.cf_predict(v::text::promoai.model_bytes, customer, item) = promoai.cf_predict('taste', customer, item)) AS same
FROM promoai.model_value('taste') v, sale;
SELECT promoai.cf_predict(v, 999, 'tea-1') AS unknown_customer, promoai.cf_predict(v, 1, NULL::text) AS null_item
FROM promoai.model_value('taste') v;
CREATE TABLE carried AS SELECT promoai.model_value('taste') AS model;
SELECT promoai.cf_predict(model, 8, 'tea-2') = promoai.cf_predict('taste', 8, 'tea-2') AS same FROM carried;
DROP TABLE carried;
SELECT substr(promoai.model_bytes_send(promoai.model_value('taste')), 1, 500)::text::promoai.model_bytes;
SELECT set_byte(b, at, get_byte(b, at) # 1)::text::promoai.model_bytes
FROM promoai.model_bytes_send(promoai.model_value('taste')) b, (VALUES (1000)) flip(at);
SELECT ''::promoai.model_bytes;

-- What goes with what.
SELECT rank, item LIKE 'tea-%' AS tea, item <> 'tea-1' AS another, similarity BETWEEN -1.000001 AND 1.000001 AS cosine
FROM promoai.cf_similar_items('taste', 'tea-1', 3);
SELECT rank, item FROM promoai.cf_similar_items('taste', 'tea-1', candidates => ARRAY['garden-4', 'tea-1']);

-- Everybody at once gives the same as one by one.
SELECT count(*), count(*) FILTER (WHERE r.item IS DISTINCT FROM a.item) AS different
FROM promoai.cf_recommend_all('taste', 3) a
LEFT JOIN LATERAL promoai.cf_recommend('taste', a.customer_no, 3) r ON r.rank = a.rank;

-- Factors, and that their product is the score.
SELECT count(*), min(array_length(factors, 1)), max(array_length(factors, 1)) FROM promoai.mf_item_factors('taste');
SELECT abs((SELECT sum(a * b) FROM unnest(u.factors, i.factors) AS f(a, b)) - promoai.cf_predict('taste', 8, 'tea-2')) < 1e-5 AS same
FROM promoai.mf_user_factors('taste') u, promoai.mf_item_factors('taste') i
WHERE u.customer_no = 8 AND i.item = 'tea-2';

-- Ids of every kind: bigint x text above, uuid x bigint, text x text, numeric without fraction, varchar.
CREATE TABLE sale_uuid AS
SELECT md5(customer::text)::uuid AS customer, substr(item, length(item))::bigint AS item FROM sale;
SELECT customers, items, interactions FROM promoai.mf_train('uuid_bigint', 'sale_uuid', factors => 4, holdout => 0);
SELECT rank, item, item_no, answered_by FROM promoai.cf_recommend('uuid_bigint', md5('1')::uuid, k => 2, exclude_seen => false);
SELECT rank, item_no FROM promoai.cf_recommend('uuid_bigint', md5('1')::uuid, candidates => ARRAY[2, 3], exclude_seen => false)
ORDER BY item_no;
SELECT count(*) FROM promoai.cf_recommend('uuid_bigint', md5('1'), k => 3, exclude_seen => false);
SELECT rank, answered_by FROM promoai.cf_recommend_basket('uuid_bigint', ARRAY[1, 2], k => 1);
SELECT customer::uuid = md5('1')::uuid AS same, customer_no FROM promoai.mf_user_factors('uuid_bigint')
WHERE customer = (md5('1')::uuid)::text;
SELECT customers, items, interactions
FROM promoai.mf_train('text_text', $$SELECT ' c' || customer, item::varchar(20), quantity::numeric FROM sale$$, factors => 4, holdout => 0);
SELECT rank, answered_by FROM promoai.cf_recommend('text_text', ' c1', k => 1);
SELECT customers, items FROM promoai.mf_train('numeric_char', 'SELECT customer::numeric, item::char(12) FROM sale', factors => 4, holdout => 0);
SELECT rank, item = rtrim(item) AS trimmed, answered_by FROM promoai.cf_recommend('numeric_char', 1, k => 1);

-- Repeated pairs are summed, netted pairs at or below zero dropped, rows with NULL skipped; all of it counted. An item that
-- everybody returned is not in the model.
CREATE TABLE returned (customer bigint, item text, quantity real);
INSERT INTO returned SELECT customer, item, quantity FROM sale WHERE customer <= 5;
INSERT INTO returned SELECT customer, item, -quantity FROM sale WHERE customer = 5;
INSERT INTO returned VALUES (1, 'tea-x', 2), (1, 'tea-x', -2), (2, NULL, 1), (NULL, 'tea-1', 1), (3, 'tea-1', NULL);
SELECT rows_read, rows_skipped, rows_merged, pairs_dropped, customers, items, interactions
FROM promoai.mf_train('returned', 'returned', factors => 2, holdout => 0);
SELECT answered_by FROM promoai.cf_recommend('returned', 5, k => 1);
SELECT count(*) FROM promoai.cf_recommend('returned', 1, k => 100, exclude_seen => false) WHERE item = 'tea-x';

-- Weights: log1p and none differ from binary and from each other.
SELECT interactions FROM promoai.mf_train('w1', 'sale', factors => 4, holdout => 0, value_transform => 'binary');
SELECT interactions FROM promoai.mf_train('w2', 'sale', factors => 4, holdout => 0, value_transform => 'log1p');
SELECT interactions FROM promoai.mf_train('w3', 'sale', factors => 4, holdout => 0, value_transform => 'none');
-- A semicolon at the end of a name or a query does no harm.
SELECT rows_read > 0 AS read FROM unnest(ARRAY['sale;', E'sale ;\n', 'TABLE sale;']) source, promoai.source_scan(source);
SELECT count(DISTINCT round(value::numeric, 2)) AS different_losses
FROM promoai.model_metrics m WHERE m.model IN ('w1', 'w2', 'w3') AND metric = 'loss';

-- Conjugate gradients come close to the exact solution, on the same objective, and give the same kind of model.
SELECT interactions FROM promoai.mf_train('steps', 'sale', factors => 4, holdout => 0, solver => 'cg');
SELECT abs(s.value / e.value - 1) < 0.005 AS close
FROM promoai.model_metrics s, promoai.model_metrics e
WHERE (s.model, s.metric) = ('steps', 'loss') AND (e.model, e.metric) = ('w1', 'loss');
SELECT rank, item LIKE 'tea-%' AS tea, answered_by FROM promoai.cf_recommend('steps', 1, k => 2, exclude_seen => false);
SELECT version FROM promoai.retrain('steps');
SELECT arguments ->> 'solver' AS solver FROM promoai.models WHERE model = 'steps';

-- Ratings: biases and factors, by alternating least squares or stochastic gradients; errors on the holdout beside the mean's.
CREATE TABLE rating AS
SELECT c AS customer, 'i' || i AS item,
       least(5, greatest(1, round(3 + (c % 3 - 1) * 0.8 + (i % 4 - 1.5) * 0.6 + (CASE WHEN (c + i) % 2 = 0 THEN 0.7 ELSE -0.7 END))))::real AS stars
FROM generate_series(1, 60) c, generate_series(1, 30) i WHERE (c * 7 + i * 11) % 5 > 0;
SELECT kind, customers, items, interactions, (metrics ->> 'rmse')::float8 < 0.6 * (metrics ->> 'mean_rmse')::float8 AS better_than_mean,
       metrics ? 'mae' AS has_mae
FROM promoai.mf_train('stars', 'rating', feedback => 'explicit', factors => 4, regularization_prior => 0);
SELECT (metrics ->> 'rmse')::float8 < 0.6 * (metrics ->> 'mean_rmse')::float8 AS better_than_mean
FROM promoai.mf_train('gradients', 'rating', feedback => 'explicit', solver => 'sgd', factors => 8, iterations => 60, regularization_prior => 0);
SELECT round(avg(abs(promoai.cf_predict('stars', customer, item) - stars))::numeric, 1) AS mean_error FROM rating;
SELECT bool_and(abs(r.score - promoai.cf_predict('stars', 1, r.item)) < 1e-4) AS score_is_the_prediction, count(*)
FROM promoai.cf_recommend('stars', 1, k => 100, exclude_seen => false) r;
-- Who or what is not known is predicted from the rest.
SELECT abs(promoai.cf_predict('stars', 999, 'nothing') - avg(stars)) < 1e-4 AS the_mean FROM rating;
SELECT promoai.cf_predict('stars', 999, 'i3') > promoai.cf_predict('stars', 999, 'i4') AS by_the_item;
-- A history with its ratings is folded in as the exact row.
SELECT interactions FROM promoai.mf_train('settled', 'rating', feedback => 'explicit', factors => 2, holdout => 0, iterations => 500, clip => true);
SELECT max(abs(f.score - r.score)) < 0.01 AS same_scores, max(f.score) <= 5 AS clipped
FROM (SELECT array_agg(item) AS items, array_agg(stars::float8) AS stars FROM rating WHERE customer = 5) h,
     promoai.cf_recommend_basket('settled', h.items, h.stars, k => 100) f
JOIN promoai.cf_recommend('settled', 5, k => 100) r USING (item);
SELECT bool_and(promoai.cf_predict(v, customer, item) = promoai.cf_predict('stars', customer, item)) AS same_as_a_value
FROM promoai.model_value('stars') v, rating;
SELECT metric, n FROM promoai.evaluate('stars', 'rating');
-- Repeated ratings are averaged, and may be of any sign.
SELECT interactions, rows_merged, pairs_dropped
FROM promoai.mf_train('any', $$SELECT * FROM (VALUES (1, 'a', -2), (1, 'a', 0), (1, 'b', 3), (2, 'a', -1), (2, 'b', 0)) v$$,
                      feedback => 'explicit', factors => 1, holdout => 0, iterations => 50, regularization => 0.001, bias_regularization => 0.001);
SELECT (SELECT array_agg(round(promoai.cf_predict('any', c, i)::numeric) ORDER BY c, i)
        FROM (VALUES (1, 'a'), (1, 'b'), (2, 'a'), (2, 'b')) v(c, i)) AS close_to_the_ratings;
DROP TABLE rating;

-- Holding out everything after a time; tolerance ends early; the same seed gives the same model.
SELECT metrics ? 'recall@5' AS judged
FROM promoai.mf_train('later', 'sale', factors => 4, metrics_k => 5, holdout_after => '2026-02-10 00:00+00');
SELECT split FROM promoai.model_metrics WHERE model = 'later' AND metric = 'recall@5';
SELECT interactions FROM promoai.mf_train('early', 'sale', factors => 4, holdout => 0, iterations => 500, tolerance => 0.001);
SELECT (sizes ->> 'iterations')::int < 500 AS early FROM promoai.model_versions WHERE model = 'early';
SELECT interactions FROM promoai.mf_train('again', 'SELECT * FROM sale ORDER BY md5(sale::text)', factors => 4, holdout => 0,
                                          iterations => 500, tolerance => 0.001);
SELECT (SELECT array_agg(factors ORDER BY item) FROM promoai.mf_item_factors('early'))
     = (SELECT array_agg(factors ORDER BY item) FROM promoai.mf_item_factors('again')) AS same_bytes;

-- Customers of whom nothing was known before that time are not judged.
SELECT n FROM promoai.model_metrics WHERE model = 'later' AND metric = 'recall@5'
UNION ALL
SELECT count(*) FROM (SELECT customer FROM sale GROUP BY customer
                      HAVING min(sold_at) <= '2026-02-10 00:00+00' AND max(sold_at) > '2026-02-10 00:00+00') known;

-- A published model is measured on any source, with the history it knows or one that is given.
SELECT metric, n FROM promoai.evaluate('taste', 'SELECT customer, item FROM sale', k => 3);
SELECT metric, n, value > 0.5 AS good
FROM promoai.evaluate('taste', $$SELECT -1, unnest(ARRAY['tea-4', 'tea-5', 'no such thing'])$$, k => 3,
                      history => $$SELECT -1, unnest(ARRAY['tea-1', 'tea-2', 'tea-3'])$$)
WHERE metric IN ('precision@3', 'recall@3');

-- Far more bought items than the model knows are so many misses.
SELECT metric, n, value FROM promoai.evaluate('taste', $$SELECT 1, 'strange-' || i FROM generate_series(1, 5000) i$$, k => 3)
WHERE metric = 'recall@3';

-- One row, one customer, one item, all the same.
SELECT customers, items, interactions FROM promoai.mf_train('one', $$SELECT 1, 'a'$$);
SELECT rank, item, answered_by FROM promoai.cf_recommend('one', 1, exclude_seen => false);
SELECT rank, item FROM promoai.cf_recommend('one', 1);
SELECT rank FROM promoai.cf_similar_items('one', 'a');
SELECT interactions, rows_merged FROM promoai.mf_train('same', $$SELECT 1, 'a' FROM generate_series(1, 100)$$);

DROP TABLE sale, sale_uuid, returned;
SELECT promoai.model_drop(model) FROM promoai.models;
