#!/usr/bin/env bash
# Sum up the jobs that one depends on: the only check that a branch needs to require.
# NEEDS is toJSON(needs). A job that was skipped because nothing of it changed is fine.
# Exit status: 0 all passed or were skipped; 1 one failed or was cancelled, or there is none.
set -euo pipefail

jq --raw-output 'to_entries[] | "\(.value.result)\t\(.key)"' <<<"$NEEDS"
# Slurped: on no input at all jq would say nothing and succeed.
jq --slurp --exit-status \
  'length == 1 and (.[0] | length > 0 and all(.[]; .result == "success" or .result == "skipped"))' <<<"$NEEDS" >/dev/null ||
  { echo "all-passed: not every job passed" >&2; exit 1; }
