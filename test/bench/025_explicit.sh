#!/usr/bin/env bash
# Explicit ratings without a server: five-fold RMSE on MovieLens latest-small (Debian's r-cran-dslabs) by alternating least
# squares and by stochastic gradients, aims 0.87 and 0.875; and an iteration of the latter beside LIBMF
# (https://github.com/cjlin1/libmf), aim at most 1.2 of its time.
# shellcheck source=test/bench/lib.sh
. "$(dirname "$0")/lib.sh"

folder=$(mktemp -d "${TMPDIR:-/tmp}/promoai-explicit-XXXXXX")
trap 'rm -rf "$folder"' EXIT

# rmse <solver> <aim>: of the five folds
rmse()
{
	report "RMSE of MovieLens, five folds, $1" RMSE "$(sed -n "/^$1, /s/.*RMSE \([0-9.]*\),.*/\1/p" "$folder/folds")" "aim" "$2" "<= 1" yardstick
}

if command -v Rscript >/dev/null && Rscript -e 'library(dslabs)' >/dev/null 2>&1; then
	make -s -C test/core folds | tee "$folder/folds" | sed 's/^/  /'
	rmse als 0.87
	rmse sgd 0.875
else
	absent "five folds of MovieLens" "Debian's r-base-core and r-cran-dslabs"
fi
if [ -x "${LIBMF:-}/mf-train" ]; then
	bash test/core/bench_libmf.sh "$(core_program bench_explicit)" "$LIBMF" "$rounds" | tee "$folder/libmf" | sed 's/^/  /'
	report "an iteration of SGD, 1 M ratings, rank 64" s "$(sed -n 's/.*sgd \([0-9.]*\) s, .*/\1/p' "$folder/libmf" | median_of)" \
		"LIBMF" "$(sed -n 's/.*LIBMF \([0-9.]*\) s .*/\1/p' "$folder/libmf" | median_of)" "<= 1.2"
	report "its RMSE, a tenth held out" RMSE "$(sed -n 's/.*held out: sgd \([0-9.]*\), .*/\1/p' "$folder/libmf")" \
		"LIBMF" "$(sed -n 's/.*held out: .*LIBMF \([0-9.]*\).*/\1/p' "$folder/libmf")" "<= 1.01"
else
	absent "LIBMF" "LIBMF=folder of mf-train"
fi
