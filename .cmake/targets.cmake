# How the folders declare what they build:
#
#   rk_library(rk_room SOURCES room.c ... LINKS rk_runtime)
#   rk_executable(rookery SOURCES main.c LINKS rk_edge ...)
#   rk_test(test_room LABELS unit SOURCES test_room.c LINKS rk_room [TIMEOUT 60] [ARGS ...] [ENV A=b ...] [SERIAL])
#   rk_command_test(no_leftovers LABELS system COMMAND bash ... [DIRECTORY web] [TIMEOUT 60] [ENV A=b ...] [SERIAL])
#   rk_fuzz(fuzz_codec SOURCES fuzz_codec.c LINKS rk_proto CORPUS corpus/codec)
#
# Labels: unit, db (needs ROOKERY_TEST_DATABASE_URL), system (runs the real server), sim, fuzz, web, tidy; a second
# label `slow` keeps a test out of `./dev test quick`. A build may take only some of them: RK_TESTS.
# Includes are written from the project's root: #include "proto/codec.h".
include(CheckCCompilerFlag)

add_library(rk_flags INTERFACE)
target_include_directories(rk_flags INTERFACE "${PROJECT_SOURCE_DIR}" "${PROJECT_BINARY_DIR}/generated")
target_compile_definitions(rk_flags INTERFACE _GNU_SOURCE)
target_compile_options(rk_flags INTERFACE
    -Wall -Wextra -Wpedantic -Wconversion -Werror
    -fPIE -fno-omit-frame-pointer -fstack-protector-strong)
target_link_options(rk_flags INTERFACE -pie -Wl,-z,relro,-z,now,-z,noexecstack)
foreach(flag -fstack-clash-protection -fcf-protection)      # not on every processor
    string(MAKE_C_IDENTIFIER "RK_HAVE${flag}" have)
    check_c_compiler_flag(${flag} ${have})
    if(${have})
        target_compile_options(rk_flags INTERFACE ${flag})
    endif()
endforeach()

set(RK_TESTS "" CACHE STRING "names or labels of the tests this build takes, as a|b; empty: all")
set(rk_sanitizers "${RK_SANITIZE}")
if(RK_FUZZ)
    set(rk_sanitizers "address,undefined,fuzzer-no-link")
endif()
if(rk_sanitizers)
    target_compile_options(rk_flags INTERFACE -fsanitize=${rk_sanitizers} -fno-sanitize-recover=all)
    target_link_options(rk_flags INTERFACE -fsanitize=${rk_sanitizers})
elseif(CMAKE_BUILD_TYPE STREQUAL "Release")
    # Only here: it needs optimisation, and hides what the sanitizers intercept.
    target_compile_options(rk_flags INTERFACE -U_FORTIFY_SOURCE -D_FORTIFY_SOURCE=3)
endif()

# Boxes are seen through (a role's header may name proto's types); the libraries of others are not.
function(rk_link name)
    target_link_libraries(${name} PRIVATE rk_flags)
    foreach(link IN LISTS ARGN)
        get_target_property(kind ${name} TYPE)
        if(link MATCHES "^rk_" AND kind STREQUAL "STATIC_LIBRARY")
            target_link_libraries(${name} PUBLIC ${link})
        else()
            target_link_libraries(${name} PRIVATE ${link})
        endif()
    endforeach()
endfunction()

function(rk_library name)
    cmake_parse_arguments(PARSE_ARGV 1 arg "" "" "SOURCES;LINKS")
    add_library(${name} STATIC ${arg_SOURCES})
    rk_link(${name} ${arg_LINKS})
endfunction()

function(rk_executable name)
    cmake_parse_arguments(PARSE_ARGV 1 arg "" "" "SOURCES;LINKS")
    add_executable(${name} ${arg_SOURCES})
    rk_link(${name} ${arg_LINKS})
    if("lib::cmocka" IN_LIST arg_LINKS)
        target_sources(${name} PRIVATE "${PROJECT_SOURCE_DIR}/tests/support/only.c")
    endif()
    if(rk_sanitizers MATCHES "thread")
        target_sources(${name} PRIVATE "${PROJECT_SOURCE_DIR}/tests/support/tsan_messages.c")
        target_link_libraries(${name} PRIVATE lib::zmq ${CMAKE_DL_LIBS})
    endif()
endfunction()

function(rk_command_test name)
    cmake_parse_arguments(PARSE_ARGV 1 arg "SERIAL" "TIMEOUT;DIRECTORY" "LABELS;COMMAND;ENV")
    if(NOT arg_TIMEOUT)
        set(arg_TIMEOUT 60)
    endif()
    if(NOT arg_LABELS)
        set(arg_LABELS unit)
    endif()
    set(wanted ${arg_LABELS} ${name})
    list(FILTER wanted INCLUDE REGEX "^(${RK_TESTS})$")
    if(RK_TESTS AND NOT wanted)
        return()
    endif()
    set(patience 2)                   # on a machine that has other work too
    if(rk_sanitizers)                 # several times slower
        set(patience 4)
    endif()
    math(EXPR arg_TIMEOUT "${arg_TIMEOUT} * ${patience}")
    if(rk_sanitizers MATCHES "thread")
        list(GET arg_COMMAND 0 program)
        if(TARGET "${program}")
            list(TRANSFORM arg_COMMAND REPLACE "^${program}$" "$<TARGET_FILE:${program}>" AT 0)
        endif()
        list(PREPEND arg_COMMAND bash "${PROJECT_SOURCE_DIR}/tests/support/tsan.sh")
    endif()
    set(test "${RK_TEST_PREFIX}${name}")
    add_test(NAME ${test} COMMAND ${arg_COMMAND} WORKING_DIRECTORY "${PROJECT_SOURCE_DIR}/${arg_DIRECTORY}")
    set_tests_properties(${test} PROPERTIES TIMEOUT ${arg_TIMEOUT} LABELS "${arg_LABELS}")
    if(arg_SERIAL)
        set_tests_properties(${test} PROPERTIES RUN_SERIAL ON)
    endif()
    set_property(TEST ${test} PROPERTY ENVIRONMENT
        "ROOKERY_SOURCE_DIR=${PROJECT_SOURCE_DIR}"
        "ROOKERY_BUILD_DIR=${PROJECT_BINARY_DIR}"
        "ASAN_OPTIONS=abort_on_error=1:detect_stack_use_after_return=1:strict_string_checks=1"
        "LSAN_OPTIONS=suppressions=${PROJECT_SOURCE_DIR}/tests/support/lsan.supp:print_suppressions=0"
        "UBSAN_OPTIONS=print_stacktrace=1"
        "TSAN_OPTIONS=suppressions=${PROJECT_SOURCE_DIR}/tests/support/tsan.supp"
        ${arg_ENV})
endfunction()

function(rk_test name)
    cmake_parse_arguments(PARSE_ARGV 1 arg "SERIAL" "TIMEOUT" "LABELS;SOURCES;LINKS;ARGS;ENV")
    rk_executable(${name} SOURCES ${arg_SOURCES} LINKS ${arg_LINKS} lib::cmocka)
    set(serial "")
    if(arg_SERIAL)
        set(serial SERIAL)
    endif()
    rk_command_test(${name} ${serial} TIMEOUT "${arg_TIMEOUT}" LABELS ${arg_LABELS}
        COMMAND ${name} ${arg_ARGS} ENV ${arg_ENV})
endfunction()

# A fuzz target defines LLVMFuzzerTestOneInput. Outside the fuzz build the same code runs its corpus as a unit test.
# PLANTED: it has a mistake that must be found.
function(rk_fuzz name)
    cmake_parse_arguments(PARSE_ARGV 1 arg "PLANTED" "CORPUS" "SOURCES;LINKS")
    set(corpus "${CMAKE_CURRENT_SOURCE_DIR}/${arg_CORPUS}")
    if(RK_FUZZ)
        rk_executable(${name} SOURCES ${arg_SOURCES} LINKS ${arg_LINKS})
        target_link_options(${name} PRIVATE -fsanitize=fuzzer)
        add_dependencies(fuzz_targets ${name})
        set(what "$<TARGET_FILE:${name}>" "${corpus}")
        if(arg_PLANTED)
            set(what --planted "$<TARGET_FILE:${name}>")
        endif()
        # The slice is chosen at run time, up to a night: libFuzzer sees to the end.
        rk_command_test(${name} LABELS fuzz slow TIMEOUT 25000
            COMMAND bash "${PROJECT_SOURCE_DIR}/tests/fuzz/run.sh" ${what})
    else()
        rk_executable(${name} SOURCES ${arg_SOURCES} "${PROJECT_SOURCE_DIR}/tests/support/fuzz_replay.c"
            LINKS ${arg_LINKS})
        rk_command_test(${name} LABELS unit COMMAND ${name} "${corpus}")
    endif()
endfunction()
if(RK_FUZZ)
    add_custom_target(fuzz_targets)   # all of them, and nothing else
endif()
