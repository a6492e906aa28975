#!/usr/bin/env bash
# Verify that every file below a folder was built by this repository's _deploy.yml, from this very commit.
# Exit status: 0 all were; 1 one was not, or there is no file.
set -euo pipefail

[ $# -eq 1 ] || { echo "Usage: verify-provenance.sh FOLDER" >&2; exit 2; }
mapfile -d '' -t files < <(find "$1" -type f -print0 | sort -z)
[ ${#files[@]} -gt 0 ] || { echo "verify-provenance: $1 holds no file" >&2; exit 1; }

for file in "${files[@]}"; do
  gh attestation verify "$file" \
    --repo "$GITHUB_REPOSITORY" \
    --signer-workflow "$GITHUB_REPOSITORY/.github/workflows/_deploy.yml" \
    --source-digest "$GITHUB_SHA" \
    --deny-self-hosted-runners >/dev/null ||
    { echo "verify-provenance: $file: no valid provenance of $GITHUB_SHA" >&2; exit 1; }
  echo "verified  $file"
done
