//! The owner of shard 0 closes days, in every partition; a former one goes on until it looks.

use std::time::Duration;

use schema::day::Day;

use super::clock::closed_by_clock;
use super::log::Entry;
use super::process::{Ended, Seat};

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
