//! The fold: anonymous events come in, increments of the live cubes go out.
//!
//! The fold is pure. The same records, applied to the same [`Checkpoint`] and drained at the same positions, give the
//! same rows in the same order. So a batch can be made again if the outcome of its insert is unknown, and the state of
//! a shard can be rebuilt by replay.
//!
//! ```text
//! apply -> checkpoint   is the record a repeat, are numbers missing, to which round does an event belong
//!       -> site         the rules: what starts, extends and ends a visit; which sums each event changes
//!             visitor      the state of one tag: the attributes of its first event, its current visit
//!             dirty        the visits that changed since the last drain
//!             facts        what a tag has done today, to find firsts
//!             names        strings -> numbers
//!             profile      the attributes of a tag -> one number
//!             marketing    campaigns, orders, products; only for hits on the marketing lane
//!             cells        sums by key (`keys`) since the last drain
//!             slots        the hash table that the modules above use
//! drain -> columns      cells -> rows, ready to insert
//! ```
//!
//! The fold does not know where records come from, where rows go, the clock, time zones (an event carries its date and
//! its offset) or any file. A close drops the state of a round. The sums of a round stay until `forget`.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;
use std::fmt;

use schema::day::Day;
use schema::event::Event;
use schema::fate::FateCount;
use schema::round::is_over;
use schema::wire::{Body, Record};
use warehouse::{ControlSums, Rows};

mod checkpoint;
mod limits;
mod site;
mod visitor;
mod dirty;
mod facts;
mod names;
mod profile;
mod slots;
mod keys;
mod marketing;
mod cells;
mod columns;

pub use checkpoint::{Checkpoint, RoundStart};
pub use limits::Limits;

use checkpoint::CurrentMessage;
use site::Site;

/// The version of the rules that make rows from events. If a shard finds rows that other rules began, it rebuilds them.
pub const RULES_VERSION: u32 = 2;

/// What a drain emits.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Drained {
    /// Ordered by day, round and cube. Rows whose sums cancelled to zero are left out.
    pub rows: Vec<Rows>,
    /// The closes since the last drain. The rows of all records before them are among `rows`.
    pub closes: Vec<Day>,
}

/// The state of one shard.
pub struct Fold {
    limits: Limits,
    checkpoint: Checkpoint,
    /// The message of the last record.
    message: Option<CurrentMessage>,
    /// The sites of each open round.
    open: BTreeMap<(Day, u32), BTreeMap<u32, Site>>,
    /// The rows of the rounds that were closed since the last drain.
    closed_rows: Vec<Rows>,
    closes: Vec<Day>,
    pending: usize,
    sums: BTreeMap<(Day, u32), ControlSums>,
    round_starts: BTreeMap<(Day, u32), RoundStart>,
    repeats: u64,
    gaps: u64,
    /// Only of closed rounds. Open rounds count their own.
    saturated: u64,
}

impl Fold {
    /// A fold that begins with the record before which `checkpoint` was taken.
    pub fn new(checkpoint: Checkpoint, limits: Limits) -> Fold {
        Fold {
            limits,
            checkpoint,
            message: None,
            open: BTreeMap::new(),
            closed_rows: Vec::new(),
            closes: Vec::new(),
            pending: 0,
            sums: BTreeMap::new(),
            round_starts: BTreeMap::new(),
            repeats: 0,
            gaps: 0,
            saturated: 0,
        }
    }

    /// Folds one record. `position` is where its message begins in the stream. Records with the same position are from
    /// one message and one epoch; the caller applies all of them or none.
    pub fn apply(&mut self, position: u64, record: &Record<'_>) {
        if let Body::Close(day) = record.body {
            return self.close(day); // a close has no number
        }
        if self.message.as_ref().is_none_or(|message| message.position != position) {
            self.message = Some(CurrentMessage::begin(position, record.epoch, &self.checkpoint));
            self.checkpoint.mark_active(record.epoch);
        }
        if self.checkpoint.is_repeat(record.epoch, record.number) {
            self.repeats += 1;
            return;
        }
        match &record.body {
            Body::Event(event) => {
                let round = self.checkpoint.round_of(event.day);
                self.with_site(Some(position), event.day, round, event.site, |site| site.event(event));
            }
            Body::Fates(counts) => {
                for count in counts {
                    let round = self.checkpoint.round_of(count.day);
                    self.with_site(Some(position), count.day, round, count.site, |site| site.fates(count));
                }
            }
            Body::Close(_) => {}
        }
        // Only after the record is folded: the checkpoint of a round that this record starts must not contain it.
        self.gaps += self.checkpoint.count_number(record.epoch, record.number);
    }

    /// Folds an event that has no number, into a round that the caller names. Only an import does this.
    pub fn apply_event(&mut self, round: u32, event: &Event<'_>) {
        self.with_site(None, event.day, round, event.site, |site| site.event(event));
    }

    /// Folds refusals that have no number, into a round that the caller names. Only an import does this.
    pub fn apply_fates(&mut self, round: u32, counts: &[FateCount<'_>]) {
        for count in counts {
            self.with_site(None, count.day, round, count.site, |site| site.fates(count));
        }
    }

    /// Changes the state of one site in one round. Opens the round if it is not open.
    fn with_site(&mut self, position: Option<u64>, day: Day, round: u32, site: u32, change: impl FnOnce(&mut Site)) {
        let sites = match self.open.entry((day, round)) {
            Entry::Occupied(open) => open.into_mut(),
            Entry::Vacant(new) => {
                self.sums.entry((day, round)).or_default();
                if let Some(position) = position {
                    let start = || RoundStart::of_message(position, self.message.as_ref(), &self.checkpoint);
                    self.round_starts.entry((day, round)).or_insert_with(start);
                }
                new.insert(BTreeMap::new())
            }
        };
        let site = sites.entry(site).or_insert_with(|| Site::new(&self.limits));
        let before = site.pending();
        change(site);
        self.pending += site.pending() - before;
    }

    /// Ends a round that the caller named: makes its last rows and drops its state. If more events of the round come,
    /// the fold counts their visitors again.
    pub fn end_round(&mut self, day: Day, round: u32) {
        if let Some(mut sites) = self.open.remove(&(day, round)) {
            self.saturated += sites.values().map(Site::saturated).sum::<u64>();
            self.closed_rows.extend(columns::drain(day, round, &mut sites));
        }
    }

    /// Folds a close: makes the last rows of the rounds that it ends, and drops their state.
    fn close(&mut self, close: Day) {
        if !self.checkpoint.close(close) {
            return;
        }
        self.closes.push(close);
        let is_closed = |&(day, round): &(Day, u32), _: &mut _| is_over((day, round), close);
        for ((day, round), mut sites) in self.open.extract_if(.., is_closed) {
            self.saturated += sites.values().map(Site::saturated).sum::<u64>();
            self.closed_rows.extend(columns::drain(day, round, &mut sites));
        }
    }

    /// About how many rows a drain would emit now. A drain emits somewhat fewer, because some sums cancel.
    pub fn pending_rows(&self) -> usize {
        self.pending
    }

    /// Emits the increments since the last drain.
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

    /// The sums of all rows emitted so far, for each round that is not forgotten.
    pub fn sums(&self) -> &BTreeMap<(Day, u32), ControlSums> {
        &self.sums
    }

    /// Where each round began, for each round that is not forgotten.
    pub fn round_starts(&self) -> &BTreeMap<(Day, u32), RoundStart> {
        &self.round_starts
    }

    /// Drops the sums and the start of a round that is settled. Its close has dropped its state already.
    pub fn forget(&mut self, day: Day, round: u32) {
        self.sums.remove(&(day, round));
        self.round_starts.remove(&(day, round));
    }

    /// What replay from the next record begins with.
    pub fn checkpoint(&self) -> &Checkpoint {
        &self.checkpoint
    }

    /// Records that were dropped as repeats.
    pub fn repeats(&self) -> u64 {
        self.repeats
    }

    /// Records that are missing: the numbers that were skipped.
    pub fn gaps(&self) -> u64 {
        self.gaps
    }

    /// How often a tag, a string or a first did not fit within the limits.
    pub fn saturated(&self) -> u64 {
        self.saturated + self.sites().map(Site::saturated).sum::<u64>()
    }

    /// The number of tags in all open rounds.
    pub fn visitors(&self) -> usize {
        self.sites().map(Site::visitors).sum()
    }

    /// The approximate size of the state.
    pub fn bytes(&self) -> usize {
        self.sites().map(Site::bytes).sum()
    }

    fn sites(&self) -> impl Iterator<Item = &Site> {
        self.open.values().flat_map(BTreeMap::values)
    }
}

impl fmt::Debug for Fold {
    /// Leaves out the state, because it is about visitors.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Fold")
            .field("checkpoint", &self.checkpoint)
            .field("pending", &self.pending)
            .finish_non_exhaustive()
    }
}
