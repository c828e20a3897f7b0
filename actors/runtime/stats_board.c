#include "actors/runtime/stats_board.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "proto/limits.h"

struct entry {
    uint64_t node;
    int64_t at_ms;
    size_t len;
    uint8_t *bytes;
};

struct stats_board {
    struct entry entries[LIM_NODES_MAX]; /* ascending by node */
    size_t count;
};

stats_board_t *stats_board_new(void)
{
    return calloc(1, sizeof(stats_board_t));
}

void stats_board_destroy(stats_board_t **self_p)
{
    assert(self_p);
    stats_board_t *self = *self_p;
    if (!self)
        return;
    for (size_t i = 0; i < self->count; i++)
        free(self->entries[i].bytes);
    free(self);
    *self_p = NULL;
}

static void s_remove(stats_board_t *self, size_t index)
{
    free(self->entries[index].bytes);
    self->count--;
    memmove(self->entries + index, self->entries + index + 1, (self->count - index) * sizeof self->entries[0]);
}

static void s_make_room(stats_board_t *self, int64_t now_ms)
{
    size_t oldest = 0;
    for (size_t i = self->count; i-- > 0;)
        if (now_ms - self->entries[i].at_ms >= LIM_STATS_KEEP_MS)
            s_remove(self, i);
    if (self->count < LIM_NODES_MAX)
        return;
    for (size_t i = 1; i < self->count; i++)
        if (self->entries[i].at_ms < self->entries[oldest].at_ms)
            oldest = i;
    s_remove(self, oldest);
}

/* The place of a node, or where it would be. */
static size_t s_place(const stats_board_t *self, uint64_t node)
{
    size_t i = 0;
    while (i < self->count && self->entries[i].node < node)
        i++;
    return i;
}

err_t stats_board_put(stats_board_t *self, address_t from, view_t report, int64_t at_ms)
{
    struct msg msg;
    const uint64_t node = address_node(from);
    err_t err = report.len > LIM_STATS_BYTES_MAX ? ERR_TOO_LARGE : msg_decode(report, &msg);
    if (err || msg.type != MSG_NODE_STATS)
        return err ? err : ERR_BAD_FRAME;
    if (msg.as.node_stats.node != node)
        return ERR_FORBIDDEN;
    size_t at = s_place(self, node);
    if (at < self->count && self->entries[at].node == node && self->entries[at].at_ms > at_ms)
        return ERR_OK;
    uint8_t *bytes = malloc(report.len);
    if (!bytes)
        return ERR_NO_MEMORY;
    memcpy(bytes, report.bytes, report.len);
    if (at == self->count || self->entries[at].node != node) {
        s_make_room(self, at_ms);
        at = s_place(self, node);
        memmove(self->entries + at + 1, self->entries + at, (self->count - at) * sizeof self->entries[0]);
        self->entries[at] = (struct entry){.node = node};
        self->count++;
    }
    free(self->entries[at].bytes);
    self->entries[at] = (struct entry){.node = node, .at_ms = at_ms, .len = report.len, .bytes = bytes};
    return ERR_OK;
}

view_t stats_board_nth(const stats_board_t *self, size_t index, int64_t *at_ms_out)
{
    if (index >= self->count)
        return view_of(NULL, 0);
    *at_ms_out = self->entries[index].at_ms;
    return view_of(self->entries[index].bytes, self->entries[index].len);
}

err_t stats_board_page(const stats_board_t *self, uint64_t after, int64_t now_ms, list_writer_t *list,
                       struct msg_stats *answer_out)
{
    err_t err = ERR_OK;
    size_t bytes = 0;
    *answer_out = (struct msg_stats){0};
    for (size_t i = 0; !err && i < self->count && !answer_out->more; i++) {
        const struct entry *entry = &self->entries[i];
        if (entry->node <= after || now_ms - entry->at_ms >= LIM_STATS_KEEP_MS)
            continue;
        bytes += entry->len;
        answer_out->more = bytes > LIM_STATS_PAGE_BYTES_MAX;
        const struct rec_stats_report report = {.node = entry->node, .age_ms = (uint64_t)(now_ms - entry->at_ms),
                                                .stats = view_of(entry->bytes, entry->len)};
        if (!answer_out->more)
            err = rec_stats_report_append(list, &report);
    }
    answer_out->reports = list_of(list);
    return err;
}

size_t stats_board_nodes(const stats_board_t *self, role_t role, int64_t now_ms, int64_t within_ms, address_t *nodes_out,
                         size_t max)
{
    size_t count = 0;
    for (size_t i = 0; i < self->count && count < max; i++) {
        address_t address = address_from_node(self->entries[i].node);
        if (address_role(address) == role && now_ms - self->entries[i].at_ms <= within_ms)
            nodes_out[count++] = address;
    }
    return count;
}
