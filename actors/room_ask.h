/* room_ask — a browser's request to a room as the event it asks for, whatever message it came in. Pure.
 * What can be refused by its content alone is; who may do it is the room's to say. */
#ifndef ROOKERY_ACTORS_ROOM_ASK_H
#define ROOKERY_ACTORS_ROOM_ASK_H

#include "proto/envelope.h"
#include "proto/first.h"
#include "proto/marks.h"

struct room_ask {
    uint32_t kind;
    uint64_t room, target;
    uint64_t whom;   /* of changes of members; else 0 */
    cid_t client_id;
    err_t refused;   /* by its content alone */
    uint64_t members[LIM_DIRECT_MEMBERS_MAX]; /* who would come in, if the store knows them */
    size_t member_count;
    size_t body_len;
    uint8_t body[LIM_EVENT_BODY_BYTES_MAX];
    uint8_t mac[MAC_BYTES];
};

/* ERR_UNEXPECTED: no request to a room. */
err_t room_ask_read(const struct envelope *env, const struct msg *msg, struct room_ask *ask_out);
/* body: a struct of the kind. */
err_t room_ask_set_body(struct room_ask *ask, const void *body);

#endif
