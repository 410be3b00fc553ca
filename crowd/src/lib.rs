//! The small-cell rule: from the summed rows of one (site, day, round) to what may be published of it.
//!
//! ```text
//! table      the rows of the cubes, summed per cell         comes in
//! people     a lower bound of the tags behind some rows
//! hide       which of the values side by side may be named; all others together are none or a crowd
//! cut        the same along one dimension, children within their parents
//! bounces    where bounces and seconds may be told
//! custom     custom events by another dimension: views with a crowd of their own
//! judge      one view of the table of views: cut, then the numbers of each cell and of "(other)"
//! hours      neighbouring hours merged until each group is a crowd
//! totals     the bare totals of the judged rows             bare    the same of open days, as they stand now
//! published  all of it for one (site, day, round)           goes out
//! ```
//!
//! The crate is pure: no clock, no I/O, no randomness; the same rows give the same answer. Tags never come in: the rule
//! judges by sums of firsts, each of which counts a tag at most once within its value, so it never counts more people
//! than there were. `k` is a type that cannot be under 3. `Numbers`, and all that is made of them, can be made here
//! only: there is no way from a row to an answer around the rule.

pub mod k;
mod numbers;
mod table;
mod people;
mod hide;
mod cut;
mod bounces;
mod custom;
mod judge;
mod hours;
mod totals;
mod bare;
mod published;

pub use bare::{BareSums, Snapshot};
pub use k::K;
pub use numbers::{Numbers, Told};
pub use published::{Cell, HourGroup, Published, PublishedView, cubes, is_judged, measures, names};
pub use table::{Cubes, Table};

/// The name of all values of a view that are not named.
pub const OTHER: &str = "(other)";

#[cfg(test)]
mod tests;
