//! The boundary of personal data: a [`Hit`] goes in by value, an [`Event`] comes out, and nothing after this module can
//! identify the visitor.
//!
//! The tag is the first 64 bits of keyed BLAKE3 under the salt of the site's day. The input is the site's number, the
//! truncated address, the user agent and the languages, each with its length before it, so that different fields
//! never give the same input. The numbers that a sender gives to orders and hits are hashed likewise: equal numbers
//! can be recognised within the day, and not after it.

use schema::event::{Event, Kind, Lane, VisitorTag};
use schema::fate::Fault;
use schema::zone::Local;
use zeroize::Zeroize;

use crate::enrich::CleanFields;
use crate::hit::{Hit, Visitor};
use crate::salt::Salt;

/// Makes the event and consumes the hit. Fails only if the salt is destroyed.
///
/// `scratch` holds the hash's input for a moment and is wiped afterwards.
pub fn anonymise<'a>(
    hit: Hit<'_>,
    seen: CleanFields<'a>,
    local: Local,
    salt: &Salt,
    time_s: i64,
    scratch: &mut Vec<u8>,
) -> Result<Event<'a>, Fault> {
    // A new field must be placed here, or this does not compile.
    let Hit {
        site,
        kind,
        name: _,
        interactive,
        automated: _,
        page: _,
        referrer: _,
        screen_px: _,
        properties: _,
        engagement: _,
        amount: _,
        once,
        marketing,
        visitor,
    } = hit;
    let CleanFields { name, page, source, channel, country, region, device, browser, os, language, screen, extra } =
        seen;
    let tag = match kind {
        Kind::Open => VisitorTag::NONE, // a beacon's load has no tag
        _ => tag(visitor, site.id, salt, scratch)?,
    };
    let lane = if marketing.is_some() { Lane::Marketing } else { Lane::Audience };
    let order = marketing.and_then(|opened| opened.order).map(|order| order.id).unwrap_or_default();
    let order_id = number("order", &order, site.id, salt, scratch)?;
    let once = number("once", once, site.id, salt, scratch)?;
    Ok(Event {
        site: site.id,
        day: local.day,
        time_s: u32::try_from(time_s).unwrap_or(if time_s < 0 { 0 } else { u32::MAX }),
        offset_quarters: local.offset_quarters,
        lane,
        tag,
        kind,
        interactive,
        name,
        page,
        source,
        channel,
        country,
        region,
        device,
        browser,
        os,
        language,
        screen,
        extra: extra.numbered(order_id, once),
    })
}

/// Hashes a number of the sender's own, so that equal numbers can be recognised on the same day only; 0 if there is
/// none.
fn number(what: &str, raw: &str, site: u32, salt: &Salt, scratch: &mut Vec<u8>) -> Result<u64, Fault> {
    if raw.is_empty() {
        return Ok(0);
    }
    scratch.clear();
    field(scratch, |out| out.extend_from_slice(what.as_bytes()));
    field(scratch, |out| out.extend_from_slice(&site.to_le_bytes()));
    field(scratch, |out| out.extend_from_slice(raw.as_bytes()));
    Ok(hashed(salt, scratch)?.max(1)) // 0 means none
}

fn tag(visitor: Visitor<'_>, site: u32, salt: &Salt, scratch: &mut Vec<u8>) -> Result<VisitorTag, Fault> {
    let Visitor { prefix, agent, language } = visitor;
    scratch.clear();
    field(scratch, |out| out.extend_from_slice(&site.to_le_bytes()));
    field(scratch, |out| out.extend_from_slice(prefix.bytes()));
    field(scratch, |out| out.extend_from_slice(agent));
    field(scratch, |out| normalise(language, out));
    hashed(salt, scratch).map(VisitorTag)
}

/// The first 64 bits of the hash under the salt. The input is wiped.
fn hashed(salt: &Salt, scratch: &mut Vec<u8>) -> Result<u64, Fault> {
    let mut key = salt.key().ok_or(Fault::NoSalt)?;
    let hash = blake3::keyed_hash(&key, scratch);
    key.zeroize();
    scratch.zeroize();
    let [a, b, c, d, e, f, g, h, ..] = *hash.as_bytes();
    Ok(u64::from_le_bytes([a, b, c, d, e, f, g, h]))
}

/// Writes a field with its length before it.
fn field(out: &mut Vec<u8>, write: impl FnOnce(&mut Vec<u8>)) {
    let at = out.len();
    out.extend_from_slice(&[0; 4]);
    write(out);
    let len = (out.len() - at - 4) as u32;
    out[at..at + 4].copy_from_slice(&len.to_le_bytes());
}

/// Writes the languages in lower case, without spaces and weights, because browsers write the same list in several
/// ways.
fn normalise(language: &[u8], out: &mut Vec<u8>) {
    let mut in_weight = false;
    for b in language {
        match b {
            b' ' | b'\t' => {}
            b';' => in_weight = true,
            b',' => {
                in_weight = false;
                out.push(b',');
            }
            b if !in_weight => out.push(b.to_ascii_lowercase()),
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::client::Prefix;

    fn tag_of(site: u32, address: &str, agent: &str, language: &str, salt: &Salt) -> VisitorTag {
        let (agent, language) = (agent.as_bytes(), language.as_bytes());
        tag(Visitor { prefix: Prefix::of_text(address), agent, language }, site, salt, &mut Vec::new()).unwrap()
    }

    #[test]
    fn a_tag_is_the_same_all_day_and_differs_by_site_salt_prefix_agent_and_language() {
        let (today, tomorrow) = (Salt::of([1; 32]), Salt::of([2; 32]));
        let me = tag_of(1, "203.0.113.77", "Firefox", "fr,en;q=0.8", &today);
        assert_eq!(me, tag_of(1, "203.0.113.99", "Firefox", "FR, en;q=0.5", &today), "only the prefix counts");
        let others = [
            tag_of(2, "203.0.113.77", "Firefox", "fr,en", &today),
            tag_of(1, "203.0.114.77", "Firefox", "fr,en", &today),
            tag_of(1, "203.0.113.77", "Firefox/2", "fr,en", &today),
            tag_of(1, "203.0.113.77", "Firefox", "fr", &today),
            tag_of(1, "203.0.113.77", "Firefox", "fr,en", &tomorrow),
        ];
        for (n, other) in others.iter().enumerate() {
            assert!(*other != me && !others[n + 1..].contains(other), "{n}");
        }
    }

    #[test]
    fn moving_text_between_fields_changes_the_tag() {
        let salt = Salt::of([1; 32]);
        assert_ne!(tag_of(1, "", "ab", "c", &salt), tag_of(1, "", "a", "bc", &salt));
        assert_ne!(tag_of(1, "", "a,b", "", &salt), tag_of(1, "", "a", ",b", &salt));
    }

    #[test]
    fn the_scratch_is_wiped_after_hashing() {
        let mut scratch = Vec::new();
        let visitor = Visitor { prefix: Prefix::UNKNOWN, agent: b"CANARY", language: b"fr" };
        tag(visitor, 1, &Salt::of([1; 32]), &mut scratch).unwrap();
        assert!(scratch.is_empty());
    }

    #[test]
    fn a_destroyed_salt_makes_no_tag() {
        let salt = Salt::of([1; 32]);
        salt.destroy();
        let visitor = Visitor { prefix: Prefix::UNKNOWN, agent: b"", language: b"" };
        assert_eq!(tag(visitor, 1, &salt, &mut Vec::new()), Err(Fault::NoSalt));
    }

    proptest! {
        #[test]
        fn spaces_case_and_weights_of_languages_do_not_matter(tags in prop::collection::vec("[a-z]{2}(-[a-z]{2})?", 0..6)) {
            let plain = tags.join(",");
            let fancy: Vec<_> = tags.iter().enumerate().map(|(n, tag)| format!(" {};q=0.{n} ", tag.to_uppercase())).collect();
            let (mut a, mut b) = (Vec::new(), Vec::new());
            normalise(plain.as_bytes(), &mut a);
            normalise(fancy.join(",").as_bytes(), &mut b);
            prop_assert_eq!(a, b);
        }
    }
}
