//! One element of `Forwarded` (RFC 7239): the client that a proxy names, as text.

/// The value of the `for` parameter, if the whole element is well formed and has exactly one.
///
/// The rest of the element is checked too: if the client sent a quote that it never closed, a part of its own text
/// would otherwise be read as an element of the proxy.
pub(super) fn client_of(element: &str) -> Option<&str> {
    let (mut rest, mut found) = (element.trim(), None);
    while !rest.is_empty() {
        let (name, after) = rest.split_once('=')?;
        let (value, after) = match after.strip_prefix('"') {
            Some(quoted) => split_at_quote(quoted)?,
            None => after.split_at(after.find([';', ' ', '\t']).unwrap_or(after.len())),
        };
        let is_plain = |c: char| c.is_ascii_graphic() && !"\"=,\\".contains(c);
        if name.is_empty() || !name.chars().all(|c| c.is_ascii_alphanumeric() || "-_".contains(c)) {
            return None;
        }
        if rest.as_bytes()[name.len() + 1..].first() != Some(&b'"') && !value.chars().all(is_plain) {
            return None;
        }
        if name.eq_ignore_ascii_case("for") && found.replace(value).is_some() {
            return None;
        }
        let after = after.trim_start();
        rest = match after.strip_prefix(';') {
            Some(next) => next.trim_start(),
            None if after.is_empty() => after,
            None => return None,
        };
    }
    found
}

/// The text before the closing quote, and the text after it.
fn split_at_quote(text: &str) -> Option<(&str, &str)> {
    let mut bytes = text.bytes().enumerate();
    while let Some((at, byte)) = bytes.next() {
        match byte {
            b'"' => return Some((&text[..at], &text[at + 1..])),
            b'\\' => {
                bytes.next();
            }
            _ => {}
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_only_for_of_a_well_formed_element_is_found() {
        for (element, want) in [
            ("for=192.0.2.60", Some("192.0.2.60")),
            (" For=192.0.2.60;proto=http;by=203.0.113.43", Some("192.0.2.60")),
            ("proto=http; FOR=\"[2001:db8:cafe::17]:4711\" ; by=_a", Some("[2001:db8:cafe::17]:4711")),
            ("for=_hidden", Some("_hidden")),
            ("for=192.0.2.60:47", Some("192.0.2.60:47")),
            ("host=\"a;for=6.6.6.6\";for=192.0.2.60", Some("192.0.2.60")),
            ("host=\"a\\\"b\";for=192.0.2.60;", Some("192.0.2.60")),
            ("", None),
            ("192.0.2.60", None),
            ("by=192.0.2.60", None),
            ("for=192.0.2.60;for=192.0.2.61", None),
            ("for=\"192.0.2.60", None),
            ("for=192.0.2.60\"", None),
            ("for=192.0.2.60 192.0.2.61", None),
            ("=192.0.2.60", None),
            ("for=6.6.6.6;by=\\\"\"", None),
            ("for=6.6.6.6;x=\";for=192.0.2.60", None),
            ("\u{e9}=1;for=192.0.2.60", None),
        ] {
            assert_eq!(client_of(element), want, "{element}");
        }
    }
}
