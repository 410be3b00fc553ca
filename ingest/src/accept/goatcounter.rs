//! `GET|POST /count`: GoatCounter's parameters, in the query in either case.
//!
//! | parameter | meaning |
//! |---|---|
//! | `p` | the page's path (with its query, or a whole URL); the name of an event |
//! | `e` | `true` or `1`: it is an event |
//! | `r` | the page before |
//! | `q` | the query of the page's URL; parsed only with a basis |
//! | `s` | width, height and scale of the screen, separated by commas |
//! | `b` | 150 or more: a program drives the browser |
//! | `site` | our addition: the site, if neither `Referer` nor `Origin` names it; no script sends it |
//! | `t`, `ns`, `rnd`, others | ignored |
//!
//! GoatCounter has one endpoint for each site, and so no parameter that names the site. Here the site is the host of
//! the page that sends: the host in `Referer`, or else in `Origin`. The page of an event is the one in `Referer`, as
//! far as the browser sends it.

use std::borrow::Cow;

use schema::event::Kind;

use super::reserved::{RawOrder, Reserved};
use super::{PageUrl, ParseError, Sent, URL_BYTES_MAX, page};

/// GoatCounter's codes from here on mean that a program drives the browser.
const AUTOMATED: u32 = 150;

/// Parses the query of the request, and takes the site from its `Referer` or `Origin`.
pub fn parse<'a>(query: &'a str, referer: &'a str, origin: &'a str) -> Result<Sent<'a>, ParseError> {
    if query.len() > 2 * URL_BYTES_MAX || referer.len() > URL_BYTES_MAX || origin.len() > URL_BYTES_MAX {
        return Err(ParseError::TooLarge("the URL is longer than 4 KiB, or the page's than 2 KiB"));
    }
    let (mut path, mut referrer, mut searched, mut site) = (None, None, None, None);
    let (mut is_event, mut automated, mut screen_px) = (false, false, None);
    for (name, value) in form_urlencoded::parse(query.as_bytes()) {
        match &*name {
            "p" => path = Some(value),
            "r" => referrer = Some(value),
            "q" => searched = Some(value),
            "site" => site = Some(value),
            "e" => is_event = matches!(&*value, "true" | "1"),
            "b" => automated = value.trim().parse().is_ok_and(|why: u32| why >= AUTOMATED),
            "s" => screen_px = page::width_of(&value),
            _ => {}
        }
    }
    let path: Cow<'_, str> =
        path.filter(|path| !path.trim().is_empty()).ok_or(ParseError::Malformed("p (path) is missing"))?;
    let sender = PageUrl::of_url(referer.into(), false).filter(|page| !page.host().is_empty());
    let sender = sender.or_else(|| PageUrl::of_url(origin.into(), false)).filter(|page| !page.host().is_empty());
    let host = sender.as_ref().map_or(String::new(), |page| page.host().to_owned());
    let domains = match site {
        Some(site) => site,
        None if host.is_empty() => {
            return Err(ParseError::Malformed("there is no Referer and no Origin that names the site"));
        }
        None => Cow::Owned(host.clone()),
    };
    let searched = page::bare_query(searched.unwrap_or_else(|| page::query_of(&path)));
    let (kind, name, page) = match is_event {
        true => {
            let page = sender.unwrap_or_else(|| PageUrl::of_path("".into(), "/".into()));
            (Kind::Custom, path, page)
        }
        false => {
            let page = match path.contains("://") {
                true => {
                    PageUrl::of_url(path, false).ok_or(ParseError::Malformed("p (path) is neither a path nor a URL"))?
                }
                false => PageUrl::of_path(host.into(), path),
            };
            (Kind::Pageview, "".into(), page)
        }
    };
    Ok(Sent {
        kind,
        name,
        automated,
        referrer: referrer.unwrap_or_default(),
        screen_px,
        reserved: Reserved::new(searched, RawOrder::None),
        ..Sent::view(domains, page)
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::lane::Basis;

    const HERE: &str = "https://www.example.org/";

    fn bad(query: &str, referer: &str, origin: &str) -> ParseError {
        parse(query, referer, origin).err().unwrap_or_else(|| panic!("is a hit: {query}"))
    }

    #[test]
    fn a_page_view_of_its_script_is_parsed() {
        let query = "?p=%2Fblog%2Fa%3Futm_source%3Dx&r=https%3A%2F%2Fnews.example%2F&t=A%20title&s=1920%2C1080%2C1&b=0&q=%3Futm_campaign%3DSpring&rnd=x2f9a";
        let sent = parse(&query[1..], HERE, "https://example.org").unwrap();
        assert_eq!((sent.kind, &*sent.name, &*sent.domains), (Kind::Pageview, "", "example.org"));
        assert_eq!((sent.page.host(), sent.page.path()), ("example.org", "/blog/a"));
        assert_eq!((&*sent.referrer, sent.screen_px, sent.automated), ("https://news.example/", Some(1920), false));
        assert!(!sent.consent && sent.properties.is_empty());
        let always =
            schema::sites::Site { marketing: schema::sites::Marketing::Always, ..schema::sites::Site::new(1, "a") };
        let opened = sent.reserved.open(Basis::of(&always, false).unwrap(), "");
        assert_eq!(&*opened.campaign.name, "Spring");
    }

    #[test]
    fn an_event_is_named_by_its_path_and_its_page_is_the_one_that_sends() {
        let sent =
            parse("p=sign%20up&e=true&t=Sign+up&s=390%2C844%2C3&b=0", "https://example.org/prices?a=b", "").unwrap();
        assert_eq!((sent.kind, &*sent.name, sent.page.path()), (Kind::Custom, "sign up", "/prices"));
        assert_eq!(sent.screen_px, Some(390));
    }

    #[test]
    fn the_site_is_the_pages_host_or_the_one_in_the_parameter() {
        let site = |query, referer, origin| parse(query, referer, origin).unwrap().domains.into_owned();
        assert_eq!(site("p=/", HERE, ""), "example.org");
        assert_eq!(site("p=/", "", "https://Example.org:8443"), "Example.org");
        assert_eq!(site("p=/", "about:client", "https://a.org"), "a.org");
        assert_eq!(site("p=/&site=b.org", HERE, ""), "b.org");
        assert_eq!(parse("p=https://c.org/x%3Fy", HERE, "").unwrap().page.host(), "c.org");
        for origin in ["", "null"] {
            assert_eq!(
                bad("p=/", "", origin),
                ParseError::Malformed("there is no Referer and no Origin that names the site")
            );
        }
    }

    #[test]
    fn a_browser_that_a_program_drives_is_recognised() {
        for (b, want) in [("0", false), ("149", false), ("150", true), ("153", true), ("x", false), ("", false)] {
            assert_eq!(parse(&format!("p=/&b={b}"), HERE, "").unwrap().automated, want, "{b}");
        }
    }

    #[test]
    fn a_query_that_is_no_hit_gets_the_reason() {
        assert_eq!(bad("", HERE, ""), ParseError::Malformed("p (path) is missing"));
        assert_eq!(bad("p=%20&e=true", HERE, ""), ParseError::Malformed("p (path) is missing"));
        assert_eq!(bad("p=data:x://%20", HERE, ""), ParseError::Malformed("p (path) is neither a path nor a URL"));
        assert!(matches!(bad(&format!("p=/{}", "x".repeat(5000)), HERE, ""), ParseError::TooLarge(_)));
    }
}
