//! What the records on Kafka mean, taken together. Pure: the same records mean the same to every collector.
//!
//! * A record **counts** if the brokers took it before its date was over, and at most two days ahead of it. So one that
//!   comes late, or from a collector whose clock is off, is as good as not there, for everyone.
//! * Of those of one (zone, date) the **first** wins. One that cannot be read wins like any other, and then nobody has a
//!   salt: another version may be able to read it, and it must not end up with another one.
//! * What lies below the first record that counts and whose date is not over can be **deleted**. A date is over here
//!   when both clocks say so: ours by the grace that salts have, the brokers' by having taken any record after its end.

use kafka::ledger::LedgerEntry as Entry;
use schema::day::Day;
use schema::zone::Zone;
use zeroize::Zeroizing;

use super::share::{self, Share};
use crate::salt::GRACE_S;

/// How many days before its date a record may come. Collectors write one day ahead; the other is for clocks.
const AHEAD_DAYS: i32 = 2;
/// A record whose key we do not know lives so long after it was taken: longer than any that we know.
const UNKNOWN_LIVES_S: i64 = 4 * 86_400;

/// All records there are.
pub(super) struct Book {
    records: Vec<Record>,
}

struct Record {
    offset: i64,
    /// By the brokers' clock.
    appended_s: i64,
    date: Option<(Zone, Day)>,
    value: Zeroizing<Vec<u8>>,
}

/// The brokers keep the writers' clocks on this topic instead of their own.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Undated;

/// The record that won a date.
pub(super) enum First {
    Share(Share),
    Unreadable,
}

impl Book {
    /// Takes the records, in the order they stand in.
    pub(super) fn of(entries: Vec<Entry>) -> Result<Book, Undated> {
        let records = entries.into_iter().map(|entry| {
            let date = share::named(&entry.key).and_then(|(zone, day)| Some((Zone::new(zone).ok()?, day)));
            let appended_s = entry.appended_ms.ok_or(Undated)?.div_euclid(1000);
            let value = Zeroizing::new(entry.value.unwrap_or_default());
            Ok(Record { offset: entry.offset, appended_s, date, value })
        });
        Ok(Book { records: records.collect::<Result<_, Undated>>()? })
    }

    /// Whose share is the date's.
    pub(super) fn first(&self, zone: &Zone, day: Day) -> Option<First> {
        let ours = |record: &&Record| record.is_of(zone, day) && record.counts();
        let first = self.records.iter().find(ours)?;
        Some(Share::read(&first.value).map_or(First::Unreadable, First::Share))
    }

    /// When the brokers took a record.
    pub(super) fn appended_s(&self, offset: i64) -> Option<i64> {
        self.records.iter().find(|record| record.offset == offset).map(|record| record.appended_s)
    }

    /// Whether the date has been over for so long when the brokers took the newest record.
    pub(super) fn has_ended(&self, zone: &Zone, day: Day, since_s: i64) -> bool {
        self.newest_s().is_some_and(|newest_s| day < zone.at(newest_s - since_s).day)
    }

    /// When the brokers took the newest one: their clock has got so far.
    fn newest_s(&self) -> Option<i64> {
        self.records.iter().map(|record| record.appended_s).max()
    }

    /// Where what is kept must begin, if something can go.
    pub(super) fn keep_from(&self, now_s: i64) -> Option<u64> {
        let (first, last) = (self.records.first()?, self.records.last()?);
        let time_s = self.newest_s()?.min(now_s - GRACE_S);
        let living = self.records.iter().find(|record| record.lives(time_s));
        let keep_from = living.map_or(last.offset + 1, |record| record.offset);
        (keep_from > first.offset).then_some(keep_from.try_into().ok()?)
    }
}

impl Record {
    fn is_of(&self, zone: &Zone, day: Day) -> bool {
        self.date.as_ref().is_some_and(|(of, on)| of.name() == zone.name() && *on == day)
    }

    fn counts(&self) -> bool {
        // One without a value takes something back, and nothing is taken back here.
        !self.value.is_empty()
            && self.date.as_ref().is_some_and(|(zone, day)| comes_in_time(zone, *day, self.appended_s))
    }

    fn lives(&self, time_s: i64) -> bool {
        match &self.date {
            Some((zone, day)) => self.counts() && zone.at(time_s).day <= *day,
            None => time_s < self.appended_s + UNKNOWN_LIVES_S,
        }
    }
}

/// Whether a record of this date that the brokers take at this time counts.
pub(super) fn comes_in_time(zone: &Zone, day: Day, time_s: i64) -> bool {
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
        let Some(First::Share(first)) = book.first(&Zone::utc(), day) else { return None };
        let record = first.record().unwrap();
        entries.iter().find(|entry| entry.value.as_deref() == Some(&record[..])).map(|entry| entry.offset)
    }

    #[test]
    fn the_first_of_a_date_wins_whatever_comes_after() {
        let paris = entry(3, &share::name("Europe/Paris", TODAY), NOON, Some(share()));
        let entries =
            [paris, utc(4, TODAY.plus(1), NOON), utc(5, TODAY, NOON), utc(7, TODAY, NOON), utc(9, TODAY, NOON)];
        assert_eq!((wins(&entries, TODAY), wins(&entries, TODAY.plus(1))), (Some(5), Some(4)));
        assert_eq!(wins(&entries[3..], TODAY), Some(7));
        assert_eq!(wins(&entries, TODAY.plus(2)), None);
    }

    #[test]
    fn what_the_brokers_took_too_late_or_too_early_is_as_good_as_not_there() {
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
        assert!(book(&[entry(0, &name, ends - 1, Some(share()))]).first(&tokyo, TODAY).is_some());
        assert!(book(&[entry(0, &name, ends, Some(share()))]).first(&tokyo, TODAY).is_none());
    }

    #[test]
    fn a_first_that_cannot_be_read_wins_and_gives_nothing() {
        let name = share::name("UTC", TODAY);
        let book = book(&[entry(0, &name, NOON, Some(vec![2; 60])), utc(1, TODAY, NOON)]);
        assert!(matches!(book.first(&Zone::utc(), TODAY), Some(First::Unreadable)));
        let entries = [entry(0, &name, NOON, None), entry(1, "UTC", NOON, Some(share())), utc(2, TODAY, NOON)];
        assert_eq!(wins(&entries, TODAY), Some(2), "one that says nothing is none");
    }

    #[test]
    fn a_topic_of_the_writers_clocks_is_not_read() {
        let entries = vec![Entry { appended_ms: None, ..utc(0, TODAY, NOON) }];
        assert_eq!(Book::of(entries).err(), Some(Undated));
    }

    #[test]
    fn what_is_kept_begins_at_the_first_that_lives() {
        let steady = [
            utc(10, TODAY.plus(-1), NOON - 2 * 86_400),
            utc(11, TODAY.plus(-1), NOON - 2 * 86_400),
            utc(12, TODAY, NOON - 86_400),
            utc(13, TODAY, NOON - 86_400),
            utc(14, TODAY.plus(1), NOON),
        ];
        assert_eq!(book(&steady).keep_from(NOON), Some(12));
        assert_eq!(book(&steady[2..]).keep_from(NOON), None, "a second time there is nothing to do");
        assert_eq!(book(&[]).keep_from(NOON), None);
        let paris = entry(9, &share::name("Europe/Paris", TODAY), NOON - 86_400, Some(share()));
        assert_eq!(book(&[&[paris], &steady[..]].concat()).keep_from(NOON), None, "it is below, and lives");
    }

    #[test]
    fn a_date_is_over_when_both_clocks_say_so() {
        let entries = |newest_s| [utc(1, TODAY, NOON), utc(2, TODAY.plus(1), NOON), utc(3, TODAY.plus(2), newest_s)];
        let after = MIDNIGHT + GRACE_S;
        assert_eq!(book(&entries(MIDNIGHT)).keep_from(after), Some(2));
        assert_eq!(book(&entries(MIDNIGHT)).keep_from(after - 1), None, "its salt is in its grace yet");
        assert_eq!(book(&entries(MIDNIGHT - 1)).keep_from(after), None, "our clock alone");
        assert_eq!(book(&entries(MIDNIGHT - 1)).keep_from(after + 300 * 86_400), None, "however much ahead it is");
        assert_eq!(
            book(&entries(MIDNIGHT)).keep_from(after + 300 * 86_400),
            Some(2),
            "nor does it take more than that"
        );
    }

    #[test]
    fn the_newest_record_tells_that_a_date_has_ended() {
        let ended = |newest_s, since_s| {
            let book = book(&[utc(1, TODAY, NOON), utc(2, TODAY.plus(2), newest_s), utc(3, TODAY, NOON)]);
            book.has_ended(&Zone::utc(), TODAY, since_s)
        };
        assert!(!ended(NOON, 0) && !ended(MIDNIGHT - 1, 0) && ended(MIDNIGHT, 0));
        assert!(!ended(MIDNIGHT + GRACE_S - 1, GRACE_S) && ended(MIDNIGHT + GRACE_S, GRACE_S));
        assert!(!book(&[]).has_ended(&Zone::utc(), TODAY, 0));
    }

    #[test]
    fn what_never_counted_holds_nothing_back() {
        let far = utc(1, TODAY.plus(900), NOON);
        let late = utc(2, TODAY.plus(-1), NOON);
        assert_eq!(book(&[far.clone(), late.clone(), utc(3, TODAY, NOON)]).keep_from(NOON), Some(3));
        assert_eq!(book(&[far, late]).keep_from(NOON), Some(3), "all of it can go");
    }

    #[test]
    fn what_we_do_not_know_is_left_alone_for_as_long_as_it_may_live() {
        for name in ["Mars/Olympus/2026-11-24", "something else"] {
            let entries = |newest_s| [entry(1, name, NOON, Some(share())), utc(2, TODAY.plus(5), newest_s)];
            let after = NOON + UNKNOWN_LIVES_S;
            assert_eq!(book(&entries(after)).keep_from(after + GRACE_S), Some(2), "{name}");
            assert_eq!(book(&entries(after - 1)).keep_from(after + GRACE_S), None, "{name}");
        }
    }
}
