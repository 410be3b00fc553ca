use schema::event::Lane;
use schema::fate::Refusal;
use schema::goals::{Goal, GoalRule, Goals, PagePattern};
use schema::sites::{Bots, Site};
use schema::zone::Zone;

use super::*;
use crate::enrich::place::Geo;
use crate::testing::site;

const NOON: i64 = 20_781 * 86_400 + 43_200;
const FIREFOX: &[u8] = b"Mozilla/5.0 (X11; Linux x86_64; rv:132.0) Gecko/20100101 Firefox/132.0";

fn line(target: &str, time_s: i64) -> LogLine<'_> {
    let prefix = Prefix::of_text("203.0.113.77");
    let referrer = "https://www.google.com/search?q=x";
    LogLine { prefix, agent: FIREFOX, referrer, target, time_s, kind: Kind::Pageview, name: "" }
}

#[test]
fn a_line_becomes_the_same_event_as_a_hit() {
    let mut lines = LogLines::new(
        Arc::new(Site { zone: Zone::new("Europe/Paris").unwrap(), ..site(4, "example.org") }),
        Places::default(),
    );
    let event = lines.walk(line("/u/x@y.z?q=secret", NOON)).unwrap();
    assert_eq!((event.site, event.page, event.source), (4, "/u/(email)", "Google"));
    assert_eq!((event.day.0, event.time_s, event.offset_quarters), (20_781, NOON as u32, 4));
    assert_eq!(
        (event.browser, event.os, event.lane, event.interactive),
        ("Firefox 132", "Linux", Lane::Audience, true)
    );
    let error = lines.walk(LogLine { kind: Kind::Error, name: "404", ..line("/gone", NOON) }).unwrap();
    assert_eq!((error.kind, error.name), (Kind::Error, "404"));
}

#[test]
fn a_line_reaches_the_goals_of_its_page() {
    let goal = Goal { number: 4, rule: GoalRule::Page(PagePattern::new("/thanks")) };
    let goals = Goals::new(vec![goal], vec![]).unwrap();
    let mut lines = LogLines::new(Arc::new(Site { goals, ..site(1, "example.org") }), Places::default());
    assert!(lines.walk(line("/thanks?order=1", NOON)).unwrap().extra.goals().eq([4]));
    assert!(lines.walk(line("/", NOON)).unwrap().extra.is_empty());
}

#[test]
fn each_local_date_has_its_own_salt_in_any_order_of_lines() {
    let mut lines = LogLines::new(Arc::new(site(1, "example.org")), Places::default());
    let mut tag = |time_s| lines.walk(line("/", time_s)).unwrap().tag;
    let (first, next) = (tag(NOON), tag(NOON + 86_400));
    assert!(first != next && tag(NOON + 3600) == first && tag(NOON + 86_400) == next);
}

#[test]
fn a_robot_is_refused_by_name_unless_the_site_counts_robots() {
    let curl = || LogLine { agent: b"curl/8.5.0", ..line("/", NOON) };
    let mut lines = LogLines::new(Arc::new(site(1, "example.org")), Places::default());
    let Err(Turned::Refused(refused)) = lines.walk(curl()) else { panic!("is refused") };
    assert_eq!((refused.site, refused.reason, refused.crawler, refused.day.0), (1, Refusal::Bot, "curl", 20_781));
    let mut counts = LogLines::new(Arc::new(Site { bots: Bots::Count, ..site(1, "example.org") }), Places::default());
    assert_eq!(counts.walk(curl()).unwrap().device.label(), "bot");
}

#[test]
fn a_site_that_declares_hosts_accepts_lines_without_a_host() {
    let mut lines = LogLines::new(
        Arc::new(Site { hostnames: vec!["example.org".into()], ..site(1, "example.org") }),
        Places::default(),
    );
    assert!(lines.walk(line("/", NOON)).is_ok());
    assert_eq!(lines.refused(NOON, Refusal::Asset).day.0, 20_781);
}

#[test]
fn a_line_says_where_it_came_from() {
    let dir = tempfile::TempDir::new().unwrap();
    let path = dir.path().join("geo.mmdb");
    let records = [("203.0.113.0/24", testbed::mmdb::nested("FR", "IDF"))];
    std::fs::write(&path, testbed::mmdb::file("Test", testbed::mmdb::BUILT_S, &records)).unwrap();
    let places = Places::new(Some(Arc::new(Geo::open(&path).unwrap())));
    let mut lines = LogLines::new(Arc::new(site(1, "example.org")), places);
    let event = lines.walk(line("/", NOON)).unwrap();
    assert_eq!((event.country, event.region), ("FR", "FR-IDF"));
    let event = lines.walk(LogLine { prefix: Prefix::of_text("2001:db8::1"), ..line("/", NOON) }).unwrap();
    assert_eq!((event.country, event.region), ("unknown", "unknown"));
}
