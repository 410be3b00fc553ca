//! Minimal days, one per rule: without the rule, a subtraction gives someone away.

use schema::dimensions::Dimension as D;
use schema::measures::Measure as M;

use super::attack::attack;
use super::days::published;
use super::truth::{check, names, view};
use super::world::{Did, Event, Who, World};
use crate::{Published, Told};

const K: u32 = 5;

/// One step of a visitor: a page view unless it says otherwise.
#[derive(Clone, Copy)]
struct Step {
    t: u32,
    page: &'static str,
    source: &'static str,
    channel: &'static str,
    country: &'static str,
    did: Did,
}

const STEP: Step = Step { t: 0, page: "/", source: "Google", channel: "Search", country: "FR", did: Did::View };

/// (How many visitors, what each does.)
fn day(groups: &[(u32, Vec<Step>)]) -> World {
    let (mut tag, mut events) = (0, vec![]);
    for (visitors, steps) in groups {
        for _ in 0..*visitors {
            tag += 1;
            for Step { t, page, source, channel, country, did } in steps.iter().copied() {
                let who = Who {
                    country,
                    region: "unknown",
                    device: "desktop",
                    browser: "b",
                    os: "o",
                    language: "l",
                    screen: "s",
                };
                events.push(Event { tag, t, did, page, source, channel, who });
            }
        }
    }
    World::of(&events)
}

fn stands(groups: &[(u32, Vec<Step>)]) -> Published {
    let world = day(groups);
    let published = published(&world, K);
    check(&world, &published);
    assert_eq!(attack(&world, &published, K as usize), []);
    published
}

#[test]
fn entries_have_a_crowd_of_their_own() {
    let published = stands(&[
        (5, vec![STEP, Step { t: 9, page: "/a", ..STEP }]),
        (1, vec![Step { page: "/a", ..STEP }, Step { t: 9, ..STEP }]),
    ]);
    assert_eq!(view(&published, D::Page).cells.len(), 2);
    assert_eq!(view(&published, D::EntryPage).cells.len(), 0, "one visitor began on /a; / would give that away");
}

#[test]
fn an_entry_page_has_a_name_only_where_it_has_one_as_a_page() {
    let began = Step { page: "/unseen", did: Did::Custom("Play"), ..STEP };
    let published = stands(&[(9, vec![STEP]), (9, vec![began])]);
    assert_eq!(names(view(&published, D::EntryPage)).into_iter().collect::<Vec<_>>(), [("", "/")]);
    assert_eq!(view(&published, D::EntryPage).other.as_ref().unwrap().get(M::Visits), Told::Exactly(9));
}

#[test]
fn bounces_are_told_where_bounced_and_stayed_are_each_no_one_or_a_crowd() {
    let published = stands(&[(9, vec![STEP]), (1, vec![STEP, Step { t: 9, ..STEP }])]);
    for d in [D::Channel, D::Source, D::Country, D::EntryPage] {
        assert!(view(&published, d).cells.iter().all(|cell| cell.numbers.get(M::Bounces) == Told::Withheld));
    }
    assert_eq!(published.totals().get(M::Bounces), Told::Exactly(9));
    assert_eq!(published.totals().get(M::Seconds), Told::Withheld, "they are the seconds of the one who stayed");
    let published = stands(&[(9, vec![STEP]), (5, vec![STEP, Step { t: 9, ..STEP }])]);
    assert_eq!(view(&published, D::Channel).cells[0].numbers.get(M::Bounces), Told::Exactly(9));
    assert_eq!(published.totals().get(M::Seconds), Told::Exactly(45));
}

#[test]
fn bounces_of_a_source_leave_a_crowd_or_no_one_within_its_channel() {
    let stay = |step: Step| vec![step, Step { t: 9, page: "/a", ..step }];
    let (bing, reddit) = (Step { source: "Bing", ..STEP }, Step { source: "Reddit", channel: "Social", ..STEP });
    let lemmy = Step { source: "Lemmy", ..reddit };
    let published = stands(&[
        (9, vec![STEP]),
        (9, stay(STEP)),
        (1, vec![bing]),
        (5, stay(bing)),
        (9, vec![reddit]),
        (9, stay(reddit)),
        (4, vec![lemmy]),
        (5, stay(lemmy)),
    ]);
    let told = |d| view(&published, d).cells.iter().filter(|c| c.numbers.get(M::Bounces) != Told::Withheld).count();
    assert_eq!((told(D::Channel), told(D::Source)), (2, 0), "all hidden sources together would be a crowd");
}

#[test]
fn rows_without_a_first_were_left_by_someone() {
    let did = Did::Custom("Play");
    let on = |page| Step { t: 20, page, did, ..STEP };
    let a = Step { page: "/a", ..STEP };
    let published = stands(&[
        (5, vec![STEP, a, on("/a")]),
        (5, vec![STEP, a, Step { t: 30, page: "/b", ..STEP }]),
        (1, vec![STEP, on("/a"), Step { t: 40, ..on("/b") }]),
    ]);
    let page = |name: &str| {
        let cells = &view(&published, D::Page).cells;
        cells.iter().find(|cell| &*cell.name == name).unwrap().numbers.clone()
    };
    assert_eq!(page("/a").get(M::Events), Told::AtLeast(10), "all minus /a would be what one visitor did on /b");
    assert_eq!(published.totals().get(M::Events), Told::Exactly(11 + 10 + 5 + 7));
}

#[test]
fn hours_merge_by_people_not_by_the_sum_of_their_firsts() {
    let published = stands(&[(3, vec![STEP, Step { t: 4000, ..STEP }]), (5, vec![Step { t: 9000, ..STEP }])]);
    assert_eq!(published.hours().len(), 1, "three visitors who came twice are no six");
}

#[test]
fn an_hour_with_page_views_and_no_start_merges_too() {
    let published = stands(&[
        (5, vec![STEP]),
        (1, vec![Step { t: 3000, ..STEP }, Step { t: 4000, ..STEP }]),
        (5, vec![Step { t: 9000, ..STEP }]),
    ]);
    assert_eq!(published.hours().iter().map(|g| (g.first, g.last)).collect::<Vec<_>>(), [(0, 0), (3600, 7200)]);
}

#[test]
fn a_day_that_is_no_crowd_does_not_say_when_it_came() {
    let published = stands(&[(4, vec![STEP])]);
    assert_eq!(published.hours(), []);
    assert_eq!(published.totals().get(M::Visits), Told::Exactly(4));
}

#[test]
fn firsts_are_summed_by_the_value_before_recoding() {
    let rare = |t, source| Step { t, source, channel: "Rare", country: "US", ..STEP };
    let published = stands(&[
        (10, vec![STEP]),
        (10, vec![Step { country: "US", ..STEP }]),
        (6, vec![rare(0, "x9")]),
        (2, (0..3).map(|i| rare(9000 * i, ["x0", "x1", "x2"][i as usize])).collect()),
    ]);
    let sources = view(&published, D::Source);
    assert_eq!(names(sources).into_iter().collect::<Vec<_>>(), [("Search", "Google")]);
    assert_eq!(
        sources.other.as_ref().unwrap().get(M::Visitors),
        Told::AtLeast(8),
        "two visitors by three sources are no six"
    );
}

#[test]
fn a_source_is_hidden_within_its_channel() {
    let (bing, reddit) = (Step { source: "Bing", ..STEP }, Step { source: "Reddit", channel: "Social", ..STEP });
    let lemmy = Step { source: "Lemmy", ..reddit };
    let published = stands(&[(9, vec![STEP]), (4, vec![bing]), (9, vec![reddit]), (4, vec![lemmy])]);
    assert_eq!(view(&published, D::Channel).cells.len(), 2);
    assert_eq!(view(&published, D::Source).cells.len(), 0, "channel minus source would be the four");
}

#[test]
fn a_source_of_a_channel_without_a_name_has_none() {
    let reddit = Step { source: "Reddit", channel: "Social", ..STEP };
    let bing = Step { source: "Bing", ..STEP };
    let published = stands(&[(9, vec![STEP]), (9, vec![bing]), (2, vec![reddit])]);
    assert_eq!(names(view(&published, D::Channel)).len(), 0, "the eighteen join the two");
    assert_eq!(names(view(&published, D::Source)).len(), 0);
}

#[test]
fn a_value_that_calls_itself_other_is_hidden_among_them() {
    let did = |t, name| Step { t, did: Did::Custom(name), ..STEP };
    let published = stands(&[(9, vec![STEP, did(1, "Play"), did(2, "(other)")])]);
    let events = view(&published, D::Name);
    assert_eq!(names(events).into_iter().collect::<Vec<_>>(), [("", "Play")]);
    assert_eq!(events.other.as_ref().unwrap().get(M::Events), Told::Exactly(9));
}

#[test]
fn custom_events_of_few_are_missing_where_they_happened_and_nowhere_told() {
    let play = |t| Step { t, did: Did::Custom("Play"), ..STEP };
    let published = stands(&[(9, vec![STEP]), (4, vec![STEP, play(5)])]);
    assert_eq!(published.totals().get(M::Events), Told::AtLeast(13));
    assert_eq!(view(&published, D::Channel).cells[0].numbers.get(M::Events), Told::AtLeast(13));
    let names = view(&published, D::Name);
    assert!(names.cells.is_empty() && names.other.as_ref().unwrap().get(M::Events) == Told::Withheld);
    let published = stands(&[(9, vec![STEP]), (5, vec![STEP, play(5), play(6)])]);
    assert_eq!(published.totals().get(M::Events), Told::Exactly(24));
    assert_eq!(view(&published, D::Name).cells[0].numbers.get(M::Events), Told::Exactly(10));
    assert_eq!(view(&published, D::Page).cells[0].numbers.get(M::Events), Told::Exactly(24));
}

#[test]
fn errors_are_not_counted_among_events() {
    let error = Step { t: 5, did: Did::Error("404"), ..STEP };
    let published = stands(&[(9, vec![STEP, error])]);
    assert_eq!(published.totals().get(M::Events), Told::Exactly(9));
    assert_eq!(view(&published, D::Name), &crate::PublishedView::default());
}
