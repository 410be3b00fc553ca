//! Simulated ClickHouse: partitions of the live tables, the small tables, tokens, and requests under way. A request is
//! executed even if its sender was killed.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;

use schema::cubes::Cube;
use schema::day::Day;
use schema::round::RoundKey;
use tokio::sync::oneshot;
use warehouse::{ControlSums, Rows};

use super::chance::Chance;
use super::clock::{HOUR, now_s};
use super::laws::{Law, holds};

/// A request that is not executed so long after it was sent is dropped.
const REQUEST_AGE_MAX: i64 = 4 * HOUR;
/// So long a token is remembered.
const TOKEN_AGE: i64 = 24 * HOUR;

/// The table of a cube, and the day, round, shard and generation of a partition in it.
pub(super) type LiveKey = (Cube, Day, u32, u32, u32);
/// The site, bucket, hour and names of a row.
pub(super) type Cell = (u32, u32, u32, Vec<Arc<str>>);
pub(super) type Cells = BTreeMap<Cell, Vec<i64>>;

/// A partition of a live table.
#[derive(Default)]
pub(super) struct LivePartition {
    pub(super) cells: Cells,
    sums: Vec<i64>,
    /// See `Hits`.
    pub(super) hits: i64,
}

/// What a request does.
pub(super) enum Operation {
    Insert(LiveKey, Cells, String),
    Name { shard: u32, generation: u32, at_s: i64 },
    Settle { key: RoundKey, shard: u32, generation: u32 },
    Close { shard: u32, generation: u32, closed_to: Day },
    Drop(LiveKey),
}

struct Request {
    operation: Operation,
    sent_at: i64,
    ready_at: i64,
    /// Its token is logged, but its part does not exist yet.
    logged: bool,
    answer: oneshot::Sender<()>,
}

pub(super) struct Server {
    pub(super) up_at: i64,
    requests: Vec<Request>,
    pub(super) live: BTreeMap<LiveKey, LivePartition>,
    tokens: BTreeMap<Cube, VecDeque<(LiveKey, String, i64)>>,
    shards: Vec<(u32, u32, i64)>,
    settled: Vec<(RoundKey, u32, u32)>,
    pub(super) closed: Vec<(u32, u32, Day)>,
    /// The present content of the two tables that decide which rows count.
    counted: Counted,
    /// Whether readers may see other rows than before.
    pub(super) has_changed: bool,
    /// What happened, if the run is traced.
    pub(super) trace: Option<Vec<String>>,
}

/// Which rows count, as read at some time.
#[derive(Clone, Default)]
pub(super) struct Counted {
    named: BTreeMap<u32, u32>,
    settled: BTreeMap<(RoundKey, u32), u32>,
}

impl Counted {
    /// The rule of the dashboard: the generation that `settled` names for the round, else the one that `shards` names.
    pub(super) fn is_counted(&self, &(_, day, round, shard, generation): &LiveKey) -> bool {
        match self.settled.get(&((day, round), shard)) {
            Some(settled) => *settled == generation,
            None => self.named.get(&shard) == Some(&generation),
        }
    }
}

impl Server {
    pub(super) fn new(tracing: bool) -> Server {
        Server {
            up_at: now_s(),
            requests: vec![],
            live: BTreeMap::new(),
            tokens: BTreeMap::new(),
            shards: vec![],
            settled: vec![],
            closed: vec![],
            counted: Counted::default(),
            has_changed: false,
            trace: tracing.then(Vec::new),
        }
    }

    fn note(&mut self, text: impl FnOnce() -> String) {
        if let Some(trace) = &mut self.trace {
            trace.push(text());
        }
    }

    pub(super) fn is_up(&self) -> bool {
        now_s() >= self.up_at
    }

    pub(super) fn send(&mut self, operation: Operation, delay_s: i64) -> oneshot::Receiver<()> {
        let (answer, answered) = oneshot::channel();
        let now = now_s();
        self.requests.push(Request { operation, sent_at: now, ready_at: now + delay_s, logged: false, answer });
        answered
    }

    pub(super) fn is_idle(&self) -> bool {
        self.requests.is_empty()
    }

    /// Advances some of the requests under way by one step.
    pub(super) fn advance(&mut self, chance: &mut Chance) {
        let (mut at, now) = (0, now_s());
        while at < self.requests.len() {
            let request = &self.requests[at];
            if request.ready_at > now || !chance.happens(0.7) {
                at += 1;
            } else if now - request.sent_at > REQUEST_AGE_MAX {
                self.requests.remove(at);
            } else if let (Operation::Insert(place, _, token), false) = (&request.operation, request.logged) {
                let (place, token) = (*place, token.clone());
                if self.has_token(place, &token) {
                    self.finish(at);
                } else {
                    self.remember(place, token);
                    self.requests[at].logged = true;
                    at += usize::from(chance.happens(0.6));
                }
            } else {
                let request = self.requests.remove(at);
                self.execute(request.operation);
                let _sender_may_be_gone = request.answer.send(());
            }
        }
    }

    fn finish(&mut self, at: usize) {
        let _sender_may_be_gone = self.requests.remove(at).answer.send(());
    }

    fn execute(&mut self, operation: Operation) {
        self.has_changed = true;
        match operation {
            Operation::Insert(place, cells, token) => {
                let live = self.live.entry(place).or_default();
                live.sums.resize(place.0.measures().len(), 0);
                let before = live.hits;
                for (cell, sums) in cells {
                    live.sums.iter_mut().zip(&sums).for_each(|(total, sum)| *total += sum);
                    let total = live.cells.entry(cell).or_insert_with(|| vec![0; sums.len()]);
                    total.iter_mut().zip(&sums).for_each(|(total, sum)| *total += sum);
                }
                live.hits = if place.0 == Cube::Visits { 0 } else { live.sums[0] };
                let more = live.hits - before;
                self.note(|| format!("{} += {more} (token {token})", describe(&place)));
            }
            Operation::Name { shard, generation, at_s } => {
                self.shards.push((shard, generation, at_s));
                self.counted = self.count();
                self.note(|| format!("shards: {shard} is generation {generation}"));
            }
            Operation::Settle { key, shard, generation } => {
                self.settled.push((key, shard, generation));
                self.counted = self.count();
                self.note(|| format!("settled: {} round {} of shard {shard} is generation {generation}", key.0, key.1));
            }
            Operation::Close { shard, generation, closed_to } => self.closed.push((shard, generation, closed_to)),
            Operation::Drop(place) => {
                self.live.remove(&place);
                if let Some(window) = self.tokens.get_mut(&place.0) {
                    window.retain(|(of, ..)| *of != place);
                }
                self.note(|| format!("dropped {}", describe(&place)));
            }
        }
    }

    fn has_token(&self, place: LiveKey, token: &str) -> bool {
        let now = now_s();
        let mut known = self.tokens.get(&place.0).into_iter().flatten();
        known.any(|(of, name, at)| *of == place && name == token && now - at < TOKEN_AGE)
    }

    fn remember(&mut self, place: LiveKey, token: String) {
        let size = if holds(Law::LongWindow) { 2000 } else { 3 };
        let window = self.tokens.entry(place.0).or_default();
        window.push_back((place, token, now_s()));
        if window.len() > size {
            window.pop_front();
        }
    }

    /// Kills the server. If the token of a part was logged and the part was not renamed yet, the part is lost and the
    /// token stays.
    pub(super) fn kill(&mut self, back_after_s: i64, chance: &mut Chance) {
        for request in std::mem::take(&mut self.requests) {
            let has_token = matches!(request.operation, Operation::Insert(..));
            if !has_token && chance.happens(0.5) {
                self.execute(request.operation); // it was executed, and its sender gets no answer
            } else if request.logged {
                self.note(|| "a part whose token is logged is lost".to_owned());
            }
        }
        self.up_at = now_s() + back_after_s;
    }

    /// Drops some requests under way, because a process was killed.
    pub(super) fn lose_some(&mut self, chance: &mut Chance) {
        self.requests.retain(|request| request.logged || !chance.happens(0.3));
    }

    pub(super) fn named(&self) -> BTreeMap<u32, (u32, i64)> {
        let mut named = BTreeMap::new();
        for &(shard, generation, at_s) in &self.shards {
            let known = named.entry(shard).or_insert((generation, at_s));
            if generation > known.0 || !holds(Law::ReadersFollowHighest) {
                *known = (generation, at_s);
            }
        }
        named
    }

    pub(super) fn settled(&self) -> BTreeMap<(RoundKey, u32), u32> {
        let mut settled = BTreeMap::new();
        for &(key, shard, generation) in &self.settled {
            let lowest = settled.entry((key, shard)).or_insert(generation);
            *lowest = generation.min(*lowest);
        }
        settled
    }

    pub(super) fn counted(&self) -> &Counted {
        &self.counted
    }

    fn count(&self) -> Counted {
        let named = self.named().into_iter().map(|(shard, (generation, _))| (shard, generation)).collect();
        Counted { named, settled: self.settled() }
    }

    pub(super) fn live_sums(&self, shard: u32, generation: u32) -> BTreeMap<RoundKey, ControlSums> {
        let mut found: BTreeMap<RoundKey, ControlSums> = BTreeMap::new();
        for (&(cube, day, round, of_shard, of_generation), live) in &self.live {
            if (of_shard, of_generation) == (shard, generation) {
                found.entry((day, round)).or_default().set(cube, live.sums.clone());
            }
        }
        found.retain(|_, sums| !sums.is_zero());
        found
    }
}

fn describe(&(cube, day, round, shard, generation): &LiveKey) -> String {
    format!("{} {day} round {round} shard {shard} g {generation}", cube.label())
}

/// The rows as cells.
pub(super) fn cells(rows: &Rows) -> Cells {
    let mut cells = Cells::new();
    for at in 0..rows.len() {
        let names = rows.dimensions.iter().map(|column| Arc::clone(&column.dictionary[column.ids[at] as usize]));
        let time = |column: &[u32]| column.get(at).copied().unwrap_or(0);
        let cell = (rows.site[at], time(&rows.bucket), time(&rows.hour), names.collect());
        let total = cells.entry(cell).or_insert_with(|| vec![0; rows.sums.len()]);
        total.iter_mut().zip(&rows.sums).for_each(|(total, column)| *total += column[at]);
    }
    cells
}
