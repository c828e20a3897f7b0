/* The web client: its files, read at start into memory, with their precompressed forms, tags and cache rules. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "actors/runtime/log.h"
#include "edge/http.h"
#include "edge/http_static.h"

enum {
    FILES_MAX = 4096,
    FILE_BYTES_MAX = 16 * 1024 * 1024,
    TOTAL_BYTES_MAX = 128 * 1024 * 1024,
    DEPTH_MAX = 8,
    LOOK_AGAIN_MS = 1000,
};

struct form { /* one encoding of a file */
    uint8_t *bytes;
    size_t len;
    char etag[24];
};

struct file {
    char *path; /* "/assets/index-abc.js" */
    struct form plain, br, gzip;
};

struct http_static {
    char *root;
    struct file *files; /* ascending paths */
    size_t count, capacity, bytes;
    struct timespec index_time;
    int64_t look_ms;
};

static const char s_not_built[] =
    "<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\"><title>Rookery</title></head><body>\n"
    "<h1>The web client is not built</h1>\n"
    "<p>Build it with <code>npm ci &amp;&amp; npm run build</code> in <code>web/</code>, or say where it is with\n"
    "<code>ROOKERY_WEB_ROOT</code>. The API works without it.</p></body></html>\n";

/* ---- rules, pure ---- */

const char *http_static_type(const char *path)
{
    static const char *const types[][2] = {
        {".html", "text/html; charset=utf-8"},
        {".js", "text/javascript; charset=utf-8"},
        {".mjs", "text/javascript; charset=utf-8"},
        {".css", "text/css; charset=utf-8"},
        {".json", "application/json"},
        {".map", "application/json"},
        {".webmanifest", "application/manifest+json"},
        {".svg", "image/svg+xml"},
        {".png", "image/png"},
        {".jpg", "image/jpeg"},
        {".webp", "image/webp"},
        {".ico", "image/x-icon"},
        {".woff2", "font/woff2"},
        {".wasm", "application/wasm"},
        {".txt", "text/plain; charset=utf-8"},
    };
    const char *dot = strrchr(path, '.');
    for (size_t i = 0; dot && i < sizeof types / sizeof types[0]; i++)
        if (strcmp(dot, types[i][0]) == 0)
            return types[i][1];
    return "application/octet-stream";
}

bool http_static_is_immutable(const char *path)
{
    return strncmp(path, "/assets/", 8) == 0; /* the bundler puts a hash into these names */
}

bool http_static_is_page(const char *path)
{
    const char *slash = strrchr(path, '/');
    return slash && !strchr(slash, '.');
}

bool http_static_etag_matches(view_t if_none_match, const char *etag)
{
    view_t rest = if_none_match;
    while (rest.len > 0) {
        const uint8_t *comma = memchr(rest.bytes, ',', rest.len);
        size_t len = comma ? (size_t)(comma - rest.bytes) : rest.len;
        view_t one = view_of(rest.bytes, len);
        while (one.len > 0 && one.bytes[0] == ' ')
            one = view_of(one.bytes + 1, one.len - 1);
        if (one.len > 2 && one.bytes[0] == 'W' && one.bytes[1] == '/')
            one = view_of(one.bytes + 2, one.len - 2);
        if (view_is_equal(one, view_of_text(etag)) || view_is_equal(one, view_of_text("*")))
            return true;
        rest = comma ? view_of(comma + 1, rest.len - len - 1) : view_of(NULL, 0);
    }
    return false;
}

/* ---- reading the folder ---- */

static void s_tag(struct form *form, const char *suffix)
{
    uint64_t hash = UINT64_C(0xcbf29ce484222325); /* FNV-1a: tells builds apart, guards nothing */
    for (size_t i = 0; i < form->len; i++)
        hash = (hash ^ form->bytes[i]) * UINT64_C(0x100000001b3);
    snprintf(form->etag, sizeof form->etag, "\"%016" PRIx64 "%s\"", hash, suffix);
}

static bool s_read_file(int folder, const char *name, size_t room, struct form *out)
{
    struct stat info;
    int fd = openat(folder, name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    if (fd < 0)
        return false;
    bool ok = fstat(fd, &info) == 0 && S_ISREG(info.st_mode) && info.st_size <= FILE_BYTES_MAX &&
              (size_t)info.st_size <= room && (out->bytes = malloc((size_t)info.st_size + 1));
    while (ok && out->len < (size_t)info.st_size) {
        ssize_t got = read(fd, out->bytes + out->len, (size_t)info.st_size - out->len);
        ok = got > 0 || (got < 0 && errno == EINTR);
        out->len += got > 0 ? (size_t)got : 0;
    }
    close(fd);
    if (!ok) {
        free(out->bytes);
        *out = (struct form){0};
    }
    return ok;
}

static bool s_grow(struct http_static *self)
{
    if (self->count < self->capacity)
        return true;
    size_t capacity = self->capacity ? self->capacity * 2 : 64;
    struct file *files = realloc(self->files, capacity * sizeof *files);
    if (!files)
        return false;
    self->files = files;
    self->capacity = capacity;
    return true;
}

static bool s_ends_with(const char *text, const char *end)
{
    size_t len = strlen(text), end_len = strlen(end);
    return len > end_len && strcmp(text + len - end_len, end) == 0;
}

static void s_add_file(struct http_static *self, int folder, const char *prefix, const char *name)
{
    char other[300];
    struct file file = {0};
    if (self->count >= FILES_MAX || !s_grow(self))
        return;
    size_t room = TOTAL_BYTES_MAX - self->bytes;
    if (!s_read_file(folder, name, room / 3, &file.plain))
        return;
    snprintf(other, sizeof other, "%s.br", name);
    (void)s_read_file(folder, other, room / 3, &file.br);
    snprintf(other, sizeof other, "%s.gz", name);
    (void)s_read_file(folder, other, room / 3, &file.gzip);
    if (asprintf(&file.path, "%s/%s", prefix, name) < 0) {
        free(file.plain.bytes);
        free(file.br.bytes);
        free(file.gzip.bytes);
        return;
    }
    s_tag(&file.plain, "");
    s_tag(&file.br, "b");
    s_tag(&file.gzip, "g");
    self->bytes += file.plain.len + file.br.len + file.gzip.len;
    self->files[self->count++] = file;
}

static void s_add_folder(struct http_static *self, int folder, const char *prefix, int depth)
{
    DIR *entries = fdopendir(folder); /* takes the descriptor */
    if (!entries) {
        close(folder);
        return;
    }
    struct dirent *entry;
    while ((entry = readdir(entries))) {
        const char *name = entry->d_name;
        struct stat info;
        if (name[0] == '.' || strlen(name) > 255 || fstatat(folder, name, &info, AT_SYMLINK_NOFOLLOW) != 0)
            continue;
        if (S_ISREG(info.st_mode) && !s_ends_with(name, ".br") && !s_ends_with(name, ".gz")) {
            s_add_file(self, folder, prefix, name);
        } else if (S_ISDIR(info.st_mode) && depth < DEPTH_MAX) {
            char path[HTTP_PATH_BYTES_MAX];
            int child = openat(folder, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
            if (child >= 0 && snprintf(path, sizeof path, "%s/%s", prefix, name) < (int)sizeof path)
                s_add_folder(self, child, path, depth + 1);
            else if (child >= 0)
                close(child);
        }
    }
    closedir(entries);
}

static int s_by_path(const void *a, const void *b)
{
    return strcmp(((const struct file *)a)->path, ((const struct file *)b)->path);
}

static struct timespec s_index_time(const char *root)
{
    char path[4096];
    struct stat info;
    snprintf(path, sizeof path, "%s/index.html", root);
    return stat(path, &info) == 0 ? info.st_mtim : (struct timespec){0};
}

static void s_clear(struct http_static *self)
{
    for (size_t i = 0; i < self->count; i++) {
        free(self->files[i].path);
        free(self->files[i].plain.bytes);
        free(self->files[i].br.bytes);
        free(self->files[i].gzip.bytes);
    }
    free(self->files);
    self->files = NULL;
    self->count = self->capacity = self->bytes = 0;
}

static void s_load(struct http_static *self)
{
    s_clear(self);
    self->index_time = s_index_time(self->root);
    int folder = open(self->root, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (folder >= 0)
        s_add_folder(self, folder, "", 0);
    if (self->count > 0)
        qsort(self->files, self->count, sizeof *self->files, s_by_path);
    log_info("web client: files=%zu bytes=%zu", self->count, self->bytes);
}

struct http_static *http_static_new(const char *web_root)
{
    struct http_static *self = calloc(1, sizeof *self);
    if (!self || !(self->root = strdup(web_root))) {
        free(self);
        return NULL;
    }
    s_load(self);
    return self;
}

void http_static_destroy(struct http_static **self_p)
{
    struct http_static *self = *self_p;
    *self_p = NULL;
    if (!self)
        return;
    s_clear(self);
    free(self->root);
    free(self);
}

/* ---- serving ---- */

/* A new build is taken over, but not while an answer still borrows from the old one. */
static void s_look_again(struct http_static *self, const struct edge *edge)
{
    if (edge->now_ms < self->look_ms)
        return;
    self->look_ms = edge->now_ms + LOOK_AGAIN_MS;
    struct timespec now = s_index_time(self->root);
    if (now.tv_sec == self->index_time.tv_sec && now.tv_nsec == self->index_time.tv_nsec)
        return;
    for (const struct http_conn *at = edge->conns; at; at = at->next)
        if (at->body.len > 0)
            return;
    s_load(self);
}

static const struct file *s_find(const struct http_static *self, const char *path)
{
    struct file key = {.path = (char *)(uintptr_t)path};
    return self->count ? bsearch(&key, self->files, self->count, sizeof key, s_by_path) : NULL;
}

static const struct form *s_best_form(const struct file *file, view_t accepted, const char **encoding_out)
{
    *encoding_out = NULL;
    if (file->br.bytes && http_has_token(accepted, "br")) {
        *encoding_out = "br";
        return &file->br;
    }
    if (file->gzip.bytes && http_has_token(accepted, "gzip")) {
        *encoding_out = "gzip";
        return &file->gzip;
    }
    return &file->plain;
}

void http_static_serve(struct http_conn *conn, const struct http_request *request)
{
    struct http_static *self = conn->edge->statics;
    s_look_again(self, conn->edge);
    const char *path = strcmp(request->path, "/") == 0 ? "/index.html" : request->path;
    const struct file *file = s_find(self, path);
    if (!file && http_static_is_page(path))
        file = s_find(self, "/index.html"); /* a route of the client's own */
    if (!file && http_static_is_page(path) && !s_find(self, "/index.html")) {
        http_reply(conn, 200, "text/html; charset=utf-8", view_of_text(s_not_built), "Cache-Control: no-store\r\n");
        return;
    }
    if (!file && strcmp(path, "/index.html") != 0) {
        http_problem(conn, ERR_NOT_FOUND, 0, 0);
        return;
    }
    if (!file) {
        http_reply(conn, 200, "text/html; charset=utf-8", view_of_text(s_not_built), "Cache-Control: no-store\r\n");
        return;
    }
    const char *encoding = NULL;
    const struct form *form = s_best_form(file, request->headers[HTTP_HEADER_ACCEPT_ENCODING], &encoding);
    char headers[256];
    snprintf(headers, sizeof headers, "Cache-Control: %s\r\nETag: %s\r\nVary: Accept-Encoding\r\n%s%s%s",
             http_static_is_immutable(file->path) ? "public, max-age=31536000, immutable" : "no-cache", form->etag,
             encoding ? "Content-Encoding: " : "", encoding ? encoding : "", encoding ? "\r\n" : "");
    bool same = http_static_etag_matches(request->headers[HTTP_HEADER_IF_NONE_MATCH], form->etag);
    http_reply_static(conn, same ? 304 : 200, http_static_type(file->path), view_of(form->bytes, form->len), headers);
}
