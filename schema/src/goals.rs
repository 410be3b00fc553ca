//! The goals and funnels that a site declares, and the numbers by which an event names those that it reaches.
//!
//! In comes what the operator declares; out come rules with numbers. Which event reaches what is decided in `ingest`,
//! when the hit arrives. The decision travels with the event ([`crate::extra::Extra::goals`]), so a replay never
//! depends on the configuration of the moment. This module does not know where the declarations are written.

use std::collections::HashSet;

/// The most goals that one site may declare, and so the most that one event can reach.
pub const GOALS_MAX: usize = 64;
/// The most funnels that one site may declare.
pub const FUNNELS_MAX: usize = 16;
/// The most steps of one funnel.
pub const STEPS_MAX: usize = 8;
/// The most steps of all funnels that one event can reach.
pub const REACHED_STEPS_MAX: usize = FUNNELS_MAX * STEPS_MAX;

/// What an event must be to reach a goal or a step.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum GoalRule {
    /// A page view of such a page.
    Page(PagePattern),
    /// A custom event of this name.
    EventName(String),
}

/// A set of clean paths: one path, or all paths that begin alike.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PagePattern {
    path: String,
    is_prefix: bool,
}

impl PagePattern {
    /// `/thanks` is that path only; `/shop/*` is every path that begins with `/shop/`.
    pub fn new(pattern: &str) -> PagePattern {
        let prefix = pattern.strip_suffix('*');
        PagePattern { path: prefix.unwrap_or(pattern).to_owned(), is_prefix: prefix.is_some() }
    }

    /// Whether the clean path of a page is in the set.
    pub fn is_match(&self, page: &str) -> bool {
        if self.is_prefix { page.starts_with(&self.path) } else { page == self.path }
    }
}

/// A goal of a site.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Goal {
    /// The goal's number in its site, from 1. Events and tables name the goal by it, so it is never given to another
    /// goal.
    pub number: u16,
    /// Which events reach it.
    pub rule: GoalRule,
}

/// A funnel of a site.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Funnel {
    /// The funnel's number in its site, from 1; never given to another funnel.
    pub number: u16,
    /// Which events reach each step, in the order of the steps.
    pub steps: Vec<GoalRule>,
}

/// One step of one funnel, as an event names it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct FunnelStep {
    /// The funnel's number.
    pub funnel: u16,
    /// The step's number, from 1 to [`STEPS_MAX`].
    pub step: u8,
}

/// All goals and funnels of one site. A value that exists is valid.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Goals {
    goals: Vec<Goal>,
    funnels: Vec<Funnel>,
}

/// Goals and funnels that cannot be declared.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum GoalsError {
    /// There are too many goals.
    #[error("a site has at most {GOALS_MAX} goals")]
    TooManyGoals,
    /// There are too many funnels.
    #[error("a site has at most {FUNNELS_MAX} funnels")]
    TooManyFunnels,
    /// A funnel has no step, or too many.
    #[error("funnel {0} needs 1 to {STEPS_MAX} steps")]
    Steps(u16),
    /// Two goals or two funnels have the same number, or the number is 0.
    #[error("the number {0} is used twice, or is 0")]
    Number(u16),
}

impl Goals {
    /// Checks the bounds and that each number is used once.
    pub fn new(goals: Vec<Goal>, funnels: Vec<Funnel>) -> Result<Goals, GoalsError> {
        if goals.len() > GOALS_MAX {
            return Err(GoalsError::TooManyGoals);
        }
        if funnels.len() > FUNNELS_MAX {
            return Err(GoalsError::TooManyFunnels);
        }
        if let Some(funnel) = funnels.iter().find(|funnel| !(1..=STEPS_MAX).contains(&funnel.steps.len())) {
            return Err(GoalsError::Steps(funnel.number));
        }
        check_numbers(goals.iter().map(|goal| goal.number))?;
        check_numbers(funnels.iter().map(|funnel| funnel.number))?;
        Ok(Goals { goals, funnels })
    }

    /// Whether nothing is declared.
    pub fn is_empty(&self) -> bool {
        self.goals.is_empty() && self.funnels.is_empty()
    }

    /// The goals, in the order in which they are declared.
    pub fn goals(&self) -> &[Goal] {
        &self.goals
    }

    /// The funnels, in the order in which they are declared.
    pub fn funnels(&self) -> &[Funnel] {
        &self.funnels
    }
}

fn check_numbers(numbers: impl Iterator<Item = u16>) -> Result<(), GoalsError> {
    let mut used = HashSet::from([0]);
    for number in numbers {
        if !used.insert(number) {
            return Err(GoalsError::Number(number));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn goal(number: u16) -> Goal {
        Goal { number, rule: GoalRule::EventName("Signup".into()) }
    }

    fn funnel(number: u16, steps: usize) -> Funnel {
        Funnel { number, steps: vec![GoalRule::Page(PagePattern::new("/")); steps] }
    }

    #[test]
    fn a_pattern_is_one_path_or_a_prefix() {
        let (one, prefix) = (PagePattern::new("/thanks"), PagePattern::new("/shop/*"));
        assert!(one.is_match("/thanks") && !one.is_match("/thanks/") && !one.is_match("/"));
        assert!(prefix.is_match("/shop/") && prefix.is_match("/shop/tea") && !prefix.is_match("/shop"));
        assert!(PagePattern::new("*").is_match(""));
    }

    #[test]
    fn numbers_are_used_once_and_counts_are_bounded() {
        let numbered = |goals: &[u16]| Goals::new(goals.iter().copied().map(goal).collect(), vec![]);
        assert_eq!(numbered(&[1, 7]).unwrap().goals().len(), 2);
        assert_eq!(numbered(&[1, 7, 1]), Err(GoalsError::Number(1)));
        assert_eq!(numbered(&[0]), Err(GoalsError::Number(0)));
        assert_eq!(numbered(&(1..=65).collect::<Vec<_>>()), Err(GoalsError::TooManyGoals));
        let funnels = |funnels: Vec<Funnel>| Goals::new(vec![goal(1)], funnels).map(|goals| goals.funnels().len());
        assert_eq!(funnels(vec![funnel(1, 1), funnel(2, STEPS_MAX)]), Ok(2));
        assert_eq!(funnels(vec![funnel(1, 1), funnel(1, 2)]), Err(GoalsError::Number(1)));
        assert_eq!(funnels(vec![funnel(3, 0)]), Err(GoalsError::Steps(3)));
        assert_eq!(funnels(vec![funnel(3, STEPS_MAX + 1)]), Err(GoalsError::Steps(3)));
        assert_eq!(funnels((1..=17).map(|n| funnel(n, 1)).collect()), Err(GoalsError::TooManyFunnels));
    }
}
