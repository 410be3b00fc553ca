//! How many events a core folds: `cargo run --release -p load-tests --bin fold [VISITORS [SITES]]`.
//!
//! A synthetic day, the same at each run: Zipf sites, 5,000 Zipf paths each, 300 sources, 60 countries of 8 regions, 30
//! browsers, 6 systems; 1.25 visits per visitor, 5 pages per visit. It goes through the fold as wire bytes, in the order
//! of time, and is drained at every 200,000 rows as the aggregator does. Times are of this thread's CPU.

use std::fs;

use aggregator::fold::{Copy, Fold, Limits};
use aggregator::rows::Rows;
use schema::day::Day;
use schema::event::{Channel, Device, Event, Kind, Lane, VisitorTag};
use schema::wire::{self, Body, Record};

const RUNS: usize = 7;
const ROWS_PER_DRAIN: usize = 200_000;
/// Small enough to stay in the cache, so that reading the input is not what is measured.
const CHUNK: usize = 500;
const DAY: Day = Day(20_000);

fn main() {
    let mut arguments = std::env::args().skip(1).map(|text| text.parse::<u64>().expect("a number"));
    let visitors = arguments.next().unwrap_or(200_000);
    let sites = arguments.next().unwrap_or(20) as usize;
    let names = Names::new();
    let views = day(visitors, sites, &names);
    println!("{visitors} visitors of {sites} sites, {} page views", views.len());

    let runs: Vec<Run> = (0..RUNS).map(|_| run(&views, &names)).collect();
    let first = &runs[0];
    let per_event = |n: usize| n as f64 / views.len() as f64;
    println!("{:.2} rows and {:.0} wire bytes per event", per_event(first.rows), per_event(first.wire_bytes));
    println!("{:.0} bytes of state per visitor", first.state_bytes as f64 / visitors as f64);
    println!("million events/s per core, median (least to most) of {RUNS} runs:");
    let print = |what: &str, seconds: &dyn Fn(&Run) -> f64| {
        let mut rates: Vec<f64> = runs.iter().map(|run| views.len() as f64 / seconds(run) / 1e6).collect();
        rates.sort_by(f64::total_cmp);
        println!("  {what:22} {:.2} ({:.2} to {:.2})", rates[RUNS / 2], rates[0], rates[RUNS - 1]);
    };
    print("apply", &|run| run.apply_s);
    print("apply + drain", &|run| run.apply_s + run.drain_s);
    print("decode + apply + drain", &|run| run.decode_s + run.apply_s + run.drain_s);
}

#[derive(Default)]
struct Run {
    decode_s: f64,
    apply_s: f64,
    drain_s: f64,
    rows: usize,
    wire_bytes: usize,
    state_bytes: usize,
}

/// One day through a new fold.
fn run(views: &[View], names: &Names) -> Run {
    let (mut fold, mut run) = (Fold::new(Copy::default(), Limits::default()), Run::default());
    let (mut bytes, mut ends, mut number) = (Vec::new(), Vec::new(), 0);
    for chunk in views.chunks(CHUNK) {
        bytes.clear();
        ends.clear();
        for view in chunk {
            number += 1;
            encode(&view.record(number, names), &mut bytes);
            ends.push(bytes.len());
        }
        run.wire_bytes += bytes.len();
        let begins = std::iter::once(0).chain(ends.iter().copied());

        let at_s = cpu_seconds();
        let decode = |(begin, &end): (usize, &usize)| wire::decode(&bytes[begin..end]).expect("it was just encoded");
        let records: Vec<Record<'_>> = begins.zip(&ends).map(decode).collect();
        let decoded_s = cpu_seconds();
        records.iter().for_each(|record| fold.apply(0, record));
        let applied_s = cpu_seconds();
        run.decode_s += decoded_s - at_s;
        run.apply_s += applied_s - decoded_s;
        if fold.pending_rows() >= ROWS_PER_DRAIN {
            drain(&mut fold, &mut run);
        }
    }
    drain(&mut fold, &mut run);
    run.state_bytes = fold.bytes();
    run
}

fn drain(fold: &mut Fold, run: &mut Run) {
    let at_s = cpu_seconds();
    run.rows += fold.drain().rows.iter().map(Rows::len).sum::<usize>();
    run.drain_s += cpu_seconds() - at_s;
}

fn encode(record: &Record<'_>, bytes: &mut Vec<u8>) {
    if let Body::Event(event) = &record.body {
        let mut body = Vec::with_capacity(256);
        wire::encode_event(event, &mut body);
        wire::encode_record(record.partition, record.epoch, record.number, &body, bytes);
    }
}

/// A page view of the synthetic day.
struct View {
    time_s: u32,
    site: u32,
    tag: u64,
    page: u32,
    source: u32,
}

struct Names {
    pages: Vec<String>,
    sources: Vec<String>,
    countries: Vec<String>,
    regions: Vec<String>,
    browsers: Vec<String>,
    systems: Vec<String>,
    languages: Vec<String>,
    screens: Vec<String>,
}

impl Names {
    fn new() -> Names {
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
    /// A tag's attributes follow from the tag.
    fn record<'a>(&self, number: u64, names: &'a Names) -> Record<'a> {
        let pick = |list: &'a [String], salt: u64| &*list[zipf(mix(self.tag ^ salt), list.len())];
        let country = zipf(mix(self.tag ^ 1), names.countries.len());
        let event = Event {
            site: self.site,
            day: DAY,
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
        };
        Record { partition: 0, epoch: 1, number, body: Body::Event(event) }
    }
}

/// All page views of the day, in the order of time.
fn day(visitors: u64, sites: usize, names: &Names) -> Vec<View> {
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
            let mut time_s = DAY.0 as u32 * 86_400 + (random() % 84_000) as u32;
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

/// 0 to n - 1, the k-th about 1/k as often as the first.
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

/// What this thread has run so far.
fn cpu_seconds() -> f64 {
    let text = fs::read_to_string("/proc/thread-self/schedstat").expect("Linux says how long a thread has run");
    let nanoseconds: f64 = text.split(' ').next().and_then(|field| field.parse().ok()).expect("a number stands first");
    nanoseconds / 1e9
}
