use proptest::prelude::*;
use prost::Message;

use super::*;

/// `Extra` of `../../footfall.proto`, as the library `prost` understands it.
mod oracle {
    #[derive(Clone, PartialEq, prost::Message)]
    pub(super) struct Extra {
        #[prost(message, optional, tag = "1")]
        pub(super) campaign: Option<Campaign>,
        #[prost(message, repeated, tag = "2")]
        pub(super) properties: Vec<Property>,
        #[prost(message, optional, tag = "3")]
        pub(super) order: Option<Order>,
        #[prost(message, optional, tag = "4")]
        pub(super) engagement: Option<Engagement>,
        #[prost(sint64, tag = "5")]
        pub(super) amount: i64,
        #[prost(fixed64, tag = "6")]
        pub(super) order_id: u64,
        #[prost(fixed64, tag = "7")]
        pub(super) once: u64,
    }

    #[derive(Clone, PartialEq, prost::Message)]
    pub(super) struct Campaign {
        #[prost(string, tag = "1")]
        pub(super) source: String,
        #[prost(string, tag = "2")]
        pub(super) medium: String,
        #[prost(string, tag = "3")]
        pub(super) name: String,
        #[prost(string, tag = "4")]
        pub(super) content: String,
        #[prost(string, tag = "5")]
        pub(super) term: String,
    }

    #[derive(Clone, PartialEq, prost::Message)]
    pub(super) struct Property {
        #[prost(string, tag = "1")]
        pub(super) name: String,
        #[prost(string, tag = "2")]
        pub(super) value: String,
    }

    #[derive(Clone, PartialEq, prost::Message)]
    pub(super) struct Order {
        #[prost(string, tag = "1")]
        pub(super) currency: String,
        #[prost(sint64, tag = "2")]
        pub(super) revenue: i64,
        #[prost(message, repeated, tag = "3")]
        pub(super) items: Vec<Item>,
    }

    #[derive(Clone, PartialEq, prost::Message)]
    pub(super) struct Item {
        #[prost(string, tag = "1")]
        pub(super) product: String,
        #[prost(string, tag = "2")]
        pub(super) category: String,
        #[prost(uint32, tag = "3")]
        pub(super) units: u32,
        #[prost(sint64, tag = "4")]
        pub(super) revenue: i64,
    }

    #[derive(Clone, PartialEq, prost::Message)]
    pub(super) struct Engagement {
        #[prost(uint32, tag = "1")]
        pub(super) ms: u32,
        #[prost(uint32, tag = "2")]
        pub(super) scroll: u32,
    }
}

fn any_extra() -> impl Strategy<Value = oracle::Extra> {
    let text = || ".{0,40}";
    let campaign =
        prop::option::of(prop::array::uniform5(text()).prop_map(|[source, medium, name, content, term]| {
            oracle::Campaign { source, medium, name, content, term }
        }));
    let property = (text(), text()).prop_map(|(name, value)| oracle::Property { name, value });
    let item = (text(), text(), any::<u32>(), any::<i64>())
        .prop_map(|(product, category, units, revenue)| oracle::Item { product, category, units, revenue });
    let order = ("[A-Z]{0,3}", any::<i64>(), prop::collection::vec(item, 0..4))
        .prop_map(|(currency, revenue, items)| oracle::Order { currency, revenue, items });
    let engagement = (any::<u32>(), any::<u32>()).prop_map(|(ms, scroll)| oracle::Engagement { ms, scroll });
    let numbers = (any::<i64>(), prop_oneof![Just(0), any::<u64>()], prop_oneof![Just(0), any::<u64>()]);
    (campaign, prop::collection::vec(property, 0..4), prop::option::of(order), prop::option::of(engagement), numbers)
        .prop_map(|(campaign, properties, order, engagement, (amount, order_id, once))| oracle::Extra {
            campaign,
            properties,
            order,
            engagement,
            amount,
            order_id,
            once,
        })
}

/// Ours, made of theirs.
fn made<'b>(theirs: &oracle::Extra, buf: &'b mut ExtraBuf) -> Extra<'b> {
    buf.clear();
    if let Some(c) = &theirs.campaign {
        let oracle::Campaign { source, medium, name, content, term } = c;
        buf.campaign(&Campaign { source, medium, name, content, term });
    }
    theirs.properties.iter().for_each(|p| buf.property(&p.name, &p.value));
    if let Some(order) = &theirs.order {
        let items = order.items.iter().map(item_of);
        buf.order(&order.currency, order.revenue, items);
    }
    if let Some(oracle::Engagement { ms, scroll }) = theirs.engagement {
        buf.engagement(Engagement { ms, scroll });
    }
    buf.amount(theirs.amount);
    Extra { order_id: theirs.order_id, once: theirs.once, ..buf.extra() }
}

fn item_of(item: &oracle::Item) -> Item<'_> {
    Item { product: &item.product, category: &item.category, units: item.units, revenue: item.revenue }
}

proptest! {
    #[test]
    fn it_is_the_protobuf_it_claims_to_be_and_says_what_was_said(theirs in any_extra()) {
        let mut buf = ExtraBuf::default();
        let ours = made(&theirs, &mut buf);
        let mut bytes = Vec::new();
        ours.write(&mut bytes);
        prop_assert_eq!(&bytes, &theirs.encode_to_vec());
        prop_assert_eq!(ours.is_empty(), bytes.is_empty());
        let read = Extra::read(&bytes).unwrap();
        prop_assert_eq!(read, ours);
        prop_assert_eq!((read.order_id, read.once, read.amount()), (theirs.order_id, theirs.once, theirs.amount));
        let campaign = read.campaign().map(|c| [c.source, c.medium, c.name, c.content, c.term].map(str::to_owned));
        let want = theirs.campaign.map(|c| [c.source, c.medium, c.name, c.content, c.term]);
        prop_assert_eq!(campaign, want);
        let properties: Vec<_> = read.properties().collect();
        prop_assert_eq!(properties, theirs.properties.iter().map(|p| (&*p.name, &*p.value)).collect::<Vec<_>>());
        let order = read.order().map(|o| (o.currency, o.revenue, o.items().collect::<Vec<_>>()));
        let want = theirs.order.as_ref().map(|o| (&*o.currency, o.revenue, o.items.iter().map(item_of).collect()));
        prop_assert_eq!(order, want);
        let engagement = read.engagement().map(|e| (e.ms, e.scroll));
        prop_assert_eq!(engagement, theirs.engagement.map(|e| (e.ms, e.scroll)));
    }

    #[test]
    fn hostile_bytes_are_an_error_and_no_panic(bytes in prop::collection::vec(any::<u8>(), 0..200), theirs in any_extra(), at: usize, flip: u8) {
        let mut spoilt = theirs.encode_to_vec();
        if !spoilt.is_empty() {
            let at = at % spoilt.len();
            spoilt[at] ^= flip;
        }
        for bytes in [bytes, spoilt] {
            if let Ok(extra) = Extra::read(&bytes) {
                let _only_no_panic = format!("{extra:?}");
            }
        }
    }
}

#[test]
fn numbers_that_link_events_are_not_printed() {
    let mut buf = ExtraBuf::default();
    buf.property("plan", "free");
    let extra = Extra { order_id: 4711, once: 4712, ..buf.extra() };
    let shown = format!("{extra:?}");
    assert!(shown.contains("free") && !shown.contains("471"), "{shown}");
}
