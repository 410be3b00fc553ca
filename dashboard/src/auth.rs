//! Who asks, and which sites they may see.
//!
//! A token is known by the BLAKE3 of its text only. A site a token may not see and a site that does not exist get the
//! same answer.

use std::fmt;
use std::sync::Arc;

use schema::sites::{Site, Sites};

/// Someone who may read statistics.
#[derive(Clone)]
pub struct Token {
    /// What people call it.
    pub name: String,
    /// Numbers of the sites it may see; none: it sees nothing.
    pub sites: Vec<u32>,
    /// BLAKE3 of the token's text.
    pub blake3: blake3::Hash,
    /// Whether it sees days that are not settled yet, beyond their bare totals.
    pub live: bool,
}

impl fmt::Debug for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Token { name, sites, blake3: _, live } = self;
        f.debug_struct("Token").field("name", name).field("sites", sites).field("live", live).finish_non_exhaustive()
    }
}

/// Why someone is not answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Denied {
    /// No `Authorization: Bearer` came along.
    #[error("send a token: Authorization: Bearer TOKEN (`footfall token` makes one)")]
    NoToken,
    /// It is not one of ours.
    #[error("this token is not known here: `footfall token` makes one, and its lines belong in the configuration")]
    Unknown,
    /// There may or may not be such a site.
    #[error("this token sees no site of that name or number: GET /api/sites lists those it sees")]
    Site,
}

/// All tokens.
#[derive(Debug, Clone)]
pub struct Tokens(Vec<Token>);

impl Tokens {
    /// Those of the configuration, and any that live only in memory.
    pub fn new(tokens: Vec<Token>) -> Tokens {
        Tokens(tokens)
    }

    /// The token in an `Authorization` header. Hashes are compared in constant time, and all of them.
    pub fn of(&self, header: Option<&str>) -> Result<&Token, Denied> {
        let (scheme, text) = header.and_then(|header| header.split_once(' ')).ok_or(Denied::NoToken)?;
        if !scheme.eq_ignore_ascii_case("bearer") {
            return Err(Denied::NoToken);
        }
        let hash = blake3::hash(text.trim().as_bytes());
        let mut found = Err(Denied::Unknown);
        for token in &self.0 {
            if token.blake3 == hash {
                found = Ok(token);
            }
        }
        found
    }
}

impl Token {
    /// The sites it sees, in the order of the configuration.
    pub fn sees<'a>(&'a self, sites: &'a Sites) -> impl Iterator<Item = &'a Arc<Site>> {
        sites.iter().filter(|site| self.sites.contains(&site.id))
    }

    /// The site of this domain, alias or number, if the token sees it.
    pub fn site<'a>(&self, sites: &'a Sites, name: &str) -> Result<&'a Arc<Site>, Denied> {
        let number = || name.parse().ok().and_then(|id| sites.by_id(id));
        let site = sites.by_name(&name.to_lowercase()).or_else(number);
        site.filter(|site| self.sites.contains(&site.id)).ok_or(Denied::Site)
    }
}

#[cfg(test)]
mod tests {

    use super::*;

    fn sites() -> Sites {
        let site = |id, domain: &str, alias: &str| Site { aliases: vec![alias.into()], ..Site::new(id, domain) };
        Sites::new(vec![site(1, "a.org", "a"), site(7, "b.org", "b"), site(9, "c.org", "c")]).unwrap()
    }

    fn token(name: &str, text: &str, sites: &[u32]) -> Token {
        Token { name: name.into(), sites: sites.into(), blake3: blake3::hash(text.as_bytes()), live: true }
    }

    #[test]
    fn a_token_is_known_by_the_hash_of_its_text() {
        let tokens = Tokens::new(vec![token("x", "one", &[1]), token("y", "two", &[])]);
        for (header, want) in [
            (Some("Bearer one"), Ok("x")),
            (Some("bearer two"), Ok("y")),
            (Some("Bearer three"), Err(Denied::Unknown)),
            (Some("Bearer "), Err(Denied::Unknown)),
            (Some("Basic one"), Err(Denied::NoToken)),
            (Some("one"), Err(Denied::NoToken)),
            (None, Err(Denied::NoToken)),
        ] {
            assert_eq!(tokens.of(header).map(|token| token.name.as_str()), want, "{header:?}");
        }
    }

    #[test]
    fn a_site_that_may_not_be_seen_is_like_one_that_does_not_exist() {
        let (sites, token) = (sites(), token("x", "one", &[7, 9]));
        for name in ["b.org", "B.org", "b", "7"] {
            assert_eq!(token.site(&sites, name).unwrap().id, 7, "{name}");
        }
        for name in ["a.org", "a", "1", "d.org", "2", ""] {
            assert_eq!(token.site(&sites, name), Err(Denied::Site), "{name}");
        }
        assert_eq!(token.sees(&sites).map(|site| site.id).collect::<Vec<_>>(), [7, 9]);
    }

    #[test]
    fn a_hash_is_not_printed() {
        let printed = format!("{:?}", token("x", "one", &[1]));
        assert!(!printed.contains(&blake3::hash(b"one").to_hex()[..8]), "{printed}");
    }
}
