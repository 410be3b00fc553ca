//! The rule compared with brute force over raw events, and attacked by subtraction.

mod world;
mod truth;
mod attack;
mod days;
mod examples;
mod laws;
