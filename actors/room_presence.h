/* room_presence — who reads a room and from where, who is here, who is typing, and when that expires.
 * Runs on: the thread of its room actor. Pure; edges are slots 0 … LIM_EDGES_MAX-1, sets of them are bit masks.
 * Never stored: a new owner of the room begins with nothing and edges attach again. */
#ifndef ROOKERY_ACTORS_ROOM_PRESENCE_H
#define ROOKERY_ACTORS_ROOM_PRESENCE_H

#include "actors/runtime/map.h"
#include "proto/messages.h"

enum {
    PRESENCE_TELL_MS = 1000, /* changes are told at most so often */
    TYPISTS_TELL_MS = 250,
};

typedef struct room_presence {
    map_t readers; /* slot and session → user and live */
    map_t users;   /* user → number of readers */
    map_t changed; /* users whose presence changed since it was last told */
    struct presence_edge {
        uint32_t live, watch;
    } *edges; /* LIM_EDGES_MAX of them once there is a reader */
    uint64_t live_mask, watch_mask;
    uint64_t fresh_mask; /* edges that must get the full state */
    int64_t told_ms;
    struct typist {
        uint64_t user;
        int64_t until_ms;
    } typists[LIM_TYPING_MAX];
    size_t typist_count;
    bool typing_changed;
    int64_t typing_told_ms;
} room_presence_t;

void presence_init(room_presence_t *self);
void presence_fini(room_presence_t *self);

/* A reader begins or changes its mode. ERR_NO_MEMORY, ERR_OUT_OF_RANGE (session). */
err_t presence_add(room_presence_t *self, unsigned slot, uint64_t session, uint64_t user, bool live);
void presence_remove(room_presence_t *self, unsigned slot, uint64_t session);
void presence_drop_edge(room_presence_t *self, unsigned slot);
/* All readers of a user go; returns the edges that had any. */
uint64_t presence_drop_user(room_presence_t *self, uint64_t user);

bool presence_is_here(const room_presence_t *self, uint64_t user);
size_t presence_here_count(const room_presence_t *self);
size_t presence_reader_count(const room_presence_t *self);

/* False when nothing changes (LIM_TYPING_MAX are typing already, or a stop of one who does not). */
bool presence_typing(room_presence_t *self, uint64_t user, bool active, int64_t now_ms);

/* What is due now. PRESENCE: to the edges in *full_mask_out all of it, to the others in live_mask the changes. */
bool presence_is_due(const room_presence_t *self, int64_t now_ms);
bool presence_typing_is_due(room_presence_t *self, int64_t now_ms); /* also forgets those who expired */
bool presence_is_quiet(const room_presence_t *self);                /* nothing will ever be due by itself */
/* Fills the list; more than LIM_PRESENCE_MEMBERS_MAX members: left empty, only the count is told. */
void presence_full(const room_presence_t *self, uint64_t room, size_t members, list_writer_t *list,
                   struct msg_presence *out);
void presence_changes(room_presence_t *self, uint64_t room, size_t members, list_writer_t *list,
                      struct msg_presence *out);
void presence_told(room_presence_t *self, int64_t now_ms); /* after both were sent */
void presence_typists(room_presence_t *self, uint64_t room, int64_t now_ms, list_writer_t *list,
                      struct msg_typists *out);

#endif
