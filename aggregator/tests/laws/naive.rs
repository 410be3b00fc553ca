//! The definitions of all measures, written as simply as possible: sets and lists over raw events, nothing incremental.

use std::collections::BTreeMap;

use schema::cubes::Cube;
use schema::day::{Day, bucket_of, hour_of};
use schema::event::{Event, Kind};
use schema::fate::FateCount;
use schema::wire::Body;

use crate::marketing;
use crate::stream::{Cells, Placed};

/// A stream without its repeats, each event and refusal with its round.
#[derive(Debug, Default)]
pub(crate) struct Accepted {
    pub(crate) events: Vec<(u32, Event<'static>)>,
    pub(crate) fates: Vec<(u32, FateCount<'static>)>,
    pub(crate) repeats: u64,
    pub(crate) gaps: u64,
}

/// Drops repeats, counts gaps and finds the rounds.
pub(crate) fn accept(records: &[Placed]) -> Accepted {
    let (mut accepted, mut last_close) = (Accepted::default(), None::<Day>);
    let mut seen = BTreeMap::<u64, u64>::new();
    for (_, record) in records {
        if let Body::Close(day) = record.body {
            last_close = last_close.max(Some(day));
            continue;
        }
        let highest = seen.get(&record.epoch).copied().unwrap_or(0);
        if record.number <= highest {
            accepted.repeats += 1;
            continue;
        }
        accepted.gaps += record.number - highest - 1;
        seen.insert(record.epoch, record.number);
        let round = |day: Day| match last_close {
            Some(last) if day <= last => (last.0 - day.0 + 1) as u32,
            _ => 0,
        };
        match &record.body {
            Body::Event(event) => accepted.events.push((round(event.day), *event)),
            Body::Fates(counts) => accepted.fates.extend(counts.iter().map(|count| (round(count.day), *count))),
            Body::Close(_) => {}
        }
    }
    accepted
}

/// All events of one tag in one (site, day, round).
pub(crate) struct TagDay {
    pub(crate) round: u32,
    /// The first event that arrived. Its attributes are those of the tag.
    pub(crate) first: Event<'static>,
    /// The steps of each visit, in the order of arrival.
    pub(crate) visits: Vec<Vec<Event<'static>>>,
    /// All events in the order of arrival, each with the index of its visit.
    pub(crate) all: Vec<(Event<'static>, Option<usize>)>,
}

/// The page view with which a visit ends: the latest one. A page view that is not later than the events before it does
/// not change the exit.
pub(crate) fn exit(visit: &[Event<'static>]) -> Option<Event<'static>> {
    let mut exit = None;
    for (at, event) in visit.iter().enumerate() {
        let is_latest = visit[..at].iter().all(|earlier| earlier.time_s < event.time_s);
        if event.kind == Kind::Pageview && (is_latest || exit.is_none()) {
            exit = Some(*event);
        }
    }
    exit
}

/// Steps whose gaps are at most 30 minutes are a visit. A late step belongs to the visit that is running.
pub(crate) fn tag_days(accepted: &Accepted) -> Vec<TagDay> {
    let mut by_tag = BTreeMap::<_, Vec<_>>::new();
    for (round, event) in &accepted.events {
        let events: &mut Vec<Event<'static>> = by_tag.entry((event.day, *round, event.site, event.tag)).or_default();
        let once = event.extra.once;
        if event.kind != Kind::Open && (once == 0 || events.iter().all(|earlier| earlier.extra.once != once)) {
            events.push(*event);
        }
    }
    by_tag.retain(|_, events| !events.is_empty());
    let day = |((_, round, ..), events): ((Day, u32, u32, _), Vec<Event<'static>>)| {
        let (mut visits, mut all) = (Vec::<Vec<Event<'static>>>::new(), Vec::new());
        for &event in &events {
            let latest_s = visits.last().and_then(|visit| visit.iter().map(|event| event.time_s).max());
            let is_running = latest_s.is_some_and(|latest_s| event.time_s <= latest_s + 1800);
            let is_step =
                !matches!(event.kind, Kind::Error | Kind::Vital | Kind::Engagement | Kind::Consent | Kind::Open);
            let is_in_a_visit = match (is_step, event.kind == Kind::Pageview || event.interactive) {
                (false, _) => is_running,
                (true, _) if is_running => {
                    visits.last_mut().expect("one is running").push(event);
                    true
                }
                (true, true) => {
                    visits.push(vec![event]);
                    true
                }
                (true, false) => false,
            };
            all.push((event, is_in_a_visit.then(|| visits.len() - 1)));
        }
        TagDay { round, first: events[0], visits, all }
    };
    by_tag.into_iter().map(day).collect()
}

/// All cells of all cubes.
pub(crate) fn cells(accepted: &Accepted) -> Cells {
    let mut cells = Cells::new();
    for tag_day in tag_days(accepted) {
        visits(&tag_day, &mut cells);
        pages(&tag_day, &mut cells);
        events(&tag_day, &mut cells);
        engagement(&tag_day, &mut cells);
    }
    marketing::cells(accepted, &mut cells);
    for (round, count) in &accepted.fates {
        let names = vec![count.reason.label().to_string(), count.crawler.to_string()];
        add(&mut cells, (Cube::Fates, count.day, *round, count.site, 0, 0, names), &[count.hits as i64]);
    }
    cells.retain(|_, sums| sums.iter().any(|&sum| sum != 0));
    cells
}

fn visits(tag_day: &TagDay, cells: &mut Cells) {
    let is_new = |at: usize, same: &dyn Fn(&Event<'static>, &Event<'static>) -> bool| {
        i64::from(!tag_day.visits[..at].iter().any(|earlier| same(&earlier[0], &tag_day.visits[at][0])))
    };
    for (at, visit) in tag_day.visits.iter().enumerate() {
        let (start, frozen) = (&visit[0], &tag_day.first);
        let views = visit.iter().filter(|event| event.kind == Kind::Pageview).count() as i64;
        let is_interactive = visit.iter().any(|event| event.kind != Kind::Pageview && event.interactive);
        let latest_s = visit.iter().map(|event| event.time_s).max().expect("a visit has events");
        let names = [
            start.page,
            start.source,
            start.channel.label(),
            frozen.country,
            frozen.region,
            frozen.device.label(),
            frozen.browser,
            frozen.os,
            frozen.language,
            frozen.screen,
        ];
        let sums = [
            1,
            i64::from(views == 1 && !is_interactive),
            views,
            visit.len() as i64,
            i64::from(latest_s - start.time_s),
            is_new(at, &|_, _| true),
            is_new(at, &|a, b| hour_of(a.time_s, a.offset_quarters) == hour_of(b.time_s, b.offset_quarters)),
            is_new(at, &|a, b| a.source == b.source),
            is_new(at, &|a, b| a.channel == b.channel),
            is_new(at, &|a, b| a.page == b.page),
        ];
        add(cells, key(Cube::Visits, tag_day, start, &names), &sums);
    }
}

fn pages(tag_day: &TagDay, cells: &mut Cells) {
    let f = tag_day.first;
    let key_of = |start: &Event<'static>, event: &Event<'static>| {
        let names =
            [event.page, start.source, start.channel.label(), f.country, f.device.label(), f.browser, f.os, f.language];
        key(Cube::Pages, tag_day, event, &names)
    };
    let mut seen_today = Vec::new();
    let mut ended_on = Vec::new();
    for visit in &tag_day.visits {
        let mut seen_in_visit = Vec::new();
        add(cells, key_of(&visit[0], &visit[0]), &[0, 0, 0, 1, 0, 0, 0, 0]);
        for view in visit.iter().filter(|event| event.kind == Kind::Pageview) {
            let (today, in_visit) = (!seen_today.contains(&view.page), !seen_in_visit.contains(&view.page));
            add(cells, key_of(&visit[0], view), &[1, today.into(), in_visit.into(), 0, 0, 0, 0, 0]);
            seen_today.push(view.page);
            seen_in_visit.push(view.page);
        }
        if let Some(exit) = exit(visit) {
            add(cells, key_of(&visit[0], &exit), &[0, 0, 0, 0, 1, i64::from(!ended_on.contains(&exit.page)), 0, 0]);
            ended_on.push(exit.page);
        }
    }
}

fn events(tag_day: &TagDay, cells: &mut Cells) {
    let is_named = |e: &Event<'static>| !matches!(e.kind, Kind::Pageview | Kind::Engagement | Kind::Consent);
    for (at, (event, visit)) in tag_day.all.iter().enumerate().filter(|(_, (event, _))| is_named(event)) {
        let mut own_row = vec![("", "", event.extra.amount())];
        own_row.extend(event.extra.properties().map(|(property, value)| (property, value, 0)));
        for (line, &(property, value, amount)) in own_row.iter().enumerate() {
            let same = |e: &Event<'static>| {
                let has_it = || e.extra.properties().any(|of_event| of_event == (property, value));
                (e.kind, e.name) == (event.kind, event.name) && (line == 0 || has_it())
            };
            let is_repeated = own_row[..line].iter().any(|&(p, v, _)| line > 0 && (p, v) == (property, value));
            let earlier = &tag_day.all[..at];
            let is_new = !is_repeated && !earlier.iter().any(|(e, _)| same(e));
            let is_new_in_visit =
                !is_repeated && !earlier.iter().any(|(e, v)| same(e) && (v == visit || visit.is_none()));
            let came = visit.map_or(event, |visit| &tag_day.visits[visit][0]);
            let f = &tag_day.first;
            let names = [
                event.kind.label(),
                event.name,
                property,
                value,
                event.page,
                came.source,
                came.channel.label(),
                f.country,
                f.device.label(),
            ];
            let sums = [1, is_new.into(), is_new_in_visit.into(), amount];
            add(cells, key(Cube::Events, tag_day, event, &names), &sums);
        }
    }
}

/// Engaged time is added up. Each quarter of a page counts once for each visitor that scrolled down to it.
fn engagement(tag_day: &TagDay, cells: &mut Cells) {
    let f = tag_day.first;
    let mut reached = BTreeMap::<&str, u32>::new();
    for (event, visit) in tag_day.all.iter().filter(|(event, _)| event.kind == Kind::Engagement) {
        let came = visit.map_or(event, |visit| &tag_day.visits[visit][0]);
        let engaged = event.extra.engagement().unwrap_or_default();
        let (quarters, before) = (engaged.scroll.min(100) / 25, reached.entry(event.page).or_insert(0));
        let new = quarters.saturating_sub(*before);
        *before = quarters.max(*before);
        let names =
            [event.page, came.source, came.channel.label(), f.country, f.device.label(), f.browser, f.os, f.language];
        let seconds = (f64::from(engaged.ms) / 1000.0).round() as i64;
        add(cells, key(Cube::Pages, tag_day, event, &names), &[0, 0, 0, 0, 0, 0, seconds, i64::from(new) * 25]);
    }
}

pub(crate) fn key(cube: Cube, tag_day: &TagDay, at: &Event<'static>, names: &[&str]) -> crate::stream::Key {
    let (bucket, hour) = (bucket_of(at.time_s), hour_of(at.time_s, at.offset_quarters));
    (cube, at.day, tag_day.round, at.site, bucket, hour, names.iter().map(|name| name.to_string()).collect())
}

pub(crate) fn add(cells: &mut Cells, key: crate::stream::Key, sums: &[i64]) {
    let total = cells.entry(key).or_insert_with(|| vec![0; sums.len()]);
    total.iter_mut().zip(sums).for_each(|(total, sum)| *total += sum);
}
