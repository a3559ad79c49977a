-- Basket rules: the interface, and what is said of what is wrong.
SET client_min_messages = warning;
\set SHOW_CONTEXT never
CREATE TABLE ticket (basket int, item text, quantity int);
INSERT INTO ticket VALUES (1, 'bread', 1), (1, 'butter', 1), (1, 'milk', 2), (2, 'bread', 1), (2, 'butter', 1), (3, 'bread', 2),
	(3, 'jam', 1), (4, 'milk', 1), (4, 'bread', 1), (4, 'butter', 2), (5, 'milk', 1), (6, 'jam', 1), (6, 'bread', NULL);

SELECT antecedent, consequent, baskets, antecedent_baskets, consequent_baskets, all_baskets, round(support::numeric, 3) AS support,
	round(confidence::numeric, 3) AS confidence, round(lift::numeric, 3) AS lift
FROM promoai.basket_rules('ticket', 0.3);
SELECT antecedent, consequent, round(lift_low::numeric, 3) AS lift_low, round(lift_high::numeric, 3) AS lift_high, round(leverage::numeric, 3) AS leverage,
	conviction, round(p_value::numeric, 3) AS p_value, tests
FROM promoai.basket_rules('ticket', 0.3);
SELECT model, version, kind, rows_read, rows_skipped, rows_merged, pairs_dropped, baskets, items, pairs, itemsets, rules, metrics
FROM promoai.basket_train('tickets', 'ticket', min_baskets => 2, holdout => 0);
SELECT rank, item, item_no, score, answered_by, because, because_no, round(confidence::numeric, 3) AS confidence, round(lift::numeric, 3) AS lift
FROM promoai.basket_recommend('tickets', ARRAY['bread', 'unheard of'], 9);
SELECT antecedent, consequent FROM promoai.basket_model_rules('tickets');
SELECT model, kind, rows_read, sizes FROM promoai.retrain('tickets');
SELECT rank, item, answered_by FROM promoai.basket_recommend('tickets', k => 2);
SELECT rank, item, answered_by FROM promoai.basket_recommend('tickets', ARRAY['bread', 'butter', 'milk', 'jam']);
SELECT rank, item, answered_by FROM promoai.basket_recommend('tickets', ARRAY['bread'], candidates => '{}');
SELECT rank, item FROM promoai.basket_recommend('tickets', ARRAY[1, 2], k => 1);

-- Arguments.
SELECT * FROM promoai.basket_rules(NULL);
SELECT * FROM promoai.basket_rules('ticket', min_support => 2);
SELECT * FROM promoai.basket_rules('ticket', min_support => 'NaN');
SELECT * FROM promoai.basket_rules('ticket', min_support => NULL);
SELECT * FROM promoai.basket_rules('ticket', min_confidence => -0.1);
SELECT * FROM promoai.basket_rules('ticket', max_items => 1);
SELECT * FROM promoai.basket_rules('ticket', max_items => 21);
SELECT * FROM promoai.basket_rules('ticket', min_lift => 'infinity');
SELECT * FROM promoai.basket_rules('ticket', max_rules => -1);
SELECT * FROM promoai.basket_rules('ticket', min_baskets => 0);
SELECT * FROM promoai.basket_rules('ticket', memory => '1kB');
SELECT count(*) FROM promoai.basket_rules('ticket', 1, min_baskets => 2147483647);

-- Sources.
SELECT * FROM promoai.basket_rules('SELECT basket FROM ticket');
SELECT * FROM promoai.basket_rules('SELECT basket, item FROM ticket WHERE false');
SELECT * FROM promoai.basket_rules('SELECT basket, item, -1 FROM ticket');
SELECT * FROM promoai.basket_rules($$SELECT basket, item, 'NaN'::float8 FROM ticket$$);
SELECT * FROM promoai.basket_rules('SELECT basket, item, 1e300::float8 FROM ticket WHERE basket = 1');
SELECT * FROM promoai.basket_rules('no_such_table');
-- Thirty items in each of thirty baskets have a billion frequent sets.
SELECT count(*) FROM promoai.basket_rules('SELECT b, i FROM generate_series(1, 30) b, generate_series(1, 30) i', 0.5, max_items => 20, memory => '2MB');
SELECT count(*) FROM promoai.basket_rules('SELECT b, b % 7 FROM generate_series(1, 300000) b', memory => '1MB');

-- Models.
SELECT promoai.basket_train('', 'ticket');
SELECT promoai.basket_train('tickets', 'ticket', holdout => 1);
SELECT promoai.basket_train('tickets', 'ticket', metrics_k => 0);
SELECT promoai.basket_train('tickets', 'ticket', seed => NULL);
SELECT promoai.mf_train('tickets', 'ticket');
SELECT * FROM promoai.basket_recommend('no such model', ARRAY['bread']);
SELECT * FROM promoai.basket_recommend('tickets', ARRAY['bread'], k => 0);
SELECT * FROM promoai.basket_recommend('tickets', ARRAY['bread'], version => 9);
SELECT * FROM promoai.basket_recommend('tickets', NULL::text[]);
SELECT * FROM promoai.cf_recommend('tickets', 1);
SELECT * FROM promoai.evaluate('tickets', 'ticket', history => 'ticket');
SELECT metric, value FROM promoai.evaluate('tickets', 'ticket', k => 2) ORDER BY metric;
SET client_min_messages = notice;
SELECT metric, value FROM promoai.evaluate('tickets', 'SELECT 1, 2');
SELECT rules FROM promoai.basket_train('tickets', 'SELECT 1, i FROM generate_series(1, 3) i', min_baskets => 1, holdout => 0.9);
SET client_min_messages = warning;
SELECT rank, item, item_no, because_no FROM promoai.basket_recommend('tickets', ARRAY[1]);
SELECT * FROM promoai.basket_recommend('tickets', ARRAY['bread']);
SELECT promoai.model_drop('tickets');
DROP TABLE ticket;
