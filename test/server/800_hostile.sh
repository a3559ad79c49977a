#!/usr/bin/env bash
# Some thousands of calls with hostile values; the whole of them: bash test/reliability/hostile.sh
exec bash "$(dirname "$0")/../reliability/hostile.sh" --quick
