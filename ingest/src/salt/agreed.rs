//! Salts that were agreed on with others, as they come in: `agree` brings them, this keeps them.

use schema::day::Day;
use schema::zone::Zone;
use zeroize::Zeroizing;

use super::agree::{RECORD_BYTES, Share};
use super::place::Wiped;
use super::{Dated, RamPlace, Salts, Source, dates};

/// What this process has of a date.
pub(super) enum Held {
    /// No salt, and it may get one.
    Nothing,
    /// Its salt; and the record it was derived from, if this process saw that.
    Salt(Option<Zeroizing<[u8; RECORD_BYTES]>>),
    /// Its salt is destroyed.
    Over,
}

/// What became of a salt that the others have.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Adopted {
    /// It is the date's from now on.
    Taken,
    /// We have had it.
    Known,
    /// We use another one for this date, and go on with that. True when this is found for the first time.
    Disputed(bool),
    /// The date is over.
    Over,
}

impl Salts {
    /// Salts that several collectors agree on: none is ever made here, they come in through [`Agreement`]. `place` lets
    /// them survive a restart while Kafka is away. What is left there of dates that are over is destroyed at once.
    ///
    /// [`Agreement`]: super::agree::Agreement
    pub fn agreed(place: Option<RamPlace>, now_s: i64) -> Salts {
        if place.is_none() {
            tracing::info!("no directory in memory keeps the salts: a restart while Kafka is away will have none");
        }
        let salts = Salts::new(Source::Agreed, place.map(|place| place.other()));
        salts.take_over(now_s);
        salts
    }

    /// The dates whose salts must be here: the zone's date, and the next, so that midnight needs nobody.
    pub(super) fn wanted(&self, zone: &Zone, now_s: i64) -> [Day; 2] {
        let today = zone.at(now_s).day;
        let today = self.zones().get(zone.name()).and_then(|dates| dates.latest).map_or(today, |day| day.max(today));
        [today, today.plus(1)]
    }

    /// What there is of a date.
    pub(super) fn held(&self, zone: &Zone, day: Day) -> Held {
        let zones = self.zones();
        let Some(dates) = zones.get(zone.name()) else { return Held::Nothing };
        match dates.salts.get(&day) {
            Some(dated) => Held::Salt(dated.share.as_ref().and_then(Share::record)),
            None if dates.is_over(day) => Held::Over,
            None => Held::Nothing,
        }
    }

    /// Takes the salt that the others have for this date.
    ///
    /// One that nobody was given yet is replaced, if it is another; one that was given stays: no date has two here.
    pub(super) fn adopt(&self, zone: &Zone, day: Day, salt: &Wiped, share: Share) -> Adopted {
        let mut zones = self.zones();
        let dates = dates(&mut zones, zone);
        if dates.is_over(day) {
            return Adopted::Over;
        }
        if let Some(dated) = dates.salts.get_mut(&day) {
            if dated.salt.key().map(Wiped).is_some_and(|had| had.0 == salt.0) {
                dated.disputed = false;
                dated.share = Some(share);
                return Adopted::Known;
            }
            if dated.given {
                return Adopted::Disputed(!std::mem::replace(&mut dated.disputed, true));
            }
            dated.salt.destroy();
        }
        dates.salts.insert(day, Dated { share: Some(share), ..Dated::of(salt) });
        self.keep(zone.name(), day, salt);
        Adopted::Taken
    }

    /// Whether the others use another salt for this date.
    pub(super) fn is_disputed(&self, zone: &Zone, day: Day) -> bool {
        let zones = self.zones();
        zones.get(zone.name()).and_then(|dates| dates.salts.get(&day)).is_some_and(|dated| dated.disputed)
    }
}
