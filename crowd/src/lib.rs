//! The small-cell rule: from the summed rows of one (site, day, round) to what may be said of it.
//!
//! ```text
//! table      rows of the cubes, summed per cell            what comes in
//! people     at least so many tags stand behind these rows
//! hide       rule 1: which values may be named; the rest is none or a crowd
//! cut        rule 1 along a dimension, children within their parents
//! bounces    where bounces and seconds may be told
//! hours      rule 4: neighbouring hours merged until each group is a crowd
//! custom     custom events by another dimension: views with a crowd of their own
//! views      the numbers of each cell, and of all others together
//! published  all of it for one (site, day, round)          what goes out
//! ```
//!
//! Pure: no clock, no I/O, no randomness; the same rows give the same answer. It does not know tags: it judges by sums of
//! "firsts", each of which counts a tag at most once within its value, and so never believes in more people than there
//! were. `k` is a type that cannot be under 3.

pub mod k;
pub mod table;
mod people;
mod hide;
mod cut;
mod bounces;
mod hours;
mod custom;
mod views;
pub mod published;

pub use bounces::may_tell_seconds;
pub use k::K;
pub use published::{Cell, HourGroup, Numbers, Published, Told, View};
pub use table::{Cubes, Table};

/// What hidden values are called together.
pub const OTHER: &str = "(other)";

#[cfg(test)]
mod tests;
