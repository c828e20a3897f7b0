/* envelope — what surrounds a message between actors: what the edge vouches for never mixes with what a
 * browser said. A link frame is this fixed header, little endian, and the message's bytes. */
#ifndef ROOKERY_PROTO_ENVELOPE_H
#define ROOKERY_PROTO_ENVELOPE_H

#include "proto/address.h"
#include "proto/errors.h"

enum { ENVELOPE_BYTES = 80 };

enum {
    ENVELOPE_ADMIN = 1,     /* the user is an administrator, by their token */
    ENVELOPE_EPHEMERAL = 2, /* typing, presence: may be dropped, first of all */
    ENVELOPE_REPLY = 4,     /* answers `correlation` of the receiver */
};

struct envelope {
    uint16_t type;        /* code of the message, equal to its first element */
    uint16_t flags;       /* ENVELOPE_… */
    uint32_t deadline_ms; /* time left when sent; 0: none. No clock of two hosts is ever compared */
    uint64_t link_seq;    /* number of the frame on its link; set by the mailbox; 0: not numbered */
    uint64_t correlation; /* the asker's number for the question, given back in the answer; 0: no answer wanted */
    uint64_t epoch;       /* of the sender's lease on `key`'s shard; receivers ignore lower ones; 0: none */
    address_t from;       /* who sent it; set by the mailbox */
    address_t reply_to;   /* who gets the answer, if not `from`; 0: from */
    uint64_t key;         /* room or user the message is about: picks the shard */
    uint64_t user;        /* on whose behalf, by their token; 0: the system's */
    uint64_t session;     /* the edge's number of the socket or HTTP request; given back */
};

/* Writes exactly ENVELOPE_BYTES. */
void envelope_write(const struct envelope *env, uint8_t bytes_out[ENVELOPE_BYTES]);

/* Reads the header of a frame of len bytes. ERR_SHORT, ERR_VERSION, ERR_BAD_FRAME (flags, addresses, ids out of
 * range). The message is what follows it. */
err_t envelope_read(const uint8_t *bytes, size_t len, struct envelope *env_out);

/* An envelope that answers `asked`: correlation, key, user, session are given back, REPLY set. */
struct envelope envelope_reply(const struct envelope *asked);
address_t envelope_answer_to(const struct envelope *asked); /* reply_to, or from */

#endif
