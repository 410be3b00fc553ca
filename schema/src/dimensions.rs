//! The columns that name things: a sum can be broken down by each of them.

use crate::closed_set::closed_set;

closed_set! {
    /// A column that names things. Its label is the column's name.
    Dimension {
        /// First page of the visit.
        EntryPage = 1 "entry_page",
        /// Page.
        Page = 2 "page",
        /// Source.
        Source = 3 "source",
        /// Channel.
        Channel = 4 "channel",
        /// Country.
        Country = 5 "country",
        /// Region.
        Region = 6 "region",
        /// Device class.
        Device = 7 "device",
        /// Browser and major version.
        Browser = 8 "browser",
        /// Operating system.
        Os = 9 "os",
        /// Language.
        Language = 10 "language",
        /// Screen class.
        Screen = 11 "screen",
        /// Kind of event.
        Kind = 12 "kind",
        /// Name of event.
        Name = 13 "name",
        /// Why a hit was refused.
        Reason = 14 "reason",
        /// Which crawler.
        Crawler = 15 "crawler",
        /// Name of an event's property; empty on the event's own row.
        Property = 16 "property",
        /// Value of that property.
        Value = 17 "value",
        /// Where a campaign says it is (`utm_source`).
        CampaignSource = 18 "campaign_source",
        /// By what means (`utm_medium`).
        Medium = 19 "medium",
        /// Which campaign (`utm_campaign`).
        Campaign = 20 "campaign",
        /// Which of its pieces (`utm_content`).
        Content = 21 "content",
        /// For which words (`utm_term`).
        Term = 22 "term",
        /// First page of a campaign's visit.
        LandingPage = 23 "landing_page",
        /// What was reached; empty on the visit's own row.
        Goal = 24 "goal",
        /// Currency of an order, ISO 4217.
        Currency = 25 "currency",
        /// What was bought.
        Product = 26 "product",
        /// What kind of thing that is.
        Category = 27 "category",
        /// Which step of which funnel. No live table has it yet.
        Step = 28 "step",
    }
}

impl Dimension {
    /// Fixed at a tag's first event of the day, so that one sum of visitors is right under any of them.
    pub const FROZEN: &'static [Dimension] = &[
        Dimension::Country,
        Dimension::Region,
        Dimension::Device,
        Dimension::Browser,
        Dimension::Os,
        Dimension::Language,
        Dimension::Screen,
    ];

    /// Whether it is fixed for a tag's day.
    pub fn is_frozen(self) -> bool {
        Dimension::FROZEN.contains(&self)
    }
}
