//! What has been imported of each log, kept in ClickHouse: so the same log again, longer or gzipped, counts only what
//! is new in it.
//!
//! A log is known by the hash of its first 4 KiB (or of what was imported of it, if that is less) and of the number of
//! days it was moved by: the same log moved by another number is another log. A row counts once its shard is named, as
//! all of an import does.

use std::collections::BTreeMap;

use warehouse::{Error, ImportedLog, Warehouse};

use super::source::HEAD_BYTES;

/// What has been imported of the logs of one site.
pub(super) struct Known {
    shift_days: i32,
    /// Bytes done, by length and hash of a log's head.
    done: BTreeMap<(u32, String), u64>,
    new: Vec<ImportedLog>,
}

impl Known {
    /// Asks ClickHouse.
    pub(super) async fn load(warehouse: &Warehouse, site: u32, shift_days: i32) -> Result<Known, Error> {
        let logs = warehouse.imported_logs(site).await?;
        let done = logs.into_iter().map(|log| ((log.head_bytes, log.head_hash), log.bytes_done));
        Ok(Known { shift_days, done: done.collect(), new: Vec::new() })
    }

    /// How many bytes of the log with this head are done.
    pub(super) fn bytes_done(&self, head: &[u8]) -> u64 {
        let mut hashed = (0, String::new());
        let mut most = 0;
        for ((head_bytes, head_hash), &bytes_done) in &self.done {
            let Some(same) = head.get(..*head_bytes as usize) else { break };
            if hashed.0 != *head_bytes {
                hashed = (*head_bytes, self.hash(same));
            }
            if hashed.1 == *head_hash {
                most = most.max(bytes_done);
            }
        }
        most
    }

    /// The log with this head has been read up to there.
    pub(super) fn add(&mut self, head: &[u8], bytes_done: u64) {
        let len = usize::try_from(bytes_done).unwrap_or(usize::MAX).min(HEAD_BYTES).min(head.len());
        let (head_bytes, head_hash) = (len as u32, self.hash(&head[..len]));
        self.done.insert((head_bytes, head_hash.clone()), bytes_done);
        self.new.push(ImportedLog { head_bytes, head_hash, bytes_done });
    }

    /// What was added: to be kept once all is inserted.
    pub(super) fn into_new(self) -> Vec<ImportedLog> {
        self.new
    }

    fn hash(&self, head: &[u8]) -> String {
        let mut hasher = blake3::Hasher::new();
        hasher.update(&self.shift_days.to_le_bytes());
        hasher.update(head);
        hasher.finalize().to_hex().to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn known(shift_days: i32) -> Known {
        Known { shift_days, done: BTreeMap::new(), new: Vec::new() }
    }

    fn log(lines: usize) -> Vec<u8> {
        (0..lines).flat_map(|n| format!("line {n}\n").into_bytes()).collect()
    }

    fn head(log: &[u8]) -> &[u8] {
        &log[..log.len().min(HEAD_BYTES)]
    }

    #[test]
    fn a_log_that_grew_is_known_however_short_it_was() {
        let whole = log(5_000);
        for len in [1, 7, 100, HEAD_BYTES - 1, HEAD_BYTES, HEAD_BYTES + 1, whole.len()] {
            let mut known = known(0);
            known.add(head(&whole[..len]), len as u64);
            assert_eq!(known.bytes_done(head(&whole)), len as u64);
            assert_eq!(known.bytes_done(head(&whole[..len])), len as u64);
        }
    }

    #[test]
    fn of_a_log_imported_in_parts_the_last_part_counts() {
        let whole = log(5_000);
        let mut known = known(0);
        for len in [100, 2_000, 10_000, 20_000] {
            known.add(head(&whole[..len]), len as u64);
            assert_eq!(known.bytes_done(head(&whole)), len as u64);
        }
        assert_eq!(known.into_new().len(), 4);
    }

    #[test]
    fn what_was_not_imported_is_no_part_of_what_a_log_is_known_by() {
        let (mut before, mut after) = (log(3), log(3));
        before.extend_from_slice(b"half a li");
        after.extend_from_slice(b"another line\n");
        let mut known = known(0);
        known.add(&before, log(3).len() as u64);
        assert_eq!(known.bytes_done(&after), log(3).len() as u64);
    }

    #[test]
    fn another_log_and_the_same_one_moved_by_other_days_are_not_known() {
        let (whole, mut known) = (log(5_000), known(3));
        known.add(head(&whole), whole.len() as u64);
        assert_eq!(known.bytes_done(&head(&whole)[1..]), 0);
        assert_eq!(known.bytes_done(b""), 0);
        known.shift_days = -3;
        assert_eq!(known.bytes_done(head(&whole)), 0);
    }
}
