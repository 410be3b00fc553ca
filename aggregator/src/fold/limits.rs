//! The limits of the fold's state.

/// How much state one site may take in one (day, round). Beyond a limit hits are still counted, but no more firsts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Limits {
    /// Visitor tags of a site in a (day, round). A tag takes about 350 bytes, including everything stored for it.
    pub tags_per_site_day: usize,
    /// Distinct pages, sources, names and attributes of a site in a (day, round). Further ones are counted as "(many)".
    pub strings_per_site_day: usize,
    /// Distinct facts (pages, sources, event names and so on) of one tag; at most 65,535.
    pub facts_per_tag: u32,
}

impl Default for Limits {
    fn default() -> Limits {
        Limits { tags_per_site_day: 2_000_000, strings_per_site_day: 500_000, facts_per_tag: 2_000 }
    }
}
