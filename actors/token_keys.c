#include "actors/token_keys.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <openssl/crypto.h>

#include "actors/runtime/log.h"

enum { PATH_BYTES_MAX = 1024 };

static err_t s_fail(const char *what, const char *path)
{
    log_error("keys: cannot %s: path=%s error=%s", what, path, strerror(errno));
    return ERR_INTERNAL;
}

static err_t s_make_folder(const char *path)
{
    if (mkdir(path, 0700) == 0 || errno == EEXIST)
        return ERR_OK;
    return s_fail("make folder", path);
}

static err_t s_write_all(int fd, const uint8_t *bytes, size_t len)
{
    while (len > 0) {
        ssize_t n = write(fd, bytes, len);
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return ERR_INTERNAL;
        bytes += n;
        len -= (size_t)n;
    }
    return fsync(fd) == 0 ? ERR_OK : ERR_INTERNAL;
}

/* link() rather than rename(): whoever comes second keeps the first one's secret. */
static err_t s_create(const char *folder, const char *path, token_keys_make_fn make, uint8_t *scratch, size_t cap)
{
    size_t len = 0;
    err_t err = make(scratch, cap, &len);
    if (err)
        return err;
    char draft[PATH_BYTES_MAX];
    int printed = snprintf(draft, sizeof draft, "%s.%ld", path, (long)getpid());
    if (printed < 0 || (size_t)printed >= sizeof draft) {
        errno = ENAMETOOLONG;
        return s_fail("make", path);
    }
    (void)unlink(draft); /* of a former process with our id */
    int fd = open(draft, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
    if (fd < 0)
        return s_fail("make", draft);
    err = s_write_all(fd, scratch, len);
    if (err)
        err = s_fail("write", draft);
    (void)close(fd);
    if (!err && link(draft, path) != 0 && errno != EEXIST)
        err = s_fail("make", path);
    (void)unlink(draft);
    int folder_fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (folder_fd >= 0) { /* without it, a power cut may forget the new name */
        (void)fsync(folder_fd);
        (void)close(folder_fd);
    }
    return err;
}

static err_t s_check_mode(int fd, const char *path)
{
    struct stat st;
    if (fstat(fd, &st) != 0)
        return s_fail("read", path);
    if (S_ISREG(st.st_mode) && (st.st_mode & 077) == 0)
        return ERR_OK;
    log_error("keys: refused: path=%s mode=%o; must be a file that only its owner can read (chmod 600)", path,
              (unsigned)st.st_mode & 07777);
    return ERR_INTERNAL;
}

static err_t s_read_all(int fd, const char *path, uint8_t *out, size_t cap, size_t *len_out)
{
    size_t len = 0;
    while (len < cap) {
        ssize_t n = read(fd, out + len, cap - len);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return s_fail("read", path);
        if (n == 0)
            break;
        len += (size_t)n;
    }
    if (len == 0 || len == cap) {
        errno = len ? EFBIG : ENODATA;
        return s_fail("use", path);
    }
    *len_out = len;
    return ERR_OK;
}

err_t token_keys_get(const char *var_folder, const char *name, token_keys_make_fn make, uint8_t *secret_out,
                     size_t cap, size_t *len_out)
{
    char folder[PATH_BYTES_MAX], path[PATH_BYTES_MAX];
    int a = snprintf(folder, sizeof folder, "%s/keys", var_folder);
    int b = snprintf(path, sizeof path, "%s/keys/%s", var_folder, name);
    if (a < 0 || b < 0 || (size_t)b >= sizeof path) {
        errno = ENAMETOOLONG;
        return s_fail("name", var_folder);
    }
    err_t err = s_make_folder(var_folder);
    if (!err)
        err = s_make_folder(folder);
    if (!err && access(path, F_OK) != 0)
        err = s_create(folder, path, make, secret_out, cap);
    if (err)
        goto cleanup;
    int fd = open(path, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
    if (fd < 0) {
        err = s_fail("open", path);
        goto cleanup;
    }
    err = s_check_mode(fd, path);
    if (!err)
        err = s_read_all(fd, path, secret_out, cap, len_out);
    (void)close(fd);
cleanup:
    if (err)
        OPENSSL_cleanse(secret_out, cap);
    return err;
}

bool token_keys_is_there(const char *var_folder, const char *name)
{
    char path[PATH_BYTES_MAX];
    int len = snprintf(path, sizeof path, "%s/keys/%s", var_folder, name);
    return len > 0 && (size_t)len < sizeof path && access(path, F_OK) == 0;
}
