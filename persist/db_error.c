#include "persist/db_impl.h"

#include <stdio.h>

#include <errmsg.h>
#include <mysqld_error.h>

db_status_t db_sort(unsigned number)
{
    switch (number) {
    case 0: return DB_OK;
    case ER_LOCK_WAIT_TIMEOUT:
    case ER_LOCK_DEADLOCK:
    case 1020: /* a row changed since it was read; MariaDB with innodb_snapshot_isolation */
        return DB_RETRY;
    case ER_DUP_ENTRY:
    case 1586: /* the same, naming the key */
        return DB_DUPLICATE;
    case CR_CONNECTION_ERROR:
    case CR_CONN_HOST_ERROR:
    case CR_UNKNOWN_HOST:
    case CR_SERVER_GONE_ERROR:
    case CR_SERVER_LOST:
    case CR_SERVER_HANDSHAKE_ERR:
    case CR_SSL_CONNECTION_ERROR:
    case 2055: /* CR_SERVER_LOST_EXTENDED */
    case 4031: /* disconnected for inactivity (MySQL) */
    case 1040: /* too many connections */
    case 1203: /* too many connections of this user */
    case 1226:
    case 1053: /* shutting down */
    case 1077: case 1078: case 1079:
    case 1158: case 1159: case 1160: case 1161: /* network */
    case 1317: /* interrupted */
    case 1927: /* killed (MariaDB) */
    case 1969: case 3024: /* statement took too long */
    case 1290: case 1792: case 1836: case 3100: /* read only */
    case 1021: case 1114: case 28: case 3: case 1026: case 1030: case 1180: case 1181: /* disk full, disk broken */
    case 1041: case 1037: case 1038: /* out of memory */
    case 1047: /* wsrep: node not ready */
    case 1243: case 1615: /* a prepared statement is gone or too old: a new connection has none */
        return DB_AWAY;
    default: return DB_FAILED;
    }
}

bool db_is_lost(unsigned number)
{
    return (number >= CR_MIN_ERROR && number <= CR_MAX_ERROR && number != CR_OUT_OF_MEMORY) || number == 4031 ||
           number == 1053 || number == 1153 || number == 1243 || number == 1615 || number == 1927 ||
           (number >= 1158 && number <= 1161);
}

db_status_t db_note(db_t *self, unsigned number, const char *text)
{
    db_status_t status = db_sort(number);
    self->error_number = number;
    /* A duplicate's text holds the value. */
    snprintf(self->error, sizeof self->error, "%u %s", number, status == DB_DUPLICATE ? "duplicate key" : text);
    if (db_is_lost(number))
        self->is_connected = false;
    return status == DB_OK ? DB_FAILED : status;
}

db_status_t db_fail(db_t *self)
{
    return db_note(self, mysql_errno(self->mysql), mysql_error(self->mysql));
}

const char *db_error(const db_t *self)
{
    return self->error;
}

unsigned db_error_number(const db_t *self)
{
    return self->error_number;
}
