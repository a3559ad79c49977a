#!/usr/bin/env bash
# An installation upgraded from the first release is the same, object for object, as one made new; its models go on serving.
# shellcheck source=test/server/lib.sh
. "$(dirname "$0")/lib.sh"

current=$(sed -n "s/^default_version *= *'\(.*\)'.*/\1/p" promoai.control)

# Every object of the extension, with all that the catalogue says of it but for oids, where it lies and how large it is.
catalogue="
WITH member AS (
	SELECT d.classid, d.objid FROM pg_depend d
	WHERE d.refclassid = 'pg_extension'::regclass AND d.deptype = 'e' AND d.refobjid = (SELECT oid FROM pg_extension WHERE extname = 'promoai')),
said AS (
	SELECT pg_describe_object(classid, objid, 0) AS object, 'comment' AS what, obj_description(objid, (SELECT relname FROM pg_class WHERE oid = classid)) AS definition FROM member
	UNION ALL
	SELECT pg_describe_object(classid, objid, 0), 'function', CASE WHEN p.prokind = 'a' THEN concat_ws(' ', pg_get_function_arguments(p.oid), pg_get_function_result(p.oid), p.provolatile, p.proparallel, p.proisstrict, p.procost, p.proconfig::text, p.prosecdef)
	                                                               ELSE pg_get_functiondef(p.oid) END || coalesce(p.proacl::text, '')
	FROM member JOIN pg_proc p ON classid = 'pg_proc'::regclass AND p.oid = objid
	UNION ALL
	SELECT pg_describe_object(classid, objid, 0), 'aggregate', concat(to_jsonb(a) - 'aggfnoid' - 'aggtranstype' - 'aggmtranstype' - 'aggsortop', format_type(a.aggtranstype, NULL), format_type(a.aggmtranstype, NULL), a.aggsortop::regoperator)
	FROM member JOIN pg_aggregate a ON classid = 'pg_proc'::regclass AND a.aggfnoid = objid
	UNION ALL
	SELECT pg_describe_object(classid, objid, 0), 'relation', concat(to_jsonb(r) - '{oid,relnamespace,reltype,reloftype,relowner,relam,relfilenode,reltoastrelid,relpages,reltuples,relallvisible,relallfrozen,relfrozenxid,relminmxid}'::text[],
	                                                               (SELECT amname FROM pg_am WHERE oid = r.relam), CASE WHEN r.relkind = 'v' THEN pg_get_viewdef(r.oid) END)
	FROM member JOIN pg_class r ON classid = 'pg_class'::regclass AND r.oid = objid
	UNION ALL
	SELECT pg_describe_object(classid, objid, 0), concat('column ', attnum, ' ', attname), concat_ws(' ', format_type(atttypid, atttypmod), attnotnull, attstorage, nullif(attcompression, ''), attidentity, attgenerated, attstattarget, attacl::text, (SELECT array_agg(o)::text FROM unnest(attoptions) o WHERE o NOT LIKE 'pg\_attver=%'), attisdropped,
	                                                               attcollation::regcollation, pg_get_expr(adbin, adrelid), col_description(attrelid, attnum))
	FROM member JOIN pg_attribute ON classid = 'pg_class'::regclass AND attrelid = objid AND attnum > 0 LEFT JOIN pg_attrdef ON adrelid = attrelid AND adnum = attnum
	UNION ALL
	SELECT pg_describe_object(classid, objid, 0), 'constraint ' || conname, concat(pg_get_constraintdef(c.oid), c.convalidated, c.connoinherit)
	FROM member JOIN pg_constraint c ON classid IN ('pg_class'::regclass, 'pg_type'::regclass) AND objid = CASE classid WHEN 'pg_class'::regclass THEN c.conrelid ELSE c.contypid END
	UNION ALL
	SELECT pg_describe_object(classid, objid, 0), 'index', concat(pg_get_indexdef(i.indexrelid), i.indisvalid, i.indisclustered, i.indisreplident)
	FROM member JOIN pg_index i ON classid = 'pg_class'::regclass AND i.indrelid = objid
	UNION ALL
	SELECT pg_describe_object(classid, objid, 0), 'trigger', concat(pg_get_triggerdef(t.oid), t.tgenabled) FROM member JOIN pg_trigger t ON classid = 'pg_class'::regclass AND t.tgrelid = objid
	UNION ALL
	SELECT pg_describe_object(classid, objid, 0), 'rule', concat(pg_get_ruledef(r.oid), r.ev_enabled) FROM member JOIN pg_rewrite r ON classid = 'pg_class'::regclass AND r.ev_class = objid
	UNION ALL
	SELECT pg_describe_object(classid, objid, 0), 'policy', concat(polname, polcmd, polpermissive, pg_get_expr(polqual, polrelid), pg_get_expr(polwithcheck, polrelid)) FROM member JOIN pg_policy ON classid = 'pg_class'::regclass AND polrelid = objid
	UNION ALL
	SELECT pg_describe_object(classid, objid, 0), 'type', concat(to_jsonb(t) - '{oid,typnamespace,typowner,typrelid,typelem,typarray,typbasetype,typdefaultbin,typcollation}'::text[], format_type(t.typelem, NULL), format_type(t.typbasetype, NULL), t.typcollation::regcollation)
	FROM member JOIN pg_type t ON classid = 'pg_type'::regclass AND t.oid = objid
	UNION ALL
	SELECT pg_describe_object(classid, objid, 0), concat('attribute ', attnum, ' ', attname), concat_ws(' ', format_type(atttypid, atttypmod), attcollation::regcollation, attstorage, col_description(attrelid, attnum))
	FROM member JOIN pg_type t ON classid = 'pg_type'::regclass AND t.oid = objid JOIN pg_attribute ON attrelid = t.typrelid AND attnum > 0
	UNION ALL
	SELECT pg_describe_object(classid, objid, 0), 'label ' || enumsortorder, enumlabel FROM member JOIN pg_enum ON classid = 'pg_type'::regclass AND enumtypid = objid)
SELECT concat_ws(' | ', object, what, definition) FROM said ORDER BY 1"
config="SELECT string_agg(t::regclass::text, ' ' ORDER BY t::regclass::text) FROM pg_extension, unnest(extconfig) t WHERE extname = 'promoai'"

start_server
sql "CREATE DATABASE fresh" -c "CREATE DATABASE old"
PGDATABASE=fresh sql "CREATE EXTENSION promoai"
export PGDATABASE=old
sql "CREATE EXTENSION promoai VERSION '0.1.0'"
sql "SELECT promoai.mf_train('m', 'SELECT c, i FROM generate_series(1, 30) c, generate_series(1, 20) i WHERE (c + i) % 3 > 0', factors => 4)" >/dev/null
before=$(sql "SELECT rank, item, item_no, score, answered_by FROM promoai.cf_recommend('m', 1)")
isnt "$before" "" "the first release trains and serves"

sql "ALTER EXTENSION promoai UPDATE"
ok $? "it is upgraded"
is "$(sql "SELECT extversion FROM pg_extension WHERE extname = 'promoai'")" "$current" "to the current version"
is "$(sql "SELECT rank, item, item_no, score, answered_by FROM promoai.cf_recommend('m', 1)")" "$before" "its model gives the same answers"
is "$(PGDATABASE=fresh sql "SELECT DISTINCT d.classid::regclass FROM pg_depend d WHERE d.refclassid = 'pg_extension'::regclass AND d.deptype = 'e' AND d.refobjid = (SELECT oid FROM pg_extension WHERE extname = 'promoai') ORDER BY 1")" \
	"pg_type
pg_proc
pg_class" "there are objects of no other kind than these, which are compared"
PGDATABASE=fresh sql "$catalogue" >"$server_dir/fresh" && sql "$catalogue" >"$server_dir/upgraded" && [ "$(wc -l <"$server_dir/fresh")" -gt 300 ]
ok $? "$(wc -l <"$server_dir/fresh") lines tell of a new installation"
diff "$server_dir/fresh" "$server_dir/upgraded" >"$server_dir/differences"
ok $? "every object is as there" || diag "$(cat "$server_dir/differences")"
is "$(sql "$config")" "$(PGDATABASE=fresh sql "$config")" "and so are the tables that a dump takes along"

done_testing
