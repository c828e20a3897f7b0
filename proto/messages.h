/* messages — structs, codes, encode and decode of every message, expanded from messages.def.
 *
 * Decoding is strict: the exact number of fields, every bound kept, no byte left over, and allocates nothing:
 * texts, bytes and lists in a decoded struct are views of the frame and live as long as it does. */
#ifndef ROOKERY_PROTO_MESSAGES_H
#define ROOKERY_PROTO_MESSAGES_H

#include "proto/codec.h"
#include "proto/errors.h"
#include "proto/ids.h"
#include "proto/limits.h"

enum { BROWSER = 1, SERVER = 2, LINK = 4, HTTP_ANSWER = 8 }; /* who may send a message; the last: only an edge, in an answer over HTTP */

/* Encoded records, end to end. Read with rec_X_next, written with rec_X_append into a list_writer_t. */
typedef struct list {
    const uint8_t *bytes;
    size_t len, count;
} list_t;

typedef struct list_writer {
    buffer_t records;
    size_t count;
} list_writer_t;

void list_writer_init(list_writer_t *self, size_t max_bytes);
void list_writer_fini(list_writer_t *self);
void list_writer_clear(list_writer_t *self);
list_t list_of(const list_writer_t *self); /* borrowed until the next append */

/* Every member is 8-byte aligned so that messages.c can walk a struct by its table row. */
#define FIELD_ALIGN_ _Alignas(8)
#define U53(field, doc) FIELD_ALIGN_ uint64_t field;
#define UINT(field, max, doc) FIELD_ALIGN_ uint32_t field;
#define BOOL(field, doc) FIELD_ALIGN_ bool field;
#define CID(field, doc) FIELD_ALIGN_ cid_t field;
#define STR(field, max, doc) FIELD_ALIGN_ view_t field;
#define BIN(field, max, doc) FIELD_ALIGN_ view_t field;
#define RAW(field, max, doc) FIELD_ALIGN_ view_t field;
#define CODE(field, doc) FIELD_ALIGN_ err_t field;
#define LIST(field, rec, max, doc) FIELD_ALIGN_ list_t field;
#define MSG(code, NAME, name, who, doc) struct msg_##name {
#define MSG_END(name) };
#define REC(name, doc) struct rec_##name {
#define REC_END(name) };
#define KIND(number, NAME, name, doc) struct kind_##name {
#define KIND_END(name) };
#include "proto/messages.def"
#include "proto/messages_undef.h"

/* Message codes: MSG_ROOM_POST. */
#undef MSG
#define MSG(code, NAME, name, who, doc) MSG_##NAME = code,
enum msg_type {
    MSG_NONE = 0,
#include "proto/messages.def"
};
#include "proto/messages_undef.h"

/* Kinds of events: KIND_POSTED. */
#undef KIND
#define KIND(number, NAME, name, doc) KIND_##NAME = number,
enum event_kind {
    KIND_NONE = 0,
#include "proto/messages.def"
};
#include "proto/messages_undef.h"

/* Records, for the generic list functions: REC_sub. */
#undef REC
#define REC(name, doc) REC_##name,
enum rec_type {
#include "proto/messages.def"
    REC_COUNT
};
#include "proto/messages_undef.h"

struct msg {
    uint16_t type;
    union {
#undef MSG
#define MSG(code, NAME, name, who, doc) struct msg_##name name;
#include "proto/messages.def"
#include "proto/messages_undef.h"
    } as;
};

/* Reads one whole message. ERR_UNKNOWN_TYPE, ERR_WRONG_FIELDS (count), and the reader's errors. */
err_t msg_decode(view_t bytes, struct msg *msg_out);
/* Only the code at its start; MSG_NONE if there is none that is known. */
uint16_t msg_peek_type(view_t bytes);
/* Appends the message. ERR_OUT_OF_RANGE when a field breaks its bound (our bug), the buffer's errors. */
err_t msg_encode(const struct msg *msg, buffer_t *out);

bool msg_may_send(uint16_t type, unsigned who); /* who: BROWSER, SERVER or LINK */
/* A browser's request to a room, answered by ack or nack: codes 0x01xx. Its room (0 in ROOM_CREATE and ROOM_DIRECT,
 * which say it otherwise) and client id, which borrows msg. False: another message. */
bool msg_request_head(const struct msg *msg, uint64_t *room_out, const cid_t **client_id_out);
const char *msg_name(uint16_t type);            /* "room_post"; "unknown" */
const char *kind_name(uint32_t kind);           /* "posted"; "unknown" */

/* Generic halves of the typed functions below. `rec` points to a struct rec_X of that type. */
err_t rec_append(list_writer_t *list, enum rec_type type, const void *rec);
bool rec_next(list_t *list, enum rec_type type, void *rec_out);
err_t kind_encode(uint32_t kind, const void *body, buffer_t *out);  /* body: struct kind_X */
err_t kind_decode(uint32_t kind, view_t encoded, void *body_out);   /* ERR_DELETED for a nil body */

/* rec_sub_append(&list, &sub); while (rec_sub_next(&msg.as.hello.subs, &sub)) … : next takes the first record
 * off a decoded list; the list was checked by msg_decode, so it only ends. */
#undef REC
#define REC(name, doc)                                                                                       \
    static inline err_t rec_##name##_append(list_writer_t *list, const struct rec_##name *rec)               \
    {                                                                                                        \
        return rec_append(list, REC_##name, rec);                                                            \
    }                                                                                                        \
    static inline bool rec_##name##_next(list_t *list, struct rec_##name *rec_out)                           \
    {                                                                                                        \
        return rec_next(list, REC_##name, rec_out);                                                          \
    }
#include "proto/messages.def"
#include "proto/messages_undef.h"

/* What generators and JSON need to know of the table. */
typedef enum { F_U53, F_UINT, F_BOOL, F_CID, F_STR, F_BIN, F_RAW, F_CODE, F_LIST } field_type_t;

struct field_row {
    const char *name;
    field_type_t type;
    uint64_t max;       /* UINT: value; STR, BIN, RAW: bytes; LIST: records */
    enum rec_type rec;  /* LIST */
    const char *doc;
};

struct shape_row {      /* a message, a record or a kind */
    uint32_t code;      /* code or kind; of a record: its rec_type */
    const char *symbol; /* "ROOM_POST"; of a record: its name */
    const char *name;   /* "room_post" */
    unsigned who;       /* messages only */
    const char *doc;
    const struct field_row *fields;
    size_t field_count;
};

const struct shape_row *msg_shapes(size_t *count_out);
const struct shape_row *rec_shapes(size_t *count_out); /* by rec_type */
const struct shape_row *kind_shapes(size_t *count_out);
const struct shape_row *msg_shape(uint16_t type);      /* NULL if unknown */
const struct shape_row *kind_shape(uint32_t kind);
const struct shape_row *msg_shape_by_name(const char *name, size_t len);

/* The words of the table are too short to leave to everybody who includes this. */
#undef MSG
#undef MSG_END
#undef REC
#undef REC_END
#undef KIND
#undef KIND_END
#undef U53
#undef UINT
#undef BOOL
#undef CID
#undef STR
#undef BIN
#undef RAW
#undef CODE
#undef LIST

#endif
