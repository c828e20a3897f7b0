#include "persist/work.h"

#include <assert.h>
#include <errno.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <czmq.h>

#include "actors/runtime/log.h"
#include "proto/messages.h"

enum {
    ANSWERS_HWM = 1024, /* of each side */
    ANSWER_SEND_MS = 5000,
};

struct work_queue {
    pthread_mutex_t lock; /* guards all below */
    pthread_cond_t wake;
    struct job *first, *last;
    size_t count, bytes, jobs_max, bytes_max;
    bool is_closed;
};

void job_destroy(struct job **self_p)
{
    free(*self_p);
    *self_p = NULL;
}

view_t job_body(const struct job *self)
{
    return view_of(self->body, self->len);
}

work_queue_t *work_queue_new(size_t jobs_max, size_t bytes_max)
{
    work_queue_t *self = calloc(1, sizeof *self);
    if (!self)
        return NULL;
    self->jobs_max = jobs_max;
    self->bytes_max = bytes_max;
    pthread_condattr_t attributes;
    pthread_condattr_init(&attributes);
    pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
    pthread_mutex_init(&self->lock, NULL);
    pthread_cond_init(&self->wake, &attributes);
    pthread_condattr_destroy(&attributes);
    return self;
}

void work_queue_destroy(work_queue_t **self_p)
{
    assert(self_p);
    work_queue_t *self = *self_p;
    if (!self)
        return;
    while (self->first) {
        struct job *job = self->first;
        self->first = job->next;
        job_destroy(&job);
    }
    pthread_cond_destroy(&self->wake);
    pthread_mutex_destroy(&self->lock);
    free(self);
    *self_p = NULL;
}

err_t work_queue_push(work_queue_t *self, const struct envelope *env, view_t body, int64_t now_ms)
{
    struct job *job = malloc(sizeof *job + body.len);
    if (!job)
        return ERR_NO_MEMORY;
    *job = (struct job){.env = *env, .came_ms = now_ms, .len = body.len};
    memcpy(job->body, body.bytes, body.len);
    pthread_mutex_lock(&self->lock);
    bool fits = !self->is_closed && self->count < self->jobs_max && self->bytes + body.len <= self->bytes_max;
    if (fits) {
        if (self->last)
            self->last->next = job;
        else
            self->first = job;
        self->last = job;
        self->count++;
        self->bytes += body.len;
        pthread_cond_signal(&self->wake);
    }
    pthread_mutex_unlock(&self->lock);
    if (!fits)
        job_destroy(&job);
    return fits ? ERR_OK : ERR_OVERLOADED;
}

/* Under the lock. */
static struct job *s_pop(work_queue_t *self)
{
    struct job *job = self->first;
    self->first = job->next;
    if (!self->first)
        self->last = NULL;
    self->count--;
    self->bytes -= job->len;
    job->next = NULL;
    return job;
}

struct job *work_queue_take_older(work_queue_t *self, int64_t than_ms)
{
    pthread_mutex_lock(&self->lock);
    struct job *job = self->first && self->first->came_ms < than_ms ? s_pop(self) : NULL;
    pthread_mutex_unlock(&self->lock);
    return job;
}

void work_queue_close(work_queue_t *self)
{
    pthread_mutex_lock(&self->lock);
    self->is_closed = true;
    pthread_cond_broadcast(&self->wake);
    pthread_mutex_unlock(&self->lock);
}

static struct timespec s_after(int64_t delay_ms)
{
    struct timespec at;
    clock_gettime(CLOCK_MONOTONIC, &at);
    at.tv_sec += (time_t)(delay_ms / 1000);
    at.tv_nsec += (long)(delay_ms % 1000) * 1000000L;
    if (at.tv_nsec >= 1000000000L) {
        at.tv_nsec -= 1000000000L;
        at.tv_sec++;
    }
    return at;
}

struct job *work_queue_take(work_queue_t *self, int wait_ms)
{
    struct timespec until = s_after(wait_ms);
    pthread_mutex_lock(&self->lock);
    while (!self->first && !self->is_closed)
        if (pthread_cond_timedwait(&self->wake, &self->lock, &until) == ETIMEDOUT)
            break;
    struct job *job = self->first ? s_pop(self) : NULL;
    pthread_mutex_unlock(&self->lock);
    return job;
}

struct job *work_queue_take_if(work_queue_t *self, bool (*fits)(void *context, const struct job *job), void *context)
{
    pthread_mutex_lock(&self->lock);
    struct job *job = self->first && fits(context, self->first) ? s_pop(self) : NULL;
    pthread_mutex_unlock(&self->lock);
    return job;
}

bool work_queue_pause(work_queue_t *self, int64_t delay_ms)
{
    struct timespec until = s_after(delay_ms);
    pthread_mutex_lock(&self->lock);
    while (!self->is_closed)
        if (pthread_cond_timedwait(&self->wake, &self->lock, &until) == ETIMEDOUT)
            break;
    bool goes_on = !self->is_closed;
    pthread_mutex_unlock(&self->lock);
    return goes_on;
}

bool work_queue_is_closed(work_queue_t *self)
{
    pthread_mutex_lock(&self->lock);
    bool is_closed = self->is_closed;
    pthread_mutex_unlock(&self->lock);
    return is_closed;
}

size_t work_queue_count(work_queue_t *self)
{
    pthread_mutex_lock(&self->lock);
    size_t count = self->count;
    pthread_mutex_unlock(&self->lock);
    return count;
}

/* ---- answers -------------------------------------------------------------------------------------------------- */

struct answers {
    char endpoint[64];
    zsock_t *socket;
    zmq_msg_t frame; /* the one last taken */
};

struct answer_sender {
    zsock_t *socket;
    buffer_t error;
};

answers_t *answers_new(void)
{
    static atomic_uint number;
    answers_t *self = calloc(1, sizeof *self);
    if (!self)
        return NULL;
    zmq_msg_init(&self->frame);
    snprintf(self->endpoint, sizeof self->endpoint, "inproc://persist-answers-%u", atomic_fetch_add(&number, 1));
    self->socket = zsock_new(ZMQ_PULL);
    if (self->socket) {
        zsock_set_rcvhwm(self->socket, ANSWERS_HWM);
        zsock_set_linger(self->socket, 0);
    }
    if (!self->socket || zsock_bind(self->socket, "%s", self->endpoint) < 0)
        answers_destroy(&self);
    return self;
}

void answers_destroy(answers_t **self_p)
{
    assert(self_p);
    answers_t *self = *self_p;
    if (!self)
        return;
    zmq_msg_close(&self->frame);
    zsock_destroy(&self->socket);
    free(self);
    *self_p = NULL;
}

void *answers_socket(answers_t *self)
{
    return self->socket;
}

bool answers_next(answers_t *self, struct envelope *asked_out, view_t *msg_out)
{
    int len = zmq_msg_recv(&self->frame, zsock_resolve(self->socket), ZMQ_DONTWAIT);
    if (len < 0)
        return false;
    assert((size_t)len >= sizeof *asked_out);
    const uint8_t *bytes = zmq_msg_data(&self->frame);
    memcpy(asked_out, bytes, sizeof *asked_out);
    *msg_out = view_of(bytes + sizeof *asked_out, (size_t)len - sizeof *asked_out);
    return true;
}

answer_sender_t *answer_sender_new(answers_t *answers)
{
    answer_sender_t *self = calloc(1, sizeof *self);
    if (!self)
        return NULL;
    buffer_init(&self->error, LIM_LINK_BODY_BYTES_MAX);
    self->socket = zsock_new(ZMQ_PUSH);
    if (self->socket) {
        zsock_set_sndhwm(self->socket, ANSWERS_HWM);
        zsock_set_sndtimeo(self->socket, ANSWER_SEND_MS);
        zsock_set_linger(self->socket, 0);
    }
    if (!self->socket || zsock_connect(self->socket, "%s", answers->endpoint) < 0)
        answer_sender_destroy(&self);
    return self;
}

void answer_sender_destroy(answer_sender_t **self_p)
{
    assert(self_p);
    answer_sender_t *self = *self_p;
    if (!self)
        return;
    buffer_fini(&self->error);
    zsock_destroy(&self->socket);
    free(self);
    *self_p = NULL;
}

void answer_send(answer_sender_t *self, const struct envelope *asked, view_t encoded_msg)
{
    if (asked->correlation == 0)
        return; /* nobody wants it */
    zmq_msg_t frame;
    if (zmq_msg_init_size(&frame, sizeof *asked + encoded_msg.len) != 0)
        return; /* out of memory: the asker asks again */
    uint8_t *bytes = zmq_msg_data(&frame);
    memcpy(bytes, asked, sizeof *asked);
    memcpy(bytes + sizeof *asked, encoded_msg.bytes, encoded_msg.len);
    int sent;
    do
        sent = zmq_msg_send(&frame, zsock_resolve(self->socket), 0);
    while (sent < 0 && errno == EINTR);
    if (sent < 0) {
        log_warn("an answer was dropped: the actor takes none");
        zmq_msg_close(&frame);
    }
}

void answer_send_error(answer_sender_t *self, const struct envelope *asked, err_t code, uint32_t retry_ms)
{
    struct msg msg = {.type = MSG_ERR};
    msg.as.err = (struct msg_err){.code = code, .scope = view_of_text(msg_name(asked->type)), .retry_ms = retry_ms,
                                  .reason = view_of_text(err_text(code))};
    buffer_clear(&self->error);
    if (msg_encode(&msg, &self->error) == ERR_OK)
        answer_send(self, asked, buffer_view(&self->error));
}
