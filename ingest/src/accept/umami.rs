//! `POST /api/send` and `POST /api/batch`: Umami's JSON, `{"type", "payload"}`, one or a list of them.
//!
//! | `type` | what becomes of it |
//! |---|---|
//! | `event` | a page view; with `name`, an event of the site's own, and `data` its properties |
//! | `performance` | a vital: `lcp`, `inp`, `fcp`, `ttfb` in milliseconds, `cls` |
//! | `engagement` | `engagement` milliseconds on the page |
//! | `error` | an error, by its class `name`; message and stack are read over |
//! | `identify` | nothing: nobody is told apart here |
//!
//! | field of `payload` | meaning |
//! |---|---|
//! | `website` | the site's `umami` UUID, or its domain |
//! | `url`, `hostname` | the page: an absolute URL, or a path on that host. A fragment counts if it is a route (`#/`, `#!`) |
//! | `referrer`, `screen` | the page before; width `x` height |
//! | `data` | plain values. `revenue` with `currency`, and `commerce` with an `orderId`, are an order: read with a basis only |
//! | `ip`, `userAgent`, `id`, `timestamp`, `browser`, `os`, `device`, `language`, `title`, `tag` | read over: anyone could say so |

use std::borrow::Cow;

use schema::event::Kind;
use serde::Deserialize;
use serde_json::value::RawValue;

use super::json::{Plain, Properties, Text};
use super::named::{Named, named};
use super::page::{query_of, width_of};
use super::reserved::{RawOrder, Reserved};
use super::{BATCH_HITS_MAX, Bad, Page, Sent, URL_BYTES_MAX};

#[derive(Deserialize)]
struct Wire<'a> {
    #[serde(borrow, rename = "type")]
    kind: Option<Text<'a>>,
    #[serde(borrow)]
    payload: Payload<'a>,
}

#[derive(Deserialize)]
struct Payload<'a> {
    #[serde(borrow)]
    website: Option<Text<'a>>,
    hostname: Option<Text<'a>>,
    url: Option<Text<'a>>,
    referrer: Option<Text<'a>>,
    screen: Option<Text<'a>>,
    name: Option<Text<'a>>,
    #[serde(borrow)]
    data: Option<&'a RawValue>,
    lcp: Option<Plain<'a>>,
    inp: Option<Plain<'a>>,
    cls: Option<Plain<'a>>,
    fcp: Option<Plain<'a>>,
    ttfb: Option<Plain<'a>>,
    engagement: Option<Plain<'a>>,
}

/// Where an order is in `data`, if there is one.
#[derive(Deserialize, Default)]
struct Data<'a> {
    #[serde(borrow)]
    revenue: Option<&'a RawValue>,
    #[serde(borrow)]
    commerce: Option<&'a RawValue>,
}

#[derive(Deserialize)]
struct Commerce<'a> {
    #[serde(borrow, rename = "orderId")]
    order_id: Option<&'a RawValue>,
    #[serde(borrow)]
    items: Option<&'a RawValue>,
}

/// Reads a body; nothing if it asks for nothing to be counted.
pub fn read(body: &[u8]) -> Result<Option<Sent<'_>>, Bad> {
    let Wire { kind, payload } = serde_json::from_slice(body).map_err(no_json)?;
    let kind = kind.map_or("event".into(), |kind| kind.0);
    if kind == "identify" {
        return Ok(None);
    }
    let Some(Text(website)) = payload.website.filter(|website| !website.0.trim().is_empty()) else {
        return Err(Bad::Malformed("payload.website is missing"));
    };
    let page_url = url(payload.hostname, payload.url);
    if page_url.len() > URL_BYTES_MAX {
        return Err(Bad::TooLarge("payload.url is longer than 2 KiB"));
    }
    let query = query_of(&page_url);
    let is_route = page_url.split_once('#').is_some_and(|(_, fragment)| fragment.starts_with(['/', '!']));
    let Some(page) = Page::of_url(page_url, is_route) else {
        return Err(Bad::Malformed("payload.url is neither a URL nor a path"));
    };
    let plain = Named { kind: Kind::Pageview, name: "".into(), amount: 0, properties: Vec::new(), engagement: None };
    let (said, order) = match (&*kind, payload.name.filter(|name| !name.0.trim().is_empty())) {
        ("event", None) => (plain, RawOrder::None),
        ("event", Some(Text(name))) => {
            let (properties, order) = data(payload.data);
            (Named { kind: Kind::Custom, name, properties, ..plain }, order)
        }
        ("performance", _) => {
            let figures = [
                ("LCP", payload.lcp),
                ("INP", payload.inp),
                ("CLS", payload.cls),
                ("FCP", payload.fcp),
                ("TTFB", payload.ttfb),
            ];
            let figures = figures.into_iter().filter_map(|(name, figure)| Some((name.into(), figure?.0?)));
            (Named { kind: Kind::Vital, name: "vitals".into(), properties: figures.collect(), ..plain }, RawOrder::None)
        }
        ("engagement", _) => {
            let ms = payload.engagement.and_then(|ms| ms.0?.parse().ok());
            let told = named("engagement".into(), Vec::new(), ms, None);
            (told.map_err(|_| Bad::Malformed("payload.engagement is no number of milliseconds"))?, RawOrder::None)
        }
        ("error", name) => {
            let name = name.map_or("error".into(), |name| name.0);
            (Named { kind: Kind::Error, name, ..plain }, RawOrder::None)
        }
        _ => return Err(Bad::Malformed("type is none of event, performance, engagement, error and identify")),
    };
    Ok(Some(Sent {
        kind: said.kind,
        name: said.name,
        referrer: payload.referrer.map_or("".into(), |text| text.0),
        screen_px: payload.screen.and_then(|screen| width_of(&screen.0)),
        properties: said.properties,
        engagement: said.engagement,
        reserved: Reserved::new(query, order),
        ..Sent::view(site(website), page)
    }))
}

/// The bodies of a list.
pub fn batch(body: &[u8]) -> Result<Vec<&RawValue>, Bad> {
    let all: Vec<&RawValue> = serde_json::from_slice(body).map_err(no_json)?;
    if all.len() > BATCH_HITS_MAX {
        return Err(Bad::TooLarge("the list is longer than 1,000"));
    }
    Ok(all)
}

fn no_json(error: serde_json::Error) -> Bad {
    Bad::Malformed(match error.is_data() {
        true => "a field of the body is missing or has the wrong type",
        false => "the body is not JSON",
    })
}

/// A UUID is what Umami calls the site; anything else is its domain.
fn site(website: Cow<'_, str>) -> Cow<'_, str> {
    let website_is = |digits: &[usize]| website.split('-').map(str::len).eq(digits.iter().copied());
    match website_is(&[8, 4, 4, 4, 12]) && website.bytes().all(|b| b == b'-' || b.is_ascii_hexdigit()) {
        true => format!("umami:{}", website.to_ascii_lowercase()).into(),
        false => website,
    }
}

/// The page's URL: a path is on the host that is told apart.
fn url<'a>(hostname: Option<Text<'a>>, url: Option<Text<'a>>) -> Cow<'a, str> {
    let url = url.map_or("".into(), |url| url.0);
    match url.contains("://") && !url.starts_with('/') {
        true => url,
        false => {
            let slash = if url.starts_with('/') { "" } else { "/" };
            format!("https://{}{slash}{url}", hostname.map_or("".into(), |host| host.0)).into()
        }
    }
}

/// Properties, and an order that is not read yet.
fn data(raw: Option<&RawValue>) -> (Vec<super::Property<'_>>, RawOrder<'_>) {
    let Some(raw) = raw else { return (Vec::new(), RawOrder::None) };
    let Properties(mut properties) = serde_json::from_str(raw.get()).unwrap_or_default();
    let Data { revenue, commerce } = serde_json::from_str(raw.get()).unwrap_or_default();
    let bought = commerce.and_then(|commerce| {
        let Commerce { order_id, items } = serde_json::from_str(commerce.get()).ok()?;
        order_id.map(|_| RawOrder::Json { revenue: Some(commerce), items, id: order_id })
    });
    let order = match (bought, revenue) {
        (Some(bought), _) => bought,
        (None, Some(_)) => RawOrder::Json { revenue: Some(raw), items: None, id: None },
        (None, None) => return (properties, RawOrder::None),
    };
    properties.retain(|(name, _)| !matches!(&**name, "revenue" | "currency"));
    (properties, order)
}

#[cfg(test)]
mod tests {
    use schema::sites::{Marketing, Site};

    use super::*;
    use crate::lane::Basis;

    const WEBSITE: &str = "B59E9C65-ae32-47f1-8400-119fcf4861c4";

    fn hit(body: &str) -> Sent<'_> {
        read(body.as_bytes()).unwrap_or_else(|bad| panic!("{bad}: {body}")).unwrap_or_else(|| panic!("nothing: {body}"))
    }

    fn opened<T>(sent: &Sent<'_>, look: impl FnOnce(&crate::accept::Opened<'_>) -> T) -> T {
        let site = Site { marketing: Marketing::Always, ..Site::new(1, "a") };
        look(&sent.reserved.open(Basis::of(&site, sent.consent).unwrap(), ""))
    }

    #[test]
    fn what_its_script_sends_is_understood() {
        let body = format!(
            r#"{{"type":"event","payload":{{"website":"{WEBSITE}","screen":"1920x1080","language":"en-US","title":"A","hostname":"shop.example","url":"https://shop.example/a?utm_source=x#top","referrer":"https://news.example/","tag":"t","id":"someone"}}}}"#
        );
        let sent = hit(&body);
        assert_eq!((sent.kind, &*sent.name), (Kind::Pageview, ""));
        assert_eq!(&*sent.domains, "umami:b59e9c65-ae32-47f1-8400-119fcf4861c4");
        assert_eq!((sent.page.host(), sent.page.path(), sent.page.fragment()), ("shop.example", "/a", ""));
        assert_eq!((&*sent.referrer, sent.screen_px, sent.consent), ("https://news.example/", Some(1920), false));
        opened(&sent, |opened| assert_eq!(&*opened.campaign.source, "x"));
    }

    #[test]
    fn a_path_is_on_the_host_and_a_route_in_the_fragment_counts() {
        let page = |fields: &str| {
            let body = format!(r#"{{"payload":{{"website":"a.org",{fields}}}}}"#);
            let sent = hit(&body);
            (sent.page.host().to_owned(), sent.page.path().to_owned(), sent.page.fragment().to_owned())
        };
        let want = |a: &str, b: &str, c: &str| (a.to_owned(), b.to_owned(), c.to_owned());
        assert_eq!(page(r#""hostname":"a.org","url":"/b?c=https://d.org/""#), want("a.org", "/b", ""));
        assert_eq!(page(r#""hostname":"a.org","url":"b""#), want("a.org", "/b", ""));
        assert_eq!(page(r##""url":"https://a.org/#/inbox""##), want("a.org", "/", "/inbox"));
        assert_eq!(page(r#""name":"x""#), want("", "/", ""));
    }

    #[test]
    fn an_event_has_a_name_and_plain_properties() {
        let sent = hit(
            r#"{"type":"event","payload":{"website":"a.org","name":"signup","data":{"plan":"free","n":2,"deep":{"a":1}}}}"#,
        );
        assert_eq!((sent.kind, &*sent.name, &*sent.domains), (Kind::Custom, "signup", "a.org"));
        assert_eq!(sent.properties, [("plan".into(), "free".into()), ("n".into(), "2".into())]);
        opened(&sent, |opened| assert!(opened.order.is_none()));
    }

    #[test]
    fn revenue_and_commerce_are_orders_and_no_properties() {
        let sent = hit(
            r#"{"payload":{"website":"a.org","name":"checkout","data":{"revenue":19.9,"currency":"USD","plan":"x"}}}"#,
        );
        assert_eq!(sent.properties, [("plan".into(), "x".into())]);
        opened(&sent, |opened| {
            let order = opened.order.as_ref().unwrap();
            assert_eq!((order.currency, order.revenue, &*order.id), ("USD", 1990, ""));
        });
        let body = |id: &str| {
            format!(
                r#"{{"payload":{{"website":"a.org","name":"paid","data":{{"commerce":{{"currency":"EUR",{id}"items":[{{"productId":"P1","category":"Tea","price":2.5,"quantity":2}}]}}}}}}}}"#
            )
        };
        let paid = body(r#""orderId":"O-1","#);
        opened(&hit(&paid), |opened| {
            let order = opened.order.as_ref().unwrap();
            assert_eq!(
                (&*order.id, order.currency, order.revenue, &*order.items[0].product),
                ("O-1", "EUR", 500, "P1")
            );
        });
        opened(&hit(&body("")), |opened| assert!(opened.order.is_none(), "a basket is no order"));
    }

    #[test]
    fn performance_engagement_and_errors_have_kinds_of_their_own() {
        let sent = hit(
            r#"{"type":"performance","payload":{"website":"a.org","url":"/a","hostname":"a.org","lcp":1200.5,"cls":0.01,"inp":null}}"#,
        );
        assert_eq!(sent.kind, Kind::Vital);
        assert_eq!(sent.properties, [("LCP".into(), "1200.5".into()), ("CLS".into(), "0.01".into())]);
        let sent = hit(r#"{"type":"engagement","payload":{"website":"a.org","url":"/a","engagement":4200}}"#);
        assert_eq!((sent.kind, sent.engagement.unwrap().ms), (Kind::Engagement, 4200));
        let sent = hit(
            r#"{"type":"error","payload":{"website":"a.org","url":"/a","name":"TypeError","message":"x@y.z","stack":"at a"}}"#,
        );
        assert_eq!((sent.kind, &*sent.name), (Kind::Error, "TypeError"));
        assert!(sent.properties.is_empty());
    }

    #[test]
    fn nobody_is_identified() {
        let body =
            r#"{"type":"identify","payload":{"website":"a.org","id":"someone@example.org","data":{"name":"x"}}}"#;
        assert!(read(body.as_bytes()).unwrap().is_none());
    }

    #[test]
    fn what_is_no_hit_is_told_why_and_never_quoted() {
        let long = format!(r#"{{"payload":{{"website":"a.org","url":"/{}"}}}}"#, "x".repeat(URL_BYTES_MAX));
        for (body, why) in [
            ("", Bad::Malformed("the body is not JSON")),
            ("[]", Bad::Malformed("a field of the body is missing or has the wrong type")),
            (r#"{"type":"event"}"#, Bad::Malformed("a field of the body is missing or has the wrong type")),
            (r#"{"payload":{"url":"/"}}"#, Bad::Malformed("payload.website is missing")),
            (
                r#"{"payload":{"website":"a.org","url":"data://x"}}"#,
                Bad::Malformed("payload.url is neither a URL nor a path"),
            ),
            (
                r#"{"type":"engagement","payload":{"website":"a.org"}}"#,
                Bad::Malformed("payload.engagement is no number of milliseconds"),
            ),
            (
                r#"{"type":"x@y.z","payload":{"website":"a.org"}}"#,
                Bad::Malformed("type is none of event, performance, engagement, error and identify"),
            ),
            (&long, Bad::TooLarge("payload.url is longer than 2 KiB")),
        ] {
            assert_eq!(read(body.as_bytes()).err(), Some(why), "{body}");
        }
    }

    #[test]
    fn a_batch_is_a_list_of_bodies() {
        let all = batch(br#"[{"type":"event","payload":{"website":"a.org"}}, 7]"#).unwrap();
        assert_eq!((all.len(), read(all[0].get().as_bytes()).unwrap().unwrap().kind), (2, Kind::Pageview));
        assert!(read(all[1].get().as_bytes()).is_err());
        assert!(batch(b"{}").is_err());
        assert!(matches!(batch(format!("[{}0]", "0,".repeat(1000)).as_bytes()), Err(Bad::TooLarge(_))));
    }
}
