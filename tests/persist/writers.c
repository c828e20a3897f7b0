#include "tests/persist/writers.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

enum { RESEND_MS = 3000 };

static void s_fill(struct writer *self, struct batch *batch)
{
    for (size_t i = 0; i < WRITER_ROOMS; i++) {
        uint64_t room = self->rooms[i], epoch = self->epochs[id_shard(room)], head = self->heads[i];
        if (self->is_fenced[i])
            continue;
        if (head == 0) {
            struct rec_append_row row = fixture_line(room, epoch, 1, 1, 1);
            row.kind = KIND_ROOM_CREATED;
            row.msg_no = 0;
            batch_add(batch, row, &(struct kind_room_created){.name = view_of_text("room")});
            continue;
        }
        for (uint64_t seq = head + 1; seq <= head + self->rows_a_room; seq++)
            batch_add(batch, fixture_line(room, epoch, seq, 1, seq),
                      &(struct kind_posted){.text = view_of_text("a line of an ordinary length, more or less")});
    }
}

static size_t s_room(const struct writer *self, uint64_t room)
{
    size_t index = 0;
    while (index < WRITER_ROOMS - 1 && self->rooms[index] != room)
        index++;
    return index;
}

static void s_note(struct writer *self, const struct rec_append_outcome *outcome)
{
    size_t index = s_room(self, outcome->room);
    self->answered++;
    if (outcome->result == 0) {
        self->committed++;
        if (outcome->stored_seq != self->heads[index] + 1)
            self->has_failed = true;
        self->heads[index] = outcome->stored_seq;
    } else if (outcome->result == 3) {
        self->fenced++;
        self->is_fenced[index] = true;
    } else {
        self->others++;
    }
}

/* The same bytes again until they are answered, as room actors do. */
static bool s_store(struct writer *self, client_t *client, struct batch *batch)
{
    struct msg msg = batch_message(batch);
    const struct msg *answer = NULL;
    while (!answer && !*self->is_stopped) {
        answer = client_wait(client, client_send(client, &msg), RESEND_MS);
        if (answer && (answer->type != MSG_STORE_APPENDED || answer->as.store_appended.batch != batch->number))
            answer = NULL;
    }
    if (!answer)
        return false;
    list_t list = answer->as.store_appended.outcomes;
    struct rec_append_outcome outcome;
    while (rec_append_outcome_next(&list, &outcome))
        s_note(self, &outcome);
    self->batches++;
    return true;
}

static void *s_run(void *opaque)
{
    struct writer *self = opaque;
    client_t *client = client_new(self->fixture, self->instance);
    struct batch batch;
    batch_init(&batch);
    while (!*self->is_stopped) {
        s_fill(self, &batch);
        if (batch.rows.count == 0)
            break; /* all fenced */
        if (!s_store(self, client, &batch))
            break;
        list_writer_clear(&batch.rows);
        batch.number++;
    }
    batch_fini(&batch);
    client_destroy(&client);
    return NULL;
}

void writers_start(struct writer *writers, size_t count, struct fixture *fixture, const uint64_t *epochs,
                   uint64_t first_room, size_t rows_a_room, atomic_bool *is_stopped)
{
    for (size_t i = 0; i < count; i++) {
        writers[i] = (struct writer){.fixture = fixture, .instance = (uint16_t)(10 + i), .epochs = epochs,
                                     .rows_a_room = rows_a_room, .is_stopped = is_stopped};
        for (size_t j = 0; j < WRITER_ROOMS; j++)
            writers[i].rooms[j] = first_room + i * WRITER_ROOMS + j;
        assert_int_equal(0, pthread_create(&writers[i].thread, NULL, s_run, &writers[i]));
    }
}

void writers_join(struct writer *writers, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        pthread_join(writers[i].thread, NULL);
        assert_false(writers[i].has_failed);
    }
}

void writers_check(const struct writer *writers, size_t count, size_t max_unanswered)
{
    struct test_db *db = &writers[0].fixture->db;
    for (size_t i = 0; i < count; i++)
        for (size_t j = 0; j < WRITER_ROOMS; j++) {
            char sql[256];
            unsigned long long room = writers[i].rooms[j];
            snprintf(sql, sizeof sql, "SELECT COALESCE(MAX(last_seq), 0) FROM room WHERE id = %llu", room);
            uint64_t head = test_db_number(db, sql);
            assert_in_range(head, writers[i].heads[j], writers[i].heads[j] + max_unanswered);
            snprintf(sql, sizeof sql, "SELECT COUNT(*) FROM event WHERE room_id = %llu AND seq BETWEEN 1 AND %llu", room,
                     (unsigned long long)head);
            assert_int_equal(head, test_db_number(db, sql));
            snprintf(sql, sizeof sql, "SELECT COUNT(*) FROM event WHERE room_id = %llu", room);
            assert_int_equal(head, test_db_number(db, sql));
        }
}
