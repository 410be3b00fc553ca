//! The wire codec of `schema` compared with the crates `prost` and `buffa`, on the same records in one run:
//!
//! ```text
//! cargo run --release -p load-tests --features codecs --bin wire -- [--visitors 200000] [--sites 20] [--rounds 7]
//! ```
//!
//! Each codec encodes and decodes the synthetic day: as records of the spool, and as batches of the stream. It then
//! feeds the fold from the same bytes, as `aggregate` does: decode, apply, drain at 200,000 rows. That last figure
//! decides whether a crate may replace our codec, because decoding is only a part of the aggregator's work.
//!
//! Each codec ends with the same `schema` types, so that the fold and the checks of codes are the same. The rounds
//! alternate the order of the codecs. The program prints medians of the CPU time of this thread, and the median of each
//! round's ratio to our codec. Before the first round it checks that all codecs encode and decode the same.
#![expect(clippy::print_stdout, reason = "a program that prints figures")]

mod by_buffa;
mod by_prost;
mod ours;

use std::hint::black_box;

use aggregator::fold::{Checkpoint, Fold, Limits};
use by_buffa::Buffa;
use by_prost::Prost;
use clap::Parser;
use load_tests::processes::thread_cpu_seconds;
use load_tests::synthetic::{Names, View, views};
use ours::Ours;
use schema::day::Day;
use schema::event::Event;
use schema::wire::{Packer, Record, encode_event};
use warehouse::Rows;

const DAY: Day = Day(20_000);
const ROWS_PER_DRAIN: usize = 200_000;
/// Events per chunk of input and per batch: a chunk stays in the CPU cache, so that memory reads are not measured.
const CHUNK: usize = 500;
const EPOCH: u64 = 1;

/// Measures encoding and decoding of records with three codecs.
#[derive(Parser)]
struct Args {
    /// Visitors of the synthetic day
    #[arg(long, default_value_t = 200_000)]
    visitors: u64,
    /// Sites of the synthetic day
    #[arg(long, default_value_t = 20)]
    sites: usize,
    /// Number of rounds
    #[arg(long, default_value_t = 7)]
    rounds: usize,
}

/// An implementation of the wire format.
trait Codec: Default {
    const NAME: &'static str;

    /// Appends a record with this event.
    fn encode(&mut self, number: u64, event: &Event<'_>, out: &mut Vec<u8>);

    /// Decodes one record of the spool and passes it on.
    fn decode_record(bytes: &[u8], apply: &mut impl FnMut(&Record<'_>));

    /// Decodes one batch of the stream and passes its records on.
    fn decode_batch(bytes: &[u8], apply: &mut impl FnMut(&Record<'_>));
}

/// The measured steps, in the order of [`Seconds`].
const STEPS: [&str; 5] =
    ["encode a record", "decode a record", "fold from records", "decode a batch", "fold from batches"];

/// CPU seconds of each step over the day.
type Seconds = [f64; 5];

/// The name of a codec, and the function that measures it.
type Measured = (&'static str, fn(&[View], &Names) -> Seconds);

/// The bytes of one chunk.
#[derive(Default)]
struct Chunk {
    records: Vec<u8>,
    record_ends: Vec<usize>,
    batch: Vec<u8>,
}

fn main() {
    let args = Args::parse();
    let names = Names::default();
    let views = views(DAY, args.visitors, args.sites, &names);
    println!("{} page views of {} visitors on {} sites", views.len(), args.visitors, args.sites);
    check::<Prost>(&views[..views.len().min(5_000)], &names);
    check::<Buffa>(&views[..views.len().min(5_000)], &names);

    let codecs: [Measured; 3] =
        [(Ours::NAME, measure::<Ours>), (Prost::NAME, measure::<Prost>), (Buffa::NAME, measure::<Buffa>)];
    let mut rounds: [Vec<Seconds>; 3] = Default::default();
    for round in 0..args.rounds {
        for n in 0..codecs.len() {
            let codec = (round + n) % codecs.len();
            rounds[codec].push(codecs[codec].1(&views, &names));
        }
    }

    println!("nanoseconds per event, median of {} rounds (median ratio to ours, least to most):", args.rounds);
    for (step, name) in STEPS.iter().enumerate() {
        print!("  {name:18}");
        for (codec, (label, _)) in codecs.iter().enumerate() {
            let ns = sorted(rounds[codec].iter().map(|seconds| seconds[step] * 1e9 / views.len() as f64));
            let ratios = rounds[codec].iter().zip(&rounds[0]).map(|(theirs, ours)| theirs[step] / ours[step]);
            let ratios = sorted(ratios);
            print!("  {label} {:7.1}", ns[ns.len() / 2]);
            if codec > 0 {
                print!(" ({:.2}, {:.2} to {:.2})", ratios[ratios.len() / 2], ratios[0], ratios[ratios.len() - 1]);
            }
        }
        println!();
    }
}

fn sorted(values: impl Iterator<Item = f64>) -> Vec<f64> {
    let mut values: Vec<f64> = values.collect();
    values.sort_by(f64::total_cmp);
    values
}

/// One day through each step.
fn measure<C: Codec>(views: &[View], names: &Names) -> Seconds {
    let mut seconds = [0.0; 5];
    let mut timed = |step: usize, work: &mut dyn FnMut()| {
        let start_s = thread_cpu_seconds();
        work();
        seconds[step] += thread_cpu_seconds() - start_s;
    };
    let (mut codec, mut encoded, mut packer, mut chunk) =
        (C::default(), Vec::new(), Packer::default(), Chunk::default());
    let (mut from_records, mut from_batches) = (new_fold(), new_fold());
    let mut number = 1;
    for views in views.chunks(CHUNK) {
        let events: Vec<Event<'_>> = views.iter().map(|view| view.event(names)).collect();
        chunk.fill(number, &events, &mut packer);
        timed(0, &mut || {
            encoded.clear();
            for (number, event) in (number..).zip(&events) {
                codec.encode(number, event, &mut encoded);
            }
            black_box(&encoded);
        });
        timed(1, &mut || chunk.for_each_record(|bytes| C::decode_record(bytes, &mut |record| consume(record))));
        timed(2, &mut || {
            chunk.for_each_record(|bytes| C::decode_record(bytes, &mut |record| from_records.apply(0, record)));
            drain_at(ROWS_PER_DRAIN, &mut from_records);
        });
        timed(3, &mut || C::decode_batch(&chunk.batch, &mut |record| consume(record)));
        timed(4, &mut || {
            C::decode_batch(&chunk.batch, &mut |record| from_batches.apply(0, record));
            drain_at(ROWS_PER_DRAIN, &mut from_batches);
        });
        number += events.len() as u64;
    }
    timed(2, &mut || drain_at(0, &mut from_records));
    timed(4, &mut || drain_at(0, &mut from_batches));
    seconds
}

/// Keeps the compiler from removing the decoding of a record that is not used.
fn consume(record: &Record<'_>) {
    black_box(record);
}

fn new_fold() -> Fold {
    Fold::new(Checkpoint::default(), Limits::default())
}

fn drain_at(rows: usize, fold: &mut Fold) {
    if fold.pending_rows() >= rows {
        black_box(fold.drain().rows.iter().map(Rows::len).sum::<usize>());
    }
}

impl Chunk {
    /// Encodes the events with our codec: every codec decodes the same bytes.
    fn fill(&mut self, first: u64, events: &[Event<'_>], packer: &mut Packer) {
        self.records.clear();
        self.record_ends.clear();
        self.batch.clear();
        let (mut ours, mut body) = (Ours::default(), Vec::new());
        for (number, event) in (first..).zip(events) {
            ours.encode(number, event, &mut self.records);
            self.record_ends.push(self.records.len());
            body.clear();
            encode_event(event, &mut body);
            // The packer takes the event without the key and the length of the record's field.
            let event = schema::wire::decode_raw(&body).map(|raw| raw.body);
            let Ok(schema::wire::RawBody::Event(event)) = event else { unreachable!("it was just encoded") };
            packer.push(EPOCH, number, event).expect("it was just encoded");
        }
        packer.finish(&mut self.batch);
    }

    fn for_each_record(&self, mut apply: impl FnMut(&[u8])) {
        let mut start = 0;
        for &end in &self.record_ends {
            apply(&self.records[start..end]);
            start = end;
        }
    }
}

/// Compares a codec with ours: the same bytes from the same events, and the same records from the same bytes.
fn check<C: Codec>(views: &[View], names: &Names) {
    let (mut codec, mut encoded, mut chunk) = (C::default(), Vec::new(), Chunk::default());
    let events: Vec<Event<'_>> = views.iter().map(|view| view.event(names)).collect();
    chunk.fill(1, &events, &mut Packer::default());
    for (number, event) in (1..).zip(&events) {
        codec.encode(number, event, &mut encoded);
    }
    assert!(encoded == chunk.records, "{} encodes a record in another way", C::NAME);
    let mut ours = Vec::new();
    chunk.for_each_record(|bytes| Ours::decode_record(bytes, &mut |record| ours.push(format!("{record:?}"))));
    assert_eq!(ours.len(), events.len());
    let mut theirs = ours.iter();
    let mut compare = |record: &Record<'_>| {
        assert_eq!(theirs.next(), Some(&format!("{record:?}")), "{} decodes another record", C::NAME);
    };
    chunk.for_each_record(|bytes| C::decode_record(bytes, &mut compare));
    let mut theirs = ours.iter();
    let mut compare = |record: &Record<'_>| {
        assert_eq!(theirs.next(), Some(&format!("{record:?}")), "{} decodes another batch", C::NAME);
    };
    C::decode_batch(&chunk.batch, &mut compare);
    assert_eq!(theirs.next(), None);
}
