#!/usr/bin/env bash
# Measures the release build with a database and a data folder of its own, and removes both. See bench/README.md.
#
#   bench/run.sh [smoke] [OPTION...] [SCENARIO...]     smoke: 200 readers and short rounds; the rest is rookery-bench's
set -euo pipefail
cd "$(dirname "$(readlink -f "$0")")/.."
readonly BUILD=${ROOKERY_BUILD_DIR:-build/release}
readonly BENCH=$BUILD/bench/rookery-bench SERVER=$BUILD/actors/rookery
PATH=$PATH:/usr/sbin:/sbin

die() {
    printf 'bench: %s\n' "$*" >&2
    exit 1
}

child='' dir=''
clean_up() {
    trap '' INT TERM HUP
    [ -z "$child" ] || kill -TERM "$child" 2>/dev/null || true
    [ -z "$child" ] || wait "$child" 2>/dev/null || true # it ends its server
    [ -n "$dir" ] || return 0
    ./dev mysql-stop "$dir/mysql"
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

sql() { mariadb --no-defaults --socket="$dir/mysql/mysqld.sock" --batch --skip-column-names; }

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
    sql <<<'CREATE DATABASE rookery CHARACTER SET utf8mb4 COLLATE utf8mb4_unicode_520_ci'
    DATABASE_URL=$(./dev mysql-start "$dir/mysql") # it runs: this only tells its address
    export DATABASE_URL=${DATABASE_URL/'/?'/'/rookery?'}
}

library() { pkg-config --modversion "$1" 2>/dev/null || echo unknown; }

main() {
    local options=() receipt stamp
    if [ "${1:-}" = smoke ]; then
        options=(--readers 200 --idle 200 --seconds 1 --rounds 1)
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
    start_database
    step "$SERVER" migrate >"$dir/server.log" 2>&1 || {
        cat "$dir/server.log" >&2
        die "rookery migrate failed"
    }
    mkdir -p build/bench
    stamp=$(date -u +%Y%m%dT%H%M%SZ)
    receipt=build/bench/$stamp.json
    step "$BENCH" --server "$SERVER" --var "$ROOKERY_VAR" --mariadb "$(cat "$dir/mysql/mysqld.pid")" \
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
