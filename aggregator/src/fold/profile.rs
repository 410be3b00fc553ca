//! The attributes frozen at a tag's first event, as one number.

use std::hash::{BuildHasher, Hash};

use foldhash::fast::FixedState;

use super::names::{MANY, Name};
use super::slots::Index;

const HASH: FixedState = FixedState::with_seed(0x9206_11e5);

/// The frozen attributes of a tag.
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
    /// Of what no longer fits.
    pub(super) const MANY: ProfileIds = ProfileIds { whole: 0, of_pages: 0 };
}

impl Profile {
    const MANY: Profile =
        Profile { country: MANY, region: MANY, device: MANY, browser: MANY, os: MANY, language: MANY, screen: MANY };

    /// Those of them that `pages` is broken down by.
    pub(super) fn of_pages(&self) -> [Name; 5] {
        [self.country, self.device, self.browser, self.os, self.language]
    }
}

/// The numbers of a tag's profile.
#[derive(Clone, Copy)]
pub(super) struct ProfileIds {
    /// Of the whole of it.
    pub(super) whole: u32,
    /// Of the first profile that looks the same to `pages`, so that rows alike there are one row.
    pub(super) of_pages: u32,
}

/// The profiles of one (site, day, round).
pub(super) struct Profiles {
    all: Vec<(Profile, ProfileIds)>,
    whole: Index,
    of_pages: Index,
}

impl Profiles {
    /// With the profile that stands for those that are not known.
    pub(super) fn new() -> Profiles {
        let many = (Profile::MANY, ProfileIds::MANY);
        Profiles { all: vec![many], whole: Index::default(), of_pages: Index::default() }
    }

    /// The numbers of a profile.
    pub(super) fn ids(&mut self, profile: Profile) -> ProfileIds {
        let place = match self.whole.find(hash(&profile), |id| *self.get(id) == profile) {
            Ok(known) => return self.all[known as usize].1,
            Err(place) => place,
        };
        let whole = u32::try_from(self.all.len()).expect("there are no more profiles than tags");
        let of_pages_hash = hash(&profile.of_pages());
        let alike = self.of_pages.find(of_pages_hash, |id| self.get(id).of_pages() == profile.of_pages());
        let of_pages = alike.unwrap_or_else(|place| {
            self.of_pages.insert(place, of_pages_hash, whole);
            whole
        });
        let ids = ProfileIds { whole, of_pages };
        self.whole.insert(place, hash(&profile), whole);
        self.all.push((profile, ids));
        ids
    }

    /// The numbers of a profile that was there before.
    pub(super) fn known_ids(&self, profile: &Profile) -> Option<ProfileIds> {
        let whole = self.whole.find(hash(profile), |id| self.get(id) == profile).ok()?;
        Some(self.all[whole as usize].1)
    }

    pub(super) fn get(&self, id: u32) -> &Profile {
        &self.all[id as usize].0
    }

    /// How many bytes they take.
    pub(super) fn bytes(&self) -> usize {
        self.all.capacity() * size_of::<(Profile, ProfileIds)>() + self.whole.bytes() + self.of_pages.bytes()
    }
}

fn hash(attributes: &impl Hash) -> u32 {
    HASH.hash_one(attributes) as u32
}
