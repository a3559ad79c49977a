#!/usr/bin/env bash
# Rights over the whole catalogue: whoever was granted nothing learns nothing of a model, row security of sources holds,
# objects planted ahead of pg_catalog are not taken, and functions carry no more rights than they should.
# test/reliability/calls.sql makes the calls, so that functions added later are among them.
# shellcheck source=test/server/lib.sh
. "$(dirname "$0")/lib.sh"

start_server -c max_parallel_maintenance_workers=1 -c autovacuum=off # plans and buffers stay what they are
sql "CREATE EXTENSION promoai" -f test/reliability/calls.sql -c "SELECT hostile.prepare()" >/dev/null 2>&1 || bail_out "the calls cannot be prepared"
sql "CREATE ROLE stranger LOGIN; GRANT USAGE ON SCHEMA promoai, hostile TO stranger; GRANT SELECT ON ALL TABLES IN SCHEMA hostile TO stranger"

# The answer, or how it was refused, undone.
sql "CREATE FUNCTION hostile.answer_of(statement text) RETURNS text LANGUAGE plpgsql AS \$\$
DECLARE
	answer text;
	state text;
	message text;
	detail text;
	hint text;
BEGIN
	BEGIN
		EXECUTE statement INTO answer;
		RAISE EXCEPTION USING ERRCODE = 'HS000';
	EXCEPTION WHEN others THEN
		GET STACKED DIAGNOSTICS state = RETURNED_SQLSTATE, message = MESSAGE_TEXT, detail = PG_EXCEPTION_DETAIL, hint = PG_EXCEPTION_HINT;
		RETURN CASE WHEN state = 'HS000' THEN 'answer ' || coalesce(answer, 'NULL') ELSE concat_ws(' ', state, message, nullif(detail, ''), nullif(hint, '')) END;
	END;
END \$\$"

# All that follows begins with these.
is "$(sql "SELECT string_agg(function::text, ', ') FROM hostile.function WHERE arguments > 0 AND function NOT IN (SELECT function FROM hostile.sound_call)")" "" "a sound call is known of every function"

# ---- a stranger learns nothing ----
# Each sound call, of each of the models in turn where it names one; and the same of a model that is not there.
sql "CREATE TABLE hostile.asked (function regprocedure, names text, statement text, nobody text, takes_name boolean);
GRANT SELECT ON hostile.asked TO stranger, hostile_user;
INSERT INTO hostile.asked
SELECT s.function, m.model, hostile.statement(s.function, 'plain', c.there), hostile.statement(s.function, 'plain', c.nowhere), s.function::text ~ '_train\\(|_import\\(|cf_tune\\('
FROM hostile.sound_call s JOIN hostile.argument a ON a.function = s.function AND a.means = 'model' AND a.type = 'text'::regtype, promoai.models m,
     LATERAL (SELECT ARRAY[array_agg(CASE WHEN g = a.position THEN quote_literal(m.model) ELSE s.calls[1][g] END ORDER BY g)] AS there,
                     ARRAY[array_agg(CASE WHEN g = a.position THEN quote_literal('no such model') ELSE s.calls[1][g] END ORDER BY g)] AS nowhere FROM generate_subscripts(s.calls, 2) g) c;
INSERT INTO hostile.asked
SELECT s.function, m.model, hostile.statement(s.function, 'plain', c.there), hostile.statement(s.function, 'plain', c.nowhere), false
FROM hostile.sound_call s JOIN hostile.argument a ON a.function = s.function AND a.means = 'models' AND a.type = 'text[]'::regtype, promoai.models m,
     LATERAL (SELECT ARRAY[array_agg(CASE WHEN g = a.position THEN format('ARRAY[%L, %L]', m.model, 'and no such model') ELSE s.calls[1][g] END ORDER BY g)] AS there,
                     ARRAY[array_agg(CASE WHEN g = a.position THEN format('ARRAY[%L, %L]', 'no such model', 'and no such model') ELSE s.calls[1][g] END ORDER BY g)] AS nowhere FROM generate_subscripts(s.calls, 2) g) c"
differences="SELECT DISTINCT function || ' of ' || names || ': ' || a || ' / ' || b FROM (SELECT *, replace(hostile.answer_of(statement), names, 'no such model') AS a, hostile.answer_of(nobody) AS b FROM hostile.asked WHERE NOT takes_name) s WHERE a <> b ORDER BY 1 LIMIT 20"
is "$(PGUSER=stranger sql "$differences" 2>/dev/null)" "" "$(sql "SELECT count(*) || ' calls of ' || count(DISTINCT function) || ' functions' FROM hostile.asked WHERE NOT takes_name"): a stranger is told the same of a model as of none"
isnt "$(PGUSER=hostile_user sql "$differences" 2>/dev/null)" "" "its owner is not"
is "$(PGUSER=stranger sql "SELECT DISTINCT function || ': ' || a FROM (SELECT *, hostile.answer_of(statement) AS a FROM hostile.asked WHERE takes_name) s WHERE a NOT IN ('42501 must be owner of model \"' || names || '\" Model names are unique in a database; a model of your own needs another name.', '22023 model \"' || names || '\" cannot be a member of itself')" 2>/dev/null)" "" \
	"a name that is taken is not to be had, whatever would be trained"
for relation in $(sql "SELECT oid::regclass FROM pg_class WHERE relkind = 'v' AND oid IN (SELECT objid FROM hostile.member WHERE classid = 'pg_class'::regclass)"); do
	is "$(PGUSER=stranger sql "SELECT count(*) FROM $relation")" 0 "$relation has no row for a stranger"
done

# Something for every view to show to somebody else: grants, schedules, runs.
sql "CREATE ROLE friend; SELECT promoai.model_grant('mf', 'friend');
SELECT promoai.schedule_retrain('mf', every => '1 day', after => 'SELECT 1', keep => 5, min_new_rows => 1, max_age => '1 hour', settings => '{\"work_mem\": \"8MB\"}'), promoai.schedule_retrain('ease', cron => '0 3 * * *');
UPDATE promoai.registry_schedules SET next_run = now() - interval '1 minute', after_run = 'SELECT 1 / 0' WHERE cron IS NOT NULL" >/dev/null
sql "CALL promoai.run_due_jobs()" >/dev/null 2>&1
sql "UPDATE promoai.registry_schedules SET holdout = '1 day', validation = 'SELECT 1', guard_query = 'SELECT true', drift = 0.25 WHERE every IS NOT NULL"
sql "VACUUM ANALYZE"
# Nor does EXPLAIN ANALYZE tell what is there, by conditions that the planner may use before rights are looked at: leakproof ones.
# For each column of the views, one that holds for some row and one that holds for none; asked until the answer stays,
# for what is read only once.
sql "SET client_min_messages = warning;
CREATE FUNCTION hostile.explained(statement text) RETURNS text LANGUAGE plpgsql AS \$\$
DECLARE
	line text;
	plan text := '';
	before text;
BEGIN
	LOOP
		before := plan;
		plan := '';
		FOR line IN EXECUTE 'EXPLAIN (ANALYZE, BUFFERS, TIMING OFF, SUMMARY OFF) ' || statement LOOP
			plan := plan || line || E'\\n';
		END LOOP;
		-- The first filter is the condition itself; planning reads the catalogue, and what it finds in caches is chance.
		plan := regexp_replace(regexp_replace(plan, E'\\n *Filter: [^\\n]*', ''), E'\\nPlanning:.*', '');
		EXIT WHEN plan = before;
	END LOOP;
	RETURN plan;
END \$\$;
CREATE TABLE hostile.condition (relation text, name text, there text, nowhere text);
GRANT SELECT ON hostile.condition TO stranger;
DO \$\$
DECLARE
	c record;
	value text;
BEGIN
	FOR c IN SELECT a.attrelid::regclass AS relation, attname AS name, format_type(atttypid, NULL) AS type FROM pg_attribute a JOIN pg_class r ON r.oid = a.attrelid
	         JOIN pg_namespace n ON n.oid = relnamespace WHERE nspname = 'promoai' AND relkind = 'v' AND pg_get_viewdef(r.oid) ~ 'registry_' AND attnum > 0
	           AND EXISTS (SELECT FROM pg_operator o JOIN pg_proc p ON p.oid = oprcode WHERE oprname = '=' AND oprleft = atttypid AND oprright = atttypid AND proleakproof) LOOP
		EXECUTE format('SELECT %I::text FROM %s WHERE %1\$I IS NOT NULL LIMIT 1', c.name, c.relation) INTO value;
		CONTINUE WHEN value IS NULL;
		INSERT INTO hostile.condition
		SELECT c.relation, c.name, format('SELECT FROM %s WHERE %I%s = %L::%s', c.relation, c.name, bytes, v[1], c.type), format('SELECT FROM %s WHERE %I%s = %L::%s', c.relation, c.name, bytes, v[2], c.type)
		FROM (SELECT CASE WHEN c.type = 'text' THEN ' COLLATE \"C\"' ELSE '' END AS bytes,
		             ARRAY[value, CASE WHEN c.type = 'text' THEN 'no such ' || value WHEN c.type = 'boolean' THEN (NOT value::boolean)::text WHEN c.type LIKE 'timestamp%' THEN '1970-01-01' WHEN c.type = 'interval' THEN '77 years' ELSE '1000003' END] AS v) x;
	END LOOP;
END \$\$"
is "$(sql "SELECT r.oid::regclass FROM pg_class r JOIN pg_namespace n ON n.oid = relnamespace WHERE nspname = 'promoai' AND relkind = 'v' AND r.oid::regclass::text NOT IN (SELECT relation FROM hostile.condition) ORDER BY r.oid::regclass::text")" "promoai.model_cache
promoai.training_progress" \
	"$(sql "SELECT count(*) || ' columns of ' || count(DISTINCT relation) || ' views' FROM hostile.condition"): conditions that hold for something; what is left reads functions that give no row of somebody else's"
is "$(sql "SELECT string_agg(format('%s.%s', attrelid::regclass, attname), ', ' ORDER BY attrelid::regclass::text, attnum) FROM pg_attribute a WHERE attnum > 0 AND attrelid IN (SELECT relation::regclass FROM hostile.condition)
	AND NOT EXISTS (SELECT FROM hostile.condition WHERE relation::regclass = attrelid AND name = attname)")" \
	"promoai.model_versions.sizes, promoai.model_versions.arguments, promoai.models.arguments, promoai.schedules.guards, promoai.schedules.settings, promoai.training_runs.checks" \
	"they are of all columns but those of jsonb, whose = is not leakproof"
for plan in "" "SET enable_seqscan = off; SET enable_bitmapscan = off;" "SET enable_hashjoin = off; SET enable_mergejoin = off;"; do
	is "$(PGUSER=stranger sql "$plan SELECT there || E'\n' || a || b FROM (SELECT *, hostile.explained(there) AS a, hostile.explained(nowhere) AS b FROM hostile.condition) s WHERE a <> b LIMIT 3" 2>&1)" "" \
		"a stranger's EXPLAIN ANALYZE is the same whether a condition holds for something or not${plan:+ ($plan)}"
done
for function in $(sql "SELECT function FROM hostile.function WHERE arguments = 0 AND returns_set"); do
	is "$(PGUSER=stranger sql "SELECT count(*) FROM $function")" 0 "$function has none either"
done
is "$(sql "SELECT c.oid::regclass FROM pg_class c JOIN hostile.member ON classid = 'pg_class'::regclass AND objid = c.oid
	WHERE relkind <> 'v' AND (has_table_privilege('stranger', c.oid, 'SELECT, INSERT, UPDATE, DELETE, TRUNCATE, REFERENCES, TRIGGER') OR has_any_column_privilege('stranger', c.oid, 'SELECT, INSERT, UPDATE, REFERENCES'))
	UNION ALL SELECT c.oid::regclass FROM pg_class c JOIN hostile.member ON objid = c.oid WHERE relkind = 'v' AND has_table_privilege('stranger', c.oid, 'INSERT, UPDATE, DELETE, TRUNCATE, TRIGGER')")" "" \
	"no table can be read or written, no view written"

# ---- what functions carry ----
is "$(sql "SELECT p.oid::regprocedure FROM pg_proc p JOIN hostile.member ON classid = 'pg_proc'::regclass AND objid = p.oid WHERE prosecdef AND NOT coalesce(proconfig @> ARRAY['search_path=pg_catalog, pg_temp'], false)")" "" "no function runs as its owner with the caller's search_path"
is "$(sql "SELECT p.oid::regprocedure FROM pg_proc p JOIN hostile.member ON classid = 'pg_proc'::regclass AND objid = p.oid JOIN pg_language l ON l.oid = prolang WHERE lanname NOT IN ('c', 'internal') AND prosqlbody IS NULL")" "" \
	"no body is looked up by the caller's search_path"
is "$(sql "SELECT p.oid::regprocedure FROM pg_proc p JOIN hostile.member ON classid = 'pg_proc'::regclass AND objid = p.oid WHERE proleakproof OR EXISTS (SELECT FROM pg_operator WHERE oprcode = p.oid)")" "" "none is called leakproof"
is "$(sql "SELECT p.oid::regprocedure FROM pg_proc p JOIN hostile.member ON classid = 'pg_proc'::regclass AND objid = p.oid WHERE NOT has_function_privilege('stranger', p.oid, 'EXECUTE')")" "promoai.start_worker()" \
	"everybody may call all functions, which look themselves whose model it is, but for the one that starts a process"
like "$(PGUSER=stranger sql_error "SELECT promoai.start_worker()")" "permission denied" "which a stranger may not"

# ---- row security of sources ----
# Rows that a role must not see: every function that reads a source says what it says of no rows.
sql "CREATE TABLE hostile.secured AS SELECT c.oid::regclass AS relation FROM pg_class c WHERE relnamespace = 'hostile'::regnamespace AND relname IN ('purchases', 'articles', 'orders', 'shape', 'panel', 'texts', 'word_vectors', 'amounts');
DO \$\$DECLARE r regclass; BEGIN
	FOR r IN SELECT relation FROM hostile.secured LOOP
		EXECUTE format('ALTER TABLE %s ENABLE ROW LEVEL SECURITY', r);
		EXECUTE format('ALTER TABLE %s FORCE ROW LEVEL SECURITY', r);
		EXECUTE format('CREATE POLICY owner_only ON %s USING (current_user = %L)', r, 'hostile_user');
	END LOOP;
END\$\$;
ALTER VIEW hostile.ids SET (security_invoker = on);
CREATE TABLE hostile.read (function regprocedure, statement text, of_nothing text, timed boolean); -- timed: the answer says how long it took
GRANT SELECT ON hostile.read TO stranger, hostile_user;
INSERT INTO hostile.read
SELECT s.function, hostile.statement(s.function, 'plain', c.full), hostile.statement(s.function, 'plain', c.empty), (SELECT 'seconds' = ANY (proargnames) FROM pg_proc WHERE oid = s.function) IS TRUE
FROM hostile.sound_call s JOIN hostile.argument a ON a.function = s.function AND a.means = 'source' AND a.type = 'text'::regtype,
     LATERAL (SELECT ARRAY[array_agg(CASE WHEN p.means = 'model' THEN quote_literal('strange') ELSE s.calls[1][g] END ORDER BY g)] AS full,
                     ARRAY[array_agg(CASE WHEN p.means = 'model' THEN quote_literal('strange') WHEN g = a.position THEN quote_literal('SELECT * FROM (' || CASE WHEN e LIKE 'hostile.%' THEN 'TABLE ' ELSE '' END || e || ') s LIMIT 0') ELSE s.calls[1][g] END ORDER BY g)] AS empty
              FROM generate_subscripts(s.calls, 2) g JOIN hostile.argument p ON p.function = s.function AND p.position = g, trim(s.calls[1][a.position], '''') e) c
WHERE s.calls[1][a.position] IS NOT NULL"
is "$(PGUSER=stranger sql "SELECT function || ': ' || a || ' / ' || b FROM (SELECT *, hostile.answer_of(statement) AS a, hostile.answer_of(of_nothing) AS b FROM hostile.read) s WHERE a <> b AND NOT (timed AND a LIKE 'answer%' AND b LIKE 'answer%')" 2>/dev/null)" "" \
	"$(sql "SELECT count(*) FROM hostile.read") functions that read a source: whoever sees none of its rows gets what no rows give"
isnt "$(PGUSER=hostile_user sql "SELECT count(*) FROM (SELECT *, hostile.answer_of(statement) AS a, hostile.answer_of(of_nothing) AS b FROM hostile.read) s WHERE a <> b" 2>/dev/null)" 0 "who sees them does not"

# A superuser, who is above row security, retrains: the stored source still runs as the owner.
sql "CREATE FUNCTION hostile.rows_read(wanted text) RETURNS text LANGUAGE plpgsql AS \$\$DECLARE n text; BEGIN SELECT rows_read INTO n FROM promoai.retrain(wanted); RETURN n; EXCEPTION WHEN others THEN RETURN SQLSTATE || ' ' || SQLERRM; END\$\$;
DO \$\$DECLARE r regclass; c text; BEGIN
	FOR r IN SELECT relation FROM hostile.secured LOOP
		SELECT attname INTO c FROM pg_attribute WHERE attrelid = r AND attnum = 1;
		EXECUTE format('DROP POLICY owner_only ON %s', r);
		EXECUTE format('CREATE POLICY a_part ON %s USING (current_user = %L AND hashtext(%I::text) %% 5 <> 0)', r, 'hostile_user', c);
	END LOOP;
END\$\$"
before=$(sql "SELECT model || ' ' || rows_read FROM promoai.model_versions WHERE published ORDER BY 1" 2>/dev/null)
by_owner=$(PGUSER=hostile_user sql "SELECT model || ' ' || hostile.rows_read(model) FROM promoai.models ORDER BY 1" 2>/dev/null)
by_superuser=$(sql "SELECT model || ' ' || hostile.rows_read(model) FROM promoai.models ORDER BY 1" 2>/dev/null)
is "$by_superuser" "$by_owner" "a superuser's retraining reads the owner's rows, no more"
isnt "$by_owner" "$before" "which are not all"

# ---- a hostile search_path ----
# Operators and functions of pg_catalog's names, of the same arguments, in a schema that is searched first: each cries out.
sql "DO \$\$DECLARE r regclass; BEGIN FOR r IN SELECT relation FROM hostile.secured LOOP EXECUTE format('ALTER TABLE %s DISABLE ROW LEVEL SECURITY', r); EXECUTE format('ALTER TABLE %s NO FORCE ROW LEVEL SECURITY', r); END LOOP; END\$\$;
CREATE SCHEMA evil;
GRANT USAGE ON SCHEMA evil TO PUBLIC;
DO \$do\$
DECLARE
	f record;
	o record;
	types oid[] := ARRAY['int4', 'int8', 'int2', 'text', 'name', 'oid', 'uuid', 'bool', 'float8', 'float4', 'numeric', 'date', 'timestamptz', 'timestamp', 'interval', 'jsonb', 'bytea', 'regclass', 'regproc', 'regtype', '\"char\"', 'text[]', 'int4[]', 'float8[]', 'oidvector', 'int2vector', 'char']::regtype[];
BEGIN
	FOR f IN SELECT DISTINCT proname, proargtypes, (SELECT string_agg(t::regtype::text, ', ' ORDER BY n) FROM unnest(proargtypes) WITH ORDINALITY x(t, n)) AS arguments, prorettype::regtype AS result
	         FROM pg_proc p JOIN pg_type t ON t.oid = prorettype
	         WHERE pronamespace = 'pg_catalog'::regnamespace AND prokind = 'f' AND NOT proretset AND pronargs BETWEEN 1 AND 3 AND proargtypes::oid[] <@ types AND typtype = 'b' AND provariadic = 0
	           AND proname NOT IN ('md5', 'repeat') LOOP -- which some arguments of the calls themselves use
		EXECUTE format('CREATE FUNCTION evil.%I(%s) RETURNS %s LANGUAGE plpgsql AS %L', f.proname, f.arguments, f.result, format('BEGIN RAISE EXCEPTION ''planted %s''; END', f.proname));
	END LOOP;
	FOR o IN SELECT oprname, oprleft::regtype AS l, oprright::regtype AS r, p.proname FROM pg_operator JOIN pg_proc p ON p.oid = oprcode WHERE oprnamespace = 'pg_catalog'::regnamespace AND oprkind = 'b'
	         AND oprleft = ANY (types) AND oprright = ANY (types) AND EXISTS (SELECT FROM pg_proc e WHERE e.pronamespace = 'evil'::regnamespace AND e.proname = p.proname AND e.proargtypes = p.proargtypes) LOOP
		EXECUTE format('CREATE OPERATOR evil.%s (LEFTARG = %s, RIGHTARG = %s, FUNCTION = evil.%I)', o.oprname, o.l, o.r, o.proname);
	END LOOP;
END \$do\$"
planted=$(sql "SELECT (SELECT count(*) FROM pg_operator WHERE oprnamespace = 'evil'::regnamespace) || ' operators and ' || (SELECT count(*) FROM pg_proc WHERE pronamespace = 'evil'::regnamespace) || ' functions'")
# Only what is typed is left: no operator, no function but the one that is called.
sql "SELECT 'BEGIN; ' || replace(replace(hostile.statement(function, 'plain', calls), 'sum(length(r::text))', 'r'), 'length(r::text)', 'r') || '; ROLLBACK;' FROM hostile.sound_call ORDER BY function::text" | sed 's/ || / OPERATOR(pg_catalog.||) /g' >"$server_dir/statements"
run_all()
{
	cat "${2:-/dev/null}" "$server_dir/statements" |
		PGUSER=hostile_user PGOPTIONS="-c client_min_messages=error -c search_path=$1" "$(pg psql)" -XAtq -o /dev/null 2>&1 | sed 's/^ERROR: *//' | sort | uniq -c
}
is "$(run_all pg_catalog)" "" "$(wc -l <"$server_dir/statements") sound calls answer"
is "$(run_all evil,pg_catalog,promoai)" "" "and answer with $planted planted ahead of pg_catalog"
like "$(PGOPTIONS="-c search_path=evil,pg_catalog" sql_error "SELECT 1 + 1")" "planted" "which do cry out where they are taken"
# Tables of a session's own, of the names of all relations there are.  (Types' names stand in what is typed here.)
sql "SELECT format('CREATE TEMP TABLE %I (planted int);', relname) FROM pg_class WHERE relkind IN ('r', 'v', 'i') AND relnamespace IN ('pg_catalog'::regnamespace, 'promoai'::regnamespace)" >"$server_dir/temporary"
is "$(run_all pg_temp,pg_catalog,promoai "$server_dir/temporary")" "" "they answer with $(wc -l <"$server_dir/temporary") temporary tables in front, too"
like "$(PGUSER=hostile_user PGOPTIONS="-c search_path=pg_temp,pg_catalog" "$(pg psql)" -XAtqc "$(grep -w pg_class "$server_dir/temporary") SELECT oid FROM pg_class" 2>&1)" "\"oid\" does not exist" "which are what an unqualified name finds"

is "$(grep -cE 'terminated by signal|PANIC|TRAP:' "$server_dir/log")" 0 "and the server's log knows of no crash"

done_testing
