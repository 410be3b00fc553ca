//! Records of the spool and batches of the stream. What is read once is written and read again as the same.
#![no_main]

use libfuzzer_sys::fuzz_target;
use schema::extra::Extra;
use schema::wire::{Batch, Body, decode, encode_event, encode_record};

fuzz_target!(|bytes: &[u8]| {
    let _only_no_panic = Batch::decode(bytes);
    if let Ok(extra) = Extra::decode(bytes) {
        let mut again = Vec::new();
        extra.write(&mut again);
        assert_eq!(Extra::decode(&again), Ok(extra));
        let _ = (extra.campaign(), extra.properties().count(), extra.amount(), extra.engagement());
        let _ = (extra.goals().count(), extra.steps().count());
        let _ = extra.order().map(|order| order.items().count());
    }
    let Ok(record) = decode(bytes) else { return };
    if let Body::Event(event) = &record.body {
        let (mut body, mut again) = (Vec::new(), Vec::new());
        encode_event(event, &mut body);
        encode_record(record.partition, record.epoch, record.number, &body, &mut again);
        assert_eq!(decode(&again).as_ref(), Ok(&record));
    }
});
