-- run as: postgres
-- Versions: publish, roll back, prune, drop; names and kinds; savepoints; damaged payloads; the cache's bound.
BEGIN;
SELECT plan(46);

CREATE ROLE ver_owner;
GRANT USAGE ON SCHEMA promoai TO ver_owner;
CREATE SCHEMA ver AUTHORIZATION ver_owner;
SET ROLE ver_owner;
CREATE TABLE ver.purchases AS
SELECT c AS customer, (c * 7 + i * i) % 20 AS item FROM generate_series(1, 30) c, generate_series(1, 6) i;
CREATE FUNCTION ver.published() RETURNS int LANGUAGE sql AS
$$SELECT version FROM promoai.models WHERE model = 'ver'$$;

-- Numbers count up, the newest is published.
SELECT is((promoai.mf_train('ver', 'ver.purchases', factors => 4, iterations => 2, seed => n)).version, n,
          'training ' || n || ' makes version ' || n)
FROM generate_series(1, 5) n;
SELECT is(ver.published(), 5, 'the newest is published');
SELECT is((SELECT count(*) FROM promoai.model_versions WHERE model = 'ver' AND published), 1::bigint, 'and no other');
SELECT is((SELECT arguments ->> 'seed' FROM promoai.model_definition('ver')), '5', 'the definition is the last one');
SELECT is((SELECT arguments ->> 'seed' FROM promoai.model_versions WHERE model = 'ver' AND version = 2), '2',
          'versions keep theirs');
SELECT ok((SELECT count(*) > 0 AND count(*) = count(split) FROM promoai.model_metrics WHERE model = 'ver' AND version = 5),
          'metrics are stored, each with its split');

SELECT is((promoai.model_publish('ver', 3)).version, 3, 'publish names the version');
SELECT is(ver.published(), 3, 'and publishes it');
SELECT is((promoai.model_rollback('ver')).version, 2, 'rollback goes to the one before');
SELECT is((promoai.model_rollback('ver')).version, 1, 'and on');
SELECT throws_ok($$SELECT promoai.model_rollback('ver')$$, '55000',
                 'model "ver" has no version older than its current version 1', 'as far as there is one');
SELECT throws_ok($$SELECT promoai.model_publish('ver', 99)$$, '42704', 'model "ver" has no version 99',
                 'a version that is not there cannot be published');
SELECT throws_ok($$SELECT promoai.model_publish('ver', 0)$$, '22023', NULL, 'versions count from 1');
SELECT throws_ok($$SELECT promoai.model_publish('ver', NULL)$$, '22004', NULL, 'and are no NULL');
SELECT throws_ok($$SELECT promoai.model_publish(NULL, 1)$$, '22004', NULL, 'nor is a name');
SELECT throws_ok($$SELECT * FROM promoai.cf_recommend('ver', 1, version => 99)$$, '42704', 'model "ver" has no version 99',
                 'serving says so too');
SELECT is((SELECT count(*) FROM promoai.cf_recommend('ver', 1, k => 3, version => 4)), 3::bigint,
          'a kept version serves when asked for');

SELECT throws_ok($$SELECT promoai.model_prune('ver', 0)$$, '22023', NULL, 'at least one version is kept');
SELECT is(promoai.model_prune('ver', 2), 2, 'pruning says how many it removed');
SELECT results_eq($$SELECT version FROM promoai.model_versions WHERE model = 'ver' ORDER BY 1$$, 'VALUES (1), (4), (5)',
                  'the newest ones and the published one are kept');
SELECT is(promoai.model_prune('ver', 2), 0, 'pruning again removes nothing');
SELECT is((promoai.retrain('ver')).version, 6, 'numbers go on after the highest');
SELECT is((promoai.retrain('ver')).version, 7, 'retraining twice makes two versions');
SELECT is((SELECT count(DISTINCT value) FROM promoai.model_metrics
           WHERE model = 'ver' AND metric = 'loss' AND version IN (5, 6, 7)), 1::bigint,
          'the same definition on the same rows gives the same loss');

-- Rolled back is not published, and its number is free again.
SAVEPOINT s;
SELECT promoai.retrain('ver');
SELECT is(ver.published(), 8, 'published within the transaction');
ROLLBACK TO s;
SELECT is(ver.published(), 7, 'a savepoint rolled back takes it back');
SELECT is((promoai.retrain('ver')).version, 8, 'the number recurs');
SELECT is((SELECT count(*) FROM promoai.cf_recommend('ver', 1, k => 3)), 3::bigint, 'and serves its own payload');

-- Names and kinds.
SELECT throws_ok($$SELECT promoai.mf_train('', 'ver.purchases')$$, '42602', NULL, 'a name has a byte at least');
SELECT throws_ok($$SELECT promoai.mf_train(repeat('x', 64), 'ver.purchases')$$, '42602', NULL, 'and 63 at most');
SELECT throws_ok($$SELECT promoai.mf_train(E'a\nb', 'ver.purchases')$$, '42602', NULL, 'and no control characters');
SELECT lives_ok(format('SELECT promoai.mf_train(%L, %L, factors => 4, iterations => 2, holdout => 0)',
                       'Größe "x" / ''y''; --', 'ver.purchases'), 'other characters are fine');
RESET ROLE;
UPDATE promoai.registry_models SET kind = 'other' WHERE model LIKE 'Gr%';
SET ROLE ver_owner;
SELECT throws_ok($$SELECT promoai.mf_train('Größe "x" / ''y''; --', 'ver.purchases')$$, '42809', NULL,
                 'a name keeps its kind of model');

-- A failed training leaves everything as it was.
SELECT throws_ok($$SELECT promoai.mf_train('ver', 'SELECT 1/0, 1')$$, '22012', NULL, 'a training fails');
SELECT is(ver.published(), 8, 'the version before goes on');
SELECT throws_ok($$SET promoai.cache_size = '1GB'$$, '42501', NULL, 'the cache''s bound is not an ordinary user''s to move');
SELECT throws_ok($$SET promoai.test_point = 'reading'$$, '42501', NULL, 'nor are test points');
RESET ROLE;

-- Payloads: in whole pages, checked when read.
SELECT is((SELECT pg_relation_size(reltoastrelid) FROM pg_class WHERE oid = 'promoai.registry_payload'::regclass), 0::bigint,
          'payload rows are stored in one piece');
SELECT promoai.mf_train('hurt', 'ver.purchases', factors => 128, iterations => 1, holdout => 0);
SET promoai.cache_size = '64kB';
SELECT throws_ok($$SELECT * FROM promoai.cf_recommend('hurt', 1)$$, '53400',
                 NULL, 'a model larger than promoai.cache_size is not loaded');
RESET promoai.cache_size;
SAVEPOINT s;
UPDATE promoai.registry_payload SET bytes = set_byte(bytes, 100, get_byte(bytes, 100) # 1)
WHERE chunk = 3 AND version_id = (SELECT current_version FROM promoai.registry_models WHERE model = 'hurt');
SELECT throws_ok($$SELECT * FROM promoai.cf_recommend('hurt', 1)$$, 'XX001',
                 'the stored payload of model "hurt", version 1, is damaged', 'one bit is noticed');
ROLLBACK TO s;
DELETE FROM promoai.registry_payload
WHERE chunk = 3 AND version_id = (SELECT current_version FROM promoai.registry_models WHERE model = 'hurt');
SELECT throws_ok($$SELECT * FROM promoai.cf_recommend('hurt', 1)$$, 'XX001',
                 'the stored payload of model "hurt", version 1, is damaged', 'a missing chunk is noticed');
ROLLBACK TO s;

SELECT promoai.model_drop('ver'), promoai.model_drop('hurt'), promoai.model_drop('Größe "x" / ''y''; --');
SELECT is((SELECT count(*) FROM promoai.registry_versions) + (SELECT count(*) FROM promoai.registry_payload) +
          (SELECT count(*) FROM promoai.registry_metrics), 0::bigint, 'dropped models leave nothing behind');

SELECT * FROM finish();
ROLLBACK;
