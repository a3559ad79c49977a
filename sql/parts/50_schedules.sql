-- Schedules: models that keep themselves fresh, what their runs did, and what a DBA looks at.
--
-- As with the registry nobody has a grant on the tables: functions in C check who owns the model, views show each role its
-- own.  There are no foreign keys, for the same reason.

CREATE TABLE promoai.registry_schedules (
    model_id uuid NOT NULL,
    every interval,
    cron text COLLATE "C",
    time_zone text COLLATE "C" NOT NULL,
    min_new_rows bigint,
    max_age interval,
    guard text COLLATE "C" NOT NULL,
    guards jsonb NOT NULL,
    holdout interval,
    validation text,
    guard_query text,
    after_run text,
    search_path text NOT NULL,
    settings jsonb NOT NULL,
    keep integer,
    max_failures integer NOT NULL,
    enabled boolean NOT NULL,
    next_run timestamptz NOT NULL,
    planned timestamptz,
    run_id uuid,
    failures integer NOT NULL,
    crashes integer NOT NULL,
    message text,
    profile jsonb,
    drift double precision,
    changed_at timestamptz NOT NULL,
    CONSTRAINT registry_schedules_pkey PRIMARY KEY (model_id)
) WITH (fillfactor = 50);

COMMENT ON TABLE promoai.registry_schedules IS 'When models are retrained, under which guards, and what follows. Read it through promoai.schedules.';
COMMENT ON COLUMN promoai.registry_schedules.model_id IS 'the model';
COMMENT ON COLUMN promoai.registry_schedules.every IS 'time between runs; NULL: by cron';
COMMENT ON COLUMN promoai.registry_schedules.cron IS 'cron line; NULL: by every';
COMMENT ON COLUMN promoai.registry_schedules.time_zone IS 'in which every and cron are understood';
COMMENT ON COLUMN promoai.registry_schedules.min_new_rows IS 'train only when the source has so many rows more than the published version was trained on';
COMMENT ON COLUMN promoai.registry_schedules.max_age IS 'train whatever min_new_rows says when the published version is older';
COMMENT ON COLUMN promoai.registry_schedules.guard IS 'are versions compared before publishing: auto, compare or none';
COMMENT ON COLUMN promoai.registry_schedules.guards IS 'limits that the source and the comparison are held to, by argument';
COMMENT ON COLUMN promoai.registry_schedules.holdout IS 'how long the newest period is that versions are compared on; NULL: half of the time since the published version was trained';
COMMENT ON COLUMN promoai.registry_schedules.validation IS 'source that versions are compared on; NULL: the newest period of the model''s own';
COMMENT ON COLUMN promoai.registry_schedules.guard_query IS 'query of the owner''s whose answer must be true';
COMMENT ON COLUMN promoai.registry_schedules.after_run IS 'statements that run when a version was published';
COMMENT ON COLUMN promoai.registry_schedules.search_path IS 'search_path under which validation, guard_query and after_run run';
COMMENT ON COLUMN promoai.registry_schedules.settings IS 'settings of the run';
COMMENT ON COLUMN promoai.registry_schedules.keep IS 'how many versions are kept; NULL: all';
COMMENT ON COLUMN promoai.registry_schedules.max_failures IS 'after so many failures in a row the schedule is switched off';
COMMENT ON COLUMN promoai.registry_schedules.enabled IS 'false: switched off, message says why';
COMMENT ON COLUMN promoai.registry_schedules.next_run IS 'when it is due';
COMMENT ON COLUMN promoai.registry_schedules.planned IS 'when it was due before a failed run put it off; NULL: next_run';
COMMENT ON COLUMN promoai.registry_schedules.run_id IS 'the run that is on; a lock tells whether it is alive';
COMMENT ON COLUMN promoai.registry_schedules.failures IS 'runs in a row that did not end well, the one that is on included';
COMMENT ON COLUMN promoai.registry_schedules.crashes IS 'runs in a row that ended without saying how';
COMMENT ON COLUMN promoai.registry_schedules.message IS 'why it is switched off';
COMMENT ON COLUMN promoai.registry_schedules.profile IS 'what the source looked like at the last published run: rows, shares of NULL, deciles, a sample of hashed ids';
COMMENT ON COLUMN promoai.registry_schedules.drift IS 'largest population stability index over the columns at the last look';
COMMENT ON COLUMN promoai.registry_schedules.changed_at IS 'when it was made or replaced';

CREATE TABLE promoai.registry_runs (
    run_id uuid NOT NULL,
    model_id uuid NOT NULL,
    runner text COLLATE "C" NOT NULL,
    pid integer NOT NULL,
    started_at timestamptz NOT NULL,
    ended_at timestamptz,
    state text COLLATE "C" NOT NULL,
    version integer,
    sqlstate text COLLATE "C",
    message text,
    checks jsonb,
    CONSTRAINT registry_runs_pkey PRIMARY KEY (run_id)
);
CREATE INDEX registry_runs_model ON promoai.registry_runs (model_id, started_at);
CREATE INDEX registry_runs_running ON promoai.registry_runs (run_id) WHERE state = 'running';

COMMENT ON TABLE promoai.registry_runs IS 'Runs of schedules. Read it through promoai.training_runs.';
COMMENT ON COLUMN promoai.registry_runs.run_id IS 'random';
COMMENT ON COLUMN promoai.registry_runs.model_id IS 'the model';
COMMENT ON COLUMN promoai.registry_runs.runner IS 'who ran it: worker or run_due_jobs';
COMMENT ON COLUMN promoai.registry_runs.pid IS 'process that ran it';
COMMENT ON COLUMN promoai.registry_runs.started_at IS 'when it was claimed';
COMMENT ON COLUMN promoai.registry_runs.ended_at IS 'when it ended; NULL: it is on';
COMMENT ON COLUMN promoai.registry_runs.state IS 'running, published, after failed, kept, skipped, failed, interrupted or crashed';
COMMENT ON COLUMN promoai.registry_runs.version IS 'version that was written';
COMMENT ON COLUMN promoai.registry_runs.sqlstate IS 'SQLSTATE of the error';
COMMENT ON COLUMN promoai.registry_runs.message IS 'what happened, in words';
COMMENT ON COLUMN promoai.registry_runs.checks IS 'what the guards found';

SELECT pg_catalog.pg_extension_config_dump('promoai.registry_schedules', '');
SELECT pg_catalog.pg_extension_config_dump('promoai.registry_runs', '');

-- ---- schedules ----

CREATE FUNCTION promoai.schedule_retrain(
    INOUT model text,
    every interval DEFAULT NULL,
    cron text DEFAULT NULL,
    time_zone text DEFAULT NULL,
    min_new_rows bigint DEFAULT NULL,
    max_age interval DEFAULT NULL,
    guard text DEFAULT 'auto',
    validation text DEFAULT NULL,
    holdout interval DEFAULT NULL,
    tolerance float8 DEFAULT 0.05,
    metrics_k int DEFAULT 20,
    min_rows_ratio float8 DEFAULT 0.5,
    max_null_share float8 DEFAULT NULL,
    max_drift float8 DEFAULT NULL,
    max_unseen float8 DEFAULT NULL,
    guard_query text DEFAULT NULL,
    after text DEFAULT NULL,
    keep int DEFAULT NULL,
    settings jsonb DEFAULT NULL,
    max_failures int DEFAULT 10,
    OUT next_run timestamptz)
LANGUAGE C VOLATILE PARALLEL UNSAFE
AS 'MODULE_PATHNAME', 'promoai_schedule_retrain';
COMMENT ON FUNCTION promoai.schedule_retrain(text, interval, text, text, bigint, interval, text, text, interval, float8, int, float8, float8, float8, float8, text, text, int, jsonb, int) IS
'Retrain a model every so often, or by a cron line (in time_zone; NULL: the session''s), as its owner. A version is published unless a guard speaks against it: too few rows, too many NULLs, drift, unseen ids, a query of one''s own, or a paired comparison with the published version (guard: auto, compare, none). after: statements that follow a publication. Replaces the model''s schedule. For the model''s owner.';

CREATE FUNCTION promoai.unschedule_retrain(model text) RETURNS void
LANGUAGE C VOLATILE PARALLEL UNSAFE
AS 'MODULE_PATHNAME', 'promoai_unschedule_retrain';
COMMENT ON FUNCTION promoai.unschedule_retrain(text) IS
'Remove a model''s schedule; a run that is on goes on to its end. For the model''s owner.';

CREATE FUNCTION promoai.cancel_run(model text) RETURNS boolean
LANGUAGE C VOLATILE STRICT PARALLEL UNSAFE
AS 'MODULE_PATHNAME', 'promoai_cancel_run';
COMMENT ON FUNCTION promoai.cancel_run(text) IS
'Cancel the run of a model''s schedule that the worker has on; false when none is. It counts as failed, or, where its own code catches the cancel and the process has to be ended, as crashed, and is tried again, unless the schedule is removed. For the model''s owner.';

CREATE PROCEDURE promoai.run_due_jobs()
LANGUAGE C
AS 'MODULE_PATHNAME', 'promoai_run_due_jobs';
COMMENT ON PROCEDURE promoai.run_due_jobs() IS
'Run the schedules that are due, one after the other, each as its model''s owner: those of models that the caller owns. Commits between and within jobs, so it cannot run in a transaction block. For pg_cron, or any scheduler, where promoai''s worker does not run.';

CREATE FUNCTION promoai.start_worker() RETURNS integer
LANGUAGE C VOLATILE PARALLEL UNSAFE
AS 'MODULE_PATHNAME', 'promoai_start_worker';
COMMENT ON FUNCTION promoai.start_worker() IS
'Start a worker for this database until the server stops, where promoai is not preloaded; returns its process id. For superusers and roles that are granted EXECUTE.';
REVOKE ALL ON FUNCTION promoai.start_worker() FROM PUBLIC;

-- ---- looking ----

CREATE VIEW promoai.schedules WITH (security_barrier) AS
SELECT m.model COLLATE pg_catalog."default" AS model,
       s.every,
       s.cron COLLATE pg_catalog."default" AS cron,
       s.time_zone COLLATE pg_catalog."default" AS time_zone,
       s.enabled,
       CASE WHEN s.enabled THEN s.next_run END AS next_run,
       CASE WHEN s.enabled THEN s.next_run AT TIME ZONE s.time_zone END AS next_run_local,
       s.run_id IS NOT NULL AS running,
       r.started_at AS last_run,
       r.state COLLATE pg_catalog."default" AS last_state,
       coalesce(s.message, r.message) AS last_message,
       s.failures - (s.run_id IS NOT NULL)::integer AS failures,
       s.min_new_rows,
       s.max_age,
       s.guard COLLATE pg_catalog."default" AS guard,
       s.guards,
       s.holdout,
       s.validation,
       s.guard_query,
       s.after_run AS after,
       s.keep,
       s.settings
FROM promoai.registry_schedules s
JOIN promoai.registry_models m ON m.model_id = s.model_id
LEFT JOIN LATERAL (
    SELECT a.started_at, a.state, a.message
    FROM promoai.registry_runs a
    WHERE a.model_id = s.model_id
    ORDER BY a.started_at DESC
    LIMIT 1) r ON true
WHERE promoai.model_owned(m.model)
OFFSET 0;

COMMENT ON VIEW promoai.schedules IS 'Schedules of the models that the current role owns: when they run next, and how the last run went.';
COMMENT ON COLUMN promoai.schedules.model IS 'name of the model';
COMMENT ON COLUMN promoai.schedules.every IS 'time between runs; NULL: by cron';
COMMENT ON COLUMN promoai.schedules.cron IS 'cron line; NULL: by every';
COMMENT ON COLUMN promoai.schedules.time_zone IS 'in which every and cron are understood';
COMMENT ON COLUMN promoai.schedules.enabled IS 'false: switched off after failures, by a handover or because its time never comes; last_message says why, promoai.schedule_retrain() switches it on again';
COMMENT ON COLUMN promoai.schedules.next_run IS 'when it is due; NULL: switched off';
COMMENT ON COLUMN promoai.schedules.next_run_local IS 'the same as the clock of time_zone shows it';
COMMENT ON COLUMN promoai.schedules.running IS 'a run is on (or was, when the server crashed a moment ago)';
COMMENT ON COLUMN promoai.schedules.last_run IS 'when the last run started';
COMMENT ON COLUMN promoai.schedules.last_state IS 'how it ended, as in promoai.training_runs';
COMMENT ON COLUMN promoai.schedules.last_message IS 'why the schedule is switched off, or what the last run says';
COMMENT ON COLUMN promoai.schedules.failures IS 'runs in a row that did not end well';
COMMENT ON COLUMN promoai.schedules.min_new_rows IS 'train only when the source has so many rows more than the published version was trained on';
COMMENT ON COLUMN promoai.schedules.max_age IS 'train whatever min_new_rows says when the published version is older';
COMMENT ON COLUMN promoai.schedules.guard IS 'are versions compared before publishing: auto, compare or none';
COMMENT ON COLUMN promoai.schedules.guards IS 'limits that the source and the comparison are held to';
COMMENT ON COLUMN promoai.schedules.holdout IS 'how long the newest period is that versions are compared on; NULL: half of the time since the published version was trained';
COMMENT ON COLUMN promoai.schedules.validation IS 'source that versions are compared on; NULL: the newest period of the model''s own';
COMMENT ON COLUMN promoai.schedules.guard_query IS 'query of the owner''s whose answer must be true';
COMMENT ON COLUMN promoai.schedules.after IS 'statements that run when a version was published';
COMMENT ON COLUMN promoai.schedules.keep IS 'how many versions are kept; NULL: all';
COMMENT ON COLUMN promoai.schedules.settings IS 'settings of the run';

CREATE VIEW promoai.training_runs WITH (security_barrier) AS
SELECT m.model COLLATE pg_catalog."default" AS model,
       r.started_at,
       r.ended_at,
       r.state COLLATE pg_catalog."default" AS state,
       r.version,
       r.message,
       r.sqlstate COLLATE pg_catalog."default" AS sqlstate,
       r.checks,
       r.runner COLLATE pg_catalog."default" AS runner,
       r.pid
FROM promoai.registry_runs r
JOIN promoai.registry_models m ON m.model_id = r.model_id
WHERE promoai.model_owned(m.model)
OFFSET 0;

COMMENT ON VIEW promoai.training_runs IS 'Runs of schedules of the models that the current role owns, by the worker or by promoai.run_due_jobs(). The last 500 of each model are kept.';
COMMENT ON COLUMN promoai.training_runs.model IS 'name of the model';
COMMENT ON COLUMN promoai.training_runs.started_at IS 'when it was claimed';
COMMENT ON COLUMN promoai.training_runs.ended_at IS 'when it ended; NULL: it is on';
COMMENT ON COLUMN promoai.training_runs.state IS 'running; published; after failed (published, but the statements after it failed); kept (a guard spoke against publishing the version); skipped (nothing was trained); failed (message says why); interrupted (the worker was told to stop, it will run again); crashed (the server or the session ended in the middle)';
COMMENT ON COLUMN promoai.training_runs.version IS 'version that was written; NULL: none';
COMMENT ON COLUMN promoai.training_runs.message IS 'what happened, in words';
COMMENT ON COLUMN promoai.training_runs.sqlstate IS 'SQLSTATE of the error; NULL: none';
COMMENT ON COLUMN promoai.training_runs.checks IS 'what the guards found: rows, largest null_share, drift and unseen; measure, champion, challenger, p_worse, cases of the comparison';
COMMENT ON COLUMN promoai.training_runs.runner IS 'worker or run_due_jobs';
COMMENT ON COLUMN promoai.training_runs.pid IS 'process that ran it';

CREATE VIEW promoai.model_health WITH (security_barrier) AS
SELECT m.model COLLATE pg_catalog."default" AS model,
       m.kind COLLATE pg_catalog."default" AS kind,
       coalesce(o.role, m.owner_name) COLLATE pg_catalog."default" AS owner,
       c.version,
       c.trained_at,
       pg_catalog.now() - c.trained_at AS age,
       c.rows_read,
       x.metric COLLATE pg_catalog."default" AS metric,
       x.value,
       x.low,
       x.high,
       s.drift,
       v.size_bytes,
       v.versions,
       s.model_id IS NOT NULL AS scheduled,
       CASE WHEN s.enabled THEN s.next_run END AS next_run,
       r.state COLLATE pg_catalog."default" AS last_state,
       CASE WHEN o.role IS NULL THEN 'its owner does not exist any more'
            WHEN c.version IS NULL THEN 'no version is published'
            WHEN NOT s.enabled THEN 'its schedule is switched off'
            WHEN s.failures - (s.run_id IS NOT NULL)::integer > 0 THEN 'its last run did not end well'
            WHEN r.state = 'kept' THEN 'a guard kept the last version back'
            WHEN r.state = 'after failed' THEN 'the statements after its last run failed'
            WHEN s.enabled AND s.run_id IS NULL AND s.next_run < pg_catalog.now() - '1 hour'::interval
            THEN 'it has been due for an hour: nobody runs its schedule'
       END AS trouble
FROM promoai.registry_models m
CROSS JOIN LATERAL (SELECT promoai.registry_role(m.owner_name, m.owner_oid, m.owner_cluster) AS role) o
LEFT JOIN promoai.registry_versions c ON c.version_id = m.current_version
LEFT JOIN promoai.registry_schedules s ON s.model_id = m.model_id
CROSS JOIN LATERAL (
    SELECT pg_catalog.count(*) AS versions,
           coalesce(pg_catalog.sum(a.payload_bytes), 0)::bigint AS size_bytes
    FROM promoai.registry_versions a
    WHERE a.model_id = m.model_id) v
LEFT JOIN LATERAL (
    SELECT a.metric, a.value, a.low, a.high
    FROM promoai.registry_metrics a
    CROSS JOIN LATERAL (
        SELECT CASE WHEN a.metric LIKE 'ndcg@%' THEN 1
                    WHEN a.metric LIKE 'recall@%' THEN 2
                    ELSE 2 + pg_catalog.array_position('{rmse,auc,accuracy,silhouette}'::text[], a.metric)
               END AS place) f
    WHERE a.version_id = m.current_version AND f.place IS NOT NULL
    ORDER BY f.place, a.metric
    LIMIT 1) x ON true
LEFT JOIN LATERAL (
    SELECT a.state
    FROM promoai.registry_runs a
    WHERE a.model_id = m.model_id
    ORDER BY a.started_at DESC
    LIMIT 1) r ON promoai.model_owned(m.model)
WHERE promoai.model_usable(m.model)
OFFSET 0;

COMMENT ON VIEW promoai.model_health IS 'One row for each model that the current role may use: how old, how good, how large it is, and what is wrong with it.';
COMMENT ON COLUMN promoai.model_health.model IS 'name of the model';
COMMENT ON COLUMN promoai.model_health.kind IS 'what kind of model it is, such as mf';
COMMENT ON COLUMN promoai.model_health.owner IS 'role that owns it';
COMMENT ON COLUMN promoai.model_health.version IS 'the published version; NULL: none';
COMMENT ON COLUMN promoai.model_health.trained_at IS 'when it was trained';
COMMENT ON COLUMN promoai.model_health.age IS 'how long ago that is';
COMMENT ON COLUMN promoai.model_health.rows_read IS 'rows that it was trained on, including skipped ones';
COMMENT ON COLUMN promoai.model_health.metric IS 'the metric shown here: ndcg of lists, recall of bundles, rmse of ratings, auc of who orders again, accuracy of labels, silhouette of segments';
COMMENT ON COLUMN promoai.model_health.value IS 'its value on the version''s own holdout, a silhouette on the rows of the training; NULL: it was trained without';
COMMENT ON COLUMN promoai.model_health.low IS 'lower end of its 95 % interval';
COMMENT ON COLUMN promoai.model_health.high IS 'upper end of its 95 % interval';
COMMENT ON COLUMN promoai.model_health.drift IS 'largest population stability index of the source''s columns when a schedule looked last; above 0.25 is commonly called a shift; NULL: not looked at';
COMMENT ON COLUMN promoai.model_health.size_bytes IS 'size of all kept versions';
COMMENT ON COLUMN promoai.model_health.versions IS 'how many versions are kept';
COMMENT ON COLUMN promoai.model_health.scheduled IS 'does it have a schedule?';
COMMENT ON COLUMN promoai.model_health.next_run IS 'when it is due; NULL: not scheduled, or switched off';
COMMENT ON COLUMN promoai.model_health.last_state IS 'how the last run of its schedule ended; NULL: none, or not one''s own model';
COMMENT ON COLUMN promoai.model_health.trouble IS 'what is wrong, in words; NULL: nothing';
