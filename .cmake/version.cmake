# build_info.h: what `rookery --version`, /healthz and the first message of a connection tell.
# A tarball has no history, so "unknown" is an answer, not an error.
set(RK_VERSION "unknown")
find_package(Git QUIET)
if(Git_FOUND)
    execute_process(COMMAND "${GIT_EXECUTABLE}" describe --tags --always
        WORKING_DIRECTORY "${PROJECT_SOURCE_DIR}" RESULT_VARIABLE git_status
        OUTPUT_VARIABLE git_output OUTPUT_STRIP_TRAILING_WHITESPACE ERROR_QUIET)
    if(git_status EQUAL 0)
        set(RK_VERSION "${git_output}")
    endif()
    execute_process(COMMAND "${GIT_EXECUTABLE}" rev-parse --git-path logs/HEAD
        WORKING_DIRECTORY "${PROJECT_SOURCE_DIR}" RESULT_VARIABLE git_status
        OUTPUT_VARIABLE git_log OUTPUT_STRIP_TRAILING_WHITESPACE ERROR_QUIET)
    if(git_status EQUAL 0)
        get_filename_component(git_log "${git_log}" ABSOLUTE BASE_DIR "${PROJECT_SOURCE_DIR}")
        if(EXISTS "${git_log}")       # a commit changes the version: configure again
            set_property(DIRECTORY "${PROJECT_SOURCE_DIR}" APPEND PROPERTY CMAKE_CONFIGURE_DEPENDS "${git_log}")
        endif()
    endif()
endif()
configure_file("${CMAKE_CURRENT_LIST_DIR}/build_info.h.in" "${PROJECT_BINARY_DIR}/generated/build_info.h" @ONLY)
