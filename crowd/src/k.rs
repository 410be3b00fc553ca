//! How many visitor tags make a crowd.

use schema::sites::{CROWD_MIN, Site};

/// k: a cell describes at least so many visitor tags, or is not shown. Never under 3.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct K(u32);

/// Under 3, "hidden" means exactly one visitor, and several views together give a pair away.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a crowd of {0} is refused: at least {CROWD_MIN}, because under that a hidden cell is one known visitor")]
pub struct NoCrowd(pub u32);

impl K {
    /// The site's own. A configuration that is checked has none under 3; one that is not gets 3.
    pub fn of(site: &Site) -> K {
        K(site.crowd.max(CROWD_MIN))
    }

    /// Refuses less than 3.
    pub fn new(k: u32) -> Result<K, NoCrowd> {
        if k < CROWD_MIN { Err(NoCrowd(k)) } else { Ok(K(k)) }
    }

    /// The number.
    pub fn get(self) -> i64 {
        i64::from(self.0)
    }

    /// Whether so many are none at all or a crowd.
    pub(crate) fn none_or_crowd(self, people: i64) -> bool {
        people <= 0 || people >= self.get()
    }
}
