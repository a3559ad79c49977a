-- Segments around centroids: what the functions answer, and what they say to arguments and rows that make no sense.
SET extra_float_digits = -5; -- what is left is the same on every processor

-- three clouds of customers, apart
CREATE TEMP TABLE portrait AS
SELECT c AS customer, 1.0 * (c % 3 * 40 + c % 7) AS recency, 1 + c % 3 * 10 + c % 5 AS orders, 7 AS shop
FROM generate_series(1, 60) c WHERE c % 3 <> 2 OR c <= 30;

SELECT segment, count(*), min(recency), max(recency) FROM
	(SELECT recency, promoai.kmeans_segment(ARRAY[recency, orders], 3) OVER () AS segment FROM portrait) s
GROUP BY segment ORDER BY segment;

SELECT model, version, kind, rows_read, rows_skipped, customers, features, segments, constant_features, moved
FROM promoai.kmeans_train('portrait', 'SELECT customer, recency, orders, shop FROM portrait', 3);
SELECT segment, size, round(share::numeric, 3) AS share, features, description FROM promoai.segment_describe('portrait');
SET promoai.language = 'zh';
SELECT description FROM promoai.segment_describe('portrait');
RESET promoai.language;
SELECT description FROM promoai.segment_describe('portrait', language => 'zh') LIMIT 1;
SELECT segment, feature, size, round(mean::numeric, 3) AS mean, lower_quartile, median, upper_quartile, overall_median, round(effect::numeric, 2) AS effect,
	round(effect_low::numeric, 2) AS low, round(effect_high::numeric, 2) AS high, importance
FROM promoai.segment_profile('portrait');
SELECT segment, count(*), min(customer_no) FROM promoai.segment_members('portrait') GROUP BY segment ORDER BY segment;
SELECT bool_and(promoai.segment_assign('portrait', ARRAY[p.recency, p.orders, p.shop]) = m.segment) AS members_assigned,
	bool_and(promoai.segment_assign(promoai.model_value('portrait'), ARRAY[p.recency, p.orders, p.shop]) = m.segment) AS by_value
FROM portrait p JOIN promoai.segment_members('portrait') m ON m.customer_no = p.customer;
SELECT segment, round(distance::numeric, 3) AS distance FROM promoai.segment_distances('portrait', ARRAY[42, 12, 7]);
SELECT k, segments, round(silhouette::numeric, 3) AS silhouette, suggested
FROM promoai.kmeans_sweep('SELECT customer, recency, orders FROM portrait', 1, 5);
SELECT metric, round(value::numeric, 4) AS value, n, split FROM promoai.evaluate('portrait', 'SELECT customer, recency, orders, shop FROM portrait');

-- a segment that grows does not change its number
SELECT version, moved FROM promoai.kmeans_train('grown', 'SELECT customer, recency, orders FROM portrait', 3, standardize => 'zscore');
SELECT segment, size FROM promoai.segment_describe('grown');
INSERT INTO portrait SELECT c, 80 + c % 7, 21 + c % 5, 7 FROM generate_series(101, 160) c;
SELECT version, moved FROM promoai.kmeans_train('grown', 'SELECT customer, recency, orders FROM portrait', 3, standardize => 'zscore');
SELECT segment, size FROM promoai.segment_describe('grown');
SELECT version, segments FROM promoai.kmeans_train('portrait', 'SELECT customer, recency, orders, shop FROM portrait', 3);
SELECT feature, round(psi::numeric, 3) AS psi, verdict, n
FROM promoai.segment_drift('portrait', 'SELECT customer, recency, orders, shop FROM portrait', version => 1);
SELECT feature, round(psi::numeric, 3) AS psi FROM promoai.segment_drift('portrait', 'SELECT customer, recency, orders, shop FROM portrait');

-- one more segment gets the number that is free; two fewer leave the others theirs
SELECT segments FROM promoai.kmeans_train('portrait', 'SELECT customer, recency, orders, shop FROM portrait', 4);
SELECT array_agg(segment ORDER BY segment) FROM promoai.segment_describe('portrait');
SELECT segments FROM promoai.kmeans_train('portrait', 'SELECT customer, recency, orders, shop FROM portrait', 2);
SELECT count(*), min(segment) >= 1, max(segment) <= 4 FROM promoai.segment_describe('portrait');
-- other features: numbered by size again
SELECT moved FROM promoai.kmeans_train('portrait', 'SELECT customer, recency FROM portrait', 2);

-- NULLs, ragged arrays, NaN, infinity
SELECT n, promoai.kmeans_segment(f, 2) OVER (ORDER BY n)
FROM (VALUES (1, ARRAY[1, 2.5]), (2, NULL), (3, ARRAY[9, 9]), (4, ARRAY[NULL, 2]), (5, ARRAY[9, 8])) v(n, f);
SELECT promoai.kmeans_segment(f, 2) OVER () FROM (VALUES (ARRAY[1, 2]), (ARRAY[1])) v(f);
SELECT promoai.kmeans_segment(f, 2) OVER () FROM (VALUES (ARRAY[1]), (ARRAY['NaN'::float8])) v(f);
SELECT promoai.kmeans_segment(ARRAY[1e300], 1) OVER ();
SELECT promoai.kmeans_segment('{}', 1) OVER ();
SELECT promoai.kmeans_segment(ARRAY[1], 0) OVER ();
SELECT promoai.kmeans_segment(ARRAY[1], NULL) OVER ();
SELECT promoai.kmeans_segment(ARRAY[1], 2, 'l2') OVER ();
SELECT promoai.kmeans_segment(ARRAY[x], x) OVER () FROM generate_series(1, 2) x;
-- all the same, one row, none, more segments than rows
SELECT promoai.kmeans_segment(ARRAY[1, 1], 3) OVER () FROM generate_series(1, 3);
SELECT promoai.kmeans_segment(ARRAY[x], 9, standardize) OVER (PARTITION BY standardize) AS s
FROM unnest(ARRAY['log_zscore', 'zscore', 'robust', 'none']) standardize, generate_series(1, 2) x ORDER BY standardize, x;
SELECT promoai.kmeans_segment(ARRAY[x], 2) OVER () FROM generate_series(1, 0) x;

SELECT customers, segments, iterations, constant_features FROM promoai.kmeans_train('few', 'SELECT 1, 5.0', 3);
SELECT segment, size, description FROM promoai.segment_describe('few');
SELECT effect, effect_low, mean, median FROM promoai.segment_profile('few');
SELECT segments, constant_features FROM promoai.kmeans_train('few', 'SELECT i, 5, i % 2 FROM generate_series(1, 10) i', 3);
SELECT effect, effect_low FROM promoai.segment_profile('few');
SELECT rows_read, rows_skipped FROM promoai.kmeans_train('few', 'SELECT i, nullif(i, 3) FROM generate_series(1, 10) i', 2);
SELECT count(DISTINCT segment) FROM promoai.segment_members('few');
SELECT customer, customer_no FROM promoai.segment_members('few') LIMIT 1;
SELECT segments FROM promoai.kmeans_train('few', $$SELECT 'k' || i, i FROM generate_series(1, 10) i$$, 2);
SELECT customer, customer_no IS NULL AS no_number FROM promoai.segment_members('few') LIMIT 1;

-- by mini-batches: ids of any kind, constant features, few rows that differ, one row, every scaling
SELECT customers, segments, batch_rows, constant_features FROM promoai.kmeans_train('few', $$SELECT 'k' || i, i % 2, 5 FROM generate_series(1, 100) i$$, 3, batch_rows => 7);
SELECT segment, count(*), min(customer COLLATE "C"), max(customer COLLATE "C") FROM promoai.segment_members('few') GROUP BY segment ORDER BY segment;
SELECT segment, size, round(mean::numeric, 6) AS mean, median FROM promoai.segment_profile('few') WHERE feature <> 'few' ORDER BY 1, 2, 3;
SELECT customers, segments, moved FROM promoai.kmeans_train('few', $$SELECT md5((i % 50)::text)::uuid, i, -i FROM generate_series(1, 50) i$$, 2, batch_rows => 1);
SELECT count(*), count(DISTINCT customer), bool_and(customer::uuid IS NOT NULL) AS uuids FROM promoai.segment_members('few');
SELECT customers, segments, batch_rows FROM promoai.kmeans_train('few', 'SELECT 1, 5.0', 3, batch_rows => 1000);
SELECT standardize, (SELECT segments FROM promoai.kmeans_train('few', 'SELECT i, i, i % 3 * 100 FROM generate_series(-50, 50) i', 3, standardize, batch_rows => 10))
FROM unnest(ARRAY['log_zscore', 'zscore', 'robust', 'none']) standardize;

\set VERBOSITY default
SELECT promoai.kmeans_train('bad', 'portrait', 2, batch_rows => 0);
SELECT promoai.kmeans_train('bad', 'SELECT 1, 2 WHERE false', 2, batch_rows => 10);
SELECT promoai.kmeans_train('bad', 'SELECT i / 2, i FROM generate_series(1, 4) i', 2, batch_rows => 10);
SELECT promoai.kmeans_train('bad', $$SELECT 'k' || i, CASE i WHEN 3 THEN 'NaN'::float8 ELSE 1 END AS paid FROM generate_series(1, 4) i$$, 2, batch_rows => 10);
SELECT promoai.kmeans_train('bad', 'SELECT i, i * 1e300 AS paid FROM generate_series(1, 4) i', 2, batch_rows => 10);
SELECT promoai.kmeans_train('bad', 'SELECT 1 WHERE false', 2);
SELECT promoai.kmeans_train('bad', 'SELECT 1, 2 WHERE false', 2);
SELECT promoai.kmeans_train('bad', $$SELECT 1, 'x'::text$$, 2);
SELECT promoai.kmeans_train('bad', 'SELECT i / 2, i FROM generate_series(1, 4) i', 2);
SELECT promoai.kmeans_train('bad', $$SELECT i, CASE i WHEN 3 THEN 'NaN'::float8 ELSE 1 END AS paid FROM generate_series(1, 4) i$$, 2);
SELECT promoai.kmeans_train('bad', 'SELECT i, i * 1e300 AS paid FROM generate_series(1, 4) i', 2);
SELECT promoai.kmeans_train('bad', 'portrait', 0);
SELECT promoai.kmeans_train('bad', 'portrait', 1001);
SELECT promoai.kmeans_train('bad', 'portrait', 2, standardize => 'minmax');
SELECT promoai.kmeans_train('bad', 'portrait', 2, tolerance => 'NaN');
SELECT promoai.kmeans_train('bad', 'SELECT i, i FROM generate_series(1, 100000) i', 2, memory => '1MB');
SELECT * FROM promoai.kmeans_sweep('portrait', 5, 4);
SELECT promoai.segment_assign('portrait', ARRAY[1, 2]);
SELECT promoai.segment_assign('portrait', ARRAY['NaN'::float8]);
SELECT promoai.segment_assign('portrait', ARRAY[1e300]);
SELECT promoai.segment_assign('portrait', NULL) IS NULL AND promoai.segment_assign('portrait', ARRAY[NULL]::float8[]) IS NULL AS null_gives_null;
SELECT promoai.segment_assign('no such model', ARRAY[1]);
SELECT * FROM promoai.segment_describe('portrait', 'fr');
SELECT * FROM promoai.segment_drift('portrait', 'SELECT customer, recency, orders FROM portrait');
SELECT * FROM promoai.evaluate('portrait', 'portrait', history => 'portrait');
SELECT promoai.mf_train('portrait', 'SELECT 1, 1');
SELECT count(*) FROM promoai.cf_recommend('portrait', 1);
SELECT promoai.model_drop('portrait'), promoai.model_drop('few'), promoai.model_drop('grown');
