//! The live tables of sums, each declared once.
//!
//! [`live_cubes!`](crate::live_cubes) is the declaration. It passes all cubes to the macro that the caller names:
//!
//! | place | what it makes of the declaration |
//! |---|---|
//! | this module | [`Cube`]: label, dimensions, measures, whether rows have a time; the `CREATE TABLE` (`tables`) |
//! | `aggregator/src/fold/keys.rs` | the key and the sums of each cube, and the cells of a site |
//! | `warehouse` | the columns of a block, control sums, the reader: all by `Cube::ALL`, `dimensions`, `measures` |
//!
//! One cube is declared as
//!
//! ```text
//! field: Cube = code "table", timed by bucket {          untimed: rows have neither bucket nor hour
//!     Key { field: Type => Dimension, }                  a column of its own; the fold's `Name`, `Channel` or `Kind`
//!     + profile { field => Dimension, }                  frozen dimensions that the fold keeps as one number
//!     Sums: i32 { field => Measure, }                    i32 where cells are many, i64 where sums are large
//! }
//! ```
//!
//! A new column is one line here: `warehouse` adds it to tables that exist, and the fold has to fill it.

use crate::closed_set::closed_set;
use crate::dimensions::Dimension;
use crate::measures::Measure;

/// Passes the declaration of all live cubes to the macro `$with`.
#[macro_export]
macro_rules! live_cubes {
    ($with:ident) => {
        $with! {
            /// One row per kind of visit and quarter hour in which it began.
            visits: Visits = 1 "live_visits", timed by bucket {
                VisitKey { entry: Name => EntryPage, source: Name => Source, channel: Channel => Channel, }
                + profile {
                    country => Country,
                    region => Region,
                    device => Device,
                    browser => Browser,
                    os => Os,
                    language => Language,
                    screen => Screen,
                }
                VisitSums: i32 {
                    visits => Visits,
                    bounces => Bounces,
                    pageviews => Pageviews,
                    events => Events,
                    seconds => Seconds,
                    visitors => Visitors,
                    visitors_hour => VisitorsHour,
                    visitors_source => VisitorsSource,
                    visitors_channel => VisitorsChannel,
                    visitors_entry_page => VisitorsEntryPage,
                }
            }
            /// Page views by page.
            pages: Pages = 2 "live_pages", timed by bucket {
                PageKey { page: Name => Page, source: Name => Source, channel: Channel => Channel, }
                + profile {
                    country => Country,
                    device => Device,
                    browser => Browser,
                    os => Os,
                    language => Language,
                }
                PageSums: i32 {
                    pageviews => Pageviews,
                    visitors => Visitors,
                    visits => Visits,
                    entries => Entries,
                    exits => Exits,
                    exit_visitors => ExitVisitors,
                    engaged_s => EngagedS,
                    scroll => Scroll,
                }
            }
            /// Custom events, errors, searches and other events with a name, by that name; and by their properties.
            events: Events = 3 "live_events", timed by bucket {
                EventKey {
                    kind: Kind => Kind,
                    name: Name => Name,
                    property: Name => Property,
                    value: Name => Value,
                    page: Name => Page,
                    source: Name => Source,
                    channel: Channel => Channel,
                    country: Name => Country,
                    device: Name => Device,
                }
                EventSums: i64 { events => Events, visitors => Visitors, visits => Visits, amount => Amount, }
            }
            /// Refused hits by reason.
            fates: Fates = 4 "live_fates", untimed by reason {
                FateKey { reason: Name => Reason, crawler: Name => Crawler, }
                FateSums: i32 { hits => Hits, }
            }
            /// Visits by campaign, and their orders; only where a basis allows it.
            campaigns: Campaigns = 5 "live_campaigns", timed by bucket {
                CampaignKey {
                    campaign_source: Name => CampaignSource,
                    medium: Name => Medium,
                    campaign: Name => Campaign,
                    content: Name => Content,
                    term: Name => Term,
                    landing: Name => LandingPage,
                    goal: Name => Goal,
                    currency: Name => Currency,
                    country: Name => Country,
                    device: Name => Device,
                }
                CampaignSums: i64 {
                    visits => Visits,
                    visitors => Visitors,
                    bounces => Bounces,
                    conversions => Conversions,
                    orders => Orders,
                    buyers => Buyers,
                    revenue => Revenue,
                    opens => Opens,
                }
            }
            /// Products of orders.
            items: Items = 6 "live_items", timed by bucket {
                ItemKey {
                    product: Name => Product,
                    category: Name => Category,
                    currency: Name => Currency,
                    campaign: Name => Campaign,
                    source: Name => Source,
                }
                ItemSums: i64 { orders => Orders, units => Units, revenue => Revenue, visitors => Visitors, }
            }
        }
    };
}

/// `Cube` and its columns, from the declaration.
macro_rules! declare_cubes {
    ($(
        $(#[$doc:meta])*
        $field:ident: $cube:ident = $code:literal $label:literal, $timed:ident by $order:ident {
            $key:ident { $($name:ident: $type:ident => $dimension:ident,)* }
            $(+ profile { $($attribute:ident => $frozen:ident,)* })?
            $sums:ident: $number:ident { $($sum:ident => $measure:ident,)* }
        }
    )*) => {
        closed_set! {
            /// A live table of sums. Its label is the table's name.
            Cube { $($(#[$doc])* $cube = $code $label,)* }
        }

        impl Cube {
            /// The columns that name things, in the table's order.
            pub fn dimensions(self) -> &'static [Dimension] {
                match self {
                    $(Cube::$cube => &[$(Dimension::$dimension,)* $($(Dimension::$frozen,)*)?],)*
                }
            }

            /// The columns of sums, in the table's order.
            pub fn measures(self) -> &'static [Measure] {
                match self {
                    $(Cube::$cube => &[$(Measure::$measure,)*],)*
                }
            }

            /// Whether its rows carry a bucket and a local hour (refusals are kept by day only).
            pub fn is_timed(self) -> bool {
                match self {
                    $(Cube::$cube => declare_cubes!(@is $timed),)*
                }
            }

            /// The column that its rows are sorted by within a site.
            pub(crate) fn order(self) -> &'static str {
                match self {
                    $(Cube::$cube => stringify!($order),)*
                }
            }
        }
    };
    (@is timed) => { true };
    (@is untimed) => { false };
}

live_cubes!(declare_cubes);

impl Cube {
    /// Whether the cube has this dimension.
    pub fn has_dimension(self, dimension: Dimension) -> bool {
        self.dimensions().contains(&dimension)
    }

    /// Whether the cube sums this measure.
    pub fn has_measure(self, measure: Measure) -> bool {
        self.measures().contains(&measure)
    }

    /// All columns in the order of the table, each with its type in ClickHouse.
    pub fn columns(self) -> Vec<(&'static str, &'static str)> {
        let whose = [("site", "UInt32"), ("day", "Date")].into_iter();
        let whose = whose.chain(["round", "shard", "generation"].map(|name| (name, "UInt32")));
        let time: &[&str] = if self.is_timed() { &["bucket", "hour"] } else { &[] };
        whose
            .chain(time.iter().map(|name| (*name, "DateTime('UTC')")))
            .chain(self.dimensions().iter().map(|d| (d.label(), "LowCardinality(String)")))
            .chain(self.measures().iter().map(|m| (m.label(), if m.is_wide() { "Int64" } else { "Int32" })))
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_cube_has_a_column_twice() {
        for cube in Cube::ALL {
            let columns = cube.columns();
            let names: std::collections::HashSet<_> = columns.iter().map(|(name, _)| name).collect();
            assert_eq!(names.len(), columns.len(), "{cube:?}");
        }
    }
}
