#include "persist/directory.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>

#include "actors/runtime/clock.h"
#include "actors/runtime/log.h"
#include "persist/audit.h"
#include "persist/node_locks.h"

enum {
    COUNTER_SECRETS = 3,
    SECRET_ID_KEY = 1,
    SECRET_MAC_KEY = 2,
    SECRETS = 2,
    LOOK_GAP_MS_MAX = 3000, /* between two looks; beyond it nothing was watched */
    ROLE_BIT_ROOM = 2,
};

/* ---- what every node shares ----------------------------------------------------------------------------------- */

static db_status_t s_count_secrets(db_t *db, uint64_t *count_out)
{
    db_stmt_t *rows;
    db_status_t status = db_query(db, "SELECT COUNT(*) FROM shared_secret", NULL, 0, &rows);
    if (!status)
        *count_out = db_next(rows) ? db_get_u64(rows, 0) : 0;
    return status;
}

/* Under a locked row, so that two first nodes do not make two sets. */
static db_status_t s_make_secrets(db_t *db)
{
    const struct db_value lock[] = {db_u64(COUNTER_SECRETS)};
    db_stmt_t *rows;
    uint64_t count = 0;
    db_status_t status = db_query(db, "SELECT last FROM counter WHERE id = ? FOR UPDATE", lock, 1, &rows);
    if (!status)
        status = s_count_secrets(db, &count);
    if (status || count > 0)
        return status;
    for (uint64_t id = 1; !status && id <= SECRETS; id++) {
        uint8_t secret[KEY_BYTES];
        if (getrandom(secret, sizeof secret, 0) != (ssize_t)sizeof secret)
            return DB_FAILED;
        const struct db_value values[] = {db_u64(id), db_bytes(view_of(secret, sizeof secret))};
        status = db_run(db, "INSERT INTO shared_secret (id, secret) VALUES (?, ?)", values, 2);
        explicit_bzero(secret, sizeof secret);
    }
    return status;
}

static db_status_t s_answer_welcome(struct store_call *call)
{
    struct msg_dir_welcome *answer = &call->answer.as.dir_welcome;
    db_stmt_t *rows;
    db_status_t status = db_query(call->db, "SELECT id, secret FROM shared_secret ORDER BY id", NULL, 0, &rows);
    if (status)
        return status;
    call->answer.type = MSG_DIR_WELCOME;
    *answer = (struct msg_dir_welcome){0};
    size_t at[SECRETS + 1] = {0}, len[SECRETS + 1] = {0};
    while (db_next(rows)) {
        view_t secret = db_get_view(rows, 1);
        uint64_t id = db_get_u64(rows, 0);
        if (id > SECRETS || secret.len != KEY_BYTES)
            return DB_FAILED;
        at[id] = call->scratch.len;
        len[id] = secret.len;
        if (buffer_append(&call->scratch, secret.bytes, secret.len))
            return DB_FAILED;
    }
    if (len[SECRET_ID_KEY] == 0 || len[SECRET_MAC_KEY] == 0)
        return DB_FAILED;
    answer->id_key = view_of(call->scratch.bytes + at[SECRET_ID_KEY], len[SECRET_ID_KEY]);
    answer->mac_key = view_of(call->scratch.bytes + at[SECRET_MAC_KEY], len[SECRET_MAC_KEY]);
    const struct db_value values[] = {db_u64(LIM_KEYS_MAX)};
    status = db_query(call->db, "SELECT kid, algorithm, public_pem FROM token_key ORDER BY created_at_ms DESC, kid "
                                "LIMIT ?", values, 1, &rows);
    if (status)
        return status;
    while (db_next(rows)) {
        const struct rec_token_key key = {.kid = db_get_view(rows, 0), .algorithm = (uint32_t)db_get_u64(rows, 1),
                                          .public_pem = db_get_view(rows, 2)};
        if (rec_token_key_append(&call->list, &key))
            return DB_FAILED;
    }
    answer->keys = list_of(&call->list);
    return DB_OK;
}

static db_status_t s_add_key(struct store_call *call)
{
    list_t keys = call->ask.as.dir_key_add.keys;
    struct rec_token_key key;
    if (!rec_token_key_next(&keys, &key) || key.kid.len == 0)
        return store_refuse(call, ERR_OUT_OF_RANGE);
    const struct db_value kid[] = {db_bytes(key.kid)};
    db_stmt_t *rows;
    db_status_t status =
        db_query(call->db, "SELECT algorithm, public_pem FROM token_key WHERE kid = ? FOR UPDATE", kid, 1, &rows);
    if (status)
        return status;
    store_answer_ok(call, 0);
    if (db_next(rows))
        return store_refuse(call, db_get_u64(rows, 0) == key.algorithm &&
                                          view_is_equal(db_get_view(rows, 1), key.public_pem)
                                      ? ERR_OK : ERR_CONFLICT);
    const struct db_value values[] = {db_bytes(key.kid), db_u64(key.algorithm), db_bytes(key.public_pem),
                                      db_u64(call->ask.as.dir_key_add.at_ms)};
    status = db_run(call->db, "INSERT INTO token_key (kid, algorithm, public_pem, created_at_ms) VALUES (?, ?, ?, ?)",
                    values, 4);
    return status == DB_DUPLICATE ? DB_RETRY : status; /* somebody else, just now */
}

db_status_t directory_on_key_add(struct store_call *call)
{
    return store_in_transaction(call, s_add_key);
}

/* ---- nodes ---------------------------------------------------------------------------------------------------- */

struct s_node {
    bool found;
    uint64_t nonce, state;
};

static db_status_t s_lock_node(db_t *db, uint64_t node, struct s_node *out)
{
    const struct db_value values[] = {db_u64(node)};
    db_stmt_t *rows;
    *out = (struct s_node){0};
    db_status_t status =
        db_query(db, "SELECT boot_nonce, state FROM node WHERE id = ? FOR UPDATE", values, 1, &rows);
    if (!status && db_next(rows))
        *out = (struct s_node){.found = true, .nonce = db_get_u64(rows, 0), .state = db_get_u64(rows, 1)};
    return status;
}

/* *fenced_out: this very boot was declared dead. Another nonce is a new boot, and proves the old one gone. */
static db_status_t s_enter(db_t *db, const struct msg_dir_hello *ask, bool *fenced_out)
{
    struct s_node node;
    *fenced_out = false;
    db_status_t status = s_lock_node(db, ask->node, &node);
    if (status)
        return status;
    if (node.found && node.nonce == ask->nonce && node.state != NODE_LIVE) {
        *fenced_out = true;
        return DB_OK;
    }
    if (!node.found) {
        const struct db_value values[] = {db_u64(ask->node), db_u64(ask->nonce), db_u64(NODE_LIVE),
                                          db_u64(ask->roles), db_text(ask->endpoint)};
        status = db_run(db, "INSERT INTO node (id, boot_nonce, beat, state, roles, endpoint) VALUES (?, ?, 1, ?, ?, ?)",
                        values, 5);
        return status == DB_DUPLICATE ? DB_RETRY : status;
    }
    const struct db_value values[] = {db_u64(ask->nonce), db_u64(NODE_LIVE), db_u64(ask->roles),
                                      db_text(ask->endpoint), db_u64(ask->node)};
    return db_run(db, "UPDATE node SET boot_nonce = ?, beat = beat + 1, state = ?, roles = ?, endpoint = ? "
                      "WHERE id = ?", values, 5);
}

static db_status_t s_hello(struct store_call *call)
{
    bool fenced;
    uint64_t secrets = 0;
    db_status_t status = s_enter(call->db, &call->ask.as.dir_hello, &fenced);
    if (status)
        return status;
    if (fenced)
        return store_refuse(call, ERR_FENCED);
    status = s_count_secrets(call->db, &secrets);
    if (!status && secrets < SECRETS)
        status = s_make_secrets(call->db);
    return status ? status : s_answer_welcome(call);
}

db_status_t directory_on_hello(struct store_call *call)
{
    return store_in_transaction(call, s_hello);
}

static db_status_t s_end_connections(db_t *db, uint64_t node, uint64_t nonce)
{
    unsigned killed = 0;
    db_status_t status = node_locks_kill(db, node, nonce, &killed);
    if (killed > 0) {
        char name[ADDRESS_TEXT_MAX];
        address_print(address_from_node(node), name);
        log_warn("database connections of a dead node ended: node=%s count=%u", name, killed);
    }
    return status;
}

/* A former boot is gone, but when its machine went with it the server does not know that yet, and keeps its rows
 * locked. Before the row changes, since nobody knows the former nonce afterwards. */
static db_status_t s_end_former(db_t *db, uint64_t node, uint64_t nonce)
{
    const struct db_value values[] = {db_u64(node), db_u64(nonce)};
    db_stmt_t *rows;
    db_status_t status =
        db_query(db, "SELECT boot_nonce FROM node WHERE id = ? AND boot_nonce <> ?", values, 2, &rows);
    return !status && db_next(rows) ? s_end_connections(db, node, db_get_u64(rows, 0)) : status;
}

db_status_t directory_enter(db_t *db, uint64_t node, uint64_t nonce, uint32_t roles, view_t endpoint)
{
    const struct msg_dir_hello hello = {.node = node, .nonce = nonce, .roles = roles, .endpoint = endpoint};
    bool fenced;
    db_status_t status = s_end_former(db, node, nonce);
    if (!status)
        status = db_begin(db);
    if (status)
        return status;
    status = s_enter(db, &hello, &fenced);
    if (!status)
        return db_commit(db);
    db_rollback(db);
    return status;
}

db_status_t directory_beat(db_t *db, uint64_t node, uint64_t nonce, uint64_t *beat_out, bool *fenced_out)
{
    const struct db_value values[] = {db_u64(node), db_u64(nonce), db_u64(NODE_LIVE)};
    db_status_t status = db_run(db, "UPDATE node SET beat = LAST_INSERT_ID(beat + 1) WHERE id = ? AND boot_nonce = ? "
                                    "AND state = ?", values, 3);
    if (status)
        return status;
    *fenced_out = db_affected(db) == 0;
    *beat_out = *fenced_out ? 0 : db_insert_id(db);
    return DB_OK;
}

db_status_t directory_on_beat(struct store_call *call)
{
    uint64_t beat;
    bool fenced;
    const struct msg_dir_beat *ask = &call->ask.as.dir_beat;
    db_status_t status = directory_beat(call->db, ask->node, ask->nonce, &beat, &fenced);
    if (status)
        return status;
    return fenced ? store_refuse(call, ERR_FENCED) : store_answer_ok(call, beat);
}

db_status_t directory_on_nodes_get(struct store_call *call)
{
    const struct db_value values[] = {db_u64(NODE_LIVE), db_u64(call->ask.as.dir_nodes_get.roles),
                                      db_u64(LIM_NODES_MAX)};
    db_stmt_t *rows;
    db_status_t status = db_query(call->db, "SELECT id, endpoint FROM node WHERE state = ? AND (roles & ?) <> 0 "
                                            "ORDER BY id LIMIT ?", values, 3, &rows);
    if (status)
        return status;
    while (db_next(rows)) {
        const struct rec_dir_node node = {.node = db_get_u64(rows, 0), .endpoint = db_get_view(rows, 1)};
        if (rec_dir_node_append(&call->list, &node))
            return DB_FAILED;
    }
    call->answer.type = MSG_DIR_NODES;
    call->answer.as.dir_nodes.nodes = list_of(&call->list);
    return DB_OK;
}

/* ---- leases --------------------------------------------------------------------------------------------------- */

static const char SQL_LEASES[] =
    "SELECT l.shard, l.epoch, l.owner_id, COALESCE(n.endpoint, ''), l.owner_nonce FROM shard_lease AS l "
    "LEFT JOIN node AS n ON n.id = l.owner_id ORDER BY l.shard";

/* only: of this owner and boot (what its former self held, somebody else may take); 0: all. */
static db_status_t s_answer_leases(struct store_call *call, uint64_t only, uint64_t nonce)
{
    db_stmt_t *rows;
    db_status_t status = db_query(call->db, SQL_LEASES, NULL, 0, &rows);
    if (status)
        return status;
    while (db_next(rows)) {
        const struct rec_lease lease = {.shard = (uint32_t)db_get_u64(rows, 0), .epoch = db_get_u64(rows, 1),
                                        .node = db_get_u64(rows, 2), .endpoint = db_get_view(rows, 3)};
        if (only && (lease.node != only || db_get_u64(rows, 4) != nonce))
            continue;
        if (rec_lease_append(&call->list, &lease))
            return DB_FAILED;
    }
    call->answer.type = MSG_DIR_LEASES;
    call->answer.as.dir_leases.leases = list_of(&call->list);
    return DB_OK;
}

db_status_t directory_on_leases_get(struct store_call *call)
{
    return s_answer_leases(call, 0, 0);
}

/* The even share of a room node among those that live; the first ones get the remainder. */
static db_status_t s_fair_share(db_t *db, uint64_t node, size_t *share_out)
{
    const struct db_value values[] = {db_u64(NODE_LIVE), db_u64(ROLE_BIT_ROOM), db_u64(LIM_NODES_MAX)};
    db_stmt_t *rows;
    size_t count = 0, rank = 0;
    db_status_t status = db_query(db, "SELECT id FROM node WHERE state = ? AND (roles & ?) <> 0 ORDER BY id LIMIT ?",
                                  values, 3, &rows);
    while (!status && db_next(rows)) {
        rank += db_get_u64(rows, 0) < node;
        count++;
    }
    *share_out = count == 0 ? LIM_SHARDS : LIM_SHARDS / count + (rank < LIM_SHARDS % count);
    return status;
}

/* What may be taken: shards of nobody, of the node's former self, of the dead. values: (shard, epoch) pairs from
 * index 2 on, where the statement expects them. */
static db_status_t s_find_free(db_t *db, const struct msg_dir_take *ask, struct db_value *pairs, size_t *count_out)
{
    db_stmt_t *rows;
    size_t share;
    db_status_t status = s_fair_share(db, ask->node, &share);
    if (status)
        return status;
    status = db_query(
        db,
        "SELECT l.shard, l.epoch, l.owner_id, l.owner_nonce, COALESCE(n.boot_nonce, 0), COALESCE(n.state, 2) "
        "FROM shard_lease AS l LEFT JOIN node AS n ON n.id = l.owner_id ORDER BY l.shard",
        NULL, 0, &rows);
    if (status)
        return status;
    size_t owned = 0, count = 0;
    while (db_next(rows)) {
        uint64_t owner = db_get_u64(rows, 2), nonce = db_get_u64(rows, 3);
        if (owner == ask->node && nonce == ask->nonce) {
            owned++;
            continue;
        }
        bool is_former_boot = nonce != db_get_u64(rows, 4);
        if (owner != 0 && owner != ask->node && !is_former_boot && db_get_u64(rows, 5) == NODE_LIVE)
            continue;
        pairs[2 * count] = db_u64(db_get_u64(rows, 0));
        pairs[2 * count + 1] = db_u64(db_get_u64(rows, 1));
        count++;
    }
    share = ask->share < share ? ask->share : share;
    size_t room = share > owned ? share - owned : 0;
    *count_out = count < room ? count : room;
    return DB_OK;
}

/* By compare-and-set, one shard after another in key order, the order in which batches lock them. */
static db_status_t s_take(struct store_call *call)
{
    const struct msg_dir_take *ask = &call->ask.as.dir_take;
    struct db_value pairs[2 * LIM_SHARDS];
    struct s_node node;
    size_t count = 0, taken = 0;
    db_status_t status = s_lock_node(call->db, ask->node, &node);
    if (status)
        return status;
    if (!node.found || node.nonce != ask->nonce || node.state != NODE_LIVE)
        return store_refuse(call, ERR_FENCED);
    status = s_find_free(call->db, ask, pairs, &count);
    for (size_t i = 0; !status && i < count; i++) {
        const struct db_value values[] = {db_u64(ask->node), db_u64(ask->nonce), pairs[2 * i], pairs[2 * i + 1]};
        status = db_run(call->db, "UPDATE shard_lease SET owner_id = ?, owner_nonce = ?, epoch = epoch + 1 "
                                  "WHERE shard = ? AND epoch = ?", values, 4);
        taken += status ? 0 : db_affected(call->db); /* 0: somebody was quicker, and has it */
    }
    if (!status && taken > 0) {
        char detail[64];
        snprintf(detail, sizeof detail, "%zu shards", taken);
        status = audit_add(call->db, (uint64_t)clock_utc_ms(), "shards_taken", ask->node, ask->node, detail);
    }
    return status ? status : s_answer_leases(call, ask->node, ask->nonce);
}

db_status_t directory_on_take(struct store_call *call)
{
    return store_in_transaction(call, s_take);
}

static db_status_t s_release(struct store_call *call)
{
    const struct msg_dir_release *ask = &call->ask.as.dir_release;
    const struct db_value values[] = {db_u64(ask->node), db_u64(ask->nonce)};
    db_status_t status = db_run(call->db, "UPDATE shard_lease SET owner_id = 0, owner_nonce = 0 WHERE owner_id = ? "
                                          "AND owner_nonce = ?", values, 2);
    if (status)
        return status;
    uint64_t released = db_affected(call->db);
    const struct db_value gone[] = {db_u64(NODE_DEAD), db_u64(ask->node), db_u64(ask->nonce)};
    status = db_run(call->db, "UPDATE node SET state = ? WHERE id = ? AND boot_nonce = ?", gone, 3);
    return status ? status : store_answer_ok(call, released);
}

db_status_t directory_on_release(struct store_call *call)
{
    return store_in_transaction(call, s_release);
}

/* The rows that the receiver owns now, among those asked for. */
static db_status_t s_answer_given(struct store_call *call, uint64_t nonce, const bool asked[LIM_SHARDS])
{
    db_stmt_t *rows;
    const uint64_t to = call->ask.as.dir_give.to;
    db_status_t status = db_query(call->db, SQL_LEASES, NULL, 0, &rows);
    while (!status && db_next(rows)) {
        const struct rec_lease lease = {.shard = (uint32_t)db_get_u64(rows, 0), .epoch = db_get_u64(rows, 1),
                                        .node = to, .endpoint = db_get_view(rows, 3)};
        if (lease.shard >= LIM_SHARDS || !asked[lease.shard] || db_get_u64(rows, 2) != to ||
            db_get_u64(rows, 4) != nonce)
            continue;
        if (rec_lease_append(&call->list, &lease))
            return DB_FAILED;
    }
    call->answer.type = MSG_DIR_LEASES;
    call->answer.as.dir_leases.leases = list_of(&call->list);
    return status;
}

/* In key order, as batches lock them; the row lock waits for the giver's open batch. A repeat changes nothing. */
static db_status_t s_give(struct store_call *call)
{
    const struct msg_dir_give *ask = &call->ask.as.dir_give;
    struct s_node own, to;
    bool asked[LIM_SHARDS] = {false};
    db_status_t status = s_lock_node(call->db, ask->node, &own);
    if (!status)
        status = s_lock_node(call->db, ask->to, &to);
    if (status)
        return status;
    if (!own.found || own.nonce != ask->nonce || own.state != NODE_LIVE)
        return store_refuse(call, ERR_FENCED);
    if (!to.found || to.state != NODE_LIVE)
        return store_refuse(call, ERR_NOT_FOUND);
    list_t leases = ask->leases;
    struct rec_lease lease;
    while (!status && rec_lease_next(&leases, &lease)) {
        if (lease.shard >= LIM_SHARDS)
            return store_refuse(call, ERR_OUT_OF_RANGE);
        asked[lease.shard] = true;
        const struct db_value values[] = {db_u64(ask->to), db_u64(to.nonce), db_u64(lease.shard), db_u64(ask->node),
                                          db_u64(ask->nonce), db_u64(lease.epoch)};
        status = db_run(call->db, "UPDATE shard_lease SET owner_id = ?, owner_nonce = ?, epoch = epoch + 1 "
                                  "WHERE shard = ? AND owner_id = ? AND owner_nonce = ? AND epoch = ?", values, 6);
    }
    return status ? status : s_answer_given(call, to.nonce, asked);
}

db_status_t directory_on_give(struct store_call *call)
{
    return store_in_transaction(call, s_give);
}

/* ---- who is dead ---------------------------------------------------------------------------------------------- */

static struct watched_node *s_watched(struct directory_watch *watch, uint64_t node)
{
    for (size_t i = 0; i < watch->count; i++)
        if (watch->nodes[i].node == node)
            return &watch->nodes[i];
    if (watch->count == LIM_NODES_MAX)
        return NULL;
    watch->nodes[watch->count] = (struct watched_node){.node = node};
    return &watch->nodes[watch->count++];
}

static db_status_t s_declare_dead(db_t *db, struct watched_node *node)
{
    const struct db_value values[] = {db_u64(NODE_DEAD), db_u64(node->node), db_u64(node->nonce), db_u64(node->beat),
                                      db_u64(NODE_LIVE)};
    db_status_t status =
        db_run(db, "UPDATE node SET state = ? WHERE id = ? AND boot_nonce = ? AND beat = ? AND state = ?", values, 5);
    if (status || db_affected(db) == 0)
        return status; /* it moved after all, or another one was quicker */
    node->is_dead = true;
    char name[ADDRESS_TEXT_MAX];
    address_print(address_from_node(node->node), name);
    log_warn("node declared dead: node=%s beat=%" PRIu64, name, node->beat);
    return audit_add(db, (uint64_t)clock_utc_ms(), "node_dead", node->node, node->node, name);
}

static db_status_t s_read_nodes(struct directory_watch *watch, db_t *db, uint64_t own, int64_t now_ms)
{
    db_stmt_t *rows;
    const struct db_value values[] = {db_u64(LIM_NODES_MAX)};
    db_status_t status = db_query(db, "SELECT id, boot_nonce, beat, state FROM node ORDER BY state, id LIMIT ?",
                                  values, 1, &rows);
    while (!status && db_next(rows)) {
        uint64_t nonce = db_get_u64(rows, 1), beat = db_get_u64(rows, 2);
        struct watched_node *node = s_watched(watch, db_get_u64(rows, 0));
        if (!node || node->node == own)
            continue;
        if (node->nonce != nonce || node->beat != beat) {
            node->is_ended = node->is_ended && node->nonce == nonce;
            node->nonce = nonce;
            node->beat = beat;
            node->since_ms = now_ms;
        }
        node->seen_ms = now_ms;
        node->is_dead = db_get_u64(rows, 3) != NODE_LIVE;
    }
    return status;
}

db_status_t directory_look(struct directory_watch *watch, db_t *db, uint64_t own, int64_t now_ms)
{
    if (now_ms - watch->looked_ms > LOOK_GAP_MS_MAX)
        watch->count = 0;
    db_status_t status = s_read_nodes(watch, db, own, now_ms);
    if (status)
        return status;
    watch->looked_ms = now_ms;
    for (size_t i = 0; !status && i < watch->count; i++) {
        struct watched_node *node = &watch->nodes[i];
        if (node->node == own || node->seen_ms != now_ms)
            continue;
        if (!node->is_dead && now_ms - node->since_ms >= LIM_LEASE_DEAD_MS)
            status = s_declare_dead(db, node);
        if (status || !node->is_dead || node->is_ended)
            continue;
        /* Whoever declared it dead: that one may have ended before he came to this. */
        status = s_end_connections(db, node->node, node->nonce);
        node->is_ended = !status;
    }
    return status;
}
