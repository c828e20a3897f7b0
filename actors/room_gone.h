/* room_gone — numbers of a room's deleted lines, so that unread counts leave them out.
 *
 * An unread count is what stands after a read pointer, less what of it is deleted. The room and not the inboxes keeps
 * the second part: a deletion would else have to reach every member's inbox, and each would ask the store. Readers hear
 * with each head which deletion was the last; those with unread lines ask for the numbers when it is news to them, and
 * follow their pointer by themselves. That reads memory only. A deleted line stays deleted, so an answer is never wrong,
 * only old, and the next head says so.
 *
 * Runs on: the thread of its room actor. Pure. Bounds: LIM_ROOM_GONE_MAX numbers, the highest ones: a pointer below them
 * is told that there are more. */
#ifndef ROOKERY_ACTORS_ROOM_GONE_H
#define ROOKERY_ACTORS_ROOM_GONE_H

#include "proto/messages.h"

typedef struct room_gone {
    uint64_t *msg_nos;  /* ascending */
    uint32_t count, cap;
    bool more;          /* there are others below them */
    uint64_t deleted;   /* seq of the last deletion */
} room_gone_t;

void room_gone_fini(room_gone_t *self); /* empty again */

/* As the store knows them: numbers ascending. On error it is empty. */
err_t room_gone_load(room_gone_t *self, uint64_t deleted, list_t msg_nos, bool more);
/* The event at seq has deleted the line with this number. ERR_NO_MEMORY: unchanged. */
err_t room_gone_add(room_gone_t *self, uint64_t seq, uint64_t msg_no);
/* Fills the message and the list behind it, which is cleared first. */
void room_gone_tell(const room_gone_t *self, uint64_t room, list_writer_t *list, struct msg_gone *out);

#endif
