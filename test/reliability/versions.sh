#!/usr/bin/env bash
# versions.sh - build without warnings, and test, with other PostgreSQLs, each in a Debian of its own
#
#   versions.sh [--quick] [version…] [stage…]
#
# version: 17 (Debian 13) and 18 (Debian's testing) by default; 15 (Debian 12) is known too.  Stages as test.sh has them: core
# regress pgtap server; none means all, --quick means regress alone.  The Debian is a chroot made by debootstrap, kept in
# build/debian-RELEASE, or for a single version in CHROOT: the next run begins with it.  Where packages come from is taken
# from this machine's apt.  Wants root and debootstrap.
set -euo pipefail
cd "$(dirname "$0")/../.."
. test/tools/common.sh

quick=()
versions=()
stages=()
for argument in "$@"; do
	case $argument in
		--quick) quick=(--quick) ;;
		[0-9]*) versions+=("$argument") ;;
		core | regress | pgtap | server) stages+=("$argument") ;;
		*) die "unknown: $argument; --quick, a version or core, regress, pgtap or server" ;;
	esac
done
[ ${#versions[@]} -gt 0 ] || versions=(17 18)
if [ ${#versions[@]} -gt 1 ]; then
	[ -z "${CHROOT:-}" ] || die "CHROOT is one version's, and these are ${versions[*]}"
	status=0
	for version in "${versions[@]}"; do
		bash "$TOP/test/reliability/versions.sh" "${quick[@]}" "$version" "${stages[@]}" || status=1
	done
	exit $status
fi
version=${versions[0]}
[ ${#stages[@]} -gt 0 ] || [ ${#quick[@]} -eq 0 ] || stages=(regress)

# Debian brings one PostgreSQL with each release.
release_of()
{
	case $1 in
		15) echo bookworm ;;
		17) echo trixie ;;
		18) echo forky ;;
		*) die "no release of Debian brings PostgreSQL $1: 15 (bookworm), 17 (trixie) and 18 (forky) are known here" ;;
	esac
}
release=$(release_of "$version")
chroot=${CHROOT:-build/debian-$release}
case $chroot in /*) ;; *) chroot=$TOP/$chroot ;; esac

[ "$(id -u)" = 0 ] || die "a chroot is made and entered by root"

# The first place from which this machine's apt takes Debian itself.
mirror() { apt-get indextargets --format '$(REPO_URI)' "Created-By: Packages" "Origin: Debian" | grep -v security | head -1; }

make_chroot()
{
	local from script=()
	# debootstrap takes its own folder away when it has ended well
	[ ! -x "$chroot/usr/bin/apt-get" ] || [ -d "$chroot/debootstrap" ] || return 0
	command -v debootstrap >/dev/null || die "debootstrap is missing (Debian: debootstrap)"
	from=$(mirror)
	[ -n "$from" ] || die "apt of this machine names no mirror of Debian"
	heading "Debian $release, by debootstrap"
	mkdir -p "$chroot"
	# a debootstrap that is older than the release has no script of its name; those of recent ones are all that of sid
	[ -e "/usr/share/debootstrap/scripts/$release" ] || script=(sid)
	debootstrap --variant=minbase "$release" "$chroot" "$from" "${script[@]}" >"$chroot.log" 2>&1 || {
		tail -n 20 "$chroot.log" >&2
		die "debootstrap failed"
	}
}

# The tree as git sees it, without what was built here.
copy_tree()
{
	rm -rf "$chroot/promoai"
	mkdir -p "$chroot/promoai"
	git ls-files -z --cached --others --exclude-standard | tar --null --files-from - --ignore-failed-read -cf - 2>/dev/null |
		tar -xf - -C "$chroot/promoai"
	chmod 0755 "$chroot/promoai"
}

# In namespaces of its own, which take mounts and processes along when they end; every file system but these is the chroot's.
inside()
{
	unshare --mount --pid --fork --kill-child bash -c '
		mount --bind "$0" "$0" && cd "$0" && mount -t proc proc proc && mount --rbind /dev dev && mount --make-rslave dev &&
		mount -t tmpfs -o mode=1777 tmpfs dev/shm && exec chroot . env -i HOME=/root LANG=C.UTF-8 TERM=dumb \
			STAGE_LIMIT="${STAGE_LIMIT:-}" PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin DEBIAN_FRONTEND=noninteractive "$@"' \
		"$chroot" "$@"
}

make_chroot
cp -L /etc/resolv.conf "$chroot/etc/resolv.conf"
copy_tree
heading "Debian $(cat "$chroot/etc/debian_version"), PostgreSQL $version"
inside bash -c 'cd /promoai && { apt-get update -q >/dev/null || true; } && apt-get install -y -q --no-install-recommends make >/dev/null &&
	bash test/tools/install-deps.sh build run test'
found=$(inside pg_config --version | cut -d" " -f1,2)
case $found in "PostgreSQL $version"[!0-9]*) ;; *) die "Debian $release brings $found, not $version" ;; esac
found="$found, gcc $(inside gcc -dumpfullversion)"
say "$found"
inside bash -o pipefail -c 'cd /promoai && make -s -j2 WERROR=-Werror 2>&1 | tee build.log && ! grep -q "warning:" build.log' || die "it does not build, or not without warnings"
say "built without a warning"
status=0
inside bash -c 'cd /promoai && exec bash test/tools/test.sh "$@"' - "${stages[@]}" | tee "$chroot/promoai/test.log" || status=1
result=$(tests_told "$chroot/promoai/test.log")
[ -z "${RELIABILITY_FIGURES:-}" ] ||
	say "| Debian $(cat "$chroot/etc/debian_version"), $found, ${stages[*]:-all stages} | no warning; ${result:-it did not end} |" >>"$RELIABILITY_FIGURES"
exit $status
