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
