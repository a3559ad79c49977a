-- run as: postgres promoai_tester
-- RFM against hand-written SQL on Online Retail, and what is decided where data are odd.
\set QUIET on
BEGIN;
SELECT plan(27);
CREATE TEMP TABLE line (invoice text, stock_code text, description text, quantity int, invoice_date timestamp, unit_price numeric,
	customer text, country text);
\copy line from program 'xz -dc test/data/online_retail.csv.xz' with (format csv, header)
CREATE TEMP VIEW orders AS SELECT customer::numeric::int AS customer, invoice_date AS ordered_at, quantity * unit_price AS amount
FROM line WHERE customer IS NOT NULL;
CREATE TEMP TABLE found AS SELECT * FROM promoai.rfm('SELECT * FROM pg_temp.orders');
CREATE TEMP TABLE wanted AS
SELECT customer, date '2011-12-10' - max(ordered_at)::date AS days, count(DISTINCT ordered_at) AS orders, sum(amount) AS paid
FROM orders GROUP BY customer;

SELECT is((SELECT count(*) FROM found), 4372::bigint, 'every customer has one row');
SELECT is_empty($$SELECT customer, days, orders FROM wanted EXCEPT SELECT customer_no, days_since_last_order, orders FROM found$$,
	'days and orders');
SELECT is((SELECT max(abs(f.total_paid - w.paid::float8)) < 1e-8 FROM found f JOIN wanted w ON w.customer = f.customer_no), true,
	'what was paid, returns taken off');
CREATE TEMP TABLE scored AS
SELECT customer, ceil(5 * cume_dist() OVER (ORDER BY days DESC))::int AS r, ceil(5 * cume_dist() OVER (ORDER BY orders))::int AS f,
	CASE WHEN paid < 0 THEN 1 ELSE ceil(5 * cume_dist() OVER (ORDER BY paid))::int END AS m,
	6 - ceil(5 * cume_dist() OVER (ORDER BY days))::int AS r_low, 6 - ceil(5 * cume_dist() OVER (ORDER BY orders DESC))::int AS f_low,
	CASE WHEN paid < 0 THEN 1 ELSE 6 - ceil(5 * cume_dist() OVER (ORDER BY paid DESC))::int END AS m_low
FROM wanted;
SELECT is_empty($$SELECT customer, r, f, m FROM scored EXCEPT SELECT customer_no, r, f, m FROM found$$, 'scores are those of cume_dist');
SELECT is_empty($$SELECT customer, r_low, f_low, m_low FROM scored
	EXCEPT SELECT customer_no, r, f, m FROM promoai.rfm('SELECT * FROM pg_temp.orders', ties => 'low')$$,
	'ties low: scores are those of cume_dist from the other side');
SELECT is((SELECT count(*) FROM found WHERE total_paid < 0 AND m <> 1), 0::bigint, 'a negative total scores 1');
SELECT ok((SELECT count(*) FROM found WHERE total_paid < 0) > 30, 'and there are such');

-- The grid, cell by cell, as doc/customers.md shows it.
SELECT is_empty($$SELECT f.segment_code, g.code FROM found f JOIN (VALUES
	(5, ARRAY['new', 'potential_loyalist', 'potential_loyalist', 'champions', 'champions']),
	(4, ARRAY['promising', 'potential_loyalist', 'loyal', 'champions', 'champions']),
	(3, ARRAY['promising', 'need_attention', 'need_attention', 'loyal', 'loyal']),
	(2, ARRAY['about_to_sleep', 'about_to_sleep', 'at_risk', 'at_risk', 'at_risk']),
	(1, ARRAY['lost', 'hibernating', 'at_risk', 'cannot_lose', 'cannot_lose'])) grid(r, names) ON grid.r = f.r
	CROSS JOIN LATERAL (SELECT names[(f.f + f.m) / 2] AS code) g WHERE f.segment_code <> g.code$$, 'segments are those of the grid');
SELECT is((SELECT count(DISTINCT (segment_code, segment, segment_zh)) FROM found), (SELECT count(DISTINCT segment_code) FROM found),
	'one name in each language');
SELECT is((SELECT DISTINCT as_of_time FROM found), '2011-12-10 00:00'::timestamp::timestamptz, 'as of the day after the newest order');

-- Nothing later than as_of is looked at.
SELECT results_eq($$SELECT * FROM promoai.rfm('SELECT * FROM pg_temp.orders', as_of => '2011-06-01')$$,
	$$SELECT * FROM promoai.rfm('SELECT * FROM pg_temp.orders WHERE ordered_at <= ''2011-06-01''', as_of => '2011-06-01')$$, 'no leak');
-- Nothing depends on the order of rows.
SELECT results_eq($$SELECT * FROM promoai.rfm('SELECT * FROM pg_temp.orders ORDER BY amount')$$,
	$$SELECT * FROM promoai.rfm('SELECT * FROM pg_temp.orders ORDER BY ordered_at DESC, customer')$$, 'rows in any order: the same bits');

SELECT results_eq($$SELECT customer, customer_no, days_since_last_order, orders, total_paid, r, f, m, segment_code FROM promoai.rfm(
	$q$VALUES ('b', timestamp '2024-01-02 10:00', 5.0), ('b', '2024-01-02 10:00', 6), ('a', '2024-01-05', -3), ('c', NULL, 1)$q$)$$,
	$$VALUES ('a', NULL::bigint, 1, 1::bigint, -3::float8, 5, 5, 1, 'potential_loyalist'), ('b', NULL, 4, 1, 11, 3, 5, 5, 'loyal')$$,
	'lines of one moment are one order; rows with a NULL are left out');
SELECT results_eq($$SELECT customer_no, days_since_last_order FROM promoai.rfm(
	$q$SELECT 7, timestamptz '2024-01-01 23:30+00', 1$q$, as_of => '2024-01-03 00:00+08', time_zone => 'Asia/Shanghai')$$,
	$$VALUES (7::bigint, 1)$$, 'days begin in the time zone given');
SELECT results_eq($$SELECT r, f, m FROM promoai.rfm('SELECT i, timestamp ''2024-01-01'', 9 FROM generate_series(1, 10) i')$$,
	$$SELECT 5, 5, 5 FROM generate_series(1, 10)$$, 'all the same score equally');
SELECT is_empty($$SELECT * FROM promoai.rfm('SELECT 1, now(), 2 WHERE false')$$, 'no rows, no customers');
SELECT is_empty($$SELECT * FROM promoai.rfm('SELECT 1, now(), 2', as_of => '1999-01-01')$$, 'all rows later than as_of: no customers');
SELECT throws_ok($$SELECT * FROM promoai.rfm('SELECT 1, now(), ''NaN''::float8')$$, '22003');
SELECT throws_ok($$SELECT * FROM promoai.rfm('SELECT 1, timestamp ''infinity'', 1')$$, '22003');
SELECT throws_ok($$SELECT * FROM promoai.rfm('SELECT 1, now(), 1.7e308::float8 FROM generate_series(1, 2)')$$, '22003');
SELECT throws_ok($$SELECT * FROM promoai.rfm('SELECT 1, now()')$$, '42804');
SELECT throws_ok($$SELECT * FROM promoai.rfm('SELECT 1, now(), 1', ties => 'both')$$, '22023');
SELECT throws_ok($$SELECT * FROM promoai.rfm('SELECT 1, now(), 1', as_of => 'infinity')$$, '22023');
SELECT throws_ok($$SELECT * FROM promoai.rfm('SELECT i, now() + i * interval ''1 s'', 1 FROM generate_series(1, 200000) i', memory => '1MB')$$, '53400');
SELECT throws_ok($$SELECT * FROM promoai.rfm('SELECT ''customer '' || i, now(), 1 FROM generate_series(1, 100000) i', as_of => '2000-01-01', memory => '1MB')$$,
	'53400', NULL, 'customers whose rows are left out count, too');
SELECT results_eq($$SELECT customer_no, total_paid, m FROM promoai.rfm('VALUES (1, now(), 3.3), (1, now(), -1.1), (1, now(), -2.2), (2, now(), 0.0), (3, now(), -3.3), (3, now(), 1.1), (3, now(), 2.2), (4, now(), 1e-6)') ORDER BY 1$$,
	$$VALUES (1::bigint, 0::float8, 4), (2, 0, 4), (3, 0, 4), (4, 1e-6, 5)$$, 'decimal fractions that cancel are nothing');
SELECT results_eq($$SELECT total_paid FROM promoai.rfm('VALUES (1, now(), 1.7e308::float8), (1, now(), -1.6e308), (1, now(), 1)')$$, 'VALUES (1.7e308::float8 - 1.6e308)', 'the largest amounts are not rounding');
SELECT * FROM finish();
ROLLBACK;
