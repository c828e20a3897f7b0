#!/usr/bin/env bash
# Measures the release build with a database and a data folder of its own, and removes both. See bench/README.md.
#
#   bench/run.sh [smoke] [OPTION...] [SCENARIO...]     smoke: few readers and short rounds; the rest is rookery-bench's
#   bench/run.sh table [RECEIPT]                       a receipt, or the newest, as the Markdown table of README.md
#
# With ROOKERY_TEST_DATABASE_URL the smoke takes a database of that server and not a server of its own.
set -euo pipefail
cd "$(dirname "$(readlink -f "$0")")/.."
readonly BUILD=${ROOKERY_BUILD_DIR:-build/release}
readonly BENCH=$BUILD/bench/rookery-bench SERVER=$BUILD/actors/rookery
PATH=$PATH:/usr/sbin:/sbin

die() {
    printf 'bench: %s\n' "$*" >&2
    exit 1
}

child='' dir='' admin_socket='' database=rookery
clean_up() {
    trap '' INT TERM HUP
    [ -z "$child" ] || kill -TERM "$child" 2>/dev/null || true
    [ -z "$child" ] || wait "$child" 2>/dev/null || true # it ends its server
    [ -n "$dir" ] || return 0
    if [ "$database" = rookery ]; then
        ./dev mysql-stop "$dir/mysql"
    else
        sql <<<"DROP DATABASE IF EXISTS $database" || true
    fi
    rm -rf "$dir"
}
trap clean_up EXIT
trap 'exit 130' INT TERM HUP

# In the background, because bash holds a trap back while a foreground command runs.
step() {
    local status=0
    env --default-signal=INT --default-signal=QUIT "$@" &
    child=$!
    wait "$child" || status=$?
    child=
    return "$status"
}

sql() { mariadb --no-defaults --socket="${admin_socket:-$dir/mysql/mysqld.sock}" --batch --skip-column-names; }

start_database() {
    local deadline=$((SECONDS + 60))
    mkdir "$dir/mysql"
    ./dev mysql-exec "$dir/mysql" >"$dir/mysql.log" 2>&1 & # ends with us, whatever ends us
    until sql <<<'SELECT 1' >/dev/null 2>&1; do
        if ! kill -0 $! 2>/dev/null || [ "$SECONDS" -ge "$deadline" ]; then
            cat "$dir/mysql.log" >&2
            die "MariaDB did not start"
        fi
        sleep 0.05
    done
    DATABASE_URL=$(./dev mysql-start "$dir/mysql") # it runs: this only tells its address
    database_pid=$(cat "$dir/mysql/mysqld.pid")
}

# A server that others use too: whose CPU time is whose cannot be told.
use_test_database() {
    DATABASE_URL=$ROOKERY_TEST_DATABASE_URL database_pid=0 database=rookery_bench_$$
    admin_socket=${DATABASE_URL##*socket=}
    admin_socket=${admin_socket//%2F//}
}

table() {
    local receipt=${1:-}
    [ -n "$receipt" ] || receipt=$(find build/bench -name '*.json' | sort | tail -n 1)
    [ -n "$receipt" ] || die "there is no receipt in build/bench"
    exec "$BENCH" --table "$receipt"
}

library() { pkg-config --modversion "$1" 2>/dev/null || echo unknown; }

main() {
    local options=() receipt stamp database_pid
    if [ "${1:-}" = table ]; then
        shift
        table "$@"
    fi
    if [ "${1:-}" = smoke ]; then
        options=(--readers 20 --readers-more 40 --idle 200 --storm 100 --events 2000 --file-mib 2 --seconds 0.5 --rounds 1)
        shift
    fi
    if ! [ -x "$BENCH" ] || ! [ -x "$SERVER" ]; then
        die "build first: ./dev build release"
    fi
    dir=$(mktemp -d "${TMPDIR:-/tmp}/rookery-bench.XXXXXX")
    export ROOKERY_VAR=$dir/var
    mkdir -m 700 "$ROOKERY_VAR"
    JWT_SECRET=$(od -An -N 32 -t x1 /dev/urandom | tr -d ' \n')
    export JWT_SECRET
    if [ ${#options[@]} -gt 0 ] && [ -n "${ROOKERY_TEST_DATABASE_URL:-}" ]; then
        use_test_database
    else
        start_database
    fi
    sql <<<"CREATE DATABASE $database CHARACTER SET utf8mb4 COLLATE utf8mb4_unicode_520_ci"
    export DATABASE_URL=${DATABASE_URL/'/?'/"/$database?"}
    step "$SERVER" migrate >"$dir/server.log" 2>&1 || {
        cat "$dir/server.log" >&2
        die "rookery migrate failed"
    }
    mkdir -p build/bench
    stamp=$(date -u +%Y%m%dT%H%M%SZ)
    [ ${#options[@]} -eq 0 ] || stamp=$stamp.smoke$$
    receipt=build/bench/$stamp.json
    step "$BENCH" --server "$SERVER" --var "$ROOKERY_VAR" --mariadb "$database_pid" \
        --log "build/bench/$stamp.server.log" --out "$receipt" --fact "at=$stamp" \
        --fact "git=$(git describe --always --dirty 2>/dev/null || echo unknown)" \
        --fact "libzmq=$(library libzmq)" --fact "libwebsockets=$(library libwebsockets)" \
        --fact "libuv=$(library libuv)" --fact "processors=$(nproc)" \
        --fact "database_files_on=$(df --output=fstype "$dir" | tail -n 1)" \
        --fact "database_pool=${MYSQL_POOL:-128M}" --fact "database_redo=${MYSQL_REDO:-64M}" \
        --fact "database_flush=innodb_flush_log_at_trx_commit=1" \
        "${options[@]}" "$@" || exit 1
}

main "$@"
