//! Requests that other trackers' scripts really sent, recorded whole in a browser (`recorded/*.http`), and the hits
//! that they become. A script's source shows what the script may send. Only a browser shows what arrives, with which
//! headers and in which order.

use schema::sites::{Marketing, Site};

use super::*;
use crate::lane::Basis;

const GOATCOUNTER: &str = include_str!("recorded/goatcounter.http");
const UMAMI: &str = include_str!("recorded/umami.http");
const MATOMO: &str = include_str!("recorded/matomo.http");

/// The parameters that hold ids. Umami's script makes no ids.
const GOATCOUNTER_IDS: &[&str] = &["rnd"];
const MATOMO_IDS: &[&str] = &["_id", "uid", "pv_id"];

/// A request as it arrived.
struct Recorded<'a> {
    /// The action in the browser that caused it.
    what: &'a str,
    method: &'a str,
    path: &'a str,
    query: &'a str,
    headers: Vec<(&'a str, &'a str)>,
    body: &'a str,
}

impl<'a> Recorded<'a> {
    fn of(text: &'a str) -> Recorded<'a> {
        let text = text.trim_end_matches('\n');
        let (head, body) = text.split_once("\n\n").unwrap_or((text, ""));
        let mut lines = head.lines();
        let what = lines.next().unwrap();
        let (method, rest) = lines.next().and_then(|line| line.split_once(' ')).unwrap();
        let target = rest.strip_suffix(" HTTP/1.1").unwrap();
        let (path, query) = target.split_once('?').unwrap_or((target, ""));
        let headers =
            lines.map(|line| line.split_once(':').unwrap()).map(|(name, value)| (name, value.trim())).collect();
        Recorded { what, method, path, query, headers, body }
    }

    fn header(&self, name: &str) -> &'a str {
        self.headers.iter().find(|(known, _)| *known == name).map_or("", |(_, value)| value)
    }
}

fn recorded(file: &str) -> Vec<Recorded<'_>> {
    file.split("\n### ").skip(1).map(Recorded::of).collect()
}

/// All fields of a hit as text, including those that are parsed only with a basis.
fn shown(sent: &Sent<'_>) -> String {
    let Sent { domains, kind, name, page, referrer, properties, .. } = sent;
    let mut shown = format!("{kind:?} '{name}' {} {}", page.host(), page.path());
    let mut add = |is_there: bool, words: String| shown.extend(is_there.then_some(words));
    add(!page.fragment().is_empty(), format!("#{}", page.fragment()));
    add(!referrer.is_empty(), format!(" from {referrer}"));
    properties.iter().for_each(|(name, value)| add(true, format!(" {name}={value}")));
    add(sent.amount != 0, format!(" amount {}", sent.amount));
    add(sent.engagement.is_some(), format!(" {:?}", sent.engagement));
    add(sent.consent, " consents".to_owned());
    add(sent.automated, " automated".to_owned());
    add(!sent.interactive, " not interactive".to_owned());
    add(!sent.once.is_empty(), format!(" once {}", sent.once));
    add(sent.screen_px != Some(1920), format!(" screen {:?}", sent.screen_px));
    let always = Site { marketing: Marketing::Always, ..Site::new(1, "a") };
    let opened = sent.reserved.open(Basis::of(&always, false).unwrap(), "EUR");
    let Utm { source, medium, name, content, term } = &opened.campaign;
    add(!opened.campaign.is_empty(), format!(" campaign {source}/{medium}/{name}/{content}/{term}"));
    if let Some(ParsedOrder { id, currency, revenue, items }) = &opened.order {
        add(true, format!(" order '{id}' {revenue} {currency}"));
        items.iter().for_each(|ParsedItem { product, category, units, revenue }| {
            add(true, format!(", {units} {product} ({category}) {revenue}"));
        });
    }
    add(true, format!(" | {domains}"));
    shown
}

/// The hits of one request, a line for each.
type ShownHits = Vec<String>;

fn line(sent: Result<Option<Sent<'_>>, ParseError>) -> String {
    match sent {
        Ok(Some(sent)) => shown(&sent),
        Ok(None) => "nothing".to_owned(),
        Err(bad) => format!("no hit: {bad}"),
    }
}

fn of_goatcounter(request: &Recorded<'_>) -> ShownHits {
    vec![line(goatcounter::parse(request.query, request.header("referer"), request.header("origin")).map(Some))]
}

fn of_umami(request: &Recorded<'_>) -> ShownHits {
    vec![line(umami::parse(request.body.as_bytes()))]
}

fn of_matomo(request: &Recorded<'_>) -> ShownHits {
    let body = request.body.as_bytes();
    match matomo::is_bulk(body) {
        true => matomo::bulk(body).unwrap().iter().map(|one| line(matomo::parse(one, b"", ""))).collect(),
        false => vec![line(matomo::parse(request.query, body, request.header("referer")))],
    }
}

/// All ids that the script made: the values of these parameters, in queries, forms and lists.
fn made_up(all: &[Recorded<'_>], names: &[&str]) -> Vec<String> {
    let parts = all.iter().flat_map(|request| [request.query, request.body]).flat_map(|text| text.split("\"?"));
    let parameters = parts.flat_map(|part| form_urlencoded::parse(part.as_bytes()));
    parameters.filter(|(name, id)| names.contains(&&**name) && !id.is_empty()).map(|(_, id)| id.into_owned()).collect()
}

/// Parses all requests of a file and compares the hits with `want`. No hit may contain an id that the script made, nor
/// any personal data that the page gave the script: all of that contains the word "person".
fn becomes(file: &str, parse: fn(&Recorded<'_>) -> ShownHits, site: &str, ids: &[&str], want: &str) {
    let all = recorded(file);
    let ids = made_up(&all, ids);
    assert!(file.contains("person-"));
    let mut want = want.lines().skip(1);
    for request in &all {
        assert_eq!(Some(request.what), want.next());
        for line in parse(request) {
            let line = line.strip_suffix(&format!(" | {site}")).unwrap_or(&line);
            assert!(!line.to_lowercase().contains("person"), "{}: {line}", request.what);
            assert!(!ids.iter().any(|id| line.contains(&**id)), "{}: {line}", request.what);
            assert_eq!(Some(line), want.next().map(str::trim_start), "{}", request.what);
        }
    }
    assert_eq!(want.next(), None);
}

#[test]
fn the_recordings_are_whole_and_contain_ids() {
    for (file, path, names) in
        [(GOATCOUNTER, "/count", GOATCOUNTER_IDS), (UMAMI, "/api/send", &[]), (MATOMO, "/matomo.php", MATOMO_IDS)]
    {
        let all = recorded(file);
        assert_eq!(made_up(&all, names).is_empty(), names.is_empty());
        for request in all {
            let length = if request.method == "POST" { request.header("content-length") } else { "0" };
            assert_eq!(length, request.body.len().to_string(), "{}", request.what);
            assert_eq!((request.path, request.header("host")), (path, "stats.example"), "{}", request.what);
        }
    }
}

#[test]
fn requests_of_goatcounters_script_are_parsed() {
    let want = "
page view with a referrer, a title and a campaign
    Pageview '' shop.example /blog/tea from https://news.example/ campaign letter/email/Spring//
event by data-goatcounter-click, with a title and a referrer
    Custom 'sign-up' shop.example / from banner campaign letter/email/Spring//
event without a session
    Custom 'ext-files.example' shop.example / campaign letter/email/Spring//
a page of one that routes by itself
    Pageview '' shop.example /blog/tea/green from https://news.example/
page view without a referrer
    Pageview '' shop.example /blog/tea
path override of a page that is not found
    Pageview '' shop.example /404/gone
path override with the host in front
    Pageview '' shop.example shop.example/sub
canonical path
    Pageview '' shop.example /blog/canonical
picture, where there are no beacons
    Pageview '' shop.example /pictures
page that sends its whole address as the referrer
    Pageview '' shop.example /whole
event on that page
    Custom 'sign-up' shop.example /whole
page that sends no referrer
    Pageview '' shop.example /private
driven by a program
    Pageview '' shop.example /blog/tea automated
";
    becomes(GOATCOUNTER, of_goatcounter, "shop.example", GOATCOUNTER_IDS, want);
}

#[test]
fn requests_of_umamis_script_are_parsed() {
    let want = "
page view with a referrer, a campaign and a tag
    Pageview '' shop.example /tea from https://news.example/ campaign letter//Spring//
pushState
    Pageview '' shop.example /tea/green from https://shop.example/tea?utm_source=letter&utm_campaign=Spring#top
replaceState to a route in the fragment
    Pageview '' shop.example /#/basket from https://shop.example/tea/green?a=b
umami.track with a name
    Custom 'signup' shop.example /
umami.track with a name and data
    Custom 'signup' shop.example / plan=free seats=3 trial=true
umami.track with revenue
    Custom 'purchase' shop.example / plan=tea box order '' 1990 EUR
umami.track with a function
    Pageview '' shop.example /virtual
umami.track with nothing but a website
    Pageview ''  / screen None
click on data-umami-event
    Custom 'Add to basket' shop.example / size=large n=2
click on an outbound link
    Custom 'outbound-link-click' shop.example / url=https://files.example/tea?a=b
umami.identify with data
    nothing
umami.identify with an id and data
    nothing
event of one who is identified
    Custom 'after' shop.example / a=b
page view of one who is identified
    Pageview '' shop.example /
page view without query and fragment
    Pageview '' shop.example /quiet
performance, when the page goes
    Vital 'vitals' shop.example /fast LCP=52 FCP=52 TTFB=5.899999998509884
";
    becomes(UMAMI, of_umami, "umami:5f3a1c0e-7b1d-4c55-9a51-3b7f5f0f2c11", &[], want);
}

#[test]
fn requests_of_matomos_script_are_parsed() {
    let want = "
trackPageView with a referrer and a campaign
    Pageview '' shop.example /tea from https://news.example/ campaign letter/paid/Spring//
trackEvent
    Custom 'Videos: Play' shop.example /tea from https://news.example/ name=Intro amount 3 campaign letter/paid/Spring//
trackEvent without name and value
    Custom 'Basket: Opened' shop.example /tea from https://news.example/ campaign letter/paid/Spring//
click on an outlink
    Outbound 'https://files.example/tea?a=b' shop.example /tea from https://news.example/ campaign letter/paid/Spring//
click on a download
    Download 'https://shop.example/lists/prices.pdf?v=3' shop.example /tea from https://news.example/ campaign letter/paid/Spring//
trackLink
    Outbound 'https://other.example/a?b=c' shop.example /tea from https://news.example/ campaign letter/paid/Spring//
trackLink of a download
    Download 'https://cdn.example/a.zip' shop.example /tea from https://news.example/ campaign letter/paid/Spring//
trackSiteSearch with a count
    Search 'green tea' shop.example /tea from https://news.example/ results=some amount 7 campaign letter/paid/Spring//
trackSiteSearch that found nothing
    Search 'coffee' shop.example /tea from https://news.example/ results=none campaign letter/paid/Spring//
trackSiteSearch without a count
    Search 'cups' shop.example /tea from https://news.example/ campaign letter/paid/Spring//
trackGoal
    Custom 'goal 4' shop.example /tea from https://news.example/ campaign letter/paid/Spring//
addEcommerceItem and trackEcommerceCartUpdate
    Custom 'cart' shop.example /tea from https://news.example/ campaign letter/paid/Spring//
trackEcommerceOrder
    Custom 'purchase' shop.example /tea from https://news.example/ campaign letter/paid/Spring// order 'A-10023' 2340 EUR, 2 Green tea (Tea) 900, 1 Cup (Cups) 1090
queueRequest, sent together
    Pageview '' shop.example /tea from https://news.example/ campaign letter/paid/Spring//
    Custom 'Queue: Sent' shop.example /tea from https://news.example/ name=two campaign letter/paid/Spring//
setEcommerceView
    Pageview '' shop.example /product
setCustomUrl, setDocumentTitle and setReferrerUrl
    Pageview '' shop.example /virtual from https://other.example/?q=x
setUserId, setVisitorId, setCustomDimension and setCustomVariable
    Pageview '' shop.example /known
disableCookies
    Pageview '' shop.example /nocookies
disableBrowserFeatureDetection
    Pageview '' shop.example /nofeatures screen None
setRequestMethod POST
    Pageview '' shop.example /post
setRequestMethod POST without sendBeacon
    Pageview '' shop.example /xhr
setRequestMethod GET
    Pageview '' shop.example /get
trackAllContentImpressions, 1 of 2
    Pageview '' shop.example /content
trackAllContentImpressions, 2 of 2
    Custom 'content impression' shop.example /content content=Autumn piece=leaf.png not interactive
    Custom 'content impression' shop.example /content content=Spring piece=banner.png not interactive
click on content
    Custom 'content interaction' shop.example /content content=Spring piece=banner.png
trackContentImpression
    Custom 'content impression' shop.example /content content=Winter piece=snow.png not interactive
trackContentInteraction
    Custom 'content interaction' shop.example /content content=Winter piece=snow.png
enableJSErrorTracking, an error of a class
    Error 'TypeError' shop.example /error
enableJSErrorTracking, an error of no class
    Error 'error' shop.example /error
requireConsent and setConsentGiven, 1 of 2
    Pageview '' shop.example /consent consents
requireConsent and setConsentGiven, 2 of 2
    nothing
rememberConsentGiven
    Custom 'Consent: Given' shop.example /consent consents
enableHeartBeatTimer, when the page loses the focus
    nothing
";
    becomes(MATOMO, of_matomo, "matomo:3", MATOMO_IDS, want);
}

#[test]
fn matomo_wants_a_picture_only_if_it_asks_for_one() {
    let wanted: Vec<_> = recorded(MATOMO)
        .iter()
        .filter(|request| !matomo::wants_no_image(request.query, request.body.as_bytes()))
        .map(|request| request.what)
        .collect();
    assert_eq!(wanted, ["setRequestMethod GET"]);
}
