-- What search finds lines by: kept behind the log by persist/search_index.c, made from it and from nothing else. The
-- terms and their hashes are proto/search_text.c's, so every server finds the same.

-- How far a room's log is in the index, and by which rules (SEARCH_VERSION). Its row is locked by whoever indexes it.
CREATE TABLE IF NOT EXISTS search_head (
    room_id BIGINT UNSIGNED NOT NULL,
    incarnation BIGINT UNSIGNED NOT NULL,
    version INT UNSIGNED NOT NULL,
    indexed_seq BIGINT UNSIGNED NOT NULL,
    PRIMARY KEY (room_id)
) ENGINE = InnoDB DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;

-- A line in the index: terms are its rows in search_term, four bytes each, so that they can be taken away.
CREATE TABLE IF NOT EXISTS search_doc (
    room_id BIGINT UNSIGNED NOT NULL,
    seq BIGINT UNSIGNED NOT NULL,
    at_ms BIGINT UNSIGNED NOT NULL,
    terms VARBINARY(4096) NOT NULL,
    PRIMARY KEY (room_id, seq)
) ENGINE = InnoDB DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;

-- Newest lines of a room with a term: one range, read backwards.
CREATE TABLE IF NOT EXISTS search_term (
    term INT UNSIGNED NOT NULL,
    room_id BIGINT UNSIGNED NOT NULL,
    at_ms BIGINT UNSIGNED NOT NULL,
    seq BIGINT UNSIGNED NOT NULL,
    PRIMARY KEY (term, room_id, at_ms, seq)
) ENGINE = InnoDB DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;
