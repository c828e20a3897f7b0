#include "tests/system/checker.h"

#include <glob.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

enum { ROOMS_MAX = 64, CLIENTS_MAX = 256, LINE_MAX_ = 512, EXAMPLES_MAX = 5, KIND_LINE = 4 };

struct stored {
    uint64_t hash, text_hash;
    char cid[33];
    unsigned kind;
};

struct room {
    uint64_t id;
    struct stored *events; /* by seq - 1 */
    size_t count, cap;
};

/* What is known of one client id: where stored, what was posted, where acked. */
struct post {
    char cid[33];
    size_t room, seq;         /* seq 0: not stored */
    uint64_t text_hash, acked_seq;
    size_t sender, order;     /* order 0: nobody sent it */
};

struct checker {
    struct room rooms[ROOMS_MAX];
    size_t room_count, post_count, slot_count;
    struct post *slots;
    uint64_t last[CLIENTS_MAX][ROOMS_MAX];
    bool reads[CLIENTS_MAX][ROOMS_MAX];
    size_t order;
    FILE *out;
    struct checker_report report;
};

const char *checker_fault_name(enum checker_fault fault)
{
    static const char *names[] = {"lost", "altered", "gap", "double", "swap", "ghost", "behind", "log"};
    return names[fault];
}

__attribute__((format(printf, 3, 4))) static void s_fault(struct checker *self, enum checker_fault fault,
                                                          const char *format, ...)
{
    if (self->report.faults[fault]++ >= EXAMPLES_MAX)
        return;
    va_list args;
    va_start(args, format);
    fprintf(self->out, "%s: ", checker_fault_name(fault));
    vfprintf(self->out, format, args);
    fputc('\n', self->out);
    va_end(args);
}

static size_t s_room(struct checker *self, uint64_t id)
{
    size_t i = 0;
    while (i < self->room_count && self->rooms[i].id != id)
        i++;
    if (i == self->room_count && i < ROOMS_MAX - 1)
        self->rooms[self->room_count++].id = id;
    return i;
}

static void s_grow(struct checker *self);

static struct post *s_post(struct checker *self, const char *cid)
{
    if (self->post_count * 2 >= self->slot_count)
        s_grow(self);
    uint64_t hash = 14695981039346656037u;
    for (const char *c = cid; *c; c++)
        hash = (hash ^ (uint8_t)*c) * 1099511628211u;
    size_t i = hash & (self->slot_count - 1);
    while (self->slots[i].cid[0] && strcmp(self->slots[i].cid, cid) != 0)
        i = (i + 1) & (self->slot_count - 1);
    if (!self->slots[i].cid[0]) {
        snprintf(self->slots[i].cid, sizeof self->slots[i].cid, "%s", cid);
        self->post_count++;
    }
    return &self->slots[i];
}

static void s_grow(struct checker *self)
{
    struct post *old = self->slots;
    size_t old_count = self->slot_count;
    self->slot_count = old_count ? old_count * 2 : 1024;
    self->slots = calloc(self->slot_count, sizeof *self->slots);
    if (!self->slots)
        abort();
    self->post_count = 0;
    for (size_t i = 0; i < old_count; i++)
        if (old[i].cid[0])
            *s_post(self, old[i].cid) = old[i];
    free(old);
}

static void s_on_stored(struct checker *self, const char *line)
{
    uint64_t room_id, seq, user, hash, text_hash, msg_no;
    unsigned kind;
    char cid[33];
    if (sscanf(line, "D %" SCNu64 " %" SCNu64 " %u %" SCNu64 " %32s %" SCNx64 " %" SCNx64 " %" SCNu64, &room_id, &seq,
               &kind, &user, cid, &hash, &text_hash, &msg_no) != 8) {
        s_fault(self, FAULT_LOG, "unreadable: %.80s", line);
        return;
    }
    size_t r = s_room(self, room_id);
    struct room *room = &self->rooms[r];
    if (seq != room->count + 1)
        s_fault(self, FAULT_GAP, "room %" PRIu64 ": %" PRIu64 " is stored after %zu", room_id, seq, room->count);
    if (room->count == room->cap) {
        room->cap = room->cap ? room->cap * 2 : 1024;
        room->events = realloc(room->events, room->cap * sizeof *room->events);
        if (!room->events)
            abort();
    }
    struct stored *event = &room->events[room->count++];
    *event = (struct stored){.hash = hash, .text_hash = text_hash, .kind = kind};
    memcpy(event->cid, cid, sizeof cid);
    struct post *post = s_post(self, cid);
    if (post->seq)
        s_fault(self, FAULT_DOUBLE, "room %" PRIu64 ": %s is stored at %zu and at %" PRIu64, room_id, cid, post->seq,
                seq);
    post->room = r;
    post->seq = (size_t)seq;
    self->report.stored++;
}

static void s_on_sent(struct checker *self, const char *line)
{
    unsigned client;
    uint64_t room, text_hash;
    char cid[33];
    if (sscanf(line, "S %u %" SCNu64 " %32s %" SCNx64, &client, &room, cid, &text_hash) != 4) {
        s_fault(self, FAULT_LOG, "unreadable: %.80s", line);
        return;
    }
    struct post *post = s_post(self, cid);
    post->sender = client;
    post->order = ++self->order;
    post->text_hash = text_hash;
    self->report.posts++;
}

static const struct stored *s_stored(const struct checker *self, uint64_t room, uint64_t seq)
{
    for (size_t i = 0; i < self->room_count; i++)
        if (self->rooms[i].id == room)
            return seq >= 1 && seq <= self->rooms[i].count ? &self->rooms[i].events[seq - 1] : NULL;
    return NULL;
}

static void s_on_ack(struct checker *self, const char *line)
{
    unsigned client, dup;
    uint64_t room, seq;
    char cid[33];
    if (sscanf(line, "A %u %" SCNu64 " %32s %" SCNu64 " %u", &client, &room, cid, &seq, &dup) != 5) {
        s_fault(self, FAULT_LOG, "unreadable: %.80s", line);
        return;
    }
    struct post *post = s_post(self, cid);
    const struct stored *event = s_stored(self, room, seq);
    if (!event || strcmp(event->cid, cid) != 0)
        s_fault(self, FAULT_LOST, "client %u: %s was acked at room %" PRIu64 " %" PRIu64 " and is not there", client,
                cid, room, seq);
    if (post->acked_seq && post->acked_seq != seq)
        s_fault(self, FAULT_DOUBLE, "%s was acked at %" PRIu64 " and at %" PRIu64, cid, post->acked_seq, seq);
    post->acked_seq = seq;
    self->report.acks++;
    self->report.dup_acks += dup;
}

static void s_on_applied(struct checker *self, const char *line)
{
    char what, cid[33];
    unsigned client, kind;
    uint64_t room, seq, hash;
    if (sscanf(line, "%c %u %" SCNu64 " %" SCNu64 " %u %32s %" SCNx64, &what, &client, &room, &seq, &kind, cid,
               &hash) != 7 || client >= CLIENTS_MAX) {
        s_fault(self, FAULT_LOG, "unreadable: %.80s", line);
        return;
    }
    const struct stored *event = s_stored(self, room, seq);
    if (!event)
        s_fault(self, FAULT_LOST, "client %u was shown room %" PRIu64 " %" PRIu64 ", which is not stored", client, room,
                seq);
    else if (event->hash != hash)
        s_fault(self, FAULT_ALTERED, "client %u was shown other bytes of room %" PRIu64 " %" PRIu64, client, room, seq);
    self->report.applied++;
    if (what == 'P')
        return;
    size_t r = s_room(self, room);
    if (seq != self->last[client][r] + 1)
        s_fault(self, FAULT_GAP, "client %u applied room %" PRIu64 " %" PRIu64 " after %" PRIu64, client, room, seq,
                self->last[client][r]);
    self->last[client][r] = seq;
    self->reads[client][r] = true;
}

static void s_on_snapshot(struct checker *self, const char *line)
{
    unsigned client, mode;
    uint64_t room, base, head;
    if (sscanf(line, "R %u %" SCNu64 " %" SCNu64 " %" SCNu64 " %u", &client, &room, &base, &head, &mode) != 5 ||
        client >= CLIENTS_MAX) {
        s_fault(self, FAULT_LOG, "unreadable: %.80s", line);
        return;
    }
    self->last[client][s_room(self, room)] = head;
}

static void s_on_line(struct checker *self, const char *line)
{
    switch (line[0]) {
    case 'D': s_on_stored(self, line); return;
    case 'S': s_on_sent(self, line); return;
    case 'A': s_on_ack(self, line); return;
    case 'E':
    case 'P': s_on_applied(self, line); return;
    case 'R': s_on_snapshot(self, line); return;
    default: return;
    }
}

static void s_read(struct checker *self, const char *path)
{
    FILE *file = fopen(path, "r");
    if (!file) {
        s_fault(self, FAULT_LOG, "cannot read %s", path);
        return;
    }
    char line[LINE_MAX_];
    while (fgets(line, sizeof line, file))
        s_on_line(self, line);
    fclose(file);
}

static void s_check_posts(struct checker *self)
{
    for (size_t i = 0; i < self->slot_count; i++) {
        const struct post *post = &self->slots[i];
        if (!post->cid[0] || !post->seq)
            continue;
        const struct stored *event = &self->rooms[post->room].events[post->seq - 1];
        if (event->kind != KIND_LINE)
            continue;
        if (!post->order)
            s_fault(self, FAULT_GHOST, "%s is stored and nobody sent it", post->cid);
        else if (post->text_hash != event->text_hash)
            s_fault(self, FAULT_ALTERED, "%s is stored with another text", post->cid);
    }
}

/* The senders' posts of one room, in the room's order, must be in the order they were begun in. */
static void s_check_order(struct checker *self)
{
    for (size_t r = 0; r < self->room_count; r++) {
        size_t newest[CLIENTS_MAX] = {0};
        for (size_t i = 0; i < self->rooms[r].count; i++) {
            const struct post *post = s_post(self, self->rooms[r].events[i].cid);
            if (!post->order || post->sender >= CLIENTS_MAX)
                continue;
            if (post->order < newest[post->sender])
                s_fault(self, FAULT_SWAP, "client %zu's posts in room %" PRIu64 " are out of order at %zu",
                        post->sender, self->rooms[r].id, i + 1);
            newest[post->sender] = post->order;
        }
    }
}

static void s_check_ends(struct checker *self)
{
    for (size_t client = 0; client < CLIENTS_MAX; client++)
        for (size_t r = 0; r < self->room_count; r++)
            if (self->reads[client][r] && self->last[client][r] != self->rooms[r].count)
                s_fault(self, FAULT_BEHIND, "client %zu ends at %" PRIu64 " of %zu in room %" PRIu64, client,
                        self->last[client][r], self->rooms[r].count, self->rooms[r].id);
}

uint64_t checker_run(const char *dir, FILE *out, struct checker_report *report_out)
{
    struct checker *self = calloc(1, sizeof *self);
    if (!self)
        abort();
    self->out = out;
    char path[4096];
    snprintf(path, sizeof path, "%s/db.log", dir);
    s_read(self, path);
    snprintf(path, sizeof path, "%s/client-*.log", dir);
    glob_t logs = {0};
    if (glob(path, 0, NULL, &logs) != 0)
        s_fault(self, FAULT_LOG, "no client logs in %s", dir);
    for (size_t i = 0; i < logs.gl_pathc; i++)
        s_read(self, logs.gl_pathv[i]);
    self->report.clients = logs.gl_pathc;
    self->report.rooms = self->room_count;
    globfree(&logs);
    s_check_posts(self);
    s_check_order(self);
    s_check_ends(self);
    uint64_t sum = 0;
    for (int i = 0; i < FAULT_COUNT; i++)
        sum += self->report.faults[i];
    *report_out = self->report;
    for (size_t i = 0; i < self->room_count; i++)
        free(self->rooms[i].events);
    free(self->slots);
    free(self);
    return sum;
}
