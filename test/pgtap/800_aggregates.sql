-- Ready for many machines: what every aggregate of the extension must be, found from the catalogue, and that it gives over
-- shards what it gives over the whole.  A new aggregate of arguments that are not yet known needs a line in `inputs`.
BEGIN;
SELECT * FROM no_plan();
SET LOCAL client_min_messages = error;

CREATE TEMP VIEW member AS
SELECT classid, objid FROM pg_depend
WHERE refclassid = 'pg_extension'::regclass AND deptype = 'e' AND refobjid = (SELECT oid FROM pg_extension WHERE extname = 'promoai');
CREATE TEMP VIEW aggregates AS
SELECT a.*, p.proname, p.proargtypes, p.proparallel, p.pronargdefaults, p.prorettype,
       (SELECT string_agg(format_type(t, NULL), ', ' ORDER BY o) FROM unnest(p.proargtypes) WITH ORDINALITY x(t, o)) AS signature
FROM pg_aggregate a JOIN pg_proc p ON p.oid = a.aggfnoid WHERE p.oid IN (SELECT objid FROM member WHERE classid = 'pg_proc'::regclass);
SELECT cmp_ok((SELECT count(*) FROM aggregates), '>', 0::bigint, 'there are aggregates');

-- ---- the rules ----
SELECT is_empty($$SELECT aggfnoid::regprocedure, t.typname FROM aggregates JOIN pg_type t ON t.oid = aggtranstype
                  WHERE t.oid NOT IN (SELECT objid FROM member WHERE classid = 'pg_type'::regclass) OR typtype <> 'b' OR typlen <> -1 OR typalign <> 'd' OR typstorage = 'p'$$,
                'the state is a varlena type of ours, aligned as double, that can be compressed');
SELECT is_empty($$SELECT aggfnoid::regprocedure, t.typname FROM aggregates JOIN pg_type t ON t.oid = aggtranstype
                  WHERE 0 IN (typinput::oid, typoutput::oid, typreceive::oid, typsend::oid)$$, 'it has a text and a binary form');
SELECT is_empty($$SELECT aggfnoid::regprocedure FROM aggregates WHERE aggcombinefn = 0 OR aggserialfn <> 0 OR aggdeserialfn <> 0$$, 'states are combined as they are');
SELECT is_empty($$SELECT aggfnoid::regprocedure FROM aggregates JOIN pg_type t ON t.oid = ANY (proargtypes) OR t.oid IN (aggtranstype, prorettype) WHERE typtype = 'p'$$,
                'nothing internal, nothing polymorphic');
SELECT is_empty($$SELECT aggfnoid::regprocedure, p.oid::regprocedure FROM aggregates a JOIN pg_proc p ON p.oid IN (aggfnoid, aggtransfn, aggcombinefn, aggfinalfn) WHERE p.proparallel <> 's' OR p.provolatile <> 'i'$$,
                'all its functions are immutable and safe in parallel workers');
SELECT is_empty($$SELECT aggfnoid::regprocedure FROM aggregates WHERE aggkind <> 'n' OR aggfinalmodify <> 'r' OR aggfinalextra OR aggmtransfn <> 0 OR pronargdefaults > 0$$,
                'the final function leaves the state as it is and needs nothing else');
SELECT is_empty($$SELECT oid::regprocedure FROM pg_proc WHERE oid IN (SELECT objid FROM member WHERE classid = 'pg_proc'::regclass)
                  AND 'internal'::regtype = ANY (proargtypes) AND oid NOT IN (SELECT typreceive FROM pg_type)$$, 'only receive functions take what C alone can pass');

-- ---- labels of what scores ----
CREATE TEMP VIEW functions AS
SELECT p.*, p.oid::regprocedure AS function, p.proargnames[1] = 'model' AS of_model, p.proargtypes[0] AS first_type
FROM pg_proc p WHERE p.oid IN (SELECT objid FROM member WHERE classid = 'pg_proc'::regclass);
SELECT is_empty($$SELECT function FROM functions WHERE of_model AND first_type = 'text'::regtype AND provolatile = 'i'$$, 'what looks up a model is not immutable');
-- A model of texts may break words by a text search configuration, which is no part of its bytes and can be altered.
SELECT is_empty($$SELECT function FROM functions WHERE first_type = 'promoai.model_bytes'::regtype AND (proparallel <> 's' OR provolatile <> CASE WHEN proname ~ '^(text|embed|sentiment)' THEN 's' ELSE 'i' END)$$,
	'what takes a model as a value is safe in workers, and immutable but for models of texts');
-- What asks a model: all that names one first, but for these, which write, run a source or look at what changes within a statement.
CREATE TEMP VIEW asking AS
SELECT * FROM functions WHERE of_model AND pronargs > 0 AND proname NOT LIKE '%\_train'
AND proname NOT IN ('embed_import', 'cf_tune', 'evaluate', 'retrain', 'segment_drift', 'text_classify_evaluate', 'text_confusions', 'schedule_retrain', 'unschedule_retrain', 'cancel_run',
                    'model_drop', 'model_grant', 'model_revoke', 'model_owner', 'model_prune', 'model_publish', 'model_rollback', 'model_prewarm');
SELECT is_empty($$SELECT function FROM asking WHERE first_type = 'text'::regtype AND (provolatile <> 's' OR proparallel <> 's')$$, 'what asks a model by its name is stable and safe in workers');
SELECT is_empty($$SELECT function FROM asking WHERE procost < 100 AND proname NOT IN ('model_owned', 'model_usable', 'model_definition')$$, 'its cost says that a model is read');
SELECT is_empty($$SELECT function FROM functions WHERE proretset AND (prorows < 2 OR prorows = 1000 AND proname NOT IN ('basket_rules', 'basket_model_rules', 'hierarchical_tree', 'promo_elasticity_pooled', 'text_group_keywords'))$$,
                'functions of rows say how many; a thousand where there are that many');
SELECT is_empty($$SELECT function FROM functions WHERE 'source' = ANY (proargnames[1:pronargs]) AND procost < 1e6$$, 'the cost of what reads a source says so');
SELECT is_empty($$SELECT function FROM functions WHERE proname LIKE '%\_train' AND (provolatile <> 'v' OR proparallel <> 'u')$$, 'what trains is volatile and unsafe in workers');
SELECT is_empty($$SELECT function FROM functions WHERE provolatile = 's' AND proparallel <> 's'$$, 'what reads published models is safe in workers');
SELECT is_empty($$SELECT function FROM functions WHERE provolatile = 'i' AND proparallel <> 's'$$, 'so is arithmetic');
SELECT is_empty($$SELECT function FROM functions WHERE 'source' = ANY (proargnames[1:pronargs]) AND 'text'::regtype = ANY (proargtypes) AND (provolatile <> 'v' OR proparallel <> 'u')$$, 'what runs a source is volatile');
-- Of scalar functions that score, each takes the model as a value as well; the rest of the arguments but the version are the same.
SELECT is_empty($$SELECT f.function FROM asking f
                  WHERE first_type = 'text'::regtype AND NOT proretset AND prokind = 'f' AND proname NOT LIKE 'model\_%' AND prorettype <> 'record'::regtype
                    AND NOT EXISTS (SELECT FROM functions v WHERE v.proname = f.proname AND v.first_type = 'promoai.model_bytes'::regtype
                                    AND (SELECT coalesce(array_agg(t ORDER BY o), '{}') FROM unnest(v.proargtypes) WITH ORDINALITY x(t, o) WHERE o > 1)
                                      = (SELECT coalesce(array_agg(t ORDER BY o), '{}') FROM unnest(f.proargtypes) WITH ORDINALITY x(t, o) WHERE o > 1 AND f.proargnames[o] <> 'version'))$$,
                'every scalar that scores by a name does so by a value');

-- ---- shards ----
CREATE TABLE public.sample AS
SELECT n, n % 5 AS shard, n % 40 AS store, (hashint8(n) & 15) < 5 AS promo, 10000 + ((hashint8(n + 1000000) & 1023) / 100.0)::float8 AS price,
       ((hashint8(n + 2000000) & 255) / 50.0)::float8 AS rain, (20 + 6 * ((hashint8(n) & 15) < 5)::int + (n % 40) / 5.0 + (hashint8(n + 3000000) & 1023) / 100.0)::float8 AS sales
FROM generate_series(1, 12000) n;
ALTER TABLE public.sample SET (parallel_workers = 2);
ANALYZE public.sample;

CREATE TEMP TABLE inputs (signature text PRIMARY KEY, arguments text, relation text DEFAULT 'public.sample');
INSERT INTO inputs (signature, arguments) VALUES
	('double precision, boolean', 'sales, promo'), ('double precision, boolean, bigint', 'sales, promo, store'),
	('double precision, boolean, double precision[]', 'sales, promo, ARRAY[price, rain]'), ('double precision, boolean, double precision[], bigint', 'sales, promo, ARRAY[price, rain], store'),
	('double precision, double precision', 'sales, price'), ('double precision, double precision, bigint', 'sales, price, store'),
	('double precision, double precision, double precision[]', 'sales, price, ARRAY[rain]'), ('double precision, double precision, double precision[], bigint', 'sales, price, ARRAY[rain], store');
CREATE TABLE public.lift_states AS SELECT shard, promoai.promo_lift_state(sales, promo, ARRAY[price, rain]) AS state FROM public.sample GROUP BY shard, n % 100;
ALTER TABLE public.lift_states SET (parallel_workers = 2);
INSERT INTO inputs VALUES ('promoai.lift_state', 'state', 'public.lift_states');
-- Small integers, whose sums are exact in any order: answers are rounded to single precision.
INSERT INTO inputs (signature, arguments) VALUES ('real[]', 'ARRAY[store, shard, n % 7]::real[]');
SELECT is_empty($$SELECT aggfnoid::regprocedure FROM aggregates WHERE signature NOT IN (SELECT signature FROM inputs)$$, 'there are inputs for every aggregate');

-- What an aggregate answers, as numbers: a state by the function that reads it.
CREATE FUNCTION pg_temp.read_answer(result regtype, expression text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
	reader text;
BEGIN
	IF (SELECT typtype FROM pg_type WHERE oid = result) <> 'b' OR result NOT IN (SELECT objid FROM member WHERE classid = 'pg_type'::regclass) THEN
		RETURN format('to_jsonb(%s)', expression);
	END IF;
	SELECT format('promoai.%I', proname) INTO reader
	FROM functions f JOIN pg_type t ON t.oid = prorettype WHERE prokind = 'f' AND pronargs = 1 AND first_type = result AND typtype = 'c' AND proname NOT LIKE '%\_final'
	ORDER BY proname LIMIT 1;
	RETURN format('to_jsonb(%s(%s))', reader, expression);
END $$;

CREATE FUNCTION pg_temp.numbers(answer jsonb, above text DEFAULT '') RETURNS TABLE (place text, value text) LANGUAGE plpgsql AS $$
BEGIN
	CASE jsonb_typeof(answer)
		WHEN 'object' THEN RETURN QUERY SELECT n.* FROM jsonb_each(answer) e, pg_temp.numbers(e.value, $2 || '.' || e.key) n WHERE e.key NOT IN ('note');
		WHEN 'array' THEN RETURN QUERY SELECT n.* FROM jsonb_array_elements(answer) WITH ORDINALITY e(value, o), pg_temp.numbers(e.value, $2 || '.' || o) n;
		ELSE RETURN QUERY SELECT $2, answer #>> '{}';
	END CASE;
END $$;

-- How far two answers are apart, relatively; infinity when one has what the other lacks.
CREATE FUNCTION pg_temp.apart(a jsonb, b jsonb) RETURNS float8 LANGUAGE sql AS $$
SELECT CASE WHEN count(*) = 0 THEN 'infinity'
            ELSE max(CASE WHEN x.place IS NULL OR y.place IS NULL THEN 'infinity' WHEN x.value IS NOT DISTINCT FROM y.value THEN 0
                          WHEN x.value ~ '^-?[0-9.]+(e[-+]?[0-9]+)?$' AND y.value ~ '^-?[0-9.]+(e[-+]?[0-9]+)?$' THEN abs(x.value::float8 - y.value::float8) / greatest(abs(x.value::float8), abs(y.value::float8), 1e-3)
                          ELSE 'infinity' END) END
FROM pg_temp.numbers(a) x FULL JOIN pg_temp.numbers(b) y USING (place)
$$;

-- An aggregate in two halves, as a distributed database has it: the state of a shard, and the answer from states.
CREATE TABLE answers (aggregate regprocedure, way text, answer jsonb);
CREATE FUNCTION pg_temp.answer(query text, wanted regprocedure, way text) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
	answer jsonb;
BEGIN
	EXECUTE query INTO answer;
	INSERT INTO answers VALUES (wanted, way, answer);
END $$;
CREATE TABLE plans (aggregate regprocedure, plan text);

CREATE FUNCTION pg_temp.try_all(file text) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
	a record;
	partial text;
	merge text;
	plan text;
	line text;
	init text;
	merged text;
BEGIN
	FOR a IN SELECT *, format('promoai.%I', proname) AS name FROM aggregates JOIN inputs i USING (signature) LOOP
		partial := format('public.partial_%s', a.aggfnoid::oid);
		merge := format('public.merge_%s', a.aggfnoid::oid);
		init := CASE WHEN a.agginitval IS NULL THEN '' ELSE format(', INITCOND = %L', a.agginitval) END;
		EXECUTE format('CREATE AGGREGATE %s(%s) (SFUNC = %s, STYPE = %s%s)', partial, a.signature, a.aggtransfn, a.aggtranstype::regtype, init);
		EXECUTE format('CREATE AGGREGATE %s(%s) (SFUNC = %s, STYPE = %s%s%s)', merge, a.aggtranstype::regtype, a.aggcombinefn, a.aggtranstype::regtype,
		               CASE WHEN a.aggfinalfn::oid = 0 THEN '' ELSE ', FINALFUNC = ' || a.aggfinalfn END, init);

		SET LOCAL max_parallel_workers_per_gather = 0;
		PERFORM pg_temp.answer(format('SELECT %s FROM %s', pg_temp.read_answer(a.prorettype, format('%s(%s)', a.name, a.arguments)), a.relation), a.aggfnoid, 'whole');
		-- Beside other groups, in a table of groups, and past rows that a filter leaves out.
		SET LOCAL enable_sort = off;
		PERFORM pg_temp.answer(format('SELECT %s FROM (SELECT %s(%s) AS r FROM (SELECT s.*, x FROM %s s, generate_series(1, 3) x) s GROUP BY x OFFSET 1 LIMIT 1) g', pg_temp.read_answer(a.prorettype, 'r'), a.name, a.arguments, a.relation), a.aggfnoid, 'groups');
		SET LOCAL enable_sort = on;
		PERFORM pg_temp.answer(format('SELECT %s FROM (SELECT %s(%s) FILTER (WHERE x = 2) AS r FROM (SELECT s.*, x FROM %s s, generate_series(1, 2) x) s) g', pg_temp.read_answer(a.prorettype, 'r'), a.name, a.arguments, a.relation), a.aggfnoid, 'filtered rows');
		SET LOCAL max_parallel_workers_per_gather = 2;
		SET LOCAL parallel_setup_cost = 0;
		SET LOCAL parallel_tuple_cost = 0;
		SET LOCAL min_parallel_table_scan_size = 0;
		PERFORM pg_temp.answer(format('SELECT %s FROM %s', pg_temp.read_answer(a.prorettype, format('%s(%s)', a.name, a.arguments)), a.relation), a.aggfnoid, 'workers');
		plan := '';
		FOR line IN EXECUTE format('EXPLAIN (ANALYZE, COSTS off, TIMING off, SUMMARY off) SELECT %s(%s) FROM %s', a.name, a.arguments, a.relation) LOOP
			plan := plan || line || E'\n';
		END LOOP;
		INSERT INTO plans VALUES (a.aggfnoid, plan);
		SET LOCAL max_parallel_workers_per_gather = 0;

		EXECUTE format('CREATE TABLE public.shards AS SELECT shard, %s(%s) AS state FROM %s GROUP BY shard', partial, a.arguments, a.relation);
		EXECUTE format('INSERT INTO public.shards SELECT 99, %s(%s) FROM %s WHERE false', partial, a.arguments, a.relation);
		merged := 'SELECT ' || pg_temp.read_answer(a.prorettype, merge || '(%s)') || ' FROM public.shards';
		PERFORM pg_temp.answer(format(merged, 'state ORDER BY shard'), a.aggfnoid, 'shards');
		PERFORM pg_temp.answer(format(merged, 'state ORDER BY shard DESC'), a.aggfnoid, 'shards in another order');
		PERFORM pg_temp.answer(format(merged, format('state::text::%s ORDER BY shard', a.aggtranstype::regtype)), a.aggfnoid, 'shards through text');
		EXECUTE format('COPY public.shards TO %L WITH (FORMAT binary)', file);
		TRUNCATE public.shards;
		EXECUTE format('COPY public.shards FROM PROGRAM %L WITH (FORMAT binary)', format('cat "%s" && rm "%s"', file, file));
		PERFORM pg_temp.answer(format(merged, 'state ORDER BY shard'), a.aggfnoid, 'shards through binary');
		DROP TABLE public.shards;
	END LOOP;
END $$;
SELECT pg_temp.try_all(current_setting('data_directory') || '/promoai_shards');

SELECT is_empty($$SELECT aggregate FROM answers WHERE NOT EXISTS (SELECT FROM pg_temp.numbers(answer) WHERE value IS NOT NULL)$$, 'every aggregate answers something');
-- to the rounding of what is answered: double precision, or real
SELECT cmp_ok(pg_temp.apart(w.answer, o.answer), '<', CASE WHEN prorettype IN ('real'::regtype, 'real[]'::regtype) THEN 1e-6 ELSE 1e-9 END::float8, w.aggregate || ': ' || o.way || ' give what the whole gives')
FROM answers w JOIN answers o USING (aggregate) JOIN aggregates ON aggfnoid = aggregate WHERE w.way = 'whole' AND o.way <> 'whole' ORDER BY w.aggregate::text, o.way;
SELECT is((SELECT count(*) FROM answers), 8 * (SELECT count(*) FROM aggregates JOIN inputs USING (signature)), 'no way was left out');
SELECT matches(plan, 'Finalize Aggregate.*Workers Launched: [12].*Partial Aggregate', aggregate || ': is aggregated by workers') FROM plans ORDER BY aggregate::text;
SELECT * FROM finish();
ROLLBACK;
