//! Events for tests that need only a few of their fields.

use schema::day::Day;
use schema::event::{Channel, Device, Event, Kind, Lane, VisitorTag};
use schema::extra::Extra;

/// A page view of site 1 at 12:00:`second` UTC of a day. All other fields are the same for every view.
#[must_use]
pub fn view(day: Day, second: u32, tag: VisitorTag, page: &str) -> Event<'_> {
    Event {
        site: 1,
        day,
        time_s: day.0.cast_unsigned() * 86_400 + 43_200 + second,
        offset_quarters: 0,
        lane: Lane::Audience,
        tag,
        kind: Kind::Pageview,
        interactive: true,
        name: "",
        page,
        source: "Direct",
        channel: Channel::Direct,
        country: "FR",
        region: "unknown",
        device: Device::Desktop,
        browser: "Firefox 130",
        os: "Linux",
        language: "fr",
        screen: "unknown",
        extra: Extra::NONE,
    }
}
