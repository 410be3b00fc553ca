//! `GET /b/SITE/CAMPAIGN.gif`: a beacon in an e-mail or an advertisement. Nothing but the two names is read: whatever else
//! an URL carries (a recipient's number, say) is read over, and the campaign must be one the site has declared.
//!
//! A load is counted, not who loads: it makes no tag, so that loads of one person cannot be told from those of several.

use std::borrow::Cow;

use percent_encoding::percent_decode_str;
use schema::event::Kind;

use super::{Bad, NAME_CHARS_MAX, Page, Sent, check_domains};

/// Reads the two parts of the path, still encoded.
pub fn read<'a>(site: &'a str, file: &'a str) -> Result<Sent<'a>, Bad> {
    let name = file.strip_suffix(".gif").ok_or(Bad::Malformed("a beacon is /b/SITE/CAMPAIGN.gif"))?;
    let decoded = |text: &'a str| -> Result<Cow<'a, str>, Bad> {
        percent_decode_str(text).decode_utf8().map_err(|_| Bad::Malformed("a name in the URL is not UTF-8"))
    };
    let (domains, name) = (decoded(site)?, decoded(name)?);
    check_domains(&domains)?;
    if name.is_empty() || name.chars().count() > NAME_CHARS_MAX {
        return Err(Bad::Malformed("the campaign's name is empty or longer than 120 characters"));
    }
    Ok(Sent { kind: Kind::Open, name, ..Sent::view(domains, Page::of_path("".into(), "".into())) })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn site_and_campaign_are_read_and_nothing_else() {
        let sent = read("example.org", "spring%20mail.gif").unwrap();
        assert_eq!((&*sent.domains, &*sent.name, sent.kind), ("example.org", "spring mail", Kind::Open));
        assert_eq!((sent.page.host(), sent.page.path(), sent.consent), ("", "", false));
        for (site, file) in [("example.org", "spring.png"), ("example.org", ".gif"), ("", "a.gif"), ("a", "%ff.gif")] {
            assert!(matches!(read(site, file), Err(Bad::Malformed(_))), "{site} {file}");
        }
    }
}
