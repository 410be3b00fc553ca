//! The attributes frozen at a tag's first event, as one number.

use std::hash::BuildHasher;

use foldhash::fast::FixedState;
use hashbrown::HashTable;
use hashbrown::hash_table::Entry;

use super::names::{MANY, Name};

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
    all: Vec<Profile>,
    whole: HashTable<ProfileIds>,
    of_pages: HashTable<u32>,
}

impl Profiles {
    /// With the profile that stands for those that are not known.
    pub(super) fn new() -> Profiles {
        Profiles { all: vec![Profile::MANY], whole: HashTable::new(), of_pages: HashTable::new() }
    }

    /// The numbers of a profile.
    pub(super) fn ids(&mut self, profile: Profile) -> ProfileIds {
        let all = &mut self.all;
        let rehash = |ids: &ProfileIds| HASH.hash_one(all[ids.whole as usize]);
        match self.whole.entry(HASH.hash_one(profile), |ids| all[ids.whole as usize] == profile, rehash) {
            Entry::Occupied(known) => *known.get(),
            Entry::Vacant(free) => {
                let whole = u32::try_from(all.len()).expect("there are no more profiles than tags");
                all.push(profile);
                let same = |&id: &u32| all[id as usize].of_pages() == profile.of_pages();
                let rehash = |&id: &u32| HASH.hash_one(all[id as usize].of_pages());
                let of_pages =
                    *self.of_pages.entry(HASH.hash_one(profile.of_pages()), same, rehash).or_insert(whole).get();
                free.insert(ProfileIds { whole, of_pages }).get().to_owned()
            }
        }
    }

    /// Of a tag beyond the cap: the profile's numbers if another tag has it, else those of "(many)".
    pub(super) fn known_ids(&self, profile: Profile) -> ProfileIds {
        let known = self.whole.find(HASH.hash_one(profile), |ids| self.all[ids.whole as usize] == profile);
        known.copied().unwrap_or(ProfileIds { whole: 0, of_pages: 0 })
    }

    pub(super) fn get(&self, id: u32) -> &Profile {
        &self.all[id as usize]
    }

    /// About how many bytes they take.
    pub(super) fn bytes(&self) -> usize {
        self.all.capacity() * size_of::<Profile>() + self.whole.allocation_size() + self.of_pages.allocation_size()
    }
}
