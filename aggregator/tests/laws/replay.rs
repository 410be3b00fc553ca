//! The result does not depend on where the fold is drained, nor on how often the stream is read.

use aggregator::fold::{Checkpoint, Fold, Limits};
use proptest::prelude::*;
use proptest::sample::Index;

use crate::stream::{Placed, cells, cuts, run, stream};

proptest! {
    #![proptest_config(ProptestConfig { cases: 600, ..ProptestConfig::default() })]

    #[test]
    fn the_cut_between_drains_does_not_matter(
        records in stream(150), cuts in cuts(150), tags in 0usize..4, strings in 0usize..8, facts in 0u32..6,
    ) {
        let small = Limits { tags_per_site_day: tags, strings_per_site_day: strings, facts_per_tag: facts };
        for limits in [small, Limits::default()] {
            let (mut once, mut often) = (Fold::new(Checkpoint::default(), limits.clone()), Fold::new(Checkpoint::default(), limits));
            let (whole, parts) = (run(&mut once, &records, &[]), run(&mut often, &records, &cuts));
            prop_assert_eq!(cells(&whole), cells(&parts));
            prop_assert_eq!(once.sums(), often.sums());
            let closes = |drained: Vec<aggregator::fold::Drained>| drained.into_iter().flat_map(|d| d.closes).collect::<Vec<_>>();
            prop_assert_eq!(closes(whole), closes(parts));
        }
    }

    /// A shard that starts again folds from S, drains at other positions, and then emits exactly the rows that it would
    /// have emitted without the restart.
    #[test]
    fn replay_gives_the_same_increments(
        records in stream(200), resume in any::<Index>(), done in any::<Index>(), cuts_a in cuts(200), cuts_b in cuts(200), tail in cuts(200),
    ) {
        let resume = resume.index(records.len() + 1);
        let (before, after) = records.split_at(resume);
        let mut former = Fold::new(Checkpoint::default(), Limits::default());
        run(&mut former, before, &cuts_a);

        let closed = |former: &Fold, &(day, round): &(schema::day::Day, u32)| {
            former.checkpoint().last_close.is_some_and(|last| day.0 + round as i32 <= last)
        };
        let mut rounds: Vec<_> = former.round_starts().keys().copied().filter(|key| closed(&former, key)).collect();
        rounds.truncate(done.index(rounds.len() + 1));
        rounds.iter().for_each(|&(day, round)| former.forget(day, round));

        let start = former.round_starts().values().min_by_key(|first| first.position);
        let (position, checkpoint) = start.map_or((u64::MAX, former.checkpoint().clone()), |first| (first.position, first.checkpoint.clone()));
        let again: Vec<Placed> = before.iter().filter(|(at, _)| *at >= position).cloned().collect();
        let mut later = Fold::new(checkpoint, Limits::default());
        run(&mut later, &again, &cuts_b);
        prop_assert_eq!(former.checkpoint(), later.checkpoint());
        for (key, first) in former.round_starts() {
            prop_assert_eq!(Some(first), later.round_starts().get(key));
            prop_assert_eq!(former.sums().get(key), later.sums().get(key));
        }
        prop_assert_eq!(run(&mut former, after, &tail), run(&mut later, after, &tail));
    }

    /// The sums of a round can be computed again from its first record and the checkpoint before it.
    #[test]
    fn a_round_is_rebuilt_from_its_first_record(records in stream(150), cuts in cuts(150)) {
        let mut fold = Fold::new(Checkpoint::default(), Limits::default());
        run(&mut fold, &records, &[]);
        for (key, first) in fold.round_starts() {
            let mut again = Fold::new(first.checkpoint.clone(), Limits::default());
            let rest: Vec<Placed> = records.iter().filter(|(at, _)| *at >= first.position).cloned().collect();
            run(&mut again, &rest, &cuts);
            prop_assert_eq!(again.sums().get(key), fold.sums().get(key), "{:?}", key);
        }
    }
}
