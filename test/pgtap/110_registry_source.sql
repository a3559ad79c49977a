-- run as: postgres
-- A stored source runs as the model's owner, under the stored search_path, and can do no harm to whoever retrains.
BEGIN;
SELECT plan(17);

CREATE ROLE src_owner;
GRANT USAGE ON SCHEMA promoai TO src_owner;
CREATE SCHEMA src AUTHORIZATION src_owner;
CREATE SCHEMA evil;
GRANT USAGE ON SCHEMA evil TO src_owner;

SET ROLE src_owner;
CREATE TABLE src.log (line text);
CREATE TABLE src.purchases AS
SELECT c AS customer, (c * 7 + i * i) % 20 AS item FROM generate_series(1, 30) c, generate_series(1, 6) i;
CREATE FUNCTION src.feed() RETURNS SETOF src.purchases LANGUAGE plpgsql VOLATILE AS
$$BEGIN RETURN QUERY SELECT * FROM src.purchases; END$$;

SET search_path = src, public;
SELECT promoai.mf_train('bare', 'purchases', factors => 4, iterations => 2, holdout => 0);
SELECT promoai.mf_train('feed', 'SELECT * FROM feed()', factors => 4, iterations => 2, holdout => 0);
RESET ROLE;
SET search_path = public;

-- Names mean what they meant to the owner.
CREATE TABLE evil.purchases AS SELECT 1 AS customer, 2 AS item;
GRANT SELECT ON evil.purchases TO src_owner;
CREATE TEMP TABLE purchases AS SELECT 1 AS customer, 2 AS item;
GRANT SELECT ON pg_temp.purchases TO src_owner;
SET search_path = evil, public;
SELECT is((promoai.retrain('bare')).rows_read, 180::bigint, 'neither search_path nor temporary tables of the caller matter');
SELECT is(current_setting('search_path'), 'evil, public', 'the caller''s search_path is what it was');

-- The registry's own SQL means what it means, whatever stands before pg_catalog.
CREATE FUNCTION evil.uuid_is_evil(uuid, uuid) RETURNS boolean LANGUAGE plpgsql AS
$$BEGIN RAISE EXCEPTION 'hostile operator'; END$$;
CREATE OPERATOR evil.= (FUNCTION = evil.uuid_is_evil, LEFTARG = uuid, RIGHTARG = uuid);
CREATE FUNCTION evil.int_is_evil(int, int) RETURNS int LANGUAGE plpgsql AS
$$BEGIN RAISE EXCEPTION 'hostile operator'; END$$;
CREATE OPERATOR evil.+ (FUNCTION = evil.int_is_evil, LEFTARG = int, RIGHTARG = int);
CREATE FUNCTION evil.max(int) RETURNS int LANGUAGE plpgsql AS $$BEGIN RAISE EXCEPTION 'hostile function'; END$$;
SET search_path = evil, pg_catalog, public;
SELECT public.lives_ok($$SELECT promoai.retrain('bare')$$, 'a hostile search_path does not reach retrain');
SELECT public.lives_ok($$SELECT promoai.model_rollback('bare')$$, 'nor model_rollback');
SELECT public.lives_ok($$SELECT promoai.model_publish('bare', 3)$$, 'nor model_publish');
SELECT public.lives_ok($$SELECT promoai.model_prune('bare', 1)$$, 'nor model_prune');
SELECT public.lives_ok($$SELECT * FROM promoai.models, promoai.model_versions, promoai.model_metrics$$, 'nor the views');
SELECT public.lives_ok($$SELECT promoai.model_drop('bare')$$, 'nor model_drop');
SET search_path = public;

-- A source that turns hostile after its owner trained it, and a superuser who retrains.
CREATE FUNCTION pg_temp.turn(body text) RETURNS void LANGUAGE plpgsql AS
$$BEGIN
    EXECUTE format('CREATE OR REPLACE FUNCTION src.feed() RETURNS SETOF src.purchases LANGUAGE plpgsql VOLATILE AS %L',
                   'BEGIN ' || body || '; RETURN QUERY SELECT * FROM src.purchases; END');
END$$;

SELECT pg_temp.turn($$IF current_user <> 'src_owner' THEN RAISE 'runs as %', current_user; END IF$$);
SELECT is((promoai.retrain('feed')).rows_read, 180::bigint, 'functions in the source run as the owner too');
SELECT pg_temp.turn($$INSERT INTO src.log VALUES ('was here')$$);
SELECT throws_ok($$SELECT promoai.retrain('feed')$$, '25006', NULL, 'a source that writes fails');
SELECT pg_temp.turn($$PERFORM pg_catalog.set_config('role', 'postgres', false)$$);
SELECT throws_ok($$SELECT promoai.retrain('feed')$$, '42501', NULL, 'a source that changes the role fails');
SELECT pg_temp.turn($$RESET SESSION AUTHORIZATION$$);
SELECT throws_ok($$SELECT promoai.retrain('feed')$$, '42501', NULL, 'a source that changes the session''s user fails');
SELECT pg_temp.turn($$CREATE TEMP TABLE left_behind (x int)$$);
SELECT throws_ok($$SELECT promoai.retrain('feed')$$, NULL, NULL, 'a source that leaves a temporary table fails');
SELECT pg_temp.turn($$PERFORM pg_catalog.set_config('search_path', 'evil', false)$$);
SELECT lives_ok($$SELECT promoai.retrain('feed')$$, 'a source may set search_path for itself');
SELECT is(current_setting('search_path'), 'public', 'which ends with it');
SELECT is(current_user::text, 'postgres', 'after all these errors the caller is who he was');
SELECT is((SELECT count(*) FROM promoai.model_versions WHERE model = 'feed'), 3::bigint,
          'and nothing of the failed trainings is left');

SELECT * FROM finish();
ROLLBACK;
