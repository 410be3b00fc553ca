//! Folds anonymous events into sums and writes the sums to ClickHouse, each exactly once.
pub mod fold;
pub mod rows;
pub mod sums;
