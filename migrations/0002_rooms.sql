-- Rooms, who is in them, and their logs. Columns are as wide as the bounds of the messages in bytes, so that what a
-- message may carry always fits.

CREATE TABLE IF NOT EXISTS room (
    id BIGINT UNSIGNED NOT NULL,
    incarnation BIGINT UNSIGNED NOT NULL,
    visibility TINYINT UNSIGNED NOT NULL,
    name VARCHAR(256) CHARACTER SET utf8mb4 COLLATE utf8mb4_unicode_520_ci NOT NULL,
    topic VARCHAR(512) NOT NULL,
    created_by BIGINT UNSIGNED NOT NULL,
    created_at_ms BIGINT UNSIGNED NOT NULL,
    last_seq BIGINT UNSIGNED NOT NULL,
    last_msg_no BIGINT UNSIGNED NOT NULL,
    last_at_ms BIGINT UNSIGNED NOT NULL,
    member_count BIGINT UNSIGNED NOT NULL,
    PRIMARY KEY (id),
    KEY ix_room_name (visibility, name, id)
) ENGINE = InnoDB DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;

CREATE TABLE IF NOT EXISTS member (
    room_id BIGINT UNSIGNED NOT NULL,
    user_id BIGINT UNSIGNED NOT NULL,
    role TINYINT UNSIGNED NOT NULL,
    notify TINYINT UNSIGNED NOT NULL,
    read_msg_no BIGINT UNSIGNED NOT NULL,
    joined_seq BIGINT UNSIGNED NOT NULL,
    visible_from_seq BIGINT UNSIGNED NOT NULL,
    PRIMARY KEY (room_id, user_id),
    KEY ix_member_user (user_id, room_id)
) ENGINE = InnoDB DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;

-- The truth. frame is what clients get, byte for byte; the columns only index it. target_seq and msg_no are 0 where
-- an event has none.
CREATE TABLE IF NOT EXISTS event (
    room_id BIGINT UNSIGNED NOT NULL,
    seq BIGINT UNSIGNED NOT NULL,
    kind SMALLINT UNSIGNED NOT NULL,
    user_id BIGINT UNSIGNED NOT NULL,
    client_id BINARY(16) NOT NULL,
    target_seq BIGINT UNSIGNED NOT NULL,
    msg_no BIGINT UNSIGNED NOT NULL,
    at_ms BIGINT UNSIGNED NOT NULL,
    body_mac BINARY(16) NOT NULL,
    frame VARBINARY(8192) NOT NULL,
    PRIMARY KEY (room_id, seq),
    UNIQUE KEY uq_event_client (room_id, user_id, client_id),
    KEY ix_event_target (room_id, target_seq, kind),
    KEY ix_event_msg_no (room_id, msg_no)
) ENGINE = InnoDB DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;
