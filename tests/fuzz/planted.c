/* planted — one mistake, made on purpose: a reader of texts that looks at the byte behind them, as if there were a NUL.
 * Linked around reader_text of fuzz_msg_decode (--wrap), in the fuzz build only, without any corpus to begin with: the
 * test passes if the fuzzer finds the way there and the sanitizer sees the read. */
#include "proto/codec.h"

err_t __real_reader_text(reader_t *self, size_t max, view_t *text_out);
err_t __wrap_reader_text(reader_t *self, size_t max, view_t *text_out);

err_t __wrap_reader_text(reader_t *self, size_t max, view_t *text_out)
{
    err_t err = __real_reader_text(self, max, text_out);
    if (!err && text_out->len > 0) {
        const volatile uint8_t *behind = text_out->bytes + text_out->len;
        (void)*behind;
    }
    return err;
}
