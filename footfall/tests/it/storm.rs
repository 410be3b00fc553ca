//! The storm: hits with pages all distinct, while `footfall serve` and its engine are killed with -9 at random moments.
//!
//! In the end every answered page has exactly one view: a 0 is a loss, a 2 a double count, and each names its hit.
//! Hits that got no answer may count or not. Random: the moments and whom the kill meets; the seed is printed.

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
        let _ends_them_too_if_this_panics = Ends(&over);
        // The kills are spread over the hits, one in each share, whatever the speed of the machine: no hit is sent beyond
        // the share after that of the next kill.
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

    let counted = answers.counted.lock().unwrap();
    let (views, fates, visitors) = look(&footfall);
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
    // A kill may lose the last second of refusals, never invent one.
    assert!(fates <= HITS / CRAWLER_EVERY, "{fates} refusals of {}", HITS / CRAWLER_EVERY);
    assert_eq!(visitors, VISITORS, "the salt survives a restart, so each visitor is one");
    footfall.stop();
}

/// Tells the clients to end when it is dropped: they would wait for kills that do not come.
struct Ends<'a>(&'a AtomicBool);

impl Drop for Ends<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Release);
    }
}

/// Page -> views, refusals, visitors: by SQL, beside the crowd.
fn look(footfall: &Footfall) -> (HashMap<String, i64>, u64, u64) {
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
