/* first — what the first event of a room says of it, whatever its kind; and who is in a direct room. */
#ifndef ROOKERY_PROTO_FIRST_H
#define ROOKERY_PROTO_FIRST_H

#include "proto/messages.h"

enum { VISIBILITY_PUBLIC = 0, VISIBILITY_PRIVATE = 1, VISIBILITY_DIRECT = 2 };
/* What newcomers may read of what was said before. */
enum { HISTORY_ALL = 0, HISTORY_FROM_JOINING = 1 };

/* A direct room has neither name nor topic; any other has no members but its creator. */
struct room_first {
    view_t name, topic;
    uint32_t visibility, history;
    list_t members; /* rec_id, ascending */
};

static inline bool kind_is_first(uint32_t kind)
{
    return kind == KIND_ROOM_CREATED || kind == KIND_FOUNDED || kind == KIND_DIRECT_CREATED;
}

/* What is usual where nothing else is said. */
static inline uint32_t history_usual(uint32_t visibility)
{
    return visibility == VISIBILITY_PRIVATE ? HISTORY_FROM_JOINING : HISTORY_ALL;
}

/* Views are the body's. False: no such kind, or its body cannot be read. */
bool room_first_read(uint32_t kind, view_t body, struct room_first *out);

/* The people of a direct room, each once, ascending, the asking user among them. 0: one of them is nobody, or they are
 * more than LIM_DIRECT_MEMBERS_MAX. */
size_t direct_members(uint64_t asking, list_t users, uint64_t members_out[LIM_DIRECT_MEMBERS_MAX]);

#endif
