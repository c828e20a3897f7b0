/* work — the ways between the persist actor and its threads: bounded queues of jobs, and answers on an inproc socket
 * that the actor's loop polls. The only file of the box that names a socket.
 *
 * A queue and not a socket for the jobs: any free reader takes the next one, the writer looks at the next one before
 * it takes it, and the actor takes back what has waited too long. */
#ifndef ROOKERY_PERSIST_WORK_H
#define ROOKERY_PERSIST_WORK_H

#include <pthread.h>

#include "proto/codec.h"
#include "proto/envelope.h"

/* A message to work on, with its bytes behind it. */
struct job {
    struct job *next;
    struct envelope env;
    int64_t came_ms; /* CLOCK_BOOTTIME */
    size_t len;
    _Alignas(8) uint8_t body[];
};

void job_destroy(struct job **self_p);
view_t job_body(const struct job *self);

typedef struct work_queue work_queue_t;

work_queue_t *work_queue_new(size_t jobs_max, size_t bytes_max); /* NULL: no memory */
void work_queue_destroy(work_queue_t **self_p);                  /* with what waits in it */

/* {actor} Copies the body. ERR_OVERLOADED: full; ERR_NO_MEMORY. */
err_t work_queue_push(work_queue_t *self, const struct envelope *env, view_t body, int64_t now_ms);
/* {actor} Takes the first job if it came before then. The caller's. NULL: none. */
struct job *work_queue_take_older(work_queue_t *self, int64_t than_ms);
/* {actor} No more jobs; work_queue_take still gives those that wait. */
void work_queue_close(work_queue_t *self);

/* {worker} Waits at most wait_ms. The caller's. NULL: none came, or closed and empty. */
struct job *work_queue_take(work_queue_t *self, int wait_ms);
/* {worker} Takes the first job if fits(context, job) says so. NULL: none waits, or it does not fit. */
struct job *work_queue_take_if(work_queue_t *self, bool (*fits)(void *context, const struct job *job), void *context);
/* {worker} Sleeps, but not past the closing. True: go on. */
bool work_queue_pause(work_queue_t *self, int64_t delay_ms);

bool work_queue_is_closed(work_queue_t *self);
size_t work_queue_count(work_queue_t *self); /* waiting */

/* ---- answers -------------------------------------------------------------------------------------------------- */

typedef struct answers answers_t;           /* {actor} */
typedef struct answer_sender answer_sender_t; /* {worker} */

answers_t *answers_new(void); /* NULL: no memory or no socket */
void answers_destroy(answers_t **self_p);
void *answers_socket(answers_t *self); /* a zsock_t for actor_watch */
/* Takes one: the envelope of the question, and the encoded message, borrowed until the next call. */
bool answers_next(answers_t *self, struct envelope *asked_out, view_t *msg_out);

/* {worker} One for each thread. */
answer_sender_t *answer_sender_new(answers_t *answers);
void answer_sender_destroy(answer_sender_t **self_p);
/* Waits while the actor does not keep up; drops the answer when it has not for 5 s (it is stopping). */
void answer_send(answer_sender_t *self, const struct envelope *asked, view_t encoded_msg);
void answer_send_error(answer_sender_t *self, const struct envelope *asked, err_t code, uint32_t retry_ms);

#endif
