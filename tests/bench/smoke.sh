#!/usr/bin/env bash
# Every scenario of the bench with a few readers and short rounds, so that the harness cannot rot; and, with a fault
# planted between the sockets and the books, proof that its audit finds it wherever it looks.
#
#   smoke.sh clean SCENARIO...                       all must pass, and be in the receipt
#   smoke.sh missed|doubled|reordered SCENARIO...    each must say FAILED, and why
set -euo pipefail
cd "$ROOKERY_SOURCE_DIR"
fault=$1
shift

out=$(mktemp)
trap 'rm -f "$out"' EXIT
die() {
    cat "$out" >&2
    printf 'smoke: %s\n' "$*" >&2
    exit 1
}

planted=()
[ "$fault" = clean ] || planted=(--plant "$fault")
status=0
bench/run.sh smoke "${planted[@]}" "$@" >"$out" 2>&1 || status=$?
receipt=$(sed -n 's/^receipt: //p' "$out")
[ -s "$receipt" ] || die "there is no receipt"
trap 'rm -f "$out" "$receipt" "${receipt%.json}.server.log"' EXIT

if [ "$fault" = clean ]; then
    [ "$status" -eq 0 ] || die "exit code $status"
    grep -q '^audit: clean' "$out" || die "the audit is not clean"
    ! grep -q FAILED "$out" || die "something FAILED"
    bench/run.sh table "$receipt" >"$out.md" || die "the receipt is no table"
    for scenario in "$@" fanout_more; do
        grep -q "^| \*\*$scenario\*\* " "$out.md" || die "$scenario is not in the table"
    done
    grep -qE ': (met|\*\*MISSED\*\*) \|$' "$out.md" || die "no target is in the table"
    rm -f "$out.md"
    exit 0
fi

[ "$status" -eq 1 ] || die "exit code $status: the planted fault was not found"
grep -q '^audit: FAILED' "$out" || die "the audit is clean in spite of the fault"
for scenario; do # its FAILED is in the table below its heading
    sed -n "/raw rounds$/,\$p" "$out" | sed -n "/^$scenario: /,/^\$/p" | grep -q "FAILED: .*$fault [1-9]" ||
        die "$scenario: $fault was not told"
done
