//! The laws of the fold, each over random streams: several sites, days and rounds, events of all kinds, late and early
//! ones, closes, refusals, repeats and gaps.

mod stream;
mod naive;
mod marketing;
mod brute_force;
mod replay;
mod rounds;
mod limits;
