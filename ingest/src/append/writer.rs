//! The thread that owns the spool. It empties the slots, numbers the records, commits them, and reports the outcome
//! to the slots.

use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::thread;
use std::time::{Duration, Instant};

use schema::fate::{FateCount, Fault};
use schema::wire::{encode_close, encode_fates, encode_record};

use super::pace::Pace;
use super::slot::Slot;
use super::{CloseRequest, WriterShared};

/// How often refusals are written and gauges are set.
const FLUSH_EVERY: Duration = Duration::from_secs(1);
/// Most counts in one record of refusals, so that the record stays far below the spool's bound.
const COUNTS_MAX: usize = 4096;
/// If so many bytes are taken, no further slot is emptied for the same commit.
const TAKEN_BYTES_MAX: usize = spool::COMMIT_BYTES_MAX / 4;
/// How often a position of the spool is noted with its time.
const NOTED_EVERY: Duration = Duration::from_secs(60);

pub(super) struct SpoolWriter {
    shared: Arc<WriterShared>,
    spool: spool::Writer,
    handle: spool::Handle,
    epoch: u64,
    /// By partition.
    numbers: Vec<RecordNumbers>,
    refusals_due: Instant,
    ages: Ages,
    /// These buffers are used again for each commit.
    taken: Vec<Taken>,
    record: Vec<u8>,
    body: Vec<u8>,
}

#[derive(Clone, Copy, Default)]
struct RecordNumbers {
    /// The number of the last record that is on disk.
    used: u64,
    /// The number of the last record that is framed for the next commit.
    framed: u64,
}

/// The records of one slot that are in this commit.
struct Taken {
    slot: Arc<Slot>,
    bodies: Vec<u8>,
    hits: u64,
    batch: u64,
}

impl SpoolWriter {
    pub(super) fn new(
        shared: Arc<WriterShared>,
        spool: spool::Writer,
        handle: spool::Handle,
        epoch: u64,
    ) -> SpoolWriter {
        let ages = Ages { noted: VecDeque::from([(handle.start(), Instant::now())]) };
        let refusals_due = Instant::now() + FLUSH_EVERY;
        let (taken, record, body) = Default::default();
        let numbers = vec![RecordNumbers::default(); shared.partitions as usize];
        SpoolWriter { shared, spool, handle, epoch, numbers, refusals_due, ages, taken, record, body }
    }

    /// Runs until it is stopped and the slots are empty.
    pub(super) fn run(mut self) {
        let mut pace = Pace::new(Instant::now());
        loop {
            // The flag is read before the slots, so that records that arrived before the stop are still written.
            let stopping = self.shared.stopping.load(Ordering::SeqCst);
            let began = Instant::now();
            let due = began >= self.refusals_due || stopping;
            let hits = self.take();
            let closes = std::mem::take(&mut *self.shared.closes.lock());
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
            tracing::warn!(%error, "the last segment was not ended; the next start will end it");
        }
    }

    /// Waits for work, at most until refusals are due.
    fn sleep(&mut self) {
        self.shared.asleep.store(true, Ordering::SeqCst);
        let has_work = self.shared.slots.lock().iter().any(|slot| slot.content().hits > 0)
            || !self.shared.closes.lock().is_empty()
            || self.shared.stopping.load(Ordering::SeqCst);
        if !has_work {
            thread::park_timeout(self.refusals_due.saturating_duration_since(Instant::now()));
        }
        self.shared.asleep.store(false, Ordering::SeqCst);
    }

    /// Drains the slots, and returns the number of hits.
    fn take(&mut self) -> u64 {
        #[cfg(test)]
        drop(self.shared.gate.lock());
        let (mut hits, mut bytes) = (0, 0);
        let slots = self.shared.slots.lock();
        self.taken.resize_with(slots.len(), || Taken { slot: Arc::default(), bodies: vec![], hits: 0, batch: 0 });
        for (slot, taken) in slots.iter().zip(&mut self.taken) {
            if bytes >= TAKEN_BYTES_MAX {
                break; // the other slots wait for the next commit
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

    /// Commits everything that was taken, then reports the outcome. Refusals are included if they are due or a day
    /// closes.
    fn write(&mut self, due: bool, closes: Vec<CloseRequest>) {
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
        let refusals = if due || !closes.is_empty() { self.shared.refusals.drain() } else { Vec::new() };
        for counts in refusals.chunks(COUNTS_MAX) {
            self.frame_fates(counts);
        }
        if refusals.is_empty() && due && !self.shared.sound.load(Ordering::Relaxed) {
            // A load balancer sends no hits to a collector that is not ready, so an empty record tests the disk.
            self.frame_fates(&[]);
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
            tracing::warn!(%error, "the segment of a closed day was not ended; it is trimmed later");
        }
        self.answer(outcome);
        for (_, sender) in closes {
            // The send fails if the caller has stopped waiting. The close is written nevertheless.
            let _ = sender.send(outcome);
        }
        if due {
            self.refusals_due = Instant::now() + FLUSH_EVERY;
            self.ages.note(self.handle.synced());
            self.shared.meters.spool(self.handle.bytes(), self.ages.oldest(self.handle.start()));
        }
    }

    /// Frames counts of refusals. They have no tag, so all counts of one epoch go to one partition.
    fn frame_fates(&mut self, counts: &[FateCount<'static>]) {
        let partition = self.shared.tagless;
        let number = next(&mut self.numbers, partition);
        self.body.clear();
        encode_fates(counts.iter().copied(), &mut self.body);
        self.record.clear();
        encode_record(partition, self.epoch, number, &self.body, &mut self.record);
        self.spool.frame(&self.record);
    }

    /// Makes the framed records durable. Only then their numbers are used up.
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
                    tracing::error!(%error, "the spool cannot be written; hits are answered 503 until it can");
                }
                Err(Fault::SpoolBroken)
            }
        }
    }

    /// Counts the hits of this commit, and wakes one task per worker.
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
fn next(numbers: &mut [RecordNumbers], partition: u32) -> u64 {
    let numbers = &mut numbers[partition as usize];
    numbers.framed += 1;
    numbers.framed
}

impl Drop for SpoolWriter {
    /// Fails everything that still waits, no matter how the writer ends.
    fn drop(&mut self) {
        let hits: u64 = self.taken.iter().map(|taken| taken.hits).sum();
        self.shared.meters.appended(Err(Fault::SpoolBroken), hits);
        for slot in self.shared.slots.lock().iter() {
            let mut content = slot.content();
            content.closed = true;
            self.shared.meters.appended(Err(Fault::SpoolBroken), std::mem::take(&mut content.hits));
            if let Some(worker) = content.worker.take() {
                worker.wake();
            }
        }
        for (_, sender) in self.shared.closes.lock().drain(..) {
            // The send fails if the caller has stopped waiting.
            let _ = sender.send(Err(Fault::SpoolBroken));
        }
        self.shared.sound.store(false, Ordering::Relaxed);
    }
}

/// Positions with the time at which they were reached, noted once a minute. They give the age of the oldest byte in the
/// spool, as far as this process has seen it.
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
