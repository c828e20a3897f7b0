/* What must hold after every step. */
#include "tests/sim/sim.h"

#include <assert.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

static void s_check_ack(struct world *world, const struct effect *effect, const struct msg_ack *ack)
{
    struct db_room *room = model_db_room(world->db, ack->room);
    uint64_t user = effect->env.user;
    world->stats.acks++;
    world->stats.dups += ack->dup;
    const struct db_event *event = model_db_find(world->db, ack->room, user, &ack->client_id);
    if (!event && ack->dup && room && ack->seq == 1 && room->count &&
        room->events[0].row.kind == KIND_DIRECT_CREATED && model_db_member(room, user))
        return; /* who opens a direct room that is there */
    if (!event && ack->dup && room && ack->seq && ack->seq <= room->count &&
        room->events[ack->seq - 1].row.kind == KIND_ADDED && model_rights_whom(&room->events[ack->seq - 1]) == user)
        return; /* who was brought in joins */
    if (!event && ack->dup && room && ack->seq && ack->seq <= room->count &&
        room->events[ack->seq - 1].row.user == user &&
        (room->events[ack->seq - 1].row.kind == KIND_JOINED ||
         kind_is_first(room->events[ack->seq - 1].row.kind)))
        return; /* who is in already joins by another id */
    if (!event)
        world_fail(world, "P1: acknowledged but not stored: room %" PRIu64 " user %" PRIu64 " seq %" PRIu64,
                   ack->room, user, ack->seq);
    else if (event->row.seq != ack->seq || event->row.msg_no != ack->msg_no || event->row.at_ms != ack->at_ms)
        world_fail(world, "P4: acknowledged at %" PRIu64 ", stored at %" PRIu64, ack->seq, event->row.seq);
}

static void s_check_nack(struct world *world, const struct effect *effect, const struct msg_nack *nack)
{
    if (nack->code == ERR_CONFLICT)
        world_fail(world, "P4: a conflict although every id has one body");
    if (!nack->final)
        return;
    world->stats.finals++;
    if (model_db_find(world->db, nack->room, effect->env.user, &nack->client_id))
        world_fail(world, "P4: refused for good (%s), and stored", err_name(nack->code));
}

void check_refused(struct world *world, uint64_t room, uint64_t user, const cid_t *client_id)
{
    if (world->refused_count == world->refused_cap) {
        world->refused_cap = world->refused_cap ? world->refused_cap * 2 : 64;
        world->refused = realloc(world->refused, world->refused_cap * sizeof *world->refused);
        assert(world->refused);
    }
    world->refused[world->refused_count++] =
        (struct refused_id){.room = room, .user = user, .client_id = *client_id};
}

/* Unread counts leave out what is deleted: whoever has a head knows which deletion was the last. */
static void s_check_attached(struct world *world, const struct msg_room_attached *attached)
{
    const struct db_room *room = model_db_room(world->db, attached->room);
    uint64_t deleted = room ? model_db_gone(room, attached->head, NULL) : 0;
    if (attached->deleted != deleted)
        world_fail(world, "unread: at %" PRIu64 " of room %" PRIu64 " the last deletion is %" PRIu64 ", told was %" PRIu64,
                   attached->head, attached->room, deleted, attached->deleted);
}

void check_sent(struct world *world, const struct effect *effect, view_t bytes)
{
    struct msg msg;
    if (effect->env.type == MSG_NACK && !msg_decode(bytes, &msg)) {
        s_check_nack(world, effect, &msg.as.nack);
        return;
    }
    if (effect->env.type == MSG_ROOM_ATTACHED && !msg_decode(bytes, &msg)) {
        s_check_attached(world, &msg.as.room_attached);
        return;
    }
    if (effect->env.type != MSG_ACK && effect->env.type != MSG_EVENT)
        return;
    if (msg_decode(bytes, &msg)) {
        world_fail(world, "a message that cannot be read: %s", msg_name(effect->env.type));
    } else if (msg.type == MSG_ACK) {
        s_check_ack(world, effect, &msg.as.ack);
    } else {
        world->stats.events++;
        if (!model_db_holds_frame(world->db, msg.as.event.room, msg.as.event.seq, bytes))
            world_fail(world, "P1: published but not stored: room %" PRIu64 " seq %" PRIu64, msg.as.event.room,
                       msg.as.event.seq);
    }
}

/* The event at index was stored just now, while the lease of its shard had this epoch. */
void check_stored(struct world *world, const struct db_room *room, size_t index, uint64_t lease_epoch)
{
    const struct rec_append_row *row = &room->events[index].row;
    const struct rec_append_row *before = index ? &room->events[index - 1].row : NULL;
    if (row->seq != index + 1)
        world_fail(world, "P2: seq %" PRIu64 " stored as event %zu of room %" PRIu64, row->seq, index + 1, room->id);
    if (before && row->at_ms < before->at_ms)
        world_fail(world, "P2: time goes back at seq %" PRIu64, row->seq);
    if (row->msg_no && row->msg_no != room->msg_no + 1)
        world_fail(world, "P2: line %" PRIu64 " after %" PRIu64, row->msg_no, room->msg_no);
    if (row->epoch != lease_epoch)
        world_fail(world, "ownership: written under epoch %" PRIu64 " while the lease has %" PRIu64, row->epoch,
                   lease_epoch);
    for (size_t i = 0; i < world->refused_count; i++)
        if (world->refused[i].room == row->room && world->refused[i].user == row->user &&
            cid_is_equal(&world->refused[i].client_id, &row->client_id))
            world_fail(world, "P4: stored after it was refused for good, at %" PRIu64, row->seq);
    for (size_t i = 0; i < index; i++) {
        const struct db_event *other = &room->events[i];
        if (other->row.user != row->user)
            continue;
        if (cid_is_equal(&other->row.client_id, &row->client_id))
            world_fail(world, "P4: one client id stored twice, at %" PRIu64 " and %" PRIu64, other->row.seq,
                       row->seq);
        /* Clients number their requests of a room in the id's last eight bytes. */
        if (memcmp(other->row.client_id.bytes + 8, row->client_id.bytes + 8, 8) > 0)
            world_fail(world, "order: a sender's later request is stored before at %" PRIu64, row->seq);
    }
}
