#include "edge/people.h"

#include <assert.h>
#include <stdlib.h>

#include "edge/session.h"
#include "proto/ids.h"

enum { ANSWER_MS = 2000 }; /* a question is then asked afresh */

struct people {
    struct edge *edge;
    struct ask *pull;
    int64_t pull_ms;  /* when to ask next */
    uint64_t after;   /* number of the last change seen; ID_MAX: none yet, tell the newest */
};

struct people *people_new(struct edge *edge)
{
    struct people *self = calloc(1, sizeof *self);
    if (!self)
        return NULL;
    self->edge = edge;
    self->after = ID_MAX;
    return self;
}

void people_destroy(struct people **self_p)
{
    assert(self_p);
    free(*self_p);
    *self_p = NULL;
}

/* The same bytes to all who have had their welcome; who has not will ask for names after it. */
static void s_tell(struct edge *edge, list_t users)
{
    const struct msg msg = {.type = MSG_USER_CHANGED, .as.user_changed = {.users = users}};
    buffer_clear(&edge->encoded);
    if (msg_encode(&msg, &edge->encoded))
        return;
    struct shared message = shared_of(buffer_view(&edge->encoded), 0);
    for (struct session *session = edge->all; session; session = session->next) {
        frame_t *frame = session->state == SESSION_READY ? shared_frame(&message, session->viewer.json) : NULL;
        if (frame)
            fanout_send(edge->fanout, &session->viewer, frame);
    }
    shared_fini(&message);
}

static bool s_on_pulled(struct edge *edge, struct ask *ask, const struct answer *answer)
{
    struct people *self = ask->spec.owner;
    struct msg msg;
    self->pull = NULL;
    if (answer->err || answer->type != MSG_STORE_USER_CHANGES || msg_decode(answer->body, &msg))
        return true;
    const struct msg_store_user_changes *changes = &msg.as.store_user_changes;
    self->after = changes->upto;
    if (changes->users.count == LIM_USERS_PAGE_MAX)
        self->pull_ms = 0; /* there may be more */
    if (changes->users.count > 0)
        s_tell(edge, changes->users);
    return true;
}

void people_on_tick(struct people *self)
{
    if (self->pull || self->edge->now_ms < self->pull_ms)
        return;
    const struct msg msg = {.type = MSG_STORE_USER_CHANGES_GET, .as.store_user_changes_get.after = self->after};
    const struct ask_spec spec = {.to = ASK_PERSIST, .done = s_on_pulled, .owner = self, .deadline_ms = ANSWER_MS};
    self->pull = asks_send_msg(self->edge->asks, &spec, &msg);
    self->pull_ms = self->edge->now_ms + LIM_REVOCATION_PULL_MS;
}
