//! The bare totals of the rows that were judged. Visits, visitors, page views and bounces are exempt from the rule;
//! seconds and custom events are not.

use schema::measures::Measure as M;

use crate::K;
use crate::bounces::Stay;
use crate::numbers::{Numbers, Told};
use crate::table::Rows;

/// `custom`: the custom events of the day, where they may be told.
pub(crate) fn of(visits: &Rows, custom: Option<i64>, k: K) -> Numbers {
    let all = visits.all();
    let sum = |m| visits.sum(m, &all);
    let pageviews = sum(M::Pageviews);
    let seconds = if Stay::of(visits, &all).may_be_told(k) { Told::Exactly(sum(M::Seconds)) } else { Told::Withheld };
    let exempt = [M::Visits, M::Visitors, M::Pageviews, M::Bounces].map(|m| (m, Told::Exactly(sum(m))));
    let events = custom.map_or(Told::AtLeast(pageviews), |custom| Told::Exactly(pageviews + custom));
    Numbers::new(exempt.into_iter().chain([(M::Events, events), (M::Seconds, seconds)]))
}
