//! Hosts that send hits only to be seen in the list of sources.
//!
//! In comes the operator's list, one host a line, as communities keep such lists; then referrers. A host is refused with
//! all below it. The list may be replaced at any time.

use std::sync::Arc;

use arc_swap::ArcSwap;
use hashbrown::HashSet;
use schema::fate::Refusal;

use crate::accept::host_of;

/// The hosts.
#[derive(Debug, Default)]
pub struct Spam {
    hosts: HashSet<Box<str>, foldhash::fast::FixedState>,
}

impl Spam {
    /// Reads a list. Empty lines and what follows a `#` are passed over.
    pub fn of_list(list: &str) -> Spam {
        let hosts = list.lines().map(|line| line.split('#').next().unwrap_or_default().trim());
        let hosts = hosts.filter(|host| !host.is_empty());
        Spam { hosts: hosts.map(|host| host.to_ascii_lowercase().trim_start_matches("www.").into()).collect() }
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.hosts.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.hosts.is_empty()
    }

    /// Refuses a hit whose page before is on one of them.
    fn admit(&self, referrer: &str) -> Result<(), Refusal> {
        if self.is_empty() {
            return Ok(());
        }
        let host = host_of(referrer).unwrap_or_default().to_ascii_lowercase();
        let mut parents = std::iter::successors(Some(&*host), |host| Some(host.split_once('.')?.1));
        if parents.any(|host| self.hosts.contains(host)) { Err(Refusal::ReferrerSpam) } else { Ok(()) }
    }
}

/// The list as it is now.
#[derive(Debug, Default)]
pub struct CurrentSpam(ArcSwap<Spam>);

impl CurrentSpam {
    /// To begin with.
    pub fn new(spam: Spam) -> CurrentSpam {
        CurrentSpam(ArcSwap::from_pointee(spam))
    }

    /// From now on this one.
    pub fn replace(&self, spam: Spam) {
        self.0.store(Arc::new(spam));
    }

    /// Refuses a hit whose page before is on one of its hosts.
    pub(crate) fn admit(&self, referrer: &str) -> Result<(), Refusal> {
        if referrer.is_empty() { Ok(()) } else { self.0.load().admit(referrer) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_listed_host_is_refused_with_all_below_it_and_no_other() {
        let spam = Spam::of_list("# seen in 2024\n\nspam.example\nWWW.Cheap-Seo.example # again\r\n");
        assert_eq!(spam.len(), 2);
        for referrer in [
            "https://spam.example/",
            "http://www.SPAM.example:8080/x?y",
            "https://a.b.spam.example",
            "https://cheap-seo.example/",
        ] {
            assert_eq!(spam.admit(referrer), Err(Refusal::ReferrerSpam), "{referrer}");
        }
        for referrer in ["", "https://notspam.example/", "https://example/", "https://example.org/spam.example", "spam"]
        {
            assert_eq!(spam.admit(referrer), Ok(()), "{referrer}");
        }
        assert_eq!(Spam::default().admit("https://spam.example/"), Ok(()));
    }

    #[test]
    fn a_list_that_is_replaced_counts_from_then_on() {
        let spam = CurrentSpam::new(Spam::of_list("old.example"));
        spam.replace(Spam::of_list("new.example"));
        assert_eq!(spam.admit("https://new.example/"), Err(Refusal::ReferrerSpam));
        assert_eq!(spam.admit("https://old.example/"), Ok(()));
    }
}
