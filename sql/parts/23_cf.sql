-- Recommenders that go by who had what: closed form, neighbours, random walks, popularity, repeats.

CREATE FUNCTION promoai.cf_train(
	model text,
	source text,
	method text,
	feedback text DEFAULT 'implicit',
	neighbours int DEFAULT NULL,
	regularization float8 DEFAULT NULL,
	similarity text DEFAULT NULL,
	shrinkage float8 DEFAULT NULL,
	weighting text DEFAULT NULL,
	bm25_k1 float8 DEFAULT NULL,
	bm25_b float8 DEFAULT NULL,
	alpha float8 DEFAULT NULL,
	beta float8 DEFAULT NULL,
	half_life float8 DEFAULT NULL,
	value_transform text DEFAULT NULL,
	holdout float8 DEFAULT NULL,
	holdout_after timestamptz DEFAULT NULL,
	metrics_k int DEFAULT 20,
	seed bigint DEFAULT 42,
	memory text DEFAULT NULL,
	verbose boolean DEFAULT false)
RETURNS promoai.recommender_report
AS 'MODULE_PATHNAME', 'promoai_cf_train'
LANGUAGE C VOLATILE PARALLEL UNSAFE COST 10000000;

COMMENT ON FUNCTION promoai.cf_train(
	text, text, text, text, int, float8, text, float8, text, float8, float8, float8, float8, float8, text, float8,
	timestamptz, int, bigint, text, boolean) IS
'Trains a recommender on (customer, item[, value][, time]) and publishes it under a name. method: ease (closed form, Steck 2019), item_knn, user_knn (neighbours by cosine or Pearson), rp3beta (random walks, Paudel et al. 2017), popular, buy_again (a customer''s own repeats). Metrics come from a holdout; the published model is trained on all rows.';
