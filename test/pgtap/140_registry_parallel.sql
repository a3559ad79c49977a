-- run as: postgres
-- What reads the registry works in parallel workers.
BEGIN;
SELECT plan(3);

CREATE ROLE par_owner;
GRANT USAGE ON SCHEMA promoai TO par_owner;
CREATE SCHEMA par AUTHORIZATION par_owner;
SET ROLE par_owner;
CREATE TABLE par.purchases AS
SELECT c AS customer, (c * 7 + i * i) % 20 AS item FROM generate_series(1, 3000) c, generate_series(1, 6) i;
SELECT promoai.mf_train('par', 'par.purchases', factors => 4, iterations => 2, holdout => 0);
CREATE TEMP TABLE serial AS
SELECT p.customer, r.rank, r.item FROM (SELECT DISTINCT customer FROM par.purchases) p, promoai.cf_recommend('par', p.customer, k => 2) r;

SET LOCAL parallel_setup_cost = 0;
SET LOCAL parallel_tuple_cost = 0;
SET LOCAL min_parallel_table_scan_size = 0;
SET LOCAL max_parallel_workers_per_gather = 2;
CREATE FUNCTION pg_temp.workers(query text) RETURNS int LANGUAGE plpgsql AS
$$DECLARE line text; launched int := 0;
BEGIN
    FOR line IN EXECUTE 'EXPLAIN (ANALYZE, COSTS off, TIMING off, SUMMARY off) ' || query LOOP
        launched := launched + coalesce(substring(line FROM 'Workers Launched: (\d+)')::int, 0);
    END LOOP;
    RETURN launched;
END$$;
SELECT ok(pg_temp.workers($$SELECT count(*) FROM par.purchases WHERE promoai.model_usable('par' || left(item::text, 0))$$) > 0,
          'workers are launched');
SELECT is((SELECT count(*) FROM par.purchases WHERE promoai.model_usable('par' || left(item::text, 0))), 18000::bigint,
          'rights are the same in workers');
SELECT is((SELECT count(*)
           FROM par.purchases p, LATERAL (SELECT item FROM promoai.cf_recommend('par', p.customer, k => 1)) r
           JOIN serial s ON s.item = r.item WHERE s.customer = p.customer AND s.rank = 1), 18000::bigint,
          'so are the answers');

SELECT * FROM finish();
ROLLBACK;
