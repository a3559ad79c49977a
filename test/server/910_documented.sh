#!/usr/bin/env bash
# Whatever the extension brings has a COMMENT, and every function and view stands in the manual.
# shellcheck source=test/server/lib.sh
. "$(dirname "$0")/lib.sh"

members="SELECT classid, objid FROM pg_depend
	WHERE refclassid = 'pg_extension'::regclass AND deptype = 'e'
	  AND refobjid = (SELECT oid FROM pg_extension WHERE extname = 'promoai')"

start_server
sql "CREATE EXTENSION promoai" || bail_out "the extension cannot be created"

# From 17 on the types of arrays and of rows, which come with a type or table of their own accord, are members too.
is "$(sql "SELECT pg_describe_object(classid, objid, 0) FROM ($members) m LEFT JOIN pg_type t ON classid = 'pg_type'::regclass AND t.oid = objid
	WHERE obj_description(objid, classid::regclass::name) IS NULL AND NOT EXISTS (SELECT FROM pg_type e WHERE e.typarray = t.oid)
	  AND NOT EXISTS (SELECT FROM pg_class r WHERE r.oid = t.typrelid AND r.relkind <> 'c') ORDER BY 1")" "" "no object without a COMMENT"

is "$(sql "SELECT a.attrelid::regclass || '.' || a.attname
	FROM ($members) m
	LEFT JOIN pg_type t ON m.classid = 'pg_type'::regclass AND t.oid = m.objid AND t.typtype = 'c'
	JOIN pg_attribute a ON a.attrelid = CASE WHEN m.classid = 'pg_class'::regclass THEN m.objid ELSE t.typrelid END
	WHERE a.attnum > 0 AND NOT a.attisdropped AND col_description(a.attrelid, a.attnum) IS NULL
	ORDER BY a.attrelid, a.attnum")" "" "no column of a table, view or type without one"

isnt "$(sql "SELECT obj_description('promoai'::regnamespace)")" "" "the schema has one"

# A heading that begins with the name or lists it, or a table's row that begins with it.
undocumented=
for name in $(sql "SELECT DISTINCT proname FROM pg_proc WHERE oid IN (SELECT objid FROM ($members) m WHERE classid = 'pg_proc'::regclass)"); do
	grep -qE "^#+ (.*[ ,])?$name(,.*)?$|^#+ .*\`$name\`|^\| (.*, )?\`$name[(\`]|\`$name\(\)\`" doc/*.md || undocumented+=" $name"
done
is "$undocumented" "" "every function has a heading or a table's row in doc/"

undocumented=
for name in $(sql "SELECT relname FROM pg_class WHERE relkind = 'v' AND oid IN (SELECT objid FROM ($members) m WHERE classid = 'pg_class'::regclass)"); do
	grep -qE "^\*\*$name\*\*|^#+ .*$name|view \`promoai\.$name\`" doc/*.md || undocumented+=" $name"
done
is "$undocumented" "" "so has every view"

is "$(sql "LOAD 'promoai'; SELECT name FROM pg_settings WHERE name LIKE 'promoai.%' AND coalesce(short_desc, '') = ''")" "" "every setting says what it is for"
undocumented=
for name in $(sql "LOAD 'promoai'; SELECT name FROM pg_settings WHERE name LIKE 'promoai.%' AND name NOT LIKE 'promoai.test\_%'"); do
	grep -q "$name" doc/*.md || undocumented+=" $name"
done
is "$undocumented" "" "and stands in the manual"

# Each argument of a trainer is a row of a table.
undocumented=
for name in $(sql "SELECT DISTINCT n FROM pg_proc, unnest(proargnames[1:pronargs]) n WHERE proname LIKE '%\\_train' AND oid IN (SELECT objid FROM ($members) m WHERE classid = 'pg_proc'::regclass)"); do
	grep -qE "^\| \`$name\` \|" doc/*.md || undocumented+=" $name"
done
is "$undocumented" "" "every argument of a trainer has a table's row"

# Each other argument and column of a function stands on a page that tells of the function.
undocumented=
while IFS='|' read -r function name; do
	mapfile -t pages < <(grep -lE "^#+ (.*[ ,])?$function(,.*)?$|^#+ .*\`$function\`|^\| (.*, )?\`$function[(\`]|\`$function\(\)\`" doc/*.md)
	[ ${#pages[@]} -eq 0 ] || grep -qw -- "$name" "${pages[@]}" || undocumented+=" $function.$name"
done < <(sql "SELECT DISTINCT proname, n FROM pg_proc, unnest(proargnames) n WHERE n <> '' AND oid IN (SELECT objid FROM ($members) m WHERE classid = 'pg_proc'::regclass) ORDER BY 1, 2")
is "$undocumented" "" "every argument and column of a function stands on a page of it"

# Links between pages lead to headings that are there.
broken=
while IFS=: read -r page link; do
	file=${link%%#*}
	anchor=${link#"$file"}
	if [ -z "$file" ]; then target=$page; else target=$(dirname "$page")/$file; fi
	if [ ! -e "$target" ]; then
		broken+=" $page:$link"
	elif [ -n "$anchor" ] && ! sed -nE 's/^#+ +//p' "$target" | tr 'A-Z ' 'a-z-' | sed "s/[^a-z0-9_-]//g" | grep -qx -- "${anchor#\#}"; then
		broken+=" $page:$link"
	fi
done < <(grep -oHE '\]\([^)]*\)' README.md doc/*.md test/README.md | sed -E 's/\]\((.*)\)/\1/' | grep -v ':http')
is "$broken" "" "no link in the manual leads nowhere"

done_testing
