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
