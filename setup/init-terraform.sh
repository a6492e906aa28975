#!/usr/bin/env bash
# Write infrastructure/environments/<env>/backend.conf: where each environment keeps its Terraform states.
# The values follow from setup/domain.json and the account; files that are right already are left alone.
set -euo pipefail
unset CDPATH

usage() {
  cat <<'TEXT'
Usage: setup/init-terraform.sh [--account-id N] [--env ENV] [--help]

Write the S3 backend's settings of every folder of infrastructure/environments, with S3's own state locking.

  --account-id N  the AWS account (12 digits); default: the one that the aws CLI is signed in to
  --env ENV       only this environment, if the environments have accounts of their own
  --help          show this text

Then, for the foundation and for a project:
  cd infrastructure/environments/dev && terraform init -backend-config=backend.conf
  cd infrastructure/projects/NAME && terraform init \
    -backend-config=../../environments/dev/backend.conf \
    -backend-config="key=projects/NAME/terraform.tfstate"

The state bucket, {domain_abbr}-tfstate-{account}-{env}, must exist before: setup/bootstrap.sh aws makes it.
TEXT
}

die() {
  echo "init-terraform: $*" >&2
  exit 1
}

# ─── Arguments ───
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
account_id='' environments=("$root"/infrastructure/environments/*/main.tf)
environments=("${environments[@]%/main.tf}")
environments=("${environments[@]##*/}")
while [ $# -gt 0 ]; do
  case "$1" in
    --account-id | --env) [ $# -gt 1 ] || die "$1 has no value" ;;&
    --account-id)
      account_id=$2
      [ -n "$account_id" ] || die "--account-id is empty; expected 12 digits"
      shift 2
      ;;
    --env)
      [[ " ${environments[*]} " = *" $2 "* ]] || die "--env is '$2'; expected a folder of infrastructure/environments"
      environments=("$2")
      shift 2
      ;;
    --help | -h) usage; exit 0 ;;
    *) die "unknown argument '$1'; expected --account-id, --env or --help" ;;
  esac
done

# ─── Domain ───

# One field of setup/domain.json, held against its schema; python3, because jq is not everywhere.
domain() {
  python3 - "$root/setup" "$1" <<'PY'
import json
import re
import sys

folder, field = sys.argv[1:]
with open(f"{folder}/schemas/domain.schema.json", encoding="utf-8") as handle:
    schema = json.load(handle)
try:
    with open(f"{folder}/domain.json", encoding="utf-8") as handle:
        content = json.load(handle)
    found = json.dumps(content[field]) if field in content else "missing"
except FileNotFoundError:
    sys.exit(f"init-terraform: setup/domain.json: content is missing; expected {schema['expected']}.")
except (json.JSONDecodeError, TypeError) as error:
    sys.exit(f"init-terraform: setup/domain.json: content is no JSON object ({error}); expected {schema['expected']}.")
rule = schema["properties"][field]
if found == "missing" or not re.fullmatch(rule["pattern"], str(content[field])):
    sys.exit(f"init-terraform: setup/domain.json: {field} is {found}; expected {rule['expected']}.")
print(content[field])
PY
}

abbreviation=$(domain domain_abbr)
region=$(domain aws_region)

# ─── Account ───
if [ -z "$account_id" ]; then
  command -v aws >/dev/null || die "the aws CLI is missing; install it, or name the account with --account-id"
  account_id=$(aws sts get-caller-identity --query Account --output text 2>&1) ||
    die "the aws CLI is not signed in ($(tail -n 1 <<<"$account_id")); sign in, or name the account with --account-id"
fi
[[ $account_id =~ ^[0-9]{12}$ ]] || die "the account id is '$account_id'; expected 12 digits"

# ─── Backends ───
# Without `encrypt`: to Terraform that means SSE-S3, and the bucket's own key would not be used.
for env in "${environments[@]}"; do
  file=$root/infrastructure/environments/$env/backend.conf
  content="# Written by setup/init-terraform.sh. Projects pass a key of their own.
bucket       = \"$abbreviation-tfstate-$account_id-$env\"
key          = \"foundation/terraform.tfstate\"
region       = \"$region\"
use_lockfile = true"
  if [ -f "$file" ] && [ "$(cat "$file")" = "$content" ]; then
    echo "unchanged  ${file#"$root"/}"
  else
    printf '%s\n' "$content" >"$file"
    echo "written    ${file#"$root"/}"
  fi
done
