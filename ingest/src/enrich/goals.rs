//! Which of the site's goals and funnel steps an event reaches.
//!
//! In come the rules that the site declares at that moment and what the event is (its kind, clean name and clean
//! page); out go numbers, which travel with the event. The decision is made here, before the stream, and never again:
//! the fold is a function of its records, whatever a reload of the configuration brings. This module does not know
//! the visitor, so it does not know whether the earlier steps of a funnel were taken; the order of steps is the
//! fold's matter.

use schema::event::Kind;
use schema::extra::ExtraBuf;
use schema::goals::{FunnelStep, GoalRule, Goals};

/// What the rules look at.
#[derive(Clone, Copy)]
pub(super) struct RuleInput<'a> {
    pub(super) kind: Kind,
    pub(super) name: &'a str,
    pub(super) page: &'a str,
}

/// Appends the goals and funnel steps that the event reaches. A site without goals costs one branch.
pub(super) fn append_reached(goals: &Goals, event: RuleInput<'_>, out: &mut ExtraBuf) {
    if !goals.is_empty() {
        out.reached(reached_goals(goals, event), reached_steps(goals, event));
    }
}

fn reached_goals(goals: &Goals, event: RuleInput<'_>) -> impl Iterator<Item = u16> {
    goals.goals().iter().filter(move |goal| is_reached(&goal.rule, event)).map(|goal| goal.number)
}

fn reached_steps(goals: &Goals, event: RuleInput<'_>) -> impl Iterator<Item = FunnelStep> {
    goals.funnels().iter().flat_map(move |funnel| {
        let numbered = (1..).zip(&funnel.steps);
        let reached = numbered.filter(move |(_, rule)| is_reached(rule, event));
        reached.map(|(step, _)| FunnelStep { funnel: funnel.number, step })
    })
}

fn is_reached(rule: &GoalRule, event: RuleInput<'_>) -> bool {
    match rule {
        GoalRule::Page(pattern) => event.kind == Kind::Pageview && pattern.is_match(event.page),
        GoalRule::EventName(name) => event.kind == Kind::Custom && event.name == name,
    }
}

#[cfg(test)]
mod tests;
