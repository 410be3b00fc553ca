-- The live tables as `schema/src/cubes.rs` declares them, for people to read; this file is not run.
-- Sums of the days not yet sealed: no tag, no address, no user agent, no time finer than a quarter hour.
-- A row counts only if its generation is the one that `shards` names for its shard, or `settled` for its round.

CREATE TABLE live_visits (
    site UInt32,
    day Date,
    round UInt32,
    shard UInt32,
    generation UInt32,
    bucket DateTime('UTC'),
    hour DateTime('UTC'),
    entry_page LowCardinality(String),
    source LowCardinality(String),
    channel LowCardinality(String),
    country LowCardinality(String),
    region LowCardinality(String),
    device LowCardinality(String),
    browser LowCardinality(String),
    os LowCardinality(String),
    language LowCardinality(String),
    screen LowCardinality(String),
    visits Int32,
    bounces Int32,
    pageviews Int32,
    events Int32,
    seconds Int32,
    visitors Int32,
    visitors_hour Int32,
    visitors_source Int32,
    visitors_channel Int32,
    visitors_entry_page Int32
) ENGINE = MergeTree PARTITION BY (day, round, shard, generation) ORDER BY (site, bucket)
SETTINGS non_replicated_deduplication_window = 100000,
    fsync_after_insert = 1, fsync_part_directory = 1, merge_selector_base = 20;

CREATE TABLE live_pages (
    site UInt32,
    day Date,
    round UInt32,
    shard UInt32,
    generation UInt32,
    bucket DateTime('UTC'),
    hour DateTime('UTC'),
    page LowCardinality(String),
    source LowCardinality(String),
    channel LowCardinality(String),
    country LowCardinality(String),
    device LowCardinality(String),
    browser LowCardinality(String),
    os LowCardinality(String),
    language LowCardinality(String),
    pageviews Int32,
    visitors Int32,
    visits Int32,
    entries Int32,
    exits Int32,
    exit_visitors Int32,
    engaged_s Int32,
    scroll Int32
) ENGINE = MergeTree PARTITION BY (day, round, shard, generation) ORDER BY (site, bucket)
SETTINGS non_replicated_deduplication_window = 100000,
    fsync_after_insert = 1, fsync_part_directory = 1, merge_selector_base = 20;

CREATE TABLE live_events (
    site UInt32,
    day Date,
    round UInt32,
    shard UInt32,
    generation UInt32,
    bucket DateTime('UTC'),
    hour DateTime('UTC'),
    kind LowCardinality(String),
    name LowCardinality(String),
    property LowCardinality(String),
    value LowCardinality(String),
    page LowCardinality(String),
    source LowCardinality(String),
    channel LowCardinality(String),
    country LowCardinality(String),
    device LowCardinality(String),
    events Int32,
    visitors Int32,
    visits Int32,
    amount Int64
) ENGINE = MergeTree PARTITION BY (day, round, shard, generation) ORDER BY (site, bucket)
SETTINGS non_replicated_deduplication_window = 100000,
    fsync_after_insert = 1, fsync_part_directory = 1, merge_selector_base = 20;

CREATE TABLE live_fates (
    site UInt32,
    day Date,
    round UInt32,
    shard UInt32,
    generation UInt32,
    reason LowCardinality(String),
    crawler LowCardinality(String),
    hits Int32
) ENGINE = MergeTree PARTITION BY (day, round, shard, generation) ORDER BY (site, reason)
SETTINGS non_replicated_deduplication_window = 100000,
    fsync_after_insert = 1, fsync_part_directory = 1, merge_selector_base = 20;

CREATE TABLE live_campaigns (
    site UInt32,
    day Date,
    round UInt32,
    shard UInt32,
    generation UInt32,
    bucket DateTime('UTC'),
    hour DateTime('UTC'),
    campaign_source LowCardinality(String),
    medium LowCardinality(String),
    campaign LowCardinality(String),
    content LowCardinality(String),
    term LowCardinality(String),
    landing_page LowCardinality(String),
    goal LowCardinality(String),
    currency LowCardinality(String),
    country LowCardinality(String),
    device LowCardinality(String),
    visits Int32,
    visitors Int32,
    bounces Int32,
    conversions Int32,
    orders Int32,
    buyers Int32,
    revenue Int64,
    opens Int32
) ENGINE = MergeTree PARTITION BY (day, round, shard, generation) ORDER BY (site, bucket)
SETTINGS non_replicated_deduplication_window = 100000,
    fsync_after_insert = 1, fsync_part_directory = 1, merge_selector_base = 20;

CREATE TABLE live_items (
    site UInt32,
    day Date,
    round UInt32,
    shard UInt32,
    generation UInt32,
    bucket DateTime('UTC'),
    hour DateTime('UTC'),
    product LowCardinality(String),
    category LowCardinality(String),
    currency LowCardinality(String),
    campaign LowCardinality(String),
    source LowCardinality(String),
    orders Int32,
    units Int64,
    revenue Int64,
    visitors Int32
) ENGINE = MergeTree PARTITION BY (day, round, shard, generation) ORDER BY (site, bucket)
SETTINGS non_replicated_deduplication_window = 100000,
    fsync_after_insert = 1, fsync_part_directory = 1, merge_selector_base = 20;
