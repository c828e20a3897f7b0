/* `rookery token new`: a session row for each token, so that it is listed, revoked and audited as any sign-in is. Its
 * refresh token is known to nobody: when the access token has expired, the session is of no more use. */
#include <czmq.h>

#include "actors/admin.h"
#include "actors/token.h"
#include "persist/admin_store.h"
#include "proto/ids.h"

enum { NAME_BYTES = 2 * LIM_NAME_BYTES_MAX, KEY_WAIT_MS = 5000, KEY_STEP_MS = 100 };

struct s_tokens {
    db_t *db;
    token_signer_t *signer;
    const struct admin_token_ask *ask;
    struct admin_session batch[ADMIN_BATCH_MAX];
    char names[ADMIN_BATCH_MAX][NAME_BYTES];
    buffer_t token;
    uint64_t refused;
};

/* The name with its first % replaced by the number. */
static void s_name(const struct admin_token_ask *ask, uint64_t number, char name_out[NAME_BYTES])
{
    const char *mark = strchr(ask->user, '%');
    if (!mark)
        snprintf(name_out, NAME_BYTES, "%s", ask->user);
    else
        snprintf(name_out, NAME_BYTES, "%.*s%" PRIu64 "%s", (int)(mark - ask->user), ask->user, number, mark + 1);
}

static bool s_prepare(struct s_tokens *self, uint64_t number, size_t index)
{
    struct admin_session *session = &self->batch[index];
    struct token_refresh nobodys;
    s_name(self->ask, number, self->names[index]);
    view_t name = view_of_text(self->names[index]);
    /* What no name can be as long as is not found: the store takes LIM_NAME_BYTES_MAX. */
    *session = (struct admin_session){.user_name = name.len <= LIM_NAME_BYTES_MAX ? name : view_of_text(""),
                                      .session = id_random()};
    if (token_refresh_new(session->session, &nobodys) != ERR_OK)
        return false;
    token_refresh_hash(&nobodys, session->refresh_hash);
    return true;
}

/* Only what is committed is told. */
static bool s_print(struct s_tokens *self, size_t index, int64_t utc_ms)
{
    const struct admin_session *session = &self->batch[index];
    if (!session->found || session->disabled) {
        fprintf(stderr, "rookery: %.*s: %s\n", LIM_NAME_BYTES_MAX, self->names[index],
                session->found ? "disabled" : "no such user");
        self->refused++;
        return true;
    }
    struct token_claims claims = {.user = session->user,
                                  .session = session->session,
                                  .name = view_of(session->name, session->name_len),
                                  .admin = session->admin};
    int64_t expires_at_ms;
    buffer_clear(&self->token);
    err_t err = token_sign(self->signer, &claims, utc_ms, &self->token, &expires_at_ms);
    if (err) {
        fprintf(stderr, "rookery: cannot sign: %s\n", err_name(err));
        return false;
    }
    return printf("%.*s\n", (int)self->token.len, (const char *)self->token.bytes) > 0;
}

static bool s_make(struct s_tokens *self, uint64_t from, size_t count)
{
    int64_t utc_ms = zclock_time();
    for (size_t i = 0; i < count; i++)
        if (!s_prepare(self, from + i, i))
            return false;
    db_status_t status = admin_add_sessions(self->db, self->batch, count, self->ask->device, (uint64_t)utc_ms);
    if (status) {
        fprintf(stderr, "rookery: %s\n", db_error(self->db));
        return false;
    }
    for (size_t i = 0; i < count; i++)
        if (!s_print(self, i, utc_ms))
            return false;
    return true;
}

/* A server that has just started publishes its key a moment later. */
static db_status_t s_await_key(const struct s_tokens *self, bool *is_known_out)
{
    view_t kid = token_signer_key(self->signer).kid;
    db_status_t status = admin_key_is_known(self->db, kid, is_known_out);
    for (int waited_ms = 0; !status && !*is_known_out && waited_ms < KEY_WAIT_MS; waited_ms += KEY_STEP_MS) {
        zclock_sleep(KEY_STEP_MS);
        status = admin_key_is_known(self->db, kid, is_known_out);
    }
    return status;
}

/* What it signs must be what edges take: made by accounts, and published. Nothing is made here, or a wrong data folder
 * would get keys that nobody knows, perhaps of another user of the machine. */
static bool s_open_signer(struct s_tokens *self, const struct config *config)
{
    bool is_known = false;
    if (!token_signer_is_set_up(config->var, config->jwt_secret)) {
        fprintf(stderr, "rookery: no keys in the data folder %s: start the server once, and run this beside it\n",
                config->var);
        return false;
    }
    self->signer = token_signer_new(config->var, config->jwt_secret);
    if (!self->signer)
        return false; /* it was logged */
    db_status_t status = s_await_key(self, &is_known);
    if (status)
        fprintf(stderr, "rookery: %s\n", db_error(self->db));
    else if (!is_known)
        fprintf(stderr, "rookery: no server has published the key of the data folder %s: is it the server's?\n",
                config->var);
    return !status && is_known;
}

int admin_token_new(const struct config *config, const struct admin_token_ask *ask)
{
    static struct s_tokens tokens;
    tokens = (struct s_tokens){.db = admin_connect(config), .ask = ask};
    buffer_init(&tokens.token, LIM_TOKEN_BYTES_MAX);
    bool ok = tokens.db && s_open_signer(&tokens, config);
    uint64_t left = ask->count ? ask->count : 1;
    for (uint64_t number = ask->first; ok && left > 0;) {
        size_t count = left < ADMIN_BATCH_MAX ? (size_t)left : ADMIN_BATCH_MAX;
        ok = s_make(&tokens, number, count);
        number += count;
        left -= count;
    }
    ok = fflush(stdout) == 0 && ok && tokens.refused == 0;
    buffer_fini(&tokens.token);
    token_signer_destroy(&tokens.signer);
    db_destroy(&tokens.db);
    db_thread_end();
    return ok ? EXIT_SUCCESS : EXIT_FAILURE;
}
