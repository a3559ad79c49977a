-- run as: postgres
-- Schedules: who may make them, who sees them, and what is refused.  Running them is for test/server/3xx.
BEGIN;
SELECT plan(68);

CREATE ROLE sch_owner;
CREATE ROLE sch_member IN ROLE sch_owner;
CREATE ROLE sch_grantee;
CREATE ROLE sch_stranger;
CREATE ROLE sch_heir;
GRANT USAGE ON SCHEMA promoai TO PUBLIC;
CREATE TABLE public.sch_purchases AS
SELECT c AS customer, (c * 7 + i * i) % 20 AS item, 1 AS quantity, now() - i * interval '1 day' AS at
FROM generate_series(1, 40) c, generate_series(1, 6) i;
GRANT SELECT ON public.sch_purchases TO PUBLIC;

SET ROLE sch_owner;
SELECT promoai.mf_train('sch', 'SELECT customer, item, quantity, at FROM public.sch_purchases', factors => 4, iterations => 2, holdout => 0);
SELECT promoai.model_grant('sch', 'sch_grantee');

-- ---- what is refused ----
CREATE FUNCTION pg_temp.refused(arguments text, code text, message text) RETURNS text LANGUAGE sql AS
$$SELECT throws_ok('SELECT promoai.schedule_retrain(''sch'', ' || arguments || ')', code, message, arguments)$$;

SELECT pg_temp.refused('max_failures => 3', '22023', 'one of the arguments "every" and "cron" must be given');
SELECT pg_temp.refused($$every => '1 day', cron => '0 3 * * *'$$, '22023', 'one of the arguments "every" and "cron" must be given, not both');
SELECT pg_temp.refused($$every => '0'$$, '22023', 'argument "every" must be a second or more, got 00:00:00');
SELECT pg_temp.refused($$every => '-1 day'$$, '22023', 'argument "every" must be a second or more, got -1 days');
SELECT pg_temp.refused($$every => '10 milliseconds'$$, '22023', 'argument "every" must be a second or more, got 00:00:00.01');
SELECT pg_temp.refused($$every => '1 month -30 days'$$, '22023', 'argument "every" must be a second or more, got 1 mon -30 days');
SELECT pg_temp.refused($$every => '178000000 years'$$, '22008', NULL);
SELECT pg_temp.refused($$cron => ''$$, '22023', 'argument "cron": "" never comes: it has 0 fields instead of 5');
SELECT pg_temp.refused($$cron => '0 3 * *'$$, '22023', 'argument "cron": "0 3 * *" never comes: it has 4 fields instead of 5');
SELECT pg_temp.refused($$cron => '0 25 * * *'$$, '22023', 'argument "cron": "0 25 * * *" never comes: "25" is no hour (0 to 23)');
SELECT pg_temp.refused($$cron => '0 3 30 2 *'$$, '22023', 'argument "cron": "0 3 30 2 *" never comes: no such day comes in any year');
SELECT pg_temp.refused($$cron => repeat('1', 1000)$$, '22023', NULL);
-- Zones of that kind are no longer everywhere: Debian 13 has them in a package of its own, tzdata-legacy.
SELECT pg_temp.refused($$every => '1 day', time_zone => 'CET'$$, '22023', CASE WHEN EXISTS (SELECT FROM pg_catalog.pg_timezone_names WHERE name = 'CET')
	THEN 'argument "time_zone": "CET" is both a zone and an abbreviation of one of its times' ELSE 'argument "time_zone": there is no time zone "CET"' END);
SELECT pg_temp.refused($$every => '1 day', time_zone => 'Mars/Olympus'$$, '22023', 'argument "time_zone": there is no time zone "Mars/Olympus"');
SELECT pg_temp.refused($$every => '1 day', min_new_rows => -1$$, '22023', 'argument "min_new_rows" must be 0 or more, got -1');
SELECT pg_temp.refused($$every => '1 day', max_age => '0'$$, '22023', 'argument "max_age" must be more than nothing, got 00:00:00');
SELECT pg_temp.refused($$every => '1 day', guard => 'strict'$$, '22023', 'argument "guard" must be one of "auto", "compare", "none", got "strict"');
SELECT pg_temp.refused($$every => '1 day', guard => NULL$$, '22004', 'argument "guard" must not be null');
SELECT pg_temp.refused($$every => '1 day', guard => 'none', validation => 'SELECT 1, 1'$$, '22023', 'argument "validation" makes no sense with guard => ''none''');
SELECT pg_temp.refused($$every => '1 day', holdout => '1 day', validation => 'SELECT 1, 1'$$, '22023', 'arguments "validation" and "holdout" exclude each other');
SELECT pg_temp.refused($$every => '1 day', holdout => '-1 day'$$, '22023', 'argument "holdout" must be more than nothing, got -1 days');
SELECT pg_temp.refused($$every => '1 day', tolerance => 'NaN'$$, '22023', 'argument "tolerance" must be between 0 and 1, got NaN');
SELECT pg_temp.refused($$every => '1 day', tolerance => 2$$, '22023', 'argument "tolerance" must be between 0 and 1, got 2');
SELECT pg_temp.refused($$every => '1 day', metrics_k => 0$$, '22023', 'argument "metrics_k" must be between 1 and 1000, got 0');
SELECT pg_temp.refused($$every => '1 day', min_rows_ratio => 1.5$$, '22023', 'argument "min_rows_ratio" must be between 0 and 1, got 1.5');
SELECT pg_temp.refused($$every => '1 day', max_null_share => -1$$, '22023', 'argument "max_null_share" must be between 0 and 1, got -1');
SELECT pg_temp.refused($$every => '1 day', max_drift => 'infinity'$$, '22023', 'argument "max_drift" must be between 0 and 1000, got Infinity');
SELECT pg_temp.refused($$every => '1 day', max_unseen => 'NaN'$$, '22023', 'argument "max_unseen" must be between 0 and 1, got NaN');
SELECT pg_temp.refused($$every => '1 day', keep => 0$$, '22023', 'argument "keep" must be between 1 and 2147483647, got 0');
SELECT pg_temp.refused($$every => '1 day', max_failures => 0$$, '22023', 'argument "max_failures" must be between 1 and 2147483647, got 0');
SELECT pg_temp.refused(format($$every => '1 day', %s => repeat(' ', 16777217)$$, argument), '54000', format('argument "%s" is too long: 16777217 bytes, of at most 16777216', argument))
FROM unnest(ARRAY['validation', 'guard_query', 'after']) argument;
SELECT pg_temp.refused($$every => '1 day', settings => '[]'$$, '22023', 'argument "settings" must be an object');
SELECT pg_temp.refused($$every => '1 day', settings => '3'$$, '22023', 'argument "settings" must be an object');
SELECT pg_temp.refused($$every => '1 day', settings => '{"work_mem": []}'$$, '22023', 'argument "settings": "work_mem" must be a string, a number or a boolean');
SELECT pg_temp.refused($$every => '1 day', settings => '{"work_mem": {"a": 1}}'$$, '22023', 'argument "settings": "work_mem" must be a string, a number or a boolean');
SELECT pg_temp.refused($$every => '1 day', settings => '{"no_such_setting": 1}'$$, '42704', NULL);
SELECT pg_temp.refused($$every => '1 day', settings => '{"work_mem": "much"}'$$, '22023', NULL);
SELECT pg_temp.refused($$every => '1 day', settings => '{"log_statement": "all"}'$$, '42501', NULL);
SELECT is((SELECT count(*) FROM promoai.schedules), 0::bigint, 'nothing of that made a schedule');
SELECT throws_ok($$SELECT promoai.schedule_retrain('nothing', every => '1 day')$$, '42704',
                 'model "nothing" does not exist, or you have no right to use it', 'a model that is not there');

-- ---- who may ----
SELECT lives_ok($$SELECT promoai.schedule_retrain('sch', every => '1 day', time_zone => 'Europe/Berlin',
                  max_age => '7 days', min_new_rows => 100, after => 'SELECT 1',
                  settings => '{"statement_timeout": "10min", "enable_seqscan": true, "work_mem": 8192}')$$, 'the owner makes one');
SELECT is((SELECT next_run_local - (next_run AT TIME ZONE 'Europe/Berlin') FROM promoai.schedules), '0'::interval,
          'shown as the clock of its zone shows it');
SELECT is((promoai.schedule_retrain('sch', cron => '30 3 * * *', time_zone => 'Europe/Berlin')).model, 'sch', 'and replaces it');
SELECT results_eq('SELECT model, every IS NULL, cron, enabled, running, failures, next_run_local::time FROM promoai.schedules',
                  $$VALUES ('sch', true, '30 3 * * *', true, false, 0, '03:30'::time)$$, 'by which there is still one');
SELECT throws_ok('SELECT * FROM promoai.registry_schedules', '42501', NULL, 'no grant on registry_schedules');
SELECT throws_ok('SELECT * FROM promoai.registry_runs', '42501', NULL, 'nor on registry_runs');
SELECT throws_ok('SELECT promoai.start_worker()', '42501', NULL, 'start_worker() is not for everybody');
SELECT throws_ok('CALL promoai.run_due_jobs()', '2D000', 'run_due_jobs() cannot run in a transaction block or in a function',
                 'run_due_jobs() needs to commit');
SET ROLE sch_member;
SELECT is((SELECT count(*) FROM promoai.schedules), 1::bigint, 'a member of the owner''s role sees it');
SELECT lives_ok($$SELECT promoai.schedule_retrain('sch', cron => '30 3 * * *', after => 'DELETE FROM sch_log')$$, 'and may change it');
SET ROLE sch_grantee;
SELECT is((SELECT count(*) FROM promoai.schedules), 0::bigint, 'a grantee does not see it');
SELECT is((SELECT scheduled FROM promoai.model_health), true, 'but that there is one');
SELECT throws_ok($$SELECT promoai.schedule_retrain('sch', every => '1 day')$$, '42501', 'must be owner of model "sch"', 'and may not make one');
SELECT throws_ok($$SELECT promoai.unschedule_retrain('sch')$$, '42501', 'must be owner of model "sch"', 'nor remove it');
SELECT throws_ok($$SELECT promoai.cancel_run('sch')$$, '42501', 'must be owner of model "sch"', 'nor cancel its run');
SET ROLE sch_stranger;
SELECT is((SELECT count(*) FROM promoai.model_health), 0::bigint, 'a stranger sees nothing');
SELECT throws_ok($$SELECT promoai.unschedule_retrain('sch')$$, '42704', 'model "sch" does not exist, or you have no right to use it',
                 'and learns nothing');

-- ---- a new owner has not read what it runs ----
RESET ROLE;
SELECT promoai.model_owner('sch', 'sch_heir');
SET ROLE sch_heir;
SELECT is((SELECT enabled FROM promoai.schedules), false, 'handing over switches it off');
SELECT alike((SELECT last_message FROM promoai.schedules), '%handed over%', 'and says so');
SELECT is((SELECT trouble FROM promoai.model_health), 'its schedule is switched off', 'also in model_health');
SELECT lives_ok($$SELECT promoai.schedule_retrain('sch', every => '1 day')$$, 'the heir schedules it again');
SELECT is(promoai.cancel_run('sch'), false, 'the owner is told that no run is on');
SELECT is(promoai.cancel_run(NULL), NULL, 'nor of no model');
SELECT lives_ok($$SELECT promoai.unschedule_retrain('sch')$$, 'and removes it');
SELECT is((SELECT count(*) FROM promoai.schedules), 0::bigint, 'it is gone');
SELECT promoai.schedule_retrain('sch', every => '1 day');
SELECT promoai.model_drop('sch');
RESET ROLE;
SELECT is((SELECT count(*) FROM promoai.registry_schedules), 0::bigint, 'dropping a model takes its schedule along');

SELECT * FROM finish();
ROLLBACK;
