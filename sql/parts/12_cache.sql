
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
