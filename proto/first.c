#include "proto/first.h"

#include <string.h>

bool room_first_read(uint32_t kind, view_t body, struct room_first *out)
{
    union {
        struct kind_room_created created;
        struct kind_founded founded;
        struct kind_direct_created direct;
    } as;
    *out = (struct room_first){0};
    if (!kind_is_first(kind) || kind_decode(kind, body, &as))
        return false;
    switch (kind) {
    case KIND_ROOM_CREATED:
        *out = (struct room_first){.name = as.created.name, .topic = as.created.topic,
                                   .visibility = as.created.visibility,
                                   .history = history_usual(as.created.visibility)};
        return true;
    case KIND_FOUNDED:
        *out = (struct room_first){.name = as.founded.name, .topic = as.founded.topic,
                                   .visibility = as.founded.visibility, .history = as.founded.history};
        return true;
    default:
        *out = (struct room_first){.visibility = VISIBILITY_DIRECT, .members = as.direct.members};
        return true;
    }
}

size_t direct_members(uint64_t asking, list_t users, uint64_t members_out[LIM_DIRECT_MEMBERS_MAX])
{
    struct rec_id id = {.id = asking};
    size_t count = 0;
    do {
        size_t at = 0;
        while (at < count && members_out[at] < id.id)
            at++;
        if (at < count && members_out[at] == id.id)
            continue;
        if (!id.id || count == LIM_DIRECT_MEMBERS_MAX)
            return 0;
        memmove(members_out + at + 1, members_out + at, (count - at) * sizeof members_out[0]);
        members_out[at] = id.id;
        count++;
    } while (rec_id_next(&users, &id));
    return count;
}
