//! The codec of `schema`.

use schema::event::Event;
use schema::wire::{Batch, Record, decode, encode_event, encode_record};

use crate::{Codec, EPOCH};

#[derive(Default)]
pub(crate) struct Ours {
    body: Vec<u8>,
}

impl Codec for Ours {
    const NAME: &'static str = "ours";

    fn encode(&mut self, number: u64, event: &Event<'_>, out: &mut Vec<u8>) {
        self.body.clear();
        encode_event(event, &mut self.body);
        encode_record(0, EPOCH, number, &self.body, out);
    }

    fn decode_record(bytes: &[u8], apply: &mut impl FnMut(&Record<'_>)) {
        apply(&decode(bytes).expect("it was just encoded"));
    }

    fn decode_batch(bytes: &[u8], apply: &mut impl FnMut(&Record<'_>)) {
        let batch = Batch::decode(bytes).expect("it was just encoded");
        let epoch = batch.epoch;
        for (number, body) in batch.into_records() {
            apply(&Record { partition: 0, epoch, number, body });
        }
    }
}
