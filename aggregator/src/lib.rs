//! Folds anonymous events into sums and writes the sums to ClickHouse, each exactly once.
pub mod rows;
