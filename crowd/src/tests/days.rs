//! Thousands of random small days.

use super::attack::attack;
use super::truth::check;
use super::world::{Did, Event, Who, World};
use crate::{K, Published};

/// A small generator of random numbers (splitmix64), so that a seed says everything about a day.
pub(super) struct Random(u64);

impl Random {
    pub(super) fn new(seed: u64) -> Random {
        Random(seed)
    }

    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^ (z >> 31)
    }

    pub(super) fn below(&mut self, n: u64) -> u64 {
        self.next() % n
    }

    pub(super) fn between(&mut self, low: u64, high: u64) -> u64 {
        low + self.below(high - low + 1)
    }

    /// The first of `n` most often.
    fn skewed(&mut self, n: u64) -> usize {
        let (a, b) = (self.below(n), self.below(n));
        if self.below(3) == 0 { a as usize } else { a.min(b) as usize }
    }
}

const PAGES: [&str; 12] = ["/", "/a", "/b", "/c", "/d", "/e", "/f", "/g", "/h", "/i", "/j", "/k"];
const SOURCES: [(&str, &str); 8] = [
    ("Direct", "Direct"),
    ("Google", "Search"),
    ("Bing", "Search"),
    ("Reddit", "Social"),
    ("Ecosia", "Search"),
    ("Mastodon", "Social"),
    ("news.example", "Referral"),
    ("blog.example", "Referral"),
];
const COUNTRIES: [(&str, [&str; 3]); 4] = [
    ("FR", ["FR-IDF", "FR-ARA", "FR-BRE"]),
    ("DE", ["DE-BE", "DE-BY", "unknown"]),
    ("US", ["US-NY", "US-CA", "unknown"]),
    ("NZ", ["NZ-AUK", "NZ-WGN", "NZ-OTA"]),
];
const DEVICES: [&str; 3] = ["desktop", "mobile", "tablet"];
const BROWSERS: [&str; 4] = ["Firefox 130", "Chrome 140", "Safari 18", "Edge 140"];
const NAMES: [&str; 5] = ["Signup", "Play", "Share", "404", "(other)"];

/// A random small day: 5 to 60 visitors, with or without custom events and errors.
pub(super) fn small(seed: u64) -> Vec<Event> {
    let random = &mut Random::new(seed);
    let (visitors, pages) = (random.between(5, 60), random.between(3, 12));
    let (sources, countries) = (random.between(2, 8), random.between(1, 4));
    let (devices, browsers) = (random.between(1, 3), random.between(1, 4));
    let (eventful, hours, long) = (random.below(4), random.between(3, 23), random.below(3));
    let mut events = vec![];
    for tag in 0..visitors as u32 {
        let (country, regions) = COUNTRIES[random.skewed(countries)];
        let who = Who {
            country,
            region: regions[random.skewed(3)],
            device: DEVICES[random.skewed(devices)],
            browser: BROWSERS[random.skewed(browsers)],
            os: ["Linux", "macOS"][random.skewed(2)],
            language: ["en", "fr", "de"][random.skewed(3)],
            screen: ["wide", "narrow"][random.skewed(2)],
        };
        for _ in 0..[1, 1, 1, 2, 3][random.below(5) as usize] {
            let mut t = (random.below(hours * 3600) + random.below(hours * 3600)) as u32 / 2;
            let (source, channel) = SOURCES[random.skewed(sources)];
            let steps = 1 + random.below(2) * [1, 1, 2, 5][random.below(4) as usize] * long.min(1);
            for _ in 0..steps {
                let name = NAMES[random.skewed(5)];
                let did = match random.below(5 * (4 - eventful)) {
                    0 if eventful > 0 => Did::Custom(name),
                    1 if eventful > 1 => Did::Error(name),
                    _ => Did::View,
                };
                events.push(Event { tag, t, did, page: PAGES[random.skewed(pages)], source, channel, who });
                t = (t + random.between(5, 1200) as u32).min(86_399);
            }
        }
    }
    events
}

pub(super) fn published(world: &World, k: u32) -> Published {
    Published::of(world.cubes(), K::new(k).unwrap())
}

/// All numbers of a day are true, and none can be taken apart.
fn stands(seed: u64, k: u32) -> usize {
    let world = World::of(&small(seed));
    let published = published(&world, k);
    let numbers = check(&world, &published);
    assert_eq!(attack(&world, &published, k as usize), [], "seed {seed}, k {k}");
    numbers
}

fn days_stand(k: u32) {
    let numbers: usize = (0..2_500).map(|seed| stands(seed, k)).sum();
    assert!(numbers > 300_000, "the days must say something: {numbers}");
}

#[test]
fn everything_published_of_a_small_day_is_true_and_gives_no_one_away_at_three() {
    days_stand(3);
}

#[test]
fn everything_published_of_a_small_day_is_true_and_gives_no_one_away_at_five() {
    days_stand(5);
}
