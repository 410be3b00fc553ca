//! The state of a run, and the checks after every step.

use std::cell::{RefCell, RefMut};
use std::collections::VecDeque;
use std::rc::Rc;
use std::time::Duration;

use super::chance::Chance;
use super::clock::{HOUR, now_s};
use super::collector::{Collector, CollectorStep};
use super::laws::{Law, holds};
use super::log::{Entry, Group, Hits, Item, Log};
use super::process::Process;
use super::scenario::Scenario;
use super::server::{Counted, Server};
use crate::shard::rules::{self, Rule};

pub(super) struct World {
    pub(super) chance: Chance,
    pub(super) scenario: Scenario,
    /// Whether faults happen.
    pub(super) faults: bool,
    pub(super) collecting: bool,
    pub(super) logs: Vec<Log>,
    pub(super) group: Group,
    pub(super) collectors: Vec<Collector>,
    /// Messages of producers that do not run any more. They may still be appended, in their order.
    pub(super) late: Vec<VecDeque<(usize, Vec<Rc<Item>>)>>,
    pub(super) server: Server,
    pub(super) processes: Vec<Process>,
    /// The process that owns each partition.
    pub(super) owners: Vec<Option<usize>>,
    pub(super) stored: Vec<(usize, Rc<Item>)>,
    stored_hits: Hits,
    pub(super) shown: Hits,
    pub(super) uids: u64,
    pub(super) faults_had: u64,
    trace: Option<Vec<String>>,
    pub(super) violation: Option<String>,
}

/// The handle of the state. There is one thread, and no borrow is held over an await.
#[derive(Clone)]
pub(super) struct Sim(Rc<RefCell<World>>);

impl Sim {
    pub(super) fn new(seed: u64, tracing: bool) -> Sim {
        let mut chance = Chance::new(seed);
        let scenario = Scenario::draw(&mut chance);
        let partitions = scenario.partitions;
        Sim(Rc::new(RefCell::new(World {
            collectors: (0..scenario.collectors).map(|_| Collector::new(partitions, &mut chance)).collect(),
            processes: (0..scenario.processes).map(|_| Process::default()).collect(),
            logs: (0..partitions).map(|_| Log::new()).collect(),
            group: Group::new(partitions),
            owners: vec![None; partitions],
            chance,
            scenario,
            faults: true,
            collecting: true,
            late: vec![],
            server: Server::new(tracing),
            stored: vec![],
            stored_hits: Hits::new(),
            shown: Hits::new(),
            uids: 0,
            faults_had: 0,
            trace: tracing.then(Vec::new),
            violation: None,
        })))
    }

    pub(super) fn world(&self) -> RefMut<'_, World> {
        self.0.borrow_mut()
    }
}

impl World {
    pub(super) fn note(&mut self, text: impl FnOnce() -> String) {
        if let Some(trace) = &mut self.trace {
            let now = now_s() - i64::from(super::clock::FIRST_DAY) * 24 * HOUR;
            let (day, hour, minute, second) = (now / 86_400, now / 3600 % 24, now / 60 % 60, now % 60);
            trace.push(format!("{day}d {hour:02}:{minute:02}:{second:02} {}", text()));
        }
    }

    pub(super) fn take_trace(&mut self) -> Vec<String> {
        self.trace.take().unwrap_or_default()
    }

    /// Records that the run has failed, and why.
    pub(super) fn violated(&mut self, what: String) {
        self.note(|| format!("VIOLATION: {what}"));
        self.violation.get_or_insert(what);
    }

    pub(super) fn append(&mut self, partition: usize, entry: Entry) {
        let position = self.logs[partition].end();
        self.note(|| format!("stream {partition}@{position}: {entry}"));
        self.logs[partition].append(entry);
    }

    /// One tick outside the shards: collectors collect, ClickHouse works, late messages are appended.
    pub(super) fn step(&mut self) {
        for at in 0..self.collectors.len() {
            let World { collectors, chance, scenario, uids, .. } = self;
            if self.collecting && chance.happens(scenario.event_rate) {
                *uids += 1;
                collectors[at].append(*uids, scenario, chance);
            }
            let done = collectors[at].step(scenario, self.faults, chance);
            self.collected(done);
        }
        if !self.late.is_empty() && self.chance.happens(0.05) {
            let at = self.chance.below(self.late.len());
            match self.late[at].pop_front() {
                Some((partition, message)) => self.append(partition, Entry::Message(message)),
                None => drop(self.late.remove(at)),
            }
        }
        if self.server.is_up() {
            let World { server, chance, .. } = self;
            server.advance(chance);
        }
        self.check_server();
    }

    /// Runs the checks if ClickHouse has changed.
    pub(super) fn check_server(&mut self) {
        let lines: Vec<String> = self.server.trace.iter_mut().flat_map(std::mem::take).collect();
        lines.into_iter().for_each(|line| self.note(|| line));
        if std::mem::take(&mut self.server.has_changed) {
            self.check_shown();
        }
    }

    pub(super) fn collected(&mut self, done: CollectorStep) {
        for (_, item) in &done.stored {
            *self.stored_hits.entry((item.hits.0, item.hits.1)).or_default() += item.hits.2;
        }
        if self.scenario.embedded {
            // The spool is the stream. Each record has its own position.
            done.stored.iter().for_each(|(_, item)| self.append(0, Entry::Message(vec![Rc::clone(item)])));
        }
        self.stored.extend(done.stored);
        if let Some((partition, message)) = done.landed {
            self.append(partition, Entry::Message(message));
        }
        if !done.late.is_empty() {
            self.late.push(done.late);
        }
    }

    /// A day never shows more hits than were stored and were in the range of an intent, and its hits never shrink.
    fn check_shown(&mut self) {
        let shown = self.hits(self.server.counted());
        let mut wrong = vec![];
        for (key, &hits) in &shown {
            let intended: i64 = self.logs.iter().filter_map(|log| log.hits_intended.get(key)).sum();
            let intended = if rules::holds(Rule::IntentFirst) { intended } else { i64::MAX };
            let known = self.stored_hits.get(key).copied().unwrap_or(0).min(intended);
            if hits > known {
                wrong.push(format!("{} of {} shows {hits} hits of {known}", key.0.label(), key.1));
            }
        }
        for (key, &before) in &self.shown {
            let now = shown.get(key).copied().unwrap_or(0);
            if now < before {
                wrong.push(format!("{} of {} shrank from {before} to {now}", key.0.label(), key.1));
            }
        }
        self.shown = shown;
        wrong.into_iter().for_each(|what| self.violated(what));
    }

    /// The hits that a reader counts if it has found this in `shards` and `settled`.
    pub(super) fn hits(&self, counted: &Counted) -> Hits {
        let mut hits = Hits::new();
        for (key, live) in self.server.live.iter().filter(|(key, live)| live.hits != 0 && counted.is_counted(key)) {
            *hits.entry((key.0, key.1)).or_default() += live.hits;
        }
        hits
    }

    /// How long a request is under way before the server executes it.
    pub(super) fn delay_s(&mut self) -> i64 {
        let is_slow = self.faults && self.chance.happens(self.scenario.slow_requests);
        if is_slow { self.chance.pick(&[HOUR / 2, 2 * HOUR, 4 * HOUR]) } else { 0 }
    }

    /// Writes the checkpoint of S to `folds`.
    pub(super) fn record_checkpoint(
        &mut self,
        partition: usize,
        start: u64,
        generation: u32,
        checkpoint: crate::fold::Checkpoint,
    ) {
        self.note(|| {
            format!(
                "folds: {partition} S={start} g={generation} close={:?} seen={:?}",
                checkpoint.last_close, checkpoint.last_numbers
            )
        });
        if !holds(Law::FoldsByStart) {
            self.group.folds.retain(|(of, ..), _| *of != partition);
        }
        self.group.folds.insert((partition, start, generation), checkpoint);
    }
}

/// The time between two ticks.
pub(super) const TICK: Duration = Duration::from_millis(100);
