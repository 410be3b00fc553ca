//! The salt of each (time zone, local date): 32 random bytes. Without its salt a visitor's tag is only a number.
//!
//! In come a zone and the time; out go the local date and its salt. On a single machine a salt is made on first use.
//! Several collectors agree on a salt in advance (`agree`): the salt is either here before its date begins, or a hit
//! that needs it fails. In both cases the salt is wiped 15 minutes after its midnight (in memory even if other
//! threads hold a reference, and in its file) and is never made again. A zone's date never goes back, even if the
//! clock does.

pub mod agree;
mod agreed;
mod files;
mod key;

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use parking_lot::{Mutex, MutexGuard};
use schema::day::Day;
use schema::fate::Fault;
use schema::zone::{Local, Zone};

use agree::Share;
pub use files::SaltDir;
use files::{SaltFile, Wiped};
pub use key::Salt;

/// How long a salt remains usable after its date's end, in seconds: for requests in progress and small clock
/// differences.
pub const GRACE_S: i64 = 15 * 60;

/// How far another server's clock may be ahead of ours, in seconds.
pub const AHEAD_S_MAX: i64 = 60;

/// The source of random bytes: the operating system, except in tests.
type RandomFill = fn(&mut [u8]) -> Result<(), getrandom::Error>;

/// How this process gets its salts.
enum SaltSource {
    /// It makes a salt on first use.
    Own(RandomFill),
    /// The collectors agree on a salt in advance. A hit never causes a salt to be made.
    Agreed,
}

/// All salts of this process.
pub struct Salts {
    zones: Mutex<HashMap<String, ZoneSalts>>,
    dir: Option<SaltDir>,
    /// Whether the files in `dir` can be used. Cleared at the first error.
    survives: AtomicBool,
    /// The number of times that salts were destroyed. Caches that depend on a day are emptied when it changes.
    era: AtomicU64,
    source: SaltSource,
}

/// The salts of one zone.
struct ZoneSalts {
    zone: Zone,
    salts: HashMap<Day, DaySalt>,
    /// The latest date that was ever returned as today.
    latest: Option<Day>,
    /// The latest date whose salt is destroyed. No salt is made for this date or an earlier one.
    destroyed: Option<Day>,
}

/// The salt of one date.
struct DaySalt {
    salt: Arc<Salt>,
    /// Whether the salt was returned to a caller, so that tags under it may exist.
    used: bool,
    /// The share from which the salt was derived, if this process has seen the share.
    share: Option<Share>,
    /// Whether the other collectors use another salt for this date.
    disputed: bool,
}

impl Salts {
    /// Salts of a single machine. With `dir` they survive a restart. Salts in `dir` whose dates are over are
    /// destroyed at once.
    pub fn open(dir: Option<SaltDir>, now_s: i64) -> Salts {
        if dir.is_none() {
            tracing::warn!(
                "no directory in memory can store the salt: a restart will split the day (visitors before and after it count twice)"
            );
        }
        let salts = Salts::new(SaltSource::Own(getrandom::fill), dir);
        salts.load_files(now_s);
        salts
    }

    /// Salts for reading logs: for any dates in any order, and only in memory.
    pub fn in_memory() -> Salts {
        Salts::new(SaltSource::Own(getrandom::fill), None)
    }

    /// Salts whose source of random bytes fails.
    #[cfg(test)]
    pub(crate) fn broken() -> Salts {
        Salts::new(SaltSource::Own(|_| Err(getrandom::Error::UNSUPPORTED)), None)
    }

    fn new(source: SaltSource, dir: Option<SaltDir>) -> Salts {
        Salts { zones: Mutex::default(), survives: AtomicBool::new(dir.is_some()), dir, era: AtomicU64::new(0), source }
    }

    /// The zone's local date now, and the salt of that date. The date never goes back.
    pub fn today(&self, zone: &Zone, now_s: i64) -> (Local, Result<Arc<Salt>, Fault>) {
        let mut local = zone.at(now_s);
        let mut zones = self.zones();
        let zone_salts = zone_salts(&mut zones, zone);
        local.day = zone_salts.latest.map_or(local.day, |latest| latest.max(local.day));
        zone_salts.latest = Some(local.day);
        (local, self.salt(zone_salts, local.day))
    }

    /// The zone's local date at a past moment, and the salt of that date. There is none if the salt is destroyed or
    /// if the moment is in the future. No salt is made for a date that is over.
    pub fn at(&self, zone: &Zone, time_s: i64, now_s: i64) -> Option<(Local, Result<Arc<Salt>, Fault>)> {
        let (today, salt) = self.today(zone, now_s);
        let local = zone.at(time_s);
        if time_s > now_s + AHEAD_S_MAX {
            return None;
        }
        if local.day >= today.day {
            // A server's clock that is slightly ahead may already be in the next date. Its hits belong to today.
            return Some((Local { day: today.day, ..local }, salt));
        }
        let mut zones = self.zones();
        let day_salt = zone_salts(&mut zones, zone).salts.get_mut(&local.day)?;
        day_salt.used = true;
        Some((local, Ok(day_salt.salt.clone())))
    }

    /// Whether hits of today get a salt, and the same one as at the other collectors.
    pub fn is_ready(&self, zone: &Zone, now_s: i64) -> bool {
        let (local, salt) = self.today(zone, now_s);
        salt.is_ok() && !self.is_disputed(zone, local.day)
    }

    /// The salt of any date.
    pub fn of(&self, zone: &Zone, day: Day) -> Result<Arc<Salt>, Fault> {
        self.salt(zone_salts(&mut self.zones(), zone), day)
    }

    /// Destroys the salts of dates that have been over for [`GRACE_S`], and returns their number. Must be called
    /// about once a minute.
    pub fn tick(&self, now_s: i64) -> usize {
        let mut destroyed = 0;
        for zone_salts in self.zones().values_mut() {
            let over = zone_salts.zone.at(now_s - GRACE_S).day.plus(-1);
            zone_salts.destroyed = zone_salts.destroyed.max(Some(over));
            zone_salts.salts.retain(|&day, day_salt| {
                if day > over {
                    return true;
                }
                day_salt.salt.destroy();
                destroyed += 1;
                if let Some(Err(error)) = self.dir.as_ref().map(|dir| dir.destroy(zone_salts.zone.name(), day)) {
                    tracing::error!(%error, %day, "the salt file of a past date cannot be destroyed");
                }
                false
            });
        }
        if destroyed > 0 {
            self.era.fetch_add(1, Ordering::Relaxed);
            tracing::info!(destroyed, "the salts of past dates are destroyed");
        }
        destroyed
    }

    /// Whether a restart of the process finds the salts again. If not, a restart splits the day.
    pub fn survive_restart(&self) -> bool {
        matches!(self.source, SaltSource::Agreed) || self.survives.load(Ordering::Relaxed)
    }

    /// A number that changes whenever salts are destroyed.
    pub fn era(&self) -> u64 {
        self.era.load(Ordering::Relaxed)
    }

    /// The number of salts that can still be used.
    pub fn alive(&self) -> usize {
        self.zones().values().map(|zone_salts| zone_salts.salts.len()).sum()
    }

    fn zones(&self) -> MutexGuard<'_, HashMap<String, ZoneSalts>> {
        self.zones.lock()
    }

    fn salt(&self, zone_salts: &mut ZoneSalts, day: Day) -> Result<Arc<Salt>, Fault> {
        if let Some(day_salt) = zone_salts.salts.get_mut(&day) {
            day_salt.used = true;
            return Ok(day_salt.salt.clone());
        }
        if zone_salts.is_over(day) {
            return Err(Fault::NoSalt);
        }
        let SaltSource::Own(random_fill) = self.source else { return Err(Fault::NoSalt) };
        let zone = zone_salts.zone.name();
        let bytes = self.load(zone, day).map_or_else(|| self.make(random_fill, zone, day), Ok)?;
        let day_salt = DaySalt { used: true, ..DaySalt::of(&bytes) };
        let salt = day_salt.salt.clone();
        zone_salts.salts.insert(day, day_salt);
        Ok(salt)
    }

    fn load(&self, zone: &str, day: Day) -> Option<Wiped> {
        match self.dir.as_ref()?.load(zone, day) {
            Ok(bytes) => bytes.map(Wiped),
            Err(error) => {
                self.dir_failed(&error);
                None
            }
        }
    }

    fn make(&self, random_fill: RandomFill, zone: &str, day: Day) -> Result<Wiped, Fault> {
        let mut bytes = Wiped([0; 32]);
        random_fill(&mut bytes.0).map_err(|error| {
            tracing::error!(%error, "the operating system provides no random bytes for a salt");
            Fault::NoSalt
        })?;
        self.save(zone, day, &bytes);
        Ok(bytes)
    }

    fn save(&self, zone: &str, day: Day, salt: &Wiped) {
        if let Some(Err(error)) = self.dir.as_ref().map(|dir| dir.save(zone, day, &salt.0)) {
            self.dir_failed(&error);
        }
    }

    fn dir_failed(&self, error: &std::io::Error) {
        if self.survives.swap(false, Ordering::Relaxed) {
            let then = match self.source {
                SaltSource::Own(_) => "a restart will split the day",
                SaltSource::Agreed => "after a restart while Kafka is unreachable there will be no salt",
            };
            tracing::error!(%error, "the directory in memory cannot store the salt: {then}");
        }
    }

    /// Loads the files of the process before this one. Files of past dates are destroyed, and no date goes back.
    fn load_files(&self, now_s: i64) {
        let Some(dir) = &self.dir else { return };
        let files = match dir.list() {
            Ok(files) => files,
            Err(error) => return self.dir_failed(&error),
        };
        // If the configuration has changed between own and agreed salts, the files of the other kind are of no use.
        dir.of_other_source().list().unwrap_or_default().iter().for_each(destroy);
        let mut zones = self.zones();
        for file in files {
            let current = Zone::new(&file.zone).ok().filter(|zone| {
                let today = zone.at(now_s).day;
                // A later date than tomorrow comes from a clock that was wrong.
                zone.at(now_s - GRACE_S).day <= file.day && file.day <= today.plus(1)
            });
            match current {
                Some(zone) => {
                    let zone_salts = zone_salts(&mut zones, &zone);
                    match self.source {
                        SaltSource::Own(_) => zone_salts.latest = zone_salts.latest.max(Some(file.day)),
                        SaltSource::Agreed => {
                            // The file was written before its date began, so it does not show that the date has begun.
                            let used = file.day <= zone.at(now_s).day;
                            let salt = self.load(zone.name(), file.day);
                            let day_salt = salt.map(|bytes| (file.day, DaySalt { used, ..DaySalt::of(&bytes) }));
                            zone_salts.salts.extend(day_salt);
                        }
                    }
                }
                None => destroy(&file),
            }
        }
    }
}

impl ZoneSalts {
    /// Whether the date is so far in the past that it gets no salt any more.
    fn is_over(&self, day: Day) -> bool {
        self.destroyed.is_some_and(|destroyed| day <= destroyed)
    }
}

impl DaySalt {
    fn of(bytes: &Wiped) -> DaySalt {
        DaySalt { salt: Arc::new(Salt::of(bytes.0)), used: false, share: None, disputed: false }
    }
}

fn destroy(file: &SaltFile) {
    if let Err(error) = file.destroy() {
        tracing::error!(%error, day = %file.day, "the salt file of a past date cannot be destroyed");
    }
}

fn zone_salts<'z>(zones: &'z mut HashMap<String, ZoneSalts>, zone: &Zone) -> &'z mut ZoneSalts {
    if !zones.contains_key(zone.name()) {
        let empty = ZoneSalts { zone: zone.clone(), salts: HashMap::new(), latest: None, destroyed: None };
        zones.insert(zone.name().to_owned(), empty);
    }
    zones.get_mut(zone.name()).expect("it was inserted above")
}

#[cfg(test)]
mod tests;
