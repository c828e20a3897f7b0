/* Inboxes: what users decide about a room for themselves. It is told when it is stored, and to all their devices. */
#include <stdlib.h>

#include "actors/room_shard_impl.h"

static const uint64_t NO_REV = ID_MAX;

static void s_tell_pointer(const struct inbox_room *room, struct msg *out)
{
    *out = (struct msg){.type = MSG_READ_AT};
    out->as.read_at =
        (struct msg_read_at){.room = room->room, .msg_no = room->read_msg_no, .turn = room->turn};
}

static void s_tell_level(const struct inbox_room *room, struct msg *out)
{
    *out = (struct msg){.type = MSG_NOTIFIED};
    out->as.notified = (struct msg_notified){.room = room->room, .level = room->notify};
}

err_t shard_on_place(room_shard_t *self, inbox_t *inbox, const struct envelope *env, const struct msg *msg, view_t body)
{
    struct msg ask = {.type = MSG_STORE_PLACE_SET}, answer;
    struct msg_store_place_set *set = &ask.as.store_place_set;
    inbox->touched_ms = self->now_ms;
    err_t err = inbox_decide(inbox, msg, set);
    if (err == ERR_AGAIN) {
        s_tell_pointer(inbox_find(inbox, msg->as.unread_from.room), &answer);
        shard_reply(self, env, &answer);
        return ERR_OK;
    }
    if (err)
        return shard_refuse(self, env, msg, err);
    struct request request = {.what = Q_PLACE, .a = inbox->user, .b = set->room, .c = set->rev};
    struct parked *parked = parked_new(env, body, 0);
    request.data = parked;
    if (parked && shard_ask(self, &request, LOAD_MS, inbox->user, &ask))
        return ERR_OK;
    free(parked);
    inbox_find(inbox, set->room)->is_deciding = false;
    return shard_refuse(self, env, msg, ERR_OVERLOADED);
}

static void s_changed(room_shard_t *self, inbox_t *inbox, uint64_t id, const struct inbox_placed *placed)
{
    struct msg told;
    const struct inbox_room *room = inbox_find(inbox, id);
    if (placed->has_gone_back) {
        s_tell_pointer(room, &told);
        shard_tell_edges(self, inbox, 0, &told);
        shard_ask_mentions(self, inbox, id); /* more of them are unread now, and which ones only the store knows */
    }
    if (placed->has_level) {
        s_tell_level(room, &told);
        shard_tell_edges(self, inbox, 0, &told);
    }
}

/* What became of a decision whose outcome was unknown. */
static void s_learn(room_shard_t *self, inbox_t *inbox, const struct request *request,
                    const struct msg_store_place *place)
{
    const struct msg_store_place_set set = {.user = request->a, .room = request->b, .rev = NO_REV};
    if (!inbox || !inbox->is_loaded)
        return;
    const struct inbox_placed placed = inbox_place(inbox, &set, place);
    if (inbox_find(inbox, request->b))
        s_changed(self, inbox, request->b, &placed);
}

err_t shard_on_store_place(room_shard_t *self, const struct envelope *env, const struct msg *msg)
{
    struct request request;
    struct msg wish, answer;
    if (!shard_take(self, env, Q_PLACE, &request))
        return ERR_OK;
    struct parked *parked = request.data;
    inbox_t *inbox = shard_find_inbox(self, request.a);
    if (!parked) {
        s_learn(self, inbox, &request, &msg->as.store_place);
        return ERR_OK;
    }
    if (msg_decode(view_of(parked->body, parked->len), &wish) || !inbox || !inbox->is_loaded) {
        shard_refuse_parked(self, parked, shard_owns(self, request.a) ? ERR_BUSY : ERR_NOT_OWNER);
        return ERR_OK; /* the inbox is read anew, and has it then */
    }
    const struct msg_store_place_set set = inbox_wish(request.a, &wish, request.c);
    const struct inbox_placed placed = inbox_place(inbox, &set, &msg->as.store_place);
    const struct inbox_room *room = inbox_find(inbox, request.b);
    if (room)
        s_changed(self, inbox, request.b, &placed);
    if (!room || !placed.is_done) { /* somebody was first: the asker hears of that, and may want it all the same */
        shard_refuse_parked(self, parked, room && msg->as.store_place.found ? ERR_BUSY : ERR_NOT_MEMBER);
        return ERR_OK;
    }
    if (set.what == PLACE_POINTER)
        s_tell_pointer(room, &answer);
    else
        s_tell_level(room, &answer);
    shard_reply(self, &parked->env, &answer);
    free(parked);
    return ERR_OK;
}

void shard_place_failed(room_shard_t *self, struct request *request, err_t code)
{
    struct parked *parked = request->data;
    inbox_t *inbox = shard_find_inbox(self, request->a);
    struct inbox_room *room = inbox && inbox->is_loaded ? inbox_find(inbox, request->b) : NULL;
    if (room) {
        room->is_deciding = false;
        room->is_unknown = map_put(&self->unknown_places, inbox->user, 1) == ERR_OK;
    }
    request->data = NULL;
    if (parked)
        shard_refuse_parked(self, parked, err_may_retry(code) ? code : ERR_UNAVAILABLE);
}

/* A decision under a rev that no place has changes nothing, and is answered by how it is. */
static void s_ask_place(room_shard_t *self, const inbox_t *inbox, struct inbox_room *room)
{
    struct msg ask = {.type = MSG_STORE_PLACE_SET};
    ask.as.store_place_set =
        (struct msg_store_place_set){.user = inbox->user, .room = room->room, .rev = NO_REV, .what = PLACE_LEVEL};
    struct request request = {.what = Q_PLACE, .a = inbox->user, .b = room->room, .c = NO_REV};
    if (shard_ask(self, &request, LOAD_MS, inbox->user, &ask))
        room->is_unknown = false;
}

void shard_ask_places(room_shard_t *self)
{
    size_t cursor = 0;
    uint64_t user;
    while (map_next(&self->unknown_places, &cursor, &user, NULL)) {
        inbox_t *inbox = shard_find_inbox(self, user);
        bool all = true;
        for (size_t i = 0; inbox && i < inbox->count; i++) {
            if (inbox->rooms[i].is_unknown)
                s_ask_place(self, inbox, &inbox->rooms[i]);
            all = all && !inbox->rooms[i].is_unknown;
        }
        if (all)
            map_remove_seen(&self->unknown_places, &cursor, user);
    }
}
