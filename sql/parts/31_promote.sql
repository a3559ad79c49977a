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
LANGUAGE sql IMMUTABLE PARALLEL SAFE COST 100 ROWS 5
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
