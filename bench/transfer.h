/* transfer — people who upload and download files, again and again, each on a thread of its own, while the one thread of
 * the crowd measures something else. Every downloaded byte is compared with what was uploaded. */
#ifndef ROOKERY_BENCH_TRANSFER_H
#define ROOKERY_BENCH_TRANSFER_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

struct transfer_plan {
    int port;
    const char *token; /* of a member of the room; borrowed, as long as transfers run */
    uint64_t room;
    uint64_t bytes;    /* of a file */
    pid_t server;      /* whose memory is looked at meanwhile */
};

struct transfer_figures {
    double up_bytes, down_bytes; /* while they ran */
    uint32_t files;              /* uploaded whole */
    long rss_kib_max;            /* of the server; -1: cannot be read */
    bool is_sound;               /* every answer and every byte was as it should be */
    char fault[128];
};

typedef struct transfers transfers_t;

/* Uploads the file that is downloaded later, then starts both. NULL: it could not be uploaded, a sentence on stderr. */
transfers_t *transfers_start(const struct transfer_plan *plan);
/* What was under way is cut. Takes itself away. */
void transfers_stop(transfers_t **self_p, struct transfer_figures *out);

#endif
