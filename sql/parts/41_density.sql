-- Clusters without centroids: by density and by hierarchy.

CREATE FUNCTION promoai.dbscan_segment(
	features float8[], eps float8, min_points int DEFAULT 5, standardize text DEFAULT 'none')
RETURNS int
AS 'MODULE_PATHNAME', 'promoai_dbscan_segment'
LANGUAGE C WINDOW IMMUTABLE PARALLEL SAFE COST 100;

COMMENT ON FUNCTION promoai.dbscan_segment(float8[], float8, int, text) IS
'The cluster of each row of the window''s partition by DBSCAN (Ester et al. 1996), numbered from 1 by size; NULL: noise, or a NULL among the features. A row with min_points rows within eps, itself counted, is a core row; core rows within eps of each other share a cluster, other rows join it.';

CREATE FUNCTION promoai.dbscan_kdist(
	features float8[], min_points int DEFAULT 5, standardize text DEFAULT 'none')
RETURNS float8
AS 'MODULE_PATHNAME', 'promoai_dbscan_kdist'
LANGUAGE C WINDOW IMMUTABLE PARALLEL SAFE COST 100;

COMMENT ON FUNCTION promoai.dbscan_kdist(float8[], int, text) IS
'The distance of each row to its min_points-th nearest row of the window''s partition, itself counted: the least eps at which dbscan_segment takes it as a core row. NULL where there are fewer rows, or a NULL among the features.';

CREATE FUNCTION promoai.hdbscan_segment(
	features float8[], min_size int, min_points int DEFAULT NULL, standardize text DEFAULT 'log_zscore')
RETURNS int
AS 'MODULE_PATHNAME', 'promoai_hdbscan_segment'
LANGUAGE C WINDOW IMMUTABLE PARALLEL SAFE COST 100;

COMMENT ON FUNCTION promoai.hdbscan_segment(float8[], int, int, text) IS
'The cluster of each row of the window''s partition by HDBSCAN* (Campello et al. 2015), numbered from 1 by size; NULL: noise, or a NULL among the features. Clusters of min_size rows or more that last over a wide range of densities, whatever the density of each; min_points (default: min_size) rows, itself counted, say how dense it is about a row.';

CREATE FUNCTION promoai.hierarchical_segment(
	features float8[], k int, linkage text DEFAULT 'ward', standardize text DEFAULT 'log_zscore')
RETURNS int
AS 'MODULE_PATHNAME', 'promoai_hierarchical_segment'
LANGUAGE C WINDOW IMMUTABLE PARALLEL SAFE COST 100;

COMMENT ON FUNCTION promoai.hierarchical_segment(float8[], int, text, text) IS
'The cluster of each row of the window''s partition by agglomerative clustering with linkage ward, complete, average or single, cut into k clusters numbered from 1 by size; NULL: a NULL among the features. Equal rows stay together, so there may be fewer.';

CREATE FUNCTION promoai.hierarchical_tree(
	source text,
	linkage text DEFAULT 'ward',
	standardize text DEFAULT 'log_zscore',
	memory text DEFAULT NULL,
	OUT step bigint, OUT left_node bigint, OUT left_id text, OUT left_id_no bigint,
	OUT right_node bigint, OUT right_id text, OUT right_id_no bigint, OUT distance float8, OUT size bigint)
RETURNS SETOF record
AS 'MODULE_PATHNAME', 'promoai_hierarchical_tree'
LANGUAGE C VOLATILE PARALLEL UNSAFE COST 1000000 ROWS 1000;

COMMENT ON FUNCTION promoai.hierarchical_tree(text, text, text, text) IS
'The merges of agglomerative clustering over a source of (id, feature [, feature ...]), nearest first. Leaves are nodes 1 to n in the order of their ids; the merge of step i is node n + i.';
