-- run as: postgres
-- Forecasts in parallel workers are those of the session, and belong to those who may use the model.
BEGIN;
SET LOCAL client_min_messages = error;
SELECT plan(6);
CREATE SCHEMA par;
CREATE TABLE par.orders AS
SELECT c AS customer, timestamp '2024-01-01' + interval '1 day' * (c % 50 + j * (2 + c % 7) * (1 + j % 3)) AS ordered_at, 5 + (c * j) % 13 AS amount
FROM generate_series(1, 500) c, generate_series(0, 9) j WHERE j <= c % 11;
CREATE TABLE par.horizon AS SELECT (1 + n % 7)::float8 AS units, (n % 5)::float8 AS x FROM generate_series(1, 3000) n;
SELECT is((promoai.clv_train('par', 'par.orders', holdout => 0)).customers, 500::bigint, 'a model');
CREATE TEMP TABLE serial AS
SELECT (SELECT sum(p.expected_value) FROM generate_series(1, 7) u, promoai.clv_predict('par', units => u) p) AS value,
	(SELECT sum(promoai.clv_expected_orders(1, 5, 1, 3, h.x, h.x, 10, h.units)) FROM par.horizon h) AS orders;

SET LOCAL parallel_setup_cost = 0;
SET LOCAL parallel_tuple_cost = 0;
SET LOCAL min_parallel_table_scan_size = 0;
SET LOCAL max_parallel_workers_per_gather = 2;
CREATE FUNCTION pg_temp.workers(query text) RETURNS int LANGUAGE plpgsql AS
$$DECLARE line text; launched int := 0;
BEGIN
    FOR line IN EXECUTE 'EXPLAIN (ANALYZE, COSTS off, TIMING off, SUMMARY off) ' || query LOOP
        launched := launched + coalesce(substring(line FROM 'Workers Launched: (\d+)')::int, 0);
    END LOOP;
    RETURN launched;
END$$;
SELECT ok(pg_temp.workers($$SELECT sum(promoai.clv_expected_orders(1, 5, 1, 3, h.x, h.x, 10, h.units)) FROM par.horizon h$$) > 0, 'workers are launched for the formula');
SELECT ok(abs((SELECT sum(promoai.clv_expected_orders(1, 5, 1, 3, h.x, h.x, 10, h.units)) FROM par.horizon h) / (SELECT orders FROM serial) - 1) < 1e-12, 'and agree');
SELECT ok(pg_temp.workers($$SELECT sum(p.expected_value) FROM (SELECT units FROM par.horizon WHERE x = 0 AND units < 3 LIMIT 10000) h, promoai.clv_predict('par', units => h.units) p$$) > 0,
	'workers are launched for the forecasts');
CREATE TABLE par.few AS SELECT u::float8 AS units FROM generate_series(1, 7) u;
SELECT ok(abs((SELECT sum(p.expected_value) FROM par.few h, promoai.clv_predict('par', units => h.units) p) / (SELECT value FROM serial) - 1) < 1e-12, 'and agree');

CREATE ROLE par_stranger;
GRANT USAGE ON SCHEMA promoai TO par_stranger;
SET LOCAL ROLE par_stranger;
SELECT throws_ok($$SELECT * FROM promoai.clv_predict('par', '1 day')$$, '42704');
SELECT * FROM finish();
ROLLBACK;
