-- Recommenders that go by what items are: their attributes.

CREATE FUNCTION promoai.content_train(
	model text,
	source text,
	interactions text DEFAULT NULL,
	factors_of text DEFAULT NULL,
	text_columns text[] DEFAULT NULL,
	categorical_columns text[] DEFAULT NULL,
	column_weights jsonb DEFAULT NULL,
	value_transform text DEFAULT NULL,
	regularization float8 DEFAULT NULL,
	holdout float8 DEFAULT NULL,
	holdout_after timestamptz DEFAULT NULL,
	metrics_k int DEFAULT 20,
	seed bigint DEFAULT 42,
	memory text DEFAULT NULL)
RETURNS promoai.recommender_report
AS 'MODULE_PATHNAME', 'promoai_content_train'
LANGUAGE C VOLATILE PARALLEL UNSAFE COST 10000000;

COMMENT ON FUNCTION promoai.content_train(
	text, text, text, text, text[], text[], jsonb, text, float8, float8, timestamptz, int, bigint, text) IS
'Trains a recommender on (item, attributes...) and publishes it under a name: items are as like as the cosine of their attributes (categories, numbers, free text by tf-idf, vectors). With interactions (customer, item[, value][, time]) customers get what is like what they had; with factors_of a factor model gets factors for items that it does not know, regressed on the attributes.';
