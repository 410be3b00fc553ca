use schema::event::Event;
use schema::goals::{Funnel, Goal, PagePattern};
use schema::sites::{Site, Sites};
use schema::wire::{Body, RawBody, decode, decode_raw};

use super::*;
use crate::accept::plausible;
use crate::admit::Wishes;
use crate::client::Prefix;
use crate::collect::{Head, Walk};
use crate::enrich::agent::Hints;
use crate::hit::Visitor;
use crate::testing::Rig;

fn page(pattern: &str) -> GoalRule {
    GoalRule::Page(PagePattern::new(pattern))
}

fn name(name: &str) -> GoalRule {
    GoalRule::EventName(name.to_owned())
}

/// Goal 1: a page below /shop/. Goal 7: the event Signup. Funnel 2: /shop/*, /cart, Signup.
fn goals() -> Goals {
    let goals = vec![Goal { number: 1, rule: page("/shop/*") }, Goal { number: 7, rule: name("Signup") }];
    Goals::new(goals, vec![Funnel { number: 2, steps: vec![page("/shop/*"), page("/cart"), name("Signup")] }]).unwrap()
}

fn reached(goals: &Goals, kind: Kind, name: &str, page: &str) -> (Vec<u16>, Vec<(u16, u8)>) {
    let mut buf = ExtraBuf::default();
    append_reached(goals, RuleInput { kind, name, page }, &mut buf);
    let extra = buf.extra();
    (extra.goals().collect(), extra.steps().map(|step| (step.funnel, step.step)).collect())
}

#[test]
fn page_views_reach_pages_and_custom_events_reach_names() {
    let goals = goals();
    assert_eq!(reached(&goals, Kind::Pageview, "", "/shop/tea"), (vec![1], vec![(2, 1)]));
    assert_eq!(reached(&goals, Kind::Pageview, "", "/cart"), (vec![], vec![(2, 2)]));
    assert_eq!(reached(&goals, Kind::Custom, "Signup", "/shop/tea"), (vec![7], vec![(2, 3)]));
    for (kind, name, page) in
        [(Kind::Pageview, "Signup", "/"), (Kind::Custom, "signup", "/cart"), (Kind::Engagement, "", "/shop/tea")]
    {
        assert_eq!(reached(&goals, kind, name, page), (vec![], vec![]), "{kind:?} {name} {page}");
    }
    assert_eq!(reached(&Goals::default(), Kind::Pageview, "", "/shop/tea"), (vec![], vec![]));
}

#[test]
fn an_event_reaches_every_goal_that_fits_but_each_once() {
    let twice = Goals::new(
        vec![Goal { number: 3, rule: page("/a") }, Goal { number: 2, rule: page("/*") }],
        vec![Funnel { number: 1, steps: vec![page("/a"), page("/b"), page("/a")] }],
    );
    assert_eq!(reached(&twice.unwrap(), Kind::Pageview, "", "/a"), (vec![3, 2], vec![(1, 1), (1, 3)]));
}

/// Sends one hit through the whole collector, and waits until it is on disk.
async fn send(rig: &Rig, body: &str) {
    let agent = b"Mozilla/5.0 (X11; Linux x86_64; rv:132.0) Gecko/20100101 Firefox/132.0";
    let visitor = Visitor { prefix: Prefix::of_text("198.51.100.7"), agent, language: b"fr" };
    let head = Head { visitor, hints: Hints::default(), wishes: Wishes::default() };
    let mut walk = Walk::new(rig.edge.collector.clone());
    walk.begin();
    let outcome = walk.collect(plausible::parse(body.as_bytes()), &head, schema::clock::now_s());
    assert_eq!((outcome.refused, outcome.failed), (None, None));
    outcome.ticket.unwrap().await.unwrap();
}

fn configure(rig: &Rig, goals: Goals) {
    rig.edge.collector.sites.replace(Sites::new(vec![Site { goals, ..Site::new(1, "example.org") }]).unwrap());
}

/// The events of the spool, each as its bytes, for the closure to look at.
fn each_event(rig: &Rig, mut look: impl FnMut(Event<'_>, &[u8])) {
    rig.stopped();
    let mut reader = rig.spool.reader(rig.spool.start()).unwrap();
    while let Some(frame) = reader.next().unwrap() {
        let RawBody::Event(bytes) = decode_raw(frame.payload).unwrap().body else { continue };
        let Body::Event(event) = decode(frame.payload).unwrap().body else { continue };
        look(event, bytes);
    }
}

#[actix_web::test]
async fn a_reload_that_changes_a_sites_goals_changes_later_events_only() {
    let rig = Rig::new();
    let view = r#"{"n":"pageview","u":"https://example.org/shop/tea","d":"example.org"}"#;
    send(&rig, view).await;
    configure(&rig, goals());
    send(&rig, view).await;
    configure(&rig, Goals::new(vec![Goal { number: 9, rule: page("/shop/tea") }], vec![]).unwrap());
    send(&rig, view).await;
    let (mut goals, mut steps) = (Vec::new(), Vec::new());
    each_event(&rig, |event, _| {
        goals.push(event.extra.goals().collect::<Vec<_>>());
        steps.push(event.extra.steps().count());
    });
    assert_eq!((goals, steps), (vec![vec![], vec![1], vec![9]], vec![0, 1, 0]));
}

#[actix_web::test]
async fn goals_pass_from_the_spool_into_messages_unchanged() {
    let rig = Rig::new();
    configure(&rig, goals());
    for (name, path) in [("pageview", "/shop/tea"), ("pageview", "/"), ("Signup", "/cart")] {
        let body = format!(r#"{{"n":"{name}","u":"https://example.org{path}","d":"example.org"}}"#);
        send(&rig, &body).await;
    }
    let (mut packer, mut spooled) = (schema::wire::Packer::default(), Vec::new());
    each_event(&rig, |event, bytes| {
        spooled.push(format!("{event:?}"));
        packer.push(1, spooled.len() as u64, bytes).unwrap();
    });
    let mut message = Vec::new();
    packer.finish(&mut message);
    let batch = schema::wire::Batch::decode(&message).unwrap();
    let received: Vec<_> = batch
        .into_records()
        .map(|(_, body)| if let Body::Event(event) = body { format!("{event:?}") } else { unreachable!() })
        .collect();
    assert_eq!(received, spooled);
    assert!(received[0].contains("goals: [1]") && received[2].contains("goals: [7]"), "{received:?}");
    assert!(received[1].contains("Extra::NONE"), "{}", received[1]);
}
