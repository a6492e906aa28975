#!/usr/bin/env bash
# Run Python with the toolkit alone, without the packages of `make setup`:
#   setup/python.sh -m meshtest.check.gate plan.json
# The toolkit is the one of this checkout, else the one of $PYTHON, else the one that setup/toolkit.txt names,
# which is installed once into .tools/toolkit.
#
# Environment:
#   PYTHON    the Python to run, from 3.11 on (default: python3)
set -euo pipefail
unset CDPATH

top=$(cd -- "$(dirname -- "${BASH_SOURCE[0]}")/.." && pwd)
python=${PYTHON:-python3}
sources=$top/toolkit/src
if [ ! -d "$sources" ] && ! "$python" -c 'import meshtest' 2>/dev/null; then
  sources=$top/.tools/toolkit
  if ! cmp --silent "$top/setup/toolkit.txt" "$sources/toolkit.txt"; then
    "$python" -m pip install --quiet --disable-pip-version-check --no-deps --upgrade \
      --target "$sources" --requirement "$top/setup/toolkit.txt"
    cp "$top/setup/toolkit.txt" "$sources/"
  fi
fi
[ ! -d "$sources" ] || export PYTHONPATH="$sources${PYTHONPATH:+:$PYTHONPATH}"
exec "$python" "$@"
