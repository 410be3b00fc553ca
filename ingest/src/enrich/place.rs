//! The country and region of a hit, from the operator's file.
//!
//! ```text
//! atlas    one MMDB file in memory, checked: which fields hold country and region -> a GeoPlace
//! geo      the atlas in use, and its replacement when the file changes
//! ```
//!
//! In comes the truncated address, so a result is never finer than a /24 or /48. Out goes a [`GeoPlace`] whose texts
//! have the expected shape, whatever the file contains. A hit costs a walk down the file's search tree: the record
//! that is found is decoded once, and then cached by its offset *in the file*. No address is cached.

mod atlas;
mod geo;

use std::borrow::Cow;
use std::sync::Arc;

use hashbrown::HashMap;
use schema::event::UNKNOWN;

use crate::client::Prefix;

pub use atlas::{Atlas, AtlasError};
pub use geo::{Geo, GeoError, watch};

/// Most places that a worker caches.
const CACHED_MAX: usize = 8192;

/// A country, and a region of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GeoPlace {
    /// Two capital letters of ISO 3166-1, or "unknown".
    pub country: Cow<'static, str>,
    /// The country's letters, a hyphen, and the rest of the ISO 3166-2 code ("FR-IDF") or, if the file only has
    /// names, the name. So regions of two countries always differ. Or "unknown".
    pub region: Cow<'static, str>,
}

impl GeoPlace {
    /// Neither is known.
    pub const UNKNOWN: GeoPlace = GeoPlace { country: Cow::Borrowed(UNKNOWN), region: Cow::Borrowed(UNKNOWN) };
}

/// A worker's cached access to the atlas in use. The default has no atlas, and everything is unknown.
#[derive(Default)]
pub struct Places(Option<WorkerView>);

struct WorkerView {
    geo: Arc<Geo>,
    atlas: Arc<Atlas>,
    change: u64,
    /// By the offset of the record in the file.
    cached: HashMap<usize, GeoPlace, foldhash::fast::FixedState>,
    era: u64,
}

impl Places {
    /// Begins with the atlas in use, if there is one.
    pub fn new(geo: Option<Arc<Geo>>) -> Places {
        Places(geo.map(|geo| {
            let (change, atlas) = (geo.change(), geo.atlas());
            WorkerView { geo, atlas, change, cached: HashMap::default(), era: 0 }
        }))
    }

    /// The place of a network. `era` changes when a salt is destroyed, and then the cache is emptied, because a file
    /// may have records of few people.
    pub fn get(&mut self, prefix: Prefix, era: u64) -> &GeoPlace {
        let Some(view) = &mut self.0 else { return &GeoPlace::UNKNOWN };
        let change = view.geo.change();
        if view.change != change {
            // The atlas is loaded after the number. If the atlas changes between the two, the next hit loads it again.
            view.atlas = view.geo.atlas();
            view.change = change;
            view.cached.clear();
        }
        let Some(record) = view.atlas.find(prefix) else { return &GeoPlace::UNKNOWN };
        if view.era != era || view.cached.len() >= CACHED_MAX {
            view.cached.clear();
            view.era = era;
        }
        view.cached.entry(record.offset()).or_insert_with(|| record.place())
    }
}

#[cfg(test)]
mod tests;
