#!/usr/bin/env bash
# run.sh - all proofs of reliability, and their figures into doc/reliability.md
#
#   run.sh [--quick] [crash | load | hostile | fuzz | valgrind | asan | versions]…
#
# Without names: all.  The page's block of figures is written anew, proof by proof; of those that did not run, the old lines
# stay.  --quick writes nothing.
set -euo pipefail
cd "$(dirname "$0")/../.."
. test/tools/common.sh

page=doc/reliability.md
quick=()
proofs=()
for argument in "$@"; do
	case $argument in
		--quick) quick=(--quick) ;;
		crash | load | hostile | fuzz | valgrind | asan | versions) proofs+=("$argument") ;;
		*) die "unknown: $argument; crash, load, hostile, fuzz, valgrind, asan or versions" ;;
	esac
done
[ ${#proofs[@]} -gt 0 ] || proofs=(crash load hostile fuzz valgrind asan versions)

bash test/tools/install-deps.sh build run test
# shellcheck disable=SC2119 # no arguments meant
build
# shellcheck disable=SC2119
install_extension

work=$(mktemp -d "${TMPDIR:-/tmp}/promoai-reliability-XXXXXX")
trap 'rm -rf "$work"' EXIT

# put <proof> <file of figures>: in place of that proof's lines
put()
{
	local stamp
	stamp="$(date -u +%F), promoai $(sed -n "s/^default_version *= *'\(.*\)'.*/\1/p" promoai.control) $(git rev-parse --short HEAD 2>/dev/null || true)"
	[ "$1" = versions ] || stamp+=", $("$PG_CONFIG" --version)" # which says itself what it ran on
	{
		printf '<!-- %s -->\n\n`bash test/reliability/%s.sh`: %s\n\n| what | figures |\n| --- | --- |\n' "$1" "$1" "$stamp"
		cat "$2"
		printf '\n<!-- end of %s -->\n' "$1"
	} >"$work/block"
	awk -v begin="<!-- $1 -->" -v end="<!-- end of $1 -->" -v block="$work/block" '
		$0 == begin { while ((getline line < block) > 0) print line; skip = 1 }
		!skip { print }
		$0 == end { skip = 0 }' "$page" >"$work/page"
	cat "$work/page" >"$page"
}

status=0
for proof in "${proofs[@]}"; do
	heading "$proof"
	: >"$work/figures"
	RELIABILITY_FIGURES=$work/figures bash "test/reliability/$proof.sh" "${quick[@]}" || status=1
	if [ ${#quick[@]} -eq 0 ] && [ -s "$work/figures" ]; then
		put "$proof" "$work/figures"
	fi
done
exit $status
