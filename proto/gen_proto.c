/* gen_proto — prints what others need of the tables: `gen_proto ts` web/src/proto/messages.gen.ts, `gen_proto md`
 * proto/PROTOCOL.md. Both are committed; a test compares them with what is printed here. */
#include <ctype.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "proto/close.h"
#include "proto/messages.h"

static const struct limit {
    const char *name;
    long value;
    const char *doc;
} s_limits[] = {
    {"TEXT_BYTES_MAX", LIM_TEXT_BYTES_MAX, "a line of chat, UTF-8"},
    {"FILE_NAME_BYTES_MAX", LIM_FILE_NAME_BYTES_MAX, "of a file"},
    {"LINE_FILES_MAX", LIM_LINE_FILES_MAX, "files of one line"},
    {"FRAME_BYTES_MAX", LIM_CLIENT_FRAME_BYTES_MAX, "one WebSocket message from a browser"},
    {"NAME_CHARS_MIN", LIM_NAME_CHARS_MIN, "a user's name, in characters"},
    {"NAME_CHARS_MAX", LIM_NAME_CHARS_MAX, "a user's name, in characters"},
    {"NAME_BYTES_MAX", LIM_NAME_BYTES_MAX, "a user's name, in bytes"},
    {"DISPLAY_CHARS_MAX", LIM_DISPLAY_CHARS_MAX, "how a user is shown, or a server's name, in characters"},
    {"AVATAR_BYTES_MAX", LIM_AVATAR_BYTES_MAX, "a user's picture"},
    {"INVITE_USES_MAX", LIM_INVITE_USES_MAX, "of one invitation"},
    {"ROOM_NAME_CHARS_MAX", LIM_ROOM_NAME_CHARS_MAX, "a room's name, in characters"},
    {"ROOM_NAME_BYTES_MAX", LIM_ROOM_NAME_BYTES_MAX, "a room's name, in bytes"},
    {"TOPIC_BYTES_MAX", LIM_TOPIC_BYTES_MAX, "what a room is about"},
    {"PASSWORD_BYTES_MIN", LIM_PASSWORD_BYTES_MIN, "a password, in bytes"},
    {"PASSWORD_BYTES_MAX", LIM_PASSWORD_BYTES_MAX, "a password, in bytes"},
    {"QUERY_BYTES_MAX", LIM_QUERY_BYTES_MAX, "a search"},
    {"DEVICE_BYTES_MAX", LIM_DEVICE_BYTES_MAX, "what a browser calls itself"},
    {"SUBS_MAX", LIM_SUBS_MAX, "rooms in one `hello`; rooms a user is in"},
    {"PAGE_EVENTS_MAX", LIM_PAGE_EVENTS_MAX, "lines of one history page"},
    {"SNAPSHOT_MESSAGES", LIM_SNAPSHOT_MESSAGES, "newest lines a snapshot carries"},
    {"USERS_PAGE_MAX", LIM_USERS_PAGE_MAX, "ids in one question for users; members in one page"},
    {"ROOMS_PAGE_MAX", LIM_ROOMS_PAGE_MAX, "rooms in one page of the directory"},
    {"PRESENCE_MEMBERS_MAX", LIM_PRESENCE_MEMBERS_MAX, "above it presence is a count"},
    {"DIRECT_MEMBERS_MAX", LIM_DIRECT_MEMBERS_MAX, "people in a direct room, its opener among them"},
    {"MENTIONS_MAX", LIM_MENTIONS_MAX, "people one line can call"},
    {"LINES_GET_MAX", LIM_LINES_GET_MAX, "single lines asked for at once"},
    {"PINS_PAGE_MAX", LIM_PINS_PAGE_MAX, "pinned lines of one page"},
    {"EMOJI_BYTES_MAX", LIM_EMOJI_BYTES_MAX, "one emoji with its modifiers"},
    {"LINE_EMOJI_MAX", LIM_LINE_EMOJI_MAX, "different emoji under a line"},
    {"LINE_REACTIONS_MAX", LIM_LINE_REACTIONS_MAX, "people times emoji under a line"},
    {"UNREAD_MENTIONS_MAX", LIM_UNREAD_MENTIONS_MAX, "counted for a room: that many or more"},
    {"HELLO_MS", LIM_HELLO_MS, "from open to `hello`"},
    {"HEARTBEAT_MS", LIM_HEARTBEAT_MS, "between heartbeats of a socket"},
    {"PONG_MS", LIM_PONG_MS, "silence after which a socket is dead"},
    {"TYPING_SEND_MS", LIM_TYPING_SEND_MS, "send `typing` at most once in this time"},
    {"TYPING_EXPIRE_MS", LIM_TYPING_EXPIRE_MS, "a typist who is not heard of again is gone after this"},
    {"REQUEST_MS", LIM_REQUEST_MS, "a question without an answer ends as `unavailable`"},
};

enum { RESUME = 1, STOP = 0 };

static const struct close_row {
    const char *name;
    int code, resume;
    const char *doc;
} s_closes[] = {
#define CLOSE(name, code, then, doc) {#name, code, then, doc},
#include "proto/close.def"
#undef CLOSE
};

enum {
    LIMITS = sizeof s_limits / sizeof s_limits[0],
    CLOSES = sizeof s_closes / sizeof s_closes[0],
};

static bool s_is_for_browsers(const struct shape_row *shape)
{
    return (shape->who & (BROWSER | SERVER)) != 0;
}

/* Answers of the HTTP interface that are no messages of the socket: TypeScript knows their types only. */
static bool s_is_http_answer(const struct shape_row *shape)
{
    static const uint16_t s_answers[] = {MSG_ROOM_INFO, MSG_MEMBERS, MSG_PAGE, MSG_ROOMS, MSG_USERS, MSG_SEARCH_RESULT,
                                         MSG_RESTRICTED, MSG_SESSIONS, MSG_ADMIN_USERS, MSG_ADMIN_ROOMS,
                                         MSG_ADMIN_AUDIT, MSG_SOCKETS, MSG_FILE_STORED, MSG_INVITES};
    for (size_t i = 0; i < sizeof s_answers / sizeof s_answers[0]; i++)
        if (shape->code == s_answers[i])
            return true;
    return false;
}

/* Bodies of events are for browsers too. */
static bool s_is_in_kind(enum rec_type rec)
{
    size_t count;
    const struct shape_row *kinds = kind_shapes(&count);
    for (size_t i = 0; i < count; i++)
        for (size_t j = 0; j < kinds[i].field_count; j++)
            if (kinds[i].fields[j].type == F_LIST && kinds[i].fields[j].rec == rec)
                return true;
    return false;
}

static bool s_is_used(enum rec_type rec, bool (*by)(const struct shape_row *))
{
    size_t count;
    const struct shape_row *messages = msg_shapes(&count);
    for (size_t i = 0; i < count; i++)
        for (size_t j = 0; by(&messages[i]) && j < messages[i].field_count; j++)
            if (messages[i].fields[j].type == F_LIST && messages[i].fields[j].rec == rec)
                return true;
    return by == s_is_for_browsers && s_is_in_kind(rec);
}

static const struct shape_row *s_rec(enum rec_type rec)
{
    size_t count;
    return &rec_shapes(&count)[rec];
}

/* ---- TypeScript ---- */

/* "room_post" → "RoomPost" */
static void s_print_camel(const char *name)
{
    bool upper = true;
    for (; *name; name++) {
        if (*name == '_') {
            upper = true;
            continue;
        }
        putchar(upper ? toupper((unsigned char)*name) : *name);
        upper = false;
    }
}

static void s_print_quoted(const char *text)
{
    putchar('\'');
    for (; *text; text++) {
        if (*text == '\'' || *text == '\\')
            putchar('\\');
        putchar(*text);
    }
    putchar('\'');
}

static void s_print_bound(const struct field_row *row)
{
    switch (row->type) {
    case F_U53: printf("0 … 2^53-1"); break;
    case F_UINT: printf("0 … %" PRIu64, row->max); break;
    case F_BOOL: printf("true, false"); break;
    case F_CID: printf("16 bytes"); break;
    case F_STR: printf("at most %" PRIu64 " bytes of UTF-8", row->max); break;
    case F_BIN: printf("at most %" PRIu64 " bytes", row->max); break;
    case F_RAW: printf("one value of at most %" PRIu64 " bytes", row->max); break;
    case F_CODE: printf("an error"); break;
    case F_LIST: printf("at most %" PRIu64, row->max); break;
    }
}

static void s_print_type_ts(const struct field_row *row, bool json)
{
    switch (row->type) {
    case F_U53:
    case F_UINT: printf("number"); break;
    case F_BOOL: printf("boolean"); break;
    case F_CID:
    case F_STR: printf("string"); break;
    case F_BIN: printf(json ? "string" : "Uint8Array"); break;
    case F_RAW: printf(json ? "EventJson" : "unknown"); break;
    case F_CODE: printf(json ? "ErrorName" : "ErrorCode"); break;
    case F_LIST:
        if (row->rec == REC_frame && json) {
            printf("(EventJson | MarksMsg)[]");
        } else {
            s_print_camel(s_rec(row->rec)->name);
            printf("Rec[]");
        }
        break;
    }
}

static void s_print_interface(const struct shape_row *shape, const char *suffix, bool typed, bool json)
{
    if (*shape->doc)
        printf("/** %s */\n", shape->doc);
    printf("export interface ");
    s_print_camel(shape->name);
    printf("%s {\n", suffix);
    if (typed)
        printf("  type: '%s';\n", shape->name);
    for (size_t i = 0; i < shape->field_count; i++) {
        const struct field_row *row = &shape->fields[i];
        printf("  /** %s", row->doc);
        if (row->type != F_U53 && row->type != F_BOOL && row->type != F_CID && row->type != F_CODE) {
            printf("%s(", *row->doc ? " " : "");
            s_print_bound(row);
            printf(")");
        }
        printf(" */\n  %s: ", row->name);
        s_print_type_ts(row, json);
        printf(";\n");
    }
    printf("}\n");
}

static void s_print_fields(const struct shape_row *shape)
{
    static const char *const s_types[] = {"u53", "uint", "bool", "cid", "str", "bin", "raw", "code", "list"};
    printf("[\n");
    for (size_t i = 0; i < shape->field_count; i++) {
        const struct field_row *row = &shape->fields[i];
        printf("      ['%s', { t: '%s'", row->name, s_types[row->type]);
        if (row->type == F_LIST)
            printf(", of: '%s'", s_rec(row->rec)->name);
        if (row->type != F_U53 && row->type != F_BOOL && row->type != F_CID && row->type != F_CODE)
            printf(", max: %" PRIu64, row->max);
        printf(" }],\n");
    }
    printf("    ]");
}

static void s_print_union(const char *name, unsigned who)
{
    size_t count;
    const struct shape_row *messages = msg_shapes(&count);
    printf("export type %s =", name);
    for (size_t i = 0; i < count; i++) {
        if (!(messages[i].who & who))
            continue;
        printf("\n  | ");
        s_print_camel(messages[i].name);
        printf("Msg");
    }
    printf(";\n");
}

static void s_print_types(void)
{
    size_t count;
    const struct shape_row *shapes = rec_shapes(&count);
    printf("\n/* ---- records of lists ---- */\n\n");
    for (size_t i = 0; i < count; i++)
        if (i != REC_frame && (s_is_used((enum rec_type)i, s_is_for_browsers) ||
                               s_is_used((enum rec_type)i, s_is_http_answer)))
            s_print_interface(&shapes[i], "Rec", false, false);
    printf("\n/* ---- bodies of events, by kind ---- */\n\n");
    shapes = kind_shapes(&count);
    for (size_t i = 0; i < count; i++)
        s_print_interface(&shapes[i], "Body", false, false);
    printf("/** The body of an event by the name of its kind. */\nexport interface KindBodies {\n");
    for (size_t i = 0; i < count; i++) {
        printf("  %s: ", shapes[i].name);
        s_print_camel(shapes[i].name);
        printf("Body;\n");
    }
    printf("}\nexport type KindName = keyof KindBodies;\n");
    printf("\n/* ---- messages of the socket ---- */\n\n");
    shapes = msg_shapes(&count);
    for (size_t i = 0; i < count; i++)
        if (s_is_for_browsers(&shapes[i]))
            s_print_interface(&shapes[i], "Msg", true, false);
    printf("/** What a browser may send. */\n");
    s_print_union("BrowserMessage", BROWSER);
    printf("/** What a server sends to browsers. */\n");
    s_print_union("ServerMessage", SERVER);
    printf("export type MessageName = (BrowserMessage | ServerMessage)['type'];\n");
    printf("\n/* ---- JSON: answers of HTTP ---- */\n\n"
           "/** An event in JSON: its kind by name (a number if the server does not know it), its body by field "
           "names. */\n"
           "export type EventJson = Omit<EventMsg, 'kind' | 'body'> &\n  (\n"
           "    | { [K in KindName]: { kind: K; body: KindBodies[K] | null } }[KindName]\n"
           "    | { kind: number; body: string | null }\n  );\n");
    for (size_t i = 0; i < count; i++)
        if (s_is_http_answer(&shapes[i]))
            s_print_interface(&shapes[i], "Json", true, true);
}

static void s_print_constants(void)
{
    size_t count;
    const struct shape_row *shapes = kind_shapes(&count);
    err_t err;
    const char *symbol;
    printf("export const PROTO_VERSION = %d;\n", PROTO_VERSION);
    printf("\n/** Subprotocols of the WebSocket; this client speaks the first. */\n"
           "export const SUBPROTOCOL_MSGPACK = 'rookery.v%d.msgpack';\n"
           "export const SUBPROTOCOL_JSON = 'rookery.v%d.json';\n",
           PROTO_VERSION, PROTO_VERSION);
    printf("\nexport const LIMITS = {\n");
    for (size_t i = 0; i < LIMITS; i++)
        printf("  /** %s */\n  %s: %ld,\n", s_limits[i].doc, s_limits[i].name, s_limits[i].value);
    printf("} as const;\n\n/** Kinds of events. */\nexport const KIND = {\n");
    for (size_t i = 0; i < count; i++)
        printf("  /** %s */\n  %s: %" PRIu32 ",\n", shapes[i].doc, shapes[i].symbol, shapes[i].code);
    printf("} as const;\n\n/** With which code the server closes; 40xx: come back and resume, 44xx: stop. */\n"
           "export const CLOSE = {\n");
    for (size_t i = 0; i < CLOSES; i++)
        printf("  /** %s */\n  %s: %d,\n", s_closes[i].doc, s_closes[i].name, s_closes[i].code);
    printf("} as const;\n\n/** Errors by number, as in a `code` field. */\nexport const ERR = {\n");
    for (size_t i = 0; err_row(i, &err, &symbol); i++)
        printf("  %s: %d,\n", symbol, (int)err);
    printf("} as const;\nexport type ErrorCode = number;\nexport type ErrorName =");
    for (size_t i = 0; err_row(i, &err, &symbol); i++)
        printf("\n  | '%s'", err_name(err));
    printf(";\nexport interface ErrorRow {\n  /** on the wire of JSON, and `title` of a problem document */\n"
           "  name: ErrorName;\n  /** HTTP */\n  status: number;\n"
           "  /** the same request may succeed later, unchanged */\n  retry: boolean;\n"
           "  /** a sentence that says what to do */\n  text: string;\n}\n");
}

static void s_print_tables(void)
{
    size_t count;
    const struct shape_row *shapes = msg_shapes(&count);
    err_t err;
    const char *symbol;
    printf("\n/* ---- tables for the codec ---- */\n\n"
           "/** The fields of a message, record or body, in the order of the wire. */\n"
           "export type FieldRows = readonly (readonly [string, FieldType])[];\n\n"
           "/** Messages by `type`: on the wire [code, field …]. */\n"
           "export const MESSAGES: Readonly<Record<string, { code: number; fields: FieldRows }>> = {\n");
    for (size_t i = 0; i < count; i++) {
        if (!s_is_for_browsers(&shapes[i]))
            continue;
        printf("  %s: {\n    code: %" PRIu32 ",\n    fields: ", shapes[i].name, shapes[i].code);
        s_print_fields(&shapes[i]);
        printf(",\n  },\n");
    }
    printf("};\n\n/** Records of lists by name: on the wire [field …]. */\n"
           "export const RECORDS: Readonly<Record<string, FieldRows>> = {\n");
    shapes = rec_shapes(&count);
    for (size_t i = 0; i < count; i++) {
        if (!s_is_used((enum rec_type)i, s_is_for_browsers))
            continue;
        printf("  %s: ", shapes[i].name);
        s_print_fields(&shapes[i]);
        printf(",\n");
    }
    printf("};\n\n/** Bodies of events by kind: on the wire [field …], or nil once erased. */\n"
           "export const KINDS: Readonly<Record<number, { name: KindName; fields: FieldRows }>> = {\n");
    shapes = kind_shapes(&count);
    for (size_t i = 0; i < count; i++) {
        printf("  %" PRIu32 ": {\n    name: '%s',\n    fields: ", shapes[i].code, shapes[i].name);
        s_print_fields(&shapes[i]);
        printf(",\n  },\n");
    }
    printf("};\n\n/** Errors by number. */\nexport const ERRORS: Readonly<Record<number, ErrorRow>> = {\n");
    for (size_t i = 0; err_row(i, &err, &symbol); i++) {
        printf("  %d: { name: '%s', status: %d, retry: %s, text: ", (int)err, err_name(err), err_http_status(err),
               err_may_retry(err) ? "true" : "false");
        s_print_quoted(err_text(err));
        printf(" },\n");
    }
    printf("};\n");
}

static void s_print_ts(void)
{
    printf("/* Printed by proto/gen_proto.c from proto/messages.def, errors.def, close.def and limits.h: change those.\n"
           " *\n"
           " * A message is a union member told by `type`. Client ids are their 26 characters here and 16 bytes on the\n"
           " * wire; ids and times are numbers below 2^53; `raw` is whatever the MessagePack decoder gives. */\n"
           "import type { FieldType } from './table';\n\n");
    s_print_constants();
    s_print_types();
    s_print_tables();
}

/* ---- Markdown ---- */

static void s_print_field_table(const struct shape_row *shape)
{
    static const char *const s_types[] = {"U53", "UINT", "BOOL", "CID", "STR", "BIN", "RAW", "CODE", "LIST"};
    printf("\n| field | type | bound | meaning |\n|---|---|---|---|\n");
    for (size_t i = 0; i < shape->field_count; i++) {
        const struct field_row *row = &shape->fields[i];
        printf("| `%s` | %s", row->name, s_types[row->type]);
        if (row->type == F_LIST)
            printf(" of `%s`", s_rec(row->rec)->name);
        printf(" | ");
        s_print_bound(row);
        printf(" | %s |\n", row->doc);
    }
    printf("\n");
}

static void s_print_message(const struct shape_row *shape)
{
    printf("### `%s` 0x%02" PRIX32 "\n\n", shape->name, shape->code);
    if (shape->who & BROWSER)
        printf("browser → server%s", shape->who & ~(unsigned)BROWSER ? ", " : "");
    if (shape->who & SERVER)
        printf("server → browser%s", shape->who & LINK ? ", " : "");
    if (shape->who & LINK)
        printf("between actors");
    if (shape->who & HTTP_ANSWER)
        printf("over HTTP only");
    printf(": %s.\n", shape->doc);
    s_print_field_table(shape);
}

static void s_print_browser_part(void)
{
    size_t count;
    const struct shape_row *shapes = msg_shapes(&count);
    printf("## Messages of the socket\n\n");
    for (size_t i = 0; i < count; i++)
        if (s_is_for_browsers(&shapes[i]))
            s_print_message(&shapes[i]);
    printf("## Records of their lists\n\n");
    shapes = rec_shapes(&count);
    for (size_t i = 0; i < count; i++) {
        if (!s_is_used((enum rec_type)i, s_is_for_browsers))
            continue;
        printf("### `%s`\n\n%s.\n", shapes[i].name, shapes[i].doc);
        s_print_field_table(&shapes[i]);
    }
    printf("## Kinds of events\n\n"
           "The `body` of an `event` is an array of the kind's fields, or nil once it was erased. A kind that a\n"
           "reader does not know still takes its place in the room: apply its `seq`, show nothing.\n\n");
    shapes = kind_shapes(&count);
    for (size_t i = 0; i < count; i++) {
        printf("### `%s` %" PRIu32 "\n\n%s.\n", shapes[i].name, shapes[i].code, shapes[i].doc);
        s_print_field_table(&shapes[i]);
    }
}

static void s_print_close_table(void)
{
    printf("\n## Close codes\n\n40xx: come back and resume. 44xx: coming back the same way ends the same way.\n\n"
           "| code | name | meaning |\n|---|---|---|\n");
    for (size_t i = 0; i < CLOSES; i++)
        printf("| %d | %s | %s |\n", s_closes[i].code, s_closes[i].name, s_closes[i].doc);
    printf("\n");
}

static void s_print_error_table(void)
{
    err_t err;
    const char *symbol;
    printf("## Errors\n\nThe number stands in `code` fields, the name in JSON and in the `title` of an HTTP problem\n"
           "document. *Retry*: the same request may succeed later, unchanged.\n\n"
           "| number | name | HTTP | retry | text |\n|---|---|---|---|---|\n");
    for (size_t i = 0; err_row(i, &err, &symbol); i++)
        printf("| %d | `%s` | %d | %s | %s |\n", (int)err, err_name(err), err_http_status(err),
               err_may_retry(err) ? "yes" : "no", err_text(err));
    printf("\n## Limits\n\n| name | value | of |\n|---|---|---|\n");
    for (size_t i = 0; i < LIMITS; i++)
        printf("| %s | %ld | %s |\n", s_limits[i].name, s_limits[i].value, s_limits[i].doc);
}

static void s_print_link_part(void)
{
    size_t count;
    const struct shape_row *shapes = msg_shapes(&count);
    printf("\n# Part 2: between actors\n\n"
           "A frame of a link is an envelope of 80 bytes, little endian, and one message as above, at most %d bytes\n"
           "together. What the edge vouches for (`user`, `session`) is in the envelope, what a browser said in the\n"
           "message, and the two never mix. A browser that sends one of these messages is refused.\n\n"
           "| offset | size | field |\n|---|---|---|\n"
           "| 0 | 2 | magic, `RK` |\n| 2 | 2 | version |\n| 4 | 2 | type: code of the message |\n"
           "| 6 | 2 | flags: 1 admin, 2 ephemeral, 4 reply |\n"
           "| 8 | 4 | deadline_ms: time left when sent; 0: none |\n| 12 | 4 | zero |\n"
           "| 16 | 8 | link_seq: number of the frame on its link |\n| 24 | 8 | correlation |\n"
           "| 32 | 8 | epoch: of the sender's lease on the shard of `key` |\n| 40 | 8 | from |\n"
           "| 48 | 8 | reply_to; 0: from |\n| 56 | 8 | key: room or user the message is about |\n"
           "| 64 | 8 | user: on whose behalf; 0: the system's |\n| 72 | 8 | session |\n\n"
           "An address has its role in bits 60-63 (1 edge, 2 room, 3 persist, 4 accounts), its instance in bits\n"
           "32-47 and the nonce of its boot in bits 0-31.\n\n## Messages of links\n\n",
           LIM_LINK_FRAME_BYTES_MAX);
    for (size_t i = 0; i < count; i++)
        if (!s_is_for_browsers(&shapes[i]))
            s_print_message(&shapes[i]);
    printf("## Records of their lists\n\n");
    shapes = rec_shapes(&count);
    for (size_t i = 0; i < count; i++) {
        if (s_is_used((enum rec_type)i, s_is_for_browsers))
            continue;
        printf("### `%s`\n\n%s.\n", shapes[i].name, shapes[i].doc);
        s_print_field_table(&shapes[i]);
    }
}

static void s_print_intro(void)
{
    printf(
        "<!-- Printed by proto/gen_proto.c from messages.def, errors.def, close.def and limits.h: change those. -->\n"
        "# Rookery's protocol, version %d\n\n"
        "Part 1 is for clients: the WebSocket. HTTP speaks the same messages in JSON, see HTTP.md. Part 2 is what\n"
        "actors say to each other; a client never meets it.\n\n"
        "# Part 1: the socket\n\n"
        "## Transport\n\n"
        "WebSocket at `/ws`. The client offers one of two subprotocols; a WebSocket frame is one message.\n\n"
        "| subprotocol | frames | a message |\n|---|---|---|\n"
        "| `rookery.v%d.msgpack` | binary | a MessagePack array `[code, field, field …]` with exactly the fields of "
        "its table, in that order |\n"
        "| `rookery.v%d.json` | text | an object `{\"type\": name, field: …}` with exactly those fields, in any order "
        "|\n\n"
        "Anything else is refused: a missing, doubled or unknown field, a value outside its bound, bytes after the\n"
        "end, nesting deeper than %d, a client's frame above %d bytes. Text is UTF-8 without control characters\n"
        "except tab and line feed.\n\n"
        "| type | MessagePack | JSON |\n|---|---|---|\n"
        "| U53 | unsigned integer up to 2^53-1 | integer |\n"
        "| UINT | unsigned integer | integer; the `kind` of an event is its name, or a number if it has none here |\n"
        "| BOOL | boolean | boolean |\n"
        "| CID | bin of 16 bytes | ULID, 26 characters |\n"
        "| STR | str | string |\n"
        "| BIN | bin | base64url without padding |\n"
        "| RAW | any value, no ext | the `body` of an event: an object of its kind's fields, or null; of an unknown "
        "kind: base64url of its MessagePack bytes |\n"
        "| CODE | number of an error | name of an error |\n"
        "| LIST | array of arrays, without codes | array of objects |\n\n"
        "Times are UTC in milliseconds.\n\n",
        PROTO_VERSION, PROTO_VERSION, PROTO_VERSION, LIM_DEPTH_MAX, LIM_CLIENT_FRAME_BYTES_MAX);
    printf(
        "## Order of messages\n\n"
        "```\n"
        "client                              server\n"
        "  |<------------------------------- hi            versions, limits\n"
        "  | hello (token, rooms to resume)->|             within %d ms of opening\n"
        "  |<------------------------------- welcome       me, my rooms; or err and a close\n"
        "  |<------------------------------- sub_ok        for each room to resume: delta, snapshot or reset\n"
        "  |<------------------------------- event …       the backfill of that room\n"
        "  |<------------------------------- live          from here on it happens now\n"
        "  | sub (room) -------------------->|             show another room: sub_ok, event …, live again\n"
        "  | room_post (client_id) --------->|             answered by ack or nack\n"
        "  |<------------------------------- event         the same bytes for everybody, the author included\n"
        "  |<------------------------------- ack           after the event\n"
        "```\n\n"
        "Nothing is served before `hello`. Rooms that are not shown are watched: their `heads` come, their events do\n"
        "not. Requests with a `client_id` are answered by exactly one `ack` or `nack`; other refusals come as `err`.\n"
        "`heartbeat` is answered in kind. `auth` renews the access token without a new socket.\n",
        LIM_HELLO_MS);
    s_print_close_table();
    printf(
        "## Rules for clients\n\n"
        "1. Of a room apply only the event after the last one applied. Ignore lower ones. On a jump send `sub` with\n"
        "   the last one applied. An event whose kind is unknown counts.\n"
        "2. After `sub_ok` in mode 0 nothing is missing. In mode 1 (snapshot) after+1 … base-1 is unloaded: drop older\n"
        "   cached pages and load them as history when they are wanted. In mode 2 (reset) drop all of the room.\n"
        "3. On `gap`, or when a room stays below its head for 2 s, send `sub`.\n"
        "4. Keep what you send until its `ack`, a `nack` with `final`, or its own event. Send it again unchanged, with\n"
        "   the same `client_id`, after each `welcome`: a repeat is answered like the first. One unanswered `room_post`\n"
        "   a room, in order, so that order survives a refusal.\n"
        "5. Come back with full jitter: a random wait up to 250 ms · 2^n, at most 30 s; at once when the network or\n"
        "   the page comes back. After a close 44xx do not come back before its cause is gone.\n"
        "6. Send `typing` at most once in %d ms; a typist not heard of for %d ms is gone. `typists` and `presence` may\n"
        "   be lost.\n"
        "7. Two heartbeats without any frame mean that the link is dead: close and come back.\n\n",
        LIM_TYPING_SEND_MS, LIM_TYPING_EXPIRE_MS);
}

static void s_print_md(void)
{
    s_print_intro();
    s_print_browser_part();
    s_print_error_table();
    s_print_link_part();
}

int main(int argc, char **argv)
{
    if (argc == 2 && strcmp(argv[1], "ts") == 0) {
        s_print_ts();
    } else if (argc == 2 && strcmp(argv[1], "md") == 0) {
        s_print_md();
    } else {
        fprintf(stderr, "usage: gen_proto ts|md\n");
        return 2;
    }
    return fflush(stdout) || ferror(stdout) ? 1 : 0;
}
