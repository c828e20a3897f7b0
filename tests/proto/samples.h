/* samples — messages made from the table: random ones, and ones with a single field at or past its bound.
 * What is made is canonical, so decoding and encoding it again gives the same bytes. */
#ifndef ROOKERY_TESTS_PROTO_SAMPLES_H
#define ROOKERY_TESTS_PROTO_SAMPLES_H

#include "proto/messages.h"

enum sample_mode {
    SAMPLE_RANDOM,
    SAMPLE_AT_BOUND,   /* the focused field has its greatest value or size */
    SAMPLE_PAST_BOUND, /* one more, or of another type where there is no bound */
};

/* One maker of samples; the same seed makes the same messages. */
typedef struct sampler {
    uint64_t state;
    size_t list_max; /* of lists that are not in focus */
    size_t text_max; /* the same for texts and byte strings */
    const struct shape_row *focus_shape;
    size_t focus_field;
    enum sample_mode mode;
} sampler_t;

sampler_t sampler_of(uint64_t seed);
uint64_t sampler_next(sampler_t *self);
uint64_t sampler_below(sampler_t *self, uint64_t bound);

void sample_message(sampler_t *self, const struct shape_row *shape, buffer_t *out);
void sample_record(sampler_t *self, const struct shape_row *shape,
                   buffer_t *out); /* also the body of a kind */

/* A message with a list of these records; NULL if there is none. */
const struct shape_row *sample_message_with(enum rec_type rec);

/* Bytes on the heap with nothing behind them, so that a sanitizer sees a read past the end. */
uint8_t *sample_exact(view_t bytes);

#endif
