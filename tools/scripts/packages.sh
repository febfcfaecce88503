#!/usr/bin/env bash
# Installs the Debian packages that the tests need and that are not there. Prints
# nothing when all are. On other systems it names what is missing and fails.
set -euo pipefail

missing=()
command -v git >/dev/null || missing+=(git)
command -v gcc >/dev/null || missing+=(gcc libc6-dev)         # the race detector needs cgo
command -v cbc >/dev/null || missing+=(coinor-cbc)            # test/solver compares with it
command -v redis-server >/dev/null || missing+=(redis-server) # what a store in Redis is tested on
((${#missing[@]})) || exit 0

as_root=()
[[ $EUID -eq 0 ]] || as_root=(sudo)
if ! command -v apt-get >/dev/null || { [[ $EUID -ne 0 ]] && ! command -v sudo >/dev/null; }; then
  echo "the tests need what these Debian packages hold, and they can not be installed here: ${missing[*]}" >&2
  exit 1
fi
"${as_root[@]}" apt-get update -qq
"${as_root[@]}" apt-get install -y --no-install-recommends "${missing[@]}"
