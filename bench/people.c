#include "bench/people.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>

#include "proto/limits.h"

enum { COMMAND_BYTES = 4096 };

static bool s_succeeded(FILE *pipe, const char *what)
{
    int status = pclose(pipe);
    if (WIFEXITED(status) && WEXITSTATUS(status) == 0)
        return true;
    fprintf(stderr, "bench: rookery %s failed\n", what);
    return false;
}

bool people_import(const char *program, uint64_t first, uint32_t count)
{
    char command[COMMAND_BYTES];
    snprintf(command, sizeof command, "'%s' users import - >/dev/null", program);
    FILE *pipe = popen(command, "we");
    if (!pipe)
        return false;
    fputs("name,admin\n", pipe);
    for (uint32_t i = 0; i < count; i++)
        fprintf(pipe, "bench%" PRIu64 ",%d\n", first + i, first + i == 0);
    return s_succeeded(pipe, "users import");
}

static bool s_read_tokens(FILE *pipe, uint32_t count, struct people *out)
{
    size_t size = (size_t)count * (LIM_TOKEN_BYTES_MAX + 2), len = 0;
    out->bytes = malloc(size);
    out->tokens = calloc(count, sizeof *out->tokens);
    if (!out->bytes || !out->tokens)
        return false;
    for (out->count = 0; out->count < count; out->count++) {
        char *line = out->bytes + len;
        if (!fgets(line, LIM_TOKEN_BYTES_MAX + 2, pipe))
            return false;
        line[strcspn(line, "\n")] = '\0';
        out->tokens[out->count] = line;
        len += strlen(line) + 1;
    }
    return true;
}

bool people_sign_in(const char *program, uint64_t first, uint32_t count, struct people *out)
{
    char command[COMMAND_BYTES];
    *out = (struct people){0};
    snprintf(command, sizeof command, "'%s' token new 'bench%%' --count %" PRIu32 " --first %" PRIu64, program, count,
             first);
    FILE *pipe = popen(command, "re");
    bool ok = pipe && s_read_tokens(pipe, count, out);
    ok = pipe && s_succeeded(pipe, "token new") && ok;
    if (!ok)
        people_fini(out);
    return ok;
}

void people_fini(struct people *self)
{
    free(self->tokens);
    free(self->bytes);
    *self = (struct people){0};
}
