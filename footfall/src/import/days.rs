//! Days wait here until their events are put in the order of their times.
//!
//! Logs are only nearly sorted, and a day may lie in several of them, in any order. So all days wait until all logs are
//! read, or until they need more room than there is: then the one that got its last event longest ago goes first. What
//! comes for a day after another has gone behind it is late: its visitors count again, as with a later import.

use std::collections::{BTreeMap, BTreeSet};

use schema::day::Day;
use schema::event::Event;
use schema::fate::Refusal;

use super::day::OneDay;

/// Room for the days that wait, in bytes: some eight million events.
pub(super) const BYTES_MAX: usize = 512 * 1024 * 1024;

/// The days that wait, of one site.
pub(super) struct Days {
    site: u32,
    bytes_max: usize,
    bytes: usize,
    waiting: BTreeMap<Day, Waiting>,
    /// How many lines came: the clock by which days wait.
    came: u64,
    /// The day that went last, and those that went before it.
    last_gone: Option<Day>,
    gone: BTreeSet<Day>,
    late: u64,
}

struct Waiting {
    one: OneDay,
    bytes: usize,
    last_came: u64,
}

impl Days {
    /// None yet.
    pub(super) fn new(site: u32, bytes_max: usize) -> Days {
        let (waiting, gone) = (BTreeMap::new(), BTreeSet::new());
        Days { site, bytes_max, bytes: 0, waiting, came: 0, last_gone: None, gone, late: 0 }
    }

    /// Takes in an event; gives out a day if there is no more room.
    pub(super) fn push(&mut self, event: &Event<'_>) -> Option<OneDay> {
        self.late += u64::from(self.last_gone != Some(event.day) && self.gone.contains(&event.day));
        let waiting = self.waiting(event.day);
        waiting.one.push(event);
        let bytes = waiting.one.bytes();
        let more = bytes - waiting.bytes;
        waiting.bytes = bytes;
        self.bytes += more;
        if self.bytes <= self.bytes_max {
            return None;
        }
        let (&longest, _) = self.waiting.iter().min_by_key(|(_, waiting)| waiting.last_came)?;
        self.go(longest)
    }

    /// Counts lines that were refused.
    pub(super) fn refuse(&mut self, day: Day, reason: Refusal, crawler: &'static str, lines: u64) {
        self.waiting(day).one.refuse(reason, crawler, lines);
    }

    fn waiting(&mut self, day: Day) -> &mut Waiting {
        self.came += 1;
        let empty = || Waiting { one: OneDay::new(day, self.site), bytes: 0, last_came: 0 };
        let waiting = self.waiting.entry(day).or_insert_with(empty);
        waiting.last_came = self.came;
        waiting
    }

    /// Gives out the earliest day.
    pub(super) fn first(&mut self) -> Option<OneDay> {
        let day = *self.waiting.first_key_value()?.0;
        self.go(day)
    }

    /// How many days wait.
    pub(super) fn len(&self) -> usize {
        self.waiting.len()
    }

    /// How many events came late.
    pub(super) fn late(&self) -> u64 {
        self.late
    }

    fn go(&mut self, day: Day) -> Option<OneDay> {
        let mut waiting = self.waiting.remove(&day)?;
        self.bytes -= waiting.bytes;
        if let Some(last) = self.last_gone.replace(day).filter(|last| *last != day) {
            self.gone.insert(last);
        }
        waiting.one.sort();
        Some(waiting.one)
    }
}

#[cfg(test)]
mod tests {
    use schema::event::{Channel, Device, Kind, Lane, VisitorTag};
    use schema::extra::ExtraBuf;
    use schema::goals::FunnelStep;

    use super::*;

    fn event(day: i32, time_s: u32, page: &str) -> Event<'_> {
        Event {
            site: 7,
            day: Day(day),
            time_s,
            offset_quarters: -3,
            lane: Lane::Marketing,
            tag: VisitorTag(42),
            kind: Kind::Error,
            interactive: true,
            name: "404",
            page,
            source: "a source",
            channel: Channel::Search,
            country: "FR",
            region: "FR-75",
            device: Device::Tv,
            browser: "Firefox 130",
            os: "Linux",
            language: "fr",
            screen: "wide",
            extra: schema::extra::Extra::NONE,
        }
    }

    fn pages(day: &OneDay) -> Vec<String> {
        day.events().map(|event| event.page.to_owned()).collect()
    }

    #[test]
    fn an_event_comes_out_as_it_went_in() {
        let mut days = Days::new(7, BYTES_MAX);
        let mut reached = ExtraBuf::default();
        reached.reached([1, 9], [FunnelStep { funnel: 2, step: 3 }]);
        let events = [
            event(1, 90_000, "/a"),
            Event { kind: Kind::Pageview, name: "", ..event(1, 90_001, "/b") },
            Event { extra: reached.extra(), ..event(1, 90_002, "/c") },
            Event { extra: reached.extra().numbered(5, 6), ..event(1, 90_003, "/c") },
            Event { extra: reached.extra(), ..event(1, 90_004, "/d") },
        ];
        assert!(events.iter().all(|event| days.push(event).is_none()));
        assert_eq!(days.first().unwrap().events().collect::<Vec<_>>(), events);
        assert!(days.first().is_none() && days.bytes == 0);
    }

    #[test]
    fn days_go_in_their_order_and_events_by_time_but_equal_times_as_they_came() {
        let mut days = Days::new(7, BYTES_MAX);
        for (day, time_s, page) in [(2, 5, "d"), (1, 9, "c"), (1, 8, "a"), (2, 5, "e"), (1, 8, "b"), (2, 4, "x")] {
            assert!(days.push(&event(day, time_s, page)).is_none());
        }
        assert_eq!(days.len(), 2);
        assert_eq!(pages(&days.first().unwrap()), ["a", "b", "c"]);
        assert_eq!(pages(&days.first().unwrap()), ["x", "d", "e"]);
    }

    #[test]
    fn the_day_that_waited_longest_goes_when_there_is_no_more_room_and_then_comes_late() {
        let mut days = Days::new(7, 200_000);
        assert!(days.push(&event(5, 0, "/")).is_none());
        assert!(days.push(&event(9, 0, "/")).is_none());
        assert!(days.push(&event(5, 1, "/")).is_none());
        let gone: Vec<Day> = (0..10_000).filter_map(|n| days.push(&event(5, n, "/"))).map(|day| day.day()).collect();
        assert_eq!(gone[..2], [Day(9), Day(5)], "9 waits since before, then only 5 is there");
        assert!(gone[1..].iter().all(|day| *day == Day(5)) && days.late() == 0, "a day too large goes on as it was");
        days.push(&event(9, 3, "/"));
        assert_eq!(days.late(), 1);
    }
}
