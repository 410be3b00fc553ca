//! The collector: takes hits from browsers and servers, and stores anonymous events.
//!
//! In come HTTP requests and lines of logs; out go events in the spool, and from there in Kafka. This crate does not
//! know ClickHouse, nor what reads the stream. One hit passes through its modules in this order:
//!
//! ```text
//! http  ->  accept  ->  admit  ->  enrich  ->  anonymise  ->  append  ->  the answer
//!           Sent, Hit              Seen        Event          bytes on disk
//! ```
//!
//! * `collect` calls the stages in order and decides. `lines` is the same path for a server's log.
//! * A hit has one fate: stored, refused or failed. It is counted once, in `collect` or in the writer of `append`.
//! * Visitors exist only from `http` to `anonymise`. `client` truncates the address before anything else. A
//!   [`hit::Hit`] cannot be printed, cloned or serialised, and no module after `anonymise` imports it.
//! * The salt that makes tags (`salt`) is in memory only, and is destroyed 15 minutes after its day.
//! * The client is answered when its hit is on disk.
//!
//! If there are several collectors, `ship` sends what is in the spool to Kafka.

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
