#include "tests/proto/samples.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

sampler_t sampler_of(uint64_t seed)
{
    return (sampler_t){.state = seed * 2 + 1, .list_max = 3, .text_max = 24};
}

uint64_t sampler_next(sampler_t *self)
{
    self->state ^= self->state << 13; /* xorshift64: state is never 0 */
    self->state ^= self->state >> 7;
    self->state ^= self->state << 17;
    return self->state * UINT64_C(0x2545f4914f6cdd1d);
}

uint64_t sampler_below(sampler_t *self, uint64_t bound)
{
    return (sampler_next(self) >> 8) % bound;
}

/* Numbers next to where the encoding or a bound changes, as often as others. */
static uint64_t s_number(sampler_t *self, uint64_t max)
{
    static const uint64_t s_edges[] = {
        0, 1, 31, 32, 127, 128, 255, 256, 65535, 65536, UINT32_MAX, UINT64_C(1) << 32, ID_MAX,
    };
    uint64_t edge = s_edges[sampler_below(self, sizeof s_edges / sizeof s_edges[0])];
    if (edge <= max && sampler_below(self, 2))
        return edge;
    return max == UINT64_MAX ? sampler_next(self) : sampler_below(self, max + 1);
}

static void s_text(sampler_t *self, size_t len_max, buffer_t *out)
{
    static const char *const s_pieces[] = {
        "a",  "Z",  " ",        "\"",           "\\",
        "\n", "\t", "/",        "<b>",          "ä",
        "€",  "🐦",  "\xc2\xa0", "\xef\xbf\xbd", "\xf4\x8f\xbf\xbf",
    };
    size_t len = 0, goal = sampler_below(self, len_max + 1);
    uint8_t text[256];
    while (len < goal) {
        const char *piece = s_pieces[sampler_below(self, sizeof s_pieces / sizeof s_pieces[0])];
        if (len + strlen(piece) > goal)
            piece = "x";
        memcpy(text + len, piece, strlen(piece));
        len += strlen(piece);
    }
    write_text(out, view_of(text, len));
}

static void s_repeat(bool text, size_t len, buffer_t *out)
{
    uint8_t *bytes = malloc(len ? len : 1);
    assert(bytes);
    memset(bytes, 'x', len);
    if (text)
        write_text(out, view_of(bytes, len));
    else
        write_bin(out, view_of(bytes, len));
    free(bytes);
}

/* Any value without floats: what a kind of the future may hold. */
static void s_any(sampler_t *self, int depth, buffer_t *out)
{
    switch (sampler_below(self, depth > 0 ? 6 : 5)) {
    case 0: write_nil(out); return;
    case 1: write_bool(out, sampler_below(self, 2)); return;
    case 2: write_uint(out, s_number(self, UINT64_MAX)); return;
    case 3: s_text(self, 20, out); return;
    case 4: s_repeat(false, sampler_below(self, 20), out); return;
    default: break;
    }
    size_t count = sampler_below(self, 4);
    write_array(out, count);
    for (size_t i = 0; i < count; i++)
        s_any(self, depth - 1, out);
}

static void s_body(sampler_t *self, uint32_t kind, buffer_t *out)
{
    if (sampler_below(self, 5) == 0)
        write_nil(out);
    else if (kind_shape(kind))
        sample_record(self, kind_shape(kind), out);
    else
        s_any(self, 3, out);
}

static uint32_t s_kind(sampler_t *self)
{
    size_t count;
    const struct shape_row *kinds = kind_shapes(&count);
    size_t index = sampler_below(self, count + 1);
    return index < count ? kinds[index].code : (uint32_t)s_number(self, 0xffff);
}

static uint64_t s_error(sampler_t *self)
{
    err_t err = ERR_OK;
    const char *symbol;
    size_t count = 0;
    while (err_row(count, &err, &symbol))
        count++;
    err_row(sampler_below(self, count), &err, &symbol);
    return (uint64_t)err;
}

static void s_list(sampler_t *self, const struct field_row *row, size_t count, buffer_t *out)
{
    size_t ignored;
    write_array(out, count);
    for (size_t i = 0; i < count; i++)
        sample_record(self, &rec_shapes(&ignored)[row->rec], out);
}

static void s_random_field(sampler_t *self, const struct shape_row *shape,
                           const struct field_row *row, uint32_t kind, buffer_t *out)
{
    size_t ignored;
    size_t max = row->max < self->text_max ? (size_t)row->max : self->text_max;
    size_t list_max = row->max < self->list_max ? (size_t)row->max : self->list_max;
    switch (row->type) {
    case F_U53: write_uint(out, s_number(self, ID_MAX)); break;
    case F_UINT:
        if (shape->code == MSG_EVENT && strcmp(row->name, "kind") == 0)
            write_uint(out, kind);
        else
            write_uint(out, s_number(self, row->max));
        break;
    case F_BOOL: write_bool(out, sampler_below(self, 2)); break;
    case F_CID: {
        uint64_t words[2] = {sampler_next(self), sampler_next(self)};
        write_bin(out, view_of(words, sizeof words));
        break;
    }
    case F_STR: s_text(self, max, out); break;
    case F_BIN: s_repeat(false, sampler_below(self, max + 1), out); break;
    case F_CODE: write_uint(out, s_error(self)); break;
    case F_RAW:
        if (shape->code == MSG_EVENT && strcmp(row->name, "body") == 0)
            s_body(self, kind, out);
        else
            sample_message(self, msg_shape(MSG_EVENT), out);
        break;
    case F_LIST:
        if (self->focus_shape == &rec_shapes(&ignored)[row->rec])
            s_list(self, row, 1, out);
        else
            s_list(self, row, sampler_below(self, list_max + 1), out);
        break;
    }
}

static void s_bound_field(sampler_t *self, const struct field_row *row, buffer_t *out)
{
    size_t more = self->mode == SAMPLE_PAST_BOUND;
    size_t max = (size_t)row->max;
    static const uint8_t s_cid[CID_BYTES + 1] = {1, 2, 3};
    switch (row->type) {
    case F_U53:
    case F_UINT: write_uint(out, row->max + more); break;
    case F_BOOL:
        if (more)
            write_uint(out, 1);
        else
            write_bool(out, true);
        break;
    case F_CID: write_bin(out, view_of(s_cid, CID_BYTES + more)); break;
    case F_STR: s_repeat(true, max + more, out); break;
    case F_BIN: s_repeat(false, max + more, out); break;
    case F_RAW:
        s_repeat(false, max - (max > UINT16_MAX ? 5 : max > UINT8_MAX ? 3 : 2) + more, out);
        break;
    case F_CODE: write_uint(out, more ? 9999 : ERR_INTERNAL); break;
    case F_LIST: s_list(self, row, max + more, out); break;
    }
}

static void s_fields(sampler_t *self, const struct shape_row *shape, buffer_t *out)
{
    uint32_t kind = s_kind(self);
    for (size_t i = 0; i < shape->field_count; i++) {
        if (self->mode != SAMPLE_RANDOM && shape == self->focus_shape && i == self->focus_field)
            s_bound_field(self, &shape->fields[i], out);
        else
            s_random_field(self, shape, &shape->fields[i], kind, out);
    }
}

void sample_message(sampler_t *self, const struct shape_row *shape, buffer_t *out)
{
    write_array(out, shape->field_count + 1);
    write_uint(out, shape->code);
    s_fields(self, shape, out);
    assert(!out->failed);
}

void sample_record(sampler_t *self, const struct shape_row *shape, buffer_t *out)
{
    write_array(out, shape->field_count);
    s_fields(self, shape, out);
    assert(!out->failed);
}

const struct shape_row *sample_message_with(enum rec_type rec)
{
    size_t count;
    const struct shape_row *messages = msg_shapes(&count);
    for (size_t i = 0; i < count; i++)
        for (size_t j = 0; j < messages[i].field_count; j++)
            if (messages[i].fields[j].type == F_LIST && messages[i].fields[j].rec == rec)
                return &messages[i];
    return NULL;
}

uint8_t *sample_exact(view_t bytes)
{
    uint8_t *copy = malloc(bytes.len ? bytes.len : 1);
    assert(copy);
    if (bytes.len > 0)
        memcpy(copy, bytes.bytes, bytes.len);
    return copy;
}
