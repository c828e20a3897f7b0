#!/usr/bin/env bash
# compare.sh must see what is missing, skipped, failed, or not there at all.
set -euo pipefail
here=$(dirname "$(readlink -f "$0")")
log=$(mktemp)
trap 'rm -f "$log"' EXIT
failures=0

# One program's part of ctest's log: topology, the lines it said, what ctest says of it.
part() {
    printf '1/9 Testing: system.%s.faults\n1/9 Test: system.%s.faults\nOutput:\n%s\n<end of output>\n%s.\n\n' \
        "$1" "$1" "$2" "$3"
}
all() { # the same in each
    local topology
    for topology in threads processes hosts; do part "$topology" "$1" "${2:-Test Passed}"; done >"$log"
}
expect() { # status pattern claim
    local status=0 said
    said=$("$here/compare.sh" "$log") || status=$?
    if [ "$status" = "$1" ] && grep -Eq -- "$2" <<<"$said"; then
        printf 'ok %s\n' "$3"
    else
        printf 'not ok %s (status %s)\n%s\n' "$3" "$status" "$said"
        failures=$((failures + 1))
    fi
}

all $'[ RUN      ] test_a_b\n[       OK ] test_a_b\nok it says so (12 ms)'
expect 0 '^2 tests, the same' 'equal names that passed are fine'
expect 0 '^ok +ok +ok +faults: a b$' 'the table has a column for each topology'
expect 0 '^ok +ok +ok +faults: it says so$' 'how long a step took is not in its name'

{ part threads 'ok one' 'Test Passed' && part processes 'ok one' 'Test Passed'; } >"$log"
expect 1 '^ok +ok +MISSING +faults: one$' 'a topology that did not run is seen'

{ part threads $'ok one\nok two' 'Test Passed' && part processes 'ok one' 'Test Passed' &&
    part hosts $'ok one\nok two' 'Test Passed'; } >"$log"
expect 1 '^ok +MISSING +ok +faults: two$' 'a test that one topology has not is seen'

{ part threads '[       OK ] test_a' 'Test Passed' && part processes '[       OK ] test_a' 'Test Passed' &&
    part hosts '[  SKIPPED ] test_a' 'Test Passed'; } >"$log"
expect 1 '^ok +ok +SKIPPED +faults: a$' 'a skipped test is seen'

all $'[  FAILED  ] test_a\n[       OK ] test_b\n[  FAILED  ] test_a' 'Test Failed'
expect 1 '^FAILED +FAILED +FAILED +faults: a$' 'the same failure in each is a failure'

all 'ok one' 'Test Failed'
expect 1 'FAILED +faults: the program itself$' 'a program that fails after its last test is seen'

all 'nothing' 'Test Passed'
expect 1 'EMPTY +faults: the program itself$' 'a program without a test is seen'

: >"$log"
expect 1 'no system tests' 'a run without system tests is none'
exit "$failures"
