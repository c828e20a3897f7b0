#!/usr/bin/env bash
# ssh from one host of the guide's test to another: into its namespaces.
set -euo pipefail
pid=$(cat "$GUIDE_DIR/$1.pid")
shift
exec nsenter --target "$pid" --net --mount --uts bash --norc -c "$*"
