//! Kafka for Footfall: what both `ingest` and `aggregator` need.
//!
//! ```text
//! connection   brokers, TLS, login -> the settings of every client
//! reach        waits for a broker; finds out why none answers
//! topics       hits, folds, salts: creates missing ones, checks existing ones
//! ledger       a small topic of one partition, read as a whole
//! assignment   parses the partitions in the assignment of a group member
//! client_log   what the client library reports, in our log
//! ```
//!
//! This crate does not know events, nor the protocol between the programs. The format of a message in `hits` is in
//! `schema::wire`; `ingest` writes the messages, `aggregator` reads them.

pub mod assignment;
pub mod client_log;
pub mod connection;
pub mod ledger;
pub mod reach;
pub mod topics;

pub use client_log::LoggingContext;
pub use connection::{Connection, Login, Mechanism, Tls};
pub use rdkafka;
pub use topics::Layout;

/// An error of the client library or of the brokers.
pub type Error = rdkafka::error::KafkaError;
