//! The storm over many machines: every process is killed with SIGKILL at random moments. Some aggregators are stopped
//! until their partitions have moved, and then continue as zombies. Meanwhile hits arrive, each with its own page.
//!
//! At the end every answered page has exactly one view, each visitor has one tag, and the refusals add up. Victims,
//! moments and pauses are random; the seed is printed.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use rustix::process::Signal;

use crate::clients::{Answers, CRAWLER_EVERY, send_hits};
use crate::fleet::{Fleet, Size};
use crate::shard::Dice;

const SIZE: Size = Size { partitions: 4, ingests: 2, aggregates: 2 };
/// Longer than the session timeout, so that partitions move.
const AWAY: Duration = Duration::from_secs(8);

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Victim {
    Ingest(usize),
    Aggregate(usize),
    Broker,
    Engine,
}

#[test]
fn a_short_storm_over_many_machines_counts_every_hit_once() {
    storm(60_000, 1_000, 2);
}

#[test]
#[ignore = "a million hits take some minutes: cargo test --release -p footfall --test it storms -- --ignored --nocapture"]
fn a_storm_of_a_million_hits_counts_every_hit_once() {
    storm(1_000_000, 5_000, 10);
}

fn storm(hits: u64, visitors: u64, kills_each: usize) {
    let seed = schema::clock::now_s().unsigned_abs() ^ u64::from(std::process::id()) << 32;
    println!("seed {seed}");
    let mut dice = Dice(seed);
    let mut fleet = Fleet::start(SIZE, "");
    let victims = [
        Victim::Ingest(0),
        Victim::Ingest(1),
        Victim::Aggregate(0),
        Victim::Aggregate(1),
        Victim::Broker,
        Victim::Engine,
    ];
    let mut order: Vec<Victim> = victims.iter().flat_map(|&victim| std::iter::repeat_n(victim, kills_each)).collect();
    for at in (1..order.len()).rev() {
        order.swap(at, dice.below(at as u64 + 1) as usize);
    }
    let (answers, over) = (Answers::new(hits, visitors), AtomicBool::new(false));
    let addresses: Vec<String> = fleet.ingests.iter().map(|it| it.address()).collect();
    let share = hits / (order.len() as u64 + 1);
    answers.allowed.store(share, Ordering::Release);
    let (mut moved, mut zombies) = (0, 0);
    std::thread::scope(|scope| {
        let clients: Vec<_> = (0..32)
            .map(|n| {
                let (address, answers, over) = (&addresses[n % addresses.len()], &answers, &over);
                scope.spawn(move || send_hits(address, answers, over))
            })
            .collect();
        for (kill, victim) in (1..).zip(&order) {
            // At a random point of its share of the hits, while more hits arrive.
            let at = (kill - 1) * share + dice.below(share);
            answers.allowed.store((kill + 1) * share, Ordering::Release);
            while answers.next.load(Ordering::Relaxed) < at.min(hits) {
                std::thread::sleep(Duration::from_millis(2));
            }
            match *victim {
                Victim::Ingest(n) => {
                    fleet.ingests[n].kill();
                    fleet.ingests[n].run();
                }
                Victim::Aggregate(n) => match dice.below(4) {
                    0 => {
                        fleet.aggregates[n].kill();
                        std::thread::sleep(AWAY);
                        fleet.aggregates[n].run();
                        moved += 1;
                    }
                    1 => {
                        fleet.aggregates[n].signal(Signal::STOP);
                        std::thread::sleep(AWAY);
                        fleet.aggregates[n].signal(Signal::CONT);
                        zombies += 1;
                        std::thread::sleep(Duration::from_millis(dice.below(2000)));
                        fleet.aggregates[n].kill();
                        fleet.aggregates[n].run();
                    }
                    _ => {
                        fleet.aggregates[n].kill();
                        fleet.aggregates[n].run();
                    }
                },
                Victim::Broker => {
                    fleet.broker.kill();
                    fleet.broker.run();
                }
                Victim::Engine => fleet.kill_engine(),
            }
        }
        answers.allowed.store(hits, Ordering::Release);
        clients.into_iter().for_each(|client| client.join().unwrap());
        over.store(true, Ordering::Release);
    });
    fleet.wait_until_quiet();
    assert_counted_once(&fleet, &answers);
    let counted = answers.counted.lock().len();
    let (refused, failed) = (answers.refused.load(Ordering::Relaxed), answers.failed.load(Ordering::Relaxed));
    let fates = fleet.sum("hits", "live_fates");
    println!(
        "{} kills ({moved} with partitions moving, {zombies} zombies): {hits} hits sent, {counted} answered as stored, {failed} \
         answered 503, {} stored, {refused} answered as refused, {fates} refusals kept, {} visitors, generations {}",
        order.len(),
        fleet.views().len(),
        fleet.sum("visitors", "live_visits"),
        fleet.one::<u64>("SELECT sum(g) FROM (SELECT max(generation) AS g FROM shards GROUP BY shard)"),
    );
    assert!(counted as u64 + refused + failed > hits / 2, "a storm needs traffic");
    // A kill may lose the refusals of the last second, but no refusal is made up.
    assert!(fates as u64 <= hits.div_ceil(CRAWLER_EVERY), "{fates} refusals");
    assert_eq!(
        fleet.sum("visitors", "live_visits") as u64,
        visitors,
        "a visitor has one tag, whichever collectors took the hits"
    );
}

/// Asserts that each answered page has one view, and no page has two.
pub(crate) fn assert_counted_once(fleet: &Fleet, answers: &Answers) {
    let views = fleet.views();
    let wrong: Vec<_> = views.iter().filter(|(_, n)| **n != 1).take(5).collect();
    assert!(wrong.is_empty(), "counted more than once: {wrong:?}");
    let counted = answers.counted.lock();
    let mut lost: Vec<u64> = counted.iter().copied().filter(|n| !views.contains_key(&answers.page(*n))).collect();
    lost.sort_unstable();
    let logs = if lost.is_empty() { String::new() } else { fleet.all_logs() };
    assert!(lost.is_empty(), "answered and lost: {} of {}: {lost:?}\n{logs}", lost.len(), counted.len());
}
