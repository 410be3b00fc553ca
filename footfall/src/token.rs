//! Makes a token: 32 random bytes for its bearer, and for the configuration only their hash.

use std::fmt::Write;

use data_encoding::BASE64URL_NOPAD;
use schema::sites::Sites;

use crate::config::Config;

/// Why there is no token.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum TokenError {
    /// Nobody could tell two of them apart.
    #[error("there already is a token with the name {0:?}: choose another, or take that one out of the file first")]
    NameTaken(String),
    /// A name is what people see of a token.
    #[error("a token needs a name")]
    NoName,
    /// The configuration does not have it.
    #[error("there is no site with the number {0}: the sites are {1}")]
    NoSite(u32, String),
}

/// A secret from the system's own source of randomness.
pub(crate) fn random() -> Result<[u8; 32], getrandom::Error> {
    let mut bytes = [0; 32];
    getrandom::fill(&mut bytes)?;
    Ok(bytes)
}

/// A token of this moment, with its text.
pub(crate) struct Fresh {
    text: String,
}

impl Fresh {
    /// Of 32 random bytes.
    pub(crate) fn new(random: [u8; 32]) -> Fresh {
        Fresh { text: BASE64URL_NOPAD.encode(&random) }
    }

    /// What its bearer shows.
    pub(crate) fn text(&self) -> &str {
        &self.text
    }

    /// What a configuration knows of it.
    pub(crate) fn hash(&self) -> blake3::Hash {
        blake3::hash(self.text.as_bytes())
    }
}

/// What `footfall token` prints: the token alone, then the lines that make `config` know it.
///
/// Without `sites` it is for all that there are now, written out: a site added later is not meant by it. It may send hits
/// for them, or read their statistics.
pub(crate) fn lines(
    config: &Config,
    name: &str,
    sites: &[u32],
    send: bool,
    random: [u8; 32],
) -> Result<String, TokenError> {
    if name.is_empty() {
        return Err(TokenError::NoName);
    }
    if config.tokens.iter().any(|token| token.name == name) {
        return Err(TokenError::NameTaken(name.to_owned()));
    }
    let sites = among(&config.sites, sites)?;
    let token = Fresh::new(random);
    let hash = token.hash().to_hex();
    let mut out = format!("{}\n\n[[token]]\n", token.text());
    writeln!(out, "name = {}", toml::Value::from(name)).expect("a string takes everything");
    writeln!(out, "sites = {sites:?}").expect("a string takes everything");
    writeln!(out, "blake3 = \"{hash}\"").expect("a string takes everything");
    let may =
        if send { "send = true # hits, to /api/hits" } else { "live = true # false: only sealed days and bare totals" };
    writeln!(out, "{may}").expect("a string takes everything");
    Ok(out)
}

fn among(known: &Sites, asked: &[u32]) -> Result<Vec<u32>, TokenError> {
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
    fn what_is_pasted_makes_the_configuration_know_the_token() {
        let all: &[u32] = &[1, 7];
        for (name, asked, want) in [("a \"b\" \\ é", [].as_slice(), all), ("x", &[7, 7], &[7]), ("y", &[7, 1], all)] {
            let printed = lines(&config(""), name, asked, false, [251; 32]).unwrap();
            let (token, pasted) = printed.split_once('\n').unwrap();
            assert_eq!(token.len(), 43);
            assert!(token.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_".contains(&byte)), "{token}");
            let read = config(pasted).tokens.pop().unwrap();
            assert_eq!((read.name.as_str(), read.sites.as_slice(), read.live), (name, want, true));
            assert_eq!(read.blake3, blake3::hash(token.as_bytes()));
            assert!(!read.send, "who reads does not send");
        }
        let printed = lines(&config(""), "x", &[7], true, [7; 32]).unwrap();
        let sender = config(printed.split_once('\n').unwrap().1).tokens.pop().unwrap();
        assert!(sender.send && sender.sites == [7]);
    }

    #[test]
    fn the_token_itself_is_not_in_the_lines_to_paste() {
        let printed = lines(&config(""), "x", &[], false, [7; 32]).unwrap();
        let (token, pasted) = printed.split_once('\n').unwrap();
        assert!(!pasted.contains(token));
    }

    #[test]
    fn what_cannot_be_is_refused() {
        let first = lines(&config(""), "x", &[], false, [1; 32]).unwrap();
        let with_x = config(first.split_once('\n').unwrap().1);
        assert_eq!(lines(&with_x, "x", &[], false, [2; 32]), Err(TokenError::NameTaken("x".into())));
        assert_eq!(lines(&with_x, "", &[], false, [2; 32]), Err(TokenError::NoName));
        let unknown = Err(TokenError::NoSite(3, "1 (a.org), 7 (b.org)".into()));
        assert_eq!(lines(&with_x, "y", &[1, 3], false, [2; 32]), unknown);
    }

    #[test]
    fn two_tokens_are_never_the_same() {
        assert_ne!(random().unwrap(), random().unwrap());
    }
}
