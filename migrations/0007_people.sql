-- What the server is called and who may come, invitations, how people want to be shown, and passwords that were given.

-- 4: last number of user_change.
INSERT INTO counter (id, last) VALUES (4, 0) ON DUPLICATE KEY UPDATE counter.last = counter.last;

-- One row, id 1; none: nothing was ever chosen. signup: 0 open, 1 with an invitation, 2 closed.
CREATE TABLE IF NOT EXISTS server_setting (
    id TINYINT UNSIGNED NOT NULL,
    name VARCHAR(256) NOT NULL,
    signup TINYINT UNSIGNED NOT NULL,
    PRIMARY KEY (id)
) ENGINE = InnoDB DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;

-- The code stands as it is: an administrator must see it again to pass it on, and who may read this table may read
-- everything. A revoked one has no row; 0 in expires_at_ms and uses_max: no bound.
CREATE TABLE IF NOT EXISTS invite (
    id BIGINT UNSIGNED NOT NULL,
    code VARBINARY(32) NOT NULL,
    by_user_id BIGINT UNSIGNED NOT NULL,
    created_at_ms BIGINT UNSIGNED NOT NULL,
    expires_at_ms BIGINT UNSIGNED NOT NULL,
    uses_max BIGINT UNSIGNED NOT NULL,
    uses BIGINT UNSIGNED NOT NULL,
    PRIMARY KEY (id),
    UNIQUE KEY uq_invite_code (code)
) ENGINE = InnoDB DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;

-- display may be empty; display_key is it, folded as user.name_key is. avatar_rev: user.rev of the picture, 0: none.
CREATE TABLE IF NOT EXISTS profile (
    user_id BIGINT UNSIGNED NOT NULL,
    display VARCHAR(256) NOT NULL,
    display_key VARBINARY(512) NOT NULL,
    avatar_rev BIGINT UNSIGNED NOT NULL,
    PRIMARY KEY (user_id)
) ENGINE = InnoDB DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;

-- type: 1 PNG, 2 JPEG, 3 WebP. Apart from the profile, so that a page of people reads no pictures.
CREATE TABLE IF NOT EXISTS avatar (
    user_id BIGINT UNSIGNED NOT NULL,
    type TINYINT UNSIGNED NOT NULL,
    picture MEDIUMBLOB NOT NULL,
    PRIMARY KEY (user_id)
) ENGINE = InnoDB DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;

-- A user's latest change, numbered in commit order under the locked counter: whoever reads above the last number they
-- have seen misses nothing. since_ms and changes bound how often one may change.
CREATE TABLE IF NOT EXISTS user_change (
    user_id BIGINT UNSIGNED NOT NULL,
    number BIGINT UNSIGNED NOT NULL,
    since_ms BIGINT UNSIGNED NOT NULL,
    changes BIGINT UNSIGNED NOT NULL,
    PRIMARY KEY (user_id),
    UNIQUE KEY uq_user_change_number (number)
) ENGINE = InnoDB DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;

-- Users whose password an administrator gave them and who have not chosen another one yet.
CREATE TABLE IF NOT EXISTS password_given (
    user_id BIGINT UNSIGNED NOT NULL,
    at_ms BIGINT UNSIGNED NOT NULL,
    PRIMARY KEY (user_id)
) ENGINE = InnoDB DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;
