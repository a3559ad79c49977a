-- run as: postgres
-- Who may do what with a model, who sees what of it, and as whom a stored source runs.
BEGIN;
SELECT plan(63);

CREATE ROLE reg_owner;
CREATE ROLE reg_member IN ROLE reg_owner;
CREATE ROLE reg_team;
CREATE ROLE reg_teammate IN ROLE reg_team;
CREATE ROLE reg_grantee;
CREATE ROLE reg_stranger;
CREATE ROLE reg_gone;
CREATE ROLE reg_noinherit NOINHERIT IN ROLE reg_owner;
CREATE ROLE reg_super SUPERUSER;
GRANT USAGE ON SCHEMA promoai TO PUBLIC;

CREATE SCHEMA shop AUTHORIZATION reg_owner;
CREATE TABLE shop.purchases AS
SELECT c AS customer, (c * 7 + i * i) % 20 AS item FROM generate_series(1, 30) c, generate_series(1, 6) i;
ALTER TABLE shop.purchases OWNER TO reg_owner;

-- The owner trains.  The source gives rows only to the owner.
SET ROLE reg_owner;
SET search_path = shop, public;
SELECT is((promoai.mf_train('shop', $$SELECT customer, item FROM purchases WHERE current_user = 'reg_owner'$$,
                            factors => 4, iterations => 2, holdout => 0)).version, 1, 'the owner trains');
SELECT is((SELECT count(*) FROM promoai.cf_recommend('shop', 1, k => 3)), 3::bigint, 'the owner is served');
SELECT is(promoai.model_usable('shop'), true, 'the owner may use it');
SELECT is(promoai.model_owned('shop'), true, 'the owner owns it');
SELECT is((SELECT owner FROM promoai.models WHERE model = 'shop'), 'reg_owner', 'and is named as owner');
SELECT ok((SELECT source LIKE '%purchases%' FROM promoai.models WHERE model = 'shop'), 'the owner sees the source');
SELECT is((SELECT source_search_path FROM promoai.model_definition('shop')), 'shop, public',
          'the search_path is stored');
SELECT throws_ok('SELECT * FROM promoai.registry_models', '42501', NULL, 'the owner has no grant on registry_models');
SELECT throws_ok('SELECT * FROM promoai.registry_versions', '42501', NULL, 'nor on registry_versions');
SELECT throws_ok('SELECT * FROM promoai.registry_metrics', '42501', NULL, 'nor on registry_metrics');
SELECT throws_ok('SELECT * FROM promoai.registry_payload', '42501', NULL, 'nor on registry_payload');
SELECT throws_ok('SELECT * FROM promoai.registry_grants', '42501', NULL, 'nor on registry_grants');
SELECT throws_ok('DELETE FROM promoai.models', NULL, NULL, 'views cannot be written');
SET search_path = public;

-- A stranger learns nothing, not even that the model exists.
SET ROLE reg_stranger;
SELECT throws_ok($$SELECT * FROM promoai.cf_recommend('shop', 1)$$, '42704',
                 'model "shop" does not exist, or you have no right to use it', 'a stranger is not served');
SELECT throws_ok($$SELECT * FROM promoai.cf_recommend('nothing', 1)$$, '42704',
                 'model "nothing" does not exist, or you have no right to use it',
                 'and cannot tell that from a model that is not there');
SELECT throws_ok(format('SELECT promoai.%s', call), '42704',
                 'model "shop" does not exist, or you have no right to use it', 'nor by ' || call)
FROM unnest(ARRAY[$$model_publish('shop', 1)$$, $$model_rollback('shop')$$, $$model_drop('shop')$$,
                  $$model_prune('shop')$$, $$model_grant('shop', 'reg_stranger')$$, $$model_revoke('shop', 'public')$$,
                  $$model_owner('shop', 'reg_stranger')$$, $$retrain('shop')$$, $$model_definition('shop')$$,
                  $$evaluate('shop', 'SELECT 1, 1')$$]) AS call;
SELECT is(promoai.model_usable('shop'), false, 'a stranger may not use it');
SELECT is_empty('SELECT * FROM promoai.models', 'a stranger sees no model');
SELECT is_empty('SELECT * FROM promoai.model_versions', 'no version');
SELECT is_empty('SELECT * FROM promoai.model_metrics', 'no metric');
SELECT is_empty('SELECT * FROM promoai.model_grants', 'no grant');
SELECT throws_ok($$SELECT promoai.mf_train('shop', 'SELECT 1 AS c, 1 AS i')$$, '42501',
                 'must be owner of model "shop"', 'a stranger cannot take the name');

-- Grantees use and do not change.
SET ROLE reg_owner;
SELECT lives_ok($$SELECT promoai.model_grant('shop', 'reg_grantee'), promoai.model_grant('shop', 'reg_team'),
                         promoai.model_grant('shop', 'reg_grantee')$$, 'the owner grants, twice as well');
SELECT throws_ok($$SELECT promoai.model_grant('shop', 'reg_nobody')$$, '42704', 'role "reg_nobody" does not exist',
                 'only to roles that exist');
SELECT results_eq('SELECT role::text, granted_by::text FROM promoai.model_grants ORDER BY 1',
                  $$VALUES ('reg_grantee', 'reg_owner'), ('reg_team', 'reg_owner')$$, 'the owner sees the grants');
SET ROLE reg_grantee;
SELECT is((SELECT count(*) FROM promoai.cf_recommend('shop', 1, k => 3)), 3::bigint, 'a grantee is served');
SELECT throws_ok(format('SELECT promoai.%s', call), '42501', 'must be owner of model "shop"', 'but not allowed ' || call)
FROM unnest(ARRAY[$$model_publish('shop', 1)$$, $$model_drop('shop')$$, $$retrain('shop')$$,
                  $$model_grant('shop', 'public')$$, $$model_definition('shop')$$]) AS call;
SELECT is((SELECT source FROM promoai.models WHERE model = 'shop'), NULL, 'a grantee does not see the source');
SELECT is((SELECT count(*) FROM promoai.model_versions), 1::bigint, 'a grantee sees the versions');
SELECT is_empty('SELECT * FROM promoai.model_grants', 'a grantee does not see who else is one');
SET ROLE reg_teammate;
SELECT is((SELECT count(*) FROM promoai.cf_recommend('shop', 1, k => 3)), 3::bigint,
          'a member of a granted role is served');

-- Members of the owner's role are owners, as far as they have its privileges.
SET ROLE reg_member;
SELECT is((promoai.retrain('shop')).rows_read, 180::bigint, 'a member of the owner''s role retrains, as the owner');
SELECT is(promoai.model_owned('shop'), true, 'and owns');
SET ROLE reg_noinherit;
SELECT is(promoai.model_owned('shop'), false, 'a member that does not inherit must SET ROLE first');

-- Superusers may everything; the source runs as the owner nonetheless.
SET ROLE reg_super;
SELECT is((promoai.retrain('shop')).rows_read, 180::bigint, 'retraining by a superuser runs the source as the owner');
SELECT is(current_user::text, 'reg_super', 'who is a superuser again afterwards');
SELECT is((SELECT trained_by FROM promoai.model_versions WHERE model = 'shop' AND published), 'reg_super',
          'the version says who trained it');

-- public
SELECT lives_ok($$SELECT promoai.model_grant('shop', 'public')$$, 'public can be granted to');
SET ROLE reg_stranger;
SELECT is((SELECT count(*) FROM promoai.cf_recommend('shop', 1, k => 3)), 3::bigint, 'then everybody is served');
SET ROLE reg_owner;
SELECT promoai.model_revoke('shop', 'public');
SET ROLE reg_stranger;
SELECT is(promoai.model_usable('shop'), false, 'revoked from public, no longer');
SET ROLE reg_owner;
SELECT throws_ok($$SELECT promoai.model_revoke('shop', 'reg_nobody')$$, '42704', 'role "reg_nobody" does not exist',
                 'revoking from a name that is no role and has no grant is a slip');

-- Handing over needs the right to become the new owner.
SELECT throws_ok($$SELECT promoai.model_owner('shop', 'reg_stranger')$$, '42501', NULL,
                 'a model cannot be pushed upon a role');
RESET ROLE;
GRANT reg_team TO reg_owner;
SET ROLE reg_owner;
SELECT lives_ok($$SELECT promoai.model_owner('shop', 'reg_team')$$, 'it goes to a role that the owner is in');
SET ROLE reg_teammate;
SELECT is(promoai.model_owned('shop'), true, 'whose members own it then');
RESET ROLE;

-- A role that is gone takes nothing with it.
GRANT USAGE ON SCHEMA shop TO reg_gone;
GRANT SELECT ON shop.purchases TO reg_gone;
SET ROLE reg_gone;
SELECT promoai.mf_train('orphan', 'SELECT * FROM shop.purchases', factors => 4, iterations => 2, holdout => 0);
SELECT promoai.model_grant('orphan', 'reg_grantee'), promoai.model_grant('orphan', 'reg_stranger');
RESET ROLE;
DROP OWNED BY reg_gone;
DROP ROLE reg_gone;
DROP ROLE reg_stranger;
SET ROLE reg_grantee;
SELECT is((SELECT count(*) FROM promoai.cf_recommend('orphan', 1, k => 3)), 3::bigint,
          'a model whose owner is gone goes on serving');
SELECT is((SELECT owner_exists FROM promoai.models WHERE model = 'orphan'), false, 'and shows it');
SET ROLE reg_super;
SELECT throws_ok($$SELECT promoai.retrain('orphan')$$, '55000',
                 'the owner of model "orphan", role "reg_gone", does not exist any more', 'it is not retrained');
SELECT lives_ok($$SELECT promoai.model_revoke('orphan', 'reg_stranger')$$, 'grants to roles that are gone can be revoked');
SELECT lives_ok($$SELECT promoai.model_owner('orphan', 'reg_owner')$$, 'a superuser hands it over');
SELECT is((promoai.retrain('orphan')).version, 2, 'and it is retrained');
RESET ROLE;

SELECT * FROM finish();
ROLLBACK;
