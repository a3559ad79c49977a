-- run as: postgres promoai_tester
-- Words: normalised, broken, the shop's own, stop words, stems; bad input.
\set QUIET on
BEGIN;
SELECT plan(49);

SELECT is(promoai.text_tokens('Hello, WORLD! It’s 50''s e-mail 3.5kg'), '{hello,world,it''s,50,s,e,mail,3.5kg}', 'English');
SELECT is(promoai.text_tokens('很快，好吃，我没有送水'), '{很快,好吃,我,没有,送水}', 'Chinese, by ICU''s dictionary');
SELECT is(promoai.text_tokens('iPhone15手机壳ＸＬ'), '{iphone15,手机,壳,xl}', 'both, full width');
SELECT is(promoai.text_tokens('ﬁne STRASSE Straße Ｃａｆé cafe' || E'\u0301'), '{fine,strasse,strasse,café,café}', 'NFKC and case folding');
SELECT is(promoai.text_tokens('好吃的 red', 'simple'), '{好吃,吃的,red}', 'by simple rules');
SELECT is(promoai.text_tokens('Running shoes are the best', 'pg_catalog.english'), '{run,shoe,best}', 'a text search configuration');
SELECT is(promoai.text_tokens('Running shoes are the best', stop_words => true, stemmer => 'english'), '{run,shoe,best}', 'stop words and stems');
SELECT is(promoai.text_tokens('not good, 不好吃的', stop_words => true), '{not,good,不,好吃}', 'negations are no stop words');

-- Where it is not there to be said: an array of no words, or NULL.
SELECT is(promoai.text_tokens(''), '{}', 'an empty text');
SELECT is(promoai.text_tokens(' ...!? ，。 _ '), '{}', 'only punctuation');
SELECT is(promoai.text_tokens(NULL), NULL, 'NULL');
SELECT is(promoai.text_tokens('ok 👍👨‍👩‍👧 © ' || E'\u0378\U000e0041'), '{ok,👍,👨,👩,👧}', 'pictographs are words; old signs, tags and unassigned characters are not');
SELECT is(promoai.text_tokens('made in 🇨🇳, not 🇫🇷🇩🇪'), '{made,in,🇨🇳,not,🇫🇷,🇩🇪}', 'flags are words, each its two letters');
SELECT is(promoai.text_tokens('שלום عالم'), '{שלום,عالم}', 'right to left');
SELECT is(promoai.text_tokens(repeat(E'\u0301', 3)), '{}', 'marks that stand alone');

SELECT is(promoai.text_tokens('ＲＥＤ　ＭＵＧ　５０％　ｗ／ｈａｎｄｌｅ ｱｲｽ'), '{red,mug,50,w,handle,アイス}', 'full width and half width');
SELECT is(promoai.text_tokens(E'a\u200bb zero\ufeff \u202eabc\u202c soft\u00adhyphen'), '{ab,zero,abc,softhyphen}', 'marks that are not seen are left out');
SELECT is(promoai.text_tokens(E'\uffff \ufdd0 \U0010ffff \ue000 ok \u0378x'), '{ok,x}', 'what is no character, private or unassigned is no word');
SELECT is(promoai.text_tokens('🇩🇪 👍🏽 ❤️ ☎ 👩‍🚀'), '{🇩🇪,👍🏽,❤,☎,👩,🚀}', 'pictographs with skin and style; what is joined comes apart');
SELECT is((SELECT count(*) FROM unnest(ARRAY['', '...', '👍', 'שלום', 'ＲＥＤ', E'\u0378', E'\u0301', '👨‍👩‍👧', E'\u202e']) doc WHERE cardinality(promoai.embed_text(doc)) = 256), 9::bigint, 'every text has a vector');
SELECT is((SELECT array_agg(DISTINCT v) FROM unnest(ARRAY['', '...', E'\u202e', '👍']) doc, unnest(promoai.embed_text(doc)) v), '{0}'::real[], 'all zero where there is no word');
SELECT is((SELECT count(*) FROM unnest(ARRAY['', '...', '_', E'\u202e']) doc, promoai.text_keywords(doc)), 0::bigint, 'nor keywords');
SELECT ok(cardinality(promoai.embed_text(repeat('a', 200000000))) = 256, 'a word of 200 million letters has a vector');
SELECT throws_ok($$SELECT promoai.text_tokens(repeat('a', 200000000))$$, '53400', NULL, 'and is refused where it needs more memory than allowed');

-- Words in ASCII by the short way are those that ICU finds.
SELECT is((SELECT count(*) FROM (SELECT string_agg(substr('abcxyzABC019 ___..'''',,;;:--@#/\"!?', 1 + (hashint8extended(d * 1000 + i, 7) & 1073741823)::int % 34, 1), '' ORDER BY i) AS doc
	FROM generate_series(1, 20000) d, generate_series(1, 24) i GROUP BY d) docs
	WHERE promoai.text_tokens(doc) || '{é}' IS DISTINCT FROM promoai.text_tokens(doc || ' é')), 0::bigint, 'twenty thousand wild texts: ASCII by the short way is as ICU has it');

-- Long texts are worked on in pieces.
SELECT is(promoai.text_tokens(repeat('hello big world ', 50000)), (SELECT array_agg(w) FROM (SELECT unnest('{hello,big,world}'::text[]) w FROM generate_series(1, 50000)) s), 'no word is lost between pieces');
SELECT is(cardinality(promoai.text_tokens(repeat('好吃 送水 é ', 30000))), 90000, 'nor a Chinese one');
SELECT ok(cardinality(promoai.text_tokens(repeat('a', 1000000))) BETWEEN 60 AND 90, 'a word of a million letters is cut');

SELECT throws_ok($$SELECT promoai.text_tokens('a', 'nothing')$$, '22023', 'there is no tokenizer "nothing"');
SELECT throws_ok($$SELECT promoai.text_tokens('a', 'a.b.c.d.e')$$, '22023', NULL, 'a name that cannot be one');
SELECT throws_ok($$SELECT promoai.text_tokens('a', stemmer => 'klingon')$$, '22023', 'there is no stemmer for "klingon"');
SELECT throws_ok($$SELECT promoai.text_tokens('a', 'english', stemmer => 'english')$$, '22023', 'argument "stemmer" is not for the text search configuration "english"');
SELECT throws_ok($$SELECT promoai.text_tokens('a', stop_words => NULL)$$, '22004');

-- The shop's own words.
SELECT CASE WHEN current_user = 'postgres' THEN lives_ok($$INSERT INTO promoai.text_dictionary VALUES ('老干妈'), ('iPhone 15 Pro'), ('iphone'), ('ＬＶ')$$)
	ELSE throws_ok($$INSERT INTO promoai.text_dictionary VALUES ('x')$$, '42501', NULL, 'without a grant nobody changes the dictionary') END;
SELECT is(promoai.text_tokens('我买老干妈和iPhone 15 Pro的壳 iphone15 iPhones lv包'),
	CASE WHEN current_user = 'postgres' THEN '{我,买,老干妈,和,"iphone 15 pro",的,壳,iphone15,iphones,lv,包}'
	ELSE '{我,买,老,干妈,和,iphone,15,pro,的,壳,iphone15,iphones,lv,包}' END::text[], 'the longest wins; within letters there is no word');
SELECT is(promoai.text_tokens('Running with iPhone', stemmer => 'english'), CASE WHEN current_user = 'postgres' THEN '{run,with,iphone}' ELSE '{run,with,iphon}' END::text[], 'the dictionary''s words have no stem');
SELECT CASE WHEN current_user = 'postgres' THEN lives_ok($$INSERT INTO promoai.text_stop_words VALUES ('en', 'Shop', true), ('en', 'the', false)$$)
	ELSE throws_ok($$INSERT INTO promoai.text_stop_words VALUES ('en', 'x')$$, '42501', NULL, 'nor stop words') END;
SELECT is(promoai.text_tokens('The shop is open', stop_words => true), CASE WHEN current_user = 'postgres' THEN '{the,open}' ELSE '{shop,open}' END::text[], 'stop words added and taken off');

-- Inside of one transaction, in a language that keeps its plans.
CREATE FUNCTION pg_temp.twice() RETURNS text[] LANGUAGE plpgsql AS $$
DECLARE found text[];
BEGIN
	FOR i IN 1 .. 2 LOOP
		found := found || promoai.text_tokens('drop dead gorgeous');
		IF i = 1 AND current_user = 'postgres' THEN INSERT INTO promoai.text_dictionary VALUES ('drop dead'); END IF;
	END LOOP;
	RETURN found;
END $$;
SELECT is(pg_temp.twice(), CASE WHEN current_user = 'postgres' THEN '{drop,dead,gorgeous,"drop dead",gorgeous}' ELSE '{drop,dead,gorgeous,drop,dead,gorgeous}' END::text[],
	'the next statement sees a new word');

SELECT is((SELECT array_agg(promoai.text_tokens('generations', t) ORDER BY i) FROM (SELECT i, (ARRAY['icu', 'simple', 'english', 'pg_catalog.german', 'pg_catalog.french', 'pg_catalog.simple'])[1 + i % 6] AS t FROM generate_series(0, 23) i) s),
	(SELECT array_agg(ARRAY[CASE i % 6 WHEN 2 THEN 'generat' WHEN 3 THEN 'generation' WHEN 4 THEN 'gener' ELSE 'generations' END] ORDER BY i) FROM generate_series(0, 23) i), 'a tokenizer for each row');

-- A text of several pieces is broken as its lines are, dictionary or not.
CREATE TEMP TABLE line AS
SELECT i, format('we buy an iPhone 15 Pro, e-mail it''s 老干妈好吃 3.5kg drop dead %s iphone 15', i) AS doc FROM generate_series(1, 3000) i;
SELECT is(promoai.text_tokens(string_agg(doc, ' ' ORDER BY i)), (SELECT array_agg(word ORDER BY i, place) FROM line, unnest(promoai.text_tokens(doc)) WITH ORDINALITY AS w(word, place)),
	'no word of several is lost between pieces') FROM line;
SELECT is((SELECT count(*) FROM generate_series(16300, 16400) n WHERE promoai.text_tokens(repeat('x', n) || ' iPhone 15 Pro y ' || repeat('z ', 3000)) @> ARRAY['iphone 15 pro']),
	CASE WHEN current_user = 'postgres' THEN 101 ELSE 0 END::bigint, 'wherever the text is cut');

-- Words that PostgreSQL's parser leaves out are not told one by one.
SELECT current_setting('client_min_messages') AS messages \gset
SELECT is(promoai.text_tokens(repeat('a', 12000) || ' shoes', 'english'), '{shoe}', 'words of 2 kB and more are not for text search');
SELECT is(current_setting('client_min_messages'), :'messages', 'which changes no setting');

SELECT throws_ok(format('SELECT promoai.text_tokens(''x'', tokenizer => %L)', t), '22023', format('there is no tokenizer "%s"', t), 'what can be no name')
FROM unnest(ARRAY['', ' ', '"', 'a.b.c.d', 'nodb.pg_catalog.english']) t;

SELECT * FROM finish();
ROLLBACK;
