//! `GET /f.gif?d=DOMAIN[&p=PATH]`: the picture in a page's `<noscript>`. Other parameters (a cache buster) are ignored.
//!
//! Without `p` the page is taken from `Referer`. Browsers that send only the origin to another site send no path
//! there; for them the site embeds `p`, or serves the pixel from its own host. The page before is not known.

use std::borrow::Cow;

use super::{PageUrl, ParseError, Sent, URL_BYTES_MAX, check_domains};

/// Parses the query of the request, and its `Referer`.
pub fn parse<'a>(query: &'a str, referer: &'a str) -> Result<Sent<'a>, ParseError> {
    if query.len() > URL_BYTES_MAX || referer.len() > URL_BYTES_MAX {
        return Err(ParseError::TooLarge("the URL is longer than 2 KiB"));
    }
    let (mut domains, mut path) = (None, None);
    for (name, value) in form_urlencoded::parse(query.as_bytes()) {
        match &*name {
            "d" => domains = Some(value),
            "p" => path = Some(value),
            _ => {}
        }
    }
    let domains: Cow<'_, str> = domains.ok_or(ParseError::Malformed("d (domain) is missing"))?;
    check_domains(&domains)?;
    let from_referer = PageUrl::of_url(referer.into(), false);
    let page = match path {
        Some(path) => {
            let host = from_referer.map_or(String::new(), |page| page.host().to_owned());
            PageUrl::of_path(host.into(), path)
        }
        None => {
            from_referer.ok_or(ParseError::Malformed("p (path) is missing, and there is no Referer to take it from"))?
        }
    };
    Ok(Sent::view(domains, page))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn page(query: &str, referer: &str) -> Result<(String, String, String), ParseError> {
        let sent = parse(query, referer)?;
        Ok((sent.domains.into_owned(), sent.page.host().to_owned(), sent.page.path().to_owned()))
    }

    #[test]
    fn the_page_is_p_or_else_the_referer() {
        let owned = |a: &str, b: &str, c: &str| Ok((a.to_owned(), b.to_owned(), c.to_owned()));
        assert_eq!(page("d=a.org", "https://www.a.org/x?y"), owned("a.org", "a.org", "/x"));
        assert_eq!(page("d=a.org&p=%2Fcaf%C3%A9%3Fq", "https://a.org/x"), owned("a.org", "a.org", "/café"));
        assert_eq!(page("p=/b&rnd=7&d=a.org,b.org", ""), owned("a.org,b.org", "", "/b"));
    }

    #[test]
    fn a_query_that_is_no_hit_gets_the_reason() {
        assert_eq!(page("", "https://a.org/"), Err(ParseError::Malformed("d (domain) is missing")));
        assert_eq!(page("d=", "https://a.org/"), Err(ParseError::Malformed("d (domain) is empty")));
        assert!(matches!(page("d=a.org", "nonsense"), Err(ParseError::Malformed(_))));
        assert!(matches!(page(&format!("d=a.org&p={}", "x".repeat(3000)), ""), Err(ParseError::TooLarge(_))));
    }
}
