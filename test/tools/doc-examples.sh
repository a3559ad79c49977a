#!/usr/bin/env bash
# doc-examples.sh - every example of the manual gives the answer that it shows
#
#   doc-examples.sh [PAGE …]           run them (default: every *.md), answer in TAP
#   doc-examples.sh --write [PAGE …]   put what is answered into the pages
#   doc-examples.sh --in-turn [PAGE …] every page after the other in one database, as somebody reads who begins with the
#                                      README: what is typed on one page must not stand in the way of another
#
# Starts a throwaway server and runs doc/demo/demo.sql, as `make demo` does; each page gets a copy of that database.  In turn,
# versions go on and lists grow longer: only errors that a page does not show count.
# doc-examples.pl says what an example is.  The extension must be installed.
set -euo pipefail
cd "$(dirname "$0")/../.."
. test/tools/common.sh

action=compare
case ${1:-} in
	--write | --in-turn)
		action=${1#--}
		shift
		;;
esac
pages=("$@")
if [ $action = in-turn ] && [ ${#pages[@]} -eq 0 ]; then
	mapfile -t pages < <(echo README.md && sed -n '/^## The manual/,/^## Licence/p' README.md | grep -o 'doc/[a-z_]*\.md' | awk '!seen[$0]++')
fi
[ ${#pages[@]} -gt 0 ] || mapfile -t pages < <(find . -name "*.md" -not -path "./build/*" | sed "s|^\./||" | LC_ALL=C sort)

work=$(mktemp -d "${TMPDIR:-/tmp}/promoai-doc-XXXXXX")
chmod 0755 "$work"
trap 'bash test/tools/cluster.sh stop -D "$work/cluster" || true; rm -rf "$work"' EXIT
trap 'exit 130' INT TERM

psql() { "$(pg psql)" -X -v ON_ERROR_STOP=0 "$@"; }

{
	bash test/tools/cluster.sh start -D "$work/cluster" -c max_wal_size=2GB
	eval "$(bash test/tools/cluster.sh env -D "$work/cluster")"
	psql -c 'CREATE DATABASE shop'
	psql -v ON_ERROR_STOP=1 -d shop -f doc/demo/demo.sql
	psql -v ON_ERROR_STOP=1 -d shop -f doc/demo/analyst.sql
} >"$work/log" 2>&1 || {
	sed 's/^/# /' "$work/log" >&2
	printf 'Bail out!  the demo does not run\n'
	exit 1
}

EXTENSIONS=$(psql -XAtqc "SELECT string_agg(name, ' ') FROM pg_available_extensions")
export EXTENSIONS
n=0
failed=0
database=pages
made=
for page in "${pages[@]}"; do
	n=$((n + 1))
	[ $action = in-turn ] || database=page_$n
	if [ "$database" != "$made" ]; then
		psql -q -c "CREATE DATABASE $database TEMPLATE shop" -c "ALTER DATABASE $database SET timezone TO 'UTC'"
		made=$database
	fi
	perl test/tools/doc-examples.pl script "$page" >"$work/script.sql"
	# from standard input: so error messages name no file, as when typed
	psql -h "$PGHOST" -U analyst -d "$database" <"$work/script.sql" >"$work/answers" 2>&1 || true
	if examples=$(perl test/tools/doc-examples.pl $action "$page" "$work/answers"); then
		printf 'ok %d - %s: %s\n' $n "$page" "${examples:-written}"
	else
		failed=$((failed + 1))
		printf 'not ok %d - %s: %s\n' $n "$page" "$examples"
	fi
done
printf '1..%d\n' $n
[ $failed -eq 0 ]
