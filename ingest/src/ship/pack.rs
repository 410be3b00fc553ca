//! Packs records of the spool into messages: one packer per partition, flushed when it is full or when its first
//! record is 50 ms old. In come encoded records with their positions; out go messages, through a callback.

use std::time::{Duration, Instant};

use schema::wire::{Packer, RawBody, WireError, decode_raw};

/// A message is sent when it has about this length.
const MESSAGE_BYTES: usize = 64 << 10;
/// A message is sent when its first record has waited so long.
const MESSAGE_AGE: Duration = Duration::from_millis(50);

/// A record of a partition that the stream does not have. In another partition it would have another record's number.
#[derive(Debug, thiserror::Error)]
#[error(
    "the spool holds hits for partition {partition}, and the configuration has {partitions} partitions: ship them with the \
     former number first"
)]
pub(super) struct NoPartition {
    partition: u32,
    partitions: u32,
}

/// A message to send.
pub(super) struct PackedMessage<'a> {
    pub(super) partition: u32,
    /// The position of its first record in the spool.
    pub(super) from: u64,
    pub(super) records: u64,
    pub(super) bytes: &'a [u8],
}

/// The records that are packed and not yet sent.
pub(super) struct Packing {
    partitions: Vec<PartitionPacker>,
    bytes: Vec<u8>,
    /// When the first record of the oldest unsent message was packed.
    began: Option<Instant>,
}

#[derive(Default)]
struct PartitionPacker {
    packer: Packer,
    from: u64,
    records: u64,
}

impl Packing {
    pub(super) fn new(partitions: u32) -> Packing {
        let partitions = (0..partitions).map(|_| PartitionPacker::default()).collect();
        Packing { partitions, bytes: Vec::new(), began: None }
    }

    /// Packs one record of the spool, and sends a message that is full.
    pub(super) fn push<E: From<WireError> + From<NoPartition>>(
        &mut self,
        position: u64,
        record: &[u8],
        mut send: impl FnMut(PackedMessage<'_>) -> Result<(), E>,
    ) -> Result<(), E> {
        let record = decode_raw(record)?;
        let (partition, partitions) = (record.partition, self.partitions.len() as u32);
        let part = self.partitions.get_mut(partition as usize).ok_or(NoPartition { partition, partitions })?;
        match record.body {
            RawBody::Event(event) => {
                if !part.packer.can_take(record.epoch, record.number) {
                    part.send(partition, &mut self.bytes, &mut send)?;
                }
                if part.packer.is_empty() {
                    part.from = position;
                    self.began.get_or_insert_with(Instant::now);
                }
                part.packer.push(record.epoch, record.number, event)?;
                part.records += 1;
                if part.packer.bytes() >= MESSAGE_BYTES {
                    part.send(partition, &mut self.bytes, &mut send)?;
                }
                Ok(())
            }
            RawBody::Fates(fates) => {
                part.send(partition, &mut self.bytes, &mut send)?;
                self.bytes.clear();
                Packer::fates(record.epoch, record.number, fates, &mut self.bytes);
                send(PackedMessage { partition, from: position, records: 1, bytes: &self.bytes })
            }
            // On the stream the aggregators write the closes themselves.
            RawBody::Close(_) => Ok(()),
        }
    }

    /// Sends the messages if the oldest has waited long enough, or if `all` is set.
    pub(super) fn send_old<E>(
        &mut self,
        all: bool,
        mut send: impl FnMut(PackedMessage<'_>) -> Result<(), E>,
    ) -> Result<(), E> {
        if all || self.began.is_some_and(|began| began.elapsed() >= MESSAGE_AGE) {
            self.began = None;
            for (partition, part) in (0..).zip(&mut self.partitions) {
                part.send(partition, &mut self.bytes, &mut send)?;
            }
        }
        Ok(())
    }

    /// The position of the oldest record that is packed and not sent.
    pub(super) fn oldest(&self) -> Option<u64> {
        self.partitions.iter().filter(|part| !part.packer.is_empty()).map(|part| part.from).min()
    }
}

impl PartitionPacker {
    fn send<E>(
        &mut self,
        partition: u32,
        bytes: &mut Vec<u8>,
        send: &mut impl FnMut(PackedMessage<'_>) -> Result<(), E>,
    ) -> Result<(), E> {
        if self.packer.is_empty() {
            return Ok(());
        }
        bytes.clear();
        self.packer.finish(bytes);
        send(PackedMessage { partition, from: self.from, records: std::mem::take(&mut self.records), bytes })
    }
}

#[cfg(test)]
mod tests;
