-- run as: postgres promoai_tester
-- The extension is there, for a superuser and for somebody who is none.
BEGIN;
SELECT plan(3);
SELECT has_extension('promoai');
SELECT has_schema('promoai');
SELECT ok(has_schema_privilege('promoai', 'USAGE'), current_user || ' may use the schema');
SELECT * FROM finish();
ROLLBACK;
