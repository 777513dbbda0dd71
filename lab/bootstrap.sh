#!/bin/sh
# Run by every npm script: installs the packages and builds the plugin if they are missing or older than
# their sources. Silent and fast if both are up to date.
set -eu
cd "$(dirname "$0")/.."

installed=node_modules/.package-lock.json
if [ ! -f "$installed" ] || [ package-lock.json -nt "$installed" ]; then
  echo "bootstrap: npm ci" >&2
  npm ci --no-audit --no-fund </dev/null >&2
  touch "$installed"
fi

built=node_modules/.cache/cass-sni-built
if [ -d src ]; then
  if [ ! -f "$built" ] || [ ! -d dist/commands ] ||
    [ -n "$(find src build package.json tsconfig.json -newer "$built" -type f -print -quit 2>/dev/null)" ]; then
    echo "bootstrap: npm run build" >&2
    npm run --silent build </dev/null >&2
    mkdir -p "${built%/*}" && touch "$built"
  fi
fi
