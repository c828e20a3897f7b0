-- Where members stand in a room, and which lines are gone for unread counts.

-- What a member decided about a room for themselves; no row: nothing yet. rev: counts those decisions. turn: the rev of
-- the last one that marked lines as unread: read pointers said under an older one are not stored. The pointer and the
-- level themselves stand in `member`; the row goes with the membership.
CREATE TABLE IF NOT EXISTS member_place (
    room_id BIGINT UNSIGNED NOT NULL,
    user_id BIGINT UNSIGNED NOT NULL,
    rev BIGINT UNSIGNED NOT NULL,
    turn BIGINT UNSIGNED NOT NULL,
    PRIMARY KEY (room_id, user_id)
) ENGINE = InnoDB DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;

-- Deleted lines by number, in the same transaction as the event that deleted them (deleted_seq). The log is the truth:
-- folding it gives this table. seq: of the line.
CREATE TABLE IF NOT EXISTS gone_line (
    room_id BIGINT UNSIGNED NOT NULL,
    msg_no BIGINT UNSIGNED NOT NULL,
    seq BIGINT UNSIGNED NOT NULL,
    deleted_seq BIGINT UNSIGNED NOT NULL,
    PRIMARY KEY (room_id, msg_no),
    KEY ix_gone_line (room_id, seq),
    KEY ix_gone_deleted (room_id, deleted_seq)
) ENGINE = InnoDB DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;

-- What was deleted before this table was there. 6: the kind of a deletion.
INSERT INTO gone_line (room_id, msg_no, seq, deleted_seq)
SELECT line.room_id, line.msg_no, line.seq, deletion.seq
FROM event AS deletion JOIN event AS line ON line.room_id = deletion.room_id AND line.seq = deletion.target_seq
WHERE deletion.kind = 6 AND line.msg_no > 0
ON DUPLICATE KEY UPDATE gone_line.deleted_seq = gone_line.deleted_seq;
