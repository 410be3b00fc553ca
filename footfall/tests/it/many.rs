//! `footfall ingest`, Kafka, `footfall aggregate` and ClickHouse together, without faults.

use std::sync::atomic::{AtomicBool, Ordering};

use crate::clients::{Answers, CRAWLER_EVERY, send_hits};
use crate::fleet::{Fleet, Size};

const SMALL: Size = Size { partitions: 4, ingests: 2, aggregates: 2 };

/// Sends all hits from `connections` clients, spread over the collectors, and waits until they are sent.
pub(crate) fn send(fleet: &Fleet, answers: &Answers, connections: usize) {
    let addresses: Vec<String> = fleet.ingests.iter().map(|it| it.address()).collect();
    let over = AtomicBool::new(false);
    std::thread::scope(|scope| {
        for n in 0..connections {
            let (address, over) = (&addresses[n % addresses.len()], &over);
            scope.spawn(move || send_hits(address, answers, over));
        }
    });
}

#[test]
fn hits_at_two_collectors_are_counted_once_by_two_aggregators_and_a_visitor_of_both_has_one_tag() {
    let mut fleet = Fleet::start(SMALL, "");
    let answers = Answers::new(5_000, 50);
    send(&fleet, &answers, 8);
    fleet.wait_until_quiet();
    let views = fleet.views();
    let counted = answers.counted.lock();
    assert_eq!(counted.len() as u64 + answers.refused.load(Ordering::Relaxed), 5_000);
    assert!(counted.iter().all(|n| views.get(&format!("/page/{n}")) == Some(&1)));
    assert_eq!(views.len(), counted.len());
    assert_eq!(fleet.sum("visitors", "live_visits"), 50, "a visitor of two collectors has one tag");
    assert_eq!(fleet.sum("hits", "live_fates") as u64, 5_000 / CRAWLER_EVERY + 1);
    assert!(fleet.one::<u64>("SELECT uniqExact(shard) FROM live_pages") == 4, "all partitions have traffic");
    // stored = shipped = folded = inserted. The records are the hits, and up to one record of refusals a second.
    let all = |members: &[crate::fleet::Member], name: &str| -> f64 {
        members.iter().map(|it| it.metric(name).unwrap_or(0.0)).sum()
    };
    let stored = all(&fleet.ingests, "footfall_hits_total{fate=\"stored\"}");
    let shipped = all(&fleet.ingests, "footfall_ship_records_total");
    assert_eq!(stored as usize, counted.len());
    assert!((stored..stored + 120.0).contains(&shipped), "{stored} stored, {shipped} shipped");
    let closes = all(&fleet.aggregates, "footfall_aggregate_records_total") - shipped;
    assert!(
        (4.0..=16.0).contains(&closes),
        "every shipped record is folded, and so are the closes, one per partition and close: {closes}"
    );
    assert_eq!(stored as i64, fleet.sum("pageviews", "live_pages"), "every folded hit is inserted");
    for member in fleet.aggregates.iter_mut().chain(&mut fleet.ingests) {
        assert!(member.stop().success(), "{}", member.log_text());
    }
}
