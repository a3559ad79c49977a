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

CREATE FUNCTION promoai.cf_evaluate(
	models text[],
	source text,
	protocol text DEFAULT 'next_period',
	k int[] DEFAULT '{10,20}',
	from_time timestamptz DEFAULT NULL,
	test_days int DEFAULT NULL,
	test_share float8 DEFAULT NULL,
	baselines boolean DEFAULT true,
	seed bigint DEFAULT 42,
	memory text DEFAULT NULL,
	OUT model text, OUT kind text, OUT targets text, OUT exclude_seen boolean, OUT metric text, OUT length int,
	OUT value float8, OUT low float8, OUT high float8, OUT customers int,
	OUT difference float8, OUT difference_low float8, OUT difference_high float8, OUT p_value float8)
RETURNS SETOF record
AS 'MODULE_PATHNAME', 'promoai_cf_evaluate'
LANGUAGE C VOLATILE PARALLEL UNSAFE COST 10000000 ROWS 500;

COMMENT ON FUNCTION promoai.cf_evaluate(
	text[], text, text, int[], timestamptz, int, float8, boolean, bigint, text) IS
'Compares recommenders on one source: each model''s way of learning is trained on one part and judged by the other, beside popularity, recent popularity and repeats. protocol: next_period (before a time, then the days after), leave_last_out, strong_generalization, sampled. targets: all, new items only, repeats only. Intervals are bootstrapped over customers; differences and p-values are against the first model named.';

CREATE FUNCTION promoai.cf_tune(
	model text,
	source text,
	grid jsonb,
	protocol text DEFAULT 'next_period',
	from_time timestamptz DEFAULT NULL,
	test_days int DEFAULT NULL,
	test_share float8 DEFAULT NULL,
	targets text DEFAULT NULL,
	metric text DEFAULT 'ndcg',
	k int DEFAULT 20,
	max_seconds float8 DEFAULT 600,
	seed bigint DEFAULT 42,
	memory text DEFAULT NULL,
	OUT trial int, OUT arguments jsonb, OUT measure text, OUT value float8, OUT low float8, OUT high float8,
	OUT customers int, OUT seconds float8, OUT selected boolean,
	OUT test_value float8, OUT test_low float8, OUT test_high float8)
RETURNS SETOF record
AS 'MODULE_PATHNAME', 'promoai_cf_tune'
LANGUAGE C VOLATILE PARALLEL UNSAFE COST 10000000 ROWS 100;

COMMENT ON FUNCTION promoai.cf_tune(
	text, text, jsonb, text, timestamptz, int, float8, text, text, int, float8, bigint, text) IS
'Tries every combination of a grid of arguments on a validation part of the source, publishes the best one trained on all rows, and tells what it reaches on a test part that nothing was chosen by. One row per combination. Stops within max_seconds; the same call again goes on where it stopped.';
