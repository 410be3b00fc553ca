//! The contract of all parts of Footfall, and nothing that only one part needs.
//!
//! ```text
//! clock, day, zone      time: UTC seconds, quarter-hour buckets, a site's local date
//! round                 the part of a day that an event belongs to; which shards are imports
//! sites, goals          the numbered sites of footfall.toml, and what each of them declares
//! closed_set            the macro for enums that have a code on the wire and a label
//! event, extra          the anonymous event that remains of a hit
//! fate                  what happened to a hit: stored, refused, failed
//! wire                  records <-> bytes (protobuf, ../footfall.proto), in the spool and on Kafka
//! dimensions, measures  the columns
//! cubes                 the live tables of sums, each declared once
//! views                 what may be published of them, one entry each
//! tables                the SQL that makes the tables (../clickhouse/*.sql)
//! ```
//!
//! This crate opens no socket and no file, and depends on no driver.

pub mod clock;
pub mod day;
pub mod zone;
pub mod round;
mod closed_set;
pub mod goals;
pub mod sites;
pub mod event;
pub mod extra;
pub mod fate;
pub mod wire;
pub mod dimensions;
pub mod measures;
pub mod cubes;
pub mod views;
pub mod tables;
