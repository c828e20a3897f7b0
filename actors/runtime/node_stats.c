#include "actors/runtime/node_stats.h"

#include <unistd.h>

#include "actors/runtime/metrics.h"
#include "build_info.h"
#include "proto/limits.h"

_Static_assert((int)METRIC_COUNT <= (int)LIM_METRICS_MAX, "a report holds every metric");

static err_t s_add_links(const actor_t *actor, list_writer_t *list)
{
    struct actor_link links[LIM_NODES_MAX];
    size_t count = actor_links(actor, links, LIM_NODES_MAX);
    err_t err = ERR_OK;
    for (size_t i = 0; !err && i < count; i++) {
        const struct rec_link_stat link = {
            .peer = address_node(links[i].peer), .up = links[i].up, .sent = links[i].sent,
            .received = links[i].received, .waiting = links[i].waiting, .waiting_bytes = links[i].waiting_bytes,
            .heard_ms = (uint64_t)links[i].heard_ms};
        err = rec_link_stat_append(list, &link);
    }
    return err;
}

static err_t s_add_metrics(list_writer_t *list)
{
    err_t err = ERR_OK;
    for (int i = 0; !err && i < METRIC_COUNT; i++) {
        struct metric_reading reading = metric_read((metric_t)i);
        const struct rec_metric_value value = {.name = view_of_text(reading.name), .type = reading.type,
                                               .value = reading.value, .sum_us = reading.sum_us};
        err = rec_metric_value_append(list, &value);
    }
    return err;
}

err_t node_stats_encode(struct node_stats *self, const actor_t *actor, const struct node_load *load, buffer_t *out)
{
    char host[LIM_HOST_BYTES_MAX + 1] = "";
    list_writer_t links, metrics;
    int64_t now_ms = actor_now_ms(actor);
    if (self->began_ms == 0)
        self->began_ms = now_ms;
    if (gethostname(host, LIM_HOST_BYTES_MAX) || !text_is_clean(view_of_text(host)))
        host[0] = '\0';
    list_writer_init(&links, LIM_STATS_BYTES_MAX);
    list_writer_init(&metrics, LIM_STATS_BYTES_MAX);
    err_t err = s_add_links(actor, &links);
    if (!err)
        err = s_add_metrics(&metrics);
    if (!err) {
        struct msg msg = {.type = MSG_NODE_STATS, .as.node_stats = {
            .node = address_node(actor_address(actor)),
            .host = view_of_text(host),
            .pid = (uint64_t)getpid(),
            .build = view_of_text(BUILD_VERSION),
            .up_ms = (uint64_t)(now_ms - self->began_ms),
            .queue = load->queue,
            .sockets = load->sockets,
            .links = list_of(&links),
            .metrics = list_of(&metrics),
        }};
        err = msg_encode(&msg, out);
    }
    list_writer_fini(&links);
    list_writer_fini(&metrics);
    return err;
}

void node_stats_on_tick(struct node_stats *self, actor_t *actor, const struct node_load *load)
{
    if (actor_now_ms(actor) < self->due_ms)
        return;
    self->due_ms = actor_now_ms(actor) + LIM_STATS_EACH_MS;
    struct actor_link links[LIM_NODES_MAX];
    size_t count = actor_links(actor, links, LIM_NODES_MAX);
    struct envelope env = {.flags = ENVELOPE_EPHEMERAL};
    buffer_t report;
    buffer_init(&report, LIM_STATS_BYTES_MAX);
    if (!node_stats_encode(self, actor, load, &report))
        for (size_t i = 0; i < count; i++)
            if (address_role(links[i].peer) == ROLE_PERSIST)
                (void)actor_send_bytes(actor, links[i].peer, &env, buffer_view(&report)); /* the next one says it all anew */
    buffer_fini(&report);
}
