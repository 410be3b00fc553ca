//! Events per second of one core in the fold: `cargo run --release -p load-tests --bin fold [VISITORS [SITES]]`.
//!
//! The synthetic day goes through the fold as wire bytes, ordered by time. The fold is drained at 200,000 rows, as in
//! the aggregator. All times are CPU times of this thread. The binary `wire` measures the same with other decoders.

use aggregator::fold::{Checkpoint, Fold, Limits};
use load_tests::processes::thread_cpu_seconds;
use load_tests::synthetic::{Names, View, views};
use schema::day::Day;
use schema::wire::{self, Body, Record};
use warehouse::Rows;

const RUNS: usize = 7;
const ROWS_PER_DRAIN: usize = 200_000;
/// Events per chunk of input: a chunk stays in the CPU cache, so that memory reads of the input are not measured.
const CHUNK: usize = 500;
const DAY: Day = Day(20_000);

fn main() {
    let mut arguments = std::env::args().skip(1).map(|text| text.parse::<u64>().expect("a number"));
    let visitors = arguments.next().unwrap_or(200_000);
    let sites = arguments.next().unwrap_or(20) as usize;
    let names = Names::default();
    let views = views(DAY, visitors, sites, &names);
    println!("{visitors} visitors of {sites} sites, {} page views", views.len());

    let runs: Vec<Run> = (0..RUNS).map(|_| run(&views, &names)).collect();
    let first = &runs[0];
    let per_event = |n: usize| n as f64 / views.len() as f64;
    println!("{:.2} rows and {:.0} wire bytes per event", per_event(first.rows), per_event(first.wire_bytes));
    println!("{:.0} bytes of state per visitor", first.state_bytes as f64 / visitors as f64);
    println!("million events/s per core, median (least to most) of {RUNS} runs:");
    let print = |what: &str, seconds: &dyn Fn(&Run) -> f64| {
        let mut rates: Vec<f64> = runs.iter().map(|run| views.len() as f64 / seconds(run) / 1e6).collect();
        rates.sort_by(f64::total_cmp);
        println!("  {what:22} {:.2} ({:.2} to {:.2})", rates[RUNS / 2], rates[0], rates[RUNS - 1]);
    };
    print("apply", &|run| run.apply_s);
    print("apply + drain", &|run| run.apply_s + run.drain_s);
    print("decode + apply + drain", &|run| run.decode_s + run.apply_s + run.drain_s);
}

#[derive(Default)]
struct Run {
    decode_s: f64,
    apply_s: f64,
    drain_s: f64,
    rows: usize,
    wire_bytes: usize,
    state_bytes: usize,
}

/// One day through a new fold.
fn run(views: &[View], names: &Names) -> Run {
    let (mut fold, mut run) = (Fold::new(Checkpoint::default(), Limits::default()), Run::default());
    let (mut bytes, mut ends, mut number) = (Vec::new(), Vec::new(), 0);
    for chunk in views.chunks(CHUNK) {
        bytes.clear();
        ends.clear();
        for view in chunk {
            number += 1;
            let body = Body::Event(view.event(names));
            encode(&Record { partition: 0, epoch: 1, number, body }, &mut bytes);
            ends.push(bytes.len());
        }
        run.wire_bytes += bytes.len();
        let begins = std::iter::once(0).chain(ends.iter().copied());

        let start_s = thread_cpu_seconds();
        let decode = |(begin, &end): (usize, &usize)| wire::decode(&bytes[begin..end]).expect("it was just encoded");
        let records: Vec<Record<'_>> = begins.zip(&ends).map(decode).collect();
        let decoded_s = thread_cpu_seconds();
        records.iter().for_each(|record| fold.apply(0, record));
        let applied_s = thread_cpu_seconds();
        run.decode_s += decoded_s - start_s;
        run.apply_s += applied_s - decoded_s;
        if fold.pending_rows() >= ROWS_PER_DRAIN {
            drain(&mut fold, &mut run);
        }
    }
    drain(&mut fold, &mut run);
    run.state_bytes = fold.bytes();
    run
}

fn drain(fold: &mut Fold, run: &mut Run) {
    let start_s = thread_cpu_seconds();
    run.rows += fold.drain().rows.iter().map(Rows::len).sum::<usize>();
    run.drain_s += thread_cpu_seconds() - start_s;
}

fn encode(record: &Record<'_>, bytes: &mut Vec<u8>) {
    if let Body::Event(event) = &record.body {
        let mut body = Vec::with_capacity(256);
        wire::encode_event(event, &mut body);
        wire::encode_record(record.partition, record.epoch, record.number, &body, bytes);
    }
}
