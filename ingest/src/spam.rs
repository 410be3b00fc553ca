//! Referrer spam: hosts that send hits only to appear in the list of sources.
//!
//! In comes the operator's list, one host a line, in the form of the lists that communities maintain. Hits whose
//! referrer is on a listed host, or on a subdomain of one, are refused. The list can be replaced at any time.

use std::sync::Arc;

use arc_swap::ArcSwap;
use hashbrown::HashSet;
use schema::fate::Refusal;

use crate::accept::host_of;

/// The listed hosts.
#[derive(Debug, Default)]
pub struct Spam {
    hosts: HashSet<Box<str>, foldhash::fast::FixedState>,
}

impl Spam {
    /// Parses a list. Empty lines, and text after a `#`, are ignored.
    pub fn of_list(list: &str) -> Spam {
        let hosts = list.lines().map(|line| line.split('#').next().unwrap_or_default().trim());
        let hosts = hosts.filter(|host| !host.is_empty());
        Spam { hosts: hosts.map(|host| host.to_ascii_lowercase().trim_start_matches("www.").into()).collect() }
    }

    /// The number of hosts.
    pub fn len(&self) -> usize {
        self.hosts.len()
    }

    /// Whether there are no hosts.
    pub fn is_empty(&self) -> bool {
        self.hosts.is_empty()
    }

    /// Refuses a hit whose referrer is on a listed host.
    fn admit(&self, referrer: &str) -> Result<(), Refusal> {
        if self.is_empty() {
            return Ok(());
        }
        let host = host_of(referrer).unwrap_or_default().to_ascii_lowercase();
        let mut parents = std::iter::successors(Some(&*host), |host| Some(host.split_once('.')?.1));
        if parents.any(|host| self.hosts.contains(host)) { Err(Refusal::ReferrerSpam) } else { Ok(()) }
    }
}

/// The list of the current configuration.
#[derive(Debug, Default)]
pub struct CurrentSpam(ArcSwap<Spam>);

impl CurrentSpam {
    /// Begins with this list.
    pub fn new(spam: Spam) -> CurrentSpam {
        CurrentSpam(ArcSwap::from_pointee(spam))
    }

    /// Replaces the list.
    pub fn replace(&self, spam: Spam) {
        self.0.store(Arc::new(spam));
    }

    /// Refuses a hit whose referrer is on a host of the current list.
    pub(crate) fn admit(&self, referrer: &str) -> Result<(), Refusal> {
        if referrer.is_empty() { Ok(()) } else { self.0.load().admit(referrer) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_listed_host_and_its_subdomains_are_refused_and_no_other_host() {
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
    fn a_new_list_replaces_the_old_one() {
        let spam = CurrentSpam::new(Spam::of_list("old.example"));
        spam.replace(Spam::of_list("new.example"));
        assert_eq!(spam.admit("https://new.example/"), Err(Refusal::ReferrerSpam));
        assert_eq!(spam.admit("https://old.example/"), Ok(()));
    }
}
