/* Private, direct and archived rooms; who is brought in; what newcomers may read: each rule, whom it lets through and
 * whom not, and what follows. */
#include "tests/actors/room_fixture.h"

#include <string.h>

#include "actors/room.h"
#include "actors/room_members.h"

static const uint8_t KEY[KEY_BYTES] = {1, 2, 3};
static const uint64_t MIA = 104, MAX = 105, STRANGER = 199; /* moderators, and somebody who is in no room */

static struct stored_room s_stored(uint64_t visibility)
{
    return (struct stored_room){.found = true, .incarnation = 1, .last_seq = 5, .last_msg_no = 5,
                                .visibility = visibility, .members = {ALICE, BOB, CAROL, MIA, MAX},
                                .roles = {2, 0, 0, 1, 1}, .member_count = 5, .tail_count = 5};
}

static void s_load(struct fixture *f, uint64_t visibility)
{
    struct stored_room room = s_stored(visibility);
    fixture_load(f, &room);
}

/* arg: whom, or the setting. */
static struct msg s_msg(uint16_t type, uint64_t cid, uint64_t arg, const char *text)
{
    struct msg msg = {.type = type};
    view_t words = view_of_text(text ? text : "");
    switch (type) {
    case MSG_ROOM_INVITE: msg.as.room_invite = (struct msg_room_invite){ROOM, cid_of(cid), arg}; break;
    case MSG_ROOM_RENAME: msg.as.room_rename = (struct msg_room_rename){ROOM, cid_of(cid), words}; break;
    case MSG_ROOM_TOPIC: msg.as.room_topic = (struct msg_room_topic){ROOM, cid_of(cid), words}; break;
    case MSG_ROOM_ARCHIVE: msg.as.room_archive = (struct msg_room_archive){ROOM, cid_of(cid), arg}; break;
    case MSG_ROOM_HISTORY:
        msg.as.room_history = (struct msg_room_history){ROOM, cid_of(cid), (uint32_t)arg};
        break;
    case MSG_ROOM_POST: msg.as.room_post = (struct msg_room_post){ROOM, cid_of(cid), words}; break;
    case MSG_ROOM_EDIT: msg.as.room_edit = (struct msg_room_edit){ROOM, cid_of(cid), arg, words}; break;
    case MSG_ROOM_DELETE: msg.as.room_delete = (struct msg_room_delete){ROOM, cid_of(cid), arg}; break;
    case MSG_ROOM_JOIN: msg.as.room_join = (struct msg_room_join){ROOM, cid_of(cid)}; break;
    case MSG_ROOM_LEAVE: msg.as.room_leave = (struct msg_room_leave){ROOM, cid_of(cid)}; break;
    case MSG_ROOM_SAY:
        msg.as.room_say = (struct msg_room_say){.room = ROOM, .client_id = cid_of(cid), .reply_to = arg, .text = words};
        break;
    case MSG_ROOM_REVISE:
        msg.as.room_revise = (struct msg_room_revise){.room = ROOM, .client_id = cid_of(cid), .target = arg, .text = words};
        break;
    case MSG_ROOM_REACT:
        msg.as.room_react = (struct msg_room_react){ROOM, cid_of(cid), arg, view_of_text("👍"), true};
        break;
    case MSG_ROOM_PIN: msg.as.room_pin = (struct msg_room_pin){ROOM, cid_of(cid), arg, true}; break;
    case MSG_ROOM_REMOVE: msg.as.room_remove = (struct msg_room_remove){ROOM, cid_of(cid), arg}; break;
    case MSG_ROOM_BAN: msg.as.room_ban = (struct msg_room_ban){ROOM, cid_of(cid), arg}; break;
    case MSG_ROOM_UNBAN: msg.as.room_unban = (struct msg_room_unban){ROOM, cid_of(cid), arg}; break;
    case MSG_ROOM_ROLE: msg.as.room_role = (struct msg_room_role){ROOM, cid_of(cid), arg, 1}; break;
    case MSG_ROOM_MUTE: msg.as.room_mute = (struct msg_room_mute){ROOM, cid_of(cid), arg, true}; break;
    default: fail_msg("no request: %s", msg_name(type));
    }
    return msg;
}

/* What becomes of what was asked: ERR_OK when it is stored and acked. */
static err_t s_decided(struct fixture *f)
{
    struct msg msg;
    fixture_look_again(f);
    if (fixture_next(f, MSG_NACK, &msg)) {
        assert_true(msg.as.nack.final);
        return msg.as.nack.code;
    }
    fixture_turn(f);
    assert_int_equal(1, fixture_outcome(f, 0));
    fixture_expect(f, MSG_ACK, NULL);
    return ERR_OK;
}

/* The same; whoever would come in may. */
static err_t s_end(struct fixture *f)
{
    fixture_look_again(f);
    if (fixture_count(f, MSG_STORE_ENTRANTS_GET))
        fixture_answer_entrants(f, 0, 0);
    return s_decided(f);
}

static err_t s_do(struct fixture *f, uint64_t user, uint16_t type, uint64_t cid, uint64_t arg, const char *text)
{
    struct msg msg = s_msg(type, cid, arg, text);
    fixture_forget(f);
    fixture_send(f, f->edge, user, &msg);
    return s_end(f);
}

struct right {
    uint64_t user;
    uint16_t type;
    uint64_t arg;
    const char *text;
    err_t want;
};

/* Each on a fresh room. */
static void s_expect(void **state, const struct stored_room *room, const struct right *rights, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        fixture_teardown(state);
        fixture_setup(state);
        fixture_load(*state, room);
        err_t got = s_do(*state, rights[i].user, rights[i].type, 1, rights[i].arg, rights[i].text);
        if (got != rights[i].want)
            fail_msg("right %zu: %s by %d is %s, not %s", i, msg_name(rights[i].type), (int)rights[i].user,
                     err_name(got), err_name(rights[i].want));
    }
}

#define EXPECT(room, ...)                                                                                            \
    s_expect(state, &(room), (const struct right[]){__VA_ARGS__},                                                    \
             sizeof(const struct right[]){__VA_ARGS__} / sizeof(struct right))

/* ---- settings ---- */

static void test_moderators_and_the_owner_name_and_archive_a_room_and_the_owner_says_what_newcomers_read(void **state)
{
    struct stored_room room = s_stored(VISIBILITY_PUBLIC);
    EXPECT(room, {ALICE, MSG_ROOM_RENAME, 0, "pantry", ERR_OK}, {MIA, MSG_ROOM_RENAME, 0, "pantry", ERR_OK},
           {BOB, MSG_ROOM_RENAME, 0, "pantry", ERR_FORBIDDEN}, {STRANGER, MSG_ROOM_RENAME, 0, "pantry", ERR_NOT_MEMBER},
           {MIA, MSG_ROOM_RENAME, 0, "kitchen", ERR_NO_CHANGE}, {MIA, MSG_ROOM_RENAME, 0, " ", ERR_EMPTY},
           {MIA, MSG_ROOM_TOPIC, 0, "cake", ERR_OK}, {MIA, MSG_ROOM_TOPIC, 0, "", ERR_OK},
           {MIA, MSG_ROOM_TOPIC, 0, "soup", ERR_NO_CHANGE}, {BOB, MSG_ROOM_TOPIC, 0, "cake", ERR_FORBIDDEN},
           {MIA, MSG_ROOM_ARCHIVE, 1, NULL, ERR_OK}, {MIA, MSG_ROOM_ARCHIVE, 0, NULL, ERR_NO_CHANGE},
           {BOB, MSG_ROOM_ARCHIVE, 1, NULL, ERR_FORBIDDEN}, {ALICE, MSG_ROOM_HISTORY, 1, NULL, ERR_OK},
           {ALICE, MSG_ROOM_HISTORY, 0, NULL, ERR_NO_CHANGE}, {MIA, MSG_ROOM_HISTORY, 1, NULL, ERR_FORBIDDEN});
}

static void test_a_name_has_its_bound_and_one_character_more_is_refused(void **state)
{
    char name[LIM_ROOM_NAME_CHARS_MAX + 2];
    struct stored_room room = s_stored(VISIBILITY_PUBLIC);
    memset(name, 'n', sizeof name);
    name[LIM_ROOM_NAME_CHARS_MAX + 1] = '\0';
    EXPECT(room, {ALICE, MSG_ROOM_RENAME, 0, name, ERR_OUT_OF_RANGE}, {ALICE, MSG_ROOM_RENAME, 0, name + 1, ERR_OK});
}

static void test_an_archived_room_takes_only_what_takes_away_and_who_opens_it_again(void **state)
{
    struct stored_room room = s_stored(VISIBILITY_PUBLIC);
    room.archived = true;
    EXPECT(room, {ALICE, MSG_ROOM_POST, 0, "more", ERR_ARCHIVED}, {ALICE, MSG_ROOM_SAY, 0, "more", ERR_ARCHIVED},
           {CAROL, MSG_ROOM_EDIT, 3, "other", ERR_ARCHIVED}, {CAROL, MSG_ROOM_REVISE, 3, "other", ERR_ARCHIVED},
           {BOB, MSG_ROOM_REACT, 3, NULL, ERR_ARCHIVED}, {BOB, MSG_ROOM_PIN, 3, NULL, ERR_ARCHIVED},
           {STRANGER, MSG_ROOM_JOIN, 0, NULL, ERR_ARCHIVED}, {ALICE, MSG_ROOM_INVITE, STRANGER, NULL, ERR_ARCHIVED},
           {ALICE, MSG_ROOM_RENAME, 0, "pantry", ERR_ARCHIVED}, {ALICE, MSG_ROOM_TOPIC, 0, "cake", ERR_ARCHIVED},
           {ALICE, MSG_ROOM_HISTORY, 1, NULL, ERR_ARCHIVED}, {CAROL, MSG_ROOM_DELETE, 3, NULL, ERR_OK},
           {BOB, MSG_ROOM_LEAVE, 0, NULL, ERR_OK}, {ALICE, MSG_ROOM_REMOVE, BOB, NULL, ERR_OK},
           {ALICE, MSG_ROOM_BAN, BOB, NULL, ERR_OK}, {ALICE, MSG_ROOM_MUTE, BOB, NULL, ERR_OK},
           {ALICE, MSG_ROOM_ROLE, BOB, NULL, ERR_OK}, {MIA, MSG_ROOM_ARCHIVE, 0, NULL, ERR_OK},
           {MIA, MSG_ROOM_ARCHIVE, 1, NULL, ERR_NO_CHANGE});
}

static void test_what_is_said_behind_an_archiving_in_one_batch_is_refused(void **state)
{
    struct fixture *f = *state;
    struct msg msg, archive = s_msg(MSG_ROOM_ARCHIVE, 2, 1, NULL);
    s_load(f, VISIBILITY_PUBLIC);
    fixture_post(f, ALICE, 1, "so that a batch is in flight");
    fixture_turn(f);
    fixture_send(f, f->edge, MIA, &archive);
    fixture_post(f, BOB, 3, "too late");
    fixture_outcome(f, 0);
    fixture_turn(f);
    assert_int_equal(1, fixture_outcome(f, 0));
    fixture_forget(f);
    fixture_turn(f);
    fixture_expect(f, MSG_NACK, &msg);
    assert_code(ERR_ARCHIVED, msg.as.nack.code);
    assert_code(ERR_OK, s_do(f, MIA, MSG_ROOM_ARCHIVE, 4, 0, NULL));
    assert_code(ERR_OK, s_do(f, BOB, MSG_ROOM_POST, 5, 0, "open again"));
}

/* ---- administrators of the server ---- */

/* By an administrator, on a fresh room. */
static err_t s_by_admin(void **state, const struct stored_room *room, uint64_t user, uint16_t type, uint64_t arg)
{
    fixture_teardown(state);
    fixture_setup(state);
    struct fixture *f = *state;
    fixture_load(f, room);
    f->as_admin = true;
    return s_do(f, user, type, 1, arg, "text");
}

static void test_an_administrator_archives_and_opens_any_room_but_direct_ones(void **state)
{
    struct stored_room room = s_stored(VISIBILITY_PRIVATE);
    for (uint64_t visibility = VISIBILITY_PUBLIC; visibility <= VISIBILITY_PRIVATE; visibility++) {
        static const uint64_t users[] = {199 /* in no room */, 102 /* a plain member */};
        for (size_t i = 0; i < 2; i++) {
            room.visibility = visibility;
            room.archived = false;
            assert_code(ERR_OK, s_by_admin(state, &room, users[i], MSG_ROOM_ARCHIVE, 1));
            assert_code(ERR_NO_CHANGE, s_by_admin(state, &room, users[i], MSG_ROOM_ARCHIVE, 0));
            room.archived = true;
            assert_code(ERR_OK, s_by_admin(state, &room, users[i], MSG_ROOM_ARCHIVE, 0));
        }
        room.member_count = 0; /* also one that everybody has left */
        room.archived = false;
        assert_code(ERR_OK, s_by_admin(state, &room, STRANGER, MSG_ROOM_ARCHIVE, 1));
        room.member_count = 5;
    }
    room.visibility = VISIBILITY_DIRECT;
    assert_code(ERR_NO_ROOM, s_by_admin(state, &room, STRANGER, MSG_ROOM_ARCHIVE, 1));
    assert_code(ERR_FORBIDDEN, s_by_admin(state, &room, BOB, MSG_ROOM_ARCHIVE, 1));
    room = s_stored(VISIBILITY_PRIVATE);
    EXPECT(room, {STRANGER, MSG_ROOM_ARCHIVE, 1, NULL, ERR_NO_ROOM}); /* nobody else does */
}

static void test_an_administrator_may_do_nothing_else_in_rooms_of_others(void **state)
{
    struct stored_room room = s_stored(VISIBILITY_PRIVATE);
    static const uint16_t types[] = {MSG_ROOM_POST, MSG_ROOM_SAY, MSG_ROOM_RENAME, MSG_ROOM_TOPIC, MSG_ROOM_HISTORY,
                                     MSG_ROOM_JOIN, MSG_ROOM_INVITE, MSG_ROOM_REMOVE, MSG_ROOM_BAN, MSG_ROOM_MUTE,
                                     MSG_ROOM_ROLE, MSG_ROOM_LEAVE, MSG_ROOM_DELETE, MSG_ROOM_PIN, MSG_ROOM_REACT};
    for (size_t i = 0; i < sizeof types / sizeof types[0]; i++) {
        uint64_t arg = types[i] == MSG_ROOM_HISTORY ? 1 : types[i] >= MSG_ROOM_INVITE ? BOB : 3;
        assert_code(ERR_NO_ROOM, s_by_admin(state, &room, STRANGER, types[i], arg));
    }
    assert_code(ERR_FORBIDDEN, s_by_admin(state, &room, BOB, MSG_ROOM_RENAME, 0)); /* a member is what they are */
}

static void test_an_administrator_owns_a_private_room_that_everybody_has_left_and_nobody_else_enters_it(void **state)
{
    struct stored_room room = s_stored(VISIBILITY_PRIVATE);
    room.member_count = 0;
    EXPECT(room, {STRANGER, MSG_ROOM_JOIN, 0, NULL, ERR_NO_ROOM});
    assert_code(ERR_OK, s_by_admin(state, &room, STRANGER, MSG_ROOM_JOIN, 0));
    struct fixture *f = *state;
    assert_code(ERR_OK, s_do(f, STRANGER, MSG_ROOM_HISTORY, 2, 1, NULL)); /* which only its owner may */
    assert_code(ERR_NO_ROOM, s_do(f, 198, MSG_ROOM_JOIN, 3, 0, NULL));    /* nor a second administrator: it has people */
    room.archived = true;
    assert_code(ERR_ARCHIVED, s_by_admin(state, &room, STRANGER, MSG_ROOM_JOIN, 0)); /* open it first */
    room.archived = false;
    room.restricted[0] = STRANGER;
    room.restricted_states[0] = RESTRICTED_BANNED;
    assert_code(ERR_NO_ROOM, s_by_admin(state, &room, STRANGER, MSG_ROOM_JOIN, 0));
    room.visibility = VISIBILITY_DIRECT;
    room.restricted_states[0] = 0;
    assert_code(ERR_NO_ROOM, s_by_admin(state, &room, STRANGER, MSG_ROOM_JOIN, 0));
}

static void test_of_two_administrators_who_take_an_empty_room_at_once_one_has_it(void **state)
{
    struct fixture *f = *state;
    struct stored_room room = s_stored(VISIBILITY_PRIVATE);
    room.member_count = 0;
    fixture_load(f, &room);
    f->as_admin = true;
    fixture_forget(f);
    struct msg first = s_msg(MSG_ROOM_JOIN, 1, 0, NULL), second = s_msg(MSG_ROOM_JOIN, 2, 0, NULL), msg;
    fixture_send(f, f->edge, STRANGER, &first);
    fixture_send(f, f->edge, 198, &second);
    fixture_turn(f);
    assert_int_equal(1, fixture_outcome(f, 0)); /* the second one waits until the first is in */
    fixture_turn(f);
    fixture_look_again(f);
    fixture_expect(f, MSG_NACK, &msg);
    assert_code(ERR_NO_ROOM, msg.as.nack.code);
    assert_int_equal(1, fixture_count(f, MSG_ACK));
}

/* ---- private rooms ---- */

static void test_a_private_room_does_not_exist_for_who_is_not_in_it_banned_or_not(void **state)
{
    struct stored_room room = s_stored(VISIBILITY_PRIVATE);
    room.restricted[0] = 198;
    room.restricted_states[0] = RESTRICTED_BANNED;
    for (uint64_t user = 198; user <= STRANGER; user++) {
        EXPECT(room, {user, MSG_ROOM_JOIN, 0, NULL, ERR_NO_ROOM}, {user, MSG_ROOM_POST, 0, "hello", ERR_NO_ROOM},
               {user, MSG_ROOM_INVITE, user, NULL, ERR_NO_ROOM}, {user, MSG_ROOM_RENAME, 0, "mine", ERR_NO_ROOM});
        struct fixture *f = *state;
        struct msg msg, asks[] = {{.type = MSG_ROOM_INFO_GET, .as.room_info_get.room = ROOM},
                                  {.type = MSG_ROOM_MEMBERS_GET, .as.room_members_get = {ROOM, 0, 10}},
                                  {.type = MSG_ROOM_PINS_GET, .as.room_pins_get = {ROOM, 0, 10}},
                                  {.type = MSG_ROOM_EXPORT_GET, .as.room_export_get = {ROOM, 0, 5}},
                                  {.type = MSG_ROOM_PAGE_GET, .as.room_page_get = {.room = ROOM, .limit = 10}}};
        fixture_forget(f);
        for (size_t i = 0; i < sizeof asks / sizeof asks[0]; i++) {
            fixture_send(f, f->edge, user, &asks[i]);
            fixture_expect(f, MSG_ERR, &msg);
            assert_code(ERR_NO_ROOM, msg.as.err.code);
        }
        struct rec_refusal refusal;
        fixture_attach(f, f->edge, user, 9, true, 0, 0);
        fixture_expect(f, MSG_ROOM_ATTACHED, &msg);
        assert_true(rec_refusal_next(&msg.as.room_attached.refused, &refusal));
        assert_code(ERR_NO_ROOM, refusal.code);
    }
}

static void test_moderators_and_the_owner_bring_in_who_is_not_in_yet_and_not_banned(void **state)
{
    struct stored_room room = s_stored(VISIBILITY_PRIVATE);
    room.restricted[0] = 198;
    room.restricted_states[0] = RESTRICTED_BANNED;
    EXPECT(room, {ALICE, MSG_ROOM_INVITE, STRANGER, NULL, ERR_OK}, {MIA, MSG_ROOM_INVITE, STRANGER, NULL, ERR_OK},
           {BOB, MSG_ROOM_INVITE, STRANGER, NULL, ERR_FORBIDDEN}, {MIA, MSG_ROOM_INVITE, BOB, NULL, ERR_NO_CHANGE},
           {MIA, MSG_ROOM_INVITE, MIA, NULL, ERR_FORBIDDEN}, {MIA, MSG_ROOM_INVITE, 0, NULL, ERR_NO_MEMBER},
           {MIA, MSG_ROOM_INVITE, 198, NULL, ERR_MEMBER_BANNED});
    room.visibility = VISIBILITY_PUBLIC;
    EXPECT(room, {MIA, MSG_ROOM_INVITE, STRANGER, NULL, ERR_OK}, {BOB, MSG_ROOM_INVITE, STRANGER, NULL, ERR_FORBIDDEN});
}

static err_t s_invite(struct fixture *f, uint64_t cid, uint64_t nobody, uint64_t full)
{
    struct msg msg = s_msg(MSG_ROOM_INVITE, cid, STRANGER, NULL);
    fixture_forget(f);
    fixture_send(f, f->edge, ALICE, &msg);
    fixture_answer_entrants(f, nobody, full);
    return s_decided(f);
}

static void test_who_has_no_account_or_no_place_for_another_room_is_not_brought_in(void **state)
{
    struct fixture *f = *state;
    s_load(f, VISIBILITY_PRIVATE);
    assert_code(ERR_NO_USER, s_invite(f, 1, STRANGER, 0));
    assert_code(ERR_MEMBER_FULL, s_invite(f, 2, 0, STRANGER));
    struct stored_room room = s_stored(VISIBILITY_PRIVATE);
    room.strangers = LIM_ROOM_MEMBERS_MAX - 6;
    fixture_teardown(state);
    fixture_setup(state);
    fixture_load(f = *state, &room);
    assert_code(ERR_OK, s_do(f, ALICE, MSG_ROOM_INVITE, 1, STRANGER, NULL));
    assert_code(ERR_ROOM_FULL, s_do(f, ALICE, MSG_ROOM_INVITE, 2, 198, NULL));
}

static void test_a_store_that_does_not_answer_who_may_come_in_is_for_later(void **state)
{
    struct fixture *f = *state;
    struct msg msg, invite = s_msg(MSG_ROOM_INVITE, 1, STRANGER, NULL);
    s_load(f, VISIBILITY_PRIVATE);
    fixture_send(f, f->edge, ALICE, &invite);
    fixture_expect(f, MSG_STORE_ENTRANTS_GET, NULL);
    fixture_tick(f, LIM_UNAVAILABLE_MS + 100);
    fixture_expect(f, MSG_NACK, &msg);
    assert_code(ERR_UNAVAILABLE, msg.as.nack.code);
    assert_false(msg.as.nack.final);
}

/* ---- what newcomers may read ---- */

static void s_expect_visible_from(struct fixture *f, uint64_t user, uint64_t from)
{
    struct msg msg, asks[] = {
        {.type = MSG_ROOM_PAGE_GET, .as.room_page_get = {.room = ROOM, .limit = 10}},
        {.type = MSG_ROOM_PINS_GET, .as.room_pins_get = {ROOM, 0, 10}},
        {.type = MSG_ROOM_LINES_GET},
    };
    list_writer_t seqs;
    list_writer_init(&seqs, 256);
    rec_id_append(&seqs, &(struct rec_id){.id = 3});
    asks[2].as.room_lines_get = (struct msg_room_lines_get){.room = ROOM, .seqs = list_of(&seqs)};
    fixture_forget(f);
    for (size_t i = 0; i < 3; i++)
        fixture_send(f, f->edge, user, &asks[i]);
    list_writer_fini(&seqs);
    fixture_expect(f, MSG_STORE_PAGE_GET, &msg);
    assert_int_equal(from, msg.as.store_page_get.visible_from_seq);
    fixture_expect(f, MSG_STORE_PINS_GET, &msg);
    assert_int_equal(from, msg.as.store_pins_get.visible_from_seq);
    fixture_expect(f, MSG_STORE_LINES_GET, &msg);
    assert_int_equal(from, msg.as.store_lines_get.visible_from_seq);
    fixture_attach(f, f->edge, user, 7, true, 0, 0);
    fixture_expect(f, MSG_ROOM_ATTACHED, &msg);
    assert_int_equal(from, msg.as.room_attached.visible_from);
    struct rec_frame frame;
    while (msg.as.room_attached.here && rec_frame_next(&msg.as.room_attached.frames, &frame)) {
        struct msg event;
        assert_int_equal(ERR_OK, msg_decode(frame.event, &event));
        assert_true(event.type != MSG_EVENT || event.as.event.seq >= from);
    }
}

static void test_who_comes_into_a_room_that_shows_newcomers_nothing_older_reads_from_there_on(void **state)
{
    struct fixture *f = *state;
    struct stored_room room = s_stored(VISIBILITY_PRIVATE);
    room.history = HISTORY_FROM_JOINING;
    room.visible_from[1] = 3; /* BOB came then */
    fixture_load(f, &room);
    s_expect_visible_from(f, BOB, 3);
    s_expect_visible_from(f, CAROL, 0);
    assert_code(ERR_OK, s_do(f, ALICE, MSG_ROOM_INVITE, 1, STRANGER, NULL)); /* at 6 */
    s_expect_visible_from(f, STRANGER, 6);
    /* One event before it is refused as a delta, from it on it is one. */
    struct msg msg;
    fixture_forget(f);
    fixture_attach(f, f->edge, STRANGER, 8, true, 1, 4);
    fixture_expect(f, MSG_ROOM_ATTACHED, &msg);
    assert_int_equal(1, msg.as.room_attached.mode);
    assert_int_equal(0, msg.as.room_attached.frames.count);
    fixture_attach(f, f->edge, STRANGER, 8, true, 1, 5);
    fixture_expect(f, MSG_ROOM_ATTACHED, &msg);
    assert_int_equal(0, msg.as.room_attached.mode);
    assert_int_equal(1, msg.as.room_attached.frames.count);
}

static void test_lines_before_ones_coming_can_neither_be_answered_nor_changed(void **state)
{
    struct stored_room room = s_stored(VISIBILITY_PRIVATE);
    room.visible_from[2] = 4; /* CAROL, whose lines they are */
    room.visible_from[3] = 4;
    EXPECT(room, {CAROL, MSG_ROOM_SAY, 3, "answer", ERR_NO_EVENT}, {CAROL, MSG_ROOM_SAY, 4, "answer", ERR_OK},
           {CAROL, MSG_ROOM_EDIT, 3, "other", ERR_NO_EVENT}, {CAROL, MSG_ROOM_EDIT, 4, "other", ERR_OK},
           {CAROL, MSG_ROOM_REVISE, 3, "other", ERR_NO_EVENT}, {CAROL, MSG_ROOM_REACT, 3, NULL, ERR_NO_EVENT},
           {CAROL, MSG_ROOM_REACT, 4, NULL, ERR_OK}, {CAROL, MSG_ROOM_PIN, 3, NULL, ERR_NO_EVENT},
           {CAROL, MSG_ROOM_DELETE, 3, NULL, ERR_NO_EVENT}, {CAROL, MSG_ROOM_DELETE, 4, NULL, ERR_OK},
           {MIA, MSG_ROOM_DELETE, 3, NULL, ERR_NO_EVENT}, {ALICE, MSG_ROOM_DELETE, 3, NULL, ERR_OK});
}

static void test_coming_again_gives_what_that_coming_gives(void **state)
{
    struct fixture *f = *state;
    s_load(f, VISIBILITY_PUBLIC);
    assert_code(ERR_OK, s_do(f, ALICE, MSG_ROOM_HISTORY, 1, 1, NULL)); /* at 6 */
    s_expect_visible_from(f, BOB, 0);                                  /* keeps what he had */
    assert_code(ERR_OK, s_do(f, BOB, MSG_ROOM_LEAVE, 2, 0, NULL));
    assert_code(ERR_OK, s_do(f, BOB, MSG_ROOM_JOIN, 3, 0, NULL)); /* at 8 */
    s_expect_visible_from(f, BOB, 8);
    assert_code(ERR_OK, s_do(f, BOB, MSG_ROOM_LEAVE, 4, 0, NULL));
    assert_code(ERR_OK, s_do(f, ALICE, MSG_ROOM_HISTORY, 5, 0, NULL));
    assert_code(ERR_OK, s_do(f, ALICE, MSG_ROOM_INVITE, 6, BOB, NULL));
    s_expect_visible_from(f, BOB, 0);
}

/* ---- direct rooms ---- */

static struct msg s_direct(uint64_t cid, const uint64_t *users, size_t count, list_writer_t *list)
{
    struct msg msg = {.type = MSG_ROOM_DIRECT};
    list_writer_clear(list);
    for (size_t i = 0; i < count; i++)
        rec_id_append(list, &(struct rec_id){.id = users[i]});
    msg.as.room_direct = (struct msg_room_direct){.client_id = cid_of(cid), .users = list_of(list)};
    return msg;
}

/* Asks for the room of these people. Returns its id. */
static uint64_t s_open(struct fixture *f, uint64_t user, uint64_t cid, const uint64_t *users, size_t count)
{
    list_writer_t list;
    uint64_t members[LIM_DIRECT_MEMBERS_MAX] = {0};
    list_writer_init(&list, 4096);
    struct msg msg = s_direct(cid, users, count, &list);
    size_t known = direct_members(user, msg.as.room_direct.users, members);
    uint64_t id = id_of_direct(KEY, members, known);
    fixture_send_to(f, f->edge, user, id, &msg);
    list_writer_fini(&list);
    return id;
}

static void s_answer_absent(struct fixture *f)
{
    struct msg msg = {.type = MSG_STORE_ROOM};
    fixture_reply(f, fixture_expect(f, MSG_STORE_ROOM_GET, NULL)->env.correlation, &msg);
}

static void test_a_direct_room_is_the_same_whoever_opens_it_and_has_all_of_them_at_once(void **state)
{
    struct fixture *f = *state;
    static struct fixture_rows rows;
    struct msg msg, event;
    struct kind_direct_created body;
    struct rec_id id;
    const uint64_t want[] = {ALICE, BOB, CAROL};
    uint64_t room = s_open(f, BOB, 1, (const uint64_t[]){CAROL, ALICE}, 2);
    s_answer_absent(f);
    fixture_answer_entrants(f, 0, 0);
    fixture_turn(f);
    assert_true(fixture_rows(f, &rows));
    assert_int_equal(1, rows.count);
    assert_int_equal(room, rows.rows[0].room);
    assert_int_equal(ERR_OK, msg_decode(rows.rows[0].event, &event));
    assert_int_equal(ERR_OK, kind_decode(KIND_DIRECT_CREATED, event.as.event.body, &body));
    for (size_t i = 0; i < 3; i++) {
        assert_true(rec_id_next(&body.members, &id));
        assert_int_equal(want[i], id.id);
    }
    fixture_outcome(f, 0);
    fixture_expect(f, MSG_ACK, &msg);
    assert_int_equal(room, msg.as.ack.room);
    assert_false(msg.as.ack.dup);
    /* Another of them, named in another order, themselves among them. */
    fixture_forget(f);
    assert_int_equal(room, s_open(f, ALICE, 7, (const uint64_t[]){BOB, ALICE, CAROL, BOB}, 4));
    fixture_expect(f, MSG_ACK, &msg);
    assert_int_equal(room, msg.as.ack.room);
    assert_true(msg.as.ack.dup);
    fixture_expect_none(f, MSG_STORE_APPEND);
}

static void test_two_who_open_it_at_once_both_open_it(void **state)
{
    struct fixture *f = *state;
    struct msg msg;
    uint64_t room = s_open(f, BOB, 1, &ALICE, 1);
    assert_int_equal(room, s_open(f, ALICE, 2, &BOB, 1));
    s_answer_absent(f);
    fixture_answer_entrants(f, 0, 0);
    fixture_answer_entrants(f, 0, 0);
    fixture_turn(f);
    assert_int_equal(1, fixture_outcome(f, 0)); /* one event */
    fixture_expect(f, MSG_ACK, &msg);
    fixture_forget(f);
    fixture_turn(f);
    fixture_expect(f, MSG_ACK, &msg);
    assert_int_equal(room, msg.as.ack.room);
    assert_true(msg.as.ack.dup);
    fixture_expect_none(f, MSG_STORE_APPEND);
}

static void test_a_direct_room_holds_its_bound_and_not_one_more_and_a_room_for_notes_one(void **state)
{
    struct fixture *f = *state;
    struct msg msg;
    uint64_t users[LIM_DIRECT_MEMBERS_MAX];
    for (size_t i = 0; i < LIM_DIRECT_MEMBERS_MAX; i++)
        users[i] = 300 + i;
    s_open(f, ALICE, 1, users, LIM_DIRECT_MEMBERS_MAX); /* and ALICE: one too many */
    fixture_expect(f, MSG_NACK, &msg);
    assert_code(ERR_OUT_OF_RANGE, msg.as.nack.code);
    fixture_forget(f);
    s_open(f, ALICE, 2, users, LIM_DIRECT_MEMBERS_MAX - 1);
    s_answer_absent(f);
    assert_code(ERR_OK, s_end(f));
    fixture_forget(f);
    s_open(f, ALICE, 3, NULL, 0);
    s_answer_absent(f);
    assert_code(ERR_OK, s_end(f));
    fixture_forget(f);
    s_open(f, ALICE, 4, (const uint64_t[]){BOB, 0}, 2);
    fixture_expect(f, MSG_NACK, &msg);
    assert_code(ERR_OUT_OF_RANGE, msg.as.nack.code);
}

static void test_a_direct_room_with_somebody_who_is_not_there_is_not_made(void **state)
{
    struct fixture *f = *state;
    s_open(f, ALICE, 1, (const uint64_t[]){BOB, CAROL}, 2);
    s_answer_absent(f);
    fixture_answer_entrants(f, CAROL, 0);
    assert_code(ERR_NO_USER, s_decided(f));
    fixture_forget(f);
    s_open(f, ALICE, 2, (const uint64_t[]){BOB, CAROL}, 2);
    s_answer_absent(f);
    fixture_answer_entrants(f, 0, BOB);
    assert_code(ERR_MEMBER_FULL, s_decided(f));
    fixture_forget(f);
    s_open(f, ALICE, 3, (const uint64_t[]){BOB, CAROL}, 2);
    s_answer_absent(f);
    fixture_answer_entrants(f, 0, ALICE);
    assert_code(ERR_TOO_MANY_ROOMS, s_decided(f));
}

static void test_an_id_that_is_not_these_peoples_is_refused(void **state)
{
    struct fixture *f = *state;
    struct msg msg;
    list_writer_t list;
    list_writer_init(&list, 256);
    struct msg direct = s_direct(1, &BOB, 1, &list);
    fixture_send_to(f, f->edge, ALICE, ROOM, &direct);
    list_writer_fini(&list);
    fixture_answer_room(f, &(struct stored_room){0});
    fixture_expect(f, MSG_NACK, &msg);
    assert_code(ERR_OUT_OF_RANGE, msg.as.nack.code);
}

static void test_in_a_direct_room_nobody_comes_goes_or_changes_it(void **state)
{
    struct stored_room room = s_stored(VISIBILITY_DIRECT);
    memset(room.roles, 0, sizeof room.roles);
    EXPECT(room, {BOB, MSG_ROOM_LEAVE, 0, NULL, ERR_FORBIDDEN}, {STRANGER, MSG_ROOM_JOIN, 0, NULL, ERR_NO_ROOM},
           {BOB, MSG_ROOM_INVITE, STRANGER, NULL, ERR_FORBIDDEN}, {BOB, MSG_ROOM_RENAME, 0, "ours", ERR_FORBIDDEN},
           {BOB, MSG_ROOM_TOPIC, 0, "us", ERR_FORBIDDEN}, {BOB, MSG_ROOM_ARCHIVE, 1, NULL, ERR_FORBIDDEN},
           {BOB, MSG_ROOM_HISTORY, 1, NULL, ERR_FORBIDDEN}, {BOB, MSG_ROOM_ROLE, CAROL, NULL, ERR_FORBIDDEN},
           {BOB, MSG_ROOM_REMOVE, CAROL, NULL, ERR_FORBIDDEN}, {BOB, MSG_ROOM_DELETE, 3, NULL, ERR_FORBIDDEN},
           {CAROL, MSG_ROOM_DELETE, 3, NULL, ERR_OK}, {BOB, MSG_ROOM_PIN, 3, NULL, ERR_OK},
           {BOB, MSG_ROOM_POST, 0, "between us", ERR_OK});
}

/* ---- what inboxes learn ---- */

static void s_open_inbox(struct fixture *f, uint64_t user, bool is_in)
{
    struct msg msg = {.type = MSG_INBOX_OPEN, .as.inbox_open = {.user = user, .session = 1}};
    fixture_send(f, f->edge_2, user, &msg);
    list_writer_t list;
    list_writer_init(&list, 4096);
    struct rec_room_state state = {.room = ROOM, .incarnation = 1, .name = view_of_text("kitchen"),
                                   .topic = view_of_text("soup"), .head = 5, .msg_no = 5, .read_msg_no = 2};
    if (is_in)
        assert_int_equal(ERR_OK, rec_room_state_append(&list, &state));
    struct msg answer = {.type = MSG_STORE_INBOX, .as.store_inbox = {.user = user, .rooms = list_of(&list)}};
    fixture_reply(f, fixture_expect(f, MSG_STORE_INBOX_GET, NULL)->env.correlation, &answer);
    list_writer_fini(&list);
    fixture_forget(f);
}

static struct rec_room_state s_added(struct fixture *f, struct msg *msg)
{
    struct rec_room_state room;
    fixture_look_again(f);
    const struct effect *added = fixture_expect(f, MSG_ROOM_ADDED, msg);
    assert_true(added->to == f->edge_2);
    assert_true(rec_room_state_next(&msg->as.room_added.rooms, &room));
    return room;
}

static void test_another_name_topic_and_setting_is_in_everybodys_list_within_a_second(void **state)
{
    struct fixture *f = *state;
    struct msg msg;
    s_load(f, VISIBILITY_PUBLIC);
    s_open_inbox(f, BOB, true);
    assert_code(ERR_OK, s_do(f, MIA, MSG_ROOM_RENAME, 1, 0, "pantry"));
    fixture_tick(f, 100);
    struct rec_room_state room = s_added(f, &msg);
    assert_true(view_is_equal(view_of_text("pantry"), room.name));
    assert_true(view_is_equal(view_of_text("soup"), room.topic));
    assert_int_equal(2, room.read_msg_no);
    fixture_forget(f);
    assert_code(ERR_OK, s_do(f, MIA, MSG_ROOM_TOPIC, 2, 0, "cake"));
    fixture_tick(f, 100);
    assert_true(view_is_equal(view_of_text("cake"), s_added(f, &msg).topic));
    fixture_forget(f);
    assert_code(ERR_OK, s_do(f, ALICE, MSG_ROOM_HISTORY, 3, 1, NULL));
    fixture_tick(f, 100);
    assert_int_equal(1, s_added(f, &msg).history);
    fixture_forget(f);
    assert_code(ERR_OK, s_do(f, MIA, MSG_ROOM_ARCHIVE, 4, 1, NULL));
    fixture_tick(f, 100);
    assert_true(s_added(f, &msg).archived);
}

static void test_who_is_brought_in_has_the_room_in_their_list_and_nothing_before_it_unread(void **state)
{
    struct fixture *f = *state;
    struct msg msg;
    s_load(f, VISIBILITY_PRIVATE);
    s_open_inbox(f, STRANGER, false);
    fixture_post(f, ALICE, 1, "in the same batch, before");
    struct msg invite = s_msg(MSG_ROOM_INVITE, 2, STRANGER, NULL);
    fixture_send(f, f->edge, ALICE, &invite);
    fixture_answer_entrants(f, 0, 0);
    fixture_post(f, ALICE, 3, "and after");
    fixture_turn(f);
    assert_int_equal(3, fixture_outcome(f, 0));
    struct rec_room_state room = s_added(f, &msg);
    assert_int_equal(ROOM, room.room);
    assert_int_equal(1, room.visibility);
    assert_int_equal(6, room.read_msg_no);
    fixture_tick(f, 2000); /* told again after the second line is there: it stays unread */
    fixture_look_again(f);
    fixture_expect_none(f, MSG_READ_AT);
}

static void test_a_direct_room_is_in_the_list_of_each_with_who_is_in_it(void **state)
{
    struct fixture *f = *state;
    struct msg msg;
    struct rec_id id;
    s_open_inbox(f, BOB, false);
    uint64_t direct = s_open(f, ALICE, 1, &BOB, 1);
    s_answer_absent(f);
    assert_code(ERR_OK, s_end(f));
    struct msg post = s_msg(MSG_ROOM_POST, 2, 0, "are you there?");
    post.as.room_post.room = direct;
    fixture_send_to(f, f->edge, ALICE, direct, &post);
    fixture_turn(f);
    fixture_outcome(f, 0); /* before BOB's inbox was told of the room */
    fixture_tick(f, 100);
    struct rec_room_state room = s_added(f, &msg);
    assert_int_equal(direct, room.room);
    assert_int_equal(VISIBILITY_DIRECT, room.visibility);
    assert_int_equal(1, room.msg_no);
    assert_int_equal(0, room.read_msg_no); /* unread all the same */
    assert_int_equal(0, room.role);
    assert_true(rec_id_next(&room.people, &id));
    assert_int_equal(ALICE, id.id);
    assert_true(rec_id_next(&room.people, &id));
    assert_int_equal(BOB, id.id);
    assert_false(rec_id_next(&room.people, &id));
}

static void test_a_private_room_that_shows_all_and_a_public_one_that_does_not_say_so_from_the_first_event(void **state)
{
    struct fixture *f = *state;
    for (uint32_t visibility = 0; visibility <= 1; visibility++) {
        for (uint32_t history = 0; history <= 1; history++) {
            static struct fixture_rows rows;
            struct msg event, create = {.type = MSG_ROOM_CREATE};
            struct room_first first;
            cid_t cid = cid_of(10 + visibility * 2 + history);
            create.as.room_create = (struct msg_room_create){.client_id = cid, .name = view_of_text("kitchen"),
                                                             .topic = view_of_text(""), .visibility = visibility,
                                                             .history = history};
            fixture_forget(f);
            fixture_send_to(f, f->edge, ALICE, id_of_room(KEY, ALICE, &cid), &create);
            s_answer_absent(f);
            fixture_turn(f);
            assert_true(fixture_rows(f, &rows));
            assert_int_equal(visibility == history ? KIND_ROOM_CREATED : KIND_FOUNDED, rows.rows[0].kind);
            assert_int_equal(ERR_OK, msg_decode(rows.rows[0].event, &event));
            assert_true(room_first_read(rows.rows[0].kind, event.as.event.body, &first));
            assert_int_equal(history, first.history);
            assert_int_equal(visibility, first.visibility);
            fixture_outcome(f, 0);
        }
    }
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, fixture_setup, fixture_teardown)
    const struct CMUnitTest tests[] = {
        TEST(test_moderators_and_the_owner_name_and_archive_a_room_and_the_owner_says_what_newcomers_read),
        TEST(test_a_name_has_its_bound_and_one_character_more_is_refused),
        TEST(test_an_archived_room_takes_only_what_takes_away_and_who_opens_it_again),
        TEST(test_what_is_said_behind_an_archiving_in_one_batch_is_refused),
        TEST(test_an_administrator_archives_and_opens_any_room_but_direct_ones),
        TEST(test_an_administrator_may_do_nothing_else_in_rooms_of_others),
        TEST(test_an_administrator_owns_a_private_room_that_everybody_has_left_and_nobody_else_enters_it),
        TEST(test_of_two_administrators_who_take_an_empty_room_at_once_one_has_it),
        TEST(test_a_private_room_does_not_exist_for_who_is_not_in_it_banned_or_not),
        TEST(test_moderators_and_the_owner_bring_in_who_is_not_in_yet_and_not_banned),
        TEST(test_who_has_no_account_or_no_place_for_another_room_is_not_brought_in),
        TEST(test_a_store_that_does_not_answer_who_may_come_in_is_for_later),
        TEST(test_who_comes_into_a_room_that_shows_newcomers_nothing_older_reads_from_there_on),
        TEST(test_lines_before_ones_coming_can_neither_be_answered_nor_changed),
        TEST(test_coming_again_gives_what_that_coming_gives),
        TEST(test_a_direct_room_is_the_same_whoever_opens_it_and_has_all_of_them_at_once),
        TEST(test_two_who_open_it_at_once_both_open_it),
        TEST(test_a_direct_room_holds_its_bound_and_not_one_more_and_a_room_for_notes_one),
        TEST(test_a_direct_room_with_somebody_who_is_not_there_is_not_made),
        TEST(test_an_id_that_is_not_these_peoples_is_refused),
        TEST(test_in_a_direct_room_nobody_comes_goes_or_changes_it),
        TEST(test_another_name_topic_and_setting_is_in_everybodys_list_within_a_second),
        TEST(test_who_is_brought_in_has_the_room_in_their_list_and_nothing_before_it_unread),
        TEST(test_a_direct_room_is_in_the_list_of_each_with_who_is_in_it),
        TEST(test_a_private_room_that_shows_all_and_a_public_one_that_does_not_say_so_from_the_first_event),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
