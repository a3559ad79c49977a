-- Classifiers of texts, and sentiment.

-- ---- what shops put where customers wrote nothing ----

CREATE TABLE promoai.text_default_phrases (
	phrase text COLLATE "C" NOT NULL,
	CONSTRAINT text_default_phrases_pkey PRIMARY KEY (phrase),
	CONSTRAINT text_default_phrases_phrase_check CHECK (
		pg_catalog.btrim(phrase) OPERATOR(pg_catalog.<>) '' AND pg_catalog.octet_length(phrase) OPERATOR(pg_catalog.<=) 1000));

COMMENT ON TABLE promoai.text_default_phrases IS
'Texts that a shop shows where a customer left stars but wrote nothing, beside the built-in ones: sentiment_train leaves reviews out that are one of them and nothing else. To be granted to whoever keeps it.';
COMMENT ON COLUMN promoai.text_default_phrases.phrase IS 'the whole text, however written (upper case, full width)';

SELECT pg_catalog.pg_extension_config_dump('promoai.text_default_phrases', '');

-- ---- training ----

CREATE TYPE promoai.text_report AS (
	model text, version int, kind text,
	rows_read bigint, rows_skipped bigint, rows_neutral bigint, rows_default bigint, rows_repeated bigint,
	documents bigint, out_of_scope_rows bigint, classes int, word_features int, char_features int,
	threshold float8, metrics jsonb, seconds float8);

COMMENT ON TYPE promoai.text_report IS
'What a trainer of classifiers did: the version it published, what became of the rows, how large the model is, metrics on the holdout, seconds.';
COMMENT ON COLUMN promoai.text_report.model IS 'name of the model';
COMMENT ON COLUMN promoai.text_report.version IS 'number of the version that was published';
COMMENT ON COLUMN promoai.text_report.kind IS 'what kind of model it is: text_classify or sentiment';
COMMENT ON COLUMN promoai.text_report.rows_read IS 'rows that the source gave';
COMMENT ON COLUMN promoai.text_report.rows_skipped IS 'of these, left out for a NULL';
COMMENT ON COLUMN promoai.text_report.rows_neutral IS 'of these, left out for their stars, above 2 and below 4; sentiment only';
COMMENT ON COLUMN promoai.text_report.rows_default IS 'of these, left out as default phrases; sentiment only';
COMMENT ON COLUMN promoai.text_report.rows_repeated IS 'of these, left out as the same text with the same sentiment again; sentiment only';
COMMENT ON COLUMN promoai.text_report.documents IS 'what is left of the rows';
COMMENT ON COLUMN promoai.text_report.out_of_scope_rows IS 'of these, of no class: they only tell the threshold';
COMMENT ON COLUMN promoai.text_report.classes IS 'classes in the model';
COMMENT ON COLUMN promoai.text_report.word_features IS 'n-grams of words in the model';
COMMENT ON COLUMN promoai.text_report.char_features IS 'n-grams of characters in the model';
COMMENT ON COLUMN promoai.text_report.threshold IS 'a document whose best probability is below is out of scope';
COMMENT ON COLUMN promoai.text_report.metrics IS 'metric to value, over all classes and of the rarest; promoai.model_metrics has those of each class, and intervals';
COMMENT ON COLUMN promoai.text_report.seconds IS 'how long the whole call took';

CREATE FUNCTION promoai.text_classify_train(
	model text,
	source text,
	method text DEFAULT 'svm',
	word_min int DEFAULT NULL,
	word_max int DEFAULT NULL,
	char_min int DEFAULT NULL,
	char_max int DEFAULT NULL,
	min_count int DEFAULT 1,
	max_features int DEFAULT 200000,
	c float8 DEFAULT NULL,
	loss text DEFAULT NULL,
	smoothing float8 DEFAULT NULL,
	dim int DEFAULT NULL,
	epochs int DEFAULT NULL,
	learning_rate float8 DEFAULT NULL,
	out_of_scope text DEFAULT NULL,
	threshold float8 DEFAULT NULL,
	tokenizer text DEFAULT NULL,
	stop_words boolean DEFAULT false,
	stemmer text DEFAULT NULL,
	holdout float8 DEFAULT 0.2,
	seed bigint DEFAULT 42,
	memory text DEFAULT NULL)
RETURNS promoai.text_report
AS 'MODULE_PATHNAME', 'promoai_text_classify_train'
LANGUAGE C VOLATILE PARALLEL UNSAFE COST 10000000;

COMMENT ON FUNCTION promoai.text_classify_train(
	text, text, text, int, int, int, int, int, int, float8, text, float8, int, int, float8, text, float8, text, boolean, text,
	float8, bigint, text) IS
'Trains a classifier on (text, label) and publishes it under a name. Features are n-grams of words and, within words, of characters. method: svm (linear, Hsieh et al. 2008), logistic (Yu et al. 2011), bayes (McCallum & Nigam 1998), complement_bayes (Rennie et al. 2003) or fasttext (Joulin et al. 2017). Probabilities are calibrated and a threshold for what is out of scope is chosen on the holdout, where metrics come from; the published model is trained on all rows. out_of_scope names the label of rows that are of no class.';

CREATE FUNCTION promoai.sentiment_train(
	model text,
	source text,
	method text DEFAULT 'svm',
	word_min int DEFAULT NULL,
	word_max int DEFAULT NULL,
	char_min int DEFAULT NULL,
	char_max int DEFAULT NULL,
	min_count int DEFAULT 1,
	max_features int DEFAULT 200000,
	c float8 DEFAULT NULL,
	loss text DEFAULT NULL,
	smoothing float8 DEFAULT NULL,
	dim int DEFAULT NULL,
	epochs int DEFAULT NULL,
	learning_rate float8 DEFAULT NULL,
	tokenizer text DEFAULT NULL,
	stop_words boolean DEFAULT false,
	stemmer text DEFAULT NULL,
	holdout float8 DEFAULT 0.2,
	seed bigint DEFAULT 42,
	memory text DEFAULT NULL)
RETURNS promoai.text_report
AS 'MODULE_PATHNAME', 'promoai_sentiment_train'
LANGUAGE C VOLATILE PARALLEL UNSAFE COST 10000000;

COMMENT ON FUNCTION promoai.sentiment_train(
	text, text, text, int, int, int, int, int, int, float8, text, float8, int, int, float8, text, boolean, text, float8, bigint,
	text) IS
'Trains a model of sentiment on (text, stars) and publishes it under a name: 1 to 2 stars are bad, 4 to 5 good, what is between is left out, and so are default phrases (promoai.text_default_phrases) and repeated texts. Other arguments as those of text_classify_train.';

-- ---- answers ----
--
-- Not immutable from a value either: ICU, libstemmer or a text search configuration, none of which is part of it, break the words.

CREATE FUNCTION promoai.text_label(model text, doc text, version int DEFAULT NULL)
RETURNS text
AS 'MODULE_PATHNAME', 'promoai_text_label'
LANGUAGE C STABLE PARALLEL SAFE COST 1000;

COMMENT ON FUNCTION promoai.text_label(text, text, int) IS
'The label that a classifier gives to a text; NULL for NULL. A text without any known n-gram gets the label that the model gives to nothing: see out_of_scope of text_classify.';

CREATE FUNCTION promoai.text_label(model promoai.model_bytes, doc text)
RETURNS text
AS 'MODULE_PATHNAME', 'promoai_text_label'
LANGUAGE C STABLE PARALLEL SAFE COST 1000;

COMMENT ON FUNCTION promoai.text_label(promoai.model_bytes, text) IS
'The same from a model as a value, see promoai.model_value.';

CREATE FUNCTION promoai.text_classify(
	model text, doc text, threshold float8 DEFAULT NULL, version int DEFAULT NULL,
	OUT label text, OUT probability float8, OUT out_of_scope boolean)
RETURNS record
AS 'MODULE_PATHNAME', 'promoai_text_classify'
LANGUAGE C STABLE PARALLEL SAFE COST 1000;

COMMENT ON FUNCTION promoai.text_classify(text, text, float8, int) IS
'The label that a classifier gives to a text, its calibrated probability, and whether the text is out of scope: its probability is below the threshold (NULL: the model''s), or none of its n-grams is known. NULLs for NULL.';

CREATE FUNCTION promoai.text_classify(
	model promoai.model_bytes, doc text, threshold float8 DEFAULT NULL,
	OUT label text, OUT probability float8, OUT out_of_scope boolean)
RETURNS record
AS 'MODULE_PATHNAME', 'promoai_text_classify'
LANGUAGE C STABLE PARALLEL SAFE COST 1000;

COMMENT ON FUNCTION promoai.text_classify(promoai.model_bytes, text, float8) IS
'The same from a model as a value, see promoai.model_value.';

CREATE FUNCTION promoai.text_classify_top(
	model text, doc text, k int DEFAULT 5, version int DEFAULT NULL,
	OUT label text, OUT probability float8, OUT score float8)
RETURNS SETOF record
AS 'MODULE_PATHNAME', 'promoai_text_classify_top'
LANGUAGE C STABLE PARALLEL SAFE COST 1000 ROWS 5;

COMMENT ON FUNCTION promoai.text_classify_top(text, text, int, int) IS
'The k labels that fit a text best, with their probabilities and the scores that these are made of (softmax). No row for NULL.';

CREATE FUNCTION promoai.text_classify_top(
	model promoai.model_bytes, doc text, k int DEFAULT 5,
	OUT label text, OUT probability float8, OUT score float8)
RETURNS SETOF record
AS 'MODULE_PATHNAME', 'promoai_text_classify_top'
LANGUAGE C STABLE PARALLEL SAFE COST 1000 ROWS 5;

COMMENT ON FUNCTION promoai.text_classify_top(promoai.model_bytes, text, int) IS
'The same from a model as a value, see promoai.model_value.';

CREATE FUNCTION promoai.text_explain(
	model text, doc text, label text DEFAULT NULL, version int DEFAULT NULL,
	OUT feature text, OUT kind text, OUT contribution float8)
RETURNS SETOF record
AS 'MODULE_PATHNAME', 'promoai_text_explain'
LANGUAGE C STABLE PARALLEL SAFE COST 1000 ROWS 100;

COMMENT ON FUNCTION promoai.text_explain(text, text, text, int) IS
'What in a text speaks for a label (NULL: the one that it gets) and what against it: the bias first, then its n-grams of words and of characters, the strongest first. Contributions sum to the label''s score in text_classify_top.';

CREATE FUNCTION promoai.text_explain(
	model promoai.model_bytes, doc text, label text DEFAULT NULL,
	OUT feature text, OUT kind text, OUT contribution float8)
RETURNS SETOF record
AS 'MODULE_PATHNAME', 'promoai_text_explain'
LANGUAGE C STABLE PARALLEL SAFE COST 1000 ROWS 100;

COMMENT ON FUNCTION promoai.text_explain(promoai.model_bytes, text, text) IS
'The same from a model as a value, see promoai.model_value.';

CREATE FUNCTION promoai.sentiment(model text, doc text, version int DEFAULT NULL)
RETURNS float8
AS 'MODULE_PATHNAME', 'promoai_sentiment'
LANGUAGE C STABLE PARALLEL SAFE COST 1000;

COMMENT ON FUNCTION promoai.sentiment(text, text, int) IS
'How good or bad a text is, from -1 to 1: twice the probability that it is good, minus 1. 0 where nothing of it is known; NULL for NULL.';

CREATE FUNCTION promoai.sentiment(model promoai.model_bytes, doc text)
RETURNS float8
AS 'MODULE_PATHNAME', 'promoai_sentiment'
LANGUAGE C STABLE PARALLEL SAFE COST 1000;

COMMENT ON FUNCTION promoai.sentiment(promoai.model_bytes, text) IS
'The same from a model as a value, see promoai.model_value.';

-- ---- how good they are ----

CREATE FUNCTION promoai.text_classify_evaluate(
	model text, source text, version int DEFAULT NULL, memory text DEFAULT NULL,
	OUT label text, OUT rows_trained bigint, OUT "rows" bigint, OUT predicted bigint, OUT correct bigint,
	OUT "precision" float8, OUT recall float8, OUT f1 float8, OUT auc float8)
RETURNS SETOF record
AS 'MODULE_PATHNAME', 'promoai_text_classify_evaluate'
LANGUAGE C VOLATILE PARALLEL UNSAFE COST 1000000 ROWS 20;

COMMENT ON FUNCTION promoai.text_classify_evaluate(text, text, int, text) IS
'Each class of a classifier on a source with the columns of its training, the rarest in training first: rows of the class, rows taken for it, right ones, precision, recall, F1 and the area under the ROC curve of its probability. NULL where there are no rows to tell by. promoai.evaluate has the figures over all classes.';

CREATE FUNCTION promoai.text_confusions(
	model text, source text, k int DEFAULT 20, version int DEFAULT NULL, memory text DEFAULT NULL,
	OUT label text, OUT predicted text, OUT "rows" bigint, OUT share float8, OUT probability float8, OUT example text)
RETURNS SETOF record
AS 'MODULE_PATHNAME', 'promoai_text_confusions'
LANGUAGE C VOLATILE PARALLEL UNSAFE COST 1000000 ROWS 20;

COMMENT ON FUNCTION promoai.text_confusions(text, text, int, int, text) IS
'The k most frequent errors of a classifier on a source with the columns of its training: label, what it was taken for, how many rows, what share of the label''s rows that is, the mean probability with which it was, and the text of which the model was surest. Out-of-scope rows are errors where they are not told to be so.';
