/* json — the second subprotocol: the same messages as objects {"type": "room_post", field: …}, for people,
 * scripts and HTTP bodies. Driven by the table of messages.def; jansson parses, printing is direct.
 *
 * Forms: U53, UINT numbers; CID 26 characters; BIN base64url; CODE its name; LIST an array of objects; a record
 * `frame` is the event itself; `kind` of an event is its name ("posted"; a number when unknown here) and `body`
 * an object of the kind's fields, or null. Bytes that do not fit (an unknown kind's body) are base64url. */
#ifndef ROOKERY_PROTO_JSON_H
#define ROOKERY_PROTO_JSON_H

#include "proto/codec.h"
#include "proto/messages.h"

/* One JSON object of len bytes with a "type" to one MessagePack message, appended. Unknown or missing members
 * are ERR_WRONG_FIELDS, doubled ones too; ERR_TOO_DEEP, ERR_BAD_FRAME, ERR_BAD_UTF8, and the reader's errors. */
err_t msg_from_json(view_t json, buffer_t *msgpack_out);

/* The same for a body whose type is known from elsewhere (HTTP): no "type" member needed. `defaults` is an
 * already filled message of that type; members that are absent keep its value; NULL: all are needed. */
err_t msg_from_json_as(uint16_t type, view_t json, const struct msg *defaults, buffer_t *msgpack_out);

/* One MessagePack message to one line of JSON, appended. The message must be valid. */
err_t msg_to_json(view_t msgpack, buffer_t *json_out);

#endif
