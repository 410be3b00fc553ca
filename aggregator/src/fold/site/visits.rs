//! Visits and page views: what starts a visit, what extends it, and what it ends with.

use schema::event::{Event, Kind};

use super::Site;
use crate::fold::dirty::{DirtyVisit, Emitted, StartFirsts};
use crate::fold::facts::Fact;
use crate::fold::keys::{PageSums, When};
use crate::fold::names::Name;
use crate::fold::visitor::{Exit, NONE, Visit};

/// Where an event stands among the events of its visit.
#[derive(Clone, Copy, PartialEq, Eq)]
enum VisitOrder {
    Starts,
    Latest,
    /// Not later than another event of the visit.
    Late,
}

impl Site {
    /// Counts an event in its visit, which it may start. Returns whether the event is in a visit.
    pub(super) fn event_in_visit(&mut self, row: u32, event: &Event<'_>, page: Name, when: When) -> bool {
        let is_running = self.visitors.get_mut(row).visit.is_running_at(event.time_s);
        let is_step = event.kind.is_step();
        let starts = is_step && starts_visits(event) && !is_running;
        if starts {
            self.start_visit(row, event, page, when);
        }
        let order = if starts {
            self.extend_visit(row, event);
            VisitOrder::Starts
        } else if is_running && is_step {
            self.extend_visit(row, event)
        } else {
            VisitOrder::Late // not used: a page view is a step, and it starts a visit if none is running
        };
        if event.kind == Kind::Pageview {
            self.page_view(row, event, page, when, order);
        } else if starts {
            let key = self.visitors.get_mut(row).page_key(when, page);
            self.cells.pages.add(key, PageSums { entries: 1, ..PageSums::default() });
        }
        starts || is_running
    }

    /// Starts a visit. The former visit can no longer change; if it is dirty, it is flushed.
    fn start_visit(&mut self, row: u32, event: &Event<'_>, entry: Name, when: When) {
        let dirty = self.visitors.get_mut(row).dirty;
        if dirty != NONE {
            self.flush_visit(dirty);
        }
        let source = self.name(event.source);
        let visitor = self.visitors.get_mut(row);
        let former = visitor.visit;
        if let Some(Exit { page, counts: true, .. }) = former.exit() {
            self.facts.insert(visitor, Fact::Exit(page));
        }
        visitor.visit = Visit::after(&former, event.time_s, event.offset_quarters, entry, source, event.channel);

        let is_first_today = former.number == 0;
        if is_first_today {
            (visitor.first_source, visitor.first_entry) = (source, entry);
        }
        let by_source =
            is_first_today || source != visitor.first_source && self.facts.insert(visitor, Fact::Source(source));
        let by_entry = is_first_today || entry != visitor.first_entry && self.facts.insert(visitor, Fact::Entry(entry));
        let firsts = StartFirsts {
            visit: true,
            today: is_first_today,
            // Visits begin more than half an hour apart, so only the former visit can have begun in the same hour.
            in_hour: is_first_today || former.start().hour != when.hour,
            by_source,
            by_channel: visitor.insert_channel(event.channel),
            by_entry,
        };
        let started = DirtyVisit::new(row, Emitted::default(), firsts);
        match self.dirty.get_mut(visitor.dirty as usize) {
            Some(flushed) => *flushed = started,
            None => {
                visitor.dirty = self.dirty.len() as u32;
                self.dirty.push(started);
            }
        }
    }

    /// Makes sure that the next drain flushes the current visit of a visitor. Returns its index among the dirty visits.
    pub(super) fn mark_dirty(&mut self, row: u32) -> u32 {
        let visitor = self.visitors.get_mut(row);
        if visitor.dirty == NONE {
            visitor.dirty = self.dirty.len() as u32;
            self.dirty.push(DirtyVisit::new(row, Emitted::all_of(&visitor.visit), StartFirsts::default()));
        }
        visitor.dirty
    }

    /// Counts a step in the current visit. Returns whether it is the latest event of the visit.
    fn extend_visit(&mut self, row: u32, event: &Event<'_>) -> VisitOrder {
        let dirty = self.mark_dirty(row);
        let dirty = &mut self.dirty[dirty as usize];
        let visit = &mut self.visitors.get_mut(row).visit;
        dirty.events += 1;
        match event.kind {
            Kind::Pageview => dirty.pageviews += 1,
            _ => visit.bounced &= !event.interactive,
        }
        if event.time_s <= visit.last_s {
            return VisitOrder::Late;
        }
        visit.last_s = event.time_s;
        VisitOrder::Latest
    }

    fn page_view(&mut self, row: u32, event: &Event<'_>, page: Name, when: When, order: VisitOrder) {
        let visitor = self.visitors.get_mut(row);
        if order != VisitOrder::Starts {
            visitor.visit.bounced = false;
        }
        let number = visitor.visit.number;
        let is_first_today = self.facts.insert(visitor, Fact::Page(page));
        let is_first_in_visit = match number {
            1 => is_first_today,
            _ => self.facts.insert(visitor, Fact::PageOfVisit(page, number)),
        };
        let sums = PageSums {
            pageviews: 1,
            visitors: is_first_today.into(),
            visits: is_first_in_visit.into(),
            entries: (order == VisitOrder::Starts).into(),
            ..PageSums::default()
        };
        let page_row = self.cells.pages.add(visitor.page_key(when, page), sums);
        // A late page view becomes the exit only if the visit has none.
        if order != VisitOrder::Late || visitor.visit.exit().is_none() {
            let counts = self.facts.has_space(visitor) && (number == 1 || !self.facts.has(visitor, Fact::Exit(page)));
            let (time_s, offset) = (event.time_s, event.offset_quarters);
            visitor.visit.set_exit(Exit { page, time_s, offset, counts });
            self.dirty[visitor.dirty as usize].exit_row = page_row;
        }
    }

    /// Adds to the cells what one dirty visit has changed.
    fn flush_visit(&mut self, dirty: u32) {
        let dirty = &self.dirty[dirty as usize];
        let visitor = self.visitors.get_mut(dirty.visitor);
        self.cells.visits.add(visitor.visit_key(), dirty.sums(&visitor.visit));
        self.marketing.flush_visit(&mut self.cells, dirty.visitor, visitor);
        let ends = |counts: bool, sign| PageSums {
            exits: sign,
            exit_visitors: sign * i32::from(counts),
            ..PageSums::default()
        };
        let exit = visitor.visit.exit();
        if let Some(Exit { counts, .. }) = exit.filter(|_| exit != dirty.emitted.exit) {
            if let Some(Exit { page, time_s, offset, counts }) = dirty.emitted.exit {
                self.cells.pages.add(visitor.page_key(When::of(time_s, offset), page), ends(counts, -1));
            }
            self.cells.pages.add_to(dirty.exit_row, ends(counts, 1));
        }
    }

    /// Adds to the cells what all dirty visits have changed.
    pub(in crate::fold) fn flush(&mut self) {
        for dirty in 0..self.dirty.len() as u32 {
            self.flush_visit(dirty);
            self.visitors.get_mut(self.dirty[dirty as usize].visitor).dirty = NONE;
        }
        let len = self.dirty.len();
        self.dirty.clear();
        self.dirty.shrink_to(len);
    }
}

/// Whether a step starts a visit if none is running.
pub(super) fn starts_visits(event: &Event<'_>) -> bool {
    event.kind == Kind::Pageview || event.interactive
}
