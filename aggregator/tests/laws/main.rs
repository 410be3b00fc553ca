//! The laws of the fold, tested with random streams: several sites, days and rounds, events of all kinds in and out of
//! order, closes, refusals, repeats and gaps.

mod stream;
mod naive;
mod marketing;
mod brute_force;
mod replay;
mod rounds;
mod limits;
