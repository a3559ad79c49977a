-- run as: postgres promoai_tester
-- Portraits against hand-written SQL on Online Retail, and a small shop whose figures are known.
\set QUIET on
SET client_min_messages = error;
BEGIN;
SELECT plan(34);
CREATE TEMP TABLE line (invoice text, stock_code text, description text, quantity int, invoice_date timestamp, unit_price numeric,
	customer text, country text);
\copy line from program 'xz -dc test/data/online_retail.csv.xz' with (format csv, header)
CREATE TEMP VIEW orders AS SELECT customer::numeric::int AS customer, invoice_date AS ordered_at, quantity * unit_price AS amount,
	left(stock_code, 2) AS category, quantity, unit_price AS price, invoice AS order_id, CASE WHEN quantity >= 12 THEN 'bulk' END AS promotion_type
FROM line WHERE customer IS NOT NULL AND quantity > 0 AND invoice NOT LIKE 'C%';
CREATE TEMP TABLE found AS SELECT * FROM promoai.customer_features('SELECT * FROM pg_temp.orders');

SELECT is((SELECT count(*) FROM found), 4339::bigint, 'every customer has one row');
SELECT is_empty($$SELECT customer, count(DISTINCT order_id), count(*), date '2011-12-10' - max(ordered_at)::date, date '2011-12-10' - min(ordered_at)::date FROM orders GROUP BY 1
	EXCEPT SELECT customer_no, orders, lines, days_since_last_order, tenure_days FROM found$$, 'orders, lines, days since the last and the first');
SELECT ok((SELECT max(abs(f.total_paid - o.paid) + abs(f.mean_order_value - o.paid / o.orders) + abs(f.quantity_per_order - o.quantity / o.orders)) < 1e-6 FROM found f
	JOIN (SELECT customer, sum(amount)::float8 AS paid, sum(quantity)::float8 AS quantity, count(DISTINCT order_id) AS orders FROM orders GROUP BY 1) o
	ON o.customer = f.customer_no), 'money and quantities');
CREATE TEMP TABLE gaps AS
SELECT customer, avg(gap) AS mean, CASE WHEN count(gap) > 1 THEN stddev_samp(gap) END AS spread
FROM (SELECT customer, extract(epoch FROM at - lag(at) OVER (PARTITION BY customer ORDER BY at))::float8 / 86400 AS gap
	FROM (SELECT customer, order_id, min(ordered_at) AS at FROM orders GROUP BY 1, 2) o) g GROUP BY customer;
SELECT is((SELECT count(*) FROM found f JOIN gaps g ON g.customer = f.customer_no
	WHERE (f.mean_gap_days IS NULL) IS DISTINCT FROM (g.mean IS NULL) OR (f.gap_spread_days IS NULL) IS DISTINCT FROM (g.spread IS NULL)
	OR abs(f.mean_gap_days - g.mean) > 1e-9 OR abs(f.gap_spread_days - g.spread) > 1e-9), 0::bigint, 'mean and spread of gaps');
SELECT ok((SELECT max(abs(f.promoted_share - o.share)) FROM found f JOIN (SELECT customer, count(promotion_type) / count(*)::float8 AS share FROM orders GROUP BY 1) o
	ON o.customer = f.customer_no) < 1e-12, 'share of lines promoted');
SELECT ok((SELECT max(abs((f.promotion_response->>'bulk')::float8 - f.promoted_share / a.share)) FROM found f,
	(SELECT count(promotion_type) / count(*)::float8 AS share FROM orders) a WHERE f.promoted_share > 0) < 1e-9, 'response: own share over that of all');
SELECT ok((SELECT max(abs(f.mean_price - o.price)) FROM found f JOIN (SELECT customer, avg(price)::float8 AS price FROM orders GROUP BY 1) o ON o.customer = f.customer_no) < 1e-9, 'mean price');
SELECT is_empty($$SELECT customer_no, price_band FROM found EXCEPT SELECT customer_no, ceil(5 * cume_dist() OVER (ORDER BY mean_price))::int FROM found$$, 'price bands');
CREATE TEMP TABLE category AS SELECT customer, category, count(*) / (sum(count(*)) OVER (PARTITION BY customer))::float8 AS share FROM orders GROUP BY 1, 2;
SELECT is((SELECT count(*) FROM found f JOIN (SELECT customer, count(*) AS n, -sum(share * ln(share)) AS entropy, max(share) AS top FROM category GROUP BY 1) c
	ON c.customer = f.customer_no AND c.n = f.categories AND abs(c.entropy - f.category_entropy) < 1e-9 AND abs(c.top - f.top_category_share) < 1e-12), 4339::bigint, 'categories, entropy, top share');
SELECT is((SELECT count(*) FROM found f JOIN category c ON c.customer = f.customer_no AND abs((f.category_shares->>c.category)::float8 - c.share) < 1e-12),
	(SELECT count(*) FROM category), 'shares by category');
SELECT is((SELECT count(*) FROM found f JOIN category c ON c.customer = f.customer_no AND c.category = f.top_category AND abs(c.share - f.top_category_share) < 1e-12), 4339::bigint, 'the top category');
SELECT is((SELECT count(*) FROM found f JOIN (SELECT customer, extract(hour FROM at)::int AS hour, count(*) / (sum(count(*)) OVER (PARTITION BY customer))::float8 AS share
		FROM (SELECT customer, order_id, min(ordered_at) AS at FROM orders GROUP BY 1, 2) o GROUP BY 1, 2) h
	ON h.customer = f.customer_no WHERE abs(f.hour_shares[h.hour + 1] - h.share) > 1e-12), 0::bigint, 'hours');
SELECT is((SELECT count(*) FROM found f JOIN (SELECT customer, extract(isodow FROM at)::int AS day, count(*) / (sum(count(*)) OVER (PARTITION BY customer))::float8 AS share
		FROM (SELECT customer, order_id, min(ordered_at) AS at FROM orders GROUP BY 1, 2) o GROUP BY 1, 2) h
	ON h.customer = f.customer_no WHERE abs(f.weekday_shares[h.day] - h.share) > 1e-12), 0::bigint, 'weekdays, from Monday');
SELECT ok((SELECT bool_and(abs((SELECT sum(s) FROM unnest(hour_shares) s) - 1) < 1e-9 AND weekend_share BETWEEN 0 AND 1) FROM found), 'shares sum to one');
SELECT results_eq($$SELECT * FROM promoai.customer_features('SELECT * FROM pg_temp.orders ORDER BY amount, ordered_at DESC')$$, $$SELECT * FROM found$$, 'rows in any order: the same bits');
SELECT results_eq($$SELECT * FROM promoai.customer_features('SELECT * FROM pg_temp.orders', as_of => '2011-06-01')$$,
	$$SELECT * FROM promoai.customer_features('SELECT * FROM pg_temp.orders WHERE ordered_at <= ''2011-06-01''', as_of => '2011-06-01')$$, 'no leak');

-- A small shop.
CREATE TEMP VIEW buys AS SELECT * FROM (VALUES ('a', timestamp '2024-01-01 09:00', 80.0, 20.0, 'coupon'), ('a', '2024-01-06 21:00', 50, 0, NULL),
	('b', '2024-01-02 10:00', 10, NULL, 'coupon')) v(customer, at, amount, discount, promotion_type);
CREATE TEMP TABLE portrait AS
SELECT * FROM promoai.customer_features('SELECT * FROM pg_temp.buys', as_of => '2024-01-15',
	events => $$VALUES ('a', timestamp '2024-01-03', 'view'), ('a', '2024-01-04', 'view'), ('a', '2024-01-05', 'cart'), ('a', '2024-02-01', 'view'), ('z', '2024-01-01', 'view'), ('a', '2024-01-06', NULL)$$,
	coupons => $$VALUES ('a', timestamp '2024-01-02', timestamp '2024-01-06'), ('a', '2024-01-03', NULL), ('a', '2024-01-04', '2024-02-01'), ('b', '2024-03-01', '2024-03-02')$$,
	reviews => $$VALUES ('a', date '2024-01-08', 5), ('a', '2024-01-09', 2), ('b', '2024-01-09', NULL::int)$$);
SELECT is((SELECT (days_since_last_order, orders, total_paid, tenure_days, mean_gap_days, gap_spread_days)::text FROM portrait WHERE customer = 'a'), '(9,2,130,14,5.5,)', 'recency, orders, gap');
SELECT is((SELECT (round(discount_share::numeric, 6), discounted_share, promoted_share, promotion_shares, promotion_response)::text FROM portrait WHERE customer = 'a'),
	'(0.133333,0.5,0.5,"{""coupon"": 0.5}","{""coupon"": 0.75}")', 'discounts and promotions');
SELECT is((SELECT (events_seen, events_per_week, days_since_last_event)::text FROM portrait WHERE customer = 'a'), (SELECT (4, 4 / (extract(epoch FROM timestamp '2024-01-15' - timestamp '2024-01-01 09:00')::float8 / 86400 / 7), 9)::text), 'events');
SELECT ok((SELECT (event_shares->>'view')::float8 BETWEEN 0.66 AND 0.67 FROM portrait WHERE customer = 'a'), 'events by type, those without one left out');
SELECT is((SELECT (coupons_received, round(coupon_use_rate::numeric, 6), coupon_use_days)::text FROM portrait WHERE customer = 'a'), '(3,0.333333,4)', 'coupons; a use after as_of is none yet');
SELECT is((SELECT (reviews_written, reviews_per_order, mean_rating)::text FROM portrait WHERE customer = 'a'), '(2,1,3.5)', 'reviews');
SELECT is((SELECT (discount_share, promoted_share, events_seen, events_per_week, days_since_last_event, event_shares, coupons_received, coupon_use_rate, reviews_written, mean_rating, mean_price)::text FROM portrait WHERE customer = 'b'),
	'(0,1,0,0,,{},0,,1,,)', 'somebody of whom little is known');
SELECT results_eq($$SELECT top_hour, weekday_shares FROM promoai.customer_features('SELECT 1, timestamptz ''2024-01-07 20:00+00'', 5', time_zone => 'Asia/Shanghai')$$,
	$$VALUES (4, '{1,0,0,0,0,0,0}'::float8[])$$, 'habits in the time zone given');
SELECT is_empty($$SELECT * FROM promoai.customer_features('SELECT 1, now(), 2 WHERE false')$$, 'no rows, no customers');
SELECT throws_ok($$SELECT * FROM promoai.customer_features('SELECT 1, now(), 2, 3 AS colour')$$, '42703');
SELECT throws_ok($$SELECT * FROM promoai.customer_features('SELECT 1, now(), 2, 3 AS price, 4 AS price')$$, '42701');
SELECT throws_ok($$SELECT * FROM promoai.customer_features('VALUES (1, now(), 2)', events => 'SELECT ''x''::text, now()')$$, '22P02');
SELECT throws_ok($$SELECT * FROM promoai.customer_features('SELECT c, now(), 1, 7 AS order_id FROM generate_series(1, 2) c')$$, '22000');
SELECT throws_ok($$SELECT * FROM promoai.customer_features('SELECT c, now(), 1, c % 1000 AS category FROM generate_series(1, 200000) c', memory => '2MB')$$, '53400');
SELECT throws_ok($$SELECT * FROM promoai.customer_features('SELECT 1, now(), 1, ''order '' || i AS order_id FROM generate_series(1, 100000) i', as_of => '2000-01-01', memory => '1MB')$$,
	'53400', NULL, 'ids of rows that are left out count');
SELECT throws_ok($$SELECT * FROM promoai.customer_features('SELECT 1, now(), 1', coupons => 'SELECT i, now() + interval ''9 days'' FROM generate_series(1, 100000) i', memory => '1MB')$$,
	'53400', NULL, 'in other sources as well');
SELECT throws_ok($$SELECT * FROM promoai.customer_features('SELECT 1, now(), 1', events => 'SELECT 1, now(), repeat(''x'', 900) || i FROM generate_series(1, 10000) i', memory => '4MB')$$,
	'53400', NULL, 'names of events count');
SELECT throws_ok($$SELECT * FROM promoai.customer_features('SELECT i, now(), 1 FROM generate_series(1, 50000) i', reviews => 'SELECT i, now() FROM generate_series(1, 50000) i',
	memory => '18MB')$$, '53400', NULL, 'and so does what the orders hold');
SELECT * FROM finish();
ROLLBACK;
