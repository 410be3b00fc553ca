//! The thread that owns the spool: takes what waits in every slot, numbers it, commits it, says what became of it.

use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::thread;
use std::time::{Duration, Instant};

use schema::fate::{FateCount, Fault};
use schema::wire::{encode_close, encode_fates, encode_record};

use super::pace::Pace;
use super::slot::Slot;
use super::{Close, Shared, lock};

/// How often refusals are written down and gauges set.
const SECOND: Duration = Duration::from_secs(1);
/// Most counts in one record of refusals, so that it stays far below the spool's bound.
const COUNTS_MAX: usize = 4096;
/// When this many bytes are taken, no further slot is emptied for the same commit.
const TAKEN_BYTES_MAX: usize = spool::COMMIT_BYTES_MAX / 4;
/// How often the age of what the spool holds is noted.
const NOTED_EVERY: Duration = Duration::from_secs(60);

pub(super) struct Writer {
    shared: Arc<Shared>,
    spool: spool::Writer,
    handle: spool::Handle,
    epoch: u64,
    /// By partition: the number of the last record that is on disk, and that of the last record framed.
    numbers: Vec<Numbers>,
    refusals_due: Instant,
    ages: Ages,
    /// Buffers used again.
    taken: Vec<Taken>,
    record: Vec<u8>,
    body: Vec<u8>,
}

#[derive(Clone, Copy, Default)]
struct Numbers {
    used: u64,
    framed: u64,
}

/// What was taken out of one slot for this commit.
struct Taken {
    slot: Arc<Slot>,
    bodies: Vec<u8>,
    hits: u64,
    batch: u64,
}

impl Writer {
    pub(super) fn new(shared: Arc<Shared>, spool: spool::Writer, handle: spool::Handle, epoch: u64) -> Writer {
        let ages = Ages { noted: VecDeque::from([(handle.start(), Instant::now())]) };
        let refusals_due = Instant::now() + SECOND;
        let (taken, record, body) = Default::default();
        let numbers = vec![Numbers::default(); shared.partitions as usize];
        Writer { shared, spool, handle, epoch, numbers, refusals_due, ages, taken, record, body }
    }

    /// Until it is told to stop and nothing waits any more.
    pub(super) fn run(mut self) {
        let mut pace = Pace::new(Instant::now());
        loop {
            // Read before the slots: what is handed over before the order to stop is still taken.
            let stopping = self.shared.stopping.load(Ordering::SeqCst);
            let began = Instant::now();
            let due = began >= self.refusals_due || stopping;
            let hits = self.take();
            let closes = std::mem::take(&mut *lock(&self.shared.closes));
            if hits > 0 || due || !closes.is_empty() {
                self.write(due, closes);
            }
            if stopping && hits == 0 {
                break;
            }
            if hits == 0 {
                self.sleep();
                continue;
            }
            let now = Instant::now();
            let linger = pace.after(hits, now - began, now);
            if !linger.is_zero() {
                thread::sleep(linger);
            }
        }
        if let Err(error) = self.spool.end_segment() {
            tracing::warn!(%error, "the last segment was not ended; the next start will");
        }
    }

    /// Waits for work; at most until refusals are due.
    fn sleep(&mut self) {
        self.shared.asleep.store(true, Ordering::SeqCst);
        let waits = lock(&self.shared.slots).iter().any(|slot| slot.content().hits > 0)
            || !lock(&self.shared.closes).is_empty()
            || self.shared.stopping.load(Ordering::SeqCst);
        if !waits {
            thread::park_timeout(self.refusals_due.saturating_duration_since(Instant::now()));
        }
        self.shared.asleep.store(false, Ordering::SeqCst);
    }

    /// Empties the slots; says how many hits there were.
    fn take(&mut self) -> u64 {
        #[cfg(test)]
        drop(lock(&self.shared.gate));
        let (mut hits, mut bytes) = (0, 0);
        let slots = lock(&self.shared.slots);
        self.taken.resize_with(slots.len(), || Taken { slot: Arc::default(), bodies: vec![], hits: 0, batch: 0 });
        for (slot, taken) in slots.iter().zip(&mut self.taken) {
            if bytes >= TAKEN_BYTES_MAX {
                break; // The others wait for the next commit.
            }
            let mut content = slot.content();
            std::mem::swap(&mut content.bodies, &mut taken.bodies);
            taken.hits = std::mem::take(&mut content.hits);
            taken.batch = content.batch;
            if !Arc::ptr_eq(&taken.slot, slot) {
                taken.slot = slot.clone();
            }
            hits += taken.hits;
            bytes += taken.bodies.len();
        }
        hits
    }

    /// One commit of everything taken (and of the refusals, if due or a day is about to close), then the answers.
    fn write(&mut self, due: bool, closes: Vec<Close>) {
        for taken in &self.taken {
            let mut rest = &taken.bodies[..];
            while let Some((partition, tail)) = rest.split_first_chunk() {
                let Some((len, tail)) = tail.split_first_chunk() else { break };
                let partition = u32::from_le_bytes(*partition);
                let (body, tail) = tail.split_at(u32::from_le_bytes(*len) as usize);
                let number = next(&mut self.numbers, partition);
                self.record.clear();
                encode_record(partition, self.epoch, number, body, &mut self.record);
                self.spool.frame(&self.record);
                rest = tail;
            }
        }
        let refusals = if due || !closes.is_empty() { self.shared.refusals.take() } else { Vec::new() };
        for counts in refusals.chunks(COUNTS_MAX) {
            self.frame_fates(counts);
        }
        if refusals.is_empty() && due && !self.shared.sound.load(Ordering::Relaxed) {
            self.frame_fates(&[]); // Nobody sends to what is not ready: ask the disk ourselves.
        }
        for (day, _) in &closes {
            self.body.clear();
            encode_close(*day, &mut self.body);
            self.record.clear();
            encode_record(0, 0, 0, &self.body, &mut self.record);
            self.spool.frame(&self.record);
        }
        let outcome = self.commit();
        if outcome.is_err() {
            self.shared.refusals.put_back(refusals);
        }
        if outcome.is_ok()
            && !closes.is_empty()
            && let Err(error) = self.spool.end_segment()
        {
            tracing::warn!(%error, "the segment of a closed day was not ended: it is trimmed later");
        }
        self.answer(outcome);
        for (_, waits) in closes {
            // Whoever asked may be gone; the close is written all the same.
            let _ = waits.send(outcome);
        }
        if due {
            self.refusals_due = Instant::now() + SECOND;
            self.ages.note(self.handle.synced());
            self.shared.meters.spool(self.handle.bytes(), self.ages.oldest(self.handle.start()));
        }
    }

    /// Refusals have no tag: all of one epoch are in one partition.
    fn frame_fates(&mut self, counts: &[FateCount<'static>]) {
        let partition = self.shared.tagless;
        let number = next(&mut self.numbers, partition);
        self.body.clear();
        encode_fates(counts.iter().copied(), &mut self.body);
        self.record.clear();
        encode_record(partition, self.epoch, number, &self.body, &mut self.record);
        self.spool.frame(&self.record);
    }

    /// Makes it durable. Only then are the numbers used up.
    fn commit(&mut self) -> Result<(), Fault> {
        let outcome = self.spool.commit();
        for numbers in &mut self.numbers {
            match &outcome {
                Ok(_) => numbers.used = numbers.framed,
                Err(_) => numbers.framed = numbers.used,
            }
        }
        match outcome {
            Ok(committed) => {
                self.shared.meters.commit(&committed);
                if !self.shared.sound.swap(true, Ordering::Relaxed) {
                    tracing::info!("the spool can be written again");
                }
                Ok(())
            }
            Err(spool::Error::Full { .. }) => Err(Fault::SpoolFull),
            Err(error) => {
                if self.shared.sound.swap(false, Ordering::Relaxed) {
                    tracing::error!(%error, "the spool cannot be written: hits are answered 503 until it can");
                }
                Err(Fault::SpoolBroken)
            }
        }
    }

    /// Counts the hits of this commit and wakes one task per worker.
    fn answer(&mut self, outcome: Result<(), Fault>) {
        for taken in &mut self.taken {
            if taken.hits == 0 {
                continue;
            }
            self.shared.meters.appended(outcome, taken.hits);
            taken.hits = 0;
            taken.bodies.clear();
            let mut content = taken.slot.content();
            content.outcomes.push((taken.batch, outcome));
            let worker = content.worker.clone();
            drop(content);
            if let Some(worker) = worker {
                worker.wake();
            }
        }
    }
}

/// The number of the next record of a partition.
fn next(numbers: &mut [Numbers], partition: u32) -> u64 {
    let numbers = &mut numbers[partition as usize];
    numbers.framed += 1;
    numbers.framed
}

impl Drop for Writer {
    /// However the writer ends, nobody waits for it any longer.
    fn drop(&mut self) {
        let hits: u64 = self.taken.iter().map(|taken| taken.hits).sum();
        self.shared.meters.appended(Err(Fault::SpoolBroken), hits);
        for slot in lock(&self.shared.slots).iter() {
            let mut content = slot.content();
            content.closed = true;
            self.shared.meters.appended(Err(Fault::SpoolBroken), std::mem::take(&mut content.hits));
            if let Some(worker) = content.worker.take() {
                worker.wake();
            }
        }
        for (_, waits) in lock(&self.shared.closes).drain(..) {
            // Whoever asked may be gone.
            let _ = waits.send(Err(Fault::SpoolBroken));
        }
        self.shared.sound.store(false, Ordering::Relaxed);
    }
}

/// When which position was reached, noted once a minute: the age of the oldest byte held, as far as this process knows.
struct Ages {
    noted: VecDeque<(u64, Instant)>,
}

impl Ages {
    fn note(&mut self, synced: u64) {
        let now = Instant::now();
        if self.noted.back().is_none_or(|&(position, at)| position < synced && now - at >= NOTED_EVERY) {
            self.noted.push_back((synced, now));
        }
    }

    fn oldest(&mut self, start: u64) -> Duration {
        while self.noted.get(1).is_some_and(|&(position, _)| position <= start) {
            self.noted.pop_front();
        }
        self.noted.front().map_or(Duration::ZERO, |(_, at)| at.elapsed())
    }
}
