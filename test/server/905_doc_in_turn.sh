#!/usr/bin/env bash
# Whoever reads the README and then the manual types every example into one and the same database: none stands in the way of
# another (a model's name taken by another kind, a table that is there already).
exec bash "$(dirname "$0")/../tools/doc-examples.sh" --in-turn
