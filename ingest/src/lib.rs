//! Takes beacons from browsers and keeps them, without keeping who sent them.
//!
//! One hit walks through this crate in reading order:
//!
//! ```text
//! http  ->  accept  ->  admit  ->  enrich  ->  anonymise  ->  append  ->  the answer
//!           Sent, Hit              Seen        Event          bytes on disk
//! ```
//!
//! * `collect` is the spine: it calls the stages in order and decides. `lines` is the same path for a server's log.
//! * A hit has one fate: stored, refused or failed. It is counted once, in `collect` or in the writer of `append`.
//! * Who someone is exists only from `http` to `anonymise`: `client` truncates the address first of all; a
//!   [`hit::Hit`] cannot be printed, cloned or serialised, and no module after `anonymise` imports it.
//! * The salt that makes tags (`salt`) lives in memory and dies 15 minutes after its midnight.
//! * The sender is answered after the disk.
//!
//! On many machines `ship` takes what is on disk to Kafka. What becomes of events there this crate does not know.

pub mod http;
pub mod accept;
pub mod collect;
pub mod admit;
pub mod rate;
pub mod spam;
pub mod enrich;
pub mod anonymise;
pub mod salt;
pub mod append;
pub mod ship;
pub mod fate;
pub mod client;
pub mod hit;
pub mod lane;
pub mod lines;
pub mod metrics;
#[cfg(test)]
mod testing;
