//! The spool compared with a `Vec` over random steps.

use proptest::prelude::*;

use crate::{commit, dir, open, options, read};

#[derive(Clone, Debug)]
enum Step {
    /// A commit of frames of these lengths.
    Commit(Vec<usize>),
    EndSegment,
    Reopen,
    /// Trims below this share (of 255) of the spool.
    Trim(u8),
    /// Reads from the frame at this share (of 255) of the spool.
    Read(u8),
    /// Continues with the reader that exists since the last opening.
    ReadOn,
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        8 => prop::collection::vec(prop_oneof![6 => 0..60usize, 1 => 200..900usize], 1..6).prop_map(Step::Commit),
        1 => Just(Step::EndSegment),
        1 => Just(Step::Reopen),
        1 => any::<u8>().prop_map(Step::Trim),
        2 => any::<u8>().prop_map(Step::Read),
        2 => Just(Step::ReadOn),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    #[test]
    fn after_any_steps_the_spool_holds_the_same_frames_as_a_vec(steps in prop::collection::vec(step(), 1..60)) {
        let dir = dir();
        let mut model: Vec<(u64, Vec<u8>)> = Vec::new();
        let mut position = 0;
        let mut start = 0;
        let mut byte = 0u8;
        let (mut writer, mut handle, recovery) = open(dir.path()).unwrap();
        prop_assert_eq!(recovery, spool::Recovery::default());
        let mut steady = handle.reader(0).unwrap();
        for step in steps {
            match step {
                Step::Commit(lengths) => {
                    for length in lengths {
                        byte = byte.wrapping_add(1);
                        let payload = vec![byte; length];
                        writer.frame(&payload);
                        model.push((position, payload));
                        position += spool::frame_bytes(length) as u64;
                    }
                    prop_assert!(handle.reader(handle.synced()).unwrap().next().unwrap().is_none());
                    prop_assert_eq!(writer.commit().unwrap().position, position);
                }
                Step::EndSegment => writer.end_segment().unwrap(),
                Step::Reopen => {
                    let at = steady.position();
                    drop((writer, handle, steady));
                    let (again, others, recovery) = spool::open(dir.path(), options(), position).unwrap();
                    (writer, handle) = (again, others);
                    prop_assert_eq!((recovery.position, recovery.start), (position, start));
                    prop_assert_eq!((recovery.torn_tails, recovery.restarted), (0, false));
                    steady = handle.reader(at.max(start)).unwrap();
                }
                Step::Trim(share) => {
                    let below = start + (position - start) * u64::from(share) / 255;
                    handle.trim(below).unwrap();
                    prop_assert!(handle.start() >= start && handle.start() <= below.max(start));
                    start = handle.start();
                    model.retain(|(position, _)| *position >= start);
                    if steady.position() < start {
                        steady = handle.reader(start).unwrap();
                    }
                }
                Step::Read(share) if !model.is_empty() => {
                    let from = (model.len() - 1) * usize::from(share) / 255;
                    prop_assert_eq!(&read(&handle, model[from].0).unwrap(), &model[from..]);
                }
                Step::Read(_) => prop_assert_eq!(&read(&handle, start).unwrap(), &model),
                Step::ReadOn => {
                    let from = model.partition_point(|(position, _)| *position < steady.position());
                    for want in &model[from..] {
                        let frame = steady.next().unwrap().unwrap();
                        prop_assert_eq!((frame.position, frame.payload), (want.0, &want.1[..]));
                    }
                    prop_assert!(steady.next().unwrap().is_none());
                }
            }
            prop_assert_eq!((handle.start(), handle.synced()), (start, position));
            let on_disk: u64 = std::fs::read_dir(dir.path()).unwrap()
                .map(|entry| entry.unwrap())
                .filter(|entry| !entry.file_name().to_str().unwrap().ends_with(".new"))
                .map(|entry| entry.metadata().unwrap().len()).sum();
            // Spare zeroes are reserved before their file exists.
            prop_assert!(handle.bytes() == on_disk || handle.bytes() == on_disk + options().segment_bytes);
        }
        prop_assert_eq!(&read(&handle, start).unwrap(), &model);
    }
}

#[test]
fn positions_are_dense_across_segments() {
    let dir = dir();
    let (mut writer, handle, _) = open(dir.path()).unwrap();
    for _ in 0..50 {
        commit(&mut writer, &[b"one", b"two and more"]);
    }
    assert!(handle.segments() > 3);
    let mut reader = handle.reader(0).unwrap();
    let mut end = 0;
    while let Some(frame) = reader.next().unwrap() {
        assert_eq!(frame.position, end);
        end = frame.end;
    }
    assert_eq!(end, handle.synced());
}
