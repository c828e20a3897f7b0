#include "actors/room_tail.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "proto/marks.h"

static const uint8_t NIL[1] = {0xc0};

void room_tail_init(room_tail_t *self)
{
    memset(self, 0, sizeof *self);
}

static struct tail_event *s_at(const room_tail_t *self, size_t index)
{
    return &self->ring[(self->first + index) & (self->cap - 1)];
}

static void s_drop_first(room_tail_t *self)
{
    struct tail_event *event = s_at(self, 0);
    self->bytes -= event->len;
    free(event->frame);
    event->frame = NULL;
    self->first = (self->first + 1) & (self->cap - 1);
    self->count--;
}

void room_tail_clear(room_tail_t *self)
{
    while (self->count)
        s_drop_first(self);
}

void room_tail_fini(room_tail_t *self)
{
    room_tail_clear(self);
    free(self->ring);
    room_tail_init(self);
}

static err_t s_grow(room_tail_t *self)
{
    size_t cap = self->cap ? self->cap * 2 : 8;
    struct tail_event *ring = malloc(cap * sizeof *ring);
    if (!ring)
        return ERR_NO_MEMORY;
    for (size_t i = 0; i < self->count; i++)
        ring[i] = *s_at(self, i);
    free(self->ring);
    self->ring = ring;
    self->cap = cap;
    self->first = 0;
    return ERR_OK;
}

static bool s_is_nil(view_t body)
{
    return body.len == sizeof NIL && body.bytes[0] == NIL[0];
}

err_t room_tail_push(room_tail_t *self, const struct msg_event *event, const uint8_t *mac, uint8_t **frame_p,
                     size_t len)
{
    uint8_t *frame = *frame_p;
    *frame_p = NULL;
    err_t err = ERR_OK;
    if (self->count && event->seq != s_at(self, self->count - 1)->seq + 1)
        err = ERR_OUT_OF_RANGE;
    while (!err && self->count &&
           (self->count == LIM_ROOM_TAIL_EVENTS_MAX || self->bytes + len > LIM_ROOM_TAIL_BYTES_MAX))
        s_drop_first(self);
    if (!err && self->count == self->cap)
        err = s_grow(self);
    if (err) {
        room_tail_clear(self);
        free(frame);
        return err;
    }
    struct tail_event *entry = s_at(self, self->count++);
    *entry = (struct tail_event){.seq = event->seq, .user = event->user, .target = event->target,
                                 .msg_no = event->msg_no, .at_ms = event->at_ms, .kind = event->kind,
                                 .len = (uint32_t)len, .client_id = event->client_id,
                                 .erased = s_is_nil(event->body), .has_mac = mac != NULL, .frame = frame};
    if (mac)
        memcpy(entry->mac, mac, MAC_BYTES);
    self->bytes += len;
    return ERR_OK;
}

uint64_t room_tail_first_seq(const room_tail_t *self)
{
    return self->count ? s_at(self, 0)->seq : 0;
}

const struct tail_event *room_tail_at(const room_tail_t *self, uint64_t seq)
{
    uint64_t first = room_tail_first_seq(self);
    if (!first || seq < first || seq - first >= self->count)
        return NULL;
    return s_at(self, (size_t)(seq - first));
}

const struct tail_event *room_tail_find(const room_tail_t *self, uint64_t user, const cid_t *client_id)
{
    for (size_t i = self->count; i-- > 0;) { /* a repeat is most often recent */
        const struct tail_event *event = s_at(self, i);
        if (event->user == user && cid_is_equal(&event->client_id, client_id))
            return event;
    }
    return NULL;
}

bool room_tail_has_delete_of(const room_tail_t *self, uint64_t target)
{
    for (size_t i = 0; i < self->count; i++)
        if (s_at(self, i)->kind == KIND_DELETED && s_at(self, i)->target == target)
            return true;
    return false;
}

err_t event_erase(view_t frame, buffer_t *out)
{
    struct msg msg;
    err_t err = msg_decode(frame, &msg);
    if (err)
        return err;
    if (msg.type != MSG_EVENT)
        return ERR_BAD_FRAME;
    msg.as.event.body = view_of(NIL, sizeof NIL);
    return msg_encode(&msg, out);
}

static err_t s_erase_one(room_tail_t *self, struct tail_event *event)
{
    buffer_t out;
    buffer_init(&out, LIM_EVENT_BYTES_MAX);
    err_t err = event_erase(view_of(event->frame, event->len), &out);
    if (err) {
        buffer_fini(&out);
        return err;
    }
    self->bytes = self->bytes - event->len + out.len;
    free(event->frame);
    event->frame = out.bytes; /* malloc'd by the buffer: now the tail's */
    event->len = (uint32_t)out.len;
    event->erased = true;
    return ERR_OK;
}

err_t room_tail_erase(room_tail_t *self, uint64_t target)
{
    for (size_t i = 0; i < self->count; i++) {
        struct tail_event *event = s_at(self, i);
        bool is_edit = kind_is_edit(event->kind) && event->target == target;
        if (event->erased || (event->seq != target && !is_edit))
            continue;
        err_t err = s_erase_one(self, event);
        if (err)
            return err;
    }
    return ERR_OK;
}

static err_t s_append(list_writer_t *frames, const struct tail_event *event)
{
    struct rec_frame frame = {.event = view_of(event->frame, event->len)};
    return rec_frame_append(frames, &frame);
}

err_t room_tail_delta(const room_tail_t *self, uint64_t after, list_writer_t *frames)
{
    uint64_t first = room_tail_first_seq(self);
    if (!first || after + 1 < first)
        return ERR_NOT_FOUND;
    size_t from = (size_t)(after + 1 - first), bytes = 0;
    if (from < self->count && self->count - from > LIM_DELTA_EVENTS_MAX)
        return ERR_TOO_LARGE;
    for (size_t i = from; i < self->count; i++)
        bytes += s_at(self, i)->len;
    if (bytes > LIM_DELTA_BYTES_MAX)
        return ERR_TOO_LARGE;
    err_t err = ERR_OK;
    for (size_t i = from; i < self->count && !err; i++)
        err = s_append(frames, s_at(self, i));
    return err;
}

static const struct tail_event *s_newest_edit(const room_tail_t *self, size_t line)
{
    for (size_t i = self->count; i-- > line + 1;)
        if (kind_is_edit(s_at(self, i)->kind) && s_at(self, i)->target == s_at(self, line)->seq)
            return s_at(self, i);
    return NULL;
}

static err_t s_event_of(const struct tail_event *event, struct msg *msg)
{
    err_t err = msg_decode(view_of(event->frame, event->len), msg);
    return err ? err : msg->type == MSG_EVENT ? ERR_OK : ERR_BAD_FRAME;
}

void room_tail_marks(const room_tail_t *self, uint64_t line, marks_t *marks)
{
    struct msg msg;
    for (size_t i = 0; i < self->count; i++)
        if (s_at(self, i)->target == line && kind_is_mark(s_at(self, i)->kind) && !s_event_of(s_at(self, i), &msg))
            marks_fold(marks, &msg.as.event);
}

bool room_tail_called(const room_tail_t *self, uint64_t line, uint64_t users[LIM_MENTIONS_MAX], size_t *count_out)
{
    const struct tail_event *says = room_tail_at(self, line);
    struct msg msg;
    union {
        struct kind_said said;
        struct kind_shared shared;
    } body;
    struct rec_id id;
    *count_out = 0;
    for (size_t i = 0; i < self->count; i++)
        if (kind_is_edit(s_at(self, i)->kind) && s_at(self, i)->target == line)
            says = s_at(self, i);
    if (!says)
        return false;
    bool calls = says->kind == KIND_SAID || says->kind == KIND_REVISED || says->kind == KIND_SHARED;
    if (!calls || says->erased || s_event_of(says, &msg) || kind_decode(says->kind, msg.as.event.body, &body))
        return true;
    list_t mentions = says->kind == KIND_SHARED ? body.shared.mentions : body.said.mentions;
    while (*count_out < LIM_MENTIONS_MAX && rec_id_next(&mentions, &id))
        users[(*count_out)++] = id.id;
    return true;
}

/* A line of a snapshot while it is put together. */
struct s_line {
    size_t index;
    const struct tail_event *edit; /* NULL: none */
    size_t marks_at, marks_len;    /* in the buffer beside it; 0: none */
};

/* Adds the line's marks to out, if it has any. marks: scratch; NULL: the tail holds none. */
static err_t s_add_marks(const room_tail_t *self, struct s_line *line, marks_t *marks, buffer_t *out)
{
    const struct tail_event *event = s_at(self, line->index);
    struct msg msg;
    line->marks_at = out->len;
    line->marks_len = 0;
    if (!marks || event->erased)
        return ERR_OK;
    marks_clear(marks);
    room_tail_marks(self, event->seq, marks);
    if (marks_is_empty(marks))
        return ERR_OK;
    err_t err = s_event_of(event, &msg);
    if (!err)
        err = marks_encode(marks, msg.as.event.room, event->seq, s_at(self, self->count - 1)->seq, (list_t){0}, out);
    line->marks_len = out->len - line->marks_at;
    return err;
}

static bool s_has_marks(const room_tail_t *self)
{
    for (size_t i = 0; i < self->count; i++)
        if (kind_is_mark(s_at(self, i)->kind))
            return true;
    return false;
}

/* The newest lines, newest first. *is_full_out: there is room for no more, or there are no more. */
static err_t s_pick_lines(const room_tail_t *self, uint64_t visible_from_seq, marks_t *marks, buffer_t *extra,
                          struct s_line *lines, size_t *count_out, bool *is_full_out)
{
    size_t count = 0, bytes = 0;
    err_t err = ERR_OK;
    bool is_full = false;
    for (size_t i = self->count; i-- > 0 && !is_full && !err;) {
        const struct tail_event *event = s_at(self, i);
        is_full = event->seq < visible_from_seq;
        if (!kind_is_line(event->kind) || is_full)
            continue;
        struct s_line *line = &lines[count];
        *line = (struct s_line){.index = i, .edit = s_newest_edit(self, i)};
        err = s_add_marks(self, line, marks, extra);
        bytes += event->len + (line->edit ? line->edit->len : 0) + line->marks_len;
        is_full = bytes > LIM_DELTA_BYTES_MAX;
        if (is_full || err)
            break;
        count++;
        is_full = count == LIM_SNAPSHOT_MESSAGES || event->msg_no == 1;
    }
    *count_out = count;
    *is_full_out = is_full;
    return err;
}

err_t room_tail_snapshot(const room_tail_t *self, uint64_t visible_from_seq, list_writer_t *frames,
                         struct tail_page *page_out)
{
    struct s_line lines[LIM_SNAPSHOT_MESSAGES];
    size_t count;
    bool is_full;
    buffer_t extra;
    buffer_init(&extra, LIM_DELTA_BYTES_MAX + LIM_EVENT_BYTES_MAX);
    marks_t *marks = s_has_marks(self) ? malloc(sizeof *marks) : NULL;
    err_t err = s_has_marks(self) && !marks ? ERR_NO_MEMORY : ERR_OK;
    if (!err)
        err = s_pick_lines(self, visible_from_seq, marks, &extra, lines, &count, &is_full);
    if (!err && !is_full && room_tail_first_seq(self) != 1)
        err = ERR_NOT_FOUND;
    for (size_t k = err ? 0 : count; k-- > 0 && !err;) {
        err = s_append(frames, s_at(self, lines[k].index));
        if (!err && lines[k].edit)
            err = s_append(frames, lines[k].edit);
        if (!err && lines[k].marks_len)
            err = rec_frame_append(frames, &(struct rec_frame){.event = view_of(extra.bytes + lines[k].marks_at,
                                                                                 lines[k].marks_len)});
    }
    if (!err) {
        page_out->base = count ? s_at(self, lines[count - 1].index)->seq : s_at(self, self->count - 1)->seq + 1;
        page_out->first_msg_no = count ? s_at(self, lines[count - 1].index)->msg_no : 0;
    }
    free(marks);
    buffer_fini(&extra);
    return err;
}
