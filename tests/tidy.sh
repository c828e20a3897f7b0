#!/usr/bin/env bash
# Checks what a compiler does not: the include arrows, banned functions, lengths, and where a library may be named.
# Prints every finding as file:line: reason, and exits 1 if there is one.
set -euo pipefail
cd "$(dirname "$0")/.."

readonly LINES_MAX=700 LINES_MAX_TEST=1200
readonly BANNED='strcpy|strcat|sprintf|vsprintf|strtok|gmtime|localtime|gets'

# file pattern | what its "includes" may match. The first row that fits a file counts; arrows only go down.
readonly ARROWS='
proto/*|proto/.*
actors/runtime/*|(proto|actors/runtime)/.*|build_info\.h
edge/*|(proto|actors/runtime|edge)/.*|build_info\.h
persist/*|(proto|actors/runtime|persist)/.*|build_info\.h
actors/main.c|.*
actors/admin*|(proto|actors|persist)/.*|build_info\.h
actors/*|(proto|actors)/.*|build_info\.h
'

# files that live side by side in actors/ > and what they must not know of each other
readonly APART='
actors/accounts* actors/password* actors/token*>actors/(room|inbox|lease|commit|batch|effects).*
actors/room* actors/inbox* actors/lease* actors/commit* actors/batch*>actors/(accounts|password|token).*
'

# library header > files that may name it (tests and benchmarks may name any)
readonly LIBRARIES='
mysql\.h|mysqld_error\.h|errmsg\.h>persist/db.c persist/db_impl.h persist/db_stmt.c persist/db_error.c
msgpack\.h|msgpack/.*>proto/codec.c
sodium\.h>actors/runtime/keys.c actors/password.c actors/token.c proto/ids.c
jwt\.h>actors/token.c
openssl/.*>actors/token.c actors/token_keys.c edge/auth_key.c persist/migrator.c
libwebsockets\.h>edge/*
uv\.h>edge/loop.c edge/loop.h
czmq\.h|zmq\.h>actors/runtime/* edge/loop.c actors/main.c actors/admin_*.c actors/password.c persist/work.c
jansson\.h>edge/* actors/token.c actors/users_file.c proto/json.c
'

findings=0
finding() {
    echo "$1"
    findings=$((findings + 1))
}

matches_any() { # path pattern...
    local path=$1 pattern
    shift
    for pattern; do
        # shellcheck disable=SC2053  # the right side is a pattern
        [[ $path == $pattern ]] && return 0
    done
    return 1
}

includes_of() { # file: prints line:name
    sed -nE '/^[[:space:]]*#[[:space:]]*include[[:space:]]*"/{=;s/[^"]*"([^"]*)".*/\1/p}' "$1" | paste -d: - -
}

check_arrows() { # file
    local file=$1 pattern allowed line name
    while IFS='|' read -r pattern allowed; do
        if [ -z "$pattern" ] || ! matches_any "$file" "$pattern"; then
            continue
        fi
        while IFS=: read -r line name; do
            [[ $name =~ ^($allowed)$ ]] || finding "$file:$line: must not include \"$name\""
        done < <(includes_of "$file")
        return
    done <<<"$ARROWS"
}

check_apart() { # file
    local file=$1 patterns denied line name
    while IFS='>' read -r patterns denied; do
        # shellcheck disable=SC2086  # a list of patterns
        matches_any "$file" $patterns || continue
        while IFS=: read -r line name; do
            [[ ! $name =~ ^($denied)$ ]] || finding "$file:$line: must not include \"$name\""
        done < <(includes_of "$file")
    done <<<"$APART"
}

check_libraries() { # file
    local file=$1 headers owners hit
    while IFS='>' read -r headers owners; do
        [ -n "$headers" ] || continue
        # shellcheck disable=SC2086  # a list of patterns
        matches_any "$file" $owners && continue
        while IFS= read -r hit; do
            finding "$file:${hit%%:*}: only $owners may include ${hit#*include }"
        done < <(grep -nE "^[[:space:]]*#[[:space:]]*include[[:space:]]*[<\"]($headers)[>\"]" "$file" || true)
    done <<<"$LIBRARIES"
}

# proto is pure: no I/O, no threads, no clock. Its generator prints, so it is not part of the library.
check_pure() { # file
    local hit
    while IFS= read -r hit; do
        finding "$1:${hit%%:*}: proto is pure: ${hit#*:}"
    done < <(grep -nE '#[[:space:]]*include[[:space:]]*<(pthread|threads|time|unistd|poll|syslog|sys/.*)\.h>' "$1" || true)
}

check_banned() { # file
    local hit
    while IFS= read -r hit; do
        finding "$1:${hit%%:*}: banned function: ${hit#*:}"
    done < <(grep -nE "(^|[^A-Za-z0-9_])($BANNED)[[:space:]]*\(" "$1" || true)
}

check_length() { # file
    local lines limit=$LINES_MAX
    [[ $1 == tests/* || $1 == *.test.ts* || $1 == web/tests/* ]] && limit=$LINES_MAX_TEST
    [[ $1 == *.def || $1 == *.gen.ts ]] && return # tables may be long
    lines=$(wc -l <"$1")
    [ "$lines" -le "$limit" ] || finding "$1:$limit: $lines lines; is it still one thing? (limit $limit)"
}

set -f # patterns stay patterns
sources=0
while IFS= read -r file; do
    sources=$((sources + 1))
    check_length "$file"
    case $file in
    *.ts | *.tsx) continue ;;
    esac
    check_banned "$file"
    check_arrows "$file"
    check_apart "$file"
    case $file in
    tests/* | bench/*) continue ;;
    esac
    check_libraries "$file"
    case $file in
    proto/gen_ts.c) ;;
    proto/*) check_pure "$file" ;;
    esac
done < <(find proto actors edge persist bench tests web/src -type f \
    \( -name '*.c' -o -name '*.h' -o -name '*.def' -o -name '*.ts' -o -name '*.tsx' \) 2>/dev/null | sort)

[ "$sources" -gt 0 ] || finding "no source file found: is this the project?"
echo "$sources files, $findings findings"
[ "$findings" -eq 0 ]
