#!/usr/bin/env bash
# The examples of every *.md give the answers that stand there, and what shows none runs.  After a change on purpose:
# bash test/tools/doc-examples.sh --write, and read what it changed.
exec bash "$(dirname "$0")/../tools/doc-examples.sh"
