/* The refresh cookie and web origins: edge/auth_web.c. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "edge/auth.h"

/* ---- cookie ------------------------------------------------------------------------------------------------------------- */

static void test_cookie_says_all_that_protects_it(void **state)
{
    (void)state;
    char text[AUTH_COOKIE_TEXT_MAX];
    view_t token = view_of_text("abc-DEF_123");
    assert_int_equal(strlen("rookery_refresh=abc-DEF_123; HttpOnly; SameSite=Strict; Path=/api/v1/auth; Max-Age=2592000; Secure"),
                     auth_cookie_format(token, LIM_REFRESH_IDLE_S, true, text));
    assert_string_equal("rookery_refresh=abc-DEF_123; HttpOnly; SameSite=Strict; Path=/api/v1/auth; Max-Age=2592000; Secure", text);
    assert_true(auth_cookie_format(token, 5, false, text) > 0);
    assert_string_equal("rookery_refresh=abc-DEF_123; HttpOnly; SameSite=Strict; Path=/api/v1/auth; Max-Age=5", text);
    assert_true(auth_cookie_format(view_of(NULL, 0), 0, true, text) > 0);
    assert_string_equal("rookery_refresh=; HttpOnly; SameSite=Strict; Path=/api/v1/auth; Max-Age=0; Secure", text);
}

static void test_cookie_takes_base64url_up_to_its_bound_only(void **state)
{
    (void)state;
    char text[AUTH_COOKIE_TEXT_MAX], value[AUTH_COOKIE_VALUE_BYTES_MAX + 1];
    memset(value, 'a', sizeof value);
    assert_true(auth_cookie_format(view_of(value, AUTH_COOKIE_VALUE_BYTES_MAX), UINT64_MAX, true, text) > 0);
    assert_int_equal(0, auth_cookie_format(view_of(value, sizeof value), 5, true, text));
    static const char *const odd[] = {"a;b", "a b", "a\r\nSet-Cookie: x=y", "a\"", "a=", "a,b", "\xc3\xab"};
    for (size_t i = 0; i < sizeof odd / sizeof *odd; i++)
        assert_int_equal(0, auth_cookie_format(view_of_text(odd[i]), 5, true, text));
}

static void test_cookie_is_found_among_others(void **state)
{
    (void)state;
    static const struct {
        const char *header, *value;
    } rows[] = {
        {"rookery_refresh=abc", "abc"},
        {"a=b; rookery_refresh=abc", "abc"},
        {"a=b;rookery_refresh=abc;c=d", "abc"},
        {"a=b; \trookery_refresh = abc ; c", "abc"},
        {"", ""},
        {"rookery_refresh", ""},
        {"rookery_refresh=", ""},
        {"xrookery_refresh=abc", ""},
        {"rookery_refreshx=abc", ""},
        {"Rookery_Refresh=abc", ""},
        {"a=rookery_refresh=abc", ""},
        {"rookery_refresh=abc; rookery_refresh=def", ""},
        {"rookery_refresh=abc; rookery_refresh=abc", ""},
        {"rookery_refresh=abc; rookery_refresh", ""},
        {"rookery_refresh=\"abc\"", ""},
        {"rookery_refresh=a,b", ""},
        {"rookery_refresh=a=b", ""},
        {";;; ;=;==", ""},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        if (!view_is_equal(auth_cookie_find(view_of_text(rows[i].header)), view_of_text(rows[i].value)))
            fail_msg("%s", rows[i].header);
    char wide[64 + AUTH_COOKIE_VALUE_BYTES_MAX] = "rookery_refresh=";
    size_t name_len = strlen(wide);
    memset(wide + name_len, 'a', AUTH_COOKIE_VALUE_BYTES_MAX + 1);
    assert_int_equal(AUTH_COOKIE_VALUE_BYTES_MAX, auth_cookie_find(view_of(wide, name_len + AUTH_COOKIE_VALUE_BYTES_MAX)).len);
    assert_int_equal(0, auth_cookie_find(view_of(wide, name_len + AUTH_COOKIE_VALUE_BYTES_MAX + 1)).len);
}

static void test_cookie_is_secure_but_for_plain_http_to_loopback(void **state)
{
    (void)state;
    static const char *const loopback[] = {"localhost", "localhost:8080", "LOCALHOST", "127.0.0.1", "127.255.0.9:1",
                                           "[::1]", "[::1]:8080", "app.localhost:8080"};
    static const char *const others[] = {"chat.example", "127.0.0.1.example", "localhost.example", "128.0.0.1", "[::2]",
                                         "0.0.0.0", "", "localhost:", "localhost:x", "localhost:99999", "127.1",
                                         "notlocalhost", ".localhost", "[::1", "localhost/", "192.0.2.1:8080"};
    for (size_t i = 0; i < sizeof loopback / sizeof *loopback; i++) {
        assert_false(auth_cookie_is_secure(false, view_of_text(loopback[i])));
        assert_true(auth_cookie_is_secure(true, view_of_text(loopback[i])));
    }
    for (size_t i = 0; i < sizeof others / sizeof *others; i++)
        if (!auth_cookie_is_secure(false, view_of_text(others[i])))
            fail_msg("%s", others[i]);
}

/* ---- origins ------------------------------------------------------------------------------------------------------------- */

static const struct auth_origins NONE = {.count = 0};

static err_t s_check(const struct auth_origins *origins, const char *origin, const char *host, bool https,
                     auth_origin_t *out)
{
    struct auth_request request = {.origin = view_of_text(origin), .host = view_of_text(host), .https = https};
    return auth_origin_check(origins, &request, out);
}

static void test_own_origin_is_that_of_the_host(void **state)
{
    (void)state;
    static const struct {
        const char *origin, *host;
        bool https, good;
    } rows[] = {
        {"https://chat.example", "chat.example", true, true},
        {"https://Chat.Example", "chat.EXAMPLE", true, true},
        {"https://chat.example", "chat.example:443", true, true},
        {"https://chat.example:443", "chat.example", true, true},
        {"https://chat.example:8443", "chat.example:8443", true, true},
        {"https://chat.example", "chat.example", false, true}, /* TLS ended before us, unannounced */
        {"http://localhost:8080", "localhost:8080", false, true},
        {"http://[::1]:8080", "[::1]:8080", false, true},
        {"http://chat.example", "chat.example:80", false, true},
        {"http://chat.example", "chat.example", true, false}, /* a page from the clear */
        {"https://chat.example", "chat.example:80", true, false},
        {"https://chat.example:8443", "chat.example", true, false},
        {"https://evil.example", "chat.example", true, false},
        {"https://chat.example.evil.example", "chat.example", true, false},
        {"https://xchat.example", "chat.example", true, false},
        {"https://chat.example@evil.example", "chat.example", true, false},
        {"https://chat.example/", "chat.example", true, false},
        {"https://chat.example#", "chat.example", true, false},
        {"https://chat.example:", "chat.example", true, false},
        {"https://chat.example:0", "chat.example", true, false},
        {"https://chat.example:65536", "chat.example:65536", true, false},
        {"https://chat.example https://chat.example", "chat.example", true, false},
        {"null", "null", true, false},
        {"null", "", true, false},
        {"file://", "", true, false},
        {"https://", "", true, false},
        {"https://chat.example", "", true, false},
        {"ws://chat.example", "chat.example", true, false},
        {"//chat.example", "chat.example", true, false},
        {"chat.example", "chat.example", true, false},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        auth_origin_t kind = AUTH_ORIGIN_NONE;
        err_t err = s_check(&NONE, rows[i].origin, rows[i].host, rows[i].https, &kind);
        if (err != (rows[i].good ? ERR_OK : ERR_BAD_ORIGIN) || kind != (rows[i].good ? AUTH_ORIGIN_OWN : AUTH_ORIGIN_NONE))
            fail_msg("%s at %s", rows[i].origin, rows[i].host);
    }
}

static void test_listed_origins_are_exact(void **state)
{
    (void)state;
    struct auth_origins origins;
    auth_origin_t kind;
    assert_int_equal(ERR_OK, auth_origins_read(&origins, " https://A.example , http://localhost:5173,,https://b.example:443"));
    assert_int_equal(3, origins.count);
    static const char *const good[] = {"https://a.example", "http://localhost:5173", "https://b.example"};
    static const char *const bad[] = {"http://a.example", "https://a.example:444", "https://sub.a.example", "http://localhost",
                                      "https://a.example.evil", "null"};
    for (size_t i = 0; i < 3; i++) {
        assert_int_equal(ERR_OK, s_check(&origins, good[i], "chat.example", true, &kind));
        assert_int_equal(AUTH_ORIGIN_LISTED, kind);
    }
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        assert_int_equal(ERR_BAD_ORIGIN, s_check(&origins, bad[i], "chat.example", true, &kind));
}

static void test_list_of_origins_has_bounds_and_no_wildcards(void **state)
{
    (void)state;
    struct auth_origins origins;
    char text[4096] = "", wide[300] = "https://";
    assert_int_equal(ERR_OK, auth_origins_read(&origins, NULL));
    assert_int_equal(ERR_OK, auth_origins_read(&origins, ""));
    assert_int_equal(0, origins.count);
    for (int i = 0; i < AUTH_ORIGINS_MAX; i++)
        snprintf(text + strlen(text), sizeof text - strlen(text), "https://h%d.example,", i);
    assert_int_equal(ERR_OK, auth_origins_read(&origins, text));
    assert_int_equal(AUTH_ORIGINS_MAX, origins.count);
    snprintf(text + strlen(text), sizeof text - strlen(text), "https://one.more");
    assert_int_equal(ERR_OUT_OF_RANGE, auth_origins_read(&origins, text));
    static const char *const odd[] = {"*", "https://*", "https://*.example", "a.example", "https://a.example/", "null",
                                      "https://a.example/path", "ftp://a.example", "https://a b.example"};
    for (size_t i = 0; i < sizeof odd / sizeof *odd; i++)
        assert_int_equal(ERR_OUT_OF_RANGE, auth_origins_read(&origins, odd[i]));
    memset(wide + strlen(wide), 'a', 255 - strlen(wide)); /* 255 bytes, then 256 */
    assert_int_equal(ERR_OK, auth_origins_read(&origins, wide));
    wide[255] = 'a';
    assert_int_equal(ERR_OUT_OF_RANGE, auth_origins_read(&origins, wide));
}

static err_t s_check_cookie(const char *origin, const char *site, const struct auth_origins *origins)
{
    auth_origin_t kind;
    struct auth_request request = {.origin = view_of_text(origin),
                                   .host = view_of_text("chat.example"),
                                   .sec_fetch_site = view_of_text(site),
                                   .https = true,
                                   .with_cookie = true};
    return auth_origin_check(origins, &request, &kind);
}

static void test_without_origin_only_clients_without_cookie_pass(void **state)
{
    (void)state;
    auth_origin_t kind = AUTH_ORIGIN_OWN;
    assert_int_equal(ERR_OK, s_check(&NONE, "", "chat.example", true, &kind));
    assert_int_equal(AUTH_ORIGIN_NONE, kind);
    assert_int_equal(ERR_BAD_ORIGIN, s_check_cookie("", "", &NONE));
    assert_int_equal(ERR_BAD_ORIGIN, s_check_cookie("", "same-site", &NONE));
    assert_int_equal(ERR_BAD_ORIGIN, s_check_cookie("", "cross-site", &NONE));
    assert_int_equal(ERR_BAD_ORIGIN, s_check_cookie("", "none", &NONE));
    assert_int_equal(ERR_OK, s_check_cookie("", "same-origin", &NONE));
}

static void test_cookie_needs_an_origin_and_a_site_that_agree(void **state)
{
    (void)state;
    struct auth_origins listed;
    assert_int_equal(ERR_OK, auth_origins_read(&listed, "https://other.example"));
    assert_int_equal(ERR_OK, s_check_cookie("https://chat.example", "", &NONE));
    assert_int_equal(ERR_OK, s_check_cookie("https://chat.example", "same-origin", &NONE));
    assert_int_equal(ERR_BAD_ORIGIN, s_check_cookie("https://chat.example", "cross-site", &NONE));
    assert_int_equal(ERR_BAD_ORIGIN, s_check_cookie("https://chat.example", "same-site", &NONE));
    assert_int_equal(ERR_BAD_ORIGIN, s_check_cookie("https://evil.example", "same-origin", &NONE));
    assert_int_equal(ERR_OK, s_check_cookie("https://other.example", "cross-site", &listed));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_cookie_says_all_that_protects_it),
        cmocka_unit_test(test_cookie_takes_base64url_up_to_its_bound_only),
        cmocka_unit_test(test_cookie_is_found_among_others),
        cmocka_unit_test(test_cookie_is_secure_but_for_plain_http_to_loopback),
        cmocka_unit_test(test_own_origin_is_that_of_the_host),
        cmocka_unit_test(test_listed_origins_are_exact),
        cmocka_unit_test(test_list_of_origins_has_bounds_and_no_wildcards),
        cmocka_unit_test(test_without_origin_only_clients_without_cookie_pass),
        cmocka_unit_test(test_cookie_needs_an_origin_and_a_site_that_agree),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
