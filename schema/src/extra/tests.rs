use proptest::prelude::*;
use prost::Message;

use super::*;
use crate::goals::{GOALS_MAX, REACHED_STEPS_MAX};

/// `Extra` of `../../footfall.proto` as declared for the library `prost`.
mod oracle {
    use prost::Message;

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
        #[prost(message, optional, tag = "8")]
        pub(super) reached: Option<Reached>,
    }

    #[derive(Clone, PartialEq, prost::Message)]
    pub(super) struct Reached {
        #[prost(uint32, repeated, tag = "1")]
        pub(super) goals: Vec<u32>,
        #[prost(uint32, repeated, tag = "2")]
        pub(super) steps: Vec<u32>,
    }

    impl Extra {
        /// The bytes with fields 6 and 7 last. The library writes fields in the order of their numbers, so this method
        /// writes two messages. In protobuf two concatenated messages are one message.
        pub(super) fn encoded(&self) -> Vec<u8> {
            let numbers = Extra { order_id: self.order_id, once: self.once, ..Extra::default() };
            let mut bytes = Extra { order_id: 0, once: 0, ..self.clone() }.encode_to_vec();
            numbers.encode(&mut bytes).unwrap();
            bytes
        }
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
    let marketing = (campaign, prop::option::of(order));
    let properties = prop::collection::vec(property, 0..4);
    (marketing, properties, prop::option::of(engagement), any_reached(), numbers).prop_map(
        |((campaign, order), properties, engagement, reached, (amount, order_id, once))| oracle::Extra {
            campaign,
            properties,
            order,
            engagement,
            amount,
            order_id,
            once,
            reached,
        },
    )
}

/// As events carry it: a message without numbers is never written.
fn any_reached() -> impl Strategy<Value = Option<oracle::Reached>> {
    let goals = prop::collection::vec(1..=u32::from(u16::MAX), 0..=GOALS_MAX);
    let steps = prop::collection::vec((1..=u32::from(u16::MAX), 1..=8u32), 0..20);
    let steps = steps.prop_map(|steps| steps.iter().map(|(funnel, step)| funnel * 16 + step).collect::<Vec<_>>());
    let some = (goals, steps).prop_map(|(goals, steps)| oracle::Reached { goals, steps });
    prop_oneof![Just(None), some.prop_map(|reached| (reached != oracle::Reached::default()).then_some(reached))]
}

fn steps_of(reached: &oracle::Reached) -> impl Iterator<Item = FunnelStep> {
    reached.steps.iter().map(|code| FunnelStep { funnel: (code / 16) as u16, step: (code % 16) as u8 })
}

/// The same as the library's, made by `ExtraBuf`.
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
    let none = oracle::Reached::default();
    let reached = theirs.reached.as_ref().unwrap_or(&none);
    buf.reached(reached.goals.iter().map(|goal| *goal as u16), steps_of(reached));
    Extra { order_id: theirs.order_id, once: theirs.once, ..buf.extra() }
}

fn item_of(item: &oracle::Item) -> OrderItem<'_> {
    OrderItem { product: &item.product, category: &item.category, units: item.units, revenue: item.revenue }
}

proptest! {
    #[test]
    fn the_bytes_are_protobuf_and_every_field_is_read_back(theirs in any_extra()) {
        let mut buf = ExtraBuf::default();
        let ours = made(&theirs, &mut buf);
        let mut bytes = Vec::new();
        ours.write(&mut bytes);
        prop_assert_eq!(&bytes, &theirs.encoded());
        prop_assert_eq!(&oracle::Extra::decode(&bytes[..]).unwrap(), &theirs);
        prop_assert_eq!(ours.is_empty(), bytes.is_empty());
        let read = Extra::decode(&bytes).unwrap();
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
        let reached = theirs.reached.unwrap_or_default();
        prop_assert!(read.goals().map(u32::from).eq(reached.goals.iter().copied()));
        prop_assert!(read.steps().eq(steps_of(&reached)));
    }

    #[test]
    fn hostile_bytes_do_not_panic(bytes in prop::collection::vec(any::<u8>(), 0..200), theirs in any_extra(), at: usize, flip: u8) {
        let mut spoilt = theirs.encoded();
        if !spoilt.is_empty() {
            let at = at % spoilt.len();
            spoilt[at] ^= flip;
        }
        for bytes in [bytes, spoilt] {
            if let Ok(extra) = Extra::decode(&bytes) {
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

#[test]
fn an_event_that_reaches_no_goal_takes_no_bytes_for_goals() {
    let mut buf = ExtraBuf::default();
    buf.reached([], []);
    assert!(buf.extra().is_empty());
    assert_eq!(Extra::NONE.goals().count() + Extra::NONE.steps().count(), 0);
    buf.reached([3], [FunnelStep { funnel: 1, step: 2 }]);
    let mut bytes = Vec::new();
    buf.extra().write(&mut bytes);
    assert_eq!(bytes, [REACHED as u8 * 8 + 2, 6, 10, 1, 3, 18, 1, 18]);
}

#[test]
fn invalid_goal_and_step_numbers_are_an_error() {
    let read = |goals: Vec<u32>, steps: Vec<u32>| {
        let reached = Some(oracle::Reached { goals, steps });
        let bytes = oracle::Extra { reached, ..oracle::Extra::default() }.encode_to_vec();
        Extra::decode(&bytes).map(|extra| (extra.goals().count(), extra.steps().count()))
    };
    assert_eq!(read(vec![1, 65_535], vec![17, 24]), Ok((2, 2)));
    assert_eq!(read(vec![9; GOALS_MAX], vec![17; REACHED_STEPS_MAX]), Ok((GOALS_MAX, REACHED_STEPS_MAX)));
    assert_eq!(read(vec![9; GOALS_MAX + 1], vec![]), Err(WireError::Field(1)));
    assert_eq!(read(vec![], vec![17; REACHED_STEPS_MAX + 1]), Err(WireError::Field(2)));
    assert_eq!(read(vec![0], vec![]), Err(WireError::Field(1)));
    assert_eq!(read(vec![65_536], vec![]), Err(WireError::Field(1)));
    for no_step in [0, 1, 16, 25, 31, 65_536 * 16 + 1] {
        assert_eq!(read(vec![], vec![no_step]), Err(WireError::Field(2)), "{no_step}");
    }
}

#[test]
fn a_field_behind_the_numbers_is_an_error_and_an_unknown_one_is_skipped() {
    let numbers = oracle::Extra { order_id: 7, ..oracle::Extra::default() }.encode_to_vec();
    let amount = oracle::Extra { amount: 7, ..oracle::Extra::default() }.encode_to_vec();
    assert_eq!(Extra::decode(&[&amount[..], &numbers].concat()).unwrap().amount(), 7);
    assert_eq!(Extra::decode(&[&numbers[..], &amount].concat()), Err(WireError::Field(AMOUNT)));
    assert_eq!(Extra::decode(&[&numbers[..], &[15 * 8, 1]].concat()).unwrap().order_id, 7);
}
