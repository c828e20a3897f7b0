#include "actors/runtime/keys.h"

#include <czmq.h>
#include <dirent.h>
#include <pthread.h>
#include <sodium.h>

#include "actors/runtime/clock.h"
#include "actors/runtime/log.h"
#include "proto/limits.h"

enum {
    Z85_CHARS = 40, /* of 32 bytes */
    PATH_BYTES_MAX = 4096,
    READ_AGAIN_MS = 200, /* a stranger who knocks all the time must not keep us reading files */
    ROUTE_TAG_BYTES = KEY_ROUTE_BYTES - 8,
};

struct entry {
    address_t node;
    uint8_t public_key[KEY_CURVE_BYTES];
};

static struct {
    pthread_mutex_t lock;
    bool is_open, is_plain;
    char dir[PATH_BYTES_MAX];
    int64_t read_ms; /* 0: never */
    size_t count;
    struct entry entries[LIM_NODES_MAX];
} s_keys = {.lock = PTHREAD_MUTEX_INITIALIZER};

/* ---- names ------------------------------------------------------------------------------------------------------- */

void keys_print_node(address_t node, char text_out[ADDRESS_TEXT_MAX])
{
    address_print(node, text_out);
    char *slash = strchr(text_out, '/');
    if (slash)
        *slash = '-';
}

bool keys_parse_node(const char *text, address_t *node_out)
{
    char name[ADDRESS_TEXT_MAX], again[ADDRESS_TEXT_MAX];
    if (strlen(text) >= sizeof name || strchr(text, '/'))
        return false;
    snprintf(name, sizeof name, "%s", text);
    char *dash = strchr(name, '-');
    if (!dash)
        return false;
    *dash = '/';
    if (!address_parse(name, node_out))
        return false;
    keys_print_node(*node_out, again); /* one name for a node: no "room-00" */
    return streq(again, text);
}

/* ---- files ------------------------------------------------------------------------------------------------------- */

/* Whole or not at all, and never readable by others for a moment. */
static err_t s_write(const char *dir, const char *node, const char *suffix, mode_t mode, const char *z85)
{
    char path[PATH_BYTES_MAX], new_path[PATH_BYTES_MAX];
    if (snprintf(path, sizeof path, "%s/%s.%s", dir, node, suffix) >= (int)sizeof path - 4)
        return ERR_TOO_LARGE;
    snprintf(new_path, sizeof new_path, "%.*s.new", (int)sizeof new_path - 5, path);
    (void)unlink(new_path);
    int fd = open(new_path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    char line[Z85_CHARS + 2];
    int len = snprintf(line, sizeof line, "%s\n", z85);
    bool ok = fd >= 0 && write(fd, line, (size_t)len) == len && fchmod(fd, mode) == 0 && fsync(fd) == 0;
    int error = errno;
    explicit_bzero(line, sizeof line);
    if (fd >= 0)
        close(fd);
    if (ok && rename(new_path, path) == 0)
        return ERR_OK;
    log_error("cannot write a key: path=%s why=%s", path, strerror(ok ? errno : error));
    (void)unlink(new_path);
    return ERR_INTERNAL;
}

static err_t s_read(const char *dir, const char *node, const char *suffix, uint8_t key_out[KEY_CURVE_BYTES])
{
    char path[PATH_BYTES_MAX], line[Z85_CHARS + 2];
    if (snprintf(path, sizeof path, "%s/%s.%s", dir, node, suffix) >= (int)sizeof path)
        return ERR_TOO_LARGE;
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    ssize_t len = fd < 0 ? -1 : read(fd, line, sizeof line);
    if (fd >= 0)
        close(fd);
    bool ok = len == Z85_CHARS || (len == Z85_CHARS + 1 && line[Z85_CHARS] == '\n');
    if (ok) {
        line[Z85_CHARS] = '\0';
        ok = zmq_z85_decode(key_out, line) != NULL;
    }
    explicit_bzero(line, sizeof line);
    return ok ? ERR_OK : ERR_NOT_FOUND;
}

/* Each folder of the path, as `mkdir -p` does. */
static err_t s_make_dir(const char *dir)
{
    char path[PATH_BYTES_MAX];
    if (snprintf(path, sizeof path, "%s", dir) >= (int)sizeof path)
        return ERR_TOO_LARGE;
    for (char *at = path + 1;; at++) {
        if (*at != '/' && *at != '\0')
            continue;
        char end = *at;
        *at = '\0';
        if (mkdir(path, 0700) != 0 && errno != EEXIST) {
            log_error("cannot make the folder of keys: path=%s why=%s", path, strerror(errno));
            return ERR_INTERNAL;
        }
        if (end == '\0')
            return ERR_OK;
        *at = end;
    }
}

err_t keys_make(const char *dir, const char *node)
{
    address_t address;
    uint8_t secret_key[KEY_CURVE_BYTES];
    char public_z85[Z85_CHARS + 1], secret_z85[Z85_CHARS + 1];
    if (!keys_parse_node(node, &address))
        return ERR_OUT_OF_RANGE;
    err_t err = s_make_dir(dir);
    if (err)
        return err;
    bool has_secret = s_read(dir, node, "secret", secret_key) == ERR_OK;
    bool has_public = s_read(dir, node, "public", secret_key) == ERR_OK;
    if (has_public) {
        explicit_bzero(secret_key, sizeof secret_key);
        return ERR_CONFLICT; /* with or without its secret: that may be elsewhere */
    }
    int rc;
    if (has_secret) { /* interrupted between the two */
        rc = s_read(dir, node, "secret", secret_key) || !zmq_z85_encode(secret_z85, secret_key, sizeof secret_key) ||
             zmq_curve_public(public_z85, secret_z85) != 0;
    } else {
        rc = zmq_curve_keypair(public_z85, secret_z85);
    }
    err = rc == 0 ? ERR_OK : ERR_INTERNAL;
    if (!err && !has_secret)
        err = s_write(dir, node, "secret", 0600, secret_z85);
    if (!err)
        err = s_write(dir, node, "public", 0644, public_z85);
    explicit_bzero(secret_key, sizeof secret_key);
    explicit_bzero(secret_z85, sizeof secret_z85);
    return err;
}

/* ---- the allow list ------------------------------------------------------------------------------------------------ */

static bool s_has_key(const uint8_t public_key[KEY_CURVE_BYTES])
{
    for (size_t i = 0; i < s_keys.count; i++)
        if (memcmp(s_keys.entries[i].public_key, public_key, KEY_CURVE_BYTES) == 0)
            return true;
    return false;
}

/* One file name of the folder; what is no "NODE.public" with a key of its own is nobody's. */
static void s_add(const char *file)
{
    struct entry entry;
    char node[ADDRESS_TEXT_MAX];
    size_t len = strlen(file);
    if (len < 8 || len - 7 >= sizeof node || !streq(file + len - 7, ".public"))
        return;
    snprintf(node, sizeof node, "%.*s", (int)(len - 7), file);
    if (!keys_parse_node(node, &entry.node) || s_read(s_keys.dir, node, "public", entry.public_key))
        log_warn("not a public key of a node: file=%s", file);
    else if (s_has_key(entry.public_key))
        log_error("a key is one node's only: file=%s has another node's", file);
    else if (s_keys.count < LIM_NODES_MAX)
        s_keys.entries[s_keys.count++] = entry;
}

static void s_read_list(void)
{
    int64_t now_ms = clock_now_ms();
    if (s_keys.read_ms && now_ms - s_keys.read_ms < READ_AGAIN_MS)
        return;
    s_keys.read_ms = now_ms;
    s_keys.count = 0;
    DIR *dir = opendir(s_keys.dir);
    if (!dir)
        return;
    for (struct dirent *file; (file = readdir(dir));)
        if (file->d_name[0] != '.')
            s_add(file->d_name);
    closedir(dir);
}

err_t keys_open(const char *dir)
{
    if (sodium_init() < 0)
        return ERR_INTERNAL;
    pthread_mutex_lock(&s_keys.lock);
    bool fits = snprintf(s_keys.dir, sizeof s_keys.dir, "%s", dir) < (int)sizeof s_keys.dir;
    s_keys.is_open = fits;
    s_keys.read_ms = 0;
    s_keys.count = 0;
    pthread_mutex_unlock(&s_keys.lock);
    return fits ? ERR_OK : ERR_TOO_LARGE;
}

void keys_close(void)
{
    pthread_mutex_lock(&s_keys.lock);
    s_keys.is_open = false;
    pthread_mutex_unlock(&s_keys.lock);
}

bool keys_are_open(void)
{
    pthread_mutex_lock(&s_keys.lock);
    bool is_open = s_keys.is_open;
    pthread_mutex_unlock(&s_keys.lock);
    return is_open;
}

void keys_allow_plain(bool allow)
{
    pthread_mutex_lock(&s_keys.lock);
    s_keys.is_plain = allow;
    pthread_mutex_unlock(&s_keys.lock);
}

bool keys_is_plain(void)
{
    pthread_mutex_lock(&s_keys.lock);
    bool is_plain = s_keys.is_plain && !s_keys.is_open;
    pthread_mutex_unlock(&s_keys.lock);
    return is_plain;
}

err_t keys_own(address_t node, struct key_pair *pair_out)
{
    char name[ADDRESS_TEXT_MAX];
    keys_print_node(node, name);
    pthread_mutex_lock(&s_keys.lock);
    err_t err = s_keys.is_open ? s_read(s_keys.dir, name, "secret", pair_out->secret_key) : ERR_NOT_FOUND;
    if (err)
        log_error("no key of our own: want=%s/%s.secret (rookery keys new %s)", s_keys.dir, name, name);
    pthread_mutex_unlock(&s_keys.lock);
    if (!err && crypto_scalarmult_base(pair_out->public_key, pair_out->secret_key) != 0)
        err = ERR_INTERNAL;
    return err;
}

err_t keys_of(address_t node, uint8_t public_key_out[KEY_CURVE_BYTES])
{
    char name[ADDRESS_TEXT_MAX];
    keys_print_node(node, name);
    pthread_mutex_lock(&s_keys.lock);
    err_t err = s_keys.is_open ? s_read(s_keys.dir, name, "public", public_key_out) : ERR_NOT_FOUND;
    if (err)
        log_error("no key of a peer: want=%s/%s.public, a copy of its own", s_keys.dir, name);
    pthread_mutex_unlock(&s_keys.lock);
    return err;
}

address_t keys_owner(const uint8_t public_key[KEY_CURVE_BYTES])
{
    address_t node = 0;
    pthread_mutex_lock(&s_keys.lock);
    if (s_keys.is_open)
        s_read_list();
    for (size_t i = 0; s_keys.is_open && i < s_keys.count; i++)
        if (memcmp(s_keys.entries[i].public_key, public_key, KEY_CURVE_BYTES) == 0)
            node = s_keys.entries[i].node;
    pthread_mutex_unlock(&s_keys.lock);
    return node;
}

/* ---- routing ids ----------------------------------------------------------------------------------------------------- */

err_t keys_route(address_t client, const struct key_pair *own, const uint8_t other[KEY_CURVE_BYTES],
                 uint8_t route_out[KEY_ROUTE_BYTES])
{
    static const char purpose[] = "rookery routing id";
    uint8_t shared[crypto_box_BEFORENMBYTES], input[8 + sizeof purpose];
    address_t stable = address_stable(client);
    for (int i = 0; i < 8; i++)
        input[i] = route_out[i] = (uint8_t)(stable >> (56 - 8 * i));
    memcpy(input + 8, purpose, sizeof purpose);
    bool ok = crypto_box_beforenm(shared, other, own->secret_key) == 0 &&
              crypto_generichash(route_out + 8, ROUTE_TAG_BYTES, input, sizeof input, shared, sizeof shared) == 0;
    explicit_bzero(shared, sizeof shared);
    return ok ? ERR_OK : ERR_INTERNAL;
}
