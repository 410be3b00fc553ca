//! `Accept-Language` to the primary subtag of its first language: `fr-CH, en;q=0.8` is `fr`.

use schema::event::UNKNOWN;

/// Two or three letters in lower case, or none.
#[derive(Default)]
pub(super) struct Subtag {
    letters: [u8; 3],
    len: usize,
}

impl Subtag {
    /// Parses the header.
    pub(super) fn parse(&mut self, accept_language: &[u8]) {
        let first = accept_language.trim_ascii_start();
        let len = first.iter().position(|b| !b.is_ascii_alphabetic()).unwrap_or(first.len());
        self.len = if matches!(len, 2 | 3) { len } else { 0 };
        for (to, from) in self.letters.iter_mut().zip(&first[..self.len]) {
            *to = from.to_ascii_lowercase();
        }
    }

    /// The subtag; "unknown" if there is none.
    pub(super) fn as_str(&self) -> &str {
        match std::str::from_utf8(&self.letters[..self.len]) {
            Ok("") | Err(_) => UNKNOWN,
            Ok(letters) => letters,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_languages_primary_subtag_is_used() {
        for (header, want) in [
            ("fr-CH, fr;q=0.9, en;q=0.8", "fr"),
            ("EN", "en"),
            (" de_AT", "de"),
            ("gsw,de", "gsw"),
            ("zh-Hans-CN", "zh"),
            ("*", UNKNOWN),
            ("", UNKNOWN),
            ("x-klingon", UNKNOWN),
            ("abcdefgh", UNKNOWN),
            ("f\u{e9}", UNKNOWN),
        ] {
            let mut subtag = Subtag::default();
            subtag.parse(header.as_bytes());
            assert_eq!(subtag.as_str(), want, "{header}");
        }
    }
}
