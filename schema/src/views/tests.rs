use std::collections::{BTreeMap, BTreeSet, HashSet};

use super::*;

/// The model's word for a dimension, part, sum or view: ours.
const WORDS: &[(&str, &str)] = &[
    ("orders by utm_source", "orders by utm source"),
    ("revenue by utm_source", "revenue by utm source"),
    ("orders by landing", "orders by landing page"),
    ("revenue by landing", "revenue by landing page"),
    ("bought by campaign", "items by campaign"),
    ("bought by source", "items by source"),
    ("utm_source", "utm source"),
    ("won: goal x campaign", "goal x campaign"),
    ("campaign x utm_source", "campaign x utm source"),
    ("campaign x landing", "campaign x landing page"),
];

/// Differences from the model, and why.
const PAIRS_LEFT_OUT: &[&str] = &[
    // Three lists of the same people, one of them the browser or the system, give single visitors away.
    "page x browser",
    "page x os",
    "source x browser",
    "source x os",
    "country x browser",
    "country x os",
    "device x browser",
    "device x os",
    // So do page, language and country.
    "page x language",
];
/// Classes that the model judges flat and rule T makes trees.
const CLASSES_ADDED: &[(&str, Parent)] = &[
    ("os", Parent::View("device")),
    ("browser", Parent::Family),
    ("page", Parent::Section),
    ("entry", Parent::Section),
    ("exit", Parent::Section),
    ("reading", Parent::Section),
];
/// Counted without tags, so the model does not judge them.
const EXEMPT_ADDED: &[&str] = &["opens", "reason", "crawler"];

struct Model {
    part: String,
    a: String,
    b: String,
    sums: BTreeSet<String>,
    visitors: String,
    known: String,
    parent: String,
    names: String,
    money: bool,
}

fn ours(word: &str) -> String {
    WORDS.iter().find(|(theirs, _)| *theirs == word).map_or(word, |(_, ours)| ours).to_owned()
}

fn model() -> BTreeMap<String, Model> {
    let lines = include_str!("model.tsv").lines().filter(|line| !line.starts_with('#'));
    let view = |line: &str| {
        let columns: Vec<&str> = line.split('\t').collect();
        let [name, part, a, b, sums, visitors, known, parent, names, money] = columns[..] else {
            panic!("ten columns: {line}")
        };
        let text = str::to_owned;
        let sums = sums.split_whitespace().map(text).collect();
        let (part, a, b, visitors, known) = (text(part), text(a), text(b), text(visitors), text(known));
        let (parent, names, money) = (ours(parent), text(names), money == "money");
        (ours(name), Model { part, a, b, sums, visitors, known, parent, names, money })
    };
    lines.map(view).collect()
}

/// The model's word for a dimension in a part.
fn dimension(part: Part, d: Dimension) -> &'static str {
    match (part, d) {
        (Part::Exits, Dimension::Page) => "exit",
        (_, Dimension::EntryPage) => "entry",
        (_, Dimension::LandingPage) => "landing",
        (_, Dimension::CampaignSource) => "utm_source",
        (_, other) => other.label(),
    }
}

/// The model's word for a sum of a part.
fn sum(part: Part, m: Measure) -> &'static str {
    match (part, m) {
        (Part::Pages, Measure::Visits) => "views_visits",
        (Part::Events, Measure::Visits) => "doing_visits",
        (Part::Orders, Measure::Conversions) => "buying_visits",
        (Part::Items, Measure::Orders) => "lines",
        (Part::Items, Measure::Revenue) => "sold",
        (_, other) => other.label(),
    }
}

/// The model's word for firsts that have a column.
fn first(part: Part, a: Dimension, m: Measure) -> &'static str {
    match (part, m) {
        (Part::Visits, Measure::Visitors) => "today",
        (Part::Visits, Measure::VisitorsChannel) => "by_channel",
        (Part::Visits, Measure::VisitorsSource) => "by_source",
        (Part::Visits, Measure::VisitorsEntryPage) => "by_entry",
        (Part::Pages, Measure::Visitors) => "visitors",
        (Part::Exits, Measure::ExitVisitors) => "exit_visitors",
        (Part::Events, Measure::Visitors) => "by_name",
        (Part::Properties, Measure::Visitors) if a == Dimension::Value => "by_value",
        (Part::Items, Measure::Visitors) => "by_product",
        other => panic!("{other:?} has no word in the model"),
    }
}

fn part(part: Part) -> &'static str {
    match part {
        Part::Visits => "visits",
        Part::Pages => "pages",
        Part::Exits => "exits",
        Part::Engaged => "engaged",
        Part::Events => "events",
        Part::Properties => "props",
        Part::Goals => "goals",
        Part::Steps => "steps",
        Part::Campaigns => "campaigns",
        Part::Won => "won",
        Part::Orders => "orders",
        Part::Items => "items",
        Part::Opens | Part::Fates => panic!("the model has no tags to judge there"),
    }
}

#[test]
fn the_table_is_the_models_but_for_the_differences_named() {
    let model = model();
    let theirs: HashSet<&str> = model.keys().map(String::as_str).collect();
    let mine: HashSet<&str> = VIEWS.iter().map(|view| view.name).collect();
    let left_out: HashSet<&str> = PAIRS_LEFT_OUT.iter().copied().collect();
    let added: HashSet<&str> = EXEMPT_ADDED.iter().copied().collect();
    assert_eq!(theirs.difference(&mine).copied().collect::<HashSet<_>>(), left_out);
    assert_eq!(mine.difference(&theirs).copied().collect::<HashSet<_>>(), added);
    for view in VIEWS.iter().filter(|view| !added.contains(view.name)) {
        let their = &model[view.name];
        assert_eq!(part(view.part), their.part, "{view}");
        assert_eq!(dimension(view.part, view.a), their.a, "{view}");
        assert_eq!(view.b.map_or("", |b| dimension(view.part, b)), their.b, "{view}");
        let sums = view.measures.iter().map(|m| sum(view.part, *m).to_owned()).collect::<BTreeSet<_>>();
        assert_eq!(sums, their.sums, "{view}");
        match view.visitors {
            None => assert_eq!(their.visitors, "", "{view}"),
            Some(First::Missing) => assert_ne!(their.visitors, "", "{view}"),
            Some(First::Column(m)) => assert_eq!(first(view.part, view.a, m), their.visitors, "{view}"),
        }
        let known = match view.known {
            Known::Total => "total",
            Known::Alone => "alone",
            Known::RowsAndColumns => "both",
            Known::Rows => "rows",
        };
        assert_eq!(known, their.known, "{view}");
        match CLASSES_ADDED.iter().find(|(name, _)| *name == view.name) {
            Some((_, class)) => assert_eq!((view.parent, &*their.parent), (Some(*class), ""), "{view}"),
            None => assert_eq!(view.parent_view().map_or("", |parent| parent.name), their.parent, "{view}"),
        }
        let of = |d| dimension(view.part, View::deciding(d).unwrap_or(view).a);
        let names = match view.names {
            Names::Itself => dimension(view.part, view.a).to_owned(),
            Names::Of(other) => dimension(view.part, View::named(other).unwrap().a).to_owned(),
            Names::OfThenItself(other) => format!("{other}, then itself"),
            Names::OfDimensions => format!("{}, {}", of(view.a), of(view.b.unwrap())),
            Names::OfAThenItself => format!("{}, itself", of(view.a)),
        };
        assert_eq!(names, their.names, "{view}");
        assert_eq!(view.is_money, their.money, "{view}");
    }
}

#[test]
fn a_name_is_one_view_and_a_parent_stands_before_its_children() {
    for (at, view) in VIEWS.iter().enumerate() {
        assert!(VIEWS[..at].iter().all(|before| before.name != view.name), "{view} is there twice");
        if let Some(parent) = view.parent_view() {
            assert!(VIEWS[..at].contains(parent), "{parent} comes after its child {view}");
        }
        if let Some(Parent::View(name)) = view.parent {
            assert!(View::named(name).is_some(), "{view} is in {name}, which is no view");
        }
        for dimension in [Some(view.a), view.b].into_iter().flatten() {
            let decided = View::deciding(dimension).is_some() || view.names == Names::OfAThenItself;
            assert!(decided, "no view decides about the names of {dimension:?}, which {view} has");
        }
    }
}

#[test]
fn what_the_live_tables_lack_is_this_and_no_more() {
    let lack: Vec<(&str, Vec<&str>)> = VIEWS.iter().map(|view| (view.name, view.missing_columns())).collect();
    let judged = lack.iter().filter(|(_, missing)| missing.is_empty()).map(|(name, _)| *name);
    let tagged = View::of_part(Part::Visits).chain(View::of_part(Part::Pages)).chain(View::of_part(Part::Exits));
    let tagged: HashSet<&str> = tagged.map(|view| view.name).collect();
    assert!(tagged.is_subset(&judged.collect()), "visits, pages and exits have all their columns");
    let of = |name| lack.iter().find(|(n, _)| *n == name).map(|(_, missing)| missing.join(" ")).unwrap();
    assert_eq!(of("reading"), "first");
    assert_eq!(of("goal"), "goal conversions first", "the sums come with the sealed views");
    assert_eq!(of("step"), "step first");
    assert_eq!(of("revenue by campaign"), "squares");
    assert_eq!(of("product"), "");
}
