//! `footfall token`: makes a token from 32 random bytes. The configuration holds only the token's hash.

use std::fmt::Write;

use data_encoding::BASE64URL_NOPAD;
use schema::sites::Sites;

use crate::config::Config;

/// Why no token was made.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum TokenError {
    /// Two tokens with one name could not be distinguished.
    #[error("there already is a token with the name {0:?}: choose another, or take that one out of the file first")]
    NameTaken(String),
    /// The name is what the operator sees of a token.
    #[error("a token needs a name")]
    NoName,
    /// The configuration has no such site.
    #[error("there is no site with the number {0}: the sites are {1}")]
    NoSite(u32, String),
}

/// 32 random bytes from the operating system.
pub(crate) fn random() -> Result<[u8; 32], getrandom::Error> {
    let mut bytes = [0; 32];
    getrandom::fill(&mut bytes)?;
    Ok(bytes)
}

/// A token that was just made, with its text.
pub(crate) struct NewToken {
    text: String,
}

impl NewToken {
    /// Encodes 32 random bytes.
    pub(crate) fn new(random: [u8; 32]) -> NewToken {
        NewToken { text: BASE64URL_NOPAD.encode(&random) }
    }

    /// The secret text that a client sends.
    pub(crate) fn text(&self) -> &str {
        &self.text
    }

    /// The hash, which the configuration holds.
    pub(crate) fn hash(&self) -> blake3::Hash {
        blake3::hash(self.text.as_bytes())
    }
}

/// What a token may do with its sites.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Rights {
    /// Read their statistics.
    Read,
    /// Send hits for them.
    Send,
}

/// The output of `footfall token`: the token, an empty line, and the table to add to the configuration.
///
/// If `sites` is empty, the token is for all sites of `config`. They are written out, so the token is not for a site
/// that is added later.
pub(crate) fn new_token_lines(
    config: &Config,
    name: &str,
    sites: &[u32],
    rights: Rights,
    random: [u8; 32],
) -> Result<String, TokenError> {
    if name.is_empty() {
        return Err(TokenError::NoName);
    }
    if config.tokens.iter().any(|token| token.name == name) {
        return Err(TokenError::NameTaken(name.to_owned()));
    }
    let sites = existing_sites(&config.sites, sites)?;
    let token = NewToken::new(random);
    let hash = token.hash().to_hex();
    let mut out = format!("{}\n\n[[token]]\n", token.text());
    writeln!(out, "name = {}", toml::Value::from(name)).expect("writing to a string cannot fail");
    writeln!(out, "sites = {sites:?}").expect("writing to a string cannot fail");
    writeln!(out, "blake3 = \"{hash}\"").expect("writing to a string cannot fail");
    let right = match rights {
        Rights::Read => "live = true # false: only sealed days and bare totals",
        Rights::Send => "send = true # hits, to /api/hits",
    };
    writeln!(out, "{right}").expect("writing to a string cannot fail");
    Ok(out)
}

/// The sites that were asked for, sorted, or all if none was.
fn existing_sites(known: &Sites, asked: &[u32]) -> Result<Vec<u32>, TokenError> {
    if asked.is_empty() {
        return Ok(known.iter().map(|site| site.id).collect());
    }
    let mut sites = asked.to_vec();
    sites.sort_unstable();
    sites.dedup();
    match sites.iter().find(|&&id| known.by_id(id).is_none()) {
        None => Ok(sites),
        Some(&id) => {
            let all: Vec<String> = known.iter().map(|site| format!("{} ({})", site.id, site.domain)).collect();
            Err(TokenError::NoSite(id, all.join(", ")))
        }
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;

    fn config(tokens: &str) -> Config {
        let sites = "[[site]]\nid = 1\ndomain = \"a.org\"\n[[site]]\nid = 7\ndomain = \"b.org\"\n";
        Config::read(&format!("{sites}{tokens}"), Path::new("footfall.toml"), |_| None).unwrap()
    }

    #[test]
    fn the_printed_table_makes_the_configuration_accept_the_token() {
        let all: &[u32] = &[1, 7];
        for (name, asked, want) in [("a \"b\" \\ é", [].as_slice(), all), ("x", &[7, 7], &[7]), ("y", &[7, 1], all)] {
            let printed = new_token_lines(&config(""), name, asked, Rights::Read, [251; 32]).unwrap();
            let (token, pasted) = printed.split_once('\n').unwrap();
            assert_eq!(token.len(), 43);
            assert!(token.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_".contains(&byte)), "{token}");
            let read = config(pasted).tokens.pop().unwrap();
            assert_eq!((read.name.as_str(), read.sites.as_slice(), read.live), (name, want, true));
            assert_eq!(read.blake3, blake3::hash(token.as_bytes()));
            assert!(!read.send, "a token that reads does not send");
        }
        let printed = new_token_lines(&config(""), "x", &[7], Rights::Send, [7; 32]).unwrap();
        let sender = config(printed.split_once('\n').unwrap().1).tokens.pop().unwrap();
        assert!(sender.send && sender.sites == [7]);
    }

    #[test]
    fn the_printed_table_does_not_contain_the_token() {
        let printed = new_token_lines(&config(""), "x", &[], Rights::Read, [7; 32]).unwrap();
        let (token, pasted) = printed.split_once('\n').unwrap();
        assert!(!pasted.contains(token));
    }

    #[test]
    fn a_taken_name_no_name_and_an_unknown_site_are_refused() {
        let first = new_token_lines(&config(""), "x", &[], Rights::Read, [1; 32]).unwrap();
        let with_x = config(first.split_once('\n').unwrap().1);
        assert_eq!(new_token_lines(&with_x, "x", &[], Rights::Read, [2; 32]), Err(TokenError::NameTaken("x".into())));
        assert_eq!(new_token_lines(&with_x, "", &[], Rights::Read, [2; 32]), Err(TokenError::NoName));
        let unknown = Err(TokenError::NoSite(3, "1 (a.org), 7 (b.org)".into()));
        assert_eq!(new_token_lines(&with_x, "y", &[1, 3], Rights::Read, [2; 32]), unknown);
    }

    #[test]
    fn two_tokens_differ() {
        assert_ne!(random().unwrap(), random().unwrap());
    }
}
