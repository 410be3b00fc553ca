//! Replacing the deployment's keys.

use super::*;

#[tokio::test]
async fn a_share_gives_no_salt_until_the_collector_has_its_key() {
    let scene = Scene::new().await;
    write_keys(&scene.keys, "b");
    let mut theirs = scene.collector();
    theirs.round().await;
    write_keys(&scene.keys, "a");
    let mut ours = scene.collector();
    for _ in 0..3 {
        ours.round().await;
        assert_eq!((ours.salt(0), ours.salt(1)), (Err(Fault::NoSalt), Err(Fault::NoSalt)));
        assert!(!ours.is_ready());
        assert_eq!(ours.counted("footfall_salt_missing"), "2");
    }
    assert_eq!(scene.dates().await, [0, 1], "it writes no other share");
    write_keys(&scene.keys, "ab");
    ours.round().await;
    assert_eq!((ours.salt(0), ours.salt(1)), (theirs.salt(0), theirs.salt(1)));
    assert!(ours.salt(0).is_ok() && ours.is_ready());
    assert_eq!(ours.counted("footfall_salt_missing"), "0");
}

#[tokio::test]
async fn a_new_key_is_used_for_new_shares_and_the_old_key_still_opens_old_ones() {
    let scene = Scene::new().await;
    let mut collector = scene.collector();
    collector.round().await;
    let before = (collector.salt(0).unwrap(), collector.salt(1).unwrap());
    write_keys(&scene.keys, "ca");
    collector.round().await;
    let other = Zone::new("Asia/Kolkata").unwrap();
    collector.agreement.zones.push(other.clone());
    collector.agreement.round(scene.now_s).await.unwrap();
    let made_for = |entry: &Entry| (named_zone(entry), Share::decode(entry.value.as_ref().unwrap()).unwrap().made_for);
    let found: Vec<_> = scene.entries().await.iter().map(made_for).collect();
    let (zone, kolkata) = (scene.zone.name().to_owned(), other.name().to_owned());
    let (old, new) = (key('a').id, key('c').id);
    assert_eq!(found, [(zone.clone(), old), (zone, old), (kolkata.clone(), new), (kolkata, new)]);

    let mut late = scene.collector();
    late.agreement.zones.push(other.clone());
    late.round().await;
    assert_eq!((late.salt(0).unwrap(), late.salt(1).unwrap()), before);
    assert_eq!(late.salts.of(&other, other.at(scene.now_s).day).unwrap().key(), {
        collector.salts.of(&other, other.at(scene.now_s).day).unwrap().key()
    });

    // The old line is removed: agreed salts stay in use, and a collector that starts now has no salt from the old key.
    write_keys(&scene.keys, "c");
    let mut later = scene.collector();
    for collector in [&mut late, &mut later] {
        collector.round().await;
    }
    assert_eq!((late.salt(0).unwrap(), late.is_ready()), (before.0, true));
    assert_eq!((later.salt(0), later.is_ready()), (Err(Fault::NoSalt), false));
}

fn named_zone(entry: &Entry) -> String {
    share::parse_name(&entry.key).unwrap().0.to_owned()
}

#[tokio::test]
async fn a_record_of_another_version_gives_no_salt_and_is_not_replaced() {
    let scene = Scene::new().await;
    let name = share::name(scene.zone.name(), scene.today());
    scene.ledger().put(name.as_bytes(), Some(&[2; 57]), SOON).await.unwrap();
    let mut collector = scene.collector();
    for _ in 0..2 {
        collector.round().await;
        assert_eq!(collector.salt(0), Err(Fault::NoSalt));
    }
    assert_eq!(scene.dates().await, [0, 1]);
    assert!(collector.salt(1).is_ok(), "the other date is not affected");
}
