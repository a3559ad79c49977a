-- Interface and messages of the functions that measure promotions from a source.
\set VERBOSITY default
SET extra_float_digits = -4;
SET client_min_messages = warning;
CREATE TABLE sale (store int, week date, sales float8, promo boolean, price numeric, "Odd Name" int);
INSERT INTO sale
SELECT s, date '2024-01-01' + 7 * w, 10 * s + w % 5 + CASE WHEN (s + w) % 4 = 0 THEN 6 + s % 2 ELSE 0 END + (s * w) % 3, (s + w) % 4 = 0, 5 + (s * w) % 7, s % 3
FROM generate_series(1, 40) s, generate_series(0, 19) w;

-- Fits over a source.
SELECT n, rows_skipped, extra_sales_per_row::numeric(10, 4), error_kind, n_clusters, df, lift_percent::numeric(10, 3), names, dropped, effects_rank
FROM promoai.promo_lift_fit_source('SELECT sales, promo, price, 3 * price + 1 AS triple FROM sale');
SELECT n, extra_sales_per_row::numeric(10, 4), error_kind, n_clusters, df, names
FROM promoai.promo_lift_fit_source('SELECT store, sales, promo, price FROM sale', cluster => 'store');
SELECT n, error_kind, n_clusters, note, names
FROM promoai.promo_lift_fit_source('SELECT week, sales, promo, price, "Odd Name" FROM sale', cluster => 'week, "Odd Name"');
SELECT n, rows_skipped, extra_sales_per_row::numeric(10, 4), error_kind, n_clusters, names, dropped, effects_rank, singletons
FROM promoai.promo_panel_fit('SELECT store, week, sales, promo, price, store % 2 = 0 AS even FROM sale UNION ALL SELECT 99, NULL, 1, true, 1, false UNION ALL SELECT 98, ''2024-01-01'', 1, true, 1, false');
SELECT error_kind, df, names FROM promoai.promo_panel_fit('sale', effects => 'store, week', errors => 'hc1');
SELECT error_kind, n_clusters FROM promoai.promo_panel_fit('SELECT * FROM sale', effects => 'store', cluster => 'week');

-- What they refuse.
SELECT * FROM promoai.promo_lift_fit_source(NULL);
SELECT * FROM promoai.promo_lift_fit_source('SELECT sales FROM sale');
SELECT * FROM promoai.promo_lift_fit_source('SELECT sales, week FROM sale');
SELECT * FROM promoai.promo_lift_fit_source('SELECT sales, promo FROM sale', cluster => 'store');
SELECT * FROM promoai.promo_lift_fit_source('SELECT sales, promo FROM sale', cluster => 'a, b, c');
SELECT * FROM promoai.promo_lift_fit_source('SELECT sales, promo, store FROM sale', cluster => 'store,');
SELECT * FROM promoai.promo_lift_fit_source('SELECT sales, promo, store FROM sale', cluster => 'store, store');
SELECT * FROM promoai.promo_lift_fit_source('SELECT sales, promo, 1 AS one FROM sale', cluster => 'one');
SELECT * FROM promoai.promo_lift_fit_source('SELECT sales, true AS promo FROM sale');
SELECT * FROM promoai.promo_lift_fit_source('SELECT sales, promo, 1 - promo::int AS usual FROM sale');
SELECT * FROM promoai.promo_lift_fit_source('SELECT * FROM (VALUES (1, true), (2, false)) v');
SELECT * FROM promoai.promo_lift_fit_source('SELECT 1, true WHERE false');
SELECT * FROM promoai.promo_lift_fit_source('SELECT sales, promo, ''Infinity''::float8 AS x FROM sale');
SELECT * FROM promoai.promo_lift_fit_source('SELECT sales * 1e306, promo FROM sale');
SELECT * FROM promoai.promo_lift_fit_source('SELECT sales, promo FROM sale', memory => '12kB');
SELECT * FROM promoai.promo_lift_fit_source('SELECT s1.sales, s1.promo FROM sale s1, sale s2', memory => '4MB');
SELECT * FROM promoai.promo_panel_fit('SELECT store, week, sales, week > ''2024-03-01'' AS promo FROM sale');
SELECT * FROM promoai.promo_panel_fit('SELECT store FROM sale');
SELECT * FROM promoai.promo_panel_fit('sale', errors => 'none');
SELECT * FROM promoai.promo_panel_fit('sale', effects => 'store', errors => 'hc1', cluster => 'week');
SELECT * FROM promoai.promo_panel_fit('sale', effects => 'shop');
SELECT * FROM promoai.promo_panel_fit('SELECT store AS a, week AS a, sales, promo FROM sale', effects => 'a');
SELECT * FROM promoai.promo_panel_fit('sale', tolerance => 0);
SELECT * FROM promoai.promo_panel_fit('DELETE FROM sale');

-- A chain of stores and weeks that hardly overlap does not settle at once.
SELECT * FROM promoai.promo_panel_fit($$SELECT (i + 1) / 2 AS store, i / 2 % 200 AS week, sin(i) AS sales, cos(i * i) > 0 AS promo FROM generate_series(1, 400) i$$, iterations => 3);

-- Days.
SELECT * FROM promoai.promo_daily($$VALUES ('a', date '2024-01-01', 2, 20.0), ('a', '2024-01-03', 1, 10), ('b', '2024-01-02', 5, 1)$$);
SELECT * FROM promoai.promo_daily($$VALUES ('a', date '2024-01-01', 2), (NULL, '2024-01-02', 5), ('a', NULL, 7)$$, last_day => '2024-01-02');
SELECT * FROM promoai.promo_daily('SELECT 1, current_date, 2', time_zone => 'Mars');
SELECT * FROM promoai.promo_daily('SELECT 1, current_date, 2', '2025-01-01', '2024-01-01');
SELECT * FROM promoai.promo_daily('SELECT 1, current_date, 2', 'infinity');
SELECT * FROM promoai.promo_daily($$VALUES (1, date '0202-01-01', 2), (1, '2024-01-01', 2)$$);
SELECT * FROM promoai.promo_daily($$SELECT 1, timestamptz '-infinity', 2$$);
SELECT * FROM promoai.promo_daily('SELECT 1, current_date, 2', listed => 'SELECT ''x''::text');
SELECT * FROM promoai.promo_daily('SELECT 1, 2, 3');

-- Elasticities.
SELECT item, category, rows_used, rows_unused, own_elasticity::numeric(10, 3), elasticity::numeric(10, 3), pooled_towards
FROM promoai.promo_elasticity_pooled($$SELECT i % 6, 'tea', 100 * (1 + i % 5) ^ (-1.0 - i % 6) + i % 2, 1 + i % 5 FROM generate_series(0, 59) i UNION ALL VALUES (7, 'tea', 0, 3), (8, 'milk', 4, 3)$$);
SELECT * FROM promoai.promo_elasticity_pooled('VALUES (1, 2, 3, 4), (1, 3, 3, 4)');
SELECT * FROM promoai.promo_elasticity_pooled('VALUES (1, 2, 3)');

-- Thresholds.
SELECT measure, value::numeric(12, 2), ci_low IS NULL AS no_interval FROM promoai.promo_threshold('SELECT i, 80 + (i * 37) % 280 FROM generate_series(1, 5000) i', 200);
SELECT * FROM promoai.promo_threshold('SELECT 1, 2.0', 0);
SELECT * FROM promoai.promo_threshold('SELECT 1, 2.0', 'NaN');
SELECT * FROM promoai.promo_threshold('SELECT 1, 2.0', 200);
SELECT * FROM promoai.promo_threshold('SELECT 1, 2.0', 200, below => 150);
SELECT * FROM promoai.promo_threshold('SELECT 1, 2.0', 200, bin => 0.001);
SELECT * FROM promoai.promo_threshold('SELECT 1, 2.0', 200, lowest => 300);
SELECT * FROM promoai.promo_threshold('SELECT 1, 2.0, -1', 200);
SELECT * FROM promoai.promo_threshold_bins('SELECT 1, 2.0', NULL);

-- A look at the data.
CREATE TABLE line AS SELECT 'c' || i % 50 AS customer_id, 'p' || i % 7 AS product_id, date '2024-01-01' + i % 60 + (i % 60) / 20 * 5 AS day,
	1 + i % 4 AS quantity, (10 + i % 7 * 3 + (i % 11) * 0.1)::numeric AS price FROM generate_series(1, 1000) i;
INSERT INTO line SELECT 'bot', 'p1', '2024-01-03', 1, 19.9 + 0 * i FROM generate_series(1, 15) i;
INSERT INTO line VALUES ('c1', NULL, '2024-01-04', -3, 0), ('c3', 'p2', '2024-01-01', 99999, 1650), ('c4', 'p3', '2024-01-02', 1, 'NaN');
SELECT finding, column_name, row_count, message, example_rows FROM promoai.source_check('line', examples => 1);
SELECT finding, message FROM promoai.source_check('line', 'zh');
SELECT finding, message FROM promoai.source_check('SELECT quantity, (price * 100)::int AS price FROM line WHERE price > 0 AND price < 1000', 'zh', examples => 0);
SELECT finding, column_name FROM promoai.source_check('SELECT customer_id AS a, product_id AS b, price AS c FROM line WHERE price < 100', account => 'a', item => 'b', amounts => 'c');
SET client_min_messages = notice;
-- Rows with a NULL are left out, which is said where the answer has no place for it.
SELECT day, quantity FROM promoai.promo_daily($$VALUES ('a', date '2024-01-01', 2, 10), ('a', date '2024-01-02', 3, NULL)$$);
SELECT item, rows_used, rows_unused FROM promoai.promo_elasticity_pooled('SELECT 1, 1, nullif(g % 4, 1), 1 + g % 3 FROM generate_series(1, 12) g');
SELECT measure, value FROM promoai.promo_threshold('SELECT g, nullif(100 + g % 200, 150) FROM generate_series(1, 2000) g', 200) LIMIT 2;
SET client_min_messages = warning;
-- Values that double precision takes for one another are no duplicates, whatever their column is called.
SELECT finding, row_count FROM promoai.source_check('SELECT 1000000000000000000::numeric + g AS amount, 5 AS quantity FROM generate_series(1, 1000) g');
SELECT finding, row_count FROM promoai.source_check('SELECT 9223372036854775807 - g / 2 AS promoai_rows, g / 4 AS "number of pieces" FROM generate_series(0, 7) g');
SELECT finding, row_count FROM promoai.source_check('VALUES (1.0, 2::int8), (1.00, 2), (1.000001, 2)');
SELECT finding, column_name, row_count, example_rows FROM promoai.source_check($$VALUES (date '2024-01-01', 1.0), ('infinity', 1e400), ('-infinity', 1e-400), (NULL, 'NaN')$$);
SELECT finding, example_rows FROM promoai.source_check($$VALUES (timestamp 'infinity'), ('-infinity'), (NULL)$$);
SELECT * FROM promoai.source_check('SELECT 1 WHERE false');
SELECT * FROM promoai.source_check('SELECT 1 AS a', 'fr');
SELECT * FROM promoai.source_check('SELECT 1 AS a', account => 'b');
SELECT * FROM promoai.source_check('SELECT ''{}''::json AS a');
DROP TABLE sale, line;
