//! The owner of shard 0 closes days in every partition; a former owner continues until it notices. Aggregators sweep at
//! the same time.

use std::time::Duration;

use schema::day::Day;

use super::clock::{closed_by_clock, now_s};
use super::log::Entry;
use super::process::{Assignment, Ended};
use super::store::Client;
use crate::shard::sweep::{Imports, Sweep};

pub(super) async fn close_days(assignment: Assignment) -> Ended {
    let mut appended = i32::MIN;
    loop {
        assignment.step().await;
        let due = closed_by_clock();
        if due > appended && due >= super::clock::FIRST_DAY {
            let partitions = assignment.sim.world().logs.len();
            for partition in 0..partitions {
                assignment.step().await;
                assignment.sim.world().append(partition, Entry::Close(Day(due)));
            }
            appended = due;
        }
        if assignment.is_former() && assignment.sim.world().chance.happens(0.3) {
            return Ok(());
        }
        tokio::time::sleep(Duration::from_secs(3)).await;
    }
}

/// Sweeps as an aggregator does that has other shards.
pub(super) async fn sweep(assignment: Assignment) -> Ended {
    let sweep = Sweep::new(Client::new(assignment.clone()), Imports::Unseen);
    loop {
        let seconds = assignment.sim.world().chance.between(1, 20) as u64;
        tokio::time::sleep(Duration::from_secs(seconds)).await;
        sweep.run(now_s()).await;
        if assignment.is_former() && assignment.sim.world().chance.happens(0.3) {
            return Ok(());
        }
    }
}
