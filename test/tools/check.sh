#!/usr/bin/env bash
# check.sh - what can be judged by reading the files: format | core | sql | paths
#
#   check.sh format          the C files are as clang-format 14 writes them
#   check.sh format --write  make them so (as `make format` does)
#   check.sh core            src/core includes no PostgreSQL header and nothing from the floors above it
#   check.sh sql             the install script is its parts, joined, and so is the upgrade to it
#   check.sh paths           no file names a path of somebody's machine
set -euo pipefail
cd "$(dirname "$0")/../.."
. test/tools/common.sh

c_files() { find src test -name '*.[ch]' | sort; }

# Another version formats otherwise, so it must be this one.
clang_format()
{
	local name
	for name in clang-format-14 clang-format; do
		if "$name" --version 2>/dev/null | grep -q 'version 14\.'; then
			printf %s "$name"
			return
		fi
	done
	return 1
}

check_format()
{
	local program
	program=$(clang_format) || die "clang-format 14 is needed (Debian 12: clang-format-14)"
	if [ "${1:-}" = --write ]; then
		c_files | xargs -r "$program" -i
	else
		c_files | xargs -r "$program" --dry-run --Werror || die "not formatted; run: make format"
	fi
}

check_core()
{
	local above='postgres|fmgr|c\.h|pg_config|miscadmin|funcapi|varatt|varlena|pgstat|access|catalog|commands|common|datatype|executor|lib|libpq|mb|nodes|optimizer|parser|port|portability|postmaster|replication|rewrite|storage|tcop|tsearch|utils|bridge|model|api|worker|\.\./(\.\./)?(bridge|model|api|worker)'
	[ -d src/core ] || return 0
	if grep -rnE "#[[:space:]]*include[[:space:]]*[<\"]($above)(\.h|/|_|[\">])" src/core --include='*.[ch]'; then
		die "src/core knows nothing of PostgreSQL and of the floors above it; the lines above break that"
	fi
}

check_sql()
{
	local version changes upgrade
	version=$(sed -n "s/^default_version *= *'\(.*\)'.*/\1/p" promoai.control)
	bash sql/join.sh install | diff -u - "sql/promoai--$version.sql" >&2 ||
		die "sql/promoai--$version.sql is not what sql/parts give; run make and commit it"
	for changes in sql/upgrade/*--"$version".sql; do
		upgrade=$(basename "$changes" .sql)
		bash sql/join.sh upgrade "${upgrade%--*}" "${upgrade#*--}" | diff -u - "sql/promoai--$upgrade.sql" >&2 ||
			die "sql/promoai--$upgrade.sql is not what sql/upgrade and sql/parts give; run make and commit it"
	done
}

check_paths()
{
	local pattern='/(home|Users|work|root)/[A-Za-z0-9_]'
	if grep -rnIE "$pattern" . --exclude-dir=.git --exclude-dir=build --exclude='*.o' --exclude='*.bc' --exclude='*.so' --exclude=.git; then
		die "a path of somebody's machine stands in the lines above"
	fi
}

case ${1:-} in
	format) check_format "${2:-}" ;;
	core) check_core ;;
	sql) check_sql ;;
	paths) check_paths ;;
	*)
		sed -n '2,/^set/{/^#/s/^# \{0,1\}//p}' "$0" >&2
		exit 2
		;;
esac
