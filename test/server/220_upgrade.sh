#!/usr/bin/env bash
# An installation upgraded from the first release is the same, object for object, as one made new; its models go on serving.
# shellcheck source=test/server/lib.sh
. "$(dirname "$0")/lib.sh"

current=$(sed -n "s/^default_version *= *'\(.*\)'.*/\1/p" promoai.control)

# Every object of the extension with its definition, comment and rights.
catalogue="
SELECT string_agg(line, E'\n' ORDER BY line) FROM (
	SELECT concat_ws(' | ', pg_describe_object(d.classid, d.objid, 0), obj_description(d.objid, c.relname),
	                 CASE d.classid WHEN 'pg_proc'::regclass THEN (SELECT concat_ws(' ', p.prokind, p.provolatile, p.proparallel, p.proisstrict, p.procost, p.prorows, p.prosrc, p.proacl::text,
	                                   pg_get_function_arguments(p.oid), pg_get_function_result(p.oid), to_jsonb(a) - 'aggfnoid' - 'aggtranstype', format_type(a.aggtranstype, NULL))
	                             FROM pg_proc p LEFT JOIN pg_aggregate a ON a.aggfnoid = p.oid WHERE p.oid = d.objid)
	                  WHEN 'pg_class'::regclass THEN (SELECT concat_ws(' ', r.relkind, r.relacl::text, r.reloptions::text, CASE WHEN r.relkind = 'v' THEN pg_get_viewdef(r.oid) END,
	                                   (SELECT string_agg(concat_ws(' ', attname, format_type(atttypid, atttypmod), attnotnull, attstorage, col_description(r.oid, attnum)), ', ' ORDER BY attnum)
	                                    FROM pg_attribute WHERE attrelid = r.oid AND attnum > 0))
	                              FROM pg_class r WHERE r.oid = d.objid)
	                  WHEN 'pg_type'::regclass THEN (SELECT concat_ws(' ', typtype, typlen, typalign, typstorage, typacl::text,
	                                   (SELECT string_agg(concat_ws(' ', attname, format_type(atttypid, atttypmod), col_description(typrelid, attnum)), ', ' ORDER BY attnum)
	                                    FROM pg_attribute WHERE attrelid = typrelid AND attnum > 0))
	                             FROM pg_type t WHERE t.oid = d.objid) END) AS line
	FROM pg_depend d JOIN pg_class c ON c.oid = d.classid
	WHERE d.refclassid = 'pg_extension'::regclass AND d.deptype = 'e'
	  AND d.refobjid = (SELECT oid FROM pg_extension WHERE extname = 'promoai')) o"
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
diff <(PGDATABASE=fresh sql "$catalogue") <(sql "$catalogue") >"$server_dir/differences"
ok $? "every object is as in a new installation" || diag "$(cat "$server_dir/differences")"
is "$(sql "$config")" "$(PGDATABASE=fresh sql "$config")" "and so are the tables that a dump takes along"

done_testing
