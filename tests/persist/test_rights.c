/* What the store makes of rights: members put out, banned, muted and promoted; sessions listed, revoked and forgotten. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "tests/persist/fixture.h"

enum { ALICE = 101, BOB = 102, CAROL = 103, T0_MS = 1700000000, ROOM = 7000 };

static struct fixture s_fixture;
static client_t *s_client;
static uint64_t s_epochs[LIM_SHARDS];
static struct batch s_batch;
static uint64_t s_seq;

static uint64_t s_count(const char *sql)
{
    return (uint64_t)test_db_number(&s_fixture.db, sql);
}

/* ---- rooms ------------------------------------------------------------------------------------------------------ */

static void s_store(uint32_t kind, uint64_t user, const void *body)
{
    struct rec_append_outcome out[LIM_BATCH_EVENTS_MAX];
    s_seq++;
    struct rec_append_row row = fixture_line(ROOM, s_epochs[id_shard(ROOM)], s_seq, user, s_seq);
    row.kind = kind;
    row.msg_no = 0;
    batch_add(&s_batch, row, body);
    assert_int_equal(1, batch_store(&s_batch, s_client, out));
    assert_int_equal(0, out[0].result);
}

static void s_add_user(uint64_t id, const char *name)
{
    struct msg ask = {.type = MSG_STORE_USER_ADD};
    ask.as.store_user_add = (struct msg_store_user_add){
        .user = id, .name = view_of_text(name), .password_hash = view_of_text("first hash"), .at_ms = T0_MS};
    client_ask(s_client, &ask, MSG_STORE_USER);
}

static int s_setup(void **state)
{
    (void)state;
    fixture_open(&s_fixture, "rights", false);
    s_client = client_new(&s_fixture, 1);
    client_take(s_client, LIM_SHARDS, s_epochs);
    batch_init(&s_batch);
    s_add_user(ALICE, "Alice");
    s_add_user(BOB, "Bob");
    s_add_user(CAROL, "Carol");
    s_store(KIND_ROOM_CREATED, ALICE, &(struct kind_room_created){.name = view_of_text("kitchen"), .topic = view_of_text("")});
    s_store(KIND_JOINED, BOB, &(struct kind_joined){0});
    s_store(KIND_JOINED, CAROL, &(struct kind_joined){0});
    return 0;
}

static int s_teardown(void **state)
{
    (void)state;
    batch_fini(&s_batch);
    client_destroy(&s_client);
    fixture_close(&s_fixture);
    return 0;
}

/* What a room actor would load; role of who is no member: 9. */
static const struct msg_store_room *s_room(uint64_t user, uint32_t *role_out, uint32_t *restricted_out)
{
    struct msg ask = {.type = MSG_STORE_ROOM_GET, .as.store_room_get.room = ROOM};
    const struct msg_store_room *room = &client_ask(s_client, &ask, MSG_STORE_ROOM)->as.store_room;
    list_t members = room->members, restricted = room->restricted;
    struct rec_room_member member;
    struct rec_restricted person;
    *role_out = 9;
    *restricted_out = 0;
    while (rec_room_member_next(&members, &member))
        if (member.user == user)
            *role_out = member.role;
    while (rec_restricted_next(&restricted, &person))
        if (person.user == user)
            *restricted_out = person.state;
    return room;
}

static void test_who_is_removed_is_no_member_and_counted_no_more(void **state)
{
    (void)state;
    uint32_t role, restricted;
    assert_int_equal(3, s_room(BOB, &role, &restricted)->members.count);
    s_store(KIND_REMOVED, ALICE, &(struct kind_removed){.member = BOB});
    assert_int_equal(2, s_room(BOB, &role, &restricted)->members.count);
    assert_int_equal(9, role);
    assert_int_equal(0, restricted);
    assert_int_equal(2, s_count("SELECT member_count FROM room WHERE id = 7000"));
    assert_int_equal(1, s_count("SELECT COUNT(*) FROM audit WHERE action = 'room_remove' AND actor_id = 101 "
                                "AND subject_id = 102"));
    s_store(KIND_JOINED, BOB, &(struct kind_joined){0});
}

static void test_a_ban_is_kept_without_membership_and_hides_the_room_from_the_list(void **state)
{
    (void)state;
    uint32_t role, restricted;
    struct msg rooms = {.type = MSG_STORE_ROOMS_GET, .as.store_rooms_get = {.user = BOB, .limit = 10}};
    assert_int_equal(1, client_ask(s_client, &rooms, MSG_ROOMS)->as.rooms.rooms.count);
    s_store(KIND_BANNED, ALICE, &(struct kind_banned){.member = BOB});
    s_store(KIND_BANNED, ALICE, &(struct kind_banned){.member = 999});
    s_room(BOB, &role, &restricted);
    assert_int_equal(9, role);
    assert_int_equal(2, restricted);
    s_room(999, &role, &restricted);
    assert_int_equal(2, restricted);
    assert_int_equal(2, s_count("SELECT member_count FROM room WHERE id = 7000"));
    assert_int_equal(0, client_ask(s_client, &rooms, MSG_ROOMS)->as.rooms.rooms.count);
    rooms.as.store_rooms_get.user = CAROL;
    assert_int_equal(1, client_ask(s_client, &rooms, MSG_ROOMS)->as.rooms.rooms.count);
    s_store(KIND_UNBANNED, ALICE, &(struct kind_unbanned){.member = BOB});
    s_store(KIND_UNBANNED, ALICE, &(struct kind_unbanned){.member = 999});
    s_room(BOB, &role, &restricted);
    assert_int_equal(0, restricted);
    assert_int_equal(0, s_count("SELECT COUNT(*) FROM room_restricted"));
    s_store(KIND_JOINED, BOB, &(struct kind_joined){0});
}

static void test_a_mute_and_a_ban_are_lifted_apart(void **state)
{
    (void)state;
    uint32_t role, restricted;
    s_store(KIND_MUTED, ALICE, &(struct kind_muted){.member = BOB, .muted = true});
    s_store(KIND_BANNED, ALICE, &(struct kind_banned){.member = BOB});
    s_room(BOB, &role, &restricted);
    assert_int_equal(3, restricted);
    s_store(KIND_UNBANNED, ALICE, &(struct kind_unbanned){.member = BOB});
    s_room(BOB, &role, &restricted);
    assert_int_equal(1, restricted);
    s_store(KIND_JOINED, BOB, &(struct kind_joined){0});
    struct msg ask = {.type = MSG_STORE_MEMBERS_GET, .as.store_members_get = {.room = ROOM, .limit = 10}};
    list_t members = client_ask(s_client, &ask, MSG_MEMBERS)->as.members.members;
    struct rec_member_info member;
    while (rec_member_info_next(&members, &member))
        assert_int_equal(member.user == BOB, member.muted);
    s_store(KIND_MUTED, ALICE, &(struct kind_muted){.member = BOB, .muted = false});
    assert_int_equal(0, s_count("SELECT COUNT(*) FROM room_restricted"));
}

static void test_who_is_restricted_is_listed_in_pages(void **state)
{
    (void)state;
    struct rec_restricted_info person;
    s_store(KIND_MUTED, ALICE, &(struct kind_muted){.member = BOB, .muted = true});
    s_store(KIND_BANNED, ALICE, &(struct kind_banned){.member = 999});
    struct msg ask = {.type = MSG_STORE_RESTRICTED_GET, .as.store_restricted_get = {.room = ROOM, .limit = 1}};
    const struct msg_restricted *page = &client_ask(s_client, &ask, MSG_RESTRICTED)->as.restricted;
    assert_true(page->more);
    list_t people = page->people;
    assert_true(rec_restricted_info_next(&people, &person));
    assert_int_equal(BOB, person.user);
    assert_true(view_is_equal(view_of_text("Bob"), person.name));
    assert_int_equal(1, person.state);
    assert_int_equal(ALICE, person.by);
    assert_true(person.at_ms > 0);
    ask.as.store_restricted_get.after_user = BOB;
    page = &client_ask(s_client, &ask, MSG_RESTRICTED)->as.restricted;
    assert_false(page->more);
    people = page->people;
    assert_true(rec_restricted_info_next(&people, &person));
    assert_int_equal(999, person.user);
    assert_int_equal(2, person.state);
    s_store(KIND_MUTED, ALICE, &(struct kind_muted){.member = BOB, .muted = false});
    s_store(KIND_UNBANNED, ALICE, &(struct kind_unbanned){.member = 999});
}

static const struct msg_store_room *s_load(uint64_t *visible_from_out, uint64_t user)
{
    struct msg ask = {.type = MSG_STORE_ROOM_GET, .as.store_room_get.room = ROOM};
    const struct msg_store_room *room = &client_ask(s_client, &ask, MSG_STORE_ROOM)->as.store_room;
    list_t members = room->members;
    struct rec_room_member member;
    *visible_from_out = ID_MAX;
    while (rec_room_member_next(&members, &member))
        if (member.user == user)
            *visible_from_out = member.visible_from_seq;
    return room;
}

static void test_a_name_and_a_topic_are_the_rooms_from_their_event_on(void **state)
{
    (void)state;
    uint64_t from;
    struct rec_room_info info;
    s_store(KIND_RENAMED, ALICE, &(struct kind_renamed){.name = view_of_text("pantry")});
    s_store(KIND_TOPIC_CHANGED, ALICE, &(struct kind_topic_changed){.topic = view_of_text("cake")});
    const struct msg_store_room *room = s_load(&from, ALICE);
    assert_true(view_is_equal(view_of_text("pantry"), room->name));
    assert_true(view_is_equal(view_of_text("cake"), room->topic));
    struct msg rooms = {.type = MSG_STORE_ROOMS_GET, .as.store_rooms_get = {.user = BOB, .limit = 10}};
    list_t list = client_ask(s_client, &rooms, MSG_ROOMS)->as.rooms.rooms;
    assert_true(rec_room_info_next(&list, &info));
    assert_true(view_is_equal(view_of_text("pantry"), info.name));
    s_store(KIND_RENAMED, ALICE, &(struct kind_renamed){.name = view_of_text("kitchen")});
}

static void test_an_archived_room_is_listed_only_to_who_asks_for_such(void **state)
{
    (void)state;
    uint64_t from;
    struct rec_room_info info;
    struct msg rooms = {.type = MSG_STORE_ROOMS_GET, .as.store_rooms_get = {.user = BOB, .limit = 10}};
    s_store(KIND_ARCHIVED, ALICE, &(struct kind_archived){.on = true});
    assert_true(s_load(&from, ALICE)->archived);
    assert_int_equal(0, client_ask(s_client, &rooms, MSG_ROOMS)->as.rooms.rooms.count);
    rooms.as.store_rooms_get.archived = true;
    list_t list = client_ask(s_client, &rooms, MSG_ROOMS)->as.rooms.rooms;
    assert_true(rec_room_info_next(&list, &info));
    assert_true(info.archived);
    assert_int_equal(1, s_count("SELECT COUNT(*) FROM audit WHERE action = 'room_archive' AND subject_id = 7000"));
    s_store(KIND_ARCHIVED, ALICE, &(struct kind_archived){.on = false});
    rooms.as.store_rooms_get.archived = false;
    assert_int_equal(1, client_ask(s_client, &rooms, MSG_ROOMS)->as.rooms.rooms.count);
    assert_false(s_load(&from, ALICE)->archived);
}

static void test_who_comes_in_reads_what_the_room_lets_newcomers_read_then(void **state)
{
    (void)state;
    uint64_t from;
    s_store(KIND_REMOVED, ALICE, &(struct kind_removed){.member = BOB});
    s_store(KIND_HISTORY_CHANGED, ALICE, &(struct kind_history_changed){.history = 1});
    assert_int_equal(1, s_load(&from, CAROL)->history);
    assert_int_equal(0, from); /* who is in keeps what they had */
    s_store(KIND_ADDED, ALICE, &(struct kind_added){.member = BOB});
    const struct msg_store_room *room = s_load(&from, BOB);
    assert_int_equal(s_seq, from);
    assert_int_equal(3, room->members.count);
    s_store(KIND_LEFT, BOB, &(struct kind_left){0});
    s_store(KIND_JOINED, BOB, &(struct kind_joined){0});
    s_load(&from, BOB);
    assert_int_equal(s_seq, from);
    s_store(KIND_LEFT, BOB, &(struct kind_left){0});
    s_store(KIND_HISTORY_CHANGED, ALICE, &(struct kind_history_changed){.history = 0});
    s_store(KIND_JOINED, BOB, &(struct kind_joined){0});
    s_load(&from, BOB);
    assert_int_equal(0, from);
}

static void test_who_may_come_in_has_an_account_that_is_not_disabled(void **state)
{
    (void)state;
    static const uint64_t users[] = {CAROL, 999, BOB};
    struct rec_entrant entrant;
    list_writer_t list;
    list_writer_init(&list, 256);
    for (size_t i = 0; i < 3; i++)
        rec_id_append(&list, &(struct rec_id){.id = users[i]});
    struct msg ask = {.type = MSG_STORE_ENTRANTS_GET, .as.store_entrants_get.users = list_of(&list)};
    list_t people = client_ask(s_client, &ask, MSG_STORE_ENTRANTS)->as.store_entrants.people;
    assert_true(rec_entrant_next(&people, &entrant));
    assert_int_equal(BOB, entrant.user);
    assert_int_equal(1, entrant.rooms);
    assert_true(rec_entrant_next(&people, &entrant));
    assert_int_equal(CAROL, entrant.user);
    assert_false(rec_entrant_next(&people, &entrant));
    test_db_do(&s_fixture.db, "UPDATE user SET disabled = 1 WHERE id = 102");
    assert_int_equal(1, client_ask(s_client, &ask, MSG_STORE_ENTRANTS)->as.store_entrants.people.count);
    test_db_do(&s_fixture.db, "UPDATE user SET disabled = 0 WHERE id = 102");
    list_writer_fini(&list);
}

/* The first event of another room. */
static void s_store_first(uint64_t room, uint32_t kind, const void *body)
{
    struct rec_append_outcome out[LIM_BATCH_EVENTS_MAX];
    struct rec_append_row row = fixture_line(room, s_epochs[id_shard(room)], 1, ALICE, room);
    row.kind = kind;
    row.msg_no = 0;
    batch_add(&s_batch, row, body);
    assert_int_equal(1, batch_store(&s_batch, s_client, out));
    assert_int_equal(0, out[0].result);
}

static void test_a_direct_room_is_in_the_list_of_each_of_its_people_and_in_no_other(void **state)
{
    (void)state;
    list_writer_t people;
    struct rec_room_state room;
    struct rec_id id;
    list_writer_init(&people, 256);
    rec_id_append(&people, &(struct rec_id){.id = ALICE});
    rec_id_append(&people, &(struct rec_id){.id = CAROL});
    s_store_first(7100, KIND_DIRECT_CREATED, &(struct kind_direct_created){.members = list_of(&people)});
    list_writer_fini(&people);
    for (uint64_t user = ALICE; user <= CAROL; user++) {
        bool is_found = false;
        struct msg ask = {.type = MSG_STORE_INBOX_GET, .as.store_inbox_get.user = user};
        list_t rooms = client_ask(s_client, &ask, MSG_STORE_INBOX)->as.store_inbox.rooms;
        while (rec_room_state_next(&rooms, &room)) {
            assert_int_equal(room.room == 7100 ? 2 : 0, room.visibility);
            if (room.room != 7100) {
                assert_int_equal(0, room.people.count);
                continue;
            }
            is_found = true;
            assert_int_equal(0, room.role);
            assert_true(rec_id_next(&room.people, &id));
            assert_int_equal(ALICE, id.id);
            assert_true(rec_id_next(&room.people, &id));
            assert_int_equal(CAROL, id.id);
            assert_false(rec_id_next(&room.people, &id));
        }
        assert_int_equal(user != BOB, is_found);
    }
    assert_int_equal(2, s_count("SELECT member_count FROM room WHERE id = 7100"));
}

static void test_private_and_direct_rooms_are_in_no_list_of_public_ones(void **state)
{
    (void)state;
    struct msg rooms = {.type = MSG_STORE_ROOMS_GET, .as.store_rooms_get = {.user = BOB, .limit = 10, .archived = true}};
    s_store_first(7101, KIND_ROOM_CREATED, &(struct kind_room_created){.name = view_of_text("secret"), .visibility = 1});
    s_store_first(7102, KIND_FOUNDED, &(struct kind_founded){.name = view_of_text("open secret"), .visibility = 1});
    assert_int_equal(1, client_ask(s_client, &rooms, MSG_ROOMS)->as.rooms.rooms.count);
    rooms.as.store_rooms_get.user = ALICE;
    assert_int_equal(1, client_ask(s_client, &rooms, MSG_ROOMS)->as.rooms.rooms.count);
    assert_int_equal(1, s_count("SELECT history FROM room_setting WHERE room_id = 7101"));
    assert_int_equal(0, s_count("SELECT history FROM room_setting WHERE room_id = 7102"));
}

static void test_giving_the_room_away_leaves_one_owner(void **state)
{
    (void)state;
    uint32_t role, restricted;
    s_store(KIND_ROLE_CHANGED, ALICE, &(struct kind_role_changed){.member = CAROL, .role = 1});
    s_room(CAROL, &role, &restricted);
    assert_int_equal(1, role);
    s_store(KIND_ROLE_CHANGED, ALICE, &(struct kind_role_changed){.member = BOB, .role = 2});
    s_room(BOB, &role, &restricted);
    assert_int_equal(2, role);
    s_room(ALICE, &role, &restricted);
    assert_int_equal(1, role);
    assert_int_equal(1, s_count("SELECT COUNT(*) FROM member WHERE room_id = 7000 AND role = 2"));
    s_store(KIND_ROLE_CHANGED, BOB, &(struct kind_role_changed){.member = ALICE, .role = 2});
}

static void test_who_enters_an_empty_room_owns_it_and_the_audit_says_so(void **state)
{
    (void)state;
    uint32_t role, restricted;
    s_store(KIND_LEFT, CAROL, &(struct kind_left){0});
    s_store(KIND_JOINED, CAROL, &(struct kind_joined){.role = 0});
    assert_int_equal(0, s_count("SELECT COUNT(*) FROM audit WHERE action = 'room_taken'"));
    s_store(KIND_LEFT, CAROL, &(struct kind_left){0});
    s_store(KIND_JOINED, CAROL, &(struct kind_joined){.role = 2});
    s_room(CAROL, &role, &restricted);
    assert_int_equal(2, role);
    assert_int_equal(1, s_count("SELECT COUNT(*) FROM audit WHERE action = 'room_taken' AND subject_id = 7000"));
    s_store(KIND_ROLE_CHANGED, ALICE, &(struct kind_role_changed){.member = CAROL, .role = 1});
}

/* ---- sessions --------------------------------------------------------------------------------------------------- */

static void s_sign_in(uint64_t session, uint64_t user, uint64_t at_ms)
{
    uint8_t hash[32];
    memset(hash, (int)session, sizeof hash);
    struct msg ask = {.type = MSG_STORE_SESSION_ADD};
    ask.as.store_session_add = (struct msg_store_session_add){
        .session = session, .user = user, .refresh_hash = view_of(hash, 32), .device = view_of_text("phone"),
        .user_agent = view_of_text("ua"), .address = view_of_text("192.0.2.1"), .at_ms = at_ms};
    client_ask(s_client, &ask, MSG_STORE_OK);
}

static list_t s_sessions(uint64_t user, uint64_t current, uint64_t at_ms)
{
    struct msg ask = {.type = MSG_STORE_SESSIONS_GET};
    ask.as.store_sessions_get = (struct msg_store_sessions_get){.user = user, .current = current, .at_ms = at_ms};
    return client_ask(s_client, &ask, MSG_SESSIONS)->as.sessions.sessions;
}

static uint64_t s_end(uint64_t user, uint64_t session, uint64_t keep, uint64_t at_ms)
{
    struct msg ask = {.type = MSG_STORE_SESSIONS_END};
    ask.as.store_sessions_end =
        (struct msg_store_sessions_end){.user = user, .session = session, .keep = keep, .at_ms = at_ms};
    return client_ask(s_client, &ask, MSG_STORE_OK)->as.store_ok.value;
}

static void s_forget_sessions(void)
{
    test_db_do(&s_fixture.db, "DELETE FROM session");
    test_db_do(&s_fixture.db, "DELETE FROM session_place");
    test_db_do(&s_fixture.db, "DELETE FROM revocation");
}

static void test_sessions_are_listed_last_used_first_with_where_and_when(void **state)
{
    (void)state;
    struct rec_session_info info;
    s_forget_sessions();
    s_sign_in(1, ALICE, T0_MS);
    s_sign_in(2, ALICE, T0_MS + 1000);
    s_sign_in(3, BOB, T0_MS);
    uint8_t from[32], to[32];
    memset(from, 1, 32);
    memset(to, 99, 32);
    struct msg rotate = {.type = MSG_STORE_SESSION_ROTATE};
    rotate.as.store_session_rotate = (struct msg_store_session_rotate){
        .session = 1, .presented_hash = view_of(from, 32), .next_hash = view_of(to, 32),
        .address = view_of_text("2001:db8::7"), .at_ms = T0_MS + 5000};
    client_ask(s_client, &rotate, MSG_STORE_SESSION);
    list_t sessions = s_sessions(ALICE, 2, T0_MS + 6000);
    assert_int_equal(2, sessions.count);
    assert_true(rec_session_info_next(&sessions, &info));
    assert_int_equal(1, info.session);
    assert_int_equal(T0_MS, info.created_at_ms);
    assert_int_equal(T0_MS + 5000, info.used_at_ms);
    assert_true(view_is_equal(view_of_text("2001:db8::7"), info.address)); /* of the last use */
    assert_true(view_is_equal(view_of_text("phone"), info.device));
    assert_false(info.current);
    assert_true(rec_session_info_next(&sessions, &info));
    assert_int_equal(2, info.session);
    assert_true(view_is_equal(view_of_text("192.0.2.1"), info.address));
    assert_true(info.current);
    sessions = s_sessions(ALICE, 2, T0_MS + 2000 + (uint64_t)LIM_REFRESH_IDLE_S * 1000);
    assert_int_equal(1, sessions.count); /* 2 has expired */
}

static void test_a_session_is_revoked_by_its_user_only(void **state)
{
    (void)state;
    s_forget_sessions();
    s_sign_in(1, ALICE, T0_MS);
    s_sign_in(2, BOB, T0_MS);
    assert_int_equal(0, s_end(BOB, 1, 0, T0_MS + 1));
    assert_int_equal(1, s_sessions(ALICE, 0, T0_MS + 1).count);
    assert_int_equal(1, s_end(ALICE, 1, 0, T0_MS + 1));
    assert_int_equal(0, s_end(ALICE, 1, 0, T0_MS + 2));
    assert_int_equal(0, s_sessions(ALICE, 0, T0_MS + 1).count);
    assert_int_equal(1, s_count("SELECT COUNT(*) FROM revocation WHERE session_id = 1 AND user_id = 101"));
}

static void test_all_sessions_but_one_and_all_are_revoked(void **state)
{
    (void)state;
    s_forget_sessions();
    for (uint64_t session = 1; session <= 4; session++)
        s_sign_in(session, ALICE, T0_MS + session);
    s_sign_in(9, BOB, T0_MS);
    assert_int_equal(3, s_end(ALICE, 0, 2, T0_MS + 10));
    assert_int_equal(1, s_sessions(ALICE, 2, T0_MS + 10).count);
    assert_int_equal(1, s_end(ALICE, 0, 0, T0_MS + 11));
    assert_int_equal(0, s_sessions(ALICE, 2, T0_MS + 11).count);
    assert_int_equal(1, s_sessions(BOB, 9, T0_MS + 11).count);
    assert_int_equal(4, s_count("SELECT COUNT(*) FROM revocation"));
}

static void test_a_sign_in_beyond_the_bound_ends_the_least_recently_used(void **state)
{
    (void)state;
    struct rec_session_info info;
    s_forget_sessions();
    for (uint64_t session = 1; session <= LIM_SESSIONS_MAX; session++)
        s_sign_in(session, ALICE, T0_MS + session);
    assert_int_equal(LIM_SESSIONS_MAX, s_sessions(ALICE, 0, T0_MS + 1000).count);
    assert_int_equal(0, s_count("SELECT COUNT(*) FROM revocation"));
    s_sign_in(500, ALICE, T0_MS + 500);
    list_t sessions = s_sessions(ALICE, 500, T0_MS + 1000);
    assert_int_equal(LIM_SESSIONS_MAX, sessions.count);
    assert_true(rec_session_info_next(&sessions, &info));
    assert_int_equal(500, info.session);
    assert_int_equal(1, s_count("SELECT COUNT(*) FROM revocation"));
    assert_int_equal(1, s_count("SELECT session_id FROM revocation"));
}

static void test_a_new_password_is_stored_once_and_ends_the_other_sessions(void **state)
{
    (void)state;
    s_forget_sessions();
    for (uint64_t session = 1; session <= 3; session++)
        s_sign_in(session, ALICE, T0_MS + session);
    struct msg ask = {.type = MSG_STORE_PASSWORD_CHANGE};
    ask.as.store_password_change = (struct msg_store_password_change){
        .user = ALICE, .old_hash = view_of_text("not it"), .new_hash = view_of_text("second hash"), .keep = 2,
        .at_ms = T0_MS + 10};
    client_ask_refused(s_client, &ask, ERR_BUSY);
    assert_int_equal(3, s_sessions(ALICE, 2, T0_MS + 10).count);
    ask.as.store_password_change.old_hash = view_of_text("first hash");
    client_ask(s_client, &ask, MSG_STORE_OK);
    client_ask(s_client, &ask, MSG_STORE_OK); /* the same question again */
    assert_int_equal(1, s_sessions(ALICE, 2, T0_MS + 10).count);
    assert_int_equal(1, s_count("SELECT COUNT(*) FROM user WHERE id = 101 AND password_hash = 'second hash'"));
    assert_int_equal(1, s_count("SELECT COUNT(*) FROM audit WHERE action = 'password_changed' AND subject_id = 101"));
    ask.as.store_password_change.user = 12345;
    client_ask_refused(s_client, &ask, ERR_NOT_FOUND);
}

static void test_revocations_that_stop_no_token_any_more_go_in_bounded_steps(void **state)
{
    (void)state;
    s_forget_sessions();
    uint64_t keep_ms = (uint64_t)LIM_REVOCATION_KEEP_S * 1000, last = s_count("SELECT last FROM counter WHERE id = 1");
    char sql[256];
    snprintf(sql, sizeof sql, "INSERT INTO revocation SELECT %llu + 1 + shard, 900000 + shard, 1, %llu FROM shard_lease "
                              "WHERE shard < 40", (unsigned long long)last, (unsigned long long)T0_MS);
    test_db_do(&s_fixture.db, sql);
    snprintf(sql, sizeof sql, "UPDATE counter SET last = %llu WHERE id = 1", (unsigned long long)last + 40);
    test_db_do(&s_fixture.db, sql);
    for (uint64_t session = 1; session <= 4; session++)
        s_sign_in(session, ALICE, T0_MS + keep_ms);
    s_end(ALICE, 1, 0, T0_MS + keep_ms); /* they are just as old as they may be */
    assert_int_equal(41, s_count("SELECT COUNT(*) FROM revocation"));
    s_end(ALICE, 2, 0, T0_MS + keep_ms + 1);
    assert_int_equal(41 + 1 - LIM_REVOCATION_PRUNE_ROWS, s_count("SELECT COUNT(*) FROM revocation"));
    s_end(ALICE, 3, 0, T0_MS + keep_ms + 2);
    assert_int_equal(3, s_count("SELECT COUNT(*) FROM revocation"));
    s_end(ALICE, 4, 0, T0_MS + 10 * keep_ms);
    assert_int_equal(1, s_count("SELECT COUNT(*) FROM revocation")); /* its own row stays: edges begin from it */
    assert_int_equal(last + 44, s_count("SELECT MAX(number) FROM revocation"));
}

/* ---- administrators --------------------------------------------------------------------------------------------- */

static uint64_t s_set_user(uint64_t by, uint64_t user, uint32_t role, uint32_t disabled, err_t code)
{
    struct msg ask = {.type = MSG_ADMIN_USER_SET};
    ask.as.admin_user_set =
        (struct msg_admin_user_set){.user = user, .role = role, .disabled = disabled, .at_ms = T0_MS + 77};
    client_speak_for(s_client, by);
    uint64_t ended = 0;
    if (code)
        client_ask_refused(s_client, &ask, code);
    else
        ended = client_ask(s_client, &ask, MSG_STORE_OK)->as.store_ok.value;
    client_speak_for(s_client, 0);
    return ended;
}

/* Alice came first: she is the administrator. */
static void test_administration_is_for_those_who_are_administrators_now(void **state)
{
    (void)state;
    static const struct msg asks[] = {
        {.type = MSG_ADMIN_USERS_GET},
        {.type = MSG_ADMIN_ROOMS_GET},
        {.type = MSG_ADMIN_AUDIT_GET},
        {.type = MSG_ADMIN_SESSIONS_GET, .as.admin_sessions_get = {.user = ALICE}},
        {.type = MSG_ADMIN_SESSIONS_END, .as.admin_sessions_end = {.user = ALICE}},
        {.type = MSG_ADMIN_USER_SET, .as.admin_user_set = {.user = BOB, .role = 1, .disabled = 2}},
    };
    static const uint16_t answers[] = {MSG_ADMIN_USERS, MSG_ADMIN_ROOMS, MSG_ADMIN_AUDIT, MSG_SESSIONS, MSG_STORE_OK,
                                       MSG_STORE_OK};
    s_forget_sessions();
    s_sign_in(1, ALICE, T0_MS);
    for (size_t i = 0; i < sizeof asks / sizeof asks[0]; i++) {
        client_speak_for(s_client, BOB);
        client_ask_refused(s_client, &asks[i], ERR_FORBIDDEN);
        client_speak_for(s_client, 0);
        client_ask_refused(s_client, &asks[i], ERR_FORBIDDEN);
    }
    assert_int_equal(1, s_sessions(ALICE, 0, T0_MS).count);
    for (size_t i = 0; i < sizeof asks / sizeof asks[0]; i++) {
        client_speak_for(s_client, ALICE);
        client_ask(s_client, &asks[i], answers[i]);
    }
    s_set_user(ALICE, BOB, 2, 1, ERR_OK); /* an administrator who is disabled is none */
    client_speak_for(s_client, BOB);
    client_ask_refused(s_client, &asks[0], ERR_FORBIDDEN);
    s_set_user(ALICE, BOB, 0, 0, ERR_OK);
}

static void test_who_loses_a_right_is_signed_out_and_the_audit_says_by_whom(void **state)
{
    (void)state;
    s_forget_sessions();
    s_sign_in(1, BOB, T0_MS);
    assert_int_equal(0, s_set_user(ALICE, BOB, 1, 2, ERR_OK)); /* a right more ends nothing */
    assert_int_equal(1, s_sessions(BOB, 0, T0_MS).count);
    assert_int_equal(0, s_set_user(ALICE, BOB, 1, 2, ERR_OK)); /* asked again */
    s_sign_in(2, BOB, T0_MS);
    assert_int_equal(2, s_set_user(ALICE, BOB, 0, 2, ERR_OK));
    s_sign_in(3, BOB, T0_MS);
    test_db_do(&s_fixture.db, "DELETE FROM audit WHERE action = 'user_disabled'"); /* the test before's */
    assert_int_equal(1, s_set_user(ALICE, BOB, 2, 1, ERR_OK));
    assert_int_equal(3, s_count("SELECT COUNT(*) FROM revocation WHERE user_id = 102"));
    assert_int_equal(1, s_count("SELECT COUNT(*) FROM audit WHERE action = 'user_disabled' AND actor_id = 101 "
                                "AND subject_id = 102 AND at_ms = 1700000077"));
    assert_int_equal(1, s_count("SELECT disabled FROM user WHERE id = 102"));
    assert_int_equal(0, s_set_user(ALICE, BOB, 2, 0, ERR_OK));
    s_set_user(ALICE, 4711, 1, 2, ERR_NOT_FOUND);
}

static void test_the_last_administrator_stays_one(void **state)
{
    (void)state;
    s_set_user(ALICE, ALICE, 0, 2, ERR_LAST_ADMIN);
    s_set_user(ALICE, ALICE, 2, 1, ERR_LAST_ADMIN);
    s_set_user(ALICE, BOB, 1, 1, ERR_OK); /* one who may not sign in does not count */
    s_set_user(ALICE, ALICE, 0, 2, ERR_LAST_ADMIN);
    s_set_user(ALICE, BOB, 2, 0, ERR_OK);
    s_set_user(ALICE, ALICE, 0, 2, ERR_OK);
    s_set_user(ALICE, BOB, 0, 2, ERR_FORBIDDEN);
    s_set_user(BOB, ALICE, 1, 2, ERR_OK);
    s_set_user(ALICE, BOB, 0, 2, ERR_OK);
}

static void test_no_sign_in_gets_through_beside_a_right_that_is_taken(void **state)
{
    (void)state;
    uint8_t hash[32] = {9};
    struct msg ask = {.type = MSG_STORE_SESSION_ADD};
    ask.as.store_session_add = (struct msg_store_session_add){
        .session = 70, .user = BOB, .refresh_hash = view_of(hash, 32), .device = view_of_text(""),
        .user_agent = view_of_text(""), .address = view_of_text(""), .at_ms = T0_MS, .role = 1};
    s_forget_sessions();
    client_ask_refused(s_client, &ask, ERR_BUSY); /* the token would say administrator */
    ask.as.store_session_add.role = 0;
    s_set_user(ALICE, BOB, 2, 1, ERR_OK);
    client_ask_refused(s_client, &ask, ERR_DISABLED);
    assert_int_equal(0, s_count("SELECT COUNT(*) FROM session WHERE user_id = 102"));
    s_set_user(ALICE, BOB, 2, 0, ERR_OK);
    client_ask(s_client, &ask, MSG_STORE_OK);
}

static void test_users_and_rooms_are_listed_in_pages_and_by_a_part_of_the_name(void **state)
{
    (void)state;
    struct rec_admin_user user;
    struct rec_admin_room room;
    s_forget_sessions();
    struct msg ask = {.type = MSG_ADMIN_USERS_GET, .as.admin_users_get = {.limit = 2}};
    client_speak_for(s_client, ALICE);
    const struct msg_admin_users *users = &client_ask(s_client, &ask, MSG_ADMIN_USERS)->as.admin_users;
    assert_true(users->more);
    list_t list = users->users;
    assert_true(rec_admin_user_next(&list, &user));
    assert_int_equal(ALICE, user.user);
    assert_int_equal(1, user.role);
    assert_int_equal(T0_MS, user.created_at_ms);
    assert_true(rec_admin_user_next(&list, &user));
    ask.as.admin_users_get.after_name = view_of_text("bOB"); /* whatever the case of its letters */
    users = &client_ask(s_client, &ask, MSG_ADMIN_USERS)->as.admin_users;
    assert_false(users->more);
    list = users->users;
    assert_true(rec_admin_user_next(&list, &user));
    assert_int_equal(CAROL, user.user);
    ask.as.admin_users_get = (struct msg_admin_users_get){.limit = 2, .query = view_of_text("ARO")};
    list = client_ask(s_client, &ask, MSG_ADMIN_USERS)->as.admin_users.users;
    assert_int_equal(1, list.count);
    ask = (struct msg){.type = MSG_ADMIN_ROOMS_GET,
                       .as.admin_rooms_get = {.limit = 2, .visibility = 3, .query = view_of_text("ITCH")}};
    list = client_ask(s_client, &ask, MSG_ADMIN_ROOMS)->as.admin_rooms.rooms;
    assert_int_equal(1, list.count);
    assert_true(rec_admin_room_next(&list, &room));
    assert_int_equal(ROOM, room.room);
    assert_true(view_is_equal(view_of_text("Alice"), room.owner_name));
    assert_false(room.archived);
    test_db_do(&s_fixture.db, "INSERT INTO room_setting (room_id, history, archived) VALUES (7000, 0, 1) "
                              "ON DUPLICATE KEY UPDATE archived = 1");
    list = client_ask(s_client, &ask, MSG_ADMIN_ROOMS)->as.admin_rooms.rooms;
    assert_true(rec_admin_room_next(&list, &room) && room.archived);
    test_db_do(&s_fixture.db, "UPDATE room_setting SET archived = 0 WHERE room_id = 7000");
    ask.as.admin_rooms_get.visibility = 1;
    assert_int_equal(0, client_ask(s_client, &ask, MSG_ADMIN_ROOMS)->as.admin_rooms.rooms.count);
    client_speak_for(s_client, 0);
}

static void test_the_audit_log_is_read_newest_first_and_its_oldest_rows_go(void **state)
{
    (void)state;
    struct rec_audit_row row, first;
    assert_true(s_count("SELECT COUNT(*) FROM audit WHERE action = 'room_ban' AND actor_id = 101 AND detail = 'room 7000'") > 0);
    struct msg ask = {.type = MSG_STORE_AUDIT_ADD, .as.store_audit_add = {
        .action = view_of_text("test_word"), .subject = BOB, .detail = view_of_text("first"), .at_ms = T0_MS + 500}};
    client_ask(s_client, &ask, MSG_STORE_OK);
    ask.as.store_audit_add.detail = view_of_text("second");
    ask.as.store_audit_add.at_ms++;
    client_ask(s_client, &ask, MSG_STORE_OK);
    ask = (struct msg){.type = MSG_ADMIN_AUDIT_GET,
                       .as.admin_audit_get = {.action = view_of_text("test_word"), .user = BOB, .limit = 1}};
    client_speak_for(s_client, ALICE);
    const struct msg_admin_audit *page = &client_ask(s_client, &ask, MSG_ADMIN_AUDIT)->as.admin_audit;
    list_t rows = page->rows;
    assert_true(page->more);
    assert_true(rec_audit_row_next(&rows, &first));
    assert_true(view_is_equal(view_of_text("second"), first.detail));
    assert_true(view_is_equal(view_of_text("Bob"), first.subject_name));
    ask.as.admin_audit_get.before_at_ms = first.at_ms;
    ask.as.admin_audit_get.before_id = first.id;
    page = &client_ask(s_client, &ask, MSG_ADMIN_AUDIT)->as.admin_audit;
    rows = page->rows;
    assert_false(page->more);
    assert_true(rec_audit_row_next(&rows, &row));
    assert_true(view_is_equal(view_of_text("first"), row.detail));
    ask.as.admin_audit_get.user = CAROL;
    ask.as.admin_audit_get.before_at_ms = 0;
    assert_int_equal(0, client_ask(s_client, &ask, MSG_ADMIN_AUDIT)->as.admin_audit.rows.count);
    client_speak_for(s_client, 0);
    /* All of it is from 1970: too old, as soon as somebody looks. The fixture keeps a hundred years. */
    fixture_stop(&s_fixture);
    s_fixture.config.audit_days = 1;
    test_db_do(&s_fixture.db, "INSERT INTO audit SELECT MAX(id) DIV 2, UNIX_TIMESTAMP() * 1000, 0, 'of_today', 0, '' FROM audit");
    client_destroy(&s_client);
    fixture_start(&s_fixture, NULL);
    s_client = client_new(&s_fixture, 1);
    for (int i = 0; i < 100 && s_count("SELECT COUNT(*) FROM audit WHERE at_ms < 1800000000") > 0; i++)
        fixture_pause(50);
    assert_int_equal(0, s_count("SELECT COUNT(*) FROM audit WHERE at_ms < 1800000000"));
    assert_int_equal(1, s_count("SELECT COUNT(*) FROM audit WHERE action = 'of_today'"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_who_is_removed_is_no_member_and_counted_no_more),
        cmocka_unit_test(test_a_ban_is_kept_without_membership_and_hides_the_room_from_the_list),
        cmocka_unit_test(test_a_mute_and_a_ban_are_lifted_apart),
        cmocka_unit_test(test_who_is_restricted_is_listed_in_pages),
        cmocka_unit_test(test_a_name_and_a_topic_are_the_rooms_from_their_event_on),
        cmocka_unit_test(test_an_archived_room_is_listed_only_to_who_asks_for_such),
        cmocka_unit_test(test_who_comes_in_reads_what_the_room_lets_newcomers_read_then),
        cmocka_unit_test(test_who_may_come_in_has_an_account_that_is_not_disabled),
        cmocka_unit_test(test_a_direct_room_is_in_the_list_of_each_of_its_people_and_in_no_other),
        cmocka_unit_test(test_private_and_direct_rooms_are_in_no_list_of_public_ones),
        cmocka_unit_test(test_giving_the_room_away_leaves_one_owner),
        cmocka_unit_test(test_who_enters_an_empty_room_owns_it_and_the_audit_says_so),
        cmocka_unit_test(test_sessions_are_listed_last_used_first_with_where_and_when),
        cmocka_unit_test(test_a_session_is_revoked_by_its_user_only),
        cmocka_unit_test(test_all_sessions_but_one_and_all_are_revoked),
        cmocka_unit_test(test_a_sign_in_beyond_the_bound_ends_the_least_recently_used),
        cmocka_unit_test(test_a_new_password_is_stored_once_and_ends_the_other_sessions),
        cmocka_unit_test(test_revocations_that_stop_no_token_any_more_go_in_bounded_steps),
        cmocka_unit_test(test_administration_is_for_those_who_are_administrators_now),
        cmocka_unit_test(test_who_loses_a_right_is_signed_out_and_the_audit_says_by_whom),
        cmocka_unit_test(test_the_last_administrator_stays_one),
        cmocka_unit_test(test_no_sign_in_gets_through_beside_a_right_that_is_taken),
        cmocka_unit_test(test_users_and_rooms_are_listed_in_pages_and_by_a_part_of_the_name),
        cmocka_unit_test(test_the_audit_log_is_read_newest_first_and_its_oldest_rows_go),
    };
    return cmocka_run_group_tests(tests, s_setup, s_teardown);
}
