\echo Use "ALTER EXTENSION promoai UPDATE TO '0.2.0'" to load this file. \quit
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

-- The cache: versions of models in memory.

CREATE FUNCTION promoai.model_prewarm(model text, version int DEFAULT NULL) RETURNS bigint
AS 'MODULE_PATHNAME', 'promoai_model_prewarm'
LANGUAGE C VOLATILE PARALLEL RESTRICTED COST 100000;

COMMENT ON FUNCTION promoai.model_prewarm(text, int) IS
'Loads a model''s published version (or the one asked for) into the cache and returns its size in bytes: for all sessions where shared_preload_libraries names promoai, for this session otherwise. For whoever may use the model.';

CREATE FUNCTION promoai.model_cache(
	OUT model text,
	OUT version int,
	OUT database_oid oid,
	OUT bytes bigint,
	OUT shared boolean,
	OUT ready boolean,
	OUT pins int,
	OUT last_used timestamptz)
RETURNS SETOF record
AS 'MODULE_PATHNAME', 'promoai_model_cache'
LANGUAGE C VOLATILE PARALLEL RESTRICTED ROWS 10;

COMMENT ON FUNCTION promoai.model_cache() IS
'Versions of models that are in memory, as the view promoai.model_cache shows them: of models that the current role may use, or all for members of pg_read_all_stats.';

CREATE VIEW promoai.model_cache WITH (security_barrier) AS
SELECT c.model COLLATE pg_catalog."default" AS model,
       c.version,
       d.datname::text COLLATE pg_catalog."default" AS database,
       c.bytes,
       c.shared,
       c.ready,
       c.pins,
       c.last_used
FROM promoai.model_cache() c
LEFT JOIN pg_catalog.pg_database d ON d.oid OPERATOR(pg_catalog.=) c.database_oid;

COMMENT ON VIEW promoai.model_cache IS 'Versions of models that are in memory, shared by all sessions or held by this one: of models that the current role may use, or all for members of pg_read_all_stats.';
COMMENT ON COLUMN promoai.model_cache.model IS 'name of the model when it was loaded; NULL: of another database';
COMMENT ON COLUMN promoai.model_cache.version IS 'number of the version';
COMMENT ON COLUMN promoai.model_cache.database IS 'whose model it is; NULL: the database is gone';
COMMENT ON COLUMN promoai.model_cache.bytes IS 'memory that it takes';
COMMENT ON COLUMN promoai.model_cache.shared IS 'true: one copy for all sessions; false: a copy of this session''s own (those of other sessions are not shown)';
COMMENT ON COLUMN promoai.model_cache.ready IS 'false while a session loads it';
COMMENT ON COLUMN promoai.model_cache.pins IS 'sessions and parallel workers that answer from it now';
COMMENT ON COLUMN promoai.model_cache.last_used IS 'when it was last taken up by a query';
-- Lift and price response: what a promotion brought, as aggregates over sales.

CREATE TYPE promoai.lift_fit AS (
	n bigint, rows_skipped bigint, extra_sales_per_row float8, std_error float8, error_kind text, n_clusters bigint,
	df float8, t float8, p_value float8, ci_low float8, ci_high float8,
	expected_without_promo float8, lift_percent float8, lift_low float8, lift_high float8, r2 float8,
	terms float8[], covariance float8[], note text);

COMMENT ON TYPE promoai.lift_fit IS
'What a promotion brought by least squares: an association unless the promotion was randomised.';
COMMENT ON COLUMN promoai.lift_fit.n IS 'rows used';
COMMENT ON COLUMN promoai.lift_fit.rows_skipped IS 'rows left out: a NULL in one of the arguments or, in log form, a value of zero or less';
COMMENT ON COLUMN promoai.lift_fit.extra_sales_per_row IS 'coefficient of promo: sales of a row with promo = 1 less those of a row with promo = 0, all else equal; NULL when the data do not tell';
COMMENT ON COLUMN promoai.lift_fit.std_error IS 'its standard error, of the kind in error_kind; NULL when not known (see note)';
COMMENT ON COLUMN promoai.lift_fit.error_kind IS 'what the errors assume, such as HC1, rows independent';
COMMENT ON COLUMN promoai.lift_fit.n_clusters IS 'clusters, of two ways the fewer; NULL: not clustered';
COMMENT ON COLUMN promoai.lift_fit.df IS 'degrees of freedom of Student''s t behind p-values and intervals: rows less terms, or clusters less one';
COMMENT ON COLUMN promoai.lift_fit.t IS 'extra_sales_per_row / std_error';
COMMENT ON COLUMN promoai.lift_fit.p_value IS 'two-sided, against no effect';
COMMENT ON COLUMN promoai.lift_fit.ci_low IS 'lower end of the 95 % interval of extra_sales_per_row';
COMMENT ON COLUMN promoai.lift_fit.ci_high IS 'upper end of the 95 % interval of extra_sales_per_row';
COMMENT ON COLUMN promoai.lift_fit.expected_without_promo IS 'the promoted rows'' mean prediction with promo = 0';
COMMENT ON COLUMN promoai.lift_fit.lift_percent IS '100 extra_sales_per_row / expected_without_promo; NULL unless the latter is above 0';
COMMENT ON COLUMN promoai.lift_fit.lift_low IS 'lower end of the 95 % interval of lift_percent, by the delta method';
COMMENT ON COLUMN promoai.lift_fit.lift_high IS 'upper end of the 95 % interval of lift_percent, by the delta method';
COMMENT ON COLUMN promoai.lift_fit.r2 IS 'share of the variance of sales that the terms explain; NULL when sales do not vary';
COMMENT ON COLUMN promoai.lift_fit.terms IS 'coefficients: intercept, promo, covariates as given; NULL where not estimated. promo_lift_terms shows them as rows';
COMMENT ON COLUMN promoai.lift_fit.covariance IS 'covariance of the terms, a square; NULL when not known';
COMMENT ON COLUMN promoai.lift_fit.note IS 'what must be known beside the numbers; NULL: nothing';

CREATE TYPE promoai.elasticity_fit AS (
	n bigint, rows_skipped bigint, rows_not_positive bigint, elasticity float8, std_error float8, error_kind text,
	n_clusters bigint, df float8, t float8, p_value float8, ci_low float8, ci_high float8, r2 float8,
	terms float8[], covariance float8[], note text);

COMMENT ON TYPE promoai.elasticity_fit IS
'How quantity answers to price, by least squares of log(quantity) on log(price): an association unless prices were randomised.';
COMMENT ON COLUMN promoai.elasticity_fit.n IS 'rows used';
COMMENT ON COLUMN promoai.elasticity_fit.rows_skipped IS 'rows left out: a NULL in one of the arguments, or a quantity or price of zero or less';
COMMENT ON COLUMN promoai.elasticity_fit.rows_not_positive IS 'of these the ones with a quantity or price of zero or less, which have no logarithm';
COMMENT ON COLUMN promoai.elasticity_fit.elasticity IS 'coefficient of log(price): per cent of quantity for one per cent of price; NULL when the data do not tell';
COMMENT ON COLUMN promoai.elasticity_fit.std_error IS 'its standard error, of the kind in error_kind; NULL when not known (see note)';
COMMENT ON COLUMN promoai.elasticity_fit.error_kind IS 'what the errors assume, such as HC1, rows independent';
COMMENT ON COLUMN promoai.elasticity_fit.n_clusters IS 'clusters; NULL: not clustered';
COMMENT ON COLUMN promoai.elasticity_fit.df IS 'degrees of freedom of Student''s t behind p-values and intervals: rows less terms, or clusters less one';
COMMENT ON COLUMN promoai.elasticity_fit.t IS 'elasticity / std_error';
COMMENT ON COLUMN promoai.elasticity_fit.p_value IS 'two-sided, against no response';
COMMENT ON COLUMN promoai.elasticity_fit.ci_low IS 'lower end of the 95 % interval of elasticity';
COMMENT ON COLUMN promoai.elasticity_fit.ci_high IS 'upper end of the 95 % interval of elasticity';
COMMENT ON COLUMN promoai.elasticity_fit.r2 IS 'share of the variance of log(quantity) that the terms explain; NULL when quantity does not vary';
COMMENT ON COLUMN promoai.elasticity_fit.terms IS 'coefficients: intercept, log(price), covariates as given; NULL where not estimated. promo_lift_terms shows them as rows';
COMMENT ON COLUMN promoai.elasticity_fit.covariance IS 'covariance of the terms, a square; NULL when not known';
COMMENT ON COLUMN promoai.elasticity_fit.note IS 'what must be known beside the numbers; NULL: nothing';

-- The state: a flat value that combines, so the same aggregates run serially, in parallel plans and on the workers of a
-- cluster, and can be stored and rolled up.

CREATE TYPE promoai.lift_state;

CREATE FUNCTION promoai.lift_state_in(cstring)
RETURNS promoai.lift_state
AS 'MODULE_PATHNAME', 'promoai_lift_state_in'
LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;

COMMENT ON FUNCTION promoai.lift_state_in(cstring) IS 'input function of lift_state: every size and number is checked';

CREATE FUNCTION promoai.lift_state_out(promoai.lift_state)
RETURNS cstring
AS 'MODULE_PATHNAME', 'promoai_lift_state_out'
LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;

COMMENT ON FUNCTION promoai.lift_state_out(promoai.lift_state) IS 'output function of lift_state: the hex of its binary form';

CREATE FUNCTION promoai.lift_state_recv(internal)
RETURNS promoai.lift_state
AS 'MODULE_PATHNAME', 'promoai_lift_state_recv'
LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;

COMMENT ON FUNCTION promoai.lift_state_recv(internal) IS 'binary input function of lift_state: every size and number is checked';

CREATE FUNCTION promoai.lift_state_send(promoai.lift_state)
RETURNS bytea
AS 'MODULE_PATHNAME', 'promoai_lift_state_send'
LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;

COMMENT ON FUNCTION promoai.lift_state_send(promoai.lift_state) IS 'binary output function of lift_state';

CREATE TYPE promoai.lift_state (
	INPUT = promoai.lift_state_in,
	OUTPUT = promoai.lift_state_out,
	RECEIVE = promoai.lift_state_recv,
	SEND = promoai.lift_state_send,
	INTERNALLENGTH = VARIABLE,
	ALIGNMENT = double,
	STORAGE = extended);

COMMENT ON TYPE promoai.lift_state IS
'What has been seen of a promotion''s rows. Made by promo_lift_state, added up by promo_lift_rollup, read by promo_lift.';

-- Steps of the aggregates.  One for each list of arguments: they never ask by which types they were called.

CREATE FUNCTION promoai.lift_add_boolean(
	state promoai.lift_state, sales float8, promo boolean)
RETURNS promoai.lift_state
AS 'MODULE_PATHNAME', 'promoai_lift_add_boolean'
LANGUAGE C IMMUTABLE PARALLEL SAFE;

COMMENT ON FUNCTION promoai.lift_add_boolean(promoai.lift_state, float8, boolean) IS
'step of promo_lift_fit and promo_lift_state';

CREATE FUNCTION promoai.lift_add_boolean_cluster(
	state promoai.lift_state, sales float8, promo boolean, cluster bigint)
RETURNS promoai.lift_state
AS 'MODULE_PATHNAME', 'promoai_lift_add_boolean_cluster'
LANGUAGE C IMMUTABLE PARALLEL SAFE;

COMMENT ON FUNCTION promoai.lift_add_boolean_cluster(promoai.lift_state, float8, boolean, bigint) IS
'step of promo_lift_fit and promo_lift_state';

CREATE FUNCTION promoai.lift_add_boolean_covariates(
	state promoai.lift_state, sales float8, promo boolean, covariates float8[])
RETURNS promoai.lift_state
AS 'MODULE_PATHNAME', 'promoai_lift_add_boolean_covariates'
LANGUAGE C IMMUTABLE PARALLEL SAFE;

COMMENT ON FUNCTION promoai.lift_add_boolean_covariates(promoai.lift_state, float8, boolean, float8[]) IS
'step of promo_lift_fit and promo_lift_state';

CREATE FUNCTION promoai.lift_add_boolean_covariates_cluster(
	state promoai.lift_state, sales float8, promo boolean, covariates float8[], cluster bigint)
RETURNS promoai.lift_state
AS 'MODULE_PATHNAME', 'promoai_lift_add_boolean_covariates_cluster'
LANGUAGE C IMMUTABLE PARALLEL SAFE;

COMMENT ON FUNCTION promoai.lift_add_boolean_covariates_cluster(promoai.lift_state, float8, boolean, float8[], bigint) IS
'step of promo_lift_fit and promo_lift_state';

CREATE FUNCTION promoai.lift_add_graded(
	state promoai.lift_state, sales float8, promo float8)
RETURNS promoai.lift_state
AS 'MODULE_PATHNAME', 'promoai_lift_add_graded'
LANGUAGE C IMMUTABLE PARALLEL SAFE;

COMMENT ON FUNCTION promoai.lift_add_graded(promoai.lift_state, float8, float8) IS
'step of promo_lift_fit and promo_lift_state';

CREATE FUNCTION promoai.lift_add_graded_cluster(
	state promoai.lift_state, sales float8, promo float8, cluster bigint)
RETURNS promoai.lift_state
AS 'MODULE_PATHNAME', 'promoai_lift_add_graded_cluster'
LANGUAGE C IMMUTABLE PARALLEL SAFE;

COMMENT ON FUNCTION promoai.lift_add_graded_cluster(promoai.lift_state, float8, float8, bigint) IS
'step of promo_lift_fit and promo_lift_state';

CREATE FUNCTION promoai.lift_add_graded_covariates(
	state promoai.lift_state, sales float8, promo float8, covariates float8[])
RETURNS promoai.lift_state
AS 'MODULE_PATHNAME', 'promoai_lift_add_graded_covariates'
LANGUAGE C IMMUTABLE PARALLEL SAFE;

COMMENT ON FUNCTION promoai.lift_add_graded_covariates(promoai.lift_state, float8, float8, float8[]) IS
'step of promo_lift_fit and promo_lift_state';

CREATE FUNCTION promoai.lift_add_graded_covariates_cluster(
	state promoai.lift_state, sales float8, promo float8, covariates float8[], cluster bigint)
RETURNS promoai.lift_state
AS 'MODULE_PATHNAME', 'promoai_lift_add_graded_covariates_cluster'
LANGUAGE C IMMUTABLE PARALLEL SAFE;

COMMENT ON FUNCTION promoai.lift_add_graded_covariates_cluster(promoai.lift_state, float8, float8, float8[], bigint) IS
'step of promo_lift_fit and promo_lift_state';

CREATE FUNCTION promoai.elasticity_add(
	state promoai.lift_state, quantity float8, price float8)
RETURNS promoai.lift_state
AS 'MODULE_PATHNAME', 'promoai_elasticity_add'
LANGUAGE C IMMUTABLE PARALLEL SAFE;

COMMENT ON FUNCTION promoai.elasticity_add(promoai.lift_state, float8, float8) IS
'step of promo_elasticity_fit';

CREATE FUNCTION promoai.elasticity_add_cluster(
	state promoai.lift_state, quantity float8, price float8, cluster bigint)
RETURNS promoai.lift_state
AS 'MODULE_PATHNAME', 'promoai_elasticity_add_cluster'
LANGUAGE C IMMUTABLE PARALLEL SAFE;

COMMENT ON FUNCTION promoai.elasticity_add_cluster(promoai.lift_state, float8, float8, bigint) IS
'step of promo_elasticity_fit';

CREATE FUNCTION promoai.elasticity_add_covariates(
	state promoai.lift_state, quantity float8, price float8, covariates float8[])
RETURNS promoai.lift_state
AS 'MODULE_PATHNAME', 'promoai_elasticity_add_covariates'
LANGUAGE C IMMUTABLE PARALLEL SAFE;

COMMENT ON FUNCTION promoai.elasticity_add_covariates(promoai.lift_state, float8, float8, float8[]) IS
'step of promo_elasticity_fit';

CREATE FUNCTION promoai.elasticity_add_covariates_cluster(
	state promoai.lift_state, quantity float8, price float8, covariates float8[], cluster bigint)
RETURNS promoai.lift_state
AS 'MODULE_PATHNAME', 'promoai_elasticity_add_covariates_cluster'
LANGUAGE C IMMUTABLE PARALLEL SAFE;

COMMENT ON FUNCTION promoai.elasticity_add_covariates_cluster(promoai.lift_state, float8, float8, float8[], bigint) IS
'step of promo_elasticity_fit';

CREATE FUNCTION promoai.lift_combine(state promoai.lift_state, other promoai.lift_state)
RETURNS promoai.lift_state
AS 'MODULE_PATHNAME', 'promoai_lift_combine'
LANGUAGE C IMMUTABLE PARALLEL SAFE;

COMMENT ON FUNCTION promoai.lift_combine(promoai.lift_state, promoai.lift_state) IS
'Two states as one, the other''s sums brought to the first one''s pivot; step of promo_lift_rollup.';

CREATE FUNCTION promoai.lift_compact(state promoai.lift_state)
RETURNS promoai.lift_state
AS 'MODULE_PATHNAME', 'promoai_lift_compact'
LANGUAGE C IMMUTABLE PARALLEL SAFE;

COMMENT ON FUNCTION promoai.lift_compact(promoai.lift_state) IS
'The state without room to grow, last step of promo_lift_state and promo_lift_rollup.';

CREATE FUNCTION promoai.promo_lift(state promoai.lift_state)
RETURNS promoai.lift_fit
AS 'MODULE_PATHNAME', 'promoai_lift_final'
LANGUAGE C IMMUTABLE PARALLEL SAFE COST 1000;

COMMENT ON FUNCTION promoai.promo_lift(promoai.lift_state) IS
'What the promotion brought, from a state that promo_lift_state or promo_lift_rollup made.';

CREATE FUNCTION promoai.elasticity_final(state promoai.lift_state)
RETURNS promoai.elasticity_fit
AS 'MODULE_PATHNAME', 'promoai_elasticity_final'
LANGUAGE C IMMUTABLE PARALLEL SAFE COST 1000;

COMMENT ON FUNCTION promoai.elasticity_final(promoai.lift_state) IS 'last step of promo_elasticity_fit';

CREATE AGGREGATE promoai.promo_lift_fit(sales float8, promo boolean) (
	SFUNC = promoai.lift_add_boolean,
	STYPE = promoai.lift_state,
	SSPACE = 1024,
	FINALFUNC = promoai.promo_lift,
	COMBINEFUNC = promoai.lift_combine,
	PARALLEL = SAFE);

COMMENT ON AGGREGATE promoai.promo_lift_fit(float8, boolean) IS
'What a promotion brought: sales on promo by least squares, errors HC1, rows independent. An association unless the promotion was randomised.';

CREATE AGGREGATE promoai.promo_lift_fit(sales float8, promo boolean, cluster bigint) (
	SFUNC = promoai.lift_add_boolean_cluster,
	STYPE = promoai.lift_state,
	SSPACE = 1024,
	FINALFUNC = promoai.promo_lift,
	COMBINEFUNC = promoai.lift_combine,
	PARALLEL = SAFE);

COMMENT ON AGGREGATE promoai.promo_lift_fit(float8, boolean, bigint) IS
'What a promotion brought: sales on promo by least squares, errors robust within clusters (CR1). An association unless the promotion was randomised.';

CREATE AGGREGATE promoai.promo_lift_fit(sales float8, promo boolean, covariates float8[]) (
	SFUNC = promoai.lift_add_boolean_covariates,
	STYPE = promoai.lift_state,
	SSPACE = 1024,
	FINALFUNC = promoai.promo_lift,
	COMBINEFUNC = promoai.lift_combine,
	PARALLEL = SAFE);

COMMENT ON AGGREGATE promoai.promo_lift_fit(float8, boolean, float8[]) IS
'What a promotion brought: sales on promo and covariates by least squares, errors HC1, rows independent. An association unless the promotion was randomised.';

CREATE AGGREGATE promoai.promo_lift_fit(sales float8, promo boolean, covariates float8[], cluster bigint) (
	SFUNC = promoai.lift_add_boolean_covariates_cluster,
	STYPE = promoai.lift_state,
	SSPACE = 1024,
	FINALFUNC = promoai.promo_lift,
	COMBINEFUNC = promoai.lift_combine,
	PARALLEL = SAFE);

COMMENT ON AGGREGATE promoai.promo_lift_fit(float8, boolean, float8[], bigint) IS
'What a promotion brought: sales on promo and covariates by least squares, errors robust within clusters (CR1). An association unless the promotion was randomised.';

CREATE AGGREGATE promoai.promo_lift_fit(sales float8, promo float8) (
	SFUNC = promoai.lift_add_graded,
	STYPE = promoai.lift_state,
	SSPACE = 1024,
	FINALFUNC = promoai.promo_lift,
	COMBINEFUNC = promoai.lift_combine,
	PARALLEL = SAFE);

COMMENT ON AGGREGATE promoai.promo_lift_fit(float8, float8) IS
'What a promotion brought: sales on promo by least squares, errors HC1, rows independent. An association unless the promotion was randomised.';

CREATE AGGREGATE promoai.promo_lift_fit(sales float8, promo float8, cluster bigint) (
	SFUNC = promoai.lift_add_graded_cluster,
	STYPE = promoai.lift_state,
	SSPACE = 1024,
	FINALFUNC = promoai.promo_lift,
	COMBINEFUNC = promoai.lift_combine,
	PARALLEL = SAFE);

COMMENT ON AGGREGATE promoai.promo_lift_fit(float8, float8, bigint) IS
'What a promotion brought: sales on promo by least squares, errors robust within clusters (CR1). An association unless the promotion was randomised.';

CREATE AGGREGATE promoai.promo_lift_fit(sales float8, promo float8, covariates float8[]) (
	SFUNC = promoai.lift_add_graded_covariates,
	STYPE = promoai.lift_state,
	SSPACE = 1024,
	FINALFUNC = promoai.promo_lift,
	COMBINEFUNC = promoai.lift_combine,
	PARALLEL = SAFE);

COMMENT ON AGGREGATE promoai.promo_lift_fit(float8, float8, float8[]) IS
'What a promotion brought: sales on promo and covariates by least squares, errors HC1, rows independent. An association unless the promotion was randomised.';

CREATE AGGREGATE promoai.promo_lift_fit(sales float8, promo float8, covariates float8[], cluster bigint) (
	SFUNC = promoai.lift_add_graded_covariates_cluster,
	STYPE = promoai.lift_state,
	SSPACE = 1024,
	FINALFUNC = promoai.promo_lift,
	COMBINEFUNC = promoai.lift_combine,
	PARALLEL = SAFE);

COMMENT ON AGGREGATE promoai.promo_lift_fit(float8, float8, float8[], bigint) IS
'What a promotion brought: sales on promo and covariates by least squares, errors robust within clusters (CR1). An association unless the promotion was randomised.';

CREATE AGGREGATE promoai.promo_lift_state(sales float8, promo boolean) (
	SFUNC = promoai.lift_add_boolean,
	STYPE = promoai.lift_state,
	SSPACE = 1024,
	FINALFUNC = promoai.lift_compact,
	COMBINEFUNC = promoai.lift_combine,
	PARALLEL = SAFE);

COMMENT ON AGGREGATE promoai.promo_lift_state(float8, boolean) IS
'What promo_lift_fit of the same arguments would see, as a value to keep: promo_lift_rollup adds states up, promo_lift reads them.';

CREATE AGGREGATE promoai.promo_lift_state(sales float8, promo boolean, cluster bigint) (
	SFUNC = promoai.lift_add_boolean_cluster,
	STYPE = promoai.lift_state,
	SSPACE = 1024,
	FINALFUNC = promoai.lift_compact,
	COMBINEFUNC = promoai.lift_combine,
	PARALLEL = SAFE);

COMMENT ON AGGREGATE promoai.promo_lift_state(float8, boolean, bigint) IS
'What promo_lift_fit of the same arguments would see, as a value to keep: promo_lift_rollup adds states up, promo_lift reads them.';

CREATE AGGREGATE promoai.promo_lift_state(sales float8, promo boolean, covariates float8[]) (
	SFUNC = promoai.lift_add_boolean_covariates,
	STYPE = promoai.lift_state,
	SSPACE = 1024,
	FINALFUNC = promoai.lift_compact,
	COMBINEFUNC = promoai.lift_combine,
	PARALLEL = SAFE);

COMMENT ON AGGREGATE promoai.promo_lift_state(float8, boolean, float8[]) IS
'What promo_lift_fit of the same arguments would see, as a value to keep: promo_lift_rollup adds states up, promo_lift reads them.';

CREATE AGGREGATE promoai.promo_lift_state(sales float8, promo boolean, covariates float8[], cluster bigint) (
	SFUNC = promoai.lift_add_boolean_covariates_cluster,
	STYPE = promoai.lift_state,
	SSPACE = 1024,
	FINALFUNC = promoai.lift_compact,
	COMBINEFUNC = promoai.lift_combine,
	PARALLEL = SAFE);

COMMENT ON AGGREGATE promoai.promo_lift_state(float8, boolean, float8[], bigint) IS
'What promo_lift_fit of the same arguments would see, as a value to keep: promo_lift_rollup adds states up, promo_lift reads them.';

CREATE AGGREGATE promoai.promo_lift_state(sales float8, promo float8) (
	SFUNC = promoai.lift_add_graded,
	STYPE = promoai.lift_state,
	SSPACE = 1024,
	FINALFUNC = promoai.lift_compact,
	COMBINEFUNC = promoai.lift_combine,
	PARALLEL = SAFE);

COMMENT ON AGGREGATE promoai.promo_lift_state(float8, float8) IS
'What promo_lift_fit of the same arguments would see, as a value to keep: promo_lift_rollup adds states up, promo_lift reads them.';

CREATE AGGREGATE promoai.promo_lift_state(sales float8, promo float8, cluster bigint) (
	SFUNC = promoai.lift_add_graded_cluster,
	STYPE = promoai.lift_state,
	SSPACE = 1024,
	FINALFUNC = promoai.lift_compact,
	COMBINEFUNC = promoai.lift_combine,
	PARALLEL = SAFE);

COMMENT ON AGGREGATE promoai.promo_lift_state(float8, float8, bigint) IS
'What promo_lift_fit of the same arguments would see, as a value to keep: promo_lift_rollup adds states up, promo_lift reads them.';

CREATE AGGREGATE promoai.promo_lift_state(sales float8, promo float8, covariates float8[]) (
	SFUNC = promoai.lift_add_graded_covariates,
	STYPE = promoai.lift_state,
	SSPACE = 1024,
	FINALFUNC = promoai.lift_compact,
	COMBINEFUNC = promoai.lift_combine,
	PARALLEL = SAFE);

COMMENT ON AGGREGATE promoai.promo_lift_state(float8, float8, float8[]) IS
'What promo_lift_fit of the same arguments would see, as a value to keep: promo_lift_rollup adds states up, promo_lift reads them.';

CREATE AGGREGATE promoai.promo_lift_state(sales float8, promo float8, covariates float8[], cluster bigint) (
	SFUNC = promoai.lift_add_graded_covariates_cluster,
	STYPE = promoai.lift_state,
	SSPACE = 1024,
	FINALFUNC = promoai.lift_compact,
	COMBINEFUNC = promoai.lift_combine,
	PARALLEL = SAFE);

COMMENT ON AGGREGATE promoai.promo_lift_state(float8, float8, float8[], bigint) IS
'What promo_lift_fit of the same arguments would see, as a value to keep: promo_lift_rollup adds states up, promo_lift reads them.';

CREATE AGGREGATE promoai.promo_lift_rollup(state promoai.lift_state) (
	SFUNC = promoai.lift_combine,
	STYPE = promoai.lift_state,
	SSPACE = 1024,
	FINALFUNC = promoai.lift_compact,
	COMBINEFUNC = promoai.lift_combine,
	PARALLEL = SAFE);

COMMENT ON AGGREGATE promoai.promo_lift_rollup(promoai.lift_state) IS
'States of promo_lift_state added up, as if their rows had been seen together.';

CREATE AGGREGATE promoai.promo_elasticity_fit(quantity float8, price float8) (
	SFUNC = promoai.elasticity_add,
	STYPE = promoai.lift_state,
	SSPACE = 1024,
	FINALFUNC = promoai.elasticity_final,
	COMBINEFUNC = promoai.lift_combine,
	PARALLEL = SAFE);

COMMENT ON AGGREGATE promoai.promo_elasticity_fit(float8, float8) IS
'How quantity answers to price: log(quantity) on log(price) by least squares, errors HC1, rows independent. Rows with a quantity or price of zero or less are left out and counted.';

CREATE AGGREGATE promoai.promo_elasticity_fit(quantity float8, price float8, cluster bigint) (
	SFUNC = promoai.elasticity_add_cluster,
	STYPE = promoai.lift_state,
	SSPACE = 1024,
	FINALFUNC = promoai.elasticity_final,
	COMBINEFUNC = promoai.lift_combine,
	PARALLEL = SAFE);

COMMENT ON AGGREGATE promoai.promo_elasticity_fit(float8, float8, bigint) IS
'How quantity answers to price: log(quantity) on log(price) by least squares, errors robust within clusters (CR1). Rows with a quantity or price of zero or less are left out and counted.';

CREATE AGGREGATE promoai.promo_elasticity_fit(quantity float8, price float8, covariates float8[]) (
	SFUNC = promoai.elasticity_add_covariates,
	STYPE = promoai.lift_state,
	SSPACE = 1024,
	FINALFUNC = promoai.elasticity_final,
	COMBINEFUNC = promoai.lift_combine,
	PARALLEL = SAFE);

COMMENT ON AGGREGATE promoai.promo_elasticity_fit(float8, float8, float8[]) IS
'How quantity answers to price: log(quantity) on log(price) and covariates by least squares, errors HC1, rows independent. Rows with a quantity or price of zero or less are left out and counted.';

CREATE AGGREGATE promoai.promo_elasticity_fit(quantity float8, price float8, covariates float8[], cluster bigint) (
	SFUNC = promoai.elasticity_add_covariates_cluster,
	STYPE = promoai.lift_state,
	SSPACE = 1024,
	FINALFUNC = promoai.elasticity_final,
	COMBINEFUNC = promoai.lift_combine,
	PARALLEL = SAFE);

COMMENT ON AGGREGATE promoai.promo_elasticity_fit(float8, float8, float8[], bigint) IS
'How quantity answers to price: log(quantity) on log(price) and covariates by least squares, errors robust within clusters (CR1). Rows with a quantity or price of zero or less are left out and counted.';

CREATE FUNCTION promoai.promo_lift_terms(
	fit promoai.lift_fit, names text[] DEFAULT NULL,
	OUT term_no int, OUT term text, OUT coefficient float8, OUT std_error float8, OUT t float8, OUT p_value float8,
	OUT ci_low float8, OUT ci_high float8)
RETURNS SETOF record
AS 'MODULE_PATHNAME', 'promoai_lift_terms'
LANGUAGE C IMMUTABLE PARALLEL SAFE COST 100 ROWS 5;

COMMENT ON FUNCTION promoai.promo_lift_terms(promoai.lift_fit, text[]) IS
'A fit''s coefficients as rows, with errors, p-values and 95 % intervals; names are the covariates'', in their order.';

CREATE FUNCTION promoai.promo_lift_terms(
	fit promoai.elasticity_fit, names text[] DEFAULT NULL,
	OUT term_no int, OUT term text, OUT coefficient float8, OUT std_error float8, OUT t float8, OUT p_value float8,
	OUT ci_low float8, OUT ci_high float8)
RETURNS SETOF record
AS 'MODULE_PATHNAME', 'promoai_elasticity_terms'
LANGUAGE C IMMUTABLE PARALLEL SAFE COST 100 ROWS 5;

COMMENT ON FUNCTION promoai.promo_lift_terms(promoai.elasticity_fit, text[]) IS
'A fit''s coefficients as rows, with errors, p-values and 95 % intervals; names are the covariates'', in their order.';
-- Promotions measured from a source: fits in memory, the daily panel they need, price response, thresholds, and a look at
-- the data beforehand.

CREATE TYPE promoai.lift_source_fit AS (
	n bigint, rows_skipped bigint, extra_sales_per_row float8, std_error float8, error_kind text, n_clusters bigint,
	df float8, t float8, p_value float8, ci_low float8, ci_high float8,
	expected_without_promo float8, lift_percent float8, lift_low float8, lift_high float8, r2 float8,
	terms float8[], covariance float8[], note text,
	names text[], dropped text[], effects_rank bigint, singletons bigint, within_r2 float8, sweeps int);

COMMENT ON TYPE promoai.lift_source_fit IS
'What a promotion brought, fitted over a source: the columns of promoai.lift_fit, then names of the terms, columns dropped and what became of the fixed effects. An association unless the promotion was randomised.';
COMMENT ON COLUMN promoai.lift_source_fit.n IS 'rows used';
COMMENT ON COLUMN promoai.lift_source_fit.rows_skipped IS 'rows left out because of a NULL';
COMMENT ON COLUMN promoai.lift_source_fit.extra_sales_per_row IS 'coefficient of promo: sales of a row with promo = 1 less those of a row with promo = 0, all else equal';
COMMENT ON COLUMN promoai.lift_source_fit.std_error IS 'its standard error, of the kind in error_kind';
COMMENT ON COLUMN promoai.lift_source_fit.error_kind IS 'what the errors assume';
COMMENT ON COLUMN promoai.lift_source_fit.n_clusters IS 'clusters, of two ways the fewer; NULL: not clustered';
COMMENT ON COLUMN promoai.lift_source_fit.df IS 'degrees of freedom of Student''s t behind p-values and intervals: rows less coefficients, or clusters less one';
COMMENT ON COLUMN promoai.lift_source_fit.t IS 'extra_sales_per_row / std_error';
COMMENT ON COLUMN promoai.lift_source_fit.p_value IS 'two-sided, against no effect';
COMMENT ON COLUMN promoai.lift_source_fit.ci_low IS 'lower end of the 95 % interval of extra_sales_per_row';
COMMENT ON COLUMN promoai.lift_source_fit.ci_high IS 'upper end of the 95 % interval of extra_sales_per_row';
COMMENT ON COLUMN promoai.lift_source_fit.expected_without_promo IS 'the promoted rows'' mean prediction with promo = 0, effects included';
COMMENT ON COLUMN promoai.lift_source_fit.lift_percent IS '100 extra_sales_per_row / expected_without_promo; NULL unless the latter is above 0';
COMMENT ON COLUMN promoai.lift_source_fit.lift_low IS 'lower end of the 95 % interval of lift_percent, by the delta method; the error of absorbed effects is in it';
COMMENT ON COLUMN promoai.lift_source_fit.lift_high IS 'upper end of the 95 % interval of lift_percent';
COMMENT ON COLUMN promoai.lift_source_fit.r2 IS 'share of the variance of sales that terms and effects explain; NULL when sales do not vary';
COMMENT ON COLUMN promoai.lift_source_fit.terms IS 'coefficients in the order of names; NULL where not estimated (an absorbed intercept, a dropped column)';
COMMENT ON COLUMN promoai.lift_source_fit.covariance IS 'covariance of the terms, a square';
COMMENT ON COLUMN promoai.lift_source_fit.note IS 'what must be known beside the numbers; NULL: nothing';
COMMENT ON COLUMN promoai.lift_source_fit.names IS 'names of the terms: intercept, then the source''s column names';
COMMENT ON COLUMN promoai.lift_source_fit.dropped IS 'covariates dropped: constant, explained by the effects, or a linear combination of covariates before them';
COMMENT ON COLUMN promoai.lift_source_fit.effects_rank IS 'coefficients that the absorbed effects stand for; 0: none';
COMMENT ON COLUMN promoai.lift_source_fit.singletons IS 'rows left out because they stood alone in a level of an effect';
COMMENT ON COLUMN promoai.lift_source_fit.within_r2 IS 'share of the variance that effects leave which the terms explain; NULL without effects';
COMMENT ON COLUMN promoai.lift_source_fit.sweeps IS 'sweeps that absorbing the effects took at most; 0: no effects';

CREATE FUNCTION promoai.promo_lift_fit_source(source text, cluster text DEFAULT NULL, memory text DEFAULT NULL)
RETURNS promoai.lift_source_fit
AS 'MODULE_PATHNAME', 'promoai_promo_lift_fit_source'
LANGUAGE C VOLATILE PARALLEL UNSAFE COST 1000000;

COMMENT ON FUNCTION promoai.promo_lift_fit_source(text, text, text) IS
'What a promotion brought: least squares over a source of (sales, promo [, covariates ...]), any number of covariates, collinear ones dropped and named. Errors HC1, or clustered by one or two columns of the source that cluster names (they are no covariates then). An association unless the promotion was randomised.';

CREATE FUNCTION promoai.promo_panel_fit(
	source text,
	effects text DEFAULT NULL,
	cluster text DEFAULT NULL,
	errors text DEFAULT 'cluster',
	tolerance float8 DEFAULT 1e-10,
	iterations int DEFAULT 10000,
	memory text DEFAULT NULL)
RETURNS promoai.lift_source_fit
AS 'MODULE_PATHNAME', 'promoai_promo_panel_fit'
LANGUAGE C VOLATILE PARALLEL UNSAFE COST 1000000;

COMMENT ON FUNCTION promoai.promo_panel_fit(text, text, text, text, float8, int, text) IS
'What a promotion brought, over a panel of (unit, time, sales, promo [, covariates ...]): fixed effects of unit and time (or of the columns that effects names) are absorbed, errors clustered by the first effect, by one or two columns that cluster names, or errors => ''hc1''. An association unless the promotion was randomised.';

CREATE FUNCTION promoai.promo_lift_terms(
	fit promoai.lift_source_fit,
	OUT term_no int, OUT term text, OUT coefficient float8, OUT std_error float8, OUT t float8, OUT p_value float8,
	OUT ci_low float8, OUT ci_high float8)
RETURNS SETOF record
LANGUAGE sql IMMUTABLE PARALLEL SAFE
BEGIN ATOMIC
	SELECT terms.term_no, terms.term, terms.coefficient, terms.std_error, terms.t, terms.p_value, terms.ci_low, terms.ci_high
	FROM promoai.promo_lift_terms(
		ROW((fit).n, (fit).rows_skipped, (fit).extra_sales_per_row, (fit).std_error, (fit).error_kind, (fit).n_clusters,
			(fit).df, (fit).t, (fit).p_value, (fit).ci_low, (fit).ci_high, (fit).expected_without_promo,
			(fit).lift_percent, (fit).lift_low, (fit).lift_high, (fit).r2, (fit).terms, (fit).covariance,
			(fit).note)::promoai.lift_fit,
		(fit).names[3:]) AS terms;
END;

COMMENT ON FUNCTION promoai.promo_lift_terms(promoai.lift_source_fit) IS
'A fit''s coefficients as rows named after the source''s columns, with errors, p-values and 95 % intervals.';

CREATE FUNCTION promoai.promo_daily(
	source text,
	first_day date DEFAULT NULL,
	last_day date DEFAULT NULL,
	listed text DEFAULT NULL,
	time_zone text DEFAULT NULL,
	memory text DEFAULT NULL,
	OUT item text, OUT item_no bigint, OUT day date, OUT quantity float8, OUT revenue float8, OUT lines bigint,
	OUT is_listed boolean)
RETURNS SETOF record
AS 'MODULE_PATHNAME', 'promoai_promo_daily'
LANGUAGE C VOLATILE PARALLEL UNSAFE COST 1000000 ROWS 100000;

COMMENT ON FUNCTION promoai.promo_daily(text, date, date, text, text, text) IS
'Order lines (item, day, quantity [, revenue]) as one row for every listed item and day, zeros included: what a promotion''s effect must be fitted on. listed is a source of (item [, first_day [, last_day]]), both days included; without it every item is taken as listed on all days. Times become days in time_zone (default: the session''s).';

CREATE FUNCTION promoai.promo_elasticity_pooled(
	source text,
	memory text DEFAULT NULL,
	OUT item text, OUT item_no bigint, OUT category text, OUT rows_used bigint, OUT rows_unused bigint,
	OUT elasticity float8, OUT std_error float8, OUT ci_low float8, OUT ci_high float8,
	OUT own_elasticity float8, OUT own_std_error float8, OUT own_weight float8,
	OUT pooled_mean float8, OUT pooled_spread float8, OUT pooled_towards text)
RETURNS SETOF record
AS 'MODULE_PATHNAME', 'promoai_promo_elasticity_pooled'
LANGUAGE C VOLATILE PARALLEL UNSAFE COST 1000000 ROWS 1000;

COMMENT ON FUNCTION promoai.promo_elasticity_pooled(text, text) IS
'Price elasticity of each product from (item, category, quantity, price [, covariates ...]): the log-log slope, pooled towards the mean of its category by empirical Bayes (Morris 1983; spread by REML, variances moderated as by Smyth 2004), with 95 % intervals. Rows with a quantity or price of zero or below have no logarithm: counted in rows_unused. An association unless prices were randomised.';

CREATE FUNCTION promoai.promo_threshold(
	source text,
	threshold float8,
	discount float8 DEFAULT NULL,
	bin float8 DEFAULT NULL,
	lowest float8 DEFAULT NULL,
	highest float8 DEFAULT NULL,
	below float8 DEFAULT NULL,
	above float8 DEFAULT NULL,
	degree int DEFAULT 7,
	replicates int DEFAULT 1000,
	seed bigint DEFAULT 42,
	memory text DEFAULT NULL,
	OUT measure text, OUT value float8, OUT ci_low float8, OUT ci_high float8, OUT meaning text)
RETURNS SETOF record
AS 'MODULE_PATHNAME', 'promoai_promo_threshold'
LANGUAGE C VOLATILE PARALLEL UNSAFE COST 1000000 ROWS 11;

COMMENT ON FUNCTION promoai.promo_threshold(
	text, float8, float8, float8, float8, float8, float8, float8, int, int, bigint, text) IS
'What a discount from a sum on did to orders (order, amount [, refunded]): orders moved up, missing below, undone by refunds, above anyway, and the discount that went to each, with 95 % bootstrap intervals. Bunching above the threshold against a polynomial fitted outside the window from threshold - below to threshold + above (Chetty et al. 2011; Kleven 2016). amount is what the threshold is held against, before the discount is taken off; rows of one order are summed.';

CREATE FUNCTION promoai.promo_threshold_bins(
	source text,
	threshold float8,
	discount float8 DEFAULT NULL,
	bin float8 DEFAULT NULL,
	lowest float8 DEFAULT NULL,
	highest float8 DEFAULT NULL,
	below float8 DEFAULT NULL,
	above float8 DEFAULT NULL,
	degree int DEFAULT 7,
	replicates int DEFAULT 100,
	seed bigint DEFAULT 42,
	memory text DEFAULT NULL,
	OUT amount_from float8, OUT amount_to float8, OUT orders bigint, OUT expected float8)
RETURNS SETOF record
AS 'MODULE_PATHNAME', 'promoai_promo_threshold_bins'
LANGUAGE C VOLATILE PARALLEL UNSAFE COST 1000000 ROWS 70;

COMMENT ON FUNCTION promoai.promo_threshold_bins(
	text, float8, float8, float8, float8, float8, float8, float8, int, int, bigint, text) IS
'The picture behind promo_threshold: orders by bin of their amount, and inside the window about the threshold the orders expected without it (NULL outside).';

CREATE FUNCTION promoai.source_check(
	source text,
	language text DEFAULT NULL,
	account text DEFAULT NULL,
	item text DEFAULT NULL,
	amounts text DEFAULT NULL,
	examples int DEFAULT 3,
	memory text DEFAULT NULL,
	OUT finding text, OUT column_name text, OUT row_count bigint, OUT share float8, OUT message text,
	OUT example_rows text[])
RETURNS SETOF record
AS 'MODULE_PATHNAME', 'promoai_source_check'
LANGUAGE C VOLATILE PARALLEL UNSAFE COST 1000000 ROWS 10;

COMMENT ON FUNCTION promoai.source_check(text, text, text, text, text, int, text) IS
'What in a source''s rows looks wrong, in words (language en or zh; NULL: the setting promoai.language), with counts and examples: duplicates, NULLs, NaN, values below zero, missing days, outliers, amounts that look like cents, accounts that look like fake orders. account, item and amounts name columns where their names do not tell. Rules of thumb: a finding is a question, not a verdict.';
-- Customers by what they ordered: RFM segments, portraits, and what they will order and pay.

CREATE FUNCTION promoai.rfm(
	source text,
	as_of timestamptz DEFAULT NULL,
	ties text DEFAULT 'high',
	time_zone text DEFAULT NULL,
	memory text DEFAULT NULL,
	OUT customer text, OUT customer_no bigint, OUT days_since_last_order int, OUT orders bigint, OUT total_paid float8,
	OUT r int, OUT f int, OUT m int, OUT segment_code text, OUT segment text, OUT segment_zh text,
	OUT as_of_time timestamptz)
RETURNS SETOF record
AS 'MODULE_PATHNAME', 'promoai_rfm'
LANGUAGE C VOLATILE PARALLEL UNSAFE COST 1000000 ROWS 10000;

COMMENT ON FUNCTION promoai.rfm(text, timestamptz, text, text, text) IS
'Recency, frequency and monetary value of every customer of (customer, ordered_at, amount), scored 1 to 5 by their cumulative distribution (equal values score equally, a negative total scores 1), and the segment of the grid r x (f + m) / 2, by code, in English and in Chinese. Rows of one customer and time are one order; rows after as_of are left out (default: the day after the newest order).';

CREATE TYPE promoai.clv_report AS (
	model text, version int, kind text,
	rows_read bigint, rows_skipped bigint, rows_later bigint, days_dropped bigint,
	customers bigint, repeat_customers bigint, orders bigint, as_of timestamptz,
	r float8, alpha float8, a float8, b float8, p float8, q float8, gamma float8, diverging text[],
	metrics jsonb, seconds float8);

COMMENT ON TYPE promoai.clv_report IS
'What clv_train did: the version it published, what became of the rows, what is left of them, the parameters of both models, metrics on the holdout, seconds.';

COMMENT ON COLUMN promoai.clv_report.model IS 'name of the model';
COMMENT ON COLUMN promoai.clv_report.version IS 'number of the version that was published';
COMMENT ON COLUMN promoai.clv_report.kind IS 'what kind of model it is: clv';
COMMENT ON COLUMN promoai.clv_report.rows_read IS 'rows that the source gave';
COMMENT ON COLUMN promoai.clv_report.rows_skipped IS 'of these, left out for a NULL';
COMMENT ON COLUMN promoai.clv_report.rows_later IS 'of these, left out because they are later than as_of';
COMMENT ON COLUMN promoai.clv_report.days_dropped IS 'days on which a customer''s amounts sum to zero or less: no order';
COMMENT ON COLUMN promoai.clv_report.customers IS 'customers in the model';
COMMENT ON COLUMN promoai.clv_report.repeat_customers IS 'of these, with orders on two days or more';
COMMENT ON COLUMN promoai.clv_report.orders IS 'orders in the model, those of one customer and day counted once';
COMMENT ON COLUMN promoai.clv_report.as_of IS 'up to when the model has seen orders; forecasts count from here';
COMMENT ON COLUMN promoai.clv_report.r IS 'BG/NBD: shape of the customers'' rates of ordering';
COMMENT ON COLUMN promoai.clv_report.alpha IS 'BG/NBD: their scale, in the unit of time; r / alpha is the mean rate';
COMMENT ON COLUMN promoai.clv_report.a IS 'BG/NBD: chances of leaving after an order are Beta(a, b)';
COMMENT ON COLUMN promoai.clv_report.b IS 'BG/NBD: see a; a / (a + b) is the mean chance';
COMMENT ON COLUMN promoai.clv_report.p IS 'Gamma-Gamma: shape of a customer''s order values; NULL without amounts';
COMMENT ON COLUMN promoai.clv_report.q IS 'Gamma-Gamma: shape over customers';
COMMENT ON COLUMN promoai.clv_report.gamma IS 'Gamma-Gamma: scale over customers, in units of money';
COMMENT ON COLUMN promoai.clv_report.diverging IS 'parameters that the orders do not hold: they left for nought or infinity and were stopped';
COMMENT ON COLUMN promoai.clv_report.metrics IS 'metric to value; promoai.model_metrics has intervals and more';
COMMENT ON COLUMN promoai.clv_report.seconds IS 'how long the whole call took';

CREATE FUNCTION promoai.clv_train(
	model text,
	source text,
	unit text DEFAULT 'week',
	as_of timestamptz DEFAULT NULL,
	holdout float8 DEFAULT NULL,
	holdout_after timestamptz DEFAULT NULL,
	penalizer float8 DEFAULT 0,
	time_zone text DEFAULT NULL,
	memory text DEFAULT NULL)
RETURNS promoai.clv_report
AS 'MODULE_PATHNAME', 'promoai_clv_train'
LANGUAGE C VOLATILE PARALLEL UNSAFE COST 10000000;

COMMENT ON FUNCTION promoai.clv_train(text, text, text, timestamptz, float8, timestamptz, float8, text, text) IS
'Trains a model of what customers will order and pay from (customer, ordered_at[, amount]) and publishes it under a name: BG/NBD (Fader, Hardie & Lee 2005) for orders, Gamma-Gamma (Fader & Hardie 2013) for their value, both by maximum likelihood. It derives recency, frequency and age itself: orders of one day are one. Metrics come from the last part of the time; the published model is trained on all rows.';

CREATE FUNCTION promoai.clv_predict(
	model text,
	horizon interval DEFAULT NULL,
	units float8 DEFAULT NULL,
	version int DEFAULT NULL,
	OUT customer text, OUT customer_no bigint, OUT expected_orders float8, OUT p_order float8, OUT p_alive float8,
	OUT churn float8, OUT expected_order_value float8, OUT expected_value float8, OUT x int, OUT t_x float8,
	OUT age float8)
RETURNS SETOF record
AS 'MODULE_PATHNAME', 'promoai_clv_predict'
LANGUAGE C STABLE PARALLEL SAFE COST 1000000 ROWS 10000;

COMMENT ON FUNCTION promoai.clv_predict(text, interval, float8, int) IS
'What each customer will order and pay within the horizon (or that many units of the model''s time), counted from the model''s as_of: expected orders, probability of at least one, its complement churn, probability of not having left, expected value of an order and of all.';

CREATE FUNCTION promoai.clv_expected_orders(
	r float8, alpha float8, a float8, b float8, x float8, t_x float8, age float8, horizon float8)
RETURNS float8
AS 'MODULE_PATHNAME', 'promoai_clv_expected_orders'
LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE COST 1000;

COMMENT ON FUNCTION promoai.clv_expected_orders(float8, float8, float8, float8, float8, float8, float8, float8) IS
'BG/NBD by given parameters: orders expected within the horizon of a customer with x orders after the first, the last of them at t_x, seen for age; all times in one unit.';

CREATE FUNCTION promoai.clv_p_order(
	r float8, alpha float8, a float8, b float8, x float8, t_x float8, age float8, horizon float8)
RETURNS float8
AS 'MODULE_PATHNAME', 'promoai_clv_p_order'
LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE COST 100;

COMMENT ON FUNCTION promoai.clv_p_order(float8, float8, float8, float8, float8, float8, float8, float8) IS
'BG/NBD by given parameters: probability of at least one order within the horizon; arguments as those of clv_expected_orders.';

CREATE FUNCTION promoai.clv_p_alive(r float8, alpha float8, a float8, b float8, x float8, t_x float8, age float8)
RETURNS float8
AS 'MODULE_PATHNAME', 'promoai_clv_p_alive'
LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE COST 100;

COMMENT ON FUNCTION promoai.clv_p_alive(float8, float8, float8, float8, float8, float8, float8) IS
'BG/NBD by given parameters: probability that a customer has not left for good; 1 for everybody without a second order.';

CREATE FUNCTION promoai.customer_features(
	source text,
	as_of timestamptz DEFAULT NULL,
	events text DEFAULT NULL,
	coupons text DEFAULT NULL,
	reviews text DEFAULT NULL,
	time_zone text DEFAULT NULL,
	memory text DEFAULT NULL,
	OUT customer text, OUT customer_no bigint, OUT as_of_time timestamptz,
	OUT days_since_last_order int, OUT orders bigint, OUT total_paid float8, OUT mean_order_value float8,
	OUT tenure_days int, OUT mean_gap_days float8, OUT gap_spread_days float8,
	OUT lines bigint, OUT lines_per_order float8, OUT quantity_per_order float8,
	OUT discount_share float8, OUT discounted_share float8, OUT promoted_share float8,
	OUT promotion_shares jsonb, OUT promotion_response jsonb,
	OUT mean_price float8, OUT price_band int,
	OUT categories int, OUT category_entropy float8, OUT top_category text, OUT top_category_share float8,
	OUT category_shares jsonb,
	OUT top_hour int, OUT hour_shares float8[], OUT weekday_shares float8[], OUT weekend_share float8,
	OUT events_seen bigint, OUT events_per_week float8, OUT days_since_last_event int, OUT event_shares jsonb,
	OUT coupons_received bigint, OUT coupon_use_rate float8, OUT coupon_use_days float8,
	OUT reviews_written bigint, OUT reviews_per_order float8, OUT mean_rating float8)
RETURNS SETOF record
AS 'MODULE_PATHNAME', 'promoai_customer_features'
LANGUAGE C VOLATILE PARALLEL UNSAFE COST 1000000 ROWS 10000;

COMMENT ON FUNCTION promoai.customer_features(text, timestamptz, text, text, text, text, text) IS
'A portrait of every customer from (customer, ordered_at, amount) and, by name, order_id, discount, promotion_type, category, price, quantity; and from sources of events (customer, happened_at[, event]), coupons (customer, received_at[, used_at]) and reviews (customer, reviewed_at[, rating]). Nothing later than as_of is looked at (default: the day after the newest order).';
-- Rights.  Default privileges of whoever installs this must not open the tables, nor let anybody write through a view:
-- all that they gave is taken back.  Views show each role its own, so everybody may read them.
DO $do$
DECLARE
    granted record;
BEGIN
    FOR granted IN
        SELECT c.relname, a.grantee, pg_catalog.pg_get_userbyid(a.grantee) AS role
        FROM pg_catalog.pg_class c CROSS JOIN LATERAL pg_catalog.aclexplode(c.relacl) a
        WHERE c.relnamespace OPERATOR(pg_catalog.=) 'promoai'::pg_catalog.regnamespace::pg_catalog.oid
          AND a.grantee OPERATOR(pg_catalog.<>) c.relowner
    LOOP
        EXECUTE pg_catalog.format('REVOKE ALL ON promoai.%I FROM %s', granted.relname,
            CASE WHEN granted.grantee OPERATOR(pg_catalog.=) 0::pg_catalog.oid THEN 'PUBLIC'
                 ELSE pg_catalog.quote_ident(granted.role) END);
    END LOOP;
END
$do$;

DO $do$
DECLARE
    view_name pg_catalog.name;
BEGIN
    FOR view_name IN
        SELECT c.relname FROM pg_catalog.pg_class c
        WHERE c.relnamespace OPERATOR(pg_catalog.=) 'promoai'::pg_catalog.regnamespace::pg_catalog.oid
          AND c.relkind OPERATOR(pg_catalog.=) 'v'::pg_catalog."char"
    LOOP
        EXECUTE pg_catalog.format('GRANT SELECT ON promoai.%I TO PUBLIC', view_name);
    END LOOP;
END
$do$;
