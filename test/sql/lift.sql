-- Lift and elasticity: what the functions say, and what they say when the data do not carry it.
\pset null '-'
SET extra_float_digits = -3; -- what is left is the same on every processor
CREATE TEMP TABLE sold (id int, sales float8, promo boolean, depth float8, price float8, store int);
INSERT INTO sold VALUES
    (1, 12, false, 0, 2.5, 1), (2, 15, false, 0, 2.1, 2), (3, 9, false, 0, 2.9, 3), (4, 22, true, 0.5, 2.2, 1),
    (5, 25, true, 1, 1.9, 2), (6, 11, false, 0, 2.6, 3), (7, 30, true, 1, 1.5, 1), (8, 14, false, 0, 2.3, 2);

-- eight overloads, one result
\x on
SELECT (promoai.promo_lift_fit(sales, promo)).* FROM sold;
SELECT (promoai.promo_lift_fit(sales, depth, ARRAY[price], store)).* FROM sold;
SELECT (promoai.promo_elasticity_fit(sales, price)).* FROM sold;
\x off
SELECT term_no, term, round(coefficient::numeric, 6) AS coefficient, round(std_error::numeric, 6) AS std_error, round(p_value::numeric, 6) AS p_value
FROM (SELECT promoai.promo_lift_fit(sales, promo, ARRAY[price]) AS fit FROM sold) f, promoai.promo_lift_terms(f.fit, ARRAY['price']);
SELECT term_no, term, round(coefficient::numeric, 6) AS coefficient
FROM (SELECT promoai.promo_elasticity_fit(sales, price, ARRAY[depth]) AS fit FROM sold) f, promoai.promo_lift_terms(f.fit);

-- integers, numeric and arrays of either find their overload
SELECT (promoai.promo_lift_fit(id, store, ARRAY[id * id])).n, (promoai.promo_lift_fit(id::numeric, promo, ARRAY[price::numeric], store)).n_clusters FROM sold;

-- groups, filters, nothing at all
SELECT store, (promoai.promo_lift_fit(sales, promo)).extra_sales_per_row FROM sold GROUP BY store ORDER BY store;
SELECT (promoai.promo_lift_fit(sales, promo) FILTER (WHERE store < 3)).n FROM sold;
SELECT promoai.promo_lift_fit(sales, promo) IS NULL AS no_rows FROM sold WHERE false;
SELECT promoai.promo_lift(NULL) IS NULL AS nothing, promoai.promo_lift_rollup(NULL) IS NULL AS nothing_rolled_up;

-- NULLs: the row is left out and counted
SELECT (f).n, (f).rows_skipped, (f).extra_sales_per_row
FROM (SELECT promoai.promo_lift_fit(sales, promo, ARRAY[price], store) AS f FROM
      (SELECT * FROM sold UNION ALL VALUES (9, NULL, true, 1, 1, 1), (10, 1, NULL, 1, 1, 1), (11, 1, true, 1, NULL, 1), (12, 1, true, 1, 1, NULL)) s) f;
SELECT (f).n, (f).rows_skipped FROM (SELECT promoai.promo_lift_fit(1, true, NULL::float8[]) AS f FROM sold) f;

-- no logarithm: left out and counted
SELECT (f).n, (f).rows_skipped, (f).rows_not_positive
FROM (SELECT promoai.promo_elasticity_fit(q, p) AS f
      FROM (SELECT sales, price FROM sold UNION ALL VALUES (0, 1), (1, 0), (-3, 1), (NULL, 1)) s(q, p)) f;

-- what the data do not carry
SELECT (promoai.promo_lift_fit(sales, true)).note FROM sold;
SELECT (promoai.promo_lift_fit(sales, false)).note FROM sold;
SELECT (promoai.promo_lift_fit(sales, 0.5)).note FROM sold;
SELECT (promoai.promo_elasticity_fit(sales, 2.5)).note FROM sold;
SELECT (promoai.promo_lift_fit(sales, promo, ARRAY[3, price, 2 * price])).note FROM sold;
SELECT (f).extra_sales_per_row, (f).note FROM (SELECT promoai.promo_lift_fit(sales, promo, ARRAY[depth, promo::int + depth]) AS f FROM sold) f;
SELECT (f).extra_sales_per_row, (f).n FROM (SELECT promoai.promo_lift_fit(sales, promo, ARRAY[price, depth]) AS f FROM sold WHERE id < 4) f;
SELECT (f).extra_sales_per_row, (f).std_error FROM (SELECT promoai.promo_lift_fit(sales, promo, ARRAY[price]) AS f FROM sold WHERE id < 6 AND id <> 2 AND id <> 3) f;
SELECT (f).extra_sales_per_row, (f).std_error FROM (SELECT promoai.promo_lift_fit(7, promo) AS f FROM sold) f;
SELECT (f).extra_sales_per_row, (f).std_error, (f).n_clusters FROM (SELECT promoai.promo_lift_fit(sales, promo, 1) AS f FROM sold) f;
SELECT (f).extra_sales_per_row, (f).std_error > 0 AS error FROM (SELECT promoai.promo_lift_fit(sales, promo) AS f FROM sold WHERE id < 5) f;
-- a fit that is all but perfect
SELECT round((f).extra_sales_per_row::numeric, 6) AS extra, (f).std_error FROM (SELECT promoai.promo_lift_fit(1e6 + 3 * (n % 2) + 1e-9 * (n % 7), n % 2 = 1) AS f FROM generate_series(1, 1000) n) f;
SELECT (f).extra_sales_per_row, (f).std_error FROM (SELECT promoai.promo_lift_fit(3 * (n % 2), n % 2 = 1) AS f FROM generate_series(1, 20) n) f;
-- ten warnings a statement, the rest in the column
SELECT count((f).note) FROM (SELECT promoai.promo_lift_fit(n, false) AS f FROM generate_series(1, 60) n GROUP BY n % 20) f;

-- what is an error
SELECT promoai.promo_lift_fit('NaN', true) FROM sold;
SELECT promoai.promo_lift_fit(1, 'infinity'::float8) FROM sold;
SELECT promoai.promo_lift_fit(1, true, ARRAY[1, 'NaN'::float8]) FROM sold;
SELECT promoai.promo_elasticity_fit('-infinity', 1) FROM sold;
SELECT promoai.promo_lift_fit(sales, promo, array_fill(price, ARRAY[1 + id % 2])) FROM sold;
SELECT promoai.promo_lift_fit(sales, promo, array_fill(price, ARRAY[2, 2])) FROM sold;
SELECT promoai.promo_lift_fit(sales, promo, array_fill(price, ARRAY[13])) FROM sold;
SELECT promoai.promo_lift_fit(sales, promo, array_fill(price, ARRAY[101]), store) FROM sold;
SELECT promoai.promo_lift_fit(sales * 1e160, promo) FROM sold;
SELECT promoai.promo_lift_terms(f.fit, ARRAY['a', 'b']) FROM (SELECT promoai.promo_lift_fit(sales, promo, ARRAY[price]) AS fit FROM sold) f;
SELECT promoai.promo_lift_terms(ROW(1,1,1,1,'',1,1,1,1,1,1,1,1,1,1,1,ARRAY[1,2],ARRAY[1,2,3],'')::promoai.lift_fit);
SELECT '0001'::promoai.lift_state;
SELECT 'no hex'::promoai.lift_state;

-- every object says what it is
SELECT p.oid::regprocedure AS without_comment FROM pg_proc p
WHERE pronamespace = 'promoai'::regnamespace AND proname ~ 'lift|elasticity' AND obj_description(p.oid, 'pg_proc') IS NULL;
