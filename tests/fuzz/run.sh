#!/usr/bin/env bash
# Lets libFuzzer look for ROOKERY_FUZZ_SECONDS (60) of processor time: run.sh TARGET CORPUS. What it learns is kept in
# corpus/ beside the target and is where the next run begins; a finding is kept in findings/, and the run fails and
# names it.
# run.sh --planted TARGET: the mistake of planted.c must be found, starting from nothing.
set -euo pipefail

planted=
if [ "$1" = --planted ]; then
    planted=1
    shift
fi
target=$1 name=$(basename "$1") seconds=${ROOKERY_FUZZ_SECONDS:-60}
learnt=$(dirname "$target")/corpus/$name found=$(dirname "$target")/findings/$name
[ -z "$planted" ] || rm -rf "$learnt" "$found"
mkdir -p "$learnt" "$found"
corpus=("$learnt")
[ -n "$planted" ] || corpus+=("$2")

# A slow input (10 s) and a hungry one (1 GB) are findings too. At idle priority it may wait for long through no fault
# of its own.
slow=10
[[ $(chrt --pid $$) != *SCHED_IDLE* ]] || slow=100

spent() { # processor time of the target so far, in s
    local stat
    read -ra stat <"/proc/$$/stat"
    echo $(((stat[15] + stat[16]) / $(getconf CLK_TCK)))
}

touch "$found/.began"
: >"$found/log"
status=0 left=$seconds
while [ "$status" -eq 0 ] && [ "$left" -gt 0 ]; do # libFuzzer counts on the wall, and may not have been let in
    [ "$left" -ge 5 ] || left=5
    "$target" -max_total_time="$left" -timeout="$slow" -rss_limit_mb=1024 -print_final_stats=1 \
        -artifact_prefix="$found/" "${corpus[@]}" >>"$found/log" 2>&1 || status=$?
    left=$((seconds - $(spent)))
done

if [ -n "$planted" ]; then
    if [ "$status" -ne 0 ] && grep -q 'AddressSanitizer: heap-buffer-overflow' "$found/log" &&
        grep -q '__wrap_reader_text' "$found/log"; then
        echo "$name: the planted mistake was found"
        exit 0
    fi
    tail -n 40 "$found/log"
    echo "$name: the planted mistake was NOT found within $seconds s (exit code $status)"
    exit 1
fi
if [ "$status" -eq 0 ]; then
    tail -n 12 "$found/log"
    echo "$name: $(spent) s of processor time"
    exit 0
fi
tail -n 120 "$found/log"
echo
while IFS= read -r file; do
    echo "$name: FINDING, reproduced by $target $file"
    [ "$(stat -c %s "$file")" -gt 4096 ] || base64 "$file"
    echo "once mended, keep it: cp $file $2/"
done < <(find "$found" -type f -newer "$found/.began" ! -name log ! -name .began)
echo "$name: libFuzzer ended with exit code $status; its log is $found/log"
exit 1
