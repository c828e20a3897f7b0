#include "actors/accounts_rules.h"

#include <locale.h>
#include <pthread.h>
#include <string.h>
#include <strings.h>
#include <wctype.h>

#include "proto/limits.h"
#include "proto/text.h"

/* Of at least 8 characters, lower case; up to four digits at the end are looked through, so "Password2024" is here too. */
static const char *const COMMON_PASSWORDS[] = {
    "01234567",   "0123456789", "11223344",   "12341234",   "12344321",   "123123123",  "123321123",
    "12345678",   "123456789",  "1234567890", "123456abc",  "1234qwer",   "12qwaszx",   "147258369",
    "1q2w3e4r",   "1q2w3e4r5t", "1qaz2wsx",   "1qazxsw2",   "741852963",  "87654321",   "987654321",
    "9876543210", "a1234567",   "a1b2c3d4",   "aa123456",   "abc12345",   "abcd1234",   "abcdefgh",
    "access14",   "adminadmin", "administrator", "alexander", "asdf1234",  "asdfasdf",   "asdfghjk",
    "asdfghjkl",  "baseball",   "basketball", "bismillah",  "blink182",   "butterfly",  "changeme",
    "charlie1",   "chocolate",  "christian",  "computer",   "corvette",   "danielle",   "december",
    "dragon12",   "elizabeth",  "estrella",   "facebook",   "fluffy12",   "football",   "freedom1",
    "gabriela",   "hello123",   "hellohello", "iloveyou",   "internet",   "jennifer",   "jonathan",
    "letmein1",   "letmeinnow", "liverpool",  "marlboro",   "master12",   "mercedes",   "michelle",
    "midnight",   "monkey12",   "mustang1",   "newyork1",   "november",   "p@ssw0rd",   "p@ssword",
    "pa55word",   "pass1234",   "passw0rd",   "password",   "passpass",   "passwort",   "princess",
    "q1w2e3r4",   "q1w2e3r4t5", "qazwsxedc",  "qwer1234",   "qwerasdf",   "qwerqwer",   "qwert123",
    "qwerty12",   "qwerty123",  "qwertyui",   "qwertyuiop", "rockyou1",   "rookery1",   "samantha",
    "scorpion",   "secret12",   "september",  "slipknot",   "snowball",   "spiderman",  "starwars",
    "startrek",   "sunshine",   "superman",   "swordfish",  "test1234",   "testtest",   "trustno1",
    "vanessa1",   "victoria",   "welcome1",   "whatever",   "william1",   "zaq12wsx",   "zxcvbnm1",
    "zxcvbnm,",
};

/* Letters to the C library that print as nothing or as a blank: fillers of Hangul. */
static bool s_is_invisible(wint_t c)
{
    return c == 0x115f || c == 0x1160 || c == 0x3164 || c == 0xffa0;
}

static locale_t s_unicode;

static void s_make_locale(void)
{
    s_unicode = newlocale(LC_CTYPE_MASK, "C.UTF-8", (locale_t)0);
}

static bool s_is_letter_or_digit(uint32_t c)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    if (c < 0x80)
        return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
    pthread_once(&once, s_make_locale); /* never freed: one for the life of the process */
    if (s_unicode == (locale_t)0)
        return false; /* a C library without it: ASCII names only */
    return iswalnum_l((wint_t)c, s_unicode) && !s_is_invisible((wint_t)c);
}

err_t accounts_check_name(view_t name)
{
    if (name.len == 0 || name.len > LIM_NAME_BYTES_MAX || !text_is_clean(name))
        return ERR_BAD_NAME;
    const uint8_t *end = name.bytes + name.len;
    bool after_space = true; /* so that a first space is one too many */
    size_t chars = 0;
    for (const uint8_t *pos = name.bytes; pos < end; chars++) {
        uint32_t c = text_next(&pos);
        bool space = c == ' ';
        if (space && after_space)
            return ERR_BAD_NAME;
        after_space = space;
        if (!space && c != '.' && c != '_' && c != '-' && !s_is_letter_or_digit(c))
            return ERR_BAD_NAME;
    }
    return after_space || chars > LIM_NAME_CHARS_MAX ? ERR_BAD_NAME : ERR_OK;
}

static bool s_is_text(view_t password, size_t len, const char *text)
{
    return strlen(text) == len && strncasecmp((const char *)password.bytes, text, len) == 0;
}

static bool s_is_common(view_t password)
{
    size_t bare = password.len;
    while (bare > 8 && password.len - bare < 4 && password.bytes[bare - 1] >= '0' && password.bytes[bare - 1] <= '9')
        bare--;
    for (size_t i = 0; i < sizeof COMMON_PASSWORDS / sizeof *COMMON_PASSWORDS; i++)
        for (size_t len = bare; len <= password.len; len++)
            if (s_is_text(password, len, COMMON_PASSWORDS[i]))
                return true;
    return false;
}

err_t accounts_check_password(view_t password, view_t name)
{
    if (password.len < LIM_PASSWORD_BYTES_MIN || password.len > LIM_PASSWORD_BYTES_MAX)
        return ERR_WEAK_PASSWORD;
    if (memcmp(password.bytes, password.bytes + 1, password.len - 1) == 0)
        return ERR_WEAK_PASSWORD; /* one byte over and over */
    if (name.len == password.len && strncasecmp((const char *)name.bytes, (const char *)password.bytes, name.len) == 0)
        return ERR_WEAK_PASSWORD;
    return s_is_common(password) ? ERR_WEAK_PASSWORD : ERR_OK;
}
