-- Fits over a source against R on Dominick's orange juice: figures and commands in test/reference/panel.R.
\set QUIET on
SET client_min_messages = error;
CREATE TEMP TABLE oj (store int, brand int, week int, logmove float8, constant int,
	price1 float8, price2 float8, price3 float8, price4 float8, price5 float8, price6 float8, price7 float8, price8 float8,
	price9 float8, price10 float8, price11 float8, deal int, feat float8, profit float8, sales float8);
\copy oj FROM PROGRAM 'Rscript test/reference/orange_juice.R 2>/dev/null || true' WITH (FORMAT csv, HEADER)
SELECT count(*) = 0 AS missing FROM oj \gset
BEGIN;
SELECT plan(32);

CREATE FUNCTION pg_temp.close(got float8, wanted float8, what text) RETURNS text LANGUAGE sql AS
$$ SELECT ok(coalesce(abs(got - wanted) <= 1e-8 * abs(wanted), false),
	format('%s: %s against %s, off by %s', what, got, wanted, abs(got / wanted - 1))) $$;

CREATE TEMP TABLE fits AS
SELECT 'hc1' AS kind, f.* FROM promoai.promo_lift_fit_source('SELECT sales, feat, deal, price1, price5 FROM pg_temp.oj WHERE brand = 1') f
WHERE NOT :'missing'
UNION ALL SELECT 'store', f.* FROM promoai.promo_lift_fit_source('SELECT sales, feat, deal, price1, price5, store FROM pg_temp.oj WHERE brand = 1', cluster => 'store') f
WHERE NOT :'missing'
UNION ALL SELECT 'week', f.* FROM promoai.promo_lift_fit_source('SELECT week, sales, feat, deal, price1, price5 FROM pg_temp.oj WHERE brand = 1', cluster => 'week') f
WHERE NOT :'missing'
UNION ALL SELECT 'store, week', f.* FROM promoai.promo_lift_fit_source('SELECT store, week, sales, feat, deal, price1, price5 FROM pg_temp.oj WHERE brand = 1', cluster => 'store, week') f
WHERE NOT :'missing'
UNION ALL SELECT 'panel hc1', f.* FROM promoai.promo_panel_fit('SELECT store, week, sales, feat, deal, price1, price5 FROM pg_temp.oj WHERE brand = 1', errors => 'hc1') f
WHERE NOT :'missing'
UNION ALL SELECT 'panel store', f.* FROM promoai.promo_panel_fit('SELECT store, week, sales, feat, deal, price1, price5 FROM pg_temp.oj WHERE brand = 1') f
WHERE NOT :'missing'
UNION ALL SELECT 'panel both', f.* FROM promoai.promo_panel_fit('SELECT store, week, sales, feat, deal, price1, price5 FROM pg_temp.oj WHERE brand = 1', cluster => 'store, week') f
WHERE NOT :'missing'
UNION ALL SELECT 'store effects', f.* FROM promoai.promo_panel_fit('SELECT sales, feat, deal, price1, price5, store, week FROM pg_temp.oj WHERE brand = 1', effects => 'store', cluster => 'week') f
WHERE NOT :'missing';

-- Rscript test/reference/panel.R (R 4.2.2, sandwich 3.0.2)
CREATE TEMP TABLE reference (kind text, feat float8, feat_error float8, price float8, price_error float8, r2 float8);
INSERT INTO reference VALUES
('hc1', 16379.5887852778, 697.670598269543, -950032.737355305, 26014.2100744807, 0.415022799373631),
('store', 16379.5887852778, 804.044539944909, -950032.737355305, 45350.6021617204, 0.415022799373631),
('week', 16379.5887852778, 4164.22467940467, -950032.737355305, 133469.785637564, 0.415022799373631),
('store, week', 16379.5887852778, 4190.58929386465, -950032.737355305, 138759.380961587, 0.415022799373631),
('panel hc1', -6333.7063912284, 3832.10983904805, -805946.062882067, 61248.2229083797, 0.777746521238056),
('panel store', -6333.7063912284, 3882.25874046329, -805946.062882067, 117469.979292141, 0.777746521238056),
('panel both', -6333.7063912284, 1246.34450704123, -805946.062882067, 150065.314924558, 0.777746521238056),
('store effects', 15570.4946724011, 4047.27408857994, -1077514.50100753, 140090.95172361, 0.554078581183143);

\if :missing
SELECT skip('bayesm is not installed', 24);
\else
SELECT pg_temp.close(f.extra_sales_per_row, r.feat, kind || ', feat') FROM fits f JOIN reference r USING (kind) ORDER BY kind;
SELECT pg_temp.close(f.std_error, r.feat_error, kind || ', error of feat') FROM fits f JOIN reference r USING (kind) ORDER BY kind;
SELECT ok(abs(f.terms[4] - r.price) <= 1e-8 * abs(r.price) AND abs(sqrt(f.covariance[4][4]) - r.price_error) <= 1e-8 * r.price_error
	AND abs(f.r2 - r.r2) <= 1e-8 AND f.names[4] = 'price1', kind || ', price1, its error, r2')
FROM fits f JOIN reference r USING (kind) ORDER BY kind;
\endif

-- The same rows in another order, and in parallel, give the same bits.
CREATE TABLE pg_temp.made AS
SELECT i % 37 AS unit, i / 37 AS time, (hashint4(i) % 1000) / 100.0 + i % 37 AS sales, (hashint4(i + 77777) % 3 = 0) AS promo,
	(hashint4(-i) % 1000) / 7.0 AS x
FROM generate_series(1, 2000) i;
SELECT is(f::text, g::text, 'no bit depends on the order of rows')
FROM promoai.promo_panel_fit('SELECT * FROM pg_temp.made ORDER BY x') f, promoai.promo_panel_fit('SELECT * FROM pg_temp.made ORDER BY promo, sales') g;
SELECT is((f.names, f.dropped)::text, '("{intercept,promo,x,twice}",{twice})', 'a collinear column is dropped and named')
FROM promoai.promo_panel_fit('SELECT *, 2 * x AS twice FROM pg_temp.made') f;
SELECT is((SELECT f.singletons FROM promoai.promo_panel_fit(
	'SELECT * FROM pg_temp.made UNION ALL VALUES (1000, 1, 7, true, 1), (1001, 1001, 7, true, 1)') f), 2::bigint, 'rows that stand alone are left out');

-- What an aggregate withholds because it would come out as 0, these withhold as well.
CREATE TABLE pg_temp.lone AS SELECT i * i % 7 AS sales, i <> 3 AS promo, CASE WHEN i <> 3 THEN 0.2 ELSE 0 END AS discount, i % 5 AS x FROM generate_series(1, 40) i;
SELECT ok(f.lift_low IS NULL AND f.lift_high IS NULL AND f.covariance[1][1] IS NULL AND f.covariance[1][2] IS NULL AND f.covariance[2][1] IS NULL AND g.lift_low IS NULL
	AND abs(f.std_error - g.std_error) < 1e-12 AND abs(f.covariance[2][2] - g.covariance[2][2]) < 1e-12 AND f.note LIKE 'one row without promotion%',
	'one row without promotion: no error of the intercept, no interval of the lift')
FROM promoai.promo_lift_fit_source('SELECT sales, promo FROM pg_temp.lone') f, (SELECT (promoai.promo_lift_fit(sales, promo)).* FROM pg_temp.lone) g;
SELECT ok(f.lift_low IS NULL AND f.note LIKE 'one row without promotion%', 'the same where promo is a number')
FROM promoai.promo_lift_fit_source('SELECT sales, discount FROM pg_temp.lone') f;
SELECT ok(f.lift_low IS NOT NULL AND f.covariance[1][1] IS NOT NULL, 'with covariates both are there')
FROM promoai.promo_lift_fit_source('SELECT sales, promo, x FROM pg_temp.lone') f;
SELECT ok(f.covariance IS NULL AND f.std_error IS NULL AND f.p_value IS NULL AND f.ci_low IS NULL AND f.lift_high IS NULL AND f.extra_sales_per_row = 0, 'sales that do not vary have no errors')
FROM promoai.promo_lift_fit_source('SELECT 5, sales > 2 FROM pg_temp.lone') f;
SELECT ok(f.covariance IS NULL AND f.std_error IS NULL AND f.lift_low IS NULL, 'nor in a panel')
FROM promoai.promo_panel_fit('SELECT x, sales, 5, promo FROM pg_temp.lone', errors => 'hc1') f;
SELECT * FROM finish();
ROLLBACK;
