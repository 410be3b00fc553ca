-- Which generation of a shard's live rows readers count: the highest named.
CREATE TABLE shards (
    shard UInt32,
    generation UInt32,
    named_at DateTime('UTC')
) ENGINE = MergeTree ORDER BY shard SETTINGS fsync_after_insert = 1, fsync_part_directory = 1;

-- Control sums: what the fold of a shard added up to when it had folded `closed_to`. `cube` is empty in the row that
-- says only that the shard has closed.
CREATE TABLE closed (
    closed_to Date,
    shard UInt32,
    generation UInt32,
    day Date,
    round UInt32,
    cube LowCardinality(String),
    measure LowCardinality(String),
    sum Int64
) ENGINE = MergeTree ORDER BY (closed_to, shard) SETTINGS fsync_after_insert = 1, fsync_part_directory = 1;

-- Rounds whose live rows were found equal to their control sums: from here on this generation's rows are the round,
-- whatever generation the shard is in later.
CREATE TABLE settled (
    day Date,
    round UInt32,
    shard UInt32,
    generation UInt32,
    settled_at DateTime('UTC')
) ENGINE = MergeTree ORDER BY (day, round, shard) SETTINGS fsync_after_insert = 1, fsync_part_directory = 1;

-- What import has read of each log. A row counts once its shard is named in `shards`.
CREATE TABLE imports (
    site UInt32,
    shard UInt32,
    head_bytes UInt32,
    head_hash String,
    bytes_done UInt64,
    imported_at DateTime('UTC')
) ENGINE = MergeTree ORDER BY (site, shard) SETTINGS fsync_after_insert = 1, fsync_part_directory = 1;
