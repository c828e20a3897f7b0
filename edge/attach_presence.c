/* Who is here, who is typing: never stored, dropped first.
 *
 * A room tells this edge who is here, all of it, each time a reader comes, for the edge does not say which of its
 * readers are new. Whoever is new hears it at once; the others need it only to be right within a second. Passed on to
 * all each time, a thousand readers coming back would be a million frames. */
#include <stdlib.h>

#include "edge/attach_impl.h"

enum { PRESENCE_EACH_MS = 1000 };

static struct session *s_session(const struct seat *seat)
{
    return (struct session *)seat->viewer;
}

/* {room, full: true}: whoever is not listed is away. */
static bool s_is_full(view_t body)
{
    reader_t reader = reader_of(body);
    size_t count = 0;
    uint64_t skipped = 0;
    bool full = false;
    return !reader_array(&reader, 16, &count) && !reader_uint(&reader, UINT16_MAX, &skipped) &&
           !reader_uint(&reader, ID_MAX, &skipped) && !reader_bool(&reader, &full) && full;
}

void attach_forget_presence(struct attach *self, struct fan_room *room)
{
    if (room->presence.len == 0)
        return;
    for (struct fan_room **at = &self->presence; *at; at = &(*at)->presence_next)
        if (*at == room) {
            *at = room->presence_next;
            break;
        }
    buffer_fini(&room->presence);
    buffer_init(&room->presence, LIM_LINK_BODY_BYTES_MAX);
}

static void s_tell(struct attach *self, struct fan_room *room)
{
    struct shared message = shared_of(buffer_view(&room->presence), FRAME_EPHEMERAL);
    fanout_ephemeral(self->edge->fanout, room, &message);
    shared_fini(&message);
    attach_forget_presence(self, room);
}

static void s_greet(struct attach *self, struct fan_room *room, struct shared *message)
{
    for (uint32_t i = 0; i < room->streaming; i++) {
        struct seat *seat = &room->seats[i];
        struct session *session = s_session(seat);
        if (seat->greeted)
            continue;
        frame_t *frame = shared_frame(message, session->viewer.json);
        if (!frame)
            continue;
        seat->greeted = seat->mode == SEAT_LIVE || attach_hold_answer(session, room->id, frame);
        if (seat->mode == SEAT_LIVE)
            fanout_send(self->edge->fanout, &session->viewer, frame);
    }
}

static void s_on_full(struct attach *self, struct fan_room *room, struct shared *message)
{
    s_greet(self, room, message);
    attach_forget_presence(self, room); /* an older state */
    if (buffer_append(&room->presence, message->msgpack.bytes, message->msgpack.len)) {
        buffer_clear(&room->presence);
        fanout_ephemeral(self->edge->fanout, room, message);
        return;
    }
    room->presence_next = self->presence;
    self->presence = room;
}

void attach_on_ephemeral(struct attach *self, const struct envelope *env, view_t body)
{
    struct shared message = shared_of(body, FRAME_EPHEMERAL);
    struct fan_room *room = fanout_room(self->edge->fanout, env->key);
    if (room && env->type == MSG_PRESENCE && s_is_full(body)) {
        s_on_full(self, room, &message);
    } else if (room) {
        if (env->type == MSG_PRESENCE && room->presence.len > 0)
            s_tell(self, room); /* the changes are to what was told before */
        fanout_ephemeral(self->edge->fanout, room, &message);
    }
    shared_fini(&message);
}

void attach_tell_presence(struct attach *self)
{
    if (self->edge->now_ms < self->presence_ms)
        return;
    self->presence_ms = self->edge->now_ms + PRESENCE_EACH_MS;
    while (self->presence)
        s_tell(self, self->presence);
}
