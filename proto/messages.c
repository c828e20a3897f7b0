#include "proto/messages.h"

#include <assert.h>
#include <string.h>

/* ---- the table ---- */

/* The bytes of one member, rounded up to 8. A struct is its members end to end: proved right below. */
#define SIZE_U53  8
#define SIZE_UINT 8
#define SIZE_BOOL 8
#define SIZE_CID  16
#define SIZE_VIEW sizeof(view_t)
#define SIZE_CODE 8
#define SIZE_LIST sizeof(list_t)

_Static_assert(sizeof(view_t) % 8 == 0 && sizeof(list_t) % 8 == 0, "whole words");
_Static_assert(sizeof(cid_t) == SIZE_CID, "whole words");
_Static_assert(sizeof(err_t) <= SIZE_CODE && sizeof(bool) <= SIZE_BOOL, "rounded up to a word");

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
#define U53(field, doc)            +SIZE_U53
#define UINT(field, max, doc)      +SIZE_UINT
#define BOOL(field, doc)           +SIZE_BOOL
#define CID(field, doc)            +SIZE_CID
#define STR(field, max, doc)       +SIZE_VIEW
#define BIN(field, max, doc)       +SIZE_VIEW
#define RAW(field, max, doc)       +SIZE_VIEW
#define CODE(field, doc)           +SIZE_CODE
#define LIST(field, rec, max, doc) +SIZE_LIST
#define MSG(code, NAME, name, who, doc) _Static_assert(sizeof(struct msg_##name) == 0
#define MSG_END(name) , "msg_" #name " is its members end to end");
#define REC(name, doc) _Static_assert(sizeof(struct rec_##name) == 0
#define REC_END(name) , "rec_" #name " is its members end to end");
#define KIND(number, NAME, name, doc) _Static_assert(sizeof(struct kind_##name) == 0
#define KIND_END(name) , "kind_" #name " is its members end to end");
#include "proto/messages.def"
#include "proto/messages_undef.h"

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
#define ROW_(field, type_, max_, rec_, doc_)                                                                 \
    {.name = #field, .type = type_, .max = max_, .rec = rec_, .doc = doc_},
#define U53(field, doc)             ROW_(field, F_U53, ID_MAX, REC_COUNT, doc)
#define UINT(field, max, doc)       ROW_(field, F_UINT, max, REC_COUNT, doc)
#define BOOL(field, doc)            ROW_(field, F_BOOL, 1, REC_COUNT, doc)
#define CID(field, doc)             ROW_(field, F_CID, CID_BYTES, REC_COUNT, doc)
#define STR(field, max, doc)        ROW_(field, F_STR, max, REC_COUNT, doc)
#define BIN(field, max, doc)        ROW_(field, F_BIN, max, REC_COUNT, doc)
#define RAW(field, max, doc)        ROW_(field, F_RAW, max, REC_COUNT, doc)
#define CODE(field, doc)            ROW_(field, F_CODE, 0, REC_COUNT, doc)
#define LIST(field, rec_, max, doc) ROW_(field, F_LIST, max, REC_##rec_, doc)
#define MSG(code, NAME, name, who, doc) static const struct field_row s_msg_##name[] = {
#define MSG_END(name) };
#define REC(name, doc) static const struct field_row s_rec_##name[] = {
#define REC_END(name) };
#define KIND(number, NAME, name, doc) static const struct field_row s_kind_##name[] = {
#define KIND_END(name) };
#include "proto/messages.def"
#include "proto/messages_undef.h"

#define FIELDS_(rows) .fields = rows, .field_count = sizeof rows / sizeof rows[0]

static const struct shape_row s_messages[] = {
#undef MSG
#define MSG(code_, NAME, name_, who_, doc_)                                                                  \
    {.code = code_, .symbol = #NAME, .name = #name_, .who = who_, .doc = doc_, FIELDS_(s_msg_##name_)},
#include "proto/messages.def"
#include "proto/messages_undef.h"
};

static const struct shape_row s_records[] = {
#undef REC
#define REC(name_, doc_)                                                                                     \
    {.code = REC_##name_, .symbol = #name_, .name = #name_, .doc = doc_, FIELDS_(s_rec_##name_)},
#include "proto/messages.def"
#include "proto/messages_undef.h"
};

static const struct shape_row s_kinds[] = {
#undef KIND
#define KIND(number, NAME, name_, doc_)                                                                      \
    {.code = number, .symbol = #NAME, .name = #name_, .doc = doc_, FIELDS_(s_kind_##name_)},
#include "proto/messages.def"
#include "proto/messages_undef.h"
};

enum {
    MESSAGES = sizeof s_messages / sizeof s_messages[0],
    RECORDS = sizeof s_records / sizeof s_records[0],
    KINDS = sizeof s_kinds / sizeof s_kinds[0],
};

enum message_index {
#undef MSG
#define MSG(code, NAME, name, who, doc) INDEX_##name,
#include "proto/messages.def"
#include "proto/messages_undef.h"
};

const struct shape_row *msg_shapes(size_t *count_out)
{
    *count_out = MESSAGES;
    return s_messages;
}

const struct shape_row *rec_shapes(size_t *count_out)
{
    *count_out = RECORDS;
    return s_records;
}

const struct shape_row *kind_shapes(size_t *count_out)
{
    *count_out = KINDS;
    return s_kinds;
}

/* A switch, so that the compiler refuses a code that is used twice and searches for us. */
const struct shape_row *msg_shape(uint16_t type)
{
    switch (type) {
#undef MSG
#define MSG(code, NAME, name, who, doc)                                                                      \
    case code: return &s_messages[INDEX_##name];
#include "proto/messages.def"
#include "proto/messages_undef.h"
    default: return NULL;
    }
}

const struct shape_row *kind_shape(uint32_t kind)
{
    for (size_t i = 0; i < KINDS; i++)
        if (s_kinds[i].code == kind)
            return &s_kinds[i];
    return NULL;
}

const struct shape_row *msg_shape_by_name(const char *name, size_t len)
{
    for (size_t i = 0; i < MESSAGES; i++)
        if (strlen(s_messages[i].name) == len && memcmp(s_messages[i].name, name, len) == 0)
            return &s_messages[i];
    return NULL;
}

bool msg_may_send(uint16_t type, unsigned who)
{
    const struct shape_row *shape = msg_shape(type);
    return shape && (shape->who & who);
}

/* The struct of such a message is its members end to end, and begins with room and client id; ROOM_CREATE and
 * ROOM_DIRECT lack the room. The test over the whole table keeps it so. */
bool msg_request_head(const struct msg *msg, uint64_t *room_out, const cid_t **client_id_out)
{
    if (msg->type >> 8 != 0x01)
        return false;
    bool is_create = msg->type == MSG_ROOM_CREATE || msg->type == MSG_ROOM_DIRECT;
    *room_out = is_create ? 0 : msg->as.room_join.room;
    *client_id_out = is_create ? &msg->as.room_create.client_id : &msg->as.room_join.client_id;
    return true;
}

const char *msg_name(uint16_t type)
{
    const struct shape_row *shape = msg_shape(type);
    return shape ? shape->name : "unknown";
}

const char *kind_name(uint32_t kind)
{
    const struct shape_row *shape = kind_shape(kind);
    return shape ? shape->name : "unknown";
}

static size_t s_size_of(field_type_t type)
{
    switch (type) {
    case F_CID: return SIZE_CID;
    case F_STR:
    case F_BIN:
    case F_RAW: return SIZE_VIEW;
    case F_LIST: return SIZE_LIST;
    case F_U53:
    case F_UINT:
    case F_BOOL:
    case F_CODE: break;
    }
    return SIZE_U53;
}

static bool s_is_error(uint64_t number)
{
    err_t err;
    const char *symbol;
    for (size_t i = 0; err_row(i, &err, &symbol); i++)
        if ((uint64_t)err == number)
            return true;
    return false;
}

/* ---- decode ---- */

static err_t s_read_fields(reader_t *reader, const struct shape_row *shape, void *struct_out);

static err_t s_read_record(reader_t *reader, const struct shape_row *shape, void *rec_out)
{
    size_t count;
    err_t err = reader_array(reader, SIZE_MAX, &count);
    if (err)
        return err;
    if (count != shape->field_count)
        return ERR_WRONG_FIELDS;
    return s_read_fields(reader, shape, rec_out);
}

static err_t s_read_list(reader_t *reader, const struct field_row *row, list_t *list_out)
{
    size_t count;
    err_t err = reader_array(reader, (size_t)row->max, &count);
    if (err)
        return err;
    const uint8_t *first = reader->pos;
    for (size_t i = 0; i < count; i++) {
        err = s_read_record(reader, &s_records[row->rec], NULL);
        if (err)
            return err;
    }
    if (list_out)
        *list_out = (list_t){.bytes = first, .len = (size_t)(reader->pos - first), .count = count};
    return ERR_OK;
}

static err_t s_read_cid(reader_t *reader, cid_t *cid_out)
{
    view_t bytes;
    err_t err = reader_bin(reader, CID_BYTES, &bytes);
    if (err)
        return err;
    if (bytes.len != CID_BYTES)
        return ERR_OUT_OF_RANGE;
    if (cid_out)
        memcpy(cid_out->bytes, bytes.bytes, CID_BYTES);
    return ERR_OK;
}

static err_t s_read_code(reader_t *reader, err_t *code_out)
{
    uint64_t number;
    err_t err = reader_uint(reader, UINT16_MAX, &number);
    if (err)
        return err;
    if (!s_is_error(number))
        return ERR_OUT_OF_RANGE;
    if (code_out)
        *code_out = (err_t)number;
    return ERR_OK;
}

static err_t s_read_view(reader_t *reader, const struct field_row *row, view_t *view_out)
{
    size_t max = (size_t)row->max;
    view_t view;
    err_t err = row->type == F_STR   ? reader_text(reader, max, &view)
                : row->type == F_BIN ? reader_bin(reader, max, &view)
                                     : reader_value(reader, max, LIM_DEPTH_MAX, &view);
    if (!err && view_out)
        *view_out = view;
    return err;
}

/* `member` NULL: check only. */
static err_t s_read_field(reader_t *reader, const struct field_row *row, void *member)
{
    uint64_t number = 0;
    bool flag = false;
    err_t err;
    switch (row->type) {
    case F_U53:
        err = reader_uint(reader, row->max, &number);
        if (!err && member)
            *(uint64_t *)member = number;
        return err;
    case F_UINT:
        err = reader_uint(reader, row->max, &number);
        if (!err && member)
            *(uint32_t *)member = (uint32_t)number;
        return err;
    case F_BOOL:
        err = reader_bool(reader, &flag);
        if (!err && member)
            *(bool *)member = flag;
        return err;
    case F_CID: return s_read_cid(reader, member);
    case F_CODE: return s_read_code(reader, member);
    case F_LIST: return s_read_list(reader, row, member);
    case F_STR:
    case F_BIN:
    case F_RAW: return s_read_view(reader, row, member);
    }
    return ERR_INTERNAL;
}

static err_t s_read_fields(reader_t *reader, const struct shape_row *shape, void *struct_out)
{
    uint8_t *member = struct_out;
    for (size_t i = 0; i < shape->field_count; i++) {
        err_t err = s_read_field(reader, &shape->fields[i], member);
        if (err)
            return err;
        if (member)
            member += s_size_of(shape->fields[i].type);
    }
    return ERR_OK;
}

static err_t s_read_type(reader_t *reader, size_t *count_out, uint64_t *type_out)
{
    err_t err = reader_array(reader, SIZE_MAX, count_out);
    if (err)
        return err;
    return *count_out == 0 ? ERR_WRONG_FIELDS : reader_uint(reader, UINT64_MAX, type_out);
}

uint16_t msg_peek_type(view_t bytes)
{
    reader_t reader = reader_of(bytes);
    size_t count;
    uint64_t type;
    if (s_read_type(&reader, &count, &type) || type > UINT16_MAX || !msg_shape((uint16_t)type))
        return MSG_NONE;
    return (uint16_t)type;
}

err_t msg_decode(view_t bytes, struct msg *msg_out)
{
    reader_t reader = reader_of(bytes);
    size_t count;
    uint64_t type;
    err_t err = s_read_type(&reader, &count, &type);
    if (err)
        return err;
    const struct shape_row *shape = type <= UINT16_MAX ? msg_shape((uint16_t)type) : NULL;
    if (!shape)
        return ERR_UNKNOWN_TYPE;
    if (count != shape->field_count + 1)
        return ERR_WRONG_FIELDS;
    msg_out->type = (uint16_t)type;
    err = s_read_fields(&reader, shape, &msg_out->as);
    if (err)
        return err;
    return reader_is_done(&reader) ? ERR_OK : ERR_BAD_FRAME;
}

bool rec_next(list_t *list, enum rec_type type, void *rec_out)
{
    if (list->count == 0)
        return false;
    reader_t reader = reader_of(view_of(list->bytes, list->len));
    if (s_read_record(&reader, &s_records[type], rec_out)) {
        *list = (list_t){0}; /* never checked, or of another type: it ends here */
        return false;
    }
    list->bytes = reader.pos;
    list->len = (size_t)(reader.end - reader.pos);
    list->count--;
    return true;
}

err_t kind_decode(uint32_t kind, view_t encoded, void *body_out)
{
    const struct shape_row *shape = kind_shape(kind);
    if (!shape)
        return ERR_UNKNOWN_TYPE;
    reader_t reader = reader_of(encoded);
    err_t err = reader_nil(&reader);
    if (!err)
        return reader_is_done(&reader) ? ERR_DELETED : ERR_BAD_FRAME;
    err = s_read_record(&reader, shape, body_out);
    if (err)
        return err;
    return reader_is_done(&reader) ? ERR_OK : ERR_BAD_FRAME;
}

/* ---- encode ---- */

static bool s_is_one_value(view_t raw, size_t max)
{
    reader_t reader = reader_of(raw);
    view_t value;
    return !reader_value(&reader, max, LIM_DEPTH_MAX, &value) && reader_is_done(&reader);
}

static err_t s_write_view(const struct field_row *row, view_t view, buffer_t *out)
{
    if (view.len > row->max)
        return ERR_OUT_OF_RANGE;
    if (row->type == F_BIN) {
        write_bin(out, view);
    } else if (row->type == F_STR) {
        if (!text_is_clean(view))
            return ERR_OUT_OF_RANGE;
        write_text(out, view);
    } else {
        if (!s_is_one_value(view, (size_t)row->max))
            return ERR_OUT_OF_RANGE;
        write_raw(out, view);
    }
    return out->failed;
}

static err_t s_write_number(const struct field_row *row, uint64_t number, buffer_t *out)
{
    if (row->type == F_CODE ? !s_is_error(number) : number > row->max)
        return ERR_OUT_OF_RANGE;
    write_uint(out, number);
    return out->failed;
}

static err_t s_write_list(const struct field_row *row, const list_t *list, buffer_t *out)
{
    if (list->count > row->max || (list->count == 0) != (list->len == 0))
        return ERR_OUT_OF_RANGE;
    write_array(out, list->count);
    write_raw(out, view_of(list->bytes, list->len));
    return out->failed;
}

static err_t s_write_field(const struct field_row *row, const void *member, buffer_t *out)
{
    switch (row->type) {
    case F_U53: return s_write_number(row, *(const uint64_t *)member, out);
    case F_UINT: return s_write_number(row, *(const uint32_t *)member, out);
    case F_CODE: return s_write_number(row, (uint64_t)*(const err_t *)member, out);
    case F_BOOL: write_bool(out, *(const bool *)member); return out->failed;
    case F_CID: write_bin(out, view_of(member, CID_BYTES)); return out->failed;
    case F_LIST: return s_write_list(row, member, out);
    case F_STR:
    case F_BIN:
    case F_RAW: return s_write_view(row, *(const view_t *)member, out);
    }
    return ERR_INTERNAL;
}

/* The fields behind a head that is written already; a failure takes all back to `before`. */
static err_t s_write_fields(const struct shape_row *shape, const void *source, size_t before, buffer_t *out)
{
    const uint8_t *member = source;
    err_t err = out->failed;
    for (size_t i = 0; !err && i < shape->field_count; i++) {
        err = s_write_field(&shape->fields[i], member, out);
        member += s_size_of(shape->fields[i].type);
    }
    if (err)
        buffer_truncate(out, before);
    return err;
}

err_t msg_encode(const struct msg *msg, buffer_t *out)
{
    const struct shape_row *shape = msg_shape(msg->type);
    if (!shape)
        return ERR_UNKNOWN_TYPE;
    size_t before = out->len;
    write_array(out, shape->field_count + 1);
    write_uint(out, msg->type);
    return s_write_fields(shape, &msg->as, before, out);
}

err_t rec_append(list_writer_t *list, enum rec_type type, const void *rec)
{
    const struct shape_row *shape = &s_records[type];
    size_t before = list->records.len;
    write_array(&list->records, shape->field_count);
    err_t err = s_write_fields(shape, rec, before, &list->records);
    if (!err)
        list->count++;
    return err;
}

err_t kind_encode(uint32_t kind, const void *body, buffer_t *out)
{
    const struct shape_row *shape = kind_shape(kind);
    if (!shape)
        return ERR_UNKNOWN_TYPE;
    size_t before = out->len;
    if (!body) {
        write_nil(out);
        return out->failed;
    }
    write_array(out, shape->field_count);
    return s_write_fields(shape, body, before, out);
}

/* ---- list writer ---- */

void list_writer_init(list_writer_t *self, size_t max_bytes)
{
    buffer_init(&self->records, max_bytes);
    self->count = 0;
}

void list_writer_fini(list_writer_t *self)
{
    buffer_fini(&self->records);
    self->count = 0;
}

void list_writer_clear(list_writer_t *self)
{
    buffer_clear(&self->records);
    self->count = 0;
}

list_t list_of(const list_writer_t *self)
{
    return (list_t){.bytes = self->records.bytes, .len = self->records.len, .count = self->count};
}
