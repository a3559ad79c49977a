-- run as: postgres promoai_tester
-- Spend-and-save: a simulated shop whose truth is known.  The coverage of the intervals is test/core/test_bunching.c's.
\set QUIET on
BEGIN;
SELECT plan(19);

-- 40,000 orders, lognormal about 150; of those from 170 to 200 a part fills up to just above 200, a quarter of them sends
-- something back.
CREATE FUNCTION pg_temp.u(i int, stream int) RETURNS float8 LANGUAGE sql IMMUTABLE AS
$$ SELECT ((hashint8extended(i, stream) & 1073741823) + 0.5) / 1073741824 $$;
CREATE TEMP TABLE base AS
SELECT i, 150 * exp(0.6 * sqrt(-2 * ln(pg_temp.u(i, 1))) * cos(2 * pi() * pg_temp.u(i, 2))) AS wanted FROM generate_series(1, 40000) i;
CREATE TEMP TABLE orders AS
SELECT i AS order_id, wanted, moved, amount,
	CASE WHEN moved AND pg_temp.u(i, 5) < 0.25 THEN amount - 190
		WHEN NOT moved AND pg_temp.u(i, 6) < 0.08 THEN amount * pg_temp.u(i, 7) END AS refunded
FROM (SELECT *, CASE WHEN moved THEN 200 + 18 * pg_temp.u(i, 4) ^ 3 ELSE wanted END AS amount
	FROM (SELECT *, wanted >= 170 AND wanted < 200 AND pg_temp.u(i, 3) < 0.6 * (wanted - 170) / 30 AS moved FROM base) m) a;
CREATE TEMP TABLE found AS SELECT * FROM promoai.promo_threshold('SELECT order_id, amount, refunded FROM pg_temp.orders', 200, discount => 30);
CREATE TEMP TABLE truth AS
SELECT 'moved_up' AS measure, count(*) FILTER (WHERE moved)::float8 AS value FROM orders
UNION ALL SELECT 'missing_below', count(*) FILTER (WHERE moved) FROM orders
UNION ALL SELECT 'moved_less_missing', 0
UNION ALL SELECT 'extra_spend', sum(amount - wanted) FILTER (WHERE moved) FROM orders
UNION ALL SELECT 'undone_by_refunds', count(*) FILTER (WHERE moved AND refunded IS NOT NULL) FROM orders
UNION ALL SELECT 'above_anyway', count(*) FILTER (WHERE wanted >= 200) FROM orders
UNION ALL SELECT 'discount_to_moved', 30 * count(*) FILTER (WHERE moved) FROM orders
UNION ALL SELECT 'discount_to_above_anyway', 30 * count(*) FILTER (WHERE wanted >= 200) FROM orders;

SELECT ok(t.value BETWEEN f.ci_low AND f.ci_high AND f.value BETWEEN f.ci_low AND f.ci_high AND (t.measure = 'moved_less_missing' OR f.ci_low > 0),
	format('%s: %s, [%s, %s]; truth %s', measure, round(f.value), round(f.ci_low), round(f.ci_high), round(t.value)))
FROM truth t JOIN found f USING (measure) ORDER BY measure;
SELECT results_eq($$SELECT * FROM found$$,
	$$SELECT * FROM promoai.promo_threshold('SELECT * FROM (SELECT order_id, amount * part, refunded * part FROM pg_temp.orders, (VALUES (0.5), (0.5)) p(part) ORDER BY amount DESC) s', 200, discount => 30)$$,
	'rows of an order are summed; no bit depends on the order of rows');
SELECT is(sum(orders), (SELECT count(*)::numeric FROM orders WHERE amount >= 80 AND amount < 360), 'bins hold all orders in range')
FROM promoai.promo_threshold_bins('SELECT order_id, amount FROM pg_temp.orders', 200);
SELECT is(sum(orders - expected) FILTER (WHERE amount_from >= 200 - 1e-9), (SELECT value FROM found WHERE measure = 'moved_up'), 'the picture agrees with the figure')
FROM promoai.promo_threshold_bins('SELECT order_id, amount FROM pg_temp.orders', 200) WHERE expected IS NOT NULL;

-- Bins are whole: those within lowest and highest, and all that the window reaches into.
CREATE FUNCTION pg_temp.reach(bin float8, lowest float8, highest float8, below float8, above float8) RETURNS float8[] LANGUAGE sql AS
$$ SELECT ARRAY[min(amount_from), max(amount_to), min(amount_from) FILTER (WHERE expected IS NOT NULL), max(amount_to) FILTER (WHERE expected IS NOT NULL)]
FROM promoai.promo_threshold_bins('SELECT order_id, amount FROM pg_temp.orders', 200, bin => bin, lowest => lowest, highest => highest, below => below, above => above, degree => 3, replicates => 100) $$;
SELECT is(pg_temp.reach(4, 101.9, 298.1, 29, 17), ARRAY[104, 296, 168, 220]::float8[], 'the window is never smaller than asked, the range never larger');
SELECT is(pg_temp.reach(4, 100, 300, 32, 16), ARRAY[100, 300, 168, 216]::float8[], 'whole bins are as asked');
SELECT is(pg_temp.reach(NULL, NULL, NULL, NULL, NULL), ARRAY[80, 360, 160, 220]::float8[], 'so are the defaults');
SELECT is(pg_temp.reach(0.1, 130.1, 260.3, 20.3, 10.7)::numeric[], ARRAY[130.1, 260.3, 179.7, 210.7], 'and widths that binary fractions do not hold');
SELECT throws_ok($$SELECT * FROM promoai.promo_threshold_bins('SELECT order_id, amount FROM pg_temp.orders', 200, bin => 0.1)$$, '22023', 'arguments "lowest" and "highest" ask for 2800 bins of width 0.1, more than the 2000 that are possible');
SELECT is(count(*), 2000::bigint, 'the limit is for both sides together') FROM promoai.promo_threshold_bins('SELECT order_id, amount FROM pg_temp.orders', 200, bin => 0.1, lowest => 100, highest => 300, degree => 3, replicates => 100);
SELECT throws_ok($$SELECT * FROM promoai.promo_threshold('SELECT 1, 2.0, -3.0', 200)$$, '22000', 'order "1" has a negative refund');
SELECT throws_ok($$SELECT * FROM promoai.promo_threshold('SELECT 1, 2.0', 200)$$, '22000');
SELECT * FROM finish();
ROLLBACK;
