//! From the spool to the stream: what is on disk is repacked into messages and sent until the brokers have it.
//!
//! ```text
//! spool --> pack (per partition, ~64 KiB or 50 ms) --> send (idempotent, acks=all) --> answered
//!   ^                                                                                    |
//!   +------------------ trimmed below the low-water mark <-- mark <---------------------+
//! ```
//!
//! * The **low-water mark** is the position below which every record was answered for. It moves on answers only, stands
//!   in a file, and nothing above it leaves the spool.
//! * Whatever goes wrong (an answer that says no, a killed process) is mended by beginning again at the mark. Records
//!   come twice then, in other packings: readers tell by their numbers.
//! * Brokers away: hits go on being answered into the spool up to its bound, and nothing here fails. Back again: what
//!   waits is sent as fast as it is answered.
//!
//! A thread of its own: packing takes the processor, and requests must not wait for it.

mod mark;
mod pack;
mod send;

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use kafka::topics::{Topic, TopicError, ensure};
use kafka::{Connection, Layout};
use metrics::{Unit, counter, describe_counter, describe_gauge, gauge};

pub use mark::Mark;
use pack::Packing;
use send::Sender;

/// Bytes on their way to the brokers at most; the rest waits in the spool.
const IN_FLIGHT_BYTES_MAX: usize = 16 << 20;
/// How often the mark is written down and the spool trimmed.
const MARK_EVERY: Duration = Duration::from_secs(1);
/// How long to wait for something to do.
const IDLE: Duration = Duration::from_millis(10);
/// Between two tries, longest.
const PAUSE_MAX: Duration = Duration::from_secs(10);
/// Records read between two looks at the answers.
const READ_AT_ONCE: usize = 4096;

/// What the shipper needs.
#[derive(Debug, Clone)]
pub struct Settings {
    /// Where the brokers are.
    pub connection: Connection,
    /// The topics.
    pub layout: Layout,
    /// Where the mark is kept: the folder of the spool's owner.
    pub dir: PathBuf,
}

/// The running shipper.
pub struct Shipper {
    stop: Arc<AtomicBool>,
    thread: JoinHandle<()>,
}

impl Shipper {
    /// Starts it at the mark.
    pub fn start(settings: Settings, spool: spool::Handle) -> io::Result<Shipper> {
        let stop = Arc::new(AtomicBool::new(false));
        let mark = Mark::new(&settings.dir);
        let from = mark.read()?.max(spool.start());
        let work = Work { settings, spool, mark, from, stop: Arc::clone(&stop) };
        let thread = thread::Builder::new().name("ship".to_owned()).spawn(move || work.run())?;
        Ok(Shipper { stop, thread })
    }

    /// Sends what is in the spool, if the brokers take it within `patience`, and ends. What is left is sent after the
    /// next start.
    pub fn stop(self, patience: Duration) {
        self.stop.store(true, Ordering::SeqCst);
        let began = Instant::now();
        while !self.thread.is_finished() {
            if began.elapsed() > patience {
                tracing::warn!(
                    "not all hits reached the brokers; the rest is in the spool and sent after the next start"
                );
                return;
            }
            thread::sleep(IDLE);
        }
        if self.thread.join().is_err() {
            tracing::error!("the shipping thread had panicked; what is in the spool is sent after the next start");
        }
    }
}

struct Work {
    settings: Settings,
    spool: spool::Handle,
    mark: Mark,
    /// The low-water mark.
    from: u64,
    stop: Arc<AtomicBool>,
}

/// Why sending begins again at the mark.
#[derive(Debug, thiserror::Error)]
enum Broken {
    #[error("{0}")]
    Kafka(#[from] kafka::Error),
    #[error("{0}")]
    Topics(#[from] TopicError),
    #[error("reading the spool: {0}")]
    Spool(#[from] spool::Error),
    #[error("a record of the spool cannot be understood ({0}); a newer Footfall may have written it")]
    Record(#[from] schema::wire::WireError),
    #[error("{0}")]
    Partition(#[from] pack::NoPartition),
    #[error("the mark cannot be kept: {0}")]
    Mark(#[from] io::Error),
}

impl Work {
    fn run(mut self) {
        let mut pause = Duration::from_millis(100);
        loop {
            let before = self.from;
            let Err(broken) = self.ship() else { return };
            counter!("footfall_ship_failures_total").increment(1);
            tracing::error!(error = %broken, "shipping begins again where the brokers had everything: {broken}");
            if self.from > before {
                pause = Duration::from_millis(100);
            }
            if self.stop.load(Ordering::SeqCst) {
                return;
            }
            thread::sleep(pause);
            pause = (pause * 2).min(PAUSE_MAX);
        }
    }

    /// From the mark on, until something breaks or everything is sent and we shall stop.
    fn ship(&mut self) -> Result<(), Broken> {
        let Settings { connection, layout, .. } = &self.settings;
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        runtime.block_on(ensure(connection, layout, &[Topic::Hits]))?;
        let mut sender = Sender::new(connection, layout)?;
        let mut packing = Packing::new(layout.partitions);
        let mut reader = self.spool.reader(self.from)?;
        let mut marked = Instant::now();
        loop {
            // Read before the spool: what was appended before the order to stop is still sent.
            let stopping = self.stop.load(Ordering::SeqCst);
            let (mut read, mut caught_up) = (0, false);
            while read < READ_AT_ONCE && sender.bytes() < IN_FLIGHT_BYTES_MAX && !caught_up {
                match reader.next()? {
                    Some(frame) => packing.push(frame.position, frame.payload, |message| sender.send(message))?,
                    None => caught_up = true,
                }
                read += 1;
            }
            let all = stopping && caught_up;
            packing.send_old(all, |message| sender.send(message))?;
            // Whoever has caught up looks again in a while: hits that come one by one are packed many at a time, and the
            // processor is left to those who take them.
            let is_full = sender.bytes() >= IN_FLIGHT_BYTES_MAX;
            sender.answers(if caught_up || is_full { IDLE } else { Duration::ZERO })?;
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

    fn move_mark(&mut self, low: u64) -> Result<(), Broken> {
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
        "Spool position below which the brokers have everything"
    );
    describe_gauge!("footfall_ship_in_flight_bytes", Unit::Bytes, "Bytes sent to the brokers and not yet answered");
    describe_counter!("footfall_ship_records_total", "Records the brokers answered for; some may be sent twice");
    describe_counter!("footfall_ship_messages_total", "Messages the brokers answered for");
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

/// The position up to which the brokers have everything, as it was last written down in `dir`.
pub fn shipped(dir: &Path) -> io::Result<u64> {
    Mark::new(dir).read()
}

#[cfg(test)]
mod tests;
