#include "proto/json.h"

#include <assert.h>
#include <jansson.h>
#include <stdio.h>
#include <string.h>

/* What the table alone does not say:
 *   event.kind   its name, or the number of a kind not known here
 *   event.body   null, or an object of the kind's fields; a kind not known here: base64url of the MessagePack bytes
 *   other RAW    the event, or a line's marks, as an object; base64url of the bytes if they are neither
 * So a string is always the bytes themselves, and nothing is lost either way. */

static bool s_is_event(const struct shape_row *shape)
{
    return shape == msg_shape(MSG_EVENT);
}

static bool s_is_event_kind(const struct shape_row *shape, const struct field_row *row)
{
    return row->type == F_UINT && strcmp(row->name, "kind") == 0 && s_is_event(shape);
}

/* A list of records that are nothing but a stored event is a list of events. */
static bool s_is_frame(const struct shape_row *shape)
{
    return shape->field_count == 1 && shape->fields[0].type == F_RAW;
}

/* ---- base64url, without padding ---- */

static const char s_digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

static void s_put_base64(buffer_t *out, view_t bytes)
{
    for (size_t i = 0; i < bytes.len; i += 3) {
        size_t count = bytes.len - i < 3 ? bytes.len - i : 3;
        uint32_t bits = 0;
        char text[4];
        for (size_t j = 0; j < 3; j++)
            bits = bits << 8 | (j < count ? bytes.bytes[i + j] : 0);
        for (size_t j = 0; j < 4; j++)
            text[j] = s_digits[bits >> (18 - 6 * j) & 63];
        buffer_append(out, text, count + 1);
    }
}

/* Only the one spelling that s_put_base64 gives. */
static err_t s_take_base64(const char *text, size_t len, buffer_t *out)
{
    uint32_t bits = 0;
    unsigned bit_count = 0;
    for (size_t i = 0; i < len; i++) {
        const char *digit = text[i] ? strchr(s_digits, text[i]) : NULL;
        if (!digit)
            return ERR_BAD_FRAME;
        bits = bits << 6 | (uint32_t)(digit - s_digits);
        bit_count += 6;
        if (bit_count >= 8) {
            bit_count -= 8;
            uint8_t byte = (uint8_t)(bits >> bit_count);
            buffer_append(out, &byte, 1);
        }
    }
    if (bit_count == 6 || (bits & ((1u << bit_count) - 1)))
        return ERR_BAD_FRAME;
    return out->failed;
}

/* ---- JSON to MessagePack: the shapes lead, every bound is checked by msg_decode at the end ---- */

static err_t s_from_object(const json_t *object, const struct shape_row *shape,
                           const view_t *defaults, bool typed, buffer_t *out);
static err_t s_from_event(const json_t *value, buffer_t *out);

static err_t s_from_number(const json_t *value, buffer_t *out)
{
    if (!json_is_integer(value))
        return ERR_BAD_FRAME;
    json_int_t number = json_integer_value(value);
    if (number < 0)
        return ERR_OUT_OF_RANGE;
    write_uint(out, (uint64_t)number);
    return out->failed;
}

static err_t s_from_cid(const json_t *value, buffer_t *out)
{
    cid_t cid;
    if (!json_is_string(value))
        return ERR_BAD_FRAME;
    if (!cid_from_text(json_string_value(value), json_string_length(value), &cid))
        return ERR_OUT_OF_RANGE;
    write_bin(out, view_of(cid.bytes, CID_BYTES));
    return out->failed;
}

static err_t s_from_code(const json_t *value, buffer_t *out)
{
    if (!json_is_string(value))
        return ERR_BAD_FRAME;
    view_t name = view_of(json_string_value(value), json_string_length(value));
    err_t code = err_by_name((const char *)name.bytes, name.len);
    if (!view_is_equal(name, view_of_text(err_name(code))))
        return ERR_OUT_OF_RANGE; /* the answer for an unknown name is another one's */
    write_uint(out, (uint64_t)code);
    return out->failed;
}

/* Base64url becomes a bin, or with `bare` the bytes themselves. */
static err_t s_from_bytes(const json_t *value, bool bare, buffer_t *out)
{
    if (!json_is_string(value))
        return ERR_BAD_FRAME;
    buffer_t bytes;
    buffer_init(&bytes, out->max);
    err_t err = s_take_base64(json_string_value(value), json_string_length(value), &bytes);
    if (!err) {
        if (bare)
            write_raw(out, buffer_view(&bytes));
        else
            write_bin(out, buffer_view(&bytes));
        err = out->failed;
    }
    buffer_fini(&bytes);
    return err;
}

static uint32_t s_kind_of(const json_t *value)
{
    if (json_is_integer(value)) {
        json_int_t number = json_integer_value(value);
        return number < 0 || number > UINT16_MAX ? UINT32_MAX : (uint32_t)number;
    }
    size_t count;
    const struct shape_row *kinds = kind_shapes(&count);
    for (size_t i = 0; json_is_string(value) && i < count; i++)
        if (strcmp(kinds[i].name, json_string_value(value)) == 0)
            return kinds[i].code;
    return UINT32_MAX; /* msg_decode refuses it */
}

static err_t s_from_body(const json_t *event, const json_t *value, buffer_t *out)
{
    if (json_is_null(value)) {
        write_nil(out);
        return out->failed;
    }
    if (json_is_string(value))
        return s_from_bytes(value, true, out);
    const struct shape_row *kind = kind_shape(s_kind_of(json_object_get(event, "kind")));
    if (!kind)
        return ERR_BAD_FRAME;
    return s_from_object(value, kind, NULL, false, out);
}

static err_t s_from_raw(const json_t *owner, const struct shape_row *shape, const json_t *value,
                        buffer_t *out)
{
    if (s_is_event(shape))
        return s_from_body(owner, value, out);
    return json_is_string(value) ? s_from_bytes(value, true, out) : s_from_event(value, out);
}

static err_t s_from_list(const json_t *value, const struct field_row *row, buffer_t *out)
{
    size_t count;
    const struct shape_row *rec = &rec_shapes(&count)[row->rec];
    if (!json_is_array(value))
        return ERR_BAD_FRAME;
    count = json_array_size(value);
    write_array(out, count);
    err_t err = out->failed;
    for (size_t i = 0; !err && i < count; i++) {
        const json_t *item = json_array_get(value, i);
        if (s_is_frame(rec)) {
            write_array(out, 1);
            err = s_from_raw(NULL, rec, item, out);
        } else {
            err = s_from_object(item, rec, NULL, false, out);
        }
    }
    return err;
}

static err_t s_from_field(const json_t *owner, const struct shape_row *shape,
                          const struct field_row *row, const json_t *value, buffer_t *out)
{
    switch (row->type) {
    case F_U53: return s_from_number(value, out);
    case F_UINT:
        if (!s_is_event_kind(shape, row))
            return s_from_number(value, out);
        write_uint(out, s_kind_of(value));
        return out->failed;
    case F_BOOL:
        if (!json_is_boolean(value))
            return ERR_BAD_FRAME;
        write_bool(out, json_is_true(value));
        return out->failed;
    case F_CID: return s_from_cid(value, out);
    case F_STR:
        if (!json_is_string(value))
            return ERR_BAD_FRAME;
        write_text(out, view_of(json_string_value(value), json_string_length(value)));
        return out->failed;
    case F_BIN: return s_from_bytes(value, false, out);
    case F_CODE: return s_from_code(value, out);
    case F_RAW: return s_from_raw(owner, shape, value, out);
    case F_LIST: return s_from_list(value, row, out);
    }
    return ERR_INTERNAL;
}

/* Every member is a field and every field a member, or one of `defaults`, an encoded message of this shape.
 * `typed`: a message, whose array begins with its code and whose object may have a "type". */
static err_t s_from_object(const json_t *object, const struct shape_row *shape,
                           const view_t *defaults, bool typed, buffer_t *out)
{
    if (!json_is_object(object))
        return ERR_BAD_FRAME;
    reader_t known = reader_of(defaults ? *defaults : view_of(NULL, 0));
    size_t taken = 0, count;
    uint64_t code;
    view_t value_known;
    if (defaults &&
        (reader_array(&known, SIZE_MAX, &count) || reader_uint(&known, UINT16_MAX, &code)))
        return ERR_INTERNAL;
    write_array(out, shape->field_count + typed);
    if (typed) {
        write_uint(out, shape->code);
        taken += json_object_get(object, "type") != NULL;
    }
    for (size_t i = 0; i < shape->field_count; i++) {
        const struct field_row *row = &shape->fields[i];
        const json_t *value = json_object_get(object, row->name);
        if (defaults && reader_value(&known, SIZE_MAX, LIM_DEPTH_MAX, &value_known))
            return ERR_INTERNAL;
        if (!value && !defaults)
            return ERR_WRONG_FIELDS;
        if (!value)
            write_raw(out, value_known);
        err_t err = value ? s_from_field(object, shape, row, value, out) : out->failed;
        if (err)
            return err;
        taken += value != NULL;
    }
    return taken == json_object_size(object) ? ERR_OK : ERR_WRONG_FIELDS;
}

static err_t s_from_event(const json_t *value, buffer_t *out)
{
    const char *type = json_string_value(json_object_get(value, "type"));
    if (!type || (strcmp(type, "event") != 0 && strcmp(type, "marks") != 0))
        return ERR_WRONG_FIELDS;
    return s_from_object(value, msg_shape(*type == 'm' ? MSG_MARKS : MSG_EVENT), NULL, true, out);
}

/* Nesting of the text, known before the parser recurses over it. */
static err_t s_check_depth(view_t json)
{
    int depth = 0;
    bool in_string = false;
    for (size_t i = 0; i < json.len; i++) {
        uint8_t c = json.bytes[i];
        if (in_string) {
            if (c == '\\')
                i++;
            else if (c == '"')
                in_string = false;
        } else if (c == '"') {
            in_string = true;
        } else if (c == '{' || c == '[') {
            if (++depth > LIM_DEPTH_MAX)
                return ERR_TOO_DEEP;
        } else if (c == '}' || c == ']') {
            depth--;
        }
    }
    return ERR_OK;
}

static err_t s_parse_failure(const json_error_t *error)
{
    switch (json_error_code(error)) {
    case json_error_out_of_memory: return ERR_NO_MEMORY;
    case json_error_stack_overflow: return ERR_TOO_DEEP;
    case json_error_invalid_utf8:
    case json_error_null_character:
    case json_error_null_byte_in_key: return ERR_BAD_UTF8;
    case json_error_premature_end_of_input: return ERR_SHORT;
    case json_error_duplicate_key: return ERR_WRONG_FIELDS;
    case json_error_numeric_overflow: return ERR_OUT_OF_RANGE;
    default: return ERR_BAD_FRAME;
    }
}

static err_t s_parse(view_t json, json_t **object_out)
{
    err_t err = s_check_depth(json);
    if (err)
        return err;
    if (json.len == 0)
        return ERR_SHORT;
    json_error_t error;
    json_t *object = json_loadb((const char *)json.bytes, json.len, JSON_REJECT_DUPLICATES, &error);
    if (!object)
        return s_parse_failure(&error);
    if (!json_is_object(object)) {
        json_decref(object);
        return ERR_BAD_FRAME;
    }
    *object_out = object;
    return ERR_OK;
}

static err_t s_encode_object(const json_t *object, const struct shape_row *shape,
                             const struct msg *defaults, buffer_t *out)
{
    size_t before = out->len;
    buffer_t known;
    buffer_init(&known, LIM_LINK_BODY_BYTES_MAX);
    err_t err = defaults ? msg_encode(defaults, &known) : ERR_OK;
    if (!err) {
        view_t view = buffer_view(&known);
        err = s_from_object(object, shape, defaults ? &view : NULL, true, out);
    }
    buffer_fini(&known);
    struct msg msg;
    if (!err)
        err = out->failed;
    if (!err)
        err = msg_decode(view_of(out->bytes + before, out->len - before), &msg);
    if (err)
        buffer_truncate(out, before);
    return err;
}

err_t msg_from_json(view_t json, buffer_t *msgpack_out)
{
    json_t *object;
    err_t err = s_parse(json, &object);
    if (err)
        return err;
    const json_t *type = json_object_get(object, "type");
    if (!type) {
        err = ERR_WRONG_FIELDS;
    } else if (!json_is_string(type)) {
        err = ERR_BAD_FRAME;
    } else {
        const struct shape_row *shape =
            msg_shape_by_name(json_string_value(type), json_string_length(type));
        err = shape ? s_encode_object(object, shape, NULL, msgpack_out) : ERR_UNKNOWN_TYPE;
    }
    json_decref(object);
    return err;
}

err_t msg_from_json_as(uint16_t type, view_t json, const struct msg *defaults,
                       buffer_t *msgpack_out)
{
    const struct shape_row *shape = msg_shape(type);
    if (!shape)
        return ERR_UNKNOWN_TYPE;
    assert(!defaults || defaults->type == type);
    json_t *object;
    err_t err = s_parse(json, &object);
    if (err)
        return err;
    const json_t *named = json_object_get(object, "type"); /* may be said, but not otherwise */
    if (named && (!json_is_string(named) || strcmp(json_string_value(named), shape->name) != 0))
        err = ERR_WRONG_FIELDS;
    else
        err = s_encode_object(object, shape, defaults, msgpack_out);
    json_decref(object);
    return err;
}

/* ---- MessagePack to JSON: printed directly, in the order of the table ---- */

static err_t s_to_object(reader_t *reader, const struct shape_row *shape, bool typed,
                         buffer_t *out);

static void s_put(buffer_t *out, const char *text)
{
    buffer_append(out, text, strlen(text));
}

static void s_put_number(buffer_t *out, uint64_t number)
{
    char text[24];
    int len = snprintf(text, sizeof text, "%llu", (unsigned long long)number);
    buffer_append(out, text, (size_t)len);
}

/* Clean text has no control characters but tab and line feed. */
static void s_put_string(buffer_t *out, view_t text)
{
    size_t from = 0;
    s_put(out, "\"");
    for (size_t i = 0; i < text.len; i++) {
        uint8_t c = text.bytes[i];
        const char *escape = c == '"'    ? "\\\""
                             : c == '\\' ? "\\\\"
                             : c == '\n' ? "\\n"
                             : c == '\t' ? "\\t"
                                         : NULL;
        if (!escape)
            continue;
        buffer_append(out, text.bytes + from, i - from);
        s_put(out, escape);
        from = i + 1;
    }
    if (from < text.len)
        buffer_append(out, text.bytes + from, text.len - from);
    s_put(out, "\"");
}

static void s_put_bytes(buffer_t *out, view_t bytes)
{
    s_put(out, "\"");
    s_put_base64(out, bytes);
    s_put(out, "\"");
}

/* `kind` is the event's; the body was never checked against it, so what does not fit stays bytes. */
static err_t s_to_body(uint32_t kind, view_t raw, buffer_t *out)
{
    const struct shape_row *shape = kind_shape(kind);
    reader_t reader = reader_of(raw);
    size_t before = out->len, count;
    if (!reader_nil(&reader)) {
        s_put(out, "null");
        return out->failed;
    }
    if (shape && !reader_array(&reader, SIZE_MAX, &count) && count == shape->field_count &&
        !s_to_object(&reader, shape, false, out) && reader_is_done(&reader))
        return out->failed;
    buffer_truncate(out, before);
    s_put_bytes(out, raw);
    return out->failed;
}

static err_t s_to_event(view_t raw, buffer_t *out)
{
    struct msg msg;
    uint16_t type = msg_peek_type(raw);
    if ((type == MSG_EVENT || type == MSG_MARKS) && !msg_decode(raw, &msg))
        return msg_to_json(raw, out);
    s_put_bytes(out, raw);
    return out->failed;
}

static err_t s_to_list(reader_t *reader, const struct field_row *row, buffer_t *out)
{
    size_t count, fields;
    const struct shape_row *rec = &rec_shapes(&count)[row->rec];
    err_t err = reader_array(reader, (size_t)row->max, &count);
    s_put(out, "[");
    for (size_t i = 0; !err && i < count; i++) {
        if (i > 0)
            s_put(out, ",");
        err = reader_array(reader, SIZE_MAX, &fields);
        if (err)
            break;
        if (fields != rec->field_count)
            return ERR_WRONG_FIELDS;
        if (s_is_frame(rec)) {
            view_t raw;
            err = reader_value(reader, (size_t)rec->fields[0].max, LIM_DEPTH_MAX, &raw);
            err = err ? err : s_to_event(raw, out);
        } else {
            err = s_to_object(reader, rec, false, out);
        }
    }
    s_put(out, "]");
    return err;
}

static err_t s_to_number(reader_t *reader, const struct shape_row *shape,
                         const struct field_row *row, uint32_t *kind_io, buffer_t *out)
{
    uint64_t number;
    err_t err = reader_uint(reader, row->type == F_CODE ? UINT16_MAX : row->max, &number);
    if (err)
        return err;
    if (row->type == F_CODE) {
        s_put_string(out, view_of_text(err_name((err_t)number)));
    } else if (s_is_event_kind(shape, row) && kind_shape((uint32_t)number)) {
        s_put_string(out, view_of_text(kind_name((uint32_t)number)));
    } else {
        s_put_number(out, number);
    }
    if (s_is_event_kind(shape, row))
        *kind_io = (uint32_t)number;
    return ERR_OK;
}

static err_t s_to_cid(reader_t *reader, buffer_t *out)
{
    view_t bytes;
    char text[CID_TEXT_LEN + 1];
    cid_t cid;
    err_t err = reader_bin(reader, CID_BYTES, &bytes);
    if (err)
        return err;
    if (bytes.len != CID_BYTES)
        return ERR_OUT_OF_RANGE;
    memcpy(cid.bytes, bytes.bytes, CID_BYTES);
    cid_to_text(&cid, text);
    s_put_string(out, view_of_text(text));
    return ERR_OK;
}

/* `kind_io` carries the kind of an event from its field to its body. */
static err_t s_to_field(reader_t *reader, const struct shape_row *shape,
                        const struct field_row *row, uint32_t *kind_io, buffer_t *out)
{
    size_t max = (size_t)row->max;
    view_t view;
    bool flag;
    err_t err;
    switch (row->type) {
    case F_U53:
    case F_UINT:
    case F_CODE: return s_to_number(reader, shape, row, kind_io, out);
    case F_CID: return s_to_cid(reader, out);
    case F_LIST: return s_to_list(reader, row, out);
    case F_BOOL:
        err = reader_bool(reader, &flag);
        if (!err)
            s_put(out, flag ? "true" : "false");
        return err;
    case F_STR:
        err = reader_text(reader, max, &view);
        if (!err)
            s_put_string(out, view);
        return err;
    case F_BIN:
        err = reader_bin(reader, max, &view);
        if (!err)
            s_put_bytes(out, view);
        return err;
    case F_RAW:
        err = reader_value(reader, max, LIM_DEPTH_MAX, &view);
        if (err)
            return err;
        return s_is_event(shape) ? s_to_body(*kind_io, view, out) : s_to_event(view, out);
    }
    return ERR_INTERNAL;
}

/* The fields of an array whose head is read already. */
static err_t s_to_object(reader_t *reader, const struct shape_row *shape, bool typed, buffer_t *out)
{
    uint32_t kind = KIND_NONE;
    s_put(out, "{");
    if (typed) {
        s_put(out, "\"type\":\"");
        s_put(out, shape->name);
        s_put(out, "\"");
    }
    for (size_t i = 0; i < shape->field_count; i++) {
        s_put(out, i > 0 || typed ? ",\"" : "\"");
        s_put(out, shape->fields[i].name);
        s_put(out, "\":");
        err_t err = s_to_field(reader, shape, &shape->fields[i], &kind, out);
        if (err)
            return err;
    }
    s_put(out, "}");
    return out->failed;
}

err_t msg_to_json(view_t msgpack, buffer_t *json_out)
{
    const struct shape_row *shape = msg_shape(msg_peek_type(msgpack));
    if (!shape)
        return ERR_UNKNOWN_TYPE;
    reader_t reader = reader_of(msgpack);
    size_t before = json_out->len, count;
    uint64_t code;
    err_t err = reader_array(&reader, SIZE_MAX, &count);
    err = err ? err : reader_uint(&reader, UINT16_MAX, &code);
    if (!err && count != shape->field_count + 1)
        err = ERR_WRONG_FIELDS;
    err = err ? err : s_to_object(&reader, shape, true, json_out);
    if (!err && !reader_is_done(&reader))
        err = ERR_BAD_FRAME;
    if (err)
        buffer_truncate(json_out, before);
    return err;
}
