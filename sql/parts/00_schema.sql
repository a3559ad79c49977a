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
