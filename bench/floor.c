#include "bench/floor.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { FRAME_BYTES_MAX = 1024, BACKLOG = 128, LINE_BYTES = 1024 };

/* Parent to child. count 0: tell what was spent. */
struct s_order {
    uint32_t first, count, len;
    uint8_t frame[FRAME_BYTES_MAX];
};
struct s_report {
    uint64_t ns, sends;
};

struct floor_sender {
    pid_t pid;
    int port, orders;
    uint64_t *seqs; /* of each room's last event */
    uint32_t rooms;
    buffer_t event;
};

/* ---- the child ----------------------------------------------------------------------------------------------- */

static uint64_t s_thread_ns(void)
{
    struct timespec t;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
    return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

/* Takes a client in without looking at what it asks for. */
static int s_take(int listener)
{
    static const char yes[] = "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n";
    char line[LINE_BYTES];
    int fd = accept4(listener, NULL, NULL, SOCK_CLOEXEC), one = 1;
    if (fd < 0 || recv(fd, line, sizeof line, 0) <= 0)
        _exit(1);
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    if (send(fd, yes, sizeof yes - 1, MSG_NOSIGNAL) != (ssize_t)(sizeof yes - 1))
        _exit(1);
    return fd;
}

static void s_child(int listener, int orders, uint32_t sockets)
{
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    prctl(PR_SET_NAME, "bench floor");
    int *fds = calloc(sockets, sizeof *fds);
    if (!fds)
        _exit(1);
    for (uint32_t i = 0; i < sockets; i++)
        fds[i] = s_take(listener);
    struct s_report report = {0};
    struct s_order order;
    while (recv(orders, &order, sizeof order, 0) > 0) {
        if (order.count == 0) {
            send(orders, &report, sizeof report, MSG_NOSIGNAL);
            report = (struct s_report){0};
            continue;
        }
        uint64_t start_ns = s_thread_ns();
        for (uint32_t i = order.first; i < order.first + order.count; i++)
            if (send(fds[i], order.frame, order.len, MSG_DONTWAIT | MSG_NOSIGNAL) != (ssize_t)order.len)
                _exit(1); /* lockstep: nobody can be behind */
        report.ns += s_thread_ns() - start_ns;
        report.sends += order.count;
    }
    _exit(0);
}

/* ---- the parent ---------------------------------------------------------------------------------------------- */

static int s_listen(int *port_out)
{
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    struct sockaddr_in at = {.sin_family = AF_INET};
    socklen_t len = sizeof at;
    at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    if (fd < 0 || bind(fd, (struct sockaddr *)&at, sizeof at) != 0 || listen(fd, BACKLOG) != 0 ||
        getsockname(fd, (struct sockaddr *)&at, &len) != 0) {
        if (fd >= 0)
            close(fd);
        return -1;
    }
    *port_out = ntohs(at.sin_port);
    return fd;
}

floor_sender_t *floor_new(uint32_t sockets)
{
    floor_sender_t *self = calloc(1, sizeof *self);
    int pair[2] = {-1, -1}, listener = self ? s_listen(&self->port) : -1;
    if (listener < 0 || socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) != 0)
        goto fail;
    self->seqs = calloc(sockets, sizeof *self->seqs);
    self->rooms = sockets;
    buffer_init(&self->event, FRAME_BYTES_MAX);
    self->pid = self->seqs ? fork() : -1;
    if (self->pid < 0)
        goto fail;
    if (self->pid == 0) {
        close(pair[0]);
        s_child(listener, pair[1], sockets);
    }
    close(listener);
    close(pair[1]);
    self->orders = pair[0];
    return self;
fail:
    if (listener >= 0)
        close(listener);
    if (pair[0] >= 0) {
        close(pair[0]);
        close(pair[1]);
    }
    if (self)
        free(self->seqs);
    free(self);
    return NULL;
}

void floor_destroy(floor_sender_t **self_p)
{
    floor_sender_t *self = *self_p;
    if (!self)
        return;
    close(self->orders);
    kill(self->pid, SIGKILL);
    waitpid(self->pid, NULL, 0);
    buffer_fini(&self->event);
    free(self->seqs);
    free(self);
    *self_p = NULL;
}

int floor_port(const floor_sender_t *self)
{
    return self->port;
}

/* The event as a server would encode it: same fields, numbers of the same size. */
static bool s_encode(floor_sender_t *self, const struct msg_event *head)
{
    buffer_t body;
    buffer_init(&body, FRAME_BYTES_MAX);
    struct kind_posted posted = {.text = crowd_text(CROWD_TEXT_BYTES)};
    struct msg msg = {.type = MSG_EVENT};
    err_t err = kind_encode(KIND_POSTED, &posted, &body);
    msg.as.event = *head;
    msg.as.event.kind = KIND_POSTED;
    msg.as.event.body = buffer_view(&body);
    buffer_clear(&self->event);
    if (!err)
        err = msg_encode(&msg, &self->event);
    buffer_fini(&body);
    return !err && self->event.len + 4 <= FRAME_BYTES_MAX && self->event.len >= 126;
}

bool floor_post(floor_sender_t *self, crowd_t *crowd, struct ledger *ledger, uint32_t room, int64_t due_ns)
{
    uint32_t per_room = crowd_per_room(crowd);
    struct msg_event event = {.room = ID_MAX / 2 + room, .user = ID_MAX / 2, .seq = ++self->seqs[room]};
    struct timespec utc;
    clock_gettime(CLOCK_REALTIME, &utc);
    event.at_ms = (uint64_t)utc.tv_sec * 1000;
    event.msg_no = event.seq;
    ledger_post(ledger, room, per_room, due_ns, &event.client_id);
    if (!s_encode(self, &event))
        return false;
    struct s_order order = {.first = room * per_room, .count = per_room, .len = (uint32_t)self->event.len + 4};
    const uint8_t head[4] = {0x82, 126, (uint8_t)(self->event.len >> 8), (uint8_t)self->event.len};
    memcpy(order.frame, head, sizeof head);
    memcpy(order.frame + sizeof head, self->event.bytes, self->event.len);
    ledger_forget_answers(ledger);
    return send(self->orders, &order, sizeof order, MSG_NOSIGNAL) == (ssize_t)sizeof order;
}

bool floor_spent(floor_sender_t *self, uint64_t *ns_out, uint64_t *sends_out)
{
    struct s_order ask = {.count = 0};
    struct s_report report;
    if (send(self->orders, &ask, sizeof ask, MSG_NOSIGNAL) != (ssize_t)sizeof ask ||
        recv(self->orders, &report, sizeof report, 0) != (ssize_t)sizeof report)
        return false;
    *ns_out = report.ns;
    *sends_out = report.sends;
    return true;
}
