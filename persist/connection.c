#include "persist/connection.h"

#include <stdio.h>
#include <string.h>

#include "actors/runtime/log.h"
#include "persist/migrator.h"
#include "persist/node_locks.h"

err_t connection_init(struct connection *self, const char *url, db_use_t use, const char *name, address_t owner,
                      atomic_int *up_count)
{
    *self = (struct connection){.name = name, .use = use, .owner = owner, .up_count = up_count};
    return db_new(url, use, &self->db);
}

void connection_fini(struct connection *self)
{
    if (self->is_up)
        atomic_fetch_sub(self->up_count, 1);
    self->is_up = false;
    db_destroy(&self->db);
}

bool connection_is_up(const struct connection *self)
{
    return self->is_up && db_is_connected(self->db);
}

static void s_say_down(struct connection *self, const char *why)
{
    if (!self->was_down_said)
        log_warn("database away for the %s: %s", self->name, why);
    self->was_down_said = true;
}

void connection_lost(struct connection *self)
{
    if (self->is_up)
        atomic_fetch_sub(self->up_count, 1);
    self->is_up = false;
    s_say_down(self, db_error(self->db));
}

/* What makes a server unfit, as a sentence, or NULL. */
static const char *s_unfit(struct connection *self)
{
    const struct db_server *server = db_server(self->db);
    bool is_current = false;
    const char *sentence = "";
    if (self->use == DB_WRITER && server->is_read_only)
        return "this server is read-only; point DATABASE_URL at the primary";
    if (self->use == DB_WRITER && server->is_multi_primary)
        return "this is a multi-primary group, where leases do not fence; use single-primary mode";
    if (migrator_check(self->db, &is_current, &sentence) != DB_OK)
        return db_error(self->db);
    return is_current ? NULL : sentence;
}

static void s_warn(struct connection *self)
{
    const struct db_server *server = db_server(self->db);
    if (self->identity[0] && strcmp(self->identity, server->identity) != 0)
        log_warn("another database server answers the %s: was %s, is %s", self->name, self->identity,
                 server->identity);
    snprintf(self->identity, sizeof self->identity, "%s", server->identity);
    if (self->use != DB_WRITER || self->was_warned)
        return;
    self->was_warned = true;
    if (server->flush != 1)
        log_error("DURABILITY: innodb_flush_log_at_trx_commit is %d: acknowledged messages can be lost when the "
                  "database's machine fails. Set it to 1", server->flush);
    if (server->is_galera)
        log_warn("the database is a Galera cluster: direct all writes to one node only");
}

db_status_t connection_open(struct connection *self)
{
    if (self->is_up)
        atomic_fetch_sub(self->up_count, 1);
    self->is_up = false;
    db_status_t status = db_connect(self->db);
    if (status) {
        s_say_down(self, db_error(self->db));
        return status;
    }
    const char *unfit = s_unfit(self);
    if (unfit) {
        s_say_down(self, unfit);
        db_close(self->db);
        return DB_AWAY;
    }
    status = db_kill_old(self->db);
    if (!status)
        status = node_locks_take(self->db, address_node(self->owner), address_nonce(self->owner));
    if (status) {
        s_say_down(self, db_error(self->db));
        return status;
    }
    s_warn(self);
    log_info("database open for the %s: %s", self->name, db_server(self->db)->version);
    self->was_down_said = false;
    self->is_up = true;
    atomic_fetch_add(self->up_count, 1);
    return DB_OK;
}
