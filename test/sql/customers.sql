-- Interface and messages of the functions about customers.
\set VERBOSITY default
SET extra_float_digits = -4;
SET timezone = 'UTC';
CREATE TABLE buy (customer text, at timestamp, amount numeric, order_id int, discount numeric, promotion_type text, category text);
INSERT INTO buy
SELECT 'c' || lpad(c::text, 3, '0'), timestamp '2024-01-01 08:00' + interval '1 day' * (c % 40 + j * (3 + c % 11)) + interval '1 hour' * (c % 9), 10 + c % 17 + j,
	c * 100 + j, (c + j) % 4, CASE WHEN (c + j) % 3 = 0 THEN 'coupon' WHEN (c + j) % 3 = 1 THEN 'sale' END, 'k' || (c * j) % 5
FROM generate_series(1, 200) c, generate_series(0, 12) j WHERE j <= c % 7 AND c % 40 + j * (3 + c % 11) < 120;

SELECT * FROM promoai.rfm('SELECT customer, at, amount FROM buy') ORDER BY customer LIMIT 3;
SELECT segment_code, segment, segment_zh, count(*) FROM promoai.rfm('SELECT customer, at, amount FROM buy', ties => 'low') GROUP BY 1, 2, 3 ORDER BY 1;
SELECT * FROM promoai.rfm(NULL);
SELECT * FROM promoai.rfm('SELECT customer, amount FROM buy');
SELECT * FROM promoai.rfm('SELECT customer, at, amount FROM buy', ties => 'middle');
SELECT * FROM promoai.rfm('SELECT customer, at, amount FROM buy', as_of => '-infinity');
SELECT * FROM promoai.rfm('SELECT customer, at, amount FROM buy', time_zone => 'Nowhere');
SELECT * FROM promoai.rfm('SELECT customer, at, 1e308::float8 FROM buy');

\x on
SELECT * FROM promoai.customer_features('SELECT * FROM buy') WHERE customer = 'c006';
\x off
SELECT * FROM promoai.customer_features('SELECT customer, at, amount, 1 AS colour FROM buy');
SELECT * FROM promoai.customer_features('SELECT customer, at, amount, category, category FROM buy');
SELECT * FROM promoai.customer_features('SELECT customer, at, amount, ''red'' AS price FROM buy');
SELECT * FROM promoai.customer_features('SELECT customer, at, amount, order_id % 100 AS order_id FROM buy ORDER BY order_id');
SELECT count(*) FROM promoai.customer_features('SELECT customer, at, amount FROM buy', events => 'SELECT ''nobody''::text, timestamp ''2024-01-01''');
SELECT count(*) FROM promoai.customer_features('SELECT customer, at, amount FROM buy', reviews => 'SELECT customer, amount FROM buy');

SELECT model, version, kind, rows_read, rows_skipped, rows_later, days_dropped, customers, repeat_customers, orders, as_of
FROM promoai.clv_train('clv', 'SELECT customer, at, amount FROM buy', unit => 'day', penalizer => 0.001, holdout_after => '2024-03-15');
SELECT customer, customer_no, x, t_x, age, round(expected_orders::numeric, 3) AS expected_orders, round(p_order::numeric, 3) AS p_order, round(churn::numeric, 3) AS churn,
	round(expected_order_value::numeric, 2) AS order_value, round(expected_value::numeric, 2) AS value
FROM promoai.clv_predict('clv', '30 days') ORDER BY customer LIMIT 3;
SELECT model, version, kind, rows_read, sizes FROM promoai.retrain('clv');
SELECT arguments FROM promoai.model_definition('clv');
SELECT metric, n FROM promoai.evaluate('clv', 'SELECT customer, at + interval ''60 days'' FROM buy') WHERE metric IN ('auc', 'orders_observed');
SELECT metric FROM promoai.evaluate('clv', 'SELECT customer, at FROM buy');
SELECT metric FROM promoai.evaluate('clv', 'SELECT customer, at + interval ''60 days'' FROM buy', history => 'SELECT customer, at FROM buy');
SELECT * FROM promoai.clv_predict('clv');
SELECT * FROM promoai.clv_predict('clv', '1 day', 3);
SELECT * FROM promoai.clv_predict('clv', units => 0);
SELECT * FROM promoai.clv_predict('clv', units => 'NaN');
SELECT * FROM promoai.clv_predict('clv', '200 years');
SELECT * FROM promoai.clv_predict('clv', '1 day', version => 9);
SELECT * FROM promoai.clv_predict('nothing', '1 day');
SELECT promoai.clv_train('bad', 'SELECT customer, at, amount FROM buy', unit => 'year');
SELECT promoai.clv_train('bad', 'SELECT customer, at, amount FROM buy', holdout => 0.1, holdout_after => '2024-02-01');
SELECT promoai.clv_train('bad', 'SELECT customer, at, amount FROM buy', as_of => '2024-02-01', holdout_after => '2024-03-01');
SELECT promoai.clv_train('bad', 'SELECT customer, at, amount FROM buy', as_of => '2020-01-01');
SELECT metrics ? 'auc' AS judged FROM promoai.clv_train('late', 'SELECT customer, at, amount FROM buy', as_of => '2024-04-24 23:00', holdout_after => '2024-04-24 00:00', penalizer => 0.001);
SELECT metrics ? 'auc' AS judged FROM promoai.clv_train('late', 'SELECT customer, at, amount FROM buy', as_of => '2024-04-24 23:00', holdout_after => '2024-04-24 01:00', penalizer => 0.001);
SELECT promoai.model_drop('late');
SELECT promoai.clv_train('bad', 'SELECT customer, at, amount FROM buy', penalizer => 'NaN');
SELECT promoai.clv_train('bad', 'SELECT customer, amount FROM buy');
SELECT promoai.clv_train('bad', 'SELECT customer, at, amount FROM buy WHERE order_id % 100 = 0');
SELECT promoai.clv_train('bad', 'SELECT customer, at, -amount FROM buy');
SELECT promoai.clv_train('bad', 'VALUES (1, date ''0211-01-01''), (1, ''2011-01-01'')');
SELECT promoai.clv_expected_orders(1, 2, 3, 4, 1.5, 1, 2, 3);
SELECT promoai.clv_expected_orders(1, 2, 3, 4, 1, 3, 2, 3);
SELECT promoai.clv_expected_orders(0, 2, 3, 4, 1, 1, 2, 3);
SELECT promoai.clv_p_order(1, 2, 3, 4, 1, 1, 2, 'infinity');
SELECT promoai.clv_p_alive(1, 2, 3, 4, 1, 1, 2) BETWEEN 0 AND 1;
SELECT promoai.model_drop('clv');
DROP TABLE buy;
