/* What has no database in it: folding of names, and reading DATABASE_URL. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "persist/db_url.h"
#include "persist/name_key.h"

static void s_fold(const char *name, const char *expected)
{
    uint8_t key[NAME_KEY_BYTES_MAX];
    view_t got = name_key(view_of_text(name), key);
    assert_int_equal(strlen(expected), got.len);
    assert_memory_equal(expected, got.bytes, got.len);
}

static void test_names_fold_to_lower_case(void **state)
{
    (void)state;
    s_fold("Alice_1.-", "alice_1.-");
    s_fold("ÄÖÜ ÉÑ ×÷ ß ẞ", "äöü éñ ×÷ ß ß");
    s_fold("ŁÓDŹ Žižek ŸŹ Őű", "łódź žižek ÿź őű");
    s_fold("ΑΘΉΝΑ Σίσυφος", "αθήνα σίσυφοσ");
    s_fold("МОСКВА Ёж Їжак Ґ Ӂ Ӏ", "москва ёж їжак ґ ӂ ӏ");
    s_fold("ՀԱՅ ＡＢ Ấ", "հայ ａｂ ấ");
    s_fold("日本 عرب 👩", "日本 عرب 👩");
    s_fold("", "");
}

static void test_folding_twice_changes_nothing(void **state)
{
    (void)state;
    for (uint32_t c = 0x80; c < 0x10000; c++) {
        if (c >= 0xD800 && c < 0xE000)
            continue;
        uint8_t name[3], once[NAME_KEY_BYTES_MAX], twice[NAME_KEY_BYTES_MAX];
        size_t len = c < 0x800 ? 2 : 3;
        name[0] = (uint8_t)(c < 0x800 ? 0xC0 | c >> 6 : 0xE0 | c >> 12);
        name[len - 2] = (uint8_t)(c < 0x800 ? name[0] : 0x80 | (c >> 6 & 0x3F));
        name[len - 1] = (uint8_t)(0x80 | (c & 0x3F));
        view_t key = name_key(view_of(name, len), once);
        assert_true(text_is_clean(key) || c < 0xA0);
        assert_true(view_is_equal(key, name_key(key, twice)));
    }
}

static void test_urls(void **state)
{
    (void)state;
    struct db_url url;
    const char *sentence;
    assert_int_equal(ERR_OK, db_url_parse("mysql://me:a%40b@db.example:3307/chat", &url, &sentence));
    assert_string_equal("me", url.user);
    assert_string_equal("a@b", url.password);
    assert_string_equal("db.example", url.host);
    assert_int_equal(3307, url.port);
    assert_string_equal("chat", url.database);
    assert_string_equal("", url.socket);
    assert_int_equal(ERR_OK, db_url_parse("mysql://root@localhost/x?socket=%2Frun%2Fs&tls=verify&ca=/c", &url, &sentence));
    assert_string_equal("/run/s", url.socket);
    assert_int_equal(DB_TLS_VERIFY, url.tls);
    assert_int_equal(3306, url.port);
    assert_int_equal(ERR_OK, db_url_parse("mysql://u:p@x@[::1]:3308/d", &url, &sentence));
    assert_string_equal("p@x", url.password);
    assert_string_equal("::1", url.host);
    assert_int_equal(3308, url.port);
}

static void test_bad_urls_get_a_sentence_without_the_password(void **state)
{
    (void)state;
    static const char *const BAD[] = {
        "", "postgres://u:hunter2@h/d", "mysql://u:hunter2@/d", "mysql://u:hunter2@h:0/d", "mysql://u:hunter2@h:99999/d",
        "mysql://u:hunter2@h:/d", "mysql://u:hunter2%zz@h/d", "mysql://u:hunter2@h/d?tls=maybe",
        "mysql://u:hunter2@h/d?what=ever", "mysql://u:hunter2%00@h/d",
    };
    for (size_t i = 0; i < sizeof BAD / sizeof BAD[0]; i++) {
        struct db_url url;
        const char *sentence = "";
        assert_int_equal(ERR_OUT_OF_RANGE, db_url_parse(BAD[i], &url, &sentence));
        assert_true(strlen(sentence) > 10);
        assert_null(strstr(sentence, "hunter2"));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_names_fold_to_lower_case),
        cmocka_unit_test(test_folding_twice_changes_nothing),
        cmocka_unit_test(test_urls),
        cmocka_unit_test(test_bad_urls_get_a_sentence_without_the_password),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
