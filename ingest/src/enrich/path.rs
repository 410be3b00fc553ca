//! A page's path without anything that identifies a person.
//!
//! Percent-encoding is undone (up to three times, so that double encoding hides nothing), control characters are
//! removed, an empty path becomes `/`, everything that [`mask`](super::mask) recognises is masked, and the rest is
//! cut at 512 characters. The query and userinfo never get here, because `accept` does not keep them. Bytes that are
//! not UTF-8 become U+FFFD.

use std::borrow::Cow;

use percent_encoding::percent_decode_str;

use super::mask::mask;

/// Longest path, in characters.
pub const PATH_CHARS_MAX: usize = 512;

/// Writes the clean form of a path to `out`, followed by `#` and the fragment unless that is empty.
///
/// `decoded` is scratch.
pub fn clean(path: &str, fragment: &str, decoded: &mut String, out: &mut String) {
    out.clear();
    if fragment.is_empty() && path.starts_with('/') && path.len() <= PATH_CHARS_MAX && is_decoded(path) {
        return mask(path, out);
    }
    decoded.clear();
    if !path.starts_with('/') {
        decoded.push('/');
    }
    decode(path, decoded);
    if !fragment.is_empty() {
        decoded.push('#');
        decode(fragment, decoded);
    }
    mask(decoded, out);
    if let Some((end, _)) = out.char_indices().nth(PATH_CHARS_MAX) {
        out.truncate(end);
    }
}

/// Whether there is nothing to decode and nothing to remove.
fn is_decoded(path: &str) -> bool {
    path.bytes().all(|b| b.is_ascii_graphic() && b != b'%')
}

/// Appends the text without percent-encoding and control characters.
fn decode(text: &str, out: &mut String) {
    let mut text = Cow::Borrowed(text);
    for _ in 0..3 {
        let Cow::Owned(once) = percent_decode_str(&text).decode_utf8_lossy() else { break };
        text = Cow::Owned(once);
    }
    out.extend(text.trim().chars().filter(|c| !c.is_control()));
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn cleaned(path: &str, fragment: &str) -> String {
        let (mut decoded, mut out) = (String::new(), String::new());
        clean(path, fragment, &mut decoded, &mut out);
        out
    }

    #[test]
    fn a_path_is_decoded_masked_and_never_empty() {
        for (path, want) in [
            ("", "/"),
            ("/", "/"),
            ("/a/b/", "/a/b/"),
            ("a", "/a"),
            ("/caf%C3%A9/%E2%82%AC", "/café/€"),
            ("/caf%E9", "/caf\u{fffd}"),
            ("/100%", "/100%"),
            ("/a%0d%0ab%00", "/ab"),
            ("/u/x%40y.z", "/u/(email)"),
            ("/u/x%2540y.z", "/u/(email)"),
            ("/u/x%252540y.z", "/u/(email)"),
            ("/u/%78%40%79.z/edit", "/u/(email)/edit"),
        ] {
            assert_eq!(cleaned(path, ""), want, "{path}");
        }
        assert_eq!(cleaned("/app", "/inbox/x%40y.z"), "/app#/inbox/(email)");
        assert_eq!(cleaned("", "top"), "/#top");
    }

    #[test]
    fn a_path_is_cut_at_512_characters_after_masking() {
        assert_eq!(cleaned(&format!("/{}", "é".repeat(900)), "").chars().count(), PATH_CHARS_MAX);
        let long = format!("/{}/someone@example.org", "x/".repeat(250));
        assert!(!cleaned(&long, "").contains("someone"), "an address is not cut in two");
    }

    proptest! {
        #[test]
        fn any_path_comes_out_clean(path in "\\PC{0,80}", raw in prop::collection::vec(any::<u8>(), 0..60)) {
            let encoded: String = raw.iter().map(|b| format!("%{b:02X}")).collect();
            for path in [path, encoded] {
                let out = cleaned(&path, "");
                prop_assert!(out.starts_with('/') && out.chars().count() <= PATH_CHARS_MAX);
                prop_assert!(!out.chars().any(char::is_control));
            }
        }
    }
}
