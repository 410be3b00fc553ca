//! The totals of a round as they stand now: newer than what it may say, where it is still open.

use crowd::{K, Numbers, Told};
use schema::sites::Site;

use crate::live::Part;

/// Visits, visitors, page views and bounces are exempt from the crowd rule and follow each insert. Seconds pass it here,
/// by the rule of `crowd`; custom events are those of the snapshot, so newer ones may be missing.
pub(super) fn totals(part: &Part, site: &Site) -> Numbers {
    let sums = &part.round.sums;
    let custom =
        part.told.as_deref().and_then(|told| match (told.published.totals.events, told.published.totals.pageviews) {
            (Told::Exactly(events), Told::Exactly(pageviews)) => Some((events - pageviews, told.sums == *sums)),
            _ => None,
        });
    Numbers {
        visits: Told::Exactly(sums.visits),
        visitors: Told::Exactly(sums.visitors),
        pageviews: Told::Exactly(sums.pageviews),
        events: match custom {
            Some((custom, true)) => Told::Exactly(sums.pageviews + custom),
            Some((custom, false)) => Told::AtLeast(sums.pageviews + custom),
            None => Told::AtLeast(sums.pageviews),
        },
        bounces: Some(sums.bounces),
        seconds: crowd::may_tell_seconds(sums.visits, sums.bounces, K::of(site)).then_some(sums.seconds),
    }
}
