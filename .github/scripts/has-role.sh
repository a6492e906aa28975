#!/usr/bin/env bash
# Whether there is a role to deploy with: `ready=true` or `ready=false` for later steps. Before bootstrap there is none,
# and a push is told so instead of failing.
set -euo pipefail

if [ -n "${ROLE:-}" ]; then
  echo "ready=true" >> "$GITHUB_OUTPUT"
else
  echo "ready=false" >> "$GITHUB_OUTPUT"
  secret="AWS_ROLE_ARN_${ENV^^}"
  echo "::notice title=Nothing is deployed to $ENV::The secret $secret is not set: docs/deploy.md says how to get it."
  echo "Nothing is deployed to $ENV: the secret \`$secret\` is not set (docs/deploy.md)." >> "$GITHUB_STEP_SUMMARY"
fi
