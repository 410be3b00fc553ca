//! The attributes of a tag's first event, as one number.

use std::hash::{BuildHasher, Hash};

use foldhash::fast::FixedState;

use super::names::{MANY, Name};
use super::slots::Index;

const HASH: FixedState = FixedState::with_seed(0x9206_11e5);

/// The attributes of a tag, from its first event.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub(super) struct Profile {
    pub(super) country: Name,
    pub(super) region: Name,
    pub(super) device: Name,
    pub(super) browser: Name,
    pub(super) os: Name,
    pub(super) language: Name,
    pub(super) screen: Name,
}

impl ProfileIds {
    /// Stands for the attributes that are beyond the limits.
    pub(super) const MANY: ProfileIds = ProfileIds { whole: 0, of_pages: 0 };
}

impl Profile {
    const MANY: Profile =
        Profile { country: MANY, region: MANY, device: MANY, browser: MANY, os: MANY, language: MANY, screen: MANY };

    /// The attributes that are dimensions of `live_pages`.
    pub(super) fn of_pages(&self) -> [Name; 5] {
        [self.country, self.device, self.browser, self.os, self.language]
    }
}

/// The numbers of a profile.
#[derive(Clone, Copy)]
pub(super) struct ProfileIds {
    /// Number of the whole profile.
    pub(super) whole: u32,
    /// Number of the first profile with the same `of_pages`, so that rows that are equal in `live_pages` are one row.
    pub(super) of_pages: u32,
}

/// The profiles of one (site, day, round).
pub(super) struct Profiles {
    all: Vec<(Profile, ProfileIds)>,
    whole: Index,
    of_pages: Index,
}

impl Profiles {
    /// Contains only the profile that stands for attributes beyond the limits.
    pub(super) fn new() -> Profiles {
        let many = (Profile::MANY, ProfileIds::MANY);
        Profiles { all: vec![many], whole: Index::default(), of_pages: Index::default() }
    }

    /// The numbers of a profile, which is added if it is new.
    pub(super) fn ids(&mut self, profile: Profile) -> ProfileIds {
        let slot = match self.whole.find(hash(&profile), |id| *self.get(id) == profile) {
            Ok(known) => return self.all[known as usize].1,
            Err(slot) => slot,
        };
        let whole = u32::try_from(self.all.len()).expect("there are no more profiles than tags");
        let of_pages_hash = hash(&profile.of_pages());
        let alike = self.of_pages.find(of_pages_hash, |id| self.get(id).of_pages() == profile.of_pages());
        let of_pages = alike.unwrap_or_else(|slot| {
            self.of_pages.insert(slot, of_pages_hash, whole);
            whole
        });
        let ids = ProfileIds { whole, of_pages };
        self.whole.insert(slot, hash(&profile), whole);
        self.all.push((profile, ids));
        ids
    }

    /// The numbers of a profile that was added before.
    pub(super) fn known_ids(&self, profile: &Profile) -> Option<ProfileIds> {
        let whole = self.whole.find(hash(profile), |id| self.get(id) == profile).ok()?;
        Some(self.all[whole as usize].1)
    }

    pub(super) fn get(&self, id: u32) -> &Profile {
        &self.all[id as usize].0
    }

    /// The size in bytes.
    pub(super) fn bytes(&self) -> usize {
        self.all.capacity() * size_of::<(Profile, ProfileIds)>() + self.whole.bytes() + self.of_pages.bytes()
    }
}

fn hash(attributes: &impl Hash) -> u32 {
    HASH.hash_one(attributes) as u32
}
