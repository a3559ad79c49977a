-- What a source or a role must not be able to do to a training, a model or the registry.
BEGIN;
SELECT plan(14);
SET LOCAL client_min_messages = warning;
CREATE ROLE shopkeeper;
CREATE ROLE intruder;
GRANT USAGE ON SCHEMA promoai TO shopkeeper, intruder;
CREATE SCHEMA hardening;
GRANT ALL ON SCHEMA hardening TO shopkeeper;
SET LOCAL search_path = hardening, public;

-- Customers who only returned goods change nothing of how the others are judged.
CREATE TABLE pair AS SELECT c AS customer, (c * 7 + i * i) % 60 AS item, 1 AS value
FROM generate_series(1, 400) c, generate_series(1, 12) i;
CREATE TABLE returned AS SELECT -c AS customer, 1 AS item, -1 AS value FROM generate_series(1, 3000) c;
GRANT SELECT ON pair, returned TO shopkeeper;
SELECT is((promoai.mf_train('with_returns', 'SELECT * FROM pair UNION ALL SELECT * FROM returned', factors => 8)).metrics - 'repeat_share',
          (promoai.mf_train('without', 'SELECT * FROM pair', factors => 8)).metrics - 'repeat_share',
          'pairs that are dropped move no metric but the share of rows that repeat');
SELECT lives_ok($$SELECT promoai.mf_train('many_returns', 'SELECT * FROM pair UNION ALL SELECT * FROM returned', factors => 8, holdout => 0.9)$$,
                'nor do they overrun what was counted');

-- A source that changes settings in mid-read.
CREATE FUNCTION meddle(setting text, value text, result int) RETURNS int LANGUAGE plpgsql AS $$
BEGIN
	PERFORM set_config(setting, value, false);
	RETURN result;
END $$;
SET LOCAL max_parallel_maintenance_workers = 64;
SELECT throws_ok($$SELECT promoai.mf_train('m', 'SELECT c, CASE WHEN c = 199999 THEN meddle(''max_parallel_maintenance_workers'', ''0'', 1)
                   ELSE c % 50 END FROM generate_series(1, 200000) c', memory => '4MB')$$, '53400', NULL,
                 'a limit that was passed stays passed');
SET LOCAL max_parallel_maintenance_workers = 0;
SELECT promoai.mf_train('meddled', 'SELECT customer, meddle(''search_path'', ''pg_catalog'', item) FROM pair', factors => 2);
SET LOCAL search_path = hardening, public;
SELECT is((SELECT source_search_path FROM promoai.model_definition('meddled')), 'hardening, public',
          'the stored search_path is that of the call');

-- Owners and grantees are roles, not names.
SET LOCAL ROLE shopkeeper;
SELECT promoai.mf_train('kept', 'SELECT * FROM pair', factors => 2);
SELECT promoai.model_grant('kept', 'intruder');
RESET ROLE;
ALTER ROLE shopkeeper RENAME TO shopkeeper_renamed;
ALTER ROLE intruder RENAME TO guest;
CREATE ROLE shopkeeper;
CREATE ROLE intruder;
GRANT USAGE ON SCHEMA promoai TO shopkeeper, intruder;
SELECT is((SELECT owner || ' ' || owner_exists FROM promoai.models WHERE model = 'kept'), 'shopkeeper_renamed true',
          'a renamed role keeps its models');
SELECT is((SELECT role || ' ' || role_exists FROM promoai.model_grants WHERE model = 'kept'), 'guest true', 'and its grants');
SET LOCAL ROLE shopkeeper;
SELECT throws_ok($$SELECT * FROM promoai.cf_recommend('kept', 1)$$, '42704', NULL, 'a new role of the old name owns nothing');
RESET ROLE;
SET LOCAL ROLE intruder;
SELECT throws_ok($$SELECT * FROM promoai.cf_recommend('kept', 1)$$, '42704', NULL, 'and inherits no grant');
RESET ROLE;
SET LOCAL ROLE guest;
SELECT lives_ok($$SELECT * FROM promoai.cf_recommend('kept', 1)$$, 'the renamed grantee serves from it as before');
RESET ROLE;
SELECT promoai.model_revoke('kept', 'guest');
SELECT is((SELECT count(*) FROM promoai.model_grants WHERE model = 'kept'), 0::bigint, 'a grant is revoked by the name of today');

-- The registry is open to nobody, the views are only to be read.
SELECT is((SELECT count(*) FROM pg_class c, aclexplode(c.relacl) a
           WHERE c.relnamespace = 'promoai'::regnamespace AND a.grantee <> c.relowner
             AND NOT (c.relkind = 'v' AND a.grantee = 0 AND a.privilege_type = 'SELECT')), 0::bigint,
          'nobody has a right beyond reading the views');
SELECT is((SELECT count(*) FROM pg_class c WHERE c.relnamespace = 'promoai'::regnamespace AND relkind = 'v'
             AND NOT has_table_privilege('guest', c.oid, 'SELECT')), 0::bigint, 'which everybody may');

-- Two ways of writing one number are not two customers; many customers of one history are counted.
SELECT throws_ok($$SELECT * FROM promoai.evaluate('kept', $q$SELECT ' 1', '2'$q$)$$, '22P02', NULL, 'ids are taken only as they are written');
SET LOCAL maintenance_work_mem = '1MB';
SELECT throws_ok($$SELECT * FROM promoai.source_scan('SELECT c, c FROM generate_series(1, 500000) c')$$, '53400', NULL,
                 'reading alone keeps the limit, too');
SELECT * FROM finish();
ROLLBACK;
