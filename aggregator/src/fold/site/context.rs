//! Where an event stands: worked out once per event and passed to all that count it.

use schema::event::{Channel, Event, Lane};

use super::Site;
use crate::fold::keys::When;
use crate::fold::names::Name;
use crate::fold::profile::{Profile, ProfileIds};

/// Where an event stands. The rows that the event adds to have these values in their keys.
#[derive(Clone, Copy)]
pub(super) struct EventContext {
    /// The row of its visitor; `None` if the tag is beyond the limit. Without a visitor nothing is a first.
    pub(super) visitor: Option<u32>,
    /// The number of the visit that the event is in; `None` if no visit is running.
    pub(super) visit: Option<u16>,
    pub(super) when: When,
    pub(super) page: Name,
    /// From the visit, or from the event itself if no visit is running.
    pub(super) source: Name,
    /// From the visit, or from the event itself if no visit is running.
    pub(super) channel: Channel,
    pub(super) profile: ProfileIds,
    /// 0 for engagement on the audience lane: its rows do not have it, and it is too frequent for the lookup.
    pub(super) country: Name,
    /// As `country`.
    pub(super) device: Name,
}

impl Site {
    /// The context of an event of a visitor.
    pub(super) fn context(
        &mut self,
        row: u32,
        event: &Event<'_>,
        page: Name,
        when: When,
        is_in_visit: bool,
    ) -> EventContext {
        let own_source = if is_in_visit { 0 } else { self.name(event.source) };
        let visitor = self.visitors.get_mut(row);
        let profile = visitor.profile;
        let (visit, source, channel) = match is_in_visit {
            true => (Some(visitor.visit.number), visitor.visit.source, visitor.visit.channel),
            false => (None, own_source, event.channel),
        };
        let (country, device) = match event.kind.is_named() || event.lane == Lane::Marketing {
            true => self.country_and_device(profile),
            false => (0, 0),
        };
        EventContext { visitor: Some(row), visit, when, page, source, channel, profile, country, device }
    }

    /// The context of an event whose tag has no state.
    pub(super) fn context_beyond_limit(&mut self, event: &Event<'_>, page: Name, when: When) -> EventContext {
        let profile = self.profile(event);
        let profile = self.profiles.known_ids(&profile).unwrap_or(ProfileIds::MANY);
        let source = self.name(event.source);
        let (country, device) = self.country_and_device(profile);
        EventContext {
            visitor: None,
            visit: None,
            when,
            page,
            source,
            channel: event.channel,
            profile,
            country,
            device,
        }
    }

    fn country_and_device(&self, profile: ProfileIds) -> (Name, Name) {
        let &Profile { country, device, .. } = self.profiles.get(profile.whole);
        (country, device)
    }
}
