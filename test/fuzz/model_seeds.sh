#!/usr/bin/env bash
# model_seeds.sh - seeds for fuzz_model: a small model of every kind as a value, by a throwaway server with the extension installed
#
#   model_seeds.sh <folder>
set -euo pipefail
cd "$(dirname "$0")/../.."
. test/tools/common.sh

folder=$1
work=$(mktemp -d "${TMPDIR:-/tmp}/promoai-seeds-XXXXXX")
trap 'bash test/tools/cluster.sh stop -D "$work/cluster" >/dev/null 2>&1; rm -rf "$work"' EXIT
chmod 0755 "$work"
bash test/tools/cluster.sh start -D "$work/cluster" >/dev/null
eval "$(bash test/tools/cluster.sh env -D "$work/cluster")"
"$(pg psql)" -XAtq -F ' ' -v ON_ERROR_STOP=1 -f test/fuzz/model_seeds.sql >"$work/seeds"
# Whole or not at all.
mkdir "$work/models"
while read -r name digits; do
	printf %s "$digits" | perl -ne 'print pack("H*", $_)' >"$work/models/$name"
done <"$work/seeds"
rm -rf "$folder"
cp -r "$work/models" "$folder"
