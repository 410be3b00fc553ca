//! Storage of agreed salts: [`agree`](super::agree) gets them from the topic, and this module puts them into [`Salts`].

use schema::day::Day;
use schema::zone::Zone;
use zeroize::Zeroizing;

use super::agree::{RECORD_BYTES, Share};
use super::files::Wiped;
use super::{DaySalt, SaltDir, SaltSource, Salts, zone_salts};

/// Whether this process has the salt of a date.
pub(super) enum DayState {
    /// It has no salt yet.
    Missing,
    /// It has the salt, and the record from which the salt was derived, if this process has seen that record.
    Salt(Option<Zeroizing<[u8; RECORD_BYTES]>>),
    /// The salt is destroyed.
    Over,
}

/// The result of adopting the salt that the other collectors have.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Adopted {
    /// The date has this salt from now on.
    New,
    /// The date had this salt already.
    Known,
    /// This process has used another salt for the date, and continues to use it. True if this is found for the first
    /// time.
    Disputed(bool),
    /// The date is over.
    Over,
}

impl Salts {
    /// Salts on which several collectors agree. This process never makes one; they come from [`Agreement`]. With
    /// `dir` they survive a restart while Kafka is unreachable. Salts in `dir` whose dates are over are destroyed at
    /// once.
    ///
    /// [`Agreement`]: super::agree::Agreement
    pub fn agreed(dir: Option<SaltDir>, now_s: i64) -> Salts {
        if dir.is_none() {
            tracing::info!(
                "no directory in memory stores the salts: after a restart while Kafka is unreachable there will be none"
            );
        }
        let salts = Salts::new(SaltSource::Agreed, dir.map(|dir| dir.of_other_source()));
        salts.load_files(now_s);
        salts
    }

    /// The dates whose salts must be here: the zone's date and the next, so that midnight needs no agreement.
    pub(super) fn wanted(&self, zone: &Zone, now_s: i64) -> [Day; 2] {
        let today = zone.at(now_s).day;
        let latest = self.zones().get(zone.name()).and_then(|zone_salts| zone_salts.latest);
        let today = latest.map_or(today, |day| day.max(today));
        [today, today.plus(1)]
    }

    /// The state of a date.
    pub(super) fn state(&self, zone: &Zone, day: Day) -> DayState {
        let zones = self.zones();
        let Some(zone_salts) = zones.get(zone.name()) else { return DayState::Missing };
        match zone_salts.salts.get(&day) {
            Some(day_salt) => DayState::Salt(day_salt.share.as_ref().and_then(Share::record)),
            None if zone_salts.is_over(day) => DayState::Over,
            None => DayState::Missing,
        }
    }

    /// Adopts the salt that the other collectors have for this date.
    ///
    /// If this process has a different salt that was never used, it is replaced. A salt that was used stays, because
    /// a date must not have two salts in one process.
    pub(super) fn adopt(&self, zone: &Zone, day: Day, salt: &Wiped, share: Share) -> Adopted {
        let mut zones = self.zones();
        let zone_salts = zone_salts(&mut zones, zone);
        if zone_salts.is_over(day) {
            return Adopted::Over;
        }
        if let Some(day_salt) = zone_salts.salts.get_mut(&day) {
            if day_salt.salt.key().map(Wiped).is_some_and(|had| had.0 == salt.0) {
                day_salt.disputed = false;
                day_salt.share = Some(share);
                return Adopted::Known;
            }
            if day_salt.used {
                return Adopted::Disputed(!std::mem::replace(&mut day_salt.disputed, true));
            }
            day_salt.salt.destroy();
        }
        zone_salts.salts.insert(day, DaySalt { share: Some(share), ..DaySalt::of(salt) });
        self.save(zone.name(), day, salt);
        Adopted::New
    }

    /// Whether the other collectors use another salt for this date.
    pub(super) fn is_disputed(&self, zone: &Zone, day: Day) -> bool {
        let zones = self.zones();
        zones.get(zone.name()).and_then(|zone_salts| zone_salts.salts.get(&day)).is_some_and(|salt| salt.disputed)
    }
}
