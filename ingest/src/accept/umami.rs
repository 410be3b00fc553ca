//! `POST /api/send` and `POST /api/batch`: Umami's JSON, one `{"type", "payload"}` or a list of them.
//!
//! | `type` | event |
//! |---|---|
//! | `event` | a page view; with `name` a custom event, whose properties are `data` |
//! | `performance` | a vital: `lcp`, `inp`, `fcp`, `ttfb` in milliseconds, `cls` |
//! | `engagement` | `engagement` milliseconds on the page |
//! | `error` | an error, by its class `name`; message and stack are ignored |
//! | `identify` | none, because visitors are not identified here |
//!
//! | field of `payload` | meaning |
//! |---|---|
//! | `website` | the site's `umami` UUID, or its domain |
//! | `url`, `hostname` | the page: an absolute URL, or a path on that host. A fragment is kept if it is a route (`#/`, `#!`) |
//! | `referrer`, `screen` | the page before; width `x` height |
//! | `data` | plain values. `revenue` with `currency`, or `commerce` with an `orderId`, is an order: parsed only with a basis |
//! | `ip`, `userAgent`, `id`, `timestamp`, `browser`, `os`, `device`, `language`, `title`, `tag` | ignored: any client could forge them |

use std::borrow::Cow;

use schema::event::Kind;
use serde::Deserialize;
use serde_json::value::RawValue;

use super::json::{PlainValue, Properties, Text};
use super::named::{Named, named};
use super::page::{query_of, width_of};
use super::reserved::{RawOrder, Reserved};
use super::{BATCH_HITS_MAX, PageUrl, ParseError, Sent, URL_BYTES_MAX};

#[derive(Deserialize)]
struct UmamiBody<'a> {
    #[serde(borrow, rename = "type")]
    kind: Option<Text<'a>>,
    #[serde(borrow)]
    payload: UmamiPayload<'a>,
}

#[derive(Deserialize)]
struct UmamiPayload<'a> {
    #[serde(borrow)]
    website: Option<Text<'a>>,
    hostname: Option<Text<'a>>,
    url: Option<Text<'a>>,
    referrer: Option<Text<'a>>,
    screen: Option<Text<'a>>,
    name: Option<Text<'a>>,
    #[serde(borrow)]
    data: Option<&'a RawValue>,
    lcp: Option<PlainValue<'a>>,
    inp: Option<PlainValue<'a>>,
    cls: Option<PlainValue<'a>>,
    fcp: Option<PlainValue<'a>>,
    ttfb: Option<PlainValue<'a>>,
    engagement: Option<PlainValue<'a>>,
}

/// The fields of `data` that can hold an order.
#[derive(Deserialize, Default)]
struct UmamiData<'a> {
    #[serde(borrow)]
    revenue: Option<&'a RawValue>,
    #[serde(borrow)]
    commerce: Option<&'a RawValue>,
}

#[derive(Deserialize)]
struct UmamiCommerce<'a> {
    #[serde(borrow, rename = "orderId")]
    order_id: Option<&'a RawValue>,
    #[serde(borrow)]
    items: Option<&'a RawValue>,
}

/// Parses a body; `None` if it is nothing to count.
pub fn parse(body: &[u8]) -> Result<Option<Sent<'_>>, ParseError> {
    let UmamiBody { kind, payload } = serde_json::from_slice(body).map_err(no_json)?;
    let kind = kind.map_or("event".into(), |kind| kind.0);
    if kind == "identify" {
        return Ok(None);
    }
    let Some(Text(website)) = payload.website.filter(|website| !website.0.trim().is_empty()) else {
        return Err(ParseError::Malformed("payload.website is missing"));
    };
    let page_url = url(payload.hostname, payload.url);
    if page_url.len() > URL_BYTES_MAX {
        return Err(ParseError::TooLarge("payload.url is longer than 2 KiB"));
    }
    let query = query_of(&page_url);
    let is_route = page_url.split_once('#').is_some_and(|(_, fragment)| fragment.starts_with(['/', '!']));
    let Some(page) = PageUrl::of_url(page_url, is_route) else {
        return Err(ParseError::Malformed("payload.url is neither a URL nor a path"));
    };
    let plain = Named { kind: Kind::Pageview, name: "".into(), amount: 0, properties: Vec::new(), engagement: None };
    let (event, order) = match (&*kind, payload.name.filter(|name| !name.0.trim().is_empty())) {
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
            let event = named("engagement".into(), Vec::new(), ms, None);
            (
                event.map_err(|_| ParseError::Malformed("payload.engagement is no number of milliseconds"))?,
                RawOrder::None,
            )
        }
        ("error", name) => {
            let name = name.map_or("error".into(), |name| name.0);
            (Named { kind: Kind::Error, name, ..plain }, RawOrder::None)
        }
        _ => return Err(ParseError::Malformed("type is none of event, performance, engagement, error and identify")),
    };
    Ok(Some(Sent {
        kind: event.kind,
        name: event.name,
        referrer: payload.referrer.map_or("".into(), |text| text.0),
        screen_px: payload.screen.and_then(|screen| width_of(&screen.0)),
        properties: event.properties,
        engagement: event.engagement,
        reserved: Reserved::new(query, order),
        ..Sent::view(site(website), page)
    }))
}

/// Splits a list into its bodies.
pub fn batch(body: &[u8]) -> Result<Vec<&RawValue>, ParseError> {
    let all: Vec<&RawValue> = serde_json::from_slice(body).map_err(no_json)?;
    if all.len() > BATCH_HITS_MAX {
        return Err(ParseError::TooLarge("the list is longer than 1,000"));
    }
    Ok(all)
}

fn no_json(error: serde_json::Error) -> ParseError {
    ParseError::Malformed(match error.is_data() {
        true => "a field of the body is missing or has the wrong type",
        false => "the body is not JSON",
    })
}

/// A UUID is Umami's identifier of the site; anything else is the site's domain.
fn site(website: Cow<'_, str>) -> Cow<'_, str> {
    let website_is = |digits: &[usize]| website.split('-').map(str::len).eq(digits.iter().copied());
    match website_is(&[8, 4, 4, 4, 12]) && website.bytes().all(|b| b == b'-' || b.is_ascii_hexdigit()) {
        true => format!("umami:{}", website.to_ascii_lowercase()).into(),
        false => website,
    }
}

/// The page's URL. A path is completed with the host, which is sent separately.
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

/// The properties, and an order that is not parsed yet.
fn data(raw: Option<&RawValue>) -> (Vec<super::Property<'_>>, RawOrder<'_>) {
    let Some(raw) = raw else { return (Vec::new(), RawOrder::None) };
    let Properties(mut properties) = serde_json::from_str(raw.get()).unwrap_or_default();
    let UmamiData { revenue, commerce } = serde_json::from_str(raw.get()).unwrap_or_default();
    let bought = commerce.and_then(|commerce| {
        let UmamiCommerce { order_id, items } = serde_json::from_str(commerce.get()).ok()?;
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
        parse(body.as_bytes())
            .unwrap_or_else(|bad| panic!("{bad}: {body}"))
            .unwrap_or_else(|| panic!("nothing: {body}"))
    }

    fn opened<T>(sent: &Sent<'_>, look: impl FnOnce(&crate::accept::MarketingFields<'_>) -> T) -> T {
        let site = Site { marketing: Marketing::Always, ..Site::new(1, "a") };
        look(&sent.reserved.open(Basis::of(&site, sent.consent).unwrap(), ""))
    }

    #[test]
    fn a_page_view_of_its_script_is_parsed() {
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
    fn a_path_is_on_the_host_and_a_route_in_the_fragment_is_kept() {
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
    fn revenue_and_commerce_are_orders_and_not_properties() {
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
    fn identify_is_not_counted() {
        let body =
            r#"{"type":"identify","payload":{"website":"a.org","id":"someone@example.org","data":{"name":"x"}}}"#;
        assert!(parse(body.as_bytes()).unwrap().is_none());
    }

    #[test]
    fn a_body_that_is_no_hit_gets_the_reason_and_is_never_quoted() {
        let long = format!(r#"{{"payload":{{"website":"a.org","url":"/{}"}}}}"#, "x".repeat(URL_BYTES_MAX));
        for (body, why) in [
            ("", ParseError::Malformed("the body is not JSON")),
            ("[]", ParseError::Malformed("a field of the body is missing or has the wrong type")),
            (r#"{"type":"event"}"#, ParseError::Malformed("a field of the body is missing or has the wrong type")),
            (r#"{"payload":{"url":"/"}}"#, ParseError::Malformed("payload.website is missing")),
            (
                r#"{"payload":{"website":"a.org","url":"data://x"}}"#,
                ParseError::Malformed("payload.url is neither a URL nor a path"),
            ),
            (
                r#"{"type":"engagement","payload":{"website":"a.org"}}"#,
                ParseError::Malformed("payload.engagement is no number of milliseconds"),
            ),
            (
                r#"{"type":"x@y.z","payload":{"website":"a.org"}}"#,
                ParseError::Malformed("type is none of event, performance, engagement, error and identify"),
            ),
            (&long, ParseError::TooLarge("payload.url is longer than 2 KiB")),
        ] {
            assert_eq!(parse(body.as_bytes()).err(), Some(why), "{body}");
        }
    }

    #[test]
    fn a_batch_is_a_list_of_bodies() {
        let all = batch(br#"[{"type":"event","payload":{"website":"a.org"}}, 7]"#).unwrap();
        assert_eq!((all.len(), parse(all[0].get().as_bytes()).unwrap().unwrap().kind), (2, Kind::Pageview));
        assert!(parse(all[1].get().as_bytes()).is_err());
        assert!(batch(b"{}").is_err());
        assert!(matches!(batch(format!("[{}0]", "0,".repeat(1000)).as_bytes()), Err(ParseError::TooLarge(_))));
    }
}
