//! What one day's lines came to: anonymous events, packed (each word is held once, an event takes 64 bytes), and how
//! many lines were refused.

use std::collections::BTreeMap;
use std::sync::Arc;

use foldhash::fast::RandomState;
use hashbrown::HashMap;
use schema::day::Day;
use schema::event::{Channel, Device, Event, Kind, Lane, VisitorTag};
use schema::extra::Extra;
use schema::fate::{FateCount, Refusal};

/// What a word takes beside its text, about.
const WORD_BYTES: usize = 64;

/// One day of a site.
pub(super) struct OneDay {
    day: Day,
    site: u32,
    /// In the order they came, until they are sorted.
    events: Vec<Packed>,
    words: Words,
    extras: Extras,
    refused: BTreeMap<(Refusal, &'static str), u64>,
}

struct Packed {
    tag: VisitorTag,
    time_s: u32,
    name: u32,
    page: u32,
    source: u32,
    country: u32,
    region: u32,
    browser: u32,
    os: u32,
    language: u32,
    screen: u32,
    extra: u32,
    channel: Channel,
    device: Device,
    kind: Kind,
    lane: Lane,
    interactive: bool,
    offset_quarters: i8,
}

impl OneDay {
    /// With nothing in it yet.
    pub(super) fn new(day: Day, site: u32) -> OneDay {
        OneDay {
            day,
            site,
            events: Vec::new(),
            words: Words::default(),
            extras: Extras::default(),
            refused: BTreeMap::new(),
        }
    }

    /// The day.
    pub(super) fn day(&self) -> Day {
        self.day
    }

    /// Adds an event of this day and site.
    pub(super) fn push(&mut self, event: &Event<'_>) {
        // A new field must be placed here and in `events`, or this does not compile.
        let &Event {
            site: _,
            day: _,
            time_s,
            offset_quarters,
            lane,
            tag,
            kind,
            interactive,
            name,
            page,
            source,
            channel,
            country,
            region,
            device,
            browser,
            os,
            language,
            screen,
            extra,
        } = event;
        let mut word = |word| self.words.number(word);
        let (name, page, source) = (word(name), word(page), word(source));
        let (country, region, browser) = (word(country), word(region), word(browser));
        let (os, language, screen) = (word(os), word(language), word(screen));
        let extra = self.extras.number(extra);
        self.events.push(Packed {
            tag,
            time_s,
            name,
            page,
            source,
            country,
            region,
            browser,
            os,
            language,
            screen,
            extra,
            channel,
            device,
            kind,
            lane,
            interactive,
            offset_quarters,
        });
    }

    /// Counts lines that were refused.
    pub(super) fn refuse(&mut self, reason: Refusal, crawler: &'static str, lines: u64) {
        *self.refused.entry((reason, crawler)).or_default() += lines;
    }

    /// About how many bytes it takes.
    pub(super) fn bytes(&self) -> usize {
        self.events.capacity() * size_of::<Packed>() + self.words.bytes + self.extras.bytes
    }

    /// Puts the events in the order of their times; those of equal times stay in the order they came.
    pub(super) fn sort(&mut self) {
        self.events.sort_by_key(|event| event.time_s);
    }

    /// How many lines were refused, and why.
    pub(super) fn refused(&self) -> impl Iterator<Item = FateCount<'static>> {
        let (site, day) = (self.site, self.day);
        self.refused.iter().map(move |(&(reason, crawler), &hits)| FateCount { site, day, reason, crawler, hits })
    }

    /// One event after the other.
    pub(super) fn events(&self) -> impl Iterator<Item = Event<'_>> {
        let word = |number: u32| &*self.words.all[number as usize];
        self.events.iter().map(move |packed| Event {
            site: self.site,
            day: self.day,
            time_s: packed.time_s,
            offset_quarters: packed.offset_quarters,
            lane: packed.lane,
            tag: packed.tag,
            kind: packed.kind,
            interactive: packed.interactive,
            name: word(packed.name),
            page: word(packed.page),
            source: word(packed.source),
            channel: packed.channel,
            country: word(packed.country),
            region: word(packed.region),
            device: packed.device,
            browser: word(packed.browser),
            os: word(packed.os),
            language: word(packed.language),
            screen: word(packed.screen),
            extra: self.extras.get(packed.extra),
        })
    }
}

/// Words to numbers and back.
#[derive(Default)]
struct Words {
    all: Vec<Arc<str>>,
    numbers: HashMap<Arc<str>, u32, RandomState>,
    bytes: usize,
}

impl Words {
    fn number(&mut self, word: &str) -> u32 {
        if let Some(&number) = self.numbers.get(word) {
            return number;
        }
        let number = u32::try_from(self.all.len()).expect("2^32 words would take more room than there is");
        let word: Arc<str> = word.into();
        self.bytes += WORD_BYTES + word.len();
        self.all.push(Arc::clone(&word));
        self.numbers.insert(word, number);
        number
    }
}

/// What few events carry (a line of a log: the goals that it reaches), each distinct one once; to numbers and back.
#[derive(Default)]
struct Extras {
    all: Vec<Arc<[u8]>>,
    numbers: HashMap<Arc<[u8]>, u32, RandomState>,
    encoded: Vec<u8>,
    bytes: usize,
}

impl Extras {
    /// 0 for none, which nearly every event has.
    fn number(&mut self, extra: Extra<'_>) -> u32 {
        if extra.is_empty() {
            return 0;
        }
        self.encoded.clear();
        extra.write(&mut self.encoded);
        if let Some(&number) = self.numbers.get(&*self.encoded) {
            return number;
        }
        let bytes: Arc<[u8]> = self.encoded.as_slice().into();
        self.bytes += WORD_BYTES + bytes.len();
        self.all.push(Arc::clone(&bytes));
        let number = u32::try_from(self.all.len()).expect("2^32 of them would take more memory than there is");
        self.numbers.insert(bytes, number);
        number
    }

    fn get(&self, number: u32) -> Extra<'_> {
        let Some(at) = (number as usize).checked_sub(1) else { return Extra::NONE };
        Extra::decode(&self.all[at]).expect("an `Extra` wrote these bytes")
    }
}
