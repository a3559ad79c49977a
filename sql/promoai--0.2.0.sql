\echo Use "CREATE EXTENSION promoai" to load this file. \quit
-- The registry: models as rows.
--
-- Nobody has a grant on these tables.  Functions in C check rights themselves, read by index and write as the tables'
-- owner; views show each role what it may see.  Owners and grantees are kept by name, versions by a random uuid, so that
-- a dump restores into any cluster.
--
-- There are no foreign keys.  CREATE EXTENSION makes the tables before their rows are loaded, and pg_restore --jobs loads
-- tables in any order, each in a transaction of its own: a child before its parent would be refused and lost.  (The keys
-- of users' own tables are made after the data.)  Nothing but our functions writes here, under the model's lock, and they
-- remove a version together with all that belongs to it.

-- Whoever owns the schema, or may create in it, can put functions before ours: it must be made by this script, or by a
-- superuser.
DO $do$
BEGIN
    IF EXISTS (SELECT FROM pg_catalog.pg_namespace n JOIN pg_catalog.pg_roles r ON r.oid OPERATOR(pg_catalog.=) n.nspowner
               WHERE n.nspname OPERATOR(pg_catalog.=) 'promoai'::pg_catalog.name AND NOT r.rolsuper
                 AND r.rolname OPERATOR(pg_catalog.<>) current_user)
    THEN
        RAISE EXCEPTION 'schema "promoai" exists and belongs to another role'
            USING ERRCODE = 'insufficient_privilege',
                  HINT = 'Drop or rename it, and run CREATE EXTENSION promoai again.';
    END IF;
END
$do$;

COMMENT ON SCHEMA promoai IS
'AI for shop promotions inside the database. One line lets a role use everything that it should: GRANT USAGE ON SCHEMA promoai TO analyst. Which models it may serve from is granted model by model with promoai.model_grant(model, role); models that it trains are its own.';

CREATE TABLE promoai.registry_models (
    model_id uuid NOT NULL,
    model text COLLATE "C" NOT NULL,
    kind text COLLATE "C" NOT NULL,
    owner_name text COLLATE "C" NOT NULL,
    owner_oid oid NOT NULL,
    owner_cluster bigint NOT NULL,
    source text NOT NULL,
    source_search_path text NOT NULL,
    arguments jsonb NOT NULL,
    current_version uuid,
    created_at timestamptz NOT NULL,
    changed_at timestamptz NOT NULL,
    CONSTRAINT registry_models_pkey PRIMARY KEY (model_id),
    CONSTRAINT registry_models_model_key UNIQUE (model)
) WITH (fillfactor = 50);

COMMENT ON TABLE promoai.registry_models IS 'Models: name, owner and definition. Read it through promoai.models.';
COMMENT ON COLUMN promoai.registry_models.model_id IS 'random';
COMMENT ON COLUMN promoai.registry_models.model IS 'name, unique in the database';
COMMENT ON COLUMN promoai.registry_models.kind IS 'what kind of model it is, such as mf';
COMMENT ON COLUMN promoai.registry_models.owner_name IS 'role that owns the model, as it was called when the model became its own';
COMMENT ON COLUMN promoai.registry_models.owner_oid IS 'its oid: what counts in the cluster that wrote the row, so a renamed role keeps its models and a new role of the old name does not inherit them';
COMMENT ON COLUMN promoai.registry_models.owner_cluster IS 'system identifier of that cluster; in any other one, after a restore or pg_upgrade, the name counts';
COMMENT ON COLUMN promoai.registry_models.source IS 'query, or name of a table or view, that the model is trained on';
COMMENT ON COLUMN promoai.registry_models.source_search_path IS 'search_path under which the source runs';
COMMENT ON COLUMN promoai.registry_models.arguments IS 'the trainer''s arguments';
COMMENT ON COLUMN promoai.registry_models.current_version IS 'the published version';
COMMENT ON COLUMN promoai.registry_models.created_at IS 'when the model was first trained';
COMMENT ON COLUMN promoai.registry_models.changed_at IS 'when definition, published version, versions, grants or owner last changed';

CREATE TABLE promoai.registry_versions (
    version_id uuid NOT NULL,
    model_id uuid NOT NULL,
    version integer NOT NULL,
    kind text COLLATE "C" NOT NULL,
    trained_by text COLLATE "C" NOT NULL,
    trained_at timestamptz NOT NULL,
    source text NOT NULL,
    source_search_path text NOT NULL,
    arguments jsonb NOT NULL,
    rows_read bigint NOT NULL,
    rows_skipped bigint NOT NULL,
    sizes jsonb NOT NULL,
    seconds double precision NOT NULL,
    payload_bytes bigint NOT NULL,
    promoai_version text NOT NULL,
    CONSTRAINT registry_versions_pkey PRIMARY KEY (version_id),
    CONSTRAINT registry_versions_number_key UNIQUE (model_id, version),
    CONSTRAINT registry_versions_version_check CHECK (version > 0)
);

COMMENT ON TABLE promoai.registry_versions IS 'Trained versions, never changed once written. Read it through promoai.model_versions.';
COMMENT ON COLUMN promoai.registry_versions.version_id IS 'random; what caches go by, since a number may recur after a rollback';
COMMENT ON COLUMN promoai.registry_versions.model_id IS 'the model';
COMMENT ON COLUMN promoai.registry_versions.version IS 'number within the model, counting from 1';
COMMENT ON COLUMN promoai.registry_versions.kind IS 'what kind of model it is, such as mf';
COMMENT ON COLUMN promoai.registry_versions.trained_by IS 'role that called the trainer';
COMMENT ON COLUMN promoai.registry_versions.trained_at IS 'when the training ended';
COMMENT ON COLUMN promoai.registry_versions.source IS 'what it was trained on';
COMMENT ON COLUMN promoai.registry_versions.source_search_path IS 'search_path of the definition at that time';
COMMENT ON COLUMN promoai.registry_versions.arguments IS 'the trainer''s arguments at that time';
COMMENT ON COLUMN promoai.registry_versions.rows_read IS 'rows that the source gave';
COMMENT ON COLUMN promoai.registry_versions.rows_skipped IS 'rows skipped because of a NULL';
COMMENT ON COLUMN promoai.registry_versions.sizes IS 'how large the model is, in the words of its kind';
COMMENT ON COLUMN promoai.registry_versions.seconds IS 'how long the training took';
COMMENT ON COLUMN promoai.registry_versions.payload_bytes IS 'bytes in registry_payload';
COMMENT ON COLUMN promoai.registry_versions.promoai_version IS 'version of the extension that trained it';

CREATE TABLE promoai.registry_metrics (
    version_id uuid NOT NULL,
    metric text COLLATE "C" NOT NULL,
    split text COLLATE "C" NOT NULL,
    value double precision,
    low double precision,
    high double precision,
    n bigint,
    CONSTRAINT registry_metrics_pkey PRIMARY KEY (version_id, metric, split)
);

COMMENT ON TABLE promoai.registry_metrics IS 'How good each version was found to be. Read it through promoai.model_metrics.';
COMMENT ON COLUMN promoai.registry_metrics.version_id IS 'the version';
COMMENT ON COLUMN promoai.registry_metrics.metric IS 'what was measured';
COMMENT ON COLUMN promoai.registry_metrics.split IS 'on which rows, in words';
COMMENT ON COLUMN promoai.registry_metrics.value IS 'the figure';
COMMENT ON COLUMN promoai.registry_metrics.low IS 'lower end of its 95 % interval; NULL: none is known';
COMMENT ON COLUMN promoai.registry_metrics.high IS 'upper end of its 95 % interval; NULL: none is known';
COMMENT ON COLUMN promoai.registry_metrics.n IS 'over how many cases; NULL: not known';

-- One row fills one page of 8 kB: toast_tuple_target keeps it in one piece, EXTERNAL keeps it uncompressed.  Pruning
-- leaves thousands of dead pages at once, which vacuum should offer again soon.  Nothing is planned by statistics of this table,
-- and sampling it would read it, so they are kept to the minimum.
CREATE TABLE promoai.registry_payload (
    version_id uuid NOT NULL,
    chunk integer NOT NULL,
    bytes bytea NOT NULL,
    CONSTRAINT registry_payload_pkey PRIMARY KEY (version_id, chunk)
) WITH (toast_tuple_target = 8160, autovacuum_vacuum_scale_factor = 0.01, autovacuum_vacuum_threshold = 200);

ALTER TABLE promoai.registry_payload ALTER COLUMN bytes SET STORAGE EXTERNAL;
ALTER TABLE promoai.registry_payload ALTER COLUMN version_id SET STATISTICS 10;
ALTER TABLE promoai.registry_payload ALTER COLUMN chunk SET STATISTICS 0;
ALTER TABLE promoai.registry_payload ALTER COLUMN bytes SET STATISTICS 0;

COMMENT ON TABLE promoai.registry_payload IS 'The trained models themselves, in chunks; checksums are inside.';
COMMENT ON COLUMN promoai.registry_payload.version_id IS 'the version';
COMMENT ON COLUMN promoai.registry_payload.chunk IS 'place in the stream, counting from 0';
COMMENT ON COLUMN promoai.registry_payload.bytes IS 'a stretch of the stream';

CREATE TABLE promoai.registry_grants (
    model_id uuid NOT NULL,
    role_name text COLLATE "C" NOT NULL,
    role_oid oid NOT NULL,
    role_cluster bigint NOT NULL,
    granted_by text COLLATE "C" NOT NULL,
    granted_at timestamptz NOT NULL,
    CONSTRAINT registry_grants_pkey PRIMARY KEY (model_id, role_name, role_oid)
);

COMMENT ON TABLE promoai.registry_grants IS 'Who may serve from a model beside its owner. Read it through promoai.model_grants.';
COMMENT ON COLUMN promoai.registry_grants.model_id IS 'the model';
COMMENT ON COLUMN promoai.registry_grants.role_name IS 'role that may use it, with its members; public: everybody';
COMMENT ON COLUMN promoai.registry_grants.role_oid IS 'its oid in the cluster that wrote the row; 0: public';
COMMENT ON COLUMN promoai.registry_grants.role_cluster IS 'system identifier of that cluster; in any other one the name counts';
COMMENT ON COLUMN promoai.registry_grants.granted_by IS 'role that granted it';
COMMENT ON COLUMN promoai.registry_grants.granted_at IS 'when';

SELECT pg_catalog.pg_extension_config_dump('promoai.registry_models', '');
SELECT pg_catalog.pg_extension_config_dump('promoai.registry_versions', '');
SELECT pg_catalog.pg_extension_config_dump('promoai.registry_metrics', '');
SELECT pg_catalog.pg_extension_config_dump('promoai.registry_payload', '');
SELECT pg_catalog.pg_extension_config_dump('promoai.registry_grants', '');
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

-- Models as values: for servers that hold no registry, such as the workers of a cluster.

CREATE TYPE promoai.model_bytes;

CREATE FUNCTION promoai.model_bytes_in(cstring) RETURNS promoai.model_bytes
AS 'MODULE_PATHNAME', 'promoai_model_bytes_in'
LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE COST 100000;

CREATE FUNCTION promoai.model_bytes_out(promoai.model_bytes) RETURNS cstring
AS 'MODULE_PATHNAME', 'promoai_model_bytes_out'
LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE COST 10000;

CREATE FUNCTION promoai.model_bytes_recv(internal) RETURNS promoai.model_bytes
AS 'MODULE_PATHNAME', 'promoai_model_bytes_recv'
LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE COST 100000;

CREATE FUNCTION promoai.model_bytes_send(promoai.model_bytes) RETURNS bytea
AS 'MODULE_PATHNAME', 'promoai_model_bytes_send'
LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE COST 10000;

CREATE TYPE promoai.model_bytes (
	INPUT = promoai.model_bytes_in, OUTPUT = promoai.model_bytes_out,
	RECEIVE = promoai.model_bytes_recv, SEND = promoai.model_bytes_send,
	INTERNALLENGTH = VARIABLE, ALIGNMENT = double, STORAGE = external);

COMMENT ON TYPE promoai.model_bytes IS
'One version of a model as a value, whole and with its checksums: made by model_value, taken by scoring functions in place of a name.';
COMMENT ON FUNCTION promoai.model_bytes_in(cstring) IS 'Input of model_bytes, written as bytea is; damaged or foreign bytes are an error.';
COMMENT ON FUNCTION promoai.model_bytes_out(promoai.model_bytes) IS 'Output of model_bytes, written as bytea is.';
COMMENT ON FUNCTION promoai.model_bytes_recv(internal) IS 'Binary input of model_bytes; damaged or foreign bytes are an error.';
COMMENT ON FUNCTION promoai.model_bytes_send(promoai.model_bytes) IS 'Binary output of model_bytes.';

CREATE FUNCTION promoai.model_value(model text, version int DEFAULT NULL) RETURNS promoai.model_bytes
AS 'MODULE_PATHNAME', 'promoai_model_value'
LANGUAGE C STABLE PARALLEL SAFE COST 100000;

COMMENT ON FUNCTION promoai.model_value(text, int) IS
'A model''s published version (or the one asked for) as a value, for servers that hold no registry. Whoever has the value has the model.';

-- The cache: versions of models in memory.

CREATE FUNCTION promoai.model_prewarm(model text, version int DEFAULT NULL) RETURNS bigint
AS 'MODULE_PATHNAME', 'promoai_model_prewarm'
LANGUAGE C VOLATILE PARALLEL RESTRICTED COST 100000;

COMMENT ON FUNCTION promoai.model_prewarm(text, int) IS
'Loads a model''s published version (or the one asked for) into the cache and returns its size in bytes: for all sessions where shared_preload_libraries names promoai, for this session otherwise. For whoever may use the model.';

CREATE FUNCTION promoai.model_cache(
	OUT model text,
	OUT version int,
	OUT database_oid oid,
	OUT bytes bigint,
	OUT shared boolean,
	OUT ready boolean,
	OUT pins int,
	OUT last_used timestamptz)
RETURNS SETOF record
AS 'MODULE_PATHNAME', 'promoai_model_cache'
LANGUAGE C VOLATILE PARALLEL RESTRICTED ROWS 10;

COMMENT ON FUNCTION promoai.model_cache() IS
'Versions of models that are in memory, as the view promoai.model_cache shows them: of models that the current role may use, or all for members of pg_read_all_stats.';

CREATE VIEW promoai.model_cache WITH (security_barrier) AS
SELECT c.model COLLATE pg_catalog."default" AS model,
       c.version,
       d.datname::text COLLATE pg_catalog."default" AS database,
       c.bytes,
       c.shared,
       c.ready,
       c.pins,
       c.last_used
FROM promoai.model_cache() c
LEFT JOIN pg_catalog.pg_database d ON d.oid OPERATOR(pg_catalog.=) c.database_oid;

COMMENT ON VIEW promoai.model_cache IS 'Versions of models that are in memory, shared by all sessions or held by this one: of models that the current role may use, or all for members of pg_read_all_stats.';
COMMENT ON COLUMN promoai.model_cache.model IS 'name of the model when it was loaded; NULL: of another database';
COMMENT ON COLUMN promoai.model_cache.version IS 'number of the version';
COMMENT ON COLUMN promoai.model_cache.database IS 'whose model it is; NULL: the database is gone';
COMMENT ON COLUMN promoai.model_cache.bytes IS 'memory that it takes';
COMMENT ON COLUMN promoai.model_cache.shared IS 'true: one copy for all sessions; false: a copy of this session''s own (those of other sessions are not shown)';
COMMENT ON COLUMN promoai.model_cache.ready IS 'false while a session loads it';
COMMENT ON COLUMN promoai.model_cache.pins IS 'sessions and parallel workers that answer from it now';
COMMENT ON COLUMN promoai.model_cache.last_used IS 'when it was last taken up by a query';
-- Recommendation: factor models (mf_*) and what is asked of them (cf_*).

CREATE FUNCTION promoai.source_scan(
	source text,
	OUT rows_read bigint, OUT rows_skipped bigint, OUT customers int, OUT items int, OUT seconds float8)
RETURNS record
AS 'MODULE_PATHNAME', 'promoai_source_scan'
LANGUAGE C VOLATILE PARALLEL UNSAFE COST 1000000;

COMMENT ON FUNCTION promoai.source_scan(text) IS
'Reads a source of (customer, item[, value][, time]) as a trainer would, checks every row and keeps nothing: rows read, rows skipped for a NULL, distinct customers and items, seconds.';

CREATE TYPE promoai.recommender_report AS (
	model text, version int, kind text,
	rows_read bigint, rows_skipped bigint, rows_merged bigint, pairs_dropped bigint,
	customers bigint, items bigint, interactions bigint,
	metrics jsonb, seconds float8);

COMMENT ON TYPE promoai.recommender_report IS
'What a trainer of recommenders did: the version it published, rows read, skipped (for a NULL) and merged (repeated pairs), pairs dropped (values that sum to zero or less), what is left, metrics on the holdout, seconds.';

COMMENT ON COLUMN promoai.recommender_report.model IS 'name of the model';
COMMENT ON COLUMN promoai.recommender_report.version IS 'number of the version that was published';
COMMENT ON COLUMN promoai.recommender_report.kind IS 'what kind of model it is: mf, cf and the like';
COMMENT ON COLUMN promoai.recommender_report.rows_read IS 'rows that the source gave';
COMMENT ON COLUMN promoai.recommender_report.rows_skipped IS 'of these, left out for a NULL';
COMMENT ON COLUMN promoai.recommender_report.rows_merged IS 'of these, added to an earlier row of the same customer and item';
COMMENT ON COLUMN promoai.recommender_report.pairs_dropped IS 'pairs of customer and item whose values sum to zero or less';
COMMENT ON COLUMN promoai.recommender_report.customers IS 'distinct customers in the model';
COMMENT ON COLUMN promoai.recommender_report.items IS 'distinct items in the model';
COMMENT ON COLUMN promoai.recommender_report.interactions IS 'distinct pairs of customer and item in the model';
COMMENT ON COLUMN promoai.recommender_report.metrics IS 'metric to value, measured on the holdout; promoai.model_metrics has intervals and more';
COMMENT ON COLUMN promoai.recommender_report.seconds IS 'how long the whole call took';

CREATE FUNCTION promoai.mf_train(
	model text,
	source text,
	feedback text DEFAULT 'implicit',
	solver text DEFAULT 'als',
	factors int DEFAULT 64,
	iterations int DEFAULT 15,
	regularization float8 DEFAULT NULL,
	unobserved_weight float8 DEFAULT NULL,
	value_transform text DEFAULT NULL,
	holdout float8 DEFAULT NULL,
	holdout_after timestamptz DEFAULT NULL,
	metrics_k int DEFAULT 20,
	tolerance float8 DEFAULT 0,
	seed bigint DEFAULT 42,
	memory text DEFAULT NULL,
	verbose boolean DEFAULT false,
	regularization_prior float8 DEFAULT NULL,
	bias_regularization float8 DEFAULT NULL,
	learning_rate float8 DEFAULT NULL,
	clip boolean DEFAULT false)
RETURNS promoai.recommender_report
AS 'MODULE_PATHNAME', 'promoai_mf_train'
LANGUAGE C VOLATILE PARALLEL UNSAFE COST 10000000;

COMMENT ON FUNCTION promoai.mf_train(
	text, text, text, text, int, int, float8, float8, text, float8, timestamptz, int, float8, bigint, text, boolean,
	float8, float8, float8, boolean) IS
'Trains a factor model on (customer, item[, value][, time]) and publishes it under a name. Implicit feedback: weighted alternating least squares (Hu, Koren & Volinsky 2008; Rendle et al. 2021), exactly or by conjugate gradients. Ratings (feedback => ''explicit''): biases and factors by alternating least squares or stochastic gradients (Zhou et al. 2008; Chin et al. 2015). Metrics come from a holdout; the published model is trained on all rows.';

CREATE TYPE promoai.similar_item AS (rank int, item text, item_no bigint, similarity real);

COMMENT ON TYPE promoai.similar_item IS
'A row of cf_similar_items: rank from 1, the item (item_no where items are integers), how alike the two are.';

COMMENT ON COLUMN promoai.similar_item.rank IS 'from 1, the most alike first';
COMMENT ON COLUMN promoai.similar_item.item IS 'id of the item';
COMMENT ON COLUMN promoai.similar_item.item_no IS 'the id as a number where items are integers, else NULL';
COMMENT ON COLUMN promoai.similar_item.similarity IS 'how alike the two items are, from -1 to 1: cosine of their factors, of who bought them, or as the model defines it';

CREATE FUNCTION promoai.cf_similar_items(
	model text, item bigint, k int DEFAULT 10, candidates bigint[] DEFAULT NULL, version int DEFAULT NULL)
RETURNS SETOF promoai.similar_item
AS 'MODULE_PATHNAME', 'promoai_cf_similar_items'
LANGUAGE C STABLE PARALLEL SAFE COST 10000 ROWS 10;

COMMENT ON FUNCTION promoai.cf_similar_items(text, bigint, int, bigint[], int) IS
'The k items most like an item, from -1 to 1: cosine of their factors, of who bought them, or as the model defines it.';

CREATE FUNCTION promoai.cf_similar_items(
	model text, item text, k int DEFAULT 10, candidates text[] DEFAULT NULL, version int DEFAULT NULL)
RETURNS SETOF promoai.similar_item
AS 'MODULE_PATHNAME', 'promoai_cf_similar_items'
LANGUAGE C STABLE PARALLEL SAFE COST 10000 ROWS 10;

COMMENT ON FUNCTION promoai.cf_similar_items(text, text, int, text[], int) IS
'The k items most like an item, from -1 to 1: cosine of their factors, of who bought them, or as the model defines it.';

CREATE FUNCTION promoai.cf_similar_items(
	model text, item uuid, k int DEFAULT 10, candidates uuid[] DEFAULT NULL, version int DEFAULT NULL)
RETURNS SETOF promoai.similar_item
AS 'MODULE_PATHNAME', 'promoai_cf_similar_items'
LANGUAGE C STABLE PARALLEL SAFE COST 10000 ROWS 10;

COMMENT ON FUNCTION promoai.cf_similar_items(text, uuid, int, uuid[], int) IS
'The k items most like an item, from -1 to 1: cosine of their factors, of who bought them, or as the model defines it.';

CREATE FUNCTION promoai.cf_predict(model text, customer bigint, item bigint, version int DEFAULT NULL)
RETURNS real
AS 'MODULE_PATHNAME', 'promoai_cf_predict'
LANGUAGE C STABLE PARALLEL SAFE COST 100;

COMMENT ON FUNCTION promoai.cf_predict(text, bigint, bigint, int) IS
'The score by which cf_recommend ranks this item for this customer; NULL when the model does not know one of them, but a model of ratings then predicts from what it knows.';

CREATE FUNCTION promoai.cf_predict(model text, customer bigint, item text, version int DEFAULT NULL)
RETURNS real
AS 'MODULE_PATHNAME', 'promoai_cf_predict'
LANGUAGE C STABLE PARALLEL SAFE COST 100;

COMMENT ON FUNCTION promoai.cf_predict(text, bigint, text, int) IS
'The score by which cf_recommend ranks this item for this customer; NULL when the model does not know one of them, but a model of ratings then predicts from what it knows.';

CREATE FUNCTION promoai.cf_predict(model text, customer bigint, item uuid, version int DEFAULT NULL)
RETURNS real
AS 'MODULE_PATHNAME', 'promoai_cf_predict'
LANGUAGE C STABLE PARALLEL SAFE COST 100;

COMMENT ON FUNCTION promoai.cf_predict(text, bigint, uuid, int) IS
'The score by which cf_recommend ranks this item for this customer; NULL when the model does not know one of them, but a model of ratings then predicts from what it knows.';

CREATE FUNCTION promoai.cf_predict(model text, customer text, item bigint, version int DEFAULT NULL)
RETURNS real
AS 'MODULE_PATHNAME', 'promoai_cf_predict'
LANGUAGE C STABLE PARALLEL SAFE COST 100;

COMMENT ON FUNCTION promoai.cf_predict(text, text, bigint, int) IS
'The score by which cf_recommend ranks this item for this customer; NULL when the model does not know one of them, but a model of ratings then predicts from what it knows.';

CREATE FUNCTION promoai.cf_predict(model text, customer text, item text, version int DEFAULT NULL)
RETURNS real
AS 'MODULE_PATHNAME', 'promoai_cf_predict'
LANGUAGE C STABLE PARALLEL SAFE COST 100;

COMMENT ON FUNCTION promoai.cf_predict(text, text, text, int) IS
'The score by which cf_recommend ranks this item for this customer; NULL when the model does not know one of them, but a model of ratings then predicts from what it knows.';

CREATE FUNCTION promoai.cf_predict(model text, customer text, item uuid, version int DEFAULT NULL)
RETURNS real
AS 'MODULE_PATHNAME', 'promoai_cf_predict'
LANGUAGE C STABLE PARALLEL SAFE COST 100;

COMMENT ON FUNCTION promoai.cf_predict(text, text, uuid, int) IS
'The score by which cf_recommend ranks this item for this customer; NULL when the model does not know one of them, but a model of ratings then predicts from what it knows.';

CREATE FUNCTION promoai.cf_predict(model text, customer uuid, item bigint, version int DEFAULT NULL)
RETURNS real
AS 'MODULE_PATHNAME', 'promoai_cf_predict'
LANGUAGE C STABLE PARALLEL SAFE COST 100;

COMMENT ON FUNCTION promoai.cf_predict(text, uuid, bigint, int) IS
'The score by which cf_recommend ranks this item for this customer; NULL when the model does not know one of them, but a model of ratings then predicts from what it knows.';

CREATE FUNCTION promoai.cf_predict(model text, customer uuid, item text, version int DEFAULT NULL)
RETURNS real
AS 'MODULE_PATHNAME', 'promoai_cf_predict'
LANGUAGE C STABLE PARALLEL SAFE COST 100;

COMMENT ON FUNCTION promoai.cf_predict(text, uuid, text, int) IS
'The score by which cf_recommend ranks this item for this customer; NULL when the model does not know one of them, but a model of ratings then predicts from what it knows.';

CREATE FUNCTION promoai.cf_predict(model text, customer uuid, item uuid, version int DEFAULT NULL)
RETURNS real
AS 'MODULE_PATHNAME', 'promoai_cf_predict'
LANGUAGE C STABLE PARALLEL SAFE COST 100;

COMMENT ON FUNCTION promoai.cf_predict(text, uuid, uuid, int) IS
'The score by which cf_recommend ranks this item for this customer; NULL when the model does not know one of them, but a model of ratings then predicts from what it knows.';

-- The same with the model as a value, for servers that hold no registry.

CREATE FUNCTION promoai.cf_predict(model promoai.model_bytes, customer bigint, item bigint)
RETURNS real
AS 'MODULE_PATHNAME', 'promoai_cf_predict'
LANGUAGE C IMMUTABLE PARALLEL SAFE COST 100;

COMMENT ON FUNCTION promoai.cf_predict(promoai.model_bytes, bigint, bigint) IS
'The same score by a model that is given as a value.';

CREATE FUNCTION promoai.cf_predict(model promoai.model_bytes, customer bigint, item text)
RETURNS real
AS 'MODULE_PATHNAME', 'promoai_cf_predict'
LANGUAGE C IMMUTABLE PARALLEL SAFE COST 100;

COMMENT ON FUNCTION promoai.cf_predict(promoai.model_bytes, bigint, text) IS
'The same score by a model that is given as a value.';

CREATE FUNCTION promoai.cf_predict(model promoai.model_bytes, customer bigint, item uuid)
RETURNS real
AS 'MODULE_PATHNAME', 'promoai_cf_predict'
LANGUAGE C IMMUTABLE PARALLEL SAFE COST 100;

COMMENT ON FUNCTION promoai.cf_predict(promoai.model_bytes, bigint, uuid) IS
'The same score by a model that is given as a value.';

CREATE FUNCTION promoai.cf_predict(model promoai.model_bytes, customer text, item bigint)
RETURNS real
AS 'MODULE_PATHNAME', 'promoai_cf_predict'
LANGUAGE C IMMUTABLE PARALLEL SAFE COST 100;

COMMENT ON FUNCTION promoai.cf_predict(promoai.model_bytes, text, bigint) IS
'The same score by a model that is given as a value.';

CREATE FUNCTION promoai.cf_predict(model promoai.model_bytes, customer text, item text)
RETURNS real
AS 'MODULE_PATHNAME', 'promoai_cf_predict'
LANGUAGE C IMMUTABLE PARALLEL SAFE COST 100;

COMMENT ON FUNCTION promoai.cf_predict(promoai.model_bytes, text, text) IS
'The same score by a model that is given as a value.';

CREATE FUNCTION promoai.cf_predict(model promoai.model_bytes, customer text, item uuid)
RETURNS real
AS 'MODULE_PATHNAME', 'promoai_cf_predict'
LANGUAGE C IMMUTABLE PARALLEL SAFE COST 100;

COMMENT ON FUNCTION promoai.cf_predict(promoai.model_bytes, text, uuid) IS
'The same score by a model that is given as a value.';

CREATE FUNCTION promoai.cf_predict(model promoai.model_bytes, customer uuid, item bigint)
RETURNS real
AS 'MODULE_PATHNAME', 'promoai_cf_predict'
LANGUAGE C IMMUTABLE PARALLEL SAFE COST 100;

COMMENT ON FUNCTION promoai.cf_predict(promoai.model_bytes, uuid, bigint) IS
'The same score by a model that is given as a value.';

CREATE FUNCTION promoai.cf_predict(model promoai.model_bytes, customer uuid, item text)
RETURNS real
AS 'MODULE_PATHNAME', 'promoai_cf_predict'
LANGUAGE C IMMUTABLE PARALLEL SAFE COST 100;

COMMENT ON FUNCTION promoai.cf_predict(promoai.model_bytes, uuid, text) IS
'The same score by a model that is given as a value.';

CREATE FUNCTION promoai.cf_predict(model promoai.model_bytes, customer uuid, item uuid)
RETURNS real
AS 'MODULE_PATHNAME', 'promoai_cf_predict'
LANGUAGE C IMMUTABLE PARALLEL SAFE COST 100;

COMMENT ON FUNCTION promoai.cf_predict(promoai.model_bytes, uuid, uuid) IS
'The same score by a model that is given as a value.';

CREATE FUNCTION promoai.mf_user_factors(
	model text, version int DEFAULT NULL,
	OUT customer text, OUT customer_no bigint, OUT factors real[])
RETURNS SETOF record
AS 'MODULE_PATHNAME', 'promoai_mf_user_factors'
LANGUAGE C STABLE PARALLEL SAFE COST 1000000 ROWS 10000;

COMMENT ON FUNCTION promoai.mf_user_factors(text, int) IS
'Each customer''s factors; pgvector''s vector takes them as they are. The inner product of a customer''s and an item''s is the score that ranks.';

CREATE FUNCTION promoai.mf_item_factors(
	model text, version int DEFAULT NULL,
	OUT item text, OUT item_no bigint, OUT factors real[])
RETURNS SETOF record
AS 'MODULE_PATHNAME', 'promoai_mf_item_factors'
LANGUAGE C STABLE PARALLEL SAFE COST 1000000 ROWS 10000;

COMMENT ON FUNCTION promoai.mf_item_factors(text, int) IS
'Each item''s factors; pgvector''s vector takes them as they are. The inner product of a customer''s and an item''s is the score that ranks.';
-- Lists: what for whom, whom for what, and why.  Ids come as bigint, text or uuid; the overloads share one C function.  Only the
-- overload with text[] candidates has a default for them, so that a call without candidates is never ambiguous.

CREATE FUNCTION promoai.cf_recommend(
	model text, customer bigint, k int DEFAULT 10, exclude_seen boolean DEFAULT NULL,
	candidates text[] DEFAULT NULL, version int DEFAULT NULL,
	exclude text[] DEFAULT NULL, categories text[] DEFAULT NULL, max_per_category int DEFAULT NULL,
	boosts float8[] DEFAULT NULL, diversity float8 DEFAULT 0,
	OUT rank int, OUT item text, OUT item_no bigint, OUT score real, OUT answered_by text, OUT boosted_score real)
RETURNS SETOF record
AS 'MODULE_PATHNAME', 'promoai_cf_recommend'
LANGUAGE C STABLE PARALLEL SAFE COST 10000 ROWS 10;

COMMENT ON FUNCTION promoai.cf_recommend(text, bigint, int, boolean, text[], int, text[], text[], int, float8[], float8) IS
'The k items that a model recommends to a customer, best first, under the rules given; answered_by says how, row by row: factors, neighbours and the like, or popularity for a customer the model does not know and items it has no opinion on. boosted_score is what was ranked by.';

CREATE FUNCTION promoai.cf_recommend(
	model text, customer bigint, candidates bigint[], k int DEFAULT 10, exclude_seen boolean DEFAULT NULL,
	version int DEFAULT NULL,
	exclude bigint[] DEFAULT NULL, categories text[] DEFAULT NULL, max_per_category int DEFAULT NULL,
	boosts float8[] DEFAULT NULL, diversity float8 DEFAULT 0,
	OUT rank int, OUT item text, OUT item_no bigint, OUT score real, OUT answered_by text, OUT boosted_score real)
RETURNS SETOF record
AS 'MODULE_PATHNAME', 'promoai_cf_recommend'
LANGUAGE C STABLE PARALLEL SAFE COST 10000 ROWS 10;

COMMENT ON FUNCTION promoai.cf_recommend(text, bigint, bigint[], int, boolean, int, bigint[], text[], int, float8[], float8) IS
'The k items that a model recommends to a customer, best first, under the rules given; answered_by says how, row by row: factors, neighbours and the like, or popularity for a customer the model does not know and items it has no opinion on. boosted_score is what was ranked by.';

CREATE FUNCTION promoai.cf_recommend(
	model text, customer bigint, candidates uuid[], k int DEFAULT 10, exclude_seen boolean DEFAULT NULL,
	version int DEFAULT NULL,
	exclude uuid[] DEFAULT NULL, categories text[] DEFAULT NULL, max_per_category int DEFAULT NULL,
	boosts float8[] DEFAULT NULL, diversity float8 DEFAULT 0,
	OUT rank int, OUT item text, OUT item_no bigint, OUT score real, OUT answered_by text, OUT boosted_score real)
RETURNS SETOF record
AS 'MODULE_PATHNAME', 'promoai_cf_recommend'
LANGUAGE C STABLE PARALLEL SAFE COST 10000 ROWS 10;

COMMENT ON FUNCTION promoai.cf_recommend(text, bigint, uuid[], int, boolean, int, uuid[], text[], int, float8[], float8) IS
'The k items that a model recommends to a customer, best first, under the rules given; answered_by says how, row by row: factors, neighbours and the like, or popularity for a customer the model does not know and items it has no opinion on. boosted_score is what was ranked by.';

CREATE FUNCTION promoai.cf_recommend(
	model text, customer text, k int DEFAULT 10, exclude_seen boolean DEFAULT NULL,
	candidates text[] DEFAULT NULL, version int DEFAULT NULL,
	exclude text[] DEFAULT NULL, categories text[] DEFAULT NULL, max_per_category int DEFAULT NULL,
	boosts float8[] DEFAULT NULL, diversity float8 DEFAULT 0,
	OUT rank int, OUT item text, OUT item_no bigint, OUT score real, OUT answered_by text, OUT boosted_score real)
RETURNS SETOF record
AS 'MODULE_PATHNAME', 'promoai_cf_recommend'
LANGUAGE C STABLE PARALLEL SAFE COST 10000 ROWS 10;

COMMENT ON FUNCTION promoai.cf_recommend(text, text, int, boolean, text[], int, text[], text[], int, float8[], float8) IS
'The k items that a model recommends to a customer, best first, under the rules given; answered_by says how, row by row: factors, neighbours and the like, or popularity for a customer the model does not know and items it has no opinion on. boosted_score is what was ranked by.';

CREATE FUNCTION promoai.cf_recommend(
	model text, customer text, candidates bigint[], k int DEFAULT 10, exclude_seen boolean DEFAULT NULL,
	version int DEFAULT NULL,
	exclude bigint[] DEFAULT NULL, categories text[] DEFAULT NULL, max_per_category int DEFAULT NULL,
	boosts float8[] DEFAULT NULL, diversity float8 DEFAULT 0,
	OUT rank int, OUT item text, OUT item_no bigint, OUT score real, OUT answered_by text, OUT boosted_score real)
RETURNS SETOF record
AS 'MODULE_PATHNAME', 'promoai_cf_recommend'
LANGUAGE C STABLE PARALLEL SAFE COST 10000 ROWS 10;

COMMENT ON FUNCTION promoai.cf_recommend(text, text, bigint[], int, boolean, int, bigint[], text[], int, float8[], float8) IS
'The k items that a model recommends to a customer, best first, under the rules given; answered_by says how, row by row: factors, neighbours and the like, or popularity for a customer the model does not know and items it has no opinion on. boosted_score is what was ranked by.';

CREATE FUNCTION promoai.cf_recommend(
	model text, customer text, candidates uuid[], k int DEFAULT 10, exclude_seen boolean DEFAULT NULL,
	version int DEFAULT NULL,
	exclude uuid[] DEFAULT NULL, categories text[] DEFAULT NULL, max_per_category int DEFAULT NULL,
	boosts float8[] DEFAULT NULL, diversity float8 DEFAULT 0,
	OUT rank int, OUT item text, OUT item_no bigint, OUT score real, OUT answered_by text, OUT boosted_score real)
RETURNS SETOF record
AS 'MODULE_PATHNAME', 'promoai_cf_recommend'
LANGUAGE C STABLE PARALLEL SAFE COST 10000 ROWS 10;

COMMENT ON FUNCTION promoai.cf_recommend(text, text, uuid[], int, boolean, int, uuid[], text[], int, float8[], float8) IS
'The k items that a model recommends to a customer, best first, under the rules given; answered_by says how, row by row: factors, neighbours and the like, or popularity for a customer the model does not know and items it has no opinion on. boosted_score is what was ranked by.';

CREATE FUNCTION promoai.cf_recommend(
	model text, customer uuid, k int DEFAULT 10, exclude_seen boolean DEFAULT NULL,
	candidates text[] DEFAULT NULL, version int DEFAULT NULL,
	exclude text[] DEFAULT NULL, categories text[] DEFAULT NULL, max_per_category int DEFAULT NULL,
	boosts float8[] DEFAULT NULL, diversity float8 DEFAULT 0,
	OUT rank int, OUT item text, OUT item_no bigint, OUT score real, OUT answered_by text, OUT boosted_score real)
RETURNS SETOF record
AS 'MODULE_PATHNAME', 'promoai_cf_recommend'
LANGUAGE C STABLE PARALLEL SAFE COST 10000 ROWS 10;

COMMENT ON FUNCTION promoai.cf_recommend(text, uuid, int, boolean, text[], int, text[], text[], int, float8[], float8) IS
'The k items that a model recommends to a customer, best first, under the rules given; answered_by says how, row by row: factors, neighbours and the like, or popularity for a customer the model does not know and items it has no opinion on. boosted_score is what was ranked by.';

CREATE FUNCTION promoai.cf_recommend(
	model text, customer uuid, candidates bigint[], k int DEFAULT 10, exclude_seen boolean DEFAULT NULL,
	version int DEFAULT NULL,
	exclude bigint[] DEFAULT NULL, categories text[] DEFAULT NULL, max_per_category int DEFAULT NULL,
	boosts float8[] DEFAULT NULL, diversity float8 DEFAULT 0,
	OUT rank int, OUT item text, OUT item_no bigint, OUT score real, OUT answered_by text, OUT boosted_score real)
RETURNS SETOF record
AS 'MODULE_PATHNAME', 'promoai_cf_recommend'
LANGUAGE C STABLE PARALLEL SAFE COST 10000 ROWS 10;

COMMENT ON FUNCTION promoai.cf_recommend(text, uuid, bigint[], int, boolean, int, bigint[], text[], int, float8[], float8) IS
'The k items that a model recommends to a customer, best first, under the rules given; answered_by says how, row by row: factors, neighbours and the like, or popularity for a customer the model does not know and items it has no opinion on. boosted_score is what was ranked by.';

CREATE FUNCTION promoai.cf_recommend(
	model text, customer uuid, candidates uuid[], k int DEFAULT 10, exclude_seen boolean DEFAULT NULL,
	version int DEFAULT NULL,
	exclude uuid[] DEFAULT NULL, categories text[] DEFAULT NULL, max_per_category int DEFAULT NULL,
	boosts float8[] DEFAULT NULL, diversity float8 DEFAULT 0,
	OUT rank int, OUT item text, OUT item_no bigint, OUT score real, OUT answered_by text, OUT boosted_score real)
RETURNS SETOF record
AS 'MODULE_PATHNAME', 'promoai_cf_recommend'
LANGUAGE C STABLE PARALLEL SAFE COST 10000 ROWS 10;

COMMENT ON FUNCTION promoai.cf_recommend(text, uuid, uuid[], int, boolean, int, uuid[], text[], int, float8[], float8) IS
'The k items that a model recommends to a customer, best first, under the rules given; answered_by says how, row by row: factors, neighbours and the like, or popularity for a customer the model does not know and items it has no opinion on. boosted_score is what was ranked by.';

CREATE FUNCTION promoai.cf_recommend_basket(
	model text, items bigint[], weights float8[] DEFAULT NULL, k int DEFAULT 10,
	exclude_seen boolean DEFAULT NULL, candidates bigint[] DEFAULT NULL, version int DEFAULT NULL,
	exclude bigint[] DEFAULT NULL, categories text[] DEFAULT NULL, max_per_category int DEFAULT NULL,
	boosts float8[] DEFAULT NULL, diversity float8 DEFAULT 0,
	OUT rank int, OUT item text, OUT item_no bigint, OUT score real, OUT answered_by text, OUT boosted_score real)
RETURNS SETOF record
AS 'MODULE_PATHNAME', 'promoai_cf_recommend_basket'
LANGUAGE C STABLE PARALLEL SAFE COST 10000 ROWS 10;

COMMENT ON FUNCTION promoai.cf_recommend_basket(text, bigint[], float8[], int, boolean, bigint[], int, bigint[], text[], int, float8[], float8) IS
'The k items that a model recommends to someone with this history, known to the model or not, best first, under the rules given; without any known item the answer is popularity.';

CREATE FUNCTION promoai.cf_recommend_basket(
	model text, items text[] DEFAULT '{}', weights float8[] DEFAULT NULL, k int DEFAULT 10,
	exclude_seen boolean DEFAULT NULL, candidates text[] DEFAULT NULL, version int DEFAULT NULL,
	exclude text[] DEFAULT NULL, categories text[] DEFAULT NULL, max_per_category int DEFAULT NULL,
	boosts float8[] DEFAULT NULL, diversity float8 DEFAULT 0,
	OUT rank int, OUT item text, OUT item_no bigint, OUT score real, OUT answered_by text, OUT boosted_score real)
RETURNS SETOF record
AS 'MODULE_PATHNAME', 'promoai_cf_recommend_basket'
LANGUAGE C STABLE PARALLEL SAFE COST 10000 ROWS 10;

COMMENT ON FUNCTION promoai.cf_recommend_basket(text, text[], float8[], int, boolean, text[], int, text[], text[], int, float8[], float8) IS
'The k items that a model recommends to someone with this history, known to the model or not, best first, under the rules given; without any known item the answer is popularity.';

CREATE FUNCTION promoai.cf_recommend_basket(
	model text, items uuid[], weights float8[] DEFAULT NULL, k int DEFAULT 10,
	exclude_seen boolean DEFAULT NULL, candidates uuid[] DEFAULT NULL, version int DEFAULT NULL,
	exclude uuid[] DEFAULT NULL, categories text[] DEFAULT NULL, max_per_category int DEFAULT NULL,
	boosts float8[] DEFAULT NULL, diversity float8 DEFAULT 0,
	OUT rank int, OUT item text, OUT item_no bigint, OUT score real, OUT answered_by text, OUT boosted_score real)
RETURNS SETOF record
AS 'MODULE_PATHNAME', 'promoai_cf_recommend_basket'
LANGUAGE C STABLE PARALLEL SAFE COST 10000 ROWS 10;

COMMENT ON FUNCTION promoai.cf_recommend_basket(text, uuid[], float8[], int, boolean, uuid[], int, uuid[], text[], int, float8[], float8) IS
'The k items that a model recommends to someone with this history, known to the model or not, best first, under the rules given; without any known item the answer is popularity.';

CREATE FUNCTION promoai.cf_recommend_all(
	model text, k int DEFAULT 10, exclude_seen boolean DEFAULT NULL, candidates text[] DEFAULT NULL,
	version int DEFAULT NULL,
	exclude text[] DEFAULT NULL, categories text[] DEFAULT NULL, max_per_category int DEFAULT NULL,
	boosts float8[] DEFAULT NULL, diversity float8 DEFAULT 0,
	OUT customer text, OUT customer_no bigint, OUT rank int, OUT item text, OUT item_no bigint, OUT score real,
	OUT answered_by text, OUT boosted_score real)
RETURNS SETOF record
AS 'MODULE_PATHNAME', 'promoai_cf_recommend_all'
LANGUAGE C STABLE PARALLEL SAFE COST 1000000 ROWS 100000;

COMMENT ON FUNCTION promoai.cf_recommend_all(text, int, boolean, text[], int, text[], text[], int, float8[], float8) IS
'cf_recommend for every customer that a model knows, in one call: rows for a result table.';

CREATE FUNCTION promoai.cf_recommend_all(
	model text, candidates bigint[], k int DEFAULT 10, exclude_seen boolean DEFAULT NULL,
	version int DEFAULT NULL,
	exclude bigint[] DEFAULT NULL, categories text[] DEFAULT NULL, max_per_category int DEFAULT NULL,
	boosts float8[] DEFAULT NULL, diversity float8 DEFAULT 0,
	OUT customer text, OUT customer_no bigint, OUT rank int, OUT item text, OUT item_no bigint, OUT score real,
	OUT answered_by text, OUT boosted_score real)
RETURNS SETOF record
AS 'MODULE_PATHNAME', 'promoai_cf_recommend_all'
LANGUAGE C STABLE PARALLEL SAFE COST 1000000 ROWS 100000;

COMMENT ON FUNCTION promoai.cf_recommend_all(text, bigint[], int, boolean, int, bigint[], text[], int, float8[], float8) IS
'cf_recommend for every customer that a model knows, in one call: rows for a result table.';

CREATE FUNCTION promoai.cf_recommend_all(
	model text, candidates uuid[], k int DEFAULT 10, exclude_seen boolean DEFAULT NULL,
	version int DEFAULT NULL,
	exclude uuid[] DEFAULT NULL, categories text[] DEFAULT NULL, max_per_category int DEFAULT NULL,
	boosts float8[] DEFAULT NULL, diversity float8 DEFAULT 0,
	OUT customer text, OUT customer_no bigint, OUT rank int, OUT item text, OUT item_no bigint, OUT score real,
	OUT answered_by text, OUT boosted_score real)
RETURNS SETOF record
AS 'MODULE_PATHNAME', 'promoai_cf_recommend_all'
LANGUAGE C STABLE PARALLEL SAFE COST 1000000 ROWS 100000;

COMMENT ON FUNCTION promoai.cf_recommend_all(text, uuid[], int, boolean, int, uuid[], text[], int, float8[], float8) IS
'cf_recommend for every customer that a model knows, in one call: rows for a result table.';

CREATE FUNCTION promoai.cf_target_users(
	model text, item bigint, k int DEFAULT 10, exclude_buyers boolean DEFAULT true, candidates text[] DEFAULT NULL,
	version int DEFAULT NULL,
	OUT rank int, OUT customer text, OUT customer_no bigint, OUT score real)
RETURNS SETOF record
AS 'MODULE_PATHNAME', 'promoai_cf_target_users'
LANGUAGE C STABLE PARALLEL SAFE COST 100000 ROWS 10;

COMMENT ON FUNCTION promoai.cf_target_users(text, bigint, int, boolean, text[], int) IS
'The k customers that a product, coupon or promotion suits best, best first: whom to show it. Customers who had it are left out unless exclude_buyers is false; candidates: only among these customers.';

CREATE FUNCTION promoai.cf_target_users(
	model text, item bigint, candidates bigint[], k int DEFAULT 10, exclude_buyers boolean DEFAULT true,
	version int DEFAULT NULL,
	OUT rank int, OUT customer text, OUT customer_no bigint, OUT score real)
RETURNS SETOF record
AS 'MODULE_PATHNAME', 'promoai_cf_target_users'
LANGUAGE C STABLE PARALLEL SAFE COST 100000 ROWS 10;

COMMENT ON FUNCTION promoai.cf_target_users(text, bigint, bigint[], int, boolean, int) IS
'The k customers that a product, coupon or promotion suits best, best first: whom to show it. Customers who had it are left out unless exclude_buyers is false; candidates: only among these customers.';

CREATE FUNCTION promoai.cf_target_users(
	model text, item bigint, candidates uuid[], k int DEFAULT 10, exclude_buyers boolean DEFAULT true,
	version int DEFAULT NULL,
	OUT rank int, OUT customer text, OUT customer_no bigint, OUT score real)
RETURNS SETOF record
AS 'MODULE_PATHNAME', 'promoai_cf_target_users'
LANGUAGE C STABLE PARALLEL SAFE COST 100000 ROWS 10;

COMMENT ON FUNCTION promoai.cf_target_users(text, bigint, uuid[], int, boolean, int) IS
'The k customers that a product, coupon or promotion suits best, best first: whom to show it. Customers who had it are left out unless exclude_buyers is false; candidates: only among these customers.';

CREATE FUNCTION promoai.cf_target_users(
	model text, item text, k int DEFAULT 10, exclude_buyers boolean DEFAULT true, candidates text[] DEFAULT NULL,
	version int DEFAULT NULL,
	OUT rank int, OUT customer text, OUT customer_no bigint, OUT score real)
RETURNS SETOF record
AS 'MODULE_PATHNAME', 'promoai_cf_target_users'
LANGUAGE C STABLE PARALLEL SAFE COST 100000 ROWS 10;

COMMENT ON FUNCTION promoai.cf_target_users(text, text, int, boolean, text[], int) IS
'The k customers that a product, coupon or promotion suits best, best first: whom to show it. Customers who had it are left out unless exclude_buyers is false; candidates: only among these customers.';

CREATE FUNCTION promoai.cf_target_users(
	model text, item text, candidates bigint[], k int DEFAULT 10, exclude_buyers boolean DEFAULT true,
	version int DEFAULT NULL,
	OUT rank int, OUT customer text, OUT customer_no bigint, OUT score real)
RETURNS SETOF record
AS 'MODULE_PATHNAME', 'promoai_cf_target_users'
LANGUAGE C STABLE PARALLEL SAFE COST 100000 ROWS 10;

COMMENT ON FUNCTION promoai.cf_target_users(text, text, bigint[], int, boolean, int) IS
'The k customers that a product, coupon or promotion suits best, best first: whom to show it. Customers who had it are left out unless exclude_buyers is false; candidates: only among these customers.';

CREATE FUNCTION promoai.cf_target_users(
	model text, item text, candidates uuid[], k int DEFAULT 10, exclude_buyers boolean DEFAULT true,
	version int DEFAULT NULL,
	OUT rank int, OUT customer text, OUT customer_no bigint, OUT score real)
RETURNS SETOF record
AS 'MODULE_PATHNAME', 'promoai_cf_target_users'
LANGUAGE C STABLE PARALLEL SAFE COST 100000 ROWS 10;

COMMENT ON FUNCTION promoai.cf_target_users(text, text, uuid[], int, boolean, int) IS
'The k customers that a product, coupon or promotion suits best, best first: whom to show it. Customers who had it are left out unless exclude_buyers is false; candidates: only among these customers.';

CREATE FUNCTION promoai.cf_target_users(
	model text, item uuid, k int DEFAULT 10, exclude_buyers boolean DEFAULT true, candidates text[] DEFAULT NULL,
	version int DEFAULT NULL,
	OUT rank int, OUT customer text, OUT customer_no bigint, OUT score real)
RETURNS SETOF record
AS 'MODULE_PATHNAME', 'promoai_cf_target_users'
LANGUAGE C STABLE PARALLEL SAFE COST 100000 ROWS 10;

COMMENT ON FUNCTION promoai.cf_target_users(text, uuid, int, boolean, text[], int) IS
'The k customers that a product, coupon or promotion suits best, best first: whom to show it. Customers who had it are left out unless exclude_buyers is false; candidates: only among these customers.';

CREATE FUNCTION promoai.cf_target_users(
	model text, item uuid, candidates bigint[], k int DEFAULT 10, exclude_buyers boolean DEFAULT true,
	version int DEFAULT NULL,
	OUT rank int, OUT customer text, OUT customer_no bigint, OUT score real)
RETURNS SETOF record
AS 'MODULE_PATHNAME', 'promoai_cf_target_users'
LANGUAGE C STABLE PARALLEL SAFE COST 100000 ROWS 10;

COMMENT ON FUNCTION promoai.cf_target_users(text, uuid, bigint[], int, boolean, int) IS
'The k customers that a product, coupon or promotion suits best, best first: whom to show it. Customers who had it are left out unless exclude_buyers is false; candidates: only among these customers.';

CREATE FUNCTION promoai.cf_target_users(
	model text, item uuid, candidates uuid[], k int DEFAULT 10, exclude_buyers boolean DEFAULT true,
	version int DEFAULT NULL,
	OUT rank int, OUT customer text, OUT customer_no bigint, OUT score real)
RETURNS SETOF record
AS 'MODULE_PATHNAME', 'promoai_cf_target_users'
LANGUAGE C STABLE PARALLEL SAFE COST 100000 ROWS 10;

COMMENT ON FUNCTION promoai.cf_target_users(text, uuid, uuid[], int, boolean, int) IS
'The k customers that a product, coupon or promotion suits best, best first: whom to show it. Customers who had it are left out unless exclude_buyers is false; candidates: only among these customers.';

CREATE FUNCTION promoai.cf_explain(
	model text, customer bigint, item bigint, k int DEFAULT 3, language text DEFAULT NULL, version int DEFAULT NULL,
	OUT rank int, OUT because text, OUT because_no bigint, OUT part real, OUT score real, OUT reason text)
RETURNS SETOF record
AS 'MODULE_PATHNAME', 'promoai_cf_explain'
LANGUAGE C STABLE PARALLEL SAFE COST 100000 ROWS 3;

COMMENT ON FUNCTION promoai.cf_explain(text, bigint, bigint, int, text, int) IS
'Why a model recommends an item to a customer: the k items of his history that add most to its score (part; all parts and what belongs to no item make score), and a sentence in the language given (en, zh; NULL: promoai.language).';

CREATE FUNCTION promoai.cf_explain(
	model text, customer bigint, item text, k int DEFAULT 3, language text DEFAULT NULL, version int DEFAULT NULL,
	OUT rank int, OUT because text, OUT because_no bigint, OUT part real, OUT score real, OUT reason text)
RETURNS SETOF record
AS 'MODULE_PATHNAME', 'promoai_cf_explain'
LANGUAGE C STABLE PARALLEL SAFE COST 100000 ROWS 3;

COMMENT ON FUNCTION promoai.cf_explain(text, bigint, text, int, text, int) IS
'Why a model recommends an item to a customer: the k items of his history that add most to its score (part; all parts and what belongs to no item make score), and a sentence in the language given (en, zh; NULL: promoai.language).';

CREATE FUNCTION promoai.cf_explain(
	model text, customer bigint, item uuid, k int DEFAULT 3, language text DEFAULT NULL, version int DEFAULT NULL,
	OUT rank int, OUT because text, OUT because_no bigint, OUT part real, OUT score real, OUT reason text)
RETURNS SETOF record
AS 'MODULE_PATHNAME', 'promoai_cf_explain'
LANGUAGE C STABLE PARALLEL SAFE COST 100000 ROWS 3;

COMMENT ON FUNCTION promoai.cf_explain(text, bigint, uuid, int, text, int) IS
'Why a model recommends an item to a customer: the k items of his history that add most to its score (part; all parts and what belongs to no item make score), and a sentence in the language given (en, zh; NULL: promoai.language).';

CREATE FUNCTION promoai.cf_explain(
	model text, customer text, item bigint, k int DEFAULT 3, language text DEFAULT NULL, version int DEFAULT NULL,
	OUT rank int, OUT because text, OUT because_no bigint, OUT part real, OUT score real, OUT reason text)
RETURNS SETOF record
AS 'MODULE_PATHNAME', 'promoai_cf_explain'
LANGUAGE C STABLE PARALLEL SAFE COST 100000 ROWS 3;

COMMENT ON FUNCTION promoai.cf_explain(text, text, bigint, int, text, int) IS
'Why a model recommends an item to a customer: the k items of his history that add most to its score (part; all parts and what belongs to no item make score), and a sentence in the language given (en, zh; NULL: promoai.language).';

CREATE FUNCTION promoai.cf_explain(
	model text, customer text, item text, k int DEFAULT 3, language text DEFAULT NULL, version int DEFAULT NULL,
	OUT rank int, OUT because text, OUT because_no bigint, OUT part real, OUT score real, OUT reason text)
RETURNS SETOF record
AS 'MODULE_PATHNAME', 'promoai_cf_explain'
LANGUAGE C STABLE PARALLEL SAFE COST 100000 ROWS 3;

COMMENT ON FUNCTION promoai.cf_explain(text, text, text, int, text, int) IS
'Why a model recommends an item to a customer: the k items of his history that add most to its score (part; all parts and what belongs to no item make score), and a sentence in the language given (en, zh; NULL: promoai.language).';

CREATE FUNCTION promoai.cf_explain(
	model text, customer text, item uuid, k int DEFAULT 3, language text DEFAULT NULL, version int DEFAULT NULL,
	OUT rank int, OUT because text, OUT because_no bigint, OUT part real, OUT score real, OUT reason text)
RETURNS SETOF record
AS 'MODULE_PATHNAME', 'promoai_cf_explain'
LANGUAGE C STABLE PARALLEL SAFE COST 100000 ROWS 3;

COMMENT ON FUNCTION promoai.cf_explain(text, text, uuid, int, text, int) IS
'Why a model recommends an item to a customer: the k items of his history that add most to its score (part; all parts and what belongs to no item make score), and a sentence in the language given (en, zh; NULL: promoai.language).';

CREATE FUNCTION promoai.cf_explain(
	model text, customer uuid, item bigint, k int DEFAULT 3, language text DEFAULT NULL, version int DEFAULT NULL,
	OUT rank int, OUT because text, OUT because_no bigint, OUT part real, OUT score real, OUT reason text)
RETURNS SETOF record
AS 'MODULE_PATHNAME', 'promoai_cf_explain'
LANGUAGE C STABLE PARALLEL SAFE COST 100000 ROWS 3;

COMMENT ON FUNCTION promoai.cf_explain(text, uuid, bigint, int, text, int) IS
'Why a model recommends an item to a customer: the k items of his history that add most to its score (part; all parts and what belongs to no item make score), and a sentence in the language given (en, zh; NULL: promoai.language).';

CREATE FUNCTION promoai.cf_explain(
	model text, customer uuid, item text, k int DEFAULT 3, language text DEFAULT NULL, version int DEFAULT NULL,
	OUT rank int, OUT because text, OUT because_no bigint, OUT part real, OUT score real, OUT reason text)
RETURNS SETOF record
AS 'MODULE_PATHNAME', 'promoai_cf_explain'
LANGUAGE C STABLE PARALLEL SAFE COST 100000 ROWS 3;

COMMENT ON FUNCTION promoai.cf_explain(text, uuid, text, int, text, int) IS
'Why a model recommends an item to a customer: the k items of his history that add most to its score (part; all parts and what belongs to no item make score), and a sentence in the language given (en, zh; NULL: promoai.language).';

CREATE FUNCTION promoai.cf_explain(
	model text, customer uuid, item uuid, k int DEFAULT 3, language text DEFAULT NULL, version int DEFAULT NULL,
	OUT rank int, OUT because text, OUT because_no bigint, OUT part real, OUT score real, OUT reason text)
RETURNS SETOF record
AS 'MODULE_PATHNAME', 'promoai_cf_explain'
LANGUAGE C STABLE PARALLEL SAFE COST 100000 ROWS 3;

COMMENT ON FUNCTION promoai.cf_explain(text, uuid, uuid, int, text, int) IS
'Why a model recommends an item to a customer: the k items of his history that add most to its score (part; all parts and what belongs to no item make score), and a sentence in the language given (en, zh; NULL: promoai.language).';
-- What is bought together: association rules from baskets, as rows and as a model.

CREATE TYPE promoai.basket_rule AS (
	antecedent text[],
	antecedent_no bigint[],
	consequent text,
	consequent_no bigint,
	baskets bigint,
	antecedent_baskets bigint,
	consequent_baskets bigint,
	all_baskets bigint,
	support float8,
	confidence float8,
	lift float8,
	lift_low float8,
	lift_high float8,
	leverage float8,
	conviction float8,
	p_value float8,
	tests bigint);

COMMENT ON TYPE promoai.basket_rule IS
'A rule: who has the antecedent in the basket also takes the consequent; with counts, measures and a test.';

COMMENT ON COLUMN promoai.basket_rule.antecedent IS 'items that are in the basket, by id';
COMMENT ON COLUMN promoai.basket_rule.antecedent_no IS 'the same as numbers where items are integers, else NULL';
COMMENT ON COLUMN promoai.basket_rule.consequent IS 'the item that goes with them';
COMMENT ON COLUMN promoai.basket_rule.consequent_no IS 'the same as a number where items are integers, else NULL';
COMMENT ON COLUMN promoai.basket_rule.baskets IS 'baskets that hold all of these';
COMMENT ON COLUMN promoai.basket_rule.antecedent_baskets IS 'baskets that hold the antecedent';
COMMENT ON COLUMN promoai.basket_rule.consequent_baskets IS 'baskets that hold the consequent';
COMMENT ON COLUMN promoai.basket_rule.all_baskets IS 'baskets in the source';
COMMENT ON COLUMN promoai.basket_rule.support IS 'baskets / all_baskets';
COMMENT ON COLUMN promoai.basket_rule.confidence IS 'baskets / antecedent_baskets: how often the consequent follows';
COMMENT ON COLUMN promoai.basket_rule.lift IS 'confidence over the consequent''s own share: how many times as often as by chance';
COMMENT ON COLUMN promoai.basket_rule.lift_low IS 'lower end of the 95 % interval of the lift';
COMMENT ON COLUMN promoai.basket_rule.lift_high IS 'upper end of the 95 % interval of the lift';
COMMENT ON COLUMN promoai.basket_rule.leverage IS 'support beyond chance: support less the product of both shares';
COMMENT ON COLUMN promoai.basket_rule.conviction IS 'how many times as often the rule would be wrong by chance; Infinity when it never was, NULL when every basket holds the consequent';
COMMENT ON COLUMN promoai.basket_rule.p_value IS 'Fisher''s exact test, one-sided: so many together or more if the two had nothing to do with one another';
COMMENT ON COLUMN promoai.basket_rule.tests IS 'pairs of antecedent and item among which rules were looked for: p_value times tests bounds the chance of one false rule';

CREATE FUNCTION promoai.basket_rules(
	source text,
	min_support float8 DEFAULT 0.01,
	min_confidence float8 DEFAULT 0.3,
	max_items int DEFAULT 10,
	min_lift float8 DEFAULT 0,
	max_rules int DEFAULT 0,
	min_baskets int DEFAULT 1,
	memory text DEFAULT NULL)
RETURNS SETOF promoai.basket_rule
AS 'MODULE_PATHNAME', 'promoai_basket_rules'
LANGUAGE C VOLATILE PARALLEL UNSAFE COST 1000000 ROWS 1000;

COMMENT ON FUNCTION promoai.basket_rules(text, float8, float8, int, float8, int, int, text) IS
'What is frequently bought together in a source of (basket, item[, quantity]): every rule with one item on the right whose items are together in min_support of the baskets and in min_baskets or more, and whose confidence and lift reach the thresholds, by lift. Itemsets by depth-first search over projected bitmaps (Zaki 2000; Han, Pei & Yin 2000).';

CREATE TYPE promoai.basket_report AS (
	model text, version int, kind text,
	rows_read bigint, rows_skipped bigint, rows_merged bigint, pairs_dropped bigint,
	baskets bigint, items bigint, pairs bigint, itemsets bigint, rules bigint,
	metrics jsonb, seconds float8);

COMMENT ON TYPE promoai.basket_report IS
'What basket_train did: the version it published, what it read, how many rules it found, metrics on held-out baskets, seconds.';

COMMENT ON COLUMN promoai.basket_report.model IS 'name of the model';
COMMENT ON COLUMN promoai.basket_report.version IS 'number of the version that was published';
COMMENT ON COLUMN promoai.basket_report.kind IS 'what kind of model it is: basket';
COMMENT ON COLUMN promoai.basket_report.rows_read IS 'rows that the source gave';
COMMENT ON COLUMN promoai.basket_report.rows_skipped IS 'of these, left out for a NULL';
COMMENT ON COLUMN promoai.basket_report.rows_merged IS 'of these, repeated an item of the same basket';
COMMENT ON COLUMN promoai.basket_report.pairs_dropped IS 'pairs of basket and item whose values sum to zero or less';
COMMENT ON COLUMN promoai.basket_report.baskets IS 'distinct baskets';
COMMENT ON COLUMN promoai.basket_report.items IS 'distinct items';
COMMENT ON COLUMN promoai.basket_report.pairs IS 'distinct pairs of basket and item';
COMMENT ON COLUMN promoai.basket_report.itemsets IS 'sets of items that are frequent, single items included';
COMMENT ON COLUMN promoai.basket_report.rules IS 'rules in the model';
COMMENT ON COLUMN promoai.basket_report.metrics IS 'metric to value, measured on held-out baskets; promoai.model_metrics has intervals and more';
COMMENT ON COLUMN promoai.basket_report.seconds IS 'how long the whole call took';

CREATE FUNCTION promoai.basket_train(
	model text,
	source text,
	min_support float8 DEFAULT 0.002,
	min_confidence float8 DEFAULT 0.1,
	max_items int DEFAULT 2,
	min_lift float8 DEFAULT 0,
	max_rules int DEFAULT 0,
	min_baskets int DEFAULT 5,
	holdout float8 DEFAULT 0.1,
	metrics_k int DEFAULT 20,
	seed bigint DEFAULT 42,
	memory text DEFAULT NULL)
RETURNS promoai.basket_report
AS 'MODULE_PATHNAME', 'promoai_basket_train'
LANGUAGE C VOLATILE PARALLEL UNSAFE COST 10000000;

COMMENT ON FUNCTION promoai.basket_train(
	text, text, float8, float8, int, float8, int, int, float8, int, bigint, text) IS
'Finds the rules of a source of (basket, item[, quantity]) and publishes them as a model for basket_recommend. Metrics come from held-out baskets with one item left out of each; the published rules are those of all baskets.';

CREATE FUNCTION promoai.basket_model_rules(model text, version int DEFAULT NULL)
RETURNS SETOF promoai.basket_rule
AS 'MODULE_PATHNAME', 'promoai_basket_model_rules'
LANGUAGE C STABLE PARALLEL SAFE COST 100000 ROWS 1000;

COMMENT ON FUNCTION promoai.basket_model_rules(text, int) IS
'The rules of a model that basket_train made, by lift, with the same columns as basket_rules.';

CREATE TYPE promoai.basket_item AS (
	rank int, item text, item_no bigint, score real, answered_by text,
	because text[], because_no bigint[], confidence float8, lift float8);

COMMENT ON TYPE promoai.basket_item IS
'A row of basket_recommend: an item that goes with a basket, and the rule that spoke for it.';

COMMENT ON COLUMN promoai.basket_item.rank IS 'from 1, the best first';
COMMENT ON COLUMN promoai.basket_item.item IS 'id of the item';
COMMENT ON COLUMN promoai.basket_item.item_no IS 'the id as a number where items are integers, else NULL';
COMMENT ON COLUMN promoai.basket_item.score IS 'by a rule: its confidence; by popularity: the share of all baskets that hold the item';
COMMENT ON COLUMN promoai.basket_item.answered_by IS 'rule, or popularity where no rule spoke';
COMMENT ON COLUMN promoai.basket_item.because IS 'antecedent of the rule: the items of the basket that spoke for this one; NULL by popularity';
COMMENT ON COLUMN promoai.basket_item.because_no IS 'the same as numbers where items are integers, else NULL';
COMMENT ON COLUMN promoai.basket_item.confidence IS 'of the rule: the share of the baskets with these items that hold this one too; NULL by popularity';
COMMENT ON COLUMN promoai.basket_item.lift IS 'of the rule: how many times as often as by chance; NULL by popularity';

CREATE FUNCTION promoai.basket_recommend(
	model text, items bigint[], k int DEFAULT 10, candidates bigint[] DEFAULT NULL, version int DEFAULT NULL)
RETURNS SETOF promoai.basket_item
AS 'MODULE_PATHNAME', 'promoai_basket_recommend'
LANGUAGE C STABLE PARALLEL SAFE COST 10000 ROWS 10;

COMMENT ON FUNCTION promoai.basket_recommend(text, bigint[], int, bigint[], int) IS
'The k items that go with what is in a basket: by the rules whose antecedent lies in it, the highest confidence first, then by popularity; items of the basket are left out.';

CREATE FUNCTION promoai.basket_recommend(
	model text, items text[] DEFAULT '{}', k int DEFAULT 10, candidates text[] DEFAULT NULL, version int DEFAULT NULL)
RETURNS SETOF promoai.basket_item
AS 'MODULE_PATHNAME', 'promoai_basket_recommend'
LANGUAGE C STABLE PARALLEL SAFE COST 10000 ROWS 10;

COMMENT ON FUNCTION promoai.basket_recommend(text, text[], int, text[], int) IS
'The k items that go with what is in a basket: by the rules whose antecedent lies in it, the highest confidence first, then by popularity; items of the basket are left out.';

CREATE FUNCTION promoai.basket_recommend(
	model text, items uuid[], k int DEFAULT 10, candidates uuid[] DEFAULT NULL, version int DEFAULT NULL)
RETURNS SETOF promoai.basket_item
AS 'MODULE_PATHNAME', 'promoai_basket_recommend'
LANGUAGE C STABLE PARALLEL SAFE COST 10000 ROWS 10;

COMMENT ON FUNCTION promoai.basket_recommend(text, uuid[], int, uuid[], int) IS
'The k items that go with what is in a basket: by the rules whose antecedent lies in it, the highest confidence first, then by popularity; items of the basket are left out.';
-- Recommenders that go by who had what: closed form, neighbours, random walks, popularity, repeats.

CREATE FUNCTION promoai.cf_train(
	model text,
	source text,
	method text,
	feedback text DEFAULT 'implicit',
	neighbours int DEFAULT NULL,
	regularization float8 DEFAULT NULL,
	similarity text DEFAULT NULL,
	shrinkage float8 DEFAULT NULL,
	weighting text DEFAULT NULL,
	bm25_k1 float8 DEFAULT NULL,
	bm25_b float8 DEFAULT NULL,
	alpha float8 DEFAULT NULL,
	beta float8 DEFAULT NULL,
	half_life float8 DEFAULT NULL,
	value_transform text DEFAULT NULL,
	holdout float8 DEFAULT NULL,
	holdout_after timestamptz DEFAULT NULL,
	metrics_k int DEFAULT 20,
	seed bigint DEFAULT 42,
	memory text DEFAULT NULL,
	verbose boolean DEFAULT false)
RETURNS promoai.recommender_report
AS 'MODULE_PATHNAME', 'promoai_cf_train'
LANGUAGE C VOLATILE PARALLEL UNSAFE COST 10000000;

COMMENT ON FUNCTION promoai.cf_train(
	text, text, text, text, int, float8, text, float8, text, float8, float8, float8, float8, float8, text, float8,
	timestamptz, int, bigint, text, boolean) IS
'Trains a recommender on (customer, item[, value][, time]) and publishes it under a name. method: ease (closed form, Steck 2019), item_knn, user_knn (neighbours by cosine or Pearson), rp3beta (random walks, Paudel et al. 2017), popular, buy_again (a customer''s own repeats). Metrics come from a holdout; the published model is trained on all rows.';

CREATE FUNCTION promoai.cf_evaluate(
	models text[],
	source text,
	protocol text DEFAULT 'next_period',
	k int[] DEFAULT '{10,20}',
	from_time timestamptz DEFAULT NULL,
	test_days int DEFAULT NULL,
	test_share float8 DEFAULT NULL,
	baselines boolean DEFAULT true,
	seed bigint DEFAULT 42,
	memory text DEFAULT NULL,
	OUT model text, OUT kind text, OUT targets text, OUT exclude_seen boolean, OUT metric text, OUT length int,
	OUT value float8, OUT low float8, OUT high float8, OUT customers int,
	OUT difference float8, OUT difference_low float8, OUT difference_high float8, OUT p_value float8)
RETURNS SETOF record
AS 'MODULE_PATHNAME', 'promoai_cf_evaluate'
LANGUAGE C VOLATILE PARALLEL UNSAFE COST 10000000 ROWS 500;

COMMENT ON FUNCTION promoai.cf_evaluate(
	text[], text, text, int[], timestamptz, int, float8, boolean, bigint, text) IS
'Compares recommenders on one source: each model''s way of learning is trained on one part and judged by the other, beside popularity, recent popularity and repeats. protocol: next_period (before a time, then the days after), leave_last_out, strong_generalization, sampled. targets: all, new items only, repeats only. Intervals are bootstrapped over customers; differences and p-values are against the first model named.';

CREATE FUNCTION promoai.cf_tune(
	model text,
	source text,
	grid jsonb,
	protocol text DEFAULT 'next_period',
	from_time timestamptz DEFAULT NULL,
	test_days int DEFAULT NULL,
	test_share float8 DEFAULT NULL,
	targets text DEFAULT NULL,
	metric text DEFAULT 'ndcg',
	k int DEFAULT 20,
	max_seconds float8 DEFAULT 600,
	seed bigint DEFAULT 42,
	memory text DEFAULT NULL,
	OUT trial int, OUT arguments jsonb, OUT measure text, OUT value float8, OUT low float8, OUT high float8,
	OUT customers int, OUT seconds float8, OUT selected boolean,
	OUT test_value float8, OUT test_low float8, OUT test_high float8)
RETURNS SETOF record
AS 'MODULE_PATHNAME', 'promoai_cf_tune'
LANGUAGE C VOLATILE PARALLEL UNSAFE COST 10000000 ROWS 100;

COMMENT ON FUNCTION promoai.cf_tune(
	text, text, jsonb, text, timestamptz, int, float8, text, text, int, float8, bigint, text) IS
'Tries every combination of a grid of arguments on a validation part of the source, publishes the best one trained on all rows, and tells what it reaches on a test part that nothing was chosen by. One row per combination. Stops within max_seconds; the same call again goes on where it stopped.';
-- Recommenders that go by what items are: their attributes.

CREATE FUNCTION promoai.content_train(
	model text,
	source text,
	interactions text DEFAULT NULL,
	factors_of text DEFAULT NULL,
	text_columns text[] DEFAULT NULL,
	categorical_columns text[] DEFAULT NULL,
	column_weights jsonb DEFAULT NULL,
	value_transform text DEFAULT NULL,
	regularization float8 DEFAULT NULL,
	holdout float8 DEFAULT NULL,
	holdout_after timestamptz DEFAULT NULL,
	metrics_k int DEFAULT 20,
	seed bigint DEFAULT 42,
	memory text DEFAULT NULL)
RETURNS promoai.recommender_report
AS 'MODULE_PATHNAME', 'promoai_content_train'
LANGUAGE C VOLATILE PARALLEL UNSAFE COST 10000000;

COMMENT ON FUNCTION promoai.content_train(
	text, text, text, text, text[], text[], jsonb, text, float8, float8, timestamptz, int, bigint, text) IS
'Trains a recommender on (item, attributes...) and publishes it under a name: items are as like as the cosine of their attributes (categories, numbers, free text by tf-idf, vectors). With interactions (customer, item[, value][, time]) customers get what is like what they had; with factors_of a factor model gets factors for items that it does not know, regressed on the attributes.';
-- Several recommenders behind one name.

CREATE FUNCTION promoai.hybrid_train(
	model text,
	models text[],
	source text DEFAULT NULL,
	weights float8[] DEFAULT NULL,
	targets text DEFAULT NULL,
	holdout float8 DEFAULT NULL,
	holdout_after timestamptz DEFAULT NULL,
	metrics_k int DEFAULT 20,
	seed bigint DEFAULT 42,
	memory text DEFAULT NULL)
RETURNS promoai.recommender_report
AS 'MODULE_PATHNAME', 'promoai_hybrid_train'
LANGUAGE C VOLATILE PARALLEL UNSAFE COST 10000000;

COMMENT ON FUNCTION promoai.hybrid_train(
	text, text[], text, float8[], text, float8, timestamptz, int, bigint, text) IS
'Puts published recommenders together and publishes the result under a name of its own: scores are standardised per customer and summed by weights. Weights that are not given are fitted: the members are trained on the older part of the source and the weights chosen that rank best what customers bought afterwards.';
-- Lift and price response: what a promotion brought, as aggregates over sales.

CREATE TYPE promoai.lift_fit AS (
	n bigint, rows_skipped bigint, extra_sales_per_row float8, std_error float8, error_kind text, n_clusters bigint,
	df float8, t float8, p_value float8, ci_low float8, ci_high float8,
	expected_without_promo float8, lift_percent float8, lift_low float8, lift_high float8, r2 float8,
	terms float8[], covariance float8[], note text);

COMMENT ON TYPE promoai.lift_fit IS
'What a promotion brought by least squares: an association unless the promotion was randomised.';
COMMENT ON COLUMN promoai.lift_fit.n IS 'rows used';
COMMENT ON COLUMN promoai.lift_fit.rows_skipped IS 'rows left out: a NULL in one of the arguments or, in log form, a value of zero or less';
COMMENT ON COLUMN promoai.lift_fit.extra_sales_per_row IS 'coefficient of promo: sales of a row with promo = 1 less those of a row with promo = 0, all else equal; NULL when the data do not tell';
COMMENT ON COLUMN promoai.lift_fit.std_error IS 'its standard error, of the kind in error_kind; NULL when not known (see note)';
COMMENT ON COLUMN promoai.lift_fit.error_kind IS 'what the errors assume, such as HC1, rows independent';
COMMENT ON COLUMN promoai.lift_fit.n_clusters IS 'clusters, of two ways the fewer; NULL: not clustered';
COMMENT ON COLUMN promoai.lift_fit.df IS 'degrees of freedom of Student''s t behind p-values and intervals: rows less terms, or clusters less one';
COMMENT ON COLUMN promoai.lift_fit.t IS 'extra_sales_per_row / std_error';
COMMENT ON COLUMN promoai.lift_fit.p_value IS 'two-sided, against no effect';
COMMENT ON COLUMN promoai.lift_fit.ci_low IS 'lower end of the 95 % interval of extra_sales_per_row';
COMMENT ON COLUMN promoai.lift_fit.ci_high IS 'upper end of the 95 % interval of extra_sales_per_row';
COMMENT ON COLUMN promoai.lift_fit.expected_without_promo IS 'the promoted rows'' mean prediction with promo = 0';
COMMENT ON COLUMN promoai.lift_fit.lift_percent IS '100 extra_sales_per_row / expected_without_promo; NULL unless the latter is above 0';
COMMENT ON COLUMN promoai.lift_fit.lift_low IS 'lower end of the 95 % interval of lift_percent, by the delta method';
COMMENT ON COLUMN promoai.lift_fit.lift_high IS 'upper end of the 95 % interval of lift_percent, by the delta method';
COMMENT ON COLUMN promoai.lift_fit.r2 IS 'share of the variance of sales that the terms explain; NULL when sales do not vary';
COMMENT ON COLUMN promoai.lift_fit.terms IS 'coefficients: intercept, promo, covariates as given; NULL where not estimated. promo_lift_terms shows them as rows';
COMMENT ON COLUMN promoai.lift_fit.covariance IS 'covariance of the terms, a square; NULL when not known';
COMMENT ON COLUMN promoai.lift_fit.note IS 'what must be known beside the numbers; NULL: nothing';

CREATE TYPE promoai.elasticity_fit AS (
	n bigint, rows_skipped bigint, rows_not_positive bigint, elasticity float8, std_error float8, error_kind text,
	n_clusters bigint, df float8, t float8, p_value float8, ci_low float8, ci_high float8, r2 float8,
	terms float8[], covariance float8[], note text);

COMMENT ON TYPE promoai.elasticity_fit IS
'How quantity answers to price, by least squares of log(quantity) on log(price): an association unless prices were randomised.';
COMMENT ON COLUMN promoai.elasticity_fit.n IS 'rows used';
COMMENT ON COLUMN promoai.elasticity_fit.rows_skipped IS 'rows left out: a NULL in one of the arguments, or a quantity or price of zero or less';
COMMENT ON COLUMN promoai.elasticity_fit.rows_not_positive IS 'of these the ones with a quantity or price of zero or less, which have no logarithm';
COMMENT ON COLUMN promoai.elasticity_fit.elasticity IS 'coefficient of log(price): per cent of quantity for one per cent of price; NULL when the data do not tell';
COMMENT ON COLUMN promoai.elasticity_fit.std_error IS 'its standard error, of the kind in error_kind; NULL when not known (see note)';
COMMENT ON COLUMN promoai.elasticity_fit.error_kind IS 'what the errors assume, such as HC1, rows independent';
COMMENT ON COLUMN promoai.elasticity_fit.n_clusters IS 'clusters; NULL: not clustered';
COMMENT ON COLUMN promoai.elasticity_fit.df IS 'degrees of freedom of Student''s t behind p-values and intervals: rows less terms, or clusters less one';
COMMENT ON COLUMN promoai.elasticity_fit.t IS 'elasticity / std_error';
COMMENT ON COLUMN promoai.elasticity_fit.p_value IS 'two-sided, against no response';
COMMENT ON COLUMN promoai.elasticity_fit.ci_low IS 'lower end of the 95 % interval of elasticity';
COMMENT ON COLUMN promoai.elasticity_fit.ci_high IS 'upper end of the 95 % interval of elasticity';
COMMENT ON COLUMN promoai.elasticity_fit.r2 IS 'share of the variance of log(quantity) that the terms explain; NULL when quantity does not vary';
COMMENT ON COLUMN promoai.elasticity_fit.terms IS 'coefficients: intercept, log(price), covariates as given; NULL where not estimated. promo_lift_terms shows them as rows';
COMMENT ON COLUMN promoai.elasticity_fit.covariance IS 'covariance of the terms, a square; NULL when not known';
COMMENT ON COLUMN promoai.elasticity_fit.note IS 'what must be known beside the numbers; NULL: nothing';

-- The state: a flat value that combines, so the same aggregates run serially, in parallel plans and on the workers of a
-- cluster, and can be stored and rolled up.

CREATE TYPE promoai.lift_state;

CREATE FUNCTION promoai.lift_state_in(cstring)
RETURNS promoai.lift_state
AS 'MODULE_PATHNAME', 'promoai_lift_state_in'
LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;

COMMENT ON FUNCTION promoai.lift_state_in(cstring) IS 'input function of lift_state: every size and number is checked';

CREATE FUNCTION promoai.lift_state_out(promoai.lift_state)
RETURNS cstring
AS 'MODULE_PATHNAME', 'promoai_lift_state_out'
LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;

COMMENT ON FUNCTION promoai.lift_state_out(promoai.lift_state) IS 'output function of lift_state: the hex of its binary form';

CREATE FUNCTION promoai.lift_state_recv(internal)
RETURNS promoai.lift_state
AS 'MODULE_PATHNAME', 'promoai_lift_state_recv'
LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;

COMMENT ON FUNCTION promoai.lift_state_recv(internal) IS 'binary input function of lift_state: every size and number is checked';

CREATE FUNCTION promoai.lift_state_send(promoai.lift_state)
RETURNS bytea
AS 'MODULE_PATHNAME', 'promoai_lift_state_send'
LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;

COMMENT ON FUNCTION promoai.lift_state_send(promoai.lift_state) IS 'binary output function of lift_state';

CREATE TYPE promoai.lift_state (
	INPUT = promoai.lift_state_in,
	OUTPUT = promoai.lift_state_out,
	RECEIVE = promoai.lift_state_recv,
	SEND = promoai.lift_state_send,
	INTERNALLENGTH = VARIABLE,
	ALIGNMENT = double,
	STORAGE = extended);

COMMENT ON TYPE promoai.lift_state IS
'What has been seen of a promotion''s rows. Made by promo_lift_state, added up by promo_lift_rollup, read by promo_lift.';

-- Steps of the aggregates.  One for each list of arguments: they never ask by which types they were called.

CREATE FUNCTION promoai.lift_add_boolean(
	state promoai.lift_state, sales float8, promo boolean)
RETURNS promoai.lift_state
AS 'MODULE_PATHNAME', 'promoai_lift_add_boolean'
LANGUAGE C IMMUTABLE PARALLEL SAFE;

COMMENT ON FUNCTION promoai.lift_add_boolean(promoai.lift_state, float8, boolean) IS
'step of promo_lift_fit and promo_lift_state';

CREATE FUNCTION promoai.lift_add_boolean_cluster(
	state promoai.lift_state, sales float8, promo boolean, cluster bigint)
RETURNS promoai.lift_state
AS 'MODULE_PATHNAME', 'promoai_lift_add_boolean_cluster'
LANGUAGE C IMMUTABLE PARALLEL SAFE;

COMMENT ON FUNCTION promoai.lift_add_boolean_cluster(promoai.lift_state, float8, boolean, bigint) IS
'step of promo_lift_fit and promo_lift_state';

CREATE FUNCTION promoai.lift_add_boolean_covariates(
	state promoai.lift_state, sales float8, promo boolean, covariates float8[])
RETURNS promoai.lift_state
AS 'MODULE_PATHNAME', 'promoai_lift_add_boolean_covariates'
LANGUAGE C IMMUTABLE PARALLEL SAFE;

COMMENT ON FUNCTION promoai.lift_add_boolean_covariates(promoai.lift_state, float8, boolean, float8[]) IS
'step of promo_lift_fit and promo_lift_state';

CREATE FUNCTION promoai.lift_add_boolean_covariates_cluster(
	state promoai.lift_state, sales float8, promo boolean, covariates float8[], cluster bigint)
RETURNS promoai.lift_state
AS 'MODULE_PATHNAME', 'promoai_lift_add_boolean_covariates_cluster'
LANGUAGE C IMMUTABLE PARALLEL SAFE;

COMMENT ON FUNCTION promoai.lift_add_boolean_covariates_cluster(promoai.lift_state, float8, boolean, float8[], bigint) IS
'step of promo_lift_fit and promo_lift_state';

CREATE FUNCTION promoai.lift_add_graded(
	state promoai.lift_state, sales float8, promo float8)
RETURNS promoai.lift_state
AS 'MODULE_PATHNAME', 'promoai_lift_add_graded'
LANGUAGE C IMMUTABLE PARALLEL SAFE;

COMMENT ON FUNCTION promoai.lift_add_graded(promoai.lift_state, float8, float8) IS
'step of promo_lift_fit and promo_lift_state';

CREATE FUNCTION promoai.lift_add_graded_cluster(
	state promoai.lift_state, sales float8, promo float8, cluster bigint)
RETURNS promoai.lift_state
AS 'MODULE_PATHNAME', 'promoai_lift_add_graded_cluster'
LANGUAGE C IMMUTABLE PARALLEL SAFE;

COMMENT ON FUNCTION promoai.lift_add_graded_cluster(promoai.lift_state, float8, float8, bigint) IS
'step of promo_lift_fit and promo_lift_state';

CREATE FUNCTION promoai.lift_add_graded_covariates(
	state promoai.lift_state, sales float8, promo float8, covariates float8[])
RETURNS promoai.lift_state
AS 'MODULE_PATHNAME', 'promoai_lift_add_graded_covariates'
LANGUAGE C IMMUTABLE PARALLEL SAFE;

COMMENT ON FUNCTION promoai.lift_add_graded_covariates(promoai.lift_state, float8, float8, float8[]) IS
'step of promo_lift_fit and promo_lift_state';

CREATE FUNCTION promoai.lift_add_graded_covariates_cluster(
	state promoai.lift_state, sales float8, promo float8, covariates float8[], cluster bigint)
RETURNS promoai.lift_state
AS 'MODULE_PATHNAME', 'promoai_lift_add_graded_covariates_cluster'
LANGUAGE C IMMUTABLE PARALLEL SAFE;

COMMENT ON FUNCTION promoai.lift_add_graded_covariates_cluster(promoai.lift_state, float8, float8, float8[], bigint) IS
'step of promo_lift_fit and promo_lift_state';

CREATE FUNCTION promoai.elasticity_add(
	state promoai.lift_state, quantity float8, price float8)
RETURNS promoai.lift_state
AS 'MODULE_PATHNAME', 'promoai_elasticity_add'
LANGUAGE C IMMUTABLE PARALLEL SAFE;

COMMENT ON FUNCTION promoai.elasticity_add(promoai.lift_state, float8, float8) IS
'step of promo_elasticity_fit';

CREATE FUNCTION promoai.elasticity_add_cluster(
	state promoai.lift_state, quantity float8, price float8, cluster bigint)
RETURNS promoai.lift_state
AS 'MODULE_PATHNAME', 'promoai_elasticity_add_cluster'
LANGUAGE C IMMUTABLE PARALLEL SAFE;

COMMENT ON FUNCTION promoai.elasticity_add_cluster(promoai.lift_state, float8, float8, bigint) IS
'step of promo_elasticity_fit';

CREATE FUNCTION promoai.elasticity_add_covariates(
	state promoai.lift_state, quantity float8, price float8, covariates float8[])
RETURNS promoai.lift_state
AS 'MODULE_PATHNAME', 'promoai_elasticity_add_covariates'
LANGUAGE C IMMUTABLE PARALLEL SAFE;

COMMENT ON FUNCTION promoai.elasticity_add_covariates(promoai.lift_state, float8, float8, float8[]) IS
'step of promo_elasticity_fit';

CREATE FUNCTION promoai.elasticity_add_covariates_cluster(
	state promoai.lift_state, quantity float8, price float8, covariates float8[], cluster bigint)
RETURNS promoai.lift_state
AS 'MODULE_PATHNAME', 'promoai_elasticity_add_covariates_cluster'
LANGUAGE C IMMUTABLE PARALLEL SAFE;

COMMENT ON FUNCTION promoai.elasticity_add_covariates_cluster(promoai.lift_state, float8, float8, float8[], bigint) IS
'step of promo_elasticity_fit';

CREATE FUNCTION promoai.lift_combine(state promoai.lift_state, other promoai.lift_state)
RETURNS promoai.lift_state
AS 'MODULE_PATHNAME', 'promoai_lift_combine'
LANGUAGE C IMMUTABLE PARALLEL SAFE;

COMMENT ON FUNCTION promoai.lift_combine(promoai.lift_state, promoai.lift_state) IS
'Two states as one, the other''s sums brought to the first one''s pivot; step of promo_lift_rollup.';

CREATE FUNCTION promoai.lift_compact(state promoai.lift_state)
RETURNS promoai.lift_state
AS 'MODULE_PATHNAME', 'promoai_lift_compact'
LANGUAGE C IMMUTABLE PARALLEL SAFE;

COMMENT ON FUNCTION promoai.lift_compact(promoai.lift_state) IS
'The state without room to grow, last step of promo_lift_state and promo_lift_rollup.';

CREATE FUNCTION promoai.promo_lift(state promoai.lift_state)
RETURNS promoai.lift_fit
AS 'MODULE_PATHNAME', 'promoai_lift_final'
LANGUAGE C IMMUTABLE PARALLEL SAFE COST 1000;

COMMENT ON FUNCTION promoai.promo_lift(promoai.lift_state) IS
'What the promotion brought, from a state that promo_lift_state or promo_lift_rollup made.';

CREATE FUNCTION promoai.elasticity_final(state promoai.lift_state)
RETURNS promoai.elasticity_fit
AS 'MODULE_PATHNAME', 'promoai_elasticity_final'
LANGUAGE C IMMUTABLE PARALLEL SAFE COST 1000;

COMMENT ON FUNCTION promoai.elasticity_final(promoai.lift_state) IS 'last step of promo_elasticity_fit';

CREATE AGGREGATE promoai.promo_lift_fit(sales float8, promo boolean) (
	SFUNC = promoai.lift_add_boolean,
	STYPE = promoai.lift_state,
	SSPACE = 1024,
	FINALFUNC = promoai.promo_lift,
	COMBINEFUNC = promoai.lift_combine,
	PARALLEL = SAFE);

COMMENT ON AGGREGATE promoai.promo_lift_fit(float8, boolean) IS
'What a promotion brought: sales on promo by least squares, errors HC1, rows independent. An association unless the promotion was randomised.';

CREATE AGGREGATE promoai.promo_lift_fit(sales float8, promo boolean, cluster bigint) (
	SFUNC = promoai.lift_add_boolean_cluster,
	STYPE = promoai.lift_state,
	SSPACE = 1024,
	FINALFUNC = promoai.promo_lift,
	COMBINEFUNC = promoai.lift_combine,
	PARALLEL = SAFE);

COMMENT ON AGGREGATE promoai.promo_lift_fit(float8, boolean, bigint) IS
'What a promotion brought: sales on promo by least squares, errors robust within clusters (CR1). An association unless the promotion was randomised.';

CREATE AGGREGATE promoai.promo_lift_fit(sales float8, promo boolean, covariates float8[]) (
	SFUNC = promoai.lift_add_boolean_covariates,
	STYPE = promoai.lift_state,
	SSPACE = 1024,
	FINALFUNC = promoai.promo_lift,
	COMBINEFUNC = promoai.lift_combine,
	PARALLEL = SAFE);

COMMENT ON AGGREGATE promoai.promo_lift_fit(float8, boolean, float8[]) IS
'What a promotion brought: sales on promo and covariates by least squares, errors HC1, rows independent. An association unless the promotion was randomised.';

CREATE AGGREGATE promoai.promo_lift_fit(sales float8, promo boolean, covariates float8[], cluster bigint) (
	SFUNC = promoai.lift_add_boolean_covariates_cluster,
	STYPE = promoai.lift_state,
	SSPACE = 1024,
	FINALFUNC = promoai.promo_lift,
	COMBINEFUNC = promoai.lift_combine,
	PARALLEL = SAFE);

COMMENT ON AGGREGATE promoai.promo_lift_fit(float8, boolean, float8[], bigint) IS
'What a promotion brought: sales on promo and covariates by least squares, errors robust within clusters (CR1). An association unless the promotion was randomised.';

CREATE AGGREGATE promoai.promo_lift_fit(sales float8, promo float8) (
	SFUNC = promoai.lift_add_graded,
	STYPE = promoai.lift_state,
	SSPACE = 1024,
	FINALFUNC = promoai.promo_lift,
	COMBINEFUNC = promoai.lift_combine,
	PARALLEL = SAFE);

COMMENT ON AGGREGATE promoai.promo_lift_fit(float8, float8) IS
'What a promotion brought: sales on promo by least squares, errors HC1, rows independent. An association unless the promotion was randomised.';

CREATE AGGREGATE promoai.promo_lift_fit(sales float8, promo float8, cluster bigint) (
	SFUNC = promoai.lift_add_graded_cluster,
	STYPE = promoai.lift_state,
	SSPACE = 1024,
	FINALFUNC = promoai.promo_lift,
	COMBINEFUNC = promoai.lift_combine,
	PARALLEL = SAFE);

COMMENT ON AGGREGATE promoai.promo_lift_fit(float8, float8, bigint) IS
'What a promotion brought: sales on promo by least squares, errors robust within clusters (CR1). An association unless the promotion was randomised.';

CREATE AGGREGATE promoai.promo_lift_fit(sales float8, promo float8, covariates float8[]) (
	SFUNC = promoai.lift_add_graded_covariates,
	STYPE = promoai.lift_state,
	SSPACE = 1024,
	FINALFUNC = promoai.promo_lift,
	COMBINEFUNC = promoai.lift_combine,
	PARALLEL = SAFE);

COMMENT ON AGGREGATE promoai.promo_lift_fit(float8, float8, float8[]) IS
'What a promotion brought: sales on promo and covariates by least squares, errors HC1, rows independent. An association unless the promotion was randomised.';

CREATE AGGREGATE promoai.promo_lift_fit(sales float8, promo float8, covariates float8[], cluster bigint) (
	SFUNC = promoai.lift_add_graded_covariates_cluster,
	STYPE = promoai.lift_state,
	SSPACE = 1024,
	FINALFUNC = promoai.promo_lift,
	COMBINEFUNC = promoai.lift_combine,
	PARALLEL = SAFE);

COMMENT ON AGGREGATE promoai.promo_lift_fit(float8, float8, float8[], bigint) IS
'What a promotion brought: sales on promo and covariates by least squares, errors robust within clusters (CR1). An association unless the promotion was randomised.';

CREATE AGGREGATE promoai.promo_lift_state(sales float8, promo boolean) (
	SFUNC = promoai.lift_add_boolean,
	STYPE = promoai.lift_state,
	SSPACE = 1024,
	FINALFUNC = promoai.lift_compact,
	COMBINEFUNC = promoai.lift_combine,
	PARALLEL = SAFE);

COMMENT ON AGGREGATE promoai.promo_lift_state(float8, boolean) IS
'What promo_lift_fit of the same arguments would see, as a value to keep: promo_lift_rollup adds states up, promo_lift reads them.';

CREATE AGGREGATE promoai.promo_lift_state(sales float8, promo boolean, cluster bigint) (
	SFUNC = promoai.lift_add_boolean_cluster,
	STYPE = promoai.lift_state,
	SSPACE = 1024,
	FINALFUNC = promoai.lift_compact,
	COMBINEFUNC = promoai.lift_combine,
	PARALLEL = SAFE);

COMMENT ON AGGREGATE promoai.promo_lift_state(float8, boolean, bigint) IS
'What promo_lift_fit of the same arguments would see, as a value to keep: promo_lift_rollup adds states up, promo_lift reads them.';

CREATE AGGREGATE promoai.promo_lift_state(sales float8, promo boolean, covariates float8[]) (
	SFUNC = promoai.lift_add_boolean_covariates,
	STYPE = promoai.lift_state,
	SSPACE = 1024,
	FINALFUNC = promoai.lift_compact,
	COMBINEFUNC = promoai.lift_combine,
	PARALLEL = SAFE);

COMMENT ON AGGREGATE promoai.promo_lift_state(float8, boolean, float8[]) IS
'What promo_lift_fit of the same arguments would see, as a value to keep: promo_lift_rollup adds states up, promo_lift reads them.';

CREATE AGGREGATE promoai.promo_lift_state(sales float8, promo boolean, covariates float8[], cluster bigint) (
	SFUNC = promoai.lift_add_boolean_covariates_cluster,
	STYPE = promoai.lift_state,
	SSPACE = 1024,
	FINALFUNC = promoai.lift_compact,
	COMBINEFUNC = promoai.lift_combine,
	PARALLEL = SAFE);

COMMENT ON AGGREGATE promoai.promo_lift_state(float8, boolean, float8[], bigint) IS
'What promo_lift_fit of the same arguments would see, as a value to keep: promo_lift_rollup adds states up, promo_lift reads them.';

CREATE AGGREGATE promoai.promo_lift_state(sales float8, promo float8) (
	SFUNC = promoai.lift_add_graded,
	STYPE = promoai.lift_state,
	SSPACE = 1024,
	FINALFUNC = promoai.lift_compact,
	COMBINEFUNC = promoai.lift_combine,
	PARALLEL = SAFE);

COMMENT ON AGGREGATE promoai.promo_lift_state(float8, float8) IS
'What promo_lift_fit of the same arguments would see, as a value to keep: promo_lift_rollup adds states up, promo_lift reads them.';

CREATE AGGREGATE promoai.promo_lift_state(sales float8, promo float8, cluster bigint) (
	SFUNC = promoai.lift_add_graded_cluster,
	STYPE = promoai.lift_state,
	SSPACE = 1024,
	FINALFUNC = promoai.lift_compact,
	COMBINEFUNC = promoai.lift_combine,
	PARALLEL = SAFE);

COMMENT ON AGGREGATE promoai.promo_lift_state(float8, float8, bigint) IS
'What promo_lift_fit of the same arguments would see, as a value to keep: promo_lift_rollup adds states up, promo_lift reads them.';

CREATE AGGREGATE promoai.promo_lift_state(sales float8, promo float8, covariates float8[]) (
	SFUNC = promoai.lift_add_graded_covariates,
	STYPE = promoai.lift_state,
	SSPACE = 1024,
	FINALFUNC = promoai.lift_compact,
	COMBINEFUNC = promoai.lift_combine,
	PARALLEL = SAFE);

COMMENT ON AGGREGATE promoai.promo_lift_state(float8, float8, float8[]) IS
'What promo_lift_fit of the same arguments would see, as a value to keep: promo_lift_rollup adds states up, promo_lift reads them.';

CREATE AGGREGATE promoai.promo_lift_state(sales float8, promo float8, covariates float8[], cluster bigint) (
	SFUNC = promoai.lift_add_graded_covariates_cluster,
	STYPE = promoai.lift_state,
	SSPACE = 1024,
	FINALFUNC = promoai.lift_compact,
	COMBINEFUNC = promoai.lift_combine,
	PARALLEL = SAFE);

COMMENT ON AGGREGATE promoai.promo_lift_state(float8, float8, float8[], bigint) IS
'What promo_lift_fit of the same arguments would see, as a value to keep: promo_lift_rollup adds states up, promo_lift reads them.';

CREATE AGGREGATE promoai.promo_lift_rollup(state promoai.lift_state) (
	SFUNC = promoai.lift_combine,
	STYPE = promoai.lift_state,
	SSPACE = 1024,
	FINALFUNC = promoai.lift_compact,
	COMBINEFUNC = promoai.lift_combine,
	PARALLEL = SAFE);

COMMENT ON AGGREGATE promoai.promo_lift_rollup(promoai.lift_state) IS
'States of promo_lift_state added up, as if their rows had been seen together.';

CREATE AGGREGATE promoai.promo_elasticity_fit(quantity float8, price float8) (
	SFUNC = promoai.elasticity_add,
	STYPE = promoai.lift_state,
	SSPACE = 1024,
	FINALFUNC = promoai.elasticity_final,
	COMBINEFUNC = promoai.lift_combine,
	PARALLEL = SAFE);

COMMENT ON AGGREGATE promoai.promo_elasticity_fit(float8, float8) IS
'How quantity answers to price: log(quantity) on log(price) by least squares, errors HC1, rows independent. Rows with a quantity or price of zero or less are left out and counted.';

CREATE AGGREGATE promoai.promo_elasticity_fit(quantity float8, price float8, cluster bigint) (
	SFUNC = promoai.elasticity_add_cluster,
	STYPE = promoai.lift_state,
	SSPACE = 1024,
	FINALFUNC = promoai.elasticity_final,
	COMBINEFUNC = promoai.lift_combine,
	PARALLEL = SAFE);

COMMENT ON AGGREGATE promoai.promo_elasticity_fit(float8, float8, bigint) IS
'How quantity answers to price: log(quantity) on log(price) by least squares, errors robust within clusters (CR1). Rows with a quantity or price of zero or less are left out and counted.';

CREATE AGGREGATE promoai.promo_elasticity_fit(quantity float8, price float8, covariates float8[]) (
	SFUNC = promoai.elasticity_add_covariates,
	STYPE = promoai.lift_state,
	SSPACE = 1024,
	FINALFUNC = promoai.elasticity_final,
	COMBINEFUNC = promoai.lift_combine,
	PARALLEL = SAFE);

COMMENT ON AGGREGATE promoai.promo_elasticity_fit(float8, float8, float8[]) IS
'How quantity answers to price: log(quantity) on log(price) and covariates by least squares, errors HC1, rows independent. Rows with a quantity or price of zero or less are left out and counted.';

CREATE AGGREGATE promoai.promo_elasticity_fit(quantity float8, price float8, covariates float8[], cluster bigint) (
	SFUNC = promoai.elasticity_add_covariates_cluster,
	STYPE = promoai.lift_state,
	SSPACE = 1024,
	FINALFUNC = promoai.elasticity_final,
	COMBINEFUNC = promoai.lift_combine,
	PARALLEL = SAFE);

COMMENT ON AGGREGATE promoai.promo_elasticity_fit(float8, float8, float8[], bigint) IS
'How quantity answers to price: log(quantity) on log(price) and covariates by least squares, errors robust within clusters (CR1). Rows with a quantity or price of zero or less are left out and counted.';

CREATE FUNCTION promoai.promo_lift_terms(
	fit promoai.lift_fit, names text[] DEFAULT NULL,
	OUT term_no int, OUT term text, OUT coefficient float8, OUT std_error float8, OUT t float8, OUT p_value float8,
	OUT ci_low float8, OUT ci_high float8)
RETURNS SETOF record
AS 'MODULE_PATHNAME', 'promoai_lift_terms'
LANGUAGE C IMMUTABLE PARALLEL SAFE COST 100 ROWS 5;

COMMENT ON FUNCTION promoai.promo_lift_terms(promoai.lift_fit, text[]) IS
'A fit''s coefficients as rows, with errors, p-values and 95 % intervals; names are the covariates'', in their order.';

CREATE FUNCTION promoai.promo_lift_terms(
	fit promoai.elasticity_fit, names text[] DEFAULT NULL,
	OUT term_no int, OUT term text, OUT coefficient float8, OUT std_error float8, OUT t float8, OUT p_value float8,
	OUT ci_low float8, OUT ci_high float8)
RETURNS SETOF record
AS 'MODULE_PATHNAME', 'promoai_elasticity_terms'
LANGUAGE C IMMUTABLE PARALLEL SAFE COST 100 ROWS 5;

COMMENT ON FUNCTION promoai.promo_lift_terms(promoai.elasticity_fit, text[]) IS
'A fit''s coefficients as rows, with errors, p-values and 95 % intervals; names are the covariates'', in their order.';
-- Promotions measured from a source: fits in memory, the daily panel they need, price response, thresholds, and a look at
-- the data beforehand.

CREATE TYPE promoai.lift_source_fit AS (
	n bigint, rows_skipped bigint, extra_sales_per_row float8, std_error float8, error_kind text, n_clusters bigint,
	df float8, t float8, p_value float8, ci_low float8, ci_high float8,
	expected_without_promo float8, lift_percent float8, lift_low float8, lift_high float8, r2 float8,
	terms float8[], covariance float8[], note text,
	names text[], dropped text[], effects_rank bigint, singletons bigint, within_r2 float8, sweeps int);

COMMENT ON TYPE promoai.lift_source_fit IS
'What a promotion brought, fitted over a source: the columns of promoai.lift_fit, then names of the terms, columns dropped and what became of the fixed effects. An association unless the promotion was randomised.';
COMMENT ON COLUMN promoai.lift_source_fit.n IS 'rows used';
COMMENT ON COLUMN promoai.lift_source_fit.rows_skipped IS 'rows left out because of a NULL';
COMMENT ON COLUMN promoai.lift_source_fit.extra_sales_per_row IS 'coefficient of promo: sales of a row with promo = 1 less those of a row with promo = 0, all else equal';
COMMENT ON COLUMN promoai.lift_source_fit.std_error IS 'its standard error, of the kind in error_kind';
COMMENT ON COLUMN promoai.lift_source_fit.error_kind IS 'what the errors assume';
COMMENT ON COLUMN promoai.lift_source_fit.n_clusters IS 'clusters, of two ways the fewer; NULL: not clustered';
COMMENT ON COLUMN promoai.lift_source_fit.df IS 'degrees of freedom of Student''s t behind p-values and intervals: rows less coefficients, or clusters less one';
COMMENT ON COLUMN promoai.lift_source_fit.t IS 'extra_sales_per_row / std_error';
COMMENT ON COLUMN promoai.lift_source_fit.p_value IS 'two-sided, against no effect';
COMMENT ON COLUMN promoai.lift_source_fit.ci_low IS 'lower end of the 95 % interval of extra_sales_per_row';
COMMENT ON COLUMN promoai.lift_source_fit.ci_high IS 'upper end of the 95 % interval of extra_sales_per_row';
COMMENT ON COLUMN promoai.lift_source_fit.expected_without_promo IS 'the promoted rows'' mean prediction with promo = 0, effects included';
COMMENT ON COLUMN promoai.lift_source_fit.lift_percent IS '100 extra_sales_per_row / expected_without_promo; NULL unless the latter is above 0';
COMMENT ON COLUMN promoai.lift_source_fit.lift_low IS 'lower end of the 95 % interval of lift_percent, by the delta method; the error of absorbed effects is in it';
COMMENT ON COLUMN promoai.lift_source_fit.lift_high IS 'upper end of the 95 % interval of lift_percent';
COMMENT ON COLUMN promoai.lift_source_fit.r2 IS 'share of the variance of sales that terms and effects explain; NULL when sales do not vary';
COMMENT ON COLUMN promoai.lift_source_fit.terms IS 'coefficients in the order of names; NULL where not estimated (an absorbed intercept, a dropped column)';
COMMENT ON COLUMN promoai.lift_source_fit.covariance IS 'covariance of the terms, a square';
COMMENT ON COLUMN promoai.lift_source_fit.note IS 'what must be known beside the numbers; NULL: nothing';
COMMENT ON COLUMN promoai.lift_source_fit.names IS 'names of the terms: intercept, then the source''s column names';
COMMENT ON COLUMN promoai.lift_source_fit.dropped IS 'covariates dropped: constant, explained by the effects, or a linear combination of covariates before them';
COMMENT ON COLUMN promoai.lift_source_fit.effects_rank IS 'coefficients that the absorbed effects stand for; 0: none';
COMMENT ON COLUMN promoai.lift_source_fit.singletons IS 'rows left out because they stood alone in a level of an effect';
COMMENT ON COLUMN promoai.lift_source_fit.within_r2 IS 'share of the variance that effects leave which the terms explain; NULL without effects';
COMMENT ON COLUMN promoai.lift_source_fit.sweeps IS 'sweeps that absorbing the effects took at most; 0: no effects';

CREATE FUNCTION promoai.promo_lift_fit_source(source text, cluster text DEFAULT NULL, memory text DEFAULT NULL)
RETURNS promoai.lift_source_fit
AS 'MODULE_PATHNAME', 'promoai_promo_lift_fit_source'
LANGUAGE C VOLATILE PARALLEL UNSAFE COST 1000000;

COMMENT ON FUNCTION promoai.promo_lift_fit_source(text, text, text) IS
'What a promotion brought: least squares over a source of (sales, promo [, covariates ...]), any number of covariates, collinear ones dropped and named. Errors HC1, or clustered by one or two columns of the source that cluster names (they are no covariates then). An association unless the promotion was randomised.';

CREATE FUNCTION promoai.promo_panel_fit(
	source text,
	effects text DEFAULT NULL,
	cluster text DEFAULT NULL,
	errors text DEFAULT 'cluster',
	tolerance float8 DEFAULT 1e-10,
	iterations int DEFAULT 10000,
	memory text DEFAULT NULL)
RETURNS promoai.lift_source_fit
AS 'MODULE_PATHNAME', 'promoai_promo_panel_fit'
LANGUAGE C VOLATILE PARALLEL UNSAFE COST 1000000;

COMMENT ON FUNCTION promoai.promo_panel_fit(text, text, text, text, float8, int, text) IS
'What a promotion brought, over a panel of (unit, time, sales, promo [, covariates ...]): fixed effects of unit and time (or of the columns that effects names) are absorbed, errors clustered by the first effect, by one or two columns that cluster names, or errors => ''hc1''. An association unless the promotion was randomised.';

CREATE FUNCTION promoai.promo_lift_terms(
	fit promoai.lift_source_fit,
	OUT term_no int, OUT term text, OUT coefficient float8, OUT std_error float8, OUT t float8, OUT p_value float8,
	OUT ci_low float8, OUT ci_high float8)
RETURNS SETOF record
LANGUAGE sql IMMUTABLE PARALLEL SAFE COST 100 ROWS 5
BEGIN ATOMIC
	SELECT terms.term_no, terms.term, terms.coefficient, terms.std_error, terms.t, terms.p_value, terms.ci_low, terms.ci_high
	FROM promoai.promo_lift_terms(
		ROW((fit).n, (fit).rows_skipped, (fit).extra_sales_per_row, (fit).std_error, (fit).error_kind, (fit).n_clusters,
			(fit).df, (fit).t, (fit).p_value, (fit).ci_low, (fit).ci_high, (fit).expected_without_promo,
			(fit).lift_percent, (fit).lift_low, (fit).lift_high, (fit).r2, (fit).terms, (fit).covariance,
			(fit).note)::promoai.lift_fit,
		(fit).names[3:]) AS terms;
END;

COMMENT ON FUNCTION promoai.promo_lift_terms(promoai.lift_source_fit) IS
'A fit''s coefficients as rows named after the source''s columns, with errors, p-values and 95 % intervals.';

CREATE FUNCTION promoai.promo_daily(
	source text,
	first_day date DEFAULT NULL,
	last_day date DEFAULT NULL,
	listed text DEFAULT NULL,
	time_zone text DEFAULT NULL,
	memory text DEFAULT NULL,
	OUT item text, OUT item_no bigint, OUT day date, OUT quantity float8, OUT revenue float8, OUT lines bigint,
	OUT is_listed boolean)
RETURNS SETOF record
AS 'MODULE_PATHNAME', 'promoai_promo_daily'
LANGUAGE C VOLATILE PARALLEL UNSAFE COST 1000000 ROWS 100000;

COMMENT ON FUNCTION promoai.promo_daily(text, date, date, text, text, text) IS
'Order lines (item, day, quantity [, revenue]) as one row for every listed item and day, zeros included: what a promotion''s effect must be fitted on. listed is a source of (item [, first_day [, last_day]]), both days included; without it every item is taken as listed on all days. Times become days in time_zone (default: the session''s).';

CREATE FUNCTION promoai.promo_elasticity_pooled(
	source text,
	memory text DEFAULT NULL,
	OUT item text, OUT item_no bigint, OUT category text, OUT rows_used bigint, OUT rows_unused bigint,
	OUT elasticity float8, OUT std_error float8, OUT ci_low float8, OUT ci_high float8,
	OUT own_elasticity float8, OUT own_std_error float8, OUT own_weight float8,
	OUT pooled_mean float8, OUT pooled_spread float8, OUT pooled_towards text)
RETURNS SETOF record
AS 'MODULE_PATHNAME', 'promoai_promo_elasticity_pooled'
LANGUAGE C VOLATILE PARALLEL UNSAFE COST 1000000 ROWS 1000;

COMMENT ON FUNCTION promoai.promo_elasticity_pooled(text, text) IS
'Price elasticity of each product from (item, category, quantity, price [, covariates ...]): the log-log slope, pooled towards the mean of its category by empirical Bayes (Morris 1983; spread by REML, variances moderated as by Smyth 2004), with 95 % intervals. Rows with a quantity or price of zero or below have no logarithm: counted in rows_unused. An association unless prices were randomised.';

CREATE FUNCTION promoai.promo_threshold(
	source text,
	threshold float8,
	discount float8 DEFAULT NULL,
	bin float8 DEFAULT NULL,
	lowest float8 DEFAULT NULL,
	highest float8 DEFAULT NULL,
	below float8 DEFAULT NULL,
	above float8 DEFAULT NULL,
	degree int DEFAULT 7,
	replicates int DEFAULT 1000,
	seed bigint DEFAULT 42,
	memory text DEFAULT NULL,
	OUT measure text, OUT value float8, OUT ci_low float8, OUT ci_high float8, OUT meaning text)
RETURNS SETOF record
AS 'MODULE_PATHNAME', 'promoai_promo_threshold'
LANGUAGE C VOLATILE PARALLEL UNSAFE COST 1000000 ROWS 11;

COMMENT ON FUNCTION promoai.promo_threshold(
	text, float8, float8, float8, float8, float8, float8, float8, int, int, bigint, text) IS
'What a discount from a sum on did to orders (order, amount [, refunded]): orders moved up, missing below, undone by refunds, above anyway, and the discount that went to each, with 95 % bootstrap intervals. Bunching above the threshold against a polynomial fitted outside the window from threshold - below to threshold + above (Chetty et al. 2011; Kleven 2016). amount is what the threshold is held against, before the discount is taken off; rows of one order are summed.';

CREATE FUNCTION promoai.promo_threshold_bins(
	source text,
	threshold float8,
	discount float8 DEFAULT NULL,
	bin float8 DEFAULT NULL,
	lowest float8 DEFAULT NULL,
	highest float8 DEFAULT NULL,
	below float8 DEFAULT NULL,
	above float8 DEFAULT NULL,
	degree int DEFAULT 7,
	replicates int DEFAULT 100,
	seed bigint DEFAULT 42,
	memory text DEFAULT NULL,
	OUT amount_from float8, OUT amount_to float8, OUT orders bigint, OUT expected float8)
RETURNS SETOF record
AS 'MODULE_PATHNAME', 'promoai_promo_threshold_bins'
LANGUAGE C VOLATILE PARALLEL UNSAFE COST 1000000 ROWS 70;

COMMENT ON FUNCTION promoai.promo_threshold_bins(
	text, float8, float8, float8, float8, float8, float8, float8, int, int, bigint, text) IS
'The picture behind promo_threshold: orders by bin of their amount, and inside the window about the threshold the orders expected without it (NULL outside).';

CREATE FUNCTION promoai.source_check(
	source text,
	language text DEFAULT NULL,
	account text DEFAULT NULL,
	item text DEFAULT NULL,
	amounts text DEFAULT NULL,
	examples int DEFAULT 3,
	memory text DEFAULT NULL,
	OUT finding text, OUT column_name text, OUT row_count bigint, OUT share float8, OUT message text,
	OUT example_rows text[])
RETURNS SETOF record
AS 'MODULE_PATHNAME', 'promoai_source_check'
LANGUAGE C VOLATILE PARALLEL UNSAFE COST 1000000 ROWS 10;

COMMENT ON FUNCTION promoai.source_check(text, text, text, text, text, int, text) IS
'What in a source''s rows looks wrong, in words (language en or zh; NULL: the setting promoai.language), with counts and examples: duplicates, NULLs, NaN, values below zero, missing days, outliers, amounts that look like cents, accounts that look like fake orders. account, item and amounts name columns where their names do not tell. Rules of thumb: a finding is a question, not a verdict.';
-- Segments around centroids: k-means in a window, as a model, and what is asked of the model.

CREATE FUNCTION promoai.kmeans_segment(
	features float8[],
	k int,
	standardize text DEFAULT 'log_zscore',
	restarts int DEFAULT 10,
	iterations int DEFAULT 300,
	tolerance float8 DEFAULT 1e-4,
	seed bigint DEFAULT 42)
RETURNS int
AS 'MODULE_PATHNAME', 'promoai_kmeans_segment'
LANGUAGE C WINDOW IMMUTABLE PARALLEL SAFE COST 100;

COMMENT ON FUNCTION promoai.kmeans_segment(float8[], int, text, int, int, float8, bigint) IS
'The segment of each row of the window''s partition by k-means (greedy k-means++, Lloyd''s iterations, the best of so many restarts), numbered from 1 by size; NULL where the features hold a NULL. standardize: log_zscore (features with values below zero: zscore), zscore, robust or none. Fewer than k segments where fewer rows differ.';

CREATE TYPE promoai.kmeans_report AS (
	model text, version int, kind text,
	rows_read bigint, rows_skipped bigint,
	customers bigint, features int, segments int, iterations int,
	constant_features text[], batch_rows int, moved bigint,
	metrics jsonb, seconds float8);

COMMENT ON TYPE promoai.kmeans_report IS
'What kmeans_train did: the version it published, rows read and skipped (for a NULL), how many customers, features and segments, iterations, features that say nothing, customers who changed segment since the version before, metrics, seconds.';
COMMENT ON COLUMN promoai.kmeans_report.model IS 'name of the model';
COMMENT ON COLUMN promoai.kmeans_report.version IS 'number of the version that was published';
COMMENT ON COLUMN promoai.kmeans_report.kind IS 'what kind of model it is: kmeans';
COMMENT ON COLUMN promoai.kmeans_report.rows_read IS 'rows that the source gave';
COMMENT ON COLUMN promoai.kmeans_report.rows_skipped IS 'of these, left out for a NULL';
COMMENT ON COLUMN promoai.kmeans_report.customers IS 'rows that were segmented';
COMMENT ON COLUMN promoai.kmeans_report.features IS 'numeric columns of the source';
COMMENT ON COLUMN promoai.kmeans_report.segments IS 'segments found: k, or fewer where fewer rows differ';
COMMENT ON COLUMN promoai.kmeans_report.iterations IS 'Lloyd''s iterations of the best start and of the last run over all rows; by mini-batches, of a sample and epochs over all rows';
COMMENT ON COLUMN promoai.kmeans_report.constant_features IS 'features with one value in all rows: they take no part';
COMMENT ON COLUMN promoai.kmeans_report.batch_rows IS 'rows in a batch, where segments were made by mini-batches; NULL: all rows were in memory';
COMMENT ON COLUMN promoai.kmeans_report.moved IS 'customers of this version and the one before whose segment has another number; NULL: there is none before, or it has other features';
COMMENT ON COLUMN promoai.kmeans_report.metrics IS 'metric to value; promoai.model_metrics has intervals and more';
COMMENT ON COLUMN promoai.kmeans_report.seconds IS 'how long the whole call took';

CREATE FUNCTION promoai.kmeans_train(
	model text,
	source text,
	k int,
	standardize text DEFAULT 'log_zscore',
	restarts int DEFAULT 10,
	iterations int DEFAULT 300,
	tolerance float8 DEFAULT 1e-4,
	seed bigint DEFAULT 42,
	memory text DEFAULT NULL,
	verbose boolean DEFAULT false,
	batch_rows int DEFAULT NULL)
RETURNS promoai.kmeans_report
AS 'MODULE_PATHNAME', 'promoai_kmeans_train'
LANGUAGE C VOLATILE PARALLEL UNSAFE COST 10000000;

COMMENT ON FUNCTION promoai.kmeans_train(text, text, int, text, int, int, float8, bigint, text, boolean, int) IS
'Parts the rows of (id, numbers ...) into k segments and publishes them as a model: greedy k-means++ (Arthur & Vassilvitskii 2007), Lloyd''s iterations, the best of so many restarts. standardize: log_zscore (features with values below zero: zscore), zscore, robust or none. batch_rows: by mini-batches (Sculley 2010) of so many rows from temporary files; NULL: only where the rows do not fit into memory. Segments are numbered by size; a retrained model keeps the numbers of the segments it follows.';

CREATE FUNCTION promoai.kmeans_sweep(
	source text,
	k_min int DEFAULT 2,
	k_max int DEFAULT 10,
	standardize text DEFAULT 'log_zscore',
	restarts int DEFAULT 10,
	iterations int DEFAULT 300,
	tolerance float8 DEFAULT 1e-4,
	seed bigint DEFAULT 42,
	memory text DEFAULT NULL,
	OUT k int, OUT segments int, OUT inertia float8,
	OUT silhouette float8, OUT silhouette_low float8, OUT silhouette_high float8,
	OUT davies_bouldin float8, OUT calinski_harabasz float8, OUT suggested boolean)
RETURNS SETOF record
AS 'MODULE_PATHNAME', 'promoai_kmeans_sweep'
LANGUAGE C VOLATILE PARALLEL UNSAFE COST 10000000 ROWS 10;

COMMENT ON FUNCTION promoai.kmeans_sweep(text, int, int, text, int, int, float8, bigint, text) IS
'How many segments there should be: k-means over (id, numbers ...) for each k, with inertia, silhouette (95 % interval; of 5,000 rows at most), Davies-Bouldin and Calinski-Harabasz. suggested marks the k of the best silhouette.';

CREATE FUNCTION promoai.segment_assign(model text, features float8[], version int DEFAULT NULL)
RETURNS int
AS 'MODULE_PATHNAME', 'promoai_segment_assign'
LANGUAGE C STABLE PARALLEL SAFE COST 100;

COMMENT ON FUNCTION promoai.segment_assign(text, float8[], int) IS
'The number of the segment that is nearest to these features, in the order in which the model was trained on them; NULL where one of them is NULL.';

CREATE FUNCTION promoai.segment_assign(model promoai.model_bytes, features float8[])
RETURNS int
AS 'MODULE_PATHNAME', 'promoai_segment_assign'
LANGUAGE C IMMUTABLE PARALLEL SAFE COST 100;

COMMENT ON FUNCTION promoai.segment_assign(promoai.model_bytes, float8[]) IS
'The same from a model as a value, see promoai.model_value.';

CREATE FUNCTION promoai.segment_distances(
	model text, features float8[], version int DEFAULT NULL, OUT segment int, OUT distance float8)
RETURNS SETOF record
AS 'MODULE_PATHNAME', 'promoai_segment_distances'
LANGUAGE C STABLE PARALLEL SAFE COST 1000 ROWS 8;

COMMENT ON FUNCTION promoai.segment_distances(text, float8[], int) IS
'How far these features are from each segment''s centroid, in the measure of the model, the nearest first: a customer between two segments shows. No row where one of the features is NULL.';

CREATE FUNCTION promoai.segment_members(
	model text, version int DEFAULT NULL, OUT customer text, OUT customer_no bigint, OUT segment int)
RETURNS SETOF record
AS 'MODULE_PATHNAME', 'promoai_segment_members'
LANGUAGE C STABLE PARALLEL SAFE COST 100000 ROWS 10000;

COMMENT ON FUNCTION promoai.segment_members(text, int) IS
'The segment of every customer that the model was trained on, by id; customer_no is the id where ids are integers.';

CREATE FUNCTION promoai.segment_profile(
	model text, version int DEFAULT NULL,
	OUT segment int, OUT feature text, OUT size bigint, OUT share float8, OUT centroid float8,
	OUT mean float8, OUT sd float8, OUT lower_quartile float8, OUT median float8, OUT upper_quartile float8,
	OUT overall_mean float8, OUT overall_median float8,
	OUT effect float8, OUT effect_low float8, OUT effect_high float8, OUT importance int)
RETURNS SETOF record
AS 'MODULE_PATHNAME', 'promoai_segment_profile'
LANGUAGE C STABLE PARALLEL SAFE COST 10000 ROWS 40;

COMMENT ON FUNCTION promoai.segment_profile(text, int) IS
'What makes each segment, a row for each segment and feature: size and share of the segment; centroid, mean, standard deviation and quartiles in the feature''s unit beside those of all customers; effect is Hedges'' g against all other customers in the model''s measure, with its 95 % interval; importance ranks the features of a segment by it.';

CREATE FUNCTION promoai.segment_describe(
	model text, language text DEFAULT NULL, version int DEFAULT NULL,
	OUT segment int, OUT size bigint, OUT share float8, OUT features text[], OUT description text)
RETURNS SETOF record
AS 'MODULE_PATHNAME', 'promoai_segment_describe'
LANGUAGE C STABLE PARALLEL SAFE COST 10000 ROWS 8;

COMMENT ON FUNCTION promoai.segment_describe(text, text, int) IS
'Each segment in words: size, share, the up to three features that set it apart by half a standard deviation or more, and a description in English or Chinese (language: en or zh; NULL: as promoai.language has it).';

CREATE FUNCTION promoai.segment_drift(
	model text, source text, version int DEFAULT NULL, memory text DEFAULT NULL,
	OUT feature text, OUT psi float8, OUT verdict text, OUT expected float8[], OUT actual float8[], OUT n bigint)
RETURNS SETOF record
AS 'MODULE_PATHNAME', 'promoai_segment_drift'
LANGUAGE C VOLATILE PARALLEL UNSAFE COST 1000000 ROWS 8;

COMMENT ON FUNCTION promoai.segment_drift(text, text, int, text) IS
'Do the segments still fit? The population stability index of the shares of segments (feature NULL) and of each feature''s deciles at training, over a source with the columns of the training; verdict: small below 0.1, moderate below 0.25, large from there. expected and actual are the shares, n the rows.';
-- Clusters without centroids: by density and by hierarchy.

CREATE FUNCTION promoai.dbscan_segment(
	features float8[], eps float8, min_points int DEFAULT 5, standardize text DEFAULT 'none')
RETURNS int
AS 'MODULE_PATHNAME', 'promoai_dbscan_segment'
LANGUAGE C WINDOW IMMUTABLE PARALLEL SAFE COST 100;

COMMENT ON FUNCTION promoai.dbscan_segment(float8[], float8, int, text) IS
'The cluster of each row of the window''s partition by DBSCAN (Ester et al. 1996), numbered from 1 by size; NULL: noise, or a NULL among the features. A row with min_points rows within eps, itself counted, is a core row; core rows within eps of each other share a cluster, other rows join it.';

CREATE FUNCTION promoai.dbscan_kdist(
	features float8[], min_points int DEFAULT 5, standardize text DEFAULT 'none')
RETURNS float8
AS 'MODULE_PATHNAME', 'promoai_dbscan_kdist'
LANGUAGE C WINDOW IMMUTABLE PARALLEL SAFE COST 100;

COMMENT ON FUNCTION promoai.dbscan_kdist(float8[], int, text) IS
'The distance of each row to its min_points-th nearest row of the window''s partition, itself counted: the least eps at which dbscan_segment takes it as a core row. NULL where there are fewer rows, or a NULL among the features.';

CREATE FUNCTION promoai.hdbscan_segment(
	features float8[], min_size int, min_points int DEFAULT NULL, standardize text DEFAULT 'log_zscore')
RETURNS int
AS 'MODULE_PATHNAME', 'promoai_hdbscan_segment'
LANGUAGE C WINDOW IMMUTABLE PARALLEL SAFE COST 100;

COMMENT ON FUNCTION promoai.hdbscan_segment(float8[], int, int, text) IS
'The cluster of each row of the window''s partition by HDBSCAN* (Campello et al. 2015), numbered from 1 by size; NULL: noise, or a NULL among the features. Clusters of min_size rows or more that last over a wide range of densities, whatever the density of each; min_points (default: min_size) rows, itself counted, say how dense it is about a row.';

CREATE FUNCTION promoai.hierarchical_segment(
	features float8[], k int, linkage text DEFAULT 'ward', standardize text DEFAULT 'log_zscore')
RETURNS int
AS 'MODULE_PATHNAME', 'promoai_hierarchical_segment'
LANGUAGE C WINDOW IMMUTABLE PARALLEL SAFE COST 100;

COMMENT ON FUNCTION promoai.hierarchical_segment(float8[], int, text, text) IS
'The cluster of each row of the window''s partition by agglomerative clustering with linkage ward, complete, average or single, cut into k clusters numbered from 1 by size; NULL: a NULL among the features. Equal rows stay together, so there may be fewer.';

CREATE FUNCTION promoai.hierarchical_tree(
	source text,
	linkage text DEFAULT 'ward',
	standardize text DEFAULT 'log_zscore',
	memory text DEFAULT NULL,
	OUT step bigint, OUT left_node bigint, OUT left_id text, OUT left_id_no bigint,
	OUT right_node bigint, OUT right_id text, OUT right_id_no bigint, OUT distance float8, OUT size bigint)
RETURNS SETOF record
AS 'MODULE_PATHNAME', 'promoai_hierarchical_tree'
LANGUAGE C VOLATILE PARALLEL UNSAFE COST 1000000 ROWS 1000;

COMMENT ON FUNCTION promoai.hierarchical_tree(text, text, text, text) IS
'The merges of agglomerative clustering over a source of (id, feature [, feature ...]), nearest first. Leaves are nodes 1 to n in the order of their ids; the merge of step i is node n + i.';
-- Customers by what they ordered: RFM segments, portraits, and what they will order and pay.

CREATE FUNCTION promoai.rfm(
	source text,
	as_of timestamptz DEFAULT NULL,
	ties text DEFAULT 'high',
	time_zone text DEFAULT NULL,
	memory text DEFAULT NULL,
	OUT customer text, OUT customer_no bigint, OUT days_since_last_order int, OUT orders bigint, OUT total_paid float8,
	OUT r int, OUT f int, OUT m int, OUT segment_code text, OUT segment text, OUT segment_zh text,
	OUT as_of_time timestamptz)
RETURNS SETOF record
AS 'MODULE_PATHNAME', 'promoai_rfm'
LANGUAGE C VOLATILE PARALLEL UNSAFE COST 1000000 ROWS 10000;

COMMENT ON FUNCTION promoai.rfm(text, timestamptz, text, text, text) IS
'Recency, frequency and monetary value of every customer of (customer, ordered_at, amount), scored 1 to 5 by their cumulative distribution (equal values score equally, a negative total scores 1), and the segment of the grid r x (f + m) / 2, by code, in English and in Chinese. Rows of one customer and time are one order; rows after as_of are left out (default: the day after the newest order).';

CREATE TYPE promoai.clv_report AS (
	model text, version int, kind text,
	rows_read bigint, rows_skipped bigint, rows_later bigint, days_dropped bigint,
	customers bigint, repeat_customers bigint, orders bigint, as_of timestamptz,
	r float8, alpha float8, a float8, b float8, p float8, q float8, gamma float8, diverging text[],
	metrics jsonb, seconds float8);

COMMENT ON TYPE promoai.clv_report IS
'What clv_train did: the version it published, what became of the rows, what is left of them, the parameters of both models, metrics on the holdout, seconds.';

COMMENT ON COLUMN promoai.clv_report.model IS 'name of the model';
COMMENT ON COLUMN promoai.clv_report.version IS 'number of the version that was published';
COMMENT ON COLUMN promoai.clv_report.kind IS 'what kind of model it is: clv';
COMMENT ON COLUMN promoai.clv_report.rows_read IS 'rows that the source gave';
COMMENT ON COLUMN promoai.clv_report.rows_skipped IS 'of these, left out for a NULL';
COMMENT ON COLUMN promoai.clv_report.rows_later IS 'of these, left out because they are later than as_of';
COMMENT ON COLUMN promoai.clv_report.days_dropped IS 'days on which a customer''s amounts sum to zero or less: no order';
COMMENT ON COLUMN promoai.clv_report.customers IS 'customers in the model';
COMMENT ON COLUMN promoai.clv_report.repeat_customers IS 'of these, with orders on two days or more';
COMMENT ON COLUMN promoai.clv_report.orders IS 'orders in the model, those of one customer and day counted once';
COMMENT ON COLUMN promoai.clv_report.as_of IS 'up to when the model has seen orders; forecasts count from here';
COMMENT ON COLUMN promoai.clv_report.r IS 'BG/NBD: shape of the customers'' rates of ordering';
COMMENT ON COLUMN promoai.clv_report.alpha IS 'BG/NBD: their scale, in the unit of time; r / alpha is the mean rate';
COMMENT ON COLUMN promoai.clv_report.a IS 'BG/NBD: chances of leaving after an order are Beta(a, b)';
COMMENT ON COLUMN promoai.clv_report.b IS 'BG/NBD: see a; a / (a + b) is the mean chance';
COMMENT ON COLUMN promoai.clv_report.p IS 'Gamma-Gamma: shape of a customer''s order values; NULL without amounts';
COMMENT ON COLUMN promoai.clv_report.q IS 'Gamma-Gamma: shape over customers';
COMMENT ON COLUMN promoai.clv_report.gamma IS 'Gamma-Gamma: scale over customers, in units of money';
COMMENT ON COLUMN promoai.clv_report.diverging IS 'parameters that the orders do not hold: they left for nought or infinity and were stopped';
COMMENT ON COLUMN promoai.clv_report.metrics IS 'metric to value; promoai.model_metrics has intervals and more';
COMMENT ON COLUMN promoai.clv_report.seconds IS 'how long the whole call took';

CREATE FUNCTION promoai.clv_train(
	model text,
	source text,
	unit text DEFAULT 'week',
	as_of timestamptz DEFAULT NULL,
	holdout float8 DEFAULT NULL,
	holdout_after timestamptz DEFAULT NULL,
	penalizer float8 DEFAULT 0,
	time_zone text DEFAULT NULL,
	memory text DEFAULT NULL)
RETURNS promoai.clv_report
AS 'MODULE_PATHNAME', 'promoai_clv_train'
LANGUAGE C VOLATILE PARALLEL UNSAFE COST 10000000;

COMMENT ON FUNCTION promoai.clv_train(text, text, text, timestamptz, float8, timestamptz, float8, text, text) IS
'Trains a model of what customers will order and pay from (customer, ordered_at[, amount]) and publishes it under a name: BG/NBD (Fader, Hardie & Lee 2005) for orders, Gamma-Gamma (Fader & Hardie 2013) for their value, both by maximum likelihood. It derives recency, frequency and age itself: orders of one day are one. Metrics come from the last part of the time; the published model is trained on all rows.';

CREATE FUNCTION promoai.clv_predict(
	model text,
	horizon interval DEFAULT NULL,
	units float8 DEFAULT NULL,
	version int DEFAULT NULL,
	OUT customer text, OUT customer_no bigint, OUT expected_orders float8, OUT p_order float8, OUT p_alive float8,
	OUT churn float8, OUT expected_order_value float8, OUT expected_value float8, OUT x int, OUT t_x float8,
	OUT age float8)
RETURNS SETOF record
AS 'MODULE_PATHNAME', 'promoai_clv_predict'
LANGUAGE C STABLE PARALLEL SAFE COST 1000000 ROWS 10000;

COMMENT ON FUNCTION promoai.clv_predict(text, interval, float8, int) IS
'What each customer will order and pay within the horizon (or that many units of the model''s time), counted from the model''s as_of: expected orders, probability of at least one, its complement churn, probability of not having left, expected value of an order and of all.';

CREATE FUNCTION promoai.clv_expected_orders(
	r float8, alpha float8, a float8, b float8, x float8, t_x float8, age float8, horizon float8)
RETURNS float8
AS 'MODULE_PATHNAME', 'promoai_clv_expected_orders'
LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE COST 1000;

COMMENT ON FUNCTION promoai.clv_expected_orders(float8, float8, float8, float8, float8, float8, float8, float8) IS
'BG/NBD by given parameters: orders expected within the horizon of a customer with x orders after the first, the last of them at t_x, seen for age; all times in one unit.';

CREATE FUNCTION promoai.clv_p_order(
	r float8, alpha float8, a float8, b float8, x float8, t_x float8, age float8, horizon float8)
RETURNS float8
AS 'MODULE_PATHNAME', 'promoai_clv_p_order'
LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE COST 100;

COMMENT ON FUNCTION promoai.clv_p_order(float8, float8, float8, float8, float8, float8, float8, float8) IS
'BG/NBD by given parameters: probability of at least one order within the horizon; arguments as those of clv_expected_orders.';

CREATE FUNCTION promoai.clv_p_alive(r float8, alpha float8, a float8, b float8, x float8, t_x float8, age float8)
RETURNS float8
AS 'MODULE_PATHNAME', 'promoai_clv_p_alive'
LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE COST 100;

COMMENT ON FUNCTION promoai.clv_p_alive(float8, float8, float8, float8, float8, float8, float8) IS
'BG/NBD by given parameters: probability that a customer has not left for good; 1 for everybody without a second order.';

CREATE FUNCTION promoai.customer_features(
	source text,
	as_of timestamptz DEFAULT NULL,
	events text DEFAULT NULL,
	coupons text DEFAULT NULL,
	reviews text DEFAULT NULL,
	time_zone text DEFAULT NULL,
	memory text DEFAULT NULL,
	OUT customer text, OUT customer_no bigint, OUT as_of_time timestamptz,
	OUT days_since_last_order int, OUT orders bigint, OUT total_paid float8, OUT mean_order_value float8,
	OUT tenure_days int, OUT mean_gap_days float8, OUT gap_spread_days float8,
	OUT lines bigint, OUT lines_per_order float8, OUT quantity_per_order float8,
	OUT discount_share float8, OUT discounted_share float8, OUT promoted_share float8,
	OUT promotion_shares jsonb, OUT promotion_response jsonb,
	OUT mean_price float8, OUT price_band int,
	OUT categories int, OUT category_entropy float8, OUT top_category text, OUT top_category_share float8,
	OUT category_shares jsonb,
	OUT top_hour int, OUT hour_shares float8[], OUT weekday_shares float8[], OUT weekend_share float8,
	OUT events_seen bigint, OUT events_per_week float8, OUT days_since_last_event int, OUT event_shares jsonb,
	OUT coupons_received bigint, OUT coupon_use_rate float8, OUT coupon_use_days float8,
	OUT reviews_written bigint, OUT reviews_per_order float8, OUT mean_rating float8)
RETURNS SETOF record
AS 'MODULE_PATHNAME', 'promoai_customer_features'
LANGUAGE C VOLATILE PARALLEL UNSAFE COST 1000000 ROWS 10000;

COMMENT ON FUNCTION promoai.customer_features(text, timestamptz, text, text, text, text, text) IS
'A portrait of every customer from (customer, ordered_at, amount) and, by name, order_id, discount, promotion_type, category, price, quantity; and from sources of events (customer, happened_at[, event]), coupons (customer, received_at[, used_at]) and reviews (customer, reviewed_at[, rating]). Nothing later than as_of is looked at (default: the day after the newest order).';
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
-- Text: words, embeddings without training, keywords.

-- ---- what the shop tells of its words ----

CREATE TABLE promoai.text_dictionary (
	word text COLLATE "C" NOT NULL,
	CONSTRAINT text_dictionary_pkey PRIMARY KEY (word),
	CONSTRAINT text_dictionary_word_check CHECK (
		pg_catalog.btrim(word) OPERATOR(pg_catalog.<>) '' AND pg_catalog.octet_length(word) OPERATOR(pg_catalog.<=) 1000));

COMMENT ON TABLE promoai.text_dictionary IS
'Words that a tokenizer is to know: brands, products, whatever is one word to the shop. Where a text has one, however written (upper case, full width), it is a word; the longest wins. Models keep the dictionary that they were trained with. To be granted to whoever keeps it.';
COMMENT ON COLUMN promoai.text_dictionary.word IS 'the word, or several, as it may stand in a text';

CREATE TABLE promoai.text_stop_words (
	language text COLLATE "C" NOT NULL,
	word text COLLATE "C" NOT NULL,
	stop boolean NOT NULL DEFAULT true,
	CONSTRAINT text_stop_words_pkey PRIMARY KEY (language, word),
	CONSTRAINT text_stop_words_word_check CHECK (
		pg_catalog.btrim(word) OPERATOR(pg_catalog.<>) '' AND pg_catalog.octet_length(word) OPERATOR(pg_catalog.<=) 1000));

COMMENT ON TABLE promoai.text_stop_words IS
'What is added to the built-in stop words of English and Chinese, or taken off them. Models keep the stop words that they were trained with. To be granted to whoever keeps it.';
COMMENT ON COLUMN promoai.text_stop_words.language IS 'to which language the word belongs, for those who read the table; the words of all are used';
COMMENT ON COLUMN promoai.text_stop_words.word IS 'the word as it may stand in a text';
COMMENT ON COLUMN promoai.text_stop_words.stop IS 'true: left out where stop_words => true; false: kept, although the built-in list has it';

SELECT pg_catalog.pg_extension_config_dump('promoai.text_dictionary', '');
SELECT pg_catalog.pg_extension_config_dump('promoai.text_stop_words', '');

-- ---- words ----

CREATE FUNCTION promoai.text_tokens(
	doc text, tokenizer text DEFAULT NULL, stop_words boolean DEFAULT false, stemmer text DEFAULT NULL)
RETURNS text[]
AS 'MODULE_PATHNAME', 'promoai_text_tokens'
LANGUAGE C STABLE PARALLEL SAFE COST 100;

COMMENT ON FUNCTION promoai.text_tokens(text, text, boolean, text) IS
'The words of a text, normalised (NFKC, case folded), Chinese and English mixed. tokenizer: icu (default), simple, or the name of a text search configuration. Words of promoai.text_dictionary are kept whole. stop_words: leave out words that say nothing. stemmer: take off the endings of this language.';

-- ---- vectors ----

CREATE FUNCTION promoai.embed_text(doc text)
RETURNS real[]
AS 'MODULE_PATHNAME', 'promoai_embed_text'
LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE COST 50;

COMMENT ON FUNCTION promoai.embed_text(text) IS
'A text as a vector of 256 numbers and length 1, without training: hashed words, parts of words and Chinese characters by fixed rules (Weinberger et al. 2009). Texts that share words, or most of their letters, are near each other. All zero for a text without words. The same values for ever.';

CREATE FUNCTION promoai.embed_similarity(a real[], b real[])
RETURNS float8
AS 'MODULE_PATHNAME', 'promoai_embed_similarity'
LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE COST 5;

COMMENT ON FUNCTION promoai.embed_similarity(real[], real[]) IS
'The cosine of two vectors, from -1 to 1; NULL when one is all zero.';

CREATE FUNCTION promoai.embed_similarity(a float8[], b float8[])
RETURNS float8
AS 'MODULE_PATHNAME', 'promoai_embed_similarity'
LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE COST 5;

COMMENT ON FUNCTION promoai.embed_similarity(float8[], float8[]) IS
'The cosine of two vectors, from -1 to 1; NULL when one is all zero.';

CREATE TYPE promoai.embed_average_state;

CREATE FUNCTION promoai.embed_average_state_in(cstring)
RETURNS promoai.embed_average_state
AS 'MODULE_PATHNAME', 'promoai_embed_average_state_in'
LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;

COMMENT ON FUNCTION promoai.embed_average_state_in(cstring) IS
'input function of embed_average_state: every size and number is checked';

CREATE FUNCTION promoai.embed_average_state_out(promoai.embed_average_state)
RETURNS cstring
AS 'MODULE_PATHNAME', 'promoai_embed_average_state_out'
LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;

COMMENT ON FUNCTION promoai.embed_average_state_out(promoai.embed_average_state) IS
'output function of embed_average_state: the hex of its binary form';

CREATE FUNCTION promoai.embed_average_state_recv(internal)
RETURNS promoai.embed_average_state
AS 'MODULE_PATHNAME', 'promoai_embed_average_state_recv'
LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;

COMMENT ON FUNCTION promoai.embed_average_state_recv(internal) IS
'binary input function of embed_average_state: every size and number is checked';

CREATE FUNCTION promoai.embed_average_state_send(promoai.embed_average_state)
RETURNS bytea
AS 'MODULE_PATHNAME', 'promoai_embed_average_state_send'
LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;

COMMENT ON FUNCTION promoai.embed_average_state_send(promoai.embed_average_state) IS
'binary output function of embed_average_state';

CREATE TYPE promoai.embed_average_state (
	INPUT = promoai.embed_average_state_in,
	OUTPUT = promoai.embed_average_state_out,
	RECEIVE = promoai.embed_average_state_recv,
	SEND = promoai.embed_average_state_send,
	INTERNALLENGTH = VARIABLE,
	ALIGNMENT = double,
	STORAGE = extended);

COMMENT ON TYPE promoai.embed_average_state IS 'How many vectors embed_average has seen, and their sum.';

CREATE FUNCTION promoai.embed_average_add(state promoai.embed_average_state, vector real[])
RETURNS promoai.embed_average_state
AS 'MODULE_PATHNAME', 'promoai_embed_average_add'
LANGUAGE C IMMUTABLE PARALLEL SAFE;

COMMENT ON FUNCTION promoai.embed_average_add(promoai.embed_average_state, real[]) IS 'step of embed_average';

CREATE FUNCTION promoai.embed_average_combine(a promoai.embed_average_state, b promoai.embed_average_state)
RETURNS promoai.embed_average_state
AS 'MODULE_PATHNAME', 'promoai_embed_average_combine'
LANGUAGE C IMMUTABLE PARALLEL SAFE;

COMMENT ON FUNCTION promoai.embed_average_combine(promoai.embed_average_state, promoai.embed_average_state) IS
'two states of embed_average as one';

CREATE FUNCTION promoai.embed_average_final(state promoai.embed_average_state)
RETURNS real[]
AS 'MODULE_PATHNAME', 'promoai_embed_average_final'
LANGUAGE C IMMUTABLE PARALLEL SAFE;

COMMENT ON FUNCTION promoai.embed_average_final(promoai.embed_average_state) IS 'last step of embed_average';

CREATE AGGREGATE promoai.embed_average(vector real[]) (
	SFUNC = promoai.embed_average_add,
	STYPE = promoai.embed_average_state,
	SSPACE = 2100,
	FINALFUNC = promoai.embed_average_final,
	COMBINEFUNC = promoai.embed_average_combine,
	PARALLEL = SAFE);

COMMENT ON AGGREGATE promoai.embed_average(real[]) IS
'The mean of vectors, element by element: a product''s or a customer''s vector out of those of its texts. NULLs are left out; NULL when there is nothing else.';

-- ---- keywords ----

CREATE FUNCTION promoai.text_keywords(
	doc text, k int DEFAULT 10, window_size int DEFAULT 2,
	tokenizer text DEFAULT NULL, stop_words boolean DEFAULT NULL, stemmer text DEFAULT NULL,
	OUT rank int, OUT word text, OUT score float8)
RETURNS SETOF record
AS 'MODULE_PATHNAME', 'promoai_text_keywords'
LANGUAGE C STABLE PARALLEL SAFE COST 1000 ROWS 10;

COMMENT ON FUNCTION promoai.text_keywords(text, int, int, text, boolean, text) IS
'The k words that a document turns about, by TextRank (Mihalcea & Tarau 2004): PageRank of words, joined where they come within window_size words of each other once stop words are left out. Scores of all words add up to 1.';

CREATE FUNCTION promoai.text_group_keywords(
	source text, method text DEFAULT 'tfidf', k int DEFAULT 10, window_size int DEFAULT NULL,
	tokenizer text DEFAULT NULL, stop_words boolean DEFAULT NULL, stemmer text DEFAULT NULL, memory text DEFAULT NULL,
	OUT group_id text, OUT group_no bigint, OUT rank int, OUT word text, OUT score float8)
RETURNS SETOF record
AS 'MODULE_PATHNAME', 'promoai_text_group_keywords'
LANGUAGE C VOLATILE PARALLEL UNSAFE COST 1000000 ROWS 1000;

COMMENT ON FUNCTION promoai.text_group_keywords(text, text, int, int, text, boolean, text, text) IS
'The k words that set each group of texts apart, over a source of (group, text), such as products and their reviews. method tfidf: often in this group, in few of the others. textrank: as text_keywords, within each group.';
-- Word vectors: learned or imported, and what is asked of them.

CREATE TYPE promoai.embed_report AS (
	model text, version int, kind text,
	rows_read bigint, rows_skipped bigint,
	documents bigint, tokens bigint, words bigint, subwords bigint, dim int,
	metrics jsonb, seconds float8);

COMMENT ON TYPE promoai.embed_report IS
'What embed_train or embed_import did: the version it published, rows read and skipped (for a NULL), texts and words it learned from, words and n-grams that have a vector, numbers in a vector, metrics, seconds.';
COMMENT ON COLUMN promoai.embed_report.model IS 'name of the model';
COMMENT ON COLUMN promoai.embed_report.version IS 'number of the version that was published';
COMMENT ON COLUMN promoai.embed_report.kind IS 'what kind of model it is: embed';
COMMENT ON COLUMN promoai.embed_report.rows_read IS 'rows that the source gave';
COMMENT ON COLUMN promoai.embed_report.rows_skipped IS 'of these, left out for a NULL';
COMMENT ON COLUMN promoai.embed_report.documents IS 'texts that had words that were kept; NULL after an import';
COMMENT ON COLUMN promoai.embed_report.tokens IS 'words of these texts, each time they came; NULL after an import';
COMMENT ON COLUMN promoai.embed_report.words IS 'different words that have a vector';
COMMENT ON COLUMN promoai.embed_report.subwords IS 'n-grams (hashed) that have a vector';
COMMENT ON COLUMN promoai.embed_report.dim IS 'numbers in a vector';
COMMENT ON COLUMN promoai.embed_report.metrics IS 'metric to value; promoai.model_metrics has more';
COMMENT ON COLUMN promoai.embed_report.seconds IS 'how long the whole call took';

CREATE FUNCTION promoai.embed_train(
	model text,
	source text,
	method text DEFAULT 'skipgram',
	dim int DEFAULT 100,
	window_size int DEFAULT 5,
	negatives int DEFAULT NULL,
	epochs int DEFAULT NULL,
	min_count int DEFAULT 5,
	max_words int DEFAULT 1000000,
	subwords boolean DEFAULT NULL,
	min_n int DEFAULT NULL,
	max_n int DEFAULT NULL,
	buckets int DEFAULT NULL,
	sample float8 DEFAULT NULL,
	learning_rate float8 DEFAULT 0.05,
	x_max float8 DEFAULT NULL,
	tokenizer text DEFAULT NULL,
	stop_words boolean DEFAULT false,
	stemmer text DEFAULT NULL,
	deterministic boolean DEFAULT true,
	seed bigint DEFAULT 42,
	memory text DEFAULT NULL,
	verbose boolean DEFAULT false)
RETURNS promoai.embed_report
AS 'MODULE_PATHNAME', 'promoai_embed_train'
LANGUAGE C VOLATILE PARALLEL UNSAFE COST 10000000;

COMMENT ON FUNCTION promoai.embed_train(
	text, text, text, int, int, int, int, int, int, boolean, int, int, int, float8, float8, float8, text, boolean, text,
	boolean, bigint, text, boolean) IS
'Learns word vectors from the texts of a source and publishes them as a model: skipgram or cbow with negative sampling (Mikolov et al. 2013), with character n-grams (Bojanowski et al. 2017) unless subwords => false, or glove (Pennington et al. 2014). Beside them what embed_text needs: frequencies and the component that all texts share (Arora et al. 2017). NULL means the method''s default: epochs 5, glove 25; skipgram and cbow: negatives 5, sample 1e-3, subwords true, min_n 3, max_n 6, buckets 2000000; glove: x_max 100; an argument of another method is an error. deterministic => false lets parallel workers learn too, and no two runs are equal.';

CREATE FUNCTION promoai.embed_import(
	model text,
	source text,
	tokenizer text DEFAULT NULL,
	stop_words boolean DEFAULT false,
	stemmer text DEFAULT NULL,
	memory text DEFAULT NULL)
RETURNS promoai.embed_report
AS 'MODULE_PATHNAME', 'promoai_embed_import'
LANGUAGE C VOLATILE PARALLEL UNSAFE COST 10000000;

COMMENT ON FUNCTION promoai.embed_import(text, text, text, boolean, text, text) IS
'Publishes the word vectors of a source of (word, real[] [, count]) as a model. The first row settles how many numbers a vector has; a word must not come twice; with counts embed_text weighs words by their frequency.';

CREATE FUNCTION promoai.embed_text(model text, doc text, version int DEFAULT NULL)
RETURNS real[]
AS 'MODULE_PATHNAME', 'promoai_embed_model_text'
LANGUAGE C STABLE PARALLEL SAFE COST 1000;

COMMENT ON FUNCTION promoai.embed_text(text, text, int) IS
'The vector of a text by a model of word vectors: the mean of its words'' vectors, weighted by smooth inverse frequency, less the component that all texts share (Arora et al. 2017). Unknown words are made of their n-grams where the model has those. NULL where no word has a vector.';

CREATE FUNCTION promoai.embed_text(model promoai.model_bytes, doc text)
RETURNS real[]
AS 'MODULE_PATHNAME', 'promoai_embed_model_text'
LANGUAGE C STABLE PARALLEL SAFE COST 1000;

COMMENT ON FUNCTION promoai.embed_text(promoai.model_bytes, text) IS
'The same from a model as a value, see promoai.model_value.';

CREATE FUNCTION promoai.embed_word(model text, word text, version int DEFAULT NULL)
RETURNS real[]
AS 'MODULE_PATHNAME', 'promoai_embed_word'
LANGUAGE C STABLE PARALLEL SAFE COST 100;

COMMENT ON FUNCTION promoai.embed_word(text, text, int) IS
'The vector of a word, as it stands or as the model''s tokenizer reads it; of an unknown word the mean of its n-grams where the model has those, else NULL.';

CREATE FUNCTION promoai.embed_word(model promoai.model_bytes, word text)
RETURNS real[]
AS 'MODULE_PATHNAME', 'promoai_embed_word'
LANGUAGE C STABLE PARALLEL SAFE COST 100;

COMMENT ON FUNCTION promoai.embed_word(promoai.model_bytes, text) IS
'The same from a model as a value, see promoai.model_value.';

CREATE FUNCTION promoai.embed_similar_words(
	model text, word text, k int DEFAULT 10, version int DEFAULT NULL, OUT similar_word text, OUT similarity float8)
RETURNS SETOF record
AS 'MODULE_PATHNAME', 'promoai_embed_similar_words'
LANGUAGE C STABLE PARALLEL SAFE COST 10000 ROWS 10;

COMMENT ON FUNCTION promoai.embed_similar_words(text, text, int, int) IS
'The k words whose vectors are nearest to that of a word by cosine, itself left out. No row where the word has no vector.';

CREATE FUNCTION promoai.embed_similar_words(
	model promoai.model_bytes, word text, k int DEFAULT 10, OUT similar_word text, OUT similarity float8)
RETURNS SETOF record
AS 'MODULE_PATHNAME', 'promoai_embed_similar_words'
LANGUAGE C STABLE PARALLEL SAFE COST 10000 ROWS 10;

COMMENT ON FUNCTION promoai.embed_similar_words(promoai.model_bytes, text, int) IS
'The same from a model as a value, see promoai.model_value.';

CREATE FUNCTION promoai.embed_analogy(
	model text, a text, b text, c text, k int DEFAULT 10, version int DEFAULT NULL,
	OUT word text, OUT similarity float8)
RETURNS SETOF record
AS 'MODULE_PATHNAME', 'promoai_embed_analogy'
LANGUAGE C STABLE PARALLEL SAFE COST 10000 ROWS 10;

COMMENT ON FUNCTION promoai.embed_analogy(text, text, text, text, int, int) IS
'What is to c as b is to a: the k words nearest to b - a + c by cosine, of vectors of length 1, these three left out. No row where one of them has no vector.';

CREATE FUNCTION promoai.embed_analogy(
	model promoai.model_bytes, a text, b text, c text, k int DEFAULT 10, OUT word text, OUT similarity float8)
RETURNS SETOF record
AS 'MODULE_PATHNAME', 'promoai_embed_analogy'
LANGUAGE C STABLE PARALLEL SAFE COST 10000 ROWS 10;

COMMENT ON FUNCTION promoai.embed_analogy(promoai.model_bytes, text, text, text, int) IS
'The same from a model as a value, see promoai.model_value.';
-- Classifiers of texts, and sentiment.

-- ---- what shops put where customers wrote nothing ----

CREATE TABLE promoai.text_default_phrases (
	phrase text COLLATE "C" NOT NULL,
	CONSTRAINT text_default_phrases_pkey PRIMARY KEY (phrase),
	CONSTRAINT text_default_phrases_phrase_check CHECK (
		pg_catalog.btrim(phrase) OPERATOR(pg_catalog.<>) '' AND pg_catalog.octet_length(phrase) OPERATOR(pg_catalog.<=) 1000));

COMMENT ON TABLE promoai.text_default_phrases IS
'Texts that a shop shows where a customer left stars but wrote nothing, beside the built-in ones: sentiment_train leaves reviews out that are one of them and nothing else. To be granted to whoever keeps it.';
COMMENT ON COLUMN promoai.text_default_phrases.phrase IS 'the whole text, however written (upper case, full width)';

SELECT pg_catalog.pg_extension_config_dump('promoai.text_default_phrases', '');

-- ---- training ----

CREATE TYPE promoai.text_report AS (
	model text, version int, kind text,
	rows_read bigint, rows_skipped bigint, rows_neutral bigint, rows_default bigint, rows_repeated bigint,
	documents bigint, out_of_scope_rows bigint, classes int, word_features int, char_features int,
	threshold float8, metrics jsonb, seconds float8);

COMMENT ON TYPE promoai.text_report IS
'What a trainer of classifiers did: the version it published, what became of the rows, how large the model is, metrics on the holdout, seconds.';
COMMENT ON COLUMN promoai.text_report.model IS 'name of the model';
COMMENT ON COLUMN promoai.text_report.version IS 'number of the version that was published';
COMMENT ON COLUMN promoai.text_report.kind IS 'what kind of model it is: text_classify or sentiment';
COMMENT ON COLUMN promoai.text_report.rows_read IS 'rows that the source gave';
COMMENT ON COLUMN promoai.text_report.rows_skipped IS 'of these, left out for a NULL';
COMMENT ON COLUMN promoai.text_report.rows_neutral IS 'of these, left out for their stars, above 2 and below 4; sentiment only';
COMMENT ON COLUMN promoai.text_report.rows_default IS 'of these, left out as default phrases; sentiment only';
COMMENT ON COLUMN promoai.text_report.rows_repeated IS 'of these, left out as the same text with the same sentiment again; sentiment only';
COMMENT ON COLUMN promoai.text_report.documents IS 'what is left of the rows';
COMMENT ON COLUMN promoai.text_report.out_of_scope_rows IS 'of these, of no class: they only tell the threshold';
COMMENT ON COLUMN promoai.text_report.classes IS 'classes in the model';
COMMENT ON COLUMN promoai.text_report.word_features IS 'n-grams of words in the model';
COMMENT ON COLUMN promoai.text_report.char_features IS 'n-grams of characters in the model';
COMMENT ON COLUMN promoai.text_report.threshold IS 'a document whose best probability is below is out of scope';
COMMENT ON COLUMN promoai.text_report.metrics IS 'metric to value, over all classes and of the rarest; promoai.model_metrics has those of each class, and intervals';
COMMENT ON COLUMN promoai.text_report.seconds IS 'how long the whole call took';

CREATE FUNCTION promoai.text_classify_train(
	model text,
	source text,
	method text DEFAULT 'svm',
	word_min int DEFAULT NULL,
	word_max int DEFAULT NULL,
	char_min int DEFAULT NULL,
	char_max int DEFAULT NULL,
	min_count int DEFAULT 1,
	max_features int DEFAULT 200000,
	c float8 DEFAULT NULL,
	loss text DEFAULT NULL,
	smoothing float8 DEFAULT NULL,
	dim int DEFAULT NULL,
	epochs int DEFAULT NULL,
	learning_rate float8 DEFAULT NULL,
	out_of_scope text DEFAULT NULL,
	threshold float8 DEFAULT NULL,
	tokenizer text DEFAULT NULL,
	stop_words boolean DEFAULT false,
	stemmer text DEFAULT NULL,
	holdout float8 DEFAULT 0.2,
	seed bigint DEFAULT 42,
	memory text DEFAULT NULL)
RETURNS promoai.text_report
AS 'MODULE_PATHNAME', 'promoai_text_classify_train'
LANGUAGE C VOLATILE PARALLEL UNSAFE COST 10000000;

COMMENT ON FUNCTION promoai.text_classify_train(
	text, text, text, int, int, int, int, int, int, float8, text, float8, int, int, float8, text, float8, text, boolean, text,
	float8, bigint, text) IS
'Trains a classifier on (text, label) and publishes it under a name. Features are n-grams of words and, within words, of characters. method: svm (linear, Hsieh et al. 2008), logistic (Yu et al. 2011), bayes (McCallum & Nigam 1998), complement_bayes (Rennie et al. 2003) or fasttext (Joulin et al. 2017). Probabilities are calibrated and a threshold for what is out of scope is chosen on the holdout, where metrics come from; the published model is trained on all rows. out_of_scope names the label of rows that are of no class.';

CREATE FUNCTION promoai.sentiment_train(
	model text,
	source text,
	method text DEFAULT 'svm',
	word_min int DEFAULT NULL,
	word_max int DEFAULT NULL,
	char_min int DEFAULT NULL,
	char_max int DEFAULT NULL,
	min_count int DEFAULT 1,
	max_features int DEFAULT 200000,
	c float8 DEFAULT NULL,
	loss text DEFAULT NULL,
	smoothing float8 DEFAULT NULL,
	dim int DEFAULT NULL,
	epochs int DEFAULT NULL,
	learning_rate float8 DEFAULT NULL,
	tokenizer text DEFAULT NULL,
	stop_words boolean DEFAULT false,
	stemmer text DEFAULT NULL,
	holdout float8 DEFAULT 0.2,
	seed bigint DEFAULT 42,
	memory text DEFAULT NULL)
RETURNS promoai.text_report
AS 'MODULE_PATHNAME', 'promoai_sentiment_train'
LANGUAGE C VOLATILE PARALLEL UNSAFE COST 10000000;

COMMENT ON FUNCTION promoai.sentiment_train(
	text, text, text, int, int, int, int, int, int, float8, text, float8, int, int, float8, text, boolean, text, float8, bigint,
	text) IS
'Trains a model of sentiment on (text, stars) and publishes it under a name: 1 to 2 stars are bad, 4 to 5 good, what is between is left out, and so are default phrases (promoai.text_default_phrases) and repeated texts. Other arguments as those of text_classify_train.';

-- ---- answers ----
--
-- Not immutable from a value either: ICU, libstemmer or a text search configuration, none of which is part of it, break the words.

CREATE FUNCTION promoai.text_label(model text, doc text, version int DEFAULT NULL)
RETURNS text
AS 'MODULE_PATHNAME', 'promoai_text_label'
LANGUAGE C STABLE PARALLEL SAFE COST 1000;

COMMENT ON FUNCTION promoai.text_label(text, text, int) IS
'The label that a classifier gives to a text; NULL for NULL. A text without any known n-gram gets the label that the model gives to nothing: see out_of_scope of text_classify.';

CREATE FUNCTION promoai.text_label(model promoai.model_bytes, doc text)
RETURNS text
AS 'MODULE_PATHNAME', 'promoai_text_label'
LANGUAGE C STABLE PARALLEL SAFE COST 1000;

COMMENT ON FUNCTION promoai.text_label(promoai.model_bytes, text) IS
'The same from a model as a value, see promoai.model_value.';

CREATE FUNCTION promoai.text_classify(
	model text, doc text, threshold float8 DEFAULT NULL, version int DEFAULT NULL,
	OUT label text, OUT probability float8, OUT out_of_scope boolean)
RETURNS record
AS 'MODULE_PATHNAME', 'promoai_text_classify'
LANGUAGE C STABLE PARALLEL SAFE COST 1000;

COMMENT ON FUNCTION promoai.text_classify(text, text, float8, int) IS
'The label that a classifier gives to a text, its calibrated probability, and whether the text is out of scope: its probability is below the threshold (NULL: the model''s), or none of its n-grams is known. NULLs for NULL.';

CREATE FUNCTION promoai.text_classify(
	model promoai.model_bytes, doc text, threshold float8 DEFAULT NULL,
	OUT label text, OUT probability float8, OUT out_of_scope boolean)
RETURNS record
AS 'MODULE_PATHNAME', 'promoai_text_classify'
LANGUAGE C STABLE PARALLEL SAFE COST 1000;

COMMENT ON FUNCTION promoai.text_classify(promoai.model_bytes, text, float8) IS
'The same from a model as a value, see promoai.model_value.';

CREATE FUNCTION promoai.text_classify_top(
	model text, doc text, k int DEFAULT 5, version int DEFAULT NULL,
	OUT label text, OUT probability float8, OUT score float8)
RETURNS SETOF record
AS 'MODULE_PATHNAME', 'promoai_text_classify_top'
LANGUAGE C STABLE PARALLEL SAFE COST 1000 ROWS 5;

COMMENT ON FUNCTION promoai.text_classify_top(text, text, int, int) IS
'The k labels that fit a text best, with their probabilities and the scores that these are made of (softmax). No row for NULL.';

CREATE FUNCTION promoai.text_classify_top(
	model promoai.model_bytes, doc text, k int DEFAULT 5,
	OUT label text, OUT probability float8, OUT score float8)
RETURNS SETOF record
AS 'MODULE_PATHNAME', 'promoai_text_classify_top'
LANGUAGE C STABLE PARALLEL SAFE COST 1000 ROWS 5;

COMMENT ON FUNCTION promoai.text_classify_top(promoai.model_bytes, text, int) IS
'The same from a model as a value, see promoai.model_value.';

CREATE FUNCTION promoai.text_explain(
	model text, doc text, label text DEFAULT NULL, version int DEFAULT NULL,
	OUT feature text, OUT kind text, OUT contribution float8)
RETURNS SETOF record
AS 'MODULE_PATHNAME', 'promoai_text_explain'
LANGUAGE C STABLE PARALLEL SAFE COST 1000 ROWS 100;

COMMENT ON FUNCTION promoai.text_explain(text, text, text, int) IS
'What in a text speaks for a label (NULL: the one that it gets) and what against it: the bias first, then its n-grams of words and of characters, the strongest first. Contributions sum to the label''s score in text_classify_top.';

CREATE FUNCTION promoai.text_explain(
	model promoai.model_bytes, doc text, label text DEFAULT NULL,
	OUT feature text, OUT kind text, OUT contribution float8)
RETURNS SETOF record
AS 'MODULE_PATHNAME', 'promoai_text_explain'
LANGUAGE C STABLE PARALLEL SAFE COST 1000 ROWS 100;

COMMENT ON FUNCTION promoai.text_explain(promoai.model_bytes, text, text) IS
'The same from a model as a value, see promoai.model_value.';

CREATE FUNCTION promoai.sentiment(model text, doc text, version int DEFAULT NULL)
RETURNS float8
AS 'MODULE_PATHNAME', 'promoai_sentiment'
LANGUAGE C STABLE PARALLEL SAFE COST 1000;

COMMENT ON FUNCTION promoai.sentiment(text, text, int) IS
'How good or bad a text is, from -1 to 1: twice the probability that it is good, minus 1. 0 where nothing of it is known; NULL for NULL.';

CREATE FUNCTION promoai.sentiment(model promoai.model_bytes, doc text)
RETURNS float8
AS 'MODULE_PATHNAME', 'promoai_sentiment'
LANGUAGE C STABLE PARALLEL SAFE COST 1000;

COMMENT ON FUNCTION promoai.sentiment(promoai.model_bytes, text) IS
'The same from a model as a value, see promoai.model_value.';

-- ---- how good they are ----

CREATE FUNCTION promoai.text_classify_evaluate(
	model text, source text, version int DEFAULT NULL, memory text DEFAULT NULL,
	OUT label text, OUT rows_trained bigint, OUT "rows" bigint, OUT predicted bigint, OUT correct bigint,
	OUT "precision" float8, OUT recall float8, OUT f1 float8, OUT auc float8)
RETURNS SETOF record
AS 'MODULE_PATHNAME', 'promoai_text_classify_evaluate'
LANGUAGE C VOLATILE PARALLEL UNSAFE COST 1000000 ROWS 20;

COMMENT ON FUNCTION promoai.text_classify_evaluate(text, text, int, text) IS
'Each class of a classifier on a source with the columns of its training, the rarest in training first: rows of the class, rows taken for it, right ones, precision, recall, F1 and the area under the ROC curve of its probability. NULL where there are no rows to tell by. promoai.evaluate has the figures over all classes.';

CREATE FUNCTION promoai.text_confusions(
	model text, source text, k int DEFAULT 20, version int DEFAULT NULL, memory text DEFAULT NULL,
	OUT label text, OUT predicted text, OUT "rows" bigint, OUT share float8, OUT probability float8, OUT example text)
RETURNS SETOF record
AS 'MODULE_PATHNAME', 'promoai_text_confusions'
LANGUAGE C VOLATILE PARALLEL UNSAFE COST 1000000 ROWS 20;

COMMENT ON FUNCTION promoai.text_confusions(text, text, int, int, text) IS
'The k most frequent errors of a classifier on a source with the columns of its training: label, what it was taken for, how many rows, what share of the label''s rows that is, the mean probability with which it was, and the text of which the model was surest. Out-of-scope rows are errors where they are not told to be so.';
-- Rights.  Default privileges of whoever installs this must not open the tables, nor let anybody write through a view:
-- all that they gave is taken back.  Views show each role its own, so everybody may read them.
DO $do$
DECLARE
    granted record;
BEGIN
    FOR granted IN
        SELECT c.relname, a.grantee, pg_catalog.pg_get_userbyid(a.grantee) AS role
        FROM pg_catalog.pg_class c CROSS JOIN LATERAL pg_catalog.aclexplode(c.relacl) a
        WHERE c.relnamespace OPERATOR(pg_catalog.=) 'promoai'::pg_catalog.regnamespace::pg_catalog.oid
          AND a.grantee OPERATOR(pg_catalog.<>) c.relowner
    LOOP
        EXECUTE pg_catalog.format('REVOKE ALL ON promoai.%I FROM %s', granted.relname,
            CASE WHEN granted.grantee OPERATOR(pg_catalog.=) 0::pg_catalog.oid THEN 'PUBLIC'
                 ELSE pg_catalog.quote_ident(granted.role) END);
    END LOOP;
END
$do$;

DO $do$
DECLARE
    view_name pg_catalog.name;
BEGIN
    FOR view_name IN
        SELECT c.relname FROM pg_catalog.pg_class c
        WHERE c.relnamespace OPERATOR(pg_catalog.=) 'promoai'::pg_catalog.regnamespace::pg_catalog.oid
          AND c.relkind OPERATOR(pg_catalog.=) 'v'::pg_catalog."char"
    LOOP
        EXECUTE pg_catalog.format('GRANT SELECT ON promoai.%I TO PUBLIC', view_name);
    END LOOP;
END
$do$;
