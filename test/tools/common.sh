# shellcheck shell=bash
# common.sh - what the other scripts share: where things are, plain messages, who runs the server.
# To be sourced by bash scripts that set -euo pipefail themselves.

TOP=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
PG_CONFIG=${PG_CONFIG:-pg_config}
MAKE=${MAKE:-make}
export TOP PG_CONFIG

# The caller's settings for other servers must not leak into the throwaway one.
unset PGDATA PGSERVICE PGOPTIONS PGSSLMODE PGPASSWORD PGPASSFILE

say() { printf '%s\n' "$*"; }
heading() { printf '\n== %s\n' "$*"; }
warn() { printf '%s\n' "$*" >&2; }
die()
{
	warn "${0##*/}: $*"
	exit 1
}

# pg <program>: the path of one of the server's programs
pg() { printf '%s/%s' "$("$PG_CONFIG" --bindir)" "$1"; }

# The account that runs the server: PostgreSQL refuses root, so root lends the work to postgres.
server_user()
{
	if [ "$(id -u)" = 0 ]; then
		id -u postgres >/dev/null 2>&1 || die "the account postgres is missing (Debian's postgresql-common creates it)"
		printf postgres
	else
		id -un
	fi
}

# as_server_user <command…>: environment kept (OPENBLAS_CORETYPE and the like must reach the server)
as_server_user()
{
	if [ "$(id -u)" = 0 ]; then
		HOME=/ setpriv --reuid=postgres --regid=postgres --init-groups -- "$@"
	else
		"$@"
	fi
}

# build [make arguments…]: compile on all processors, quietly unless something is to be said
build()
{
	local log flags
	# The make above this script cannot share its processes out through it, and says so where it was told -j.
	flags=$(sed -E ':more; s/(^| )(-j[0-9]*|--jobserver-[a-z]+=[^ ]*)( |$)/ /; t more' <<<"${MAKEFLAGS-}")
	[ -e "$TOP/promoai.so" ] || say "compiling (a minute or two on two processors)"
	log=$(mktemp)
	if ! MAKEFLAGS=$flags "$MAKE" -s --no-print-directory -j"$(nproc)" -C "$TOP" all "$@" >"$log" 2>&1; then
		cat "$log" >&2
		rm -f "$log"
		return 1
	fi
	grep -E 'warning:|note: ' "$log" || true
	rm -f "$log"
}

# True when the installed files are byte for byte those of this tree.
installed()
{
	local ext f
	ext=$("$PG_CONFIG" --sharedir)/extension
	cmp -s "$TOP/promoai.so" "$("$PG_CONFIG" --pkglibdir)/promoai.so" &&
		cmp -s "$TOP/promoai.control" "$ext/promoai.control" || return 1
	for f in "$TOP"/sql/promoai--*.sql; do
		cmp -s "$f" "$ext/${f##*/}" || return 1
	done
}

# install_extension [make arguments…]: into the PostgreSQL that pg_config names
install_extension()
{
	local dir
	if installed; then
		say "this build is installed already"
		return
	fi
	for dir in "$("$PG_CONFIG" --pkglibdir)" "$("$PG_CONFIG" --sharedir)/extension"; do
		if [ ! -w "$dir" ]; then
			warn "$(id -un) may not write to $dir."
			warn "Install the extension with the needed rights (as root: make install), then run this again."
			return 1
		fi
	done
	"$MAKE" --no-print-directory -s -C "$TOP" install "$@"
	say "installed into $("$PG_CONFIG" --pkglibdir)"
}

# tests_told <output of test.sh>: what passed, failed and was skipped, by its last lines
tests_told()
{
	local skips
	skips=$(sed -n 's/^skipped, .*: \([0-9]*\)$/\1/p' "$1" | tail -n 1)
	printf '%s%s\n' "$({ grep -E '^[0-9]+ passed, [0-9]+ failed$' "$1" || true; } | tail -n 1)" "${skips:+, $skips skipped}"
}
