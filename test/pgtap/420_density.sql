-- run as: postgres promoai_tester
-- Clusterings without centroids against SQL over all pairs, in any order of rows, many partitions, parallel plans; the
-- comparison with scikit-learn, SciPy and R is test/server/410_density.sh's.
\set QUIET on
BEGIN;
SELECT plan(16);
CREATE FUNCTION pg_temp.u(i int, stream int) RETURNS float8 LANGUAGE sql IMMUTABLE AS
$$ SELECT ((hashint8extended(i, stream) & 1073741823) + 0.5) / 1073741824 $$;
-- Five clusters of unlike spread, rounded so that rows repeat; every twentieth row has no features.
CREATE TEMP TABLE spot AS
SELECT i, i % 3 AS part, CASE WHEN i % 20 = 0 THEN NULL ELSE ARRAY[round((x + i % 5 * 4)::numeric, 1), round((y + i % 2 * 5)::numeric, 1)]::float8[] END AS f
FROM (SELECT i, (0.3 + 0.1 * (i % 5)) * sqrt(-2 * ln(pg_temp.u(i, 1))) * cos(2 * pi() * pg_temp.u(i, 2)) AS x,
	(0.3 + 0.1 * (i % 5)) * sqrt(-2 * ln(pg_temp.u(i, 1))) * sin(2 * pi() * pg_temp.u(i, 2)) AS y FROM generate_series(1, 600) i) s;

-- DBSCAN by its definition: core rows, their connected components by a recursive query, border rows.
CREATE TEMP TABLE near AS
SELECT a.i, b.i AS j FROM spot a, spot b
WHERE (a.f[1] - b.f[1]) * (a.f[1] - b.f[1]) + (a.f[2] - b.f[2]) * (a.f[2] - b.f[2]) <= 0.35::float8 * 0.35::float8;
CREATE TEMP TABLE core AS SELECT i FROM near GROUP BY i HAVING count(*) >= 6;
CREATE TEMP TABLE linked AS
WITH RECURSIVE reach(i, j) AS (
	SELECT i, i FROM core
	UNION
	SELECT reach.i, near.j FROM reach JOIN near ON near.i = reach.j JOIN core ON core.i = near.j)
SELECT i, min(j) AS component FROM reach GROUP BY i;
CREATE TEMP TABLE found AS
SELECT i, f, promoai.dbscan_segment(f, 0.35, 6) OVER () AS cluster, promoai.dbscan_kdist(f, 6) OVER () AS kdist,
	promoai.hdbscan_segment(f, 10) OVER () AS dense, promoai.hierarchical_segment(f, 5) OVER () AS ward FROM spot;

SELECT is((SELECT count(DISTINCT component) FROM linked), (SELECT count(DISTINCT cluster) FROM found), 'as many clusters as components of core rows');
SELECT is_empty($$SELECT component FROM linked JOIN found USING (i) GROUP BY component HAVING count(DISTINCT cluster) <> 1 OR count(cluster) <> count(*)
	UNION ALL SELECT cluster FROM linked JOIN found USING (i) GROUP BY cluster HAVING count(DISTINCT component) <> 1$$, 'core rows are labelled by component');
SELECT is_empty($$SELECT i FROM found WHERE i NOT IN (SELECT i FROM core) AND cluster IS NOT NULL
	AND NOT EXISTS (SELECT FROM near JOIN core ON core.i = near.j JOIN found c ON c.i = core.i WHERE near.i = found.i AND c.cluster = found.cluster)$$,
	'border rows are near a core row of their cluster');
SELECT is_empty($$SELECT i FROM found WHERE cluster IS NULL AND f IS NOT NULL AND EXISTS (SELECT FROM near JOIN core ON core.i = near.j WHERE near.i = found.i)$$,
	'noise is near no core row');
SELECT isnt_empty($$SELECT FROM found WHERE cluster IS NULL AND f IS NOT NULL$$, 'and there is some');
SELECT is_empty($$SELECT i FROM found WHERE f IS NULL AND num_nonnulls(cluster, kdist, dense, ward) > 0$$, 'no features, no answer');
SELECT set_eq($$SELECT i FROM found WHERE kdist <= 0.35 + 1e-12$$, $$SELECT i FROM core$$, 'k-distances say who is a core row');
SELECT is_empty($$SELECT cluster FROM (SELECT cluster, count(*) AS n, lag(count(*)) OVER (ORDER BY cluster) AS before FROM found WHERE cluster IS NOT NULL GROUP BY cluster) s WHERE n > before
	UNION ALL SELECT ward FROM (SELECT ward, count(*) AS n, lag(count(*)) OVER (ORDER BY ward) AS before FROM found WHERE ward IS NOT NULL GROUP BY ward) s WHERE n > before$$,
	'numbered by size');

-- The rows' order.
SELECT set_eq($$SELECT i, cluster, kdist, dense, ward FROM found$$,
	$$SELECT i, promoai.dbscan_segment(f, 0.35, 6) OVER (ORDER BY hashint8extended(i, 9)), promoai.dbscan_kdist(f, 6) OVER (ORDER BY i DESC),
		promoai.hdbscan_segment(f, 10) OVER (ORDER BY hashint8extended(i, 7) ROWS 3 PRECEDING), promoai.hierarchical_segment(f, 5) OVER (ORDER BY f) FROM spot$$,
	'the order of rows does not matter');

-- Partitions, each as if alone; the same function several times in one query; a window that is scanned again.
SELECT set_eq($$SELECT i, promoai.dbscan_segment(f, 0.5, 4) OVER w AS a, promoai.dbscan_segment(f, 0.7, 4) OVER w AS b FROM spot WINDOW w AS (PARTITION BY part)$$,
	$$SELECT s.i, s.a, s.b FROM generate_series(0, 2) p, LATERAL (SELECT i, promoai.dbscan_segment(f, 0.5, 4) OVER () AS a, promoai.dbscan_segment(f, 0.7, 4) OVER () AS b
		FROM spot WHERE part = p) s$$, 'partitions are apart, and so are calls');

-- Standardizing.
SELECT set_eq($$SELECT i, promoai.hierarchical_segment(f, 4, 'average', 'zscore') OVER () FROM spot$$,
	$$SELECT i, promoai.hierarchical_segment(CASE WHEN x IS NOT NULL THEN ARRAY[x, y] END, 4, 'average', 'none') OVER ()
	FROM (SELECT i, (f[1] - avg(f[1]) OVER ()) / stddev_pop(f[1]) OVER () AS x, (f[2] - avg(f[2]) OVER ()) / stddev_pop(f[2]) OVER () AS y FROM spot) s$$, 'z-scores by hand give the same clusters');
SELECT set_eq($$SELECT i, promoai.hierarchical_segment(ARRAY[f[1] * 1000, f[2]], 4, standardize => 'robust') OVER () FROM spot$$,
	$$SELECT i, promoai.hierarchical_segment(f, 4, standardize => 'robust') OVER () FROM spot$$, 'a feature''s unit does not matter');

-- The tree and its cut.
CREATE TEMP TABLE tree AS SELECT * FROM promoai.hierarchical_tree('SELECT i, f[1], f[2] FROM pg_temp.spot', 'average', 'none');
SELECT results_eq($$SELECT count(*), min(step), max(step), max(size) FROM tree$$, $$SELECT count(f) - 1, 1::bigint, count(f) - 1, count(f) FROM spot$$, 'one merge less than rows');
CREATE TEMP TABLE cut AS
WITH RECURSIVE leaves AS (SELECT count(f) AS n FROM spot), kept AS (SELECT tree.*, n + step AS node FROM tree, leaves WHERE step <= n - 5),
	-- Those that no kept merge takes in are the roots of what is left.
	below(root, node, id) AS (
		SELECT node, node, NULL::text FROM kept k WHERE NOT EXISTS (SELECT FROM kept o WHERE k.node IN (o.left_node, o.right_node))
		UNION ALL
		SELECT root, side.node, side.id FROM below JOIN kept ON kept.node = below.node,
			LATERAL (VALUES (left_node, left_id), (right_node, right_id)) side(node, id))
SELECT root, id::int AS i FROM below WHERE id IS NOT NULL;
SELECT is_empty($$SELECT label FROM (SELECT i, promoai.hierarchical_segment(f, 5, 'average', 'none') OVER () AS label FROM spot) s JOIN cut USING (i)
	GROUP BY label HAVING count(DISTINCT root) <> 1 OR count(*) < 2$$, 'the last merges undone are hierarchical_segment');
SELECT results_eq($$SELECT * FROM tree$$, $$SELECT * FROM promoai.hierarchical_tree('SELECT i, f[1], f[2] FROM pg_temp.spot s ORDER BY s.f DESC, i DESC', 'average', 'none')$$,
	'the tree does not depend on the order of rows');

-- In a parallel plan, on the leader or a worker.
CREATE TABLE shared_spot AS SELECT * FROM spot;
SELECT set_config(CASE WHEN current_setting('server_version_num')::int >= 160000 THEN 'debug_parallel_query' ELSE 'force_parallel_mode' END, 'on', true) AS forced \gset
SELECT set_eq($$SELECT i, cluster, ward FROM found$$,
	$$SELECT i, promoai.dbscan_segment(f, 0.35, 6) OVER (), promoai.hierarchical_segment(f, 5) OVER () FROM shared_spot$$, 'a worker labels as the leader does');
SELECT * FROM finish();
ROLLBACK;
