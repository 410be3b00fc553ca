//! From the spool to the stream: records on disk are packed into messages and sent until the brokers have confirmed
//! them.
//!
//! ```text
//! spool --> pack (per partition, ~64 KiB or 50 ms) --> send (idempotent, acks=all) --> confirmed
//!   ^                                                                                    |
//!   +------------------ trimmed below the low-water mark <-- mark <---------------------+
//! ```
//!
//! * The **low-water mark** of the shipper is the position below which the brokers have confirmed every record. Only
//!   confirmations move it. It is in a file, and the spool is trimmed up to it and no further.
//! * Every error (a rejected message, a killed process) is handled in the same way: sending begins again at the mark.
//!   Records are then sent twice, in different messages; readers recognise repeats by the numbers of the records.
//! * While the brokers are unreachable, hits are still accepted into the spool up to its bound, and nothing here fails.
//!   Afterwards the records in the spool are sent as fast as the brokers confirm them.
//!
//! The shipper has its own thread, because packing uses the CPU and requests must not wait for it. It does not decode
//! the bodies of records.

mod mark;
mod pack;
mod send;

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use backon::{BackoffBuilder, ExponentialBuilder};
use kafka::topics::{Topic, TopicError, ensure};
use kafka::{Connection, Layout};
use metrics::{Unit, counter, describe_counter, describe_gauge, gauge};

pub use mark::MarkFile;
use pack::Packing;
use send::MessageSender;

/// Most bytes that are sent and not confirmed. Further records wait in the spool.
const IN_FLIGHT_BYTES_MAX: usize = 16 << 20;
/// How often the mark is written and the spool is trimmed.
const MARK_EVERY: Duration = Duration::from_secs(1);
/// How long to wait if there is nothing to do.
const IDLE: Duration = Duration::from_millis(10);
/// Shortest and longest pause before sending begins again after an error. The pause doubles.
const RETRY_PAUSE: (Duration, Duration) = (Duration::from_millis(100), Duration::from_secs(10));
/// Most records that are read before confirmations are processed.
const RECORDS_PER_TURN: usize = 4096;

/// The settings of the shipper.
#[derive(Debug, Clone)]
pub struct ShipSettings {
    /// How the brokers are reached.
    pub connection: Connection,
    /// The topics.
    pub layout: Layout,
    /// The folder of the mark: that of the spool's owner.
    pub dir: PathBuf,
}

/// The running shipper.
pub struct Shipper {
    stop: Arc<AtomicBool>,
    thread: JoinHandle<()>,
}

impl Shipper {
    /// Starts the shipper at the mark.
    pub fn start(settings: ShipSettings, spool: spool::Handle) -> io::Result<Shipper> {
        let stop = Arc::new(AtomicBool::new(false));
        let mark = MarkFile::new(&settings.dir);
        let from = mark.read()?.max(spool.start());
        let worker = ShipWorker { settings, spool, mark, from, stop: Arc::clone(&stop) };
        let thread = thread::Builder::new().name("ship".to_owned()).spawn(move || worker.run())?;
        Ok(Shipper { stop, thread })
    }

    /// Sends the records in the spool, as far as the brokers confirm them within `timeout`, and ends. The rest is
    /// sent after the next start.
    pub fn stop(self, timeout: Duration) {
        self.stop.store(true, Ordering::SeqCst);
        let began = Instant::now();
        while !self.thread.is_finished() {
            if began.elapsed() > timeout {
                tracing::warn!(
                    "not all hits reached the brokers; the rest stays in the spool and is sent after the next start"
                );
                return;
            }
            thread::sleep(IDLE);
        }
        if self.thread.join().is_err() {
            tracing::error!("the shipping thread had panicked; the records in the spool are sent after the next start");
        }
    }
}

struct ShipWorker {
    settings: ShipSettings,
    spool: spool::Handle,
    mark: MarkFile,
    /// The low-water mark.
    from: u64,
    stop: Arc<AtomicBool>,
}

/// Why sending begins again at the mark.
#[derive(Debug, thiserror::Error)]
enum ShipError {
    #[error("{0}")]
    Kafka(#[from] kafka::Error),
    #[error("{0}")]
    Topics(#[from] TopicError),
    #[error("reading the spool: {0}")]
    Spool(#[from] spool::Error),
    #[error("a record of the spool cannot be decoded ({0}); a newer Footfall may have written it")]
    Record(#[from] schema::wire::WireError),
    #[error("{0}")]
    Partition(#[from] pack::NoPartition),
    #[error("the mark cannot be written: {0}")]
    Mark(#[from] io::Error),
}

impl ShipWorker {
    fn run(mut self) {
        let (shortest, longest) = RETRY_PAUSE;
        let backoff = ExponentialBuilder::new().with_factor(2.0).with_min_delay(shortest).with_max_delay(longest);
        let backoff = backoff.without_max_times();
        let mut pauses = backoff.build();
        loop {
            let before = self.from;
            let Err(error) = self.ship() else { return };
            counter!("footfall_ship_failures_total").increment(1);
            tracing::error!(%error, "shipping begins again at the last position that the brokers confirmed: {error}");
            if self.from > before {
                pauses = backoff.build();
            }
            if self.stop.load(Ordering::SeqCst) {
                return;
            }
            thread::sleep(pauses.next().unwrap_or(longest));
        }
    }

    /// Ships from the mark on, until there is an error, or until it is stopped and everything is confirmed.
    fn ship(&mut self) -> Result<(), ShipError> {
        let ShipSettings { connection, layout, .. } = &self.settings;
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        runtime.block_on(ensure(connection, layout, &[Topic::Hits]))?;
        let mut sender = MessageSender::new(connection, layout)?;
        let mut packing = Packing::new(layout.partitions);
        let mut reader = self.spool.reader(self.from)?;
        let mut marked = Instant::now();
        loop {
            // The flag is read before the spool, so that records that were appended before the stop are still sent.
            let stopping = self.stop.load(Ordering::SeqCst);
            let (mut read, mut caught_up) = (0, false);
            while read < RECORDS_PER_TURN && sender.bytes() < IN_FLIGHT_BYTES_MAX && !caught_up {
                match reader.next()? {
                    Some(frame) => packing.push(frame.position, frame.payload, |message| sender.send(message))?,
                    None => caught_up = true,
                }
                read += 1;
            }
            let all = stopping && caught_up;
            packing.send_old(all, |message| sender.send(message))?;
            // If the shipper has caught up, it waits before it reads again. So single hits are packed together, and
            // the CPU is free for the collector.
            let is_full = sender.bytes() >= IN_FLIGHT_BYTES_MAX;
            sender.process_answers(if caught_up || is_full { IDLE } else { Duration::ZERO })?;
            let low = [packing.oldest(), sender.oldest()].into_iter().flatten().min().unwrap_or(reader.position());
            let ends = all && sender.oldest().is_none();
            if marked.elapsed() >= MARK_EVERY || ends {
                marked = Instant::now();
                self.move_mark(low)?;
            }
            if ends {
                return Ok(());
            }
        }
    }

    fn move_mark(&mut self, low: u64) -> Result<(), ShipError> {
        if low > self.from {
            self.mark.write(low)?;
            self.from = low;
            self.spool.trim(low)?;
        }
        gauge!("footfall_spool_synced_position_bytes").set(self.spool.synced() as f64);
        gauge!("footfall_ship_position_bytes").set(low as f64);
        Ok(())
    }
}

/// Registers every metric with its help text, counters at 0.
pub fn describe() {
    describe_gauge!(
        "footfall_spool_synced_position_bytes",
        Unit::Bytes,
        "Stream position up to which everything is on disk"
    );
    describe_gauge!(
        "footfall_ship_position_bytes",
        Unit::Bytes,
        "Spool position below which the brokers have confirmed everything"
    );
    describe_gauge!("footfall_ship_in_flight_bytes", Unit::Bytes, "Bytes sent to the brokers and not yet confirmed");
    describe_counter!("footfall_ship_records_total", "Records that the brokers confirmed; some may be sent twice");
    describe_counter!("footfall_ship_messages_total", "Messages that the brokers confirmed");
    describe_counter!("footfall_ship_bytes_total", Unit::Bytes, "Bytes of those messages, not compressed");
    describe_counter!("footfall_ship_failures_total", "Times that shipping began again at the low-water mark");
    for name in [
        "footfall_ship_records_total",
        "footfall_ship_messages_total",
        "footfall_ship_bytes_total",
        "footfall_ship_failures_total",
    ] {
        counter!(name).absolute(0);
    }
}

/// The position up to which the brokers have confirmed everything, as it was last written in `dir`.
pub fn shipped(dir: &Path) -> io::Result<u64> {
    MarkFile::new(dir).read()
}

#[cfg(test)]
mod tests;
