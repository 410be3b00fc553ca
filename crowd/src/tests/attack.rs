//! An attacker that adds and subtracts all published numbers.
//!
//! Each published number is a sum over the cells of one dimension, or of a declared hierarchy of two, in the product of
//! all dimensions. The attacker does not know that any combination is impossible. A sum of such sums selects cells
//! (with weight 0 or 1) only if it depends on one hierarchy, because two hierarchies that both vary give three weights.
//! Within one hierarchy the sets of published numbers are nested or disjoint. So the attacker can determine exactly the
//! unions of classes, where a class is the values that lie in the same sets. Each class must have no tag or at least k.

use std::collections::{BTreeMap, BTreeSet, HashSet};

use schema::dimensions::Dimension as D;
use schema::measures::Measure as M;

use super::truth::{names, parent, view};
use super::world::{Event, Visit, World};
use crate::{Numbers, Published, Told};

/// A group of 1..k-1 tags that the attacker can determine.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Leak {
    pub(super) what: &'static str,
    pub(super) d: Option<D>,
    pub(super) tags: usize,
}

/// A value: its parent, itself; or an hour.
type Value = (&'static str, &'static str, u32);
/// A fact: the value in which it lies, and its tag.
type Fact = (Value, u32);

/// The facts by class: values that lie in the same sets form a class.
fn classes<F: Clone>(facts: &[(Value, F)], told: &[BTreeSet<Value>]) -> Vec<Vec<F>> {
    let mut classes: BTreeMap<Vec<bool>, Vec<F>> = BTreeMap::new();
    for (value, fact) in facts {
        classes.entry(told.iter().map(|set| set.contains(value)).collect()).or_default().push(fact.clone());
    }
    classes.into_values().collect()
}

fn exact(numbers: &Numbers, measure: M) -> bool {
    matches!(numbers.get(measure), Told::Exactly(_))
}

fn values<F>(facts: &[(Value, F)], like: impl Fn(&Value) -> bool) -> BTreeSet<Value> {
    facts.iter().map(|(value, _)| value).filter(|value| like(value)).copied().collect()
}

/// The sets of values over which a number is published, along one dimension and its parent.
fn told_sets<F>(
    published: &Published,
    d: D,
    facts: &[(Value, F)],
    of: impl Fn(&Numbers) -> bool,
    total: bool,
) -> Vec<BTreeSet<Value>> {
    let mut sets = vec![];
    if total {
        sets.push(values(facts, |_| true));
    }
    for level in parent(d).into_iter().chain([d]) {
        let view = view(published, level);
        let plain = |value: &Value| if level == d { (value.0, value.1) } else { ("", value.0) };
        for cell in view.cells.iter().filter(|cell| of(&cell.numbers)) {
            let want = (cell.parent.as_deref().unwrap_or(""), &*cell.name);
            sets.push(values(facts, |value| plain(value) == want));
        }
        if view.other.as_ref().is_some_and(&of) {
            let named = names(view);
            sets.push(values(facts, |value| !named.contains(&plain(value))));
        }
    }
    sets
}

fn value(d: D, at: impl Fn(D) -> &'static str) -> Value {
    (parent(d).map_or("", &at), at(d), 0)
}

fn judge(leaks: &mut Vec<Leak>, what: &'static str, d: Option<D>, k: usize, classes: Vec<Vec<u32>>) {
    for class in classes {
        let tags = class.into_iter().collect::<HashSet<_>>().len();
        if (1..k).contains(&tags) {
            leaks.push(Leak { what, d, tags });
        }
    }
}

/// All leaks of what is published. A view without named values publishes only the total, which is exempt.
pub(super) fn attack(world: &World, published: &Published, k: usize) -> Vec<Leak> {
    let mut leaks = vec![];
    for d in [D::Source, D::Region, D::Device, D::Browser, D::Os, D::Language, D::Screen, D::EntryPage] {
        attack_visits(&mut leaks, world, published, k, d);
    }
    let views: Vec<Fact> = world.views().map(|e| (value(D::Page, |d| e.at(d)), e.tag)).collect();
    if !view(published, D::Page).cells.is_empty() {
        let pageviews = |n: &Numbers| exact(n, M::Pageviews);
        judge(
            &mut leaks,
            "pages",
            Some(D::Page),
            k,
            classes(&views, &told_sets(published, D::Page, &views, pageviews, true)),
        );
    }
    attack_hours(&mut leaks, world, published, k);
    attack_customs(&mut leaks, world, published, k);
    leaks
}

fn attack_visits(leaks: &mut Vec<Leak>, world: &World, published: &Published, k: usize, d: D) {
    let visits: Vec<(Value, &Visit)> = world.visits.iter().map(|v| (value(d, |d| v.at(d)), v)).collect();
    let named = parent(d).into_iter().chain([d]).any(|d| !view(published, d).cells.is_empty());
    if named {
        let visits_or_views = |n: &Numbers| exact(n, M::Visits) || exact(n, M::Pageviews);
        let tags: Vec<Fact> = visits.iter().map(|(at, v)| (*at, v.tag)).collect();
        judge(leaks, "visits", Some(d), k, classes(&tags, &told_sets(published, d, &tags, visits_or_views, true)));
    }
    let of = |n: &Numbers| exact(n, M::Bounces) || exact(n, M::Seconds);
    let told = told_sets(published, d, &visits, of, true);
    if told.len() > 1 {
        judge_stays(leaks, Some(d), k, classes(&visits, &told));
    }
}

fn judge_stays(leaks: &mut Vec<Leak>, d: Option<D>, k: usize, classes: Vec<Vec<&Visit>>) {
    for class in classes {
        let bounced = class.iter().filter(|v| v.bounced()).count();
        for tags in [bounced, class.len() - bounced] {
            if (1..k).contains(&tags) {
                leaks.push(Leak { what: "bounces", d, tags });
            }
        }
    }
}

fn hour_sets<F>(published: &Published, facts: &[(Value, F)], of: impl Fn(&Numbers) -> bool) -> Vec<BTreeSet<Value>> {
    let mut sets = vec![values(facts, |_| true)];
    for group in published.hours().iter().filter(|group| of(&group.numbers)) {
        let within = |value: &Value| (group.first..=group.last).contains(&value.2);
        sets.push(values(facts, within));
    }
    sets
}

fn attack_hours(leaks: &mut Vec<Leak>, world: &World, published: &Published, k: usize) {
    let at = |hour: u32| ("", "", hour);
    let starts = world.visits.iter().map(|v| (at(v.first().hour()), v.tag));
    let starts: Vec<Fact> = starts.collect();
    let either: Vec<Fact> = starts.iter().cloned().chain(world.views().map(|e| (at(e.hour()), e.tag))).collect();
    if !published.hours().is_empty() {
        judge(leaks, "visits of hours", None, k, classes(&starts, &hour_sets(published, &starts, |_| true)));
        judge(leaks, "page views of hours", None, k, classes(&either, &hour_sets(published, &either, |_| true)));
    }
    let visits: Vec<(Value, &Visit)> = world.visits.iter().map(|v| (at(v.first().hour()), v)).collect();
    let told = hour_sets(published, &visits, |n| exact(n, M::Bounces) || exact(n, M::Seconds));
    if told.len() > 1 {
        judge_stays(leaks, None, k, classes(&visits, &told));
    }
    if exact(published.totals(), M::Seconds) {
        judge_stays(leaks, None, k, vec![world.visits.iter().collect()]);
    }
}

/// Custom events: an exact number of page views and events together tells the custom events alone.
fn attack_customs(leaks: &mut Vec<Leak>, world: &World, published: &Published, k: usize) {
    let exact = |n: &Numbers| exact(n, M::Events);
    let total = exact(published.totals());
    let events: Vec<&Event> = world.customs().collect();
    for d in [D::Source, D::Country, D::Device, D::Page, D::Name] {
        let facts: Vec<Fact> = events.iter().map(|e| (custom_value(d, e), e.tag)).collect();
        let mut told = custom_sets(published, d, &facts, exact);
        if total {
            told.push(values(&facts, |_| true));
        }
        judge_told(leaks, Some(d), k, &facts, told);
    }
    let facts: Vec<Fact> = events.iter().map(|e| (("", "", e.hour()), e.tag)).collect();
    let mut told = hour_sets(published, &facts, exact);
    if !total {
        told.remove(0);
    }
    judge_told(leaks, None, k, &facts, told);
}

fn custom_value(d: D, event: &Event) -> Value {
    if d == D::Name { ("", event.name(), 0) } else { value(d, |d| event.at(d)) }
}

fn custom_sets(published: &Published, d: D, facts: &[Fact], exact: impl Fn(&Numbers) -> bool) -> Vec<BTreeSet<Value>> {
    if d != D::Name {
        return told_sets(published, d, facts, exact, false);
    }
    let view = view(published, D::Name);
    let named: HashSet<&str> = view.cells.iter().map(|cell| &*cell.name).collect();
    let mut sets: Vec<_> = named.iter().map(|name| values(facts, |value| value.1 == *name)).collect();
    if view.other.as_ref().is_some_and(exact) {
        sets.push(values(facts, |value| !named.contains(value.1)));
    }
    sets
}

/// As `judge`, but the attacker knows nothing about a value that lies in no set.
fn judge_told(leaks: &mut Vec<Leak>, d: Option<D>, k: usize, facts: &[Fact], told: Vec<BTreeSet<Value>>) {
    let known: Vec<Fact> = facts.iter().filter(|(at, _)| told.iter().any(|set| set.contains(at))).cloned().collect();
    judge(leaks, "custom events", d, k, classes(&known, &told));
}
