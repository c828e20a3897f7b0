#!/usr/bin/env bash
# systemctl on a host of the guide's test, where no systemd runs: the units are read as they lie in /etc/systemd/system, what
# they start is started with their user, environment and credentials. The lock-up is for systemd itself (units.mjs).
set -euo pipefail
shopt -s nullglob
readonly RUN=/run/guide STOP_S=30
mkdir -p "$RUN" /var/log/guide

fail() {
    printf 'systemctl of the test: %s\n' "$*" >&2
    exit 1
}

lives() { [ -d "/proc/$1" ] && ! grep -q '^State:.Z' "/proc/$1/status" 2>/dev/null; }
pid_of() { cat "$RUN/$1.pid" 2>/dev/null || true; }

stop() { # unit
    local pid until=$((SECONDS + STOP_S))
    pid=$(pid_of "$1")
    [ -n "$pid" ] && lives "$pid" || return 0
    kill -TERM "$pid"
    while lives "$pid"; do
        [ "$SECONDS" -lt "$until" ] || fail "$1 did not stop in $STOP_S s"
        sleep 0.05
    done
}

background() { # unit command...
    local unit=$1
    shift
    setsid "$@" </dev/null >>"/var/log/guide/$unit.log" 2>&1 &
    echo $! >"$RUN/$unit.pid"
}

start_mariadb() {
    mkdir -p /run/mysqld /var/lib/mysql
    [ -d /var/lib/mysql/mysql ] || mariadb-install-db --no-defaults --user=root --datadir=/var/lib/mysql --skip-test-db \
        --auth-root-authentication-method=socket --auth-root-socket-user=root --skip-name-resolve >/var/log/guide/install.log
    background mariadb mariadbd --no-defaults --user=root --datadir=/var/lib/mysql --socket=/run/mysqld/mysqld.sock \
        --bind-address=127.0.0.1 --skip-log-bin --innodb-flush-log-at-trx-commit=1
    for ((try = 0; try < 300; try++)); do
        ! mariadb -e 'SELECT 1' >/dev/null 2>&1 || return 0
        sleep 0.1
    done
    fail "mariadb did not start"
}

start_haproxy() { # old-pid...: -n, because this account may not have descriptors for the file's maxconn
    background haproxy haproxy -db -n 500 -f /etc/haproxy/haproxy.cfg ${1:+-sf "$1"}
}

# The lines "key=value" of a section, drop-ins behind the unit.
declare -a environment
start_rookery() { # unit
    local instance=${1#rookery@} user='' command='' line path file
    local creds=$RUN/credentials/$1
    environment=(PATH=/usr/local/bin:/usr/bin:/bin)
    [ -e /etc/systemd/system/rookery@.service ] || fail "there is no unit rookery@.service"
    mkdir -p "$creds"
    for file in /etc/systemd/system/rookery@.service /etc/systemd/system/"$1".service.d/*.conf; do
        while IFS= read -r line; do
            line=${line//%i/$instance} line=${line//%d/$creds}
            case $line in
            User=*) user=${line#*=} ;;
            ExecStart=*) command=${line#*=} ;;
            Environment=*) read -ra path <<<"${line#*=}" && environment+=("${path[@]}") ;;
            EnvironmentFile=-*) [ ! -e "${line#*=-}" ] || mapfile -t -O "${#environment[@]}" environment <"${line#*=-}" ;;
            LoadCredential=*) line=${line#*=} && install -o rookery -m 400 "${line#*:}" "$creds/${line%%:*}" ;;
            StateDirectory=*) install -d -o rookery -g rookery -m 700 "/var/lib/${line#*=}" ;;
            esac
        done <"$file"
    done
    [ -n "${user:+$command}" ] || fail "the unit of $1 names no user or no command"
    chown -R rookery: "$RUN/credentials"
    # shellcheck disable=SC2086 # the command is words
    background "$1" setpriv --reuid="$user" --regid="$user" --clear-groups --no-new-privs env -i "${environment[@]}" $command
}

start() { # unit
    local pid
    pid=$(pid_of "$1")
    [ -z "$pid" ] || ! lives "$pid" || return 0
    case $1 in
    mariadb | haproxy) "start_$1" ;;
    rookery@*-*) start_rookery "$1" ;;
    *) fail "there is no unit $1" ;;
    esac
}

verb=${1:-}
shift || true
[ "$verb" != enable ] || { [ "${1:-}" = --now ] || fail "enable what?" && shift && verb=start; }
case $verb in
daemon-reload) ;;
start | stop) for unit; do "$verb" "$unit"; done ;;
restart) for unit; do stop "$unit" && start "$unit"; done ;;
reload)
    [ "$*" = haproxy ] || fail "cannot reload $*"
    old=$(pid_of haproxy)
    start_haproxy "$old"
    ;;
*) fail "what is '$verb'?" ;;
esac
