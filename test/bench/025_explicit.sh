#!/usr/bin/env bash
# Explicit ratings without a server: five-fold RMSE on MovieLens latest-small (Debian's r-cran-dslabs) by alternating least
# squares and by stochastic gradients, aims 0.87 and 0.875; and an iteration of the latter beside LIBMF
# (https://github.com/cjlin1/libmf), aim at most 1.2 of its time.  LIBMF names the folder with mf-train and mf-predict.
# shellcheck source=test/bench/lib.sh
. "$(dirname "$0")/lib.sh"

folder=$(mktemp -d "${TMPDIR:-/tmp}/promoai-explicit-XXXXXX")
trap 'rm -rf "$folder"' EXIT

if command -v Rscript >/dev/null && Rscript -e 'library(dslabs)' >/dev/null 2>&1; then
	make -s -C test/core BUILD="$folder/core" folds | sed 's/^/  /'
else
	absent "five folds of MovieLens" "Debian's r-base-core and r-cran-dslabs"
fi
if [ -x "${LIBMF:-}/mf-train" ]; then
	make -s -C test/core BUILD="$folder/core" "$folder/core/plain/bench_explicit"
	bash test/core/bench_libmf.sh "$folder/core/plain/bench_explicit" "$LIBMF" "$(pick "$rounds" 1)" | sed 's/^/  /'
else
	absent "LIBMF" "LIBMF=folder of mf-train"
fi
