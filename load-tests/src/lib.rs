//! What the load tests share: a synthetic day, clients, and readings of CPU time.
//!
//! The binaries measure the program from outside and print figures, if possible against another program in the same
//! run. They do not know the inside of the program, except where they measure one function (`fold`, `wire`).

pub mod open_loop;
pub mod processes;
pub mod stolen;
pub mod synthetic;
pub mod wrk;
