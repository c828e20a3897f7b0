-- What hangs on lines, and who they call: rows that follow from events, in the same transaction. The log is the truth:
-- folding it gives these tables.

-- At most 400 of a line, over at most 20 different emoji (proto/limits.h). seq: of the event, and the order.
CREATE TABLE IF NOT EXISTS reaction (
    room_id BIGINT UNSIGNED NOT NULL,
    target_seq BIGINT UNSIGNED NOT NULL,
    seq BIGINT UNSIGNED NOT NULL,
    user_id BIGINT UNSIGNED NOT NULL,
    emoji VARBINARY(48) NOT NULL,
    PRIMARY KEY (room_id, target_seq, seq)
) ENGINE = InnoDB DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;

CREATE TABLE IF NOT EXISTS pin (
    room_id BIGINT UNSIGNED NOT NULL,
    target_seq BIGINT UNSIGNED NOT NULL,
    seq BIGINT UNSIGNED NOT NULL,
    user_id BIGINT UNSIGNED NOT NULL,
    PRIMARY KEY (room_id, target_seq),
    KEY ix_pin_seq (room_id, seq)
) ENGINE = InnoDB DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;

-- Lines that call a user as they read now. msg_no: of the line, so that the unread ones are one range.
CREATE TABLE IF NOT EXISTS mention (
    user_id BIGINT UNSIGNED NOT NULL,
    room_id BIGINT UNSIGNED NOT NULL,
    msg_no BIGINT UNSIGNED NOT NULL,
    seq BIGINT UNSIGNED NOT NULL,
    PRIMARY KEY (user_id, room_id, msg_no),
    KEY ix_mention_line (room_id, seq)
) ENGINE = InnoDB DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;
