#!/usr/bin/env bash
# Print one SHA-256 of all files below a folder, their paths included; or with a second argument, check it.
# Exit status: 0 printed, or equal; 1 different, or there is no file.
set -euo pipefail

[ $# -ge 1 ] && [ $# -le 2 ] || { echo "Usage: digest.sh FOLDER [EXPECTED]" >&2; exit 2; }
list=$(cd "$1" && find . -type f -print0 | sort -z | xargs -0 -r sha256sum)
[ -n "$list" ] || { echo "digest: $1 holds no file" >&2; exit 1; }
digest=$(sha256sum <<<"$list" | cut -d ' ' -f 1)

if [ $# -eq 1 ]; then
  echo "$digest"
elif [ "$digest" != "$2" ]; then
  echo "digest: $1 is $digest; expected ${2:-a digest, but there is none}" >&2
  exit 1
fi
