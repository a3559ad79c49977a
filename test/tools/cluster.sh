#!/usr/bin/env bash
# cluster.sh - a throwaway PostgreSQL server, the one way in which demo, tests and benchmarks start one
#
#   cluster.sh start [-D dir] [-p port] [--fresh] [-c name=value]…   create it if need be, start it
#   cluster.sh stop  [-D dir] [--keep]                               stop it and remove the folder (--keep: leave it)
#   cluster.sh crash [-D dir]                                        kill -9 its postmaster
#   cluster.sh status [-D dir]                                       say whether it runs; exit 3 if not
#   cluster.sh env   [-D dir]                                        shell lines that point psql at it
#   cluster.sh log   [-D dir] [lines]                                the end of its log
#
# dir: default ${TMPDIR:-/tmp}/promoai-demo-<uid>.  It holds data/, the log, the socket and the file `env`.
# A folder that holds a stopped or crashed cluster is started again as it is; --fresh throws that away first.
#
# Who may connect.  The superuser is called postgres and is reached only through the socket, only by root, the server's
# own account and whoever started it: a superuser may run programs as the server's account, so trusting every account
# of the machine with it (as `trust` would) opens the real clusters that this account may own.  Every other role is
# trusted, over the socket and 127.0.0.1: it is a throwaway.
#
# OPENBLAS_* and whatever else is set in the environment reaches the server.  POSTGRES names a program that is started in
# place of `postgres`, such as one that runs it under valgrind.
set -euo pipefail
cd "$(dirname "$0")/../.."
. test/tools/common.sh

command=${1:-}
[ $# -gt 0 ] && shift
dir=${TMPDIR:-/tmp}/promoai-demo-$(id -u)
port=
fresh=
keep=
settings=()
rest=()
while [ $# -gt 0 ]; do
	case $1 in
		-D)
			dir=$2
			shift
			;;
		-p)
			port=$2
			shift
			;;
		-c)
			settings+=("$2")
			shift
			;;
		--fresh) fresh=1 ;;
		--keep) keep=1 ;;
		*) rest+=("$1") ;;
	esac
	shift
done
case $dir in /*) ;; *) dir=$PWD/$dir ;; esac
data=$dir/data
log=$dir/log

# The postmaster's process id, if one works on our data: a left-over file may name a process that is gone or another's.
postmaster()
{
	local pid
	[ -r "$data/postmaster.pid" ] || return 1
	read -r pid <"$data/postmaster.pid" || return 1
	[ "/proc/$pid/cwd" -ef "$data" ] || return 1
	printf '%s' "$pid"
}

# Any process of the cluster still there (backends outlive a killed postmaster for a moment).
anything_left()
{
	local cwd
	for cwd in /proc/[0-9]*/cwd; do
		if [ "$cwd" -ef "$data" ]; then
			return 0
		fi
	done
	return 1
}

wait_until_gone()
{
	local i
	for ((i = 0; i < 300; i++)); do
		anything_left || return 0
		sleep 0.1
	done
	die "processes of an earlier server still work on $data"
}

# In a folder that others can write to, the name may be taken: go on only in a folder that is the server's own.
make_dir()
{
	local owner
	owner=$(server_user)
	if [ -L "$dir" ] || { [ -e "$dir" ] && [ "$(stat -c %U "$dir")" != "$owner" ] && [ "$(stat -c %u "$dir")" != "$(id -u)" ]; }; then
		die "$dir exists and does not belong to $owner; remove it or name another folder with -D"
	fi
	mkdir -p "$dir"
	[ "$(id -u)" != 0 ] || chown "$owner": "$dir"
	chmod 0755 "$dir"
	as_server_user test -w "$dir" -a -x "$dir" || die "$owner cannot reach $dir (a folder above it is closed); set TMPDIR or use -D"
	# the socket's path must fit into sockaddr_un
	[ ${#dir} -le 85 ] || die "the path $dir is too long for a socket"
}

create()
{
	local name
	as_server_user env LC_ALL=C.UTF-8 "$(pg initdb)" -D "$data" -U postgres -A trust \
		--locale=C.UTF-8 --encoding=UTF8 --no-sync >"$dir/initdb.log" 2>&1 || {
		cat "$dir/initdb.log" >&2
		die "initdb failed"
	}
	rm -f "$dir/initdb.log"
	{
		for name in $(printf '%s\n' root "$(server_user)" "$(id -un)" "${SUDO_USER:-}" | sort -u); do
			echo "own $name postgres"
		done
	} | as_server_user tee "$data/pg_ident.conf" >/dev/null
	as_server_user tee "$data/pg_hba.conf" >/dev/null <<-HBA
		# type  database     user      address       method
		local   all          postgres                peer map=own
		host    all          postgres  all           reject
		local   all          all                     trust
		host    all          all       127.0.0.1/32  trust
		local   replication  postgres                peer map=own
	HBA
	as_server_user tee -a "$data/postgresql.conf" >/dev/null <<-CONF
		include_if_exists = 'promoai.conf'
	CONF
}

# Settings are written anew at each start; those given come last and win.
configure()
{
	local setting
	{
		cat <<-CONF
			listen_addresses = '127.0.0.1'
			port = $port
			unix_socket_directories = '$dir'
			fsync = off
			timezone = 'UTC'
			log_timezone = 'UTC'
			log_line_prefix = '%m [%p] %q%u@%d '
			logging_collector = off
			log_destination = stderr
		CONF
		for setting in "${settings[@]}"; do
			printf "%s = '%s'\n" "${setting%%=*}" "$(printf %s "${setting#*=}" | sed "s/'/''/g")"
		done
	} | as_server_user tee "$data/promoai.conf" >/dev/null
}

port_is_free() { ! (exec 3<>"/dev/tcp/127.0.0.1/$1") 2>/dev/null; }

choose_port()
{
	local i
	for ((i = 0; i < 200; i++)); do
		port=$((20000 + (RANDOM * 32768 + RANDOM) % 12000)) # below the range for outgoing connections
		if port_is_free "$port"; then
			return
		fi
	done
	die "no free port found"
}

write_env()
{
	rm -f "$dir/env"
	cat >"$dir/env" <<-ENV
		export PGHOST='$dir'
		export PGPORT=$port
		export PGUSER=postgres
		export PGDATABASE=postgres
	ENV
}

# A port can be taken between looking and listening, so a start that fails for its port is tried again on another.
start()
{
	local attempt before
	if postmaster >/dev/null; then
		[ -n "$fresh" ] || {
			status
			return
		}
		stop_server fast
	fi
	[ -z "$fresh" ] || remove
	make_dir
	wait_until_gone
	# Nothing works on the data, so lock files are a dead server's.  PostgreSQL itself would still honour it where the
	# dead one stays a zombie, as in containers whose first process reaps nobody.
	rm -f "$data/postmaster.pid" "$dir"/.s.PGSQL.*
	if [ -z "$port" ] && [ -r "$dir/env" ]; then
		port=$(sed -n 's/^export PGPORT=//p' "$dir/env")
		port_is_free "$port" || port=
	fi
	[ -f "$data/PG_VERSION" ] || {
		rm -rf "$data"
		create
	}
	for ((attempt = 1; attempt <= 10; attempt++)); do
		[ -n "$port" ] || choose_port
		configure
		before=$(stat -c %s "$log" 2>/dev/null || echo 0)
		if as_server_user env LC_ALL=C.UTF-8 "$(pg pg_ctl)" start -w -t 120 -s ${POSTGRES:+-p "$POSTGRES"} -D "$data" -l "$log" >/dev/null 2>&1; then
			write_env
			status
			return
		fi
		if ! tail -c +"$((before + 1))" "$log" 2>/dev/null | grep -q 'could not bind\|could not create any TCP/IP sockets'; then
			tail -n 30 "$log" >&2 2>/dev/null || true
			die "the server did not start (its log: $log)"
		fi
		port=
	done
	die "no port could be had in 10 attempts"
}

stop_server()
{
	if postmaster >/dev/null; then
		# from a folder that the account may enter: it may be shut out of this one, as below /root
		(cd / && as_server_user "$(pg pg_ctl)" stop -w -t 120 -s -m "$1" -D "$data" >/dev/null) || die "the server did not stop (its log: $log)"
	fi
}

remove()
{
	[ -e "$dir" ] || return 0
	if [ ! -d "$data" ] && [ -n "$(ls -A "$dir")" ] && [ ! -e "$log" ]; then
		die "$dir holds no throwaway server; not removing it"
	fi
	wait_until_gone
	rm -rf "$dir"
}

status()
{
	if postmaster >/dev/null; then
		say "server running: psql -h $dir -p $(sed -n 4p "$data/postmaster.pid") -U postgres"
	else
		say "no server running in $dir"
		return 3
	fi
}

crash()
{
	local pid
	pid=$(postmaster) || die "no server running in $dir"
	kill -9 "$pid"
	wait_until_gone
}

case $command in
	start) start ;;
	stop)
		stop_server fast
		[ -n "$keep" ] || remove
		;;
	crash) crash ;;
	status) status ;;
	env)
		[ -r "$dir/env" ] || die "no server in $dir"
		cat "$dir/env"
		;;
	log) tail -n "${rest[0]:-30}" "$log" ;;
	*)
		sed -n '2,/^set/{/^#/s/^# \{0,1\}//p}' "$0" >&2
		exit 2
		;;
esac
