#!/usr/bin/env bash
# Validate root modules without any account: bootstrap, each environment, and each project that discovery finds.
set -euo pipefail
unset CDPATH

usage() {
  cat <<'TEXT'
Usage: setup/validate.sh [ROOT...]

Run `terraform init -backend=false` (with the locked providers) and `terraform validate` in each ROOT; by
default in bootstrap, every environment and every project, _template included. All of them are tried; what fails is shown.

Exit status: 0 all are valid, 1 one is not, or there is none to validate.

Environment:
  TERRAFORM   the Terraform to use (default: terraform)
TEXT
}

case "${1:-}" in --help | -h) usage; exit 0 ;; esac
cd "$(dirname "${BASH_SOURCE[0]}")/.."

# ─── Roots ───
if [ $# -eq 0 ]; then
  shopt -s nullglob
  bootstrap=(infrastructure/bootstrap*/main.tf)
  environments=(infrastructure/environments/*/main.tf)
  projects=()
  for file in infrastructure/projects/*/project.json; do
    git check-ignore --quiet "$file" 2>/dev/null || projects+=("$file") # as toolkit/src/meshtest/tools/folders.py has it
  done
  [ ${#environments[@]} -gt 0 ] || { echo "validate: infrastructure/environments holds no environment" >&2; exit 1; }
  [ ${#projects[@]} -gt 0 ] || { echo "validate: infrastructure/projects holds no project.json" >&2; exit 1; }
  set -- "${bootstrap[@]%/main.tf}" "${environments[@]%/main.tf}" "${projects[@]%/project.json}"
fi

# ─── Validate ───
failed=()
for root in "$@"; do
  [ -z "${GITHUB_ACTIONS:-}" ] || echo "::group::$root"
  echo "── $root"
  if ! { "${TERRAFORM:-terraform}" -chdir="$root" init -backend=false -input=false -lockfile=readonly -no-color &&
    "${TERRAFORM:-terraform}" -chdir="$root" validate -no-color; } 2>&1; then
    failed+=("$root")
  fi
  [ -z "${GITHUB_ACTIONS:-}" ] || echo "::endgroup::"
done
[ ${#failed[@]} -eq 0 ] || { echo "validate: not valid: ${failed[*]}" >&2; exit 1; }
echo "validate: $# roots are valid"
