//! Unowned partitions: those that the group has assigned to no member.
//!
//! A partition moves between two members in two steps (KIP-429). In the first, the group revokes it from a member that
//! has too many. Then that member joins again, and the group assigns the partition to another. A member that comes back
//! within its session gets the assignment that it had before (KIP-345). If all members are killed between the two steps
//! and come back, no member begins the second step. The group is stable then, and no member counts the revoked
//! partition until a member joins or leaves.
//!
//! So each member looks at the assignments of the group from time to time. If a partition is unowned in several looks
//! in a row, no second step is under way. Then the member with the fewest partitions leaves the group and joins it
//! again, which makes the group assign all partitions. That member may be dead, or not an aggregator. If nothing has
//! changed after as many looks again, the next member does the same.

use std::collections::BTreeSet;

/// So many looks in a row must find the same assignments.
const LOOKS_MIN: u32 = 3;

/// The assignments of a group in which no rebalance is under way, as the brokers report them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct GroupAssignments {
    /// For each member its instance id and its partitions.
    pub(super) members: Vec<(String, BTreeSet<i32>)>,
}

impl GroupAssignments {
    /// The partitions that no member has.
    pub(super) fn unowned(&self, partitions: u32) -> Vec<i32> {
        let is_unowned = |partition: &i32| !self.members.iter().any(|(_, owned)| owned.contains(partition));
        (0..partitions as i32).filter(is_unowned).collect()
    }

    /// The member that shall leave and join again in this turn, counted from 0. The first is the one with the fewest
    /// partitions, because the fewest are revoked then; of several with as many, the first by name.
    fn member_of_turn(&self, turn: u32) -> Option<&str> {
        let mut members: Vec<_> = self.members.iter().map(|(instance, owned)| (owned.len(), &**instance)).collect();
        members.sort_unstable();
        members.get(turn as usize % members.len().max(1)).map(|&(_, instance)| instance)
    }
}

/// The looks at the group so far.
#[derive(Debug, Default)]
pub(super) struct UnownedWatch {
    last: Option<GroupAssignments>,
    /// How many looks in a row have found the same assignments with unowned partitions.
    looks: u32,
}

impl UnownedWatch {
    /// Takes in one look; `None` if a rebalance was under way. Returns whether `instance` must leave the group and join
    /// it again now.
    pub(super) fn look(&mut self, assignments: Option<GroupAssignments>, unowned: &[i32], instance: &str) -> bool {
        let is_same = self.last == assignments;
        self.looks = match unowned {
            [] => 0,
            _ if is_same => self.looks + 1,
            _ => 1,
        };
        let turn = if self.looks.is_multiple_of(LOOKS_MIN) { (self.looks / LOOKS_MIN).checked_sub(1) } else { None };
        let next = turn.zip(assignments.as_ref()).and_then(|(turn, assignments)| assignments.member_of_turn(turn));
        let must_rejoin = next == Some(instance);
        self.last = assignments;
        must_rejoin
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn assignments(members: &[(&str, &[i32])]) -> Option<GroupAssignments> {
        let members = members.iter().map(|(name, owned)| ((*name).to_owned(), owned.iter().copied().collect()));
        Some(GroupAssignments { members: members.collect() })
    }

    /// In which of these looks `instance` must leave and join again, counted from 1.
    fn rejoins(looks: &[&Option<GroupAssignments>], instance: &str) -> Vec<usize> {
        let mut watch = UnownedWatch::default();
        let mut rejoins = |look: &Option<GroupAssignments>| {
            let unowned = look.as_ref().map_or(Vec::new(), |assignments| assignments.unowned(4));
            watch.look(look.clone(), &unowned, instance)
        };
        (1..).zip(looks).filter(|(_, look)| rejoins(look)).map(|(n, _)| n).collect()
    }

    #[test]
    fn the_member_with_the_fewest_partitions_rejoins_if_some_stay_unowned() {
        let stuck = &assignments(&[("a", &[2, 3]), ("b", &[])]);
        assert_eq!(stuck.as_ref().unwrap().unowned(4), [0, 1]);
        assert_eq!(rejoins(&[stuck; 12], "b"), [3, 9], "before, a rebalance may be under way");
        assert_eq!(rejoins(&[stuck; 12], "a"), [6, 12], "the first has changed nothing");
        let equals = &assignments(&[("b", &[1]), ("a", &[2])]);
        assert_eq!(rejoins(&[equals; 3], "a"), [3], "of equals, the first by name");
        assert_eq!(rejoins(&[equals; 6], "b"), [6]);
    }

    #[test]
    fn no_member_rejoins_if_all_partitions_are_owned_or_moving() {
        let whole = &assignments(&[("a", &[2, 3]), ("b", &[0, 1])]);
        assert_eq!(rejoins(&[whole; 7], "a"), [0; 0]);
        let (stuck, other) = (&assignments(&[("a", &[2, 3]), ("b", &[])]), &assignments(&[("a", &[2]), ("b", &[])]));
        for between in [whole, other, &None] {
            assert_eq!(rejoins(&[stuck, stuck, between, stuck, stuck], "b"), [0; 0], "looks in a row");
        }
    }
}
