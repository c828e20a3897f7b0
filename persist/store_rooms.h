/* store_rooms — SQL and rows of `room` and `member`: rooms, who is in them, and a user's inbox. */
#ifndef ROOKERY_PERSIST_STORE_ROOMS_H
#define ROOKERY_PERSIST_STORE_ROOMS_H

#include "persist/store.h"

db_status_t store_on_room_get(struct store_call *call);
db_status_t store_on_room_lost(struct store_call *call); /* and the audit says so */
db_status_t store_on_inbox_get(struct store_call *call);
db_status_t store_on_members_get(struct store_call *call);
db_status_t store_on_rooms_get(struct store_call *call);
/* Answers with at most limit rows of (user, name, role, joined_seq, muted), and whether there are more. */
db_status_t store_answer_members(struct store_call *call, db_stmt_t *rows, uint64_t room, size_t limit);

/* Within the transaction that stores the event. */
db_status_t store_room_create(db_t *db, const struct rec_append_row *row); /* of its first event; head (0, 0) */
db_status_t store_members_found(db_t *db, const struct rec_append_row *row); /* of its first event: who is in it */
/* Of JOINED and ADDED: somebody becomes a member, or gets the role of the event. read_msg_no: nothing before it is
 * unread. */
db_status_t store_member_join(db_t *db, const struct rec_append_row *row, uint64_t read_msg_no);
db_status_t store_member_leave(db_t *db, uint64_t room, uint64_t user);
/* The body of the row's event. False: it is none of its kind. */
bool store_row_body(const struct rec_append_row *row, void *body_out);

#endif
