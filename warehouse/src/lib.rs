//! Everything that Footfall asks of ClickHouse: the SQL, the insert format and the client's settings.
//!
//! ```text
//! client      Warehouse: the client with our settings       error     what ClickHouse may answer
//! migrate     makes the tables                              retry     asks until there is an answer
//! counted     SQL: which rows count, which are final
//! written by the aggregator and by imports:
//!   rows        increments as columns, one block            native    a block -> bytes of the Native format
//!   insert      sends a block under a token                 sums      control sums, and the sums of live rows
//!   generations which generation of a shard counts          settled   rounds that are final
//!   partitions  partitions of live tables, listed, dropped  imports   how far each log was imported
//!   store       all that a shard needs of the above, as a trait that the simulation also implements
//! read by the dashboard:
//!   rounds      the rounds of a site                        cells     the rows of rounds, summed per cell
//! ```
//!
//! Rows come in as `Rows` and go out as names and sums. The crate does not know the fold that made the rows, nor the
//! crowd rule: what `rounds` and `cells` return must pass `crowd` before it leaves the program.
//!
//! Nothing that a request or a log line contains becomes part of a statement: statements consist of our own table and
//! column names, and values are bound or sent as data.

pub mod cells;
pub mod client;
mod counted;
pub mod error;
mod generations;
pub mod imports;
mod insert;
mod migrate;
pub mod native;
pub mod partitions;
pub mod retry;
pub mod rounds;
pub mod rows;
mod settled;
pub mod store;
pub mod sums;

pub use cells::CellFilter;
pub use client::{QUERY_SECONDS_MAX, Warehouse, ping};
pub use error::{Error, Result, error_chain};
pub use imports::ImportedLog;
pub use partitions::Partition;
pub use retry::{RETRY_PAUSE_MAX, retry};
pub use rounds::Round;
pub use rows::{Column, Rows};
pub use store::Store;
pub use sums::ControlSums;
