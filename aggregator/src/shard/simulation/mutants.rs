//! Each rule is switched off: some seed must then fail. A seed that is known to fail is tried first. If the protocol
//! has changed and that seed does not fail, the other seeds are tried.

use super::in_parallel;
use super::laws::Law;
use super::play::play;
use crate::shard::rules::Rule;

/// Laws and rules that are switched off together, and a seed that fails then.
struct Mutant {
    laws: &'static [Law],
    rules: &'static [Rule],
    caught_by: u64,
}

const fn rule(rule: &'static [Rule], caught_by: u64) -> Mutant {
    Mutant { laws: &[], rules: rule, caught_by }
}

const fn law(law: &'static [Law], caught_by: u64) -> Mutant {
    Mutant { laws: law, rules: &[], caught_by }
}

/// Where one rule replaces another, only switching off both makes a run fail.
const MUTANTS: &[Mutant] = &[
    rule(&[Rule::IntentFirst], 3),
    rule(&[Rule::NewGeneration], 0),
    rule(&[Rule::AgeLimit], 14),
    rule(&[Rule::ControlSums], 40),
    rule(&[Rule::SumsAtAssignment], 11),
    rule(&[Rule::CheckpointBeforeRound], 1),
    rule(&[Rule::StartBelowFirst], 1),
    rule(&[Rule::StartWaitsForSettled], 6),
    rule(&[Rule::DeleteAfterCommit], 20),
    rule(&[Rule::NamedWhenCaughtUp], 0),
    rule(&[Rule::ClosedUpTo], 1),
    rule(&[Rule::SettledWhenEqual, Rule::ControlSums], 3),
    rule(&[Rule::SettledWhenInserted], 2),
    rule(&[Rule::SweepSparesNewer], 6),
    rule(&[Rule::SweepSparesSettled], 1),
    rule(&[Rule::DropsWait], 3),
    // Rare: one seed in 2,300. If the simulation draws other random numbers, another seed must be searched with
    // `how_many_runs_fail_without_each_rule`.
    rule(&[Rule::DropsWaitForOwners], 2233),
    rule(&[Rule::Sweep], 0),
    law(&[Law::Fencing], 1),
    law(&[Law::LongWindow], 13),
    Mutant { laws: &[Law::LongWindow], rules: &[Rule::AgeLimit], caught_by: 13 },
    law(&[Law::CheckpointBeforeStart], 22),
    Mutant { laws: &[Law::GenerationRecorded], rules: &[Rule::GenerationOfRows], caught_by: 73 },
    law(&[Law::FoldsByStart], 13),
    law(&[Law::ReadersFollowHighest], 33),
    law(&[Law::RoundsByStream], 0),
    law(&[Law::CheckpointUsed], 1),
    law(&[Law::LastCloseInCheckpoint], 3),
    law(&[Law::FreshEpoch], 0),
    law(&[Law::ShipOnlySynced], 5),
];

impl Mutant {
    fn fails(&self, seed: u64) -> Option<String> {
        play(seed, (self.laws, self.rules), false).violation
    }

    fn name(&self) -> String {
        let laws = self.laws.iter().map(|law| format!("{law:?}"));
        laws.chain(self.rules.iter().map(|rule| format!("{rule:?}"))).collect::<Vec<_>>().join(" and ")
    }
}

#[test]
fn some_run_fails_without_each_rule() {
    let not_needed = in_parallel(MUTANTS.iter(), |mutant| {
        let caught = mutant.fails(mutant.caught_by).map(|what| (mutant.caught_by, what));
        let caught = caught.or_else(|| (0..300).find_map(|seed| Some((seed, mutant.fails(seed)?))));
        match caught {
            Some((seed, what)) => println!("without {}, seed {seed}: {what}", mutant.name()),
            None => return Some(mutant.name()),
        }
        None
    });
    assert!(not_needed.is_empty(), "no run fails without these: {not_needed:?}");
}

#[test]
#[ignore = "takes some minutes"]
fn how_many_runs_fail_without_each_rule() {
    const SEEDS: u64 = 100;
    let jobs = MUTANTS.iter().flat_map(|mutant| (0..SEEDS).map(move |seed| (mutant, seed)));
    let mut all = in_parallel(jobs, |(mutant, seed)| Some((mutant.name(), seed, mutant.fails(seed)?)));
    all.sort_by_key(|(_, seed, _)| *seed);
    for mutant in MUTANTS {
        let caught: Vec<_> = all.iter().filter(|(name, ..)| *name == mutant.name()).collect();
        let first = caught.first().map(|(_, seed, what)| format!("seed {seed}: {what}"));
        println!("{:45} {:3} of {SEEDS}; {}", mutant.name(), caught.len(), first.unwrap_or_default());
    }
}
