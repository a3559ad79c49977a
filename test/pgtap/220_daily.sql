-- run as: postgres promoai_tester
-- Item-days with zeros: a true lift of 100 % at a mean of 0.3 a day is found on promo_daily's output and lost on order lines.
\set QUIET on
BEGIN;
SELECT plan(15);

-- 1,000 items over 200 days; promoted on 30 % of the days.  Sales are Poisson of mean 0.3, 0.6 when promoted, by inversion.
CREATE TEMP TABLE truth AS
SELECT i AS item, date '2024-01-01' + d AS day, promo,
	(u > exp(-m))::int + (u > exp(-m) * (1 + m))::int + (u > exp(-m) * (1 + m + m * m / 2))::int
	+ (u > exp(-m) * (1 + m + m * m / 2 + m ^ 3 / 6))::int + (u > exp(-m) * (1 + m + m * m / 2 + m ^ 3 / 6 + m ^ 4 / 24))::int AS quantity
FROM (SELECT i, d, promo, u, CASE WHEN promo THEN 0.6 ELSE 0.3 END AS m
	FROM (SELECT i, d, (hashint8extended(i * 1000 + d, 1) & 1048575) / 1048576.0 AS u,
			(hashint8extended(i * 1000 + d, 2) & 1048575) / 1048576.0 < 0.3 AS promo
		FROM generate_series(1, 1000) i, generate_series(0, 199) d) uniforms) means;
CREATE TEMP TABLE lines AS SELECT item, day, quantity, quantity * 9.99 AS revenue FROM truth WHERE quantity > 0;

SELECT ok(f.lift_percent BETWEEN 95 AND 105, 'on item-days the lift of 100 % is found: ' || f.lift_percent)
FROM promoai.promo_lift_fit_source($$
	SELECT d.quantity, t.promo FROM promoai.promo_daily('SELECT item, day, quantity FROM pg_temp.lines') d
	JOIN pg_temp.truth t ON t.item = d.item_no AND t.day = d.day$$) f;
SELECT ok(f.lift_percent BETWEEN 10 AND 20, 'on order lines it is lost: ' || f.lift_percent)
FROM promoai.promo_lift_fit_source('SELECT quantity, promo FROM pg_temp.lines JOIN pg_temp.truth USING (item, day, quantity)') f;

SELECT results_eq(
	$$SELECT item_no, day, quantity, lines > 0 FROM promoai.promo_daily('SELECT item, day, quantity, revenue FROM pg_temp.lines') ORDER BY 1, 2$$,
	$$SELECT item::bigint, day, quantity::float8, quantity > 0 FROM truth ORDER BY 1, 2$$, 'every item and day, as in the truth');
SELECT is(round(sum(revenue)::numeric, 2), (SELECT sum(revenue) FROM lines), 'no revenue is lost')
FROM promoai.promo_daily('SELECT item, day, quantity, revenue FROM pg_temp.lines') d;

SELECT results_eq(
	$$SELECT item, day, quantity, revenue, lines, is_listed FROM promoai.promo_daily(
		$q$VALUES ('a', date '2024-01-01', 2, 20.0), ('a', '2024-01-01', 1, 10), ('b', '2024-01-03', 5, 1), ('b', '2024-01-05', 5, 1)$q$,
		listed => $q$VALUES ('a', null, date '2024-01-02'), ('b', date '2024-01-04', null), ('c', '2024-01-05', '2024-01-09'),
			('a', '2023-01-01', '2024-01-01'), ('d', '2025-01-01', null)$q$)$$,
	$$VALUES ('a', date '2024-01-01', 3::float8, 30::float8, 2::bigint, true), ('a', '2024-01-02', 0, 0, 0, true),
		('b', '2024-01-03', 5, 1, 1, false), ('b', '2024-01-04', 0, 0, 0, true), ('b', '2024-01-05', 5, 1, 1, true),
		('c', '2024-01-05', 0, 0, 0, true)$$, 'listings, open ends, sales while not listed, an item never sold');
SELECT results_eq(
	$$SELECT item_no, day FROM promoai.promo_daily('SELECT 7, timestamptz ''2024-01-01 23:30+00'', 2', time_zone => 'Asia/Shanghai')$$,
	$$VALUES (7::bigint, date '2024-01-02')$$, 'a moment becomes a day in the time zone given');
SELECT results_eq(
	$$SELECT item_no, day FROM promoai.promo_daily('SELECT 7, timestamp ''2024-01-01 23:30'', 2', time_zone => 'Asia/Shanghai')$$,
	$$VALUES (7::bigint, date '2024-01-01')$$, 'a timestamp without time zone is taken at its word');
SELECT results_eq(
	$$SELECT day, quantity FROM promoai.promo_daily('VALUES (7, date ''1999-12-31'', 2), (7, date ''1999-12-30'', -1)', '1999-12-31', '2000-01-01')$$,
	$$VALUES (date '1999-12-31', 2::float8), ('2000-01-01', 0)$$, 'days before 2000, days asked for');
SELECT is_empty($$SELECT * FROM promoai.promo_daily('SELECT 1, current_date, 2 WHERE false')$$, 'no lines, no rows');
SELECT is(count(*), 3::bigint, 'no lines, but a listing')
FROM promoai.promo_daily('SELECT 1, current_date, 2 WHERE false', '2024-01-01', '2024-01-03', listed => 'SELECT 5');
SELECT throws_ok($$SELECT * FROM promoai.promo_daily('SELECT 1, current_date, 2', listed => 'SELECT ''x''::text')$$, '42804');
SELECT throws_ok($$SELECT * FROM promoai.promo_daily('SELECT 1, current_date, 2', listed => $q$VALUES (2, date '2024-01-05', date '2024-01-03'), (1, NULL, '2024-01-03'), (3, '2024-01-04', '2024-01-03')$q$)$$,
	'22023', 'argument "listed": the last day of item "2" lies before its first', 'a listing that ends before it begins');
SELECT throws_ok($$SELECT * FROM promoai.promo_daily('VALUES (1, date ''2024-01-02'', 1e308::float8), (1, ''2024-01-02'', 1e308)')$$,
	'22003', 'the sums of item "1" grew out of range', 'sums that no number holds');
SELECT throws_ok($$SELECT * FROM promoai.promo_daily('SELECT 1, current_date, 1e400 AS quantity')$$,
	'22003', 'source has a number out of range for type double precision in column "quantity"', 'a numeric beyond double precision');
SELECT results_eq($$SELECT quantity FROM promoai.promo_daily('SELECT 1, current_date, 1e-400')$$, 'VALUES (0::float8)', 'a numeric too small for double precision is 0');
SELECT * FROM finish();
ROLLBACK;
