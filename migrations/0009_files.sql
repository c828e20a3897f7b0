-- Files that people upload to a room and show in its lines.

-- state: 0 pieces are coming in, 1 whole, 2 shown by the line at seq, 3 given up: its pieces go, then the row.
-- next_no pieces of it are there. claim: client id of the line that is to show it (all zero: none yet).
-- digest: SHA-256 of the SHA-256s of the pieces.
CREATE TABLE IF NOT EXISTS attachment (
    id BIGINT UNSIGNED NOT NULL,
    room_id BIGINT UNSIGNED NOT NULL,
    user_id BIGINT UNSIGNED NOT NULL,
    client_id BINARY(16) NOT NULL,
    state TINYINT UNSIGNED NOT NULL,
    seq BIGINT UNSIGNED NOT NULL,
    claim BINARY(16) NOT NULL,
    next_no INT UNSIGNED NOT NULL,
    bytes BIGINT UNSIGNED NOT NULL,
    name VARCHAR(200) NOT NULL,
    type VARCHAR(64) NOT NULL,
    width SMALLINT UNSIGNED NOT NULL,
    height SMALLINT UNSIGNED NOT NULL,
    digest BINARY(32) NOT NULL,
    created_at_ms BIGINT UNSIGNED NOT NULL,
    touched_at_ms BIGINT UNSIGNED NOT NULL,
    PRIMARY KEY (id),
    UNIQUE KEY uq_attachment_client (room_id, user_id, client_id),
    KEY ix_attachment_line (room_id, seq),
    KEY ix_attachment_user (user_id, state, bytes),
    KEY ix_attachment_state (state, touched_at_ms)
) ENGINE = InnoDB DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;

-- A table of its own, so that looking at attachments never reads what is in them.
CREATE TABLE IF NOT EXISTS blob_chunk (
    attachment_id BIGINT UNSIGNED NOT NULL,
    no INT UNSIGNED NOT NULL,
    hash BINARY(32) NOT NULL,
    data MEDIUMBLOB NOT NULL,
    PRIMARY KEY (attachment_id, no)
) ENGINE = InnoDB DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;
