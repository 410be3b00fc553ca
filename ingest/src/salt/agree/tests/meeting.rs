//! Several collectors that use one topic.

use tokio::sync::Barrier;

use super::*;
use crate::accept::plausible;
use crate::admit::Wishes;
use crate::client::Prefix;
use crate::collect::{Head, Pipeline};
use crate::enrich::agent::Hints;
use crate::hit::Visitor;
use crate::testing::{Kept, Rig, options};

const ZONES: &str = "Africa/Abidjan Africa/Accra Africa/Algiers Africa/Cairo Africa/Casablanca Africa/Johannesburg \
                     Africa/Lagos Africa/Nairobi Africa/Tunis America/Anchorage America/Argentina/Ushuaia \
                     America/Bogota America/Caracas America/Chicago America/Denver America/Guayaquil America/Halifax \
                     America/Havana America/Lima America/Los_Angeles America/Mexico_City America/Montevideo \
                     America/New_York America/Panama America/Phoenix America/Santiago America/Sao_Paulo \
                     America/St_Johns Asia/Almaty Asia/Baghdad Asia/Bangkok Asia/Dhaka Asia/Dubai Asia/Hong_Kong \
                     Asia/Jakarta Asia/Jerusalem Asia/Kabul Asia/Karachi Asia/Kathmandu Asia/Kolkata Asia/Manila \
                     Asia/Seoul Asia/Shanghai Asia/Singapore Asia/Tashkent Asia/Tehran Asia/Tokyo Asia/Yangon \
                     Atlantic/Azores Atlantic/Reykjavik Australia/Adelaide Australia/Darwin Australia/Perth \
                     Australia/Sydney Europe/Athens Europe/Berlin Europe/Dublin Europe/Helsinki Europe/Istanbul \
                     Europe/Lisbon Europe/London Europe/Madrid Europe/Moscow Europe/Paris Europe/Rome \
                     Pacific/Apia Pacific/Auckland Pacific/Chatham Pacific/Honolulu Pacific/Tongatapu";

/// Sends one visitor's hit, and returns the fault if it failed.
async fn hit(rig: &Rig) -> Option<Fault> {
    let body = br#"{"n":"pageview","u":"https://example.org/","d":"example.org"}"#;
    let agent = b"Mozilla/5.0 (X11; Linux x86_64; rv:132.0) Gecko/20100101 Firefox/132.0";
    let visitor = Visitor { prefix: Prefix::of_text("198.51.100.7"), agent, language: b"fr" };
    let sent = plausible::parse(body).unwrap();
    let mut pipeline = Pipeline::new(rig.edge.collector.clone());
    pipeline.begin();
    let outcome =
        pipeline.collect(Ok(sent), &Head { visitor, hints: Hints::default(), wishes: Wishes::default() }, now_s());
    if let Some(ticket) = outcome.ticket {
        ticket.await.unwrap();
    }
    outcome.failed
}

fn tags(rig: &Rig) -> Vec<u64> {
    let tag = |kept| match kept {
        Kept::Event { tag, .. } => tag,
        other => panic!("{other:?}"),
    };
    rig.events().into_iter().map(tag).collect()
}

#[actix_web::test]
async fn a_visitor_has_the_same_tag_at_all_collectors_and_hits_fail_until_they_have_agreed() {
    let scene = Scene::new().await;
    let rig = || Rig::with(TempDir::new().unwrap(), options(), Salts::agreed(None, now_s()), &[]);
    let rigs = [rig(), rig()];
    for rig in &rigs {
        assert!(!rig.edge.collector.is_ready(now_s()));
        assert_eq!(hit(rig).await, Some(Fault::NoSalt));
        assert_eq!((rig.fate("no_salt"), rig.fate("stored")), (1, 0));
    }
    let run = |rig: &Rig| {
        let zones = rig.edge.collector.sites.get().iter().map(|site| site.zone.clone()).collect();
        let agreement = Agreement::open(&scene.settings, rig.edge.collector.salts.clone(), zones).unwrap();
        tokio::spawn(agreement.run(now_s))
    };
    let runs = rigs.each_ref().map(run);
    for rig in &rigs {
        until("a salt", || rig.edge.collector.is_ready(now_s())).await;
        assert_eq!(hit(rig).await, None);
    }
    let (one, other) = (tags(&rigs[0]), tags(&rigs[1]));
    assert!(one.len() == 1 && one == other, "{one:x?} {other:x?}");
    let alone = Rig::new();
    hit(&alone).await;
    assert_ne!(tags(&alone), one, "the salt makes the difference");
    for run in &runs {
        run.abort();
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn collectors_that_start_at_the_same_instant_agree() {
    let scene = Scene::new().await;
    let far_from_midnight = |zone: &Zone| zone.at(scene.now_s - 900).day == zone.at(scene.now_s + 900).day;
    let zones = ZONES.split_whitespace().map(|name| Zone::new(name).unwrap()).filter(far_from_midnight).take(50);
    let mut collectors = [scene.collector(), scene.collector()];
    let mut rounds = 0;
    for zone in zones {
        let start = Arc::new(Barrier::new(2));
        let both = collectors.map(|mut collector| {
            let start = start.clone();
            collector.zone = zone.clone();
            collector.agreement.zones = vec![zone.clone()];
            tokio::spawn(async move {
                start.wait().await;
                collector.round().await;
                collector
            })
        });
        let [one, other] = both;
        collectors = [one.await.unwrap(), other.await.unwrap()];
        let [one, other] =
            collectors.each_ref().map(|collector| (collector.salt(0).unwrap(), collector.salt(1).unwrap()));
        assert!(one == other && one.0 != one.1, "{}", zone.name());
        rounds += 1;
    }
    assert_eq!(rounds, 50);
    let records = scene.entries().await.len();
    assert!(records > 120, "of 100 dates some must have had two candidates, or nothing raced: {records}");
}

#[tokio::test]
async fn a_second_record_of_a_date_changes_nothing() {
    let scene = Scene::new().await;
    let mut first = scene.collector();
    first.round().await;
    let salts = (first.salt(0), first.salt(1));
    assert!(salts.0.is_ok() && salts.1.is_ok() && salts.0 != salts.1);
    for _ in 0..3 {
        scene.put(scene.today(), 'a').await;
        scene.put(scene.today().plus(1), 'a').await;
    }
    let mut second = scene.collector();
    for collector in [&mut first, &mut second] {
        collector.round().await;
        assert_eq!((collector.salt(0), collector.salt(1)), salts);
        assert!(collector.is_ready());
        assert_eq!(collector.counted("footfall_salt_disagreements_total"), "0");
        assert_eq!(collector.counted("footfall_salt_missing"), "0");
    }
    assert_eq!(scene.dates().await, [0, 1, 0, 1, 0, 1, 0, 1], "no share was written for a date that has one");
}

#[tokio::test]
async fn a_record_on_the_topic_does_not_contain_the_salt() {
    let scene = Scene::new().await;
    let mut collector = scene.collector();
    collector.round().await;
    let salt = collector.salt(0).unwrap();
    let entries = scene.entries().await;
    assert_eq!(entries.len(), 2);
    for entry in entries {
        let value = entry.value.unwrap();
        assert_eq!(value.len(), RECORD_BYTES);
        assert!(!value.windows(8).any(|window| salt.windows(8).any(|part| part == window)));
        assert!(!value.windows(8).any(|window| window == [0xaa; 8]), "nor does it contain the key");
    }
}

#[tokio::test]
async fn shares_of_past_dates_are_deleted_and_the_first_of_a_current_date_is_not() {
    let scene = Scene::new().await;
    let today = scene.today();
    for day in [today.plus(-2), today.plus(-1), today.plus(-1)] {
        scene.put(day, 'a').await;
    }
    let mut collector = scene.collector();
    collector.round().await;
    assert_eq!(scene.dates().await, [0, 1]);
    scene.put(today.plus(-1), 'a').await;
    collector.round().await;
    assert_eq!(scene.dates().await, [0, 1, -1], "the records before it are needed");
    let mut late = scene.collector();
    late.round().await;
    assert_eq!((late.salt(0), late.salt(1)), (collector.salt(0), collector.salt(1)));
    assert!(late.salt(0).is_ok() && late.salt(1).is_ok());
    assert_eq!(scene.dates().await, [0, 1, -1]);
}
