//! A collector: appends, syncs, ships, repacks, sends twice; dies with a torn tail and messages still under way.

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
use super::nature::Nature;

/// A message on its way: its partition, how far it reaches in the spool, and what is in it.
type Message = (usize, usize, Vec<Rc<Item>>);

pub(super) struct Collector {
    epoch: u64,
    /// By partition, as are those below.
    numbers: Vec<u64>,
    spool: Vec<Vec<Rc<Item>>>,
    unsynced: Vec<(usize, Rc<Item>)>,
    sent: Vec<usize>,
    acked: Vec<usize>,
    /// What is known to have been answered, even after a crash.
    mark: Vec<usize>,
    in_flight: VecDeque<Message>,
    pub(super) silent_until_s: i64,
    /// It is killed as soon as that costs something.
    pub(super) is_doomed: bool,
}

/// What a collector did.
#[derive(Default)]
pub(super) struct Done {
    /// On disk for good.
    pub(super) stored: Vec<(usize, Rc<Item>)>,
    /// Appended to the stream.
    pub(super) landed: Option<(usize, Vec<Rc<Item>>)>,
    /// May land some time, in this order.
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
            mark: vec![0; partitions],
            in_flight: VecDeque::new(),
            silent_until_s: 0,
            is_doomed: false,
        }
    }

    pub(super) fn append(&mut self, uid: u64, nature: &Nature, chance: &mut Chance) {
        let tag = chance.below(nature.tags) as u64;
        let (body, hits) = body(tag, nature, chance);
        let partition = tag as usize % self.numbers.len();
        self.numbers[partition] += 1;
        let record = Record { partition: partition as u32, epoch: self.epoch, number: self.numbers[partition], body };
        self.unsynced.push((partition, Rc::new(Item { uid, record, hits })));
    }

    /// The first so many of what is appended are on disk.
    fn sync(&mut self, count: usize) -> Vec<(usize, Rc<Item>)> {
        let kept: Vec<_> = self.unsynced.drain(..count).collect();
        self.unsynced.clear();
        for (partition, item) in &kept {
            self.spool[*partition].push(Rc::clone(item));
        }
        kept
    }

    /// A moment of its life.
    pub(super) fn step(&mut self, nature: &Nature, faults: bool, chance: &mut Chance) -> Done {
        if std::mem::take(&mut self.is_doomed) && faults {
            self.is_doomed = self.unsynced.is_empty() && self.in_flight.is_empty();
            if !self.is_doomed {
                return self.kill(chance);
            }
        }
        let mut done = Done::default();
        if !self.unsynced.is_empty() && chance.hits(0.3) {
            done.stored = self.sync(self.unsynced.len());
        }
        if nature.embedded || now_s() < self.silent_until_s {
            return done;
        }
        if !self.in_flight.is_empty() && chance.hits(0.6) {
            if let Some((partition, upto, message)) = self.in_flight.pop_front() {
                self.acked[partition] = self.acked[partition].max(upto);
                if chance.hits(0.5) {
                    self.mark[partition] = self.acked[partition];
                }
                done.landed = Some((partition, message));
            }
            return done;
        }
        if !self.in_flight.is_empty() && faults && chance.hits(0.05) {
            done.late = self.leave_in_flight(chance); // a delivery error: a new producer from the low-water mark
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
        // Records of one message are of one epoch.
        if let Some(first) = ready.first() {
            let epoch = first.record.epoch;
            let message: Vec<_> = ready.iter().take_while(|item| item.record.epoch == epoch).cloned().collect();
            self.sent[partition] = (self.sent[partition] + message.len()).min(self.spool[partition].len());
            self.in_flight.push_back((partition, self.sent[partition], message));
        }
    }

    /// What was sent without an answer may still land, in order, up to some point.
    fn leave_in_flight(&mut self, chance: &mut Chance) -> VecDeque<(usize, Vec<Rc<Item>>)> {
        let landing = chance.below(self.in_flight.len() + 1);
        let left = self.in_flight.drain(..).take(landing).map(|(partition, _, message)| (partition, message)).collect();
        self.in_flight.clear();
        left
    }

    /// A torn tail is cut; what survived is recovered.
    pub(super) fn kill(&mut self, chance: &mut Chance) -> Done {
        let stored = self.sync(chance.below(self.unsynced.len() + 1));
        let late = self.leave_in_flight(chance);
        self.sent.clone_from(&self.mark);
        self.acked.clone_from(&self.mark);
        self.numbers.fill(0);
        if holds(Law::FreshEpoch) {
            self.epoch = chance.draw();
        }
        Done { stored, landed: None, late }
    }

    pub(super) fn has_shipped(&self, nature: &Nature) -> bool {
        let sent = || self.spool.iter().zip(&self.sent).all(|(spool, sent)| spool.len() == *sent);
        self.unsynced.is_empty() && (nature.embedded || self.in_flight.is_empty() && sent())
    }
}

fn body(tag: u64, nature: &Nature, chance: &mut Chance) -> (Body<'static>, (Cube, Day, i64)) {
    let late_days = if chance.hits(nature.lateness) { chance.pick(&[0, 0, 0, 0, 0, 0, 1, 1, 2, 5]) } else { 0 };
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
        interactive: chance.hits(0.5),
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
