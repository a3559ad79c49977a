-- Text: words, embeddings without training, keywords.

-- ---- what the shop tells of its words ----

CREATE TABLE promoai.text_dictionary (
	word text COLLATE "C" NOT NULL,
	CONSTRAINT text_dictionary_pkey PRIMARY KEY (word),
	CONSTRAINT text_dictionary_word_check CHECK (
		pg_catalog.btrim(word) OPERATOR(pg_catalog.<>) '' AND pg_catalog.octet_length(word) OPERATOR(pg_catalog.<=) 1000));

COMMENT ON TABLE promoai.text_dictionary IS
'Words that a tokenizer is to know: brands, products, whatever is one word to the shop. Where a text has one, however written (upper case, full width), it is a word; the longest wins. Models keep the dictionary that they were trained with. To be granted to whoever keeps it.';
COMMENT ON COLUMN promoai.text_dictionary.word IS 'the word, or several, as it may stand in a text';

CREATE TABLE promoai.text_stop_words (
	language text COLLATE "C" NOT NULL,
	word text COLLATE "C" NOT NULL,
	stop boolean NOT NULL DEFAULT true,
	CONSTRAINT text_stop_words_pkey PRIMARY KEY (language, word),
	CONSTRAINT text_stop_words_word_check CHECK (
		pg_catalog.btrim(word) OPERATOR(pg_catalog.<>) '' AND pg_catalog.octet_length(word) OPERATOR(pg_catalog.<=) 1000));

COMMENT ON TABLE promoai.text_stop_words IS
'What is added to the built-in stop words of English and Chinese, or taken off them. Models keep the stop words that they were trained with. To be granted to whoever keeps it.';
COMMENT ON COLUMN promoai.text_stop_words.language IS 'to which language the word belongs, for those who read the table; the words of all are used';
COMMENT ON COLUMN promoai.text_stop_words.word IS 'the word as it may stand in a text';
COMMENT ON COLUMN promoai.text_stop_words.stop IS 'true: left out where stop_words => true; false: kept, although the built-in list has it';

SELECT pg_catalog.pg_extension_config_dump('promoai.text_dictionary', '');
SELECT pg_catalog.pg_extension_config_dump('promoai.text_stop_words', '');

-- ---- words ----

CREATE FUNCTION promoai.text_tokens(
	doc text, tokenizer text DEFAULT NULL, stop_words boolean DEFAULT false, stemmer text DEFAULT NULL)
RETURNS text[]
AS 'MODULE_PATHNAME', 'promoai_text_tokens'
LANGUAGE C STABLE PARALLEL SAFE COST 100;

COMMENT ON FUNCTION promoai.text_tokens(text, text, boolean, text) IS
'The words of a text, normalised (NFKC, case folded), Chinese and English mixed. tokenizer: icu (default), simple, or the name of a text search configuration. Words of promoai.text_dictionary are kept whole. stop_words: leave out words that say nothing. stemmer: take off the endings of this language.';

-- ---- vectors ----

CREATE FUNCTION promoai.embed_text(doc text)
RETURNS real[]
AS 'MODULE_PATHNAME', 'promoai_embed_text'
LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE COST 50;

COMMENT ON FUNCTION promoai.embed_text(text) IS
'A text as a vector of 256 numbers and length 1, without training: hashed words, parts of words and Chinese characters by fixed rules (Weinberger et al. 2009). Texts that share words, or most of their letters, are near each other. All zero for a text without words. The same values for ever.';

CREATE FUNCTION promoai.embed_similarity(a real[], b real[])
RETURNS float8
AS 'MODULE_PATHNAME', 'promoai_embed_similarity'
LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE COST 5;

COMMENT ON FUNCTION promoai.embed_similarity(real[], real[]) IS
'The cosine of two vectors, from -1 to 1; NULL when one is all zero.';

CREATE FUNCTION promoai.embed_similarity(a float8[], b float8[])
RETURNS float8
AS 'MODULE_PATHNAME', 'promoai_embed_similarity'
LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE COST 5;

COMMENT ON FUNCTION promoai.embed_similarity(float8[], float8[]) IS
'The cosine of two vectors, from -1 to 1; NULL when one is all zero.';

CREATE TYPE promoai.embed_average_state;

CREATE FUNCTION promoai.embed_average_state_in(cstring)
RETURNS promoai.embed_average_state
AS 'MODULE_PATHNAME', 'promoai_embed_average_state_in'
LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;

COMMENT ON FUNCTION promoai.embed_average_state_in(cstring) IS
'input function of embed_average_state: every size and number is checked';

CREATE FUNCTION promoai.embed_average_state_out(promoai.embed_average_state)
RETURNS cstring
AS 'MODULE_PATHNAME', 'promoai_embed_average_state_out'
LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;

COMMENT ON FUNCTION promoai.embed_average_state_out(promoai.embed_average_state) IS
'output function of embed_average_state: the hex of its binary form';

CREATE FUNCTION promoai.embed_average_state_recv(internal)
RETURNS promoai.embed_average_state
AS 'MODULE_PATHNAME', 'promoai_embed_average_state_recv'
LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;

COMMENT ON FUNCTION promoai.embed_average_state_recv(internal) IS
'binary input function of embed_average_state: every size and number is checked';

CREATE FUNCTION promoai.embed_average_state_send(promoai.embed_average_state)
RETURNS bytea
AS 'MODULE_PATHNAME', 'promoai_embed_average_state_send'
LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;

COMMENT ON FUNCTION promoai.embed_average_state_send(promoai.embed_average_state) IS
'binary output function of embed_average_state';

CREATE TYPE promoai.embed_average_state (
	INPUT = promoai.embed_average_state_in,
	OUTPUT = promoai.embed_average_state_out,
	RECEIVE = promoai.embed_average_state_recv,
	SEND = promoai.embed_average_state_send,
	INTERNALLENGTH = VARIABLE,
	ALIGNMENT = double,
	STORAGE = extended);

COMMENT ON TYPE promoai.embed_average_state IS 'How many vectors embed_average has seen, and their sum.';

CREATE FUNCTION promoai.embed_average_add(state promoai.embed_average_state, vector real[])
RETURNS promoai.embed_average_state
AS 'MODULE_PATHNAME', 'promoai_embed_average_add'
LANGUAGE C IMMUTABLE PARALLEL SAFE;

COMMENT ON FUNCTION promoai.embed_average_add(promoai.embed_average_state, real[]) IS 'step of embed_average';

CREATE FUNCTION promoai.embed_average_combine(a promoai.embed_average_state, b promoai.embed_average_state)
RETURNS promoai.embed_average_state
AS 'MODULE_PATHNAME', 'promoai_embed_average_combine'
LANGUAGE C IMMUTABLE PARALLEL SAFE;

COMMENT ON FUNCTION promoai.embed_average_combine(promoai.embed_average_state, promoai.embed_average_state) IS
'two states of embed_average as one';

CREATE FUNCTION promoai.embed_average_final(state promoai.embed_average_state)
RETURNS real[]
AS 'MODULE_PATHNAME', 'promoai_embed_average_final'
LANGUAGE C IMMUTABLE PARALLEL SAFE;

COMMENT ON FUNCTION promoai.embed_average_final(promoai.embed_average_state) IS 'last step of embed_average';

CREATE AGGREGATE promoai.embed_average(vector real[]) (
	SFUNC = promoai.embed_average_add,
	STYPE = promoai.embed_average_state,
	SSPACE = 2100,
	FINALFUNC = promoai.embed_average_final,
	COMBINEFUNC = promoai.embed_average_combine,
	PARALLEL = SAFE);

COMMENT ON AGGREGATE promoai.embed_average(real[]) IS
'The mean of vectors, element by element: a product''s or a customer''s vector out of those of its texts. NULLs are left out; NULL when there is nothing else.';

-- ---- keywords ----

CREATE FUNCTION promoai.text_keywords(
	doc text, k int DEFAULT 10, window_size int DEFAULT 2,
	tokenizer text DEFAULT NULL, stop_words boolean DEFAULT NULL, stemmer text DEFAULT NULL,
	OUT rank int, OUT word text, OUT score float8)
RETURNS SETOF record
AS 'MODULE_PATHNAME', 'promoai_text_keywords'
LANGUAGE C STABLE PARALLEL SAFE COST 1000 ROWS 10;

COMMENT ON FUNCTION promoai.text_keywords(text, int, int, text, boolean, text) IS
'The k words that a document turns about, by TextRank (Mihalcea & Tarau 2004): PageRank of words, joined where they come within window_size words of each other once stop words are left out. Scores of all words add up to 1.';

CREATE FUNCTION promoai.text_group_keywords(
	source text, method text DEFAULT 'tfidf', k int DEFAULT 10, window_size int DEFAULT NULL,
	tokenizer text DEFAULT NULL, stop_words boolean DEFAULT NULL, stemmer text DEFAULT NULL, memory text DEFAULT NULL,
	OUT group_id text, OUT group_no bigint, OUT rank int, OUT word text, OUT score float8)
RETURNS SETOF record
AS 'MODULE_PATHNAME', 'promoai_text_group_keywords'
LANGUAGE C VOLATILE PARALLEL UNSAFE COST 1000000 ROWS 1000;

COMMENT ON FUNCTION promoai.text_group_keywords(text, text, int, int, text, boolean, text, text) IS
'The k words that set each group of texts apart, over a source of (group, text), such as products and their reviews. method tfidf: often in this group, in few of the others. textrank: as text_keywords, within each group.';
