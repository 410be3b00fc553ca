//! The storm: hits arrive, each with its own page, while `footfall serve` and its engine are killed with SIGKILL at
//! random moments.
//!
//! At the end every answered page has exactly one view. No view is a loss, two views are a double count, and each names
//! its hit. A hit without an answer may be counted or not. The moments and the victims are random; the seed is printed.

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use crate::clients::{Answers, CRAWLER_EVERY, send_hits};
use crate::footfall::{Footfall, noon_zone};
use crate::shard::Dice;

const HITS: u64 = 200_000;
const VISITORS: u64 = 500;
const CONNECTIONS: usize = 64;
const KILLS: u32 = 20;

#[test]
fn every_answered_hit_counts_once_through_twenty_kills() {
    let seed = schema::clock::now_s().unsigned_abs() ^ u64::from(std::process::id()) << 32;
    println!("seed {seed}");
    let mut dice = Dice(seed);
    let mut footfall = Footfall::start(&format!("time_zone = \"{}\"", noon_zone()));
    let (answers, over) = (Answers::new(HITS, VISITORS), AtomicBool::new(false));
    let address = footfall.address();
    let mut kills = 0;
    std::thread::scope(|scope| {
        let clients: Vec<_> = (0..CONNECTIONS).map(|_| scope.spawn(|| send_hits(&address, &answers, &over))).collect();
        let _end_clients_on_panic = EndClientsOnDrop(&over);
        // There is one kill in each equal share of the hits, on a machine of any speed. To hold to that, the clients
        // may send no hit beyond the share after the one of the next kill.
        let share = HITS / u64::from(KILLS + 1);
        while kills < KILLS {
            answers.allowed.store((u64::from(kills) + 2) * share, Ordering::Release);
            let at = u64::from(kills) * share + dice.below(share);
            if answers.next.load(Ordering::Relaxed) < at {
                std::thread::sleep(Duration::from_millis(1 + dice.below(5)));
                continue;
            }
            kills += 1;
            if dice.below(2) == 0 {
                footfall.kill();
                footfall.run();
            } else {
                footfall.kill_engine();
            }
        }
        answers.allowed.store(HITS, Ordering::Release);
        clients.into_iter().for_each(|client| client.join().unwrap());
    });
    footfall.wait_until_quiet();

    let counted = answers.counted.lock();
    let (views, fates, visitors) = read_counts(&footfall);
    let wrong: Vec<_> = views.iter().filter(|(_, n)| **n != 1).take(5).collect();
    assert!(wrong.is_empty(), "counted more than once: {wrong:?}");
    let lost: Vec<_> = counted.iter().filter(|n| !views.contains_key(&format!("/page/{n}"))).take(5).collect();
    assert!(lost.is_empty(), "answered and lost: {lost:?} of {}", counted.len());
    let refused = answers.refused.load(Ordering::Relaxed);
    println!(
        "{kills} kills; {} hits sent, {} answered as stored, {} stored, {refused} answered as refused, {fates} refusals kept, {visitors} visitors",
        HITS,
        counted.len(),
        views.len()
    );
    assert!((counted.len() as u64 + refused) > HITS / 2, "a storm needs traffic");
    // A kill may lose the refusals of the last second, but no refusal is made up.
    assert!(fates <= HITS / CRAWLER_EVERY, "{fates} refusals of {}", HITS / CRAWLER_EVERY);
    assert_eq!(visitors, VISITORS, "the salt survives a restart, so each visitor has one tag");
    footfall.stop();
}

/// Ends the clients when it is dropped. After a panic they would wait for kills that do not come.
struct EndClientsOnDrop<'a>(&'a AtomicBool);

impl Drop for EndClientsOnDrop<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Release);
    }
}

/// Page -> views, refusals, visitors. Read by SQL, because the stats API applies the crowd rule.
fn read_counts(footfall: &Footfall) -> (HashMap<String, i64>, u64, u64) {
    tokio::runtime::Runtime::new().unwrap().block_on(async {
        let client = footfall.clickhouse();
        let of = "generation = (SELECT max(generation) FROM shards WHERE shard = 0)";
        let views =
            format!("SELECT page, sum(pageviews) FROM live_pages WHERE {of} GROUP BY page HAVING sum(pageviews) != 0");
        let views = client.query(&views).fetch_all::<(String, i64)>().await.unwrap();
        let fates: i64 =
            client.query(&format!("SELECT sum(hits) FROM live_fates WHERE {of}")).fetch_one().await.unwrap();
        let visitors: i64 =
            client.query(&format!("SELECT sum(visitors) FROM live_visits WHERE {of}")).fetch_one().await.unwrap();
        (views.into_iter().collect(), fates.unsigned_abs(), visitors.unsigned_abs())
    })
}
