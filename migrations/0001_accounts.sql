-- Users, their sessions, and what was revoked. A statement ends with a semicolon at the end of a line, and may run
-- twice: a crash between two statements repeats the file.

-- Numbers that must grow in commit order are taken from a locked row here, never from AUTO_INCREMENT: that one is
-- given out before the commit, so a reader could see 8 and never 7.
-- 1: last number of revocation. 2: number of users. 3: locked while the shared secrets are made.
CREATE TABLE IF NOT EXISTS counter (
    id TINYINT UNSIGNED NOT NULL,
    last BIGINT UNSIGNED NOT NULL,
    PRIMARY KEY (id)
) ENGINE = InnoDB DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;

INSERT INTO counter (id, last) VALUES (1, 0), (2, 0), (3, 0) ON DUPLICATE KEY UPDATE counter.last = counter.last;

-- name_key is the name folded by persist/name_key.c: unique whatever the case, and the same on every server, which
-- no collation is.
CREATE TABLE IF NOT EXISTS user (
    id BIGINT UNSIGNED NOT NULL,
    name VARCHAR(128) NOT NULL,
    name_key VARBINARY(256) NOT NULL,
    role TINYINT UNSIGNED NOT NULL,
    disabled TINYINT UNSIGNED NOT NULL,
    password_hash VARBINARY(128) NOT NULL,
    rev BIGINT UNSIGNED NOT NULL,
    created_at_ms BIGINT UNSIGNED NOT NULL,
    PRIMARY KEY (id),
    UNIQUE KEY uq_user_name_key (name_key)
) ENGINE = InnoDB DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;

-- A family of refresh tokens: only hashes. previous_hash is empty before the first rotation.
CREATE TABLE IF NOT EXISTS session (
    id BIGINT UNSIGNED NOT NULL,
    user_id BIGINT UNSIGNED NOT NULL,
    current_hash BINARY(32) NOT NULL,
    previous_hash VARBINARY(32) NOT NULL,
    rotated_at_ms BIGINT UNSIGNED NOT NULL,
    created_at_ms BIGINT UNSIGNED NOT NULL,
    revoked_at_ms BIGINT UNSIGNED NOT NULL,
    device VARCHAR(64) NOT NULL,
    user_agent VARCHAR(256) NOT NULL,
    PRIMARY KEY (id),
    KEY ix_session_user (user_id)
) ENGINE = InnoDB DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;

CREATE TABLE IF NOT EXISTS revocation (
    number BIGINT UNSIGNED NOT NULL,
    session_id BIGINT UNSIGNED NOT NULL,
    user_id BIGINT UNSIGNED NOT NULL,
    at_ms BIGINT UNSIGNED NOT NULL,
    PRIMARY KEY (number),
    UNIQUE KEY uq_revocation_session (session_id)
) ENGINE = InnoDB DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;

-- Append only. id is random: nothing depends on its order.
CREATE TABLE IF NOT EXISTS audit (
    id BIGINT UNSIGNED NOT NULL,
    at_ms BIGINT UNSIGNED NOT NULL,
    actor_id BIGINT UNSIGNED NOT NULL,
    action VARCHAR(32) NOT NULL,
    subject_id BIGINT UNSIGNED NOT NULL,
    detail VARCHAR(256) NOT NULL,
    PRIMARY KEY (id),
    KEY ix_audit_at (at_ms)
) ENGINE = InnoDB DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;
