# Pure parts of the edge. test_auth takes real tokens from accounts, and forges the others with libcrypto.
if(TARGET rk_edge AND TARGET rk_accounts)
    rk_test(test_auth LABELS unit SOURCES test_auth.c LINKS rk_edge rk_accounts lib::crypto lib::jwt)
    rk_test(test_auth_web LABELS unit SOURCES test_auth_web.c LINKS rk_edge)
    rk_test(test_budget LABELS unit SOURCES test_budget.c LINKS rk_edge)
endif()
