//! Tokens, and which sites each sees.
//!
//! Only the BLAKE3 of a token's text is known here. A site that a token does not see and a site that does not exist get
//! the same response.

use std::fmt;
use std::sync::Arc;

use schema::sites::{Site, Sites};

/// A secret that lets a client read statistics.
#[derive(Clone)]
pub struct ApiToken {
    /// Its name, for the operator.
    pub name: String,
    /// Numbers of the sites that it sees. Empty: it sees none.
    pub sites: Vec<u32>,
    /// BLAKE3 of its text.
    pub blake3: blake3::Hash,
    /// Whether it sees more than bare totals of days that are not settled yet.
    pub live: bool,
}

impl fmt::Debug for ApiToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let ApiToken { name, sites, blake3: _, live } = self;
        f.debug_struct("ApiToken").field("name", name).field("sites", sites).field("live", live).finish_non_exhaustive()
    }
}

/// Why a client is not answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum AccessDenied {
    /// The request has no `Authorization: Bearer`.
    #[error("send a token: Authorization: Bearer TOKEN (`footfall token` makes one)")]
    NoToken,
    /// The token is in no configuration.
    #[error("this token is not known here: `footfall token` makes one, and its lines belong in the configuration")]
    UnknownToken,
    /// The token does not see the site, or there is no such site.
    #[error("this token sees no site of that name or number: GET /api/sites lists those it sees")]
    Site,
}

/// All tokens.
#[derive(Debug, Clone)]
pub struct ApiTokens(Vec<ApiToken>);

impl ApiTokens {
    /// Those of the configuration, and those that exist in memory only.
    pub fn new(tokens: Vec<ApiToken>) -> ApiTokens {
        ApiTokens(tokens)
    }

    /// The token in an `Authorization` header. Every hash is compared, each in constant time.
    pub fn of(&self, header: Option<&str>) -> Result<&ApiToken, AccessDenied> {
        let (scheme, text) = header.and_then(|header| header.split_once(' ')).ok_or(AccessDenied::NoToken)?;
        if !scheme.eq_ignore_ascii_case("bearer") {
            return Err(AccessDenied::NoToken);
        }
        let hash = blake3::hash(text.trim().as_bytes());
        let mut found = Err(AccessDenied::UnknownToken);
        for token in &self.0 {
            if token.blake3 == hash {
                found = Ok(token);
            }
        }
        found
    }
}

impl ApiToken {
    /// The sites that it sees, in the order of the configuration.
    pub fn sees<'a>(&'a self, sites: &'a Sites) -> impl Iterator<Item = &'a Arc<Site>> {
        sites.iter().filter(|site| self.sites.contains(&site.id))
    }

    /// The site of this domain, alias or number, if the token sees it.
    pub fn site<'a>(&self, sites: &'a Sites, name: &str) -> Result<&'a Arc<Site>, AccessDenied> {
        let number = || name.parse().ok().and_then(|id| sites.by_id(id));
        let site = sites.by_name(&name.to_lowercase()).or_else(number);
        site.filter(|site| self.sites.contains(&site.id)).ok_or(AccessDenied::Site)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sites() -> Sites {
        let site = |id, domain: &str, alias: &str| Site { aliases: vec![alias.into()], ..Site::new(id, domain) };
        Sites::new(vec![site(1, "a.org", "a"), site(7, "b.org", "b"), site(9, "c.org", "c")]).unwrap()
    }

    fn token(name: &str, text: &str, sites: &[u32]) -> ApiToken {
        ApiToken { name: name.into(), sites: sites.into(), blake3: blake3::hash(text.as_bytes()), live: true }
    }

    #[test]
    fn a_token_is_found_by_the_hash_of_its_text() {
        let tokens = ApiTokens::new(vec![token("x", "one", &[1]), token("y", "two", &[])]);
        for (header, want) in [
            (Some("Bearer one"), Ok("x")),
            (Some("bearer two"), Ok("y")),
            (Some("Bearer three"), Err(AccessDenied::UnknownToken)),
            (Some("Bearer "), Err(AccessDenied::UnknownToken)),
            (Some("Basic one"), Err(AccessDenied::NoToken)),
            (Some("one"), Err(AccessDenied::NoToken)),
            (None, Err(AccessDenied::NoToken)),
        ] {
            assert_eq!(tokens.of(header).map(|token| token.name.as_str()), want, "{header:?}");
        }
    }

    #[test]
    fn a_site_that_the_token_does_not_see_is_like_one_that_does_not_exist() {
        let (sites, token) = (sites(), token("x", "one", &[7, 9]));
        for name in ["b.org", "B.org", "b", "7"] {
            assert_eq!(token.site(&sites, name).unwrap().id, 7, "{name}");
        }
        for name in ["a.org", "a", "1", "d.org", "2", ""] {
            assert_eq!(token.site(&sites, name), Err(AccessDenied::Site), "{name}");
        }
        assert_eq!(token.sees(&sites).map(|site| site.id).collect::<Vec<_>>(), [7, 9]);
    }

    #[test]
    fn a_hash_is_not_printed() {
        let printed = format!("{:?}", token("x", "one", &[1]));
        assert!(!printed.contains(&blake3::hash(b"one").to_hex()[..8]), "{printed}");
    }
}
