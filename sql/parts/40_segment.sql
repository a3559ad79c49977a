-- Segments around centroids: k-means in a window, as a model, and what is asked of the model.

CREATE FUNCTION promoai.kmeans_segment(
	features float8[],
	k int,
	standardize text DEFAULT 'log_zscore',
	restarts int DEFAULT 10,
	iterations int DEFAULT 300,
	tolerance float8 DEFAULT 1e-4,
	seed bigint DEFAULT 42)
RETURNS int
AS 'MODULE_PATHNAME', 'promoai_kmeans_segment'
LANGUAGE C WINDOW IMMUTABLE PARALLEL SAFE COST 100;

COMMENT ON FUNCTION promoai.kmeans_segment(float8[], int, text, int, int, float8, bigint) IS
'The segment of each row of the window''s partition by k-means (greedy k-means++, Lloyd''s iterations, the best of so many restarts), numbered from 1 by size; NULL where the features hold a NULL. standardize: log_zscore (features with values below zero: zscore), zscore, robust or none. Fewer than k segments where fewer rows differ.';

CREATE TYPE promoai.kmeans_report AS (
	model text, version int, kind text,
	rows_read bigint, rows_skipped bigint,
	customers bigint, features int, segments int, iterations int,
	constant_features text[], batch_rows int, moved bigint,
	metrics jsonb, seconds float8);

COMMENT ON TYPE promoai.kmeans_report IS
'What kmeans_train did: the version it published, rows read and skipped (for a NULL), how many customers, features and segments, iterations, features that say nothing, customers who changed segment since the version before, metrics, seconds.';
COMMENT ON COLUMN promoai.kmeans_report.model IS 'name of the model';
COMMENT ON COLUMN promoai.kmeans_report.version IS 'number of the version that was published';
COMMENT ON COLUMN promoai.kmeans_report.kind IS 'what kind of model it is: kmeans';
COMMENT ON COLUMN promoai.kmeans_report.rows_read IS 'rows that the source gave';
COMMENT ON COLUMN promoai.kmeans_report.rows_skipped IS 'of these, left out for a NULL';
COMMENT ON COLUMN promoai.kmeans_report.customers IS 'rows that were segmented';
COMMENT ON COLUMN promoai.kmeans_report.features IS 'numeric columns of the source';
COMMENT ON COLUMN promoai.kmeans_report.segments IS 'segments found: k, or fewer where fewer rows differ';
COMMENT ON COLUMN promoai.kmeans_report.iterations IS 'Lloyd''s iterations of the best start and of the last run over all rows; by mini-batches, of a sample and epochs over all rows';
COMMENT ON COLUMN promoai.kmeans_report.constant_features IS 'features with one value in all rows: they take no part';
COMMENT ON COLUMN promoai.kmeans_report.batch_rows IS 'rows in a batch, where segments were made by mini-batches; NULL: all rows were in memory';
COMMENT ON COLUMN promoai.kmeans_report.moved IS 'customers of this version and the one before whose segment has another number; NULL: there is none before, or it has other features';
COMMENT ON COLUMN promoai.kmeans_report.metrics IS 'metric to value; promoai.model_metrics has intervals and more';
COMMENT ON COLUMN promoai.kmeans_report.seconds IS 'how long the whole call took';

CREATE FUNCTION promoai.kmeans_train(
	model text,
	source text,
	k int,
	standardize text DEFAULT 'log_zscore',
	restarts int DEFAULT 10,
	iterations int DEFAULT 300,
	tolerance float8 DEFAULT 1e-4,
	seed bigint DEFAULT 42,
	memory text DEFAULT NULL,
	verbose boolean DEFAULT false,
	batch_rows int DEFAULT NULL)
RETURNS promoai.kmeans_report
AS 'MODULE_PATHNAME', 'promoai_kmeans_train'
LANGUAGE C VOLATILE PARALLEL UNSAFE COST 10000000;

COMMENT ON FUNCTION promoai.kmeans_train(text, text, int, text, int, int, float8, bigint, text, boolean, int) IS
'Parts the rows of (id, numbers ...) into k segments and publishes them as a model: greedy k-means++ (Arthur & Vassilvitskii 2007), Lloyd''s iterations, the best of so many restarts. standardize: log_zscore (features with values below zero: zscore), zscore, robust or none. batch_rows: by mini-batches (Sculley 2010) of so many rows from temporary files; NULL: only where the rows do not fit into memory. Segments are numbered by size; a retrained model keeps the numbers of the segments it follows.';

CREATE FUNCTION promoai.kmeans_sweep(
	source text,
	k_min int DEFAULT 2,
	k_max int DEFAULT 10,
	standardize text DEFAULT 'log_zscore',
	restarts int DEFAULT 10,
	iterations int DEFAULT 300,
	tolerance float8 DEFAULT 1e-4,
	seed bigint DEFAULT 42,
	memory text DEFAULT NULL,
	OUT k int, OUT segments int, OUT inertia float8,
	OUT silhouette float8, OUT silhouette_low float8, OUT silhouette_high float8,
	OUT davies_bouldin float8, OUT calinski_harabasz float8, OUT suggested boolean)
RETURNS SETOF record
AS 'MODULE_PATHNAME', 'promoai_kmeans_sweep'
LANGUAGE C VOLATILE PARALLEL UNSAFE COST 10000000 ROWS 10;

COMMENT ON FUNCTION promoai.kmeans_sweep(text, int, int, text, int, int, float8, bigint, text) IS
'How many segments there should be: k-means over (id, numbers ...) for each k, with inertia, silhouette (95 % interval; of 5,000 rows at most), Davies-Bouldin and Calinski-Harabasz. suggested marks the k of the best silhouette.';

CREATE FUNCTION promoai.segment_assign(model text, features float8[], version int DEFAULT NULL)
RETURNS int
AS 'MODULE_PATHNAME', 'promoai_segment_assign'
LANGUAGE C STABLE PARALLEL SAFE COST 100;

COMMENT ON FUNCTION promoai.segment_assign(text, float8[], int) IS
'The number of the segment that is nearest to these features, in the order in which the model was trained on them; NULL where one of them is NULL.';

CREATE FUNCTION promoai.segment_assign(model promoai.model_bytes, features float8[])
RETURNS int
AS 'MODULE_PATHNAME', 'promoai_segment_assign'
LANGUAGE C IMMUTABLE PARALLEL SAFE COST 100;

COMMENT ON FUNCTION promoai.segment_assign(promoai.model_bytes, float8[]) IS
'The same from a model as a value, see promoai.model_value.';

CREATE FUNCTION promoai.segment_distances(
	model text, features float8[], version int DEFAULT NULL, OUT segment int, OUT distance float8)
RETURNS SETOF record
AS 'MODULE_PATHNAME', 'promoai_segment_distances'
LANGUAGE C STABLE PARALLEL SAFE COST 1000 ROWS 8;

COMMENT ON FUNCTION promoai.segment_distances(text, float8[], int) IS
'How far these features are from each segment''s centroid, in the measure of the model, the nearest first: a customer between two segments shows. No row where one of the features is NULL.';

CREATE FUNCTION promoai.segment_members(
	model text, version int DEFAULT NULL, OUT customer text, OUT customer_no bigint, OUT segment int)
RETURNS SETOF record
AS 'MODULE_PATHNAME', 'promoai_segment_members'
LANGUAGE C STABLE PARALLEL SAFE COST 100000 ROWS 10000;

COMMENT ON FUNCTION promoai.segment_members(text, int) IS
'The segment of every customer that the model was trained on, by id; customer_no is the id where ids are integers.';

CREATE FUNCTION promoai.segment_profile(
	model text, version int DEFAULT NULL,
	OUT segment int, OUT feature text, OUT size bigint, OUT share float8, OUT centroid float8,
	OUT mean float8, OUT sd float8, OUT lower_quartile float8, OUT median float8, OUT upper_quartile float8,
	OUT overall_mean float8, OUT overall_median float8,
	OUT effect float8, OUT effect_low float8, OUT effect_high float8, OUT importance int)
RETURNS SETOF record
AS 'MODULE_PATHNAME', 'promoai_segment_profile'
LANGUAGE C STABLE PARALLEL SAFE COST 10000 ROWS 40;

COMMENT ON FUNCTION promoai.segment_profile(text, int) IS
'What makes each segment, a row for each segment and feature: size and share of the segment; centroid, mean, standard deviation and quartiles in the feature''s unit beside those of all customers; effect is Hedges'' g against all other customers in the model''s measure, with its 95 % interval; importance ranks the features of a segment by it.';

CREATE FUNCTION promoai.segment_describe(
	model text, language text DEFAULT NULL, version int DEFAULT NULL,
	OUT segment int, OUT size bigint, OUT share float8, OUT features text[], OUT description text)
RETURNS SETOF record
AS 'MODULE_PATHNAME', 'promoai_segment_describe'
LANGUAGE C STABLE PARALLEL SAFE COST 10000 ROWS 8;

COMMENT ON FUNCTION promoai.segment_describe(text, text, int) IS
'Each segment in words: size, share, the up to three features that set it apart by half a standard deviation or more, and a description in English or Chinese (language: en or zh; NULL: as promoai.language has it).';

CREATE FUNCTION promoai.segment_drift(
	model text, source text, version int DEFAULT NULL, memory text DEFAULT NULL,
	OUT feature text, OUT psi float8, OUT verdict text, OUT expected float8[], OUT actual float8[], OUT n bigint)
RETURNS SETOF record
AS 'MODULE_PATHNAME', 'promoai_segment_drift'
LANGUAGE C VOLATILE PARALLEL UNSAFE COST 1000000 ROWS 8;

COMMENT ON FUNCTION promoai.segment_drift(text, text, int, text) IS
'Do the segments still fit? The population stability index of the shares of segments (feature NULL) and of each feature''s deciles at training, over a source with the columns of the training; verdict: small below 0.1, moderate below 0.25, large from there. expected and actual are the shares, n the rows.';
