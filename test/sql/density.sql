-- Interface and messages of the clusterings without centroids.
\set VERBOSITY default
SET extra_float_digits = -4;
CREATE TABLE spot (id int, f float8[]);
INSERT INTO spot VALUES (1, '{0, 0}'), (2, '{0, 1}'), (3, '{1, 0}'), (4, '{1, 1}'), (5, '{9, 9}'), (6, '{9, 8}'), (7, '{8, 9}'), (8, '{5, 5}'),
	(9, NULL), (10, '{1, NULL}'), (11, '{1, 0}'), (12, '{-0.0, 0}');

SELECT id, promoai.dbscan_segment(f, 1, 3) OVER () AS cluster, promoai.dbscan_kdist(f, 3) OVER () AS kdist,
	promoai.hierarchical_segment(f, 3, 'average', 'none') OVER () AS average, promoai.hierarchical_segment(f, k => 2) OVER () AS ward,
	promoai.hdbscan_segment(f, 3, standardize => 'none') OVER () AS hdbscan
FROM spot ORDER BY id;

-- Neither frame, order nor the rows' order matter; partitions are apart.
SELECT id, promoai.dbscan_segment(f, 1.5, 2) OVER (PARTITION BY id % 2) AS cluster,
	promoai.dbscan_segment(f, 1.5, 2) OVER (PARTITION BY id % 2 ORDER BY f DESC ROWS CURRENT ROW) AS same
FROM spot ORDER BY id;

-- Few rows.
SELECT promoai.dbscan_segment(ARRAY[1.0], 1, 1) OVER (), promoai.dbscan_segment(ARRAY[1.0], 1, 2) OVER () AS noise, promoai.dbscan_kdist(ARRAY[1.0], 1) OVER (),
	promoai.dbscan_kdist(ARRAY[1.0]) OVER () AS too_few, promoai.hdbscan_segment(ARRAY[1.0], 2) OVER () AS hdbscan, promoai.hierarchical_segment(ARRAY[1.0], 5) OVER ();
SELECT promoai.dbscan_segment(f, 1) OVER () FROM spot WHERE false;
SELECT promoai.dbscan_segment(NULL, 1) OVER (), promoai.hierarchical_segment(NULL::float8[], 3) OVER ();

-- All rows the same; a billion; more clusters than distinct rows.
SELECT count(*), min(a), max(a), min(b), min(c), max(d), min(e), max(e)
FROM (SELECT promoai.dbscan_segment(ARRAY[7, 7], 1e-9, 100) OVER () a, promoai.dbscan_segment(ARRAY[7, 7], 1e-9, 1000000000) OVER () b,
	promoai.dbscan_kdist(ARRAY[7, 7], 1000000000) OVER () c, promoai.hdbscan_segment(ARRAY[7, 7], 5) OVER () d,
	promoai.hierarchical_segment(ARRAY[7, 7], 1000000000, 'complete') OVER () e FROM generate_series(1, 1000)) s;
SELECT max(promoai_k) FROM (SELECT promoai.hierarchical_segment(ARRAY[i % 3, i % 2], 100, 'single') OVER () AS promoai_k FROM generate_series(1, 50) i) s;

-- What they refuse.
SELECT promoai.dbscan_segment(f, 1) OVER () FROM (VALUES ('{1, 2}'::float8[]), ('{1}')) v(f);
SELECT promoai.dbscan_segment(f, 1) OVER () FROM (VALUES ('{1, NULL}'::float8[]), ('{1, 2, 3}')) v(f);
SELECT promoai.dbscan_segment('{}', 1) OVER ();
SELECT promoai.dbscan_segment('{{1, 2}, {3, 4}}', 1) OVER ();
SELECT promoai.dbscan_segment('{1, NaN}', 1) OVER ();
SELECT promoai.hierarchical_segment('{-Infinity}', 1) OVER ();
SELECT promoai.hdbscan_segment(ARRAY[i * 1e300], 2, standardize => 'none') OVER () FROM generate_series(-3, 3) i;
SELECT promoai.hierarchical_segment(ARRAY[i * 1e300], 2, 'ward', 'none') OVER () FROM generate_series(-3, 3) i;
SELECT promoai.dbscan_segment(f, 0) OVER () FROM spot;
SELECT promoai.dbscan_segment(f, -1) OVER () FROM spot;
SELECT promoai.dbscan_segment(f, 'NaN') OVER () FROM spot;
SELECT promoai.dbscan_segment(f, 'Infinity') OVER () FROM spot;
SELECT promoai.dbscan_segment(f, NULL) OVER () FROM spot;
SELECT promoai.dbscan_segment(f, 1, 0) OVER () FROM spot;
SELECT promoai.dbscan_segment(f, 1, NULL) OVER () FROM spot;
SELECT promoai.dbscan_segment(f, id) OVER () FROM spot;
SELECT promoai.dbscan_segment(f, 1, standardize => CASE WHEN id < 5 THEN 'none' ELSE 'zscore' END) OVER () FROM spot;
SELECT promoai.dbscan_segment(f, 1, standardize => 'log') OVER () FROM spot;
SELECT promoai.dbscan_segment(f, 1) FROM spot;
SELECT promoai.dbscan_kdist(f, 0) OVER () FROM spot;
SELECT promoai.hdbscan_segment(f, 1) OVER () FROM spot;
SELECT promoai.hdbscan_segment(f, 5, 0) OVER () FROM spot;
SELECT promoai.hierarchical_segment(f, 0) OVER () FROM spot;
SELECT promoai.hierarchical_segment(f, 2, 'centroid') OVER () FROM spot;
SELECT promoai.hierarchical_segment(f, 2, NULL) OVER () FROM spot;

-- A parameter that comes from a column but is the same throughout a partition.
SELECT id, promoai.hierarchical_segment(f, 1 + id % 2, 'single', lower('NONE')) OVER (PARTITION BY id % 2) FROM spot ORDER BY id;

-- The tree.
SELECT * FROM promoai.hierarchical_tree('SELECT id, f[1] AS x, f[2] AS y FROM spot', 'average', 'none');
SELECT * FROM promoai.hierarchical_tree($$VALUES ('b', 1), ('a', 1), ('c', 5)$$, standardize => 'none');
SELECT * FROM promoai.hierarchical_tree('SELECT 1, 2');
SELECT * FROM promoai.hierarchical_tree('SELECT 1, 2 WHERE false');
SELECT * FROM promoai.hierarchical_tree('SELECT id FROM spot');
SELECT * FROM promoai.hierarchical_tree('SELECT id, f FROM spot');
SELECT * FROM promoai.hierarchical_tree('VALUES (1, 2), (1, 3)');
SELECT * FROM promoai.hierarchical_tree($$VALUES (1, 2), (2, 'NaN'::float8)$$);
SELECT * FROM promoai.hierarchical_tree('SELECT id, f[1] FROM spot', linkage => 'median');
SELECT * FROM promoai.hierarchical_tree('SELECT id, f[1] FROM spot', memory => '12kB');
SELECT * FROM promoai.hierarchical_tree(NULL);
DROP TABLE spot;
