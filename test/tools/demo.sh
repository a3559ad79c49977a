#!/usr/bin/env bash
# demo.sh - from nothing to recommendations: install what is missing, build, start a throwaway server, run the demo
#
#   demo.sh        run doc/demo/demo.sql in a fresh throwaway server, which stays running
#   demo.sh stop   end that server and remove its folder
#
# Run again, it ends the server of the run before and starts from a fresh one: always the same demo.
set -euo pipefail
cd "$(dirname "$0")/../.."
. test/tools/common.sh

if [ "${1:-}" = stop ]; then
	bash test/tools/cluster.sh stop
	say "The demo's server is gone."
	exit 0
fi

steps=()
began=$SECONDS
took()
{
	steps+=("$(printf '%-28s %4d s' "$1" $((SECONDS - began)))")
	began=$SECONDS
}

heading "What is needed"
bash test/tools/install-deps.sh build run
say "all there: PostgreSQL $("$PG_CONFIG" --version | sed 's/[^0-9]*//'), OpenBLAS, compiler"
took "packages"

heading "Build and install"
# shellcheck disable=SC2119 # no arguments meant
build
# shellcheck disable=SC2119
install_extension
took "build and install"

heading "A throwaway server"
bash test/tools/cluster.sh start --fresh -c shared_buffers=256MB -c maintenance_work_mem=512MB -c work_mem=32MB \
	-c max_wal_size=2GB
eval "$(bash test/tools/cluster.sh env)"
"$(pg psql)" -XAtq -c 'CREATE DATABASE shop'
took "server"

if ! "$(pg psql)" -X -d shop -f doc/demo/demo.sql; then
	warn
	warn "The demo stopped at the error above.  The end of the server's log:"
	bash test/tools/cluster.sh log 15 >&2
	warn "The server goes on running: psql -h $PGHOST -p $PGPORT -U postgres shop   (end it: make demo-stop)"
	exit 1
fi
took "the SQL above"

"$(pg psql)" -XAtq -v ON_ERROR_STOP=1 -d shop -f doc/demo/analyst.sql >/dev/null

heading "Done"
printf '%s\n' "${steps[@]}"
cat <<END

The server goes on running.  It is a throwaway: whoever is on this machine may be any role but its superuser without
a password, and a power failure would spoil it.

  connect:  psql -h $PGHOST -p $PGPORT -U postgres shop
  as one who may read the shop and use the model, from any account or tool here:
            psql -h 127.0.0.1 -p $PGPORT -U analyst shop
  end it:   make demo-stop
END
