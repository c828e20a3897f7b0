/* Files: uploaded and downloaded a piece at a time. A piece is read from the one side when the other has taken the one
 * before it, so that a slow browser or a slow store costs one piece of memory. Pieces on their way to and from the store
 * are bounded too: the others wait for their turn, and nothing else on that link waits for them. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "edge/http.h"
#include "proto/file_type.h"

enum { FILES_RETRY_MS = 2000 };

struct transfer {
    struct transfer *next;
    struct http_conn *conn;
    uint64_t room, user, session, file;
    uint64_t bytes;      /* of the file */
    uint64_t no;         /* the piece at hand */
    uint64_t from, upto; /* of a download: the bytes asked for, upto not included */
    uint64_t turn;       /* waits to ask; 0: does not */
    bool admin, is_upload, has_asked, is_stored;
    struct file_type found;
    uint32_t said_len;
    char said[LIM_FILE_TYPE_BYTES_MAX];
    char range[64], if_range[80], if_none_match[80]; /* the request's, as far as they fit; empty: none */
};

static void s_on_piece_in(struct http_conn *conn, view_t piece);
static void s_more(struct http_conn *conn);
static void s_gone(struct http_conn *conn);
static void s_ask_now(struct transfer *self);

static const struct http_source s_source = {.more = s_more, .piece = s_on_piece_in, .gone = s_gone};

/* ---- whose turn it is ------------------------------------------------------------------------------------------- */

static void s_pump(struct edge *edge)
{
    while (edge->file_asks < LIM_FILE_ASKS_MAX) {
        struct transfer *next = NULL;
        for (struct transfer *at = edge->transfers; at; at = at->next)
            if (at->turn && (!next || at->turn < next->turn))
                next = at;
        if (!next)
            return;
        next->turn = 0;
        s_ask_now(next);
    }
}

/* Its piece goes to the store, or is asked for, when it is its turn. */
static void s_ask(struct transfer *self)
{
    self->turn = ++self->conn->edge->file_turns;
    s_pump(self->conn->edge);
}

/* Its piece has arrived, or never will. */
static void s_answered(struct transfer *self)
{
    if (self->has_asked)
        self->conn->edge->file_asks--;
    self->has_asked = false;
}

static bool s_ignore(struct edge *edge, struct ask *ask, const struct answer *answer)
{
    (void)edge;
    (void)ask;
    (void)answer;
    return true;
}

static void s_gone(struct http_conn *conn)
{
    struct transfer *self = conn->source_state;
    struct edge *edge = conn->edge;
    s_answered(self);
    for (struct transfer **at = &edge->transfers; *at; at = &(*at)->next) {
        if (*at == self) {
            *at = self->next;
            break;
        }
    }
    if (self->is_upload && !self->is_stored && self->bytes) { /* its pieces need not wait for the sweep */
        const struct msg msg = {.type = MSG_STORE_FILE_DROP, .as.store_file_drop = {
            .room = self->room, .file = self->file, .user = self->user}};
        (void)asks_send_msg(edge->asks, &(struct ask_spec){.to = ASK_PERSIST, .done = s_ignore, .user = self->user}, &msg);
    }
    free(self);
    conn->source_state = NULL;
    s_pump(edge);
}

/* ERR_OK: one more is allowed. */
static err_t s_admit(const struct edge *edge, uint64_t user, bool is_upload, uint64_t *limit_out)
{
    size_t all = 0, own = 0;
    for (const struct transfer *at = edge->transfers; at; at = at->next) {
        all += at->is_upload == is_upload;
        own += at->is_upload == is_upload && at->user == user;
    }
    const size_t own_max = is_upload ? LIM_UPLOADS_USER_MAX : LIM_DOWNLOADS_USER_MAX;
    *limit_out = own >= own_max ? own_max : is_upload ? LIM_UPLOADS_MAX : LIM_DOWNLOADS_MAX;
    return own >= own_max ? ERR_RATE_LIMITED : all >= *limit_out ? ERR_OVERLOADED : ERR_OK;
}

/* NULL: refused, and answered. */
static struct transfer *s_new(struct http_conn *conn, const struct http_call *call, bool is_upload)
{
    uint64_t limit;
    err_t err = s_admit(conn->edge, call->identity.user, is_upload, &limit);
    struct transfer *self = err ? NULL : calloc(1, sizeof *self);
    if (!self) {
        http_problem(conn, err ? err : ERR_NO_MEMORY, FILES_RETRY_MS, err ? limit : 0);
        return NULL;
    }
    *self = (struct transfer){.next = conn->edge->transfers, .conn = conn, .room = call->ids[0], .is_upload = is_upload,
                              .user = call->identity.user, .session = call->identity.session,
                              .admin = call->identity.admin};
    conn->edge->transfers = self;
    conn->source = &s_source;
    conn->source_state = self;
    return self;
}

/* ---- upload ----------------------------------------------------------------------------------------------------- */

static void s_next_piece(struct transfer *self)
{
    uint64_t left = self->conn->body_left;
    http_conn_read_piece(self->conn, left < LIM_FILE_CHUNK_BYTES ? (size_t)left : LIM_FILE_CHUNK_BYTES);
}

static bool s_on_end(struct edge *edge, struct ask *ask, const struct answer *answer)
{
    struct http_conn *conn = ask->spec.owner;
    struct transfer *self = conn->source_state;
    struct msg msg;
    if (asks_is_for_later(answer)) {
        asks_later(ask, answer, edge->now_ms);
        return false;
    }
    if (!http_got(conn, answer, MSG_FILE_STORED, &msg))
        return true;
    self->is_stored = true;
    http_reply_message(conn, 201, answer->body);
    return true;
}

static void s_end(struct transfer *self)
{
    view_t mime = self->found.type ? view_of_text(self->found.type)
                                   : file_type_said(view_of((const uint8_t *)self->said, self->said_len));
    const struct msg msg = {.type = MSG_STORE_FILE_END, .as.store_file_end = {
        .file = self->file, .user = self->user, .mime = mime, .width = self->found.width, .height = self->found.height,
        .at_ms = (uint64_t)self->conn->edge->utc_ms}};
    http_ask(self->conn, (struct ask_spec){.to = ASK_PERSIST, .done = s_on_end, .user = self->user}, &msg);
}

static bool s_on_taken(struct edge *edge, struct ask *ask, const struct answer *answer)
{
    struct http_conn *conn = ask->spec.owner;
    struct transfer *self = conn->source_state;
    struct msg msg;
    if (asks_is_for_later(answer)) { /* worth a wait: all would have to be sent again */
        asks_later(ask, answer, edge->now_ms);
        return false;
    }
    s_answered(self);
    if (!http_got(conn, answer, MSG_STORE_OK, &msg)) {
        s_pump(edge);
        return true;
    }
    self->no++;
    if (auth_is_revoked(edge->auth, self->session))
        http_problem(conn, ERR_TOKEN_REVOKED, 0, 0);
    else if (conn->body_left)
        s_next_piece(self);
    else
        s_end(self);
    s_pump(edge);
    return true;
}

static void s_on_piece_in(struct http_conn *conn, view_t piece)
{
    struct transfer *self = conn->source_state;
    if (self->no == 0)
        self->found = file_type_of(piece);
    s_ask(self);
}

static bool s_on_begun(struct edge *edge, struct ask *ask, const struct answer *answer)
{
    struct http_conn *conn = ask->spec.owner;
    struct transfer *self = conn->source_state;
    struct msg msg;
    if (!answer->err && answer->type == MSG_FILE_STORED) { /* by an earlier try */
        conn->ask = NULL;
        self->is_stored = true;
        http_reply_message(conn, 200, answer->body);
        return true;
    }
    if (answer->err == ERR_QUOTA) {
        conn->ask = NULL;
        self->is_stored = true; /* nothing to give up */
        http_problem(conn, ERR_QUOTA, 0, (uint64_t)edge->config->files_mib_per_user << 20);
        return true;
    }
    if (!http_got(conn, answer, MSG_STORE_OK, &msg))
        return true;
    if (conn->body_left)
        s_next_piece(self);
    else
        s_end(self);
    return true;
}

void http_file_put(struct http_conn *conn, const struct http_call *call)
{
    char name[HTTP_PARAM_BYTES_MAX + 1], cid[HTTP_PARAM_BYTES_MAX + 1];
    cid_t client_id;
    view_t params = call->request->query, type = call->request->headers[HTTP_HEADER_CONTENT_TYPE];
    if (conn->edge->config->file_mib == 0) {
        http_problem(conn, ERR_NO_UPLOADS, 0, 0);
        return;
    }
    if (!http_param(params, "name", name) || !file_name_is_sound(view_of_text(name)) ||
        !http_param(params, "client_id", cid) || !cid_from_text(cid, strlen(cid), &client_id)) {
        http_problem(conn, ERR_OUT_OF_RANGE, 0, LIM_FILE_NAME_BYTES_MAX);
        return;
    }
    struct transfer *self = s_new(conn, call, true);
    if (!self)
        return;
    self->bytes = conn->body_left;
    self->file = id_random();
    self->said_len = type.len <= sizeof self->said ? (uint32_t)type.len : 0;
    if (self->said_len)
        memcpy(self->said, type.bytes, type.len);
    const struct msg msg = {.type = MSG_ROOM_FILE_BEGIN, .as.room_file_begin = {
        .room = self->room, .file = self->file, .client_id = client_id, .name = view_of_text(name), .bytes = self->bytes,
        .quota = (uint64_t)conn->edge->config->files_mib_per_user << 20, .at_ms = (uint64_t)conn->edge->utc_ms}};
    http_ask(conn, (struct ask_spec){.to = ASK_OWNER, .done = s_on_begun, .key = self->room, .user = self->user,
                                     .admin = self->admin}, &msg);
}

/* ---- download --------------------------------------------------------------------------------------------------- */

static bool s_is_shown(view_t mime)
{
    static const char *const shown[] = {"image/png", "image/jpeg", "image/gif", "image/webp"};
    for (size_t i = 0; i < sizeof shown / sizeof shown[0]; i++)
        if (view_is_equal(mime, view_of_text(shown[i])))
            return true;
    return false;
}

/* Only what was found to be an image is shown by a browser, and nothing it loads may run. RFC 8187 for the name. */
static void s_print_headers(const struct msg_file_part *part, const char *etag, char *out, size_t size)
{
    int at = snprintf(out, size,
                      "Cache-Control: private, no-cache\r\nETag: %s\r\nAccept-Ranges: bytes\r\n"
                      "Content-Security-Policy: default-src 'none'; sandbox\r\nContent-Disposition: %s; "
                      "filename=\"file\"; filename*=UTF-8''", etag, s_is_shown(part->mime) ? "inline" : "attachment");
    for (size_t i = 0; i < part->name.len; i++) {
        uint8_t byte = part->name.bytes[i];
        bool plain = (byte >= '0' && byte <= '9') || (byte >= 'a' && byte <= 'z') || (byte >= 'A' && byte <= 'Z') ||
                     byte == '.' || byte == '-' || byte == '_';
        at += snprintf(out + at, size - (size_t)at, plain ? "%c" : "%%%02X", byte);
    }
    snprintf(out + at, size - (size_t)at, "\r\n");
}

typedef enum { RANGE_NONE, RANGE_PART, RANGE_BAD } range_t;

/* One range, as RFC 9110 has it. Several, or what is none, is as if it were not said. */
static range_t s_range(const char *text, uint64_t bytes, uint64_t *from_out, uint64_t *upto_out)
{
    uint64_t from = 0, last = 0;
    const char *dash = strncmp(text, "bytes=", 6) == 0 ? strchr(text + 6, '-') : NULL;
    if (!dash)
        return RANGE_NONE;
    view_t first = view_of((const uint8_t *)text + 6, (size_t)(dash - text - 6)), second = view_of_text(dash + 1);
    bool has_from = first.len > 0, has_last = second.len > 0;
    if ((!has_from && !has_last) || (has_from && !http_number(first, ID_MAX, &from)) ||
        (has_last && !http_number(second, ID_MAX, &last)) || (has_from && has_last && last < from))
        return RANGE_NONE;
    if (!has_from) {
        if (last == 0 || bytes == 0)
            return RANGE_BAD;
        *from_out = last < bytes ? bytes - last : 0;
        *upto_out = bytes;
        return RANGE_PART;
    }
    if (from >= bytes)
        return RANGE_BAD;
    *from_out = from;
    *upto_out = has_last && last < bytes ? last + 1 : bytes;
    return RANGE_PART;
}

static void s_refuse_range(struct http_conn *conn, uint64_t bytes)
{
    char extra[64];
    snprintf(extra, sizeof extra, "Content-Range: bytes */%" PRIu64 "\r\n", bytes);
    http_problem_with(conn, ERR_BAD_RANGE, 0, 0, extra);
}

static void s_begin(struct http_conn *conn, struct transfer *self, const struct msg_file_part *part)
{
    char etag[40] = "\"", headers[3 * LIM_FILE_NAME_BYTES_MAX + 384];
    for (size_t i = 0; i < 16 && i < part->digest.len; i++)
        snprintf(etag + 1 + 2 * i, 3, "%02x", part->digest.bytes[i]);
    strncat(etag, "\"", 2);
    s_print_headers(part, etag, headers, sizeof headers);
    self->bytes = self->upto = part->bytes;
    if (self->if_none_match[0] && (strstr(self->if_none_match, etag) || strcmp(self->if_none_match, "*") == 0)) {
        http_reply_static(conn, 304, NULL, view_of(NULL, 0), headers);
        return;
    }
    bool whole = self->if_range[0] && strcmp(self->if_range, etag) != 0;
    range_t range = self->range[0] && !whole ? s_range(self->range, part->bytes, &self->from, &self->upto) : RANGE_NONE;
    if (range == RANGE_BAD) {
        s_refuse_range(conn, part->bytes);
        return;
    }
    if (range == RANGE_PART)
        snprintf(headers + strlen(headers), sizeof headers - strlen(headers),
                 "Content-Range: bytes %" PRIu64 "-%" PRIu64 "/%" PRIu64 "\r\n", self->from, self->upto - 1, part->bytes);
    char mime[LIM_FILE_TYPE_BYTES_MAX + 1] = "application/octet-stream";
    if (s_is_shown(part->mime))
        snprintf(mime, sizeof mime, "%.*s", (int)part->mime.len, (const char *)part->mime.bytes);
    http_stream_begin_sized(conn, range == RANGE_PART ? 206 : 200, mime, self->upto - self->from, headers);
    if (conn->head_only || self->from == self->upto) {
        conn->streams = false;
        http_conn_send(conn);
        return;
    }
    self->no = self->from / LIM_FILE_CHUNK_BYTES;
    s_ask(self);
}

static void s_send(struct http_conn *conn, struct transfer *self, view_t data)
{
    uint64_t at = self->no * LIM_FILE_CHUNK_BYTES;
    size_t skip = self->from > at ? (size_t)(self->from - at) : 0;
    size_t end = self->upto - at < data.len ? (size_t)(self->upto - at) : data.len;
    bool is_last = at + end == self->upto;
    if (end <= skip || (!is_last && data.len != LIM_FILE_CHUNK_BYTES)) { /* not what the file is said to be */
        http_conn_close(conn);
        return;
    }
    self->no++;
    view_t part = view_of(data.bytes + skip, end - skip);
    if (is_last)
        http_stream_end(conn, part);
    else
        http_stream_part(conn, part);
}

static bool s_on_part(struct edge *edge, struct ask *ask, const struct answer *answer)
{
    struct http_conn *conn = ask->spec.owner;
    struct transfer *self = conn->source_state;
    const bool is_first = ask->spec.a == ID_MAX;
    struct msg msg;
    if (!is_first && asks_is_for_later(answer)) {
        asks_later(ask, answer, edge->now_ms);
        return false;
    }
    s_answered(self);
    if (is_first) {
        if (http_got(conn, answer, MSG_FILE_PART, &msg))
            s_begin(conn, self, &msg.as.file_part);
    } else {
        conn->ask = NULL;
        if (answer->err || answer->type != MSG_FILE_PART || msg_decode(answer->body, &msg) ||
            msg.as.file_part.no != self->no)
            http_conn_close(conn); /* a cut, which its length tells */
        else
            s_send(conn, self, msg.as.file_part.data);
    }
    s_pump(edge);
    return true;
}

static void s_ask_part(struct transfer *self, uint64_t no)
{
    const struct msg msg = {.type = MSG_ROOM_FILE_GET, .as.room_file_get = {
        .room = self->room, .file = self->file, .no = no}};
    http_ask(self->conn, (struct ask_spec){.to = ASK_OWNER, .done = s_on_part, .key = self->room, .user = self->user,
                                           .admin = self->admin, .a = no}, &msg);
}

static void s_more(struct http_conn *conn)
{
    struct transfer *self = conn->source_state;
    if (auth_is_revoked(conn->edge->auth, self->session))
        http_conn_close(conn);
    else
        s_ask(self);
}

/* Its turn has come. */
static void s_ask_now(struct transfer *self)
{
    struct edge *edge = self->conn->edge;
    struct ask_spec spec = {.to = ASK_PERSIST, .done = s_on_taken, .owner = self->conn, .user = self->user};
    struct msg msg = {.type = MSG_STORE_FILE_CHUNK};
    if (self->is_upload) {
        msg.as.store_file_chunk = (struct msg_store_file_chunk){
            .file = self->file, .user = self->user, .no = self->no, .at_ms = (uint64_t)edge->utc_ms,
            .data = view_of(self->conn->in, self->conn->in_need)};
    } else {
        spec = (struct ask_spec){.to = ASK_OWNER, .done = s_on_part, .owner = self->conn, .key = self->room,
                                 .user = self->user, .admin = self->admin, .a = self->no};
        msg = (struct msg){.type = MSG_ROOM_FILE_GET, .as.room_file_get = {
            .room = self->room, .file = self->file, .no = self->no}};
    }
    edge->file_asks++;
    self->has_asked = true;
    self->conn->ask = asks_send_msg(edge->asks, &spec, &msg);
    if (self->conn->ask)
        return;
    if (self->is_upload)
        http_problem(self->conn, ERR_OVERLOADED, FILES_RETRY_MS, 0);
    else
        http_conn_close(self->conn);
}

/* As far as it fits: what is longer is none of ours. */
static void s_copy(view_t value, char *text, size_t size)
{
    if (value.len == 0 || value.len >= size)
        return;
    memcpy(text, value.bytes, value.len);
    text[value.len] = '\0';
}

void http_file_get(struct http_conn *conn, const struct http_call *call)
{
    struct transfer *self = s_new(conn, call, false);
    if (!self)
        return;
    const view_t *headers = call->request->headers;
    self->file = call->ids[1];
    s_copy(headers[HTTP_HEADER_RANGE], self->range, sizeof self->range);
    s_copy(headers[HTTP_HEADER_IF_RANGE], self->if_range, sizeof self->if_range);
    s_copy(headers[HTTP_HEADER_IF_NONE_MATCH], self->if_none_match, sizeof self->if_none_match);
    s_ask_part(self, ID_MAX);
}

static bool s_on_dropped(struct edge *edge, struct ask *ask, const struct answer *answer)
{
    (void)edge;
    struct http_conn *conn = ask->spec.owner;
    struct msg msg;
    if (!http_got(conn, answer, MSG_STORE_OK, &msg))
        return true;
    if (msg.as.store_ok.value)
        http_reply(conn, 204, NULL, view_of(NULL, 0), NULL);
    else
        http_problem(conn, ERR_NO_FILE, 0, 0);
    return true;
}

void http_file_drop(struct http_conn *conn, const struct http_call *call)
{
    const struct msg msg = {.type = MSG_STORE_FILE_DROP, .as.store_file_drop = {
        .room = call->ids[0], .file = call->ids[1], .user = call->identity.user}};
    http_ask(conn, (struct ask_spec){.to = ASK_PERSIST, .done = s_on_dropped, .user = call->identity.user}, &msg);
}
