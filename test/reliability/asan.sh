#!/usr/bin/env bash
# asan.sh - the regression tests with the extension built for AddressSanitizer and UndefinedBehaviorSanitizer
#
#   asan.sh [--quick]
#
# pg_regress and pgTAP, through test/tools/test.sh; --quick: few.sql.  A copy of the tree and of the PostgreSQL that pg_config
# names lie in ASAN_BUILD (default build/asan), which is kept for the next time, so that nobody else meets this build.  The
# server is started with the sanitizers' libraries preloaded.  Leaks are not looked for: memory contexts free what is left.
# The server's own memory contexts are opaque here as for valgrind; test/core's check-asan sees each allocation of the
# mathematics.
set -euo pipefail
cd "$(dirname "$0")/../.."
. test/tools/common.sh

quick=
[ "${1:-}" != --quick ] || quick=1
build_dir=${ASAN_BUILD:-$TOP/build/asan}
libasan=$("${CC:-gcc}" -print-file-name=libasan.so)
libubsan=$("${CC:-gcc}" -print-file-name=libubsan.so)
[ -e "$libasan" ] && [ -e "$libubsan" ] || die "the sanitizers' libraries are missing; Debian has them with its gcc"
mkdir -p "$build_dir/tree"
as_server_user test -x "$build_dir" || die "$(server_user) cannot reach $build_dir; name another folder in ASAN_BUILD"

work=$(mktemp -d "${TMPDIR:-/tmp}/promoai-asan-XXXXXX")
chmod 0777 "$work"
trap 'rm -rf "$work"' EXIT

# Its programs find the rest of a PostgreSQL by where they lie, so a copy works that has the same folders below another one.
copy_postgresql()
{
	local what from root=$build_dir/root
	for what in bindir pkglibdir sharedir includedir pkgincludedir includedir-server; do
		from=$("$PG_CONFIG" "--$what")
		[ -d "$from" ] && [ ! -e "$root$from" ] || continue
		mkdir -p "$root$from"
		cp -a "$from/." "$root$from/"
	done
	PG_CONFIG=$root$("$PG_CONFIG" --bindir)/pg_config
	case $("$PG_CONFIG" --pkglibdir) in
		"$root"/*) ;;
		*) die "a copy of this PostgreSQL still looks into $("$PG_CONFIG" --pkglibdir)" ;;
	esac
}
copy_postgresql
git ls-files -z --cached --others --exclude-standard |
	tar --null --files-from - --ignore-failed-read -cf - 2>/dev/null | tar -xf - -C "$build_dir/tree"

# Warnings that the compiler gives only for code with checks in it are no errors.  -fwrapv, beside which gcc 12 takes very long for
# checks of vectors, is taken back: so overflow of signed numbers is looked for, too.
export COPT="-O1 -g -fno-omit-frame-pointer -fsanitize=address,undefined -fno-sanitize-recover=all -fno-wrapv -Wno-maybe-uninitialized" MAKEFLAGS="-j$(nproc) with_llvm=no"
cat >"$work/postgres" <<-SH
	#!/bin/sh
	export LD_PRELOAD="$libasan $libubsan"
	export ASAN_OPTIONS=detect_leaks=0:abort_on_error=1:detect_stack_use_after_return=0:log_path=$work/report
	export UBSAN_OPTIONS=print_stacktrace=1:log_path=$work/report
	exec "$(pg postgres)" "\$@"
SH
chmod 0755 "$work/postgres"
export POSTGRES=$work/postgres
# Debian 12's PostgreSQL waits for ever in glibc's bindtextdomain beside gcc 12's library; seen before building, not after.
as_server_user timeout 20 "$POSTGRES" -V >/dev/null 2>&1 || die "this PostgreSQL does not start with $libasan preloaded"
cd "$build_dir/tree"

# few: what few.sql does, in a throwaway server
few()
{
	local status=0
	{ build && install_extension; } || return
	bash test/tools/cluster.sh start -D "$work/cluster" >/dev/null || return
	(
		eval "$(bash test/tools/cluster.sh env -D "$work/cluster")"
		"$(pg psql)" -XAtq -v ON_ERROR_STOP=1 -f test/reliability/few.sql >/dev/null
	) || status=1
	bash test/tools/cluster.sh stop -D "$work/cluster" >/dev/null
	return $status
}

TOP=$PWD
status=0
if [ -n "$quick" ]; then
	few || status=1
else
	STAGE_LIMIT=${STAGE_LIMIT:-7200} bash test/tools/test.sh regress pgtap || status=1
fi
loaded=$(nm -D "$("$PG_CONFIG" --pkglibdir)/promoai.so" | grep -c '__asan_report\|__ubsan_handle' || true)
[ "$loaded" -gt 0 ] || die "the installed extension was not built with the sanitizers"
reports=$(cat "$work"/report* 2>/dev/null | grep -cE 'runtime error:|ERROR: AddressSanitizer' || true)
if [ "$reports" != 0 ]; then
	cat "$work"/report* | head -n 200
	status=1
fi
figure="$reports reports of AddressSanitizer and UndefinedBehaviorSanitizer"
say "$figure"
[ -z "${RELIABILITY_FIGURES:-}" ] || say "| ASan and UBSan, $([ -n "$quick" ] && echo few.sql || echo "pg_regress and pgTAP") | $figure |" >>"$RELIABILITY_FIGURES"
exit $status
