//! Bare totals: the one exemption from the rule, and the step by which open days are computed anew.
//!
//! A day's visits, visitors, page views and bounces may be published as they are, and follow each insert. Seconds pass
//! the rule here. Custom events are those of the snapshot that passed the rule, so newer ones may be missing.

use schema::measures::Measure as M;

use crate::bounces::Stay;
use crate::{K, Numbers, Published, Told};

/// What the visits of one (site, day, round) add up to now. Nobody but this crate reads the numbers in it.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct BareSums {
    visits: i64,
    visitors: i64,
    pageviews: i64,
    bounces: i64,
    seconds: i64,
}

/// A snapshot of what a round may publish, as seen from the round's present sums.
#[derive(Debug, Clone, Copy)]
pub enum Snapshot<'a> {
    /// It was computed from the rows that are there now.
    Current(&'a Published),
    /// Rows were added since.
    Older(&'a Published),
    /// There is none.
    None,
}

impl BareSums {
    /// From the sums of the round's rows in the cube of visits. Other measures than the five are passed over.
    pub fn new(sums: impl IntoIterator<Item = (M, i64)>) -> BareSums {
        let mut bare = BareSums::default();
        for (measure, sum) in sums {
            match measure {
                M::Visits => bare.visits = sum,
                M::Visitors => bare.visitors = sum,
                M::Pageviews => bare.pageviews = sum,
                M::Bounces => bare.bounces = sum,
                M::Seconds => bare.seconds = sum,
                _ => {}
            }
        }
        bare
    }

    /// Whether nobody visited: a round of refusals or beacon loads only.
    pub fn has_no_visits(&self) -> bool {
        self.visits == 0
    }

    /// Whether a crowd came since `before`: with fewer new visitors two answers in a row would differ by those.
    pub fn has_new_crowd(&self, before: &BareSums, k: K) -> bool {
        self.visitors - before.visitors >= k.get()
    }

    /// The totals of the round as they stand now.
    pub fn totals(&self, snapshot: Snapshot<'_>, k: K) -> Numbers {
        let (published, is_current) = match snapshot {
            Snapshot::Current(published) => (Some(published), true),
            Snapshot::Older(published) => (Some(published), false),
            Snapshot::None => (None, false),
        };
        let custom = published.and_then(|published| {
            let exactly = |m| published.totals().get(m).exactly();
            Some(exactly(M::Events)? - exactly(M::Pageviews)?)
        });
        let events = match custom {
            Some(custom) if is_current => Told::Exactly(self.pageviews + custom),
            Some(custom) => Told::AtLeast(self.pageviews + custom),
            None => Told::AtLeast(self.pageviews),
        };
        let stay = Stay { bounced: self.bounces, stayed: self.visits - self.bounces };
        let seconds = if stay.may_be_told(k) { Told::Exactly(self.seconds) } else { Told::Withheld };
        Numbers::new([
            (M::Visits, Told::Exactly(self.visits)),
            (M::Visitors, Told::Exactly(self.visitors)),
            (M::Pageviews, Told::Exactly(self.pageviews)),
            (M::Events, events),
            (M::Bounces, Told::Exactly(self.bounces)),
            (M::Seconds, seconds),
        ])
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Cubes;

    fn sums(visits: i64, visitors: i64, bounces: i64) -> BareSums {
        let (pageviews, seconds) = (visits, 9 * visits);
        BareSums { visits, visitors, pageviews, bounces, seconds }
    }

    #[test]
    fn seconds_pass_the_rule_and_the_other_totals_are_exempt() {
        let k = K::new(5).unwrap();
        for (visits, bounces, want) in [(10, 5, true), (10, 6, false), (10, 10, true), (10, 0, true), (4, 0, false)] {
            let totals = sums(visits, visits, bounces).totals(Snapshot::None, k);
            assert_eq!(totals.get(M::Seconds) != Told::Withheld, want, "{visits} visits, {bounces} bounces");
            assert_eq!(totals.get(M::Bounces), Told::Exactly(bounces));
            assert_eq!(totals.get(M::Visitors), Told::Exactly(visits));
        }
    }

    #[test]
    fn events_are_exact_only_with_a_snapshot_of_the_same_rows() {
        let k = K::new(5).unwrap();
        let nothing = Published::of(Cubes::default(), k);
        let bare = sums(10, 10, 5);
        assert_eq!(bare.totals(Snapshot::Current(&nothing), k).get(M::Events), Told::Exactly(10));
        assert_eq!(bare.totals(Snapshot::Older(&nothing), k).get(M::Events), Told::AtLeast(10));
        assert_eq!(bare.totals(Snapshot::None, k).get(M::Events), Told::AtLeast(10));
    }

    #[test]
    fn fewer_than_k_new_visitors_are_no_new_crowd() {
        let k = K::new(5).unwrap();
        assert!(!sums(14, 14, 0).has_new_crowd(&sums(10, 10, 0), k));
        assert!(sums(15, 15, 0).has_new_crowd(&sums(10, 10, 0), k));
    }
}
