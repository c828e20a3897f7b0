-- Who is restricted in a room, and where a session was last heard from.

-- state: bits, 1 muted, 2 banned; a row without a bit is taken away. Members or not: a ban outlasts membership.
CREATE TABLE IF NOT EXISTS room_restricted (
    room_id BIGINT UNSIGNED NOT NULL,
    user_id BIGINT UNSIGNED NOT NULL,
    state TINYINT UNSIGNED NOT NULL,
    by_user_id BIGINT UNSIGNED NOT NULL,
    at_ms BIGINT UNSIGNED NOT NULL,
    PRIMARY KEY (room_id, user_id)
) ENGINE = InnoDB DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;

-- A table of its own and not a column of `session`, for a column cannot be added twice.
CREATE TABLE IF NOT EXISTS session_place (
    session_id BIGINT UNSIGNED NOT NULL,
    address VARCHAR(64) NOT NULL,
    PRIMARY KEY (session_id)
) ENGINE = InnoDB DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;
