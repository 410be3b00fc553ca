//! What the load tests share.

pub mod open_loop;
pub mod processes;
pub mod stolen;
pub mod synthetic;
pub mod wrk;
