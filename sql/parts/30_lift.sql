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
