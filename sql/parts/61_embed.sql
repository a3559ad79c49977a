-- Word vectors: learned or imported, and what is asked of them.

CREATE TYPE promoai.embed_report AS (
	model text, version int, kind text,
	rows_read bigint, rows_skipped bigint,
	documents bigint, tokens bigint, words bigint, subwords bigint, dim int,
	metrics jsonb, seconds float8);

COMMENT ON TYPE promoai.embed_report IS
'What embed_train or embed_import did: the version it published, rows read and skipped (for a NULL), texts and words it learned from, words and n-grams that have a vector, numbers in a vector, metrics, seconds.';
COMMENT ON COLUMN promoai.embed_report.model IS 'name of the model';
COMMENT ON COLUMN promoai.embed_report.version IS 'number of the version that was published';
COMMENT ON COLUMN promoai.embed_report.kind IS 'what kind of model it is: embed';
COMMENT ON COLUMN promoai.embed_report.rows_read IS 'rows that the source gave';
COMMENT ON COLUMN promoai.embed_report.rows_skipped IS 'of these, left out for a NULL';
COMMENT ON COLUMN promoai.embed_report.documents IS 'texts that had words that were kept; NULL after an import';
COMMENT ON COLUMN promoai.embed_report.tokens IS 'words of these texts, each time they came; NULL after an import';
COMMENT ON COLUMN promoai.embed_report.words IS 'different words that have a vector';
COMMENT ON COLUMN promoai.embed_report.subwords IS 'n-grams (hashed) that have a vector';
COMMENT ON COLUMN promoai.embed_report.dim IS 'numbers in a vector';
COMMENT ON COLUMN promoai.embed_report.metrics IS 'metric to value; promoai.model_metrics has more';
COMMENT ON COLUMN promoai.embed_report.seconds IS 'how long the whole call took';

CREATE FUNCTION promoai.embed_train(
	model text,
	source text,
	method text DEFAULT 'skipgram',
	dim int DEFAULT 100,
	window_size int DEFAULT 5,
	negatives int DEFAULT NULL,
	epochs int DEFAULT NULL,
	min_count int DEFAULT 5,
	max_words int DEFAULT 1000000,
	subwords boolean DEFAULT NULL,
	min_n int DEFAULT NULL,
	max_n int DEFAULT NULL,
	buckets int DEFAULT NULL,
	sample float8 DEFAULT NULL,
	learning_rate float8 DEFAULT 0.05,
	x_max float8 DEFAULT NULL,
	tokenizer text DEFAULT NULL,
	stop_words boolean DEFAULT false,
	stemmer text DEFAULT NULL,
	deterministic boolean DEFAULT true,
	seed bigint DEFAULT 42,
	memory text DEFAULT NULL,
	verbose boolean DEFAULT false)
RETURNS promoai.embed_report
AS 'MODULE_PATHNAME', 'promoai_embed_train'
LANGUAGE C VOLATILE PARALLEL UNSAFE COST 10000000;

COMMENT ON FUNCTION promoai.embed_train(
	text, text, text, int, int, int, int, int, int, boolean, int, int, int, float8, float8, float8, text, boolean, text,
	boolean, bigint, text, boolean) IS
'Learns word vectors from the texts of a source and publishes them as a model: skipgram or cbow with negative sampling (Mikolov et al. 2013), with character n-grams (Bojanowski et al. 2017) unless subwords => false, or glove (Pennington et al. 2014). Beside them what embed_text needs: frequencies and the component that all texts share (Arora et al. 2017). NULL means the method''s default: epochs 5, glove 25; skipgram and cbow: negatives 5, sample 1e-3, subwords true, min_n 3, max_n 6, buckets 2000000; glove: x_max 100; an argument of another method is an error. deterministic => false lets parallel workers learn too, and no two runs are equal.';

CREATE FUNCTION promoai.embed_import(
	model text,
	source text,
	tokenizer text DEFAULT NULL,
	stop_words boolean DEFAULT false,
	stemmer text DEFAULT NULL,
	memory text DEFAULT NULL)
RETURNS promoai.embed_report
AS 'MODULE_PATHNAME', 'promoai_embed_import'
LANGUAGE C VOLATILE PARALLEL UNSAFE COST 10000000;

COMMENT ON FUNCTION promoai.embed_import(text, text, text, boolean, text, text) IS
'Publishes the word vectors of a source of (word, real[] [, count]) as a model. The first row settles how many numbers a vector has; a word must not come twice; with counts embed_text weighs words by their frequency.';

CREATE FUNCTION promoai.embed_text(model text, doc text, version int DEFAULT NULL)
RETURNS real[]
AS 'MODULE_PATHNAME', 'promoai_embed_model_text'
LANGUAGE C STABLE PARALLEL SAFE COST 1000;

COMMENT ON FUNCTION promoai.embed_text(text, text, int) IS
'The vector of a text by a model of word vectors: the mean of its words'' vectors, weighted by smooth inverse frequency, less the component that all texts share (Arora et al. 2017). Unknown words are made of their n-grams where the model has those. NULL where no word has a vector.';

CREATE FUNCTION promoai.embed_text(model promoai.model_bytes, doc text)
RETURNS real[]
AS 'MODULE_PATHNAME', 'promoai_embed_model_text'
LANGUAGE C STABLE PARALLEL SAFE COST 1000;

COMMENT ON FUNCTION promoai.embed_text(promoai.model_bytes, text) IS
'The same from a model as a value, see promoai.model_value.';

CREATE FUNCTION promoai.embed_word(model text, word text, version int DEFAULT NULL)
RETURNS real[]
AS 'MODULE_PATHNAME', 'promoai_embed_word'
LANGUAGE C STABLE PARALLEL SAFE COST 100;

COMMENT ON FUNCTION promoai.embed_word(text, text, int) IS
'The vector of a word, as it stands or as the model''s tokenizer reads it; of an unknown word the mean of its n-grams where the model has those, else NULL.';

CREATE FUNCTION promoai.embed_word(model promoai.model_bytes, word text)
RETURNS real[]
AS 'MODULE_PATHNAME', 'promoai_embed_word'
LANGUAGE C STABLE PARALLEL SAFE COST 100;

COMMENT ON FUNCTION promoai.embed_word(promoai.model_bytes, text) IS
'The same from a model as a value, see promoai.model_value.';

CREATE FUNCTION promoai.embed_similar_words(
	model text, word text, k int DEFAULT 10, version int DEFAULT NULL, OUT similar_word text, OUT similarity float8)
RETURNS SETOF record
AS 'MODULE_PATHNAME', 'promoai_embed_similar_words'
LANGUAGE C STABLE PARALLEL SAFE COST 10000 ROWS 10;

COMMENT ON FUNCTION promoai.embed_similar_words(text, text, int, int) IS
'The k words whose vectors are nearest to that of a word by cosine, itself left out. No row where the word has no vector.';

CREATE FUNCTION promoai.embed_similar_words(
	model promoai.model_bytes, word text, k int DEFAULT 10, OUT similar_word text, OUT similarity float8)
RETURNS SETOF record
AS 'MODULE_PATHNAME', 'promoai_embed_similar_words'
LANGUAGE C STABLE PARALLEL SAFE COST 10000 ROWS 10;

COMMENT ON FUNCTION promoai.embed_similar_words(promoai.model_bytes, text, int) IS
'The same from a model as a value, see promoai.model_value.';

CREATE FUNCTION promoai.embed_analogy(
	model text, a text, b text, c text, k int DEFAULT 10, version int DEFAULT NULL,
	OUT word text, OUT similarity float8)
RETURNS SETOF record
AS 'MODULE_PATHNAME', 'promoai_embed_analogy'
LANGUAGE C STABLE PARALLEL SAFE COST 10000 ROWS 10;

COMMENT ON FUNCTION promoai.embed_analogy(text, text, text, text, int, int) IS
'What is to c as b is to a: the k words nearest to b - a + c by cosine, of vectors of length 1, these three left out. No row where one of them has no vector.';

CREATE FUNCTION promoai.embed_analogy(
	model promoai.model_bytes, a text, b text, c text, k int DEFAULT 10, OUT word text, OUT similarity float8)
RETURNS SETOF record
AS 'MODULE_PATHNAME', 'promoai_embed_analogy'
LANGUAGE C STABLE PARALLEL SAFE COST 10000 ROWS 10;

COMMENT ON FUNCTION promoai.embed_analogy(promoai.model_bytes, text, text, text, int) IS
'The same from a model as a value, see promoai.model_value.';
