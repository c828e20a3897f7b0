/* fuzz_envelope_read — any bytes as the header of a link frame: what is read is written again byte for byte. */
#include <assert.h>
#include <stdint.h>
#include <string.h>

#include "proto/envelope.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct envelope env;
    uint8_t again[ENVELOPE_BYTES];
    if (envelope_read(data, size, &env))
        return 0;
    assert(size >= ENVELOPE_BYTES);
    envelope_write(&env, again);
    assert(memcmp(again, data, ENVELOPE_BYTES) == 0);
    char text[ADDRESS_TEXT_MAX];
    address_t parsed;
    address_print(env.from, text);
    assert(env.from == 0 ||
           (address_parse(text, &parsed) && address_is_same_node(parsed, env.from)));
    return 0;
}
