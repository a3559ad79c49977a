-- Pooled elasticities against R (test/reference/pooled.R: lm, metafor, Morris's formulas) and against a simulated truth.
\set QUIET on
SET client_min_messages = error;
CREATE TEMP TABLE oj (store int, brand int, week int, logmove float8, constant int,
	price1 float8, price2 float8, price3 float8, price4 float8, price5 float8, price6 float8, price7 float8, price8 float8,
	price9 float8, price10 float8, price11 float8, deal int, feat float8, profit float8, sales float8);
\copy oj FROM PROGRAM 'Rscript test/reference/orange_juice.R 2>/dev/null || true' WITH (FORMAT csv, HEADER)
SELECT count(*) = 0 AS missing FROM oj \gset
BEGIN;
SELECT plan(30);

-- Rscript test/reference/pooled.R (R 4.2.2, metafor 3.8.1): item, mean, spread, own slope, pooled, its error, upper end
CREATE TEMP TABLE reference (item text, mean float8, spread float8, own float8, pooled float8, error float8, high float8);
INSERT INTO reference VALUES
('1-2', -1.83169444257, 0.632757062459, 0.113321524, -1.46467282532, 0.868567430125, 0.415860941788),
('1-5', -1.83169444257, 0.632757062459, -4.58890185437, -2.314496357, 0.967302797805, -0.28790493798),
('2-2', -2.10747788956, 0, -3.35785871605, -2.19371105, 0.489420003384, -1.13406868864),
('2-5', -2.10747788956, 0, -1.45302660507, -2.06234331821, 0.383037514071, -1.25984327279),
('3-2', -5.09581517286, 0, -4.9858414738, -5.08823077982, 0.756582235668, -3.45015595406),
('3-5', -5.09581517286, 0, -2.88349216812, -4.94324117254, 1.09147418662, -2.65649887663),
('4-2', -5.52120441188, 0.485971012801, -3.35473826189, -5.08632893531, 0.701388746136, -3.56775343359),
('4-5', -5.52120441188, 0.485971012801, -6.20394411631, -5.68961968014, 0.542524163766, -4.55297992535),
('5-2', -4.37056529793, 0.515600759307, -4.48614652669, -4.42535925512, 0.41704265885, -3.52242095109),
('5-5', -4.37056529793, 0.515600759307, -4.76928930008, -4.48885340618, 0.516316202759, -3.4071218239),
('6-2', -4.3227082705, 0.857382561917, -7.00060910149, -4.85379663331, 1.17826960546, -2.30272724828),
('6-5', -4.3227082705, 0.857382561917, -6.16436817838, -4.80633774603, 1.02744354949, -2.65374572868),
('7-2', -5.69246987303, 1.53239535328, -2.62606583221, -3.5231014681, 0.912667673223, -1.54708634467),
('7-5', -5.69246987303, 1.53239535328, -5.707930092, -5.70237706308, 0.980494390571, -3.64814800178),
('8-2', -6.49934380887, 2.45972351382, -3.14519773496, -3.7823914207, 1.14177397629, -1.31033865618),
('8-5', -6.49934380887, 2.45972351382, -6.51603372409, -6.51445952376, 0.78875670409, -4.8619391632),
('9-2', -4.57584033751, 0.995897490979, -2.71903031111, -3.7125764585, 0.856842567324, -1.85742817056),
('9-5', -4.57584033751, 0.995897490979, -6.3405418611, -5.29150283318, 0.907451599586, -3.39030537043),
('10-2', -3.67389795275, 0, -2.09978915119, -3.56533872506, 0.562356301676, -2.34778211659),
('10-5', -3.67389795275, 0, -4.09028705724, -3.70261444272, 0.521637469213, -2.6097343008),
('11-2', -2.9696370866, 1.93052616988e-07, -8.30020550233, -3.33726249458, 1.66703088991, 0.272023060642),
('11-5', -2.9696370866, 1.93052616988e-07, -4.75608525312, -3.09284040843, 0.882102064604, -1.24475263397);
CREATE TEMP TABLE found AS
SELECT * FROM promoai.promo_elasticity_pooled($$
	SELECT brand || '-' || store, brand, exp(logmove),
		(ARRAY[price1, price2, price3, price4, price5, price6, price7, price8, price9, price10, price11])[brand], deal
	FROM pg_temp.oj WHERE week <= 60 AND store IN (SELECT DISTINCT store FROM pg_temp.oj ORDER BY 1 LIMIT 30)$$)
WHERE NOT :'missing';

CREATE FUNCTION pg_temp.near(got float8, wanted float8) RETURNS boolean LANGUAGE sql AS
$$ SELECT coalesce(abs(got - wanted) <= 1e-6 * greatest(abs(wanted), 1), false) $$;
\if :missing
SELECT skip('bayesm is not installed', 22);
\else
SELECT ok(pg_temp.near(own_elasticity, own) AND pg_temp.near(pooled_mean, mean) AND pg_temp.near(pooled_spread, spread)
	AND pg_temp.near(elasticity, pooled) AND pg_temp.near(std_error, error) AND pg_temp.near(ci_high, high),
	format('%s: %s against %s', item, elasticity, pooled))
FROM reference LEFT JOIN found USING (item) ORDER BY item;
\endif

-- 400 products in 8 categories, ten prices each; the category's mean and the products' spread about it (0.5) are known.
CREATE TEMP TABLE truth AS
SELECT i AS item, i % 8 AS category, -1 - 0.3 * (i % 8) + 0.5 * normal AS elasticity
FROM (SELECT i, sqrt(-2 * ln(((hashint8extended(i, 11) & 1048575) + 0.5) / 1048576)) *
		cos(2 * pi() * (hashint8extended(i, 12) & 1048575) / 1048576) AS normal FROM generate_series(1, 400) i) deviates;
CREATE TEMP TABLE shop AS
SELECT item, category, price, exp(3 + elasticity * ln(price) + 0.4 * noise) AS quantity
FROM (SELECT t.*, 10 * (1 + 0.3 * ((hashint8extended(item * 100 + w, 13) & 1048575) / 1048576.0)) AS price,
		sqrt(-2 * ln(((hashint8extended(item * 100 + w, 14) & 1048575) + 0.5) / 1048576)) *
		cos(2 * pi() * (hashint8extended(item * 100 + w, 15) & 1048575) / 1048576) AS noise
	FROM truth t, generate_series(1, 10) w) drawn;
CREATE TEMP TABLE answers AS
SELECT a.*, t.elasticity AS truth FROM promoai.promo_elasticity_pooled('SELECT item, category, quantity, price FROM pg_temp.shop') a
JOIN truth t ON t.item = a.item_no;
SELECT is(count(*), 400::bigint) FROM answers;
SELECT cmp_ok(avg((elasticity - truth) ^ 2), '<', 0.5 * avg((own_elasticity - truth) ^ 2),
	format('mean squared error %s pooled, %s separate', avg((elasticity - truth) ^ 2), avg((own_elasticity - truth) ^ 2))) FROM answers;
SELECT ok(avg((truth BETWEEN ci_low AND ci_high)::int) BETWEEN 0.92 AND 0.98,
	format('95 %% intervals hold the truth in %s', avg((truth BETWEEN ci_low AND ci_high)::int))) FROM answers;

SELECT results_eq($$SELECT item, rows_used, rows_unused, elasticity IS NULL, own_weight, pooled_towards
	FROM promoai.promo_elasticity_pooled('VALUES (1, ''a'', 5, 2.0), (1, ''a'', 0, 3), (1, ''a'', 4, -1)')$$,
	$$VALUES ('1', 1::bigint, 2::bigint, true, 0::float8, NULL::text)$$, 'rows without a logarithm are counted; nothing to say');
SELECT results_eq($$SELECT item, own_elasticity IS NULL, own_weight, elasticity = pooled_mean, pooled_towards FROM promoai.promo_elasticity_pooled(
		'SELECT item, category, quantity, price FROM pg_temp.shop UNION ALL VALUES (1000, 3, 7.0, 10.0), (1001, 99, 7.0, 10.0)') WHERE item_no >= 1000$$,
	$$VALUES ('1000', true, 0::float8, true, 'category'), ('1001', true, 0::float8, true, 'all products')$$, 'a product without an estimate gets the mean');
SELECT results_eq($$SELECT * FROM promoai.promo_elasticity_pooled('SELECT * FROM (SELECT item, category, quantity, price FROM pg_temp.shop ORDER BY price) s')$$,
	$$SELECT * FROM promoai.promo_elasticity_pooled('SELECT * FROM (SELECT item, category, quantity, price FROM pg_temp.shop ORDER BY quantity) s')$$,
	'no bit depends on the order of rows');
SELECT throws_ok($$SELECT * FROM promoai.promo_elasticity_pooled('VALUES (1, 2, 3, 4), (1, 3, 3, 4)')$$, '22000', 'item "1" has several categories');
SELECT is_empty($$SELECT * FROM promoai.promo_elasticity_pooled('SELECT 1, 2, 3, 4 WHERE false')$$);
SELECT * FROM finish();
ROLLBACK;
