//! The contract of all parts of Footfall, and nothing that only one part needs.
//!
//! ```text
//! clock, day, zone      time: UTC seconds, quarter-hour buckets, a site's local date
//! sites, goals          the numbered sites of footfall.toml, and what each of them declares
//! closed_set            the macro for enums that have a code on the wire and a label
//! event, extra          the anonymous event that remains of a hit
//! fate                  what happened to a hit: stored, refused, failed
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
pub mod tables;
