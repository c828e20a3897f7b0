#!/usr/bin/env bash
# compare.sh LOG — did the three topologies run the same tests? Prints each test's outcome in each, from ctest's log,
# and fails unless every test ran and passed in all three: a name that is missing or skipped somewhere is a failure,
# and so is a log without system tests.
set -euo pipefail

awk '
function note(name, outcome) {
    sub(/ \([0-9]+ ms\)$/, "", name)
    sub(/^test_/, "", name)
    gsub(/_/, " ", name)
    name = program ": " name
    if (!(name in known)) {
        known[name] = 1
        names[++count] = name
    }
    # The worst counts: a program tells of a failed test twice.
    if (!((topology, name) in seen) || outcome != "ok")
        seen[topology, name] = outcome
    said++
}
# One that told of no test, or did not end well although all that it told of did.
function close_program() {
    if (topology != "" && (said == 0 || (!passed && !bad)))
        note("the program itself", passed ? "EMPTY" : "FAILED")
    topology = ""
}
function show(outcome) { return outcome == "" ? "MISSING" : outcome }

/^[0-9]+\/[0-9]+ Testing: / {
    close_program()
    split($3, part, ".")
    if (part[1] == "system" && part[2] ~ /^(threads|processes|hosts)$/) {
        topology = part[2]
        program = part[3]
        said = passed = bad = 0
    }
    next
}
topology == "" { next }
/^\[ +OK +\] / { sub(/^\[ +OK +\] /, ""); note($0, "ok"); next }
/^\[ +FAILED +\] test_/ { sub(/^\[ +FAILED +\] /, ""); note($0, "FAILED"); bad = 1; next }
/^\[ +SKIPPED +\] test_/ { sub(/^\[ +SKIPPED +\] /, ""); note($0, "SKIPPED"); bad = 1; next }
/^ok / { sub(/^ok /, ""); note($0, "ok"); next }
/^not ok / { sub(/^not ok /, ""); note($0, "FAILED"); bad = 1; next }
/^Test Passed\.$/ { passed = 1 }

END {
    close_program()
    failed = count == 0
    for (i = 1; i <= count; i++) {
        t = show(seen["threads", names[i]])
        p = show(seen["processes", names[i]])
        h = show(seen["hosts", names[i]])
        if (i == 1)
            printf "%-9s %-9s %-9s %s\n", "threads", "processes", "hosts", "test"
        printf "%-9s %-9s %-9s %s\n", t, p, h, names[i]
        if (t != "ok" || p != "ok" || h != "ok")
            failed = 1
    }
    if (count == 0)
        print "no system tests were run"
    else if (failed)
        print "the topologies differ, or a test failed"
    else
        printf "%d tests, the same in each topology, none skipped\n", count
    exit failed
}' "$1"
