//! What is summed. All sums are signed: a second view takes a bounce back.

use crate::event::closed_set;

closed_set! {
    /// A column of sums. Its label is the column's name.
    Measure {
        /// Visits (in `pages` and `events`: visits that saw this page, did this event).
        Visits = 1 "visits",
        /// Visits of one page view and no interactive event.
        Bounces = 2 "bounces",
        /// Page views.
        Pageviews = 3 "pageviews",
        /// Events (in `visits`: page views and custom events that belong to a visit).
        Events = 4 "events",
        /// Seconds from a visit's first event to its last.
        Seconds = 5 "seconds",
        /// First today: of the tag (`visits`), of the tag on this page (`pages`), of the tag's events of this name (`events`).
        Visitors = 6 "visitors",
        /// First visit of the tag begun in this local hour.
        VisitorsHour = 7 "visitors_hour",
        /// First visit of the tag by this source today.
        VisitorsSource = 8 "visitors_source",
        /// First visit of the tag by this channel today.
        VisitorsChannel = 9 "visitors_channel",
        /// First visit of the tag that began on this page today.
        VisitorsEntryPage = 10 "visitors_entry_page",
        /// Visits that began on this page.
        Entries = 11 "entries",
        /// Visits whose last page view was this page.
        Exits = 12 "exits",
        /// First visit of the tag that ended on this page today.
        ExitVisitors = 13 "exit_visitors",
        /// Refused hits.
        Hits = 14 "hits",
    }
}
