//! The words of keys that take one of a few values. Parsing and `check-config` use the same tables.

use ingest::client::ProxyHeader;
use schema::sites::{Bots, Ground, Marketing, Medium};

use super::keys::TomlValue;

/// Each word with its value.
pub(crate) type Choices<T> = [(&'static str, T)];

pub(crate) const FORWARDED_HEADER: &Choices<ProxyHeader> =
    &[("x-forwarded-for", ProxyHeader::XForwardedFor), ("forwarded", ProxyHeader::Forwarded)];
pub(crate) const MARKETING: &Choices<Marketing> =
    &[("consent", Marketing::Consent), ("always", Marketing::Always), ("never", Marketing::Never)];
pub(crate) const BOTS: &Choices<Bots> = &[("refuse", Bots::Refuse), ("count", Bots::Count)];
pub(crate) const MEDIUM: &Choices<Medium> = &[("email", Medium::Email), ("ad", Medium::Ad)];
pub(crate) const BASIS: &Choices<Ground> = &[("sender-consent", Ground::SenderConsent), ("exempt", Ground::Exempt)];

/// Parses one of the words. The error names all of them.
pub(super) fn parse<T: Copy>(value: TomlValue<'_>, choices: &Choices<T>) -> Result<T, String> {
    let text = value.text()?;
    let found = choices.iter().find(|(word, _)| *word == text);
    found.map(|&(_, value)| value).ok_or_else(|| {
        let quoted: Vec<String> = choices.iter().map(|(word, _)| format!("\"{word}\"")).collect();
        let (last, others) = quoted.split_last().expect("a table of choices is not empty");
        format!("must be {} or {last}, not \"{text}\"", others.join(", "))
    })
}

/// The word of a value.
pub(crate) fn word<T: PartialEq>(value: &T, choices: &Choices<T>) -> &'static str {
    choices.iter().find(|(_, choice)| choice == value).map(|&(word, _)| word).expect("the table has every value")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_value_has_a_word() {
        // A new variant does not compile until it is placed here; then the test demands its word.
        for value in [Marketing::Consent, Marketing::Always, Marketing::Never] {
            match value {
                Marketing::Consent | Marketing::Always | Marketing::Never => word(&value, MARKETING),
            };
        }
        for value in [Bots::Refuse, Bots::Count] {
            match value {
                Bots::Refuse | Bots::Count => word(&value, BOTS),
            };
        }
        for value in [Medium::Email, Medium::Ad] {
            match value {
                Medium::Email | Medium::Ad => word(&value, MEDIUM),
            };
        }
        for value in [Ground::SenderConsent, Ground::Exempt] {
            match value {
                Ground::SenderConsent | Ground::Exempt => word(&value, BASIS),
            };
        }
        for value in [ProxyHeader::XForwardedFor, ProxyHeader::Forwarded] {
            match value {
                ProxyHeader::XForwardedFor | ProxyHeader::Forwarded => word(&value, FORWARDED_HEADER),
            };
        }
    }
}
