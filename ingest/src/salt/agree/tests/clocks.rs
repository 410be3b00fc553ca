//! Collectors whose clocks are wrong. The broker's clock is right.

use super::*;

#[tokio::test]
async fn a_collector_a_day_behind_gets_no_salt_of_a_past_date_and_its_share_does_not_count() {
    let scene = Scene::new().await;
    let yesterday = scene.now_s - DAY_S;
    // On an empty topic the collector cannot detect its wrong clock, but the broker's time decides.
    let mut behind = scene.collector_at(None, yesterday);
    for _ in 0..3 {
        behind.round_at(yesterday).await;
        assert_eq!(behind.at(yesterday), Err(Fault::NoSalt));
    }
    assert_eq!(scene.offsets().await, [(1, 0)], "it wrote one share, which was deleted");
    let mut right = scene.collector();
    right.round().await;
    assert_eq!(scene.dates().await, [0, 1]);

    let mut behind = scene.collector_at(None, yesterday);
    for _ in 0..3 {
        behind.round_at(yesterday).await;
        assert_eq!(behind.at(yesterday), Err(Fault::NoSalt));
        assert_eq!(behind.peek(scene.today()), right.peek(scene.today()), "today is its tomorrow");
    }
    assert!(right.peek(scene.today()).is_some());
    assert_eq!(scene.dates().await, [0, 1], "it detects that its date is over");
    behind.agreement.count_missing(yesterday);
    assert_eq!(behind.counted("footfall_salt_missing"), "1");
}

#[tokio::test]
async fn a_collector_a_day_ahead_deletes_no_share_that_is_needed() {
    let scene = Scene::new().await;
    let mut right = scene.collector();
    right.round().await;
    let tomorrow = scene.now_s + DAY_S;
    let mut ahead = scene.collector_at(None, tomorrow);
    for _ in 0..3 {
        ahead.round_at(tomorrow).await;
    }
    assert_eq!(scene.dates().await, [0, 1, 2], "today is over for this collector only");
    assert_eq!(ahead.at(tomorrow), right.salt(1), "it dates hits wrongly, but makes no second salt");
    let mut late = scene.collector();
    late.round().await;
    assert_eq!((late.salt(0), late.salt(1)), (right.salt(0), right.salt(1)));
}

#[tokio::test]
async fn a_collector_years_ahead_gets_no_salt_and_does_not_block_the_others() {
    let scene = Scene::new().await;
    let years = scene.now_s + 3000 * DAY_S;
    let mut ahead = scene.collector_at(None, years);
    for _ in 0..3 {
        ahead.round_at(years).await;
        assert_eq!(ahead.at(years), Err(Fault::NoSalt));
    }
    assert_eq!(scene.offsets().await, []);
    let mut right = scene.collector();
    right.round().await;
    assert!(right.salt(0).is_ok() && right.is_ready());
    assert_eq!(scene.offsets().await, [(2, 0), (3, 1)], "it wrote one share for each of its dates");
}

impl Collector {
    async fn round_at(&mut self, now_s: i64) {
        self.agreement.round(now_s).await.unwrap();
    }

    fn at(&self, now_s: i64) -> Result<[u8; 32], Fault> {
        Ok(self.salts.of(&self.zone, self.zone.at(now_s).day)?.key().unwrap())
    }
}

impl Scene {
    /// Offset and date of each record. The first record of a topic has offset 0, even if it is deleted.
    async fn offsets(&self) -> Vec<(i64, i32)> {
        let offsets = self.entries().await.into_iter().map(|entry| entry.offset);
        offsets.zip(self.dates().await).collect()
    }
}
