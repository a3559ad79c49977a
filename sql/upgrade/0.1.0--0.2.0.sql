-- new parts: 12_cache 30_lift 31_promote 42_customers 99_rights
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
RETURNS promoai.mf_report
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
