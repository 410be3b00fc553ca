//! The bare totals of a round: visits, visitors, page views and bounces. They are exempt from the crowd rule and newer
//! than the snapshot of an open round.

use crowd::{K, Numbers, Told};
use schema::sites::Site;

use crate::read::Round;
use crate::sources::live::Snapshot;

/// Seconds pass the crowd rule here. Custom events are those of the snapshot, so newer ones may be missing.
pub(super) fn totals(round: &Round, snapshot: Option<&Snapshot>, site: &Site) -> Numbers {
    let sums = &round.sums;
    let custom =
        snapshot.and_then(|snapshot| match (snapshot.published.totals.events, snapshot.published.totals.pageviews) {
            (Told::Exactly(events), Told::Exactly(pageviews)) => Some((events - pageviews, snapshot.sums == *sums)),
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
