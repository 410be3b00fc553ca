//! What all sides of Footfall agree on, and nothing that only one side needs.
//!
//! ```text
//! clock, day, zone      time: UTC seconds, quarter-hour buckets, a site's local date
//! round                 the part of a day that an event belongs to; which shards are imports
//! sites                 the numbered sites of footfall.toml
//! event, extra          what is left of a hit once it is anonymous
//! fate                  what became of it
//! wire                  records <-> bytes (protobuf, ../footfall.proto), in the spool and on Kafka
//! dimensions, measures  the columns
//! cubes                 which columns each live table has
//! tables                the SQL that makes them (../clickhouse/*.sql)
//! ```
//!
//! This crate opens no socket and no file, and depends on no driver.

pub mod clock;
pub mod day;
pub mod zone;
pub mod round;
pub mod sites;
pub mod event;
pub mod extra;
pub mod fate;
pub mod wire;
pub mod dimensions;
pub mod measures;
pub mod cubes;
pub mod tables;
