/* people — users and their tokens, made as an operator makes them: `rookery users import` and `rookery token new`.
 * Both run as programs; DATABASE_URL, ROOKERY_VAR and JWT_SECRET come from the environment, as the server's. */
#ifndef ROOKERY_BENCH_PEOPLE_H
#define ROOKERY_BENCH_PEOPLE_H

#include <stdbool.h>
#include <stdint.h>

enum { PEOPLE_MAX = 20000 }; /* of one call: what token new gives at once */

struct people {
    uint32_t count;
    char **tokens; /* one for each; good for LIM_ACCESS_TOKEN_S */
    char *bytes;   /* what they point into */
};

/* Users bench<first> … bench<first+count-1>, who cannot sign in with a password. */
bool people_import(const char *program, uint64_t first, uint32_t count);
/* A session and a token for each. The server must have been started once: the keys are its. */
bool people_sign_in(const char *program, uint64_t first, uint32_t count, struct people *out);
void people_fini(struct people *self); /* also after a second call */

#endif
