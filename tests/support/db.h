/* db — databases for tests: a server (the one ROOKERY_TEST_DATABASE_URL names, or a private mariadbd), and a fresh
 * database in it for each program. A private server's files are in a temporary folder and go with it; it ends with
 * the program, however that ends. Failures end the test. */
#ifndef ROOKERY_TESTS_SUPPORT_DB_H
#define ROOKERY_TESTS_SUPPORT_DB_H

#include <sys/types.h>

#include "persist/db.h"

enum { TEST_DB_URL_MAX = 1024, TEST_DB_PATH_MAX = 96 };

/* A mariadbd of our own. */
struct test_server {
    pid_t pid;
    char folder[TEST_DB_PATH_MAX];
    char admin_url[TEST_DB_URL_MAX];
};

void test_server_start(struct test_server *self);   /* makes the folder the first time; waits until it answers */
void test_server_kill(struct test_server *self);    /* SIGKILL; test_server_start brings it back with its data */
void test_server_destroy(struct test_server *self); /* ends it and removes its folder */

struct test_db {
    struct test_server server; /* pid 0: the environment's */
    char admin_url[TEST_DB_URL_MAX];
    char name[64];
    char url[TEST_DB_URL_MAX];
    db_t *admin; /* connected to the database */
};

/* A fresh database with the schema of migrations/ (or empty). own_server: a private one in any case. */
void test_db_open(struct test_db *self, const char *program, bool own_server, bool migrate);
void test_db_close(struct test_db *self); /* drops it */

/* The url with another socket: of a proxy. */
void test_db_url_via(const struct test_db *self, const char *socket, char url_out[TEST_DB_URL_MAX]);

/* On the admin connection; must succeed. */
void test_db_do(struct test_db *self, const char *sql);
uint64_t test_db_number(struct test_db *self, const char *sql); /* its first column of its first row */

#endif
