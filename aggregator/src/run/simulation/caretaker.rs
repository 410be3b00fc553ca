//! The owner of shard 0 closes days, in every partition; a former one goes on until it looks. And other aggregators sweep
//! while shards do what they do.

use std::time::Duration;

use schema::day::Day;

use super::clock::{closed_by_clock, now_s};
use super::log::Entry;
use super::process::{Ended, Seat};
use super::store::Client;
use crate::sweep::{Imports, Sweep};

pub(super) async fn care(seat: Seat) -> Ended {
    let mut appended = i32::MIN;
    loop {
        seat.step().await;
        let due = closed_by_clock();
        if due > appended && due >= super::clock::FIRST_DAY {
            let partitions = seat.sim.world().logs.len();
            for partition in 0..partitions {
                seat.step().await;
                seat.sim.world().append(partition, Entry::Close(Day(due)));
            }
            appended = due;
        }
        if seat.is_former() && seat.sim.world().chance.hits(0.3) {
            return Ok(());
        }
        tokio::time::sleep(Duration::from_secs(3)).await;
    }
}

/// The sweep of an aggregator that has other shards.
pub(super) async fn sweep(seat: Seat) -> Ended {
    let sweep = Sweep::new(Client::new(seat.clone()), Imports::Unseen);
    loop {
        let seconds = seat.sim.world().chance.between(1, 20) as u64;
        tokio::time::sleep(Duration::from_secs(seconds)).await;
        sweep.run(now_s()).await;
        if seat.is_former() && seat.sim.world().chance.hits(0.3) {
            return Ok(());
        }
    }
}
