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

# The memory checkers and other versions have builds of their own.
case " ${proofs[*]} " in
	*" crash "* | *" load "* | *" hostile "*)
		bash test/tools/install-deps.sh build run test
		# shellcheck disable=SC2119 # no arguments meant
		build
		# shellcheck disable=SC2119
		install_extension
		;;
esac

revision=$(git describe --always --dirty --exclude "*" 2>/dev/null || true) # what is run, whatever is committed meanwhile
work=$(mktemp -d "${TMPDIR:-/tmp}/promoai-reliability-XXXXXX")
trap 'rm -rf "$work"' EXIT

# put <proof> <file of figures> <what became of it>: in place of that proof's lines
put()
{
	local stamp
	stamp="$(date -u +%F), promoai $(sed -n "s/^default_version *= *'\(.*\)'.*/\1/p" promoai.control) $revision"
	case $1 in
		asan | valgrind | versions) ;; # which say themselves what they ran on
		*) stamp+=", $("$PG_CONFIG" --version)" ;;
	esac
	{
		printf '<!-- %s -->\n\n`bash test/reliability/%s.sh`: %s%s\n\n| what | figures |\n| --- | --- |\n' "$1" "$1" "$stamp" "$3"
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
	failed=
	RELIABILITY_FIGURES=$work/figures bash "test/reliability/$proof.sh" "${quick[@]}" || {
		status=1
		failed=", **failed**"
	}
	[ -s "$work/figures" ] || echo "| | it gave none |" >"$work/figures"
	if [ ${#quick[@]} -eq 0 ]; then
		put "$proof" "$work/figures" "$failed"
	fi
done
exit $status
