//! What the load tests share.

pub mod processes;
pub mod synthetic;
