//! A synthetic day of page views, the same in every run: Zipf-distributed sites, 5,000 Zipf-distributed paths per site,
//! 300 sources, 60 countries with 8 regions each, 30 browsers, 6 systems; 1.25 visits per visitor, 5 pages per visit.

use schema::day::Day;
use schema::event::{Channel, Device, Event, Kind, Lane, VisitorTag};
use schema::extra::Extra;

/// A page view of the synthetic day.
pub struct View {
    /// UTC seconds.
    pub time_s: u32,
    /// The site.
    pub site: u32,
    /// The visitor tag.
    pub tag: u64,
    page: u32,
    source: u32,
}

/// The names of pages, sources and all other dimensions.
pub struct Names {
    pages: Vec<String>,
    sources: Vec<String>,
    countries: Vec<String>,
    regions: Vec<String>,
    browsers: Vec<String>,
    systems: Vec<String>,
    languages: Vec<String>,
    screens: Vec<String>,
}

impl Default for Names {
    fn default() -> Names {
        let list = |n: usize, name: &dyn Fn(usize) -> String| (0..n).map(name).collect();
        Names {
            pages: list(5000, &|n| format!("/section-{}/an-article-about-{n}", n % 17)),
            sources: list(300, &|n| format!("site-{n}.example")),
            countries: list(60, &|n| format!("{}{}", (b'A' + n as u8 % 26) as char, (b'A' + n as u8 / 26) as char)),
            regions: list(480, &|n| format!("{}-{n}", n / 8)),
            browsers: list(30, &|n| format!("Browser {n}")),
            systems: list(6, &|n| format!("System {n}")),
            languages: list(12, &|n| format!("l{n}")),
            screens: list(4, &|n| format!("screen {n}")),
        }
    }
}

impl View {
    /// The event of this view. Country, browser and the like are derived from the visitor tag.
    pub fn event<'a>(&self, names: &'a Names) -> Event<'a> {
        let pick = |list: &'a [String], salt: u64| &*list[zipf(mix(self.tag ^ salt), list.len())];
        let country = zipf(mix(self.tag ^ 1), names.countries.len());
        Event {
            site: self.site,
            day: Day((self.time_s / 86_400) as i32),
            time_s: self.time_s,
            offset_quarters: 4,
            lane: Lane::Audience,
            tag: VisitorTag(self.tag),
            kind: Kind::Pageview,
            interactive: true,
            name: "",
            page: &names.pages[self.page as usize],
            source: &names.sources[self.source as usize],
            channel: Channel::ALL[self.source as usize % Channel::ALL.len()],
            country: &names.countries[country],
            region: &names.regions[country * 8 + (mix(self.tag ^ 2) % 8) as usize],
            device: Device::ALL[1 + (mix(self.tag ^ 3) % 3) as usize],
            browser: pick(&names.browsers, 4),
            os: pick(&names.systems, 5),
            language: pick(&names.languages, 6),
            screen: pick(&names.screens, 7),
            extra: Extra::NONE,
        }
    }
}

/// All page views of the day, ordered by time.
pub fn views(day: Day, visitors: u64, sites: usize, names: &Names) -> Vec<View> {
    let mut views = Vec::new();
    let mut seed = 0;
    let mut random = || {
        seed += 1;
        mix(seed)
    };
    for visitor in 0..visitors {
        let (site, tag) = (zipf(random(), sites) as u32 + 1, mix(visitor ^ 0x5eed));
        let visits = 1 + u64::from(random() % 4 == 0);
        for _ in 0..visits {
            let source = zipf(random(), names.sources.len()) as u32;
            let mut time_s = day.0 as u32 * 86_400 + (random() % 84_000) as u32;
            // 1 to 9 pages, 5 on average.
            for _ in 0..1 + random() % 9 {
                views.push(View { time_s, site, tag, page: zipf(random(), names.pages.len()) as u32, source });
                time_s += 5 + (random() % 120) as u32;
            }
        }
    }
    views.sort_by_key(|view| view.time_s);
    views
}

/// A number from 0 to n - 1. The k-th is about 1/k as frequent as the first.
fn zipf(random: u64, n: usize) -> usize {
    let uniform = random as f64 / u64::MAX as f64;
    (((n as f64 + 1.0).powf(uniform) - 1.0) as usize).min(n - 1)
}

fn mix(n: u64) -> u64 {
    let n = n.wrapping_add(1).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    let n = (n ^ (n >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let n = (n ^ (n >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    n ^ (n >> 31)
}
