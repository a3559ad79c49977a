# shellcheck shell=bash
# checked.sh - what asan.sh and valgrind.sh share: a PostgreSQL built for checking, faults it must find, the tests under it
#
# To be sourced after test/tools/common.sh; the caller sets `flavour` (asan or valgrind) and defines `errors_in <pattern of frames>`.
#
# PostgreSQL is built from Debian's source, the newest that this machine's mirrors have, which apt verifies.  It is built with
# USE_VALGRIND, so that its memory contexts tell the checker what they give out and take back; include/valgrind/memcheck.h
# passes that on to AddressSanitizer.  Source and builds lie in CHECKED (default build/checked) and are kept: the first time
# takes some ten minutes for each flavour, the next none.  Nothing of this machine's PostgreSQL or apt is changed.
checked=${CHECKED:-$TOP/build/checked}
reliability=$TOP/test/reliability
system_pg_config=$PG_CONFIG
prefix=$checked/$flavour/postgresql

# How each flavour is built.  Assertions of the server are on where speed matters less; `-fwrapv`, which PostgreSQL's own
# configure adds, stays.
configure_options=(--prefix="$prefix" --without-readline --with-icu --with-system-tzdata=/usr/share/zoneinfo)
case $flavour in
	asan)
		configure_options+=(--enable-cassert CPPFLAGS="-DUSE_VALGRIND -I$reliability/include"
			CFLAGS="-O1 -g -fno-omit-frame-pointer -fsanitize=address")
		;;
	valgrind) configure_options+=(CPPFLAGS=-DUSE_VALGRIND CFLAGS="-O2 -g -fno-omit-frame-pointer") ;;
esac

# checked_apt <program> <arguments…>: one of apt's, with sources, lists and a cache of its own
checked_apt()
{
	local state=$checked/apt program=$1
	shift
	if [ ! -e "$state/apt.conf" ]; then
		mkdir -p "$state/lists/partial" "$state/cache/archives/partial"
		apt-get indextargets --format '$(REPO_URI) $(RELEASE) $(COMPONENT)' "Created-By: Packages" "Origin: Debian" |
			sed 's|^|deb-src [signed-by=/usr/share/keyrings/debian-archive-keyring.gpg] |' >"$state/sources.list"
		[ -s "$state/sources.list" ] || die "apt of this machine names no mirror of Debian"
		cat >"$state/apt.conf" <<-CONF
			Dir::State "$state";
			Dir::State::lists "$state/lists";
			Dir::State::status "/var/lib/dpkg/status";
			Dir::Cache "$state/cache";
			Dir::Etc::sourcelist "$state/sources.list";
			Dir::Etc::sourceparts "/dev/null";
			APT::Sandbox::User "";
		CONF
	fi
	APT_CONFIG=$state/apt.conf "$program" -q "$@"
}

# A mirror may list a version that it does not have; the next older one does.
download_source()
{
	local version
	checked_apt apt-get update || return
	for version in $(checked_apt apt-cache showsrc --only-source "$1" | sed -n 's/^Version: //p' | sort -ruV); do
		rm -f "$checked/apt/postgresql-"*
		! (cd "$checked/apt" && checked_apt apt-get source --download-only "$1=$version") || return 0
	done
	return 1
}

# The source of the major version that pg_config names, into $checked/source.
get_source()
{
	local major
	[ ! -d "$checked/source" ] || return 0
	major=$("$PG_CONFIG" --version | sed 's/^[^0-9]*\([0-9]*\).*/\1/')
	mkdir -p "$checked/apt"
	rm -rf "$checked/unpacked"
	{ download_source "postgresql-$major" &&
		dpkg-source --no-check --no-copy -x "$checked"/apt/postgresql-"$major"_*.dsc "$checked/unpacked"; } >"$checked/source.log" 2>&1 || {
		tail -n 20 "$checked/source.log" >&2
		die "the source of PostgreSQL $major is not to be had"
	}
	mv "$checked/unpacked" "$checked/source"
}

# What the tests need of other packages of Debian: pgTAP and pg_cron, which bring SQL and one library.
copy_extensions()
{
	cp "$("$system_pg_config" --sharedir)"/extension/{pgtap,pg_cron}* "$("$PG_CONFIG" --sharedir)/extension/"
	cp "$("$system_pg_config" --pkglibdir)"/pg_cron.so "$("$PG_CONFIG" --pkglibdir)/"
}

# Sets PG_CONFIG to the checked PostgreSQL, built if it is not there, or was built otherwise.
checked_postgresql()
{
	local recipe=${configure_options[*]} log=$checked/$flavour/build.log
	bash test/tools/install-deps.sh build run test "$flavour"
	if [ "$(cat "$checked/$flavour/recipe" 2>/dev/null)" != "$recipe" ]; then
		get_source
		heading "PostgreSQL built for $flavour"
		rm -rf "${checked:?}/$flavour"
		mkdir -p "$checked/$flavour/build"
		(cd "$checked/$flavour/build" &&
			"$checked/source/configure" "${configure_options[@]}" && "$MAKE" -s -j"$(nproc)" MAKELEVEL=0 -C src all &&
			"$MAKE" -s MAKELEVEL=0 -C src install) >"$log" 2>&1 || {
			tail -n 20 "$log" >&2
			die "PostgreSQL cannot be built for $flavour (all of it: $log)"
		}
		rm -rf "$checked/$flavour/build"
		PG_CONFIG=$prefix/bin/pg_config copy_extensions
		printf '%s\n' "$recipe" >"$checked/$flavour/recipe"
	fi
	PG_CONFIG=$prefix/bin/pg_config
	as_server_user test -x "$PG_CONFIG" || die "$(server_user) cannot reach $prefix; name another folder in CHECKED"
}

# A copy of the tree, so that nobody else meets these builds; what was built there last time is used again.
enter_copy()
{
	local tree=$checked/$flavour/tree
	mkdir -p "$tree"
	find "$tree" -type f ! -name '*.o' ! -path "$tree/build/*" -delete
	git ls-files -z --cached --others --exclude-standard |
		tar --null --files-from - --ignore-failed-read -cf - 2>/dev/null | tar -xf - -C "$tree"
	cd "$tree" || exit
	TOP=$tree
}

# canaries <fault…>: each fault of canary.c must be reported, or nothing that follows would prove anything.
canaries()
{
	local fault reported
	rm -f test/reliability/canary/canary.o # its flags may have been others
	"$MAKE" -s -C test/reliability/canary >"$work/canary.log" 2>&1 || {
		cat "$work/canary.log" >&2
		die "the canary cannot be built"
	}
	cp test/reliability/canary/canary.so "$("$PG_CONFIG" --pkglibdir)/"
	bash test/tools/cluster.sh start -D "$work/canary" >/dev/null
	(
		eval "$(bash test/tools/cluster.sh env -D "$work/canary")"
		"$(pg psql)" -XAtqc "CREATE FUNCTION canary(text) RETURNS void LANGUAGE c STRICT AS 'canary'"
	)
	bash test/tools/cluster.sh stop --keep -D "$work/canary" >/dev/null
	for fault in "$@"; do
		rm -f "$work"/report.*
		as_server_user "${POSTGRES:-$(pg postgres)}" --single -D "$work/canary/data" postgres \
			<<<"SELECT canary('$fault')" >"$work/canary.log" 2>&1 || true
		reported=$(errors_in 'canary[.](c|so)')
		[ "$reported" != 0 ] || {
			tail -n 20 "$work/canary.log" >&2
			die "a fault made on purpose is not found: $fault"
		}
	done
	bash test/tools/cluster.sh stop -D "$work/canary" >/dev/null
	rm -f "$work"/report.*
	say "found, as it must be: $(printf '%s, ' "$@" | sed 's/, $//')"
}

# few: what few.sql does, in a throwaway server
few()
{
	local status=0
	{ build WERROR=-Werror && install_extension WERROR=-Werror; } || return
	bash test/tools/cluster.sh start -D "$work/cluster" >/dev/null || return
	(
		eval "$(bash test/tools/cluster.sh env -D "$work/cluster")"
		"$(pg psql)" -XAtq -v ON_ERROR_STOP=1 -f test/reliability/few.sql >/dev/null
	) || status=1
	bash test/tools/cluster.sh stop -D "$work/cluster" >/dev/null
	return $status
}

# stages <stage…>: test.sh; sets `tests` to its last line
stages()
{
	local status=0
	bash test/tools/test.sh "$@" | tee "$work/stages.log" || status=1
	tests=$(tests_told "$work/stages.log")
	return $status
}
