//! A simulated collector: it appends, syncs and sends, packs records into other messages than before, sends twice, and
//! is killed with a torn tail and messages under way.

use std::collections::VecDeque;
use std::rc::Rc;

use schema::cubes::Cube;
use schema::day::Day;
use schema::event::{Channel, Device, Event, Kind, Lane, VisitorTag};
use schema::extra::Extra;
use schema::fate::{FateCount, Refusal};
use schema::wire::{Body, Record};

use super::chance::Chance;
use super::clock::{DAY, FIRST_DAY, now_s};
use super::laws::{Law, holds};
use super::log::Item;
use super::scenario::Scenario;

/// A message under way: its partition, its end in the spool, and its records.
type SentMessage = (usize, usize, Vec<Rc<Item>>);

pub(super) struct Collector {
    epoch: u64,
    /// The last number of each partition. The vectors below are by partition, too.
    numbers: Vec<u64>,
    spool: Vec<Vec<Rc<Item>>>,
    unsynced: Vec<(usize, Rc<Item>)>,
    sent: Vec<usize>,
    acked: Vec<usize>,
    /// What was answered and is recorded on disk, so that it survives a crash.
    acked_on_disk: Vec<usize>,
    in_flight: VecDeque<SentMessage>,
    pub(super) silent_until_s: i64,
    /// It will be killed as soon as it has something to lose.
    pub(super) kill_soon: bool,
}

/// What happened in a step of a collector.
#[derive(Default)]
pub(super) struct CollectorStep {
    /// Records that are on disk now.
    pub(super) stored: Vec<(usize, Rc<Item>)>,
    /// A message that was appended to the stream.
    pub(super) landed: Option<(usize, Vec<Rc<Item>>)>,
    /// Messages that may be appended at some time, in this order.
    pub(super) late: VecDeque<(usize, Vec<Rc<Item>>)>,
}

impl Collector {
    pub(super) fn new(partitions: usize, chance: &mut Chance) -> Collector {
        Collector {
            epoch: chance.draw(),
            numbers: vec![0; partitions],
            spool: vec![vec![]; partitions],
            unsynced: vec![],
            sent: vec![0; partitions],
            acked: vec![0; partitions],
            acked_on_disk: vec![0; partitions],
            in_flight: VecDeque::new(),
            silent_until_s: 0,
            kill_soon: false,
        }
    }

    pub(super) fn append(&mut self, uid: u64, scenario: &Scenario, chance: &mut Chance) {
        let tag = chance.below(scenario.tags) as u64;
        let (body, hits) = body(tag, scenario, chance);
        let partition = tag as usize % self.numbers.len();
        self.numbers[partition] += 1;
        let record = Record { partition: partition as u32, epoch: self.epoch, number: self.numbers[partition], body };
        self.unsynced.push((partition, Rc::new(Item { uid, record, hits })));
    }

    /// Syncs the first `count` records that are not on disk. The others are lost.
    fn sync(&mut self, count: usize) -> Vec<(usize, Rc<Item>)> {
        let synced: Vec<_> = self.unsynced.drain(..count).collect();
        self.unsynced.clear();
        for (partition, item) in &synced {
            self.spool[*partition].push(Rc::clone(item));
        }
        synced
    }

    /// What the collector does in one tick.
    pub(super) fn step(&mut self, scenario: &Scenario, faults: bool, chance: &mut Chance) -> CollectorStep {
        if std::mem::take(&mut self.kill_soon) && faults {
            self.kill_soon = self.unsynced.is_empty() && self.in_flight.is_empty();
            if !self.kill_soon {
                return self.kill(chance);
            }
        }
        let mut done = CollectorStep::default();
        if !self.unsynced.is_empty() && chance.happens(0.3) {
            done.stored = self.sync(self.unsynced.len());
        }
        if scenario.embedded || now_s() < self.silent_until_s {
            return done;
        }
        if !self.in_flight.is_empty() && chance.happens(0.6) {
            if let Some((partition, upto, message)) = self.in_flight.pop_front() {
                self.acked[partition] = self.acked[partition].max(upto);
                if chance.happens(0.5) {
                    self.acked_on_disk[partition] = self.acked[partition];
                }
                done.landed = Some((partition, message));
            }
            return done;
        }
        if !self.in_flight.is_empty() && faults && chance.happens(0.05) {
            // A delivery error: a new producer begins with what is not answered.
            done.late = self.leave_in_flight(chance);
            self.sent.clone_from(&self.acked);
        }
        self.send(chance);
        done
    }

    fn send(&mut self, chance: &mut Chance) {
        let partition = chance.below(self.spool.len());
        let mut ready: Vec<Rc<Item>> = self.spool[partition][self.sent[partition]..].to_vec();
        if !holds(Law::ShipOnlySynced) {
            ready.extend(self.unsynced.iter().filter(|(p, _)| *p == partition).map(|(_, item)| Rc::clone(item)));
        }
        ready.truncate(chance.between(1, 4) as usize);
        // All records of a message are of one epoch.
        if let Some(first) = ready.first() {
            let epoch = first.record.epoch;
            let message: Vec<_> = ready.iter().take_while(|item| item.record.epoch == epoch).cloned().collect();
            self.sent[partition] = (self.sent[partition] + message.len()).min(self.spool[partition].len());
            self.in_flight.push_back((partition, self.sent[partition], message));
        }
    }

    /// Messages without an answer may still be appended: in order, and up to some point.
    fn leave_in_flight(&mut self, chance: &mut Chance) -> VecDeque<(usize, Vec<Rc<Item>>)> {
        let count = chance.below(self.in_flight.len() + 1);
        let left = self.in_flight.drain(..).take(count).map(|(partition, _, message)| (partition, message)).collect();
        self.in_flight.clear();
        left
    }

    /// Kills the collector. Its tail is cut; what is on disk stays.
    pub(super) fn kill(&mut self, chance: &mut Chance) -> CollectorStep {
        let stored = self.sync(chance.below(self.unsynced.len() + 1));
        let late = self.leave_in_flight(chance);
        self.sent.clone_from(&self.acked_on_disk);
        self.acked.clone_from(&self.acked_on_disk);
        self.numbers.fill(0);
        if holds(Law::FreshEpoch) {
            self.epoch = chance.draw();
        }
        CollectorStep { stored, landed: None, late }
    }

    pub(super) fn has_shipped(&self, scenario: &Scenario) -> bool {
        let sent = || self.spool.iter().zip(&self.sent).all(|(spool, sent)| spool.len() == *sent);
        self.unsynced.is_empty() && (scenario.embedded || self.in_flight.is_empty() && sent())
    }
}

fn body(tag: u64, scenario: &Scenario, chance: &mut Chance) -> (Body<'static>, (Cube, Day, i64)) {
    let late_days = if chance.happens(scenario.late_events) { chance.pick(&[0, 0, 0, 0, 0, 0, 1, 1, 2, 5]) } else { 0 };
    let day = Day(((now_s() / DAY) as i32 - late_days).max(FIRST_DAY));
    let kind = match chance.below(20) {
        0 => {
            let counts = FateCount { site: 1, day, reason: Refusal::Bot, crawler: "Crawler", hits: 2 };
            return (Body::Fates(vec![counts]), (Cube::Fates, day, 2));
        }
        1..=3 => Kind::Custom,
        4 => Kind::Error,
        _ => Kind::Pageview,
    };
    let event = Event {
        site: 1 + chance.below(2) as u32,
        day,
        time_s: (i64::from(day.0) * DAY + now_s() % DAY) as u32,
        offset_quarters: 4,
        lane: Lane::Audience,
        tag: VisitorTag(tag),
        kind,
        interactive: chance.happens(0.5),
        name: if kind == Kind::Pageview { "" } else { "sign up" },
        page: chance.pick(&["/", "/a", "/b"]),
        source: chance.pick(&["Direct", "Google"]),
        channel: Channel::Direct,
        country: "FR",
        region: "unknown",
        device: Device::Mobile,
        browser: "B 1",
        os: "O",
        language: "fr",
        screen: "s",
        extra: Extra::NONE,
    };
    let cube = if kind == Kind::Pageview { Cube::Pages } else { Cube::Events };
    (Body::Event(event), (cube, day, 1))
}
