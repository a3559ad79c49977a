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
