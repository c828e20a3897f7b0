/* seed_corpus — writes a sample of every message to corpus/msg_decode and corpus/msg_from_json, and envelopes to
 * corpus/envelope_read, below the current folder. What fuzzing found is kept there under other names. */
#include <stdio.h>
#include <stdlib.h>

#include "proto/envelope.h"
#include "proto/json.h"
#include "tests/proto/samples.h"

static void s_write(const char *folder, const char *name, view_t bytes)
{
    char path[256];
    snprintf(path, sizeof path, "corpus/%s/%s", folder, name);
    FILE *file = fopen(path, "wb");
    if (!file || fwrite(bytes.bytes, 1, bytes.len, file) != bytes.len || fclose(file)) {
        perror(path);
        exit(1);
    }
}

static void s_write_message(const struct shape_row *shape)
{
    sampler_t sampler = sampler_of(shape->code);
    buffer_t bytes, json;
    buffer_init(&bytes, LIM_LINK_BODY_BYTES_MAX);
    buffer_init(&json, LIM_LINK_BODY_BYTES_MAX);
    sampler.list_max = 1;
    sampler.text_max = 8;
    sample_message(&sampler, shape, &bytes);
    s_write("msg_decode", shape->name, buffer_view(&bytes));
    if (!msg_to_json(buffer_view(&bytes), &json))
        s_write("msg_from_json", shape->name, buffer_view(&json));
    buffer_fini(&bytes);
    buffer_fini(&json);
}

int main(void)
{
    size_t count;
    const struct shape_row *messages = msg_shapes(&count);
    for (size_t i = 0; i < count; i++)
        s_write_message(&messages[i]);
    struct envelope env = {
        .type = MSG_ROOM_POST, .from = address_make(ROLE_EDGE, 1, 2), .key = ID_MAX, .user = 7};
    uint8_t header[ENVELOPE_BYTES];
    envelope_write(&env, header);
    s_write("envelope_read", "question", view_of(header, sizeof header));
    env.flags = ENVELOPE_REPLY;
    env.reply_to = address_make(ROLE_ROOM, 3, 4);
    envelope_write(&env, header);
    s_write("envelope_read", "answer", view_of(header, sizeof header));
    s_write("envelope_read", "short", view_of(header, sizeof header - 1));
    return 0;
}
