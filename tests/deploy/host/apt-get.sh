#!/usr/bin/env bash
# apt-get on a host of the guide's test: nothing is installed, all hosts share this machine's programs; but Debian must have
# what is asked for.
set -euo pipefail
[ "${1:-}" = install ] && [ "${2:-}" = -y ] || exit 1
shift 2
for package; do
    apt-cache show --no-all-versions "$package" >/dev/null || exit 1
done
