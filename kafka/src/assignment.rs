//! The assignment of a group member, in the format in which consumers exchange it through the brokers.

use std::collections::BTreeSet;

/// The partitions of one topic in an assignment; `None` if the bytes are something else.
///
/// Layout: a version (16 bits), the number of topics (32 bits), then for each topic the length of its name (16 bits),
/// its name, the number of its partitions (32 bits) and the partitions (32 bits each). User data may follow.
pub fn partitions_of(assignment: &[u8], topic: &str) -> Option<BTreeSet<i32>> {
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

    #[test]
    fn an_assignment_is_parsed_and_anything_else_is_refused() {
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
