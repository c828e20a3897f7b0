/* `rookery admin reset-password`: for who has forgotten theirs while no administrator can sign in. The password is made
 * here, printed once it is stored, and is nowhere else. */
#include <czmq.h>

#include "actors/admin.h"
#include "actors/password.h"
#include "persist/admin_store.h"
#include "proto/person.h"

static bool s_hash(const char *code, struct password_result *result_out)
{
    password_pool_t *pool = password_pool_new(1, 1);
    bool ok = pool && password_hash(pool, 0, view_of_text(code)) == ERR_OK && password_wait(pool, result_out) &&
              result_out->matches;
    password_pool_destroy(&pool);
    if (!ok)
        fputs("rookery: there is no memory to hash a password\n", stderr);
    return ok;
}

static bool s_reset(db_t *db, view_t user, const char *code)
{
    struct password_result hashed;
    if (!s_hash(code, &hashed))
        return false;
    /* What no name can be as long as is not found. */
    struct admin_reset reset = {.user_name = user.len <= LIM_NAME_BYTES_MAX ? user : view_of_text(""),
                                .password_hash = view_of_text(hashed.hash)};
    db_status_t status = admin_reset_password(db, &reset, (uint64_t)zclock_time());
    if (status) {
        fprintf(stderr, "rookery: %s\n", db_error(db));
    } else if (!reset.found) {
        fprintf(stderr, "rookery: %.*s: no such user\n", LIM_NAME_BYTES_MAX, (const char *)user.bytes);
    } else {
        if (reset.disabled)
            fprintf(stderr, "rookery: %.*s is disabled, and cannot sign in with it before that ends\n",
                    (int)reset.name_len, (const char *)reset.name);
        return printf("%s\n", code) > 0;
    }
    return false;
}

int admin_reset(const struct config *config, const char *user)
{
    char code[PERSON_CODE_LEN + 1];
    db_t *db = admin_connect(config);
    person_code_new(code);
    bool ok = db && s_reset(db, view_of_text(user), code);
    ok = fflush(stdout) == 0 && ok;
    explicit_bzero(code, sizeof code);
    db_destroy(&db);
    db_thread_end();
    return ok ? EXIT_SUCCESS : EXIT_FAILURE;
}
