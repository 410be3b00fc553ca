//! How Footfall uses Kafka: what `ingest` and `aggregator` both need and neither owns.
//!
//! ```text
//! connection   brokers, TLS, login -> the settings of every client
//! topics       hits, folds, salts: made if missing, checked if not
//! ledger       a small topic, one partition, read as a whole
//! said         what the client library says, in our log
//! ```
//!
//! It knows no event and no rule of the protocol. What stands on `hits` is in `schema::wire`, who reads it in
//! `aggregator`, who writes it in `ingest`.

pub mod connection;
pub mod ledger;
pub mod said;
pub mod topics;

pub use connection::{Connection, Login, Mechanism, Tls};
pub use rdkafka;
pub use said::Said;
pub use topics::Layout;

/// An error of the client library or the brokers.
pub type Error = rdkafka::error::KafkaError;
