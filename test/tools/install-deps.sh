#!/usr/bin/env bash
# install-deps.sh - see what building, running and testing promoai needs, and install what is missing
#
#   install-deps.sh [--check] [build] [run] [test] [check] [valgrind] [fuzz]
#
# Without a group: build and run.  --check prints a plain list of what is missing and exits 1.  Otherwise, as root on
# Debian, the missing packages are installed with apt; elsewhere the list is printed and the script stops.
# Each need is looked for itself (a header, a library, a program), not by its package's name: what is there already,
# from wherever, is left alone.
set -euo pipefail

check_only=
groups=()
for argument in "$@"; do
	case $argument in
		--check) check_only=1 ;;
		build | run | test | check | valgrind | fuzz) groups+=("$argument") ;;
		*)
			echo "usage: ${0##*/} [--check] [build] [run] [test] [check] [valgrind] [fuzz]" >&2
			exit 2
			;;
	esac
done
[ ${#groups[@]} -gt 0 ] || groups=(build run)

pg_config=${PG_CONFIG:-pg_config}
missing=()  # what, in words
packages=() # Debian's packages that bring it

# need <in words> <packages> <command that succeeds when it is there…>
need()
{
	local what=$1 debs=$2 deb
	shift 2
	if "$@" >/dev/null 2>&1; then
		return
	fi
	missing+=("$what|$debs")
	for deb in $debs; do
		case " ${packages[*]-} " in *" $deb "*) ;; *) packages+=("$deb") ;; esac
	done
}

have() { command -v "$1"; }
is_root() { [ "$(id -u)" = 0 ]; }
# shellcheck disable=SC2086 # flags are words
has_header() { printf '#include <%s>\n' "$1" | "${CC:-cc}" $BLAS_CPPFLAGS -E -x c -o /dev/null -; }
# shellcheck disable=SC2086
links_openblas() { echo | "${CC:-cc}" -shared -o /dev/null -x c - $BLAS_LIBS; }
has_pgxs() { [ -f "$("$pg_config" --pgxs)" ] && [ -f "$("$pg_config" --includedir-server)/postgres.h" ]; }
has_server() { [ -x "$("$pg_config" --bindir)/$1" ] || [ -x "/usr/lib/postgresql/$pg_major/bin/$1" ]; }
has_pgtap() { [ -f "$("$pg_config" --sharedir)/extension/pgtap.control" ]; }
has_pg_cron() { [ -f "$("$pg_config" --sharedir)/extension/pg_cron.control" ]; }
has_pgtap_handler() { perl -MTAP::Parser::SourceHandler::pgTAP -e 1; }
fuzzes() { echo 'int LLVMFuzzerTestOneInput(const char *bytes, long n) { return bytes[n]; }' | "${CLANG:-clang}" -fsanitize=fuzzer -x c -o /dev/null -; }
has_clang_format() { have clang-format-14 || clang-format --version | grep "version 14\."; }

BLAS_CPPFLAGS=${BLAS_CPPFLAGS:-}
BLAS_LIBS=${BLAS_LIBS:--lopenblas}

# Which PostgreSQL: the one whose headers are here, else the newest server here, else 15 where the distribution has it
# (Debian 12), else the distribution's own.
choose_postgresql()
{
	local newest
	if has_pgxs >/dev/null 2>&1; then
		"$pg_config" --version | sed 's/^[^0-9]*\([0-9]*\).*/\1/'
		return
	fi
	newest=$(find /usr/lib/postgresql -maxdepth 3 -path '*/bin/postgres' 2>/dev/null | sed 's|.*/\([0-9]*\)/bin/.*|\1|' | sort -n | tail -1)
	if [ -n "$newest" ]; then
		echo "$newest"
	elif ! have apt-cache >/dev/null || apt-cache show postgresql-15 >/dev/null 2>&1; then
		echo 15
	else
		newest=$(apt-cache depends postgresql 2>/dev/null | sed -n 's/.*Depends: postgresql-\([0-9]*\)$/\1/p' | head -1)
		echo "${newest:-15}"
	fi
}

look()
{
	local group headers_by
	missing=()
	packages=()
	pg_major=$(choose_postgresql)
	headers_by=" and pg_config"
	[ "$pg_config" = pg_config ] || headers_by=", by $pg_config"
	for group in "${groups[@]}"; do
		case $group in
			build)
				need "a C compiler" "gcc libc6-dev" has_header stdio.h
				need "make" "make" have make
				need "PostgreSQL's server headers${headers_by}" "postgresql-server-dev-$pg_major" has_pgxs
				need "OpenBLAS with cblas.h" "libopenblas-serial-dev" eval 'has_header cblas.h && links_openblas'
				need "LAPACKE's prototypes (lapacke.h)" "liblapacke-dev" has_header lapacke.h
				need "ICU" "libicu-dev" has_header unicode/ubrk.h
				need "libstemmer" "libstemmer-dev" has_header libstemmer.h
				;;
			run)
				need "the PostgreSQL server" "postgresql-$pg_major" has_server postgres
				need "psql" "postgresql-client-$pg_major" has_server psql
				need "xz" "xz-utils" have xz
				need "setpriv" "util-linux" have setpriv
				;;
			test)
				need "Perl's prove" "perl" have prove
				need "pgTAP" "postgresql-$pg_major-pgtap" has_pgtap
				need "pg_cron" "postgresql-$pg_major-cron" has_pg_cron
				need "pg_prove" "libtap-parser-sourcehandler-pgtap-perl" eval 'have pg_prove && has_pgtap_handler'
				;;
			check)
				need "clang-format 14" "clang-format-14" has_clang_format
				;;
			valgrind)
				need "valgrind" "valgrind" have valgrind
				;;
			fuzz)
				need "clang with libFuzzer" "clang" fuzzes
				;;
		esac
	done
}

print_missing()
{
	local entry
	echo "promoai needs what is missing here:"
	for entry in "${missing[@]}"; do
		printf '  %-45s Debian: %s\n' "${entry%%|*}" "${entry#*|}"
	done
	have apt-get >/dev/null || return 0
	if knows_packages; then
		echo "As root: apt-get install ${packages[*]}"
	else
		echo "As root: apt-get update && apt-get install ${packages[*]}"
	fi
}

# A fresh container has no lists of packages.
knows_packages() { [ -n "$(apt-cache show gcc 2>/dev/null)" ]; }

export DEBIAN_FRONTEND=noninteractive

apt_install() { apt-get install -y -q --no-install-recommends -o DPkg::Lock::Timeout=300 "$@" </dev/null; }

# The package lists are fetched only where they are empty or too old to know the wanted files.
install_packages()
{
	local log status=0
	log=$(mktemp)
	if ! apt_install "$@" >"$log" 2>&1; then
		apt-get update -q </dev/null >>"$log" 2>&1 || true
		if ! apt_install "$@" >>"$log" 2>&1; then
			status=1
			cat "$log" >&2
		fi
	fi
	rm -f "$log"
	return $status
}

# Debian's server package creates and starts a cluster "main" on port 5432.  Nobody asked for one here: it is switched
# off for this installation alone, in a setting that is put back at once.  (A machine that has clusters keeps them as
# they are; who wants "main" later says: pg_createcluster VERSION main --start.)
createcluster=/etc/postgresql-common/createcluster.conf

without_main_cluster()
{
	install_packages postgresql-common || return 1
	if [ -f $createcluster ]; then
		cp -p $createcluster $createcluster.promoai
		trap 'mv -f $createcluster.promoai $createcluster' EXIT
		echo "create_main_cluster = false" >>$createcluster
	fi
	install_packages "$@" || return 1
	if [ -f $createcluster.promoai ]; then
		mv -f $createcluster.promoai $createcluster
		trap - EXIT
	fi
}

look
[ ${#missing[@]} -gt 0 ] || exit 0

if [ -n "$check_only" ] || ! is_root || ! have apt-get >/dev/null; then
	print_missing
	exit 1
fi

# Without any lists the choice of a PostgreSQL above was a guess.
if ! knows_packages; then
	echo "Fetching the package lists (apt-get update)"
	apt-get update -q </dev/null >/dev/null || echo "apt-get update failed; going on with the lists at hand" >&2
	look
fi

echo "Installing with apt (a minute or more): ${packages[*]}"
case " ${packages[*]} " in
	*" postgresql-$pg_major "* | *"-pgtap "*) without_main_cluster "${packages[@]}" ;;
	*) install_packages "${packages[@]}" ;;
esac

look
if [ ${#missing[@]} -gt 0 ]; then
	print_missing
	exit 1
fi
