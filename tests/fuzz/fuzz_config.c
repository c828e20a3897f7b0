/* fuzz_config — options from anywhere: the first byte says whether the rest is flags (a word each line), environment
 * (NAME=VALUE each line) or a ZPL file. Whatever is accepted keeps the bounds of its row and prints. */
#include <assert.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "actors/runtime/config.h"

enum { WORDS_MAX = 32, INPUT_BYTES_MAX = 4096 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void s_check(const struct config *config)
{
#define OPTION_INT(field, env, def, min, max, help) assert(config->field >= (min) && config->field <= (max));
#define OPTION_STR(field, env, def, help) assert(config->field);
#define OPTION_SECRET OPTION_STR
#include "actors/runtime/options.def"
#undef OPTION_INT
#undef OPTION_STR
#undef OPTION_SECRET
}

static void s_read(int argc, char **argv)
{
    struct config config;
    char *text = NULL;
    size_t len = 0;
    FILE *out = open_memstream(&text, &len);
    if (!out)
        return;
    err_t err = config_read(&config, argc, argv, out);
    if (!err) {
        s_check(&config);
        config_print(&config, out);
    }
    fclose(out);
    assert(len > 0); /* the settings, or a sentence on what is wrong */
    config_fini(&config);
    free(text);
}

/* The words of a copy of the input, each with its NUL. */
static int s_split(char *text, char **words_out)
{
    int count = 0;
    for (char *at = text; at && *at && count < WORDS_MAX;)
        words_out[count++] = strsep(&at, "\n");
    return count;
}

static void s_read_environment(char **words, int count)
{
    char *argv[] = {(char[]){"serve"}, NULL};
    for (int i = 0; i < count; i++) {
        char *equals = strchr(words[i], '=');
        if (equals && equals > words[i]) {
            *equals = '\0';
            setenv(words[i], equals + 1, 1);
        }
    }
    s_read(1, argv);
    clearenv();
}

static void s_read_file(const char *text, size_t len)
{
    char path[32], *argv[] = {(char[]){"serve"}, (char[]){"--config"}, path, NULL};
    static int file = -1;
    if (file < 0)
        file = memfd_create("config", MFD_CLOEXEC);
    if (file < 0 || ftruncate(file, 0) || pwrite(file, text, len, 0) != (ssize_t)len)
        return;
    snprintf(path, sizeof path, "/proc/self/fd/%d", file);
    s_read(3, argv);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char text[INPUT_BYTES_MAX + 1], *words[WORDS_MAX + 2] = {(char[]){"serve"}};
    if (size < 1 || size > INPUT_BYTES_MAX)
        return 0;
    memcpy(text, data + 1, size - 1);
    text[size - 1] = '\0';
    /* Some values name files: not those that wait for somebody, nor those that never end. */
    if (memmem(data, size, "/dev", 4) || memmem(data, size, "/proc", 5))
        return 0;
    if (data[0] == 'f')
        s_read(1 + s_split(text, words + 1), words);
    else if (data[0] == 'e')
        s_read_environment(words + 1, s_split(text, words + 1));
    else if (data[0] == 'z')
        s_read_file(text, size - 1);
    return 0;
}
