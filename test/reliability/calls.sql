-- calls.sql - calls of every function of the extension, made from the catalogue
--
-- Schema hostile gets a small shop, models of every kind, a table of values for every type of argument, and for each function
-- one sound call: argument by argument, values of the right kind are tried until it answers.  What is added to the
-- extension later is found in the catalogue and needs no line here, unless its arguments are of a kind of their own: those
-- are named in hostile.named.
--
--   SELECT hostile.prepare();                    -- as a superuser; the functions are called as hostile_user
--   SELECT hostile.make_calls(count, seed);      -- fills hostile.call; same seed, same calls
--   SELECT hostile.run(id);                      -- one call, undone afterwards, its outcome in hostile.result
SET client_min_messages = error;
CREATE ROLE hostile_user LOGIN;
CREATE SCHEMA hostile AUTHORIZATION hostile_user;
GRANT USAGE ON SCHEMA promoai TO hostile_user;

-- ---- the shop ----
SET ROLE hostile_user;
CREATE TABLE hostile.purchases AS
SELECT c AS customer, (c * 7 + i * i * (1 + c % 3)) % 60 AS item, 1 + (c + i) % 4 AS quantity,
       timestamptz '2025-01-01' + ((c * 37 + i * i * 11) % 200) * interval '1 day' AS at
FROM generate_series(1, 120) c, generate_series(1, 8) i ORDER BY hashint4(c * 10 + i);
CREATE VIEW hostile.ids AS -- of every kind
SELECT customer AS customer_bigint, 'c' || customer AS customer_text, md5('c' || customer)::uuid AS customer_uuid, item AS item_bigint, 'i' || item AS item_text, md5('i' || item)::uuid AS item_uuid,
       (customer + item) % 5 + 1 AS rating, at FROM hostile.purchases;
CREATE TABLE hostile.amounts AS SELECT ((hashint4(g) & 4095) / 12.0)::float8 AS amount FROM generate_series(1, 3000) g;
CREATE TABLE hostile.articles AS
SELECT i AS item, 'thing ' || i % 7 || ' colour ' || i % 5 AS title, 5 + i % 13 AS price FROM generate_series(0, 59) i;
CREATE TABLE hostile.orders AS
SELECT c AS customer, timestamptz '2025-01-01' + ((c * 37 + i * i * 11) % 300) * interval '1 day' AS at, 10 + (c + i) % 90 AS amount
FROM generate_series(1, 120) c, generate_series(1, 7) i WHERE (c + i) % 3 > 0;
CREATE TABLE hostile.shape AS
SELECT c AS customer, (c % 3 * 10 + c % 7)::float8 AS x, (c % 3 * 5 + c % 4)::float8 AS y FROM generate_series(1, 150) c;
CREATE TABLE hostile.panel AS
SELECT u AS unit, u % 3 AS category, date '2025-01-01' + d AS day, (20 + u % 5 + (hashint4(u * 100 + d) & 255) / 25.0)::float8 AS sales, (hashint4(u * 7 + d) & 3) = 0 AS promo,
       (5 + (hashint4(u + d * 31) & 63) / 20.0)::float8 AS price
FROM generate_series(1, 20) u, generate_series(0, 39) d;
CREATE TABLE hostile.word_vectors AS SELECT 'word' || g AS word, ARRAY[g, 1, 2]::real[] AS vector FROM generate_series(1, 20) g;
CREATE TABLE hostile.texts AS
SELECT i AS id, (ARRAY['where is my parcel', 'it has not arrived', 'I want my money back', 'great quality, thank you', 'not good at all', '快递什么时候到', '质量很好'])[1 + i % 7] || ' ' || i % 11 AS text,
       (ARRAY['delivery', 'delivery', 'refund', 'praise', 'complaint', 'delivery', 'praise'])[1 + i % 7] AS label,
       (ARRAY[3, 2, 1, 5, 1, 3, 5])[1 + i % 7] AS stars
FROM generate_series(1, 140) i;
CREATE TABLE hostile.nothing (customer int, item int);
RESET ROLE;

-- ---- the catalogue ----
CREATE TABLE hostile.member AS
SELECT classid, objid FROM pg_depend
WHERE refclassid = 'pg_extension'::regclass AND deptype = 'e' AND refobjid = (SELECT oid FROM pg_extension WHERE extname = 'promoai');

-- What can be called from SQL: all but functions that take what only C can pass.
CREATE TABLE hostile.function AS
SELECT p.oid::regprocedure AS function, p.proname AS name, p.prokind::text AS kind, p.proretset AS returns_set, p.prorettype AS result,
       p.provolatile = 'v' AS is_volatile, p.pronargs AS arguments
FROM pg_proc p
WHERE p.oid IN (SELECT objid FROM hostile.member WHERE classid = 'pg_proc'::regclass)
  AND NOT 'internal'::regtype = ANY (p.proargtypes);

CREATE TABLE hostile.argument AS
SELECT p.oid::regprocedure AS function, a.position::int, CASE WHEN p.prokind = 'a' THEN NULL ELSE nullif(p.proargnames[a.position], '') END AS name,
       nullif(p.proargnames[a.position], '') AS means, a.type::regtype AS type, a.position > p.pronargs - p.pronargdefaults AS optional
FROM pg_proc p, unnest(p.proargtypes) WITH ORDINALITY a(type, position)
WHERE p.oid IN (SELECT function FROM hostile.function);
CREATE UNIQUE INDEX ON hostile.function (function);
CREATE UNIQUE INDEX ON hostile.argument (function, position);
ANALYZE hostile.function, hostile.argument;

-- ---- values ----
CREATE TABLE hostile.value (
	type regtype NOT NULL,
	expression text NOT NULL, -- without a cast
	sound boolean NOT NULL, -- what somebody might well pass
	UNIQUE (type, expression));
CREATE TABLE hostile.named (means text NOT NULL, type regtype NOT NULL, expression text NOT NULL); -- sound ones of an argument of that name

INSERT INTO hostile.value
SELECT t::regtype, expression, sound
FROM (VALUES
	(ARRAY['float8', 'float4', 'numeric'], ARRAY['1', '2', '0.5', '10', '0.1', '100', '50'], true),
	(ARRAY['float8', 'float4', 'numeric'], ARRAY['NULL', $$'NaN'$$, $$'infinity'$$, $$'-infinity'$$, '0', $$'-0'$$, '-1', '1e15', '2147483648', '1.0000001', '0.999999999', '1e-30'], false),
	(ARRAY['float8'], ARRAY['1.7976931348623157e308', '-1.7976931348623157e308', '5e-324', '2.2250738585072014e-308', '9007199254740993', '1e300', '-1e300', '-1e-300', '1e154'], false),
	(ARRAY['float4'], ARRAY['3.4028235e38', '-3.4028235e38', '1e-45'], false),
	(ARRAY['int4', 'int8', 'int2'], ARRAY['1', '2', '3', '5', '10'], true),
	(ARRAY['int4', 'int8', 'int2'], ARRAY['NULL', '0', '-1', '32767', '-32768', '100', '64', '256'], false),
	(ARRAY['int4', 'int8'], ARRAY['2147483647', '-2147483648', '65536', '1000000', '1000000000'], false),
	(ARRAY['int8'], ARRAY['9223372036854775807', '-9223372036854775808', '2147483648', '9007199254740993'], false),
	(ARRAY['oid'], ARRAY['10', '0', '4294967295', 'NULL'], false),
	(ARRAY['bool'], ARRAY['true', 'false'], true),
	(ARRAY['bool'], ARRAY['NULL'], false),
	(ARRAY['uuid'], ARRAY[$$md5('c7')$$, $$md5('i7')$$], true),
	(ARRAY['uuid'], ARRAY['NULL', $$'00000000-0000-0000-0000-000000000000'$$, $$'ffffffff-ffff-ffff-ffff-ffffffffffff'$$], false),
	(ARRAY['date', 'timestamptz', 'timestamp'], ARRAY[$$'2025-03-01'$$, $$'2025-06-30'$$], true),
	(ARRAY['date', 'timestamptz', 'timestamp'], ARRAY['NULL', $$'infinity'$$, $$'-infinity'$$, $$'4713-01-01 BC'$$, $$'0001-01-01'$$, $$'294276-12-31'$$, $$'1970-01-01'$$], false),
	(ARRAY['date'], ARRAY[$$'5874897-12-31'$$], false),
	(ARRAY['interval'], ARRAY[$$'30 days'$$, $$'1 day'$$], true),
	(ARRAY['interval'], ARRAY['NULL', $$'0'$$, $$'-1 day'$$, $$'1 microsecond'$$, $$'178000000 years'$$, $$'-178000000 years'$$, $$'1 month -30 days'$$, $$'2147483647 days'$$, $$'-2147483648 months'$$, $$'2562047788 hours'$$], false),
	(ARRAY['jsonb', 'json'], ARRAY[$$'{}'$$, $$'[{"factors": 4}]'$$, $$'{"factors": [2, 4]}'$$], true),
	(ARRAY['jsonb', 'json'], ARRAY['NULL', $$'null'$$, $$'[]'$$, $$'"x"'$$, $$'1'$$, $$'true'$$, $$'[null]'$$, $$'[[]]'$$, $$'[{}]'$$, $$'[1, "a", {"b": null}]'$$, $$'{"": {}}'$$, $$'{"factors": null}'$$,
		$$'{"factors": "x"}'$$, $$'{"factors": [1, "x", null, {}]}'$$, $$'{"factors": 1e400}'$$, $$'{"factors": -1}'$$, $$'{"factors": [], "regularization": []}'$$, $$'[{"factors": 1e9}, {"factors": 0.5}]'$$,
		$$'{"title": "NaN"}'$$, $$'{"title": -1, "item": 1e308}'$$, $$(repeat('[', 2000) || repeat(']', 2000))$$, $$('{"' || repeat('k', 100000) || '": 1}')$$,
		$$(SELECT json_object_agg('key ' || g, g)::text FROM generate_series(1, 5000) g)$$, $$(SELECT json_agg(g)::text FROM generate_series(1, 20000) g)$$], false),
	(ARRAY['bytea'], ARRAY['NULL', $$''$$, $$'\x00'$$, $$'\xff'$$, $$(convert_to(repeat('x', 100000), 'UTF8'))$$], false)
) v(types, expressions, sound), unnest(types) t, unnest(expressions) expression;

-- Text means a name, a word among some, or a query.  Words are those that the defaults of arguments use.
INSERT INTO hostile.value
SELECT 'text'::regtype, expression, true
FROM (SELECT DISTINCT substring(pg_get_function_arg_default(p.oid, g) FROM $$^('.*')::text$$) AS expression
      FROM pg_proc p, generate_series(1, 40) g WHERE p.oid IN (SELECT function FROM hostile.function WHERE kind <> 'a')) d
WHERE expression IS NOT NULL
UNION SELECT 'text'::regtype, quote_literal(w), true
FROM unnest(ARRAY['none', 'cosine', 'ward', 'kmeans++', 'random', 'explicit', 'ease', 'item_knn', 'user_knn', 'rp3beta', 'popular', 'buy_again', 'sgd', 'zscore', '64MB', 'en', 'zh', 'customer', 'item', 'public', 'UTC', 'hc1', 'unit, day', 'where is my parcel', '快递什么时候到']) w;
INSERT INTO hostile.value
SELECT 'text'::regtype, expression, false
FROM unnest(ARRAY['NULL', $$''$$, $$' '$$, $$E'\t\n\r\x01'$$, $$'NaN'$$, $$'-1'$$, $$'0'$$, $$'1e400'$$, $$'0MB'$$, $$'1kB'$$, $$'99999999TB'$$, $$'-5GB'$$, $$'1 parsec'$$,
	$$'O''Reilly"; DROP TABLE hostile.purchases; --'$$, $$'%s%n%d%1$s'$$, $$'$1'$$, $$'\'$$, $$'"'$$, $$''''$$, $$'promoai.models'$$, $$'pg_catalog.pg_class'$$, $$'nowhere.nothing'$$, $$'../../../etc/passwd'$$,
	$$repeat('x', 63)$$, $$repeat('x', 64)$$, $$repeat('é', 10000)$$, $$repeat('x', 1000000)$$, $$repeat('a b ', 50000)$$, $$repeat(E'\U0001F600', 20000)$$, $$repeat('(', 20000)$$,
	$$E'\u202Eabc\u202C'$$, $$'שלום עולם'$$, $$'مرحبا'$$, $$E'\U0001F469\u200D\U0001F469\u200D\U0001F467\u200D\U0001F466'$$, $$E'\U000E0FFF'$$, $$E'\uFFFF'$$, $$E'\uFEFF'$$, $$E'e\u0301\u0301\u0301'$$, $$E'\U0010FFFF'$$, $$E'\uAC00\u1100\u1161'$$, $$repeat(E'\u0301', 5000)$$, $$'İıßﬁǅ'$$,
	$$'SELECT'$$, $$'SELECT 1'$$, $$'SELECT 1; SELECT 2'$$, $$'SELECT WHERE false'$$, $$'DELETE FROM hostile.purchases'$$, $$'COPY hostile.purchases TO STDOUT'$$, $$'EXPLAIN SELECT 1'$$, $$'COMMIT'$$, $$'CREATE TABLE hostile.planted ()'$$,
	$$'TABLE nowhere'$$, $$'hostile.nothing'$$, $$'TABLE hostile.nothing'$$, $$'SELECT NULL, NULL, NULL'$$, $$'VALUES (1, 1, 1)'$$, $$'VALUES (1, 1), (1, 2), (NULL, 3)'$$, $$'SELECT 1/0, 1'$$,
	$$'SELECT ''NaN''::float8, 1, 1'$$, $$'SELECT 1, 1, ''NaN''::float8'$$, $$'SELECT 1, ''infinity''::float8, 1'$$, $$'SELECT 1, ''infinity''::timestamptz, 1'$$, $$'SELECT g, ''-infinity''::timestamptz, 1 FROM generate_series(1, 5) g'$$, $$'SELECT 1, ''4713-01-01 BC''::date, 1'$$,
	$$'SELECT g, g, 1e308::float8 FROM generate_series(1, 9) g'$$, $$'SELECT g, 1e300::float8, -1e300::float8 FROM generate_series(1, 9) g'$$, $$'SELECT ''NaN''::numeric, 1e400::numeric'$$, $$'SELECT 9223372036854775807, -9223372036854775808'$$, $$'SELECT g, 1, 1 FROM generate_series(1, 500) g'$$, $$'SELECT 1, g, 1 FROM generate_series(1, 500) g'$$, $$'SELECT 7, 7, 7.0::float8, true FROM generate_series(1, 50) g'$$,
	$$'SELECT g, g % 3, g::float8, g % 2 = 0, g, g, g FROM generate_series(1, 40) g'$$, $$'SELECT '''', '''', '''''$$, $$'SELECT repeat(''x'', 100000), repeat(''y'', 100000)'$$, $$'SELECT o, o FROM hostile.orders o'$$, $$'SELECT ARRAY[1], ARRAY[2]'$$, $$'SELECT g, ARRAY[1, NULL, 3]::float8[] FROM generate_series(1, 5) g'$$, $$'SELECT g, (SELECT array_agg(i::float8) FROM generate_series(1, g) i) FROM generate_series(1, 5) g'$$, $$'SELECT point(1, 2), circle(point(1, 2), 3)'$$, $$'SELECT ''{}''::jsonb, ''\x00''::bytea'$$,
	$$'SELECT uuid(md5(g::text)), g::text, g FROM generate_series(1, 30) g'$$, $$'SELECT current_user, session_user'$$, $$'SELECT customer, item FROM hostile.purchases FOR UPDATE'$$, $$'WITH x AS (INSERT INTO hostile.nothing VALUES (1, 1) RETURNING *) SELECT * FROM x'$$, $$'SELECT set_config(''search_path'', '''', false), 1'$$, $$'SELECT nextval(''nowhere''), 1'$$,
	$$('SELECT ' || repeat('1,', 1663) || '1')$$, $$('SELECT g, ' || repeat('g::float8,', 200) || 'g FROM generate_series(1, 10) g')$$, $$('SELECT ' || repeat('(', 3000) || '1' || repeat(')', 3000))$$, $$'SELECT $1, $2'$$, $$'SELECT a, b FROM (SELECT 1 AS a, 2 AS a) s'$$, $$'SELECT * FROM promoai.models'$$, $$'SELECT version, version FROM promoai.model_versions'$$, $$'SELECT c.customer, r.item FROM hostile.purchases c, promoai.cf_recommend(''mf'', c.customer, k => 1) r'$$
]) expression;

-- Queries over the shop, of which some will suit a function that takes a source.
CREATE TABLE hostile.source (query text NOT NULL);
INSERT INTO hostile.source VALUES
	('hostile.purchases'), ('SELECT customer, item FROM hostile.purchases'), ('SELECT customer, item, quantity, at FROM hostile.purchases'), ('SELECT customer, item, at FROM hostile.purchases'),
	('SELECT customer_text, item_text FROM hostile.ids'), ('SELECT customer_uuid, item_uuid FROM hostile.ids'), ('SELECT customer, at, amount FROM hostile.orders'), ('SELECT at, amount FROM hostile.orders'),
	('hostile.amounts'), ('SELECT item, title FROM hostile.articles'), ('SELECT customer, x, y FROM hostile.shape'), ('SELECT item, at, quantity FROM hostile.purchases'),
	('SELECT sales, promo FROM hostile.panel'), ('SELECT unit, day, sales, promo FROM hostile.panel'), ('SELECT unit, category, sales, price FROM hostile.panel'), ('SELECT unit, sales, price FROM hostile.panel'),
	('SELECT text, label FROM hostile.texts'), ('SELECT text FROM hostile.texts'), ('SELECT id, text FROM hostile.texts'), ('SELECT id, text, label FROM hostile.texts'), ('SELECT label, text FROM hostile.texts');

-- What the arguments of these names want to have, where the type alone does not tell.
INSERT INTO hostile.named SELECT n, 'text'::regtype, quote_literal(query) FROM unnest(ARRAY['source', 'interactions', 'corpus', 'documents']) n, hostile.source;
-- What goes together in one function only: its name and the argument's.  Trainers that are found leave a model of their name.
INSERT INTO hostile.named VALUES
	('segment_drift.model', 'text', $$'segment'$$), ('segment_drift.source', 'text', $$'SELECT customer, x, y FROM hostile.shape'$$),
	('embed_import.source', 'text', $$'SELECT word, vector FROM hostile.word_vectors'$$),
	('text_classify_train.source', 'text', $$'SELECT text, label FROM hostile.texts'$$), ('sentiment_train.source', 'text', $$'SELECT text, stars FROM hostile.texts'$$),
	('sentiment.model', 'text', $$'sentiment_train'$$), ('sentiment.model', 'promoai.model_bytes', $$(SELECT promoai.model_value('sentiment_train')::text)$$),
	('text_classify_evaluate.model', 'text', $$'text_classify_train'$$), ('text_classify_evaluate.source', 'text', $$'SELECT text, label FROM hostile.texts'$$),
	('elasticity_final.state', 'promoai.lift_state', $$(SELECT promoai.elasticity_add(promoai.elasticity_add(NULL, 20, 3), 24, 2.5)::text)$$),
	('text_confusions.model', 'text', $$'text_classify_train'$$), ('text_confusions.source', 'text', $$'SELECT text, label FROM hostile.texts'$$);
-- Functions that suit few of the models or sources.
INSERT INTO hostile.named SELECT name || '.model', 'text'::regtype, quote_literal(model)
FROM (VALUES ('embed_text', 'embed_train'), ('embed_word', 'embed_train'), ('embed_similar_words', 'embed_train'), ('embed_analogy', 'embed_train'), ('clv_predict', 'clv'), ('model_rollback', 'mf'), ('segment_assign', 'segment'),
	('text_label', 'text_classify_train'), ('text_classify', 'text_classify_train'), ('text_classify_top', 'text_classify_train'), ('text_explain', 'text_classify_train'),
	('basket_recommend', 'basket'), ('basket_recommend', 'basket text'), ('basket_recommend', 'basket uuid')) f (name, model);
INSERT INTO hostile.named SELECT name || '.model', 'promoai.model_bytes'::regtype, format('(SELECT promoai.model_value(%L)::text)', model)
FROM (VALUES ('embed_text', 'embed_train'), ('embed_word', 'embed_train'), ('embed_similar_words', 'embed_train'), ('embed_analogy', 'embed_train'), ('segment_assign', 'segment'),
	('text_label', 'text_classify_train'), ('text_classify', 'text_classify_train'), ('text_classify_top', 'text_classify_train'), ('text_explain', 'text_classify_train')) f (name, model);
INSERT INTO hostile.named SELECT f || '.model', 'text'::regtype, format('''mf %s %s''', c, i)
FROM unnest(ARRAY['cf_explain', 'cf_target_users', 'cf_similar_items', 'cf_predict']) f, unnest(ARRAY['bigint', 'text', 'uuid']) c, unnest(ARRAY['bigint', 'text', 'uuid']) i;
INSERT INTO hostile.named VALUES
	('embed_train.source', 'text', $$'SELECT text FROM hostile.texts'$$), ('kmeans_train.source', 'text', $$'SELECT customer, x, y FROM hostile.shape'$$),
	('kmeans_sweep.source', 'text', $$'SELECT customer, x, y FROM hostile.shape'$$), ('hierarchical_tree.source', 'text', $$'SELECT customer, x, y FROM hostile.shape'$$);
-- A state takes rows of its own form only, with as many covariates.
INSERT INTO hostile.named SELECT name || '.state', 'promoai.lift_state'::regtype, format('(SELECT promoai.%1$s(promoai.%1$s(NULL, 20, %2$s), 24, %2$s)::text)', name, arguments)
FROM (VALUES ('elasticity_add', '3'), ('elasticity_add_cluster', '3, 7'), ('elasticity_add_covariates', '3, ARRAY[1, 2]'), ('elasticity_add_covariates_cluster', '3, ARRAY[1, 2], 7'),
	('lift_add_boolean_covariates', 'true, ARRAY[1, 2]'), ('lift_add_boolean_covariates_cluster', 'true, ARRAY[1, 2], 7'),
	('lift_add_graded_covariates', '0.5, ARRAY[1, 2]'), ('lift_add_graded_covariates_cluster', '0.5, ARRAY[1, 2], 7')) f (name, arguments);
INSERT INTO hostile.named SELECT name || '.covariates', 'float8[]'::regtype, 'ARRAY[1, 2]'
FROM unnest(ARRAY['elasticity_add_covariates', 'elasticity_add_covariates_cluster', 'lift_add_boolean_covariates', 'lift_add_boolean_covariates_cluster', 'lift_add_graded_covariates', 'lift_add_graded_covariates_cluster']) name;
INSERT INTO hostile.named VALUES
	('role', 'text', $$'hostile_user'$$), ('account', 'text', $$'customer'$$), ('threshold', 'float8', '150'), ('version', 'int4', '1'), ('memory', 'text', $$'64MB'$$), ('every', 'interval', $$'1 day'$$),
	('features', 'float8[]', 'ARRAY[3, 4]'), ('language', 'text', $$'en'$$), ('label', 'text', $$'delivery'$$), ('method', 'text', $$'item_knn'$$), ('method', 'text', $$'ease'$$), ('grid', 'jsonb', $$'{"method": ["ease", "popular"]}'$$),
	('grid', 'jsonb', $$'[{"method": "ease"}]'$$), ('models', 'text[]', $$ARRAY['mf', 'ease']$$), ('text', 'text', $$'where is my parcel'$$),
	('customer', 'text', $$'c7'$$), ('item', 'text', $$'i7'$$), ('items', 'text[]', $$ARRAY['i7', 'i9']$$);

-- Values of a type: those above, and for other types what follows from their elements, columns or labels.
CREATE FUNCTION hostile.add_values(wanted regtype) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
	t pg_type;
	c record;
BEGIN
	SELECT * INTO t FROM pg_type WHERE oid = wanted;
	IF EXISTS (SELECT FROM hostile.value WHERE type = wanted) THEN
		RETURN;
	ELSIF t.typcategory = 'A' THEN
		PERFORM hostile.add_values(t.typelem);
		INSERT INTO hostile.value
		SELECT wanted, format('ARRAY[(%s)::%2$s, (%3$s)::%2$s]', a, t.typelem::regtype, b), true
		FROM (SELECT expression AS a, coalesce(lead(expression) OVER (ORDER BY expression), expression) AS b FROM hostile.value WHERE type = t.typelem AND sound LIMIT 6) s
		ON CONFLICT DO NOTHING;
		INSERT INTO hostile.value
		SELECT wanted, e, false FROM (
			SELECT unnest(ARRAY['NULL', $q$'{}'$q$, $q$'{NULL}'$q$, $q$'{NULL,NULL,NULL}'$q$]) AS e
			UNION ALL SELECT format('ARRAY[(%s)::%s]', expression, t.typelem::regtype) FROM hostile.value WHERE type = t.typelem AND NOT sound AND length(expression) < 200
			UNION ALL SELECT format(f, '(' || min(expression) || ')::' || t.typelem::regtype) FROM hostile.value,
				unnest(ARRAY['ARRAY[[%1$s, %1$s], [%1$s, %1$s]]', 'array_fill(%1$s, ARRAY[3], ARRAY[5])', 'array_fill(%1$s, ARRAY[2], ARRAY[-2147483648])', 'array_fill(%1$s, ARRAY[1], ARRAY[2147483646])', 'array_fill(%1$s, ARRAY[1,1,1,1,1,1])',
					'array_fill(%1$s, ARRAY[20000])', 'array_fill(%1$s, ARRAY[300000])', 'array_fill(%1$s, ARRAY[1000])', 'ARRAY[%1$s, NULL, %1$s]', 'ARRAY[NULL, %1$s]']) f WHERE type = t.typelem AND sound GROUP BY f) s
		WHERE e IS NOT NULL ON CONFLICT DO NOTHING;
	ELSIF t.typtype = 'd' THEN
		PERFORM hostile.add_values(t.typbasetype);
		INSERT INTO hostile.value SELECT wanted, expression, sound FROM hostile.value WHERE type = t.typbasetype;
	ELSIF t.typtype = 'e' THEN
		INSERT INTO hostile.value SELECT wanted, quote_literal(enumlabel), true FROM pg_enum WHERE enumtypid = wanted;
		INSERT INTO hostile.value VALUES (wanted, 'NULL', false), (wanted, $q$'no such label'$q$, false);
	ELSIF t.typtype = 'c' THEN
		FOR c IN SELECT atttypid FROM pg_attribute WHERE attrelid = t.typrelid AND attnum > 0 AND NOT attisdropped LOOP
			PERFORM hostile.add_values(c.atttypid);
		END LOOP;
		INSERT INTO hostile.value VALUES (wanted, 'NULL', false);
		INSERT INTO hostile.value
		SELECT wanted, 'ROW(' || string_agg(pick, ', ' ORDER BY attnum) || ')', false
		FROM (SELECT g, attnum, (SELECT format('(%s)::%s', expression, atttypid::regtype) FROM hostile.value WHERE type = atttypid ORDER BY md5(g || ' ' || attnum || expression) LIMIT 1) AS pick
		      FROM pg_attribute, generate_series(1, 40) g WHERE attrelid = t.typrelid AND attnum > 0 AND NOT attisdropped) s
		GROUP BY g ON CONFLICT DO NOTHING;
		INSERT INTO hostile.value
		SELECT wanted, 'ROW(' || string_agg('NULL', ', ') || ')', false FROM pg_attribute WHERE attrelid = t.typrelid AND attnum > 0 AND NOT attisdropped;
	ELSE -- a type of our own: forged values are made from genuine ones, see forge_values
		INSERT INTO hostile.value VALUES (wanted, 'NULL', false), (wanted, $q$''$q$, false), (wanted, $q$'00'$q$, false), (wanted, $q$'\x'$q$, false), (wanted, $q$'zz'$q$, false), (wanted, $q$repeat('00', 1000)$q$, false), (wanted, $q$repeat('f', 100001)$q$, false), (wanted, $q$'{}'$q$, false);
	END IF;
END $$;

-- ---- calls as text ----
-- The arguments of a call; NULL among the expressions is an argument left to its default.
CREATE FUNCTION hostile.arguments_text(called regprocedure, expressions text[]) RETURNS text LANGUAGE sql AS $$
SELECT coalesce(string_agg(coalesce(quote_ident(a.name) || ' => ', '') || format(CASE a.type WHEN 'cstring'::regtype THEN 'textout((%s)::text)' ELSE '(%s)::%s' END, expressions[a.position], a.type), ', ' ORDER BY a.position), '')
FROM hostile.argument a WHERE a.function = called AND expressions[a.position] IS NOT NULL
$$;

CREATE FUNCTION hostile.plain_name(called regprocedure) RETURNS text LANGUAGE sql AS $$SELECT 'promoai.' || quote_ident(proname) FROM pg_proc WHERE oid = called$$;


-- shape: plain, group, filter, window, frame, lateral.  calls [rows][arguments]
CREATE FUNCTION hostile.statement(called regprocedure, shape text, calls text[][]) RETURNS text LANGUAGE plpgsql STABLE AS $$
DECLARE
	f record;
	given int[];
	rows text;
	columns text;
	call text;
	first text[];
BEGIN
	SELECT * INTO f FROM hostile.function WHERE function = called;
	SELECT array_agg(calls[1][i] ORDER BY i) INTO first FROM generate_series(1, f.arguments) i;
	IF f.kind = 'p' THEN
		RETURN format('CALL %s(%s)', hostile.plain_name(called), hostile.arguments_text(called, first));
	ELSIF shape = 'plain' AND f.kind = 'f' THEN
		IF f.returns_set THEN
			RETURN format('SELECT sum(length(r::text)) FROM %s(%s) r', hostile.plain_name(called), hostile.arguments_text(called, first));
		END IF;
		RETURN format('SELECT length(r::text) FROM (SELECT %s(%s) AS r OFFSET 0) s', hostile.plain_name(called), hostile.arguments_text(called, first));
	END IF;
	-- an argument is left out for all rows or for none
	SELECT array_agg(position ORDER BY position), string_agg(format('v.c%s', position), ', ' ORDER BY position),
	       string_agg(coalesce(quote_ident(name) || ' => ', '') || format(CASE type WHEN 'cstring'::regtype THEN 'textout(v.c%s)' ELSE 'v.c%s' END, position), ', ' ORDER BY position)
	INTO given, columns, call FROM hostile.argument WHERE function = called AND calls[1][position] IS NOT NULL;
	SELECT string_agg('(' || r || (SELECT coalesce(string_agg(format(', (%s)::%s', coalesce(calls[r][a.position], 'NULL'), CASE a.type WHEN 'cstring'::regtype THEN 'text' ELSE a.type::text END), '' ORDER BY a.position), '')
	                               FROM hostile.argument a WHERE a.function = called AND a.position = ANY (given)) || ')', ', ' ORDER BY r)
	INTO rows FROM generate_subscripts(calls, 1) r;
	rows := format('(VALUES %s) v(n%s)', rows, coalesce(', ' || replace(columns, 'v.', ''), ''));
	call := hostile.plain_name(called) || '(' || coalesce(call, '') || ')';
	IF f.kind = 'f' THEN
		RETURN format('SELECT sum(length(r::text)) FROM %s, LATERAL %s r', rows, call);
	ELSIF shape = 'window' OR (f.kind = 'w' AND shape = 'plain') THEN
		RETURN format('SELECT sum(length(r::text)) FROM (SELECT %s OVER () AS r FROM %s) s', call, rows);
	ELSIF shape = 'frame' THEN
		RETURN format('SELECT sum(length(r::text)) FROM (SELECT %s OVER (ORDER BY v.n ROWS BETWEEN 1 PRECEDING AND CURRENT ROW) AS r FROM %s) s', call, rows);
	ELSIF f.kind = 'w' THEN
		RETURN format('SELECT sum(length(r::text)) FROM (SELECT %s OVER (PARTITION BY v.n %% 2 ORDER BY v.n) AS r FROM %s) s', call, rows);
	ELSIF shape = 'group' THEN
		RETURN format('SELECT sum(length(r::text)) FROM (SELECT %s AS r FROM %s GROUP BY v.n %% 2) s', call, rows);
	ELSIF shape = 'filter' THEN
		RETURN format('SELECT %s::text FROM %s', replace(call, ')', ' ORDER BY v.n DESC)') || ' FILTER (WHERE v.n <> 2)', rows);
	END IF;
	RETURN format('SELECT %s::text FROM %s', call, rows);
END $$;

-- Do it and undo it: what it answers, and how long it took.  Nothing of it stays.
CREATE FUNCTION hostile.try(statement text, OUT state text, OUT message text, OUT milliseconds float8) LANGUAGE plpgsql AS $$
DECLARE
	began timestamptz := clock_timestamp();
BEGIN
	-- The time limit may strike while an error is on its way out, which the outer block is for.
	BEGIN
		BEGIN
			EXECUTE statement;
			RAISE EXCEPTION USING ERRCODE = 'HS000';
		EXCEPTION WHEN query_canceled OR assert_failure OR others THEN
			GET STACKED DIAGNOSTICS state = RETURNED_SQLSTATE, message = MESSAGE_TEXT;
			message := left(message, 300);
		END;
	EXCEPTION WHEN query_canceled THEN
		GET STACKED DIAGNOSTICS state = RETURNED_SQLSTATE, message = MESSAGE_TEXT;
	END;
	IF state = 'HS000' THEN
		state := '00000';
		message := NULL;
	END IF;
	milliseconds := extract(epoch FROM clock_timestamp() - began) * 1000;
END $$;

-- ---- sound calls ----
CREATE TABLE hostile.sound_call (function regprocedure PRIMARY KEY, calls text[][], attempts int);

-- A sound value of an argument, by its name or else its type; with no order of its own.
CREATE FUNCTION hostile.pick_sound(called regprocedure, wanted int) RETURNS text LANGUAGE plpgsql VOLATILE AS $$
DECLARE
	a record;
	pick text;
BEGIN
	SELECT * INTO a FROM hostile.argument WHERE function = called AND position = wanted;
	SELECT n.expression INTO pick FROM hostile.named n JOIN hostile.function f ON n.means = f.name || '.' || a.means WHERE f.function = called AND n.type = a.type ORDER BY random() LIMIT 1;
	IF pick IS NULL AND a.type = 'cstring'::regtype THEN -- the text form of a type of ours
		SELECT format('(SELECT written FROM hostile.genuine WHERE id OPERATOR(pg_catalog.=) %s)', g.id) INTO pick
		FROM hostile.genuine g JOIN hostile.function f ON f.result = g.type WHERE f.function = called ORDER BY random() LIMIT 1;
	END IF;
	IF pick IS NOT NULL THEN
		RETURN pick;
	END IF;
	IF a.means = 'model' AND a.type = 'text'::regtype AND EXISTS (SELECT FROM hostile.argument WHERE function = called AND (means IN ('source', 'models'))) AND random() < 0.5 THEN
		RETURN quote_literal('fresh');
	ELSIF a.means = 'model' AND a.type = 'text'::regtype THEN
		SELECT quote_literal(model) INTO pick FROM promoai.models ORDER BY random() LIMIT 1;
	ELSE
		SELECT expression INTO pick FROM hostile.named n WHERE n.means = a.means AND n.type = a.type ORDER BY random() LIMIT 1;
	END IF;
	IF pick IS NULL THEN
		SELECT expression INTO pick FROM hostile.value v WHERE v.type = a.type AND v.sound ORDER BY random() LIMIT 1;
	END IF;
	IF pick IS NULL THEN
		SELECT expression INTO pick FROM hostile.value v WHERE v.type = a.type ORDER BY random() LIMIT 1;
	END IF;
	RETURN pick;
END $$;

CREATE FUNCTION hostile.sound_row(called regprocedure, optional_share float8 DEFAULT 0) RETURNS text[] LANGUAGE sql VOLATILE AS $$
SELECT array_agg(CASE WHEN NOT a.optional OR random() < optional_share THEN hostile.pick_sound(called, a.position) END ORDER BY a.position) FROM hostile.argument a WHERE a.function = called
$$;

-- Aggregates and window functions get some rows, others one.  Values of a type of ours go together only with their like.
CREATE FUNCTION hostile.sound_rows(called regprocedure, optional_share float8 DEFAULT 0) RETURNS text[][] LANGUAGE plpgsql VOLATILE AS $$
DECLARE
	kind text := (SELECT f.kind FROM hostile.function f WHERE function = called);
	calls text[][];
	one text[] := hostile.sound_row(called, optional_share);
BEGIN
	IF one IS NULL THEN
		RETURN NULL;
	END IF;
	calls := ARRAY[one];
	IF kind = 'w' THEN -- what is not the first argument must be the same in all rows
		FOR i IN 1 .. 11 LOOP
			calls := calls || ARRAY[ARRAY['ARRAY[' || 1 + i * 7 % 5 || ',' || 1 + i * 3 % 4 || ']'] || one[2:]];
		END LOOP;
		calls[1][1] := 'ARRAY[1,2]';
	ELSIF kind = 'a' THEN
		FOR i IN 1 .. 11 LOOP
			calls := calls || ARRAY[(SELECT array_agg(CASE WHEN a.type IN (SELECT objid FROM hostile.member WHERE classid = 'pg_type'::regclass) THEN one[a.position] ELSE r.c END ORDER BY a.position)
			                         FROM unnest(hostile.sound_row(called)) WITH ORDINALITY r(c, position) JOIN hostile.argument a ON a.function = called AND a.position = r.position)];
		END LOOP;
	END IF;
	RETURN calls;
END $$;

CREATE FUNCTION hostile.find_sound_call(called regprocedure, attempts int) RETURNS boolean LANGUAGE plpgsql VOLATILE AS $$
DECLARE
	calls text[][];
BEGIN
	FOR i IN 1 .. attempts LOOP
		-- some functions want one of two optional arguments
		calls := hostile.sound_rows(called, CASE WHEN i > 10 AND i % 2 = 0 THEN 0.15 ELSE 0 END);
		IF (hostile.try(hostile.statement(called, 'plain', calls))).state = '00000' THEN
			INSERT INTO hostile.sound_call VALUES (called, calls, i);
			RETURN true;
		END IF;
		EXIT WHEN calls IS NULL;
	END LOOP;
	RETURN false;
END $$;

-- ---- models of every kind ----
CREATE FUNCTION hostile.train_models() RETURNS void LANGUAGE plpgsql AS $$
DECLARE
	f record;
	calls text[][];
BEGIN
	PERFORM promoai.mf_train('mf', 'SELECT customer, item, at FROM hostile.purchases', factors => 4, iterations => 2, holdout => 0);
	PERFORM promoai.mf_train('mf', 'SELECT customer, item, at FROM hostile.purchases', factors => 4, iterations => 3, holdout => 0);
	-- ids of every kind on either side
	PERFORM promoai.mf_train(format('mf %s %s', c, i), format('SELECT customer_%s, item_%s FROM hostile.ids', c, i), factors => 3, iterations => 2, holdout => 0)
	FROM unnest(ARRAY['bigint', 'text', 'uuid']) c, unnest(ARRAY['bigint', 'text', 'uuid']) i;
	PERFORM promoai.mf_train('ratings', 'SELECT customer_bigint, item_bigint, rating, at FROM hostile.ids', feedback => 'explicit', factors => 4, iterations => 2, holdout => 0);
	PERFORM promoai.cf_train(m, 'SELECT customer, item, at FROM hostile.purchases', m, holdout => 0) FROM unnest(ARRAY['ease', 'item_knn', 'user_knn', 'rp3beta', 'popular', 'buy_again']) m;
	PERFORM promoai.basket_train('basket', 'SELECT customer, item FROM hostile.purchases');
	PERFORM promoai.basket_train('basket ' || i, format('SELECT customer_bigint, item_%s FROM hostile.ids', i)) FROM unnest(ARRAY['text', 'uuid']) i;
	PERFORM promoai.content_train('content', 'SELECT item, title FROM hostile.articles', interactions => 'SELECT customer, item FROM hostile.purchases', holdout => 0);
	PERFORM promoai.hybrid_train('hybrid', ARRAY['mf', 'item_knn'], 'SELECT customer, item FROM hostile.purchases');
	PERFORM promoai.kmeans_train('segment', 'SELECT customer, x, y FROM hostile.shape', 3);
	PERFORM promoai.clv_train('clv', 'SELECT customer, at, amount FROM hostile.orders', holdout => 0);
	-- Trainers of kinds that are not named above: as they are found.
	FOR f IN SELECT function, name FROM hostile.function WHERE name LIKE '%\_train' ORDER BY function::text LOOP
		IF hostile.find_sound_call(f.function, 200) THEN
			SELECT s.calls INTO calls FROM hostile.sound_call s WHERE s.function = f.function;
			calls[1][1] := quote_literal(f.name);
			EXECUTE hostile.statement(f.function, 'plain', calls);
		END IF;
	END LOOP;
	DELETE FROM hostile.sound_call;
	INSERT INTO hostile.value SELECT 'text'::regtype, quote_literal(model), true FROM promoai.models ON CONFLICT DO NOTHING;
END $$;

-- ---- forged values ----
-- The genuine values of a type are what functions of the extension answer to sound calls.
CREATE TABLE hostile.genuine (id int GENERATED ALWAYS AS IDENTITY PRIMARY KEY, type regtype NOT NULL, written text NOT NULL);
CREATE UNIQUE INDEX ON hostile.genuine (type, md5(written));
CREATE TABLE hostile.forged (id int GENERATED ALWAYS AS IDENTITY PRIMARY KEY, type regtype NOT NULL, written text NOT NULL);

CREATE FUNCTION hostile.collect_genuine() RETURNS void LANGUAGE plpgsql AS $$
DECLARE
	f record;
	answer text;
	calls text[][];
BEGIN
	FOR f IN SELECT fn.function, fn.result, m.model
	         FROM hostile.function fn JOIN pg_type t ON t.oid = fn.result
	         CROSS JOIN LATERAL (SELECT model FROM promoai.models WHERE EXISTS (SELECT FROM hostile.argument a WHERE a.function = fn.function AND means = 'model' AND position = 1)
	                             UNION ALL SELECT NULL FROM generate_series(1, 20) WHERE NOT EXISTS (SELECT FROM hostile.argument a WHERE a.function = fn.function AND means = 'model')) m
	         WHERE t.oid IN (SELECT objid FROM hostile.member WHERE classid = 'pg_type'::regclass) AND NOT fn.returns_set AND NOT fn.is_volatile ORDER BY fn.function::text, m.model LOOP
		calls := hostile.sound_rows(f.function);
		IF f.model IS NOT NULL THEN
			calls[1][1] := quote_literal(f.model);
		END IF;
		BEGIN
			EXECUTE replace(replace(hostile.statement(f.function, 'plain', calls), 'length(r::text)', 'r::text'), 'sum(r::text)', 'min(r::text)') INTO answer;
			INSERT INTO hostile.genuine (type, written) SELECT f.result, answer WHERE answer <> '' ON CONFLICT DO NOTHING;
		EXCEPTION WHEN others THEN
			CONTINUE; -- not every call that could be made answers
		END;
	END LOOP;
	INSERT INTO hostile.value
	SELECT type, format('(SELECT written FROM hostile.genuine WHERE id OPERATOR(pg_catalog.=) %s)', id), true
	FROM (SELECT *, row_number() OVER (PARTITION BY type ORDER BY md5(written)) AS n FROM hostile.genuine) g WHERE n <= 24 ON CONFLICT DO NOTHING;
	INSERT INTO hostile.value SELECT 'cstring', expression, sound FROM hostile.value WHERE expression LIKE '%hostile.genuine%' AND type IN (SELECT oid FROM pg_type WHERE typtype = 'b') ON CONFLICT DO NOTHING;
END $$;

-- Cut, lengthened, digits changed, four and eight bytes put to what counts and numbers overflow by: all in the text form.
CREATE FUNCTION hostile.forge_values() RETURNS void LANGUAGE sql AS $$
INSERT INTO hostile.forged (type, written)
SELECT g.type, f
FROM (SELECT *, row_number() OVER (PARTITION BY type ORDER BY md5(written)) AS n FROM hostile.genuine WHERE type IN (SELECT oid FROM pg_type WHERE typtype = 'b')) g,
     generate_series(1, 40) i,
     LATERAL (SELECT ('x' || substr(md5(g.n || ' ' || i), 1, 7))::bit(28)::int AS r1, ('x' || substr(md5(g.n || ' ' || i), 8, 7))::bit(28)::int AS r2) r,
     LATERAL (SELECT 1 + 2 * (CASE WHEN i % 3 = 0 THEN r1 % (length(g.written) / 2) ELSE r1 % least(length(g.written) / 2, 80) END) AS at) p,
     LATERAL (SELECT CASE i % 4
		WHEN 0 THEN left(g.written, at)
		WHEN 1 THEN overlay(g.written PLACING substr('0123456789abcdef', 1 + r2 % 16, 1) FROM at + r2 % 2)
		WHEN 2 THEN overlay(g.written PLACING (ARRAY['ffffffff', '7fffffff', '80000000', '00000000', '00000001', 'ffffffffffffffff', '7ff0000000000000', '7ff8000000000000', '7fffffffffffffff', '0000000000000001', 'c1e0000000000000', '7fefffffffffffff'])[1 + r2 % 12] FROM at)
		ELSE g.written || repeat('00', 1 + r2 % 9) END AS f) x
WHERE g.n <= 40;
INSERT INTO hostile.value
SELECT type, format('(SELECT written FROM hostile.forged WHERE id OPERATOR(pg_catalog.=) %s)', id), false
FROM (SELECT *, row_number() OVER (PARTITION BY type ORDER BY md5(id::text)) AS n FROM hostile.forged) f WHERE n <= 400 ON CONFLICT DO NOTHING;
INSERT INTO hostile.value SELECT 'cstring'::regtype, expression, false FROM hostile.value WHERE expression LIKE '%hostile.forged%' ON CONFLICT DO NOTHING
$$;

CREATE FUNCTION hostile.find_sound_calls(attempts int) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
	f record;
BEGIN
	FOR f IN SELECT function FROM hostile.function EXCEPT SELECT function FROM hostile.sound_call LOOP
		PERFORM hostile.find_sound_call(f.function, attempts);
	END LOOP;
END $$;

-- Sound calls of what takes no value of a type of the extension's.
CREATE FUNCTION hostile.prepare_plain() RETURNS void LANGUAGE plpgsql AS $$
BEGIN
	PERFORM setseed(0.5);
	PERFORM hostile.add_values(type) FROM (SELECT DISTINCT type FROM hostile.argument WHERE type <> 'cstring'::regtype) t;
	PERFORM hostile.add_values('text');
	INSERT INTO hostile.value SELECT 'cstring'::regtype, expression, false FROM hostile.value WHERE type = 'text'::regtype;
	SET LOCAL ROLE hostile_user;
	PERFORM hostile.train_models();
	PERFORM hostile.find_sound_calls(20);
	RESET ROLE;
END $$;

CREATE FUNCTION hostile.prepare() RETURNS void LANGUAGE plpgsql AS $$
BEGIN
	PERFORM hostile.prepare_plain();
	SET LOCAL ROLE hostile_user;
	PERFORM hostile.collect_genuine();
	PERFORM hostile.find_sound_calls(300);
	PERFORM hostile.collect_genuine();
	RESET ROLE;
END $$;

-- ---- the calls to make ----
CREATE TABLE hostile.call (id int GENERATED ALWAYS AS IDENTITY PRIMARY KEY, function regprocedure, how text, statement text);
CREATE TABLE hostile.result (id int PRIMARY KEY, state text, message text, milliseconds float8);

CREATE FUNCTION hostile.pick_hostile(wanted regtype) RETURNS text LANGUAGE sql VOLATILE AS $$
SELECT expression FROM hostile.value WHERE type = wanted AND NOT sound ORDER BY random() LIMIT 1
$$;

-- One call: the sound one with the arguments at these places replaced.
CREATE FUNCTION hostile.add_call(called regprocedure, shape text, places int[], values_there text[], how text) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
	calls text[][];
	kind text;
	n int;
	whole boolean;
BEGIN
	SELECT f.kind, f.arguments INTO kind, n FROM hostile.function f WHERE function = called;
	SELECT s.calls INTO calls FROM hostile.sound_call s WHERE function = called;
	IF calls IS NULL THEN
		calls := hostile.sound_rows(called);
	END IF;
	IF kind = 'f' AND shape = 'lateral' THEN
		calls := calls || calls || calls;
	END IF;
	FOR i IN 1 .. cardinality(places) LOOP
		-- an argument that was left out is given in every row, else one row has the odd value
		whole := calls[1][places[i]] IS NULL OR (kind = 'w' AND places[i] > 1);
		FOR r IN 1 .. coalesce(array_length(calls, 1), 0) LOOP
			IF whole OR r = least(2, array_length(calls, 1)) THEN
				calls[r][places[i]] := values_there[i];
			END IF;
		END LOOP;
	END LOOP;
	INSERT INTO hostile.call (function, how, statement) VALUES (called, how, hostile.statement(called, shape, calls));
END $$;

CREATE FUNCTION hostile.a_shape(kind text) RETURNS text LANGUAGE sql VOLATILE AS $$
SELECT CASE kind
	WHEN 'a' THEN (ARRAY['plain', 'group', 'filter', 'window', 'frame'])[1 + floor(random() * 5)::int]
	WHEN 'w' THEN (ARRAY['window', 'frame', 'group'])[1 + floor(random() * 3)::int]
	ELSE (ARRAY['plain', 'plain', 'lateral'])[1 + floor(random() * 3)::int] END
$$;

-- One argument at a time, two, all of them: a third each when few are wanted; from 100,000 on, each hostile value for each argument
-- of its type, and a third for two and for all.
CREATE FUNCTION hostile.make_calls(wanted int, seed float8) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
	c record;
	places int[];
BEGIN
	PERFORM setseed(seed);
	FOR c IN SELECT function, kind, position, expression
	         FROM (SELECT f.function, f.kind, a.position, v.expression FROM hostile.function f JOIN hostile.argument a USING (function) JOIN hostile.value v ON v.type = a.type WHERE NOT v.sound ORDER BY random()) s
	         LIMIT CASE WHEN wanted < 100000 THEN wanted / 3 END LOOP
		PERFORM hostile.add_call(c.function, hostile.a_shape(c.kind), ARRAY[c.position], ARRAY[c.expression], 'one argument');
	END LOOP;
	FOR c IN SELECT f.function, f.kind, g FROM hostile.function f, generate_series(1, 1 + wanted / (SELECT count(*)::int FROM hostile.function)) g WHERE arguments > 0 ORDER BY g, md5(f.function::text || g)
	         LIMIT wanted - wanted / 3 LOOP
		SELECT array_agg(position) INTO places
		FROM (SELECT position FROM hostile.argument WHERE function = c.function AND (c.g % 2 = 0 OR NOT optional OR random() < 0.6) ORDER BY random() LIMIT CASE WHEN c.g % 2 = 0 THEN 2 ELSE 100 END) s;
		PERFORM hostile.add_call(c.function, hostile.a_shape(c.kind), places,
			(SELECT array_agg(CASE WHEN random() < 0.3 THEN hostile.pick_sound(c.function, p) ELSE hostile.pick_hostile((SELECT type FROM hostile.argument WHERE function = c.function AND position = p)) END) FROM unnest(places) p),
			CASE WHEN c.g % 2 = 0 THEN 'two arguments' ELSE 'all arguments' END);
	END LOOP;
END $$;

CREATE TABLE hostile.payload (id int GENERATED ALWAYS AS IDENTITY PRIMARY KEY, model text, bytes text);

-- With another payload stored and published: superusers alone can do that.
CREATE FUNCTION hostile.with_payload(changed text, hex text, statement text) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
	forged uuid := gen_random_uuid();
	current promoai.registry_versions;
BEGIN
	SELECT v.* INTO current FROM promoai.registry_versions v JOIN promoai.registry_models m ON m.current_version = v.version_id WHERE m.model = changed;
	INSERT INTO promoai.registry_payload (version_id, chunk, bytes)
	SELECT forged, min(chunk), decode(hex, 'hex') FROM promoai.registry_payload p WHERE p.version_id = current.version_id;
	current.version_id := forged;
	current.version := current.version + 1000;
	current.payload_bytes := length(hex) / 2;
	INSERT INTO promoai.registry_versions VALUES (current.*);
	UPDATE promoai.registry_models m SET current_version = forged WHERE m.model = changed;
	EXECUTE statement;
END $$;

-- All sound calls that a model answers, each with some of its forged payloads; forged values by COPY BINARY from files in a folder.
CREATE FUNCTION hostile.make_forged_calls(folder text, payloads int) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
	c record;
	asked text;
	calls text[][];
	large oid;
BEGIN
	FOR c IN SELECT DISTINCT p.model, s.function, s.calls FROM (SELECT DISTINCT model FROM hostile.payload) p, hostile.sound_call s JOIN hostile.argument a ON a.function = s.function AND a.position = 1 AND a.means = 'model' AND a.type = 'text'::regtype
	         WHERE s.function::text !~ '_train\(|retrain\(|cf_tune' ORDER BY 1, 2 LOOP
		calls := c.calls;
		calls[1][1] := quote_literal(c.model);
		asked := hostile.statement(c.function, 'plain', calls);
		IF (hostile.try(asked)).state = '00000' THEN
			INSERT INTO hostile.call (function, how, statement)
			SELECT c.function, 'forged payload', format('SELECT hostile.with_payload(%L, (SELECT bytes FROM hostile.payload WHERE id = %s), %L)', c.model, p.id, asked)
			FROM hostile.payload p WHERE p.model = c.model ORDER BY md5(p.bytes || c.function::text) LIMIT payloads;
		END IF;
	END LOOP;
	FOR c IN SELECT type, id, decode(ltrim(written, '\x'), 'hex') AS bytes FROM hostile.forged
	         WHERE ltrim(written, '\x') ~ '^([0-9a-f]{2})*$' ORDER BY md5(id::text) LIMIT 10 * payloads LOOP
		EXECUTE format('CREATE TABLE IF NOT EXISTS hostile.%I (received %s)', 'received ' || c.type, c.type);
		large := lo_from_bytea(0, '\x5047434f50590aff0d0a00'::bytea || '\x0000000000000000' || '\x0001' || int4send(length(c.bytes)) || c.bytes || '\xffff');
		PERFORM lo_export(large, format('%s/binary.%s', folder, c.id));
		PERFORM lo_unlink(large);
		INSERT INTO hostile.call (how, statement)
		VALUES ('binary input', format('COPY hostile.%I FROM %L WITH (FORMAT binary)', 'received ' || c.type, format('%s/binary.%s', folder, c.id)));
	END LOOP;
END $$;

-- The longest text that there can be, for every argument that takes text; as a query, its end is a comment.
CREATE FUNCTION hostile.make_long_texts() RETURNS void LANGUAGE plpgsql AS $$
DECLARE
	c record;
	long text := $q$repeat('a', 1073741800)$q$;
	element text := $q$repeat('a', 1073741700)$q$; -- an array's head is in the same gigabyte
BEGIN
	FOR c IN SELECT f.kind, a.*, t.typcategory = 'A' AS is_array
	         FROM hostile.function f JOIN hostile.argument a USING (function) JOIN pg_type t ON t.oid = a.type WHERE a.type IN ('text'::regtype, 'text[]'::regtype, 'cstring'::regtype) ORDER BY a.function::text, a.position LOOP
		PERFORM hostile.add_call(c.function, 'plain', ARRAY[c.position], ARRAY[CASE WHEN c.is_array THEN 'ARRAY[' || element || ']' ELSE long END], '1 GB');
		IF c.means = 'source' THEN
			PERFORM hostile.add_call(c.function, 'plain', ARRAY[c.position], ARRAY[format('%s || $q$ -- $q$ || repeat($q$a$q$, 1073741000)', $q$'SELECT 1, 1'$q$)], '1 GB');
		END IF;
	END LOOP;
END $$;

CREATE FUNCTION hostile.run(which int) RETURNS void LANGUAGE sql AS $$
INSERT INTO hostile.result SELECT which, t.* FROM hostile.call c, hostile.try(c.statement) t WHERE c.id = which
$$;
GRANT ALL ON ALL TABLES IN SCHEMA hostile TO hostile_user;
