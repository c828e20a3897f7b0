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
openssl/.*>actors/token.c actors/token_keys.c edge/auth_key.c persist/migrator.c persist/store_files.c
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

# The first row that fits the file says what it may include.
may_include='' must_not='' # of the file that was asked about last
arrow_of() { # file
    local pattern allowed
    may_include='.*'
    while IFS='|' read -r pattern allowed; do
        if [ -n "$pattern" ] && matches_any "$1" "$pattern"; then
            may_include=$allowed
            return
        fi
    done <<<"$ARROWS"
}

# What files that live beside others must not know of them.
apart_of() { # file
    local patterns denied
    must_not=''
    while IFS='>' read -r patterns denied; do
        # shellcheck disable=SC2086  # a list of patterns
        if [ -n "$denied" ] && matches_any "$1" $patterns; then must_not+="${must_not:+|}$denied"; fi
    done <<<"$APART"
}

check_library() { # file line header
    local headers owners
    while IFS='>' read -r headers owners; do
        if [ -z "$headers" ] || ! [[ $3 =~ ^($headers)$ ]]; then continue; fi
        # shellcheck disable=SC2086  # a list of patterns
        matches_any "$1" $owners || finding "$1:$2: only $owners may include $3"
    done <<<"$LIBRARIES"
}

# All include lines of all files at once: a process for each file would take a minute.
check_includes() { # file...
    local file line text name last=''
    while IFS=: read -r file line text; do
        if [ "$file" != "$last" ]; then
            arrow_of "$file"
            apart_of "$file"
            last=$file
        fi
        name=${text#*[<\"]}
        name=${name%%[>\"]*}
        if [[ $text == *'"'* ]]; then
            [[ $name =~ ^($may_include)$ ]] || finding "$file:$line: must not include \"$name\""
            [[ -z $must_not || ! $name =~ ^($must_not)$ ]] || finding "$file:$line: must not include \"$name\""
        fi
        [[ $file == tests/* || $file == bench/* ]] || check_library "$file" "$line" "$name"
    done < <(grep -nHE '^[[:space:]]*#[[:space:]]*include[[:space:]]*[<"]' "$@" || true)
}

# proto is pure: no I/O, no threads, no clock. Its generator prints, so it is not part of the library.
check_pure() { # file...
    local file line text
    while IFS=: read -r file line text; do
        finding "$file:$line: proto is pure: $text"
    done < <(grep -nHE '#[[:space:]]*include[[:space:]]*<(pthread|threads|time|unistd|poll|syslog|sys/.*)\.h>' "$@" || true)
}

check_banned() { # file...
    local file line text
    while IFS=: read -r file line text; do
        finding "$file:$line: banned function: $text"
    done < <(grep -nHE "(^|[^A-Za-z0-9_])($BANNED)[[:space:]]*\(" "$@" || true)
}

check_lengths() { # file...
    local lines file limit
    while read -r lines file; do
        case $file in
        total | *.def | *.gen.ts) continue ;; # tables may be long
        tests/* | *.test.ts* | web/tests/*) limit=$LINES_MAX_TEST ;;
        *) limit=$LINES_MAX ;;
        esac
        [ "$lines" -le "$limit" ] || finding "$file:$limit: $lines lines; is it still one thing? (limit $limit)"
    done < <(wc -l "$@")
}

set -f # patterns stay patterns
mapfile -t sources < <(find proto actors edge persist bench tests web/src -type f \
    \( -name '*.c' -o -name '*.h' -o -name '*.def' -o -name '*.ts' -o -name '*.tsx' \) 2>/dev/null | sort)
c_sources=() pure=()
for file in "${sources[@]}"; do
    [[ $file == *.ts || $file == *.tsx ]] || c_sources+=("$file")
    [[ $file != proto/* || $file == proto/gen_proto.c ]] || pure+=("$file")
done
[ ${#c_sources[@]} -gt 0 ] || finding "no source file found: is this the project?"
check_lengths "${sources[@]}"
check_banned "${c_sources[@]}"
check_includes "${c_sources[@]}"
check_pure "${pure[@]}"
echo "${#sources[@]} files, $findings findings"
[ "$findings" -eq 0 ]
