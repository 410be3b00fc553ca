//! The rules: what each event does to the sums of its (site, day, round).
//!
//! What an event adds at once goes to a cell at once. What its visit may still take back or lengthen (bounce, exit,
//! seconds) stands in `touched` and goes to the cells once per drain, as the difference to what the last drain told: so
//! corrections cancel before they become rows.

mod beyond;
mod bought;
mod named;

use schema::event::{Event, Kind, Lane};
use schema::fate::FateCount;

use super::Limits;
use super::cells::Cells;
use super::facts::{Fact, Facts};
use super::keys::{EventKey, FateKey, PageKey, PageSums, VisitKey, When};
use super::marketing::Marketing;
use super::names::{self, MANY, Name, Names};
use super::profile::{Profile, Profiles};
use super::touched::{Begun, Told, Touched};
use super::visitor::{Exit, NONE, Visit, Visitors};

/// The state of one (site, day, round), and its sums since the last drain.
pub(super) struct Site {
    limits: Limits,
    facts_max: u16,
    pub(super) names: Names,
    pub(super) profiles: Profiles,
    visitors: Visitors,
    facts: Facts,
    touched: Vec<Touched>,
    pub(super) visits: Cells<VisitKey, i32, 10>,
    pub(super) pages: Cells<PageKey, i32, 8>,
    pub(super) events: Cells<EventKey, i64, 4>,
    pub(super) fates: Cells<FateKey, i32, 1>,
    pub(super) marketing: Marketing,
    saturated: u64,
}

impl Site {
    pub(super) fn new(limits: &Limits) -> Site {
        Site {
            facts_max: u16::try_from(limits.facts_per_tag).unwrap_or(u16::MAX),
            limits: limits.clone(),
            names: Names::new(),
            profiles: Profiles::new(),
            visitors: Visitors::default(),
            facts: Facts::default(),
            touched: Vec::new(),
            visits: Cells::new(),
            pages: Cells::new(),
            events: Cells::new(),
            fates: Cells::new(),
            marketing: Marketing::new(),
            saturated: 0,
        }
    }

    /// Refusals: a sum, nothing else.
    pub(super) fn fates(&mut self, count: &FateCount<'_>) {
        let key = FateKey { reason: names::of_refusal(count.reason), crawler: self.name(count.crawler) };
        let hits = i32::try_from(count.hits).expect("a second's refusals are fewer than 2^31");
        self.fates.add(key, [hits]);
    }

    /// An event of any kind.
    pub(super) fn event(&mut self, event: &Event<'_>) {
        if event.kind == Kind::Open {
            return self.open(event);
        }
        let page = self.name(event.page);
        let Some(at) = self.visitor(event) else { return self.event_beyond_the_cap(event, page) };
        if self.is_sent_again(at, event.extra.once) {
            return;
        }
        // The goals and funnel steps that an event reaches (`event.extra`) move no sum yet. Their sums come with the sealed
        // views.
        let is_running = self.visitors.get_mut(at).visit.takes(event.time_s);
        let can_join = event.kind.is_step();
        let starts = can_join && starts_visits(event) && !is_running;
        if starts {
            self.start_visit(at, event, page);
        }
        let is_latest = (starts || is_running && can_join) && self.join_visit(at, event);
        let has_visit = starts || is_running;
        if event.kind == Kind::Pageview {
            self.page_view(at, event, page, starts, starts || is_latest);
        } else if starts {
            let visitor = self.visitors.get_mut(at);
            let key = visitor.page_key(visitor.visit.start(), page);
            self.pages.add(key, PageSums { entries: 1, ..PageSums::default() });
        }
        if event.kind.is_named() {
            self.named_event(at, event, page, has_visit);
        }
        if event.kind == Kind::Engagement {
            self.engagement(at, event, page, has_visit);
        }
        if event.lane == Lane::Marketing {
            self.marketing(at, event, page, has_visit);
        }
    }

    /// Whether a sender has sent this before, by its own number; 0 is none.
    fn is_sent_again(&mut self, at: u32, once: u64) -> bool {
        let fact = Fact::Once(once);
        let visitor = self.visitors.get_mut(at);
        // Without room for facts it cannot be told, and counts.
        let is_again = once != 0 && self.facts.has(visitor, fact);
        if once != 0 && !is_again {
            self.facts.is_first(visitor, fact, self.facts_max);
        }
        is_again
    }

    /// A visit that can no longer change is told for good, and the next one begins.
    fn start_visit(&mut self, at: u32, event: &Event<'_>, entry: Name) {
        let touched = self.visitors.get_mut(at).touched;
        if touched != NONE {
            self.settle(touched);
        }
        let source = self.name(event.source);
        let visitor = self.visitors.get_mut(at);
        let former = visitor.visit;
        if let Some(Exit { page, counts: true, .. }) = former.exit() {
            self.facts.is_first(visitor, Fact::Exit(page), self.facts_max);
        }
        visitor.visit = Visit::after(&former, event.time_s, event.offset_quarters, entry, source, event.channel);

        let is_first_today = former.number == 0;
        if is_first_today {
            (visitor.first_source, visitor.first_entry) = (source, entry);
        }
        let by_source = is_first_today
            || source != visitor.first_source && self.facts.is_first(visitor, Fact::Source(source), self.facts_max);
        let by_entry = is_first_today
            || entry != visitor.first_entry && self.facts.is_first(visitor, Fact::Entry(entry), self.facts_max);
        let begun = Begun {
            visit: true,
            today: is_first_today,
            // Visits begin over half an hour apart: no other than the one before can have begun in the same hour.
            in_hour: is_first_today || former.start().hour != visitor.visit.start().hour,
            by_source,
            by_channel: visitor.is_new_channel(event.channel),
            by_entry,
        };
        let begun = Touched::new(at, Told::default(), begun);
        match self.touched.get_mut(visitor.touched as usize) {
            Some(settled) => *settled = begun,
            None => {
                visitor.touched = self.touched.len() as u32;
                self.touched.push(begun);
            }
        }
    }

    /// Sees to it that a visitor's current visit is settled at the next drain; says where it stands.
    fn touch(&mut self, at: u32) -> u32 {
        let visitor = self.visitors.get_mut(at);
        if visitor.touched == NONE {
            visitor.touched = self.touched.len() as u32;
            self.touched.push(Touched::new(at, Told::of(&visitor.visit), Begun::default()));
        }
        visitor.touched
    }

    /// Counts an event in its visit; says whether it is the latest so far.
    fn join_visit(&mut self, at: u32, event: &Event<'_>) -> bool {
        let touched = self.touch(at);
        let touched = &mut self.touched[touched as usize];
        let visit = &mut self.visitors.get_mut(at).visit;
        touched.events += 1;
        match event.kind {
            Kind::Pageview => touched.pageviews += 1,
            _ => visit.bounced &= !event.interactive,
        }
        let is_latest = event.time_s > visit.last_s;
        if is_latest {
            visit.last_s = event.time_s;
        }
        is_latest
    }

    fn page_view(&mut self, at: u32, event: &Event<'_>, page: Name, starts: bool, is_latest: bool) {
        let visitor = self.visitors.get_mut(at);
        if !starts {
            visitor.visit.bounced = false;
        }
        let number = visitor.visit.number;
        let is_first_today = self.facts.is_first(visitor, Fact::Page(page), self.facts_max);
        let is_first_in_visit = match number {
            1 => is_first_today,
            _ => self.facts.is_first(visitor, Fact::PageOfVisit(page, number), self.facts_max),
        };
        let sums = PageSums {
            pageviews: 1,
            visitors: is_first_today.into(),
            visits: is_first_in_visit.into(),
            entries: starts.into(),
            ..PageSums::default()
        };
        let row = self.pages.add(visitor.page_key(When::of(event.time_s, event.offset_quarters), page), sums);
        // A view that came late moves no exit, unless there was none.
        if is_latest || visitor.visit.exit().is_none() {
            let has_room = visitor.facts < self.facts_max;
            let counts = has_room && (number == 1 || !self.facts.has(visitor, Fact::Exit(page)));
            let (time_s, offset) = (event.time_s, event.offset_quarters);
            visitor.visit.set_exit(Exit { page, time_s, offset, counts });
            self.touched[visitor.touched as usize].exit_row = row;
        }
    }

    /// The tag's row; `None` if it is new and there is no room.
    fn visitor(&mut self, event: &Event<'_>) -> Option<u32> {
        match self.visitors.find(event.tag) {
            Ok(known) => Some(known),
            Err(_) if self.visitors.len() >= self.limits.tags_per_site_day.min(NONE as usize) => None,
            Err(place) => {
                let profile = self.profile(event);
                Some(self.visitors.insert(place, event.tag, self.profiles.ids(profile)))
            }
        }
    }

    fn profile(&mut self, event: &Event<'_>) -> Profile {
        Profile {
            country: self.name(event.country),
            region: self.name(event.region),
            device: names::of_device(event.device),
            browser: self.name(event.browser),
            os: self.name(event.os),
            language: self.name(event.language),
            screen: self.name(event.screen),
        }
    }

    fn name(&mut self, text: &str) -> Name {
        let name = self.names.number(text, self.limits.strings_per_site_day);
        name.unwrap_or_else(|| {
            self.saturated += 1;
            MANY
        })
    }

    /// Brings the cells up to date with one touched visit.
    fn settle(&mut self, touched: u32) {
        let touched = &self.touched[touched as usize];
        let visitor = self.visitors.get_mut(touched.visitor);
        self.visits.add(visitor.visit_key(), touched.sums(&visitor.visit));
        self.marketing.settle(touched.visitor, visitor);
        let ends = |counts: bool, sign| PageSums {
            exits: sign,
            exit_visitors: sign * i32::from(counts),
            ..PageSums::default()
        };
        let exit = visitor.visit.exit();
        if let Some(Exit { counts, .. }) = exit.filter(|_| exit != touched.told.exit) {
            if let Some(Exit { page, time_s, offset, counts }) = touched.told.exit {
                self.pages.add(visitor.page_key(When::of(time_s, offset), page), ends(counts, -1));
            }
            self.pages.add_to(touched.exit_row, ends(counts, 1));
        }
    }

    /// Brings the cells up to date with all touched visits.
    pub(super) fn settle_all(&mut self) {
        for touched in 0..self.touched.len() as u32 {
            self.settle(touched);
            self.visitors.get_mut(self.touched[touched as usize].visitor).touched = NONE;
        }
        let touched = self.touched.len();
        self.touched.clear();
        self.touched.shrink_to(touched);
    }

    /// Empties the cells, once they are handed out.
    pub(super) fn clear(&mut self) {
        self.visits.clear();
        self.pages.clear();
        self.events.clear();
        self.fates.clear();
        self.marketing.clear();
    }

    /// At most how many rows the cells will be once settled.
    pub(super) fn pending(&self) -> usize {
        const ROWS_OF_A_VISIT: usize = 3; // its own, an exit taken back, an exit
        self.visits.len()
            + self.pages.len()
            + self.events.len()
            + self.fates.len()
            + self.marketing.rows()
            + ROWS_OF_A_VISIT * self.touched.len()
    }

    pub(super) fn visitors(&self) -> usize {
        self.visitors.len()
    }

    pub(super) fn saturated(&self) -> u64 {
        self.saturated + self.facts.saturated
    }

    /// About how many bytes it takes.
    pub(super) fn bytes(&self) -> usize {
        let state = self.names.bytes() + self.profiles.bytes() + self.visitors.bytes() + self.facts.bytes();
        let cells = self.visits.bytes() + self.pages.bytes() + self.events.bytes() + self.fates.bytes();
        state + cells + self.marketing.bytes() + self.touched.capacity() * size_of::<Touched>()
    }
}

/// Whether a step starts a visit where none runs.
fn starts_visits(event: &Event<'_>) -> bool {
    event.kind == Kind::Pageview || event.interactive
}
