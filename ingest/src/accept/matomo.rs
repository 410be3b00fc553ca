//! `GET|POST /matomo.php`: the parameters of Matomo's tracking API, in the query, in a form, or several in a JSON list.
//!
//! | parameter | meaning |
//! |---|---|
//! | `idsite`, `rec` | the site's `matomo` number, or its domain; `rec` is 1 |
//! | `url`, `urlref`, `res` | the page (or else `Referer`), the page before, width `x` height of the screen |
//! | `consent` | `1`: consent to marketing measures; Matomo's script sends it if the page asked for consent |
//! | `e_c`, `e_a`, `e_n`, `e_v` | an event `category: action`; `e_n` is its property `name`, `e_v` its amount |
//! | `e_c=JavaScript Errors` | an error, by the class with which its message begins; address and message are ignored |
//! | `link`, `download` | the URL of an outbound link, the URL of a file |
//! | `search`, `search_count` | the words of a search, and the number of its results |
//! | `idgoal=0` and `ec_id`, `revenue`, `ec_items` | an order, the event `purchase`; parsed only with a basis. Without `ec_id`: `cart` |
//! | `idgoal` | the event `goal N`; its revenue is ignored |
//! | `c_n`, `c_p`, `c_i` | the events `content impression` and `content interaction`, with properties `content` and `piece` |
//! | `cra`, `cra_tp` | an error, by its type; message and stack are ignored |
//! | `dimensionN` | a property of that name |
//! | `ping=1`, `recMode=1`, `ca=1` alone | not counted: a heartbeat has no duration, the others are no visit |
//! | `cip` | refused: all hits that a server sends would be one visitor, at the server's address; a server uses `/api/hits` |
//! | `cdt`, `ua`, `lang`, `country`, `token_auth` | ignored |
//! | `_id`, `uid`, `cid`, `_cvar`, `pf_*`, others | ignored |

use std::borrow::Cow;

use schema::event::Kind;
use serde::Deserialize;

use super::json::PlainValue;
use super::named::{Named, searched};
use super::page::{self, query_of, width_of};
use super::reserved::{RawOrder, Reserved};
use super::{BATCH_HITS_MAX, BODY_BYTES_MAX, PROPERTIES_MAX, PageUrl, ParseError, Property, Sent, URL_BYTES_MAX};

/// The category under which Matomo's script sends a page's errors. The action is the page's address and line, the
/// name is the message.
const ERRORS: &str = "JavaScript Errors";

/// The parameters of one request that are used, as sent.
#[derive(Default)]
struct MatomoParameters<'a> {
    site: Cow<'a, str>,
    rec: bool,
    /// The request names a visitor at another address.
    for_others: bool,
    url: Option<Cow<'a, str>>,
    referrer: Cow<'a, str>,
    screen_px: Option<u32>,
    consent: bool,
    /// The request is no visit.
    nothing: bool,
    /// The request is a custom action. Without parameters that this module knows it is not counted.
    custom: bool,
    event: [Cow<'a, str>; 4],
    link: Cow<'a, str>,
    download: Cow<'a, str>,
    search: Option<Cow<'a, str>>,
    found: Option<u32>,
    goal: Option<Cow<'a, str>>,
    order: [Cow<'a, str>; 3],
    content: [Cow<'a, str>; 3],
    crash: Option<Cow<'a, str>>,
    crash_type: Cow<'a, str>,
    properties: Vec<Property<'a>>,
}

impl<'a> MatomoParameters<'a> {
    /// Stores a parameter. If a parameter occurs twice, the last counts, as in PHP.
    fn set(&mut self, name: &str, value: Cow<'a, str>) {
        let is_one = value == "1";
        match name {
            "idsite" => self.site = value,
            "rec" => self.rec = is_one,
            "url" => self.url = Some(value),
            "urlref" => self.referrer = value,
            "res" => self.screen_px = width_of(&value),
            "consent" => self.consent = is_one,
            "ping" | "recMode" => self.nothing |= is_one,
            "cip" => self.for_others |= !value.is_empty(),
            "ca" => self.custom = is_one,
            "e_c" => self.event[0] = value,
            "e_a" => self.event[1] = value,
            "e_n" => self.event[2] = value,
            "e_v" => self.event[3] = value,
            "link" => self.link = value,
            "download" => self.download = value,
            "search" => self.search = Some(value),
            "search_count" => self.found = value.trim().parse().ok(),
            "idgoal" => self.goal = Some(value),
            "ec_id" => self.order[0] = value,
            "revenue" => self.order[1] = value,
            "ec_items" => self.order[2] = value,
            "c_n" => self.content[0] = value,
            "c_p" => self.content[1] = value,
            "c_i" => self.content[2] = value,
            "cra" => self.crash = Some(value),
            "cra_tp" => self.crash_type = value,
            _ if name.starts_with("dimension") && self.properties.len() < PROPERTIES_MAX => {
                self.properties.push((name.to_owned().into(), value));
            }
            _ => {}
        }
    }

    /// The event, an order that is not parsed yet, and whether the event is interactive; `None` if it is nothing to
    /// count.
    fn into_event(self) -> Option<(Named<'a>, RawOrder<'a>, bool)> {
        let MatomoParameters { custom, event: [category, action, label, value], link, download, search, found, .. } =
            self;
        let MatomoParameters { goal, order: [id, revenue, items], content: [content, piece, interaction], .. } = self;
        let MatomoParameters { crash, crash_type, properties, .. } = self;
        let (category, action) = (category.trim(), action.trim());
        let of = |kind, name| Named { kind, name, amount: 0, properties: Vec::new(), engagement: None };
        if category == ERRORS {
            return Some((of(Kind::Error, class_of(&label).to_owned().into()), RawOrder::None, true));
        }
        if !category.is_empty() && !action.is_empty() {
            let mut properties = properties;
            if !label.is_empty() {
                properties.push(("name".into(), label));
            }
            let amount = value.trim().parse().map_or(0, |value: f64| value.round() as i64);
            let name = format!("{category}: {action}").into();
            return Some((Named { amount, properties, ..of(Kind::Custom, name) }, RawOrder::None, true));
        }
        if let Some(crash) = crash.filter(|crash| !crash.is_empty()) {
            let name = if crash_type.is_empty() { crash } else { crash_type };
            return Some((of(Kind::Error, name), RawOrder::None, true));
        }
        if !link.is_empty() {
            return Some((Named { properties, ..of(Kind::Outbound, link) }, RawOrder::None, true));
        }
        if !download.is_empty() {
            return Some((Named { properties, ..of(Kind::Download, download) }, RawOrder::None, true));
        }
        if let Some(words) = search.filter(|words| !words.trim().is_empty()) {
            return Some((searched(words, found), RawOrder::None, true));
        }
        if !content.is_empty() {
            let interactive = !interaction.is_empty();
            let name = if interactive { "content interaction" } else { "content impression" };
            let properties = vec![("content".into(), content), ("piece".into(), piece)];
            return Some((Named { properties, ..of(Kind::Custom, name.into()) }, RawOrder::None, interactive));
        }
        match goal.as_deref().map(str::trim) {
            Some("0") if !id.trim().is_empty() => {
                let order = RawOrder::Matomo { id, revenue, items };
                Some((Named { properties, ..of(Kind::Custom, "purchase".into()) }, order, true))
            }
            Some("0") => Some((Named { properties, ..of(Kind::Custom, "cart".into()) }, RawOrder::None, true)),
            Some(goal) if goal.parse::<u32>().is_ok() => {
                let name = format!("goal {goal}").into();
                Some((Named { properties, ..of(Kind::Custom, name) }, RawOrder::None, true))
            }
            _ if custom => None,
            _ => Some((of(Kind::Pageview, "".into()), RawOrder::None, true)),
        }
    }
}

/// Parses one request: its query, its form, and its `Referer`; `None` if it is nothing to count.
pub fn parse<'a>(query: &'a str, form: &'a [u8], referer: &'a str) -> Result<Option<Sent<'a>>, ParseError> {
    if query.len() > BODY_BYTES_MAX {
        return Err(ParseError::TooLarge("the query is longer than 16 KiB"));
    }
    let mut parameters = MatomoParameters::default();
    for (name, value) in form_urlencoded::parse(query.as_bytes()).chain(form_urlencoded::parse(form)) {
        parameters.set(&name, value);
    }
    if parameters.nothing {
        return Ok(None);
    }
    if parameters.for_others {
        return Err(ParseError::Malformed("cip (another's address) is not accepted here: a server sends to /api/hits"));
    }
    if !parameters.rec {
        return Err(ParseError::Malformed("rec is not 1"));
    }
    if parameters.site.trim().is_empty() {
        return Err(ParseError::Malformed("idsite is missing"));
    }
    let url = parameters.url.take().unwrap_or(referer.into());
    if url.len() > URL_BYTES_MAX {
        return Err(ParseError::TooLarge("url is longer than 2 KiB"));
    }
    let address = query_of(&url);
    let Some(page) = PageUrl::of_url(url, false) else {
        return Err(ParseError::Malformed(
            "url is no absolute URL, or missing, and there is no Referer to take it from",
        ));
    };
    let (site, referrer) = (site(std::mem::take(&mut parameters.site)), std::mem::take(&mut parameters.referrer));
    let (screen_px, consent) = (parameters.screen_px, parameters.consent);
    let Some((Named { kind, name, amount, properties, engagement }, order, interactive)) = parameters.into_event()
    else {
        return Ok(None);
    };
    let reserved = Reserved::new(address, order);
    let view = Sent::view(site, page);
    Ok(Some(Sent {
        kind,
        name,
        interactive,
        referrer,
        screen_px,
        consent,
        properties,
        engagement,
        amount,
        reserved,
        ..view
    }))
}

/// The class that a browser writes before the message of an error. Errors that a page throws itself may have none.
fn class_of(message: &str) -> &str {
    let class = message.strip_prefix("Uncaught ").unwrap_or(message).split_once(':').map_or("", |(class, _)| class);
    let is_class = class.ends_with("Error") || class.ends_with("Exception");
    if is_class && class.bytes().all(|b| b.is_ascii_alphanumeric()) { class } else { "error" }
}

/// Whether the sender does not want a picture as the answer.
pub fn wants_no_image(query: &str, form: &[u8]) -> bool {
    let parameters = form_urlencoded::parse(query.as_bytes()).chain(form_urlencoded::parse(form));
    parameters.filter(|(name, _)| name == "send_image").last().is_some_and(|(_, value)| value == "0")
}

/// Whether the body of a POST is a list of requests rather than a form.
pub fn is_bulk(body: &[u8]) -> bool {
    body.trim_ascii_start().starts_with(b"{")
}

/// The requests of a list, each as a query. An entry that is no text becomes an empty query.
pub fn bulk(body: &[u8]) -> Result<Vec<Cow<'_, str>>, ParseError> {
    #[derive(Deserialize)]
    struct Bulk<'a> {
        #[serde(borrow)]
        requests: Vec<PlainValue<'a>>,
    }
    let all: Bulk<'_> =
        serde_json::from_slice(body).map_err(|_| ParseError::Malformed("the body is no list of requests"))?;
    if all.requests.len() > BATCH_HITS_MAX {
        return Err(ParseError::TooLarge("there are more than 1,000 requests"));
    }
    Ok(all.requests.into_iter().map(|PlainValue(request)| page::bare_query(request.unwrap_or_default())).collect())
}

/// A number is Matomo's identifier of the site; anything else is the site's domain.
fn site(idsite: Cow<'_, str>) -> Cow<'_, str> {
    match idsite.trim().parse::<u32>() {
        Ok(number) => format!("matomo:{number}").into(),
        Err(_) => idsite,
    }
}

#[cfg(test)]
mod tests {
    use schema::sites::{Marketing, Site};

    use super::*;
    use crate::lane::Basis;

    const HERE: &str = "&url=https%3A%2F%2Fshop.example%2Fa%3Fmtm_campaign%3DSpring";

    fn hit(query: &str) -> Sent<'_> {
        parse(query, b"", "")
            .unwrap_or_else(|bad| panic!("{bad}: {query}"))
            .unwrap_or_else(|| panic!("nothing: {query}"))
    }

    /// Kind, name, amount, properties.
    fn event(more: &str) -> (Kind, String, i64, Vec<(String, String)>) {
        let query = format!("idsite=3&rec=1{HERE}{more}");
        let sent = hit(&query);
        let properties = sent.properties.iter().map(|(name, value)| (name.to_string(), value.to_string())).collect();
        (sent.kind, sent.name.to_string(), sent.amount, properties)
    }

    #[test]
    fn a_page_view_of_its_script_is_parsed() {
        let query = "action_name=Shop&idsite=3&rec=1&r=528914&h=14&m=30&s=12&url=https%3A%2F%2Fwww.shop.example%2Fa%3Fmtm_campaign%3DSpring&urlref=https%3A%2F%2Fnews.example%2F&_id=6f1c6e1b8a2d4f03&_idn=1&send_image=0&_refts=0&pv_id=Xk2p9a&pf_net=12&pf_srv=80&uadata=%7B%7D&pdf=1&cookie=1&res=1920x1080";
        let sent = hit(query);
        assert_eq!((sent.kind, &*sent.name, &*sent.domains), (Kind::Pageview, "", "matomo:3"));
        assert_eq!((sent.page.host(), sent.page.path()), ("shop.example", "/a"));
        assert_eq!((&*sent.referrer, sent.screen_px, sent.consent), ("https://news.example/", Some(1920), false));
        let always = Site { marketing: Marketing::Always, ..Site::new(1, "a") };
        assert_eq!(&*sent.reserved.open(Basis::of(&always, false).unwrap(), "").campaign.name, "Spring");
        assert!(hit("idsite=3&rec=1&consent=1&url=https://a.org/").consent);
    }

    #[test]
    fn a_form_and_the_referer_are_parsed_too() {
        let sent =
            parse("idsite=shop.example", b"rec=1&search=tea", "https://shop.example/find?q=tea").unwrap().unwrap();
        assert_eq!((&*sent.domains, sent.page.path(), sent.kind), ("shop.example", "/find", Kind::Search));
    }

    #[test]
    fn each_action_becomes_the_event_of_its_kind() {
        let own = |all: &[(&str, &str)]| -> Vec<(String, String)> {
            all.iter().map(|(name, value)| (name.to_string(), value.to_string())).collect()
        };
        for (more, kind, name, amount, properties) in [
            ("&e_c=Videos&e_a=Play&e_n=Intro&e_v=2.6&ca=1", Kind::Custom, "Videos: Play", 3, own(&[("name", "Intro")])),
            ("&e_c=+&e_a=Play", Kind::Pageview, "", 0, own(&[])),
            ("&link=https%3A%2F%2Fother.example%2Fx", Kind::Outbound, "https://other.example/x", 0, own(&[])),
            (
                "&download=https%3A%2F%2Fshop.example%2Fa.pdf&dimension1=x",
                Kind::Download,
                "https://shop.example/a.pdf",
                0,
                own(&[("dimension1", "x")]),
            ),
            ("&search=tea&search_cat=hot&search_count=0", Kind::Search, "tea", 0, own(&[("results", "none")])),
            ("&search=tea&search_count=7", Kind::Search, "tea", 7, own(&[("results", "some")])),
            ("&search=tea", Kind::Search, "tea", 0, own(&[])),
            ("&idgoal=4&revenue=5", Kind::Custom, "goal 4", 0, own(&[])),
            ("&idgoal=0&revenue=5&ec_items=[]", Kind::Custom, "cart", 0, own(&[])),
            ("&c_n=Ad&c_p=a.png", Kind::Custom, "content impression", 0, own(&[("content", "Ad"), ("piece", "a.png")])),
            ("&c_n=Ad&c_i=click", Kind::Custom, "content interaction", 0, own(&[("content", "Ad"), ("piece", "")])),
            ("&e_c=JavaScript+Errors&e_a=:1&e_n=TypeError:+x@y.z+is+no&ca=1", Kind::Error, "TypeError", 0, own(&[])),
            ("&e_c=JavaScript+Errors&e_a=:1&e_n=Uncaught+x@y.z:+no", Kind::Error, "error", 0, own(&[])),
            ("&cra=x@y.z+failed&cra_tp=TypeError&cra_st=at+a&ca=1", Kind::Error, "TypeError", 0, own(&[])),
        ] {
            assert_eq!(event(more), (kind, name.to_owned(), amount, properties), "{more}");
        }
        assert!(!hit(&format!("idsite=3&rec=1{HERE}&c_n=Ad")).interactive, "showing content is no interaction");
    }

    #[test]
    fn an_order_is_not_parsed_until_there_is_a_basis() {
        let query = format!(
            "idsite=3&rec=1{HERE}&idgoal=0&ec_id=A-1&revenue=19.9&ec_st=18&ec_items=%5B%5B%22s1%22%2C%22Tea%22%2C%22Drinks%22%2C9.95%2C2%5D%5D"
        );
        let sent = hit(&query);
        assert_eq!((sent.kind, &*sent.name), (Kind::Custom, "purchase"));
        let always = Site { marketing: Marketing::Always, ..Site::new(1, "a") };
        let opened = sent.reserved.open(Basis::of(&always, false).unwrap(), "EUR");
        let order = opened.order.unwrap();
        assert_eq!((&*order.id, order.currency, order.revenue, &*order.items[0].product), ("A-1", "EUR", 1990, "Tea"));
    }

    #[test]
    fn a_request_that_is_no_visit_is_not_counted() {
        for more in ["&ping=1", "&recMode=1", "&ca=1", "&ca=1&ma_id=x"] {
            assert!(parse(&format!("idsite=3&rec=1{HERE}{more}"), b"", "").unwrap().is_none(), "{more}");
        }
    }

    #[test]
    fn a_request_that_is_no_hit_gets_the_reason() {
        let no_url = "url is no absolute URL, or missing, and there is no Referer to take it from";
        for (query, why) in [
            ("", ParseError::Malformed("rec is not 1")),
            ("idsite=3&rec=0", ParseError::Malformed("rec is not 1")),
            (
                "idsite=3&rec=1&url=https://a.org/&cip=203.0.113.77&token_auth=secret",
                ParseError::Malformed("cip (another's address) is not accepted here: a server sends to /api/hits"),
            ),
            ("rec=1&url=https://a.org/", ParseError::Malformed("idsite is missing")),
            ("idsite=3&rec=1", ParseError::Malformed(no_url)),
            ("idsite=3&rec=1&url=/a", ParseError::Malformed(no_url)),
        ] {
            assert_eq!(parse(query, b"", "").err(), Some(why), "{query}");
        }
        let long = format!("idsite=3&rec=1&url=https://a.org/{}", "x".repeat(URL_BYTES_MAX));
        assert_eq!(parse(&long, b"", "").err(), Some(ParseError::TooLarge("url is longer than 2 KiB")));
    }

    #[test]
    fn a_bulk_is_a_list_of_queries() {
        let body = br#" {"requests":["?idsite=3&rec=1&url=https:\/\/a.org\/b","idsite=3&rec=1",{"idsite":3}],"token_auth":"secret"}"#;
        assert!(is_bulk(body) && !is_bulk(b"idsite=3&rec=1"));
        let all = bulk(body).unwrap();
        assert_eq!(all, ["idsite=3&rec=1&url=https://a.org/b", "idsite=3&rec=1", ""]);
        assert!(bulk(br#"{"requests":7}"#).is_err() && bulk(b"{").is_err());
        let many = format!(r#"{{"requests":[{}""]}}"#, r#""","#.repeat(1000));
        assert!(matches!(bulk(many.as_bytes()), Err(ParseError::TooLarge(_))));
    }
}
