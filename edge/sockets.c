#include "edge/sockets.h"

#include "edge/session.h"

enum { LIST_BYTES_MAX = LIM_SOCKETS_PAGE_MAX * 128 };

static err_t s_add(const struct edge *edge, const struct session *session, list_writer_t *list)
{
    const struct rec_socket_info socket = {
        .edge = address_node(actor_address(edge->actor)),
        .number = session->number,
        .user = session->user,
        .session = session->sid,
        .open_ms = (uint64_t)(edge->now_ms - session->opened_ms),
        .rooms = session->viewer.place_count,
        .waiting = session->viewer.backlog.count,
        .waiting_bytes = session->viewer.backlog.bytes,
    };
    return rec_socket_info_append(list, &socket);
}

err_t sockets_on_get(struct edge *edge, const struct envelope *env, view_t body)
{
    struct msg ask;
    list_writer_t list;
    uint64_t count = 0;
    err_t err = msg_decode(body, &ask);
    if (err || address_role(env->from) != ROLE_PERSIST)
        return err ? err : ERR_UNEXPECTED;
    const struct msg_sockets_get *get = &ask.as.sockets_get;
    list_writer_init(&list, LIST_BYTES_MAX);
    for (const struct session *session = edge->all; session; session = session->next) {
        if (session->number == 0 || (get->user && session->user != get->user))
            continue;
        if (count++ < get->limit && !err)
            err = s_add(edge, session, &list);
    }
    struct msg answer = {.type = MSG_SOCKETS, .as.sockets = {.count = count, .sockets = list_of(&list)}};
    if (!err)
        err = actor_reply(edge->actor, env, &answer);
    list_writer_fini(&list);
    return err;
}
