/* fuzz_text — UTF-8 and what makes two names the same: the answer does not depend on where text lies in memory or
 * beside what, clean text is still clean without its last character, and a key is clean, bounded and its own key. */
#include <assert.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "persist/name_key.h"

enum { SHIFTS = 9 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* The quick way looks at eight bytes at a time: shift the text through all of its places. */
static void s_check_places(view_t text, bool is_clean)
{
    for (size_t shift = 1; shift < SHIFTS; shift++) {
        uint8_t *copy = malloc(text.len + shift);
        if (!copy)
            return;
        memset(copy, 'a', shift);
        memcpy(copy + shift, text.bytes, text.len);
        assert(text_is_clean(view_of(copy, text.len + shift)) == is_clean);
        free(copy);
    }
}

static void s_check_clean(view_t text)
{
    size_t len = text.len;
    while (len > 0 && (text.bytes[len - 1] & 0xc0) == 0x80)
        len--;
    assert(len > 0);
    assert(text_is_clean(view_of(text.bytes, len - 1)));
    assert(text_char_count(view_of(text.bytes, len - 1)) + 1 == text_char_count(text));
    assert(len == text.len || !text_is_clean(view_of(text.bytes, len)));
}

static void s_check_name(view_t name)
{
    uint8_t key[NAME_KEY_BYTES_MAX], again[NAME_KEY_BYTES_MAX];
    view_t folded = name_key(name, key);
    assert(folded.len <= NAME_KEY_BYTES_MAX && text_is_clean(folded));
    assert(text_char_count(folded) == text_char_count(name));
    if (folded.len <= LIM_NAME_BYTES_MAX)
        assert(view_is_equal(folded, name_key(folded, again)));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    view_t text = view_of(data, size);
    if (size == 0)
        return 0;
    bool is_clean = text_is_clean(text);
    s_check_places(text, is_clean);
    if (is_clean)
        s_check_clean(text);
    if (is_clean && size <= LIM_NAME_BYTES_MAX)
        s_check_name(text);
    return 0;
}
