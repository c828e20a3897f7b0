#include "bench/history_fill.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bench/proc.h"

enum {
    IN_FLIGHT = 4, /* of one author; all together stay below what a room holds unanswered */
    SLOTS = HISTORY_AUTHORS * IN_FLIGHT,
    RECENT = 4,    /* lines of an author that may be changed: young enough to be in the server's memory */
    EDIT_PERCENT = 20,
    DELETE_PERCENT = 5,
    REACT_PERCENT = 10,
    PROGRESS_S = 5,
    SILENCE_S = 20, /* no answer at all for so long ends it */
};
_Static_assert((int)SLOTS <= (int)LIM_ROOM_PENDING_MAX, "nothing is refused for being too much at once");

enum s_deed { DEED_NONE, DEED_POST, DEED_EDIT, DEED_DELETE, DEED_REACT };

struct s_slot { /* one request under way */
    enum s_deed deed;
    uint32_t number; /* of this slot: with it, the client id */
    uint32_t text, version;
    uint32_t line;   /* edit, delete, reaction: message number */
    int64_t again_ns; /* refused for now: when to send it again; 0: it is under way */
};

struct s_fill {
    crowd_t *crowd;
    struct history *out;
    uint32_t wanted, begun; /* events; requests made */
    uint32_t texts;
    uint64_t tag, random;
    uint32_t recent[HISTORY_AUTHORS][RECENT], recent_next[HISTORY_AUTHORS];
    struct s_slot slots[SLOTS];
    uint32_t busy;
    int64_t heard_ns;
    bool is_broken;
};

view_t history_text(uint32_t text, uint32_t version, char out[HISTORY_TEXT_BYTES])
{
    char head[64];
    int len = snprintf(head, sizeof head, "%" PRIu32 " in its version %" PRIu32 ": ", text, version);
    memcpy(out, crowd_text(HISTORY_TEXT_BYTES).bytes, HISTORY_TEXT_BYTES);
    memcpy(out, head, (size_t)len);
    return view_of(out, HISTORY_TEXT_BYTES);
}

static cid_t s_cid(const struct s_fill *self, uint32_t slot)
{
    cid_t cid;
    for (unsigned i = 0; i < 8; i++)
        cid.bytes[i] = (uint8_t)(self->tag >> (56 - 8 * i));
    for (unsigned i = 0; i < 4; i++) {
        cid.bytes[8 + i] = (uint8_t)(slot >> (24 - 8 * i));
        cid.bytes[12 + i] = (uint8_t)(self->slots[slot].number >> (24 - 8 * i));
    }
    return cid;
}

/* The slot that waits for this answer, or NULL. */
static struct s_slot *s_slot_of(struct s_fill *self, const cid_t *cid)
{
    uint32_t index = 0;
    for (unsigned i = 0; i < 4; i++)
        index = index << 8 | cid->bytes[8 + i];
    if (index >= SLOTS || self->slots[index].deed == DEED_NONE)
        return NULL;
    cid_t expected = s_cid(self, index);
    return cid_is_equal(&expected, cid) ? &self->slots[index] : NULL;
}

/* ---- what is done next ------------------------------------------------------------------------------------------- */

static uint32_t s_dice(struct s_fill *self, uint32_t sides)
{
    self->random = self->random * 6364136223846793005u + 1442695040888963407u;
    return (uint32_t)(self->random >> 33) % sides;
}

/* A young line of this author that nothing is being done to; 0: none. */
static uint32_t s_target(struct s_fill *self, uint32_t author)
{
    uint32_t first = s_dice(self, RECENT);
    for (uint32_t i = 0; i < RECENT; i++) {
        uint32_t line = self->recent[author][(first + i) % RECENT];
        if (line && !self->out->lines[line].is_busy && !self->out->lines[line].is_deleted)
            return line;
    }
    return 0;
}

static void s_choose(struct s_fill *self, struct s_slot *slot, uint32_t author)
{
    static const struct {
        uint32_t below;
        enum s_deed deed;
    } DEEDS[] = {{EDIT_PERCENT, DEED_EDIT},
                 {EDIT_PERCENT + DELETE_PERCENT, DEED_DELETE},
                 {EDIT_PERCENT + DELETE_PERCENT + REACT_PERCENT, DEED_REACT}};
    uint32_t dice = s_dice(self, 100), i = 0;
    while (i < 3 && dice >= DEEDS[i].below)
        i++;
    slot->deed = i < 3 ? DEEDS[i].deed : DEED_POST; /* nobody reacts to their own line */
    slot->line = i < 3 ? s_target(self, slot->deed == DEED_REACT ? (author + 1) % HISTORY_AUTHORS : author) : 0;
    if (slot->line == 0)
        slot->deed = DEED_POST;
    if (slot->deed == DEED_POST) {
        slot->text = ++self->texts;
        slot->version = 1;
        return;
    }
    struct history_line *line = &self->out->lines[slot->line];
    line->is_busy = true;
    slot->text = line->text;
    slot->version = line->version + 1;
}

static bool s_send(struct s_fill *self, uint32_t index)
{
    struct s_slot *slot = &self->slots[index];
    uint64_t room = crowd_room(self->crowd, 0);
    char text[HISTORY_TEXT_BYTES];
    struct msg msg = {0};
    slot->again_ns = 0;
    switch (slot->deed) {
    case DEED_POST:
        msg.type = MSG_ROOM_POST;
        msg.as.room_post = (struct msg_room_post){
            .room = room, .client_id = s_cid(self, index), .text = history_text(slot->text, slot->version, text)};
        break;
    case DEED_EDIT:
        msg.type = MSG_ROOM_EDIT;
        msg.as.room_edit = (struct msg_room_edit){.room = room,
                                                  .client_id = s_cid(self, index),
                                                  .target = self->out->lines[slot->line].seq,
                                                  .text = history_text(slot->text, slot->version, text)};
        break;
    case DEED_REACT:
        msg.type = MSG_ROOM_REACT;
        msg.as.room_react = (struct msg_room_react){.room = room,
                                                    .client_id = s_cid(self, index),
                                                    .target = self->out->lines[slot->line].seq,
                                                    .emoji = view_of_text("👍"),
                                                    .on = true};
        break;
    default:
        msg.type = MSG_ROOM_DELETE;
        msg.as.room_delete = (struct msg_room_delete){
            .room = room, .client_id = s_cid(self, index), .target = self->out->lines[slot->line].seq};
        break;
    }
    return crowd_send(self->crowd, index / IN_FLIGHT, &msg);
}

static void s_next(struct s_fill *self, uint32_t index)
{
    struct s_slot *slot = &self->slots[index];
    slot->deed = DEED_NONE;
    if (self->begun >= self->wanted)
        return;
    self->begun++;
    self->busy++;
    slot->number++;
    s_choose(self, slot, index / IN_FLIGHT);
    if (!s_send(self, index))
        self->is_broken = true;
}

/* ---- what came of it --------------------------------------------------------------------------------------------- */

static void s_note_line(struct s_fill *self, const struct s_slot *slot, uint32_t author, const struct msg_ack *ack)
{
    struct history *out = self->out;
    if (ack->msg_no == 0 || ack->msg_no > self->wanted) {
        self->is_broken = true;
        return;
    }
    out->lines[ack->msg_no] = (struct history_line){
        .seq = ack->seq, .text = slot->text, .version = slot->version, .author = (uint16_t)author};
    if (ack->msg_no > out->line_count)
        out->line_count = (uint32_t)ack->msg_no;
    self->recent[author][self->recent_next[author]++ % RECENT] = (uint32_t)ack->msg_no;
}

static void s_on_ack(void *owner, uint32_t reader, const struct msg_ack *ack)
{
    struct s_fill *self = owner;
    struct s_slot *slot = s_slot_of(self, &ack->client_id);
    self->heard_ns = now_ns();
    if (!slot || ack->dup)
        return;
    struct history_line *line = &self->out->lines[slot->line];
    self->out->events++;
    switch (slot->deed) {
    case DEED_POST: s_note_line(self, slot, reader, ack); break;
    case DEED_EDIT:
        line->version = slot->version;
        line->edit_seq = ack->seq;
        self->out->edits++;
        break;
    case DEED_REACT:
        line->reacted |= UINT64_C(1) << reader;
        self->out->reactions++;
        break;
    default:
        line->is_deleted = true;
        self->out->deletes++;
        break;
    }
    if (slot->deed != DEED_POST)
        line->is_busy = false;
    self->busy--;
    s_next(self, (uint32_t)(slot - self->slots));
}

static void s_on_nack(void *owner, uint32_t reader, const struct msg_nack *nack)
{
    (void)reader;
    struct s_fill *self = owner;
    struct s_slot *slot = s_slot_of(self, &nack->client_id);
    self->heard_ns = now_ns();
    if (!slot)
        return;
    if (nack->final) {
        fprintf(stderr, "bench: refused for good: %s\n", err_name(nack->code));
        self->out->refused++;
        self->is_broken = true;
    }
    self->out->retried++;
    slot->again_ns = now_ns() + (int64_t)(nack->retry_ms ? nack->retry_ms : 20) * 1000000;
}

static void s_send_again(struct s_fill *self)
{
    int64_t at_ns = now_ns();
    for (uint32_t i = 0; i < SLOTS; i++)
        if (self->slots[i].deed != DEED_NONE && self->slots[i].again_ns > 0 && self->slots[i].again_ns <= at_ns &&
            !s_send(self, i))
            self->is_broken = true;
}

static void s_tell(const struct s_fill *self, double seconds)
{
    printf("  %" PRIu64 " of %" PRIu32 " events, %.0f/s\n", self->out->events, self->wanted,
           (double)self->out->events / seconds);
    fflush(stdout);
}

bool history_fill(crowd_t *crowd, uint32_t events, struct history *out)
{
    static struct s_fill fill;
    *out = (struct history){.lines = calloc((size_t)events + 1, sizeof *out->lines)};
    fill = (struct s_fill){.crowd = crowd,
                           .out = out,
                           .wanted = events - HISTORY_AUTHORS, /* made, and entered by all but one */
                           .tag = id_random(),
                           .random = 1};
    if (!out->lines)
        return false;
    crowd_hear_answers(crowd, &(struct crowd_answers){.owner = &fill, .on_ack = s_on_ack, .on_nack = s_on_nack});
    int64_t start_ns = now_ns(), told_ns = start_ns;
    fill.heard_ns = start_ns;
    for (uint32_t i = 0; i < SLOTS; i++)
        s_next(&fill, i);
    while (fill.busy > 0 && !fill.is_broken && now_ns() - fill.heard_ns < (int64_t)SILENCE_S * 1000000000) {
        crowd_poll(crowd, now_ns() + 10000000);
        s_send_again(&fill);
        if (now_ns() - told_ns > (int64_t)PROGRESS_S * 1000000000) {
            told_ns = now_ns();
            s_tell(&fill, (double)(told_ns - start_ns) / 1e9);
        }
    }
    crowd_hear_answers(crowd, NULL);
    out->events += HISTORY_AUTHORS;
    out->seconds = (double)(now_ns() - start_ns) / 1e9;
    return fill.busy == 0 && !fill.is_broken;
}

void history_fini(struct history *self)
{
    free(self->lines);
    *self = (struct history){0};
}
