//! What a sum can be broken down by.

use crate::event::closed_set;

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

    /// The dimension within which its values are hidden: a region in its country, a source in its channel.
    pub fn parent(self) -> Option<Dimension> {
        match self {
            Dimension::Region => Some(Dimension::Country),
            Dimension::Source => Some(Dimension::Channel),
            Dimension::Name => Some(Dimension::Kind),
            Dimension::EntryPage
            | Dimension::Page
            | Dimension::Channel
            | Dimension::Country
            | Dimension::Device
            | Dimension::Browser
            | Dimension::Os
            | Dimension::Language
            | Dimension::Screen
            | Dimension::Kind
            | Dimension::Reason
            | Dimension::Crawler => None,
        }
    }
}
