-- What a room is set to, besides its name and topic. A table of its own and not columns of `room`, for a column cannot be
-- added twice.

-- history: what newcomers may read, 0 all, 1 from their joining on (member.visible_from_seq). archived: nothing more is
-- said in it.
CREATE TABLE IF NOT EXISTS room_setting (
    room_id BIGINT UNSIGNED NOT NULL,
    history TINYINT UNSIGNED NOT NULL,
    archived TINYINT UNSIGNED NOT NULL,
    PRIMARY KEY (room_id)
) ENGINE = InnoDB DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;

-- Rooms that were there before: the usual, which a private room's log says without a word.
INSERT INTO room_setting (room_id, history, archived) SELECT id, 1, 0 FROM room WHERE visibility = 1
    ON DUPLICATE KEY UPDATE room_setting.history = room_setting.history;
