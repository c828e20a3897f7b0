#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "persist/verify_impl.h"

struct verify_settings {
    uint8_t name[LIM_ROOM_NAME_BYTES_MAX], topic[LIM_TOPIC_BYTES_MAX];
    size_t name_len, topic_len;
    uint32_t visibility, history;
    bool archived;
};

struct verify_settings *verify_settings_new(void)
{
    return calloc(1, sizeof(struct verify_settings));
}

void verify_settings_clear(struct verify_settings *self)
{
    *self = (struct verify_settings){0};
}

uint32_t verify_history(const struct verify_settings *self)
{
    return self->history;
}

static void s_set(uint8_t *to, size_t *len_out, view_t text)
{
    if (text.len)
        memcpy(to, text.bytes, text.len); /* bounded by the kind */
    *len_out = text.len;
}

void verify_settings_fold(struct verify *self, const struct msg_event *event)
{
    struct verify_settings *settings = self->settings;
    struct room_first first;
    union {
        struct kind_renamed renamed;
        struct kind_topic_changed topic_changed;
        struct kind_archived archived;
        struct kind_history_changed history_changed;
    } as;
    if (room_first_read(event->kind, event->body, &first)) {
        s_set(settings->name, &settings->name_len, first.name);
        s_set(settings->topic, &settings->topic_len, first.topic);
        settings->visibility = first.visibility;
        settings->history = first.history;
    }
    if (event->kind < KIND_RENAMED || event->kind > KIND_HISTORY_CHANGED || kind_decode(event->kind, event->body, &as))
        return;
    if (settings->visibility == VISIBILITY_DIRECT)
        verify_fault(self, event->seq, "changes a direct room");
    switch (event->kind) {
    case KIND_RENAMED: s_set(settings->name, &settings->name_len, as.renamed.name); break;
    case KIND_TOPIC_CHANGED: s_set(settings->topic, &settings->topic_len, as.topic_changed.topic); break;
    case KIND_ARCHIVED: settings->archived = as.archived.on; break;
    default: settings->history = as.history_changed.history; break;
    }
}

void verify_settings_compare(struct verify *self, const struct verify_room *room)
{
    const struct verify_settings *settings = self->settings;
    if (!view_is_equal(view_of(settings->name, settings->name_len), room->name) ||
        !view_is_equal(view_of(settings->topic, settings->topic_len), room->topic) ||
        settings->visibility != room->visibility)
        verify_fault(self, 0, "the room has another name, topic or visibility than its log");
    if (settings->archived != room->archived)
        verify_fault(self, 0, "the room is %sarchived, and by its log it is %s", room->archived ? "" : "not ",
                     settings->archived ? "so" : "not");
    if (settings->history != room->history)
        verify_fault(self, 0, "newcomers may read by setting %" PRIu64 ", by the log %" PRIu32, room->history,
                     settings->history);
}
