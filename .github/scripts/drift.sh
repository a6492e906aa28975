#!/usr/bin/env bash
# Plan one root as it is deployed, from the checkout in deployed/, and add to the run's summary what an apply would
# change. Where something would, build/drift/ROOT/section.md is left. Nothing is locked and nothing changed.
# Exit status: 0 planned, with or without drift; else Terraform failed.
set -euo pipefail

[ $# -eq 1 ] || { echo "Usage: drift.sh ROOT" >&2; exit 2; }
out=$PWD/build/drift/$1
mkdir -p "$out"
status=0
deployed/setup/deploy.sh plan "$1" --env "$ENV" --out "$out" || status=$?
# What the gate says of what is deployed belongs to pull requests.
[ "$status" -ne 3 ] || status=0
setup/python.sh -m meshtest.deploy.github.drift section "$1" "$out" >>"$GITHUB_STEP_SUMMARY" || status=1
exit "$status"
