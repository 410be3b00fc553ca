//! The salt of each (time zone, local date): 32 random bytes, without which a visitor's tag is only a number.
//!
//! In come a zone and the time; out go the site's date and its salt. On one machine a salt is made when it is first
//! asked for. Several collectors agree on it ahead of time (`agree`): then it is here before its date begins, or asking
//! for it fails. Either way it is wiped (in memory, while others still hold it, and in its file) 15 minutes after its
//! midnight, and never made again. A zone's date never goes back, even if the clock does.

pub mod agree;
mod agreed;
mod key;
mod place;

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use schema::day::Day;
use schema::fate::Fault;
use schema::zone::{Local, Zone};

use agree::Share;
pub use key::Salt;
pub use place::RamPlace;
use place::{Kept, Wiped};

/// How long after a date's end its salt lives on, in seconds: requests under way, clocks a little apart.
pub const GRACE_S: i64 = 15 * 60;

/// How far another server's clock may be ahead of ours, in seconds.
pub const AHEAD_S_MAX: i64 = 60;

/// Where the bytes come from: the operating system, but for tests.
type Random = fn(&mut [u8]) -> Result<(), getrandom::Error>;

/// How salts are come by.
enum Source {
    /// Made here, when they are first asked for.
    Own(Random),
    /// With others, beforehand, and never because someone asks.
    Agreed,
}

/// All salts of this process.
pub struct Salts {
    zones: Mutex<HashMap<String, Dates>>,
    place: Option<RamPlace>,
    /// Cleared if the place fails us.
    survives: AtomicBool,
    /// Counts destructions, so that what was derived from a destroyed salt's day can be forgotten too.
    era: AtomicU64,
    source: Source,
}

/// The dates of one zone.
struct Dates {
    zone: Zone,
    salts: HashMap<Day, Dated>,
    /// The latest date ever given out.
    latest: Option<Day>,
    /// The latest date whose salt is destroyed: it and those before it get no other.
    destroyed: Option<Day>,
}

/// The salt of one date.
struct Dated {
    salt: Arc<Salt>,
    /// Whether someone got it, so that there may be tags under it.
    given: bool,
    /// What it was derived from, if this process saw that.
    share: Option<Share>,
    /// Whether the others have come to agree on another one since.
    disputed: bool,
}

impl Salts {
    /// Salts that live for days: `place` lets them survive a restart. What is left there of dates that are over is
    /// destroyed at once.
    pub fn open(place: Option<RamPlace>, now_s: i64) -> Salts {
        if place.is_none() {
            tracing::warn!(
                "no directory in memory keeps the salt: a restart will split the day (visitors seen before and after it count twice)"
            );
        }
        let salts = Salts::new(Source::Own(getrandom::fill), place);
        salts.take_over(now_s);
        salts
    }

    /// Salts for reading logs: any date, in no order, gone with this value.
    pub fn in_memory() -> Salts {
        Salts::new(Source::Own(getrandom::fill), None)
    }

    /// Salts that cannot be had.
    #[cfg(test)]
    pub(crate) fn broken() -> Salts {
        Salts::new(Source::Own(|_| Err(getrandom::Error::UNSUPPORTED)), None)
    }

    fn new(source: Source, place: Option<RamPlace>) -> Salts {
        Salts {
            zones: Mutex::default(),
            survives: AtomicBool::new(place.is_some()),
            place,
            era: AtomicU64::new(0),
            source,
        }
    }

    /// What a clock on the zone's wall says, and the salt of that date. The date never goes back.
    pub fn today(&self, zone: &Zone, now_s: i64) -> (Local, Result<Arc<Salt>, Fault>) {
        let mut local = zone.at(now_s);
        let mut zones = self.zones();
        let dates = dates(&mut zones, zone);
        local.day = dates.latest.map_or(local.day, |latest| latest.max(local.day));
        dates.latest = Some(local.day);
        (local, self.salt(dates, local.day))
    }

    /// What the zone's wall said at a moment up to now, and the salt of that date; nothing if it is gone, or the moment is
    /// yet to come. No salt is made for a date that is over.
    pub fn told(&self, zone: &Zone, told_s: i64, now_s: i64) -> Option<(Local, Result<Arc<Salt>, Fault>)> {
        let (today, salt) = self.today(zone, now_s);
        let local = zone.at(told_s);
        if told_s > now_s + AHEAD_S_MAX {
            return None;
        }
        if local.day >= today.day {
            // A clock a little ahead may be a date ahead: it is today all the same.
            return Some((Local { day: today.day, ..local }, salt));
        }
        let mut zones = self.zones();
        let dated = dates(&mut zones, zone).salts.get_mut(&local.day)?;
        dated.given = true;
        Some((local, Ok(dated.salt.clone())))
    }

    /// Whether hits of today would get a salt, and the one that the others have.
    pub fn is_ready(&self, zone: &Zone, now_s: i64) -> bool {
        let (local, salt) = self.today(zone, now_s);
        salt.is_ok() && !self.is_disputed(zone, local.day)
    }

    /// The salt of any date.
    pub fn of(&self, zone: &Zone, day: Day) -> Result<Arc<Salt>, Fault> {
        self.salt(dates(&mut self.zones(), zone), day)
    }

    /// Destroys the salts of dates that are over for [`GRACE_S`]; to be called about once a minute. Says how many.
    pub fn tick(&self, now_s: i64) -> usize {
        let mut destroyed = 0;
        for dates in self.zones().values_mut() {
            let over = dates.zone.at(now_s - GRACE_S).day.plus(-1);
            dates.destroyed = dates.destroyed.max(Some(over));
            dates.salts.retain(|&day, dated| {
                if day > over {
                    return true;
                }
                dated.salt.destroy();
                destroyed += 1;
                if let Some(Err(error)) = self.place.as_ref().map(|place| place.destroy(dates.zone.name(), day)) {
                    tracing::error!(%error, %day, "the file of a salt that is over cannot be destroyed");
                }
                false
            });
        }
        if destroyed > 0 {
            self.era.fetch_add(1, Ordering::Relaxed);
            tracing::info!(destroyed, "salts of dates that are over are destroyed");
        }
        destroyed
    }

    /// Whether a restart of the process finds its salts again; if not, it splits the day.
    pub fn survive_restart(&self) -> bool {
        matches!(self.source, Source::Agreed) || self.survives.load(Ordering::Relaxed)
    }

    /// Changes whenever a salt was destroyed.
    pub fn era(&self) -> u64 {
        self.era.load(Ordering::Relaxed)
    }

    /// How many salts could still be used.
    pub fn alive(&self) -> usize {
        self.zones().values().map(|dates| dates.salts.len()).sum()
    }

    fn zones(&self) -> MutexGuard<'_, HashMap<String, Dates>> {
        self.zones.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn salt(&self, dates: &mut Dates, day: Day) -> Result<Arc<Salt>, Fault> {
        if let Some(dated) = dates.salts.get_mut(&day) {
            dated.given = true;
            return Ok(dated.salt.clone());
        }
        if dates.is_over(day) {
            return Err(Fault::NoSalt);
        }
        let Source::Own(random) = self.source else { return Err(Fault::NoSalt) };
        let zone = dates.zone.name();
        let bytes = self.kept(zone, day).map_or_else(|| self.fresh(random, zone, day), Ok)?;
        let dated = Dated { given: true, ..Dated::of(&bytes) };
        let salt = dated.salt.clone();
        dates.salts.insert(day, dated);
        Ok(salt)
    }

    fn kept(&self, zone: &str, day: Day) -> Option<Wiped> {
        match self.place.as_ref()?.load(zone, day) {
            Ok(bytes) => bytes.map(Wiped),
            Err(error) => {
                self.place_fails(&error);
                None
            }
        }
    }

    fn fresh(&self, random: Random, zone: &str, day: Day) -> Result<Wiped, Fault> {
        let mut bytes = Wiped([0; 32]);
        random(&mut bytes.0).map_err(|error| {
            tracing::error!(%error, "the operating system gives no random bytes for a salt");
            Fault::NoSalt
        })?;
        self.keep(zone, day, &bytes);
        Ok(bytes)
    }

    fn keep(&self, zone: &str, day: Day, salt: &Wiped) {
        if let Some(Err(error)) = self.place.as_ref().map(|place| place.keep(zone, day, &salt.0)) {
            self.place_fails(&error);
        }
    }

    fn place_fails(&self, error: &std::io::Error) {
        if self.survives.swap(false, Ordering::Relaxed) {
            let then = match self.source {
                Source::Own(_) => "a restart will split the day",
                Source::Agreed => "a restart while Kafka is away will have none",
            };
            tracing::error!(%error, "the directory in memory does not keep the salt: {then}");
        }
    }

    /// What a process before this one has left: dates that are over are destroyed, and no date goes back.
    fn take_over(&self, now_s: i64) {
        let Some(place) = &self.place else { return };
        let kept = match place.list() {
            Ok(kept) => kept,
            Err(error) => return self.place_fails(&error),
        };
        // Where salts are come by in another way now, the old ones belong to nobody.
        place.other().list().unwrap_or_default().iter().for_each(destroy);
        let mut zones = self.zones();
        for kept in kept {
            let current = Zone::new(&kept.zone).ok().filter(|zone| {
                let today = zone.at(now_s).day;
                zone.at(now_s - GRACE_S).day <= kept.day && kept.day <= today.plus(1) // Not of a clock gone wrong.
            });
            match current {
                Some(zone) => {
                    let dates = dates(&mut zones, &zone);
                    match self.source {
                        Source::Own(_) => dates.latest = dates.latest.max(Some(kept.day)),
                        Source::Agreed => {
                            // It was kept ahead of its date: that it is here does not mean that the date has begun.
                            let given = kept.day <= zone.at(now_s).day;
                            let salt = self.kept(zone.name(), kept.day);
                            let dated = salt.map(|bytes| (kept.day, Dated { given, ..Dated::of(&bytes) }));
                            dates.salts.extend(dated);
                        }
                    }
                }
                None => destroy(&kept),
            }
        }
    }
}

impl Dates {
    /// Whether the date's salt is destroyed, if it ever was.
    fn is_over(&self, day: Day) -> bool {
        self.destroyed.is_some_and(|destroyed| day <= destroyed)
    }
}

impl Dated {
    fn of(bytes: &Wiped) -> Dated {
        Dated { salt: Arc::new(Salt::of(bytes.0)), given: false, share: None, disputed: false }
    }
}

fn destroy(kept: &Kept) {
    if let Err(error) = kept.destroy() {
        tracing::error!(%error, day = %kept.day, "the file of a salt that is over cannot be destroyed");
    }
}

fn dates<'z>(zones: &'z mut HashMap<String, Dates>, zone: &Zone) -> &'z mut Dates {
    if !zones.contains_key(zone.name()) {
        let dates = Dates { zone: zone.clone(), salts: HashMap::new(), latest: None, destroyed: None };
        zones.insert(zone.name().to_owned(), dates);
    }
    zones.get_mut(zone.name()).expect("it is there by now")
}

#[cfg(test)]
mod tests;
