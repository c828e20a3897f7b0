/* fuzz_replay — runs a fuzz target once over every file of the corpus folders named on the command line.
 * So the corpus is a plain test in every build; the fuzz build links libFuzzer in its place. */
#include <dirent.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

enum { INPUT_BYTES_MAX = 1 << 20 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static int s_replay_file(const char *path)
{
    FILE *file = fopen(path, "rb");
    if (!file)
        return -1;
    uint8_t *data = malloc(INPUT_BYTES_MAX);
    size_t size = data ? fread(data, 1, INPUT_BYTES_MAX, file) : 0;
    fclose(file);
    if (!data)
        return -1;
    /* A copy of the exact size, so that a sanitizer sees a read past the end. */
    uint8_t *exact = size > 0 ? realloc(data, size) : data;
    LLVMFuzzerTestOneInput(exact, size);
    free(exact);
    return 0;
}

static int s_replay_folder(const char *folder)
{
    DIR *dir = opendir(folder);
    if (!dir)
        return -1;
    int count = 0;
    for (struct dirent *entry = readdir(dir); entry; entry = readdir(dir)) {
        char path[4096];
        struct stat info;
        int len = snprintf(path, sizeof path, "%s/%s", folder, entry->d_name);
        if (len <= 0 || (size_t)len >= sizeof path || stat(path, &info) || !S_ISREG(info.st_mode))
            continue;
        if (s_replay_file(path)) {
            closedir(dir);
            return -1;
        }
        count++;
    }
    closedir(dir);
    return count;
}

int main(int argc, char **argv)
{
    int total = 0;
    for (int index = 1; index < argc; index++) {
        int count = s_replay_folder(argv[index]);
        if (count < 0) {
            fprintf(stderr, "cannot read the corpus %s\n", argv[index]);
            return 1;
        }
        total += count;
    }
    LLVMFuzzerTestOneInput((const uint8_t *)"", 0);
    printf("%d inputs replayed\n", total);
    return total > 0 ? 0 : 1;    /* an empty corpus proves nothing */
}
