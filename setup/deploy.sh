#!/usr/bin/env bash
# Plan one root module, or plan it, hold the plan against the gate and apply that very plan. The workflows run
# it, and so may a person who is signed in.
set -euo pipefail

usage() {
  cat <<'TEXT'
Usage: setup/deploy.sh (plan|apply) ROOT --env ENV [--out DIR] [--account-id N]

  plan            plan ROOT without locking its state (a read-only role is enough)
  apply           plan ROOT, stop on a gate finding of high severity, else apply that plan
  ROOT            infrastructure/environments/ENV or infrastructure/projects/NAME;
                  infrastructure/bootstrap can be planned, from nothing
  --env ENV       a folder of infrastructure/environments
  --out DIR       where plan.bin, plan.json, plan.txt, gate.* and terraform.log go
                  (default: build/plan/NAME); plan.bin and plan.json hold sensitive values in the clear
  --account-id N  the AWS account (default: the one that the aws CLI is signed in to)
  --help          show this text

Exit status: 0 done, 1 Terraform failed, 2 bad arguments, 3 the gate stopped it.

Environment:
  TERRAFORM       the Terraform to use (default: terraform)
  PYTHON          the Python that runs the gate, from 3.11 on (default: python3)
TEXT
}

die() {
  echo "deploy: $*" >&2
  exit 2
}

# ─── Arguments ───
action='' root='' env='' out='' account=()
while [ $# -gt 0 ]; do
  case "$1" in
    --help | -h) usage; exit 0 ;;
    --env | --out | --account-id) [ $# -gt 1 ] && [ -n "$2" ] || die "$1 has no value" ;;&
    --env) env=$2; shift 2 ;;
    --out) out=$2; shift 2 ;;
    --account-id) account=(--account-id "$2"); shift 2 ;;
    -*) die "unknown argument '$1'; --help shows the arguments" ;;
    *)
      if [ -z "$action" ]; then action=$1; elif [ -z "$root" ]; then root=${1%/}; else die "unexpected argument '$1'"; fi
      shift
      ;;
  esac
done
[[ $action =~ ^(plan|apply)$ ]] || die "the action is '$action'; expected plan or apply"
cd "$(dirname "${BASH_SOURCE[0]}")/.."
[[ $env =~ ^[a-z0-9]+$ && -f infrastructure/environments/$env/main.tf ]] ||
  die "--env is '$env'; expected a folder of infrastructure/environments"
name=${root##*/}
backend=("-backend-config=../../environments/$env/backend.conf")
case "$root" in
  infrastructure/bootstrap)
    [ "$action" = plan ] || die "ROOT is '$root', which setup/bootstrap.sh aws applies; expected plan"
    key='' variables=() backend=()
    ;;
  "infrastructure/environments/$env") key=foundation/terraform.tfstate variables=() ;;
  infrastructure/environments/*) die "ROOT is '$root', but --env is '$env'" ;;
  infrastructure/projects/[!_]*) key=projects/$name/terraform.tfstate variables=("-var=env=$env") ;;
  *) die "ROOT is '$root'; expected infrastructure/environments/$env or infrastructure/projects/NAME" ;;
esac
[ -d "$root" ] || die "ROOT is '$root'; there is no such folder"
out=${out:-build/plan/$name}
mkdir -p "$out"
out=$(cd "$out" && pwd)

# ─── Plan ───
terraform() {
  command "${TERRAFORM:-terraform}" -chdir="$root" "$1" -no-color "${@:2}" 2>&1 | tee -a "$out/terraform.log"
}

umask 077 # a plan holds sensitive values in the clear
rm -f "$out"/{plan.bin,plan.json,plan.txt,terraform.log} "$out"/gate.*
[ -z "$key" ] || { setup/init-terraform.sh --env "$env" "${account[@]}"; backend+=("-backend-config=key=$key"); }
lock=true
[ "$action" = apply ] || lock=false
terraform init -input=false -reconfigure -lockfile=readonly "${backend[@]}"
terraform plan -input=false -lock="$lock" -lock-timeout=5m -out="$out/plan.bin" "${variables[@]}" | tee "$out/plan.txt"
command "${TERRAFORM:-terraform}" -chdir="$root" show -json "$out/plan.bin" >"$out/plan.json"

# ─── Gate ───
gate=0
setup/python.sh -m meshtest.check.gate "$out/plan.json" --root "$root" --name "$root" --fail-on high \
  --exceptions setup/gate-exceptions.toml \
  --output "$out/gate.md" --output "$out/gate.sarif" --output "$out/gate.json" || gate=$?
[ "$gate" -eq 0 ] || { echo "deploy: the gate stopped $root" >&2; exit 3; }
[ "$action" = apply ] || exit 0

# ─── Apply ───
terraform apply -input=false -lock-timeout=5m "$out/plan.bin"
