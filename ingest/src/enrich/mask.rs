//! Masks the parts of a path or a name that look like identifiers of a person.
//!
//! | mask | what is masked | what is not |
//! |---|---|---|
//! | `(email)` | text, `@`, text with a dot whose last part begins with a letter | `@name`, `package@1.2.3` |
//! | `(token)` | a UUID | |
//! | `(token)` | 16 or more hexadecimal digits with both letters and digits | short commit ids, plain numbers |
//! | `(token)` | 20 or more characters of base64url that change between upper case, lower case and digits as often as random text | words, titles in camel case or with hyphens, 11-character video ids |
//! | `(card)` | 13 to 19 digits, whole or in a card's groups, with a card network's first digits and a right check digit | numbers of other lengths, milliseconds since 1970 |
//! | `(phone)` | `+` and 9 to 15 digits; `00` and 9 or more; `0` and 9 or 10 more; groups of 3, 3 and 4 | dates, versions, numbers that begin with 1 to 9, IP addresses |
//!
//! Digits of a phone number may be grouped by spaces, dots, hyphens and brackets, never by `/`. Only the shape
//! decides, so there are errors: an ISBN-10 that begins with 0 is masked, a national number written without its 0 is
//! not.

/// Appends the text with its masks to `out`.
pub fn mask(text: &str, out: &mut String) {
    if !is_suspicious(text.as_bytes()) {
        out.push_str(text);
        return;
    }
    let (mut rest, mut before) = (text, None);
    while let Some(c) = rest.chars().next() {
        let (mask, len) = shape(rest, before).unwrap_or(("", c.len_utf8()));
        match mask {
            "" => out.push(c),
            mask => out.push_str(mask),
        }
        before = rest[..len].chars().next_back();
        rest = &rest[len..];
    }
}

/// Whether the text can contain something to mask: an `@`, nine digits, or a digit and eight letters and digits in a
/// row.
fn is_suspicious(text: &[u8]) -> bool {
    let (mut at, mut digits, mut run, mut longest) = (false, 0u32, 0u32, 0u32);
    for b in text {
        at |= *b == b'@';
        digits += u32::from(b.is_ascii_digit());
        run = if b.is_ascii_alphanumeric() { run + 1 } else { 0 };
        longest = longest.max(run);
    }
    at || digits >= 9 || digits >= 1 && longest >= 8 && text.len() >= 16
}

/// The mask for the beginning of the text, and the length of the masked part in bytes.
fn shape(text: &str, before: Option<char>) -> Option<(&'static str, usize)> {
    if !before.is_some_and(is_local_part)
        && let Some(len) = email(text)
    {
        return Some(("(email)", len));
    }
    if before.is_some_and(char::is_alphanumeric) {
        return None;
    }
    let bytes = text.as_bytes();
    uuid(bytes)
        .or_else(|| token(bytes, matches!(before, Some('-' | '_'))))
        .map(|len| ("(token)", len))
        .or_else(|| card(bytes).map(|len| ("(card)", len)))
        .or_else(|| phone(bytes).map(|len| ("(phone)", len)))
}

fn is_local_part(c: char) -> bool {
    c.is_alphanumeric() || "._+-~'!$%&*".contains(c)
}

fn email(text: &str) -> Option<usize> {
    let at = text.find(|c| !is_local_part(c)).filter(|&at| at > 0 && text[at..].starts_with('@'))?;
    let domain = &text[at + 1..];
    let end = domain.find(|c: char| !c.is_alphanumeric() && c != '-' && c != '.').unwrap_or(domain.len());
    let domain = domain[..end].trim_end_matches(['.', '-']);
    let (label, last) = domain.rsplit_once('.')?;
    (!label.is_empty() && last.starts_with(char::is_alphabetic)).then_some(at + 1 + domain.len())
}

/// `8-4-4-4-12` hexadecimal digits.
fn uuid(text: &[u8]) -> Option<usize> {
    let shaped = |(n, b): (usize, &u8)| if matches!(n, 8 | 13 | 18 | 23) { *b == b'-' } else { b.is_ascii_hexdigit() };
    let whole = text.get(..36)?.iter().enumerate().all(shaped);
    (whole && !text.get(36).is_some_and(u8::is_ascii_alphanumeric)).then_some(36)
}

/// Long hexadecimal, or characters as mixed as chance mixes them. `inside` a run, only a long word may begin a token.
fn token(text: &[u8], inside: bool) -> Option<usize> {
    let chunk = text.iter().position(|b| !b.is_ascii_alphanumeric()).unwrap_or(text.len());
    if inside && chunk < CHUNK_MIN {
        return None;
    }
    let mix = Mix::of(&text[..chunk]);
    if chunk >= 16 && text[..chunk].iter().all(u8::is_ascii_hexdigit) && mix.digits > 0 && mix.letters() > 0 {
        return Some(chunk);
    }
    // In one case: digits come in three groups or more, so that "windows11upgrade2025guide" is a word.
    if chunk >= 20 && (mix.upper == 0 || mix.lower == 0) && mix.digit_groups >= 3 && 4 * mix.changes >= mix.pairs {
        return Some(chunk);
    }
    let run = text.iter().take(256).position(|b| !is_of_token(*b)).unwrap_or(text.len().min(256));
    if run < 20 || text[..run].split(|b| !b.is_ascii_alphanumeric()).all(|chunk| chunk.len() < CHUNK_MIN) {
        return None;
    }
    let mix = Mix::of(&text[..run]);
    // In random text 0.62 of neighbours differ in class; in titles like "HowToUpgradeTo24" about a third do.
    let mixed = mix.digit_groups >= 2 && mix.upper >= 2 && mix.lower >= 2 && 5 * mix.changes >= 2 * mix.pairs;
    mixed.then_some(run)
}

/// A random token has a run of this length without `-` and `_`; titles of short words have none.
const CHUNK_MIN: usize = 8;

fn is_of_token(b: u8) -> bool {
    b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_')
}

/// How often upper case, lower case and digits alternate within runs of letters and digits.
#[derive(Clone, Copy, Default)]
struct Mix {
    upper: usize,
    lower: usize,
    digits: usize,
    digit_groups: usize,
    pairs: usize,
    changes: usize,
}

impl Mix {
    fn of(text: &[u8]) -> Mix {
        let (mut mix, mut before) = (Mix::default(), None);
        for &b in text {
            let class = match b {
                b'A'..=b'Z' => Some(0),
                b'a'..=b'z' => Some(1),
                b'0'..=b'9' => Some(2),
                _ => None,
            };
            match class {
                Some(0) => mix.upper += 1,
                Some(1) => mix.lower += 1,
                Some(_) => mix.digits += 1,
                None => {}
            }
            mix.digit_groups += usize::from(class == Some(2) && before != Some(2));
            if let (Some(class), Some(before)) = (class, before) {
                mix.pairs += 1;
                mix.changes += usize::from(class != before);
            }
            before = class;
        }
        mix
    }

    fn letters(&self) -> usize {
        self.upper + self.lower
    }
}

/// Up to 19 digits in groups, as written: `+33 6 12`, `(555) 123-4567`.
#[derive(Default)]
struct Digits {
    plus: bool,
    digit: [u8; 19],
    /// For each group: digits up to its end, bytes of text up to its end.
    groups: Vec<(usize, usize)>,
}

impl Digits {
    fn of(text: &[u8]) -> Option<Digits> {
        let mut digits = Digits { plus: text.first() == Some(&b'+'), ..Digits::default() };
        let (mut at, mut total) = (usize::from(digits.plus), 0);
        at += usize::from(text.get(at) == Some(&b'('));
        loop {
            let begun = total;
            while let Some(b) = text.get(at).filter(|b| b.is_ascii_digit()) {
                if total == 19 {
                    return if digits.groups.is_empty() { None } else { Some(digits) };
                }
                digits.digit[total] = b - b'0';
                total += 1;
                at += 1;
            }
            if total == begun || text.get(at).is_some_and(u8::is_ascii_alphabetic) {
                break;
            }
            digits.groups.push((total, at));
            let between =
                text[at..].iter().take(2).take_while(|b| matches!(b, b' ' | b'-' | b'.' | b'(' | b')')).count();
            if between == 0 {
                break;
            }
            at += between;
        }
        (!digits.groups.is_empty()).then_some(digits)
    }

    /// The length in bytes of the longest run of whole groups that has the shape.
    fn longest(&self, shaped: impl Fn(&[u8], &[usize]) -> bool) -> Option<usize> {
        let lens: Vec<usize> =
            self.groups.iter().scan(0, |last, &(end, _)| Some(end - std::mem::replace(last, end))).collect();
        (1..=lens.len()).rev().find_map(|n| {
            let (total, end) = self.groups[n - 1];
            shaped(&self.digit[..total], &lens[..n]).then_some(end)
        })
    }
}

fn card(text: &[u8]) -> Option<usize> {
    if !text.first()?.is_ascii_digit() {
        return None;
    }
    Digits::of(text)?.longest(|digits, lens| {
        let grouped = matches!(lens, [13..=19] | [4, 4, 4, 4] | [4, 6, 5] | [4, 6, 4] | [4, 4, 4, 4, 3]);
        grouped && has_network(digits) && luhn(digits)
    })
}

/// The first digits of the card networks, with the lengths they use.
fn has_network(digits: &[u8]) -> bool {
    let first = |n: usize| digits.iter().take(n).fold(0u32, |number, &d| number * 10 + u32::from(d));
    let first = (first(1), first(2), first(3), first(4));
    match digits.len() {
        13 => first.0 == 4,
        14 => matches!(first, (_, 36 | 38, _, _) | (_, _, 300..=305, _)),
        15 => matches!(first.1, 34 | 37),
        16 if matches!(first, (4, ..) | (_, 51..=55, ..) | (_, _, _, 2221..=2720)) => true,
        16..=19 => {
            matches!(first, (_, 62 | 65, ..) | (_, _, 644..=649, _) | (_, _, _, 6011 | 3528..=3589))
                || first.0 == 4 && digits.len() == 19
        }
        _ => false,
    }
}

fn luhn(digits: &[u8]) -> bool {
    let sum: u32 = digits
        .iter()
        .rev()
        .enumerate()
        .map(|(n, &d)| u32::from(if n % 2 == 0 { d } else { d * 2 / 10 + d * 2 % 10 }))
        .sum();
    sum.is_multiple_of(10)
}

fn phone(text: &[u8]) -> Option<usize> {
    if !matches!(text.first()?, b'0'..=b'9' | b'+' | b'(') {
        return None;
    }
    let parsed = Digits::of(text)?;
    parsed.longest(|digits, lens| {
        let total = digits.len();
        if parsed.plus {
            return digits[0] != 0 && (9..=15).contains(&total);
        }
        let year = |at: usize, len: usize| {
            len == 4 && matches!(digits[at..at + 2], [1, 9] | [2, 0]) // "01-02-2026 10" is a date
        };
        let dated = lens.len() > 1
            && lens
                .iter()
                .scan(0, |at, &len| Some((std::mem::replace(at, *at + len), len)))
                .any(|(at, len)| year(at, len));
        match digits {
            [0, 0, 1..=9, ..] => total >= 11 && lens[0] >= 2,
            [0, 1..=9, ..] => (10..=11).contains(&total) && lens[0] >= 2 && !dated,
            [1, 2..=9, ..] => matches!(lens, [1, 3, 3, 4]),
            [2..=9, ..] => matches!(lens, [3, 3, 4]),
            _ => false,
        }
    })
}

#[cfg(test)]
mod tests;
