//! Which dimensions and sums each live table has, in the order of its columns.

use crate::closed_set::closed_set;
use crate::dimensions::Dimension as D;
use crate::measures::Measure as M;

closed_set! {
    /// A live table of sums. Its label is the table's name.
    Cube {
        /// One row per kind of visit and quarter hour in which it began.
        Visits = 1 "live_visits",
        /// Page views by page.
        Pages = 2 "live_pages",
        /// Custom events and errors by name.
        Events = 3 "live_events",
        /// Refused hits by reason.
        Fates = 4 "live_fates",
        /// Visits by campaign, and their orders; opened by a basis.
        Campaigns = 5 "live_campaigns",
        /// Products of orders.
        Items = 6 "live_items",
    }
}

impl Cube {
    /// The columns that name things, in the table's order.
    pub fn dimensions(self) -> &'static [D] {
        match self {
            Cube::Visits => &[
                D::EntryPage,
                D::Source,
                D::Channel,
                D::Country,
                D::Region,
                D::Device,
                D::Browser,
                D::Os,
                D::Language,
                D::Screen,
            ],
            Cube::Pages => &[D::Page, D::Source, D::Channel, D::Country, D::Device, D::Browser, D::Os, D::Language],
            Cube::Events => {
                &[D::Kind, D::Name, D::Property, D::Value, D::Page, D::Source, D::Channel, D::Country, D::Device]
            }
            Cube::Fates => &[D::Reason, D::Crawler],
            Cube::Campaigns => &[
                D::CampaignSource,
                D::Medium,
                D::Campaign,
                D::Content,
                D::Term,
                D::LandingPage,
                D::Goal,
                D::Currency,
                D::Country,
                D::Device,
            ],
            Cube::Items => &[D::Product, D::Category, D::Currency, D::Campaign, D::Source],
        }
    }

    /// The columns of sums, in the table's order.
    pub fn measures(self) -> &'static [M] {
        match self {
            Cube::Visits => &[
                M::Visits,
                M::Bounces,
                M::Pageviews,
                M::Events,
                M::Seconds,
                M::Visitors,
                M::VisitorsHour,
                M::VisitorsSource,
                M::VisitorsChannel,
                M::VisitorsEntryPage,
            ],
            Cube::Pages => {
                &[M::Pageviews, M::Visitors, M::Visits, M::Entries, M::Exits, M::ExitVisitors, M::EngagedS, M::Scroll]
            }
            Cube::Events => &[M::Events, M::Visitors, M::Visits, M::Amount],
            Cube::Fates => &[M::Hits],
            Cube::Campaigns => {
                &[M::Visits, M::Visitors, M::Bounces, M::Conversions, M::Orders, M::Buyers, M::Revenue, M::Opens]
            }
            Cube::Items => &[M::Orders, M::Units, M::Revenue, M::Visitors],
        }
    }

    /// Whether its rows carry a bucket and a local hour (refusals are kept by day only).
    pub fn is_timed(self) -> bool {
        match self {
            Cube::Visits | Cube::Pages | Cube::Events | Cube::Campaigns | Cube::Items => true,
            Cube::Fates => false,
        }
    }
}
