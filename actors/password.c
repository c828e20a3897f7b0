#include "actors/password.h"

#include <assert.h>
#include <czmq.h>
#include <pthread.h>
#include <sodium.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

enum {
    PASSWORD_OPS = 1,
    PASSWORD_KIB = 47104,
    PASSWORD_KIB_MAX = 256 * 1024, /* of a stored hash: verifying it takes as much memory as it says */
    PASSWORD_WORKERS_MAX = 8,
    PASSWORD_STACK_BYTES = 256 * 1024,
};

_Static_assert(crypto_pwhash_STRBYTES <= LIM_PASSWORD_HASH_BYTES_MAX, "an encoded hash fits its field");

/* Of 32 random bytes that nobody kept; today's parameters. */
static const char DUMMY_HASH[crypto_pwhash_STRBYTES] =
    "$argon2id$v=19$m=47104,t=1,p=1$AWDsmpIGkyYrS2+sLNJD0Q$PMvAh+AnitAsJYP2pCD+msLOp6nkRb79JgoStGtlMaw";

struct job {
    uint64_t correlation;
    bool verify;
    uint8_t password_len;
    uint8_t password[LIM_PASSWORD_BYTES_MAX];
    char hash[crypto_pwhash_STRBYTES]; /* verify: what it must match */
};

struct worker {
    password_pool_t *pool;
    zsock_t *results; /* {worker} PUSH */
    pthread_t thread;
    bool started;
};

struct password_pool {
    zsock_t *results;       /* {owner} PULL */
    size_t waiting, waiting_max; /* {owner} jobs whose result was not taken */
    struct worker workers[PASSWORD_WORKERS_MAX];
    size_t worker_count;
    atomic_uint_fast64_t computed;
    pthread_mutex_t lock;
    pthread_cond_t wake;
    bool stopping;     /* {lock} and the rest too */
    size_t head, count;
    struct job jobs[]; /* ring of waiting_max */
};

/* ---- the work --------------------------------------------------------------------------------------------------- */

static void s_hash(password_pool_t *pool, const struct job *job, struct password_result *result)
{
    atomic_fetch_add(&pool->computed, 1);
    result->matches = crypto_pwhash_str_alg(result->hash, (const char *)job->password, job->password_len,
                                            PASSWORD_OPS, PASSWORD_KIB * UINT64_C(1024),
                                            crypto_pwhash_ALG_ARGON2ID13) == 0;
    if (!result->matches)
        result->hash[0] = '\0'; /* no memory for it */
}

static void s_verify(password_pool_t *pool, const struct job *job, struct password_result *result)
{
    bool real = job->hash[0] != '\0';
    atomic_fetch_add(&pool->computed, 1);
    int differs = crypto_pwhash_str_verify(real ? job->hash : DUMMY_HASH, (const char *)job->password,
                                           job->password_len);
    result->matches = real && differs == 0;
    if (!result->matches || !password_needs_rehash(job->hash))
        return;
    s_hash(pool, job, result);
    result->matches = true; /* also when there was no memory for the new hash */
}

static bool s_take_job(password_pool_t *self, struct job *job_out)
{
    pthread_mutex_lock(&self->lock);
    while (self->count == 0 && !self->stopping)
        pthread_cond_wait(&self->wake, &self->lock);
    bool taken = !self->stopping;
    if (taken) {
        *job_out = self->jobs[self->head];
        sodium_memzero(&self->jobs[self->head], sizeof self->jobs[self->head]);
        self->head = (self->head + 1) % self->waiting_max;
        self->count--;
    }
    pthread_mutex_unlock(&self->lock);
    return taken;
}

static void *s_work(void *arg)
{
    struct worker *self = arg;
    struct job job;
    while (s_take_job(self->pool, &job)) {
        struct password_result result = {.correlation = job.correlation};
        if (job.verify)
            s_verify(self->pool, &job, &result);
        else
            s_hash(self->pool, &job, &result);
        sodium_memzero(&job, sizeof job);
        /* Never full: its high-water mark is what the owner allows to be under way. */
        int sent = zmq_send(zsock_resolve(self->results), &result, sizeof result, ZMQ_DONTWAIT);
        assert(sent == (int)sizeof result || zmq_errno() == ETERM);
    }
    return NULL;
}

/* ---- the owner's side --------------------------------------------------------------------------------------------- */

static bool s_start_worker(password_pool_t *self, struct worker *worker, const char *endpoint)
{
    worker->pool = self;
    worker->results = zsock_new(ZMQ_PUSH);
    if (!worker->results)
        return false;
    zsock_set_sndhwm(worker->results, (int)self->waiting_max);
    zsock_set_linger(worker->results, 0);
    if (zsock_connect(worker->results, "%s", endpoint) != 0)
        return false;
    pthread_attr_t attr;
    pthread_attr_init(&attr);
    pthread_attr_setstacksize(&attr, PASSWORD_STACK_BYTES);
    worker->started = pthread_create(&worker->thread, &attr, s_work, worker) == 0;
    pthread_attr_destroy(&attr);
    return worker->started;
}

password_pool_t *password_pool_new(size_t workers, size_t queue_max)
{
    assert(workers >= 1 && queue_max >= 1);
    if (workers > PASSWORD_WORKERS_MAX)
        workers = PASSWORD_WORKERS_MAX;
    if (sodium_init() < 0)
        return NULL;
    size_t waiting_max = queue_max + workers;
    password_pool_t *self = calloc(1, sizeof *self + waiting_max * sizeof self->jobs[0]);
    if (!self)
        return NULL;
    self->waiting_max = waiting_max;
    pthread_mutex_init(&self->lock, NULL);
    pthread_cond_init(&self->wake, NULL);
    char endpoint[64];
    /* A number, not an address: a closed socket keeps its name until the reaper has been there. */
    static atomic_uint pools;
    snprintf(endpoint, sizeof endpoint, "inproc://password-%u", atomic_fetch_add(&pools, 1));
    self->results = zsock_new(ZMQ_PULL);
    bool ok = self->results != NULL;
    if (ok) {
        zsock_set_rcvhwm(self->results, (int)waiting_max);
        ok = zsock_bind(self->results, "%s", endpoint) == 0;
    }
    while (ok && self->worker_count < workers)
        ok = s_start_worker(self, &self->workers[self->worker_count++], endpoint);
    if (!ok)
        password_pool_destroy(&self);
    return self;
}

void password_pool_destroy(password_pool_t **self_p)
{
    assert(self_p);
    password_pool_t *self = *self_p;
    if (!self)
        return;
    pthread_mutex_lock(&self->lock);
    self->stopping = true;
    pthread_cond_broadcast(&self->wake);
    pthread_mutex_unlock(&self->lock);
    for (size_t i = 0; i < self->worker_count; i++) {
        if (self->workers[i].started)
            pthread_join(self->workers[i].thread, NULL);
        zsock_destroy(&self->workers[i].results);
    }
    zsock_destroy(&self->results);
    pthread_cond_destroy(&self->wake);
    pthread_mutex_destroy(&self->lock);
    sodium_memzero(self->jobs, self->waiting_max * sizeof self->jobs[0]);
    free(self);
    *self_p = NULL;
}

static err_t s_submit(password_pool_t *self, uint64_t correlation, view_t password, const char *hash, bool verify)
{
    if (password.len > LIM_PASSWORD_BYTES_MAX)
        return ERR_TOO_LARGE;
    if (self->waiting == self->waiting_max)
        return ERR_BUSY;
    self->waiting++;
    pthread_mutex_lock(&self->lock);
    struct job *job = &self->jobs[(self->head + self->count) % self->waiting_max];
    self->count++;
    job->correlation = correlation;
    job->verify = verify;
    job->password_len = (uint8_t)password.len;
    if (password.len)
        memcpy(job->password, password.bytes, password.len);
    memcpy(job->hash, hash, strlen(hash) + 1);
    pthread_cond_signal(&self->wake);
    pthread_mutex_unlock(&self->lock);
    return ERR_OK;
}

err_t password_hash(password_pool_t *self, uint64_t correlation, view_t password)
{
    return s_submit(self, correlation, password, "", false);
}

/* Copies an encoded argon2id hash that may be verified here; leaves "" for any other. */
static void s_copy_hash(view_t encoded, char hash_out[crypto_pwhash_STRBYTES])
{
    static const char prefix[] = crypto_pwhash_argon2id_STRPREFIX "v=19$m=";
    hash_out[0] = '\0';
    size_t prefix_len = sizeof prefix - 1;
    if (encoded.len <= prefix_len || encoded.len >= crypto_pwhash_STRBYTES ||
        memcmp(encoded.bytes, prefix, prefix_len) != 0)
        return;
    uint32_t kib = 0;
    for (size_t i = prefix_len; i < encoded.len && encoded.bytes[i] >= '0' && encoded.bytes[i] <= '9'; i++) {
        kib = kib * 10 + (uint32_t)(encoded.bytes[i] - '0');
        if (kib > PASSWORD_KIB_MAX)
            return;
    }
    memcpy(hash_out, encoded.bytes, encoded.len);
    hash_out[encoded.len] = '\0';
}

err_t password_verify(password_pool_t *self, uint64_t correlation, view_t password, view_t encoded)
{
    char hash[crypto_pwhash_STRBYTES];
    s_copy_hash(encoded, hash);
    return s_submit(self, correlation, password, hash, true);
}

void *password_results(password_pool_t *self)
{
    return self->results;
}

bool password_next(password_pool_t *self, struct password_result *result_out)
{
    int received = zmq_recv(zsock_resolve(self->results), result_out, sizeof *result_out, ZMQ_DONTWAIT);
    if (received != (int)sizeof *result_out)
        return false;
    self->waiting--;
    return true;
}

bool password_wait(password_pool_t *self, struct password_result *result_out)
{
    zmq_pollitem_t item = {.socket = zsock_resolve(self->results), .events = ZMQ_POLLIN};
    while (self->waiting > 0) {
        if (password_next(self, result_out))
            return true;
        if (zmq_poll(&item, 1, -1) < 0 && errno != EINTR)
            return false;
    }
    return false;
}

size_t password_waiting(const password_pool_t *self)
{
    return self->waiting;
}

uint64_t password_computed(const password_pool_t *self)
{
    return atomic_load(&self->computed);
}

bool password_is_hash(view_t encoded)
{
    char hash[crypto_pwhash_STRBYTES];
    s_copy_hash(encoded, hash); /* -1: not one that could be read */
    return hash[0] && crypto_pwhash_str_needs_rehash(hash, PASSWORD_OPS, PASSWORD_KIB * UINT64_C(1024)) >= 0;
}

bool password_needs_rehash(const char *encoded)
{
    return crypto_pwhash_str_needs_rehash(encoded, PASSWORD_OPS, PASSWORD_KIB * UINT64_C(1024)) != 0;
}
