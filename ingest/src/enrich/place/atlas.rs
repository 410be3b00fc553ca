//! One MMDB file in memory.
//!
//! In come bytes; out goes an [`Atlas`] that was checked from end to end, or an error. The format is MaxMind's (crate
//! `maxminddb`). Makers use different fields for country and region, so the first records of a file decide which
//! fields it has (see [`COUNTRIES`], [`REGIONS`]).
//!
//! The file is read, not mapped. If a mapped file were overwritten or truncated in place, the process would be killed.

use std::borrow::Cow;
use std::fmt;
use std::path::Path;

use hashbrown::HashSet;
use maxminddb::PathElement::{Index, Key};
use maxminddb::{LookupResult, MaxMindDbError, PathElement, Reader, WithinOptions};
use schema::day::Day;
use schema::event::UNKNOWN;

use super::GeoPlace;
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

/// The fields that can hold a country's code: in files of MaxMind and DB-IP; in DB-IP's tables as one MMDB and in
/// IPinfo's files; in older files of IPinfo. The first of these that any of a file's first records has is used for
/// all records.
const COUNTRIES: [Field; 3] = [
    field("country.iso_code", &[Key("country"), Key("iso_code")], true),
    field("country_code", &[Key("country_code")], true),
    field("country", &[Key("country")], true),
];

/// The fields that can hold a region, likewise. Names are used only if there are no codes.
const REGIONS: [Field; 6] = [
    field("subdivisions[0].iso_code", &[Key("subdivisions"), Index(0), Key("iso_code")], true),
    field("region_code", &[Key("region_code")], true),
    field("subdivisions[0].names.en", &[Key("subdivisions"), Index(0), Key("names"), Key("en")], false),
    field("state1", &[Key("state1")], false),
    field("stateprov", &[Key("stateprov")], false),
    field("region", &[Key("region")], false),
];

/// How many networks are examined to find the fields.
const EXAMINED_NETWORKS: usize = 10_000;
/// Longest name of a region, in characters.
const NAME_CHARS_MAX: usize = 64;

/// Why bytes are not an atlas.
#[derive(Debug, thiserror::Error)]
pub enum AtlasError {
    /// The file cannot be read.
    #[error("cannot be read ({0})")]
    Unreadable(#[from] std::io::Error),
    /// The file is of another format, truncated, or damaged.
    #[error("is no whole MMDB file ({0})")]
    Broken(#[from] MaxMindDbError),
    /// The file has no countries.
    #[error("is an MMDB file of the type {0:?} and holds no countries where those of MaxMind and DB-IP do")]
    NoCountry(String),
}

/// One checked file. Its `Display` describes the file.
pub struct Atlas {
    reader: Reader<Vec<u8>>,
    layout: FieldLayout,
    holds: AtlasContents,
}

/// Summary of a file's contents.
#[derive(Default)]
struct AtlasContents {
    countries: HashSet<Cow<'static, str>>,
    regions: HashSet<Cow<'static, str>>,
    v4: bool,
    v6: bool,
}

/// The fields that a file has.
struct FieldLayout {
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
        let layout = FieldLayout::of(&reader)?.ok_or_else(kind)?;
        let holds = survey(&reader, &layout)?;
        Ok(Atlas { reader, layout, holds })
    }

    /// When the file was built, UTC seconds.
    pub fn built_s(&self) -> u64 {
        self.reader.metadata().build_epoch
    }

    /// The record of a network.
    pub(super) fn find(&self, prefix: Prefix) -> Option<AtlasRecord<'_>> {
        let address = prefix.network()?;
        if address.is_ipv6() && self.reader.metadata().ip_version == 4 {
            return None; // the reader would allocate an error
        }
        let found = self.reader.lookup(address).ok()?;
        found.offset().map(|offset| AtlasRecord { atlas: self, found, offset })
    }
}

impl fmt::Display for Atlas {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Atlas {
            reader,
            layout: FieldLayout { country, region },
            holds: AtlasContents { countries, regions, v4, v6 },
        } = self;
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
pub(super) struct AtlasRecord<'a> {
    atlas: &'a Atlas,
    found: Found<'a>,
    offset: usize,
}

impl AtlasRecord<'_> {
    /// The record's offset in the file. Two networks with the same offset have the same record.
    pub(super) fn offset(&self) -> usize {
        self.offset
    }

    /// The country and region of the record.
    pub(super) fn place(&self) -> GeoPlace {
        self.atlas.layout.place(&self.found).unwrap_or(GeoPlace::UNKNOWN)
    }
}

impl FieldLayout {
    fn of(reader: &Reader<Vec<u8>>) -> Result<Option<FieldLayout>, MaxMindDbError> {
        let (mut country, mut region) = (COUNTRIES.len(), REGIONS.len());
        for found in reader.networks(WithinOptions::default())?.take(EXAMINED_NETWORKS) {
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
        Ok(COUNTRIES.get(country).map(|country| FieldLayout { country, region: REGIONS.get(region) }))
    }

    fn place(&self, found: &Found<'_>) -> Result<GeoPlace, MaxMindDbError> {
        let Some(country) = self.country.text(found)?.and_then(country_code) else { return Ok(GeoPlace::UNKNOWN) };
        let region = match self.region {
            Some(field) => {
                field.text(found)?.and_then(|text| field.region(text)).map(|region| format!("{country}-{region}"))
            }
            None => None,
        };
        Ok(GeoPlace { country: country.into(), region: region.map_or(Cow::Borrowed(UNKNOWN), Cow::Owned) })
    }
}

impl Field {
    /// The field's text, if the record has the field and it is text. Fails if the file is broken there.
    fn text<'a>(&self, found: &Found<'a>) -> Result<Option<&'a str>, MaxMindDbError> {
        match found.decode_path(self.path) {
            Err(MaxMindDbError::Decoding { .. }) => Ok(None), // the field has another type
            text => text,
        }
    }

    /// The part of a region after the country: a code of up to three letters and digits, or a name.
    fn region<'a>(&self, text: &'a str) -> Option<&'a str> {
        let text = text.trim();
        if self.is_code {
            // Some makers write the whole code.
            let rest = text.split_once('-').map_or(text, |(_, rest)| rest);
            let fits =
                matches!(rest.len(), 1..=3) && rest.bytes().all(|b| b.is_ascii_uppercase() || b.is_ascii_digit());
            return fits.then_some(rest);
        }
        let end = text.char_indices().nth(NAME_CHARS_MAX).map_or(text.len(), |(end, _)| end);
        (!text.is_empty() && !text.contains(char::is_control)).then(|| text[..end].trim_end())
    }
}

/// Two letters, in capitals.
fn country_code(text: &str) -> Option<String> {
    let fits = text.len() == 2 && text.bytes().all(|b| b.is_ascii_alphabetic());
    fits.then(|| text.to_ascii_uppercase())
}

/// Walks the whole file, so that no error can occur later, and summarises its contents.
fn survey(reader: &Reader<Vec<u8>>, layout: &FieldLayout) -> Result<AtlasContents, MaxMindDbError> {
    // A tree has one leaf more than it has nodes. A graph whose branches join again could have very many.
    let leaves_max = reader.metadata().node_count as usize * 3;
    let (mut holds, mut records) = (AtlasContents::default(), HashSet::new());
    for (n, found) in reader.networks(WithinOptions::default())?.enumerate() {
        let found = found?;
        if n >= leaves_max {
            return Err(MaxMindDbError::invalid_database("its search tree is no tree"));
        }
        let is_v4 = found.network()?.is_ipv4();
        holds.v4 |= is_v4;
        holds.v6 |= !is_v4;
        if found.offset().is_some_and(|at| records.insert(at)) {
            let GeoPlace { country, region } = layout.place(&found)?;
            holds.countries.insert(country);
            holds.regions.insert(region);
        }
    }
    holds.countries.remove(UNKNOWN);
    holds.regions.remove(UNKNOWN);
    Ok(holds)
}
