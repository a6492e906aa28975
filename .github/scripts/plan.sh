#!/usr/bin/env bash
# Plan one root for a pull request, and hold the plan against the gate: in the account if there is a ROLE, else on the
# embedded AWS. Leaves the comment's section in build/plan/ROOT, and adds it to the run's summary.
# Exit status: as of setup/deploy.sh.
set -euo pipefail

[ $# -eq 1 ] || { echo "Usage: plan.sh ROOT" >&2; exit 2; }
root=$1 out=build/plan/$1
if [ -n "${ROLE:-}" ]; then
  note="Planned in the account of $ENV, with its read-only role."
  plan=(setup/deploy.sh plan)
else
  note="Planned on the embedded AWS, from nothing: no role of $ENV is to be had here."
  plan=(.venv/bin/python -m meshtest.deploy.github.embedded_plan)
fi
mkdir -p "$out"
status=0
"${plan[@]}" "$root" --env "$ENV" --out "$out" || status=$?
setup/python.sh -m meshtest.deploy.github.comment section "$root" "$out" --note "$note"
cat "$out/section.md" >>"$GITHUB_STEP_SUMMARY"
exit "$status"
