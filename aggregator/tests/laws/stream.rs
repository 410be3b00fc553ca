//! Random streams of records, and functions that run them through the fold.

use std::collections::BTreeMap;

use aggregator::fold::{Drained, Fold};
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::select;
use schema::cubes::Cube;
use schema::day::Day;
use schema::event::{Channel, Device, Event, Kind, Lane, VisitorTag};
use schema::extra::{Campaign, Engagement, Extra, ExtraBuf, OrderItem};
use schema::fate::{FateCount, Refusal};
use schema::wire::{Body, Record};
use warehouse::Rows;

pub(crate) const FIRST_DAY: i32 = 20_000;
pub(crate) const DAYS: i32 = 3;

/// A record, and its position in the stream.
pub(crate) type Placed = (u64, Record<'static>);

#[derive(Debug, Clone)]
enum Step {
    /// The clock moves by `forward_s`. Then an event arrives that is `late_s` late.
    Event {
        forward_s: u32,
        late_s: u32,
        event: Event<'static>,
    },
    Fates(Vec<FateCount<'static>>),
    Close(i32),
    /// An earlier record is repeated: the one that is so many records back.
    Repeat(usize),
    /// So many numbers are skipped.
    Lost(u64),
    /// Records of another collector follow.
    Epoch(u64),
}

/// Up to `max` records. Gaps of exactly 30 minutes, of one second more and of one second less are common.
pub(crate) fn stream(max: usize) -> impl Strategy<Value = Vec<Placed>> {
    vec(step(), 0..max).prop_map(place)
}

fn step() -> impl Strategy<Value = Step> {
    let forward = select(vec![0, 0, 0, 1, 60, 600, 900, 1799, 1800, 1801, 3600, 20_000]);
    let late = select(vec![0, 0, 0, 0, 1, 600, 1800, 1801, 4000]);
    let event =
        (forward, late, event()).prop_map(|(forward_s, late_s, event)| Step::Event { forward_s, late_s, event });
    prop_oneof![
        50 => event,
        3 => vec(fate(), 1..4).prop_map(Step::Fates),
        2 => (-2..DAYS + 2).prop_map(|day| Step::Close(FIRST_DAY + day)),
        5 => (0usize..20).prop_map(Step::Repeat),
        1 => (1u64..4).prop_map(Step::Lost),
        1 => (0u64..3).prop_map(Step::Epoch),
    ]
}

fn event() -> impl Strategy<Value = Event<'static>> {
    let what = (
        prop_oneof![
            5 => select(vec![Kind::Pageview, Kind::Pageview, Kind::Pageview, Kind::Custom, Kind::Custom, Kind::Error]),
            3 => select(Kind::ALL),
        ],
        any::<bool>(),
        (select(vec![Lane::Audience, Lane::Audience, Lane::Marketing]), extra()),
    );
    let names = (select(vec!["a", "b", ""]), select(vec!["/", "/1", "/2", "/3"]));
    let origin =
        (select(vec!["Direct", "Google", "x.example"]), select(vec![Channel::Direct, Channel::Search, Channel::Paid]));
    let place = (select(vec!["FR", "unknown"]), select(vec!["FR-1", "unknown"]), select(Device::ALL));
    let software =
        (select(vec!["B 1", "B 2"]), select(vec!["O", ""]), select(vec!["fr", "de"]), select(vec!["s", "m"]));
    // Mostly one (site, day), so that a stream of a hundred events has visits with many events.
    let whose = (select(vec![1, 1, 1, 2]), select(vec![0, 0, 0, 1, 2]), 0u64..5);
    (whose, what, names, origin, place, software).prop_map(
        |(
            (site, day, tag),
            (kind, interactive, (lane, extra)),
            (name, page),
            (source, channel),
            (country, region, device),
            software,
        )| {
            let (browser, os, language, screen) = software;
            Event {
                site,
                day: Day(FIRST_DAY + day),
                time_s: 0,
                offset_quarters: 0,
                lane,
                tag: if kind == Kind::Open {
                    VisitorTag::NONE
                } else {
                    VisitorTag(tag.wrapping_mul(0x0123_4567_89ab_cdef))
                },
                kind,
                interactive,
                name: if kind == Kind::Pageview { "" } else { name },
                page,
                source,
                channel,
                country,
                region,
                device,
                browser,
                os,
                language,
                screen,
                extra,
            }
        },
    )
}

/// Mostly empty. The others are leaked, so that events can be `'static`.
fn extra() -> impl Strategy<Value = Extra<'static>> {
    let word = || select(vec!["", "x", "y"]);
    let campaign = proptest::option::of((word(), word()));
    let properties = vec((select(vec!["p", "q"]), select(vec!["1", "2"])), 0..3);
    let item = (select(vec!["Tea", "Cup"]), word(), 1u32..4, 0i64..500);
    let order = proptest::option::of((select(vec!["EUR", "USD"]), 0i64..9000, vec(item, 0..3)));
    let engagement = proptest::option::of((0u32..9000, 0u32..140));
    let numbers = (0i64..3, 0u64..4, select(vec![0, 0, 0, 0, 0, 0, 1, 2]));
    let filled = (campaign, properties, order, engagement, numbers).prop_map(
        |(campaign, properties, order, engagement, (amount, order_id, once))| {
            let mut buf = ExtraBuf::default();
            if let Some((source, name)) = campaign {
                buf.campaign(&Campaign { source, name, ..Campaign::default() });
            }
            properties.iter().for_each(|(name, value)| buf.property(name, value));
            if let Some((currency, revenue, items)) = order {
                let items = items.iter().map(|&(product, category, units, revenue)| OrderItem {
                    product,
                    category,
                    units,
                    revenue,
                });
                buf.order(currency, revenue, items);
            }
            if let Some((ms, scroll)) = engagement {
                buf.engagement(Engagement { ms, scroll });
            }
            buf.amount(amount);
            buf.reached((0..amount).map(|goal| goal as u16 + 1), None);
            let mut bytes = Vec::new();
            buf.extra().numbered(order_id, once).write(&mut bytes);
            Extra::decode(bytes.leak()).expect("it was just made")
        },
    );
    prop_oneof![1 => Just(Extra::NONE), 2 => filled]
}

fn fate() -> impl Strategy<Value = FateCount<'static>> {
    let reason = select(vec![Refusal::Bot, Refusal::Gpc]);
    (0u32..3, 0..DAYS, reason, select(vec!["", "Crawler"]), 0u64..3).prop_map(|(site, day, reason, crawler, hits)| {
        FateCount { site, day: Day(FIRST_DAY + day), reason, crawler, hits }
    })
}

/// Gives the records of the steps their numbers, times and positions.
fn place(steps: Vec<Step>) -> Vec<Placed> {
    let mut records: Vec<Placed> = Vec::new();
    let (mut epoch, mut numbers, mut clock_s) = (0, BTreeMap::<u64, u64>::new(), 20_000);
    for step in steps {
        let mut numbered = |body| {
            let number = numbers.entry(epoch).or_insert(0);
            *number += 1;
            Record { partition: 0, epoch, number: *number, body }
        };
        let record = match step {
            Step::Event { forward_s, late_s, event } => {
                clock_s += forward_s;
                let in_day_s = clock_s - late_s;
                let time_s = event.day.0 as u32 * 86_400 + in_day_s;
                // Site 2 is in Kolkata. Site 1 changes its clocks by half an hour from time to time.
                let offset_quarters = if event.site == 2 { 22 } else { 4 + (in_day_s / 30_000 % 2) as i8 * 2 };
                numbered(Body::Event(Event { time_s, offset_quarters, ..event }))
            }
            Step::Fates(counts) => numbered(Body::Fates(counts)),
            Step::Close(day) => Record { partition: 0, epoch: 0, number: 0, body: Body::Close(Day(day)) },
            Step::Repeat(back) => match records.iter().rev().nth(back) {
                Some((_, record)) => record.clone(),
                None => continue,
            },
            Step::Lost(lost) => {
                *numbers.entry(epoch).or_insert(0) += lost;
                continue;
            }
            Step::Epoch(next) => {
                epoch = next;
                continue;
            }
        };
        records.push((1000 + 10 * records.len() as u64, record));
    }
    records
}

/// The same records without idempotency numbers, so that no hit is sent again.
pub(crate) fn sent_once(records: Vec<Placed>) -> Vec<Placed> {
    renumbered(records, |order_id| order_id)
}

/// As `sent_once`, and also without order numbers, so that no order is sent again.
pub(crate) fn ordered_once(records: Vec<Placed>) -> Vec<Placed> {
    renumbered(records, |_| 0)
}

fn renumbered(mut records: Vec<Placed>, order_id: impl Fn(u64) -> u64) -> Vec<Placed> {
    for (_, record) in &mut records {
        if let Body::Event(event) = &mut record.body {
            event.extra = event.extra.numbered(order_id(event.extra.order_id), 0);
        }
    }
    records
}

/// Folds all records, with a drain before each of the cuts and one at the end.
pub(crate) fn run(fold: &mut Fold, records: &[Placed], cuts: &[usize]) -> Vec<Drained> {
    let mut drained = Vec::new();
    for (at, (position, record)) in records.iter().enumerate() {
        if cuts.contains(&at) {
            drained.push(fold.drain());
        }
        fold.apply(*position, record);
    }
    drained.push(fold.drain());
    drained
}

/// The indexes of records before which to drain.
pub(crate) fn cuts(max: usize) -> impl Strategy<Value = Vec<usize>> {
    vec(0..max, 0..8)
}

/// The cube, day, round, site, bucket, hour and names of a row.
pub(crate) type Key = (Cube, Day, u32, u32, u32, u32, Vec<String>);

/// Sums by key. Keys whose sums are all zero are left out.
pub(crate) type Cells = BTreeMap<Key, Vec<i64>>;

/// Adds up the rows by key.
pub(crate) fn cells<'a>(drained: impl IntoIterator<Item = &'a Drained>) -> Cells {
    let mut cells = Cells::new();
    for rows in drained.into_iter().flat_map(|drained| &drained.rows) {
        for at in 0..rows.len() {
            let total = cells.entry(key(rows, at)).or_insert_with(|| vec![0; rows.sums.len()]);
            total.iter_mut().zip(&rows.sums).for_each(|(total, column)| *total += column[at]);
        }
    }
    cells.retain(|_, sums| sums.iter().any(|&sum| sum != 0));
    cells
}

fn key(rows: &Rows, at: usize) -> Key {
    let names = rows.dimensions.iter().map(|column| column.dictionary[column.ids[at] as usize].to_string());
    let time = |column: &[u32]| column.get(at).copied().unwrap_or(0);
    (rows.cube, rows.day, rows.round, rows.site[at], time(&rows.bucket), time(&rows.hour), names.collect())
}
