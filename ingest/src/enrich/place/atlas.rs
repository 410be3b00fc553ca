//! One MMDB file in memory.
//!
//! In come bytes; out goes an [`Atlas`] that was walked from end to end, or what is wrong with them. The format is MaxMind's
//! (crate `maxminddb`); which fields of a record hold country and region differs between makers, so the first records
//! tell (see [`COUNTRIES`], [`REGIONS`]).
//!
//! It is read, not mapped: a mapped file that someone writes over or cuts short in place would end this process.

use std::borrow::Cow;
use std::fmt;
use std::path::Path;

use hashbrown::HashSet;
use maxminddb::PathElement::{Index, Key};
use maxminddb::{LookupResult, MaxMindDbError, PathElement, Reader, WithinOptions};
use schema::day::Day;
use schema::event::UNKNOWN;

use super::Place;
use crate::client::Prefix;

/// A field of a record.
#[derive(Debug, PartialEq, Eq)]
struct Field {
    name: &'static str,
    path: &'static [PathElement<'static>],
    is_code: bool,
}

const fn field(name: &'static str, path: &'static [PathElement<'static>], is_code: bool) -> Field {
    Field { name, path, is_code }
}

/// Where a country's code may be: MaxMind and DB-IP; DB-IP's tables as one MMDB, IPinfo; older files of IPinfo.
/// The first that any of a file's first records has holds for all of them.
const COUNTRIES: [Field; 3] = [
    field("country.iso_code", &[Key("country"), Key("iso_code")], true),
    field("country_code", &[Key("country_code")], true),
    field("country", &[Key("country")], true),
];

/// Where a region may be, in the same way; names only where there are no codes.
const REGIONS: [Field; 6] = [
    field("subdivisions[0].iso_code", &[Key("subdivisions"), Index(0), Key("iso_code")], true),
    field("region_code", &[Key("region_code")], true),
    field("subdivisions[0].names.en", &[Key("subdivisions"), Index(0), Key("names"), Key("en")], false),
    field("state1", &[Key("state1")], false),
    field("stateprov", &[Key("stateprov")], false),
    field("region", &[Key("region")], false),
];

/// So many networks tell which fields there are.
const LOOKED_AT: usize = 10_000;
/// Longest name of a region, in characters.
const NAME_CHARS: usize = 64;

/// Why bytes are no atlas.
#[derive(Debug, thiserror::Error)]
pub enum AtlasError {
    /// The file cannot be read.
    #[error("cannot be read ({0})")]
    Unreadable(#[from] std::io::Error),
    /// It is something else, cut short, or damaged.
    #[error("is no whole MMDB file ({0})")]
    Broken(#[from] MaxMindDbError),
    /// It is about something else.
    #[error("is an MMDB file of the type {0:?} and holds no countries where those of MaxMind and DB-IP do")]
    NoCountry(String),
}

/// One file, checked. It displays as what it is.
pub struct Atlas {
    reader: Reader<Vec<u8>>,
    layout: Layout,
    holds: Holds,
}

/// What is in a file.
#[derive(Default)]
struct Holds {
    countries: HashSet<Cow<'static, str>>,
    regions: HashSet<Cow<'static, str>>,
    v4: bool,
    v6: bool,
}

/// Which fields hold what.
struct Layout {
    country: &'static Field,
    region: Option<&'static Field>,
}

type Found<'a> = LookupResult<'a, Vec<u8>>;

impl Atlas {
    /// Reads a file and checks it.
    pub fn read(path: &Path) -> Result<Atlas, AtlasError> {
        Atlas::new(std::fs::read(path)?)
    }

    /// Checks the bytes of a file.
    pub fn new(bytes: Vec<u8>) -> Result<Atlas, AtlasError> {
        let reader = Reader::from_source(bytes)?;
        let kind = || AtlasError::NoCountry(reader.metadata().database_type.clone());
        let layout = Layout::of(&reader)?.ok_or_else(kind)?;
        let holds = survey(&reader, &layout)?;
        Ok(Atlas { reader, layout, holds })
    }

    /// When its maker built it, UTC seconds.
    pub fn built_s(&self) -> u64 {
        self.reader.metadata().build_epoch
    }

    /// The record that the network is in.
    pub(super) fn find(&self, prefix: Prefix) -> Option<Record<'_>> {
        let address = prefix.network()?;
        if address.is_ipv6() && self.reader.metadata().ip_version == 4 {
            return None; // the reader would call it a mistake, in words
        }
        let found = self.reader.lookup(address).ok()?;
        found.offset().map(|at| Record { atlas: self, found, at })
    }
}

impl fmt::Display for Atlas {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Atlas { reader, layout: Layout { country, region }, holds: Holds { countries, regions, v4, v6 } } = self;
        let about = reader.metadata();
        let day = i32::try_from(about.build_epoch / 86_400).map_or(Day(i32::MAX), Day);
        let (kind, countries, regions) = (&about.database_type, countries.len(), regions.len());
        write!(f, "{kind:?}, built {day}, with {countries} countries in `{}`", country.name)?;
        match region {
            Some(region) => write!(f, " and {regions} regions in `{}`", region.name)?,
            None => f.write_str(" and no regions")?,
        }
        f.write_str(match (v4, v6) {
            (true, false) => "; for IPv4 only",
            (false, true) => "; for IPv6 only",
            _ => "; for IPv4 and IPv6",
        })
    }
}

/// A record of an atlas.
pub(super) struct Record<'a> {
    atlas: &'a Atlas,
    found: Found<'a>,
    at: usize,
}

impl Record<'_> {
    /// Where it stands in the file: records with the same place there are the same.
    pub(super) fn at(&self) -> usize {
        self.at
    }

    /// What it says.
    pub(super) fn place(&self) -> Place {
        self.atlas.layout.place(&self.found).unwrap_or(Place::UNKNOWN)
    }
}

impl Layout {
    fn of(reader: &Reader<Vec<u8>>) -> Result<Option<Layout>, MaxMindDbError> {
        let (mut country, mut region) = (COUNTRIES.len(), REGIONS.len());
        for found in reader.networks(WithinOptions::default())?.take(LOOKED_AT) {
            let found = found?;
            for (n, field) in COUNTRIES[..country].iter().enumerate() {
                if field.text(&found)?.and_then(country_code).is_some() {
                    country = n;
                    break;
                }
            }
            for (n, field) in REGIONS[..region].iter().enumerate() {
                if field.text(&found)?.is_some_and(|text| field.region(text).is_some()) {
                    region = n;
                    break;
                }
            }
        }
        Ok(COUNTRIES.get(country).map(|country| Layout { country, region: REGIONS.get(region) }))
    }

    fn place(&self, found: &Found<'_>) -> Result<Place, MaxMindDbError> {
        let Some(country) = self.country.text(found)?.and_then(country_code) else { return Ok(Place::UNKNOWN) };
        let region = match self.region {
            Some(field) => {
                field.text(found)?.and_then(|text| field.region(text)).map(|region| format!("{country}-{region}"))
            }
            None => None,
        };
        Ok(Place { country: country.into(), region: region.map_or(Cow::Borrowed(UNKNOWN), Cow::Owned) })
    }
}

impl Field {
    /// The field's text, if the record has it; what is no text is none. Fails if the file is broken there.
    fn text<'a>(&self, found: &Found<'a>) -> Result<Option<&'a str>, MaxMindDbError> {
        match found.decode_path(self.path) {
            Err(MaxMindDbError::Decoding { .. }) => Ok(None), // another type than ours
            text => text,
        }
    }

    /// What follows the country in a region: a code of up to three letters and digits, or a name.
    fn region<'a>(&self, text: &'a str) -> Option<&'a str> {
        let text = text.trim();
        if self.is_code {
            // Some makers write the whole code.
            let rest = text.split_once('-').map_or(text, |(_, rest)| rest);
            let fits =
                matches!(rest.len(), 1..=3) && rest.bytes().all(|b| b.is_ascii_uppercase() || b.is_ascii_digit());
            return fits.then_some(rest);
        }
        let end = text.char_indices().nth(NAME_CHARS).map_or(text.len(), |(end, _)| end);
        (!text.is_empty() && !text.contains(char::is_control)).then(|| text[..end].trim_end())
    }
}

/// Two letters, in capitals.
fn country_code(text: &str) -> Option<String> {
    let fits = text.len() == 2 && text.bytes().all(|b| b.is_ascii_alphabetic());
    fits.then(|| text.to_ascii_uppercase())
}

/// Walks the whole file, so that nothing of it can surprise us later, and gathers what is in it.
fn survey(reader: &Reader<Vec<u8>>, layout: &Layout) -> Result<Holds, MaxMindDbError> {
    // A tree has one leaf more than it has nodes; a graph whose branches meet again could have very many.
    let leaves_max = reader.metadata().node_count as usize * 3;
    let (mut holds, mut records) = (Holds::default(), HashSet::new());
    for (n, found) in reader.networks(WithinOptions::default())?.enumerate() {
        let found = found?;
        if n >= leaves_max {
            return Err(MaxMindDbError::invalid_database("its search tree is no tree"));
        }
        let is_v4 = found.network()?.is_ipv4();
        holds.v4 |= is_v4;
        holds.v6 |= !is_v4;
        if found.offset().is_some_and(|at| records.insert(at)) {
            let Place { country, region } = layout.place(&found)?;
            holds.countries.insert(country);
            holds.regions.insert(region);
        }
    }
    holds.countries.remove(UNKNOWN);
    holds.regions.remove(UNKNOWN);
    Ok(holds)
}
