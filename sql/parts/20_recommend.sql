-- Recommendation: factor models (mf_*) and what is asked of them (cf_*).

CREATE FUNCTION promoai.source_scan(
	source text,
	OUT rows_read bigint, OUT rows_skipped bigint, OUT customers int, OUT items int, OUT seconds float8)
RETURNS record
AS 'MODULE_PATHNAME', 'promoai_source_scan'
LANGUAGE C VOLATILE PARALLEL UNSAFE COST 1000000;

COMMENT ON FUNCTION promoai.source_scan(text) IS
'Reads a source of (customer, item[, value][, time]) as a trainer would, checks every row and keeps nothing: rows read, rows skipped for a NULL, distinct customers and items, seconds.';

CREATE TYPE promoai.mf_report AS (
	model text, version int, kind text,
	rows_read bigint, rows_skipped bigint, rows_merged bigint, pairs_dropped bigint,
	customers bigint, items bigint, interactions bigint,
	metrics jsonb, seconds float8);

COMMENT ON TYPE promoai.mf_report IS
'What mf_train did: the version it published, rows read, skipped (for a NULL) and merged (repeated pairs), pairs dropped (values that sum to zero or less), what is left, metrics on the holdout, seconds.';

COMMENT ON COLUMN promoai.mf_report.model IS 'name of the model';
COMMENT ON COLUMN promoai.mf_report.version IS 'number of the version that was published';
COMMENT ON COLUMN promoai.mf_report.kind IS 'what kind of model it is: mf';
COMMENT ON COLUMN promoai.mf_report.rows_read IS 'rows that the source gave';
COMMENT ON COLUMN promoai.mf_report.rows_skipped IS 'of these, left out for a NULL';
COMMENT ON COLUMN promoai.mf_report.rows_merged IS 'of these, added to an earlier row of the same customer and item';
COMMENT ON COLUMN promoai.mf_report.pairs_dropped IS 'pairs of customer and item whose values sum to zero or less';
COMMENT ON COLUMN promoai.mf_report.customers IS 'distinct customers in the model';
COMMENT ON COLUMN promoai.mf_report.items IS 'distinct items in the model';
COMMENT ON COLUMN promoai.mf_report.interactions IS 'distinct pairs of customer and item in the model';
COMMENT ON COLUMN promoai.mf_report.metrics IS 'metric to value, measured on the holdout; promoai.model_metrics has intervals and more';
COMMENT ON COLUMN promoai.mf_report.seconds IS 'how long the whole call took';

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
RETURNS promoai.mf_report
AS 'MODULE_PATHNAME', 'promoai_mf_train'
LANGUAGE C VOLATILE PARALLEL UNSAFE COST 10000000;

COMMENT ON FUNCTION promoai.mf_train(
	text, text, text, text, int, int, float8, float8, text, float8, timestamptz, int, float8, bigint, text, boolean,
	float8, float8, float8, boolean) IS
'Trains a factor model on (customer, item[, value][, time]) and publishes it under a name. Implicit feedback: weighted alternating least squares (Hu, Koren & Volinsky 2008; Rendle et al. 2021), exactly or by conjugate gradients. Ratings (feedback => ''explicit''): biases and factors by alternating least squares or stochastic gradients (Zhou et al. 2008; Chin et al. 2015). Metrics come from a holdout; the published model is trained on all rows.';

-- Ids come as bigint, text or uuid; the overloads share one C function.  Only the overload with text[] candidates has a
-- default for them, so that a call without candidates is never ambiguous.

CREATE FUNCTION promoai.cf_recommend(
	model text, customer bigint, k int DEFAULT 10, exclude_seen boolean DEFAULT true,
	candidates text[] DEFAULT NULL, version int DEFAULT NULL,
	OUT rank int, OUT item text, OUT item_no bigint, OUT score real, OUT answered_by text)
RETURNS SETOF record
AS 'MODULE_PATHNAME', 'promoai_cf_recommend'
LANGUAGE C STABLE PARALLEL SAFE COST 10000 ROWS 10;

COMMENT ON FUNCTION promoai.cf_recommend(text, bigint, int, boolean, text[], int) IS
'The k items that a model recommends to a customer, best first; answered_by says how: factors, or popularity for a customer the model does not know.';

CREATE FUNCTION promoai.cf_recommend(
	model text, customer bigint, candidates bigint[], k int DEFAULT 10, exclude_seen boolean DEFAULT true,
	version int DEFAULT NULL,
	OUT rank int, OUT item text, OUT item_no bigint, OUT score real, OUT answered_by text)
RETURNS SETOF record
AS 'MODULE_PATHNAME', 'promoai_cf_recommend'
LANGUAGE C STABLE PARALLEL SAFE COST 10000 ROWS 10;

COMMENT ON FUNCTION promoai.cf_recommend(text, bigint, bigint[], int, boolean, int) IS
'The k items that a model recommends to a customer, best first; answered_by says how: factors, or popularity for a customer the model does not know.';

CREATE FUNCTION promoai.cf_recommend(
	model text, customer bigint, candidates uuid[], k int DEFAULT 10, exclude_seen boolean DEFAULT true,
	version int DEFAULT NULL,
	OUT rank int, OUT item text, OUT item_no bigint, OUT score real, OUT answered_by text)
RETURNS SETOF record
AS 'MODULE_PATHNAME', 'promoai_cf_recommend'
LANGUAGE C STABLE PARALLEL SAFE COST 10000 ROWS 10;

COMMENT ON FUNCTION promoai.cf_recommend(text, bigint, uuid[], int, boolean, int) IS
'The k items that a model recommends to a customer, best first; answered_by says how: factors, or popularity for a customer the model does not know.';

CREATE FUNCTION promoai.cf_recommend(
	model text, customer text, k int DEFAULT 10, exclude_seen boolean DEFAULT true,
	candidates text[] DEFAULT NULL, version int DEFAULT NULL,
	OUT rank int, OUT item text, OUT item_no bigint, OUT score real, OUT answered_by text)
RETURNS SETOF record
AS 'MODULE_PATHNAME', 'promoai_cf_recommend'
LANGUAGE C STABLE PARALLEL SAFE COST 10000 ROWS 10;

COMMENT ON FUNCTION promoai.cf_recommend(text, text, int, boolean, text[], int) IS
'The k items that a model recommends to a customer, best first; answered_by says how: factors, or popularity for a customer the model does not know.';

CREATE FUNCTION promoai.cf_recommend(
	model text, customer text, candidates bigint[], k int DEFAULT 10, exclude_seen boolean DEFAULT true,
	version int DEFAULT NULL,
	OUT rank int, OUT item text, OUT item_no bigint, OUT score real, OUT answered_by text)
RETURNS SETOF record
AS 'MODULE_PATHNAME', 'promoai_cf_recommend'
LANGUAGE C STABLE PARALLEL SAFE COST 10000 ROWS 10;

COMMENT ON FUNCTION promoai.cf_recommend(text, text, bigint[], int, boolean, int) IS
'The k items that a model recommends to a customer, best first; answered_by says how: factors, or popularity for a customer the model does not know.';

CREATE FUNCTION promoai.cf_recommend(
	model text, customer text, candidates uuid[], k int DEFAULT 10, exclude_seen boolean DEFAULT true,
	version int DEFAULT NULL,
	OUT rank int, OUT item text, OUT item_no bigint, OUT score real, OUT answered_by text)
RETURNS SETOF record
AS 'MODULE_PATHNAME', 'promoai_cf_recommend'
LANGUAGE C STABLE PARALLEL SAFE COST 10000 ROWS 10;

COMMENT ON FUNCTION promoai.cf_recommend(text, text, uuid[], int, boolean, int) IS
'The k items that a model recommends to a customer, best first; answered_by says how: factors, or popularity for a customer the model does not know.';

CREATE FUNCTION promoai.cf_recommend(
	model text, customer uuid, k int DEFAULT 10, exclude_seen boolean DEFAULT true,
	candidates text[] DEFAULT NULL, version int DEFAULT NULL,
	OUT rank int, OUT item text, OUT item_no bigint, OUT score real, OUT answered_by text)
RETURNS SETOF record
AS 'MODULE_PATHNAME', 'promoai_cf_recommend'
LANGUAGE C STABLE PARALLEL SAFE COST 10000 ROWS 10;

COMMENT ON FUNCTION promoai.cf_recommend(text, uuid, int, boolean, text[], int) IS
'The k items that a model recommends to a customer, best first; answered_by says how: factors, or popularity for a customer the model does not know.';

CREATE FUNCTION promoai.cf_recommend(
	model text, customer uuid, candidates bigint[], k int DEFAULT 10, exclude_seen boolean DEFAULT true,
	version int DEFAULT NULL,
	OUT rank int, OUT item text, OUT item_no bigint, OUT score real, OUT answered_by text)
RETURNS SETOF record
AS 'MODULE_PATHNAME', 'promoai_cf_recommend'
LANGUAGE C STABLE PARALLEL SAFE COST 10000 ROWS 10;

COMMENT ON FUNCTION promoai.cf_recommend(text, uuid, bigint[], int, boolean, int) IS
'The k items that a model recommends to a customer, best first; answered_by says how: factors, or popularity for a customer the model does not know.';

CREATE FUNCTION promoai.cf_recommend(
	model text, customer uuid, candidates uuid[], k int DEFAULT 10, exclude_seen boolean DEFAULT true,
	version int DEFAULT NULL,
	OUT rank int, OUT item text, OUT item_no bigint, OUT score real, OUT answered_by text)
RETURNS SETOF record
AS 'MODULE_PATHNAME', 'promoai_cf_recommend'
LANGUAGE C STABLE PARALLEL SAFE COST 10000 ROWS 10;

COMMENT ON FUNCTION promoai.cf_recommend(text, uuid, uuid[], int, boolean, int) IS
'The k items that a model recommends to a customer, best first; answered_by says how: factors, or popularity for a customer the model does not know.';

CREATE FUNCTION promoai.cf_recommend_basket(
	model text, items bigint[], weights float8[] DEFAULT NULL, k int DEFAULT 10,
	exclude_seen boolean DEFAULT true, candidates bigint[] DEFAULT NULL, version int DEFAULT NULL,
	OUT rank int, OUT item text, OUT item_no bigint, OUT score real, OUT answered_by text)
RETURNS SETOF record
AS 'MODULE_PATHNAME', 'promoai_cf_recommend_basket'
LANGUAGE C STABLE PARALLEL SAFE COST 10000 ROWS 10;

COMMENT ON FUNCTION promoai.cf_recommend_basket(text, bigint[], float8[], int, boolean, bigint[], int) IS
'The k items that a model recommends to someone with this history, known to the model or not: the history is folded in by one exact solve; without any known item the answer is popularity.';

CREATE FUNCTION promoai.cf_recommend_basket(
	model text, items text[] DEFAULT '{}', weights float8[] DEFAULT NULL, k int DEFAULT 10,
	exclude_seen boolean DEFAULT true, candidates text[] DEFAULT NULL, version int DEFAULT NULL,
	OUT rank int, OUT item text, OUT item_no bigint, OUT score real, OUT answered_by text)
RETURNS SETOF record
AS 'MODULE_PATHNAME', 'promoai_cf_recommend_basket'
LANGUAGE C STABLE PARALLEL SAFE COST 10000 ROWS 10;

COMMENT ON FUNCTION promoai.cf_recommend_basket(text, text[], float8[], int, boolean, text[], int) IS
'The k items that a model recommends to someone with this history, known to the model or not: the history is folded in by one exact solve; without any known item the answer is popularity.';

CREATE FUNCTION promoai.cf_recommend_basket(
	model text, items uuid[], weights float8[] DEFAULT NULL, k int DEFAULT 10,
	exclude_seen boolean DEFAULT true, candidates uuid[] DEFAULT NULL, version int DEFAULT NULL,
	OUT rank int, OUT item text, OUT item_no bigint, OUT score real, OUT answered_by text)
RETURNS SETOF record
AS 'MODULE_PATHNAME', 'promoai_cf_recommend_basket'
LANGUAGE C STABLE PARALLEL SAFE COST 10000 ROWS 10;

COMMENT ON FUNCTION promoai.cf_recommend_basket(text, uuid[], float8[], int, boolean, uuid[], int) IS
'The k items that a model recommends to someone with this history, known to the model or not: the history is folded in by one exact solve; without any known item the answer is popularity.';

CREATE TYPE promoai.similar_item AS (rank int, item text, item_no bigint, similarity real);

COMMENT ON TYPE promoai.similar_item IS
'A row of cf_similar_items: rank from 1, the item (item_no where items are integers), cosine of the factors.';

COMMENT ON COLUMN promoai.similar_item.rank IS 'from 1, the most alike first';
COMMENT ON COLUMN promoai.similar_item.item IS 'id of the item';
COMMENT ON COLUMN promoai.similar_item.item_no IS 'the id as a number where items are integers, else NULL';
COMMENT ON COLUMN promoai.similar_item.similarity IS 'cosine of the two items'' factors, from -1 to 1';

CREATE FUNCTION promoai.cf_similar_items(
	model text, item bigint, k int DEFAULT 10, candidates bigint[] DEFAULT NULL, version int DEFAULT NULL)
RETURNS SETOF promoai.similar_item
AS 'MODULE_PATHNAME', 'promoai_cf_similar_items'
LANGUAGE C STABLE PARALLEL SAFE COST 10000 ROWS 10;

COMMENT ON FUNCTION promoai.cf_similar_items(text, bigint, int, bigint[], int) IS
'The k items most like an item: cosine of their factors, from -1 to 1.';

CREATE FUNCTION promoai.cf_similar_items(
	model text, item text, k int DEFAULT 10, candidates text[] DEFAULT NULL, version int DEFAULT NULL)
RETURNS SETOF promoai.similar_item
AS 'MODULE_PATHNAME', 'promoai_cf_similar_items'
LANGUAGE C STABLE PARALLEL SAFE COST 10000 ROWS 10;

COMMENT ON FUNCTION promoai.cf_similar_items(text, text, int, text[], int) IS
'The k items most like an item: cosine of their factors, from -1 to 1.';

CREATE FUNCTION promoai.cf_similar_items(
	model text, item uuid, k int DEFAULT 10, candidates uuid[] DEFAULT NULL, version int DEFAULT NULL)
RETURNS SETOF promoai.similar_item
AS 'MODULE_PATHNAME', 'promoai_cf_similar_items'
LANGUAGE C STABLE PARALLEL SAFE COST 10000 ROWS 10;

COMMENT ON FUNCTION promoai.cf_similar_items(text, uuid, int, uuid[], int) IS
'The k items most like an item: cosine of their factors, from -1 to 1.';

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

CREATE FUNCTION promoai.cf_recommend_all(
	model text, k int DEFAULT 10, exclude_seen boolean DEFAULT true, candidates text[] DEFAULT NULL,
	version int DEFAULT NULL,
	OUT customer text, OUT customer_no bigint, OUT rank int, OUT item text, OUT item_no bigint, OUT score real)
RETURNS SETOF record
AS 'MODULE_PATHNAME', 'promoai_cf_recommend_all'
LANGUAGE C STABLE PARALLEL SAFE COST 1000000 ROWS 100000;

COMMENT ON FUNCTION promoai.cf_recommend_all(text, int, boolean, text[], int) IS
'The k items recommended to each customer that a model knows.';

CREATE FUNCTION promoai.cf_recommend_all(
	model text, candidates bigint[], k int DEFAULT 10, exclude_seen boolean DEFAULT true,
	version int DEFAULT NULL,
	OUT customer text, OUT customer_no bigint, OUT rank int, OUT item text, OUT item_no bigint, OUT score real)
RETURNS SETOF record
AS 'MODULE_PATHNAME', 'promoai_cf_recommend_all'
LANGUAGE C STABLE PARALLEL SAFE COST 1000000 ROWS 100000;

COMMENT ON FUNCTION promoai.cf_recommend_all(text, bigint[], int, boolean, int) IS
'The k items recommended to each customer that a model knows.';

CREATE FUNCTION promoai.cf_recommend_all(
	model text, candidates uuid[], k int DEFAULT 10, exclude_seen boolean DEFAULT true,
	version int DEFAULT NULL,
	OUT customer text, OUT customer_no bigint, OUT rank int, OUT item text, OUT item_no bigint, OUT score real)
RETURNS SETOF record
AS 'MODULE_PATHNAME', 'promoai_cf_recommend_all'
LANGUAGE C STABLE PARALLEL SAFE COST 1000000 ROWS 100000;

COMMENT ON FUNCTION promoai.cf_recommend_all(text, uuid[], int, boolean, int) IS
'The k items recommended to each customer that a model knows.';

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
