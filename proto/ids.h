/* ids — room, user, session numbers (53 bits, so that a browser holds them) and client ids (ULIDs). */
#ifndef ROOKERY_PROTO_IDS_H
#define ROOKERY_PROTO_IDS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define ID_MAX ((UINT64_C(1) << 53) - 1)

enum { CID_BYTES = 16, CID_TEXT_LEN = 26, KEY_BYTES = 32, MAC_BYTES = 16 };

/* A client id: 16 bytes chosen by the client, a ULID by convention (https://github.com/ulid/spec). */
typedef struct cid {
    uint8_t bytes[CID_BYTES];
} cid_t;

/* 26 characters of Crockford's base 32 and a final NUL. */
void cid_to_text(const cid_t *cid, char text_out[CID_TEXT_LEN + 1]);
/* Takes exactly 26 characters, either case; false if they are no ULID. */
bool cid_from_text(const char *text, size_t len, cid_t *cid_out);
bool cid_is_equal(const cid_t *a, const cid_t *b);

/* The shard (0 … LIM_SHARDS-1) of a room or user id. Fixed for ever: stored rows depend on it. */
uint32_t id_shard(uint64_t id);

/* A room's id is a keyed hash of (creator, client id), so a repeated creation finds the first. Never 0. */
uint64_t id_of_room(const uint8_t key[KEY_BYTES], uint64_t creator, const cid_t *client_id);

/* The id of the direct room of these users, who are given each once and in ascending order. Never 0. */
uint64_t id_of_direct(const uint8_t key[KEY_BYTES], const uint64_t *users, size_t count);

/* Keyed hash over what a request asks for. Two requests with one client id and different macs are a conflict. */
void id_mac(const uint8_t key[KEY_BYTES], uint32_t kind, uint64_t target, const void *body, size_t len,
            uint8_t mac_out[MAC_BYTES]);

/* A fresh random id in 1 … ID_MAX, from the kernel's generator. */
uint64_t id_random(void);

#endif
