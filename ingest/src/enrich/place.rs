//! Where a hit comes from: its country and region, from the operator's file.
//!
//! ```text
//! atlas    one MMDB in memory, checked: which fields hold country and region -> a Place
//! geo      the atlas in use, and a better one when the file changes
//! ```
//!
//! In comes the truncated address, so an answer is never finer than a /24 or /48; out goes a [`Place`], every word of which
//! has the shape that it should, whatever the file says. A hit's cost is a walk down the file's tree: what is found there
//! is read once and then remembered by where it stands *in the file*. Nothing here remembers an address.

mod atlas;
mod geo;

use std::borrow::Cow;
use std::sync::Arc;

use hashbrown::HashMap;
use schema::event::UNKNOWN;

use crate::client::Prefix;

pub use atlas::{Atlas, AtlasError};
pub use geo::{Geo, GeoError, watch};

/// Most places a worker remembers.
const REMEMBERED_MAX: usize = 8192;

/// A country, and a region of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Place {
    /// Two capital letters of ISO 3166-1, or "unknown".
    pub country: Cow<'static, str>,
    /// The country's letters, a hyphen and the rest of the ISO 3166-2 code ("FR-IDF"), or, if the file only has names,
    /// the name: regions of two countries are never one. Or "unknown".
    pub region: Cow<'static, str>,
}

impl Place {
    /// Where nothing is known.
    pub const UNKNOWN: Place = Place { country: Cow::Borrowed(UNKNOWN), region: Cow::Borrowed(UNKNOWN) };
}

/// A worker's view of the atlas in use. The default has none: everything is unknown.
#[derive(Default)]
pub struct Places(Option<View>);

struct View {
    geo: Arc<Geo>,
    atlas: Arc<Atlas>,
    change: u64,
    /// By the place of the record in the file.
    seen: HashMap<usize, Place, foldhash::fast::FixedState>,
    era: u64,
}

impl Places {
    /// Looks up in this, if there is one.
    pub fn new(geo: Option<Arc<Geo>>) -> Places {
        Places(geo.map(|geo| {
            let (change, atlas) = (geo.change(), geo.atlas());
            View { geo, atlas, change, seen: HashMap::default(), era: 0 }
        }))
    }

    /// Where the network is. `era` changes when a salt is destroyed: then everything seen is forgotten, as a file may
    /// have records of few people.
    pub fn get(&mut self, prefix: Prefix, era: u64) -> &Place {
        let Some(view) = &mut self.0 else { return &Place::UNKNOWN };
        let change = view.geo.change();
        if view.change != change {
            // Taken after the number: if it changes between the two, the next hit takes the newest once more.
            view.atlas = view.geo.atlas();
            view.change = change;
            view.seen.clear();
        }
        let Some(record) = view.atlas.find(prefix) else { return &Place::UNKNOWN };
        if view.era != era || view.seen.len() >= REMEMBERED_MAX {
            view.seen.clear();
            view.era = era;
        }
        view.seen.entry(record.at()).or_insert_with(|| record.place())
    }
}

#[cfg(test)]
mod tests;
