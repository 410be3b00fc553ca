//! How several collectors come to have the same salt: through a Kafka topic of one partition, days ahead, on which the
//! first record of a (time zone, date) wins. Nobody is asked for it while a hit waits.
//!
//! ```text
//! keys     the deployment's keys, from a file
//! share    what a record says, and the salt that comes of it
//! book     what all records mean together: who won, what can go
//! ```
//!
//! **A round**, once a minute, or at once when a salt is missing: read the topic from its beginning to its end; write a
//! share for each date that is wanted (today's and tomorrow's of each zone) and has none there; read again, past one's
//! own; take the first of each date, whoever wrote it. Records are appended and never change, and only what lies below
//! all that lives is deleted, so the first that is seen is the first there will ever be. After that, what is over goes
//! from the topic, by every collector: doing it twice, or late, does nothing.
//!
//! **No second salt.** A collector that cannot read the topic, has not the key that a share was made for, or cannot read
//! the record has no salt for that date: its hits fail (503), it is not ready, and the log says why, once.
//!
//! **Clocks.** Collectors' clocks may be wrong, so the brokers' decide: what they took out of time counts for nobody
//! (`book`), and nothing is deleted before they have seen its date end. A collector that can tell from the topic that a
//! date is over does not take its salt, nor write a share for it: what was destroyed is not made again. The brokers' own
//! clocks must be right.
//!
//! **When the topic was lost.** Whoever has a date's salt from its share writes that very share again, so that those who
//! come later get the same one. If someone new was faster, the date has two salts in this deployment, and a collector
//! that has used the first
//!
//! * goes on with it: the same visitor under two salts in one process would be counted twice for certain, and what was
//!   hashed cannot be hashed again;
//! * says so: an error in the log, `footfall_salt_disagreements_total`, and it is not ready, so that a balancer sends
//!   hits to those who agree. Those that come anyway are stored: better a visitor counted twice, if two collectors see
//!   them, than a day's hits lost.
//!
//! No promise hangs on it: both salts are random, of this date only, and die with it. A salt that nobody was given yet
//! (tomorrow's) is simply replaced. The same holds for what a restarted collector finds in its place in memory: it was
//! agreed, so it is used, and held against the topic once that can be read.
//!
//! **What is left behind.** Memory that the Kafka library has freed is not wiped, and a broker's disk keeps a deleted
//! segment's blocks. Both hold shares, never salts; they tell nothing once the deployment's key was replaced, at most a
//! week later.

mod book;
mod keys;
mod share;

use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use kafka::Connection;
use kafka::ledger::Ledger;
use kafka::rdkafka::admin::AdminClient;
use metrics::{Counter, Gauge, Unit, counter, describe_counter, describe_gauge, gauge};
use schema::day::Day;
use schema::zone::Zone;
use tokio::time::{Instant, sleep};

use book::{Book, First, comes_in_time};
use keys::Keys;
pub use keys::KeysError;
pub(super) use share::{RECORD_BYTES, Share};

use super::agreed::{Adopted, Held};
use super::{GRACE_S, Salts};

/// Longest time between two rounds.
const ROUND: Duration = Duration::from_secs(60);
/// Times between two rounds when a salt is missing or Kafka is away: from the first to the second, doubled each time.
const AGAIN: (Duration, Duration) = (Duration::from_millis(100), Duration::from_secs(5));
/// How soon it is seen that a date has begun.
const LOOK: Duration = Duration::from_secs(1);
/// Longest wait for the brokers to take a share.
const PATIENCE: Duration = Duration::from_secs(10);
/// For so long we know the brokers' time from a record of ours. No longer: our clock may be set right meanwhile, or
/// this machine may have slept.
const CLOCK_KNOWN: Duration = Duration::from_secs(3600);

/// Where salts are agreed on.
#[derive(Debug, Clone)]
pub struct Settings {
    /// How the brokers are reached.
    pub connection: Connection,
    /// The topic's full name. It must be there, as [`kafka::topics::ensure`] makes it.
    pub topic: String,
    /// The file of the deployment's keys: 64 hex digits a line, the newest first; not open to others.
    pub keys: PathBuf,
}

/// Agreeing cannot begin.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// The keys cannot be had.
    #[error(transparent)]
    Keys(#[from] KeysError),
    /// The connection's settings are wrong. That the brokers do not answer is no error here.
    #[error("Kafka cannot be reached with these settings: {0}")]
    Kafka(#[from] kafka::Error),
}

/// One collector's side of it.
pub struct Agreement {
    salts: Arc<Salts>,
    zones: Vec<Zone>,
    keys: Keys,
    topic: String,
    ledger: Ledger,
    admin: AdminClient<kafka::LoggingContext>,
    /// The brokers' time when a record of ours was taken, and when we saw that.
    brokers: Option<(i64, Instant)>,
    said: Said,
    missing: Gauge,
    disagreements: Counter,
}

/// What was said of each date, and of everything, so that it is said once.
#[derive(Default)]
struct Said {
    dates: HashMap<(String, Day), Trouble>,
    round: Option<RoundError>,
    deletion: bool,
}

/// Why a date has no salt here.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
enum Trouble {
    #[error("its share was made for a deployment key that is not in our file of keys")]
    UnknownKey,
    #[error("its share is of a kind that this version cannot read")]
    Unreadable,
    #[error("by the brokers' clock that date is over or far away: this machine's clock, or theirs, is wrong")]
    Clock,
    #[error("the operating system gives no random bytes")]
    Random,
}

/// Why a round did not come to its end.
#[derive(Debug, PartialEq, thiserror::Error)]
enum RoundError {
    #[error(transparent)]
    Kafka(#[from] kafka::Error),
    #[error("the topic keeps its writers' clocks: it must have message.timestamp.type=LogAppendTime")]
    Undated,
    #[error("what was written cannot be read yet")]
    Behind,
}

impl Agreement {
    /// Reads the keys and gets the clients ready; nothing is asked of the brokers yet. `salts` must be
    /// [`Salts::agreed`], `zones` are those of all sites. To be called after the metrics' recorder is installed.
    pub fn open(settings: &Settings, salts: Arc<Salts>, mut zones: Vec<Zone>) -> Result<Agreement, OpenError> {
        describe();
        zones.sort_by(|a, b| a.name().cmp(b.name()));
        zones.dedup_by(|a, b| a.name() == b.name());
        Ok(Agreement {
            salts,
            zones,
            keys: Keys::open(&settings.keys)?,
            topic: settings.topic.clone(),
            ledger: Ledger::open(&settings.connection, &settings.topic, 0)?,
            admin: kafka::topics::admin(&settings.connection)?,
            brokers: None,
            said: Said::default(),
            missing: gauge!("footfall_salt_missing"),
            disagreements: counter!("footfall_salt_disagreements_total"),
        })
    }

    /// Keeps the salts of today and tomorrow there, for as long as it is polled: to be spawned, and never to be waited
    /// for. `clock` gives the seconds since 1970. It is fine to drop it at any point.
    pub async fn run(mut self, clock: impl Fn() -> i64) {
        let mut again = AGAIN.0;
        loop {
            let done = self.round(clock()).await;
            let at_peace = done.is_ok() && self.count_missing(clock()) == 0;
            self.say_of_round(done);
            if at_peace {
                again = AGAIN.0;
                let since = Instant::now();
                while since.elapsed() < ROUND && self.count_missing(clock()) == 0 {
                    sleep(LOOK).await;
                }
            } else {
                self.count_missing(clock());
                sleep(again).await;
                again = (again * 2).min(AGAIN.1);
            }
        }
    }

    /// One look at the topic: writes what is missing there, takes what is missing here, deletes what is over.
    async fn round(&mut self, now_s: i64) -> Result<(), RoundError> {
        self.keys.refresh();
        let mut book = self.read().await?;
        let mut written = None;
        for (zone, day) in self.wanted(now_s) {
            if book.first(&zone, day).is_none() {
                written = self.write(&book, &zone, day).await?.or(written);
            }
        }
        if let Some(offset) = written {
            book = self.read().await?;
            let appended_s = book.appended_s(offset).ok_or(RoundError::Behind)?;
            self.brokers = Some((appended_s, Instant::now()));
        }
        for (zone, day) in self.wanted(now_s) {
            self.take(&book, &zone, day);
        }
        self.forget(&book, now_s).await;
        Ok(())
    }

    async fn read(&mut self) -> Result<Book, RoundError> {
        Book::of(self.ledger.read_all().await?).map_err(|book::Undated| RoundError::Undated)
    }

    /// The dates that must have a salt, those that end first before the others: so what is on the topic ends in the
    /// order it stands in, and each can go when it is over.
    fn wanted(&self, now_s: i64) -> Vec<(Zone, Day)> {
        let of = |zone: &Zone| self.salts.wanted(zone, now_s).map(|day| (zone.clone(), day));
        let mut wanted: Vec<(Zone, Day)> = self.zones.iter().flat_map(of).collect();
        wanted.sort_by_key(|(zone, day)| zone.ends_s(*day));
        wanted
    }

    /// Writes a share for a date that has none: the one its salt came from, or a new one. Says where it stands.
    async fn write(&mut self, book: &Book, zone: &Zone, day: Day) -> Result<Option<i64>, RoundError> {
        let record = match self.salts.held(zone, day) {
            Held::Salt(record) => record,
            Held::Over => None,
            Held::Nothing if !self.is_in_time(book, zone, day) => {
                self.say(zone, day, Trouble::Clock);
                None
            }
            Held::Nothing => match Share::random(self.keys.newest().id) {
                Ok(share) => share.record(),
                Err(_) => {
                    self.say(zone, day, Trouble::Random);
                    None
                }
            },
        };
        match record.filter(|_| self.is_in_time(book, zone, day)) {
            Some(record) => {
                let name = share::name(zone.name(), day);
                Ok(Some(self.ledger.put(name.as_bytes(), Some(&record[..]), PATIENCE).await?))
            }
            None => Ok(None),
        }
    }

    /// Whether a share for this date would count, as far as we know the brokers' time. What would not is not written.
    fn is_in_time(&self, book: &Book, zone: &Zone, day: Day) -> bool {
        let known = self.brokers.filter(|(_, seen)| seen.elapsed() < CLOCK_KNOWN);
        let time_s = known.map(|(then_s, seen)| then_s + i64::try_from(seen.elapsed().as_secs()).unwrap_or(0));
        !book.has_ended(zone, day, 0) && time_s.is_none_or(|time_s| comes_in_time(zone, day, time_s))
    }

    /// Takes the salt of a date, if there is one for us.
    fn take(&mut self, book: &Book, zone: &Zone, day: Day) {
        let share = match book.first(zone, day) {
            Some(First::Share(share)) => share,
            Some(First::Unreadable) => return self.say(zone, day, Trouble::Unreadable),
            None => return,
        };
        let Some(key) = self.keys.named(share.made_for) else { return self.say(zone, day, Trouble::UnknownKey) };
        if book.has_ended(zone, day, GRACE_S) {
            return self.say(zone, day, Trouble::Clock);
        }
        let Some(salt) = share.salt(key, zone.name(), day) else { return };
        match self.salts.adopt(zone, day, &salt, share) {
            Adopted::Taken => tracing::info!(zone = zone.name(), %day, "the salt of {day} is agreed on"),
            Adopted::Known | Adopted::Over | Adopted::Disputed(false) => {}
            Adopted::Disputed(true) => {
                self.disagreements.increment(1);
                tracing::error!(
                    zone = zone.name(),
                    %day,
                    "the others have another salt for {day}; this collector goes on with its own and is not ready"
                );
            }
        }
        self.said.dates.remove(&(zone.name().to_owned(), day));
    }

    /// Gives up what is over.
    async fn forget(&mut self, book: &Book, now_s: i64) {
        let Some(keep_from) = book.keep_from(now_s) else { return };
        match kafka::topics::delete_below(&self.admin, &self.topic, 0, keep_from).await {
            Ok(()) => {
                self.said.deletion = false;
                tracing::info!(keep_from, "shares of dates that are over are deleted");
            }
            Err(error) if !self.said.deletion => {
                self.said.deletion = true;
                tracing::error!(%error, "shares of dates that are over cannot be deleted; tried again each minute");
            }
            Err(_) => {}
        }
    }

    /// How many salts are wanted and not there.
    fn count_missing(&self, now_s: i64) -> usize {
        let lacks = |(zone, day): &(Zone, Day)| !matches!(self.salts.held(zone, *day), Held::Salt(_));
        let missing = self.wanted(now_s).iter().filter(|date| lacks(date)).count();
        self.missing.set(missing as f64);
        missing
    }

    fn say(&mut self, zone: &Zone, day: Day, trouble: Trouble) {
        self.said.dates.retain(|(_, of), _| *of >= day.plus(-7));
        if self.said.dates.insert((zone.name().to_owned(), day), trouble) != Some(trouble) {
            match self.salts.held(zone, day) {
                Held::Salt(_) => {
                    tracing::warn!(zone = zone.name(), %day, "the salt of {day} cannot be verified: {trouble}")
                }
                Held::Nothing | Held::Over => {
                    tracing::error!(zone = zone.name(), %day, "there is no salt for {day}: {trouble}");
                }
            }
        }
    }

    fn say_of_round(&mut self, done: Result<(), RoundError>) {
        let said = std::mem::replace(&mut self.said.round, done.err());
        match (&said, &self.said.round) {
            (_, Some(error)) if said.as_ref() != Some(error) => {
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
        "Dates for which this collector uses another salt than the others have come to agree on."
    );
}

#[cfg(test)]
mod tests;
