-- Recommendation: factor models (mf_*) and what is asked of them (cf_*).

CREATE FUNCTION promoai.source_scan(
	source text,
	OUT rows_read bigint, OUT rows_skipped bigint, OUT customers int, OUT items int, OUT seconds float8)
RETURNS record
AS 'MODULE_PATHNAME', 'promoai_source_scan'
LANGUAGE C VOLATILE PARALLEL UNSAFE COST 1000000;

COMMENT ON FUNCTION promoai.source_scan(text) IS
'Reads a source of (customer, item[, value][, time]) as a trainer would, checks every row and keeps nothing: rows read, rows skipped for a NULL, distinct customers and items, seconds.';

CREATE TYPE promoai.recommender_report AS (
	model text, version int, kind text,
	rows_read bigint, rows_skipped bigint, rows_merged bigint, pairs_dropped bigint,
	customers bigint, items bigint, interactions bigint,
	metrics jsonb, seconds float8);

COMMENT ON TYPE promoai.recommender_report IS
'What a trainer of recommenders did: the version it published, rows read, skipped (for a NULL) and merged (repeated pairs), pairs dropped (values that sum to zero or less), what is left, metrics on the holdout, seconds.';

COMMENT ON COLUMN promoai.recommender_report.model IS 'name of the model';
COMMENT ON COLUMN promoai.recommender_report.version IS 'number of the version that was published';
COMMENT ON COLUMN promoai.recommender_report.kind IS 'what kind of model it is: mf, cf and the like';
COMMENT ON COLUMN promoai.recommender_report.rows_read IS 'rows that the source gave';
COMMENT ON COLUMN promoai.recommender_report.rows_skipped IS 'of these, left out for a NULL';
COMMENT ON COLUMN promoai.recommender_report.rows_merged IS 'of these, added to an earlier row of the same customer and item';
COMMENT ON COLUMN promoai.recommender_report.pairs_dropped IS 'pairs of customer and item whose values sum to zero or less';
COMMENT ON COLUMN promoai.recommender_report.customers IS 'distinct customers in the model';
COMMENT ON COLUMN promoai.recommender_report.items IS 'distinct items in the model';
COMMENT ON COLUMN promoai.recommender_report.interactions IS 'distinct pairs of customer and item in the model';
COMMENT ON COLUMN promoai.recommender_report.metrics IS 'metric to value, measured on the holdout; promoai.model_metrics has intervals and more';
COMMENT ON COLUMN promoai.recommender_report.seconds IS 'how long the whole call took';

CREATE FUNCTION promoai.mf_train(
	model text,
	source text,
	feedback text DEFAULT 'implicit',
	solver text DEFAULT 'als',
	factors int DEFAULT 64,
	iterations int DEFAULT 15,
	regularization float8 DEFAULT NULL,
	unobserved_weight float8 DEFAULT NULL,
	value_transform text DEFAULT NULL,
	holdout float8 DEFAULT NULL,
	holdout_after timestamptz DEFAULT NULL,
	metrics_k int DEFAULT 20,
	tolerance float8 DEFAULT 0,
	seed bigint DEFAULT 42,
	memory text DEFAULT NULL,
	verbose boolean DEFAULT false,
	regularization_prior float8 DEFAULT NULL,
	bias_regularization float8 DEFAULT NULL,
	learning_rate float8 DEFAULT NULL,
	clip boolean DEFAULT false)
RETURNS promoai.recommender_report
AS 'MODULE_PATHNAME', 'promoai_mf_train'
LANGUAGE C VOLATILE PARALLEL UNSAFE COST 10000000;

COMMENT ON FUNCTION promoai.mf_train(
	text, text, text, text, int, int, float8, float8, text, float8, timestamptz, int, float8, bigint, text, boolean,
	float8, float8, float8, boolean) IS
'Trains a factor model on (customer, item[, value][, time]) and publishes it under a name. Implicit feedback: weighted alternating least squares (Hu, Koren & Volinsky 2008; Rendle et al. 2021), exactly or by conjugate gradients. Ratings (feedback => ''explicit''): biases and factors by alternating least squares or stochastic gradients (Zhou et al. 2008; Chin et al. 2015). Metrics come from a holdout; the published model is trained on all rows.';

CREATE TYPE promoai.similar_item AS (rank int, item text, item_no bigint, similarity real);

COMMENT ON TYPE promoai.similar_item IS
'A row of cf_similar_items: rank from 1, the item (item_no where items are integers), how alike the two are.';

COMMENT ON COLUMN promoai.similar_item.rank IS 'from 1, the most alike first';
COMMENT ON COLUMN promoai.similar_item.item IS 'id of the item';
COMMENT ON COLUMN promoai.similar_item.item_no IS 'the id as a number where items are integers, else NULL';
COMMENT ON COLUMN promoai.similar_item.similarity IS 'how alike the two items are, from -1 to 1: cosine of their factors, of who bought them, or as the model defines it';

CREATE FUNCTION promoai.cf_similar_items(
	model text, item bigint, k int DEFAULT 10, candidates bigint[] DEFAULT NULL, version int DEFAULT NULL)
RETURNS SETOF promoai.similar_item
AS 'MODULE_PATHNAME', 'promoai_cf_similar_items'
LANGUAGE C STABLE PARALLEL SAFE COST 10000 ROWS 10;

COMMENT ON FUNCTION promoai.cf_similar_items(text, bigint, int, bigint[], int) IS
'The k items most like an item, from -1 to 1: cosine of their factors, of who bought them, or as the model defines it.';

CREATE FUNCTION promoai.cf_similar_items(
	model text, item text, k int DEFAULT 10, candidates text[] DEFAULT NULL, version int DEFAULT NULL)
RETURNS SETOF promoai.similar_item
AS 'MODULE_PATHNAME', 'promoai_cf_similar_items'
LANGUAGE C STABLE PARALLEL SAFE COST 10000 ROWS 10;

COMMENT ON FUNCTION promoai.cf_similar_items(text, text, int, text[], int) IS
'The k items most like an item, from -1 to 1: cosine of their factors, of who bought them, or as the model defines it.';

CREATE FUNCTION promoai.cf_similar_items(
	model text, item uuid, k int DEFAULT 10, candidates uuid[] DEFAULT NULL, version int DEFAULT NULL)
RETURNS SETOF promoai.similar_item
AS 'MODULE_PATHNAME', 'promoai_cf_similar_items'
LANGUAGE C STABLE PARALLEL SAFE COST 10000 ROWS 10;

COMMENT ON FUNCTION promoai.cf_similar_items(text, uuid, int, uuid[], int) IS
'The k items most like an item, from -1 to 1: cosine of their factors, of who bought them, or as the model defines it.';

CREATE FUNCTION promoai.cf_predict(model text, customer bigint, item bigint, version int DEFAULT NULL)
RETURNS real
AS 'MODULE_PATHNAME', 'promoai_cf_predict'
LANGUAGE C STABLE PARALLEL SAFE COST 100;

COMMENT ON FUNCTION promoai.cf_predict(text, bigint, bigint, int) IS
'The score by which cf_recommend ranks this item for this customer; NULL when the model does not know one of them, but a model of ratings then predicts from what it knows.';

CREATE FUNCTION promoai.cf_predict(model text, customer bigint, item text, version int DEFAULT NULL)
RETURNS real
AS 'MODULE_PATHNAME', 'promoai_cf_predict'
LANGUAGE C STABLE PARALLEL SAFE COST 100;

COMMENT ON FUNCTION promoai.cf_predict(text, bigint, text, int) IS
'The score by which cf_recommend ranks this item for this customer; NULL when the model does not know one of them, but a model of ratings then predicts from what it knows.';

CREATE FUNCTION promoai.cf_predict(model text, customer bigint, item uuid, version int DEFAULT NULL)
RETURNS real
AS 'MODULE_PATHNAME', 'promoai_cf_predict'
LANGUAGE C STABLE PARALLEL SAFE COST 100;

COMMENT ON FUNCTION promoai.cf_predict(text, bigint, uuid, int) IS
'The score by which cf_recommend ranks this item for this customer; NULL when the model does not know one of them, but a model of ratings then predicts from what it knows.';

CREATE FUNCTION promoai.cf_predict(model text, customer text, item bigint, version int DEFAULT NULL)
RETURNS real
AS 'MODULE_PATHNAME', 'promoai_cf_predict'
LANGUAGE C STABLE PARALLEL SAFE COST 100;

COMMENT ON FUNCTION promoai.cf_predict(text, text, bigint, int) IS
'The score by which cf_recommend ranks this item for this customer; NULL when the model does not know one of them, but a model of ratings then predicts from what it knows.';

CREATE FUNCTION promoai.cf_predict(model text, customer text, item text, version int DEFAULT NULL)
RETURNS real
AS 'MODULE_PATHNAME', 'promoai_cf_predict'
LANGUAGE C STABLE PARALLEL SAFE COST 100;

COMMENT ON FUNCTION promoai.cf_predict(text, text, text, int) IS
'The score by which cf_recommend ranks this item for this customer; NULL when the model does not know one of them, but a model of ratings then predicts from what it knows.';

CREATE FUNCTION promoai.cf_predict(model text, customer text, item uuid, version int DEFAULT NULL)
RETURNS real
AS 'MODULE_PATHNAME', 'promoai_cf_predict'
LANGUAGE C STABLE PARALLEL SAFE COST 100;

COMMENT ON FUNCTION promoai.cf_predict(text, text, uuid, int) IS
'The score by which cf_recommend ranks this item for this customer; NULL when the model does not know one of them, but a model of ratings then predicts from what it knows.';

CREATE FUNCTION promoai.cf_predict(model text, customer uuid, item bigint, version int DEFAULT NULL)
RETURNS real
AS 'MODULE_PATHNAME', 'promoai_cf_predict'
LANGUAGE C STABLE PARALLEL SAFE COST 100;

COMMENT ON FUNCTION promoai.cf_predict(text, uuid, bigint, int) IS
'The score by which cf_recommend ranks this item for this customer; NULL when the model does not know one of them, but a model of ratings then predicts from what it knows.';

CREATE FUNCTION promoai.cf_predict(model text, customer uuid, item text, version int DEFAULT NULL)
RETURNS real
AS 'MODULE_PATHNAME', 'promoai_cf_predict'
LANGUAGE C STABLE PARALLEL SAFE COST 100;

COMMENT ON FUNCTION promoai.cf_predict(text, uuid, text, int) IS
'The score by which cf_recommend ranks this item for this customer; NULL when the model does not know one of them, but a model of ratings then predicts from what it knows.';

CREATE FUNCTION promoai.cf_predict(model text, customer uuid, item uuid, version int DEFAULT NULL)
RETURNS real
AS 'MODULE_PATHNAME', 'promoai_cf_predict'
LANGUAGE C STABLE PARALLEL SAFE COST 100;

COMMENT ON FUNCTION promoai.cf_predict(text, uuid, uuid, int) IS
'The score by which cf_recommend ranks this item for this customer; NULL when the model does not know one of them, but a model of ratings then predicts from what it knows.';

-- The same with the model as a value, for servers that hold no registry.

CREATE FUNCTION promoai.cf_predict(model promoai.model_bytes, customer bigint, item bigint)
RETURNS real
AS 'MODULE_PATHNAME', 'promoai_cf_predict'
LANGUAGE C IMMUTABLE PARALLEL SAFE COST 100;

COMMENT ON FUNCTION promoai.cf_predict(promoai.model_bytes, bigint, bigint) IS
'The same score by a model that is given as a value.';

CREATE FUNCTION promoai.cf_predict(model promoai.model_bytes, customer bigint, item text)
RETURNS real
AS 'MODULE_PATHNAME', 'promoai_cf_predict'
LANGUAGE C IMMUTABLE PARALLEL SAFE COST 100;

COMMENT ON FUNCTION promoai.cf_predict(promoai.model_bytes, bigint, text) IS
'The same score by a model that is given as a value.';

CREATE FUNCTION promoai.cf_predict(model promoai.model_bytes, customer bigint, item uuid)
RETURNS real
AS 'MODULE_PATHNAME', 'promoai_cf_predict'
LANGUAGE C IMMUTABLE PARALLEL SAFE COST 100;

COMMENT ON FUNCTION promoai.cf_predict(promoai.model_bytes, bigint, uuid) IS
'The same score by a model that is given as a value.';

CREATE FUNCTION promoai.cf_predict(model promoai.model_bytes, customer text, item bigint)
RETURNS real
AS 'MODULE_PATHNAME', 'promoai_cf_predict'
LANGUAGE C IMMUTABLE PARALLEL SAFE COST 100;

COMMENT ON FUNCTION promoai.cf_predict(promoai.model_bytes, text, bigint) IS
'The same score by a model that is given as a value.';

CREATE FUNCTION promoai.cf_predict(model promoai.model_bytes, customer text, item text)
RETURNS real
AS 'MODULE_PATHNAME', 'promoai_cf_predict'
LANGUAGE C IMMUTABLE PARALLEL SAFE COST 100;

COMMENT ON FUNCTION promoai.cf_predict(promoai.model_bytes, text, text) IS
'The same score by a model that is given as a value.';

CREATE FUNCTION promoai.cf_predict(model promoai.model_bytes, customer text, item uuid)
RETURNS real
AS 'MODULE_PATHNAME', 'promoai_cf_predict'
LANGUAGE C IMMUTABLE PARALLEL SAFE COST 100;

COMMENT ON FUNCTION promoai.cf_predict(promoai.model_bytes, text, uuid) IS
'The same score by a model that is given as a value.';

CREATE FUNCTION promoai.cf_predict(model promoai.model_bytes, customer uuid, item bigint)
RETURNS real
AS 'MODULE_PATHNAME', 'promoai_cf_predict'
LANGUAGE C IMMUTABLE PARALLEL SAFE COST 100;

COMMENT ON FUNCTION promoai.cf_predict(promoai.model_bytes, uuid, bigint) IS
'The same score by a model that is given as a value.';

CREATE FUNCTION promoai.cf_predict(model promoai.model_bytes, customer uuid, item text)
RETURNS real
AS 'MODULE_PATHNAME', 'promoai_cf_predict'
LANGUAGE C IMMUTABLE PARALLEL SAFE COST 100;

COMMENT ON FUNCTION promoai.cf_predict(promoai.model_bytes, uuid, text) IS
'The same score by a model that is given as a value.';

CREATE FUNCTION promoai.cf_predict(model promoai.model_bytes, customer uuid, item uuid)
RETURNS real
AS 'MODULE_PATHNAME', 'promoai_cf_predict'
LANGUAGE C IMMUTABLE PARALLEL SAFE COST 100;

COMMENT ON FUNCTION promoai.cf_predict(promoai.model_bytes, uuid, uuid) IS
'The same score by a model that is given as a value.';

CREATE FUNCTION promoai.mf_user_factors(
	model text, version int DEFAULT NULL,
	OUT customer text, OUT customer_no bigint, OUT factors real[])
RETURNS SETOF record
AS 'MODULE_PATHNAME', 'promoai_mf_user_factors'
LANGUAGE C STABLE PARALLEL SAFE COST 1000000 ROWS 10000;

COMMENT ON FUNCTION promoai.mf_user_factors(text, int) IS
'Each customer''s factors; pgvector''s vector takes them as they are. The inner product of a customer''s and an item''s is the score that ranks.';

CREATE FUNCTION promoai.mf_item_factors(
	model text, version int DEFAULT NULL,
	OUT item text, OUT item_no bigint, OUT factors real[])
RETURNS SETOF record
AS 'MODULE_PATHNAME', 'promoai_mf_item_factors'
LANGUAGE C STABLE PARALLEL SAFE COST 1000000 ROWS 10000;

COMMENT ON FUNCTION promoai.mf_item_factors(text, int) IS
'Each item''s factors; pgvector''s vector takes them as they are. The inner product of a customer''s and an item''s is the score that ranks.';
