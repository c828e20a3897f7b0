if(TARGET rk_edge)
    rk_test(test_backlog LABELS unit SOURCES test_backlog.c LINKS rk_edge)
    rk_test(test_fanout LABELS unit SOURCES test_fanout.c LINKS rk_edge lib::websockets)
    rk_test(test_http_rules LABELS unit SOURCES test_http_rules.c LINKS rk_edge lib::websockets)

    # A real edge among actors that the test plays.
    rk_library(rk_test_edge SOURCES edge_world.c raw_client.c
        LINKS rk_free_port rk_edge rk_runtime lib::czmq lib::zmq lib::crypto lib::cmocka lib::websockets
            lib::threads)
    rk_test(test_edge_http LABELS unit slow SOURCES test_edge_http.c LINKS rk_test_edge TIMEOUT 120)
    rk_test(test_edge_ws LABELS unit SOURCES test_edge_ws.c LINKS rk_test_edge lib::websockets TIMEOUT 120)
    rk_test(test_edge_export LABELS unit SOURCES test_edge_export.c LINKS rk_test_edge TIMEOUT 120)
    rk_test(test_edge_files LABELS unit SOURCES test_edge_files.c LINKS rk_test_edge TIMEOUT 120)
    rk_test(test_edge_bounds LABELS unit slow SOURCES test_edge_bounds.c LINKS rk_test_edge lib::websockets TIMEOUT 180)
    rk_test(test_edge_faults LABELS unit slow SOURCES test_edge_faults.c LINKS rk_test_edge TIMEOUT 180)
endif()
