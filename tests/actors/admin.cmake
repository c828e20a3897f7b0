# The operator's verbs: what they read, and the program itself on a database.
rk_test(test_users_file LABELS unit SOURCES test_users_file.c LINKS rk_admin rk_proto)
if(TARGET rookery)
    rk_test(test_admin LABELS db SOURCES test_admin.c LINKS rk_test_db rk_client rk_persist rk_proto lib::jansson)
    add_dependencies(test_admin rookery)
endif()
