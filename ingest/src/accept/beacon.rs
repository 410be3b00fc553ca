//! `GET /b/SITE/CAMPAIGN.gif`: a beacon in an e-mail or an advertisement. Only the two names are read. Anything else
//! in the URL (a recipient's number, for example) is ignored, and the campaign must be declared by the site.
//!
//! Loads are counted, not visitors. A load has no tag, so loads by one person look the same as loads by several.

use std::borrow::Cow;

use percent_encoding::percent_decode_str;
use schema::event::Kind;

use super::{NAME_CHARS_MAX, PageUrl, ParseError, Sent, check_domains};

/// Parses the two parts of the path, which are still percent-encoded.
pub fn parse<'a>(site: &'a str, file: &'a str) -> Result<Sent<'a>, ParseError> {
    let name = file.strip_suffix(".gif").ok_or(ParseError::Malformed("a beacon is /b/SITE/CAMPAIGN.gif"))?;
    let decoded = |text: &'a str| -> Result<Cow<'a, str>, ParseError> {
        percent_decode_str(text).decode_utf8().map_err(|_| ParseError::Malformed("a name in the URL is not UTF-8"))
    };
    let (domains, name) = (decoded(site)?, decoded(name)?);
    check_domains(&domains)?;
    if name.is_empty() || name.chars().count() > NAME_CHARS_MAX {
        return Err(ParseError::Malformed("the campaign's name is empty or longer than 120 characters"));
    }
    Ok(Sent { kind: Kind::Open, name, ..Sent::view(domains, PageUrl::of_path("".into(), "".into())) })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn site_and_campaign_are_read_and_nothing_else() {
        let sent = parse("example.org", "spring%20mail.gif").unwrap();
        assert_eq!((&*sent.domains, &*sent.name, sent.kind), ("example.org", "spring mail", Kind::Open));
        assert_eq!((sent.page.host(), sent.page.path(), sent.consent), ("", "", false));
        for (site, file) in [("example.org", "spring.png"), ("example.org", ".gif"), ("", "a.gif"), ("a", "%ff.gif")] {
            assert!(matches!(parse(site, file), Err(ParseError::Malformed(_))), "{site} {file}");
        }
    }
}
