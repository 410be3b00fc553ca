//! The `[[token]]` tables: who may ask, told by the hash of what they show.

use std::collections::HashSet;
use std::fmt;

use super::keys::Keys;

/// Someone who may read statistics. The token itself is nowhere: `blake3` is the hash of its text.
#[derive(Clone, PartialEq)]
pub(crate) struct Token {
    /// What people call it.
    pub(crate) name: String,
    /// Numbers of the sites it may read; none: it may read nothing.
    pub(crate) sites: Vec<u32>,
    /// BLAKE3 of the token.
    pub(crate) blake3: blake3::Hash,
    /// Whether it sees days that are not sealed yet, beyond their bare totals.
    pub(crate) live: bool,
}

impl fmt::Debug for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Token { name, sites, blake3: _, live } = self;
        f.debug_struct("Token").field("name", name).field("sites", sites).field("live", live).finish_non_exhaustive()
    }
}

/// Reads all tokens; what is wrong with them is noted in `file`.
pub(super) fn read(file: &Keys<'_>, sites: &HashSet<u32>) -> Vec<Token> {
    let mut tokens = Vec::new();
    for keys in file.tables("token", "[[token]]") {
        let token = token(&keys, &tokens, sites);
        keys.end();
        tokens.extend(token);
    }
    tokens
}

fn token(keys: &Keys<'_>, others: &[Token], sites: &HashSet<u32>) -> Option<Token> {
    let name = keys.required("name", |value| match value.text()? {
        "" => Err("is empty".to_owned()),
        name if others.iter().any(|other| other.name == name) => Err(format!("\"{name}\" is taken by another token")),
        name => Ok(name.to_owned()),
    });
    if keys.get("sites").is_none() {
        keys.note(None, "[[token]] has no `sites`: list the numbers of the sites it may read ([]: none)".to_owned());
    }
    let listed = keys.list("sites", |value| {
        let id = u32::try_from(value.number(1..=u64::from(u32::MAX))?).expect("the range ends there");
        sites.contains(&id).then_some(id).ok_or_else(|| format!("has {id}, but there is no site of that number"))
    });
    let blake3 = keys.required("blake3", |value| {
        let wrong = "must be the 64 hexadecimal digits that `footfall token` printed";
        let hash = blake3::Hash::from_hex(value.text()?).map_err(|_| wrong.to_owned())?;
        match others.iter().find(|other| other.blake3 == hash) {
            Some(other) => Err(format!("is that of the token \"{}\"", other.name)),
            None => Ok(hash),
        }
    });
    let live = keys.or("live", false, |value| value.flag());
    Some(Token { name: name?, sites: listed.into_iter().map(|(id, _)| id).collect(), blake3: blake3?, live })
}
