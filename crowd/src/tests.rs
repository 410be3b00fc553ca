//! The rule against brute force over raw events, and against an attacker who subtracts.

mod world;
mod truth;
mod attack;
mod days;
mod examples;
mod laws;
