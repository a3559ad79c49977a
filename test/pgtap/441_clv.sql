-- run as: postgres promoai_tester
-- BG/NBD and Gamma-Gamma: published figures, Online Retail against SciPy (test/reference/clv.py retail), simulated customers,
-- and what is decided where data are odd.
\set QUIET on
SET client_min_messages = error;
BEGIN;
SELECT plan(61);
CREATE TEMP TABLE line (invoice text, stock_code text, description text, quantity int, invoice_date timestamp, unit_price numeric,
	customer text, country text);
\copy line from program 'xz -dc test/data/online_retail.csv.xz' with (format csv, header)
CREATE TEMP VIEW orders AS SELECT customer::numeric::int AS customer, invoice_date AS ordered_at, quantity * unit_price AS amount
FROM line WHERE customer IS NOT NULL AND quantity > 0 AND invoice NOT LIKE 'C%';
CREATE FUNCTION pg_temp.close(got float8, wanted float8, tolerance float8) RETURNS boolean LANGUAGE sql
AS 'SELECT abs(got - wanted) <= tolerance * abs(wanted)';

-- Published: Fader, Hardie & Lee (2005).
SELECT is(round(promoai.clv_expected_orders(.243, 4.414, .793, 2.426, 2, 30.43, 38.86, 39)::numeric, 3), 1.226, 'CDNOW: 1.226 orders');
SELECT ok(pg_temp.close(promoai.clv_p_alive(.243, 4.414, .793, 2.426, 2, 30.43, 38.86), 0.726578570081, 1e-11), 'P(alive) as SciPy has it');
SELECT ok(pg_temp.close(promoai.clv_p_order(.243, 4.414, .793, 2.426, 2, 30.43, 38.86, 39), 0.554627137917, 1e-11), 'P(order) as SciPy has it');
SELECT is(promoai.clv_p_alive(.243, 4.414, .793, 2.426, 0, 0, 38.86), 1::float8, 'nobody leaves before a second order');
SELECT is(promoai.clv_expected_orders(.243, 4.414, .793, 2.426, 2, 30.43, 38.86, NULL), NULL, 'NULL in, NULL out');

-- Online Retail, nine months.
CREATE TEMP TABLE nine AS
SELECT * FROM promoai.clv_train('nine', 'SELECT * FROM pg_temp.orders', as_of => '2011-09-01', holdout => 0);
SELECT is(customers, 3317::bigint, 'customers of the first nine months') FROM nine;
SELECT is(repeat_customers, 1890::bigint, 'those with orders on two days') FROM nine;
SELECT ok(pg_temp.close(r, 0.7212814686, 1e-5), 'r: ' || r) FROM nine;
SELECT ok(pg_temp.close(alpha, 9.467194566, 1e-5), 'alpha: ' || alpha) FROM nine;
SELECT ok(pg_temp.close((metrics->>'log_likelihood')::float8, -21791.56561, 1e-8), 'log-likelihood') FROM nine;
SELECT ok('b' = ANY (diverging), 'b has no bound in this shop, which is reported') FROM nine;
SELECT ok(pg_temp.close(p, 2.395015569, 1e-5) AND pg_temp.close(q, 3.301837893, 1e-5) AND pg_temp.close(gamma, 396.4273929, 1e-5),
	'p, q, gamma') FROM nine;
-- clv.py retail FILE 0.001: gamma is penalised in the money of the source.
SELECT ok(pg_temp.close(p, 11.16274804, 1e-6) AND pg_temp.close(q, 0.8449952041, 1e-6) AND pg_temp.close(gamma, 11.2988229, 1e-6),
	'p, q, gamma with a penalizer')
FROM promoai.clv_train('held', 'SELECT * FROM pg_temp.orders', as_of => '2011-09-01', holdout => 0, penalizer => 0.001);
SELECT ok(pg_temp.close((metrics->>'value_log_likelihood')::float8, -12924.63793, 1e-8), 'log-likelihood of values') FROM nine;

CREATE TEMP TABLE judged AS SELECT * FROM promoai.evaluate('nine', 'SELECT * FROM pg_temp.orders');
SELECT ok(value >= 0.73 AND pg_temp.close(value, 0.7332729088, 1e-6), 'AUC of an order in the next 100 days: ' || value) FROM judged WHERE metric = 'auc';
SELECT ok(pg_temp.close(value, 3610.197, 1e-4), 'orders predicted: ' || value) FROM judged WHERE metric = 'orders_predicted';
SELECT is(value, 4806::float8, 'orders observed') FROM judged WHERE metric = 'orders_observed';
SELECT ok(pg_temp.close(value, 0.9972281261, 1e-5), 'mean absolute error: ' || value) FROM judged WHERE metric = 'mae_orders';
SELECT is(count(*), 20::bigint, 'ten tenths, predicted and observed') FROM judged WHERE metric ~ 'order(ed)?@';
SELECT is(max(value) FILTER (WHERE metric = 'p_order@10') > 0.9 AND max(value) FILTER (WHERE metric = 'ordered@10') > 0.9, true, 'the best tenth') FROM judged;
SELECT is((SELECT value FROM judged WHERE metric = 'auc'), (metrics->>'auc')::float8, 'a holdout in training is judged alike')
FROM promoai.clv_train('all', 'SELECT * FROM pg_temp.orders', holdout_after => '2011-09-01');

CREATE TEMP TABLE foreseen AS SELECT * FROM promoai.clv_predict('nine', '100 days');
SELECT is((SELECT count(*) FROM foreseen), 3317::bigint, 'every customer, one-time buyers included');
SELECT is((SELECT count(*) FROM foreseen WHERE x = 0 AND p_alive = 1 AND churn > 0.3), (SELECT count(*) FROM foreseen WHERE x = 0),
	'one-time buyers are alive by definition, and yet may not come back');
SELECT ok((SELECT max(abs(churn + p_order - 1)) FROM foreseen) < 1e-15, 'churn is one less the probability of an order');
SELECT ok((SELECT max(abs(f.expected_orders - promoai.clv_expected_orders(n.r, n.alpha, n.a, n.b, f.x, f.t_x, f.age, 100 / 7.0)))
	FROM foreseen f, nine n) < 1e-9, 'as the formula says');
SELECT ok((SELECT max(abs(expected_value / (expected_orders * expected_order_value) - 1)) FROM foreseen) < 1e-12, 'value is orders times their value');
SELECT results_eq($$SELECT * FROM foreseen$$, $$SELECT * FROM promoai.clv_predict('nine', units => 100 / 7.0)$$, 'units and intervals agree');
SELECT is((SELECT count(*) FROM foreseen WHERE expected_orders < p_order OR p_order NOT BETWEEN 0 AND 1 OR expected_value IS NULL), 0::bigint, 'all in bounds');
-- What is known of customers, by hand.
SELECT is_empty($$SELECT customer_no, x, round(t_x::numeric * 7), round(age::numeric * 7) FROM foreseen EXCEPT
	SELECT customer, count(*) - 1, max(day) - min(day), date '2011-09-01' - min(day)
	FROM (SELECT customer, ordered_at::date AS day FROM orders WHERE ordered_at < '2011-09-01' GROUP BY 1, 2 HAVING sum(amount) > 0) d
	GROUP BY customer$$, 'x, t_x and age, days merged');
SELECT results_eq($$SELECT r, alpha, a, b, p, q, gamma FROM promoai.clv_train('again', 'SELECT * FROM pg_temp.orders ORDER BY amount, customer', as_of => '2011-09-01', holdout => 0)$$,
	$$SELECT r, alpha, a, b, p, q, gamma FROM nine$$, 'rows in any order: the same bits');
SELECT is((SELECT metrics->'alpha' FROM promoai.retrain('nine')), (SELECT metrics->'alpha' FROM nine), 'retrained alike');

-- Simulated customers: rates Gamma(1, 20 weeks), chances of leaving Beta(1, 3), ages 100 to 200 weeks.
CREATE TEMP TABLE simulated AS
WITH u AS (SELECT i, ((hashint8extended(i, 1) & 1048575) + 0.5) / 1048576 AS u1, ((hashint8extended(i, 2) & 1048575) + 0.5) / 1048576 AS u2,
		((hashint8extended(i, 3) & 1048575) + 0.5) / 1048576 AS u3 FROM generate_series(1, 10000) i),
customer AS (SELECT i, -ln(u1) / 20 AS rate, 1 - (1 - u2) ^ (1 / 3.0) AS leaves, (100 + 100 * u3) * 7 AS age FROM u),
step AS (SELECT i, j, age, leaves, -7 * ln(((hashint8extended(i, 100 + j) & 1048575) + 0.5) / 1048576) / rate AS gap,
		((hashint8extended(i, 500 + j) & 1048575) + 0.5) / 1048576 < leaves AS left_after FROM customer, generate_series(1, 60) j),
walk AS (SELECT i, j, age, sum(gap) OVER w AS at, coalesce(bool_or(left_after) OVER (PARTITION BY i ORDER BY j ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING), false) AS gone
	FROM step WINDOW w AS (PARTITION BY i ORDER BY j))
SELECT i AS customer, timestamp '2025-01-01' - interval '1 day' * age AS ordered_at FROM customer
UNION ALL SELECT i, timestamp '2025-01-01' - interval '1 day' * (age - at) FROM walk WHERE NOT gone AND at < age;
CREATE TEMP TABLE sim AS SELECT * FROM promoai.clv_train('sim', 'SELECT * FROM pg_temp.simulated', as_of => '2025-01-01');
SELECT ok(abs(r - 1) < 0.06, 'r of simulated customers, 1: ' || r) FROM sim;
SELECT ok(abs(alpha - 20) < 1.5, 'alpha, 20: ' || alpha) FROM sim;
SELECT ok(abs(a / (a + b) - 0.25) < 0.015, 'mean chance of leaving, 0.25: ' || a / (a + b)) FROM sim;
-- SciPy on the same rows (x, t_x and age of clv_predict, written to a file; test/reference/clv.py time FILE).
SELECT ok(pg_temp.close(r, 1.015885602, 1e-6) AND pg_temp.close(alpha, 21.03320091, 1e-6) AND pg_temp.close(a, 1.056883368, 1e-6)
	AND pg_temp.close(b, 3.274049219, 1e-6) AND pg_temp.close((metrics->>'log_likelihood')::float8, -144449.7682, 1e-9), 'as SciPy has it') FROM sim;
-- With a penalizer, in each unit of time (clv.py time FILE 0.01).
CREATE TEMP TABLE held AS SELECT unit, days, t.* FROM (VALUES ('day', 1), ('week', 7), ('month', 365.25 / 12)) u(unit, days),
	promoai.clv_train('held_' || unit, 'SELECT * FROM pg_temp.simulated', unit => unit, as_of => '2025-01-01', holdout => 0, penalizer => 0.01) t;
SELECT ok(pg_temp.close(r, 0.9642649004, 1e-6) AND pg_temp.close(alpha * days, 7 * 19.81874273, 1e-6) AND pg_temp.close(a, 0.5038621782, 1e-6)
	AND pg_temp.close(b, 1.170867222, 1e-6), 'a penalizer, by the ' || unit || ': as SciPy has it') FROM held;
SELECT ok(max(orders) / min(orders) - 1 < 1e-9, 'and forecasts do not depend on the unit: ' || max(orders) / min(orders) - 1)
FROM (SELECT sum(expected_orders) AS orders FROM held, promoai.clv_predict(model, '3 months') GROUP BY unit) f;

-- A holdout begins with the first day that starts at or after holdout_after.
CREATE TEMP TABLE hours AS SELECT c AS customer, timestamptz '2024-01-01 00:00+00' + interval '1 hour' * (7 * (c % 50) + 8 * j * (2 + c % 7)) AS ordered_at
FROM generate_series(1, 300) c, generate_series(0, 12) j WHERE j <= c % 13;
CREATE FUNCTION pg_temp.held_out(at timestamptz, zone text) RETURNS int LANGUAGE sql
AS $$SELECT (metrics->>'orders_observed')::int FROM promoai.clv_train('held', 'SELECT * FROM pg_temp.hours', holdout_after => at, time_zone => zone)$$;
CREATE FUNCTION pg_temp.from_day(begins date, zone text) RETURNS int LANGUAGE sql
AS $$WITH d AS (SELECT DISTINCT customer, (ordered_at AT TIME ZONE zone)::date AS day FROM pg_temp.hours)
SELECT count(*)::int FROM d WHERE day >= begins AND customer IN (SELECT customer FROM d WHERE day < begins)$$;
SELECT ok(pg_temp.from_day('2024-01-20', 'UTC') > pg_temp.from_day('2024-01-21', 'UTC')
	AND pg_temp.from_day('2024-01-20', 'UTC') <> pg_temp.from_day('2024-01-20', 'Asia/Shanghai'), 'the days can be told apart');
SELECT is(pg_temp.held_out('2024-01-20 00:00+00', 'UTC'), pg_temp.from_day('2024-01-20', 'UTC'), 'midnight: the day is held out, its first moment with it');
SELECT is(pg_temp.held_out('2024-01-20 00:00:00.000001+00', 'UTC'), pg_temp.from_day('2024-01-21', 'UTC'), 'a moment later: from the next day on');
SELECT is(pg_temp.held_out('2024-01-20 18:30+00', 'UTC'), pg_temp.from_day('2024-01-21', 'UTC'), 'in the evening: from the next day on');
SELECT is(pg_temp.held_out('2024-01-20 00:00+08', 'Asia/Shanghai'), pg_temp.from_day('2024-01-20', 'Asia/Shanghai'), 'midnight of the time zone');
SELECT is(pg_temp.held_out('2024-01-20 00:00+00', 'Asia/Shanghai'), pg_temp.from_day('2024-01-21', 'Asia/Shanghai'), 'midnight elsewhere is some time of the day');
SELECT is(diverging, '{}'::text[], 'nothing diverges') FROM sim;
SELECT ok(p IS NULL AND q IS NULL, 'without amounts no values') FROM sim;
SELECT is((SELECT count(*) FROM promoai.model_metrics o JOIN promoai.model_metrics p ON p.model = o.model
	AND 'p_' || replace(o.metric, 'ordered', 'order') = p.metric WHERE o.model = 'sim' AND o.metric LIKE 'ordered@%' AND p.value BETWEEN o.low - 0.02 AND o.high + 0.02),
	10::bigint, 'calibrated in every tenth');
SELECT ok((SELECT value FROM promoai.model_metrics WHERE model = 'sim' AND metric = 'orders_predicted') /
	(SELECT value FROM promoai.model_metrics WHERE model = 'sim' AND metric = 'orders_observed') BETWEEN 0.96 AND 1.04, 'orders in total');

-- What they refuse.
SELECT throws_ok($$SELECT promoai.clv_train('x', 'SELECT 1, now(), 1')$$, '22023', 'no customer has orders on two days: there is nothing to learn from');
SELECT throws_ok($$SELECT promoai.clv_train('x', 'SELECT 1, now(), 1 WHERE false')$$, '22023', 'source has no orders to train on');
SELECT throws_ok($$SELECT promoai.clv_train('x', 'SELECT 1, now(), -1')$$, '22023', 'source has no order with an amount above zero');
SELECT throws_ok($$SELECT promoai.clv_train('x', 'VALUES (1, date ''0211-01-01''), (1, ''2011-01-01'')')$$, '22023');
SELECT throws_ok($$SELECT promoai.clv_train('x', 'SELECT 1, now(), 1', unit => 'year')$$, '22023');
SELECT throws_ok($$SELECT promoai.clv_train('x', 'SELECT 1, now(), 1', holdout => 0.1, holdout_after => now())$$, '22023');
SELECT throws_ok($$SELECT * FROM promoai.clv_predict('nine')$$, '22023');
SELECT throws_ok($$SELECT * FROM promoai.clv_predict('nine', '-1 day')$$, '22023');
SELECT throws_ok($$SELECT * FROM promoai.cf_recommend('nine', 12347)$$, '42809');
SELECT throws_ok($$SELECT promoai.clv_expected_orders(.243, 4.414, .793, 2.426, 2, 30, 20, 39)$$, '22023');
SELECT throws_ok($$SELECT promoai.clv_expected_orders(.243, 'NaN', .793, 2.426, 2, 20, 30, 39)$$, '22023');
CREATE TEMP TABLE fractions AS SELECT c, date '2024-01-01' + (c * 7 + i * 23) % 300 AS day, 10 + i + c % 3 AS amount FROM generate_series(1, 60) c, generate_series(1, 5) i;
SELECT is((SELECT row(days_dropped, orders)::text FROM promoai.clv_train('tap_fractions', $$SELECT c, day, amount FROM pg_temp.fractions
	UNION ALL SELECT c, date '2025-02-01', x FROM generate_series(1, 10) c, unnest(ARRAY[1.1, 2.2, -3.3]) x$$, holdout => 0)),
	(SELECT row(10, count(DISTINCT (c, day)))::text FROM fractions), 'days of fractions that cancel are no orders');
SELECT * FROM finish();
ROLLBACK;
