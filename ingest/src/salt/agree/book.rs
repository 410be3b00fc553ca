//! The meaning of all records on the topic together. The functions are pure: every collector derives the same result
//! from the same records.
//!
//! * A record **counts** if the brokers appended it before its date was over, and at most two days before its date.
//!   So a late record, or a record of a collector whose clock is wrong, is ignored by every collector.
//! * Of the records of one (zone, date) the **first** wins. A record that cannot be decoded wins like any other, and
//!   then the date has no salt: another version of the program may be able to decode it, and must not get a different
//!   salt.
//! * Records before the first record that counts and whose date is not over can be **deleted**. A date is over here
//!   if it is over by both clocks: by ours including the grace of salts, and by the brokers' because they appended a
//!   record after its end.

use kafka::ledger::LedgerEntry as Entry;
use schema::day::Day;
use schema::zone::Zone;
use zeroize::Zeroizing;

use super::share::{self, Share};
use crate::salt::GRACE_S;

/// How many days before its date a record may be appended. Collectors write one day ahead; the second day allows for
/// clocks.
const AHEAD_DAYS: i32 = 2;
/// How long a record with an unknown key is kept after it was appended: longer than any known record.
const UNKNOWN_KEPT_S: i64 = 4 * 86_400;

/// All records of the topic.
pub(super) struct Book {
    records: Vec<ShareRecord>,
}

struct ShareRecord {
    offset: i64,
    /// By the brokers' clock.
    appended_s: i64,
    date: Option<(Zone, Day)>,
    value: Zeroizing<Vec<u8>>,
}

/// The records of the topic have the time of their writers instead of the brokers' time.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Undated;

/// The record that wins a date.
pub(super) enum Winner {
    Share(Share),
    Unreadable,
}

impl Book {
    /// Takes the records in the order of the topic.
    pub(super) fn of(entries: Vec<Entry>) -> Result<Book, Undated> {
        let records = entries.into_iter().map(|entry| {
            let date = share::parse_name(&entry.key).and_then(|(zone, day)| Some((Zone::new(zone).ok()?, day)));
            let appended_s = entry.appended_ms.ok_or(Undated)?.div_euclid(1000);
            let value = Zeroizing::new(entry.value.unwrap_or_default());
            Ok(ShareRecord { offset: entry.offset, appended_s, date, value })
        });
        Ok(Book { records: records.collect::<Result<_, Undated>>()? })
    }

    /// The record that wins the date.
    pub(super) fn winner(&self, zone: &Zone, day: Day) -> Option<Winner> {
        let is_candidate = |record: &&ShareRecord| record.is_of(zone, day) && record.is_counted();
        let first = self.records.iter().find(is_candidate)?;
        Some(Share::decode(&first.value).map_or(Winner::Unreadable, Winner::Share))
    }

    /// When the brokers appended a record.
    pub(super) fn appended_s(&self, offset: i64) -> Option<i64> {
        self.records.iter().find(|record| record.offset == offset).map(|record| record.appended_s)
    }

    /// Whether the date had been over for `since_s` seconds when the brokers appended the newest record.
    pub(super) fn has_ended(&self, zone: &Zone, day: Day, since_s: i64) -> bool {
        self.newest_s().is_some_and(|newest_s| day < zone.at(newest_s - since_s).day)
    }

    /// When the brokers appended the newest record. Their clock is at least there.
    fn newest_s(&self) -> Option<i64> {
        self.records.iter().map(|record| record.appended_s).max()
    }

    /// The offset of the first record that must be kept, if any record before it can be deleted.
    pub(super) fn keep_from(&self, now_s: i64) -> Option<u64> {
        let (first, last) = (self.records.first()?, self.records.last()?);
        let time_s = self.newest_s()?.min(now_s - GRACE_S);
        let needed = self.records.iter().find(|record| record.is_needed(time_s));
        let keep_from = needed.map_or(last.offset + 1, |record| record.offset);
        (keep_from > first.offset).then_some(keep_from.try_into().ok()?)
    }
}

impl ShareRecord {
    fn is_of(&self, zone: &Zone, day: Day) -> bool {
        self.date.as_ref().is_some_and(|(of, on)| of.name() == zone.name() && *on == day)
    }

    fn is_counted(&self) -> bool {
        // A record without a value is a deletion, and deletions have no meaning here.
        !self.value.is_empty() && self.date.as_ref().is_some_and(|(zone, day)| is_in_time(zone, *day, self.appended_s))
    }

    fn is_needed(&self, time_s: i64) -> bool {
        match &self.date {
            Some((zone, day)) => self.is_counted() && zone.at(time_s).day <= *day,
            None => time_s < self.appended_s + UNKNOWN_KEPT_S,
        }
    }
}

/// Whether a record of this date that the brokers append at this time counts.
pub(super) fn is_in_time(zone: &Zone, day: Day, time_s: i64) -> bool {
    let then = zone.at(time_s).day;
    then <= day && day <= then.plus(AHEAD_DAYS)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::salt::agree::keys::tests::key;

    /// Noon of 2026-11-24, UTC.
    const NOON: i64 = 20_781 * 86_400 + 43_200;
    const MIDNIGHT: i64 = 20_782 * 86_400;
    const TODAY: Day = Day(20_781);

    fn entry(offset: i64, name: &str, appended_s: i64, value: Option<Vec<u8>>) -> Entry {
        Entry { offset, key: name.as_bytes().to_vec(), value, appended_ms: Some(appended_s * 1000 + 999) }
    }

    fn share() -> Vec<u8> {
        Share::random(key('a').id).unwrap().record().unwrap().to_vec()
    }

    fn utc(offset: i64, day: Day, appended_s: i64) -> Entry {
        entry(offset, &share::name("UTC", day), appended_s, Some(share()))
    }

    fn book(entries: &[Entry]) -> Book {
        Book::of(entries.to_vec()).unwrap()
    }

    fn wins(entries: &[Entry], day: Day) -> Option<i64> {
        let book = book(entries);
        let Some(Winner::Share(first)) = book.winner(&Zone::utc(), day) else { return None };
        let record = first.record().unwrap();
        entries.iter().find(|entry| entry.value.as_deref() == Some(&record[..])).map(|entry| entry.offset)
    }

    #[test]
    fn the_first_record_of_a_date_wins() {
        let paris = entry(3, &share::name("Europe/Paris", TODAY), NOON, Some(share()));
        let entries =
            [paris, utc(4, TODAY.plus(1), NOON), utc(5, TODAY, NOON), utc(7, TODAY, NOON), utc(9, TODAY, NOON)];
        assert_eq!((wins(&entries, TODAY), wins(&entries, TODAY.plus(1))), (Some(5), Some(4)));
        assert_eq!(wins(&entries[3..], TODAY), Some(7));
        assert_eq!(wins(&entries, TODAY.plus(2)), None);
    }

    #[test]
    fn a_record_that_the_brokers_appended_too_late_or_too_early_is_ignored() {
        for (appended_s, counts) in [
            (NOON - 3 * 86_400, false),
            (NOON - 2 * 86_400, true),
            (NOON - 86_400, true),
            (NOON, true),
            (MIDNIGHT - 1, true),
            (MIDNIGHT, false),
            (NOON + 86_400, false),
        ] {
            let entries = [utc(1, TODAY, appended_s), utc(2, TODAY, NOON)];
            assert_eq!(wins(&entries, TODAY), Some(if counts { 1 } else { 2 }), "{}", appended_s - NOON);
        }
        let tokyo = Zone::new("Asia/Tokyo").unwrap();
        let name = share::name("Asia/Tokyo", TODAY);
        let ends = tokyo.ends_s(TODAY);
        assert_eq!(ends, MIDNIGHT - 9 * 3600);
        assert!(book(&[entry(0, &name, ends - 1, Some(share()))]).winner(&tokyo, TODAY).is_some());
        assert!(book(&[entry(0, &name, ends, Some(share()))]).winner(&tokyo, TODAY).is_none());
    }

    #[test]
    fn a_first_record_that_cannot_be_decoded_wins_and_there_is_no_salt() {
        let name = share::name("UTC", TODAY);
        let book = book(&[entry(0, &name, NOON, Some(vec![2; 60])), utc(1, TODAY, NOON)]);
        assert!(matches!(book.winner(&Zone::utc(), TODAY), Some(Winner::Unreadable)));
        let entries = [entry(0, &name, NOON, None), entry(1, "UTC", NOON, Some(share())), utc(2, TODAY, NOON)];
        assert_eq!(wins(&entries, TODAY), Some(2), "a record without a value does not count");
    }

    #[test]
    fn a_topic_with_the_writers_clocks_is_an_error() {
        let entries = vec![Entry { appended_ms: None, ..utc(0, TODAY, NOON) }];
        assert_eq!(Book::of(entries).err(), Some(Undated));
    }

    #[test]
    fn records_are_kept_from_the_first_that_is_needed() {
        let steady = [
            utc(10, TODAY.plus(-1), NOON - 2 * 86_400),
            utc(11, TODAY.plus(-1), NOON - 2 * 86_400),
            utc(12, TODAY, NOON - 86_400),
            utc(13, TODAY, NOON - 86_400),
            utc(14, TODAY.plus(1), NOON),
        ];
        assert_eq!(book(&steady).keep_from(NOON), Some(12));
        assert_eq!(book(&steady[2..]).keep_from(NOON), None, "the second time there is nothing to delete");
        assert_eq!(book(&[]).keep_from(NOON), None);
        let paris = entry(9, &share::name("Europe/Paris", TODAY), NOON - 86_400, Some(share()));
        assert_eq!(book(&[&[paris], &steady[..]].concat()).keep_from(NOON), None, "the first record is still needed");
    }

    #[test]
    fn a_date_is_over_when_it_is_over_by_both_clocks() {
        let entries = |newest_s| [utc(1, TODAY, NOON), utc(2, TODAY.plus(1), NOON), utc(3, TODAY.plus(2), newest_s)];
        let after = MIDNIGHT + GRACE_S;
        assert_eq!(book(&entries(MIDNIGHT)).keep_from(after), Some(2));
        assert_eq!(book(&entries(MIDNIGHT)).keep_from(after - 1), None, "its salt is still in its grace");
        assert_eq!(book(&entries(MIDNIGHT - 1)).keep_from(after), None, "our clock alone");
        assert_eq!(book(&entries(MIDNIGHT - 1)).keep_from(after + 300 * 86_400), None, "however much ahead it is");
        assert_eq!(book(&entries(MIDNIGHT)).keep_from(after + 300 * 86_400), Some(2), "and nothing more is necessary");
    }

    #[test]
    fn the_newest_record_shows_that_a_date_has_ended() {
        let ended = |newest_s, since_s| {
            let book = book(&[utc(1, TODAY, NOON), utc(2, TODAY.plus(2), newest_s), utc(3, TODAY, NOON)]);
            book.has_ended(&Zone::utc(), TODAY, since_s)
        };
        assert!(!ended(NOON, 0) && !ended(MIDNIGHT - 1, 0) && ended(MIDNIGHT, 0));
        assert!(!ended(MIDNIGHT + GRACE_S - 1, GRACE_S) && ended(MIDNIGHT + GRACE_S, GRACE_S));
        assert!(!book(&[]).has_ended(&Zone::utc(), TODAY, 0));
    }

    #[test]
    fn a_record_that_never_counted_does_not_prevent_deletion() {
        let far = utc(1, TODAY.plus(900), NOON);
        let late = utc(2, TODAY.plus(-1), NOON);
        assert_eq!(book(&[far.clone(), late.clone(), utc(3, TODAY, NOON)]).keep_from(NOON), Some(3));
        assert_eq!(book(&[far, late]).keep_from(NOON), Some(3), "all records can be deleted");
    }

    #[test]
    fn a_record_with_an_unknown_key_is_kept_for_four_days() {
        for name in ["Mars/Olympus/2026-11-24", "something else"] {
            let entries = |newest_s| [entry(1, name, NOON, Some(share())), utc(2, TODAY.plus(5), newest_s)];
            let after = NOON + UNKNOWN_KEPT_S;
            assert_eq!(book(&entries(after)).keep_from(after + GRACE_S), Some(2), "{name}");
            assert_eq!(book(&entries(after - 1)).keep_from(after + GRACE_S), None, "{name}");
        }
    }
}
