//! How several collectors agree on the same salt: in advance, through a Kafka topic of one partition on which the first
//! record of a (time zone, date) wins. No hit waits for the agreement.
//!
//! ```text
//! keys     the deployment's keys, from a file
//! share    the contents of a record, and the salt that is derived from it
//! book     the meaning of all records together: which one wins, which can be deleted
//! ```
//!
//! **A round** runs once a minute, or at once when a salt is missing. (1) Read the topic from its beginning to its
//! end. (2) Write a share for each wanted date (today's and tomorrow's of each zone) that has none. (3) Read again,
//! past the shares just written. (4) Adopt the first share of each date, no matter which collector wrote it. (5)
//! Delete the shares of past dates. Records are appended and never change, and records are only deleted if they are
//! before every record that is still needed. So the first record that is seen is the first one for good. Every
//! collector deletes; deleting twice, or late, has no effect.
//!
//! **No second salt.** A collector that cannot read the topic, that does not have the key of a share, or that cannot
//! decode the record has no salt for that date: its hits fail (503), it is not ready, and the reason is logged once.
//!
//! **Clocks.** The clocks of collectors may be wrong, so the brokers' clocks decide. A record that the brokers
//! appended at the wrong time counts for no collector (`book`), and nothing is deleted before the brokers' time has
//! passed the end of its date. A collector that sees on the topic that a date is over neither adopts its salt nor
//! writes a share for it, so that a destroyed salt is never made again. The brokers' own clocks must be right.
//!
//! **If the topic was lost.** A collector that has the share of a date writes the same share again, so that
//! collectors that start later get the same salt. If a new collector wrote another share first, the date has two
//! salts in this deployment. A collector that has used the first salt then
//!
//! * continues to use it, because the same visitor under two salts in one process would certainly be counted twice,
//!   and a tag cannot be computed again;
//! * reports it: an error in the log and `footfall_salt_disagreements_total`. It is also not ready, so that a load
//!   balancer sends hits to the other collectors. Hits that arrive anyway are stored: it is better to count a visitor
//!   twice, if two collectors receive their hits, than to lose a day's hits.
//!
//! This breaks no promise: both salts are random, belong to this date only, and are destroyed with it. A salt that
//! was not used yet (tomorrow's) is simply replaced. The same holds for the salt files that a restarted collector
//! finds: those salts were agreed on, so they are used, and are compared with the topic once it can be read.
//!
//! **What remains.** Memory that the Kafka library has freed is not wiped, and a broker's disk keeps the blocks of a
//! deleted segment. Both contain shares, never salts. The shares are worthless once the deployment's key is replaced,
//! at most a week later.

mod book;
mod keys;
mod share;

use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use backon::{BackoffBuilder, ExponentialBuilder};
use kafka::Connection;
use kafka::ledger::Ledger;
use kafka::rdkafka::admin::AdminClient;
use metrics::{Counter, Gauge, Unit, counter, describe_counter, describe_gauge, gauge};
use schema::day::Day;
use schema::zone::Zone;
use tokio::time::{Instant, sleep};

use book::{Book, Winner, is_in_time};
use keys::KeyRing;
pub use keys::KeysError;
pub(super) use share::{RECORD_BYTES, Share};

use super::agreed::{Adopted, DayState};
use super::{GRACE_S, Salts};

/// Longest time between two rounds.
const ROUND_EVERY: Duration = Duration::from_secs(60);
/// Shortest and longest pause between two rounds while a salt is missing or Kafka is unreachable. The pause doubles.
const RETRY_PAUSE: (Duration, Duration) = (Duration::from_millis(100), Duration::from_secs(5));
/// How often it is checked whether a date has begun.
const CHECK_EVERY: Duration = Duration::from_secs(1);
/// Longest wait until the brokers have appended a share.
const WRITE_TIMEOUT: Duration = Duration::from_secs(10);
/// How long the brokers' time is derived from a record of ours. After that our clock may have been corrected, or this
/// machine may have been suspended.
const CLOCK_KNOWN: Duration = Duration::from_secs(3600);

/// How collectors reach the topic, and their keys.
#[derive(Debug, Clone)]
pub struct AgreementSettings {
    /// How the brokers are reached.
    pub connection: Connection,
    /// The topic's full name. The topic must exist, as [`kafka::topics::ensure`] makes it.
    pub topic: String,
    /// The file of the deployment's keys: 64 hex digits a line, the newest first; no other user may read it.
    pub keys: PathBuf,
}

/// Why the agreement cannot begin.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// The keys cannot be read.
    #[error(transparent)]
    Keys(#[from] KeysError),
    /// The connection's settings are wrong. Brokers that do not answer are no error here.
    #[error("Kafka cannot be reached with these settings: {0}")]
    Kafka(#[from] kafka::Error),
}

/// The part of one collector in the agreement.
pub struct Agreement {
    salts: Arc<Salts>,
    zones: Vec<Zone>,
    keys: KeyRing,
    topic: String,
    ledger: Ledger,
    admin: AdminClient<kafka::LoggingContext>,
    /// The brokers' time when they appended a record of ours, and the moment when we read that.
    broker_time: Option<(i64, Instant)>,
    logged: Logged,
    missing: Gauge,
    disagreements: Counter,
}

/// The problems that were logged, so that each is logged once.
#[derive(Default)]
struct Logged {
    dates: HashMap<(String, Day), DateError>,
    round: Option<RoundError>,
    deletion: bool,
}

/// Why a date has no salt here.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
enum DateError {
    #[error("its share was made for a deployment key that is not in our file of keys")]
    UnknownKey,
    #[error("its share is of a version that this program cannot read")]
    Unreadable,
    #[error("by the brokers' clock that date is over or far away: this machine's clock, or theirs, is wrong")]
    Clock,
    #[error("the operating system provides no random bytes")]
    Random,
}

/// Why a round was not completed.
#[derive(Debug, PartialEq, thiserror::Error)]
enum RoundError {
    #[error(transparent)]
    Kafka(#[from] kafka::Error),
    #[error("the topic keeps its writers' clocks: it must have message.timestamp.type=LogAppendTime")]
    Undated,
    #[error("the record that was written cannot be read yet")]
    Behind,
}

impl Agreement {
    /// Reads the keys and creates the clients, without connecting to the brokers. `salts` must be [`Salts::agreed`],
    /// `zones` are the zones of all sites. Must be called after the metrics recorder is installed.
    pub fn open(settings: &AgreementSettings, salts: Arc<Salts>, mut zones: Vec<Zone>) -> Result<Agreement, OpenError> {
        describe();
        zones.sort_by(|a, b| a.name().cmp(b.name()));
        zones.dedup_by(|a, b| a.name() == b.name());
        Ok(Agreement {
            salts,
            zones,
            keys: KeyRing::open(&settings.keys)?,
            topic: settings.topic.clone(),
            ledger: Ledger::open(&settings.connection, &settings.topic, 0)?,
            admin: kafka::topics::admin(&settings.connection)?,
            broker_time: None,
            logged: Logged::default(),
            missing: gauge!("footfall_salt_missing"),
            disagreements: counter!("footfall_salt_disagreements_total"),
        })
    }

    /// Ensures that the salts of today and tomorrow are available. The future never ends: it must be spawned, and can
    /// be dropped at any point. `clock` returns the seconds since 1970.
    pub async fn run(mut self, clock: impl Fn() -> i64) {
        let (shortest, longest) = RETRY_PAUSE;
        let backoff = ExponentialBuilder::new().with_factor(2.0).with_min_delay(shortest).with_max_delay(longest);
        let backoff = backoff.without_max_times();
        let mut pauses = backoff.build();
        loop {
            let result = self.round(clock()).await;
            let is_complete = result.is_ok() && self.count_missing(clock()) == 0;
            self.log_round(result);
            if is_complete {
                pauses = backoff.build();
                let since = Instant::now();
                while since.elapsed() < ROUND_EVERY && self.count_missing(clock()) == 0 {
                    sleep(CHECK_EVERY).await;
                }
            } else {
                self.count_missing(clock());
                sleep(pauses.next().unwrap_or(longest)).await;
            }
        }
    }

    /// One round: writes the shares that are missing on the topic, adopts the salts that are missing here, deletes
    /// past ones.
    async fn round(&mut self, now_s: i64) -> Result<(), RoundError> {
        self.keys.refresh();
        let mut book = self.read().await?;
        let mut written = None;
        for (zone, day) in self.wanted(now_s) {
            if book.winner(&zone, day).is_none() {
                written = self.write(&book, &zone, day).await?.or(written);
            }
        }
        if let Some(offset) = written {
            book = self.read().await?;
            let appended_s = book.appended_s(offset).ok_or(RoundError::Behind)?;
            self.broker_time = Some((appended_s, Instant::now()));
        }
        for (zone, day) in self.wanted(now_s) {
            self.adopt(&book, &zone, day);
        }
        self.delete_past(&book, now_s).await;
        Ok(())
    }

    async fn read(&mut self) -> Result<Book, RoundError> {
        Book::of(self.ledger.read_all().await?).map_err(|book::Undated| RoundError::Undated)
    }

    /// The dates that must have a salt, in the order in which they end. So the shares on the topic end in the order
    /// in which they were written, and each can be deleted when its date is over.
    fn wanted(&self, now_s: i64) -> Vec<(Zone, Day)> {
        let of = |zone: &Zone| self.salts.wanted(zone, now_s).map(|day| (zone.clone(), day));
        let mut wanted: Vec<(Zone, Day)> = self.zones.iter().flat_map(of).collect();
        wanted.sort_by_key(|(zone, day)| zone.ends_s(*day));
        wanted
    }

    /// Writes a share for a date that has none: the share from which our salt was derived, or a new one. Returns its
    /// offset.
    async fn write(&mut self, book: &Book, zone: &Zone, day: Day) -> Result<Option<i64>, RoundError> {
        let record = match self.salts.state(zone, day) {
            DayState::Salt(record) => record,
            DayState::Over => None,
            DayState::Missing if !self.is_in_time(book, zone, day) => {
                self.log_date(zone, day, DateError::Clock);
                None
            }
            DayState::Missing => match Share::random(self.keys.newest().id) {
                Ok(share) => share.record(),
                Err(_) => {
                    self.log_date(zone, day, DateError::Random);
                    None
                }
            },
        };
        match record.filter(|_| self.is_in_time(book, zone, day)) {
            Some(record) => {
                let name = share::name(zone.name(), day);
                Ok(Some(self.ledger.put(name.as_bytes(), Some(&record[..]), WRITE_TIMEOUT).await?))
            }
            None => Ok(None),
        }
    }

    /// Whether a share for this date would count, as far as we know the brokers' time. Otherwise it is not written.
    fn is_in_time(&self, book: &Book, zone: &Zone, day: Day) -> bool {
        let known = self.broker_time.filter(|(_, seen)| seen.elapsed() < CLOCK_KNOWN);
        let time_s = known.map(|(then_s, seen)| then_s + i64::try_from(seen.elapsed().as_secs()).unwrap_or(0));
        !book.has_ended(zone, day, 0) && time_s.is_none_or(|time_s| is_in_time(zone, day, time_s))
    }

    /// Adopts the salt of a date, if we can derive it.
    fn adopt(&mut self, book: &Book, zone: &Zone, day: Day) {
        let share = match book.winner(zone, day) {
            Some(Winner::Share(share)) => share,
            Some(Winner::Unreadable) => return self.log_date(zone, day, DateError::Unreadable),
            None => return,
        };
        let Some(key) = self.keys.by_id(share.made_for) else { return self.log_date(zone, day, DateError::UnknownKey) };
        if book.has_ended(zone, day, GRACE_S) {
            return self.log_date(zone, day, DateError::Clock);
        }
        let Some(salt) = share.salt(key, zone.name(), day) else { return };
        match self.salts.adopt(zone, day, &salt, share) {
            Adopted::New => tracing::info!(zone = zone.name(), %day, "the salt of {day} is agreed on"),
            Adopted::Known | Adopted::Over | Adopted::Disputed(false) => {}
            Adopted::Disputed(true) => {
                self.disagreements.increment(1);
                tracing::error!(
                    zone = zone.name(),
                    %day,
                    "the other collectors have another salt for {day}; this one continues with its own and is not ready"
                );
            }
        }
        self.logged.dates.remove(&(zone.name().to_owned(), day));
    }

    /// Deletes the shares of past dates from the topic.
    async fn delete_past(&mut self, book: &Book, now_s: i64) {
        let Some(keep_from) = book.keep_from(now_s) else { return };
        match kafka::topics::delete_below(&self.admin, &self.topic, 0, keep_from).await {
            Ok(()) => {
                self.logged.deletion = false;
                tracing::info!(keep_from, "the shares of past dates are deleted");
            }
            Err(error) if !self.logged.deletion => {
                self.logged.deletion = true;
                tracing::error!(%error, "the shares of past dates cannot be deleted; this is retried every minute");
            }
            Err(_) => {}
        }
    }

    /// The number of wanted salts that are missing.
    fn count_missing(&self, now_s: i64) -> usize {
        let is_missing = |(zone, day): &(Zone, Day)| !matches!(self.salts.state(zone, *day), DayState::Salt(_));
        let missing = self.wanted(now_s).iter().filter(|date| is_missing(date)).count();
        self.missing.set(missing as f64);
        missing
    }

    /// Logs the problem of a date, unless it is logged already.
    fn log_date(&mut self, zone: &Zone, day: Day, problem: DateError) {
        self.logged.dates.retain(|(_, of), _| *of >= day.plus(-7));
        if self.logged.dates.insert((zone.name().to_owned(), day), problem) != Some(problem) {
            match self.salts.state(zone, day) {
                DayState::Salt(_) => {
                    tracing::warn!(zone = zone.name(), %day, "the salt of {day} cannot be verified: {problem}")
                }
                DayState::Missing | DayState::Over => {
                    tracing::error!(zone = zone.name(), %day, "there is no salt for {day}: {problem}");
                }
            }
        }
    }

    /// Logs when rounds begin to fail, and when they succeed again.
    fn log_round(&mut self, result: Result<(), RoundError>) {
        let before = std::mem::replace(&mut self.logged.round, result.err());
        match (&before, &self.logged.round) {
            (_, Some(error)) if before.as_ref() != Some(error) => {
                tracing::warn!(%error, "salts cannot be agreed on now; those agreed on before stay in use");
            }
            (Some(_), None) => tracing::info!("salts can be agreed on again"),
            (None | Some(_), _) => {}
        }
    }
}

fn describe() {
    describe_gauge!(
        "footfall_salt_missing",
        Unit::Count,
        "Salts of today and tomorrow, one per time zone and date, that are not agreed on yet."
    );
    describe_counter!(
        "footfall_salt_disagreements_total",
        "Dates for which this collector uses another salt than the other collectors."
    );
}

#[cfg(test)]
mod tests;
