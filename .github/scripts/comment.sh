#!/usr/bin/env bash
# Put the sections that the plan jobs wrote into one comment on pull request $PULL_REQUEST, renewed in place.
# Without any section an earlier comment is brought up to date, but none is begun.
set -euo pipefail

[ $# -eq 1 ] || { echo "Usage: comment.sh FOLDER" >&2; exit 2; }
mkdir -p "$1" build
mapfile -d '' -t sections < <(find "$1" -name section.md -print0 | sort -z)

setup/python.sh -m meshtest.deploy.github.comment join "${sections[@]}" >build/comment.md
options=()
[ ${#sections[@]} -gt 0 ] || options=(--renew-only)
setup/python.sh -m meshtest.deploy.github.post build/comment.md --pull-request "$PULL_REQUEST" "${options[@]}"
