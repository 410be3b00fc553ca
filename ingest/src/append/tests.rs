use std::collections::HashSet;

use actix_web::rt::System;
use schema::day::Day;
use schema::event::{Channel, Device, Event, Kind, Lane, VisitorTag};
use schema::extra::Extra;
use schema::fate::Refusal;
use tempfile::TempDir;

use super::*;
use crate::salt::Salts;
use crate::testing::{Kept, Numbered, Rig, options, refusals};

fn event(page: &str) -> Event<'_> {
    Event {
        site: 1,
        day: Day(20_781),
        time_s: 1_795_521_600,
        offset_quarters: 4,
        lane: Lane::Audience,
        tag: VisitorTag(7),
        kind: Kind::Pageview,
        interactive: true,
        name: "",
        page,
        source: "Direct",
        channel: Channel::Direct,
        country: "unknown",
        region: "unknown",
        device: Device::Desktop,
        browser: "Firefox 132",
        os: "Linux",
        language: "fr",
        screen: "unknown",
        extra: Extra::NONE,
    }
}

fn refused(reason: Refusal, crawler: &'static str) -> Refused {
    Refused { site: 1, day: Day(20_781), reason, crawler }
}

fn pages(records: &[Numbered]) -> Vec<String> {
    let page = |kept: &Kept| if let Kept::Event { page, .. } = kept { Some(page.clone()) } else { None };
    records.iter().filter_map(|(_, _, kept)| page(kept)).collect()
}

/// Checks that the records of each epoch are numbered without gaps, and returns the number of epochs. Closes have no
/// number.
fn assert_no_gaps(records: &[Numbered]) -> usize {
    let mut epochs: Vec<(u64, u64)> = Vec::new();
    for (epoch, number, kept) in records {
        if matches!(kept, Kept::Close(_)) {
            assert_eq!((*epoch, *number), (0, 0), "a close has no number");
            continue;
        }
        match epochs.iter_mut().find(|(known, _)| known == epoch) {
            Some((_, last)) => {
                assert_eq!(*number, *last + 1);
                *last = *number;
            }
            None => {
                assert_eq!(*number, 1);
                epochs.push((*epoch, 1));
            }
        }
    }
    epochs.len()
}

#[test]
fn an_event_is_on_disk_when_its_ticket_resolves() {
    let rig = Rig::new();
    System::new().block_on(async {
        let desk = rig.edge.collector.appender.desk();
        for n in 0..50 {
            let page = format!("/{n}");
            desk.append(&event(&page)).unwrap().await.unwrap();
            assert_eq!(pages(&rig.records()).last(), Some(&page));
        }
    });
    assert_eq!(rig.fate("stored"), 50);
}

#[test]
fn many_workers_share_commits_and_every_hit_is_stored_once_in_its_workers_order() {
    let rig = Rig::new();
    std::thread::scope(|scope| {
        for worker in 0..4 {
            let appender = &rig.edge.collector.appender;
            scope.spawn(move || {
                System::new().block_on(async {
                    let desk = appender.desk();
                    for turn in 0..20 {
                        let tickets: Vec<_> = (0..50)
                            .map(|n| desk.append(&event(&format!("/{worker}/{:04}", turn * 50 + n))).unwrap())
                            .collect();
                        for ticket in tickets {
                            ticket.await.unwrap();
                        }
                    }
                });
            });
        }
    });
    let records = rig.stopped();
    assert_eq!(assert_no_gaps(&records), 1);
    let pages = pages(&records);
    assert_eq!(pages.iter().collect::<HashSet<_>>().len(), 4000);
    for worker in 0..4 {
        let own: Vec<_> = pages.iter().filter(|page| page.starts_with(&format!("/{worker}/"))).collect();
        assert!(own.is_sorted() && own.len() == 1000);
    }
    assert_eq!(rig.fate("stored"), 4000);
}

#[test]
fn a_hit_whose_ticket_is_dropped_is_stored_nevertheless() {
    let rig = Rig::new();
    System::new().block_on(async {
        let desk = rig.edge.collector.appender.desk();
        drop(desk.append(&event("/dropped")).unwrap());
        desk.append(&event("/awaited")).unwrap().await.unwrap();
    });
    assert_eq!(pages(&rig.stopped()), ["/dropped", "/awaited"]);
}

#[test]
fn stopping_writes_the_waiting_hits_and_the_refusals() {
    let rig = Rig::new();
    let appender = &rig.edge.collector.appender;
    System::new().block_on(async {
        let desk = appender.desk();
        let held = appender.hold_writer();
        let ticket = desk.append(&event("/late")).unwrap();
        while held.handed_over() == 0 {
            tokio::task::yield_now().await;
        }
        appender.refuse(refused(Refusal::Dnt, ""));
        std::thread::scope(|scope| {
            let stop = scope.spawn(|| appender.stop());
            drop(held);
            stop.join().unwrap();
        });
        let too_late = desk.append(&event("/too-late")).unwrap();
        ticket.await.unwrap();
        assert_eq!(too_late.await, Err(Fault::SpoolBroken));
        assert_eq!(desk.append(&event("/too-late")).err(), Some(Fault::SpoolBroken), "later ones fail at once");
    });
    let records = rig.records();
    assert_eq!(pages(&records), ["/late"]);
    assert_eq!(refusals(&records).values().sum::<u64>(), 1);
    assert_eq!((rig.fate("stored"), rig.fate("spool_broken")), (1, 1), "the caller of `append` counts its error");
    assert!(!appender.is_sound());
}

#[test]
fn a_close_comes_after_everything_accepted_before_it_and_ends_the_segment() {
    let rig = Rig::new();
    let appender = &rig.edge.collector.appender;
    System::new().block_on(async {
        let desk = appender.desk();
        desk.append(&event("/before")).unwrap().await.unwrap();
        appender.refuse(refused(Refusal::Bot, "Googlebot"));
        let segments = rig.spool.segments();
        appender.close(Day(20_781)).await.unwrap();
        let kinds: Vec<_> = rig.records().into_iter().map(|(_, _, kept)| kept).collect();
        assert!(
            matches!(&kinds[..], [Kept::Event { .. }, Kept::Fates(_), Kept::Close(20_781)]),
            "on disk when it returns: {kinds:?}"
        );
        assert_eq!(rig.spool.segments(), segments + 1);
        desk.append(&event("/after")).unwrap().await.unwrap();
    });
    let records = rig.stopped();
    assert_eq!(pages(&records), ["/before", "/after"]);
    assert_no_gaps(&records);
}

#[test]
fn after_a_restart_numbers_begin_at_1_under_another_epoch() {
    let mut dir = TempDir::new().unwrap();
    for start in 1..=3 {
        let rig = Rig::with(dir, options(), Salts::in_memory(), &[]);
        System::new().block_on(async {
            let desk = rig.edge.collector.appender.desk();
            for n in 0..5 {
                desk.append(&event(&format!("/{start}/{n}"))).unwrap().await.unwrap();
            }
            rig.edge.collector.appender.refuse(refused(Refusal::Gpc, ""));
        });
        let records = rig.stopped();
        assert_eq!(assert_no_gaps(&records), start);
        assert_eq!(records.len(), 6 * start);
        dir = kept_dir(rig);
    }
}

/// The directory without its collector.
fn kept_dir(mut rig: Rig) -> TempDir {
    std::mem::replace(&mut rig.dir, TempDir::new().unwrap())
}

#[test]
fn refusals_that_a_full_spool_did_not_accept_are_written_after_trimming() {
    let small = spool::Options { segment_bytes: 16 << 10, bytes_max: 32 << 10, ..options() };
    let rig = Rig::with(TempDir::new().unwrap(), small, Salts::in_memory(), &[]);
    let appender = &rig.edge.collector.appender;
    System::new().block_on(async {
        let desk = appender.desk();
        while desk.append(&event(&"x".repeat(300))).unwrap().await.is_ok() {}
        while appender.close(Day(0)).await.is_ok() {} // down to the last bytes
        appender.refuse(refused(Refusal::OptOut, ""));
        assert_eq!(appender.close(Day(1)).await, Err(Fault::SpoolFull));
        assert!(refusals(&rig.records()).is_empty());
        rig.spool.trim(rig.spool.synced()).unwrap();
        appender.close(Day(1)).await.unwrap();
    });
    assert_eq!(refusals(&rig.records()).values().sum::<u64>(), 1);
    assert!(appender.is_sound(), "full is not broken");
}

#[test]
fn equal_refusals_are_added_up_and_many_different_ones_are_split_into_records() {
    let rig = Rig::new();
    let appender = &rig.edge.collector.appender;
    for site in 0..10_000 {
        appender.refuse(Refused { site, ..refused(Refusal::Hostname, "") });
        appender.refuse(Refused { site, ..refused(Refusal::Hostname, "") });
    }
    let records = rig.stopped();
    let sums = refusals(&records);
    assert_eq!((sums.len(), sums.values().sum::<u64>()), (10_000, 20_000));
    assert_no_gaps(&records);
}
