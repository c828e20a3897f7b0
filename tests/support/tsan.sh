#!/usr/bin/env bash
# Runs a test of the tsan build: tsan.sh COMMAND [ARG..]. It fails also if a program that the test started had a race,
# which would otherwise only stand in the log of a server that the test restarts.
set -euo pipefail
reports=$(mktemp -d)
trap 'rm -rf "$reports"' EXIT
status=0
TSAN_OPTIONS="${TSAN_OPTIONS:-}:log_path=$reports/race:halt_on_error=0:exitcode=66" "$@" || status=$?
for report in "$reports"/race.*; do
    [ -f "$report" ] || continue
    cat "$report"
    [ "$status" -ne 0 ] || status=66
done
exit "$status"
