#!/bin/sh
# The GPU's tests on a bare machine, with neither Node nor a network: unpacks the bundle of
# `npm run build:gpu -- --bundle .gpu/bundle.tar.xz` (BUNDLE names another file) over this tree, then does what `npm run test:gpu` does:
#   sh scripts/gpu/first-light.sh --minutes 9 --all --out "$OUT"
set -u
cd "$(dirname "$0")/../.." || exit 2
bundle=${BUNDLE:-.gpu/bundle.tar.xz}
refuse() {
  echo "[first-light] $1" >&2
  exit 2
}
[ -f "$bundle" ] || refuse "there is no $bundle: npm run build:gpu -- --bundle $bundle makes it; BUNDLE names another"
tar -xJf "$bundle" 2>/dev/null ||
  python3 -c 'import sys, tarfile; tarfile.open(sys.argv[1]).extractall(".")' "$bundle" 2>/dev/null ||
  refuse "$bundle cannot be unpacked here: expected tar with xz, or python3; room on the disk; the whole file"
bin/node --version >/dev/null 2>&1 ||
  refuse "the bundle's Node does not run on this $(uname -m): make the bundle on a machine like this one"
PATH=$PWD/bin:$PATH
export PATH
[ -z "${GRUS_SHARED:-}" ] && [ -d shared/cases ] && GRUS_SHARED=$PWD/shared && export GRUS_SHARED
exec node scripts/gpu/test.mjs "$@"
