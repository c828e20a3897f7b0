#include "persist/store_places.h"

#include <stdlib.h>
#include <string.h>

#include "persist/name_key.h"
#include "persist/store_people.h"
#include "persist/store_rooms.h"

enum { SET_POINTER = 0, NOTIFY_MAX = 2, PATTERN_BYTES_MAX = 2 * NAME_KEY_BYTES_MAX + 4 };

/* ---- read pointers -------------------------------------------------------------------------------------------- */

static int s_compare_marks(const void *a, const void *b)
{
    const struct rec_read_mark *left = a, *right = b;
    if (left->room != right->room)
        return left->room < right->room ? -1 : 1;
    return (left->user > right->user) - (left->user < right->user);
}

/* Within a turn a pointer never goes back. One of an older turn was read before its lines were marked as unread, and
 * comes late: from the former owner of the inbox, or from a batch that overtook nothing. One of a newer turn than is
 * stored cannot be: a turn is told only when it is stored. */
static db_status_t s_store_mark(db_t *db, const struct rec_read_mark *mark)
{
    const struct db_value values[] = {db_u64(mark->msg_no), db_u64(mark->room), db_u64(mark->user),
                                      db_u64(mark->msg_no), db_u64(mark->room), db_u64(mark->user),
                                      db_u64(mark->turn)};
    return db_run(db,
                  "UPDATE member SET read_msg_no = ? WHERE room_id = ? AND user_id = ? AND read_msg_no < ? AND NOT EXISTS "
                  "(SELECT 1 FROM member_place AS p WHERE p.room_id = ? AND p.user_id = ? AND p.turn > ?)",
                  values, 7);
}

/* In the order of the key, so that two of these do not deadlock. */
static db_status_t s_store_marks(struct store_call *call)
{
    list_t list = call->ask.as.store_reads.marks;
    struct rec_read_mark marks[LIM_SUBS_MAX];
    size_t count = 0;
    while (count < LIM_SUBS_MAX && rec_read_mark_next(&list, &marks[count]))
        count++;
    qsort(marks, count, sizeof marks[0], s_compare_marks);
    db_status_t status = DB_OK;
    for (size_t i = 0; !status && i < count; i++)
        status = s_store_mark(call->db, &marks[i]);
    store_answer_ok(call, 0);
    return status;
}

db_status_t store_on_reads(struct store_call *call)
{
    return store_in_transaction(call, s_store_marks);
}

/* ---- decisions ------------------------------------------------------------------------------------------------ */

/* Locks the membership: decisions of one user about one room come one after the other. */
static db_status_t s_read_place(struct store_call *call, struct msg_store_place *place)
{
    const struct db_value values[] = {db_u64(place->room), db_u64(place->user)};
    db_stmt_t *rows;
    db_status_t status = db_query(
        call->db, "SELECT read_msg_no, notify FROM member WHERE room_id = ? AND user_id = ? FOR UPDATE", values, 2, &rows);
    if (status || !db_next(rows))
        return status;
    place->found = true;
    place->read_msg_no = db_get_u64(rows, 0);
    place->notify = (uint32_t)db_get_u64(rows, 1);
    status = db_query(call->db, "SELECT rev, turn FROM member_place WHERE room_id = ? AND user_id = ? FOR UPDATE", values,
                      2, &rows);
    if (status || !db_next(rows))
        return status;
    place->rev = db_get_u64(rows, 0);
    place->turn = db_get_u64(rows, 1);
    return DB_OK;
}

static db_status_t s_write_place(db_t *db, const struct msg_store_place *place)
{
    const struct db_value member[] = {db_u64(place->read_msg_no), db_u64(place->notify), db_u64(place->room),
                                      db_u64(place->user)};
    const struct db_value own[] = {db_u64(place->room), db_u64(place->user), db_u64(place->rev), db_u64(place->turn),
                                   db_u64(place->rev), db_u64(place->turn)};
    db_status_t status = db_run(
        db, "UPDATE member SET read_msg_no = ?, notify = ? WHERE room_id = ? AND user_id = ?", member, 4);
    return status ? status
                  : db_run(db,
                           "INSERT INTO member_place (room_id, user_id, rev, turn) VALUES (?, ?, ?, ?) "
                           "ON DUPLICATE KEY UPDATE rev = ?, turn = ?",
                           own, 6);
}

static db_status_t s_set_place(struct store_call *call)
{
    const struct msg_store_place_set *set = &call->ask.as.store_place_set;
    struct msg_store_place *place = &call->answer.as.store_place;
    call->answer.type = MSG_STORE_PLACE;
    *place = (struct msg_store_place){.user = set->user, .room = set->room};
    db_status_t status = s_read_place(call, place);
    if (status || !place->found || place->rev != set->rev)
        return status;
    place->rev++;
    if (set->what == SET_POINTER) {
        place->turn = place->rev;
        place->read_msg_no = set->value;
    } else {
        place->notify = (uint32_t)set->value;
    }
    return s_write_place(call->db, place);
}

db_status_t store_on_place_set(struct store_call *call)
{
    const struct msg_store_place_set *set = &call->ask.as.store_place_set;
    if (set->what != SET_POINTER && set->value > NOTIFY_MAX)
        return store_refuse(call, ERR_OUT_OF_RANGE);
    return store_in_transaction(call, s_set_place);
}

db_status_t store_place_forget(db_t *db, uint64_t room, uint64_t user)
{
    const struct db_value values[] = {db_u64(room), db_u64(user)};
    return db_run(db, "DELETE FROM member_place WHERE room_id = ? AND user_id = ?", values, 2);
}

/* ---- members by name ------------------------------------------------------------------------------------------ */

/* What is between words of a name, as LIKE writes it; the name's beginning first. */
static const char *const s_before[] = {"", "% ", "%-", "%.", "%|_"};
enum { PATTERNS = sizeof s_before / sizeof s_before[0] };

#define ANY_WORD(key)                                                                      \
    key " LIKE ? ESCAPE '|' OR " key " LIKE ? ESCAPE '|' OR " key " LIKE ? ESCAPE '|' OR " \
    key " LIKE ? ESCAPE '|' OR " key " LIKE ? ESCAPE '|'"

static view_t s_pattern(view_t key, const char *before, uint8_t pattern_out[PATTERN_BYTES_MAX])
{
    size_t len = strlen(before);
    memcpy(pattern_out, before, len);
    for (size_t i = 0; i < key.len; i++) {
        if (strchr("%_|", key.bytes[i]))
            pattern_out[len++] = '|';
        pattern_out[len++] = key.bytes[i];
    }
    pattern_out[len++] = '%';
    return view_of(pattern_out, len);
}

db_status_t store_on_members_find(struct store_call *call)
{
    const struct msg_store_members_find *ask = &call->ask.as.store_members_find;
    uint8_t folded[NAME_KEY_BYTES_MAX], patterns[PATTERNS][PATTERN_BYTES_MAX];
    const size_t limit = ask->limit ? ask->limit : 1;
    struct db_value values[3 + 2 * PATTERNS] = {db_u64(ask->room)};
    view_t key = name_key(ask->query, folded);
    for (size_t i = 0; i < PATTERNS; i++) /* the display name, if there is one, and the handle */
        values[1 + i] = values[1 + PATTERNS + i] = db_bytes(s_pattern(key, s_before[i], patterns[i]));
    values[1 + 2 * PATTERNS] = values[1]; /* who is shown so from the first letter on comes first */
    values[2 + 2 * PATTERNS] = db_u64(limit + 1);
    db_stmt_t *rows;
    db_status_t status = db_query(
        call->db,
        "SELECT m.user_id, " STORE_SHOWN ", m.role, m.joined_seq, COALESCE(r.state, 0) & 1 FROM member AS m "
        "JOIN user AS u ON u.id = m.user_id " STORE_JOIN_PROFILE
        "LEFT JOIN room_restricted AS r ON r.room_id = m.room_id AND r.user_id = m.user_id "
        "WHERE m.room_id = ? AND (" ANY_WORD("COALESCE(p.display_key, '')") " OR " ANY_WORD("u.name_key") ") "
        "ORDER BY COALESCE(NULLIF(p.display_key, ''), u.name_key) LIKE ? ESCAPE '|' DESC, u.name_key LIMIT ?",
        values, sizeof values / sizeof values[0], &rows);
    if (status)
        return status;
    return store_answer_members(call, rows, ask->room, limit);
}
