//! The `[kafka]` table: where the brokers are and how Footfall's topics are laid out. Only many-machine commands need it.

use std::path::{Path, PathBuf};
use std::time::Duration;

use kafka::{Connection, Layout, Login, Mechanism, Tls};
use schema::round::IMPORT_SHARD_MIN;

use super::keys::Keys;
use super::place;

/// The stream between many machines.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Kafka {
    /// How to reach it.
    pub(crate) connection: Connection,
    /// Its topics.
    pub(crate) layout: Layout,
    /// The consumer group of the aggregators.
    pub(crate) group: String,
    /// This process's own name in the group.
    pub(crate) instance: String,
    /// After so long a silence an aggregator's partitions go to others.
    pub(crate) session: Duration,
    /// The keys without which the shares on Kafka are no salts.
    pub(crate) salt_keys: PathBuf,
}

/// Reads the table, if it is there; what is wrong with it is noted in `file`.
pub(super) fn read(file: &Keys<'_>, folder: &Path, set: &dyn Fn(&str) -> Option<String>) -> Option<Kafka> {
    let keys = file.table("kafka", "[kafka]")?;
    let whole = |from, to| move |value: super::keys::Value<'_>| value.number(from..=to);
    let file_at = |key| keys.optional(key, |value| place(value.text()?, folder));
    let brokers = keys.required("brokers", |value| brokers(value.text()?));
    let prefix = keys.or("topic_prefix", String::new(), |value| name(value.text()?));
    let partitions = keys.or("partitions", 16, whole(1, u64::from(IMPORT_SHARD_MIN)));
    let replication = keys.or("replication", 3, whole(1, 9));
    let group = keys.or("group", "footfall".to_owned(), |value| filled(name(value.text()?)?));
    let instance = keys.optional("instance", |value| filled(name(value.text()?)?));
    let session_s = keys.or("session_s", 30, whole(6, 1800));
    let salt_keys = keys.or("salt_keys", folder.join("salt-keys"), |value| place(value.text()?, folder));
    let tls = keys.or("tls", false, |value| value.flag());
    let (ca, certificate, key) = (file_at("ca"), file_at("certificate"), file_at("key"));
    let mechanism = keys.optional("mechanism", |value| mechanism(value.text()?));
    let user = keys.optional("user", |value| filled(value.text()?.to_owned()));
    if !tls && (ca.is_some() || certificate.is_some() || key.is_some()) {
        keys.note(None, "`ca`, `certificate` and `key` mean nothing without `tls = true`".to_owned());
    }
    if certificate.is_some() != key.is_some() {
        keys.note(None, "`certificate` and `key` belong together: one of them is missing".to_owned());
    }
    if mechanism.is_some() != user.is_some() {
        keys.note(None, "`mechanism` and `user` belong together: one of them is missing".to_owned());
    }
    if mechanism == Some(Mechanism::Plain) && !tls {
        keys.note(None, "`mechanism = \"PLAIN\"` sends the password as it is: it needs `tls = true`".to_owned());
    }
    let password = set("KAFKA_PASSWORD");
    if user.is_some() && password.is_none() {
        keys.note(None, "`user` needs a password: set the variable KAFKA_PASSWORD".to_owned());
    }
    keys.end();
    let login =
        mechanism.zip(user).map(|(mechanism, user)| Login { mechanism, user, password: password.unwrap_or_default() });
    Some(Kafka {
        connection: Connection { brokers: brokers?, tls: tls.then(|| Tls { ca, own: certificate.zip(key) }), login },
        layout: Layout { prefix, partitions: partitions as u32, replication: replication as u32 },
        group,
        instance: set("FOOTFALL_INSTANCE").or(instance).unwrap_or_else(machine),
        session: Duration::from_secs(session_s),
        salt_keys,
    })
}

/// What this machine calls itself.
fn machine() -> String {
    rustix::system::uname().nodename().to_string_lossy().into_owned()
}

fn brokers(text: &str) -> Result<String, String> {
    let is_one = |broker: &str| {
        let Some((host, port)) = broker.trim().rsplit_once(':') else { return false };
        !host.is_empty() && !host.contains(|c: char| c.is_whitespace() || c == '/') && port.parse::<u16>().is_ok()
    };
    match text.split(',').all(is_one) {
        true => Ok(text.to_owned()),
        false => Err(format!("must be like \"kafka-1:9092,kafka-2:9092\", not \"{text}\"")),
    }
}

/// What topics and groups may be called (Kafka's own rule).
fn name(text: &str) -> Result<String, String> {
    let fits = text.len() <= 200 && text.bytes().all(|b| b.is_ascii_alphanumeric() || b"._-".contains(&b));
    if fits { Ok(text.to_owned()) } else { Err(format!("may hold letters, digits, `.`, `_` and `-`, not \"{text}\"")) }
}

fn filled(text: String) -> Result<String, String> {
    if text.is_empty() { Err("is empty".to_owned()) } else { Ok(text) }
}

fn mechanism(text: &str) -> Result<Mechanism, String> {
    let known = Mechanism::ALL.iter().copied().find(|mechanism| mechanism.label() == text);
    known.ok_or_else(|| {
        let all: Vec<_> = Mechanism::ALL.iter().map(|mechanism| format!("\"{}\"", mechanism.label())).collect();
        format!("must be one of {}, not \"{text}\"", all.join(", "))
    })
}
