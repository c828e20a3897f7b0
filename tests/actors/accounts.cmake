# Accounts between a silent clock and a store in memory: accounts_world.c stands in for the runtime's actor.c.
if(TARGET rk_accounts)
    rk_test(test_accounts LABELS unit SOURCES test_accounts.c accounts_world.c
        LINKS rk_accounts rk_runtime lib::czmq lib::zmq lib::sodium)
    rk_test(test_accounts_rights LABELS unit SOURCES test_accounts_rights.c accounts_world.c
        LINKS rk_accounts lib::jwt rk_runtime lib::czmq lib::zmq lib::sodium)
    rk_test(test_password LABELS unit SOURCES test_password.c LINKS rk_accounts lib::czmq lib::zmq lib::sodium)
    rk_test(test_token LABELS unit SOURCES test_token.c LINKS rk_accounts lib::jwt)
endif()
