//! The fold: anonymous events in, increments of the live cubes out.
//!
//! Pure: the same records from the same `Copy`, drained at the same positions, give the same rows in the same order. So
//! a batch whose insert is in doubt can be made again, and a shard's state is nothing but a replay.
//!
//! ```text
//! apply -> copy     is it a repeat, is something missing, which round
//!       -> site     the rules: what starts, joins and ends a visit; which sums each event moves
//!             visitor   a tag's day: frozen attributes, its visit     touched   what of it is not told yet
//!             facts     what a tag has done today, for "first"
//!             names     strings -> numbers                            profile   frozen attributes -> one number
//!             marketing campaigns, orders, products: with a basis only
//!             cells     sums per key (`keys`) since the last drain    slots     what all of these look things up in
//! drain -> columns  cells -> rows, ready to insert
//! ```
//!
//! It knows neither where records come from nor where rows go, no clock, no time zone (an event carries its date and
//! offset) and no file. A day's state is dropped at its close; its sums stay until `forget`.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;
use std::fmt;

use schema::day::Day;
use schema::event::Event;
use schema::fate::FateCount;
use schema::round::is_over;
use schema::wire::{Body, Record};
use warehouse::{ControlSums, Rows};

mod copy;
mod site;
mod visitor;
mod touched;
mod facts;
mod names;
mod profile;
mod slots;
mod keys;
mod marketing;
mod cells;
mod columns;

pub use copy::{Copy, First};

use site::Site;

/// Which rules made the rows. A shard whose rows were begun under other rules starts afresh.
pub const VERSION: u32 = 2;

/// How much a site may fill in one (day, round). Beyond it hits still count; firsts are no longer told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Limits {
    /// Visitor tags of a site in a (day, round); some 350 bytes each, all that is known of them included.
    pub tags_per_site_day: usize,
    /// Distinct pages, sources, names and attributes of a site in a (day, round); the rest are counted as "(many)".
    pub strings_per_site_day: usize,
    /// Different things (pages, sources, event names) that are told apart for one tag; at most 65,535.
    pub facts_per_tag: u32,
}

impl Default for Limits {
    fn default() -> Limits {
        Limits { tags_per_site_day: 2_000_000, strings_per_site_day: 500_000, facts_per_tag: 2_000 }
    }
}

/// What a drain hands out.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Drained {
    /// By day, round and cube; rows that cancelled to nothing are not there.
    pub rows: Vec<Rows>,
    /// The closes since the last drain; what came before them is among the rows.
    pub closes: Vec<Day>,
}

/// The state of one shard.
pub struct Fold {
    limits: Limits,
    copy: Copy,
    /// The message that the last record came in.
    message: Option<Message>,
    /// The sites of each round not yet closed.
    open: BTreeMap<(Day, u32), BTreeMap<u32, Site>>,
    /// Rows of the rounds closed since the last drain.
    closed_rows: Vec<Rows>,
    closes: Vec<Day>,
    pending: usize,
    sums: BTreeMap<(Day, u32), ControlSums>,
    firsts: BTreeMap<(Day, u32), First>,
    repeats: u64,
    gaps: u64,
    /// Of the rounds closed; the open ones count their own.
    saturated: u64,
}

impl Fold {
    /// The state just before the record that `copy` was taken at.
    pub fn new(copy: Copy, limits: Limits) -> Fold {
        Fold {
            limits,
            copy,
            message: None,
            open: BTreeMap::new(),
            closed_rows: Vec::new(),
            closes: Vec::new(),
            pending: 0,
            sums: BTreeMap::new(),
            firsts: BTreeMap::new(),
            repeats: 0,
            gaps: 0,
            saturated: 0,
        }
    }

    /// Takes in one record; `position` is where it begins in the stream. Records of one position came in one message,
    /// are of one epoch, and are read together or not at all.
    pub fn apply(&mut self, position: u64, record: &Record<'_>) {
        if let Body::Close(day) = record.body {
            return self.close(day); // closes bear no number
        }
        if self.message.as_ref().is_none_or(|message| message.position != position) {
            let epoch = record.epoch;
            let (seen, heard) = (self.copy.seen.get(&epoch).copied(), self.copy.heard.get(&epoch).copied());
            self.message = Some(Message { position, epoch, seen, heard });
            self.copy.hear(epoch);
        }
        if self.copy.is_repeat(record.epoch, record.number) {
            self.repeats += 1;
            return;
        }
        match &record.body {
            Body::Event(event) => {
                let round = self.copy.round_of(event.day);
                self.fold(Some(position), event.day, round, event.site, |site| site.event(event));
            }
            Body::Fates(counts) => {
                for count in counts {
                    let round = self.copy.round_of(count.day);
                    self.fold(Some(position), count.day, round, count.site, |site| site.fates(count));
                }
            }
            Body::Close(_) => {}
        }
        // Only now: the copy of a round's first record is the one before it.
        self.gaps += self.copy.see(record.epoch, record.number);
    }

    /// Takes in an event that has no number, in a round the caller names (an import's).
    pub fn apply_event(&mut self, round: u32, event: &Event<'_>) {
        self.fold(None, event.day, round, event.site, |site| site.event(event));
    }

    /// Takes in refusals that have no number, in a round the caller names (an import's).
    pub fn apply_fates(&mut self, round: u32, counts: &[FateCount<'_>]) {
        for count in counts {
            self.fold(None, count.day, round, count.site, |site| site.fates(count));
        }
    }

    fn fold(&mut self, position: Option<u64>, day: Day, round: u32, site: u32, take: impl FnOnce(&mut Site)) {
        let sites = match self.open.entry((day, round)) {
            Entry::Occupied(open) => open.into_mut(),
            Entry::Vacant(new) => {
                self.sums.entry((day, round)).or_default();
                if let Some(position) = position {
                    let first = || First { position, copy: before(&self.copy, self.message.as_ref()) };
                    self.firsts.entry((day, round)).or_insert_with(first);
                }
                new.insert(BTreeMap::new())
            }
        };
        let site = sites.entry(site).or_insert_with(|| Site::new(&self.limits));
        let before = site.pending();
        take(site);
        self.pending += site.pending() - before;
    }

    /// No more will come for a round that the caller named: makes its last rows and drops its state.
    pub fn end(&mut self, day: Day, round: u32) {
        if let Some(mut sites) = self.open.remove(&(day, round)) {
            self.saturated += sites.values().map(Site::saturated).sum::<u64>();
            self.closed_rows.extend(columns::drain(day, round, &mut sites));
        }
    }

    /// Makes the last rows of the rounds it closes, and drops their state.
    fn close(&mut self, close: Day) {
        if !self.copy.close(close) {
            return;
        }
        self.closes.push(close);
        let is_closed = |&key: &(Day, u32), _: &mut _| is_over(key, close);
        for ((day, round), mut sites) in self.open.extract_if(.., is_closed) {
            self.saturated += sites.values().map(Site::saturated).sum::<u64>();
            self.closed_rows.extend(columns::drain(day, round, &mut sites));
        }
    }

    /// About how many rows a drain would hand out now, or somewhat fewer.
    pub fn pending_rows(&self) -> usize {
        self.pending
    }

    /// The increments since the last drain.
    pub fn drain(&mut self) -> Drained {
        let mut rows = std::mem::take(&mut self.closed_rows);
        for (&(day, round), sites) in &mut self.open {
            rows.extend(columns::drain(day, round, sites));
        }
        rows.sort_by_key(|rows| (rows.day, rows.round, rows.cube));
        for rows in &rows {
            self.sums.entry((rows.day, rows.round)).or_default().add(rows);
        }
        self.pending = 0;
        Drained { rows, closes: std::mem::take(&mut self.closes) }
    }

    /// What all rows handed out so far add up to, by (day, round), for the rounds not forgotten.
    pub fn sums(&self) -> &BTreeMap<(Day, u32), ControlSums> {
        &self.sums
    }

    /// Where each round began, for the rounds not forgotten.
    pub fn firsts(&self) -> &BTreeMap<(Day, u32), First> {
        &self.firsts
    }

    /// The round is done: nothing will be asked about it again. Its state went at its close.
    pub fn forget(&mut self, day: Day, round: u32) {
        self.sums.remove(&(day, round));
        self.firsts.remove(&(day, round));
    }

    /// What replay from here begins with.
    pub fn copy(&self) -> Copy {
        self.copy.clone()
    }

    /// Records dropped because they had been there before.
    pub fn repeats(&self) -> u64 {
        self.repeats
    }

    /// Records that never came: the numbers missing in between.
    pub fn gaps(&self) -> u64 {
        self.gaps
    }

    /// How often a tag, a string or a first did not fit within the limits.
    pub fn saturated(&self) -> u64 {
        self.saturated + self.sites().map(Site::saturated).sum::<u64>()
    }

    /// Tags held now, over all open rounds.
    pub fn visitors(&self) -> usize {
        self.sites().map(Site::visitors).sum()
    }

    /// About how many bytes the state takes.
    pub fn bytes(&self) -> usize {
        self.sites().map(Site::bytes).sum()
    }

    fn sites(&self) -> impl Iterator<Item = &Site> {
        self.open.values().flat_map(BTreeMap::values)
    }
}

/// A message being read, and what was seen of its epoch before it.
struct Message {
    position: u64,
    epoch: u64,
    seen: Option<u64>,
    heard: Option<i32>,
}

/// What replay from the beginning of a message begins with.
fn before(copy: &Copy, message: Option<&Message>) -> Copy {
    let mut copy = copy.clone();
    if let Some(&Message { epoch, seen, heard, .. }) = message {
        restore(&mut copy.seen, epoch, seen);
        restore(&mut copy.heard, epoch, heard);
    }
    copy
}

fn restore<T>(map: &mut BTreeMap<u64, T>, epoch: u64, value: Option<T>) {
    match value {
        Some(value) => drop(map.insert(epoch, value)),
        None => drop(map.remove(&epoch)),
    }
}

impl fmt::Debug for Fold {
    /// Its state is about visitors and is not shown.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Fold").field("copy", &self.copy).field("pending", &self.pending).finish_non_exhaustive()
    }
}
