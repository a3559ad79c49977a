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
