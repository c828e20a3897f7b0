#include "bench/ledger.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void ledger_init(struct ledger *self)
{
    *self = (struct ledger){.tag = id_random()};
}

void ledger_fini(struct ledger *self)
{
    free(self->posts);
    free(self->bits);
    *self = (struct ledger){0};
}

void ledger_set_slow(struct ledger *self, uint32_t room, uint32_t place)
{
    self->has_slow = true;
    self->slow_room = room;
    self->slow_place = place;
}

static bool s_is_slow(const struct ledger *self, uint32_t room, uint32_t place)
{
    return self->has_slow && room == self->slow_room && place == self->slow_place;
}

static void *s_grow(void *array, size_t *cap, size_t wanted, size_t size)
{
    if (wanted <= *cap)
        return array;
    size_t cap_new = *cap ? *cap * 2 : 1024;
    while (cap_new < wanted)
        cap_new *= 2;
    char *grown = realloc(array, cap_new * size);
    if (!grown)
        abort(); /* a load client without memory has nothing to say */
    memset(grown + *cap * size, 0, (cap_new - *cap) * size);
    *cap = cap_new;
    return grown;
}

/* The tag has 53 bits, so the first two bits are 0, as a ULID's text needs. */
static cid_t s_client_id(uint64_t tag, uint64_t number)
{
    cid_t cid;
    for (unsigned i = 0; i < 8; i++) {
        cid.bytes[i] = (uint8_t)(tag >> (56 - 8 * i));
        cid.bytes[8 + i] = (uint8_t)(number >> (56 - 8 * i));
    }
    return cid;
}

static struct ledger_post *s_find(struct ledger *self, const cid_t *client_id)
{
    uint64_t tag = 0, number = 0;
    for (unsigned i = 0; i < 8; i++) {
        tag = tag << 8 | client_id->bytes[i];
        number = number << 8 | client_id->bytes[8 + i];
    }
    return tag == self->tag && number < self->count ? &self->posts[number] : NULL;
}

size_t ledger_post(struct ledger *self, uint32_t room, uint32_t readers, int64_t due_ns, cid_t *client_id_out)
{
    self->posts = s_grow(self->posts, &self->cap, self->count + 1, sizeof *self->posts);
    size_t words = (self->bit_count + readers) / 64 + 1;
    self->bits = s_grow(self->bits, &self->bit_cap, words, sizeof *self->bits);
    self->posts[self->count] =
        (struct ledger_post){.due_ns = due_ns, .room = room, .readers = readers, .first_bit = self->bit_count};
    self->bit_count += readers;
    bool slow = self->has_slow && room == self->slow_room;
    self->awaited_deliveries += readers - slow;
    self->awaited_slow += slow;
    self->awaited_answers++;
    *client_id_out = s_client_id(self->tag, self->count);
    return self->count++;
}

void ledger_measure(struct ledger *self)
{
    self->measured_from = self->count;
    self->deliveries = self->acks = 0;
    hist_clear(&self->delivery);
    hist_clear(&self->ack);
}

static bool s_is_measured(const struct ledger *self, const struct ledger_post *post)
{
    return post >= self->posts + self->measured_from;
}

void ledger_delivered(struct ledger *self, const struct ledger_delivery *delivery)
{
    struct ledger_post *post = s_find(self, delivery->client_id);
    if (!post || post->room != delivery->room || delivery->place >= post->readers) {
        self->foreign++;
        return;
    }
    size_t bit = post->first_bit + delivery->place;
    uint64_t mask = UINT64_C(1) << (bit % 64);
    if (self->bits[bit / 64] & mask) {
        self->doubled++;
        return;
    }
    self->bits[bit / 64] |= mask;
    if (post->delivered++ == 0) {
        post->seq = delivery->seq;
        post->frame_hash = delivery->frame_hash;
    }
    self->altered += post->seq != delivery->seq || post->frame_hash != delivery->frame_hash;
    self->reordered += delivery->seq <= delivery->last_seq;
    self->holes += delivery->seq > delivery->last_seq + 1;
    bool slow = s_is_slow(self, delivery->room, delivery->place);
    self->awaited_deliveries -= !slow;
    self->awaited_slow -= slow;
    if (s_is_measured(self, post) && !slow) {
        self->deliveries++;
        hist_add(&self->delivery, delivery->at_ns - post->due_ns);
    }
}

bool ledger_acked(struct ledger *self, const cid_t *client_id, bool dup, int64_t at_ns)
{
    struct ledger_post *post = s_find(self, client_id);
    if (!post) {
        self->foreign++;
        return false;
    }
    if (post->answered || dup) {
        self->repeated_acks++;
        return true;
    }
    post->answered = true;
    self->awaited_answers--;
    self->all_acks++;
    if (s_is_measured(self, post)) {
        self->acks++;
        hist_add(&self->ack, at_ns - post->due_ns);
    }
    return true;
}

void ledger_refused(struct ledger *self, const cid_t *client_id)
{
    struct ledger_post *post = s_find(self, client_id);
    self->refused++;
    if (!post || post->answered)
        return;
    post->answered = true;
    self->awaited_answers--;
    size_t slow_bit = post->first_bit + self->slow_place;
    bool slow = self->has_slow && post->room == self->slow_room &&
                !(self->bits[slow_bit / 64] & UINT64_C(1) << (slow_bit % 64));
    self->awaited_slow -= slow;
    self->awaited_deliveries -= post->readers - post->delivered - slow;
    post->readers = post->delivered;
}

void ledger_forget_answers(struct ledger *self)
{
    self->awaited_answers = 0;
}

bool ledger_is_complete(const struct ledger *self)
{
    return self->awaited_deliveries == 0 && self->awaited_answers == 0;
}

bool ledger_is_whole(const struct ledger *self)
{
    return ledger_is_complete(self) && self->awaited_slow == 0;
}

static const struct {
    const char *name;
    size_t at;
} FAULTS[] = {
    {"missed", offsetof(struct ledger, awaited_deliveries)},
    {"missed by the slow reader", offsetof(struct ledger, awaited_slow)},
    {"unanswered", offsetof(struct ledger, awaited_answers)},
    {"doubled", offsetof(struct ledger, doubled)},
    {"reordered", offsetof(struct ledger, reordered)},
    {"holes", offsetof(struct ledger, holes)},
    {"altered", offsetof(struct ledger, altered)},
    {"foreign", offsetof(struct ledger, foreign)},
    {"refused", offsetof(struct ledger, refused)},
    {"acked twice", offsetof(struct ledger, repeated_acks)},
    {"lost sockets", offsetof(struct ledger, lost_sockets)},
};

bool ledger_is_clean(const struct ledger *self)
{
    char text[256];
    ledger_describe(self, text, sizeof text);
    return strcmp(text, "clean") == 0;
}

void ledger_describe(const struct ledger *self, char *out, size_t size)
{
    size_t len = 0;
    snprintf(out, size, "clean");
    for (size_t i = 0; i < sizeof FAULTS / sizeof FAULTS[0] && len < size; i++) {
        uint64_t value;
        memcpy(&value, (const char *)self + FAULTS[i].at, sizeof value);
        if (value > 0)
            len += (size_t)snprintf(out + len, size - len, "%s%s %" PRIu64, len ? ", " : "", FAULTS[i].name, value);
    }
}
