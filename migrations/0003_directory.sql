-- Who runs where, and who owns which shard.

-- state: 1 live, 2 dead. beat grows each second while the node runs.
CREATE TABLE IF NOT EXISTS node (
    id BIGINT UNSIGNED NOT NULL,
    boot_nonce BIGINT UNSIGNED NOT NULL,
    beat BIGINT UNSIGNED NOT NULL,
    state TINYINT UNSIGNED NOT NULL,
    roles TINYINT UNSIGNED NOT NULL,
    endpoint VARCHAR(256) NOT NULL,
    PRIMARY KEY (id)
) ENGINE = InnoDB DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;

-- owner_id 0: nobody. The epoch only grows; events are written under one.
CREATE TABLE IF NOT EXISTS shard_lease (
    shard SMALLINT UNSIGNED NOT NULL,
    epoch BIGINT UNSIGNED NOT NULL,
    owner_id BIGINT UNSIGNED NOT NULL,
    owner_nonce BIGINT UNSIGNED NOT NULL,
    PRIMARY KEY (shard)
) ENGINE = InnoDB DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;

INSERT INTO shard_lease (shard, epoch, owner_id, owner_nonce)
WITH RECURSIVE number AS (SELECT 0 AS n UNION ALL SELECT n + 1 FROM number WHERE n < 255)
SELECT n, 0, 0, 0 FROM number
ON DUPLICATE KEY UPDATE shard_lease.epoch = shard_lease.epoch;

-- 1 id_key, 2 mac_key. Made once, on the first start, and never changed: stored ids and MACs depend on them.
CREATE TABLE IF NOT EXISTS shared_secret (
    id TINYINT UNSIGNED NOT NULL,
    secret BINARY(32) NOT NULL,
    PRIMARY KEY (id)
) ENGINE = InnoDB DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;

CREATE TABLE IF NOT EXISTS token_key (
    kid VARBINARY(32) NOT NULL,
    algorithm TINYINT UNSIGNED NOT NULL,
    public_pem VARBINARY(2048) NOT NULL,
    created_at_ms BIGINT UNSIGNED NOT NULL,
    PRIMARY KEY (kid)
) ENGINE = InnoDB DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;
