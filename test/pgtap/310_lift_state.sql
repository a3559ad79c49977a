-- run as: postgres promoai_tester
-- States of the lift aggregates: parallel plans, roll-ups, text and binary, windows, groups, forged input.
BEGIN;
SELECT plan(47);

CREATE TABLE promoai_tester.sold AS
SELECT n, n % 7 AS product, n % 40 AS store, (hashint8(n) & 15) < 5 AS promo, ((hashint8(n) & 15) / 8.0)::float8 AS depth,
       10000 + ((hashint8(n + 1000000) & 1023) / 100.0)::float8 AS price, ((hashint8(n + 2000000) & 255) / 50.0)::float8 AS rain,
       (20 + 6 * ((hashint8(n) & 15) < 5)::int + (n % 40) / 5.0 + (hashint8(n + 3000000) & 1023) / 100.0)::float8 AS sales
FROM generate_series(1, 20000) n;
ANALYZE promoai_tester.sold;
SET LOCAL search_path = promoai_tester, public;
SET LOCAL client_min_messages = error;

-- All numbers of two fits agree to a relative tolerance; arrays element by element.
CREATE FUNCTION pg_temp.numbers(fit jsonb) RETURNS TABLE (place text, value float8) LANGUAGE sql AS
$$SELECT e.key, e.value::text::float8 FROM jsonb_each(fit) e WHERE jsonb_typeof(e.value) = 'number'
  UNION ALL SELECT 'term ' || i, t.value::text::float8 FROM jsonb_array_elements(fit -> 'terms') WITH ORDINALITY t(value, i)
            WHERE jsonb_typeof(t.value) = 'number'
  UNION ALL SELECT 'covariance ' || i || ' ' || j, c.value::text::float8
            FROM jsonb_array_elements(fit -> 'covariance') WITH ORDINALITY r(value, i),
                 jsonb_array_elements(r.value) WITH ORDINALITY c(value, j)
            WHERE jsonb_typeof(fit -> 'covariance') = 'array' AND jsonb_typeof(c.value) = 'number'$$;
CREATE FUNCTION pg_temp.off(a jsonb, b jsonb) RETURNS float8 LANGUAGE sql AS
$$SELECT CASE WHEN count(*) = count(x.value) AND count(*) = count(y.value) AND count(*) > 5
              THEN max(abs(x.value - y.value) / greatest(abs(x.value), abs(y.value), 1e-3)) ELSE 'infinity' END
  FROM pg_temp.numbers(a) x FULL JOIN pg_temp.numbers(b) y USING (place)$$;
CREATE FUNCTION pg_temp.plan_of(query text) RETURNS text LANGUAGE plpgsql AS
$$DECLARE line text; all_lines text := '';
BEGIN
    FOR line IN EXECUTE 'EXPLAIN (ANALYZE, COSTS off, TIMING off, SUMMARY off) ' || query LOOP
        all_lines := all_lines || line || E'\n';
    END LOOP;
    RETURN all_lines;
END$$;
CREATE FUNCTION pg_temp.fit_of(aggregate text) RETURNS jsonb LANGUAGE plpgsql AS
$$DECLARE result jsonb; BEGIN EXECUTE format('SELECT to_jsonb(%s) FROM sold', aggregate) INTO result; RETURN result; END$$;

CREATE TEMP TABLE forms (form text, aggregate text, state text);
INSERT INTO forms VALUES
    ('boolean', 'promoai.promo_lift_fit(sales, promo)', 'promoai.promo_lift_state(sales, promo)'),
    ('graded', 'promoai.promo_lift_fit(sales, depth)', 'promoai.promo_lift_state(sales, depth)'),
    ('boolean, covariates', 'promoai.promo_lift_fit(sales, promo, ARRAY[price, rain])', 'promoai.promo_lift_state(sales, promo, ARRAY[price, rain])'),
    ('graded, covariates', 'promoai.promo_lift_fit(sales, depth, ARRAY[price, rain])', 'promoai.promo_lift_state(sales, depth, ARRAY[price, rain])'),
    ('boolean, cluster', 'promoai.promo_lift_fit(sales, promo, store)', 'promoai.promo_lift_state(sales, promo, store)'),
    ('graded, cluster', 'promoai.promo_lift_fit(sales, depth, store)', 'promoai.promo_lift_state(sales, depth, store)'),
    ('boolean, covariates, cluster', 'promoai.promo_lift_fit(sales, promo, ARRAY[price, rain], store)', 'promoai.promo_lift_state(sales, promo, ARRAY[price, rain], store)'),
    ('graded, covariates, cluster', 'promoai.promo_lift_fit(sales, depth, ARRAY[price, rain], store)', 'promoai.promo_lift_state(sales, depth, ARRAY[price, rain], store)'),
    ('elasticity', 'promoai.promo_elasticity_fit(sales, price)', NULL),
    ('elasticity, covariates', 'promoai.promo_elasticity_fit(sales, price, ARRAY[rain])', NULL),
    ('elasticity, cluster', 'promoai.promo_elasticity_fit(sales, price, store)', NULL),
    ('elasticity, covariates, cluster', 'promoai.promo_elasticity_fit(sales, price, ARRAY[rain], store)', NULL);

-- ---- parallel plans ----
SET LOCAL max_parallel_workers_per_gather = 0;
CREATE TEMP TABLE serial AS SELECT form, pg_temp.fit_of(aggregate) AS fit FROM forms;
SET LOCAL parallel_setup_cost = 0;
SET LOCAL parallel_tuple_cost = 0;
SET LOCAL min_parallel_table_scan_size = 0;
SET LOCAL max_parallel_workers_per_gather = 2;
ALTER TABLE sold SET (parallel_workers = 2);
SELECT matches(pg_temp.plan_of('SELECT ' || aggregate || ' FROM sold'), 'Finalize Aggregate.*Workers Launched: [12].*Partial Aggregate', form || ': is aggregated by workers')
FROM forms WHERE form IN ('boolean', 'graded, covariates', 'boolean, covariates, cluster', 'elasticity, cluster');
SELECT cmp_ok(pg_temp.off(pg_temp.fit_of(aggregate), fit), '<', 1e-9::float8, form || ': workers find what one process finds')
FROM forms JOIN serial USING (form) ORDER BY form;
SET LOCAL enable_hashagg = off;
SELECT cmp_ok((SELECT max(pg_temp.off(a.fit, b.fit))
               FROM (SELECT product, to_jsonb(promoai.promo_lift_fit(sales, promo, ARRAY[price, rain])) AS fit FROM sold GROUP BY product) a
               JOIN (SELECT p.product, to_jsonb((SELECT promoai.promo_lift_fit(sales, promo, ARRAY[price, rain]) FROM sold s WHERE s.product = p.product)) AS fit
                     FROM (SELECT DISTINCT product FROM sold) p) b USING (product)), '<', 1e-9::float8, 'groups by sorting in workers');
SET LOCAL max_parallel_workers_per_gather = 0;

-- ---- roll-ups ----
CREATE TABLE states (form text, part int, state promoai.lift_state);
DO $$DECLARE f record;
BEGIN
    FOR f IN SELECT * FROM forms WHERE state IS NOT NULL LOOP
        -- parts of very different sizes: 1 row, 99, 2,000, the rest; and one of none but a NULL
        EXECUTE format('INSERT INTO states SELECT %L, width_bucket(n, ARRAY[2, 101, 2101]), %s FROM sold GROUP BY 2', f.form, f.state);
        EXECUTE format('INSERT INTO states SELECT %L, 9, %s FROM (SELECT NULL::float8 AS sales, true AS promo, 1.0::float8 AS depth, 1.0::float8 AS price, 1.0::float8 AS rain, 1 AS store) s', f.form, f.state);
    END LOOP;
END$$;
SELECT cmp_ok(pg_temp.off(to_jsonb(promoai.promo_lift(promoai.promo_lift_rollup(state ORDER BY part))) - 'rows_skipped', (SELECT fit - 'rows_skipped' FROM serial WHERE serial.form = states.form)),
              '<', 1e-9::float8, form || ': parts roll up to the whole')
FROM states GROUP BY form ORDER BY form;
SELECT is((SELECT (promoai.promo_lift(promoai.promo_lift_rollup(state))).rows_skipped FROM states WHERE form = 'boolean'), 1::bigint, 'skipped rows are rolled up');
SELECT ok(bool_and(pg_temp.off(a, b) < 1e-9), 'the order of parts does not matter')
FROM (SELECT to_jsonb(promoai.promo_lift(promoai.promo_lift_rollup(state ORDER BY part))) AS a,
             to_jsonb(promoai.promo_lift(promoai.promo_lift_rollup(state ORDER BY part DESC))) AS b FROM states GROUP BY form) s;

-- ---- text and binary ----
SELECT ok(bool_and(state::text::promoai.lift_state::text = state::text), 'text comes back as it was') FROM states;
SELECT ok(bool_and(to_jsonb(promoai.promo_lift(state::text::promoai.lift_state)) = to_jsonb(promoai.promo_lift(state))), 'and fits to the same bits')
FROM states;
SELECT ok(bool_and(encode(promoai.lift_state_send(state), 'hex') = state::text), 'text is the hex of the binary form') FROM states;
CREATE TABLE states_back (LIKE states);
\copy states TO PROGRAM 'cat >"${TMPDIR:-/tmp}/promoai_lift_states.$PPID"' WITH (FORMAT binary)
\copy states_back FROM PROGRAM 'cat "${TMPDIR:-/tmp}/promoai_lift_states.$PPID"; rm "${TMPDIR:-/tmp}/promoai_lift_states.$PPID"' WITH (FORMAT binary)
SELECT results_eq('SELECT form, part, state::text FROM states ORDER BY 1, 2', 'SELECT form, part, state::text FROM states_back ORDER BY 1, 2',
                  'states carried through the binary form');
-- rows that are all alike compress well
CREATE TEMP TABLE compressed AS SELECT promoai.promo_lift_state(n % 2, n % 3 = 0, ARRAY[1, 2, 3]::float8[]) AS state FROM generate_series(1, 120) n;
SELECT ok(pg_column_compression(state) IS NOT NULL AND (promoai.promo_lift(state)).n = 120 AND (promoai.promo_lift(promoai.lift_combine(state, state))).n = 240,
          'a state that was stored compressed') FROM compressed;
SELECT is(promoai.lift_combine(NULL, state)::text, state::text, 'combining with nothing changes nothing') FROM states WHERE form = 'boolean, cluster' AND part = 3;
SELECT ok(promoai.lift_combine(a.state, b.state)::text <> a.state::text AND a.state::text = (SELECT state::text FROM states WHERE form = a.form AND part = a.part),
          'combining by hand leaves what is stored')
FROM states a JOIN states b USING (form) WHERE form = 'graded' AND a.part = 3 AND b.part = 2;
SELECT is(promoai.lift_add_boolean(promoai.lift_add_boolean(NULL, 3, true), 4, false)::text,
          (SELECT promoai.promo_lift_state(y, p)::text FROM (VALUES (3::float8, true), (4, false)) v(y, p)), 'steps called by hand');

-- ---- windows ----
SELECT ok(count(*) = 60 AND bool_and(fit IS NOT DISTINCT FROM direct), 'a growing window is what a fit of its rows is')
FROM (SELECT n, to_jsonb(promoai.promo_lift_fit(sales, promo) OVER (ORDER BY n)) - 'note' AS fit FROM sold WHERE n <= 60) w
JOIN LATERAL (SELECT to_jsonb(promoai.promo_lift_fit(sales, promo ORDER BY n)) - 'note' AS direct FROM sold s WHERE s.n <= w.n) d ON true;
SELECT ok(count(*) = 60 AND bool_and(fit IS NOT DISTINCT FROM direct), 'so is a moving window')
FROM (SELECT n, to_jsonb(promoai.promo_lift_fit(sales, promo, store) OVER (ORDER BY n ROWS 150 PRECEDING)) AS fit FROM sold WHERE n <= 300) w
JOIN LATERAL (SELECT to_jsonb(promoai.promo_lift_fit(sales, promo, store ORDER BY n)) AS direct FROM sold s WHERE s.n BETWEEN w.n - 150 AND w.n) d ON true
WHERE w.n > 240;

-- ---- forged states ----
CREATE FUNCTION pg_temp.rejected(hex text) RETURNS boolean LANGUAGE plpgsql AS
$$BEGIN
    PERFORM promoai.promo_lift(hex::promoai.lift_state);
    RETURN false;
EXCEPTION WHEN invalid_binary_representation OR invalid_text_representation OR protocol_violation OR invalid_parameter_value
    OR numeric_value_out_of_range THEN
    RETURN true;
END$$;
SELECT ok(bool_and(pg_temp.rejected(left(state::text, 2 * l))), 'a state that was cut short is refused')
FROM states, LATERAL (SELECT (length(state::text) / 2) * i / 23 AS l FROM generate_series(0, 22) i) s WHERE part IN (0, 1);
SELECT ok(bool_and(pg_temp.rejected(state::text || '00')), 'as is one with a byte too many') FROM states;
-- every byte of the header and some beyond, changed in turn: refused, or read as some other state, never worse
SELECT ok(count(*) > 2000, 'changed bytes do no harm: ' || count(*) FILTER (WHERE refused) || ' of ' || count(*) || ' refused')
FROM (SELECT pg_temp.rejected(overlay(s.hex PLACING x.byte FROM 2 * i + 1 FOR 2)) AS refused
      FROM (SELECT state::text AS hex FROM states WHERE part = 1) s, generate_series(0, 60) i, (VALUES ('00'), ('01'), ('7f'), ('80'), ('ff')) x(byte)) r;
SELECT throws_ok($$SELECT 'zz'::promoai.lift_state$$, '22P02', NULL, 'text that is no hex');
SELECT throws_ok($$SELECT promoai.lift_combine(a.state, b.state) FROM states a, states b WHERE a.form = 'boolean' AND b.form = 'boolean, cluster'$$,
                 '22023', 'states of different kinds cannot be combined', 'kinds do not mix');
SELECT throws_ok($$SELECT promoai.lift_combine(a.state, b.state) FROM states a, states b WHERE a.form = 'boolean' AND b.form = 'boolean, covariates' AND a.part = 3 AND b.part = 3$$,
                 '22023', 'states of 0 and of 2 covariates cannot be combined', 'nor do covariates');
SELECT throws_ok($$SELECT promoai.lift_add_boolean_cluster(state, 1, true, 1) FROM states WHERE form = 'boolean'$$, '22023', NULL, 'nor do steps');

-- ---- memory of clusters ----
SET LOCAL work_mem = '64kB';
SET LOCAL hash_mem_multiplier = 1;
SELECT throws_ok($$SELECT promoai.promo_lift_fit(sales, promo, n) FROM sold$$, '53400', NULL, 'clusters beyond work_mem');
RESET work_mem;
SELECT ok((fit).n_clusters = 20000 AND (fit).std_error > 0, 'twenty thousand clusters within it')
FROM (SELECT promoai.promo_lift_fit(sales, promo, n) AS fit FROM sold) f;
-- clusters of one row are what HC1 is, but for the factors
SELECT ok(abs(((a).std_error / (b).std_error) - 1) < 1e-4, 'clusters of one row: robust errors')
FROM (SELECT promoai.promo_lift_fit(sales, promo, ARRAY[price], n) AS a, promoai.promo_lift_fit(sales, promo, ARRAY[price]) AS b FROM sold) f;

SELECT * FROM finish();
ROLLBACK;
