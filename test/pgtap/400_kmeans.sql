-- run as: postgres promoai_tester
-- Segments: rights, determinism, drift and profile held against plain SQL.
\set QUIET on
SET client_min_messages = error;
BEGIN;
SELECT plan(33);

CREATE TEMP TABLE portrait AS
SELECT c AS customer, (hashint8(c) & 1023) / 10.0 AS recency, 1 + (hashint8(c + 70000) & 15) * (c % 3) AS orders,
	((hashint8(c + 90000) & 65535) - 5000) / 100.0 AS paid
FROM generate_series(1, 3000) c;

SELECT is((t).customers, 3000::bigint, 'every row is a customer') FROM (SELECT promoai.kmeans_train('p', 'portrait', 4) t) x;
SELECT is((SELECT sum(size) FROM promoai.segment_describe('p')), 3000::numeric, 'sizes add up');
SELECT is((SELECT array_agg(size ORDER BY segment) FROM promoai.segment_describe('p')),
	(SELECT array_agg(size ORDER BY size DESC) FROM promoai.segment_describe('p')), 'the largest is the first');
CREATE TEMP TABLE members AS SELECT m.segment, p.* FROM promoai.segment_members('p') m JOIN portrait p ON p.customer = m.customer_no;
SELECT is(count(*), 3000::bigint, 'every customer has a segment') FROM members;
SELECT is((SELECT count(*) FROM members WHERE promoai.segment_assign('p', ARRAY[recency, orders, paid]::float8[]) <> segment), 0::bigint,
	'segment_assign says what segment_members says');

-- the figures of a profile
SELECT ok(bool_and(abs(p.mean - m.mean) <= 1e-6 * (1 + abs(m.mean)) AND abs(p.sd - m.sd) <= 1e-6 * (1 + m.sd)
		AND abs(p.median - m.median) <= 1e-6 * (1 + abs(m.median)) AND abs(p.upper_quartile - m.upper) <= 1e-6 * (1 + abs(m.upper))
		AND p.size = m.n),
	'mean, spread and quartiles are those of the rows')
FROM promoai.segment_profile('p') p
JOIN (SELECT segment, avg(paid)::float8 AS mean, stddev_pop(paid)::float8 AS sd, count(*) AS n,
		percentile_cont(0.5) WITHIN GROUP (ORDER BY paid) AS median, percentile_cont(0.75) WITHIN GROUP (ORDER BY paid) AS upper
	FROM members GROUP BY segment) m ON m.segment = p.segment AND p.feature = 'paid';
SELECT ok(bool_and(abs(p.overall_mean - a.mean) < 1e-5 AND abs(p.overall_median - a.median) < 1e-5), 'so are those of all customers')
FROM promoai.segment_profile('p') p,
	(SELECT avg(recency)::float8 AS mean, percentile_cont(0.5) WITHIN GROUP (ORDER BY recency) AS median FROM portrait) a
WHERE p.feature = 'recency';
-- Hedges' g by its definition: paid has values below zero, so that it is scaled without a logarithm
SELECT ok(bool_and(abs(p.effect - e.g) < 1e-5 AND abs(p.effect_high - e.g - 1.959964 * e.se) < 1e-4), 'the effect size is Hedges'' g')
FROM promoai.segment_profile('p') p
JOIN (SELECT segment, g, sqrt(3000.0 / (n1 * n2) + g * g / 6000) AS se FROM
		(SELECT segment, n1, n2, (m1 - m2) / sqrt((v1 + v2) / 2998) * (1 - 3 / (4 * 2998.0 - 1)) AS g FROM
			(SELECT s.segment, count(*) FILTER (WHERE m.segment = s.segment) AS n1, count(*) FILTER (WHERE m.segment <> s.segment) AS n2,
				avg(paid) FILTER (WHERE m.segment = s.segment) AS m1, avg(paid) FILTER (WHERE m.segment <> s.segment) AS m2,
				(var_pop(paid) FILTER (WHERE m.segment = s.segment)) * count(*) FILTER (WHERE m.segment = s.segment) AS v1,
				(var_pop(paid) FILTER (WHERE m.segment <> s.segment)) * count(*) FILTER (WHERE m.segment <> s.segment) AS v2
			FROM members m, generate_series(1, 4) s(segment) GROUP BY s.segment) q) r) e
	ON e.segment = p.segment AND p.feature = 'paid';

-- drift: the index by its definition
CREATE TEMP TABLE later AS SELECT customer, recency * 1.5 AS recency, orders, paid + 30 AS paid FROM portrait WHERE customer % 2 = 0;
SELECT ok(abs(d.psi - (SELECT sum((a - e) * ln(a / e)) FROM unnest(d.expected, d.actual) x(e, a))) < 1e-12, 'the index follows from the shares')
FROM promoai.segment_drift('p', 'later') d WHERE feature IS NULL;
SELECT ok(bool_and(abs(s.share - e.share) < 1e-12), 'expected shares of segments are those of the training')
FROM promoai.segment_describe('p') s, promoai.segment_drift('p', 'later') d, unnest(d.expected) WITH ORDINALITY e(share, n)
WHERE d.feature IS NULL AND e.n = s.segment;
SELECT ok(bool_and(abs(e - 0.1) < 0.002), 'deciles part the training in tenths') FROM promoai.segment_drift('p', 'later') d, unnest(d.expected) e WHERE feature = 'paid';
SELECT ok(bool_and(psi < 1e-12), 'nothing drifts on the rows of the training') FROM promoai.segment_drift('p', 'portrait');
SELECT ok(psi > 0.25 AND verdict = 'large', 'what changed much is called large') FROM promoai.segment_drift('p', 'SELECT customer, recency, orders, paid * 3 FROM portrait') WHERE feature = 'paid';
-- frequent values that move: a constant, a flag that a tenth has, ten values of a tenth each, zeros under a logarithm
CREATE TEMP TABLE plain AS SELECT id, 1.5::float8 AS price, (id % 10 = 0)::int AS flag, id % 10 AS rating, CASE WHEN id % 4 = 0 THEN id ELSE 0 END AS refund
FROM generate_series(1, 1000) id;
SELECT promoai.kmeans_train('plain', 'SELECT * FROM plain', 3) \g /dev/null
SELECT promoai.kmeans_train('plain_b', 'SELECT * FROM plain', 3, batch_rows => 100) \g /dev/null
SELECT ok(bool_and(psi < 1e-12 AND verdict = 'small'), 'no drift on the rows of the training') FROM unnest(ARRAY['plain', 'plain_b']) m, promoai.segment_drift(m, 'SELECT * FROM plain');
SELECT is(array_agg(DISTINCT feature || ' ' || verdict), '{flag large,price large,rating large,refund large}', 'frequent values that move, model ' || m)
FROM unnest(ARRAY['plain', 'plain_b']) m,
	promoai.segment_drift(m, 'SELECT id, price * 100, flag * 5, CASE WHEN rating = 9 THEN 900 ELSE rating END, CASE WHEN refund = 0 THEN -1 ELSE refund END FROM plain')
WHERE feature IS NOT NULL GROUP BY m;
SELECT is(array_agg(feature || ' ' || verdict ORDER BY feature), '{flag large,price large,rating large}', 'or fall')
FROM promoai.segment_drift('plain', 'SELECT id, price * 0.99, flag - 1, rating - 0.5, refund FROM plain') WHERE feature <> 'refund';
SELECT is(round(psi::numeric, 6), round(((0.8 - 1) * ln(0.8) + (0.2 - 0.0001) * ln(0.2 / 0.0001))::numeric, 6), 'a fifth of a constant')
FROM promoai.segment_drift('plain', 'SELECT id, CASE WHEN id % 5 = 0 THEN 2 ELSE price END, flag, rating, refund FROM plain') WHERE feature = 'price';
SELECT is(expected || actual, '{0,1,0,0,0.8,0.2}', 'of a constant there are the shares below, of it and above')
FROM promoai.segment_drift('plain', 'SELECT id, CASE WHEN id % 5 = 0 THEN 2 ELSE price END, flag, rating, refund FROM plain') WHERE feature = 'price';

-- the same in any order of rows
SELECT promoai.kmeans_train('q', 'SELECT * FROM portrait ORDER BY hashint8(customer + 5)', 4) \g /dev/null
SELECT is((SELECT md5(string_agg(customer || ' ' || segment, ',' ORDER BY customer_no)) FROM promoai.segment_members('q')),
	(SELECT md5(string_agg(customer || ' ' || segment, ',' ORDER BY customer_no)) FROM promoai.segment_members('p')), 'the order of rows changes nothing');
SELECT is((SELECT md5(string_agg(s::text, ',' ORDER BY customer)) FROM (SELECT customer, promoai.kmeans_segment(ARRAY[recency, orders, paid], 4) OVER (ORDER BY paid) s FROM portrait) x),
	(SELECT md5(string_agg(s::text, ',' ORDER BY customer)) FROM (SELECT customer, promoai.kmeans_segment(ARRAY[recency, orders, paid], 4) OVER () s FROM portrait) x),
	'nor does it in the window');
SELECT is((SELECT sizes FROM promoai.retrain('q')) -> 'segments', '4'::jsonb, 'a model is trained again by its definition');
SELECT is((SELECT value FROM promoai.model_metrics WHERE model = 'q' AND version = 2 AND metric = 'moved'), 0::float8, 'and nobody moves');
SELECT promoai.kmeans_train('tiny', 'SELECT i, i % 7 * 1e-30::float8 FROM generate_series(1, 100) i', 2, 'zscore') \gset
SELECT throws_ok($$SELECT * FROM promoai.segment_drift('tiny', 'SELECT 7, 3e38::float8')$$, '22003',
	'source has a row too far from every segment to be measured, of id 7', 'rows beyond measure belong to no segment');

-- by mini-batches
SELECT is((t).batch_rows, 100, 'batches of so many rows') FROM (SELECT promoai.kmeans_train('m', 'portrait', 4, batch_rows => 100) t) x;
CREATE TEMP TABLE batched AS SELECT m.segment, p.* FROM promoai.segment_members('m') m JOIN portrait p ON p.customer = m.customer_no;
SELECT is((SELECT count(*) FROM batched WHERE promoai.segment_assign('m', ARRAY[recency, orders, paid]::float8[]) = segment), 3000::bigint,
	'every customer is in the segment that segment_assign says');
SELECT ok(bool_and(abs(p.mean - m.mean) <= 1e-6 * (1 + abs(m.mean)) AND abs(p.sd - m.sd) <= 1e-6 * (1 + m.sd) AND p.size = m.n
		AND abs(p.median - m.median) <= 1e-6 * (1 + abs(m.median))), 'mean, spread and median are those of the rows')
FROM promoai.segment_profile('m') p
JOIN (SELECT segment, avg(paid)::float8 AS mean, stddev_pop(paid)::float8 AS sd, count(*) AS n,
		percentile_cont(0.5) WITHIN GROUP (ORDER BY paid) AS median
	FROM batched GROUP BY segment) m ON m.segment = p.segment AND p.feature = 'paid';
SELECT ok(abs(e.value / m.value - 1) < 0.01, 'the metric ' || metric || ' is what evaluate says of the same rows')
FROM promoai.model_metrics m JOIN promoai.evaluate('m', 'portrait') e USING (metric)
WHERE m.model = 'm' AND metric IN ('inertia', 'davies_bouldin', 'calinski_harabasz') ORDER BY metric;
SELECT is((SELECT sizes FROM promoai.retrain('m')) -> 'batch_rows', '100'::jsonb, 'the definition keeps the batches');

-- rights and parallel plans
SELECT throws_ok($$SELECT promoai.segment_assign('not mine', ARRAY[1.0])$$, '42704', NULL, 'a model that is not there');
SET LOCAL parallel_setup_cost = 0; SET LOCAL parallel_tuple_cost = 0; SET LOCAL min_parallel_table_scan_size = 0; SELECT set_config(CASE WHEN current_setting('server_version_num')::int >= 160000 THEN 'debug_parallel_query' ELSE 'force_parallel_mode' END, 'on', true) AS forced \gset
SELECT is((SELECT count(promoai.segment_assign('q', ARRAY[i % 100, i % 7, i]::float8[])) FROM generate_series(1, 500) i), 500::bigint, 'in a parallel worker');
SELECT * FROM finish();
ROLLBACK;
