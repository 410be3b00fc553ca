//! The `[[token]]` tables: the secrets that let a client read statistics or send hits, each known by its hash.

use std::collections::HashSet;
use std::fmt;

use ingest::http::Sender;

use super::keys::TomlTable;

/// A token as the configuration holds it. The secret itself is stored nowhere; `blake3` is the hash of its text.
#[derive(Clone, PartialEq)]
pub(crate) struct ConfiguredToken {
    /// Its name, for the operator.
    pub(crate) name: String,
    /// Numbers of the sites that it may read, or send hits for. Empty: it may do nothing.
    pub(crate) sites: Vec<u32>,
    /// BLAKE3 of the secret.
    pub(crate) blake3: blake3::Hash,
    /// Whether it reads days that are not sealed yet, beyond their bare totals.
    pub(crate) live: bool,
    /// Whether it sends hits for its sites. Such a token reads nothing.
    pub(crate) send: bool,
}

/// The tokens that send hits.
pub(crate) fn senders(tokens: &[ConfiguredToken]) -> Vec<Sender> {
    let sending = tokens.iter().filter(|token| token.send);
    sending.map(|token| Sender { blake3: token.blake3, sites: token.sites.clone() }).collect()
}

impl fmt::Debug for ConfiguredToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let ConfiguredToken { name, sites, blake3: _, live, send } = self;
        let mut shown = f.debug_struct("ConfiguredToken");
        shown.field("name", name).field("sites", sites).field("live", live).field("send", send).finish_non_exhaustive()
    }
}

/// Reads all tokens. Mistakes are noted in `file`.
pub(super) fn read(file: &TomlTable<'_>, sites: &HashSet<u32>) -> Vec<ConfiguredToken> {
    let mut tokens = Vec::new();
    for keys in file.tables("token", "[[token]]") {
        let token = token(&keys, &tokens, sites);
        keys.refuse_unknown_keys();
        tokens.extend(token);
    }
    tokens
}

fn token(keys: &TomlTable<'_>, others: &[ConfiguredToken], sites: &HashSet<u32>) -> Option<ConfiguredToken> {
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
    let live = keys.or("live", false, |value| value.boolean());
    let send = keys.or("send", false, |value| value.boolean());
    if live && send {
        keys.note(None, "[[token]] has `live` and `send`: one that sends hits reads nothing".to_owned());
    }
    Some(ConfiguredToken {
        name: name?,
        sites: listed.into_iter().map(|(id, _)| id).collect(),
        blake3: blake3?,
        live,
        send,
    })
}
