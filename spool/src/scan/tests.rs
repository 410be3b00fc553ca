use proptest::prelude::*;

use super::*;

const SALT: u32 = 0x5eed_1234;

/// A segment of these commits (each a list of payloads), and the end of each commit.
fn segment(commits: &[Vec<Vec<u8>>]) -> (Vec<u8>, Vec<u32>) {
    let (mut bytes, mut ends) = (Vec::new(), Vec::new());
    for payloads in commits {
        let mut pending = Vec::new();
        payloads.iter().for_each(|payload| frame::push(&mut pending, payload));
        frame::seal(&mut pending, bytes.len() as u32, SALT);
        bytes.extend(pending);
        ends.push(bytes.len() as u32);
    }
    (bytes, ends)
}

fn written_segment() -> (Vec<u8>, Vec<u32>) {
    let frame = |byte: u8, len: usize| vec![byte; len];
    segment(&[
        vec![frame(1, 10)],
        vec![frame(2, 0), frame(3, 7), frame(8, 30)],
        vec![frame(4, 25)],
        vec![frame(5, 3), frame(6, 40), frame(7, 1)],
    ])
}

#[test]
fn a_cut_at_any_byte_leaves_exactly_the_whole_commits_before_it() {
    let (bytes, ends) = written_segment();
    for cut in 0..=bytes.len() {
        for padding in [0, 100] {
            let mut held = bytes[..cut].to_vec();
            held.resize(cut + padding, 0);
            let whole = ends.iter().rfind(|end| **end as usize <= cut).copied().unwrap_or(0);
            let left = written_bytes(&bytes[..cut]) as u32;
            let tail = if left <= whole { Tail::Empty } else { Tail::Torn { bytes: left - whole } };
            assert_eq!(scan(&held, SALT), Scan { good: whole, tail }, "cut at {cut}, padding {padding}");
        }
    }
}

#[test]
fn a_flip_of_any_bit_is_a_torn_tail_in_the_last_commit_and_corruption_before_it() {
    let (mut bytes, ends) = written_segment();
    let (end, last) = (ends[ends.len() - 1], ends[ends.len() - 2]);
    bytes.resize(bytes.len() + 50, 0);
    for bit in 0..bytes.len() * 8 {
        let at = (bit / 8) as u32;
        bytes[bit / 8] ^= 1 << (bit % 8);
        let Scan { good, tail } = scan(&bytes, SALT);
        let begin = ends.iter().rfind(|end| **end <= at).copied().unwrap_or(0);
        assert_eq!(good, begin, "bit {bit}");
        match tail {
            // A flip in the zeroes after the end looks like a torn next commit. No frame is lost, and the flip is
            // found.
            Tail::Torn { bytes } if at >= end => assert_eq!(bytes, at - end + 1),
            Tail::Torn { bytes } => assert!(at >= last && bytes == end - last, "bit {bit}"),
            Tail::Corrupt { found } => assert!(at < last && found > at && found <= ends[1].max(last), "bit {bit}"),
            Tail::Empty => panic!("the flip of bit {bit} was not found"),
        }
        bytes[bit / 8] ^= 1 << (bit % 8);
    }
}

#[test]
fn a_commit_without_its_last_frame_is_torn() {
    let (bytes, _) = segment(&[vec![vec![1; 5]], vec![vec![2; 5], vec![3; 5]]]);
    let one = frame::frame_bytes(5);
    assert_eq!(scan(&bytes[..2 * one], SALT), Scan { good: one as u32, tail: Tail::Torn { bytes: one as u32 } });
}

#[test]
fn a_payload_that_holds_frames_is_not_taken_for_a_later_commit() {
    let (inner, _) = written_segment();
    let (bytes, ends) = segment(&[vec![inner.clone()], vec![inner.clone(), inner]]);
    for cut in ends[0] + 1..ends[1] {
        let torn = scan(&bytes[..cut as usize], SALT);
        assert_eq!((torn.good, matches!(torn.tail, Tail::Torn { .. })), (ends[0], true), "cut at {cut}");
    }
}

/// A client that chooses a payload and guesses its offset still does not know the salt.
#[test]
fn a_frame_forged_into_a_payload_is_not_taken_for_a_later_commit() {
    let (mut bytes, ends) = segment(&[vec![vec![1; 5]]]);
    let mut forged = Vec::new();
    let at = ends[0] + frame::frame_bytes(0) as u32;
    frame::push(&mut forged, b"forged");
    frame::seal(&mut forged, at, SALT ^ 1);
    let mut torn = Vec::new();
    frame::push(&mut torn, &forged);
    frame::seal(&mut torn, ends[0], SALT);
    assert!(
        FrameHeader::decode(&torn[frame::frame_bytes(0)..], at, SALT ^ 1).is_some(),
        "the forged frame is valid at its offset"
    );
    bytes.extend(&torn[..torn.len() - 1]);
    let tail = Tail::Torn { bytes: torn.len() as u32 - 1 };
    assert_eq!(scan(&bytes, SALT), Scan { good: ends[0], tail });
}

#[test]
fn a_wrong_length_does_not_hide_the_commit_behind_it() {
    let (mut bytes, ends) = written_segment();
    // The length of the last frame before the last commit points far beyond the end.
    let at = ends[1] as usize + 4;
    bytes[at..at + 4].copy_from_slice(&(1u32 << 20).to_le_bytes());
    assert_eq!(scan(&bytes, SALT), Scan { good: ends[1], tail: Tail::Corrupt { found: ends[2] } });
}

proptest! {
    /// A disk may write the sectors of one write in any order, and a power cut can lose any of them.
    #[test]
    fn a_commit_of_which_any_sectors_are_missing_is_a_torn_tail(
        lengths in prop::collection::vec(0..200usize, 1..8),
        sector in prop_oneof![Just(8usize), Just(16), Just(64), Just(512)],
        missing in prop::collection::vec(any::<bool>(), 300),
    ) {
        let before = vec![vec![9; 33]];
        let torn: Vec<Vec<u8>> = lengths.iter().map(|length| vec![0xa5; *length]).collect();
        let (mut bytes, ends) = segment(&[before, torn]);
        bytes.resize(bytes.len() + 200, 0);
        let whole = bytes.clone();
        for (index, missing) in missing.iter().enumerate() {
            let (from, to) = ((index * sector).max(ends[0] as usize), ((index + 1) * sector).min(bytes.len()));
            if *missing && from < to {
                bytes[from..to].fill(0);
            }
        }
        let Scan { good, tail } = scan(&bytes, SALT);
        if bytes == whole {
            prop_assert_eq!((good, tail), (ends[1], Tail::Empty));
        } else {
            prop_assert_eq!(good, ends[0]);
            prop_assert!(!matches!(tail, Tail::Corrupt { .. }), "{:?}", tail);
        }
    }

    #[test]
    fn bytes_that_were_never_written_hold_no_commit(bytes in prop::collection::vec(any::<u8>(), 0..400), salt: u32) {
        prop_assert_eq!(scan(&bytes, salt).good, 0);
    }
}
