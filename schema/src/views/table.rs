//! The entries of the table of views, in the order in which the rule decides about names: a parent stands before its
//! children, and the view that decides about names before those that use them.

use super::{First, Known, Names, Parent, Part as P, View};
use crate::dimensions::Dimension as D;
use crate::measures::Measure as M;

/// What a first is called in the entries.
const fn first(m: M) -> Option<First> {
    Some(First::Column(m))
}

/// A first that no live table has yet.
const NOT_YET: Option<First> = Some(First::Missing);

const fn single(name: &'static str, part: P, a: D, measures: &'static [M], visitors: Option<First>) -> View {
    View {
        name,
        part,
        a,
        b: None,
        measures,
        visitors,
        known: Known::Total,
        parent: None,
        names: Names::Itself,
        is_money: false,
    }
}

/// A pair, of which the sums of rows and of columns are known.
const fn both(name: &'static str, part: P, a: D, b: D, measures: &'static [M], visitors: Option<First>) -> View {
    let known = Known::RowsAndColumns;
    View { b: Some(b), known, names: Names::OfDimensions, ..single(name, part, a, measures, visitors) }
}

/// A pair, of which the sums of rows are known.
const fn rows(name: &'static str, part: P, a: D, b: D, measures: &'static [M], visitors: Option<First>) -> View {
    View { known: Known::Rows, ..both(name, part, a, b, measures, visitors) }
}

impl View {
    const fn within(self, parent: &'static str) -> View {
        View { parent: Some(Parent::View(parent)), ..self }
    }

    const fn in_section(self) -> View {
        View { parent: Some(Parent::Section), ..self }
    }

    const fn in_family(self) -> View {
        View { parent: Some(Parent::Family), ..self }
    }

    const fn alone(self) -> View {
        View { known: Known::Alone, ..self }
    }

    const fn names(self, view: &'static str) -> View {
        View { names: Names::Of(view), ..self }
    }

    const fn names_then_own(self, view: &'static str) -> View {
        View { names: Names::OfThenItself(view), ..self }
    }

    const fn b_names_itself(self) -> View {
        View { names: Names::OfAThenItself, ..self }
    }

    const fn money(self) -> View {
        View { is_money: true, ..self }
    }
}

const VISITS: &[M] = &[M::Visits, M::Pageviews];
const SEEN: &[M] = &[M::Pageviews, M::Visits];
const CONVERTED: &[M] = &[M::Conversions];
const VISITED: &[M] = &[M::Visits];
const DONE: &[M] = &[M::Events];
const ORDERED: &[M] = &[M::Orders];
const PAID: &[M] = &[M::Revenue];
const ORDERS: &[M] = &[M::Orders, M::Conversions];
const SOLD: &[M] = &[M::Units, M::Revenue];

/// All views.
#[rustfmt::skip]
pub const VIEWS: &[View] = &[
    // How visits came, and with what.
    single("channel", P::Visits, D::Channel, VISITS, first(M::VisitorsChannel)),
    single("source", P::Visits, D::Source, VISITS, first(M::VisitorsSource)).within("channel"),
    single("country", P::Visits, D::Country, VISITS, first(M::Visitors)),
    single("region", P::Visits, D::Region, VISITS, first(M::Visitors)).within("country"),
    single("device", P::Visits, D::Device, VISITS, first(M::Visitors)),
    single("os", P::Visits, D::Os, VISITS, first(M::Visitors)).within("device"),
    single("browser", P::Visits, D::Browser, VISITS, first(M::Visitors)).in_family(),
    single("language", P::Visits, D::Language, VISITS, first(M::Visitors)),
    single("screen", P::Visits, D::Screen, VISITS, first(M::Visitors)),
    // Pages.
    single("page", P::Pages, D::Page, SEEN, first(M::Visitors)).in_section(),
    single("entry", P::Visits, D::EntryPage, VISITS, first(M::VisitorsEntryPage)).in_section().names_then_own("page"),
    single("exit", P::Exits, D::Page, &[M::Exits], first(M::ExitVisitors)).in_section().names_then_own("page"),
    single("reading", P::Engaged, D::Page, &[M::EngagedS, M::Scroll], NOT_YET).in_section().alone().names("page"),
    // What visitors did.
    single("kind", P::Events, D::Kind, DONE, NOT_YET).alone(),
    single("name", P::Events, D::Name, &[M::Events, M::Visits], first(M::Visitors)).within("kind"),
    single("property", P::Properties, D::Property, DONE, NOT_YET).within("name").alone(),
    single("value", P::Properties, D::Value, DONE, first(M::Visitors)).within("property"),
    single("goal", P::Goals, D::Goal, CONVERTED, NOT_YET).alone(),
    single("step", P::Steps, D::Step, &[], NOT_YET).alone(),
    // Campaigns.
    single("campaign", P::Campaigns, D::Campaign, VISITED, NOT_YET),
    single("utm source", P::Campaigns, D::CampaignSource, VISITED, None),
    single("medium", P::Campaigns, D::Medium, VISITED, None),
    single("opens", P::Opens, D::Campaign, &[M::Opens], None).alone(),
    // Orders and money, within one currency.
    single("currency", P::Orders, D::Currency, ORDERS, NOT_YET).alone(),
    single("revenue", P::Orders, D::Currency, PAID, None).within("currency").alone().names("currency").money(),
    single("orders by campaign", P::Orders, D::Campaign, ORDERS, NOT_YET).within("currency").names("campaign"),
    single("orders by utm source", P::Orders, D::CampaignSource, ORDERS, None).within("currency").names("utm source"),
    single("orders by medium", P::Orders, D::Medium, ORDERS, None).within("currency").names("medium"),
    single("orders by landing page", P::Orders, D::LandingPage, ORDERS, None).within("currency").names("page"),
    single("orders by country", P::Orders, D::Country, ORDERS, NOT_YET).within("currency").names("country"),
    single("orders by device", P::Orders, D::Device, ORDERS, NOT_YET).within("currency").names("device"),
    single("revenue by campaign", P::Orders, D::Campaign, PAID, None).within("revenue").names("campaign").money(),
    single("revenue by utm source", P::Orders, D::CampaignSource, PAID, None).within("revenue").names("utm source").money(),
    single("revenue by medium", P::Orders, D::Medium, PAID, None).within("revenue").names("medium").money(),
    single("revenue by landing page", P::Orders, D::LandingPage, PAID, None).within("revenue").names("page").money(),
    single("revenue by country", P::Orders, D::Country, PAID, None).within("revenue").names("country").money(),
    single("revenue by device", P::Orders, D::Device, PAID, None).within("revenue").names("device").money(),
    // Products.
    single("items", P::Items, D::Currency, ORDERED, NOT_YET).within("currency").alone().names("currency"),
    single("sold", P::Items, D::Currency, SOLD, None).within("items").alone().names("currency").money(),
    single("category", P::Items, D::Category, ORDERED, None).within("items"),
    single("product", P::Items, D::Product, ORDERED, first(M::Visitors)).within("category"),
    single("items by campaign", P::Items, D::Campaign, ORDERED, None).within("items").names("campaign"),
    single("items by source", P::Items, D::Source, ORDERED, None).within("items").names("source"),
    single("sold by category", P::Items, D::Category, SOLD, None).within("sold").names("category").money(),
    single("sold by product", P::Items, D::Product, SOLD, None).within("sold by category").names("product").money(),
    single("sold by campaign", P::Items, D::Campaign, SOLD, None).within("sold").names("campaign").money(),
    single("sold by source", P::Items, D::Source, SOLD, None).within("sold").names("source").money(),
    // What was not counted.
    single("reason", P::Fates, D::Reason, &[M::Hits], None).alone(),
    single("crawler", P::Fates, D::Crawler, &[M::Hits], None).within("reason").alone(),
    // Pairs.
    both("page x source", P::Pages, D::Page, D::Source, SEEN, None),
    both("page x country", P::Pages, D::Page, D::Country, SEEN, first(M::Visitors)),
    both("page x device", P::Pages, D::Page, D::Device, SEEN, first(M::Visitors)),
    both("source x country", P::Visits, D::Source, D::Country, VISITS, first(M::VisitorsSource)),
    both("source x device", P::Visits, D::Source, D::Device, VISITS, first(M::VisitorsSource)),
    both("country x device", P::Visits, D::Country, D::Device, VISITS, first(M::Visitors)),
    both("country x language", P::Visits, D::Country, D::Language, VISITS, first(M::Visitors)),
    rows("name x page", P::Events, D::Name, D::Page, DONE, None).within("kind"),
    rows("name x source", P::Events, D::Name, D::Source, DONE, None).within("kind"),
    rows("name x country", P::Events, D::Name, D::Country, DONE, first(M::Visitors)).within("kind"),
    rows("name x device", P::Events, D::Name, D::Device, DONE, first(M::Visitors)).within("kind"),
    rows("goal x page", P::Goals, D::Goal, D::Page, CONVERTED, None),
    rows("goal x source", P::Goals, D::Goal, D::Source, CONVERTED, None),
    rows("goal x country", P::Goals, D::Goal, D::Country, CONVERTED, NOT_YET),
    rows("goal x device", P::Goals, D::Goal, D::Device, CONVERTED, NOT_YET),
    rows("goal x campaign", P::Won, D::Goal, D::Campaign, CONVERTED, None),
    both("campaign x utm source", P::Campaigns, D::Campaign, D::CampaignSource, VISITED, None),
    both("campaign x medium", P::Campaigns, D::Campaign, D::Medium, VISITED, None),
    both("campaign x landing page", P::Campaigns, D::Campaign, D::LandingPage, VISITED, None),
    both("campaign x country", P::Campaigns, D::Campaign, D::Country, VISITED, NOT_YET),
    both("campaign x device", P::Campaigns, D::Campaign, D::Device, VISITED, NOT_YET),
    rows("campaign x content", P::Campaigns, D::Campaign, D::Content, VISITED, None).b_names_itself(),
    rows("campaign x term", P::Campaigns, D::Campaign, D::Term, VISITED, None).b_names_itself(),
    both("product x campaign", P::Items, D::Product, D::Campaign, ORDERED, None).within("items"),
    both("product x source", P::Items, D::Product, D::Source, ORDERED, None).within("items"),
    both("sold: product x campaign", P::Items, D::Product, D::Campaign, SOLD, None).within("sold").money(),
    both("sold: product x source", P::Items, D::Product, D::Source, SOLD, None).within("sold").money(),
];
