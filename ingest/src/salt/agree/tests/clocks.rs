//! Collectors whose clocks are wrong; the broker's is right.

use super::*;

#[tokio::test]
async fn a_clock_a_day_behind_gets_no_salt_of_a_date_that_is_over_and_leaves_none() {
    let scene = Scene::new().await;
    let yesterday = scene.now_s - DAY_S;
    // At an empty topic it cannot know better; the broker does.
    let mut behind = scene.collector_at(None, yesterday);
    for _ in 0..3 {
        behind.round_at(yesterday).await;
        assert_eq!(behind.at(yesterday), Err(Fault::NoSalt));
    }
    assert_eq!(scene.stand().await, [(1, 0)], "it tried once, and that does not stay");
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
    assert_eq!(scene.dates().await, [0, 1], "it sees that its date is over");
    behind.agreement.count_missing(yesterday);
    assert_eq!(behind.counted("footfall_salt_missing"), "1");
}

#[tokio::test]
async fn a_clock_a_day_ahead_deletes_nothing_that_lives() {
    let scene = Scene::new().await;
    let mut right = scene.collector();
    right.round().await;
    let tomorrow = scene.now_s + DAY_S;
    let mut ahead = scene.collector_at(None, tomorrow);
    for _ in 0..3 {
        ahead.round_at(tomorrow).await;
    }
    assert_eq!(scene.dates().await, [0, 1, 2], "today's is over for it alone");
    assert_eq!(ahead.at(tomorrow), right.salt(1), "it dates hits wrongly, and makes no second salt");
    let mut late = scene.collector();
    late.round().await;
    assert_eq!((late.salt(0), late.salt(1)), (right.salt(0), right.salt(1)));
}

#[tokio::test]
async fn a_clock_years_ahead_gets_no_salt_and_holds_nothing_up() {
    let scene = Scene::new().await;
    let years = scene.now_s + 3000 * DAY_S;
    let mut ahead = scene.collector_at(None, years);
    for _ in 0..3 {
        ahead.round_at(years).await;
        assert_eq!(ahead.at(years), Err(Fault::NoSalt));
    }
    assert_eq!(scene.stand().await, []);
    let mut right = scene.collector();
    right.round().await;
    assert!(right.salt(0).is_ok() && right.is_ready());
    assert_eq!(scene.stand().await, [(2, 0), (3, 1)], "of each of its dates it tried once");
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
    /// What stands where: the first record of a topic stands at 0, whatever was deleted since.
    async fn stand(&self) -> Vec<(i64, i32)> {
        let offsets = self.entries().await.into_iter().map(|entry| entry.offset);
        offsets.zip(self.dates().await).collect()
    }
}
