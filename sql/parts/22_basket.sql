-- What is bought together: association rules from baskets, as rows and as a model.

CREATE TYPE promoai.basket_rule AS (
	antecedent text[],
	antecedent_no bigint[],
	consequent text,
	consequent_no bigint,
	baskets bigint,
	antecedent_baskets bigint,
	consequent_baskets bigint,
	all_baskets bigint,
	support float8,
	confidence float8,
	lift float8,
	lift_low float8,
	lift_high float8,
	leverage float8,
	conviction float8,
	p_value float8,
	tests bigint);

COMMENT ON TYPE promoai.basket_rule IS
'A rule: who has the antecedent in the basket also takes the consequent; with counts, measures and a test.';

COMMENT ON COLUMN promoai.basket_rule.antecedent IS 'items that are in the basket, by id';
COMMENT ON COLUMN promoai.basket_rule.antecedent_no IS 'the same as numbers where items are integers, else NULL';
COMMENT ON COLUMN promoai.basket_rule.consequent IS 'the item that goes with them';
COMMENT ON COLUMN promoai.basket_rule.consequent_no IS 'the same as a number where items are integers, else NULL';
COMMENT ON COLUMN promoai.basket_rule.baskets IS 'baskets that hold all of these';
COMMENT ON COLUMN promoai.basket_rule.antecedent_baskets IS 'baskets that hold the antecedent';
COMMENT ON COLUMN promoai.basket_rule.consequent_baskets IS 'baskets that hold the consequent';
COMMENT ON COLUMN promoai.basket_rule.all_baskets IS 'baskets in the source';
COMMENT ON COLUMN promoai.basket_rule.support IS 'baskets / all_baskets';
COMMENT ON COLUMN promoai.basket_rule.confidence IS 'baskets / antecedent_baskets: how often the consequent follows';
COMMENT ON COLUMN promoai.basket_rule.lift IS 'confidence over the consequent''s own share: how many times as often as by chance';
COMMENT ON COLUMN promoai.basket_rule.lift_low IS 'lower end of the 95 % interval of the lift';
COMMENT ON COLUMN promoai.basket_rule.lift_high IS 'upper end of the 95 % interval of the lift';
COMMENT ON COLUMN promoai.basket_rule.leverage IS 'support beyond chance: support less the product of both shares';
COMMENT ON COLUMN promoai.basket_rule.conviction IS 'how many times as often the rule would be wrong by chance; Infinity when it never was, NULL when every basket holds the consequent';
COMMENT ON COLUMN promoai.basket_rule.p_value IS 'Fisher''s exact test, one-sided: so many together or more if the two had nothing to do with one another';
COMMENT ON COLUMN promoai.basket_rule.tests IS 'pairs of antecedent and item among which rules were looked for: p_value times tests bounds the chance of one false rule';

CREATE FUNCTION promoai.basket_rules(
	source text,
	min_support float8 DEFAULT 0.01,
	min_confidence float8 DEFAULT 0.3,
	max_items int DEFAULT 10,
	min_lift float8 DEFAULT 0,
	max_rules int DEFAULT 0,
	min_baskets int DEFAULT 1,
	memory text DEFAULT NULL)
RETURNS SETOF promoai.basket_rule
AS 'MODULE_PATHNAME', 'promoai_basket_rules'
LANGUAGE C VOLATILE PARALLEL UNSAFE COST 1000000 ROWS 1000;

COMMENT ON FUNCTION promoai.basket_rules(text, float8, float8, int, float8, int, int, text) IS
'What is frequently bought together in a source of (basket, item[, quantity]): every rule with one item on the right whose items are together in min_support of the baskets and in min_baskets or more, and whose confidence and lift reach the thresholds, by lift. Itemsets by depth-first search over projected bitmaps (Zaki 2000; Han, Pei & Yin 2000).';

CREATE TYPE promoai.basket_report AS (
	model text, version int, kind text,
	rows_read bigint, rows_skipped bigint, rows_merged bigint, pairs_dropped bigint,
	baskets bigint, items bigint, pairs bigint, itemsets bigint, rules bigint,
	metrics jsonb, seconds float8);

COMMENT ON TYPE promoai.basket_report IS
'What basket_train did: the version it published, what it read, how many rules it found, metrics on held-out baskets, seconds.';

COMMENT ON COLUMN promoai.basket_report.model IS 'name of the model';
COMMENT ON COLUMN promoai.basket_report.version IS 'number of the version that was published';
COMMENT ON COLUMN promoai.basket_report.kind IS 'what kind of model it is: basket';
COMMENT ON COLUMN promoai.basket_report.rows_read IS 'rows that the source gave';
COMMENT ON COLUMN promoai.basket_report.rows_skipped IS 'of these, left out for a NULL';
COMMENT ON COLUMN promoai.basket_report.rows_merged IS 'of these, repeated an item of the same basket';
COMMENT ON COLUMN promoai.basket_report.pairs_dropped IS 'pairs of basket and item whose values sum to zero or less';
COMMENT ON COLUMN promoai.basket_report.baskets IS 'distinct baskets';
COMMENT ON COLUMN promoai.basket_report.items IS 'distinct items';
COMMENT ON COLUMN promoai.basket_report.pairs IS 'distinct pairs of basket and item';
COMMENT ON COLUMN promoai.basket_report.itemsets IS 'sets of items that are frequent, single items included';
COMMENT ON COLUMN promoai.basket_report.rules IS 'rules in the model';
COMMENT ON COLUMN promoai.basket_report.metrics IS 'metric to value, measured on held-out baskets; promoai.model_metrics has intervals and more';
COMMENT ON COLUMN promoai.basket_report.seconds IS 'how long the whole call took';

CREATE FUNCTION promoai.basket_train(
	model text,
	source text,
	min_support float8 DEFAULT 0.002,
	min_confidence float8 DEFAULT 0.1,
	max_items int DEFAULT 2,
	min_lift float8 DEFAULT 0,
	max_rules int DEFAULT 0,
	min_baskets int DEFAULT 5,
	holdout float8 DEFAULT 0.1,
	metrics_k int DEFAULT 20,
	seed bigint DEFAULT 42,
	memory text DEFAULT NULL)
RETURNS promoai.basket_report
AS 'MODULE_PATHNAME', 'promoai_basket_train'
LANGUAGE C VOLATILE PARALLEL UNSAFE COST 10000000;

COMMENT ON FUNCTION promoai.basket_train(
	text, text, float8, float8, int, float8, int, int, float8, int, bigint, text) IS
'Finds the rules of a source of (basket, item[, quantity]) and publishes them as a model for basket_recommend. Metrics come from held-out baskets with one item left out of each; the published rules are those of all baskets.';

CREATE FUNCTION promoai.basket_model_rules(model text, version int DEFAULT NULL)
RETURNS SETOF promoai.basket_rule
AS 'MODULE_PATHNAME', 'promoai_basket_model_rules'
LANGUAGE C STABLE PARALLEL SAFE COST 100000 ROWS 1000;

COMMENT ON FUNCTION promoai.basket_model_rules(text, int) IS
'The rules of a model that basket_train made, by lift, with the same columns as basket_rules.';

CREATE TYPE promoai.basket_item AS (
	rank int, item text, item_no bigint, score real, answered_by text,
	because text[], because_no bigint[], confidence float8, lift float8);

COMMENT ON TYPE promoai.basket_item IS
'A row of basket_recommend: an item that goes with a basket, and the rule that spoke for it.';

COMMENT ON COLUMN promoai.basket_item.rank IS 'from 1, the best first';
COMMENT ON COLUMN promoai.basket_item.item IS 'id of the item';
COMMENT ON COLUMN promoai.basket_item.item_no IS 'the id as a number where items are integers, else NULL';
COMMENT ON COLUMN promoai.basket_item.score IS 'by a rule: its confidence; by popularity: the share of all baskets that hold the item';
COMMENT ON COLUMN promoai.basket_item.answered_by IS 'rule, or popularity where no rule spoke';
COMMENT ON COLUMN promoai.basket_item.because IS 'antecedent of the rule: the items of the basket that spoke for this one; NULL by popularity';
COMMENT ON COLUMN promoai.basket_item.because_no IS 'the same as numbers where items are integers, else NULL';
COMMENT ON COLUMN promoai.basket_item.confidence IS 'of the rule: the share of the baskets with these items that hold this one too; NULL by popularity';
COMMENT ON COLUMN promoai.basket_item.lift IS 'of the rule: how many times as often as by chance; NULL by popularity';

CREATE FUNCTION promoai.basket_recommend(
	model text, items bigint[], k int DEFAULT 10, candidates bigint[] DEFAULT NULL, version int DEFAULT NULL)
RETURNS SETOF promoai.basket_item
AS 'MODULE_PATHNAME', 'promoai_basket_recommend'
LANGUAGE C STABLE PARALLEL SAFE COST 10000 ROWS 10;

COMMENT ON FUNCTION promoai.basket_recommend(text, bigint[], int, bigint[], int) IS
'The k items that go with what is in a basket: by the rules whose antecedent lies in it, the highest confidence first, then by popularity; items of the basket are left out.';

CREATE FUNCTION promoai.basket_recommend(
	model text, items text[] DEFAULT '{}', k int DEFAULT 10, candidates text[] DEFAULT NULL, version int DEFAULT NULL)
RETURNS SETOF promoai.basket_item
AS 'MODULE_PATHNAME', 'promoai_basket_recommend'
LANGUAGE C STABLE PARALLEL SAFE COST 10000 ROWS 10;

COMMENT ON FUNCTION promoai.basket_recommend(text, text[], int, text[], int) IS
'The k items that go with what is in a basket: by the rules whose antecedent lies in it, the highest confidence first, then by popularity; items of the basket are left out.';

CREATE FUNCTION promoai.basket_recommend(
	model text, items uuid[], k int DEFAULT 10, candidates uuid[] DEFAULT NULL, version int DEFAULT NULL)
RETURNS SETOF promoai.basket_item
AS 'MODULE_PATHNAME', 'promoai_basket_recommend'
LANGUAGE C STABLE PARALLEL SAFE COST 10000 ROWS 10;

COMMENT ON FUNCTION promoai.basket_recommend(text, uuid[], int, uuid[], int) IS
'The k items that go with what is in a basket: by the rules whose antecedent lies in it, the highest confidence first, then by popularity; items of the basket are left out.';
