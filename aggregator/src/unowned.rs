//! Partitions that the group gave to nobody.
//!
//! Partitions move in two steps (KIP-429): who has too many gives some up, then joins once more, and only then are they
//! handed out. Brokers take a member that comes back within its session for who it was and tell it what it had (KIP-345).
//! If all are killed between the two steps and come back, nobody remembers the second: the group is stable, and what was
//! given up is counted by nobody until a member comes or goes.
//!
//! So each member looks at the group now and then. What is nobody's for several looks is not about to be handed out: the
//! member that has least leaves the group and joins it again, and that makes the group deal anew. It may be dead, or no
//! aggregator: if nothing has changed after as many looks again, it is the next one's turn.

use std::collections::BTreeSet;

/// So many looks in a row must find the same: the second step may just be under way.
const LOOKS: u32 = 3;

/// What the brokers say of a group in which nothing is being dealt out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Dealt {
    /// Each member: its instance id and its partitions.
    pub(crate) members: Vec<(String, BTreeSet<i32>)>,
}

impl Dealt {
    /// The partitions that none of them has.
    pub(crate) fn nobodys(&self, partitions: u32) -> Vec<i32> {
        let is_nobodys = |partition: &i32| !self.members.iter().any(|(_, theirs)| theirs.contains(partition));
        (0..partitions as i32).filter(is_nobodys).collect()
    }

    /// Whose turn it is, counted from 0: first the one with the fewest partitions, who gives up least by leaving; of
    /// several, the first by name.
    fn next(&self, turn: u32) -> Option<&str> {
        let mut members: Vec<_> = self.members.iter().map(|(instance, theirs)| (theirs.len(), &**instance)).collect();
        members.sort_unstable();
        members.get(turn as usize % members.len().max(1)).map(|&(_, instance)| instance)
    }
}

/// What was seen of it.
#[derive(Debug, Default)]
pub(crate) struct Watch {
    last: Option<Dealt>,
    looks: u32,
}

impl Watch {
    /// A look at the group: whether `instance` must do something now about what is nobody's. `None`: it is being dealt.
    pub(crate) fn look(&mut self, dealt: Option<Dealt>, nobodys: &[i32], instance: &str) -> bool {
        let is_same = self.last == dealt;
        self.looks = match nobodys {
            [] => 0,
            _ if is_same => self.looks + 1,
            _ => 1,
        };
        let turn = if self.looks.is_multiple_of(LOOKS) { (self.looks / LOOKS).checked_sub(1) } else { None };
        let is_us = turn.zip(dealt.as_ref()).and_then(|(turn, dealt)| dealt.next(turn)) == Some(instance);
        self.last = dealt;
        is_us
    }
}

/// The partitions of one topic in a member's assignment, as consumers write it for each other: version (16 bits), then
/// for each of some topics (32 bits) its name (after 16 bits of length) and numbers (32 bits each, after 32 bits that
/// count them). `None` if it is something else.
pub(crate) fn partitions_of(assignment: &[u8], topic: &str) -> Option<BTreeSet<i32>> {
    let mut rest = assignment.get(2..)?;
    let mut take = |length: usize| {
        let (taken, left) = rest.split_at_checked(length)?;
        rest = left;
        Some(taken)
    };
    let number = |taken: &[u8]| taken.iter().fold(0_usize, |number, &byte| number << 8 | usize::from(byte));
    let mut partitions = BTreeSet::new();
    for _ in 0..number(take(4)?) {
        let length = number(take(2)?);
        let name = take(length)?;
        let count = number(take(4)?);
        let numbers = take(count.checked_mul(4)?)?;
        if name == topic.as_bytes() {
            partitions.extend(numbers.chunks_exact(4).map(|bytes| number(bytes) as i32));
        }
    }
    Some(partitions)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn dealt(members: &[(&str, &[i32])]) -> Option<Dealt> {
        let members = members.iter().map(|(name, theirs)| ((*name).to_owned(), theirs.iter().copied().collect()));
        Some(Dealt { members: members.collect() })
    }

    /// At which of these looks it acts.
    fn acts(looks: &[&Option<Dealt>], instance: &str) -> Vec<usize> {
        let mut watch = Watch::default();
        let mut acts = |look: &Option<Dealt>| {
            let nobodys = look.as_ref().map_or(Vec::new(), |dealt| dealt.nobodys(4));
            watch.look(look.clone(), &nobodys, instance)
        };
        (1..).zip(looks).filter(|(_, look)| acts(look)).map(|(n, _)| n).collect()
    }

    #[test]
    fn who_has_least_acts_on_what_stays_nobodys() {
        let stuck = &dealt(&[("a", &[2, 3]), ("b", &[])]);
        assert_eq!(stuck.as_ref().unwrap().nobodys(4), [0, 1]);
        assert_eq!(acts(&[stuck; 12], "b"), [3, 9], "before, it may be about to be dealt");
        assert_eq!(acts(&[stuck; 12], "a"), [6, 12], "the first has changed nothing");
        let equals = &dealt(&[("b", &[1]), ("a", &[2])]);
        assert_eq!(acts(&[equals; 3], "a"), [3], "of equals, the first by name");
        assert_eq!(acts(&[equals; 6], "b"), [6]);
    }

    #[test]
    fn nobody_acts_where_all_is_had_or_moves() {
        let whole = &dealt(&[("a", &[2, 3]), ("b", &[0, 1])]);
        assert_eq!(acts(&[whole; 7], "a"), [0; 0]);
        let (stuck, other) = (&dealt(&[("a", &[2, 3]), ("b", &[])]), &dealt(&[("a", &[2]), ("b", &[])]));
        for between in [whole, other, &None] {
            assert_eq!(acts(&[stuck, stuck, between, stuck, stuck], "b"), [0; 0], "looks in a row");
        }
    }

    #[test]
    fn an_assignment_is_read_and_nonsense_is_not() {
        let mut bytes = vec![0, 1, 0, 0, 0, 2, 0, 5];
        bytes.extend(b"other");
        bytes.extend([0, 0, 0, 1, 0, 0, 0, 9, 0, 4]);
        bytes.extend(b"hits");
        bytes.extend([0, 0, 0, 2, 0, 0, 0, 3, 0, 0, 1, 0, 0, 0, 0, 0]);
        assert_eq!(partitions_of(&bytes, "hits"), Some([3, 256].into()));
        assert_eq!(partitions_of(&bytes, "hit"), Some([].into()));
        let body = bytes.len() - 4; // four bytes of user data follow
        for end in 0..body {
            assert_eq!(partitions_of(&bytes[..end], "hits"), None, "cut at {end}");
        }
        assert_eq!(partitions_of(&[0, 1, 0, 0, 0, 1, 0, 0, 255, 255, 255, 255], "hits"), None, "absurd counts");
    }
}
