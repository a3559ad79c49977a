-- Models: looking at them and managing them.  Rights are checked inside the functions.

-- ---- rights, as the views ask for them ----

CREATE FUNCTION promoai.model_usable(model text) RETURNS boolean
LANGUAGE C STABLE STRICT PARALLEL SAFE COST 10
AS 'MODULE_PATHNAME', 'promoai_model_usable';
COMMENT ON FUNCTION promoai.model_usable(text) IS
'May the current role serve from this model? True for its owner, for roles that it was granted to, their members, and superusers; false also when there is no such model.';

CREATE FUNCTION promoai.model_owned(model text) RETURNS boolean
LANGUAGE C STABLE STRICT PARALLEL SAFE COST 10
AS 'MODULE_PATHNAME', 'promoai_model_owned';
COMMENT ON FUNCTION promoai.model_owned(text) IS
'May the current role change this model? True for its owner, members of the owner''s role, and superusers; false also when there is no such model.';

-- ---- managing ----

CREATE FUNCTION promoai.retrain(
    INOUT model text,
    OUT version integer,
    OUT kind text,
    OUT rows_read bigint,
    OUT rows_skipped bigint,
    OUT sizes jsonb,
    OUT metrics jsonb,
    OUT seconds double precision)
LANGUAGE C VOLATILE PARALLEL UNSAFE COST 1000000
AS 'MODULE_PATHNAME', 'promoai_retrain';
COMMENT ON FUNCTION promoai.retrain(text) IS
'Train a model again by its stored source and arguments, and publish the new version in this transaction. For the model''s owner; the source runs as the owner with the stored search_path, whoever calls, and cannot write. Fails at once while another session trains or changes the model.';

CREATE FUNCTION promoai.evaluate(
    model text,
    source text,
    k integer DEFAULT 20,
    history text DEFAULT NULL,
    version integer DEFAULT NULL,
    OUT metric text,
    OUT value double precision,
    OUT low double precision,
    OUT high double precision,
    OUT n bigint,
    OUT split text)
RETURNS SETOF record
LANGUAGE C VOLATILE PARALLEL UNSAFE COST 1000000 ROWS 12
AS 'MODULE_PATHNAME', 'promoai_evaluate';
COMMENT ON FUNCTION promoai.evaluate(text, text, integer, text, integer) IS
'Measure a model on what really happened: source is a query or relation with the columns of its training. history: what is known of the same customers beforehand (NULL: what the model was trained on). version: another than the published one. Sources run as the caller and cannot write.';

CREATE FUNCTION promoai.model_publish(INOUT model text, INOUT version integer)
LANGUAGE C VOLATILE PARALLEL UNSAFE
AS 'MODULE_PATHNAME', 'promoai_model_publish';
COMMENT ON FUNCTION promoai.model_publish(text, integer) IS
'Make a kept version of a model the published one, with the end of this transaction. For the model''s owner.';

CREATE FUNCTION promoai.model_rollback(INOUT model text, OUT version integer)
LANGUAGE C VOLATILE PARALLEL UNSAFE
AS 'MODULE_PATHNAME', 'promoai_model_rollback';
COMMENT ON FUNCTION promoai.model_rollback(text) IS
'Publish the newest kept version that is older than the published one. For the model''s owner.';

CREATE FUNCTION promoai.model_drop(model text) RETURNS void
LANGUAGE C VOLATILE PARALLEL UNSAFE
AS 'MODULE_PATHNAME', 'promoai_model_drop';
COMMENT ON FUNCTION promoai.model_drop(text) IS
'Remove a model with all its versions, metrics and grants. For the model''s owner.';

CREATE FUNCTION promoai.model_prune(model text, keep integer DEFAULT 3) RETURNS integer
LANGUAGE C VOLATILE PARALLEL UNSAFE
AS 'MODULE_PATHNAME', 'promoai_model_prune';
COMMENT ON FUNCTION promoai.model_prune(text, integer) IS
'Remove all versions of a model but the newest ones (keep, at least 1) and the published one; returns how many were removed. For the model''s owner.';

CREATE FUNCTION promoai.model_grant(model text, role text) RETURNS void
LANGUAGE C VOLATILE PARALLEL UNSAFE
AS 'MODULE_PATHNAME', 'promoai_model_grant';
COMMENT ON FUNCTION promoai.model_grant(text, text) IS
'Let a role and its members serve from a model; public means everybody. They learn what the model has learned, also from rows that they may not read themselves. For the model''s owner.';

CREATE FUNCTION promoai.model_revoke(model text, role text) RETURNS void
LANGUAGE C VOLATILE PARALLEL UNSAFE
AS 'MODULE_PATHNAME', 'promoai_model_revoke';
COMMENT ON FUNCTION promoai.model_revoke(text, text) IS
'Take back what model_grant gave; also from a role that is gone. For the model''s owner.';

CREATE FUNCTION promoai.model_owner(model text, role text) RETURNS void
LANGUAGE C VOLATILE PARALLEL UNSAFE
AS 'MODULE_PATHNAME', 'promoai_model_owner';
COMMENT ON FUNCTION promoai.model_owner(text, text) IS
'Hand a model over to another role. For the model''s owner, who must be able to SET ROLE to the new one, and for superusers, who do it too when the owner''s role is gone. From then on the stored source runs as the new owner: read it first with promoai.model_definition(model).';

CREATE FUNCTION promoai.model_definition(
    model text,
    OUT source text,
    OUT source_search_path text,
    OUT arguments jsonb)
LANGUAGE C STABLE PARALLEL SAFE
AS 'MODULE_PATHNAME', 'promoai_model_definition';
COMMENT ON FUNCTION promoai.model_definition(text) IS
'What promoai.retrain(model) would do: source, the search_path under which it runs, and arguments. For the model''s owner.';

CREATE FUNCTION promoai.training_progress(
    OUT model text,
    OUT pid integer,
    OUT role_oid oid,
    OUT phase text,
    OUT step bigint,
    OUT steps bigint,
    OUT loss double precision,
    OUT started_at timestamptz,
    OUT phase_started_at timestamptz)
RETURNS SETOF record
LANGUAGE C VOLATILE PARALLEL RESTRICTED ROWS 5
AS 'MODULE_PATHNAME', 'promoai_training_progress';
COMMENT ON FUNCTION promoai.training_progress() IS
'Trainings that run now in this database, as the view promoai.training_progress shows them: of roles whose privileges the current role has, or all for members of pg_read_all_stats.';

CREATE FUNCTION promoai.registry_role(name text, role oid, cluster bigint) RETURNS text
LANGUAGE C STABLE STRICT PARALLEL SAFE
AS 'MODULE_PATHNAME', 'promoai_registry_role';
COMMENT ON FUNCTION promoai.registry_role(text, oid, bigint) IS
'The role that a row of the registry means, as it is called now; NULL when it is gone. In the cluster that wrote the row its oid counts, elsewhere its name; oid 0 is public. For the views.';

-- ---- looking ----

-- The tables compare names by bytes; the views give them back the database's collation, so that they can be compared
-- with other columns.
--
-- OFFSET 0 keeps the conditions of whoever asks above the check of rights.  security_barrier alone lets those with leakproof
-- operators, such as = of texts, below it, and EXPLAIN ANALYZE then counts the rows that hold, whoever may see them.

CREATE VIEW promoai.models WITH (security_barrier) AS
SELECT m.model COLLATE pg_catalog."default" AS model,
       m.kind COLLATE pg_catalog."default" AS kind,
       coalesce(o.role, m.owner_name) COLLATE pg_catalog."default" AS owner,
       o.role IS NOT NULL AS owner_exists,
       c.version,
       v.versions,
       c.trained_at,
       c.rows_read,
       m.arguments,
       CASE WHEN promoai.model_owned(m.model) THEN m.source END AS source,
       c.payload_bytes,
       v.size_bytes
FROM promoai.registry_models m
CROSS JOIN LATERAL (SELECT promoai.registry_role(m.owner_name, m.owner_oid, m.owner_cluster) AS role) o
LEFT JOIN promoai.registry_versions c ON c.version_id = m.current_version
CROSS JOIN LATERAL (
    SELECT pg_catalog.count(*) AS versions,
           coalesce(pg_catalog.sum(a.payload_bytes), 0)::bigint AS size_bytes
    FROM promoai.registry_versions a
    WHERE a.model_id = m.model_id) v
WHERE promoai.model_usable(m.model)
OFFSET 0;

COMMENT ON VIEW promoai.models IS 'The models that the current role may use, with the version that is published.';
COMMENT ON COLUMN promoai.models.model IS 'name, unique in the database';
COMMENT ON COLUMN promoai.models.kind IS 'what kind of model it is, such as mf';
COMMENT ON COLUMN promoai.models.owner IS 'role that owns it';
COMMENT ON COLUMN promoai.models.owner_exists IS 'false when that role is gone: the model goes on serving, cannot be retrained, and waits for promoai.model_owner() by a superuser';
COMMENT ON COLUMN promoai.models.version IS 'the published version; NULL: none';
COMMENT ON COLUMN promoai.models.versions IS 'how many versions are kept';
COMMENT ON COLUMN promoai.models.trained_at IS 'when the published version was trained';
COMMENT ON COLUMN promoai.models.rows_read IS 'rows that the published version was trained on, including skipped ones';
COMMENT ON COLUMN promoai.models.arguments IS 'arguments of the next retraining';
COMMENT ON COLUMN promoai.models.source IS 'source of the next retraining; NULL unless the current role owns the model';
COMMENT ON COLUMN promoai.models.payload_bytes IS 'size of the published version';
COMMENT ON COLUMN promoai.models.size_bytes IS 'size of all kept versions together';

CREATE VIEW promoai.model_versions WITH (security_barrier) AS
SELECT m.model COLLATE pg_catalog."default" AS model,
       v.version,
       v.version_id IS NOT DISTINCT FROM m.current_version AS published,
       v.kind COLLATE pg_catalog."default" AS kind,
       v.trained_at,
       v.trained_by COLLATE pg_catalog."default" AS trained_by,
       v.rows_read,
       v.rows_skipped,
       v.sizes,
       v.arguments,
       v.seconds,
       v.payload_bytes
FROM promoai.registry_models m
JOIN promoai.registry_versions v ON v.model_id = m.model_id
WHERE promoai.model_usable(m.model)
OFFSET 0;

COMMENT ON VIEW promoai.model_versions IS 'The kept versions of the models that the current role may use.';
COMMENT ON COLUMN promoai.model_versions.model IS 'name of the model';
COMMENT ON COLUMN promoai.model_versions.version IS 'number within the model, counting from 1';
COMMENT ON COLUMN promoai.model_versions.published IS 'is this the version that serves?';
COMMENT ON COLUMN promoai.model_versions.kind IS 'what kind of model it is, such as mf';
COMMENT ON COLUMN promoai.model_versions.trained_at IS 'when its training ended';
COMMENT ON COLUMN promoai.model_versions.trained_by IS 'role that called the trainer';
COMMENT ON COLUMN promoai.model_versions.rows_read IS 'rows that the source gave, including skipped ones';
COMMENT ON COLUMN promoai.model_versions.rows_skipped IS 'rows skipped because of a NULL';
COMMENT ON COLUMN promoai.model_versions.sizes IS 'how large the model is, in the words of its kind';
COMMENT ON COLUMN promoai.model_versions.arguments IS 'the trainer''s arguments';
COMMENT ON COLUMN promoai.model_versions.seconds IS 'how long the training took';
COMMENT ON COLUMN promoai.model_versions.payload_bytes IS 'size in bytes';

CREATE VIEW promoai.model_metrics WITH (security_barrier) AS
SELECT m.model COLLATE pg_catalog."default" AS model,
       v.version,
       x.metric COLLATE pg_catalog."default" AS metric,
       x.value,
       x.low,
       x.high,
       x.n,
       x.split COLLATE pg_catalog."default" AS split
FROM promoai.registry_models m
JOIN promoai.registry_versions v ON v.model_id = m.model_id
JOIN promoai.registry_metrics x ON x.version_id = v.version_id
WHERE promoai.model_usable(m.model)
OFFSET 0;

COMMENT ON VIEW promoai.model_metrics IS 'How good the kept versions were found to be, for the models that the current role may use.';
COMMENT ON COLUMN promoai.model_metrics.model IS 'name of the model';
COMMENT ON COLUMN promoai.model_metrics.version IS 'number of the version';
COMMENT ON COLUMN promoai.model_metrics.metric IS 'what was measured';
COMMENT ON COLUMN promoai.model_metrics.value IS 'the figure';
COMMENT ON COLUMN promoai.model_metrics.low IS 'lower end of its 95 % interval; NULL: none is known';
COMMENT ON COLUMN promoai.model_metrics.high IS 'upper end of its 95 % interval; NULL: none is known';
COMMENT ON COLUMN promoai.model_metrics.n IS 'over how many cases; NULL: not known';
COMMENT ON COLUMN promoai.model_metrics.split IS 'on which rows it was measured, in words';

CREATE VIEW promoai.model_grants WITH (security_barrier) AS
SELECT m.model COLLATE pg_catalog."default" AS model,
       coalesce(o.role, g.role_name) COLLATE pg_catalog."default" AS role,
       o.role IS NOT NULL AS role_exists,
       g.granted_by COLLATE pg_catalog."default" AS granted_by,
       g.granted_at
FROM promoai.registry_models m
JOIN promoai.registry_grants g ON g.model_id = m.model_id
CROSS JOIN LATERAL (SELECT promoai.registry_role(g.role_name, g.role_oid, g.role_cluster) AS role) o
WHERE promoai.model_owned(m.model)
OFFSET 0;

COMMENT ON VIEW promoai.model_grants IS 'Who may use the models that the current role owns.';
COMMENT ON COLUMN promoai.model_grants.model IS 'name of the model';
COMMENT ON COLUMN promoai.model_grants.role IS 'role that may use it, with its members; public: everybody';
COMMENT ON COLUMN promoai.model_grants.role_exists IS 'false when that role is gone';
COMMENT ON COLUMN promoai.model_grants.granted_by IS 'role that granted it';
COMMENT ON COLUMN promoai.model_grants.granted_at IS 'when';

-- What is left is told from the pace within the phase.
CREATE VIEW promoai.training_progress WITH (security_barrier) AS
SELECT t.model,
       t.pid,
       r.rolname::text COLLATE pg_catalog."default" AS trained_by,
       t.phase,
       t.step,
       t.steps,
       t.loss,
       pg_catalog.clock_timestamp() - t.started_at AS elapsed,
       CASE WHEN t.step > 0 AND t.steps >= t.step
            THEN (pg_catalog.clock_timestamp() - t.phase_started_at) * ((t.steps - t.step)::double precision / t.step::double precision)
       END AS remaining
FROM promoai.training_progress() t
LEFT JOIN pg_catalog.pg_roles r ON r.oid = t.role_oid;

COMMENT ON VIEW promoai.training_progress IS 'Trainings that run now in this database: the current role''s own, those of roles whose privileges it has, or all for members of pg_read_all_stats.';
COMMENT ON COLUMN promoai.training_progress.model IS 'model that is being trained';
COMMENT ON COLUMN promoai.training_progress.pid IS 'process that trains it';
COMMENT ON COLUMN promoai.training_progress.trained_by IS 'role that trains it';
COMMENT ON COLUMN promoai.training_progress.phase IS 'reading, evaluating (training on a part, to measure on the rest), training, or writing';
COMMENT ON COLUMN promoai.training_progress.step IS 'steps of the phase that are done';
COMMENT ON COLUMN promoai.training_progress.steps IS 'steps that the phase has; NULL: not known';
COMMENT ON COLUMN promoai.training_progress.loss IS 'loss after the last step; NULL: none';
COMMENT ON COLUMN promoai.training_progress.elapsed IS 'since the training began';
COMMENT ON COLUMN promoai.training_progress.remaining IS 'until the phase ends, by its pace so far; NULL: not known';

