/* What the store makes of people: the first user, sign-up by invitation, how users are shown, pictures, the feed of
 * changes, passwords that were given. */
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "proto/person.h"
#include "tests/persist/fixture.h"

enum { ADMIN = 101, BOB = 102, T0_MS = 1700000000, SIGNUP_AS_IT_IS = 3 };

static struct fixture s_fixture;
static client_t *s_client;

static uint64_t s_count(const char *sql)
{
    return (uint64_t)test_db_number(&s_fixture.db, sql);
}

static struct msg s_user(uint64_t id, const char *name, const char *invite)
{
    struct msg ask = {.type = MSG_STORE_USER_ADD};
    ask.as.store_user_add = (struct msg_store_user_add){
        .user = id, .name = view_of_text(name), .password_hash = view_of_text("hash"), .at_ms = T0_MS,
        .invite = view_of_text(invite)};
    return ask;
}

static const struct msg_server_info *s_server(void)
{
    struct msg ask = {.type = MSG_STORE_SERVER_GET};
    return &client_ask(s_client, &ask, MSG_SERVER_INFO)->as.server_info;
}

static struct msg s_setup_ask(uint64_t id, const char *name)
{
    struct msg ask = s_user(id, name, "");
    ask.as.store_user_add.setup = true;
    ask.as.store_user_add.server_name = view_of_text("The nest");
    ask.as.store_user_add.signup = 1;
    return ask;
}

/* ---- the first user --------------------------------------------------------------------------------------------- */

struct racer {
    struct msg ask;
    uint16_t instance;
    bool has_won;
    err_t why;
};

static void *s_race(void *context)
{
    struct racer *self = context;
    client_t *client = client_new(&s_fixture, self->instance);
    const struct msg *answer = client_wait(client, client_send(client, &self->ask), 10000);
    self->has_won = answer && answer->type == MSG_STORE_USER && answer->as.store_user.role == 1;
    self->why = answer && answer->type == MSG_ERR ? answer->as.err.code : ERR_OK;
    client_destroy(&client);
    return NULL;
}

static void test_of_two_who_set_up_at_once_one_wins_and_the_other_is_told(void **state)
{
    (void)state;
    pthread_t threads[2];
    struct racer racers[2] = {{.ask = s_setup_ask(ADMIN, "Ada"), .instance = 2},
                              {.ask = s_setup_ask(900, "Eve"), .instance = 3}};
    assert_false(s_server()->set_up);
    assert_true(view_is_equal(s_server()->name, view_of_text("Rookery")));
    for (int i = 0; i < 2; i++)
        assert_int_equal(0, pthread_create(&threads[i], NULL, s_race, &racers[i]));
    for (int i = 0; i < 2; i++)
        pthread_join(threads[i], NULL);
    assert_true(racers[0].has_won != racers[1].has_won);
    assert_int_equal(ERR_ALREADY_SET_UP, racers[racers[0].has_won].why);
    assert_int_equal(1, s_count("SELECT COUNT(*) FROM user"));
    assert_true(s_server()->set_up);
    assert_true(view_is_equal(s_server()->name, view_of_text("The nest")));
    assert_int_equal(1, s_server()->signup);
    /* The winner's question again gets the first answer; who comes later is refused, whatever the name. */
    assert_int_equal(1, client_ask(s_client, &racers[racers[1].has_won].ask, MSG_STORE_USER)->as.store_user.role);
    struct msg later = s_setup_ask(901, "Zoe");
    client_ask_refused(s_client, &later, ERR_ALREADY_SET_UP);
    if (racers[1].has_won) { /* the others tests know the administrator by this id */
        test_db_do(&s_fixture.db, "UPDATE user SET id = 101, name = 'Ada', name_key = 'ada'");
    }
}

/* ---- invitations ------------------------------------------------------------------------------------------------ */

static const char CODE[] = "abcdefghjkmnpqrstvwx";

static struct msg s_invite(uint64_t id, const char *code, uint64_t expires_at_ms, uint64_t uses_max)
{
    struct msg ask = {.type = MSG_STORE_INVITE_ADD};
    ask.as.store_invite_add = (struct msg_store_invite_add){.by = ADMIN, .invite = id, .code = view_of_text(code),
                                                            .expires_at_ms = expires_at_ms, .uses_max = uses_max,
                                                            .at_ms = T0_MS};
    return ask;
}

static void s_mode(uint32_t signup)
{
    struct msg ask = {.type = MSG_STORE_SERVER_SET};
    ask.as.store_server_set = (struct msg_store_server_set){.by = ADMIN, .signup = signup, .at_ms = T0_MS};
    assert_int_equal(signup, client_ask(s_client, &ask, MSG_SERVER_INFO)->as.server_info.signup);
}

static void test_an_invitation_is_used_as_often_as_it_says_and_not_once_more(void **state)
{
    (void)state;
    struct msg ask = s_invite(1, CODE, 0, 2);
    assert_int_equal(1, client_ask(s_client, &ask, MSG_INVITES)->as.invites.invites.count);
    assert_int_equal(1, client_ask(s_client, &ask, MSG_INVITES)->as.invites.invites.count); /* again: the same one */
    assert_int_equal(1, s_count("SELECT COUNT(*) FROM invite"));
    struct msg without = s_user(200, "Nobody", ""), first = s_user(201, "First", CODE), last = s_user(202, "Last", CODE),
               late = s_user(203, "Late", CODE), wrong = s_user(204, "Wrong", "00000000000000000000");
    client_ask_refused(s_client, &without, ERR_INVITE_REQUIRED);
    client_ask_refused(s_client, &wrong, ERR_INVITE_INVALID);
    assert_int_equal(0, client_ask(s_client, &first, MSG_STORE_USER)->as.store_user.role);
    struct msg taken = s_user(205, "FIRST", CODE);
    client_ask_refused(s_client, &taken, ERR_NAME_TAKEN); /* and the invitation is not used by it */
    client_ask(s_client, &last, MSG_STORE_USER);
    client_ask(s_client, &last, MSG_STORE_USER); /* the same question, whose invitation is used up by now */
    client_ask_refused(s_client, &late, ERR_INVITE_INVALID);
    assert_int_equal(2, s_count("SELECT uses FROM invite WHERE id = 1"));
}

static void test_of_many_at_once_on_the_last_use_one_gets_in(void **state)
{
    (void)state;
    enum { COUNT = 4 };
    char names[COUNT][16];
    pthread_t threads[COUNT];
    struct racer racers[COUNT];
    struct msg ask = s_invite(2, "racexracexracexracex", 0, 1);
    client_ask(s_client, &ask, MSG_INVITES);
    for (int i = 0; i < COUNT; i++) {
        snprintf(names[i], sizeof names[i], "Racer %d", i);
        racers[i] = (struct racer){.ask = s_user(300 + (uint64_t)i, names[i], "racexracexracexracex"),
                                   .instance = (uint16_t)(10 + i)};
        assert_int_equal(0, pthread_create(&threads[i], NULL, s_race, &racers[i]));
    }
    size_t refused = 0;
    for (int i = 0; i < COUNT; i++) {
        pthread_join(threads[i], NULL);
        refused += racers[i].why == ERR_INVITE_INVALID;
    }
    assert_int_equal(COUNT - 1, refused);
    assert_int_equal(1, s_count("SELECT COUNT(*) FROM user WHERE id BETWEEN 300 AND 303"));
    assert_int_equal(1, s_count("SELECT uses FROM invite WHERE id = 2"));
}

static void test_expired_and_revoked_and_closed(void **state)
{
    (void)state;
    struct msg ask = s_invite(3, "oldexoldexoldexoldex", T0_MS, 0), user = s_user(400, "Old", "oldexoldexoldexoldex");
    client_ask(s_client, &ask, MSG_INVITES);
    client_ask_refused(s_client, &user, ERR_INVITE_INVALID); /* at the very millisecond */
    user.as.store_user_add.at_ms = T0_MS - 1;
    client_ask(s_client, &user, MSG_STORE_USER);
    struct msg end = {.type = MSG_STORE_INVITE_END, .as.store_invite_end = {.by = ADMIN, .invite = 3, .at_ms = T0_MS}};
    assert_int_equal(1, client_ask(s_client, &end, MSG_STORE_OK)->as.store_ok.value);
    assert_int_equal(0, client_ask(s_client, &end, MSG_STORE_OK)->as.store_ok.value);
    struct msg gone = s_user(401, "Gone", "oldexoldexoldexoldex");
    gone.as.store_user_add.at_ms = T0_MS - 1;
    client_ask_refused(s_client, &gone, ERR_INVITE_INVALID);
    s_mode(2);
    ask = s_invite(4, "newexnewexnewexnewex", 0, 0);
    client_ask(s_client, &ask, MSG_INVITES);
    struct msg closed = s_user(402, "Closed", "newexnewexnewexnewex");
    client_ask_refused(s_client, &closed, ERR_SIGNUP_CLOSED);
    s_mode(0);
    struct msg open = s_user(403, "Open", "");
    client_ask(s_client, &open, MSG_STORE_USER);
}

static void test_only_administrators_invite_and_set(void **state)
{
    (void)state;
    struct msg get = {.type = MSG_STORE_INVITES_GET, .as.store_invites_get.by = ADMIN};
    assert_true(client_ask(s_client, &get, MSG_INVITES)->as.invites.invites.count > 0);
    get.as.store_invites_get.by = 403;
    client_ask_refused(s_client, &get, ERR_FORBIDDEN);
    struct msg add = s_invite(5, "xxxxxxxxxxxxxxxxxxxx", 0, 0);
    add.as.store_invite_add.by = 403;
    client_ask_refused(s_client, &add, ERR_FORBIDDEN);
    struct msg end = {.type = MSG_STORE_INVITE_END, .as.store_invite_end = {.by = 403, .invite = 4}};
    client_ask_refused(s_client, &end, ERR_FORBIDDEN);
    struct msg set = {.type = MSG_STORE_SERVER_SET, .as.store_server_set = {.by = 403, .signup = SIGNUP_AS_IT_IS}};
    client_ask_refused(s_client, &set, ERR_FORBIDDEN);
    set.as.store_server_set = (struct msg_store_server_set){.by = ADMIN, .signup = SIGNUP_AS_IT_IS, .name = view_of_text("a\tb")};
    client_ask_refused(s_client, &set, ERR_BAD_DISPLAY);
}

static void test_invitations_are_bounded_and_dead_ones_make_room(void **state)
{
    (void)state;
    char code[24];
    test_db_do(&s_fixture.db, "DELETE FROM invite");
    for (uint64_t i = 0; i < LIM_INVITES_MAX; i++) {
        snprintf(code, sizeof code, "full%016llu", (unsigned long long)i);
        struct msg ask = s_invite(1000 + i, code, 0, 5);
        client_ask(s_client, &ask, MSG_INVITES);
    }
    struct msg more = s_invite(2000, CODE, 0, 0);
    client_ask_refused(s_client, &more, ERR_TOO_MANY_INVITES);
    test_db_do(&s_fixture.db, "UPDATE invite SET uses = 5 WHERE id = 1007");
    client_ask(s_client, &more, MSG_INVITES);
    assert_int_equal(LIM_INVITES_MAX, s_count("SELECT COUNT(*) FROM invite"));
    struct msg get = {.type = MSG_STORE_INVITES_GET, .as.store_invites_get.by = ADMIN};
    assert_int_equal(LIM_INVITES_MAX, client_ask(s_client, &get, MSG_INVITES)->as.invites.invites.count);
}

/* ---- how users are shown ---------------------------------------------------------------------------------------- */

static struct rec_user_info s_only(const struct msg_users *users)
{
    list_t list = users->users;
    struct rec_user_info info;
    assert_int_equal(1, users->users.count);
    assert_true(rec_user_info_next(&list, &info));
    return info;
}

static struct rec_user_info s_show_as(uint64_t user, const char *display, uint64_t at_ms)
{
    struct msg ask = {.type = MSG_STORE_PROFILE_SET};
    ask.as.store_profile_set = (struct msg_store_profile_set){.user = user, .display = view_of_text(display), .at_ms = at_ms};
    return s_only(&client_ask(s_client, &ask, MSG_USERS)->as.users);
}

static const struct msg_store_user_changes *s_changes(uint64_t after)
{
    struct msg ask = {.type = MSG_STORE_USER_CHANGES_GET, .as.store_user_changes_get.after = after};
    return &client_ask(s_client, &ask, MSG_STORE_USER_CHANGES)->as.store_user_changes;
}

static void test_a_changed_name_is_shown_and_told_once(void **state)
{
    (void)state;
    uint64_t before = s_changes(ID_MAX)->upto;
    struct rec_user_info info = s_show_as(ADMIN, "Ada Lovelace", T0_MS);
    uint64_t rev = info.rev;
    assert_true(view_is_equal(info.name, view_of_text("Ada Lovelace")));
    assert_true(view_is_equal(info.handle, view_of_text("Ada")));
    assert_int_equal(rev, s_show_as(ADMIN, "Ada Lovelace", T0_MS).rev); /* a repeat changes nothing */
    s_show_as(403, "Bob B.", T0_MS);
    s_show_as(ADMIN, "Countess", T0_MS);
    const struct msg_store_user_changes *changes = s_changes(before);
    assert_int_equal(2, changes->users.count); /* each once, with what holds now */
    assert_int_equal(before + 3, changes->upto);
    list_t list = changes->users;
    rec_user_info_next(&list, &info);
    assert_int_equal(403, info.user);
    rec_user_info_next(&list, &info);
    assert_true(view_is_equal(info.name, view_of_text("Countess")));
    assert_int_equal(rev + 1, info.rev);
    assert_int_equal(0, s_changes(before + 3)->users.count);
    assert_int_equal(before + 3, s_changes(before + 3)->upto);
    struct rec_user_info back = s_show_as(ADMIN, "", T0_MS);
    assert_true(view_is_equal(back.name, back.handle));
}

static void test_names_that_deceive_are_refused(void **state)
{
    (void)state;
    struct msg ask = {.type = MSG_STORE_PROFILE_SET};
    ask.as.store_profile_set = (struct msg_store_profile_set){.user = 403, .display = view_of_text("ADA"), .at_ms = T0_MS};
    client_ask_refused(s_client, &ask, ERR_NAME_TAKEN); /* somebody signs in with it */
    ask.as.store_profile_set.display = view_of_text(" Bob");
    client_ask_refused(s_client, &ask, ERR_BAD_DISPLAY);
    ask.as.store_profile_set = (struct msg_store_profile_set){.user = 999, .display = view_of_text("Ghost")};
    client_ask_refused(s_client, &ask, ERR_NOT_FOUND);
}

static void test_changes_are_bounded_in_time(void **state)
{
    (void)state;
    char name[32];
    struct msg ask = {.type = MSG_STORE_PROFILE_SET};
    for (int i = 0; i <= LIM_PROFILE_CHANGES_MAX; i++) {
        snprintf(name, sizeof name, "Name %d", i);
        ask.as.store_profile_set = (struct msg_store_profile_set){.user = 201, .display = view_of_text(name), .at_ms = T0_MS};
        if (i < LIM_PROFILE_CHANGES_MAX)
            client_ask(s_client, &ask, MSG_USERS);
        else
            client_ask_refused(s_client, &ask, ERR_RATE_LIMITED);
    }
    assert_int_equal(1, s_count("SELECT COUNT(*) FROM profile WHERE user_id = 201 AND display = 'Name 29'"));
    ask.as.store_profile_set.at_ms = T0_MS + LIM_PROFILE_PERIOD_MS;
    client_ask(s_client, &ask, MSG_USERS);
}

static void s_put(uint8_t *bytes, size_t len, uint8_t fill)
{
    memset(bytes, fill, len);
    memcpy(bytes, "\x89PNG\r\n\x1a\n", 8);
}

static void test_a_picture_of_the_full_size_comes_back_as_it_was(void **state)
{
    (void)state;
    static uint8_t bytes[LIM_AVATAR_BYTES_MAX];
    s_put(bytes, sizeof bytes, 7);
    struct msg ask = {.type = MSG_STORE_AVATAR_SET};
    ask.as.store_avatar_set = (struct msg_store_avatar_set){.user = 202, .format = PICTURE_PNG,
                                                            .picture = view_of(bytes, sizeof bytes), .at_ms = T0_MS};
    struct rec_user_info info = s_only(&client_ask(s_client, &ask, MSG_USERS)->as.users);
    assert_int_equal(info.rev, info.avatar);
    assert_int_equal(info.avatar, s_only(&client_ask(s_client, &ask, MSG_USERS)->as.users).avatar); /* a repeat */
    struct msg get = {.type = MSG_STORE_AVATAR_GET, .as.store_avatar_get.user = 202};
    const struct msg_avatar *avatar = &client_ask(s_client, &get, MSG_AVATAR)->as.avatar;
    assert_int_equal(info.avatar, avatar->rev);
    assert_int_equal(PICTURE_PNG, avatar->format);
    assert_true(view_is_equal(avatar->picture, view_of(bytes, sizeof bytes)));
    s_put(bytes, 100, 8);
    ask.as.store_avatar_set.picture = view_of(bytes, 100);
    uint64_t second = s_only(&client_ask(s_client, &ask, MSG_USERS)->as.users).avatar;
    assert_true(second > info.avatar);
    ask.as.store_avatar_set.format = PICTURE_JPEG; /* it says one thing and is another */
    client_ask_refused(s_client, &ask, ERR_BAD_PICTURE);
    ask.as.store_avatar_set.picture = view_of(NULL, 0);
    assert_int_equal(0, s_only(&client_ask(s_client, &ask, MSG_USERS)->as.users).avatar);
    client_ask_refused(s_client, &get, ERR_NOT_FOUND);
}

static void test_people_are_found_by_either_name_in_pages(void **state)
{
    (void)state;
    s_show_as(403, "Grüner Wal", T0_MS + LIM_PROFILE_PERIOD_MS);
    struct msg ask = {.type = MSG_STORE_USERS_FIND};
    ask.as.store_users_find = (struct msg_store_users_find){.query = view_of_text("GRÜN"), .limit = 10};
    assert_int_equal(403, s_only(&client_ask(s_client, &ask, MSG_USERS)->as.users).user);
    ask.as.store_users_find.query = view_of_text("OPE");
    assert_int_equal(403, s_only(&client_ask(s_client, &ask, MSG_USERS)->as.users).user);
    ask.as.store_users_find.query = view_of_text("%");
    assert_int_equal(0, client_ask(s_client, &ask, MSG_USERS)->as.users.users.count);
    uint64_t all = s_count("SELECT COUNT(*) FROM user"), seen = 0;
    char after[LIM_NAME_BYTES_MAX + 1] = "", last[LIM_NAME_BYTES_MAX + 1] = "";
    for (bool more = true; more;) {
        ask.as.store_users_find = (struct msg_store_users_find){.after_name = view_of_text(after), .limit = 2};
        const struct msg_users *page = &client_ask(s_client, &ask, MSG_USERS)->as.users;
        list_t list = page->users;
        struct rec_user_info info;
        assert_true(page->users.count <= 2);
        more = page->more;
        while (rec_user_info_next(&list, &info)) {
            snprintf(after, sizeof after, "%.*s", (int)info.handle.len, (const char *)info.handle.bytes);
            assert_true(strcasecmp(last, after) < 0);
            snprintf(last, sizeof last, "%s", after);
            seen++;
        }
    }
    assert_int_equal(all, seen);
    test_db_do(&s_fixture.db, "UPDATE user SET disabled = 1 WHERE id = 403");
    ask.as.store_users_find = (struct msg_store_users_find){.query = view_of_text("wal"), .limit = 10};
    assert_int_equal(0, client_ask(s_client, &ask, MSG_USERS)->as.users.users.count);
}

/* ---- passwords that were given ---------------------------------------------------------------------------------- */

static const struct msg_store_user *s_known(uint64_t user)
{
    struct msg ask = {.type = MSG_STORE_USER_BY_ID, .as.store_user_by_id.user = user};
    return &client_ask(s_client, &ask, MSG_STORE_USER)->as.store_user;
}

static void test_a_reset_ends_all_sessions_until_another_password_is_chosen(void **state)
{
    (void)state;
    static const uint8_t hash[32] = {1};
    struct msg session = {.type = MSG_STORE_SESSION_ADD};
    session.as.store_session_add = (struct msg_store_session_add){
        .session = 50, .user = 201, .refresh_hash = view_of(hash, 32), .at_ms = T0_MS};
    client_ask(s_client, &session, MSG_STORE_OK);
    struct msg ask = {.type = MSG_STORE_PASSWORD_RESET};
    ask.as.store_password_reset = (struct msg_store_password_reset){
        .by = 202, .user = 201, .password_hash = view_of_text("given"), .at_ms = T0_MS};
    client_ask_refused(s_client, &ask, ERR_FORBIDDEN);
    assert_false(s_known(201)->must_change);
    ask.as.store_password_reset.by = ADMIN;
    assert_true(client_ask(s_client, &ask, MSG_STORE_USER)->as.store_user.must_change);
    assert_true(client_ask(s_client, &ask, MSG_STORE_USER)->as.store_user.must_change);
    assert_int_equal(1, s_count("SELECT COUNT(*) FROM revocation WHERE session_id = 50"));
    assert_int_equal(1, s_count("SELECT COUNT(*) FROM audit WHERE action = 'password_reset' AND actor_id = 101"));
    assert_true(view_is_equal(s_known(201)->password_hash, view_of_text("given")));
    struct msg change = {.type = MSG_STORE_PASSWORD_CHANGE};
    change.as.store_password_change = (struct msg_store_password_change){
        .user = 201, .old_hash = view_of_text("given"), .new_hash = view_of_text("own"), .at_ms = T0_MS};
    client_ask(s_client, &change, MSG_STORE_OK);
    assert_false(s_known(201)->must_change);
    ask.as.store_password_reset.user = 999;
    client_ask_refused(s_client, &ask, ERR_NOT_FOUND);
}

static int s_setup(void **state)
{
    (void)state;
    fixture_open(&s_fixture, "people", false);
    s_client = client_new(&s_fixture, 1);
    return 0;
}

static int s_teardown(void **state)
{
    (void)state;
    client_destroy(&s_client);
    fixture_close(&s_fixture);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_of_two_who_set_up_at_once_one_wins_and_the_other_is_told),
        cmocka_unit_test(test_an_invitation_is_used_as_often_as_it_says_and_not_once_more),
        cmocka_unit_test(test_of_many_at_once_on_the_last_use_one_gets_in),
        cmocka_unit_test(test_expired_and_revoked_and_closed),
        cmocka_unit_test(test_only_administrators_invite_and_set),
        cmocka_unit_test(test_invitations_are_bounded_and_dead_ones_make_room),
        cmocka_unit_test(test_a_changed_name_is_shown_and_told_once),
        cmocka_unit_test(test_names_that_deceive_are_refused),
        cmocka_unit_test(test_changes_are_bounded_in_time),
        cmocka_unit_test(test_a_picture_of_the_full_size_comes_back_as_it_was),
        cmocka_unit_test(test_people_are_found_by_either_name_in_pages),
        cmocka_unit_test(test_a_reset_ends_all_sessions_until_another_password_is_chosen),
    };
    return cmocka_run_group_tests(tests, s_setup, s_teardown);
}
