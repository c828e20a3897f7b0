/* fuzz_file_type — first bytes of files, and what their authors say of them: the answer is one of the four kinds or none,
 * the same in memory of exactly that length, sizes are both there or neither and within their bound, and a shorter
 * beginning never makes another kind of image out of one. */
#include <assert.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "proto/file_type.h"
#include "proto/limits.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static bool s_is_known(const char *type)
{
    return !strcmp(type, "image/png") || !strcmp(type, "image/jpeg") || !strcmp(type, "image/gif") ||
           !strcmp(type, "image/webp");
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    uint8_t *exact = malloc(size ? size : 1);
    if (!exact)
        return 0;
    if (size)
        memcpy(exact, data, size);
    view_t bytes = view_of(exact, size);
    struct file_type found = file_type_of(bytes);
    assert(!found.type || s_is_known(found.type));
    assert((found.width == 0) == (found.height == 0) && (found.type || !found.width));
    assert(found.width <= LIM_FILE_SIDE_MAX && found.height <= LIM_FILE_SIDE_MAX);
    struct file_type shorter = file_type_of(view_of(exact, size / 2));
    assert(!shorter.type || shorter.type == found.type);
    view_t said = file_type_said(bytes);
    assert(said.len > 0 && said.len <= LIM_FILE_TYPE_BYTES_MAX && memchr(said.bytes, '/', said.len));
    assert(said.len < 6 || memcmp(said.bytes, "image/", 6) != 0);
    if (file_name_is_sound(bytes))
        assert(size <= LIM_FILE_NAME_BYTES_MAX && !memchr(exact, '/', size) && !memchr(exact, '\n', size));
    free(exact);
    return 0;
}
