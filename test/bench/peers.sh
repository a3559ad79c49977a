#!/usr/bin/env bash
# peers.sh - the programs that benchmarks run beside promoai, and how a reader gets them
#
#   peers.sh            each with its version, or how to get it
#   peers.sh versions   one line with the versions of those that are there
#   peers.sh install    install what Debian has (as root)
#
# None of them is needed: what is not there is skipped.  Debian has most.  For two, environment
# variables say in which folders they are:
#
#   IMPLICIT   the folder that holds the Python package `implicit`: python3 -m pip install --no-deps --target FOLDER implicit, or its
#              sources (https://github.com/benfred/implicit), built in place; it needs Debian's python3-tqdm
#   LIBMF      git clone https://github.com/cjlin1/libmf; in it: make
#
# R's arules is CRAN's: install.packages("arules").  Versions since 1.7.13 ask for R 4.5; for Debian 12's R 4.2 its source
# (https://github.com/mhahsler/arules) is to have that line of DESCRIPTION lowered and R_chk_memset and R_chk_memcpy written memset and memcpy.
#
# PYTHON is the Python that runs peers (/usr/bin/python3, which knows Debian's packages, where there is one).
# Sourced by lib.sh it sets `python` and PYTHONPATH and does nothing else.

if [ -n "${PYTHON:-}" ]; then
	python=$PYTHON
elif [ -x /usr/bin/python3 ]; then
	python=/usr/bin/python3
else
	python=python3
fi
if [ -n "${IMPLICIT:-}" ]; then
	export PYTHONPATH="$IMPLICIT${PYTHONPATH:+:$PYTHONPATH}"
fi
export python

[ "${BASH_SOURCE[0]}" = "$0" ] || return 0
set -euo pipefail

# "name|how to get it|command that prints the version"
python_version() { "$python" -W ignore -c "import $1; print($1.__version__.split('+')[0])"; }
r_version() { Rscript -e "cat(format(packageVersion('$1')))"; }
libmf_version() { [ -x "${LIBMF:-}/mf-train" ] && date -u -r "$LIBMF/mf.cpp" '+of %F'; }
fasttext_version() { command -v fasttext >/dev/null && dpkg-query -W -f '${Version}' fasttext 2>/dev/null | sed 's/[-+].*//'; }

peers=(
	'NumPy|python3-numpy|python_version numpy'
	'SciPy|python3-scipy|python_version scipy'
	'scikit-learn|python3-sklearn|python_version sklearn'
	'statsmodels|python3-statsmodels|python_version statsmodels'
	'pandas|python3-pandas|python_version pandas'
	'faiss|python3-faiss|python_version faiss'
	'gensim|python3-gensim|python_version gensim'
	'fastText|fasttext python3-fasttext|fasttext_version'
	'R|r-base-core|r_version base'
	"R's dslabs|r-cran-dslabs|r_version dslabs"
	"R's arules||r_version arules"
	'implicit||python_version implicit'
	'LIBMF||libmf_version'
)

case ${1:-} in
	'' | versions)
		there=
		for peer in "${peers[@]}"; do
			IFS='|' read -r name packages command <<<"$peer"
			version=$($command 2>/dev/null) || version=
			if [ -n "$version" ]; then
				there+="${there:+, }$name $version"
				how=$version
			elif [ -n "$packages" ]; then
				how="not here; Debian: $packages"
			elif [ "$name" = "R's arules" ]; then
				how="not here; CRAN: install.packages(\"arules\")"
			else
				how="not here; ${name^^} names its folder; test/bench/peers.sh says more"
			fi
			[ -n "${1:-}" ] || printf '%-14s %s\n' "$name" "$how"
		done
		[ -z "${1:-}" ] || printf '%s\n' "$there"
		;;
	install)
		wanted=()
		for peer in "${peers[@]}"; do
			IFS='|' read -r name packages command <<<"$peer"
			# shellcheck disable=SC2206 # packages are words
			wanted+=($packages)
		done
		apt-get install -y --no-install-recommends "${wanted[@]}"
		;;
	*)
		sed -n '2,/^$/{/^#/s/^# \{0,1\}//p}' "$0" >&2
		exit 2
		;;
esac
