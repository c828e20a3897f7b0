/* fuzz_users_file — a list of users to import, NDJSON or CSV: every line ends somewhere, and what is called a user has
 * texts that lie where they may be read, none longer than its line. */
#include <assert.h>
#include <stdint.h>
#include <stdio.h>

#include "actors/users_file.h"

enum { LINES_MAX = 64 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static unsigned s_sum(view_t text)
{
    unsigned sum = 0;
    assert(text.len <= USERS_FILE_LINE_BYTES_MAX);
    for (size_t i = 0; i < text.len; i++)
        sum += text.bytes[i];
    return sum;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    FILE *in = size > 0 ? fmemopen((void *)(uintptr_t)data, size, "r") : NULL;
    if (!in)
        return 0;
    users_file_t *file = users_file_new(in, LINES_MAX);
    struct users_file_user user;
    const char *why = NULL;
    users_file_result_t result = USERS_FILE_END;
    unsigned sum = 0;
    while (file && (result = users_file_next(file, &user, &why)) < USERS_FILE_END) {
        assert(users_file_line(file) <= LINES_MAX);
        if (result == USERS_FILE_USER)
            sum += s_sum(user.name) + s_sum(user.password) + s_sum(user.password_hash);
        else
            assert(why && *why);
        assert(result != USERS_FILE_USER || user.name.len > 0);
    }
    users_file_destroy(&file);
    fclose(in);
    assert(sum <= LINES_MAX * 3u * USERS_FILE_LINE_BYTES_MAX * 255u);
    return 0;
}
