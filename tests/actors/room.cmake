# Tests of rooms and inboxes: pure rules on a bench.
if(TARGET rk_room)
    add_library(rk_room_fixture STATIC room_fixture.c)
    target_link_libraries(rk_room_fixture PUBLIC rk_room PRIVATE rk_flags lib::cmocka)
    foreach(name test_room_files test_room_requests test_room_life test_room_attach test_room_inbox test_room_marks test_room_members
        test_room_parts test_room_settings test_room_share)
        rk_test(${name} LABELS unit SOURCES ${name}.c LINKS rk_room_fixture rk_room)
    endforeach()
endif()
