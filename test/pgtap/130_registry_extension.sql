-- run as: postgres
-- The registry is found again after DROP EXTENSION and CREATE EXTENSION within a session, and every object is described.
BEGIN;
SELECT plan(8);

CREATE TABLE purchases AS
SELECT c AS customer, (c * 7 + i * i) % 20 AS item FROM generate_series(1, 30) c, generate_series(1, 6) i;
SELECT promoai.mf_train('again', 'purchases', factors => 4, iterations => 2, holdout => 0);
SELECT is((SELECT count(*) FROM promoai.cf_recommend('again', 1, k => 3)), 3::bigint, 'a model serves');

SET client_min_messages = warning;
DROP EXTENSION promoai;
SELECT throws_ok($$SELECT promoai.retrain('again')$$, NULL, NULL, 'the extension is gone');
CREATE EXTENSION promoai;
SELECT throws_ok($$SELECT * FROM promoai.cf_recommend('again', 1)$$, '42704', NULL, 'and comes back empty');
SELECT promoai.mf_train('again', 'purchases', factors => 4, iterations => 2, holdout => 0);
SELECT is((SELECT count(*) FROM promoai.cf_recommend('again', 1, k => 3)), 3::bigint, 'and at work');

SELECT is_empty($$
    SELECT pg_describe_object(classid, objid, objsubid)
    FROM pg_depend d
    WHERE refclassid = 'pg_extension'::regclass AND deptype = 'e'
      AND refobjid = (SELECT oid FROM pg_extension WHERE extname = 'promoai')
      AND classid IN ('pg_class'::regclass, 'pg_proc'::regclass)
      AND NOT EXISTS (SELECT FROM pg_class c WHERE c.oid = d.objid AND d.classid = 'pg_class'::regclass
                                               AND c.relkind NOT IN ('r', 'v'))
      AND obj_description(objid, classid::regclass::name) IS NULL$$, 'every table, view and function has a comment');
SELECT is_empty($$
    SELECT c.relname, a.attname
    FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid
    WHERE c.relnamespace = 'promoai'::regnamespace AND c.relkind IN ('r', 'v') AND a.attnum > 0
      AND col_description(c.oid, a.attnum) IS NULL$$, 'so has every column');
SELECT is_empty($$
    SELECT c.relname FROM pg_class c
    WHERE c.relnamespace = 'promoai'::regnamespace AND c.relkind = 'r'
      AND NOT c.oid = ANY (SELECT unnest(extconfig) FROM pg_extension WHERE extname = 'promoai')$$,
    'every table is dumped');
SELECT is_empty($$
    SELECT p.oid::regprocedure FROM pg_proc p WHERE p.pronamespace = 'promoai'::regnamespace AND p.prosecdef$$,
    'no function is SECURITY DEFINER');

SELECT * FROM finish();
ROLLBACK;
