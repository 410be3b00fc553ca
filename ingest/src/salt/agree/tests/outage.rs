//! Kafka is unreachable, collectors restart, the topic is lost.

use super::*;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn while_kafka_is_unreachable_agreed_salts_are_used_and_no_other_is_made() {
    let mut scene = Scene::at(Arc::new(Broker::start())).await;
    let ram = ram();
    let mut first = scene.restarted(memory(&ram));
    first.round().await;
    let agreed = (first.salt(0).unwrap(), first.peek(scene.today().plus(1)).unwrap());
    drop(first);

    Arc::get_mut(&mut scene.broker).unwrap().kill();
    let restarted = scene.restarted(memory(&ram));
    assert_eq!(restarted.salt(0), Ok(agreed.0));
    assert!(restarted.is_ready());
    let after = |days| restarted.salts.today(&scene.zone, scene.now_s + days * DAY_S).1;
    assert_eq!(after(1).unwrap().key(), Some(agreed.1), "midnight needs no agreement");
    assert_eq!(after(2).map(|_| ()), Err(Fault::NoSalt));
    drop(restarted);

    let Collector { salts, agreement, zone, now_s, .. } = scene.collector();
    let run = tokio::spawn(agreement.run(move || now_s));
    assert_eq!(salts.today(&zone, now_s).1.map(|_| ()), Err(Fault::NoSalt));
    Arc::get_mut(&mut scene.broker).unwrap().run();
    until("a salt", || salts.is_ready(&zone, now_s)).await;
    assert_eq!(salts.today(&zone, now_s).1.unwrap().key(), Some(agreed.0));
    run.abort();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_collector_agrees_when_its_broker_answers_again() {
    let scene = Scene::at(Arc::new(Broker::start())).await;
    let mut first = scene.collector();
    first.round().await;
    scene.broker.pause();
    let Collector { salts, agreement, zone, now_s, .. } = scene.collector();
    let run = tokio::spawn(agreement.run(move || now_s));
    assert!(!scene.broker.is_answering(Duration::from_millis(500)));
    assert_eq!(salts.today(&zone, now_s).1.map(|_| ()), Err(Fault::NoSalt));
    scene.broker.resume();
    until("a salt", || salts.is_ready(&zone, now_s)).await;
    assert_eq!(salts.today(&zone, now_s).1.unwrap().key(), first.salt(0).ok());
    run.abort();
}

#[tokio::test]
async fn a_restart_finds_the_same_salts_with_salt_files_and_without() {
    let scene = Scene::new().await;
    let ram = ram();
    let mut before = scene.restarted(memory(&ram));
    before.round().await;
    let salts = (before.salt(0), before.salt(1));
    assert!(salts.0.is_ok() && salts.1.is_ok());
    drop(before);
    for dir in [memory(&ram), None] {
        let mut after = scene.restarted(dir);
        after.round().await;
        assert_eq!((after.salt(0), after.salt(1)), salts);
        assert!(after.is_ready() && after.salts.survive_restart());
    }
    assert_eq!(scene.dates().await, [0, 1]);
    let after = scene.restarted(memory(&ram));
    assert_eq!(
        after.salts.today(&scene.zone, scene.now_s).0.day,
        scene.today(),
        "the file of tomorrow's salt does not begin tomorrow"
    );
}

#[tokio::test]
async fn after_the_loss_of_the_topic_the_same_shares_are_written_again() {
    let scene = Scene::new().await;
    let mut collector = scene.collector();
    collector.round().await;
    let (salts, shares) = ((collector.salt(0), collector.salt(1)), values(&scene).await);
    scene.lose().await;
    collector.round().await;
    assert_eq!(values(&scene).await, shares);
    let mut late = scene.collector();
    late.round().await;
    assert_eq!((late.salt(0), late.salt(1)), salts);
    assert!(salts.0.is_ok());
}

async fn values(scene: &Scene) -> Vec<Vec<u8>> {
    scene.entries().await.into_iter().map(|entry| entry.value.unwrap()).collect()
}

#[tokio::test]
async fn a_collector_that_has_used_another_salt_continues_to_use_it_and_is_not_ready() {
    let scene = Scene::new().await;
    let ram = ram();
    let mut before = scene.restarted(memory(&ram));
    before.round().await;
    let had = before.salt(0).unwrap();
    let had_ahead = before.peek(scene.today().plus(1));
    drop(before);
    scene.lose().await;
    let mut others = scene.collector();
    others.round().await;
    assert_ne!(others.salt(0), Ok(had));

    let mut restarted = scene.restarted(memory(&ram));
    assert!(restarted.is_ready(), "it has not read the topic yet");
    for _ in 0..3 {
        restarted.round().await;
        assert_eq!(restarted.salt(0), Ok(had));
        assert!(!restarted.is_ready() && others.is_ready());
        assert_eq!(restarted.counted("footfall_salt_disagreements_total"), "1");
    }
    let tomorrow = scene.today().plus(1);
    assert_eq!(restarted.peek(tomorrow), others.peek(tomorrow), "that salt was not used yet");
    assert_ne!(restarted.peek(tomorrow), had_ahead);
    let again = scene.restarted(memory(&ram));
    assert_eq!(
        (again.peek(scene.today()), again.peek(tomorrow)),
        (Some(had), others.peek(tomorrow)),
        "the files have changed too"
    );
}

#[tokio::test]
async fn a_hit_never_causes_an_agreement() {
    let scene = Scene::new().await;
    let mut collector = scene.collector();
    assert_eq!(collector.salt(0), Err(Fault::NoSalt));
    assert!(scene.entries().await.is_empty());
    collector.round().await;
    assert!(collector.salt(0).is_ok());
    assert_eq!(collector.salts.of(&Zone::utc(), scene.today()).map(|_| ()), Err(Fault::NoSalt), "of another zone");
    collector.salts.tick(scene.now_s + 3 * DAY_S);
    collector.round().await;
    assert_eq!(collector.salt(0), Err(Fault::NoSalt), "a destroyed salt is not made again");
}
