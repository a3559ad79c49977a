#!/usr/bin/env bash
# check-server.sh - can `make installcheck` work on the running server that PGHOST, PGPORT and PGUSER name?
#
# Says what to do where it cannot: nothing runs there, nobody of that name may connect, not as a superuser, or promoai is
# not installed in it.
set -euo pipefail
pg_config=${PG_CONFIG:-pg_config}
psql=$("$pg_config" --bindir)/psql
major=$("$pg_config" --version | sed 's/^[^0-9]*\([0-9]*\).*/\1/')

help_and_exit()
{
	cat >&2 <<-END

		installcheck works on a running server, as a superuser of it; PGHOST, PGPORT and PGUSER say where and as whom.
		On Debian, as root:
		  pg_lsclusters                                       which servers there are, and whether they run
		  pg_createcluster $major main                            makes one, where there is none
		  pg_ctlcluster $major main start                         starts the one called main
		  su - postgres -c 'createuser --superuser $(id -un)'  lets $(id -un) in, as a superuser
		make test-regress does the same in a throwaway server.
	END
	exit 1
}

[ -x "$psql" ] || psql=psql
command -v "$psql" >/dev/null || {
	echo "check-server.sh: psql is missing (Debian: postgresql-client-$major)" >&2
	exit 1
}
answer=$("$psql" -XAtq -d postgres -c "SELECT current_setting('is_superuser'), current_user,
	EXISTS (SELECT FROM pg_available_extensions WHERE name = 'promoai')") || help_and_exit
IFS='|' read -r superuser user available <<<"$answer"
[ "$superuser" = on ] || {
	echo "check-server.sh: the role $user is no superuser" >&2
	help_and_exit
}
[ "$available" = t ] || {
	echo "check-server.sh: promoai is not installed in that server; as root: make install" >&2
	exit 1
}
