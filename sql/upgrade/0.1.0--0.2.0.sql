-- new parts: 12_cache 21_lists 22_basket 23_cf 24_content 25_hybrid 30_lift 31_promote 40_segment 41_density 42_customers 50_schedules 60_text 61_embed 62_classify 99_rights
-- One report for all trainers of recommenders.
ALTER TYPE promoai.mf_report RENAME TO recommender_report;
COMMENT ON TYPE promoai.recommender_report IS
'What a trainer of recommenders did: the version it published, rows read, skipped (for a NULL) and merged (repeated pairs), pairs dropped (values that sum to zero or less), what is left, metrics on the holdout, seconds.';
COMMENT ON COLUMN promoai.recommender_report.kind IS 'what kind of model it is: mf, cf and the like';

-- mf_train takes a solver.
DROP FUNCTION promoai.mf_train(
	text, text, text, int, int, float8, float8, text, float8, timestamptz, int, float8, bigint, text, boolean);

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

-- Models of ratings always have a prediction.
COMMENT ON FUNCTION promoai.cf_predict(text, bigint, bigint, int) IS
'The score by which cf_recommend ranks this item for this customer; NULL when the model does not know one of them, but a model of ratings then predicts from what it knows.';
COMMENT ON FUNCTION promoai.cf_predict(text, bigint, text, int) IS
'The score by which cf_recommend ranks this item for this customer; NULL when the model does not know one of them, but a model of ratings then predicts from what it knows.';
COMMENT ON FUNCTION promoai.cf_predict(text, bigint, uuid, int) IS
'The score by which cf_recommend ranks this item for this customer; NULL when the model does not know one of them, but a model of ratings then predicts from what it knows.';
COMMENT ON FUNCTION promoai.cf_predict(text, text, bigint, int) IS
'The score by which cf_recommend ranks this item for this customer; NULL when the model does not know one of them, but a model of ratings then predicts from what it knows.';
COMMENT ON FUNCTION promoai.cf_predict(text, text, text, int) IS
'The score by which cf_recommend ranks this item for this customer; NULL when the model does not know one of them, but a model of ratings then predicts from what it knows.';
COMMENT ON FUNCTION promoai.cf_predict(text, text, uuid, int) IS
'The score by which cf_recommend ranks this item for this customer; NULL when the model does not know one of them, but a model of ratings then predicts from what it knows.';
COMMENT ON FUNCTION promoai.cf_predict(text, uuid, bigint, int) IS
'The score by which cf_recommend ranks this item for this customer; NULL when the model does not know one of them, but a model of ratings then predicts from what it knows.';
COMMENT ON FUNCTION promoai.cf_predict(text, uuid, text, int) IS
'The score by which cf_recommend ranks this item for this customer; NULL when the model does not know one of them, but a model of ratings then predicts from what it knows.';
COMMENT ON FUNCTION promoai.cf_predict(text, uuid, uuid, int) IS
'The score by which cf_recommend ranks this item for this customer; NULL when the model does not know one of them, but a model of ratings then predicts from what it knows.';

-- Lists take rules and say more.
DROP FUNCTION promoai.cf_recommend(text, bigint, int, boolean, text[], int);
DROP FUNCTION promoai.cf_recommend(text, bigint, bigint[], int, boolean, int);
DROP FUNCTION promoai.cf_recommend(text, bigint, uuid[], int, boolean, int);
DROP FUNCTION promoai.cf_recommend(text, text, int, boolean, text[], int);
DROP FUNCTION promoai.cf_recommend(text, text, bigint[], int, boolean, int);
DROP FUNCTION promoai.cf_recommend(text, text, uuid[], int, boolean, int);
DROP FUNCTION promoai.cf_recommend(text, uuid, int, boolean, text[], int);
DROP FUNCTION promoai.cf_recommend(text, uuid, bigint[], int, boolean, int);
DROP FUNCTION promoai.cf_recommend(text, uuid, uuid[], int, boolean, int);
DROP FUNCTION promoai.cf_recommend_basket(text, bigint[], float8[], int, boolean, bigint[], int);
DROP FUNCTION promoai.cf_recommend_basket(text, text[], float8[], int, boolean, text[], int);
DROP FUNCTION promoai.cf_recommend_basket(text, uuid[], float8[], int, boolean, uuid[], int);
DROP FUNCTION promoai.cf_recommend_all(text, int, boolean, text[], int);
DROP FUNCTION promoai.cf_recommend_all(text, bigint[], int, boolean, int);
DROP FUNCTION promoai.cf_recommend_all(text, uuid[], int, boolean, int);

-- What is alike depends on the model.
COMMENT ON FUNCTION promoai.cf_similar_items(text, bigint, int, bigint[], int) IS
'The k items most like an item, from -1 to 1: cosine of their factors, of who bought them, or as the model defines it.';
COMMENT ON FUNCTION promoai.cf_similar_items(text, text, int, text[], int) IS
'The k items most like an item, from -1 to 1: cosine of their factors, of who bought them, or as the model defines it.';
COMMENT ON FUNCTION promoai.cf_similar_items(text, uuid, int, uuid[], int) IS
'The k items most like an item, from -1 to 1: cosine of their factors, of who bought them, or as the model defines it.';
COMMENT ON TYPE promoai.similar_item IS
'A row of cf_similar_items: rank from 1, the item (item_no where items are integers), how alike the two are.';
COMMENT ON COLUMN promoai.similar_item.similarity IS 'how alike the two items are, from -1 to 1: cosine of their factors, of who bought them, or as the model defines it';

-- Views keep the conditions of whoever asks above the check of rights.
CREATE OR REPLACE VIEW promoai.models WITH (security_barrier) AS
SELECT m.model COLLATE pg_catalog."default" AS model,
       m.kind COLLATE pg_catalog."default" AS kind,
       coalesce(o.role, m.owner_name) COLLATE pg_catalog."default" AS owner,
       o.role IS NOT NULL AS owner_exists,
       c.version,
       v.versions,
       c.trained_at,
       c.rows_read,
       m.arguments,
       CASE WHEN promoai.model_owned(m.model) THEN m.source END AS source,
       c.payload_bytes,
       v.size_bytes
FROM promoai.registry_models m
CROSS JOIN LATERAL (SELECT promoai.registry_role(m.owner_name, m.owner_oid, m.owner_cluster) AS role) o
LEFT JOIN promoai.registry_versions c ON c.version_id = m.current_version
CROSS JOIN LATERAL (
    SELECT pg_catalog.count(*) AS versions,
           coalesce(pg_catalog.sum(a.payload_bytes), 0)::bigint AS size_bytes
    FROM promoai.registry_versions a
    WHERE a.model_id = m.model_id) v
WHERE promoai.model_usable(m.model)
OFFSET 0;

CREATE OR REPLACE VIEW promoai.model_versions WITH (security_barrier) AS
SELECT m.model COLLATE pg_catalog."default" AS model,
       v.version,
       v.version_id IS NOT DISTINCT FROM m.current_version AS published,
       v.kind COLLATE pg_catalog."default" AS kind,
       v.trained_at,
       v.trained_by COLLATE pg_catalog."default" AS trained_by,
       v.rows_read,
       v.rows_skipped,
       v.sizes,
       v.arguments,
       v.seconds,
       v.payload_bytes
FROM promoai.registry_models m
JOIN promoai.registry_versions v ON v.model_id = m.model_id
WHERE promoai.model_usable(m.model)
OFFSET 0;

CREATE OR REPLACE VIEW promoai.model_metrics WITH (security_barrier) AS
SELECT m.model COLLATE pg_catalog."default" AS model,
       v.version,
       x.metric COLLATE pg_catalog."default" AS metric,
       x.value,
       x.low,
       x.high,
       x.n,
       x.split COLLATE pg_catalog."default" AS split
FROM promoai.registry_models m
JOIN promoai.registry_versions v ON v.model_id = m.model_id
JOIN promoai.registry_metrics x ON x.version_id = v.version_id
WHERE promoai.model_usable(m.model)
OFFSET 0;

CREATE OR REPLACE VIEW promoai.model_grants WITH (security_barrier) AS
SELECT m.model COLLATE pg_catalog."default" AS model,
       coalesce(o.role, g.role_name) COLLATE pg_catalog."default" AS role,
       o.role IS NOT NULL AS role_exists,
       g.granted_by COLLATE pg_catalog."default" AS granted_by,
       g.granted_at
FROM promoai.registry_models m
JOIN promoai.registry_grants g ON g.model_id = m.model_id
CROSS JOIN LATERAL (SELECT promoai.registry_role(g.role_name, g.role_oid, g.role_cluster) AS role) o
WHERE promoai.model_owned(m.model)
OFFSET 0;
