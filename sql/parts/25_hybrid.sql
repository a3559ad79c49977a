-- Several recommenders behind one name.

CREATE FUNCTION promoai.hybrid_train(
	model text,
	models text[],
	source text DEFAULT NULL,
	weights float8[] DEFAULT NULL,
	targets text DEFAULT NULL,
	holdout float8 DEFAULT NULL,
	holdout_after timestamptz DEFAULT NULL,
	metrics_k int DEFAULT 20,
	seed bigint DEFAULT 42,
	memory text DEFAULT NULL)
RETURNS promoai.recommender_report
AS 'MODULE_PATHNAME', 'promoai_hybrid_train'
LANGUAGE C VOLATILE PARALLEL UNSAFE COST 10000000;

COMMENT ON FUNCTION promoai.hybrid_train(
	text, text[], text, float8[], text, float8, timestamptz, int, bigint, text) IS
'Puts published recommenders together and publishes the result under a name of its own: scores are standardised per customer and summed by weights. Weights that are not given are fitted: the members are trained on the older part of the source and the weights chosen that rank best what customers bought afterwards.';
