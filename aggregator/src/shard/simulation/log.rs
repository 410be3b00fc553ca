//! Simulated Kafka: partitions of messages, the commits of the group, the compacted topic `folds`.
//!
//! A partition also has what the checks compare with: which record of each event is the first.

use std::collections::{BTreeMap, HashMap, VecDeque};
use std::rc::Rc;

use schema::cubes::Cube;
use schema::day::Day;
use schema::wire::{Body, Record};

use super::chance::Chance;
use super::laws::{Law, holds};
use crate::fold::Checkpoint;
use crate::shard::intent::Intent;

/// Page views, named events and refusals: sums that no later event reduces.
pub(super) type Hits = BTreeMap<(Cube, Day), i64>;

/// A record that a collector stored. Its `uid` stays the same, whatever epoch and number the record gets.
#[derive(Debug)]
pub(super) struct Item {
    pub(super) uid: u64,
    pub(super) record: Record<'static>,
    pub(super) hits: (Cube, Day, i64),
}

#[derive(Clone)]
pub(super) enum Entry {
    Message(Vec<Rc<Item>>),
    Close(Day),
}

pub(super) struct Log {
    /// Deleted entries stay here for the checks.
    pub(super) entries: Vec<Entry>,
    pub(super) start: u64,
    /// Where the first record of each event is: the position of its message, and the index in the message.
    pub(super) first_at: HashMap<u64, (u64, usize)>,
    /// Everything below this position was in the range of some intent.
    intended_to: u64,
    /// The hits below that position.
    pub(super) hits_intended: Hits,
}

impl Log {
    pub(super) fn new() -> Log {
        Log { entries: vec![], start: 0, first_at: HashMap::new(), intended_to: 0, hits_intended: Hits::new() }
    }

    pub(super) fn end(&self) -> u64 {
        self.entries.len() as u64
    }

    pub(super) fn append(&mut self, entry: Entry) {
        let position = self.end();
        if let Entry::Message(items) = &entry {
            for (at, item) in items.iter().enumerate() {
                self.first_at.entry(item.uid).or_insert((position, at));
            }
        }
        self.entries.push(entry);
    }

    pub(super) fn is_first(&self, position: u64, at: usize, item: &Item) -> bool {
        self.first_at.get(&item.uid) == Some(&(position, at))
    }

    /// An intent with this end was committed. Readers may see hits only up to such an end.
    pub(super) fn intend_to(&mut self, end: u64) {
        while self.intended_to < end {
            if let Entry::Message(items) = &self.entries[self.intended_to as usize] {
                for (at, item) in items.iter().enumerate() {
                    if self.first_at.get(&item.uid) == Some(&(self.intended_to, at)) {
                        *self.hits_intended.entry((item.hits.0, item.hits.1)).or_default() += item.hits.2;
                    }
                }
            }
            self.intended_to += 1;
        }
    }
}

/// The consumer group and the topic `folds`; on one machine, the intent file.
pub(super) struct Group {
    pub(super) saved: Vec<Option<Intent>>,
    /// The last few commits before it. Brokers that fail may bring one back.
    former: Vec<VecDeque<Intent>>,
    /// The number of the present assignment of each partition.
    pub(super) assignments: Vec<u64>,
    /// By partition, S and generation.
    pub(super) folds: BTreeMap<(usize, u64, u32), Checkpoint>,
}

impl Group {
    pub(super) fn new(partitions: usize) -> Group {
        let former = vec![VecDeque::new(); partitions];
        Group { saved: vec![None; partitions], former, assignments: vec![0; partitions], folds: BTreeMap::new() }
    }

    pub(super) fn save(&mut self, partition: usize, intent: Intent) {
        if let Some(former) = self.saved[partition].replace(intent) {
            self.former[partition].push_back(former);
            if self.former[partition].len() > 20 {
                self.former[partition].pop_front();
            }
        }
    }

    /// Replaces the commit by an older one.
    pub(super) fn restore_older(&mut self, partition: usize, chance: &mut Chance) {
        let former = &self.former[partition];
        if !former.is_empty() {
            self.saved[partition] = former.get(chance.below(former.len())).cloned();
        }
    }

    pub(super) fn checkpoint_at(&self, partition: usize, start: u64) -> Option<Checkpoint> {
        let is_it = |of: usize, s: u64| of == partition && (s == start || !holds(Law::FoldsByStart));
        let known = self.folds.iter().find(|((of, s, _), _)| is_it(*of, *s)).map(|(_, checkpoint)| checkpoint.clone());
        match known {
            Some(_) if !holds(Law::CheckpointUsed) => Some(Checkpoint::default()),
            Some(checkpoint) if !holds(Law::LastCloseInCheckpoint) => {
                Some(Checkpoint { last_close: None, ..checkpoint })
            }
            None if start == 0 => Some(Checkpoint::default()),
            known => known,
        }
    }

    pub(super) fn highest_generation(&self, partition: usize) -> u32 {
        self.folds.keys().filter(|(p, ..)| *p == partition).map(|(.., generation)| *generation).max().unwrap_or(0)
    }
}

pub(super) fn close_record(day: Day) -> Record<'static> {
    Record { partition: 0, epoch: 0, number: 0, body: Body::Close(day) }
}

impl std::fmt::Display for Entry {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Entry::Close(day) => write!(f, "close({day})"),
            Entry::Message(items) => {
                for Item { uid, record, hits } in items.iter().map(|item| &**item) {
                    let (epoch, number, day) = (record.epoch % 1000, record.number, hits.1);
                    write!(f, "{epoch}#{number}=e{uid}({day} {}) ", hits.0.label())?;
                }
                Ok(())
            }
        }
    }
}
