//! The definitions of the marketing lane's measures, written as simply as possible: lists over raw events.

use std::collections::BTreeMap;

use schema::cubes::Cube;
use schema::day::{bucket_of, hour_of};
use schema::event::{Event, Kind, Lane};

use crate::naive::{Accepted, TagDay, add, key, tag_days};
use crate::stream::Cells;

type Words = [&'static str; 5];

fn words(event: &Event<'static>) -> Words {
    let c = event.extra.campaign().unwrap_or_default();
    [c.source, c.medium, c.name, c.content, c.term]
}

/// The event that assigns a visit to its campaign: the first event of the visit on the marketing lane.
fn opened_by(day: &TagDay, visit: usize) -> Option<Event<'static>> {
    let opens = |(event, of): &&(Event<'static>, Option<usize>)| *of == Some(visit) && event.lane == Lane::Marketing;
    day.all.iter().find(opens).map(|(event, _)| *event)
}

/// Adds the cells of campaigns and items.
pub(crate) fn cells(accepted: &Accepted, cells: &mut Cells) {
    let days = tag_days(accepted);
    for day in &days {
        visits(day, cells);
    }
    orders(accepted, &days, cells);
    for (round, event) in accepted.events.iter().filter(|(_, event)| event.kind == Kind::Open) {
        let (bucket, hour) = (bucket_of(event.time_s), hour_of(event.time_s, event.offset_quarters));
        let words = words(event);
        let names = words.into_iter().chain(["", "", "", event.country, event.device.label()]);
        let names = names.map(str::to_owned).collect();
        add(cells, (Cube::Campaigns, event.day, *round, event.site, bucket, hour, names), &[0, 0, 0, 0, 0, 0, 0, 1]);
    }
}

fn names(
    words: Words,
    landing: &'static str,
    goal: &'static str,
    currency: &'static str,
    day: &TagDay,
) -> [&'static str; 10] {
    let [source, medium, campaign, content, term] = words;
    [source, medium, campaign, content, term, landing, goal, currency, day.first.country, day.first.device.label()]
}

fn visits(day: &TagDay, cells: &mut Cells) {
    let mut seen = Vec::new();
    // Visits get their campaigns in the order of the visits.
    for (at, visit) in day.visits.iter().enumerate() {
        let Some(opener) = opened_by(day, at) else { continue };
        let words = words(&opener);
        let views = visit.iter().filter(|event| event.kind == Kind::Pageview).count();
        let bounced = views == 1 && !visit.iter().any(|event| event.kind != Kind::Pageview && event.interactive);
        let sums = [1, i64::from(!seen.contains(&words)), bounced.into(), 0, 0, 0, 0, 0];
        seen.push(words);
        add(cells, key(Cube::Campaigns, day, &visit[0], &names(words, visit[0].page, "", "", day)), &sums);
    }
}

/// Orders in the order of arrival, over all tags of a site and day. An order number counts once.
fn orders(accepted: &Accepted, days: &[TagDay], cells: &mut Cells) {
    // What a tag has bought so far, by (day, round, site, tag).
    #[derive(Default)]
    struct Bought {
        campaigns: Vec<Words>,
        visits: Vec<Option<usize>>,
        products: Vec<(&'static str, &'static str)>,
        at: usize,
    }
    let mut known = Vec::new();
    let mut of_tag = BTreeMap::<_, Bought>::new();
    for (round, event) in &accepted.events {
        let whose = (event.day, *round, event.site, event.tag);
        let same = |day: &&TagDay| (day.first.day, day.round, day.first.site, day.first.tag) == whose;
        let Some(day) = days.iter().find(same) else { continue };
        let bought = of_tag.entry(whose).or_default();
        // Events that were sent again, and loads of beacons, are not in `all`.
        let Some((of_day, visit)) = day.all.get(bought.at).filter(|(of_day, _)| of_day == event) else { continue };
        bought.at += 1;
        let (Lane::Marketing, Some(order)) = (of_day.lane, of_day.extra.order()) else { continue };
        let number = (event.day, *round, event.site, of_day.extra.order_id);
        if number.3 != 0 && known.contains(&number) {
            continue;
        }
        known.push(number);
        let (words, landing, source) = match visit {
            Some(visit) => {
                let start = &day.visits[*visit][0];
                (words(&opened_by(day, *visit).expect("this event has opened it")), start.page, start.source)
            }
            None => (words(of_day), of_day.page, of_day.source),
        };
        let sums = [
            0,
            0,
            0,
            i64::from(visit.is_some() && !bought.visits.contains(visit)),
            1,
            i64::from(!bought.campaigns.contains(&words)),
            order.revenue,
            0,
        ];
        bought.visits.push(*visit);
        bought.campaigns.push(words);
        add(cells, key(Cube::Campaigns, day, of_day, &names(words, landing, "purchase", order.currency, day)), &sums);
        let items: Vec<_> = order.items().collect();
        for (line, item) in items.iter().enumerate() {
            let product = (item.product, item.category);
            let is_first_line = !items[..line].iter().any(|earlier| (earlier.product, earlier.category) == product);
            let sums =
                [is_first_line.into(), item.units.into(), item.revenue, i64::from(!bought.products.contains(&product))];
            bought.products.push(product);
            let [_, _, campaign, ..] = words;
            let names = [item.product, item.category, order.currency, campaign, source];
            add(cells, key(Cube::Items, day, of_day, &names), &sums);
        }
    }
}
