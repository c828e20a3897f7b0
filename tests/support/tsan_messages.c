/* tsan_messages — tells ThreadSanitizer what it cannot see in a libzmq that was built without it: whoever receives a
 * message comes after whoever sent it. The key is the message's own bytes, so that no other threads become ordered by it.
 * Linked into every program of the tsan build; libczmq finds these functions before libzmq's own too. */
#include <dlfcn.h>
#include <sanitizer/tsan_interface.h>
#include <stdint.h>
#include <zmq.h>

enum { KEYS = 1 << 14, BYTES_MAX = 256 };

typedef int send_or_recv_t(zmq_msg_t *msg, void *socket, int flags);

/* By name, from behind this program. */
static send_or_recv_t *s_real(const char *name)
{
    union {
        void *object;
        send_or_recv_t *function;
    } found = {.object = dlsym(RTLD_NEXT, name)};
    return found.function;
}

/* Unseen: the receiver looks before it may. */
__attribute__((no_sanitize("thread"))) static void *s_key(zmq_msg_t *msg)
{
    static char keys[KEYS];
    const uint8_t *bytes = zmq_msg_data(msg);
    size_t len = zmq_msg_size(msg);
    uint64_t hash = len;
    for (size_t i = 0; i < len && i < BYTES_MAX; i++)
        hash = (hash ^ bytes[i]) * UINT64_C(0x100000001b3);
    return &keys[(hash >> 20) % KEYS];
}

int zmq_msg_send(zmq_msg_t *msg, void *socket, int flags)
{
    __tsan_release(s_key(msg));
    return s_real("zmq_msg_send")(msg, socket, flags);
}

int zmq_msg_recv(zmq_msg_t *msg, void *socket, int flags)
{
    int len = s_real("zmq_msg_recv")(msg, socket, flags);
    if (len >= 0)
        __tsan_acquire(s_key(msg));
    return len;
}

/* What libczmq calls. */
int zmq_sendmsg(void *socket, zmq_msg_t *msg, int flags)
{
    return zmq_msg_send(msg, socket, flags);
}

int zmq_recvmsg(void *socket, zmq_msg_t *msg, int flags)
{
    return zmq_msg_recv(msg, socket, flags);
}
