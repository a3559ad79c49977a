-- run as: postgres
-- The lift and elasticity aggregates against R, on Dominick's orange juice and LaLonde's experiment.
--
-- The figures are R's: Rscript test/reference/lift.R figures; test/reference/lift.py holds statsmodels against them.  The
-- data come from R's packages; where these are not installed the comparison is skipped.
BEGIN;
SELECT plan(101);
CREATE TEMP TABLE juice (store int, week int, brand int, sales float8, feature float8, deal float8, price float8);
CREATE TEMP TABLE experiment (earnings float8, treated int, age float8, education float8);
\copy juice FROM PROGRAM 'Rscript test/reference/lift.R juice 2>/dev/null | tail -n +2' WITH (FORMAT csv)
\copy experiment FROM PROGRAM 'Rscript test/reference/lift.R lalonde 2>/dev/null | tail -n +2' WITH (FORMAT csv)

CREATE TEMP TABLE wanted (name text, value float8);
INSERT INTO wanted VALUES
	('juice extra_sales_per_row', 16294.649366690355),
	('juice std_error', 246.3927848756415),
	('juice t', 66.132818681823551),
	('juice p_value', 0),
	('juice ci_low', 15811.722874985628),
	('juice ci_high', 16777.575858395085),
	('juice expected_without_promo', 9362.845848254603),
	('juice lift_percent', 174.0352199617594),
	('juice lift_low', 168.03039077820995),
	('juice lift_high', 180.04004914530881),
	('juice r2', 0.22592994553044007),
	('juice by store extra_sales_per_row', 16294.649366690355),
	('juice by store std_error', 760.72565778858439),
	('juice by store t', 21.419876140445432),
	('juice by store p_value', 2.4546768352552429e-35),
	('juice by store ci_low', 14781.323698761598),
	('juice by store ci_high', 17807.97503461911),
	('juice by store expected_without_promo', 9362.845848254603),
	('juice by store lift_percent', 174.0352199617594),
	('juice by store lift_low', 166.86249463882345),
	('juice by store lift_high', 181.20794528469531),
	('juice by store r2', 0.22592994553044007),
	('juice by week extra_sales_per_row', 16294.649366690355),
	('juice by week std_error', 1850.9907447868516),
	('juice by week t', 8.8032041286985176),
	('juice by week p_value', 1.1927697696721785e-14),
	('juice by week ci_low', 12629.81651156071),
	('juice by week ci_high', 19959.482221819999),
	('juice by week expected_without_promo', 9362.845848254603),
	('juice by week lift_percent', 174.0352199617594),
	('juice by week lift_low', 127.57394109155973),
	('juice by week lift_high', 220.49649883195906),
	('juice by week r2', 0.22592994553044007),
	('juice alone extra_sales_per_row', 20086.632934079385),
	('juice alone std_error', 270.44670791844271),
	('juice alone t', 74.272055624862006),
	('juice alone p_value', 0),
	('juice alone ci_low', 19556.561081991673),
	('juice alone ci_high', 20616.704786167098),
	('juice alone expected_without_promo', 5727.7478139586401),
	('juice alone lift_percent', 350.68989743451772),
	('juice alone lift_low', 340.51124575470806),
	('juice alone lift_high', 360.86854911432738),
	('juice alone r2', 0.16340892634567211),
	('juice eleven covariates extra_sales_per_row', 14534.263819645659),
	('juice eleven covariates std_error', 220.16841115776691),
	('juice eleven covariates t', 66.014301248832595),
	('juice eleven covariates p_value', 0),
	('juice eleven covariates ci_low', 14102.736741687113),
	('juice eleven covariates ci_high', 14965.790897604205),
	('juice eleven covariates expected_without_promo', 10696.695193670606),
	('juice eleven covariates lift_percent', 135.87620808570668),
	('juice eleven covariates lift_low', 131.40710543456396),
	('juice eleven covariates lift_high', 140.34531073684943),
	('juice eleven covariates r2', 0.26407379334918846),
	('juice store 2 brand 1 extra_sales_per_row', 8597.9291908535597),
	('juice store 2 brand 1 std_error', 2883.3777723967823),
	('juice store 2 brand 1 t', 2.981894801702174),
	('juice store 2 brand 1 p_value', 0.0035544378644134103),
	('juice store 2 brand 1 ci_low', 2881.352314664191),
	('juice store 2 brand 1 ci_high', 14314.506067042928),
	('juice store 2 brand 1 expected_without_promo', 17705.074412548754),
	('juice store 2 brand 1 lift_percent', 48.561948910870662),
	('juice store 2 brand 1 lift_low', 12.738519921305086),
	('juice store 2 brand 1 lift_high', 84.385377900436225),
	('juice store 2 brand 1 r2', 0.69760705511644283),
	('elasticity by week extra_sales_per_row', -1.0557963186130361),
	('elasticity by week std_error', 0.062625683805261859),
	('elasticity by week t', -16.85883896926531),
	('elasticity by week p_value', 1.9508034903650019e-33),
	('elasticity by week ci_low', -1.1797908141181519),
	('elasticity by week ci_high', -0.93180182310792037),
	('elasticity by week expected_without_promo', 5.7854333623210428),
	('elasticity by week lift_percent', -18.249217517379961),
	('elasticity by week lift_low', -21.793830538504629),
	('elasticity by week lift_high', -14.704604496255289),
	('elasticity by week r2', 0.24857078305530464),
	('lalonde extra_sales_per_row', 1794.3430848752598),
	('lalonde std_error', 670.82467587716246),
	('lalonde t', 2.6748316652618627),
	('lalonde p_value', 0.0077533982435514367),
	('lalonde ci_low', 475.94893693662971),
	('lalonde ci_high', 3112.7372328138899),
	('lalonde expected_without_promo', 4554.8022826923061),
	('lalonde lift_percent', 39.394532923932722),
	('lalonde lift_low', 7.1293912497980063),
	('lalonde lift_high', 71.65967459806744),
	('lalonde r2', 0.017823393171420975),
	('lalonde adjusted extra_sales_per_row', 1658.7421196391706),
	('lalonde adjusted std_error', 650.02287398630062),
	('lalonde adjusted t', 2.5518211527955077),
	('lalonde adjusted p_value', 0.01105243529219194),
	('lalonde adjusted ci_low', 381.21457638919128),
	('lalonde adjusted ci_high', 2936.2696628891499),
	('lalonde adjusted expected_without_promo', 4690.4032479283942),
	('lalonde adjusted lift_percent', 35.364595152277914),
	('lalonde adjusted lift_low', 5.2926582366646047),
	('lalonde adjusted lift_high', 65.436532067891221),
	('lalonde adjusted r2', 0.031580614399490808);

CREATE TEMP TABLE fits AS
SELECT 'juice' AS name, to_jsonb(promoai.promo_lift_fit(sales, feature, ARRAY[ln(price), deal])) AS fit FROM juice
UNION ALL
SELECT 'juice by store', to_jsonb(promoai.promo_lift_fit(sales, feature, ARRAY[ln(price), deal], store)) FROM juice
UNION ALL
SELECT 'juice by week', to_jsonb(promoai.promo_lift_fit(sales, feature, ARRAY[ln(price), deal], week)) FROM juice
UNION ALL
SELECT 'juice alone', to_jsonb(promoai.promo_lift_fit(sales, feature)) FROM juice
UNION ALL
SELECT 'juice eleven covariates',
       to_jsonb(promoai.promo_lift_fit(sales, feature > 0,
                ARRAY[ln(price), deal, week / 100.0, store / 100.0] || ARRAY(SELECT (brand = b)::int::float8 FROM generate_series(2, 8) b)))
FROM juice
UNION ALL
SELECT 'juice store 2 brand 1', to_jsonb(promoai.promo_lift_fit(sales, feature, ARRAY[ln(price), deal]) FILTER (WHERE store = 2 AND brand = 1))
FROM juice
UNION ALL
SELECT 'lalonde', to_jsonb(promoai.promo_lift_fit(earnings, treated = 1)) FROM experiment
UNION ALL
SELECT 'lalonde adjusted', to_jsonb(promoai.promo_lift_fit(earnings, treated = 1, ARRAY[age, education])) FROM experiment
UNION ALL
SELECT 'elasticity by week',
       to_jsonb(fit) || jsonb_build_object('extra_sales_per_row', (fit).elasticity)
FROM (SELECT promoai.promo_elasticity_fit(sales, price, ARRAY[feature, deal], week) AS fit FROM juice) f;

CREATE TEMP VIEW compared AS
SELECT w.name, w.value AS wanted, g.value AS got
FROM wanted w
LEFT JOIN (SELECT f.name || ' ' || e.key AS name, e.value::float8 AS value
           FROM fits f, jsonb_each_text(f.fit) e
           WHERE jsonb_typeof(f.fit -> e.key) = 'number') g USING (name);

-- R has no lift of an elasticity, and neither have we.
DELETE FROM wanted WHERE name ~ '^elasticity by week (expected|lift)';

SELECT EXISTS (SELECT FROM juice) AND EXISTS (SELECT FROM experiment) AS data \gset
\if :data
SELECT ok(abs(got - wanted) <= 1e-8 * abs(wanted), format('%s: %s, R has %s', name, got, wanted)) FROM compared ORDER BY name;
SELECT diag('largest deviation from R: ' || max(abs(got / nullif(wanted, 0) - 1))) FROM compared;

SELECT is(round((promoai.promo_lift_fit(earnings, treated = 1)).extra_sales_per_row::numeric, 2), 1794.34,
          'LaLonde''s experiment: 1,794.34 dollars') FROM experiment;
SELECT is((fit ->> 'n_clusters')::int, (SELECT count(DISTINCT store)::int FROM juice), 'clusters are counted') FROM fits WHERE name = 'juice by store';
SELECT is((fit ->> 'df')::float8, (SELECT count(DISTINCT store) - 1.0::float8 FROM juice), 'Student''s t has clusters less one') FROM fits WHERE name = 'juice by store';

-- the names of terms, and what the fit itself says
SELECT results_eq(
    $$SELECT term, coefficient, std_error, p_value
      FROM (SELECT promoai.promo_lift_fit(sales, feature, ARRAY[ln(price), deal]) AS fit FROM juice) f,
           promoai.promo_lift_terms(f.fit, ARRAY['log price', 'deal']) WHERE term_no = 2$$,
    $$SELECT 'promo', (fit).extra_sales_per_row, (fit).std_error, (fit).p_value
      FROM (SELECT promoai.promo_lift_fit(sales, feature, ARRAY[ln(price), deal]) AS fit FROM juice) f$$,
    'promo_lift_terms repeats the effect');

-- with a column a million away the digits stay
SELECT ok(abs((promoai.promo_lift_fit(sales, feature, ARRAY[ln(price) + 1e6, deal])).std_error / (SELECT value FROM wanted WHERE name = 'juice std_error') - 1) < 1e-8,
          'a covariate of a million and some') FROM juice;
-- rows by week, so the first block is unlike the rest
SELECT ok(abs((promoai.promo_lift_fit(sales, feature, ARRAY[ln(price), deal] ORDER BY sales DESC)).std_error / (SELECT value FROM wanted WHERE name = 'juice std_error') - 1) < 1e-8,
          'the largest sales first') FROM juice;
\else
SELECT skip('R with bayesm, Matching and sandwich is not installed', (SELECT count(*)::int FROM wanted) + 6);
\endif
SELECT * FROM finish();
ROLLBACK;
