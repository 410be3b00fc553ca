//! The columns that are summed. All sums are signed: the second page view of a visit subtracts a bounce.

use crate::closed_set::closed_set;

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
        /// First of the tag today: at all (`visits`), on this page (`pages`), with an event of this name (`events`).
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
        /// Seconds that a page was looked at, each report rounded.
        EngagedS = 15 "engaged_s",
        /// Percent of the page that each visitor came down, in steps of 25.
        Scroll = 16 "scroll",
        /// What events are worth, or how many things they found.
        Amount = 17 "amount",
        /// Visits that reached the goal.
        Conversions = 18 "conversions",
        /// Orders (in `items`: orders of this product).
        Orders = 19 "orders",
        /// First order of the tag by this campaign today.
        Buyers = 20 "buyers",
        /// What was paid, minor units of the currency.
        Revenue = 21 "revenue",
        /// How many were bought.
        Units = 22 "units",
        /// Loads of a beacon in a mail or advertisement.
        Opens = 23 "opens",
    }
}

impl Measure {
    /// Whether sums need 64 bits: sums of numbers that the client sends.
    pub fn is_wide(self) -> bool {
        matches!(self, Measure::Amount | Measure::Revenue | Measure::Units)
    }
}
