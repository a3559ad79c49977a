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
